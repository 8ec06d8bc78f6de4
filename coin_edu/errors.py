"""The one exception family of the package, and the one door for numbers and sequences of numbers."""

import math
import operator
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any, SupportsFloat

import numpy as np


class CoinError(ValueError):
    """Something the caller can put right; the message says what, expected, got, and what to do next.

    A message may hold a file's name, and a name any character: those that would steer a terminal are escaped.

    Examples
    --------
    >>> from coin_edu import Arch
    >>> try:
    ...     Arch.for_bpp(0.001, (512, 768))
    ... except CoinError as error:
    ...     print(error)
    0.001 bpp leaves 49 bytes for 768x512 pixels; the smallest network needs 58 bytes, ...
    """

    def __init__(self, message: str = ""):
        super().__init__(printable(message))


def printable(text: object) -> str:
    r"""`text` on one line, with control characters, and others that cannot be seen, as escapes such as ``\x1b``."""
    return "".join(
        letter
        if letter.isprintable() or unicodedata.category(letter) == "Zs"
        else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in str(text)
    )


def check_whole(what: str, value: object, low: int, high: int = 2**63 - 1) -> int:
    """`value` as an int, if it is a whole number from `low` to `high`; else a :class:`CoinError` that names `what`.

    NumPy's whole numbers, and arrays and tensors that are one, are as good as Python's.
    """
    try:
        number = None if _is_bool(value) else operator.index(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: a tensor of torch's that is no whole number
        number = None
    if number is None or not low <= number <= high:
        above = f" of at least {low}" if low > -(2**63) else ""
        limits = above if high == 2**63 - 1 else f" from {low} to {high}"
        raise CoinError(f"{what} must be a whole number{limits}, got {_short(value)}")
    return number


def check_number(what: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    """`value` as a float, if it is a finite number from `low` to `high`; else a :class:`CoinError` that names `what`.

    NumPy's numbers, and arrays and tensors that are one, are as good as Python's.
    """
    single = isinstance(value, Real) or (isinstance(value, SupportsFloat) and getattr(value, "shape", None) == ())
    try:
        number = float(value) if single and not _is_bool(value) else math.nan  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, RuntimeError):
        number = math.nan
    if not (math.isfinite(number) and low <= number <= high):
        limits = {(True, True): "", (False, True): f" of at least {low:g}", (True, False): f" of at most {high:g}"}
        between = limits.get((low == -math.inf, high == math.inf), f" from {low:g} to {high:g}")
        raise CoinError(f"{what} must be a number{between}, got {_short(value)}")
    return number


def check_several(what: str, values: object, names: str, low: int | None = None) -> tuple[int, ...]:
    """A tuple of whole numbers, as many as `names` has words; from a tuple, a list, an array."""
    count = len(names.split())
    given = list(values) if isinstance(values, Iterable) and not isinstance(values, str | bytes) else None
    if given is None or len(given) != count:
        raise CoinError(f"{what} must be ({', '.join(names.split())}), {count} whole numbers, got {_short(values)}")
    return tuple(
        check_whole(f"{what}: {name}", value, -(2**63) if low is None else low)
        for name, value in zip(names.split(), given, strict=True)
    )


def _is_bool(value: object) -> bool:
    return isinstance(value, bool | np.bool_) or "bool" in str(getattr(value, "dtype", ""))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Around the import of optional packages: where one is missing, a :class:`CoinError` names the extra with it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise CoinError(f"this needs {error.name}: pip install 'coin_edu[{extra}]'") from error
