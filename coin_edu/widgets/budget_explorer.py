"""Depth, width and bits, and where the bytes of such a file are."""

import functools
from typing import Any, ClassVar

import numpy as np
from matplotlib.figure import Figure

from coin_edu.arch import Arch
from coin_edu.coding import Coding
from coin_edu.metrics import bpp
from coin_edu.study.style import BLUE, ORANGE, SKY, VERMILION, label
from coin_edu.widgets.panel import Panel, control, ipywidgets, panels


class BudgetExplorer(Panel):
    """What a network of some depth and width costs as a file, and which others cost as much.

    Parameters
    ----------
    shape : tuple of int
        (height, width, ...) of the picture.
    budget : float
        Bits per pixel allowed.

    Attributes
    ----------
    depth, width, bits, budget : ipywidgets
    arch : Arch
        The network chosen.

    Examples
    --------
    >>> widget = BudgetExplorer((512, 768), budget=0.3)
    >>> widget.depth.value, widget.width.value = 5, 30
    >>> str(widget.arch)
    '5x30'
    """

    def __init__(self, shape: tuple[int, ...] = (512, 768), budget: float = 0.3):
        self.shape = shape
        best = Arch.for_bpp(budget, shape)
        depth, width = min(best.depth, 16), min(max(best.width, 4), 64)
        self.depth = control(ipywidgets.IntSlider, "depth", value=depth, min=1, max=16, continuous_update=True)
        self.width = control(ipywidgets.IntSlider, "width", value=width, min=4, max=64, continuous_update=True)
        self.bits = control(ipywidgets.Dropdown, "bits a weight", value=16, options=Coding.PLAIN)
        self.budget = control(ipywidgets.FloatLogSlider, "budget, bpp", value=budget, min=-2, max=1, step=0.02)
        super().__init__([self.depth, self.width, self.bits, self.budget])

    @property
    def arch(self) -> Arch:
        """The network chosen."""
        return Arch(self.depth.value, self.width.value)

    mouse: ClassVar[dict[str, dict[str, Any]]] = {"a": {}}

    def on_mouse(self, event: dict[str, Any]) -> None:
        """The network under the mouse."""
        depth, width = (round(np.clip(event[name], min(places), max(places))) for name, places in AXES.items())
        self.assign({self.depth: depth, self.width: width})

    def draw(self, figure: Figure) -> str:
        """The map of all pairs; the bytes of the one chosen."""
        arch, bits, budget = self.arch, self.bits.value, self.budget.value
        axes = panels(figure, "a.b", width_ratios=[1, 0.25, 0.6], wspace=0)
        rates = 8 * file_sizes(bits) / (self.shape[0] * self.shape[1])
        ax = axes["a"]
        ax.pcolormesh(WIDTHS, DEPTHS, np.log(rates), cmap="cividis")
        lines = ax.contour(WIDTHS, DEPTHS, rates, levels=LEVELS, colors="white", linewidths=0.7)
        ax.clabel(lines, fmt="%g bpp", fontsize=8)
        ax.contour(WIDTHS, DEPTHS, rates, levels=[budget], colors=ORANGE, linewidths=2.5)
        ax.plot(arch.width, arch.depth, "o", color=VERMILION, markeredgecolor="white", markersize=10)
        label(ax, "width, units in a hidden layer", "depth, hidden layers", "bits per pixel of the file")
        ax.grid(visible=False)

        n_bytes = arch.n_bytes(bits)
        parts = parts_in_bytes(arch, bits)
        axes["b"].barh(list(parts), list(parts.values()), color=[SKY, BLUE, BLUE, BLUE])
        for row, part in enumerate(parts.values()):
            axes["b"].annotate(f" {part:,}", (part, row), va="center", fontsize=8)
        axes["b"].invert_yaxis()
        axes["b"].set_xlim(0, 1.25 * max(parts.values()))
        axes["b"].locator_params(axis="x", nbins=4)
        label(axes["b"], "bytes", title=f"{arch}: {n_bytes:,} bytes")

        rate = bpp(n_bytes, self.shape)
        verdict = "within" if rate <= budget else f'<b style="color: {VERMILION}">over</b>'
        return (
            f"{arch}: {arch.n_weights:,} weights of {bits} bits, a file of {n_bytes:,} bytes &middot; "
            f"<b>{rate:.3f} bpp</b> at {self.shape[1]}x{self.shape[0]} pixels, {verdict} the budget of {budget:.3g}"
        )


DEPTHS, WIDTHS = range(1, 17), range(4, 65)
AXES = {"y": DEPTHS, "x": WIDTHS}
LEVELS = (0.07, 0.15, 0.3, 0.6, 1.2)  # the paper's budgets, bits per pixel


@functools.cache
def file_sizes(bits: int) -> np.ndarray:
    """Bytes of the file of every pair on the map, (depths, widths)."""
    return np.array([[Arch(depth, width).n_bytes(bits) for width in WIDTHS] for depth in DEPTHS])


def parts_in_bytes(arch: Arch, bits: int) -> dict[str, int]:
    """Where the bytes of a file are, by part, in the order of the file; weights are rounded to whole bytes."""
    weights = np.cumsum(Coding(bits).widths(arch)) // 8
    ends = [0, *(int(weights[i - 1]) for i in (arch.n_first, arch.n_weights - arch.n_last, arch.n_weights))]
    names = ["first layer", "hidden layers", "last layer"]
    parts = {name: end - begin for name, begin, end in zip(names, ends[:-1], ends[1:], strict=True)}
    return {"around them": arch.n_bytes(bits) - sum(parts.values()), **parts}
