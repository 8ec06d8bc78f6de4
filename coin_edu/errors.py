"""The one exception family of the package."""

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral


class CoinError(ValueError):
    """Something the caller can put right; the message says what, expected, got, and what to do next."""


def check_whole(what: str, value: object, low: int, high: int = 2**63 - 1) -> int:
    """`value` as an int, if it is a whole number from `low` to `high`; else a :class:`CoinError` that names `what`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or not low <= int(value) <= high:
        limits = f"of at least {low}" if high == 2**63 - 1 else f"from {low} to {high}"
        raise CoinError(f"{what} must be a whole number {limits}, got {value!r}")
    return int(value)


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Around the import of optional packages: where one is missing, a :class:`CoinError` names the extra with it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise CoinError(f"this needs {error.name}: pip install 'coin_edu[{extra}]'") from error
