"""A widget about what PSNR does not see: pictures that are equally wrong by it, and look nothing alike."""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from coin_edu.metrics import psnr, ssim
from coin_edu.study.baselines import CODECS, decompress
from coin_edu.study.plots import show_image, show_residual
from coin_edu.widgets.panel import Panel, aspect, control, ipywidgets, panels, thumbnail


class DamageExplorer(Panel):
    """One picture damaged in seven ways, all at the same PSNR; SSIM beside.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3), optional
        By default the thumbnail of a photograph.

    Attributes
    ----------
    psnr : ipywidgets.FloatSlider
        In dB; a way that cannot do so much damage does all it can, and says how much that is.
    view : ipywidgets.ToggleButtons
        "pictures" or "errors", which are enlarged 4 times.
    """

    def __init__(self, image: np.ndarray | None = None):
        self.image = thumbnail("coffee") if image is None else image
        self.psnr = control(ipywidgets.FloatSlider, "PSNR, dB", value=25, min=22, max=40, step=0.5)
        self.view = control(ipywidgets.ToggleButtons, "view", options=["pictures", "errors"])
        self.inches = (9.0, 0.6 + 4.3 * aspect(self.image.shape))
        super().__init__([self.psnr, self.view])

    def draw(self, figure: Figure) -> str:
        """The original and its seven ways to go wrong."""
        axes = panels(figure, "abcd;efgh", left=0.01, right=0.99, bottom=0.01, hspace=0.25)
        show_image(self.image, axes["a"], "original")
        pictures = damaged(self.image, self.psnr.value)
        for ax, (name, picture) in zip(list(axes.values())[1:], pictures.items(), strict=True):
            reached = psnr(self.image, picture)
            exact = "" if abs(reached - self.psnr.value) < 0.1 else f" ({reached:.1f} dB)"
            title = f"{name}{exact}: SSIM {ssim(self.image, picture):.2f}"
            if self.view.value == "errors":
                show_residual(self.image, picture, ax, title)
            else:
                show_image(picture, ax, title)
        return f"seven pictures with a PSNR of <b>{self.psnr.value:.1f} dB</b> each; SSIM is 1 for no difference"


def damaged(image: np.ndarray, decibels: float) -> dict[str, np.ndarray]:
    """Pictures damaged so much that each has a PSNR of `decibels` to the original, uint8 (H, W, 3), by what was done.

    Where even the greatest damage of a kind is less (a blurred wall is a wall), it is that.
    """
    return {name: _at(image, way, decibels) for name, way in _ways(image).items()}


def _ways(image: np.ndarray) -> dict[str, Callable[[float], np.ndarray]]:
    """Functions of a strength from 0, no damage, to 1."""
    from scipy.ndimage import gaussian_filter, shift  # half a second of import that only this needs

    floats = image.astype(float)
    height, width = image.shape[:2]
    jpeg = decompress(CODECS["JPEG"].compress(image, CODECS["JPEG"].qualities[0])) - floats
    noise = np.random.default_rng(0).normal(0, 128, image.shape)
    side = max(1, min(height, width) // 4)
    top, left = (height - side) // 2, (width - side) // 2
    spot = np.s_[top : top + side, left : left + side]
    contrary = np.zeros(image.shape)
    contrary[spot] = np.where(floats[spot] < 128, 255, 0) - floats[spot]
    return {
        "brighter": lambda t: floats * (1 + t),
        "paler": lambda t: floats + t * (floats.mean() - floats),
        "shifted": lambda t: shift(floats, (0, t * width / 8, 0), order=1, mode="nearest"),
        "blurred": lambda t: gaussian_filter(floats, (t * width / 16, t * width / 16, 0)),
        "noisy": lambda t: floats + t * noise,
        "one spot": lambda t: floats + t * contrary,
        "JPEG's blocks": lambda t: floats + t * jpeg,
    }


def _at(image: np.ndarray, way: Callable[[float], np.ndarray], decibels: float) -> np.ndarray:
    """The damage of the strength that makes the PSNR, by halving the range of strengths."""
    low, high = 0.0, 1.0
    picture = _bytes(way(high))
    if psnr(image, picture) >= decibels:
        return picture
    for _ in range(14):
        middle = (low + high) / 2
        picture = _bytes(way(middle))
        low, high = (middle, high) if psnr(image, picture) > decibels else (low, middle)
    return picture


def _bytes(colors: np.ndarray) -> np.ndarray:
    return np.clip(colors, 0, 255).round().astype(np.uint8)
