"""Work that is killed and begun again: `python -m tests.benchmarks.kill --count 300 --seed 0`.

Each job runs in a forked child that is killed with SIGKILL, either at a random time or just before a random one of its
calls that touch a file, and is begun again in the same folder until it gets through. After every kill no file may
stand half-written under a final name, and what was finished must still be there. In the end the folder must hold what
a run makes that nobody disturbed.
"""

import argparse
import hashlib
import io
import os
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from threading import RLock
from unittest import mock

import numpy as np
import pooch
import torch
from PIL import Image

from coin_edu import Arch, Fit, data, encode_many, fit_steps, kodak, load_image, search
from coin_edu.cli import main as command_line
from coin_edu.engine.progress import tqdm
from tests.test_data import server

SETTINGS = {"arch": Arch(2, 8), "steps": 40, "device": "cpu", "progress": False}


@dataclass(frozen=True)
class Job:
    """Some work on a folder, and how to look at what it has done so far.

    `finished` gives all that is finished, whole, in the folder; it fails where something is there in part.
    """

    run: Callable[[Path], object]
    finished: Callable[[Path], set[object]]


def pictures(folder: Path) -> list[Path]:
    """Three of them, made once."""
    paths = [folder.with_name(f"picture{n}.png") for n in range(3)]
    if not paths[-1].exists():
        for n, path in enumerate(paths):
            noise = np.random.default_rng(n).integers(0, 256, (3, 4, 3), np.uint8)
            Image.fromarray(noise).resize((60, 80), Image.Resampling.BICUBIC).save(path)
    return paths


def run_encode(folder: Path) -> None:
    """On the command line."""
    flags = ("--arch", "2x8", "--steps", "40", "--device", "cpu", "--overwrite")
    assert command_line(["encode", str(pictures(folder)[0]), str(folder / "out.coin"), *flags]) == 0


def run_many(folder: Path) -> None:
    """Two pictures at a time."""
    with ThreadPoolExecutor(2) as pool:
        assert not any(one.error for one in encode_many(pictures(folder), folder, executor=pool, **SETTINGS))


def run_fit(folder: Path) -> None:
    """The state is saved at every report, and gone on with."""
    image, path = load_image(pictures(folder)[0]), folder / "state.fit"
    state = Fit.load(path) if path.exists() else None
    for report in fit_steps(image, Arch(2, 8), 40, device="cpu", every=4, state=state):
        report.state.save(path)


def run_search(folder: Path) -> None:
    """Four trials."""
    keywords = {"trials": 4, "steps": 20, "device": "cpu", "progress": False}
    search(load_image(pictures(folder)[0]), 1, storage=folder / "search.db", **keywords)


def run_download(folder: Path) -> None:
    """A picture from a server in the child itself."""
    content = pictures(folder)[0].read_bytes()
    checksums = {"kodim01.png": hashlib.sha256(content).hexdigest()}
    with (
        server({"kodim01.png": content}) as (url, _),
        mock.patch.multiple(data, KODAK_URL=url, KODAK_SHA256=checksums),
        mock.patch.object(pooch, "os_cache", lambda _: folder),
    ):
        kodak(1)


def files(folder: Path) -> set[object]:
    """Names and bytes; parts of files have names of their own."""
    ours, poochs = ".coin_edu.", "tmp"
    return {(path.name, path.read_bytes()) for path in folder.iterdir() if not path.name.startswith((ours, poochs))}


def reports(folder: Path) -> set[object]:
    """Those of the fit's history, without the time they took."""
    path = folder / "state.fit"
    return {(m.step, m.loss, m.psnr) for m in Fit.load(path).history} if path.exists() else set()


def trials(folder: Path) -> set[object]:
    """Their numbers, and whether the default is among them; else a search that goes on proposes what it likes."""
    path = folder / "search.db"
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        if not connection.execute("select * from sqlite_master where name = 'trial_values'").fetchone():
            return set()
        (count,) = connection.execute("select count(*) from trials where state = 'COMPLETE'").fetchone()
        assert connection.execute("select count(*) from trial_values").fetchone() == (count,)
        default = "select 1 from trials natural join trial_params where state = 'COMPLETE' and param_value = 1.0"
        return {*range(count), *(["the default"] if connection.execute(default).fetchone() else [])}


JOBS = {
    "encode": Job(run_encode, files),
    "encode_many": Job(run_many, files),
    "fit": Job(run_fit, reports),
    "search": Job(run_search, trials),
    "download": Job(run_download, files),
}


class Watch:
    """Counts the calls that touch a folder, and before one of them kills the process."""

    def __init__(self) -> None:
        self.folder, self.calls, self.last = "", 0, float("inf")
        sys.addaudithook(self)

    def __call__(self, _: str, arguments: tuple[object, ...]) -> None:
        if self.folder and any(self.folder in str(one) for one in arguments if isinstance(one, str | Path)):
            self.calls += 1
            if self.calls > self.last:
                os.kill(os.getpid(), signal.SIGKILL)


def fork(job: Job, folder: Path, watch: Watch, last: float) -> tuple[int, int]:
    """The process of a child at the job, which its call number `last` will be the end of, and a pipe of what it says.

    What it needs the parent has loaded: a fork costs milliseconds, where a new Python would take seconds.
    """
    read, write = os.pipe()
    if child := os.fork():
        os.close(write)
        return child, read
    code = 1
    try:
        sys.stdout = sys.stderr = os.fdopen(write, "w")
        watch.folder, watch.calls, watch.last = str(folder), 0, last
        job.run(folder)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


@dataclass(frozen=True)
class Calm:
    """A run that nobody disturbed: all it finished, its seconds, and how many calls touched its folder."""

    finished: set[object]
    seconds: float
    calls: int


def torment(job: Job, calm: Calm, folder: Path, watch: Watch, rng: np.random.Generator) -> int:
    """Kill one job again and again, and begin it again in the same folder, until it gets through; how often it was."""
    folder.mkdir()
    done: set[object] = set()
    for kills in range(1000):
        by_clock = rng.random() < 0.5
        child, read = fork(job, folder, watch, float("inf") if by_clock else rng.integers(int(1.2 * calm.calls)))
        if by_clock:
            time.sleep(rng.uniform(0, 1.2 * calm.seconds))
            os.kill(child, signal.SIGKILL)
        with os.fdopen(read) as said:
            text = said.read()
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL), f"after {kills} kills it failed: {text}"
        before, done = done, job.finished(folder)
        assert before <= done <= calm.finished, f"lost: {before - done}; half-written: {done - calm.finished}"
        if status == 0:
            assert done == calm.finished, f"missing: {calm.finished - done}"
            return kills
    raise AssertionError("a thousand kills, and no end")


def main() -> None:
    """Kill so often, and count."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=300)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    torch.set_num_threads(1)  # a process with more threads than one is not to be forked
    tqdm.monitor_interval = 0
    tqdm.set_lock(RLock())  # its own is the system's: a child killed while it holds it would block all others
    rng, watch, clock = np.random.default_rng(given.seed), Watch(), time.perf_counter()
    calm, kills, ends = {}, Counter(), Counter()
    with tempfile.TemporaryDirectory() as home:
        for turn, (name, job) in product(("first", "second"), JOBS.items()):  # the first loads what the job needs
            folder = Path(home, f"{turn}-{name}")
            folder.mkdir()
            watch.folder, watch.calls, start = str(folder), 0, time.perf_counter()
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                job.run(folder)
            calm[name] = Calm(job.finished(folder), time.perf_counter() - start, watch.calls)
        watch.folder = ""
        while kills.total() < given.count:
            name, folder = min(JOBS, key=kills.__getitem__), Path(home, f"{ends.total()}")
            kills[name] += torment(JOBS[name], calm[name], folder, watch, rng)
            ends[name] += 1
    for name in JOBS:
        print(f"{name}: killed {kills[name]} times, got through {ends[name]} times")
    print(f"{kills.total()} kills in {time.perf_counter() - clock:.0f} s: nothing half-written, nothing lost")


if __name__ == "__main__":
    main()
