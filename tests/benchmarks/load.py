"""What large and many pictures take in memory: `python -m tests.benchmarks.load`.

A photograph of 24 megapixels is encoded and decoded on the command line, each in a process of its own; the peak of its
resident memory must stay within LARGE. The largest picture that a file may hold, square, one row and one column, is
decoded coarse to fine within COARSE. A thousand small ones go through `encode_many`; from the first tenth to the last
no process may grow by more than LEAK.
"""

import argparse
import math
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

from coin_edu import Arch, Siren, encode_many, pack_model, photo
from coin_edu.bitstream import MAX_PIXELS
from coin_edu.files import write_bytes

LARGE, COARSE, LEAK = 1024, 2560, 16  # megabytes

COMMAND = """
from coin_edu.cli import main
code = main(sys.argv[1:])
"""
COARSE_TO_FINE = """
from coin_edu import decode_progressive
code = sum(1 for picture in decode_progressive(sys.argv[1])) != 7
"""
PROGRAM = """
import resource, sys
{}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10))
sys.exit(code)
"""


def main() -> None:
    """Measure, print, and fail where a bound is not kept."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", default="6000x4000", help="pixels of the large picture (default: 6000x4000)")
    options.add_argument("--arch", default="10x28", help="its network (default: 10x28)")
    options.add_argument("--pixels", type=int, default=MAX_PIXELS, help="of what is decoded coarse to fine")
    options.add_argument("--count", type=int, default=1000, help="how many small pictures (default: 1000)")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large(folder, tuple(map(int, given.size.split("x"))), given.arch)
        coarse_to_fine(folder, given.pixels)
        many(folder, given.count)


def large(folder: Path, size: tuple[int, int], arch: str) -> None:
    """Peak memory of encoding and decoding."""
    Image.fromarray(photo()).resize(size, Image.Resampling.BICUBIC).save(folder / "large.bmp")
    flags = ("--arch", arch, "--steps", "3", "--device", "cpu")
    for command, *rest in (("encode", "large.bmp", "large.coin", *flags), ("decode", "large.coin", "back.bmp")):
        watched(f"{command} {size[0]}x{size[1]}, {arch}", folder, COMMAND, command, *rest, most=LARGE)


def coarse_to_fine(folder: Path, pixels: int) -> None:
    """Peak memory of the largest pictures, of the smallest network: more pixels cannot be held, nor be cheaper."""
    side = math.isqrt(pixels)
    for height, width in ((side, side), (1, pixels), (pixels, 1)):
        write_bytes(folder / "all.coin", pack_model(Siren(Arch(1, 1)), (height, width), 8))
        watched(f"decode_progressive {width}x{height}", folder, COARSE_TO_FINE, "all.coin", most=COARSE)


def watched(what: str, folder: Path, code: str, *arguments: str, most: int) -> None:
    """Run a program in a process of its own; the most memory it had, which must be within `most` megabytes."""
    clock = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(code), *arguments], cwd=folder, stdout=subprocess.PIPE,
                          env={**os.environ, "PYTHONPATH": os.getcwd()}, check=True)  # fmt: skip
    peak = int(done.stdout.split()[-1])
    print(f"{what}: {peak} MB, {time.perf_counter() - clock:.0f} s", flush=True)
    assert peak <= most, f"more than {most} MB"


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
