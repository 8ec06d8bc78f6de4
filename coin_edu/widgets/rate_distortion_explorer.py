"""PSNR over rate, and the picture at any point."""

import math
import time
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from matplotlib.figure import Figure

from coin_edu.errors import CoinError
from coin_edu.metrics import bpp, psnr
from coin_edu.study import baselines
from coin_edu.study.plots import Result, show_image, show_residual
from coin_edu.study.style import VERMILION, in_decibels, label, looks
from coin_edu.widgets.panel import Panel, aspect, control, ipywidgets, panels, thumbnail


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

    Examples
    --------
    >>> image = np.zeros((8, 8, 3), np.uint8)
    >>> widget = RateDistortionExplorer(baseline_points(image, ["JPEG"], count=2), image)
    >>> widget.chosen.name
    'JPEG'
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

    mouse: ClassVar[dict[str, dict[str, Any]]] = {"a": {"cursor": "pointer"}}

    def on_mouse(self, event: dict[str, Any]) -> None:
        """Choose the point that is clicked."""
        rows = [(name, *row) for name, rows in self._curves.items() for row in rows]

        def far(row: tuple[str, float, float, Result]) -> float:
            # A decade of rates is as wide as 15 dB are high, about.
            return math.hypot(15 * math.log10(row[1] / event["x"]), min(row[2], 60) - event["y"])

        name, rate, _, _ = min(rows, key=far)
        self.assign({self.codec: name, self.rate: float(np.clip(rate, 10**self.rate.min, 10**self.rate.max))})

    def draw(self, figure: Figure) -> str:
        """The curves, the chosen picture, its error."""
        axes = panels(figure, "a.bc", width_ratios=[0.85, 0.02, 1, 1])
        ax, chosen = axes["a"], self.chosen
        n_bytes, rate, decibels, similarity = chosen.measures(self.image)
        for name, rows in self._curves.items():
            color, marker = looks(self._curves)[name]
            rates, psnrs, _ = zip(*rows, strict=True)
            ax.plot(rates, psnrs, color=color, marker=marker, markersize=4, label=name)
            for rate_there, decibels_there, _ in rows:
                self.tip(ax, rate_there, decibels_there, f"{name}: {rate_there:.3f} bpp, {in_decibels(decibels_there)}")
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

    Examples
    --------
    >>> [point.name for point in baseline_points(np.zeros((8, 8, 3), np.uint8), ["JPEG", "WebP"], count=1)]
    ['JPEG', 'WebP']
    """
    points = []
    for name in baselines.available() if names is None else names:
        codec = baselines.CODECS[name]
        for i in np.linspace(0, len(codec.qualities) - 1, count).round().astype(int):
            begin = time.perf_counter()
            data = codec.compress(image, codec.qualities[i])
            points.append(Result(name, data, baselines.decompress(data), time.perf_counter() - begin))
    return points
