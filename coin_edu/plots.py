"""Pictures of pictures: each function draws one kind into given axes and returns them; none shows or saves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coin_edu.errors import CoinError
from coin_edu.metrics import bpp, psnr, ssim


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
