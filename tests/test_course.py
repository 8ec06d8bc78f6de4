"""Every exercise: the untouched stub fails its check, the worked solution passes it."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from coin_edu.course import Verdict, Wrong, check, expect_close, numbers, whole

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
        (None, "returned None: is the return missing"),
        (..., "put your own code where the dots are"),
        ("three", "expected numbers, got str"),
        ({1, 2}, "expected numbers, got set"),
        ([1, None, 3], "expected numbers, got list with a None in it"),
        ([[1], [2, 3]], "expected numbers, got list"),
        (abs, "expected numbers, got a function"),
        (map(abs, [1, 2, 3]), "got a map.*list"),
        ([1.0, 2.0], r"expected the shape \(3,\), got \(2,\)"),
        ([[1.0], [2.0], [3.5]], r"got \(3, 1\); the numbers are right. Hint: keepdims"),
        ([1.0, 2.5, 3.0], r"at \[1\]: expected 2, got 2.5"),
        ([1.0, np.nan, 3.5], r"at \[1\]: expected 2, got nan. Hint: nan comes from"),
        ([1, 2, 3], r"at \[2\]: expected 3.5, got 3; the fraction is cut off. Hint: //"),
        ([2, 4, 7], "all are 2 times as large"),
        ([-1, -2, -3.5], "the sign is the other way round"),
        ([1, 2, 3.5j], "expected real numbers, got complex ones. Hint: np.abs"),
    ],
)
def test_what_is_wrong_is_told(got, text):
    with pytest.raises(Wrong, match=text):
        expect_close(got, [1, 2, 3.5], "the answer")


@pytest.mark.parametrize(
    "got",
    [
        [1, 2, 3],
        (1.0, np.float32(2), np.array(3)),
        np.array([1, 2, 3], np.uint8),
        torch.tensor([1.0, 2, 3], requires_grad=True),
        [torch.tensor(1), torch.tensor(2.0), torch.tensor(3)],
        range(1, 4),
    ],
)
def test_numbers_come_in_many_types(got):
    expect_close(got, [1, 2, 3], "the answer")
    assert numbers(got, "").dtype == float


@pytest.mark.parametrize("got", [2.0, 2.5, np.float64(2), torch.tensor(2.0), [1, 2.0], True, "2"])
def test_a_float_neither_counts_nor_indexes(got):
    with pytest.raises(Wrong, match="expected"):
        whole(got, "the answer")
    assert whole([np.int16(1), 2], "").tolist() == [1, 2]


def test_a_known_mistake_is_named_unless_the_answer_is_right():
    mistakes = [(8, "that is the whole"), ([1, 2], "one number, please", "return it alone")]
    expect_close(8, 8, "half of 16", "divide", mistakes=mistakes)
    with pytest.raises(Wrong, match=r"half of 8: expected 4, got \[1, 2\]; one number, please. Hint: return it alone"):
        expect_close([1, 2], 4, "half of 8", "divide", mistakes=mistakes)
    with pytest.raises(Wrong, match=r"half of 8: expected 4, got 8; that is the whole. Hint: divide"):
        expect_close(8, 4, "half of 8", "divide", mistakes=mistakes)
    with pytest.raises(Wrong, match=r"half of 8: expected 4, got 5\. Hint: divide"):
        expect_close(5, 4, "half of 8", "divide", mistakes=mistakes)


@check(nudge="how many are two of them?", formula="2 * x")
def double(answer):
    x = float(answer.rng.uniform(1, 2))
    expect_close(answer(x), 2 * x, "double(x)", mistakes=[(x * x, "that is the square")])
    return "doubled"


def test_help_comes_in_three_stages():
    first, second, third, fourth = (double(lambda x: x + 1) for _ in range(4))
    assert [verdict.stage for verdict in (first, second, third, fourth)] == [1, 2, 3, 3]
    assert "two of them" not in repr(first) and "two of them" in repr(second) and "2 * x" not in repr(second)
    assert "formula: 2 * x" in repr(third) and "open" not in first._repr_html_()
    assert [verdict._repr_html_().count("<details open>") for verdict in (first, second, third)] == [0, 1, 2]
    missing = [double(lambda x: None) for _ in range(3)][-1]
    assert (missing.stage, missing.formula) == (1, ""), "an exercise not begun shows no formula, however often"
    assert double(lambda x: x * x * x).stage == 3 and double(lambda x: x * x).stage == 3
    assert double(lambda x: x.nothing).stage == 1, "another fault starts at its symptom"
    assert double(lambda x: x + 1).stage == 1
    assert double(lambda x: x + x).ok and double(lambda x: x + 1).stage == 1


def test_a_verdict_is_safe_html():
    html = double(lambda x: "<b>")._repr_html_()
    assert "&#10007; not yet:</b>" in html and "<b>'" not in html
    assert "&#10003; right:</b> doubled" in double(lambda x: 2 * x)._repr_html_()


def fails(x):
    most = 2
    raise ValueError(f"{x:.0f} is not {most}")


def test_an_error_names_the_students_line():
    line = fails.__code__.co_firstlineno + 2
    told = f"your code raised ValueError: 1 is not 2, in line {line} of fails: raise ValueError(f"
    assert double(lambda x: fails(1)).text.startswith(told) and "of fails: raise" in double(fails).text
    inside = double(lambda x: np.linalg.inv(np.zeros((2, 2))))
    assert "LinAlgError: Singular matrix, in line " in inside.text and "np.linalg.inv(np.zeros" in inside.text


@pytest.mark.parametrize(
    "answer, word",
    [
        (lambda x: x ^ 2, "a power is **"),
        (lambda x: 2 ^ int(x), "has a ^: in Python, ^ is the bitwise exclusive or; a power is **"),
        (lambda x: np.ones((2, 3)) / np.ones(2), "keepdims=True"),
        (lambda x: np.ones((2, 3)) @ np.ones((2, 3)), "as many columns in a as rows in b"),
        (lambda x: [1, 2][x], "// or int"),
        (lambda x: np.uint8(300), "small integer type"),
        (lambda x: torch.ones(1, requires_grad=True).numpy(), ".detach()"),
        (lambda x: None + x, "does one of your own functions lack its return?"),
        (lambda x: missing, "NameError"),  # noqa: F821
        (lambda: 3, "cannot be called with 1 arguments"),
    ],
)
def test_likely_errors_have_their_word(answer, word):
    verdict = double(answer)
    assert verdict.ok is False and word in verdict.text + verdict.nudge


def test_a_check_takes_the_function_itself():
    assert "takes your function itself, got 3" in double(3).text


def test_a_fault_of_the_check_is_not_the_students():
    @check
    def broken(answer):
        return "right"[answer(1)]

    assert broken(lambda x: x).ok
    verdict = broken(lambda x: "no index")
    assert verdict.ok is None and repr(verdict).startswith("no verdict: the check itself failed, your code did not: ")
    assert "go on" in verdict.text and "no verdict:</b>" in verdict._repr_html_()


def test_a_function_for_tensors_gets_tensors_and_its_arguments_are_copies():
    given = np.array([1.0, 2.0])

    @check
    def halves(answer):
        expect_close(answer(given), [0.5, 1], "halves")
        return "halved"

    def in_place(x):
        x /= 2
        return x

    assert halves(lambda x: torch.div(x, 2)).ok and halves(lambda x: x.clone().div_(2)).ok and halves(in_place).ok
    assert given.tolist() == [1, 2]
    assert "in line" in halves(lambda x: torch.div(x, 2).nonsense()).text


def modules():
    """(module of checks, module of their tests) of each notebook."""
    for number in range(9):
        names = f"coin_edu.course.nb{number:02}", f"tests.test_course_nb{number:02}"
        yield tuple(importlib.import_module(name) for name in names)


TABLES = [(checks, name, tables) for checks, tables in modules() for name in tables.RIGHT]


@pytest.mark.parametrize("checks, name, tables", TABLES, ids=[name for _, name, _ in TABLES])
def test_each_exercise_has_its_table(checks, name, tables):
    assert len(tables.RIGHT[name]) >= 4 and len(tables.WRONG[name]) >= 8
    assert len({word for _, word in tables.WRONG[name]}) >= 6


@pytest.mark.parametrize("checks, name, tables", TABLES, ids=[name for _, name, _ in TABLES])
def test_no_constant_passes(checks, name, tables):
    right, seen = tables.RIGHT[name][0], []

    def constant(*given):
        seen.append(right(*given)) if not seen else None
        return seen[0]

    assert getattr(checks, name)(constant).ok is False


@pytest.mark.parametrize("checks, name, tables", TABLES, ids=[name for _, name, _ in TABLES])
def test_no_nonsense_passes_or_breaks_a_check(checks, name, tables):
    tried = getattr(checks, name)
    single = (None, ..., "text", [], {}, np.nan, 1j, [None], np.array("text"), object(), True, [[1], [2, 3]], b"", -1)
    pairs = [[some] * count for some in (None, "text", 1, (1, 2), (None, None), np.ones(3)) for count in (2, 3, 4)]
    for nonsense in (*single, *pairs, np.ones((2, 2, 2)), torch.zeros(3, 5), iter([1]), print):
        assert tried(lambda *given, nonsense=nonsense: nonsense).ok is False, nonsense
    assert tried(3).ok is False and tried(lambda: 3).ok is False

    def raises(*given):
        raise ValueError("mine")

    assert tried(raises).text.startswith("your code raised ValueError: mine, in line")


@pytest.mark.parametrize("name", ["best_quality", "halving", "by_tiles", "decode_small"])
def test_no_nonsense_given_to_a_function_that_is_handed_in_breaks_a_check(name):
    ((checks, _, _),) = (row for row in TABLES if row[1] == name)
    place = 1 if name == "halving" else 0
    for nonsense in (
        None,
        "text",
        [],
        {},
        np.nan,
        1j,
        7.0,
        np.array([5]),
        (1, 2, 3),
        ((0, 0, 1),),
        object(),
        -1,
        10**9,
    ):
        for given in ((), (nonsense,), (nonsense, nonsense), (nonsense,) * 4):
            verdict = getattr(checks, name)(lambda *args, given=given: args[place](*given))
            assert verdict.ok is False, (given, verdict)


def test_all_exercises_have_a_table():
    named = {re.fullmatch(r"check\.(\w+)\(\w+\)", call.splitlines()[-1])[1] for *_, call in ALL}
    assert named == {name for _, name, _ in TABLES} and len(TABLES) == len(ALL) == 27


def test_each_notebook_has_a_module_of_checks(root):
    for path in (root / "notebooks").glob("0[1-8]_*.ipynb"):
        importlib.import_module(f"coin_edu.course.nb{path.name[:2]}")
