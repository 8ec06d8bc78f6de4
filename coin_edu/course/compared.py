"""What notebook 06 measures and shows: codecs on one picture, on 24, and in one number."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean, median
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coin_edu.arch import Arch
from coin_edu.codec import decode, encode, pack_fit, pack_model, plan
from coin_edu.course.nb06 import CODECS, at_rate, products
from coin_edu.data import published, published_sizes, recorded
from coin_edu.engine.state import Fit
from coin_edu.errors import CoinError
from coin_edu.metrics import Curve, bpp, psnr
from coin_edu.siren import Siren
from coin_edu.study import baselines
from coin_edu.study.curves import Row
from coin_edu.study.plots import Result, by_picture, model_sizes, rate_distortion, show_image, show_residual
from coin_edu.widgets.panel import thumbnail

CODED = "COIN, entropy-coded"
KODAK = (512, 768)

# Of the small coffee cup, by bits per pixel: entropy-coded files of 300 steps, and the seconds that each took.
RECORDED = {rate: (f"coffee_192_{rate:g}.coin", seconds) for rate, seconds in ((0.5, 4.0), (1, 5.0), (2, 9.0))}


# One picture


def networks(image: np.ndarray, rates: Sequence[float] = (0.5, 1, 2)) -> dict[str, Arch]:
    """A network for each rate, with 16 bits a weight, by the rate in words."""
    return {f"{rate:g} bpp": Arch.for_bpp(rate, image.shape) for rate in rates}


def files(fits: Mapping[str, Fit], image: np.ndarray, rates: Sequence[float] = (0.5, 1, 2)) -> list[Result]:
    """COIN's files: those of the fits, with 16 bits a weight, and entropy-coded ones of as many steps and bytes.

    The entropy-coded ones of the small coffee cup are recorded, if its fits were not stopped.
    """
    points = []
    for fit in fits.values():
        data = pack_fit(fit)
        points.append(Result("COIN", data, decode(data), fit.seconds))
    known = np.array_equal(image, thumbnail("coffee"))
    for fit, rate in zip(fits.values(), rates, strict=True):
        begin = time.perf_counter()
        if known and fit.step == 300 and rate in RECORDED:
            name, seconds = RECORDED[rate]
            data = recorded(name).read_bytes()
        else:
            data = encode(image, rate, coding="entropy", steps=max(1, fit.step), progress=False)
            seconds = time.perf_counter() - begin
        points.append(Result(CODED, data, decode(data), seconds))
    return points


def conventional(image: np.ndarray) -> list[Result]:
    """Files of the conventional codecs that Pillow has here, of 0.15 to 4 bits per pixel."""
    points = []
    for name in CODECS:
        codec = baselines.CODECS[name]
        if codec.available:
            for place in np.linspace(0, len(codec.qualities) - 1, 12).round().astype(int):
                begin = time.perf_counter()
                data = codec.compress(image, codec.qualities[place])
                points.append(Result(name, data, baselines.decompress(data), time.perf_counter() - begin))
    return [point for point in points if 0.15 < bpp(point.data, image.shape) < 4]


def psnr_at(points: Sequence[Result], image: np.ndarray, rate: float) -> dict[str, float]:
    """PSNR in dB of each codec that has files on both sides of a rate, over the logarithm of the rate; best first."""
    found = {}
    for name in dict.fromkeys(point.name for point in points):
        rows = sorted((bpp(p.data, image.shape), psnr(image, p.decoded)) for p in points if p.name == name)
        rates, psnrs = zip(*rows, strict=True)
        if rates[0] <= 1.05 * rate and rate <= 1.05 * rates[-1]:
            found[name] = float(np.interp(np.log(rate), np.log(rates), psnrs))
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def ranked(decibels: Mapping[str, float]) -> str:
    """Names and decibels, in words."""
    return "; ".join(f"{name}: {value:.1f} dB" for name, value in decibels.items()) + "."


def same_bytes(image: np.ndarray, points: Sequence[Result]) -> Figure:
    """COIN's smallest files beside JPEG and WebP of no more bytes, with their errors, under the original."""
    pictures = {name: next(point for point in points if point.name == name) for name in ("COIN", CODED)}
    n_bytes = max(len(point.data) for point in pictures.values())
    shown = {name: (point.decoded, len(point.data)) for name, point in pictures.items()}
    for name in ("JPEG", "WebP"):
        with contextlib.suppress(CoinError):  # of a picture too rich for so few bytes
            data = baselines.compress(image, name, n_bytes)
            shown[name] = baselines.decompress(data), len(data)
    columns = 1 + len(shown)
    figure = Figure(figsize=(9.6, 0.8 + 2 * 9.6 / columns * image.shape[0] / image.shape[1]), layout="constrained")
    axes = figure.subplots(2, columns)
    show_image(image, axes[0, 0], "original")
    axes[1, 0].set_axis_off()
    axes[1, 0].text(0.5, 0.5, "errors × 4,\ngray: none", ha="center", va="center")
    for column, (name, (picture, length)) in enumerate(shown.items(), start=1):
        show_image(picture, axes[0, column], f"{name}\n{psnr(image, picture):.1f} dB, {length:,} bytes")
        axes[0, column].title.set_fontsize(8)
        show_residual(image, picture, axes[1, column])
    return figure


def smallest(image: np.ndarray) -> dict[str, int]:
    """Bytes of the smallest file of each codec for a flat gray picture of this size; COIN's is one sine."""
    flat = np.full_like(image, 128)
    found = {"COIN": len(pack_model(Siren(Arch(1, 1)), flat.shape))}
    for name in ("JPEG", "JPEG2000", "WebP"):
        codec = baselines.CODECS[name]
        if codec.available:
            found[name] = len(codec.compress(flat, codec.qualities[0]))
    return found


def in_bits(sizes: Mapping[str, int], shape: tuple[int, ...]) -> str:
    """The sizes in words, and the rates they are in a picture of this shape and in one of Kodak's."""
    said = [
        f"{name}: {n} bytes, {bpp(n, shape):.3f} bpp here, {bpp(n, KODAK):.4f} at 768x512" for name, n in sizes.items()
    ]
    return "; ".join(said) + "."


def huffman(image: np.ndarray, qualities: Sequence[int] = (5, 20, 80)) -> dict[int, tuple[int, int, bool]]:
    """JPEG with the standard's Huffman tables and with its own, by quality: bytes of both, and whether pixels agree."""
    own = baselines.CODECS["JPEG"]
    standard = replace(own, options=())
    found = {}
    for quality in qualities:
        one, two = standard.compress(image, quality), own.compress(image, quality)
        same = np.array_equal(baselines.decompress(one), baselines.decompress(two))
        found[quality] = len(one), len(two), same
    return found


def shorter(found: Mapping[int, tuple[int, int, bool]], quality: int = 5) -> float:
    """How many percent shorter the file of that quality is with tables of its own."""
    standard, own, _ = found[quality]
    return 100 * (1 - own / standard)


def in_percent(found: Mapping[int, tuple[int, int, bool]]) -> str:
    """What tables of its own save, by quality, in words."""
    return "; ".join(f"quality {q}: {shorter(found, q):.0f} % shorter" for q in found) + "."


# Twenty-four pictures


def figure3(curves: Sequence[Curve]) -> Axes:
    """The paper's figure 3: all curves, over the rates and PSNRs that COIN and JPEG have."""
    ax = rate_distortion(curves)
    ax.set(xlim=(0.035, 2.2), ylim=(20, 43), title="Kodak, means of 24 pictures")
    return ax


def crossing(one: Curve, two: Curve, measure: str = "psnrs") -> float:
    """The highest rate up to which the first curve is ahead, in bits per pixel; 0 if nowhere."""
    low, high = max(one.rates[0], two.rates[0]), min(one.rates[-1], two.rates[-1])
    grid = np.linspace(np.log(low), np.log(high), 2000)
    first, second = (np.interp(grid, np.log(c.rates), getattr(c, measure)) for c in (one, two))
    return float(np.exp(grid[first > second].max())) if (first > second).any() else 0.0


def ahead(rows: Mapping[str, Sequence[Row]], rate: float, name: str = "COIN", other: str = "JPEG") -> int:
    """On how many pictures one codec has the higher PSNR at a rate."""
    one, two = (at_rate(rows[codec], rate) for codec in (name, other))
    return sum(one[picture] > two[picture] for picture in one)


def lead(rows: Mapping[str, Sequence[Row]], rate: float) -> dict[str, float]:
    """COIN's PSNR less JPEG's, in dB, by picture, the largest first."""
    coin, jpeg = (at_rate(rows[codec], rate) for codec in ("COIN", "JPEG"))
    return dict(sorted(((p, coin[p] - jpeg[p]) for p in coin), key=lambda item: -item[1]))


def pictures(rows: Mapping[str, Sequence[Row]], rates: Sequence[float] = (0.16, 0.3)) -> Figure:
    """PSNR of four codecs on each picture, near two rates."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    for ax, rate in zip(figure.subplots(1, len(rates), sharey=True), rates, strict=True):
        by_picture({n: at_rate(rows[n], rate) for n in ("COIN", "JPEG", "AVIF", CODED)}, ax).set_title(f"{rate} bpp")
    return figure


def paid(ours: Curve, name: str = "BMS", rate: float = 0.3) -> float:
    """After how many pictures of Kodak's size an autoencoder's network has paid for itself."""
    theirs = published(name)
    decibels = np.interp(np.log(rate), np.log(ours.rates), ours.psnrs)
    needed = float(np.exp(np.interp(decibels, theirs.psnrs, np.log(theirs.rates))))
    if needed >= rate:
        return float("inf")
    return 1000 * published_sizes()[name] / ((rate - needed) * KODAK[0] * KODAK[1] / 8)


def in_pictures(count: float) -> str:
    """So many pictures, as the notebook's choices say it."""
    for most, said in ((100, "about 20"), (1000, "some hundreds"), (100_000, "some thousands")):
        if count < most:
            return said
    return "about a million"


def sizes(rows: Mapping[str, Sequence[Row]]) -> Axes:
    """The paper's figure 4, with our file of 10x28 measured."""
    n_bytes = fmean(row.n_bytes for row in rows["COIN"] if row.setting == "10x28")
    ax = Figure(figsize=(7, 3), layout="constrained").add_subplot()
    return model_sizes({"COIN 10x28": n_bytes / 1000}, published_sizes(), ax)


def costs() -> dict[str, tuple[str, str]]:
    """Time to encode one of Kodak's pictures, in words, and multiplications a pixel to decode, in words."""
    networks = {"COIN, 10x28": Arch(10, 28), CODED: plan(KODAK, 0.3, coding="entropy").arch}
    spent = {
        "COIN, 10x28": _column("kodak_fits.csv", str(Arch(10, 28)), "seconds"),
        CODED: _column("kodak_narrowing.csv", str(networks[CODED]), "core_seconds"),
    }
    found = {"JPEG": ("milliseconds", "a few")}
    for name, arch in networks.items():
        found[name] = f"{median(spent[name]):.0f} s on one core", f"{products(arch):,}"
    found["Cool-chic 5 (its authors)"] = "minutes, on a graphics card", "500 to 3,000"
    found["BMS (CompressAI)"] = "under a second", "43,500"
    found["CST (CompressAI)"] = "seconds", "260,000 to 583,000"
    return found


def _column(table: str, arch: str, name: str) -> list[float]:
    """The column of that name, of the network's rows."""
    rows: Any = np.genfromtxt(recorded(table), delimiter=",", names=True, dtype=None, encoding="utf-8")
    return [float(row[name]) for row in rows if str(row["arch"]) == arch]


def everyone(curves: Mapping[str, Curve], rate: float = 0.3) -> dict[str, float]:
    """PSNR at a rate of what is measured and of some that is published, by label, best first."""
    newer = ("COIN", "JPEG", "JPEG2000", "BMS", "CST", "C3", "VTM", "Cool-chic 5.0")
    every = [*curves.values(), *(published(name) for name in newer)]
    found = {c.label: float(np.interp(np.log(rate), np.log(c.rates), c.psnrs)) for c in every}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


PLACES = ("behind JPEG", "between JPEG and WebP", "between WebP and AVIF", "ahead of AVIF")


def place(at: Mapping[str, float]) -> str:
    """Where entropy-coded COIN stands, as the notebook's choices say it."""
    return PLACES[sum(at[CODED] > at[name] for name in ("JPEG", "WebP", "AVIF"))]
