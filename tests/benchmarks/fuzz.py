"""Files that nobody encoded, by the million: `python -m tests.benchmarks.fuzz --count 1000000 --seed 0`.

Valid files are cut, spliced and changed bit by bit, most of them given a checksum that fits again, and handed to the
readers: header, decoder, Pillow plugin, `info`. Whatever comes out must be a picture or a CoinError (through Pillow,
also an error of Pillow's), within a time and a memory that are checked here. An input that breaks this is written to
--keep and ends the run.
"""

import argparse
import contextlib
import io
import resource
import signal
import struct
import tempfile
import time
import warnings
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from coin_edu import Arch, CoinError, Siren, decode, pack_model
from coin_edu.__main__ import main as command_line
from coin_edu.bitstream import CHECKSUM, ENTROPY, HEADER, CoinFile, pack, read_header
from coin_edu.quantize import to_integers, to_numbers, weight_vector

SECONDS, MEMORY = 5, 3 * 2**30  # of processor time and of memory, of which PyTorch alone reserves most
DECODED = 2**22  # pixels times weights up to which an input is decoded whole, and not to 8x8 pixels


def main() -> None:
    """Try so many inputs and count what came of them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    given = options.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, too_long)
    warnings.simplefilter("error")
    rng, seeds, outcomes, begin = np.random.default_rng(given.seed), examples(), Counter(), time.perf_counter()
    for number in range(given.count):
        data = mutate(seeds, rng)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            outcomes[attack(data, number)] += 1
        except BaseException:
            given.keep.mkdir(exist_ok=True)
            (given.keep / f"{given.seed}-{number}.coin").write_bytes(data)
            raise
        signal.setitimer(signal.ITIMER_PROF, 0)
        if (number + 1) % 50_000 == 0:
            print(f"{number + 1:,} inputs, {time.perf_counter() - begin:.0f} s: {dict(outcomes)}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{given.count:,} inputs, {dict(outcomes)}, peak memory {peak} MB")


def examples() -> list[bytes]:
    """Small valid files of every coding."""
    files = []
    for arch, shape in ((Arch(1, 3), (5, 7)), (Arch(3, 8), (12, 9)), (Arch(2, 6, "relu", fourier=2), (8, 8))):
        model = Siren(arch)
        files += [pack_model(model, shape, bits) for bits in (32, 16, 8, 5, 2)]
        weights, steps = to_numbers(weight_vector(model), arch, 4, "channel")
        files.append(pack(CoinFile(shape, arch, 4, weights, steps, "channel")))
        sizes = np.full(arch.n_steps(), 2.0**-6, np.float32)
        integers = to_integers(weight_vector(model), arch, sizes)
        files.append(pack(CoinFile(shape, arch, ENTROPY, integers, sizes)))
    return files


def mutate(seeds: list[bytes], rng: np.random.Generator) -> bytes:
    """One of the files, changed in a few ways; in three of four cases its length and checksum are made to fit."""
    data = bytearray(seeds[rng.integers(len(seeds))])
    for _ in range(rng.integers(1, 5)):
        place = int(rng.integers(len(data))) if data else 0
        kind = rng.integers(6)
        if kind == 0 and data:
            data[place] ^= 1 << int(rng.integers(8))
        elif kind == 1 and data:  # the header is where a change does most
            data[int(rng.integers(4, HEADER.size)) % len(data)] = int(rng.choice([0, 1, 2, 3, 127, 128, 254, 255]))
        elif kind == 2:
            data[place : place + int(rng.integers(1, 9))] = rng.bytes(int(rng.integers(0, 9)))
        elif kind == 3:
            del data[place:]
        elif kind == 4:
            data += rng.bytes(int(rng.integers(1, 40)))
        else:
            other = seeds[rng.integers(len(seeds))]
            data[place:] = other[place:]
    if len(data) >= HEADER.size + CHECKSUM.size and rng.random() < 0.75:
        struct.pack_into("<I", data, HEADER.size - 4, len(data) - HEADER.size - CHECKSUM.size)
        data[-4:] = CHECKSUM.pack(zlib.crc32(data[:-4]))
    return bytes(data)


def attack(data: bytes, number: int) -> str:
    """What one of the readers made of it."""
    try:
        if number % 10 == 0:
            with Image.open(io.BytesIO(data), formats=["COIN"]) as image:
                if small(data):
                    image.load()
        elif number % 100 == 1:
            return info(data)
        else:
            decode(data, size=None if small(data) else (8, 8))
    except CoinError:
        return "refused"
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return "refused by Pillow"
    return "read"


def small(data: bytes) -> bool:
    """Whether decoding it whole is quick; honest files may claim pictures that take minutes."""
    file = read_header(data)
    return file.shape[0] * file.shape[1] * file.arch.n_weights <= DECODED


def info(data: bytes) -> str:
    """The command `info` on a file of these bytes."""
    with tempfile.NamedTemporaryFile(suffix=".coin") as file, contextlib.redirect_stdout(io.StringIO()):
        file.write(data)
        file.flush()
        with contextlib.redirect_stderr(io.StringIO()):
            return "read" if command_line(["info", file.name]) == 0 else "refused"


def too_long(*_: object) -> None:
    """An input took more than its time."""
    raise TimeoutError(f"one input took more than {SECONDS} s")


if __name__ == "__main__":
    main()
