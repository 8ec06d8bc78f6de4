"""A student's answer on trial: called on copies; its errors name its line, and what it returns becomes arrays."""

import copy
import inspect
import linecache
import sys
import tokenize
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

POWER = "in Python, ^ is the bitwise exclusive or; a power is **"
FLOATS = "/ gives a float even where nothing is left over: take // or int(...)"
# What an error's text has in it, and what helps.
ERRORS = (
    (("for ^", "bitwise_xor"), POWER),
    (
        ("could not be broadcast", "must match the size of tensor"),
        "print both shapes; keepdims=True in max, mean or sum keeps an axis of length 1, so that you can divide by it",
    ),
    (
        ("matmul", "cannot be multiplied", "not aligned"),
        "print both shapes; a @ b needs as many columns in a as rows in b: is a transpose, .T, missing?",
    ),
    (("as an integer", "only integers", "must be integers", "integer scalar"), FLOATS),
    (("out of bounds for", "too large to convert"), "a small integer type cannot hold this: .astype(float) first"),
    (("requires grad",), ".detach() before .numpy()"),
    (("'NoneType'",), "something here is None: does one of your own functions lack its return?"),
)


class Wrong(Exception):
    """What a student is told, in three stages.

    Attributes
    ----------
    symptom : str
        What was expected, and what came instead.
    nudge, formula : str
        Where to look, and what to write; empty for those of the check (:func:`coin_edu.course.check`).
    """

    def __init__(self, symptom: str, nudge: str = "", formula: str = ""):
        super().__init__(f"{symptom}. Hint: {nudge}" if nudge else symptom)
        self.symptom, self.nudge, self.formula = symptom, nudge, formula


class Missing(Wrong):
    """Nothing was returned: not yet a try, and no reason to show the formula."""


class Answer:
    """A student's function, to be called like it.

    It gets copies. If it was written for tensors, it is called again with tensors in the arrays' places.

    Attributes
    ----------
    rng : numpy.random.Generator
        Draws what the function is tried on, so that no special case is enough.
    given : tuple
        The arguments of the last call, as the function left them.
    """

    def __init__(self, function: Callable[..., Any], seed: int = 0):
        self.function, self.rng = function, np.random.default_rng(seed)
        self.name = getattr(function, "__name__", "your function")
        self.given: tuple[Any, ...] = ()

    def __call__(self, *given: Any) -> Any:
        """What the function returns; whatever it raises becomes :class:`Wrong`, and names the student's line."""
        self._expect_signature(given)
        try:
            return self._call(_copied(given))
        except (TypeError, AttributeError) as error:
            for_tensors = "Tensor" in str(error) or "ndarray" in str(error)
            tensors = _copied(given, as_tensors=True) if for_tensors else given
            if tensors is given:
                raise self._blame(error) from None
        except Exception as error:
            raise self._blame(error) from None
        try:
            return self._call(tensors)
        except Exception as error:
            raise self._blame(error) from None

    def _call(self, given: tuple[Any, ...]) -> Any:
        self.given = given
        with np.errstate(all="ignore"):  # what became nan or infinite is told with its place
            return self.function(*given)

    def _expect_signature(self, given: tuple[Any, ...]) -> None:
        try:
            signature = inspect.signature(self.function)
        except ValueError:  # some functions written in C have none
            return
        try:
            signature.bind(*given)
        except TypeError as error:
            takes = f"{self.name}{signature}"
            nudge = "leave the line with def as it was in the exercise"
            raise Wrong(f"{takes} cannot be called with {len(given)} arguments: {error}", nudge) from None

    def _blame(self, error: Exception) -> Exception:
        """The error as a student reads it; one of the package's own functions, handed in by a check, stays."""
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        numbers = [number for _, number in traceback.walk_tb(error.__traceback__)]
        if isinstance(error, Wrong) or frames[-1].f_globals.get("__name__", "").startswith("coin_edu.course.nb"):
            return error
        told = f"your code raised {type(error).__name__}: {error}"
        own = getattr(inspect.unwrap(self.function), "__globals__", None)
        for frame, number in zip(reversed(frames), reversed(numbers), strict=True):
            if frame.f_globals is own:
                source = linecache.getline(frame.f_code.co_filename, number, frame.f_globals).strip()
                told += f", in line {number} of {frame.f_code.co_name}" + (f": {source}" if source else "")
                break
        nudge = next((nudge for marks, nudge in ERRORS if any(mark in str(error) for mark in marks)), "")
        return Wrong(told, nudge or "print what stands in this line: its types and shapes")

    def exclusive_or(self) -> int | None:
        """The line of the function that has a ^, which few want in an exercise."""
        try:
            source, first = inspect.getsourcelines(self.function)
            tokens = list(tokenize.generate_tokens(iter([*source, ""]).__next__))
        except (OSError, TypeError, SyntaxError, tokenize.TokenError):  # no source, or a part of a line
            return None
        lines = [first + token.start[0] - 1 for token in tokens if token.string in ("^", "^=")]
        return max(lines[0], 1) if lines else None


def array(got: Any, what: str) -> np.ndarray:
    """Numbers as an array of their own type: from NumPy, torch, lists and tuples of them; else :class:`Wrong`."""
    if got is None:
        nudge = "a function without return gives None; if the dots are still there, put your own code in their place"
        raise Missing(f"{what} returned None: is the return missing?", nudge)
    if got is ...:
        raise Missing(f"{what} returned the dots", "put your own code where the dots are")
    kind = type(got).__name__
    if callable(got) and not hasattr(got, "__array__"):
        raise Wrong(f"{what}: expected numbers, got a function", "call it, with brackets")
    if isinstance(got, Iterator):
        raise Wrong(f"{what}: expected numbers, got a {kind}", "list(...) makes a list of it")
    try:
        value = np.asarray(_plain(got))
    except Exception:  # an object of any kind may refuse in its own way
        value = np.asarray(None)
    if value.dtype.kind not in "biufc":
        inside = " with a None in it" if value.ndim and None in value.flat else ""
        raise Wrong(f"{what}: expected numbers, got {kind}{inside}", "print what you return, and its type")
    return value


def numbers(got: Any, what: str) -> np.ndarray:
    """Real numbers as float64."""
    value = array(got, what)
    if value.dtype.kind == "c":
        nudge = "np.abs(z) is the magnitude of a complex number, np.abs(z) ** 2 its square; z ** 2 stays complex"
        raise Wrong(f"{what}: expected real numbers, got complex ones", nudge)
    return value.astype(float)


def whole(got: Any, what: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Whole numbers, to count or to index with: ints, where 2.0 does not do; of a shape, if one is expected."""
    value = array(got, what)
    if shape not in (None, value.shape):
        how_many = f"{shape[0]} numbers" if shape else "one number"
        raise Wrong(f"{what}: expected {how_many}, got {got!r}")
    if value.dtype.kind not in "iu":
        raise Wrong(f"{what}: expected whole numbers of type int, got {value.tolist()}", FLOATS)
    return value


def _plain(got: Any) -> Any:
    """Without torch's types, however deep."""
    if hasattr(got, "detach"):
        return got.detach().cpu().numpy()
    return [_plain(item) for item in got] if isinstance(got, list | tuple) else got


def _copied(given: Any, as_tensors: bool = False) -> Any:
    """The arguments with arrays and random generators copied; models, tensors and functions are the same ones."""
    if isinstance(given, list | tuple):
        return type(given)(_copied(item, as_tensors) for item in given)
    if isinstance(given, np.ndarray):
        return sys.modules["torch"].from_numpy(given.copy()) if as_tensors else given.copy()
    return copy.deepcopy(given) if isinstance(given, np.random.Generator) else given
