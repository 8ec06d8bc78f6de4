"""A curve drawn by hand: a few handles, each at its place along x, to be moved up and down."""

import io
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from coin_edu.errors import CoinError
from coin_edu.study.style import label
from coin_edu.widgets.picture import MOUSE, Picture
from coin_edu.widgets.shown import ipywidgets

_drawing = threading.RLock()


class Sketch(ipywidgets.VBox):  # type: ignore[misc]
    """Axes with a few handles on them, for :class:`Predict`.

    Parameters
    ----------
    x : sequence of float
        Where the handles are, ascending; three to eight.
    low, high : float
        The range of the heights.
    x_label, y_label : str
        What the axes show, with units.
    unit : str
        Of the heights.
    log : bool
        Whether x is drawn logarithmically.

    Attributes
    ----------
    heights : list of float
        One a handle.

    Examples
    --------
    >>> sketch = Sketch([0.1, 0.3, 1], 20, 40, "bits per pixel", "PSNR", "dB", log=True)
    >>> sketch.heights = [22, 27, 33]
    >>> sketch.heights
    [22.0, 27.0, 33.0]
    """

    def __init__(
        self,
        x: Sequence[float],
        low: float,
        high: float,
        x_label: str = "",
        y_label: str = "",
        unit: str = "",
        log: bool = False,
    ):
        if not 2 <= len(x) <= 8 or np.any(np.diff(x) <= 0) or not low < high or (log and x[0] <= 0):
            raise CoinError("Sketch: two to eight ascending places along x, and low below high, are needed")
        self.x, self.low, self.high, self.x_label, self.y_label = list(x), low, high, x_label, y_label
        self.unit, self.logarithmic = unit, log
        self.picture = Picture(layout={"max_width": "600px"})
        middle = (low + high) / 2
        upright = {"orientation": "vertical", "readout": False, "layout": {"height": "120px", "width": "60px"}}
        limits = {"value": middle, "min": low, "max": high, "step": (high - low) / 100}
        self.sliders = [ipywidgets.FloatSlider(description=f"{place:g}", **limits, **upright) for place in x]
        self._truth: tuple[np.ndarray, np.ndarray] | None = None
        by_hand = {"display": "none"} if MOUSE else {}
        super().__init__([self.picture, ipywidgets.HBox(self.sliders, layout=by_hand)])
        self.picture.listen(self._moved)
        for slider in self.sliders:
            slider.observe(lambda change: self.draw(), "value")
        self.draw()

    @property
    def heights(self) -> list[float]:
        """One a handle."""
        return [slider.value for slider in self.sliders]

    @heights.setter
    def heights(self, heights: Sequence[float]) -> None:
        for slider, height in zip(self.sliders, heights, strict=True):
            slider.value = height

    def cover(self) -> None:
        """Hide the true curve; the handles move again."""
        self._truth = None
        self._freeze(False)

    def uncover(self, truth: Any) -> None:
        """Draw the true curve over the sketch: heights at the handles, or a pair (x, heights)."""
        self._truth = self._curve(truth)
        self._freeze(True)

    def at_handles(self, truth: Any) -> np.ndarray:
        """The true heights where the handles are."""
        x, y = self._curve(truth)
        return np.interp(self.x, x, y)

    def draw(self) -> None:
        """Draw the sketch, and the true curve once it is uncovered."""
        with _drawing:
            figure = Figure(figsize=(6, 3), dpi=100, layout="constrained")
            ax = figure.add_subplot(xscale="log" if self.logarithmic else "linear", ylim=(self.low, self.high))
            ax.plot(self.x, self.heights, "o-", color="0.6", markersize=8, label="your sketch")
            if self._truth:
                ax.plot(*self._truth, color="black", linewidth=2, label="measured")
                ax.legend(fontsize=9, frameon=False)
            label(ax, self.x_label, self.y_label)
            buffer = io.BytesIO()
            figure.savefig(buffer, facecolor="white")
            to_shares = figure.transFigure.inverted()
            ends = 1 - to_shares.transform(ax.get_window_extent().get_points())[:, 1]  # lowest, highest, from the top
            places = to_shares.transform(ax.transData.transform(np.column_stack([self.x, self.heights])))
            dots = [
                [float(x), float(1 - y), *map(float, ends), f"{self.x_label} {place:g}"]
                for (x, y), place in zip(places, self.x, strict=True)
            ]
            with self.picture.hold_sync():
                self.picture.alt = f"a sketch of {self.y_label} over {self.x_label}"
                self.picture.value, self.picture.handles = buffer.getvalue(), [] if self._truth else dots

    def _moved(self, event: dict[str, Any]) -> None:
        if event["kind"] == "handle" and not self._truth:
            self.sliders[event["index"]].value = self.low + event["share"] * (self.high - self.low)

    def _curve(self, truth: Any) -> tuple[np.ndarray, np.ndarray]:
        if isinstance(truth, tuple) and len(truth) == 2 and np.ndim(truth[0]) == 1:
            return np.asarray(truth[0], float), np.asarray(truth[1], float)
        return np.asarray(self.x, float), np.asarray(truth, float)

    def _freeze(self, frozen: bool) -> None:
        for slider in self.sliders:
            slider.disabled = frozen
        self.draw()
