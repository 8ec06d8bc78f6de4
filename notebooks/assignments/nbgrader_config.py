"""nbgrader's settings in this course folder; every nbgrader command that is run here reads them.

What an archive from Moodle or Canvas calls a submission, how long a cell may take, what becomes of cells that a student
deleted, copied or moved, and what a page of feedback shows. docs/teaching.md says how it is used.
"""

import json
import re
import shutil
import zipfile
from pathlib import Path

import nbformat
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.api import Gradebook
from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    GetGrades,
    OverwriteCells,
    OverwriteKernelspec,
)

FOLDER = Path(__file__).resolve().parent

# Ada Lovelace_123456_assignsubmission_file_/siren.ipynb, or all of it as one name.
MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_file")
# lovelaceada_LATE_4711_987654_siren-1.ipynb: the student's number, then the file's.
CANVAS = re.compile(r"(?P<name>.+?)(?:_LATE)?_(?P<number>\d+)_\d+_.+")
# What an answer may name only to deceive its tests; who grades is told to read it.
ODD = re.compile(r"coin_edu\.course|sys\.modules|__code__|__globals__|_getframe|setprofile|settrace|os\._exit")


def names_of(notebook):
    """The names of a notebook's cells that nbgrader knows, in order."""
    known = (cell.get("metadata", {}).get("nbgrader", {}) for cell in notebook.get("cells", []))
    return [metadata["grade_id"] for metadata in known if metadata.get("grade_id")]


def student_of(path):
    """The student's identifier, NAME_NUMBER, in the path of a file from an archive; None if it has none."""
    for pattern in (MOODLE, CANVAS):
        for part in path.parts:
            if match := pattern.match(part):
                name = re.sub(r"[^\w-]+", "-", match["name"]).strip("-")
                return f"{name}_{match['number']}"
    return None


class Unpack(ExtractorPlugin):
    """Archives within archives; one that is broken is reported and left out, the others are taken."""

    def extract(self, archive_path, extracted_path):
        """Unpack or copy every file of the folder of archives."""
        for path in sorted(Path(archive_path).rglob("*")):
            if path.is_file():
                self._take(path, Path(extracted_path) / path.relative_to(archive_path))
        for ending in (".txt", ".json"):  # browsers take a notebook for text, or for the JSON that it is
            for path in Path(extracted_path).rglob(f"*.ipynb{ending}"):
                path.rename(path.with_suffix(""))

    def _take(self, path, target):
        if path.suffix.lower() == ".zip":
            target = target.with_suffix("")
            try:
                with zipfile.ZipFile(path) as archive:
                    archive.extractall(target)
            except (zipfile.BadZipFile, OSError, RuntimeError) as error:
                self.log.error("%s cannot be unpacked (%s): ask for it again", path.name, error)
                return
            for inner in sorted(target.rglob("*.zip")):
                self._take(inner, inner)
                inner.unlink()
        elif path != target:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


class Collect(FileNameCollectorPlugin):
    """Whose a file is, by the names of Moodle and Canvas; which notebook it is, by its cells, whatever its name.

    So `siren (1).ipynb`, `Copy of siren.ipynb` and `homework.ipynb` all become siren.ipynb. Of several, the one with
    the most answers is taken, then the one with the highest number.
    """

    def collect(self, submitted_file):
        """The student and the notebook of a file; None if it is not to be collected."""
        if not hasattr(self, "chosen"):
            folder = Path(self.parent._format_collect_path(self.parent.extracted_directory))
            self.chosen = self._choose(folder)
        return self.chosen.get(Path(submitted_file))

    def _choose(self, folder):
        best = {}
        for path in sorted(folder.rglob("*.ipynb")):
            place = path.relative_to(folder)
            if any(part.startswith((".", "__MACOSX")) for part in place.parts):
                continue
            found = self._read(path, place)
            if found is None:
                continue
            key, rank = found
            if key in best:
                self.log.warning("%s handed in more than one %s.ipynb: the most answered is taken", *key)
            if key not in best or rank > best[key][0]:
                best[key] = rank, path
        return {path: {"student_id": student, "file_id": name} for (student, name), (_, path) in best.items()}

    def _read(self, path, place):
        """((student, notebook), rank) of a file."""
        student = student_of(place)
        if student is None:
            self.log.error("%s: neither Moodle nor Canvas names a file so; put it into submitted/ by hand", place)
            return None
        try:
            notebook = json.loads(path.read_text(encoding="utf-8"))
            names = set(names_of(notebook))
        except (ValueError, OSError, AttributeError, TypeError) as error:
            self.log.error("%s: no notebook (%s); ask for it again", place, error)
            return None
        release = FOLDER / "release" / self.parent.coursedir.assignment_id
        released = {other.stem: set(names_of(json.loads(other.read_text()))) for other in release.glob("*.ipynb")}
        shared = {stem: len(names & others) for stem, others in released.items()}
        name = max(shared, key=shared.get, default="")
        if 2 * shared.get(name, 0) < len(names) or not names:
            self.log.error("%s: not of the set %s; left out", place, release.name)
            return None
        blank = sum("raise NotImplementedError()" in "".join(cell["source"]) for cell in notebook["cells"])
        numbers = [int(number) for number in re.findall(r"\d+", path.stem)]
        return (student, name), (-blank, numbers[-1:], str(place))


class InOrder(OverwriteCells):
    """Every cell of the source once and in its place: deleted ones are put back, of copies the last one counts."""

    def preprocess(self, nb, resources):
        """Arrange the cells, then overwrite the locked ones as nbgrader does."""
        here = resources["nbgrader"]
        source = json.loads((FOLDER / "source" / here["assignment"] / f"{here['notebook']}.ipynb").read_text())
        names = names_of(source)
        groups, last = {None: []}, None
        ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in nb.cells]
        for place, (cell, name) in enumerate(zip(nb.cells, ids, strict=True)):
            if name in names and name not in ids[place + 1 :]:
                last, groups[name] = name, [cell]
                continue
            cell.metadata.pop("nbgrader", None)  # a copy, or the student's own: run, but not graded
            groups[last].append(cell)
        with Gradebook(here["db_url"]) as gradebook:
            known = gradebook.find_notebook(here["notebook"], here["assignment"])
            cells = {cell.name: cell for cell in known.source_cells}
            points = {cell.name: cell.max_score for cell in known.grade_cells}
            solutions = {cell.name for cell in known.solution_cells}
            for name in names:
                if name not in groups and name in cells:
                    self.log.warning("%s: the cell %s was missing, and is put back", here["student"], name)
                    groups[name] = put_back(cells[name], points.get(name), name in solutions)
        self._report(groups, solutions, here["student"])
        nb.cells = [cell for name in (None, *names) for cell in groups.get(name, [])]
        return super().preprocess(nb, resources)

    def _report(self, groups, solutions, student):
        for name, (first, *others) in ((name, cells) for name, cells in groups.items() if cells):
            for cell in others if name and name not in solutions else (first, *others):
                if "bootstrap" not in cell.metadata.get("tags", []) and (odd := ODD.search(cell.source)):
                    self.log.warning(
                        "%s: near the cell %s, %s is named: read it", student, name or "at the top", odd[0]
                    )


def put_back(cell, points, solution):
    """A cell of the gradebook's as a notebook's, and a word about it."""
    metadata = {"schema_version": 3, "grade_id": cell.name, "locked": cell.locked, "solution": solution, "task": False}
    metadata |= {"grade": points is not None, "cell_type": cell.cell_type, "checksum": cell.checksum}
    metadata |= {} if points is None else {"points": points}
    make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
    word = nbformat.v4.new_markdown_cell("*The cell above was missing from what was handed in; it was put back.*")
    return [make(cell.source, metadata={"nbgrader": metadata}), word]


class HideTests(ClearHiddenTests):
    """A page of feedback without the hidden tests: what they said stays, their source goes."""

    def preprocess_cell(self, cell, resources, cell_index):
        """Take the tests' lines, and the way through them, out of one cell."""
        if "HIDDEN TESTS" in cell.source:
            self._remove_hidden_test_region(cell)
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources


c = get_config()  # noqa: F821 (nbgrader's)

c.ZipCollectApp.extractor_plugin = Unpack
c.ZipCollectApp.collector_plugin = Collect
c.ZipCollectApp.strict = True

# Seconds. A test of this course stops an answer after 20 s by itself, 60 where it fits networks; this is for all else
# that a cell may do.
c.Execute.timeout = 120
c.Execute.iopub_timeout = 30
c.Execute.startup_timeout = 120

c.Autograde.sanitize_preprocessors = [ClearOutput, InOrder, OverwriteKernelspec, CheckCellMetadata]

# Feedback shows the hidden tests; for one set without them: nbgrader generate_feedback SET --HideTests.enabled=True
c.GenerateFeedback.preprocessors = [GetGrades, HideTests, CSSHTMLHeaderPreprocessor]
c.HideTests.enabled = False
