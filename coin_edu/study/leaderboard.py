"""A class's .coin files against one original: who is closest to it within the budget, and who is out, and why.

A submission is data from a stranger. Its length is looked at before it is read, its header before it is decoded, and
its name is text: nothing in it reaches a terminal, a spreadsheet or a web page as an instruction.
"""

import csv
import hashlib
import io
import math
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import numpy as np

from coin_edu.bitstream import CoinFile, read_header
from coin_edu.codec import decode
from coin_edu.engine.progress import tqdm
from coin_edu.errors import CoinError, check_whole, needs
from coin_edu.files import AnyPath, as_path, explain, read_bytes, shown
from coin_edu.image import check_image
from coin_edu.metrics import bpp, psnr, ssim
from coin_edu.study.processes import Processes

ENDING = ".coin"
MANY = 200  # different files, from which on all cores measure them; the processes take seconds to start

# The products that decoding computes, sines counted too: 35 times those of the paper's largest network, 13x49, on a
# Kodak photograph.
MAX_PRODUCTS = 10**12


@dataclass(frozen=True)
class Entry:
    """One submission.

    Attributes
    ----------
    name : str
        The file's name without its ending; what cannot be printed is replaced.
    rank : int
        From 1; equal where neither PSNR nor bytes differ. 0 if it is out.
    n_bytes : int
    bpp, psnr, ssim : float
        In bits per pixel and dB; NaN if it is out.
    reason : str
        Why it is out; empty if it is not.
    same : str
        Who else handed in the very same bytes; empty if nobody did.
    """

    name: str
    rank: int = 0
    n_bytes: int = 0
    bpp: float = math.nan
    psnr: float = math.nan
    ssim: float = math.nan
    reason: str = ""
    same: str = ""


def leaderboard(
    folder: AnyPath,
    original: np.ndarray,
    budget: int | None = None,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> list[Entry]:
    """Decode every .coin file of a folder and rank them by PSNR, then by bytes; those that are out come last.

    PSNR counts to a hundredth of a dB, as the tables show it.

    Parameters
    ----------
    folder : path
        One file a student, named after him or her. Whatever else is there is listed as out; symbolic links are not
        followed. Only what is hidden, as `.DS_Store`, is passed over.
    original : ndarray, uint8 (H, W, 3)
    budget : int, optional
        Bytes that a file may take, all of it; by default those of the pixels themselves.
    workers : int, optional
        Processes that measure; by default one a core if there are many files, else this one does it.
    progress : bool
        Whether to show a bar.

    Raises
    ------
    CoinError
        If the folder cannot be read or holds no .coin file.
    """
    check_image(original)
    budget = original.size if budget is None else check_whole("the budget in bytes", budget, 1)
    try:
        paths = sorted(as_path(folder).iterdir())
    except OSError as error:
        raise explain(error, folder) from error
    paths = [path for path in paths if not path.name.startswith(".") or path.suffix.lower() == ENDING]
    if not any(path.suffix.lower() == ENDING for path in paths):
        raise CoinError(f"{shown(folder)}: no .coin files here; name the folder that holds the submissions")
    looked = [_look(path, budget) for path in paths]
    entries = [entry for entry, _ in looked]
    twins: dict[str, list[int]] = {}  # by the checksum of their bytes
    for number, (entry, digest) in enumerate(looked):
        if not entry.reason:
            twins.setdefault(digest, []).append(number)
    with tqdm(disable=not progress, total=len(twins), unit="file", desc="measuring") as bar:
        for digest, measured in _measured(
            {key: paths[numbers[0]] for key, numbers in twins.items()}, original, workers
        ):
            numbers = twins[digest]
            for number in numbers:
                others = [entries[other].name for other in numbers[:4] if other != number][:3]
                entries[number] = replace(measured, name=entries[number].name, same=_listed(others, len(numbers) - 1))
            bar.update()
    return _ranked(entries)


def to_csv(entries: Iterable[Entry]) -> str:
    """All entries as CSV; a name that a spreadsheet would take for a formula gets an apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Entry))
    for entry in entries:
        name, same = (
            f"'{text}" if text.startswith(("=", "+", "-", "@")) else text for text in (entry.name, entry.same)
        )
        writer.writerow(astuple(replace(entry, name=name, same=same)))
    return text.getvalue()


def to_markdown(entries: Sequence[Entry]) -> str:
    """The ranking as a Markdown table, and a list of those that are out."""
    lines = ["| rank | name | bytes | bpp | PSNR, dB | SSIM |", "|---:|---|---:|---:|---:|---:|"]
    lines += [
        f"| {one.rank} | {_escape(one.name)} | {one.n_bytes:,} | {one.bpp:.4f} | {one.psnr:.2f} | {one.ssim:.4f} |"
        for one in entries
        if not one.reason
    ]
    if same := [f"- **{_escape(one.name)}**: as {_escape(one.same)}" for one in entries if one.same]:
        lines += ["", "The very same bytes:", "", *same]
    if out := [f"- **{_escape(one.name)}**: {_escape(one.reason)}" for one in entries if one.reason]:
        lines += ["", "Out:", "", *out]
    return "\n".join(lines) + "\n"


def to_text(entries: Iterable[Entry]) -> str:
    """The ranking for a terminal, and a line for each of those that are out."""
    lines = [f"{'rank':>4}{'bytes':>8}{'bpp':>9}{'PSNR dB':>9}{'SSIM':>8}  name"]
    lines += [
        f" out  {one.name}: {one.reason}"
        if one.reason
        else f"{one.rank:4}{one.n_bytes:8} {one.bpp:8.4f}{one.psnr:9.2f}{one.ssim:8.4f}  {one.name}"
        + (f"  (the same bytes as {one.same})" if one.same else "")
        for one in entries
    ]
    return "\n".join(lines) + "\n"


def _place(entry: Entry) -> tuple[bool, float, int]:
    """What the order goes by, the best first."""
    return (True, 0, 0) if entry.reason else (False, -round(entry.psnr, 2), entry.n_bytes)


def _ranked(entries: Sequence[Entry]) -> list[Entry]:
    """In order, with their ranks."""
    ranked: list[Entry] = []
    before: tuple[bool, float, int] | None = None
    rank = 0
    for entry in sorted(entries, key=lambda entry: (_place(entry), entry.name.casefold())):
        if (place := _place(entry)) != before:
            before, rank = place, len(ranked) + 1
        ranked.append(entry if entry.reason else replace(entry, rank=rank))
    return ranked


def _look(path: Path, budget: int) -> tuple[Entry, str]:
    """A file before it is decoded: an entry that is out or is to be measured, and the checksum of its bytes."""
    named = path.suffix.lower() == ENDING
    name = path.stem if named else path.name
    entry = Entry("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name))
    try:
        status = path.lstat()
        entry = replace(entry, n_bytes=status.st_size if stat.S_ISREG(status.st_mode) else 0)
        if stat.S_ISLNK(status.st_mode):
            raise CoinError("a symbolic link; hand in the file itself")
        if stat.S_ISDIR(status.st_mode):
            raise CoinError("a folder; hand in one file, NAME.coin")
        if not stat.S_ISREG(status.st_mode):
            raise CoinError("no ordinary file")
        if not named:
            raise CoinError("its name does not end in .coin; rename it to NAME.coin if it is a submission")
        if entry.n_bytes > budget:
            raise CoinError(f"{entry.n_bytes:,} bytes, over the budget of {budget:,}")
        return entry, hashlib.sha256(read_bytes(path)).hexdigest()
    except OSError as error:
        return replace(entry, reason=str(explain(error, path.name))), ""
    except CoinError as error:
        return replace(entry, reason=str(error)), ""


def _measured(paths: dict[str, Path], original: np.ndarray, workers: int | None) -> Iterator[tuple[str, Entry]]:
    """Each file's entry, in whatever order they are done."""
    usual = (os.cpu_count() or 1) if len(paths) >= MANY else 1
    if (workers := usual if workers is None else check_whole("workers", workers, 1)) == 1:
        yield from ((key, _entry(path, original)) for key, path in paths.items())
        return
    with Processes(workers) as pool:
        waiting = {pool.submit(_entry, path, original): key for key, path in paths.items()}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def _entry(path: Path, original: np.ndarray) -> Entry:
    """A file measured, or why it is out; whose it is, the caller knows."""
    data = b""
    try:
        data = read_bytes(path)
        file = read_header(data)
        _check(file, original.shape)
    except CoinError as error:
        return Entry("", n_bytes=len(data), reason=str(error))
    if file.coding.is_entropy:
        with needs("entropy"):  # a package that is missing here is not the student's fault
            import constriction as constriction
    try:
        decoded = decode(data)
    except CoinError as error:
        return Entry("", n_bytes=len(data), reason=str(error))
    rate = bpp(data, original.shape)
    return Entry("", 0, len(data), rate, psnr(original, decoded), ssim(original, decoded))


def _check(file: CoinFile, shape: tuple[int, ...]) -> None:
    """Raise a :class:`CoinError` that says why not, unless a file is worth decoding."""
    if file.shape != shape[:2]:
        raise CoinError(f"a picture of {file.shape[1]}x{file.shape[0]} pixels; the original has {shape[1]}x{shape[0]}")
    if (products := shape[0] * shape[1] * file.arch.n_operations) > MAX_PRODUCTS:
        raise CoinError(
            f"a {file.arch} network takes too long to decode: {products:.1e} products, at most "
            f"{MAX_PRODUCTS:.0e} are taken"
        )


def _listed(names: Sequence[str], count: int) -> str:
    """The first few of so many names."""
    more = f" and {count - len(names):,} more" if count > len(names) else ""
    return ", ".join(names) + more


def _escape(text: str) -> str:
    """`text` so that Markdown shows it as it is, HTML included."""
    return re.sub(r"([\\`*_{}\[\]<>()#|~!$&@:.+-])", r"\\\1", text)
