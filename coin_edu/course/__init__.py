"""The notebooks' exercises: a module for each notebook, a check for each exercise, which helps in three stages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from html import escape
from typing import Any, overload

import numpy as np

from coin_edu.course.answer import POWER, Answer, Missing, Wrong, array, numbers, whole

__all__ = ["Answer", "Verdict", "Wrong", "array", "check", "expect", "expect_close", "numbers", "whole"]


@dataclass(frozen=True)
class Verdict:
    """What a check found; as the last line of a cell it is shown.

    Attributes
    ----------
    ok : bool or None
        None if the check itself failed.
    text : str
        What is right; or the symptom: what was expected, and what came instead.
    nudge, formula : str
        Where to look, and what to write. In a notebook they are folded; as text they come with the second and the
        third try that show the same fault.
    stage : int
        1 to 3: how many of the three are open.
    """

    ok: bool | None
    text: str
    nudge: str = ""
    formula: str = ""
    stage: int = 1

    @property
    def mark(self) -> str:
        """The verdict in two words."""
        return {True: "right", False: "not yet", None: "no verdict"}[self.ok]

    def __repr__(self) -> str:
        hints = [("nudge", self.nudge), ("formula", self.formula)]
        lines = [f"\n  {name}: {hint}" for name, hint in hints[: self.stage - 1] if hint]
        return f"{self.mark}: {self.text}" + "".join(lines)

    def _repr_html_(self) -> str:
        color, sign = ("#009E73", "&#10003;") if self.ok else ("#D55E00", "&#10007;")
        formula = _folded("Formula", f"<code>{escape(self.formula)}</code>", self.stage > 2) if self.formula else ""
        hints = _folded("Nudge", escape(self.nudge) + formula, self.stage > 1) if self.nudge else formula
        return (
            f'<div style="border-left: 4px solid {color}; padding-left: 0.6em">'
            f'<b style="color: {color}">{sign} {self.mark}:</b> {escape(self.text)}{hints}</div>'
        )


def _folded(title: str, html: str, unfolded: bool) -> str:
    return f"<details{' open' * unfolded}><summary>{title}</summary>{html}</details>"


Judge = Callable[[Any], str]
Check = Callable[..., Verdict]


@overload
def check(judge: Judge) -> Check: ...
@overload
def check(*, nudge: str = ..., formula: str = ...) -> Callable[[Judge], Check]: ...
def check(judge: Judge | None = None, *, nudge: str = "", formula: str = "") -> Check | Callable[[Judge], Check]:
    """Make a check of a function that returns its praise or raises :class:`Wrong`.

    Parameters
    ----------
    judge : callable
        Gets the student's function as an :class:`Answer`.
    nudge, formula : str
        The second and third stage of help, where a :class:`Wrong` brings none of its own.

    Returns
    -------
    callable
        From the student's function to a :class:`Verdict`. It raises nothing: an error in the student's code is told
        with its line, one in the check is told as the check's own. Another `seed` tries the function on other values.

    Examples
    --------
    >>> @check(nudge="how many are two of them?", formula="2 * x")
    ... def double(answer):
    ...     expect_close(answer(3), 6, "double(3)")
    ...     return "every number is doubled"
    >>> double(lambda x: 2 * x)
    right: every number is doubled
    >>> double(lambda x: x + 2)
    not yet: double(3): expected 6, got 5
    >>> double(lambda x: x + 1)
    not yet: double(3): expected 6, got 4
      nudge: how many are two of them?
    >>> double(lambda x: print(2 * x))
    6
    not yet: double(3) returned None: is the return missing?
    """

    def decorated(judge: Judge) -> Check:
        tries: list[tuple[str, str]] = []  # the hints of the last tries, while they are the same

        def told(wrong: Wrong, answer: Answer) -> Verdict:
            hints = wrong.nudge or nudge, wrong.formula or formula
            if isinstance(wrong, Missing):
                return Verdict(False, wrong.symptom, wrong.nudge)
            if line := answer.exclusive_or():
                hints = f"line {line} has a ^: {POWER}", hints[1]
            tries[:] = [hints, *(earlier for earlier in tries if earlier == hints)]
            return Verdict(False, wrong.symptom, *hints, min(len(tries), 3))

        @wraps(judge)
        def checked(function: Any, *, seed: int = 0) -> Verdict:
            answer = Answer(function, seed)
            try:
                expect(callable(function), f"check.{judge.__name__} takes your function itself, got {function!r}")
                verdict = Verdict(True, judge(answer))
            except Wrong as wrong:
                return told(wrong, answer)
            except Exception as error:
                own = f"the check itself failed, your code did not: {type(error).__name__}: {error}"
                return Verdict(None, f"{own}. Compare your answer with the solution, and go on.")
            tries.clear()
            return verdict

        return checked

    return decorated if judge is None else decorated(judge)


def expect(true: Any, symptom: str, nudge: str = "") -> None:
    """Raise :class:`Wrong` with what to tell the student, unless it is true."""
    if not true:
        raise Wrong(symptom, nudge)


def expect_close(
    got: Any,
    expected: Any,
    what: str,
    hint: str = "",
    tolerance: float = 1e-5,
    mistakes: Iterable[tuple[Any, ...]] = (),
) -> None:
    """Compare numbers or arrays with the expected ones: presence, shape, then values; NaN is never close.

    Parameters
    ----------
    got, expected : array_like
        Of NumPy, torch, or lists.
    what : str
        What was asked for, such as the call.
    hint : str
        The nudge, if there is a better one than the check's.
    tolerance : float
        In proportion to the largest of the expected numbers.
    mistakes : iterable of tuple
        What a likely slip gives, the slip's name, and a nudge if it needs one of its own.

    Raises
    ------
    Wrong
        If they differ.

    Examples
    --------
    >>> expect_close(8, 4, "half of 8", "divide", mistakes=[(64, "that is the square"), (8, "that is the whole")])
    Traceback (most recent call last):
    coin_edu.course.answer.Wrong: half of 8: expected 4, got 8; that is the whole. Hint: divide
    """
    value, wanted = numbers(got, what), np.asarray(expected, dtype=float)
    if _close(value, wanted, tolerance):
        return
    fitting = []
    for mistake, why, *nudge in mistakes:
        slip = np.asarray(mistake, dtype=float)
        if _close(value, slip, tolerance) and not _close(slip, wanted, tolerance):
            fitting.append((float(np.abs(value - slip).max(initial=0)), why, *(nudge or [hint])))
    if fitting:
        _, why, told = min(fitting, key=lambda slip: slip[0])
        raise Wrong(f"{what}: {_against(wanted, value)}{why}", told)
    if value.shape != wanted.shape:
        symptom, nudge_ = _misshapen(value, wanted, tolerance)
    else:
        symptom, nudge_ = _misvalued(value, wanted, tolerance)
    raise Wrong(f"{what}{symptom}", hint or nudge_)


def _close(value: np.ndarray, wanted: np.ndarray, tolerance: float) -> bool:
    if value.shape != wanted.shape:
        return False
    scale = np.abs(wanted).max(initial=0) or 1
    with np.errstate(invalid="ignore"):
        return bool((np.abs(value - wanted) <= tolerance * scale).all())


def _misshapen(value: np.ndarray, wanted: np.ndarray, tolerance: float) -> tuple[str, str]:
    shapes = f": expected the shape {wanted.shape}, got {value.shape}"
    if _close(value.squeeze(), wanted.squeeze(), tolerance):
        return f"{shapes}; the numbers are right", "keepdims or [:, None] adds an axis of length 1, and [:, 0] takes it"
    if _close(value.T, wanted, tolerance):
        return f"{shapes}; rows and columns are exchanged", "a transpose, .T, too many or too few"
    return shapes, ""


def _misvalued(value: np.ndarray, wanted: np.ndarray, tolerance: float) -> tuple[str, str]:
    """Symptom and nudge of what is of the right shape: what all numbers have in common, or the first that differs."""
    wrong = ~(np.abs(value - wanted) <= tolerance * (np.abs(wanted).max(initial=0) or 1))
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f" at {list(place)}" if place else ""
    symptom, nudge = f"{where}: expected {wanted[place]:.6g}, got {value[place]:.6g}", ""
    if not np.isfinite(value[place]):
        nudge = "nan comes from 0 / 0 or the logarithm of a negative number, inf from a division by 0"
    elif wanted.ndim == 2 and _close(value.T, wanted, tolerance):
        symptom += "; rows and columns are exchanged"
    elif np.array_equal(value, np.floor(wanted)):
        symptom, nudge = f"{symptom}; the fraction is cut off", "// and int(...) cut it off, / keeps it"
    elif wanted.size > 1 and wanted.any():
        ratio = (value * wanted).sum() / (wanted**2).sum()
        if _close(value, ratio * wanted, tolerance) and abs(ratio) > tolerance:
            turned = abs(ratio + 1) < tolerance
            symptom += "; the sign is the other way round" if turned else f"; all are {ratio:.4g} times as large"
    return symptom, nudge


def _against(expected: np.ndarray, got: np.ndarray) -> str:
    """Both, where they are short enough to be read."""
    if expected.size > 4:
        return ""
    lists = (", ".join(f"{number:.6g}" for number in some.flat) for some in (expected, got))
    both = (f"[{text}]" if some.ndim else text for text, some in zip(lists, (expected, got), strict=True))
    return "expected {}, got {}; ".format(*both)
