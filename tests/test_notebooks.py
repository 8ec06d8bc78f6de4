"""Every notebook runs from top to bottom, and is committed as a reader on GitHub should see it."""

import base64
import io
import re
import symtable

import nbformat
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("ipywidgets", reason="pip install 'coin_edu[notebooks]'")

from coin_edu.widgets.drawn import png
from coin_edu.widgets.film import Film
from tests import notebooks as course
from tests.notebooks import NOTEBOOKS, cleaned, code_cells, complaints, execute, main, stated_seconds

notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
executing = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")  # Jupyter's own


@notebooks
@executing
def test_it_runs_from_top_to_bottom_within_2_gb(path):
    assert not list(execute(path).complaints())


@notebooks
def test_it_is_committed_executed_and_small(path):
    notebook = nbformat.read(path, as_version=4)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "run it from a fresh kernel: make execute"
    assert not list(complaints(notebook))
    nbformat.validate(notebook)
    assert path.stat().st_size < 1_500_000


@notebooks
def test_it_is_committed_with_stills_alone(path):
    notebook = nbformat.read(path, as_version=4)
    assert notebook == cleaned(notebook), "take it from: make execute"


@notebooks
def test_its_cells_are_short(path):
    for cell in code_cells(nbformat.read(path, as_version=4)):
        assert len([line for line in cell.source.splitlines() if line]) <= 10, cell.source


def bound(source):
    """The names that a cell gives a value."""
    symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}


def put_off(source):
    """The names of the notebook that the cell's lambdas read, whenever they are called."""
    tables, names = [symtable.symtable(source, "cell", "exec")], set()
    for table in tables:
        tables += table.get_children()
        if table.get_name() == "lambda":
            inside = [table]
            for one in inside:
                inside += one.get_children()
                names |= {symbol.get_name() for symbol in one.get_symbols() if symbol.is_global()}
    return names


def late(sources):
    """(cell, name) where a lambda of an earlier cell reads a name to which a later cell gives another value."""
    for number, source in enumerate(sources):
        again = set().union(*map(bound, sources[number + 1 :]))
        yield from ((number, name) for name in sorted(put_off(source) & again))


def test_a_lambda_that_would_read_a_later_value_is_found():
    sources = ["a, b, c = 1, 2, 3", "f = lambda x, b=b: [a + x + b + c for c in (lambda: d)()]", "a = b = c = x = 2"]
    assert list(late(sources)) == [(1, "a")]
    assert list(late(["lambda: [c for d in e]", "import c as e", "for d, c in []: ..."])) == [(0, "c"), (0, "e")]


@notebooks
def test_what_follows_a_prediction_is_the_same_however_late_it_is_made(path):
    assert not list(late([cell.source for cell in code_cells(nbformat.read(path, as_version=4))]))


@notebooks
def test_its_headings_are_those_of_every_notebook(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    parts = [f"# {path.stem[:2]} ", "**Goal.** ", "Afterwards you can", "**Before.** ", "**Time.** "]
    parts += ["<details><summary><b>Words", "## Your picture", "## Exercises", "### 1. ", "### 2. ", "### 3. "]
    parts += ["## What to remember", "## Next", "**Reading.**"]
    assert re.findall("|".join(rf"^{re.escape(part)}" for part in parts), text, re.MULTILINE) == parts


@notebooks
def test_it_says_how_long_it_takes(path):
    assert 0 < stated_seconds(nbformat.read(path, as_version=4)) <= 300


@pytest.mark.parametrize("path", NOTEBOOKS[:3], ids=[path.stem for path in NOTEBOOKS[:3]])
def test_its_pictures_are_told_in_words_and_its_answers_are_folded(path):
    for cell in code_cells(nbformat.read(path, as_version=4)):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert len(output.metadata["image/png"]["alt"]) > 10, cell.source
        if "answer=" in cell.source:
            assert cell.metadata.jupyter.source_hidden and "hide-input" in cell.metadata.tags


@notebooks
def test_its_links_lead_to_notebooks(path):
    cells = nbformat.read(path, as_version=4).cells
    links = [
        link for cell in cells for link in re.findall(r"\]\(([^):]+)\)", cell.source) if cell.cell_type == "markdown"
    ]
    assert all((path.parent / link).exists() for link in links), links


# The command


def written(folder, *sources):
    text = nbformat.v4.new_markdown_cell
    cells = [text("Runs in about 20 seconds."), *map(nbformat.v4.new_code_cell, sources), text("The end.")]
    path = folder / "one.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@executing
def test_what_is_run_is_written_without_live_widgets(tmp_path, capsys):
    path = written(tmp_path, "1 + 1", "from coin_edu import widgets\nwidgets.BudgetExplorer()")
    assert main([str(path), "--write"]) == 0
    assert re.search(r"one +20 s( +\d+ s){2} +\d+ MB\ntogether +\d+ s\n", capsys.readouterr().out)
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    first, second = code_cells(notebook)
    assert first.outputs[0].data == {"text/plain": "2"} and first.execution_count == 1
    assert set(second.outputs[0].data) == {"text/plain", "image/png"}


def test_a_notebook_too_large_has_fewer_colors_in_its_largest_pictures(monkeypatch):
    rng, outputs = np.random.default_rng(0), []
    for side in (8, 90):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(buffer, "PNG")
        data = {"image/png": base64.b64encode(buffer.getvalue()).decode()}
        outputs.append(nbformat.v4.new_output("display_data", data))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=outputs)])
    assert cleaned(notebook).cells[0].outputs == outputs
    monkeypatch.setattr(course, "SMALL", 20_000)
    slim = cleaned(notebook)
    pictures = [Image.open(io.BytesIO(base64.b64decode(o.data["image/png"]))) for o in slim.cells[0].outputs]
    assert [picture.mode for picture in pictures] == ["RGB", "P"] and pictures[1].size == (90, 90)
    assert cleaned(slim) == slim and len(nbformat.writes(slim)) < 20_000


def test_one_picture_of_a_notebook_moves_and_the_others_show_their_end():
    film = Film()
    shots = [np.full((40, 50, 3), shade, np.uint8) for shade in (10, 120, 250)]
    shots[2][:2, :2] = [[[10] * 3, [120] * 3], [[250] * 3] * 2]
    for share, shot in zip((0, 0.1), shots[:2], strict=True):
        film.add(share, png(shot))
    moving = base64.b64encode(film.developed(png(shots[2]))).decode()
    outputs = [nbformat.v4.new_output("display_data", {"image/png": moving}) for _ in range(3)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=outputs)])
    slim = cleaned(notebook)
    assert [course.frames(output) for output in slim.cells[0].outputs] == [4, 1, 1] and cleaned(slim) == slim
    for output in slim.cells[0].outputs:
        assert (np.array(course.opened(output).convert("RGB")) == shots[2]).all()


@executing
def test_what_is_wrong_is_told(tmp_path, capsys, monkeypatch):
    path = written(tmp_path, "import ipywidgets\nipywidgets.Label('a')", "import sys\nsys.stderr.write('oh')", "1 / 0")
    monkeypatch.setattr(course, "MEMORY", 1e6)
    monkeypatch.setattr(course, "PATIENCE", 0)
    before = path.read_bytes()
    assert main([str(path)]) == 1 and path.read_bytes() == before
    message = capsys.readouterr().err
    for part in ("no still of Label", "oh", "ZeroDivisionError: division", "MB at its peak, over 1", "says 20"):
        assert part in message


@pytest.mark.parametrize(
    "text, seconds",
    [("runs in about 20 seconds on", 20), ("the cells run in about 40 s on", 40), ("Runs in about a minute", 60)],
)
def test_the_time_is_read_from_the_text(text, seconds):
    assert stated_seconds(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])) == seconds
