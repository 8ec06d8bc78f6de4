"""The notebooks' exercises: a module for each notebook, a check for each exercise, which says what is wrong and why."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from html import escape
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Verdict:
    """What a check found; as the last line of a cell it is shown.

    Attributes
    ----------
    ok : bool
    text : str
        What is right, or what was expected, what came instead, and where to look.
    """

    ok: bool
    text: str

    def __repr__(self) -> str:
        return f"{'right' if self.ok else 'not yet'}: {self.text}"

    def _repr_html_(self) -> str:
        color, mark = ("#009E73", "&#10003; right") if self.ok else ("#D55E00", "&#10007; not yet")
        return f'<div style="color:{color}"><b>{mark}:</b> {escape(self.text)}</div>'


class Wrong(Exception):
    """Raised in a check, with what to tell the student."""


def check(function: Callable[..., str]) -> Callable[..., Verdict]:
    """Make a check of a function that returns its praise or raises :class:`Wrong`; no error of a student's escapes it.

    Examples
    --------
    >>> @check
    ... def double(answer):
    ...     expect_close(answer(3), 6, "answer(3)", "twice three")
    ...     return "every number is doubled"
    >>> double(lambda x: 2 * x)
    right: every number is doubled
    >>> double(lambda x: x + 2)
    not yet: answer(3): expected 6, got 5. Hint: twice three
    >>> double(lambda x: ...)
    not yet: answer(3) is empty (got Ellipsis): put your own code where the dots are
    """

    @wraps(function)
    def checked(*answers: Any) -> Verdict:
        try:
            return Verdict(True, function(*answers))
        except Wrong as wrong:
            return Verdict(False, str(wrong))
        except Exception as error:  # whatever a student's code raises
            return Verdict(False, f"your code raised {type(error).__name__}: {error}")

    return checked


def expect(true: bool, otherwise: str) -> None:
    """Raise :class:`Wrong` with what to tell the student, unless it is true."""
    if not true:
        raise Wrong(otherwise)


def expect_close(
    got: Any,
    expected: Any,
    what: str,
    hint: str,
    tolerance: float = 1e-5,
    mistakes: Iterable[tuple[Any, str]] = (),
) -> None:
    """Compare numbers or arrays with the expected ones: presence, shape, then values; NaN is never close.

    What is wrong and just what one of the `mistakes` gives is told its reason instead of the hint.

    Examples
    --------
    >>> expect_close(8, 4, "half of 8", "divide", mistakes=[(64, "that is the square"), (8, "that is the whole")])
    Traceback (most recent call last):
    coin_edu.course.Wrong: half of 8: expected 4, got 8; that is the whole
    """
    if got is None or got is ...:
        raise Wrong(f"{what} is empty (got {got}): put your own code where the dots are")
    try:
        value = np.asarray(got.detach() if hasattr(got, "detach") else got, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"{what}: expected numbers, got {type(got).__name__}. Hint: {hint}") from None
    wanted = np.asarray(expected, dtype=float)
    if value.shape == wanted.shape and np.allclose(value, wanted, rtol=tolerance, atol=tolerance):
        return
    for mistake, why in mistakes:
        if value.shape == np.shape(mistake) and np.allclose(value, mistake):
            raise Wrong(f"{what}: {_against(wanted, value)}{why}")
    if value.shape != wanted.shape:
        raise Wrong(f"{what}: expected the shape {wanted.shape}, got {value.shape}. Hint: {hint}")
    wrong = ~np.isclose(value, wanted, rtol=tolerance, atol=tolerance)
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f" at {list(place)}" if place else ""
    raise Wrong(f"{what}{where}: expected {wanted[place]:.6g}, got {value[place]:.6g}. Hint: {hint}")


def _against(expected: np.ndarray, got: np.ndarray) -> str:
    """Both, where they are short enough to be read."""
    if expected.size > 4:
        return ""
    lists = (", ".join(f"{number:.6g}" for number in numbers.flat) for numbers in (expected, got))
    both = (f"[{text}]" if numbers.ndim else text for text, numbers in zip(lists, (expected, got), strict=True))
    return "expected {}, got {}; ".format(*both)
