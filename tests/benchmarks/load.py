"""What large and many pictures take in memory: `python -m tests.benchmarks.load`.

A photograph of 24 megapixels is encoded and decoded on the command line, each in a process of its own; the peak of its
resident memory must stay within LARGE. A thousand small ones go through `encode_many`; from the first tenth to the last
no process may grow by more than LEAK.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from threading import Event, Thread

import numpy as np
import psutil  # comes with ipykernel
from PIL import Image

from coin_edu import Arch, encode_many, photo

LARGE, LEAK = 1024, 16  # megabytes

PROGRAM = """
import resource, sys
from coin_edu.cli import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10))
sys.exit(code)
"""


def main() -> None:
    """Measure, print, and fail where a bound is not kept."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", default="6000x4000", help="pixels of the large picture (default: 6000x4000)")
    options.add_argument("--arch", default="10x28", help="its network (default: 10x28)")
    options.add_argument("--count", type=int, default=1000, help="how many small pictures (default: 1000)")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large(folder, tuple(map(int, given.size.split("x"))), given.arch)
        many(folder, given.count)


def large(folder: Path, size: tuple[int, int], arch: str) -> None:
    """Peak memory of encoding and decoding."""
    Image.fromarray(photo()).resize(size, Image.Resampling.BICUBIC).save(folder / "large.bmp")
    flags = ("--arch", arch, "--steps", "3", "--device", "cpu")
    for command, *rest in (("encode", "large.bmp", "large.coin", *flags), ("decode", "large.coin", "back.bmp")):
        clock = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", PROGRAM, command, *rest], cwd=folder, stdout=subprocess.PIPE,
                              env={**os.environ, "PYTHONPATH": os.getcwd()}, check=True)  # fmt: skip
        peak = int(done.stdout.split()[-1])
        print(f"{command} {size[0]}x{size[1]}, {arch}: {peak} MB, {time.perf_counter() - clock:.0f} s", flush=True)
        assert peak <= LARGE, f"more than {LARGE} MB"


def many(folder: Path, count: int) -> None:
    """Memory of this process and of the workers while pictures are encoded."""
    pictures = []
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 256, (4, 5, 3), np.uint8)
        pictures.append(folder / f"{number}.bmp")
        Image.fromarray(noise).resize((80, 60), Image.Resampling.BICUBIC).save(pictures[-1])
    over, samples = Event(), []

    def watch() -> None:
        while not over.wait(1):
            processes = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
            samples.append({pid: psutil.Process(pid).memory_info().rss / 2**20 for pid in processes})

    watcher = Thread(target=watch)
    watcher.start()
    clock = time.perf_counter()
    try:
        results = encode_many(
            pictures, folder / "coins", arch=Arch(3, 16), steps=20, device="cpu", workers=2, progress=False
        )
    finally:
        over.set()
        watcher.join()
    assert not any(one.error for one in results) and len(list((folder / "coins").iterdir())) == count
    samples = [sample for sample in samples if sample.keys() == samples[-1].keys()]
    tenth = max(1, len(samples) // 10)
    for pid in samples[-1]:
        first, last = (median(sample[pid] for sample in some) for some in (samples[:tenth], samples[-tenth:]))
        print(
            f"process {'' if pid == os.getpid() else 'of a worker '}{pid}: {first:.0f} MB at first, {last:.0f} at last"
        )
        assert last - first <= LEAK, f"it grew by more than {LEAK} MB"
    print(f"{count} pictures in {time.perf_counter() - clock:.0f} s")


if __name__ == "__main__":
    main()
