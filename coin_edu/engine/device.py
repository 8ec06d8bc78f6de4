"""Where to compute: the device, and one core for each chunk of pixels."""

import functools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

from coin_edu.errors import CoinError


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" is CUDA where there is one, else MPS, else the CPU.

    Raises
    ------
    CoinError
        If there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        raise CoinError(f"device {name!r} is not to be had here; device='auto' takes the best there is") from error
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
        del _mine.map
        with _noting:
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
