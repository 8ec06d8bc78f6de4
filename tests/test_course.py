"""Every exercise: the untouched stub fails its check, the worked solution passes it."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from coin_edu.course import Verdict, Wrong, check, expect, expect_close

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")


def tagged(cell, tag):
    return tag in cell.metadata.get("tags", [])


def exercises(root):
    """(notebook, imports, stub, solution, call of the check) of each exercise."""
    for path in sorted((root / "notebooks").glob("0*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        setup = [cell.source for cell in cells if tagged(cell, "setup")]
        for place, cell in enumerate(cells):
            if tagged(cell, "exercise"):
                later = cells[place + 1 :]
                call = next(cell.source for cell in later if tagged(cell, "check"))
                folded = next(cell.source for cell in later if tagged(cell, "solution"))
                (solution,) = re.findall(r"<details>.*?```python\n(.*?)```.*?</details>", folded, re.DOTALL)
                yield path.name, setup, cell.source, solution, call


ALL = list(exercises(Path(__file__).parents[1]))


@pytest.fixture(params=ALL, ids=[f"{name[:2]}: {call.splitlines()[-1]}" for name, *_, call in ALL])
def exercise(request):
    return request.param


def verdict(setup, code, call):
    """What the check says, in a namespace of its own."""
    names = {}
    for source in (*setup, code):
        exec(source, names)
    *before, last = call.strip().splitlines()
    exec("\n".join(before), names)
    return eval(last, names)


def test_an_untouched_stub_fails_its_check(exercise):
    _, setup, stub, _, call = exercise
    found = verdict(setup, stub, call)
    assert isinstance(found, Verdict) and not found.ok and len(found.text) > 10


def test_the_worked_solution_passes_its_check(exercise):
    _, setup, _, solution, call = exercise
    found = verdict(setup, solution, call)
    assert found.ok, found.text


@pytest.mark.parametrize(
    "got, text",
    [
        (None, "is empty"),
        (..., "is empty"),
        ("three", "expected numbers, got str"),
        ([1.0, 2.0], r"expected the shape \(3,\), got \(2,\)"),
        ([1.0, 2.5, 3.0], r"at \[1\]: expected 2, got 2.5. Hint: count"),
        ([1.0, np.nan, 3.0], r"at \[1\]: expected 2, got nan"),
    ],
)
def test_what_is_wrong_is_told(got, text):
    with pytest.raises(Wrong, match=text):
        expect_close(got, [1, 2, 3], "the answer", "count")


def test_a_known_mistake_is_named_unless_the_answer_is_right():
    mistakes = [(8, "that is the whole"), ([1, 2], "one number, please")]
    expect_close(8, 8, "half of 16", "divide", mistakes=mistakes)
    with pytest.raises(Wrong, match=r"half of 8: expected 4, got \[1, 2\]; one number, please"):
        expect_close([1, 2], 4, "half of 8", "divide", mistakes=mistakes)
    with pytest.raises(Wrong, match=r"half of 8: expected 4, got 5\. Hint: divide"):
        expect_close(5, 4, "half of 8", "divide", mistakes=mistakes)


def test_whatever_the_student_raises_becomes_a_verdict():
    @check
    def divides(answer):
        expect(answer(1) == 1, "1 / 1 is 1")
        return "divided"

    assert repr(divides(lambda x: x / 0)) == "not yet: your code raised ZeroDivisionError: division by zero"
    assert repr(divides(lambda x: 2)) == "not yet: 1 / 1 is 1"
    assert divides(lambda x: x).ok
    assert "&#10007; not yet:</b> 1 / 1" in divides(lambda x: 2)._repr_html_()


def test_each_notebook_has_a_module_of_checks(root):
    for path in (root / "notebooks").glob("0[1-8]_*.ipynb"):
        importlib.import_module(f"coin_edu.course.nb{path.name[:2]}")
