"""The problem sets with other numbers, from the one source: for a term, or for each student.

    python variants.py 2026 ~/courses/2026                          one variant for everybody
    python variants.py 2026 ~/courses/2026 --students students.txt  one for each; an identifier a line

A course folder for nbgrader is made: its settings, source/ and release/. With --students there is also
students/IDENTIFIER/SET/, to be sent to each; an identifier is what the folder in submitted/ will be called.
"""

import argparse
import re
import shutil
from importlib import import_module
from pathlib import Path

import nbformat
from nbgrader.utils import compute_checksum

from coin_edu.course.grading import variant_of

FOLDER = Path(__file__).resolve().parent
SETS = {"1_siren": "set1", "2_file": "set2", "3_rate_distortion": "set3"}


def rewritten(notebook, module, variant, expression=None):
    """The notebook of a set in a variant, a whole number; `expression` is how its tests find that number."""
    right = import_module(f"coin_edu.course.{module}").Right
    usual, own = right().spellings(), right.of(variant).spellings()
    new = dict(zip(usual, own, strict=True)) | {"variant=0": f"variant={variant if expression is None else expression}"}
    old = re.compile("|".join(re.escape(text) for text in sorted(new, key=len, reverse=True)))
    made = nbformat.from_dict(notebook)
    for cell in made.cells:
        numbered = any(text in cell.source for text in usual)
        cell.source = old.sub(lambda found: new[found[0]], cell.source)
        # The badges open the set as it stands, with its own numbers.
        cell.source = "\n".join(line for line in cell.source.split("\n") if not line.startswith("[![Open in Colab]"))
        known = cell.metadata.get("nbgrader", {})
        if "checksum" in known:
            known["checksum"] = compute_checksum(cell)
        if expression is not None and numbered and cell.cell_type == "markdown" and not known.get("grade"):
            cell.metadata.pop("nbgrader", None)  # or grading would put the source's text over the student's
    return made


def write(notebook, path):
    """A notebook into a folder that may have to be made."""
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def make(term, folder, students=()):
    """Make the course folder of a term."""
    if folder.exists():
        raise SystemExit(f"{folder} is there already; name a new folder, or remove it")
    for name, module in SETS.items():
        for step in ("source", "release"):
            (path,) = (FOLDER / step / name).glob("*.ipynb")
            usual = nbformat.read(path, as_version=4)
            if not students:
                write(rewritten(usual, module, term), folder / step / name / path.name)
                continue
            shared = rewritten(usual, module, 0, f"variant_of({term})")
            for cell in shared.cells:
                if cell.cell_type == "code" and "variant_of(" in cell.source:
                    cell.source = "from coin_edu.course.grading import variant_of\n" + cell.source
            if step == "source":
                write(shared, folder / step / name / path.name)
            for student in students if step == "release" else ():
                own = variant_of(term, student)
                write(rewritten(usual, module, own, own), folder / "students" / student / name / path.name)
    for name in ("nbgrader_config.py",):
        shutil.copy(FOLDER / name, folder / name)


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("term", type=int, help="any whole number above 0, as 2026")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--students", type=Path, metavar="FILE", help="a text file, an identifier a line")
    options = parser.parse_args()
    if options.term < 1:
        parser.error("the term must be above 0; 0 is the set as it stands")
    students = options.students.read_text(encoding="utf-8").split() if options.students else ()
    make(options.term, options.folder, students)
    print(options.folder)


if __name__ == "__main__":
    main()
