"""What the tests of the problem sets stand on: an answer is called alone, and its neighbors are right.

A test is a function here, in the package, so that nothing a notebook defines anew can reach it.
"""

import builtins
import contextlib
import copy
import inspect
import io
import os
import signal
import sys
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, TypeVar

import numpy as np

import coin_edu.course.answer
from coin_edu.course import Wrong, expect

Numbers = TypeVar("Numbers")

PACKAGE = os.path.join(os.path.dirname(coin_edu.__file__), "")

# A kernel puts its own in their places, cell by cell.
KERNELS = {"_", "input", "print", "open", "help", "exit", "quit", "breakpoint"}
COURSE = os.path.join(PACKAGE, "course", "")

# What was there when the set began: by module, each name's value and, of a function, its code.
_LEFT_ALONE: dict[ModuleType, dict[str, tuple[Any, Any]]] = {}


class Slow(BaseException):
    """The time is up; no ``except Exception`` of an answer holds it."""


class Submitted:
    """A student's function, called on copies of its arguments, for a while, with right neighbors and alone.

    Parameters
    ----------
    function : callable
    name : str
        What the set calls it.
    neighbors : mapping of str to callable
        The set's other functions, right ones; while the answer runs, its notebook has these.
    package : bool
        Whether it may call coin_edu; else it is to be the student's own work.
    """

    seconds = 20.0  # that one call may take,
    seconds_to_fit = 60.0  # and one that fits networks, on a busy machine

    def __init__(
        self, function: Any, name: str, neighbors: Mapping[str, Callable[..., Any]], package: bool = False
    ) -> None:
        expect(callable(function), f"{name} must be a function, got {type(function).__name__}")
        self.function, self.name, self.neighbors, self.package = function, name, neighbors, package

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """The answer's result; an error of the answer's is a :class:`Wrong`."""
        try:
            return self.raw(*arguments, **keywords)
        except Wrong:
            raise
        except SystemExit:
            raise Wrong(f"{self.name} ends the program: return the result instead") from None
        except NotImplementedError:
            raise Wrong(f"{self.name} is not written yet: put your code in place of the line that raises") from None
        except Exception as error:
            raise Wrong(f"{self.name} raised {type(error).__name__}: {error}{_line(error)}") from error

    def refuses(self, *arguments: Any) -> bool:
        """Whether the answer raises a ValueError, as it should; any other error is a :class:`Wrong`."""
        try:
            self(*arguments)
        except Wrong as wrong:
            if isinstance(wrong.__cause__, ValueError):
                return True
            raise
        return False

    def raw(self, *arguments: Any, **keywords: Any) -> Any:
        """The answer's result, its errors as they are."""
        given = [argument if _drawing(argument) else copy.deepcopy(argument) for argument in arguments]
        with (
            _swapped(self.function, self.neighbors),
            _limited(self.name, self.seconds_to_fit if self.package else self.seconds),
            _watched(self) as used,
        ):
            result = self.function(*given, **keywords)
        expect(
            not used,
            f"{self.name} calls coin_edu's own {', '.join(sorted(used))}; here it is to be written, not called",
        )
        return result


def grader(
    right: Callable[[int], Numbers], names: Sequence[str]
) -> Callable[..., Callable[[Callable[[Submitted, Numbers, np.random.Generator | None], None]], Callable[..., None]]]:
    """Make a set's decorator of tests.

    Parameters
    ----------
    right : callable
        From a variant, a whole number, to an object with the set's functions as they should be.
    names : sequence of str
        The functions' names.

    Returns
    -------
    callable
        ``graded(package=False)``, a decorator of ``test(answer, right, rng)``. The answer has the name of the test's
        first parameter; `rng` is None where students see the test, and draws more cases where they do not.
    """
    check = _check_left_alone  # at hand here, whatever becomes of the name

    def graded(
        package: bool = False,
    ) -> Callable[[Callable[[Submitted, Numbers, np.random.Generator | None], None]], Callable[..., None]]:
        def decorate(test: Callable[[Submitted, Numbers, np.random.Generator | None], None]) -> Callable[..., None]:
            name = next(iter(inspect.signature(test).parameters))

            @wraps(test)
            def run(answer: Any, *, variant: int = 0, seed: int | None = None) -> None:
                check()
                wanted, rng = right(variant), None if seed is None else np.random.default_rng((seed, variant))
                neighbors = {other: getattr(wanted, other) for other in names if other != name}
                said = ""
                # A warning or a progress bar on stderr would count as an error with nbgrader.
                with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
                    warnings.simplefilter("ignore")
                    try:
                        test(Submitted(answer, name, neighbors, package), wanted, rng)
                    except Wrong as wrong:
                        said = str(wrong)
                if said:
                    raise Wrong(said)  # afresh: a page of feedback needs no traceback through the test
                if seed is None:
                    print(f"right: {test.__doc__}")

            return run

        return decorate

    return graded


class Sealed(ModuleType):
    """A module whose names cannot be set any more."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{self.__name__}.{name} is the tests' own: leave it as it is")


def seal(module: str) -> None:
    """Close a module of tests; the last line of each calls it."""
    leave_alone(sys.modules[module])
    sys.modules[module].__class__ = Sealed


def leave_alone(*modules: ModuleType) -> None:
    """Remember what these modules hold; a test refuses to run where it was replaced."""
    for module in modules:
        held = {
            name: value for name, value in vars(module).items() if name not in KERNELS and not name.startswith("__")
        }
        _LEFT_ALONE[module] = {name: (value, getattr(value, "__code__", None)) for name, value in held.items()}


def variant_of(term: int, student: str = "") -> int:
    """The number of a student's variant in a term.

    Without a name, that of the student whose notebook is being graded: nbgrader runs it in a folder STUDENT/SET.

    Examples
    --------
    >>> variant_of(2026, "ada"), variant_of(2026, "bob"), variant_of(2027, "ada")
    (7981, 1218, 8413)
    """
    return 1 + zlib.crc32(f"{term}/{student or Path.cwd().parent.name}".encode()) % 9999


def as_bytes(data: Any, what: str) -> bytes:
    """`data` as bytes, if it is a kind of bytes."""
    hint = "; an array has .tobytes()" if isinstance(data, np.ndarray) else ""
    expect(isinstance(data, bytes | bytearray | memoryview), f"{what}: expected bytes, got {type(data).__name__}{hint}")
    return bytes(data)


def _check_left_alone() -> None:
    for module, held in _LEFT_ALONE.items():
        now = vars(module)
        for name, (value, code) in held.items():
            same = now.get(name) is value and getattr(value, "__code__", None) is code
            expect(same, f"{module.__name__}.{name} was replaced: restart the kernel, and leave it as it is")


def _line(error: BaseException) -> str:
    """Where in the answer an error came from, if that is known."""
    place, trace = "", error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith((PACKAGE, sys.prefix, sys.base_prefix)):
            place = f" (line {trace.tb_lineno} of {trace.tb_frame.f_code.co_name})"
        trace = trace.tb_next
    return place


def _drawing(argument: Any) -> bool:
    """Whether it is a thing of matplotlib's, or a generator of random numbers: those are to be used up."""
    return type(argument).__module__.startswith("matplotlib") or isinstance(argument, np.random.Generator)


@contextlib.contextmanager
def _swapped(function: Any, neighbors: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Put the neighbors under their names wherever the function looks for them, and the student's back afterwards."""
    spaces = [getattr(inspect.unwrap(function), "__globals__", {})]
    if (notebook := vars(sys.modules["__main__"])) is not spaces[0]:
        spaces.append(notebook)
    kept = [{name: space[name] for name in neighbors if name in space} for space in spaces]
    try:
        for space in spaces:
            space.update(neighbors)
        yield
    finally:
        for space, names in zip(spaces, kept, strict=True):
            for name in neighbors:
                space.pop(name, None)
            space.update(names)


@contextlib.contextmanager
def _limited(name: str, seconds: float) -> Iterator[None]:
    """End a call that takes too long; where there is no such alarm (Windows), nbgrader's own limit has to do."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise Slow

    before = signal.signal(signal.SIGALRM, ring)
    begin = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again each second: an answer may hold one in its `except:`
    try:
        yield
    except Slow:
        spent = time.monotonic() - begin
        raise Wrong(
            f"{name} was stopped after {spent:.0f} s; it should take far less: is there a loop too many?"
        ) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _watched(answer: Submitted) -> Iterator[set[str]]:
    """Collect the names of coin_edu's functions that an answer calls and may not; what its neighbors call is theirs."""
    used: set[str] = set()
    refused = COURSE if answer.package else PACKAGE
    neighbors = {function.__code__ for function in answer.neighbors.values()}

    def watch(frame: FrameType | None, event: str, _: Any) -> None:
        if frame is None or event != "call" or not (file := frame.f_code.co_filename).startswith(refused):
            return
        name = frame.f_code.co_name
        while frame is not None:
            if frame.f_code in neighbors:
                return
            frame = frame.f_back
        if file != __file__:
            used.add(name)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield used
    finally:
        sys.setprofile(before)


leave_alone(builtins, np, np.random, coin_edu.course, coin_edu.course.answer)
seal(__name__)
