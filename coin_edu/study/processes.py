"""Processes of this machine that do independent work side by side, and bear that one of them is killed."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from concurrent.futures.process import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import torch

from coin_edu.engine.progress import tqdm


class Processes(ThreadPoolExecutor):
    """An executor of processes, each with a thread here that feeds it: one that is killed takes no other along.

    (When one process of a ``ProcessPoolExecutor`` is killed, all are lost; so here each has one to itself.) They end
    when the pipe to them closes: at the shutdown, even in the middle of their work, or with this process, however that
    ends.
    """

    def __init__(self, count: int):
        super().__init__(count)
        self.context = get_context("spawn")  # a fork copies torch's locks, but not the threads that hold them
        self.listen, self.hold = self.context.Pipe(duplex=False)
        self.local = threading.local()
        self.pools: list[ProcessPoolExecutor] = []

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``call(*args, **kwargs)`` in one of the processes."""
        return super().submit(self._pass_on, call, *args, **kwargs)

    def _pass_on(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """In a thread: the answer of its process, which is a new one after the last was killed."""
        if not hasattr(self.local, "pool"):
            self.local.pool = ProcessPoolExecutor(1, self.context, _begin, (self.listen,))
            self.pools.append(self.local.pool)
            with _without_script():
                self.local.pool.submit(int)  # which starts the process
            self.local.process = next(iter(self.local.pool._processes.values()))
        try:
            return self.local.pool.submit(call, *args, **kwargs).result()
        except BrokenExecutor as error:
            del self.local.pool
            self.local.process.join(1)
            raise type(error)(_death(self.local.process.exitcode)) from error

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes at once, whatever they are at."""
        self.hold.close()
        super().shutdown(wait, cancel_futures=True)
        for pool in self.pools:
            pool.shutdown(wait)


_starting = threading.Lock()


@contextmanager
def _without_script() -> Iterator[None]:
    """A new process would run the script of this one again; there may be none (standard input), and it needs none."""
    script = sys.modules["__main__"]
    with _starting:
        kept: dict[str, Any] = {name: vars(script)[name] for name in ("__spec__", "__file__") if name in vars(script)}
        try:
            vars(script).update(dict.fromkeys(kept))
            yield
        finally:
            vars(script).update(kept)


def _death(code: int | None) -> str:
    """What became of a process, by its exit code."""
    if code is not None and -code == getattr(signal, "SIGKILL", None):
        return "its process was killed, perhaps by the system for want of memory; try fewer workers"
    return f"its process ended with exit code {code}"


def _begin(pipe: Connection) -> None:
    """In a new process."""
    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())  # its own is a semaphore of the system's, which a process killed leaves behind
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends Ctrl-C to all; what it means, the parent decides
    threading.Thread(target=_leave, args=(pipe,), daemon=True).start()


def _leave(pipe: Connection) -> None:
    """End this process when the other end of the pipe is closed."""
    with suppress(EOFError, OSError):
        pipe.recv()
    os._exit(1)
