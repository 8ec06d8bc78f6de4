"""A class's .coin files against one original: who is closest to it within the budget, and who is out, and why.

A submission is data from a stranger. Its length is looked at before it is read, its header before it is decoded, and
its name is text: nothing in it reaches a terminal, a spreadsheet or a web page as an instruction.
"""

import csv
import io
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import numpy as np

from coin_edu.bitstream import read_header
from coin_edu.codec import decode
from coin_edu.errors import CoinError, check_whole, needs
from coin_edu.files import explain, read_bytes
from coin_edu.image import check_image
from coin_edu.metrics import bpp, psnr, ssim

# Pixels times weights, the products that decoding computes: 85 times those of the paper's largest network, 13x49, on a
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
    """

    name: str
    rank: int = 0
    n_bytes: int = 0
    bpp: float = math.nan
    psnr: float = math.nan
    ssim: float = math.nan
    reason: str = ""


def leaderboard(folder: str | os.PathLike[str], original: np.ndarray, budget: int | None = None) -> list[Entry]:
    """Decode every .coin file of a folder and rank them by PSNR, then by bytes; those that are out come last.

    PSNR counts to a hundredth of a dB, as the tables show it.

    Parameters
    ----------
    folder : path
        One file a student, named after him or her. Other files, and folders within, are not looked at.
    original : ndarray, uint8 (H, W, 3)
    budget : int, optional
        Bytes that a file may take, all of it; by default those of the pixels themselves.

    Raises
    ------
    CoinError
        If the folder cannot be read or holds no .coin file.
    """
    check_image(original)
    budget = original.size if budget is None else check_whole("the budget in bytes", budget, 1)
    try:
        paths = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() == ".coin" and path.is_file())
    except OSError as error:
        raise explain(error, folder) from error
    if not paths:
        raise CoinError(f"{folder}: no .coin files here; name the folder that holds the submissions")
    entries = [_entry(path, original, budget) for path in paths]
    order = sorted((_place(entry), entry.name.casefold(), number) for number, entry in enumerate(entries))
    places = [place for place, _, _ in order]
    return [
        entries[number] if entries[number].reason else replace(entries[number], rank=1 + places.index(place))
        for place, _, number in order
    ]


def to_csv(entries: Iterable[Entry]) -> str:
    """All entries as CSV; a name that a spreadsheet would take for a formula gets an apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Entry))
    for entry in entries:
        name = f"'{entry.name}" if entry.name.startswith(("=", "+", "-", "@")) else entry.name
        writer.writerow(astuple(replace(entry, name=name)))
    return text.getvalue()


def to_markdown(entries: Sequence[Entry]) -> str:
    """The ranking as a Markdown table, and a list of those that are out."""
    lines = ["| rank | name | bytes | bpp | PSNR, dB | SSIM |", "|---:|---|---:|---:|---:|---:|"]
    lines += [
        f"| {one.rank} | {_escape(one.name)} | {one.n_bytes:,} | {one.bpp:.4f} | {one.psnr:.2f} | {one.ssim:.4f} |"
        for one in entries
        if not one.reason
    ]
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
        for one in entries
    ]
    return "\n".join(lines) + "\n"


def _place(entry: Entry) -> tuple[bool, float, int]:
    """What the order goes by, the best first."""
    return (True, 0, 0) if entry.reason else (False, -round(entry.psnr, 2), entry.n_bytes)


def _entry(path: Path, original: np.ndarray, budget: int) -> Entry:
    name = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in path.stem)
    try:
        n_bytes = path.stat().st_size
    except OSError as error:
        return Entry(name, reason=str(explain(error, path.name)))
    try:
        data = _checked(path, n_bytes, original.shape, budget)
    except CoinError as error:
        return Entry(name, n_bytes=n_bytes, reason=str(error))
    if read_header(data).coding.is_entropy:
        with needs("entropy"):  # a package that is missing here is not the student's fault
            import constriction as constriction
    try:
        decoded = decode(data)
    except CoinError as error:
        return Entry(name, n_bytes=n_bytes, reason=str(error))
    rate = bpp(data, original.shape)
    return Entry(name, 0, len(data), rate, psnr(original, decoded), ssim(original, decoded))


def _checked(path: Path, n_bytes: int, shape: tuple[int, ...], budget: int) -> bytes:
    """The file, if it is worth decoding; else a :class:`CoinError` that says why not."""
    if n_bytes > budget:
        raise CoinError(f"{n_bytes:,} bytes, over the budget of {budget:,}")
    data = read_bytes(path)
    file = read_header(data)
    if file.shape != shape[:2]:
        raise CoinError(f"a picture of {file.shape[1]}x{file.shape[0]} pixels; the original has {shape[1]}x{shape[0]}")
    if (products := shape[0] * shape[1] * file.arch.n_weights) > MAX_PRODUCTS:
        raise CoinError(
            f"a {file.arch} network takes too long to decode: {products:.1e} products, at most "
            f"{MAX_PRODUCTS:.0e} are taken"
        )
    return data


def _escape(text: str) -> str:
    """`text` so that Markdown shows it as it is, HTML included."""
    return re.sub(r"([\\`*_{}\[\]<>()#|~!$&@:.+-])", r"\\\1", text)
