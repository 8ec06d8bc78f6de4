"""Two codecs' pictures at the same place, and a line between them to be moved."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import traitlets
from matplotlib.figure import Figure

from coin_edu.errors import CoinError
from coin_edu.study.plots import show_image
from coin_edu.study.style import VERMILION
from coin_edu.widgets.drawn import png
from coin_edu.widgets.panel import aspect, control, ipywidgets
from coin_edu.widgets.picture import MOUSE, Base
from coin_edu.widgets.shown import Shown


class _Slide(Base):  # type: ignore[misc]
    """Two of several pictures, and the line."""

    _esm = Path(__file__).parent / "js" / "swipe.js"

    pictures: Any = traitlets.Dict().tag(sync=True)
    left = traitlets.Unicode().tag(sync=True)
    right = traitlets.Unicode().tag(sync=True)
    share = traitlets.Float(0.5).tag(sync=True)


class Swipe(Shown):
    """Pictures of one size, two at a time, one on each side of a line that the mouse or the arrow keys move.

    Where anywidget is missing, the slider moves the line.

    Parameters
    ----------
    pictures : mapping of str to ndarray, uint8 (H, W, 3)
        Two or more, by name; the first is on the left and the second on the right at first.

    Attributes
    ----------
    left, right : ipywidgets.Dropdown
        Which picture is on each side.
    share : ipywidgets.FloatSlider
        Where the line is, 0 to 1 of the width.

    Raises
    ------
    CoinError
        If there are fewer than two, or they differ in size.

    Examples
    --------
    >>> swipe = Swipe({"black": np.zeros((4, 6, 3), np.uint8), "white": np.full((4, 6, 3), 255, np.uint8)})
    >>> swipe.share.value = 1 / 3
    >>> swipe.seen()[0, :, 0].tolist()
    [0, 0, 255, 255, 255, 255]
    """

    def __init__(self, pictures: Mapping[str, np.ndarray]):
        shapes = {picture.shape for picture in pictures.values()}
        if len(pictures) < 2 or len(shapes) != 1:
            got = ", ".join(f"{name} {picture.shape}" for name, picture in pictures.items())
            raise CoinError(f"Swipe needs two pictures or more, all of one size; got {got or 'none'}")
        self.pictures = dict(pictures)
        first, second, *_ = names = list(pictures)
        self.left = control(ipywidgets.Dropdown, "left", options=names, value=first)
        self.right = control(ipywidgets.Dropdown, "right", options=names, value=second)
        self.share = control(ipywidgets.FloatSlider, "line at", value=0.5, min=0, max=1, step=0.01)
        layout = {"max_width": "900px", "width": "100%"}
        if MOUSE:
            self.slide = _Slide(pictures={name: png(picture) for name, picture in pictures.items()}, layout=layout)
            for name in ("left", "right", "share"):
                ipywidgets.link((getattr(self, name), "value"), (self.slide, name))
        else:
            self.slide = ipywidgets.Image(value=png(self.seen()), layout=layout)
            for each in (self.left, self.right, self.share):
                self.on_change(each, lambda: setattr(self.slide, "value", png(self.seen())))
        super().__init__([ipywidgets.HBox([self.left, self.right, self.share]), self.slide])

    def seen(self) -> np.ndarray:
        """What is to be seen, uint8 (H, W, 3)."""
        seen = self.pictures[self.right.value].copy()
        column = round(self.share.value * seen.shape[1])
        seen[:, :column] = self.pictures[self.left.value][:, :column]
        return seen

    def still(self) -> dict[str, Any]:
        """Both sides with their names, and the line."""
        shape = self.seen().shape
        figure = Figure(figsize=(6, 0.4 + 6 * aspect(shape)))
        ax = figure.add_axes((0, 0, 1, 1 - 0.4 / figure.get_figheight()))
        show_image(self.seen(), ax, f"{self.left.value}  |  {self.right.value}")
        ax.axvline(self.share.value * shape[1] - 0.5, color=VERMILION, linewidth=1.5)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100, facecolor="white")
        return {"image/png": buffer.getvalue()}

    def alternative(self) -> str:
        """Which picture is on which side."""
        return f"{self.left.value} to the left of the line, {self.right.value} to its right"
