"""The sets with other numbers, and what they need to be graded: the extra `grading` alone."""

import json
import os
import runpy
import subprocess
import sys
import venv
from importlib import import_module

import nbformat
import pytest

from coin_edu.course.grading import variant_of
from tests import mutations
from tests.mutations import FILE, FOLDER, RATE, SIREN, path

pytest.importorskip("nbgrader", reason='pip install "coin_edu[grading]"')

VARIANTS = runpy.run_path(str(FOLDER / "variants.py"))
SETS = [(SIREN, "set1"), (FILE, "set2"), (RATE, "set3")]
# What a right answer to another variant gets wrong: what its numbers decide.
OTHERS = {
    SIREN: {"coordinates_values", "sine_layer_test", "init_bound_test", "spread_test"},
    FILE: {"write_file_test", "round_trip", "damaged_files", "forged_files"},
    RATE: {"jpeg_points_test"},
}


def graded(monkeypatch, notebook, name, answers):
    """The tests of a set's notebook that these answers fail."""
    known = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    monkeypatch.setattr(mutations, "cells", lambda name: {cell.metadata.nbgrader.grade_id: cell for cell in known})
    without = {"coin_points_test"}
    return set(mutations.lost(name, answers or mutations.solutions(name), without=without))


@pytest.mark.parametrize(("name", "module"), SETS)
def test_a_variant_has_its_own_right_answers_and_refuses_another_s(monkeypatch, name, module):
    usual = nbformat.read(path(name), as_version=4)
    right = import_module(f"coin_edu.course.{module}").Right
    for spelling in right().spellings():
        assert any(spelling in cell.source for cell in usual.cells), spelling
    first, second = (VARIANTS["rewritten"](usual, module, variant) for variant in (2026, 2027))
    assert right.of(2026) != right.of(2027) != right()
    assert graded(monkeypatch, first, name, None) == set()
    ours = mutations.solutions(name)
    assert OTHERS[name] <= graded(monkeypatch, second, name, ours)
    assert graded(monkeypatch, usual, name, ours) >= OTHERS[name]
    assert not any("Open in Colab" in cell.source for cell in first.cells), "the badge opens another variant"


def test_a_term_is_a_course_folder(tmp_path):
    VARIANTS["make"](2026, tmp_path / "term")
    made = sorted(str(file.relative_to(tmp_path / "term")) for file in (tmp_path / "term").rglob("*.*"))
    assert (
        "nbgrader_config.py" in made and f"source/{SIREN}/siren.ipynb" in made and f"release/{FILE}/file.ipynb" in made
    )
    release = (tmp_path / "term" / "release" / FILE / "file.ipynb").read_text()
    assert "variant=2026" in release and "TOY1" not in release and "SOLUTION" not in release
    with pytest.raises(SystemExit, match="there already"):
        VARIANTS["make"](2026, tmp_path / "term")


def test_each_student_has_a_variant_that_grading_finds_by_the_folder(tmp_path, monkeypatch):
    VARIANTS["make"](2026, tmp_path / "term", ["ada", "bob"])
    ada, bob = (
        nbformat.read(tmp_path / "term" / "students" / student / FILE / "file.ipynb", as_version=4)
        for student in ("ada", "bob")
    )
    assert f"variant={variant_of(2026, 'ada')}" in json.dumps(ada) and json.dumps(ada) != json.dumps(bob)
    source = nbformat.read(tmp_path / "term" / "source" / FILE / "file.ipynb", as_version=4)
    right = VARIANTS["rewritten"](nbformat.read(path(FILE), as_version=4), "set2", variant_of(2026, "ada"))
    answers = {cell.metadata.nbgrader.grade_id: cell.source for cell in right.cells if "nbgrader" in cell.metadata}
    answers = {name: answers[name] for name in mutations.solutions(FILE)}
    for student, failed in (("ada", set()), ("bob", OTHERS[FILE])):
        folder = tmp_path / "autograded" / student / FILE
        folder.mkdir(parents=True)
        monkeypatch.chdir(folder)
        assert graded(monkeypatch, source, FILE, answers) == failed


@pytest.mark.skipif("COIN_EDU_INSTALL" not in os.environ, reason="takes minutes: COIN_EDU_INSTALL=1 asks for it")
def test_the_extra_grading_is_enough(root, tmp_path):
    """Every set's solution gets full marks in an environment made of coin_edu[grading] alone."""
    venv.create(tmp_path / "venv", with_pip=True)
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    binaries = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    environment["PATH"] = f"{binaries}{os.pathsep}{environment['PATH']}"

    def run(*command):
        done = subprocess.run(
            [binaries / "python", "-m", *command],
            cwd=tmp_path / "term" if (tmp_path / "term").exists() else root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run("pip", "install", "--quiet", "--constraint", root / "requirements.txt", f"{root}[grading]")
    VARIANTS["make"](2026, tmp_path / "term")
    for name, _ in SETS:
        answers = path(name, tmp_path / "term" / "source")
        handed_in = tmp_path / "term" / "submitted" / "ada" / name / answers.name
        handed_in.parent.mkdir(parents=True)
        handed_in.write_text(answers.read_text())
        run("nbgrader", "generate_assignment", name, "--force")
        run("nbgrader", "autograde", name, "--Execute.timeout=300")
    run("nbgrader", "export")
    lines = (tmp_path / "term" / "grades.csv").read_text().splitlines()
    columns = lines[0].split(",")
    scores = {
        row[columns.index("assignment")]: float(row[columns.index("score")])
        for row in (x.split(",") for x in lines[1:])
    }
    assert scores == {SIREN: 12, FILE: 15, RATE: 11}, "the written answer waits for a person"
