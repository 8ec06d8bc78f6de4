"""The course folder's settings: archives as Moodle and Canvas make them, and notebooks as students leave them."""

import copy
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest

from tests.mutations import FILE, FOLDER, SIREN, path, solutions

pytest.importorskip("nbgrader", reason='pip install "coin_edu[grading]"')

ANSWERS = solutions(SIREN)


@pytest.fixture(scope="module")
def started(root):
    """Start nbgrader in a folder, as an instructor does."""

    def start(folder, *arguments):
        environment = os.environ | {"PYTHONPATH": str(root)}
        # nbgrader starts alembic by its name, which an environment that is not activated does not find.
        environment["PATH"] = os.path.dirname(sys.executable) + os.pathsep + environment["PATH"]
        flags = ["--Execute.shutdown_kernel=immediate"] if arguments[0] == "autograde" else []
        return subprocess.Popen(
            [sys.executable, "-m", "nbgrader", *arguments, *flags],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


@pytest.fixture(scope="module")
def nbgrader(started):
    """Run it to its end: its output, and whether it succeeded."""

    def run(folder, *arguments):
        process = started(folder, *arguments)
        said, _ = process.communicate()
        return said, process.returncode == 0

    return run


@pytest.fixture(scope="module")
def course(tmp_path_factory, nbgrader):
    """A copy of the course folder in which set 1 is set."""
    folder = tmp_path_factory.mktemp("course") / "assignments"
    shutil.copytree(FOLDER, folder)
    said, fine = nbgrader(folder, "generate_assignment", SIREN, "--force")
    assert fine, said
    return folder


def notebook(answers=ANSWERS, edit=None, name=SIREN):
    """A release with answers filled in, as text."""
    made = nbformat.read(path(name, FOLDER / "release"), as_version=4)
    for cell in made.cells:
        cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    if edit:
        edit(made)
    return json.dumps(made)


def archive(files):
    """A zip file of texts or bytes, by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return buffer.getvalue()


HALF = {"coordinates": ANSWERS["coordinates"]}

MOODLE = {
    "Ada Lovelace_101_assignsubmission_file_/siren.ipynb": notebook(),
    "Grace Hopper_102_assignsubmission_file_/siren (1).ipynb": notebook(),
    "Alan Turing_103_assignsubmission_file/Copy of siren.ipynb": notebook(),
    "José Ñúñez_104_assignsubmission_file_/homework.zip": archive({"set 1/my homework.ipynb": notebook()}),
    "Emmy Noether_105_assignsubmission_file_siren.ipynb": notebook(),
    "Kurt Gödel_106_assignsubmission_file_/siren.ipynb.txt": notebook(),
    "Carl Gauss_107_assignsubmission_file_/siren.ipynb": notebook(HALF),
    "Carl Gauss_107_assignsubmission_file_/siren (2).ipynb": notebook(),
    "Carl Gauss_107_assignsubmission_file_/.ipynb_checkpoints/siren-checkpoint.ipynb": notebook({}),
    "Bad File_108_assignsubmission_file_/siren.ipynb": "{not a notebook",
    "Bad Zip_109_assignsubmission_file_/siren.zip": b"PK no archive",
    "Wrong Set_110_assignsubmission_file_/siren.ipynb": notebook(name=FILE),
    "Only Text_111_assignsubmission_onlinetext_/onlinetext.html": "<p>see my file</p>",
}
CANVAS = {
    "lovelaceada_201_9001_siren.ipynb": notebook(),
    "hoppergrace_LATE_202_9002_siren-1.ipynb": notebook(),
    "turingalan_203_9003_siren (1).ipynb": notebook(),
    "nunezjose_204_9004_Copy of siren.ipynb": notebook(),
    "noetheremmy_205_9005_siren.ipynb": notebook(HALF),
    "noetheremmy_205_9006_siren-2.ipynb": notebook(),
    "godelkurt_206_9007_work.zip": archive({"siren.ipynb": notebook()}),
    "me.ipynb": notebook(),
}


@pytest.mark.parametrize(
    ("name", "files", "students", "refused"),
    [
        (
            "moodle",
            MOODLE,
            "Ada-Lovelace_101 Grace-Hopper_102 Alan-Turing_103 José-Ñúñez_104 Emmy-Noether_105 Kurt-Gödel_106 "
            "Carl-Gauss_107",
            ["Bad File_108", "siren.zip cannot be unpacked", "Wrong Set_110"],
        ),
        (
            "canvas",
            CANVAS,
            "lovelaceada_201 hoppergrace_202 turingalan_203 nunezjose_204 noetheremmy_205 godelkurt_206",
            ["me.ipynb: neither Moodle nor Canvas"],
        ),
    ],
    ids=["moodle", "canvas"],
)
def test_an_archive_is_collected(course, nbgrader, name, files, students, refused):
    downloaded = course / "downloaded" / SIREN / "archive"
    shutil.rmtree(course / "submitted", ignore_errors=True)
    shutil.rmtree(downloaded, ignore_errors=True)
    downloaded.mkdir(parents=True)
    (downloaded / f"{name}.zip").write_bytes(archive(files))
    said, fine = nbgrader(course, "zip_collect", SIREN, "--force")
    assert fine, said
    collected = {file.parent.parent.name: file for file in (course / "submitted").rglob("*.ipynb")}
    assert sorted(collected) == sorted(students.split())
    for file in collected.values():
        assert file.name == "siren.ipynb" and json.loads(file.read_text()) == json.loads(notebook()), file
    assert all(text in said for text in refused), said


def submit(course, *edits):
    """The solution after each of these edits, a student's each."""
    shutil.rmtree(course / "submitted", ignore_errors=True)
    for edit in edits:
        file = course / "submitted" / edit.__name__ / SIREN / "siren.ipynb"
        file.parent.mkdir(parents=True)
        file.write_text(notebook(edit=edit))


def outcome(course, student):
    """(score, whether a person must grade a cell)."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        (found,) = gradebook.find_submission(SIREN, student).notebooks
        return found.score, found.needs_manual_grade


def ids(made):
    return [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in made.cells]


def deleted(made):
    """Tests, a heading, and the setup: all that a hasty student may delete."""
    gone = {"coordinates_order", "siren_test", "spread_test", "text-02", "setup"}
    made.cells = [cell for cell, name in zip(made.cells, ids(made), strict=True) if name not in gone]


def copied(made):
    """An answer's cell copied, the first copy left wrong; a test's cell copied; an answer split in two."""
    places = [ids(made).index(name) for name in ("coordinates", "siren_test")]
    for place in reversed(places):
        made.cells.insert(place, copy.deepcopy(made.cells[place]))
    made.cells[places[0]].source = "def coordinates(height, width):\n    return 0"


def moved(made):
    """All tests at the top, and a test that says that all is fine."""
    tests = [cell for cell in made.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    made.cells = tests + [cell for cell in made.cells if cell not in tests]
    tests[0].source = "print('right')"


def wrong(made):
    """A mistake that a test, and a hidden one, finds."""
    cells = dict(zip(ids(made), made.cells, strict=True))
    cells["siren"].source = cells["siren"].source.replace("*layer, omega_0", "*layer")


def slow(made):
    """An answer without end, and a cell that takes hours and names what no answer needs."""
    cells = dict(zip(ids(made), made.cells, strict=True))
    cells["sine_layer"].source = "import time\ndef sine_layer(*arguments):\n    while True:\n        time.sleep(1)"
    cells["spread"].source = (
        "import coin_edu as ce\nimport sys\nfor bpp in (0.3, 0.5):\n"
        "    ce.encode(ce.photo('coffee'), bpp, steps=10**6)\nBOGUS = sys.modules\n\n\n" + cells["spread"].source
    )


@pytest.fixture(scope="module", autouse=True)
def slowly(course, started, tmp_path_factory):
    """A copy of the course in which the slow submission is graded meanwhile, which takes a minute of waiting."""
    other = tmp_path_factory.mktemp("slow") / "assignments"
    shutil.copytree(course, other)
    submit(other, slow)
    with started(other, "autograde", SIREN, "--force", "--Execute.timeout=40") as process:
        yield other, process
        process.kill()


def test_cells_deleted_copied_or_moved_cost_nothing_and_feedback_hides_tests_when_asked(course, nbgrader):
    submit(course, deleted, copied, moved, wrong)
    said, fine = nbgrader(course, "autograde", SIREN, "--force")
    assert fine, said
    assert "the cell siren_test was missing, and is put back" in said
    for edit in (deleted, copied, moved):
        assert outcome(course, edit.__name__) == (12, False), (edit, said)
    for flags in ((), ("--HideTests.enabled=True",)):
        said, fine = nbgrader(course, "generate_feedback", SIREN, "--student=wrong", "--force", *flags)
        assert fine, said
        page = (course / "feedback" / "wrong" / SIREN / "siren.html").read_text()
        assert "pass omega_0 on" in page, "what a failing test says is always told"
        assert ("HIDDEN TESTS" in page) == (not flags) and ("seed" in page and "variant" in page)


def test_a_slow_answer_costs_its_own_points_and_an_odd_one_is_reported(slowly):
    course, process = slowly
    said, _ = process.communicate()
    assert process.returncode == 0, said
    assert outcome(course, "slow")[0] == 12 - 2 - 2, "of sine_layer and, its cell having been ended, of spread"
    made = nbformat.read(course / "autograded" / "slow" / SIREN / "siren.ipynb", as_version=4)
    cells = dict(zip(ids(made), made.cells, strict=True))
    assert "stopped after" in str(cells["sine_layer_test"].outputs)
    assert "KeyboardInterrupt" in str(cells["spread"].outputs)
    assert "near the cell spread, sys.modules is named: read it" in said
