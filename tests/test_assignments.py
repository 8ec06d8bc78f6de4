"""The problem sets, released and graded by nbgrader itself, in a course of its own."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason='pip install "coin_edu[grading]"')

FOLDER = Path(__file__).parents[1] / "notebooks" / "assignments"


@dataclass(frozen=True)
class Assignment:
    """A problem set, its points, and one plausible wrong answer: the cell, what is in it, the tests it fails."""

    name: str
    points: int
    cell: str
    wrong: str
    failed: tuple[str, ...]
    written: str = ""

    def notebook(self, folder):
        (path,) = (folder / self.name).glob("*.ipynb")
        return path


SIREN = Assignment(
    "1_siren",
    12,
    "coordinates",
    # The published implementation divides both axes by height - 1.
    "def coordinates(height, width):\n"
    "    pixels = [(x, y) for y in range(height) for x in range(width)]\n"
    "    return 2 * np.array(pixels) / (height - 1) - 1",
    ("coordinates_values",),
)
FILE = Assignment(
    "2_file",
    15,
    "read_file",
    "def read_file(data):\n"
    "    _, bits, count, step = struct.unpack('<4sBIf', data[:13])\n"
    "    return unpack_bits(data[13:-4], bits, count) * step",
    ("damaged_files", "forged_files"),
)
RATE_DISTORTION = Assignment(
    "3_rate_distortion",
    17,
    "rate_at",
    "def rate_at(points, q):\n    return np.exp(np.interp(q, points[:, 1], np.log(points[:, 0])))",
    ("rate_at_test",),
    written="advice",
)
ALL = (SIREN, FILE, RATE_DISTORTION)

pytestmark = [
    pytest.mark.parametrize("assignment", ALL, ids=[assignment.name for assignment in ALL]),
    # nbgrader's own way of adding a submission to its database
    pytest.mark.filterwarnings("ignore:Object of type <Submitted:sqlalchemy.exc.SAWarning"),
]


def cells(path):
    """A notebook's cells that nbgrader knows, by their names."""
    notebook = nbformat.read(path, as_version=4)
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}


def answered(released, answers):
    """The released notebook with these answers, sources by the cells' names, filled in."""
    notebook = nbformat.read(released, as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    return notebook


def solutions(assignment):
    source = cells(assignment.notebook(FOLDER / "source"))
    return {name: cell.source for name, cell in source.items() if cell.metadata.nbgrader.solution}


@pytest.fixture(scope="module")
def course(tmp_path_factory, root):
    """nbgrader's view of a course folder in which every assignment is generated."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(FOLDER / "source", folder / "source")
    config = Config()
    config.CourseDirectory.root = str(folder)
    # A busy machine may take longer than nbgrader's 30 s and 4 s, and that is no fault of the notebooks.
    config.Execute.timeout, config.Execute.iopub_timeout = 300, 60
    api = NbGraderAPI(config=config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(root))
        # nbgrader starts alembic by its name, which an environment that is not activated does not find.
        patch.setenv("PATH", os.path.dirname(sys.executable), prepend=os.pathsep)
        for assignment in ALL:
            done = api.generate_assignment(assignment.name)
            assert done["success"], done["log"]
        yield api


def graded(course, assignment, student, answers):
    """The submission that nbgrader makes of these answers: (score, {test: score}, whether a person must grade)."""
    folder = Path(course.coursedir.root)
    released = assignment.notebook(folder / "release")
    submitted = folder / "submitted" / student / assignment.name / released.name
    submitted.parent.mkdir(parents=True)
    nbformat.write(answered(released, answers), submitted)
    done = course.autograde(assignment.name, student)
    assert done["success"], done["log"]
    with course.gradebook as gradebook:
        (notebook,) = gradebook.find_submission(assignment.name, student).notebooks
        scores = {grade.name: grade.score for grade in notebook.grades}
        return notebook.score, scores, notebook.needs_manual_grade


def test_the_release_is_what_nbgrader_makes_of_the_source(course, assignment):
    made = nbformat.read(assignment.notebook(Path(course.coursedir.root) / "release"), as_version=4)
    committed = nbformat.read(assignment.notebook(FOLDER / "release"), as_version=4)
    for ours, fresh in zip(committed.cells, made.cells, strict=True):
        assert ours == fresh, "the release is stale: make assignments"


def test_its_cells_are_short(assignment):
    for cell in nbformat.read(assignment.notebook(FOLDER / "source"), as_version=4).cells:
        assert cell.cell_type != "code" or len([line for line in cell.source.splitlines() if line]) <= 15, cell.source


def test_the_release_holds_no_solution(assignment):
    released = cells(assignment.notebook(FOLDER / "release"))
    text = "\n".join(cell.source for cell in released.values())
    assert "BEGIN SOLUTION" not in text and "HIDDEN TESTS" not in text
    for name, solution in solutions(assignment).items():
        stub = "YOUR ANSWER HERE" if released[name].cell_type == "markdown" else "raise NotImplementedError()"
        assert stub in released[name].source
        _, _, secret = solution.partition("### BEGIN SOLUTION")
        for line in secret.partition("### END SOLUTION")[0].split("\n"):
            assert len(line) < 20 or line.strip() not in text


def test_the_source_passes_its_own_tests(course, assignment):
    from nbgrader.validator import Validator

    source = assignment.notebook(Path(course.coursedir.root) / "source")
    assert "failed" not in Validator(config=course.config).validate(str(source))


def test_the_solution_scores_full_marks(course, assignment):
    score, scores, by_hand = graded(course, assignment, "solution", solutions(assignment))
    points = cells(assignment.notebook(FOLDER / "source"))
    assert by_hand == bool(assignment.written)
    if by_hand:
        assert scores.pop(assignment.written) == 0, "nobody has graded it yet"
        with course.gradebook as gradebook:
            (notebook,) = gradebook.find_submission(assignment.name, "solution").notebooks
            grade = gradebook.find_grade(assignment.written, notebook.name, assignment.name, "solution")
            grade.manual_score, grade.needs_manual_grade = grade.max_score, False
            gradebook.db.commit()
            score = gradebook.find_submission(assignment.name, "solution").score
    assert scores == {name: points[name].metadata.nbgrader.points for name in scores}
    assert score == assignment.points


def test_the_blank_release_scores_nothing(course, assignment):
    score, scores, by_hand = graded(course, assignment, "blank", {})
    assert score == 0 and not any(scores.values()) and not by_hand


def test_a_wrong_answer_scores_all_but_its_own_points(course, assignment):
    answers = solutions(assignment) | {assignment.cell: assignment.wrong}
    _, scores, _ = graded(course, assignment, "wrong", answers)
    points = cells(assignment.notebook(FOLDER / "source"))
    lost = {*assignment.failed, assignment.written}
    assert scores == {name: 0 if name in lost else points[name].metadata.nbgrader.points for name in scores}
