"""Pictures of pictures: each function draws one kind into given axes and returns them; none shows or saves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from coin_edu.arch import Arch
from coin_edu.errors import CoinError
from coin_edu.metrics import bpp, psnr, ssim
from coin_edu.search import Trial


@dataclass(frozen=True)
class Result:
    """One codec's answer to one picture.

    Parameters
    ----------
    name : str
    data : bytes
        The file.
    decoded : ndarray, uint8 (H, W, 3)
    seconds : float
        Time to encode.
    """

    name: str
    data: bytes
    decoded: np.ndarray
    seconds: float

    def measures(self, original: np.ndarray) -> tuple[int, float, float, float]:
        """(bytes, bits per pixel, PSNR in dB, SSIM)."""
        return (
            len(self.data),
            bpp(self.data, original.shape),
            psnr(original, self.decoded),
            ssim(original, self.decoded),
        )


def show_image(image: np.ndarray, ax: Axes | None = None, title: str = "") -> Axes:
    """A picture, one title above, no frame."""
    ax = ax or Figure().add_subplot()
    ax.imshow(image, interpolation="nearest")
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
    return ax


def show_residual(
    original: np.ndarray, other: np.ndarray, ax: Axes | None = None, title: str = "", gain: int = 4
) -> Axes:
    """The difference of two pictures: gray where they agree, `gain` times enlarged elsewhere."""
    difference = other.astype(np.int16) - original
    return show_image(np.clip(128 + gain * difference, 0, 255).astype(np.uint8), ax, title)


def comparison(original: np.ndarray, results: Sequence[Result]) -> Figure:
    """The paper's figure 5: original, each codec's picture with its rate and PSNR, and the residuals beneath."""
    if not results:
        raise CoinError("a comparison needs at least one result")
    height, width = original.shape[:2]
    columns = 1 + len(results)
    aspect = min(max(height / width, 0.2), 3)  # of a panel; a picture one pixel wide is no reason for a huge page
    figure = Figure(figsize=(4 * columns, 8 * aspect + 1), layout="constrained")
    axes = figure.subplots(2, columns, squeeze=False)
    show_image(original, axes[0, 0], "original")
    axes[1, 0].set_axis_off()
    axes[1, 0].text(0.5, 0.5, "residuals, enlarged 4 times:\ngray is no error", ha="center", va="center", fontsize=10)
    for column, result in enumerate(results, start=1):
        n_bytes, rate, decibels, _ = result.measures(original)
        show_image(result.decoded, axes[0, column], f"{result.name}: {rate:.3f} bpp, {decibels:.2f} dB")
        show_residual(original, result.decoded, axes[1, column], f"{result.name}'s residual, {n_bytes:,} bytes")
    return figure


def search_map(trials: Sequence[Trial], ax: Axes | None = None, paper: Arch | None = None) -> Axes:
    """PSNR over depth and width, of every trial of a search; the best has a star, the `paper`'s choice a ring.

    Trials of one network stand side by side, from a quarter of the learning rates on the left to four times on the
    right. Small and gray are those given up early.
    """
    if not (complete := sorted((t for t in trials if t.state == "complete"), key=lambda t: t.psnr)):
        raise CoinError("a map of a search needs at least one complete trial")
    ax = ax or Figure(figsize=(8, 4.5), layout="constrained").add_subplot()
    pruned, best = [trial for trial in trials if trial.state == "pruned"], complete[-1]

    def scatter(some: Sequence[Trial], **style: Any) -> PathCollection:
        return ax.scatter([t.depth + 0.2 * np.log2(t.factor) for t in some], [t.width for t in some], **style)

    scatter(pruned, s=8, color="0.6", label="given up early")
    worst = max(complete[0].psnr, best.psnr - 3)  # further below, the differences above would all have one color
    colors = {"c": [trial.psnr for trial in complete], "vmin": worst, "vmax": best.psnr, "cmap": "viridis"}
    shown = scatter(complete, s=40, edgecolors="white", linewidths=0.5, **colors)
    label = f"best: {best.arch}, rates x{best.factor:.2f}, {best.psnr:.2f} dB"
    scatter([best], s=160, marker="*", color="#D55E00", edgecolors="white", label=label)
    if paper is not None:
        label = f"the paper's choice: {paper}"
        ax.scatter(paper.depth, paper.width, s=400, facecolors="none", edgecolors="black", label=label)
    ax.figure.colorbar(shown, ax=ax, label="PSNR, dB", extend="min" if worst > complete[0].psnr else "neither")
    ax.set_xlabel("depth, hidden layers (in each: rates from 1/4 to 4 times)")
    ax.set_ylabel("width, units a layer")
    ax.set_yscale("log", base=2)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.3)
    ax.legend(fontsize=9, markerscale=0.6)
    return ax
