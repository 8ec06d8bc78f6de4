"""Where to compute: the device, and one core for each chunk of pixels."""

import functools
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

from coin_edu.errors import CoinError, printable


def pick_device(name: str | torch.device = "auto") -> torch.device:
    """The device of that name; "auto" is CUDA where there is a card that works, else the CPU.

    A Mac's MPS is taken only by its name: some 200 small operations a step are no faster there than on the CPU.

    Raises
    ------
    CoinError
        If there is no such device here, or it fails at the first few operations.
    """
    if name == "auto":
        if not torch.cuda.is_available():
            return torch.device("cpu")
        try:
            return _tried("cuda")
        except FAILURES as error:  # an old driver or card, or one that others fill
            reason = printable(error).partition(r"\n")[0]
            warnings.warn(f"there is CUDA, but it fails ({reason}); the CPU is taken instead", stacklevel=3)
            return torch.device("cpu")
    try:
        return _tried(name)
    except FAILURES as error:
        raise CoinError(f"device {str(name)!r} is not to be had here; device='auto' takes the best there is") from error


FAILURES = (RuntimeError, AssertionError, NotImplementedError, ImportError, TypeError)


def _tried(name: str | torch.device) -> torch.device:
    """The device, after it has done a few operations of each kind that a step needs."""
    device = torch.device(name)
    numbers = torch.arange(64, device=device)
    products = numbers.float().view(8, 8) @ numbers.float().view(8, 8)
    (products.sin().sum() + (numbers >> 1).sum() + numbers.cumsum(0)[-1]).item()
    return device


@contextmanager
def chunk_map(device: torch.device) -> Iterator[Callable[..., Any]]:
    """A `map` over chunks of pixels that keeps all cores busy, its results in order.

    Products of matrices 30 wide are too small for torch to share among threads: on two cores, a Python thread a core,
    each with a chunk of its own and torch's threads off, takes two thirds of the time. As many threads as
    ``torch.get_num_threads()``; how many there are does not change a result.

    The number of torch's threads belongs to the whole process, and a widget may decode a picture while another is being
    fitted. So a caller who enters while another is inside takes the number from there, and every caller sets it again
    when it leaves. A caller who is inside already gets the same `map` again.
    """
    if each := getattr(_mine, "map", None):
        yield each
        return
    with _noting:
        threads = _inside[-1] if _inside else torch.get_num_threads()
        serial = device.type != "cpu" or threads == 1
        if not serial:
            _inside.append(threads)
            torch.set_num_threads(1)
    if serial:
        yield map
        return
    _mine.map = _pool(threads).map
    try:
        yield _mine.map
    finally:
        vars(_mine).pop("map", None)
        with _noting:
            if _inside:  # a process forked inside has left it already
                torch.set_num_threads(_inside.pop())


_noting, _inside, _mine = threading.Lock(), list[int](), threading.local()


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Kept for the whole process: where threads come and go, Python may drop an interrupt in a callback of theirs."""
    return ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))


def _after_fork() -> None:
    """A forked process has none of these threads, nor any of torch's: who waits for them waits for ever."""
    global _noting, _mine
    _noting, _mine = threading.Lock(), threading.local()
    _inside.clear()
    _pool.cache_clear()
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
