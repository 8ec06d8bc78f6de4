"""Bjontegaard's BD-rate, and how much its range decides."""

import html
from typing import Any, ClassVar

import numpy as np
from matplotlib.figure import Figure

from coin_edu.errors import CoinError
from coin_edu.metrics import Curve, bd_rate
from coin_edu.study.style import VERMILION, label, look
from coin_edu.widgets.panel import Panel, control, ipywidgets, panels


class BDExplorer(Panel):
    """BD-rate of one curve against another over a range of PSNR that is dragged: the area between the two.

    Parameters
    ----------
    reference, test : Curve
        For example ``coin_edu.published("COIN")``.

    Attributes
    ----------
    range : ipywidgets.FloatRangeSlider
        PSNR in dB; at first all that both reach.
    percent : float
        BD-rate over that range: how many percent more bits `test` takes for equal PSNR; less is negative.

    Examples
    --------
    >>> from coin_edu import published
    >>> widget = BDExplorer(published("JPEG"), published("COIN"))
    >>> widget.range.value = (24, 26)
    >>> widget.percent < 0
    True
    """

    inches = (9.0, 3.8)

    def __init__(self, reference: Curve, test: Curve):
        self.reference, self.test = reference, test
        low, high = (
            max(min(reference.psnrs), min(test.psnrs)), min(max(reference.psnrs), max(test.psnrs))
        )  # fmt: skip
        if not low < high:
            raise CoinError(f"{reference.label} and {test.label} have no PSNR in common; take curves that overlap")
        self.range = control(
            ipywidgets.FloatRangeSlider, "PSNR, dB", value=(low, high), min=low, max=high, step=0.05,
            readout_format=".2f", continuous_update=True,
        )  # fmt: skip
        super().__init__([self.range])

    @property
    def percent(self) -> float:
        """BD-rate over the range, in percent."""
        return bd_rate(self.reference.points, self.test.points, self.range.value)

    mouse: ClassVar[dict[str, dict[str, Any]]] = {"a": {"select": "y", "cursor": "ns-resize"}}

    def on_mouse(self, event: dict[str, Any]) -> None:
        """A range dragged over the curves."""
        if event["kind"] == "select":
            low, high = sorted(np.clip([event["from"]["y"], event["y"]], self.range.min, self.range.max))
            if high - low >= self.range.step:
                self.assign({self.range: (float(low), float(high))})

    def draw(self, figure: Figure) -> str:
        """The two curves, and the area between them in the range."""
        from scipy.interpolate import PchipInterpolator  # half a second of import that only this needs

        low, high = self.range.value
        axes = panels(figure, "a.b", width_ratios=[1.2, 0.2, 0.8])
        heights = np.linspace(low, high, 100)
        logs = {}
        for curve in (self.reference, self.test):
            color, marker = look(curve.name)
            axes["a"].semilogx(curve.rates, curve.psnrs, color=color, marker=marker, markersize=5, label=curve.label)
            logs[curve] = PchipInterpolator(curve.psnrs, np.log(curve.rates))(heights)
        one, two = np.exp(logs[self.reference]), np.exp(logs[self.test])
        axes["a"].fill_betweenx(heights, one, two, color=VERMILION, alpha=0.25, label="the area that counts")
        for height in (low, high):
            axes["a"].axhline(height, color=VERMILION, linewidth=0.8)
        axes["a"].legend(fontsize=9, frameon=False, loc="upper left")
        axes["a"].xaxis.set_major_formatter("{x:g}")
        label(axes["a"], "rate, bits per pixel", "PSNR, dB")
        axes["b"].plot(100 * (two / one - 1), heights, color=VERMILION)
        axes["b"].axvline(0, color="0.5", linewidth=0.8)
        axes["b"].axvline(self.percent, color="black", linestyle="--", label=f"BD-rate: {self.percent:+.1f} %")
        axes["b"].legend(fontsize=9, frameon=False, loc="best")
        label(axes["b"], f"% more bits than {self.reference.name}", "", "at each PSNR")
        axes["b"].set_ylim(axes["a"].get_ylim())
        return (
            f"from {low:.2f} to {high:.2f} dB {html.escape(self.test.label)} takes <b>{self.percent:+.1f} %</b> bits "
            f"against {html.escape(self.reference.label)}"
        )
