"""Bits dealt out to the layers by hand, on the plane of bytes and decibels."""

import numpy as np
import torch
from matplotlib.figure import Figure

from coin_edu.bitstream import CHECKSUM, HEADER
from coin_edu.engine.state import Fit
from coin_edu.metrics import bpp, psnr
from coin_edu.quantization import weight_vector
from coin_edu.rendering import render
from coin_edu.siren import Siren, with_weights
from coin_edu.study.plots import show_image, show_residual
from coin_edu.study.style import BLUE, VERMILION, label
from coin_edu.widgets.panel import Panel, aspect, button, control, ipywidgets, panels

BITS = tuple(range(2, 13))


class LayerBits(Panel):
    """Bits a weight for each layer by hand: where that lands on the plane of bytes and decibels.

    COIN's gray line is the same number of bits in all layers. Each layer's weights are multiples of one step, as plain
    coding has them; the bytes are those of the weights, the steps, the header and the checksum. `keep` leaves a dot.

    Parameters
    ----------
    model : Siren or Fit
    image : ndarray, uint8 (H, W, 3)
        The picture it was fitted to.

    Attributes
    ----------
    bits : list of ipywidgets.IntSlider
        One a layer, first to last.
    keep, clear : ipywidgets.Button
    kept : list of (int, float, tuple of int)
        Bytes, PSNR in dB and bits of each dot kept.
    gray : list of (int, float)
        Bytes and PSNR of equal bits, from 2 to 12.

    Examples
    --------
    >>> from coin_edu import Arch
    >>> widget = LayerBits(Siren(Arch(1, 4)), np.zeros((8, 8, 3), np.uint8))
    >>> widget.bits[0].value = 12
    >>> widget.keep.click()
    >>> widget.kept[0][2]
    (12, 8)
    """

    def __init__(self, model: Siren | Fit, image: np.ndarray):
        model = model.model if isinstance(model, Fit) else model
        self.arch, self.image, self._weights = model.arch, image, weight_vector(model)
        sizes = [n_out * (n_in + 1) for n_out, n_in in self.arch.layer_shapes]
        self._parts = np.split(np.arange(len(self._weights)), np.cumsum(sizes)[:-1])
        self.bits = [
            control(ipywidgets.IntSlider, f"layer {i}: {size:,}", value=8, min=BITS[0], max=BITS[-1])
            for i, size in enumerate(sizes, 1)
        ]
        self.keep = button("keep", "thumb-tack", "leave a dot here")
        self.clear = button("clear", "trash", "take the dots away")
        self.kept: list[tuple[int, float, tuple[int, ...]]] = []
        self._unrounded = psnr(image, render(model, image.shape))
        self.gray = [self.measured((bits,) * len(sizes)) for bits in BITS]
        self.inches = (9.0, 1.0 + 2.8 * aspect(image.shape))
        super().__init__(self.bits, [self.keep, self.clear])
        self.on_click(self.keep, self._keep)
        self.on_click(self.clear, self._clear)

    @property
    def chosen(self) -> tuple[int, ...]:
        """Bits a weight, by layer."""
        return tuple(slider.value for slider in self.bits)

    def rounded(self, bits: tuple[int, ...]) -> np.ndarray:
        """The weights (n_weights,) as multiples of one step a layer, the largest met exactly."""
        weights = self._weights.copy()
        for part, width in zip(self._parts, bits, strict=True):
            delta = max(np.abs(weights[part]).max() / (2 ** (width - 1) - 1), 1e-12)
            weights[part] = np.round(weights[part] / delta) * delta
        return weights

    def n_bytes(self, bits: tuple[int, ...]) -> int:
        """Of such a file."""
        used = sum(len(part) * width for part, width in zip(self._parts, bits, strict=True))
        return HEADER.size + 4 * len(bits) + -(-used // 8) + CHECKSUM.size

    def measured(self, bits: tuple[int, ...]) -> tuple[int, float]:
        """Bytes, and PSNR in dB."""
        return self.n_bytes(bits), psnr(self.image, self._picture(bits))

    def _picture(self, bits: tuple[int, ...]) -> np.ndarray:
        return render(with_weights(self.arch, torch.from_numpy(self.rounded(bits))), self.image.shape)

    def _keep(self) -> None:
        self.kept.append((*self.measured(self.chosen), self.chosen))
        self.refresh()

    def _clear(self) -> None:
        self.kept = []
        self.refresh()

    def draw(self, figure: Figure) -> str:
        """The plane, the picture, its error."""
        bits = self.chosen
        picture = self._picture(bits)
        n_bytes, decibels = self.n_bytes(bits), psnr(self.image, picture)
        axes = panels(figure, "a.bc", width_ratios=[1.1, 0.02, 0.9, 0.9])
        ax = axes["a"]
        ax.plot(*zip(*self.gray, strict=True), "o-", color="0.6", markersize=4, label="COIN: equal bits in all layers")
        for bits_here, (x, y) in list(zip(BITS, self.gray, strict=True))[::2]:
            ax.annotate(
                f"{bits_here}", (x, y), (0, -12), textcoords="offset points", fontsize=8, color="0.4", ha="center"
            )
        if self.kept:
            ax.plot([dot[0] for dot in self.kept], [dot[1] for dot in self.kept], "o", color=BLUE, label="kept by you")
        ax.plot(n_bytes, decibels, "o", color=VERMILION, markersize=9, label="as the sliders say")
        ax.axhline(self._unrounded, color="0.8", linestyle=":")
        ax.legend(fontsize=8, frameon=False, loc="lower right")
        ax.set_ylim(min(5.0, decibels - 1), self._unrounded + 2)
        label(ax, "bytes of the file", "PSNR, dB", "numbers at the line: bits")
        show_image(picture, axes["b"], f"{decibels:.2f} dB")
        show_residual(self.image, picture, axes["c"], "error, 4 times enlarged")
        gray_bytes, gray_decibels = np.array(self.gray).T
        alike = np.interp(n_bytes, gray_bytes, gray_decibels)
        return (
            f"bits {'-'.join(map(str, bits))}: {n_bytes:,} bytes, {bpp(n_bytes, self.image.shape):.3f} bpp &middot; "
            f"<b>{decibels:.2f} dB</b>, {decibels - alike:+.2f} dB against the gray line at these bytes"
        )
