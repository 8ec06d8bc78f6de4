"""A widget that walks in a straight line from one network to another."""

import html
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from matplotlib.figure import Figure
from torch.nn.utils import parameters_to_vector

from coin_edu.errors import CoinError
from coin_edu.metrics import psnr
from coin_edu.rendering import render
from coin_edu.siren import Siren, with_weights
from coin_edu.study.plots import show_image
from coin_edu.study.style import label, looks
from coin_edu.widgets.panel import Panel, aspect, control, ipywidgets, panels, thumbnail

SHARES = np.linspace(0, 1, 21)


def blend(first: Siren, second: Siren, share: float) -> Siren:
    """The network on the straight line between two of one architecture, at that share of the way to the second."""
    if first.arch != second.arch:
        raise CoinError(f"a blend needs two networks of one architecture, got {first.arch} and {second.arch}")
    here, there = (parameters_to_vector(model.parameters()) for model in (first, second))
    return with_weights(first.arch, (1 - share) * here + share * there)


class BlendExplorer(Panel):
    """A blend of two networks: its picture between theirs, and its PSNR all along the way.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
        The picture that the networks were fitted to.
    pairs : mapping of str to (Siren, Siren)
        By name; the two of a pair have one architecture.

    Attributes
    ----------
    pair, share : ipywidgets
        Which two, and how much of the second.
    curves : dict of list of float
        By pair, the PSNR in dB at 21 shares from 0 to 1.

    Examples
    --------
    >>> from coin_edu.arch import Arch
    >>> widget = BlendExplorer(np.zeros((8, 8, 3), np.uint8), {"seeds": (Siren(Arch(1, 4), 0), Siren(Arch(1, 4), 1))})
    >>> widget.share.value = 1.0
    """

    def __init__(self, image: np.ndarray, pairs: Mapping[str, tuple[Siren, Siren]]):
        if not pairs:
            raise CoinError("a blend needs at least one pair of networks, by name")
        self.image = thumbnail(image)
        self.heights = 2.6 * aspect(self.image.shape), 1.4  # of the pictures and of the curves beneath, inches
        self.inches = (9.0, sum(self.heights) + 1.2)
        self.pairs = dict(pairs)
        self.curves = {
            name: [psnr(self.image, render(blend(*pair, share), self.image.shape)) for share in SHARES]
            for name, pair in pairs.items()
        }
        self.pair = control(ipywidgets.Dropdown, "networks", options=list(pairs))
        self.share = control(ipywidgets.FloatSlider, "share", value=0.5, min=0, max=1, step=0.05)
        super().__init__([self.pair, self.share])

    mouse: ClassVar[dict[str, dict[str, Any]]] = {"d": {"cursor": "ew-resize"}}

    def on_mouse(self, event: dict[str, Any]) -> None:
        """The share under the mouse."""
        self.assign({self.share: float(np.clip(event["x"], 0, 1))})

    def draw(self, figure: Figure) -> str:
        """Three pictures above, the curves of all pairs beneath."""
        pair, share = self.pairs[self.pair.value], self.share.value
        axes = panels(figure, "abc;dde", height_ratios=self.heights, hspace=0.25)
        shown = {"a": ("the first network", 0.0), "b": (f"blend, share {share:.2f}", share), "c": ("the second", 1.0)}
        decibels = {}
        for place, (name, where) in shown.items():
            picture = render(blend(*pair, where), self.image.shape)
            decibels[place] = psnr(self.image, picture)
            show_image(picture, axes[place], f"{name}: {decibels[place]:.2f} dB")
        for name, (color, _) in looks(self.curves).items():
            wide = 3 if name == self.pair.value else 1
            axes["d"].plot(SHARES, self.curves[name], color=color, label=name, linewidth=wide, zorder=wide)
        axes["d"].plot(share, decibels["b"], "o", color="black", zorder=4)
        axes["e"].set_axis_off()
        axes["e"].legend(*axes["d"].get_legend_handles_labels(), loc="upper left", fontsize=9, frameon=False)
        label(axes["d"], "share of the second network", "PSNR, dB")
        return f"{html.escape(self.pair.value)}: <b>{decibels['b']:.2f} dB</b> at a share of {share:.2f}"
