"""A lecture's material, from the course's executed notebooks.

    python -m tests.lectures figures    every figure as a PNG, by notebook and heading, and figures.zip of them
    python -m tests.lectures slides     a deck of slides for each of the four weeks

What is a figure, a heading or an exercise is seen from the cells' outputs, text and tags, never from their place.
Slides are nbconvert's (reveal.js): a section's heading, its first paragraph, formulas, lists and figures are shown; the
rest is in the speaker's notes (press S). Code, exercises and their answers are left out.
"""

import argparse
import base64
import re
import shutil
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
WEEKS = {1: ("00", "01"), 2: ("02", "03"), 3: ("04", "05"), 4: ("06", "07", "08")}
FOR_STUDENTS = {"bootstrap", "setup", "exercise", "check", "solution", "hint", "hints", "predict"}
HEADING = re.compile(r"(#{1,6}) +(.+)")


def notebooks(start=""):
    """The course's notebooks whose names start so, as (path, notebook)."""
    for path in sorted((ROOT / "notebooks").glob(f"{start}*.ipynb")):
        yield path, nbformat.read(path, as_version=4)


def sections(notebook):
    """(title, heading, cell) of every cell that is not an exercise; a heading counts until the next of its level."""
    title, heading, refused = "", "", 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (found := HEADING.match(cell.source)):
            level, heading = len(found[1]), found[2].strip()
            title = title or heading
            if not refused or level <= refused:
                refused = level if re.search(r"exercise|glossary|your turn|your picture", heading, re.IGNORECASE) else 0
        if not refused and not FOR_STUDENTS & set(cell.metadata.get("tags", [])):
            yield title, heading, cell


def images(cell):
    """The PNGs that a cell shows, in base64."""
    for output in cell.get("outputs", []):
        if picture := output.get("data", {}).get("image/png"):
            yield "".join(picture.split())


def slug(text):
    """A text as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50]


def figures(folder):
    """Write every figure, a page that lists them, and an archive of all; how many there are."""
    count, lines = 0, ["# Figures of the course", ""]
    for path, notebook in notebooks("0"):
        lines += [f"## {path.stem}", ""]
        number = 0
        for _, heading, cell in sections(notebook):
            for picture in images(cell):
                number += 1
                place = folder / path.stem / f"{path.stem[:2]}-{number:02}-{slug(heading)}.png"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(base64.b64decode(picture))
                lines.append(f"- [{heading}]({place.relative_to(folder).as_posix()})")
        lines.append("")
        count += number
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")
    shutil.make_archive(str(folder), "zip", folder)
    return count


def blocks(source):
    """Markdown in pieces: paragraphs, lists, formulas, fences; without what is folded away."""
    source = re.sub(r"<details.*?</details>", "", source, flags=re.DOTALL)
    source = re.sub(r"\[!\[.*?\]\(.*?\)\]\(.*?\)", "", source)  # badges
    for piece in re.split(r"\n\s*\n(?=(?:[^`]*```[^`]*```)*[^`]*$)", source):
        if piece.strip():
            yield piece.strip()


def lines(text):
    """The lines that a text takes on a slide, about."""
    if text.startswith("$$"):
        return 3
    return sum(1 + len(re.sub(r"\]\([^)]*\)", "]", line)) // LETTERS for line in text.splitlines()) + 1


# What a slide of reveal.js, 960 by 700, holds; a heading, which is larger, takes two more.
LINES, LETTERS = 16, 70


def deck(week):
    """The slides of a week, as a notebook that nbconvert understands."""
    made, room = nbformat.v4.new_notebook(), 0

    def add(text, kind):
        nonlocal room
        if kind == "-" and (room := room - lines(text)) < 0:
            kind = "subslide"
        if kind in ("slide", "subslide"):
            room = LINES - lines(text)
        made.cells.append(nbformat.v4.new_markdown_cell(text, metadata={"slideshow": {"slide_type": kind}}))

    for start in WEEKS[week]:
        for _, notebook in notebooks(start):
            told = False
            for _, _, cell in sections(notebook):
                for piece in blocks(cell.source) if cell.cell_type == "markdown" else ():
                    if HEADING.match(piece):
                        head, _, rest = piece.partition("\n")
                        add(head, "slide")
                        told = False
                        piece = rest.strip()
                    if not piece:
                        continue
                    shown = not told or piece.startswith(("$$", "- ", "* ", "1. ", "|", "![", "> "))
                    add(piece, "-" if shown else "notes")
                    told = told or not piece.startswith("$$")
                for picture in images(cell):
                    shown = nbformat.v4.new_output("display_data", {"image/png": picture})
                    style, room = {"slideshow": {"slide_type": "subslide"}}, 0
                    made.cells.append(nbformat.v4.new_code_cell(outputs=[shown], metadata=style))
    return made


def slides(folder):
    """Write a page of slides for each week; the paths."""
    from nbconvert import SlidesExporter

    folder.mkdir(parents=True, exist_ok=True)
    for week in WEEKS:
        if not (made := deck(week)).cells:
            continue
        exporter = SlidesExporter(exclude_input=True, exclude_output_prompt=True)
        page, _ = exporter.from_notebook_node(made, {"metadata": {"name": f"coin_edu, week {week}"}})
        path = folder / f"week{week}.html"
        path.write_text(page, encoding="utf-8")
        yield path


def main(arguments=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("figures", "slides"))
    parser.add_argument("--out", type=Path, help="folder (default: figures or slides, here)")
    options = parser.parse_args(arguments)
    folder = options.out or Path(options.what)
    if options.what == "figures":
        print(f"{folder}, {folder}.zip: {figures(folder)} figures")
    else:
        print("\n".join(map(str, slides(folder))))


if __name__ == "__main__":
    sys.exit(main())
