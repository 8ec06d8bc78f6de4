"""Widgets about the file: its rate and quality against other codecs, and decoding any part of it."""

import itertools
import math
import time
from collections.abc import Iterable

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from coin_edu import baselines
from coin_edu.bitstream import read_header
from coin_edu.codec import decode, decode_progressive
from coin_edu.errors import CoinError
from coin_edu.metrics import bpp, psnr
from coin_edu.panel import COLORS, VERMILION, Panel, aspect, control, ipywidgets, label, panels, thumbnail
from coin_edu.plots import Result, show_image, show_residual


class RateDistortionExplorer(Panel):
    """PSNR over rate, a curve for each codec; any point's picture and error beside.

    Parameters
    ----------
    points : iterable of Result, optional
        Files of one picture; those of one name make a curve. By default :func:`baseline_points` of the fast codecs.
    image : ndarray, uint8 (H, W, 3), optional
        The picture. By default the thumbnail of a photograph.

    Attributes
    ----------
    codec : ipywidgets.Dropdown
    rate : ipywidgets.FloatLogSlider
        In bits per pixel; the codec's nearest point is chosen.
    chosen : Result
        That point.
    """

    def __init__(self, points: Iterable[Result] | None = None, image: np.ndarray | None = None):
        self.image = thumbnail("coffee") if image is None else image
        given = baseline_points(self.image, ("JPEG", "JPEG2000", "WebP")) if points is None else list(points)
        if not given:
            raise CoinError("RateDistortionExplorer: no points; baseline_points(image) makes some")
        self._curves: dict[str, list[tuple[float, float, Result]]] = {point.name: [] for point in given}
        for point in sorted(given, key=lambda point: len(point.data)):
            row = bpp(point.data, self.image.shape), psnr(self.image, point.decoded), point
            self._curves[point.name].append(row)
        rates = [rate for rows in self._curves.values() for rate, _, _ in rows]
        limits = {"min": math.log10(min(rates)), "max": math.log10(max(rates)) + 1e-9}
        self.codec = control(ipywidgets.Dropdown, "codec", options=list(self._curves))
        self.rate = control(ipywidgets.FloatLogSlider, "near, bpp", value=float(np.median(rates)), step=0.01, **limits)
        self.inches = (9.0, 1.3 + 2.8 * aspect(self.image.shape))
        super().__init__([self.codec, self.rate])

    @property
    def chosen(self) -> Result:
        """The chosen codec's point nearest to the chosen rate."""
        return min(self._curves[self.codec.value], key=lambda row: abs(math.log(row[0] / self.rate.value)))[-1]

    def draw(self, figure: Figure) -> str:
        """The curves, the chosen picture, its error."""
        axes = panels(figure, "a.bc", width_ratios=[0.85, 0.02, 1, 1])
        ax, chosen = axes["a"], self.chosen
        n_bytes, rate, decibels, similarity = chosen.measures(self.image)
        looks = itertools.cycle(zip(COLORS, "osD^vP", strict=True))
        for (name, rows), (color, marker) in zip(self._curves.items(), looks, strict=False):
            rates, psnrs, _ = zip(*rows, strict=True)
            ax.plot(rates, psnrs, color=color, marker=marker, markersize=4, label=name)
        ax.plot(rate, decibels, "o", markersize=12, fillstyle="none", color=VERMILION, markeredgewidth=2)
        ax.set_xscale("log")
        ax.set_xticks(RATES, [f"{rate:g}" for rate in RATES])
        ax.minorticks_off()
        ax.set_xlim(10**self.rate.min / 1.2, 1.2 * 10**self.rate.max)
        # Beneath the pictures, where it covers no curve.
        figure.legend(fontsize=8, frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(0.99, 0.0))
        label(ax, "bits per pixel", "PSNR, dB", "each codec's files")
        show_image(chosen.decoded, axes["b"], f"{chosen.name}, {rate:.3f} bpp")
        show_residual(self.image, chosen.decoded, axes["c"], "error, enlarged 4 times")
        return (
            f"{chosen.name}: {n_bytes:,} bytes &middot; {rate:.3f} bpp &middot; <b>{decibels:.2f} dB</b> &middot; "
            f"SSIM {similarity:.4f}"
        )


RATES = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)  # marked along the axis


def baseline_points(image: np.ndarray, names: Iterable[str] | None = None, count: int = 8) -> list[Result]:
    """A picture compressed by each of those codecs, at `count` qualities from the lowest to the highest.

    All that Pillow has here by default; AVIF takes ten times the others' time.
    """
    points = []
    for name in baselines.available() if names is None else names:
        codec = baselines.CODECS[name]
        for i in np.linspace(0, len(codec.qualities) - 1, count).round().astype(int):
            begin = time.perf_counter()
            data = codec.compress(image, codec.qualities[i])
            points.append(Result(name, data, baselines.decompress(data), time.perf_counter() - begin))
    return points


class DecodeExplorer(Panel):
    """Decoding a .coin file coarse to fine, and any part of it at any size.

    Parameters
    ----------
    data : bytes
        A .coin file.

    Attributes
    ----------
    x, y : ipywidgets.IntSlider
        The middle of the region, in pixels of the original.
    zoom : ipywidgets.FloatLogSlider
        How many times narrower than the picture the region is.
    side : ipywidgets.Dropdown
        The longer side of the region once decoded, in pixels.
    detail : ipywidgets.IntSlider
        How often the whole picture was refined: 0 is one pixel in 64x64, 6 is every pixel. `play` moves it.
    play : ipywidgets.Play
    region : tuple of int
        (x, y, width, height), in pixels of the original.
    """

    def __init__(self, data: bytes):
        self.data = data
        height, width = self.shape = read_header(data).shape
        self.inches = (9.0, 0.4 + 4.1 * aspect(self.shape))
        self._stages = dict(zip(BLOCKS, decode_progressive(data), strict=True))
        self.x = control(ipywidgets.IntSlider, "x, pixels", value=width // 2, min=0, max=width)
        self.y = control(ipywidgets.IntSlider, "y, pixels", value=height // 2, min=0, max=height)
        self.zoom = control(ipywidgets.FloatLogSlider, "zoom ×", value=4, base=2, min=0, max=5, step=0.25)
        sides = [(f"{n} pixels", n) for n in (24, 48, 96, 192, 384)]
        self.side = control(ipywidgets.Dropdown, "longer side", value=384, options=sides)
        self.detail = control(ipywidgets.IntSlider, "refinement", value=len(BLOCKS) - 1, min=0, max=len(BLOCKS) - 1)
        self.play = ipywidgets.Play(interval=600, max=len(BLOCKS) - 1, value=len(BLOCKS) - 1, show_repeat=False)
        ipywidgets.jslink((self.play, "value"), (self.detail, "value"))
        buttons = [ipywidgets.Label("coarse to fine:"), self.play]
        super().__init__([self.x, self.y, self.zoom, self.side, self.detail], buttons)

    @property
    def region(self) -> tuple[int, int, int, int]:
        """(x, y, width, height) of the region, in pixels of the original, moved inside the picture."""
        height, width = self.shape
        w, h = (max(1, round(side / self.zoom.value)) for side in (width, height))
        x, y = (
            int(np.clip(middle - side / 2, 0, whole - side))
            for middle, side, whole in ((self.x.value, w, width), (self.y.value, h, height))
        )
        return x, y, w, h

    def draw(self, figure: Figure) -> str:
        """The whole picture so far, and the region."""
        (height, width), (x, y, w, h) = self.shape, self.region
        block = BLOCKS[self.detail.value]
        evaluated = -(-width // block) * -(-height // block)
        scale = self.side.value / max(w, h)
        size = max(1, round(scale * w)), max(1, round(scale * h))
        begin = time.perf_counter()
        part = decode(self.data, size, self.region)
        spent = time.perf_counter() - begin
        axes = panels(figure, "ab", left=0.02, right=0.98, bottom=0.02)
        show_image(self._stages[block], axes["a"], "every pixel" if block == 1 else f"one pixel in {block}x{block}")
        axes["a"].add_patch(Rectangle((x - 0.5, y - 0.5), w, h, fill=False, color=VERMILION, linewidth=2))
        show_image(part, axes["b"], f"{w}x{h} pixels decoded at {size[0]}x{size[1]}")
        return (
            f"left: {evaluated:,} of {width * height:,} pixels evaluated &middot; right: {size[0] * size[1]:,} pixels "
            f"evaluated in {1000 * spent:.0f} ms, {size[0] * size[1] / (w * h):.3g} for each one of the original"
        )


BLOCKS = (64, 32, 16, 8, 4, 2, 1)  # as `decode_progressive` has them
