import re
import zipfile

import nbformat
import pytest

from tests import lectures

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one notebook, whose cells stand nowhere that anything could count on."""
    cells = [
        nbformat.v4.new_markdown_cell("# 00 A title\n\n[![Open in Colab](x)](y)\n\nShown first.\n\nSaid only."),
        nbformat.v4.new_code_cell("import secret", metadata={"tags": ["bootstrap"]}),
        nbformat.v4.new_markdown_cell(
            "## A part, in $x$\n\nA line.\n\n$$y = x$$\n\n- a list\n\n<details>hidden</details>"
        ),
        nbformat.v4.new_code_cell("draw()", outputs=[nbformat.v4.new_output("display_data", {"image/png": PIXEL})]),
        nbformat.v4.new_markdown_cell("## Exercises\n\nFirst exercise."),
        nbformat.v4.new_code_cell("answer()", outputs=[nbformat.v4.new_output("display_data", {"image/png": PIXEL})]),
        nbformat.v4.new_markdown_cell("### One of them"),
        nbformat.v4.new_markdown_cell("## Summary\n\nThe end."),
    ]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "00_a_title.ipynb")
    monkeypatch.setattr(lectures, "ROOT", tmp_path)
    return tmp_path


def test_figures_are_named_by_their_heading_and_packed(course):
    assert lectures.figures(course / "figures") == 1
    (figure,) = (course / "figures").rglob("*.png")
    assert figure.name == "00-01-a-part-in-x.png" and figure.read_bytes().startswith(b"\x89PNG")
    assert "00_a_title/00-01-a-part-in-x.png" in (course / "figures" / "README.md").read_text()
    assert "00_a_title/00-01-a-part-in-x.png" in zipfile.ZipFile(course / "figures.zip").namelist()


def test_slides_show_headings_first_paragraphs_formulas_and_figures(course):
    told = [(cell.metadata.slideshow.slide_type, cell.source) for cell in lectures.deck(1).cells]
    assert told == [
        ("slide", "# 00 A title"),
        ("-", "Shown first."),
        ("notes", "Said only."),
        ("slide", "## A part, in $x$"),
        ("-", "A line."),
        ("-", "$$y = x$$"),
        ("-", "- a list"),
        ("subslide", ""),
        ("slide", "## Summary"),
        ("-", "The end."),
    ]


def test_what_a_slide_cannot_hold_goes_below_it(course):
    figure = nbformat.v4.new_output("display_data", {"image/png": PIXEL})
    long = "\n".join(["- a line that takes its place"] * 9)
    cells = [
        nbformat.v4.new_markdown_cell("# A title\n\nFirst."),
        nbformat.v4.new_code_cell(outputs=[figure]),
        nbformat.v4.new_markdown_cell(f"- after a figure\n\nSaid.\n\n{long}\n\n{long}\n\n- the end"),
        nbformat.v4.new_markdown_cell("## Your picture\n\nChoose one."),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), course / "notebooks" / "00_a_title.ipynb")
    told = [(cell.metadata.slideshow.slide_type, cell.source) for cell in lectures.deck(1).cells]
    assert told == [
        ("slide", "# A title"),
        ("-", "First."),
        ("subslide", ""),
        ("subslide", "- after a figure"),
        ("notes", "Said."),
        ("-", long),
        ("subslide", long),
        ("-", "- the end"),
    ]


def test_the_course_s_own_notebooks_make_four_decks():
    for week, starts in lectures.WEEKS.items():
        cells = lectures.deck(week).cells
        titles = [cell.source for cell in cells if cell.source.startswith("# ")]
        assert [title[2:4] for title in titles] == list(starts)
        kinds = [cell.metadata.slideshow.slide_type for cell in cells]
        assert kinds.count("slide") >= 5 * len(starts) and "subslide" in kinds


def test_a_deck_is_a_page_of_reveal(course):
    pytest.importorskip("nbconvert", reason="pip install nbconvert")
    (first,) = lectures.slides(course / "slides")
    page = first.read_text()
    assert first.name == "week1.html"
    assert "reveal" in page and "draw()" not in page and len(re.findall("<img", page)) == 1
