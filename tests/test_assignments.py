"""The problem sets, released and graded by nbgrader itself, in a course of its own."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from tests.mutations import (
    FILE,
    FOLDER,
    MISTAKES,
    RATE,
    RIGHT,
    SIREN,
    cells,
    cheats,
    lost,
    path,
    points,
    put_right,
    solutions,
)

pytest.importorskip("nbgrader", reason='pip install "coin_edu[grading]"')


@dataclass(frozen=True)
class Assignment:
    """A problem set, its points, and one plausible wrong answer of tests.mutations."""

    name: str
    points: int
    mistake: str
    written: str = ""

    @property
    def wrong(self):
        (found,) = [change for change in MISTAKES if change.set == self.name and change.what == self.mistake]
        return found


SETS = (
    Assignment(SIREN, 12, "both axes divided by height - 1, as published"),
    Assignment(FILE, 15, "the length is not looked at"),
    Assignment(RATE, 17, "linear in the rate", written="advice"),
)

each_set = pytest.mark.parametrize("assignment", SETS, ids=[assignment.name for assignment in SETS])
# nbgrader's own way of adding a submission to its database
pytestmark = pytest.mark.filterwarnings("ignore:Object of type <Submitted:sqlalchemy.exc.SAWarning")

# A network is fitted only where a mistake could reach it.
FITTED = {"coin_points", "psnr", "bpp"}


def answered(released, answers):
    """The released notebook with these answers, sources by the cells' names, filled in."""
    notebook = nbformat.read(released, as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    return notebook


@pytest.mark.parametrize("change", [*MISTAKES, *RIGHT], ids=lambda c: f"{c.set}-{c.cell}: {c.what}")
def test_a_mistake_costs_its_own_points_and_another_right_way_costs_none(change):
    without = () if change.cell in FITTED else ("coin_points_test",)
    losses = lost(change.set, change.answers(), without=without)
    assert {name: points for name, (points, _) in losses.items()} == change.costs
    assert all(len(said) > 15 for _, said in losses.values()), "every test says what was expected"


def test_there_are_fifty_mistakes_and_each_test_meets_one():
    assert len(MISTAKES) >= 50 and len({(change.set, change.cell, change.what) for change in MISTAKES}) == len(MISTAKES)
    for assignment in SETS:
        met = {test for change in MISTAKES if change.set == assignment.name for test in change.costs}
        assert met == set(points(assignment.name))


@pytest.mark.parametrize(("name", "what", "answers"), list(cheats()), ids=lambda value: str(value)[:40])
def test_a_cheat_earns_nothing(name, what, answers):
    with put_right():
        losses = lost(name, answers)
    assert {test: loss for test, (loss, _) in losses.items()} == points(name)


def test_what_the_visible_tests_want_is_known_by_heart():
    """Or else the cheat of that name would prove nothing."""
    for name, tests in ((SIREN, set()), (FILE, set()), (RATE, {"plot_curves_test"})):
        (answers,) = [found for other, what, found in cheats() if other == name and "by heart" in what]
        assert set(lost(name, answers, hidden=False)) == tests


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
    config.Execute.shutdown_kernel = "immediate"
    api = NbGraderAPI(config=config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(root))
        # nbgrader starts alembic by its name, which an environment that is not activated does not find.
        patch.setenv("PATH", os.path.dirname(sys.executable), prepend=os.pathsep)
        for assignment in SETS:
            done = api.generate_assignment(assignment.name)
            assert done["success"], done["log"]
        yield api


def graded(course, assignment, student, answers):
    """The submission that nbgrader makes of these answers: (score, {test: score}, whether a person must grade)."""
    folder = Path(course.coursedir.root)
    released = path(assignment.name, folder / "release")
    submitted = folder / "submitted" / student / assignment.name / released.name
    submitted.parent.mkdir(parents=True)
    nbformat.write(answered(released, answers), submitted)
    done = course.autograde(assignment.name, student)
    assert done["success"], done["log"]
    with course.gradebook as gradebook:
        (notebook,) = gradebook.find_submission(assignment.name, student).notebooks
        scores = {grade.name: grade.score for grade in notebook.grades}
        return notebook.score, scores, notebook.needs_manual_grade


@each_set
def test_the_release_is_what_nbgrader_makes_of_the_source(course, assignment):
    made = nbformat.read(path(assignment.name, Path(course.coursedir.root) / "release"), as_version=4)
    committed = nbformat.read(path(assignment.name, FOLDER / "release"), as_version=4)
    for ours, fresh in zip(committed.cells, made.cells, strict=True):
        assert ours == fresh, "the release is stale: make assignments"


@each_set
def test_its_cells_are_short(assignment):
    for cell in nbformat.read(path(assignment.name), as_version=4).cells:
        assert cell.cell_type != "code" or len([line for line in cell.source.splitlines() if line]) <= 15, cell.source


@each_set
def test_the_release_holds_no_solution(assignment):
    released = cells(assignment.name, FOLDER / "release")
    text = "\n".join(cell.source for cell in released.values())
    assert "BEGIN SOLUTION" not in text and "HIDDEN TESTS" not in text
    for name, solution in solutions(assignment.name).items():
        stub = "YOUR ANSWER HERE" if released[name].cell_type == "markdown" else "raise NotImplementedError()"
        assert stub in released[name].source
        _, _, secret = solution.partition("### BEGIN SOLUTION")
        for line in secret.partition("### END SOLUTION")[0].split("\n"):
            assert len(line) < 20 or line.strip() not in text


@each_set
def test_the_solution_scores_full_marks(course, assignment):
    folder = Path(course.coursedir.root)
    score, scores, by_hand = graded(course, assignment, "solution", solutions(assignment.name))
    assert by_hand == bool(assignment.written)
    if by_hand:
        assert scores.pop(assignment.written) == 0, "nobody has graded it yet"
        with course.gradebook as gradebook:
            (notebook,) = gradebook.find_submission(assignment.name, "solution").notebooks
            grade = gradebook.find_grade(assignment.written, notebook.name, assignment.name, "solution")
            grade.manual_score, grade.needs_manual_grade = grade.max_score, False
            gradebook.db.commit()
            score = gradebook.find_submission(assignment.name, "solution").score
    assert scores == points(assignment.name)
    assert score == assignment.points
    made = nbformat.read(folder / "autograded" / "solution" / assignment.name / path(assignment.name).name, 4)
    outputs = [output for cell in made.cells for output in cell.get("outputs", [])]
    assert outputs and not [output for output in outputs if output.output_type == "error"], "nor does any other cell"


@each_set
def test_the_blank_release_scores_nothing(course, assignment):
    score, scores, by_hand = graded(course, assignment, "blank", {})
    assert score == 0 and not any(scores.values()) and not by_hand


@each_set
def test_a_wrong_answer_scores_all_but_its_own_points(course, assignment):
    _, scores, _ = graded(course, assignment, "wrong", assignment.wrong.answers())
    lose = {*assignment.wrong.costs, assignment.written}
    assert scores == {
        name: 0 if name in lose else whole
        for name, whole in (points(assignment.name) | {assignment.written: 0}).items()
        if name
    }
