"""Files that nobody encoded, by the million: `python -m tests.benchmarks.fuzz --count 1000000 --seed 0`.

Valid files are cut, spliced and changed bit by bit, most of them given a checksum that fits again, and handed to the
readers of READERS: nearly all to `decode`, some to the Pillow plugin, `info`, the leaderboard, progressive decoding,
and saved fits and searches to theirs. Whatever comes out must be a picture or a CoinError (through Pillow, also an
error of Pillow's), within a time and a memory that are checked here. An input that breaks this is written to --keep
and ends the run.
"""

import argparse
import contextlib
import io
import logging
import resource
import signal
import struct
import tempfile
import time
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from coin_edu import Arch, CoinError, Fit, Siren, decode, decode_progressive, fit, pack_model, search
from coin_edu.bitstream import CHECKSUM, HEADER, CoinFile, pack, read_header
from coin_edu.cli import main as command_line
from coin_edu.coding import ENTROPY, Coding
from coin_edu.quantization import to_integers, to_numbers, weight_vector
from coin_edu.study.leaderboard import leaderboard

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
    logging.disable(logging.WARNING)  # what Optuna has to say of a damaged storage
    odd_folders()
    rng, seeds, outcomes, begin = np.random.default_rng(given.seed), examples(), Counter(), time.perf_counter()
    for number in range(given.count):
        name = reader(number)
        data = mutate(name, seeds, rng)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            outcomes[name, attack(name, data)] += 1
        except BaseException:
            given.keep.mkdir(exist_ok=True)
            (given.keep / f"{given.seed}-{number}.{name}").write_bytes(data)
            raise
        signal.setitimer(signal.ITIMER_PROF, 0)
        if (number + 1) % 50_000 == 0:
            print(f"{number + 1:,} inputs, {time.perf_counter() - begin:.0f} s", flush=True)
    for (name, outcome), count in sorted(outcomes.items()):
        print(f"{name}: {outcome} {count:,}")
    peak, seconds = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, time.perf_counter() - begin
    print(f"{given.count:,} inputs, {given.count / seconds:.0f} a second, peak memory {peak} MB")


def reader(number: int) -> str:
    """Who of READERS gets the input of this number."""
    if number % 1000 == 5:
        return "search"
    return {1: "info", 2: "leaderboard", 3: "progressive", 4: "fit"}.get(
        number % 100, "decode" if number % 10 else "pillow"
    )


def examples() -> dict[str, list[bytes]]:
    """Small valid files: .coin files of every coding, a saved fit, and a search's storage."""
    image = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    quick = {"steps": 3, "device": "cpu", "progress": False}
    with tempfile.TemporaryDirectory() as folder:
        state, storage = Path(folder, "state.fit"), Path(folder, "search.db")
        fit(image, Arch(1, 4), **quick).save(state)
        search(image, 20, trials=2, storage=storage, **quick)
        return {"coin": pictures(), "fit": [state.read_bytes()], "search": [storage.read_bytes()]}


def pictures() -> list[bytes]:
    """Small .coin files of every coding."""
    files = []
    version_1 = Arch(1, 3), Arch(3, 8), Arch(2, 6, "relu", fourier=2)
    version_2 = Arch(3, 9, fourier=3, ratio=1.5, widths=(9, 4, 6)), Arch(2, 5, "gelu", fourier=1, ratio=3.0)
    for arch, shape in zip((*version_1, *version_2), ((5, 7), (12, 9), (8, 8), (5, 7), (9, 8)), strict=True):
        model = Siren(arch)
        files += [pack_model(model, shape, bits) for bits in (32, 16, 8, 5, 2)]
        weights, steps = to_numbers(weight_vector(model), arch, Coding(4, "channel"))
        files.append(pack(CoinFile(shape, arch, Coding(4, "channel"), weights, steps)))
        sizes = np.full(ENTROPY.n_steps(arch), 2.0**-6, np.float32)
        integers = to_integers(weight_vector(model), arch, sizes)
        files.append(pack(CoinFile(shape, arch, ENTROPY, integers, sizes)))
    return files


def mutate(name: str, seeds: dict[str, list[bytes]], rng: np.random.Generator) -> bytes:
    """One of a reader's files, changed in a few ways; in most cases its lengths and checksums are made to fit."""
    some = seeds.get(name, seeds["coin"])
    data = some[rng.integers(len(some))]
    if name == "fit":
        return mutate_archive(data, rng)
    if some is seeds["coin"] and rng.random() < 0.3:
        return claim(data, rng)
    changed = change(data, some, rng)
    if some is seeds["coin"] and len(changed) >= HEADER.size + CHECKSUM.size and rng.random() < 0.75:
        struct.pack_into("<I", changed, HEADER.size - 4, len(changed) - HEADER.size - CHECKSUM.size)
        changed[-4:] = CHECKSUM.pack(zlib.crc32(changed[:-4]))
    return bytes(changed)


def claim(original: bytes, rng: np.random.Generator) -> bytes:
    """A file one or two of whose header's fields say anything, all else as it was, its checksum right.

    In version 2 the ratio and each of the widths are fields too.
    """
    header = struct.Struct(HEADER.format + "f" + "H" * original[16] if original[4] == 2 else HEADER.format)
    fields = list(header.unpack_from(original))
    for place in rng.integers(1, len(fields), rng.integers(1, 3)):
        code = header.format.lstrip("<4s")[place - 1]
        if code == "f":
            fields[place] = float(rng.choice([0, -1, 1e-9, 1, 2, 4, 30, 1e9, 3e38, np.inf, np.nan, rng.normal() * 100]))
        else:
            most = {"B": 2**8, "H": 2**16, "I": 2**32}[code] - 1
            fields[place] = int(rng.choice([0, 1, 2, 3, 7, 16, most // 2, most - 1, most, int(rng.integers(most))]))
    body = header.pack(*fields) + original[header.size : -CHECKSUM.size]
    return body + CHECKSUM.pack(zlib.crc32(body))


def change(original: bytes, others: list[bytes], rng: np.random.Generator) -> bytearray:
    """Bits flipped, bytes put in or left out, the end cut off, made longer, or taken from another file."""
    data = bytearray(original)
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
            other = others[rng.integers(len(others))]
            data[place:] = other[place:]
    return data


def mutate_archive(data: bytes, rng: np.random.Generator) -> bytes:
    """A saved fit with one of its parts changed before they are put together again, checksums and all."""
    if rng.random() < 0.25:
        return bytes(change(data, [data], rng))
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        target = rng.choice([name for name in old.namelist() if name.endswith((".pkl", "0"))])
        for name in old.namelist():
            part = old.read(name)
            new.writestr(name, bytes(change(part, [part], rng)) if name == target else part)
    return buffer.getvalue()


def attack(name: str, data: bytes) -> str:
    """What the reader made of it."""
    try:
        READERS[name](data)
    except CoinError:
        return "refused"
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return "refused by Pillow"
    return "read"


def read_whole(data: bytes) -> None:
    decode(data, size=None if small(data) else (8, 8))


def read_by_pillow(data: bytes) -> None:
    with Image.open(io.BytesIO(data), formats=["COIN"]) as image:
        if small(data):
            image.load()


def read_progressively(data: bytes) -> None:
    if small(data):
        list(decode_progressive(data))


def read_info(data: bytes) -> None:
    silent = io.StringIO()
    with on_disk(data, "file.coin") as path, contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        if command_line(["info", str(path)]) != 0:
            raise CoinError("as it was printed")


def read_submission(data: bytes) -> None:
    with on_disk(data, "student.coin") as path:
        (entry,) = leaderboard(path.parent, np.zeros((5, 7, 3), np.uint8), 10_000, progress=False)
    if entry.reason:
        raise CoinError(entry.reason)


def read_fit(data: bytes) -> None:
    with on_disk(data, "state.fit") as path:
        assert Fit.load(path).model.arch.n_weights < 1000


def read_search(data: bytes) -> None:
    image = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    with on_disk(data, "search.db") as path:
        search(image, 20, trials=1, steps=3, storage=path, device="cpu", progress=False)


def odd_folders() -> None:
    """A leaderboard of 5,000 files, one of the longest name and one a link to itself: no slower a file than of half."""
    data, original = pictures()[1], np.zeros((5, 7, 3), np.uint8)
    spent = []
    for count in (2500, 5000):
        with tempfile.TemporaryDirectory() as folder:
            for number in range(count):
                Path(folder, f"{number}.coin").write_bytes(data)
            Path(folder, "x" * 250 + ".coin").write_bytes(data)
            Path(folder, "loop.coin").symlink_to("loop.coin")
            begin = time.perf_counter()
            entries = leaderboard(folder, original, 10_000, progress=False)
            spent.append(time.perf_counter() - begin)
        assert count <= len(entries) <= count + 2
    print(f"a leaderboard of 2,500 files: {spent[0]:.1f} s; of 5,000: {spent[1]:.1f} s", flush=True)
    assert spent[1] < 3 * spent[0] + 1, "a step that goes by the square of their number"


READERS = {
    "decode": read_whole,
    "pillow": read_by_pillow,
    "progressive": read_progressively,
    "info": read_info,
    "leaderboard": read_submission,
    "fit": read_fit,
    "search": read_search,
}


@contextlib.contextmanager
def on_disk(data: bytes, name: str) -> Iterator[Path]:
    """A file of these bytes, alone in a folder."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        yield path


def small(data: bytes) -> bool:
    """Whether decoding it whole is quick; honest files may claim pictures that take minutes."""
    file = read_header(data)
    return file.shape[0] * file.shape[1] * file.arch.n_weights <= DECODED


class TooLong(BaseException):
    """An input took more than its time; no reader takes this for an error of the input."""


def too_long(*_: object) -> None:
    """The clock's call."""
    raise TooLong(f"more than {SECONDS} s")


if __name__ == "__main__":
    main()
