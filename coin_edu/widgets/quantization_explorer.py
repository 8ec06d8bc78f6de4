"""A fitted network at fewer bits a weight."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coin_edu.bitstream import CoinFile, pack, unpack
from coin_edu.codec import decode
from coin_edu.coding import GRANULARITIES, Coding
from coin_edu.engine.state import Fit
from coin_edu.metrics import bpp, psnr
from coin_edu.quantization import to_numbers, weight_vector
from coin_edu.rendering import render
from coin_edu.siren import Siren, unflatten
from coin_edu.study.plots import show_image, show_residual
from coin_edu.study.style import SKY, VERMILION, label
from coin_edu.widgets.panel import Panel, aspect, control, ipywidgets, panels


class QuantizationExplorer(Panel):
    """A fitted network at fewer bits: the weights of a layer, the picture, its error and the real file, together.

    Parameters
    ----------
    model : Siren or Fit
    image : ndarray, uint8 (H, W, 3)
        The picture it was fitted to.

    Attributes
    ----------
    bits, per, extra, layer : ipywidgets
        Bits a weight, what shares a step, how many bits more the first layer has, the layer whose weights are shown.
    data : bytes
        The .coin file that the controls describe; all else is measured on it.

    Examples
    --------
    >>> from coin_edu import Arch
    >>> widget = QuantizationExplorer(Siren(Arch(2, 8)), np.zeros((12, 16, 3), np.uint8))
    >>> widget.bits.value = 8
    >>> len(widget.data)
    199
    """

    def __init__(self, model: Siren | Fit, image: np.ndarray):
        self.model, self.image = (model.model if isinstance(model, Fit) else model), image
        self.unrounded = psnr(image, render(self.model, image.shape))
        self.bits = control(ipywidgets.SelectionSlider, "bits a weight", value=16, options=Coding.PLAIN)
        self.per = control(ipywidgets.Dropdown, "a step for", value="tensor", options=GRANULARITIES)
        self.extra = control(ipywidgets.IntSlider, "first layer +", value=4, min=0, max=8)
        self.layer = control(ipywidgets.IntSlider, "show layer", value=2, min=1, max=self.model.arch.depth + 1)
        self.inches = (9.0, 0.8 + 2.8 * aspect(image.shape))
        super().__init__([self.bits, self.per, self.extra, self.layer])

    @property
    def data(self) -> bytes:
        """The .coin file that the controls describe."""
        arch, bits = self.model.arch, self.bits.value
        first_bits = min(bits + self.extra.value, 16) if bits in Coding.INTEGERS else None
        coding = Coding(bits, self.per.value, first_bits)
        weights, steps = to_numbers(weight_vector(self.model), arch, coding)
        return pack(CoinFile(self.image.shape[:2], arch, coding, weights, steps))

    def draw(self, figure: Figure) -> str:
        """The weights and their levels, the picture, the error."""
        bits = self.bits.value
        self.per.disabled = self.extra.disabled = bits in Coding.FLOATS
        data = self.data
        picture = decode(data)
        decibels = psnr(self.image, picture)
        axes = panels(figure, "a.bc", width_ratios=[0.85, 0.02, 1, 1])
        self._draw_weights(axes["a"], data)
        show_image(picture, axes["b"], f"{bits} bits: {decibels:.2f} dB")
        show_residual(self.image, picture, axes["c"], "error, enlarged 4 times")
        return (
            f"{bits} bits a weight: <b>{len(data):,} bytes</b>, {bpp(data, self.image.shape):.3f} bpp &middot; "
            f"<b>{decibels:.2f} dB</b>, {self.unrounded:.2f} dB unrounded"
        )

    def _draw_weights(self, ax: Axes, data: bytes) -> None:
        chosen, arch = self.layer.value - 1, self.model.arch
        given, stored = (
            unflatten(arch, torch.from_numpy(vector))[chosen][0].numpy().ravel()
            for vector in (weight_vector(self.model), unpack(data).values)
        )
        levels = np.unique(stored)
        counts, edges = np.histogram(given, 40)
        most = counts.max()
        ax.stairs(counts, edges, fill=True, color=SKY)
        ax.vlines(levels, -0.12 * most, -0.02 * most, color=VERMILION, linewidth=0.8)
        ax.set_ylim(bottom=-0.14 * most)
        label(ax, "weight", "how many", title=f"layer {chosen + 1}: {len(given):,} weights, {len(levels):,} values")
