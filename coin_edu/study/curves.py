"""Codecs over many pictures and many rates: a table of one row a picture and setting, and the curves that average it.

A point of a curve is a mean by picture, as the literature has it: the mean of the pictures' rates, and the mean of
their PSNRs in dB, which is more than the PSNR of their mean error.
"""

import csv
import io
import math
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from statistics import fmean
from typing import Any, ClassVar, Protocol

import numpy as np
from tqdm.auto import tqdm

from coin_edu.codec import decode, encode
from coin_edu.engine.state import Measure
from coin_edu.errors import CoinError
from coin_edu.files import AnyPath, as_path, check_writable, read_bytes, shown, write_bytes
from coin_edu.metrics import Curve, bpp, psnr, ssim
from coin_edu.study import baselines


@dataclass(frozen=True)
class Row:
    """One picture in one file.

    Attributes
    ----------
    codec : str
    setting : str
        The quality or rate asked for, and whatever else was asked for.
    picture : str
        Its name.
    n_bytes : int
        Length of the file.
    bpp, psnr, ssim : float
        Rate in bits per pixel, PSNR in dB and SSIM of the picture decoded from the file, to five decimals.
    """

    codec: str
    setting: str
    picture: str
    n_bytes: int
    bpp: float
    psnr: float
    ssim: float


class Codec(Protocol):
    """What a curve needs of a codec; one of your own may be any object that has this."""

    @property
    def name(self) -> str:
        """As tables and legends have it."""

    @property
    def kind(self) -> str:
        """As in :class:`Curve`: "classical", "autoencoder" or "implicit"."""

    def roundtrip(self, image: np.ndarray, setting: Any, /) -> tuple[bytes, np.ndarray]:
        """The file of a picture at a setting, and the picture decoded from it, uint8 (H, W, 3)."""


@dataclass(frozen=True)
class Coin:
    """COIN among the codecs: its setting is the rate in bits per pixel that a file may take.

    Parameters
    ----------
    keywords : mapping
        Further ones of :func:`coin_edu.encode`.
    """

    keywords: Mapping[str, Any] = field(default_factory=dict)
    name: ClassVar[str] = "COIN"
    kind: ClassVar[str] = "implicit"

    def roundtrip(self, image: np.ndarray, setting: float) -> tuple[bytes, np.ndarray]:
        """The file, and the picture decoded from it."""
        data = encode(image, setting, **{"progress": False, **self.keywords})
        return data, decode(data)


HEADER = ("codec", "setting", "picture", "bytes", "bpp", "psnr_db", "ssim")


def rd_curve(
    images: Mapping[str, np.ndarray],
    codec: str | Codec,
    settings: Sequence[Any],
    table: AnyPath | None = None,
    *,
    progress: bool = True,
    **keywords: Any,
) -> Curve:
    """Compress every picture at every setting, and average.

    Parameters
    ----------
    images : mapping of str to ndarray, uint8 (H, W, 3)
        Pictures by name.
    codec : str or Codec
        "COIN", a name in ``baselines.CODECS``, or any object with a name, a kind and a `roundtrip` (:class:`Codec`).
    settings : sequence
        For COIN the rates in bits per pixel that a file may take; for the others qualities.
    table : path, optional
        A CSV file of rows, made if it is not there. What it has is not measured again, and every new row is in it at
        once, so that an interrupted run goes on where it stopped. A name in it must stand for one picture for ever.
    progress : bool
        Whether to show a bar.
    **keywords
        Further ones of :func:`coin_edu.encode`, for COIN.

    Raises
    ------
    CoinError
        If the codec is unknown or missing, or a picture cannot be compressed at a setting.

    Examples
    --------
    >>> picture = np.arange(768, dtype=np.uint8).reshape(16, 16, 3)
    >>> curve = rd_curve({"ramp": picture}, "JPEG", [20, 90], progress=False)
    >>> curve.rates[0] < curve.rates[1], curve.psnrs[0] < curve.psnrs[1]
    (True, True)
    """
    known: dict[str, Codec] = {"COIN": Coin(keywords), **baselines.CODECS}
    chosen = known.get(codec) if isinstance(codec, str) else codec
    if chosen is None or not hasattr(chosen, "roundtrip"):
        raise CoinError(f"codec must be one of {', '.join(known)}, or an object with a roundtrip, got {codec!r}")
    if keywords and not isinstance(chosen, Coin):
        raise CoinError(f"{chosen.name} takes qualities alone, got {', '.join(keywords)} too; leave that out")
    if not isinstance(images, Mapping):
        raise CoinError(f"images must be pictures by name, {{name: picture}}, got {type(images).__name__}")
    settings = _settings(settings)
    if table is not None:
        check_writable(table)
    rows = {_key(row): row for row in (read_rows(table) if table is not None and as_path(table).exists() else [])}
    also = "".join(f", {name}={keywords[name]}" for name in sorted(keywords))
    wanted = {(chosen.name, f"{setting}{also}", name): setting for setting in settings for name in images}
    missing = [key for key in wanted if key not in rows]
    for key in tqdm(missing, desc=chosen.name, unit="file", disable=not progress or not missing):
        _, label, name = key
        image = images[name]
        data, decoded = chosen.roundtrip(image, wanted[key])
        rate, decibels, similarity = bpp(data, image.shape), psnr(image, decoded), ssim(image, decoded)
        rows[key] = Row(chosen.name, label, name, len(data), round(rate, 5), round(decibels, 5), round(similarity, 5))
        if table is not None:
            write_rows(table, rows.values())
    for key in wanted:
        if rows[key].psnr == math.inf:
            warnings.warn(
                f"{key[0]} at {key[1]} meets {key[2]} without any error: its PSNR is infinite, and so is the mean. "
                "bd_rate needs finite ones: leave that setting out, or the picture",
                stacklevel=2,
            )
    return average((rows[key] for key in wanted), chosen.kind)


def _settings(given: Any) -> list[Any]:
    """A list, NumPy's numbers as Python's."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise CoinError(f"settings must be several, such as [20, 50, 90], got {given!r}")
    return [one.item() if isinstance(one, np.generic) else one for one in given]


def average(rows: Iterable[Row], kind: str | None = None) -> Curve:
    """The curve of one codec: a point a setting, each the mean over the same pictures.

    `kind` is the codec's; by default what its name says, "implicit" for COIN and its variants, else "classical".

    Raises
    ------
    CoinError
        If there are no rows, they are of several codecs, or a setting lacks a picture.
    """
    rows = list(rows)
    codecs, pictures = {row.codec for row in rows}, {row.picture for row in rows}
    if len(codecs) != 1:
        raise CoinError(f"a curve needs rows of one codec, got {', '.join(sorted(codecs)) or 'none'}")
    (name,) = codecs
    settings: dict[str, dict[str, Row]] = {}
    for row in rows:
        settings.setdefault(row.setting, {})[row.picture] = row
    for setting, group in settings.items():
        if lacking := pictures - set(group):
            names = ", ".join(sorted(lacking))
            raise CoinError(f"{name} at {setting} lacks {names}; measure these, or leave the setting out")
    points = sorted(
        tuple(fmean(getattr(row, name) for row in group.values()) for name in ("bpp", "psnr", "ssim"))
        for group in settings.values()
    )
    rates, psnrs, ssims = zip(*points, strict=True)
    kind = kind or ("implicit" if name.startswith("COIN") else "classical")
    return Curve(name, kind, f"measured, mean of {len(pictures)} pictures", rates, psnrs, ssims, measured=True)


def complete(rows: Iterable[Row], pictures: Collection[str]) -> list[Row]:
    """The rows of these pictures, of the settings that have all of them."""
    rows = [row for row in rows if row.picture in pictures]
    count = Counter(row.setting for row in rows)
    return [row for row in rows if count[row.setting] == len(pictures)]


def read_rows(table: AnyPath) -> list[Row]:
    """The rows that :func:`write_rows` wrote.

    Raises
    ------
    CoinError
        If the file is missing or no such table.
    """
    with _lines(table) as lines:
        return [_row(line["codec"], line["setting"], line["picture"], line) for line in lines]


def write_rows(table: AnyPath, rows: Iterable[Row]) -> None:
    """Write rows as CSV, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(astuple(row) for row in rows)
    write_bytes(table, text.getvalue().encode())


def read_fits(table: AnyPath, bits: int | None = 16, codec: str = "COIN", setting: str = "arch") -> list[Row]:
    """Rows from a table of recorded fits, ``recorded("kodak_fits.csv")``: the longest of each picture and setting.

    Those of ``recorded("kodak_narrowing.csv")`` have no bits, and a `setting` called "budget_bpp".
    """
    longest: dict[tuple[str, str], dict[str, str]] = {}
    with _lines(table) as lines:
        for line in lines:
            key = line[setting], line["picture"]
            if bits is None or line["bits"] == str(bits):
                longest[key] = max(longest.get(key, line), line, key=lambda one: int(one["steps"]))
        return [_row(codec, asked, f"kodim{int(picture):02}", line) for (asked, picture), line in longest.items()]


def read_history(table: AnyPath) -> dict[str, list[Measure]]:
    """Recorded fits step by step, ``recorded("results/kodak15_history.csv")``: what each reported, by its name."""
    histories: dict[str, list[Measure]] = {}
    with _lines(table) as lines:
        for line in lines:
            measure = Measure(int(line["step"]), *(float(line[name]) for name in ("loss", "psnr_db", "seconds")))
            histories.setdefault(line["fit"], []).append(measure)
    return histories


def _row(codec: str, setting: str, picture: str, line: Mapping[str, str]) -> Row:
    n_bytes, *measures = (line[name] for name in HEADER[3:])
    return Row(codec, setting, picture, int(n_bytes), *map(float, measures))


@contextmanager
def _lines(table: AnyPath) -> Iterator[Iterable[dict[str, str]]]:
    data = read_bytes(table)
    try:
        yield csv.DictReader(io.StringIO(data.decode()))
    except (KeyError, TypeError, ValueError) as error:
        raise CoinError(f"{shown(table)}: no table of rows ({error!r}); name another file") from error


def _key(row: Row) -> tuple[str, str, str]:
    return row.codec, row.setting, row.picture
