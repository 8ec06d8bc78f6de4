"""One wrong bit in one weight, where no checksum refuses the file."""

import html

import numpy as np
import torch
from matplotlib.figure import Figure
from torch.nn.utils import parameters_to_vector

from coin_edu.image import check_image
from coin_edu.metrics import psnr
from coin_edu.rendering import render
from coin_edu.siren import Siren, with_weights
from coin_edu.study.plots import show_image, show_residual
from coin_edu.widgets.panel import Panel, aspect, control, ipywidgets, panels

# Of a 16-bit float, the highest bit first.
PARTS = (
    "sign",
    *(f"exponent, bit {bit}" for bit in range(4, -1, -1)),
    *(f"mantissa, bit {bit}" for bit in range(9, -1, -1)),
)


class FlippedBit(Panel):
    """A network's picture, and what one flipped bit of one of its 16-bit weights makes of it: sign, exponent, mantissa.

    Parameters
    ----------
    model : Siren
    image : ndarray, uint8 (H, W, 3)
        The picture it was fitted to.

    Attributes
    ----------
    layer, weight : ipywidgets.IntSlider
        Which weight: the layer from 1, and the weight in it from 0, biases last.
    bit : ipywidgets.SelectionSlider
        Which of its 16 bits.
    before, after : float
        The weight, as stored and with that bit flipped.

    Examples
    --------
    >>> from coin_edu.arch import Arch
    >>> widget = FlippedBit(Siren(Arch(1, 4)), np.zeros((8, 8, 3), np.uint8))
    >>> widget.after == -widget.before
    True
    """

    def __init__(self, model: Siren, image: np.ndarray):
        self.image = check_image(image)
        self.arch = model.arch
        self._stored = parameters_to_vector(model.parameters()).detach().cpu().numpy().astype(np.float16)
        sizes = [n_out * (n_in + 1) for n_out, n_in in self.arch.layer_shapes]
        self._starts = np.cumsum([0, *sizes])
        self.layer = control(ipywidgets.IntSlider, "layer", value=1, min=1, max=len(sizes))
        self.weight = control(ipywidgets.IntSlider, "weight", value=0, min=0, max=sizes[0] - 1)
        self.bit = control(ipywidgets.SelectionSlider, "flip", value=PARTS[0], options=PARTS)
        self._undamaged = self._decoded(self._stored)
        self.inches = (9.0, 0.6 + 2.8 * aspect(image.shape))
        super().__init__([self.layer, self.weight, self.bit])

    @property
    def _index(self) -> int:
        return int(self._starts[self.layer.value - 1]) + self.weight.value

    @property
    def before(self) -> float:
        """The weight as stored."""
        return float(self._stored[self._index])

    @property
    def after(self) -> float:
        """The weight with its bit flipped; may be infinite or no number."""
        return float(self._flipped()[self._index])

    def changed(self) -> None:
        """The weights of another layer are others."""
        start, end = self._starts[self.layer.value - 1 : self.layer.value + 1]
        if self.weight.max != (last := int(end - start) - 1):
            self.weight.max = last  # which may move the weight, and then draws
        self.refresh()

    def _flipped(self) -> np.ndarray:
        stored = self._stored.copy()
        stored.view(np.uint16)[self._index] ^= np.uint16(1 << (15 - PARTS.index(self.bit.value)))
        return stored

    def _decoded(self, stored: np.ndarray) -> np.ndarray:
        """The picture; black where the network returns no number."""
        model = with_weights(self.arch, torch.from_numpy(stored.astype(np.float32)))
        with np.errstate(invalid="ignore"):
            return render(model, self.image.shape)

    def draw(self, figure: Figure) -> str:
        """The picture, the one with the flipped bit, and their difference."""
        picture = self._decoded(self._flipped())
        axes = panels(figure, "abc", left=0.01, right=0.99, bottom=0.02)
        good, bad = (psnr(self.image, shown) for shown in (self._undamaged, picture))
        show_image(self._undamaged, axes["a"], f"as stored: {good:.2f} dB")
        show_image(picture, axes["b"], f"one bit flipped: {bad:.2f} dB")
        show_residual(self._undamaged, picture, axes["c"], "what the bit changed, 4 times enlarged")
        return (
            f"layer {self.layer.value}, weight {self.weight.value}, {html.escape(self.bit.value)}: "
            f"<b>{self.before:.5g}</b> becomes <b>{self.after:.5g}</b>"
        )
