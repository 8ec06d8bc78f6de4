"""What every widget of the course stands on: a row of controls, one picture, one line of text, and errors that show.

A widget is a class whose controls are attributes: ``widget.bits.value = 8`` in a cell or a test does what the slider
does. Its picture is one PNG, drawn anew whenever a control changes; the same PNG is what a reader sees where no kernel
runs (GitHub, nbviewer, a notebook just cloned).
"""

import io
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from coin_edu.data import photo
from coin_edu.image import check_image, load_image
from coin_edu.widgets.picture import Picture
from coin_edu.widgets.shown import Shown, plain
from coin_edu.widgets.shown import ipywidgets as ipywidgets

# Newer kernels run a widget's callbacks beside a running cell, and a live fit draws from a thread of its own.
_drawing = threading.RLock()


class Panel(Shown):
    """A widget: subclass it, make the controls, hand them to ``super().__init__``, and write :meth:`draw`.

    Parameters
    ----------
    controls : sequence of ipywidgets
        A change of any one's ``value`` draws the picture anew.
    buttons : sequence of ipywidgets
        Shown in a row beneath, not watched.

    Attributes
    ----------
    picture : Picture
        Its ``value`` is the PNG.
    status : ipywidgets.HTML
        The line of text beneath.

    Examples
    --------
    >>> class Gray(Panel):
    ...     def __init__(self):
    ...         self.level = slider(ipywidgets.IntSlider, "level", 128, 0, 255)
    ...         super().__init__([self.level])
    ...
    ...     def draw(self, figure):
    ...         figure.add_subplot().imshow([[self.level.value]], "gray", vmin=0, vmax=255)
    ...         return f"level {self.level.value}"
    >>> gray = Gray()
    >>> gray.level.value = 20
    >>> gray.status.value
    'level 20'
    """

    inches = (9.0, 3.6)

    # By their letters in the mosaic, axes that listen to the mouse, and how (see :class:`Picture`).
    mouse: ClassVar[dict[str, dict[str, Any]]] = {}

    def __init__(self, controls: Sequence[Any], buttons: Sequence[Any] = ()):
        self.picture = Picture(layout={"max_width": "900px", "width": "100%"})
        self._tips: list[tuple[Axes, float, float, str]] = []
        self.status = ipywidgets.HTML()
        columns = {"grid_template_columns": "repeat(auto-fill, 290px)", "grid_gap": "2px 10px", "max_width": "900px"}
        rows = [ipywidgets.GridBox(list(controls), layout=columns), ipywidgets.HBox(list(buttons))]
        super().__init__([*[row for row in rows if row.children], self.picture, self.status])
        self._assigning = False
        self.picture.owner = self.model_id or ""
        self.picture.listen(lambda event: self.surface(lambda: self.on_mouse(event)))
        for control in controls:
            self.on_change(control, self._changed)
        self.refresh()

    def draw(self, figure: Figure) -> str:
        """Draw what the controls say into an empty figure of ``inches``; the status line, in HTML."""
        raise NotImplementedError

    def changed(self) -> None:
        """What a new value of a control brings about."""
        self.refresh()

    def assign(self, values: Mapping[Any, Any]) -> None:
        """Give several controls new values, and draw once."""
        self._assigning = True
        try:
            for control, value in values.items():
                control.value = value
        finally:
            self._assigning = False
        self.changed()

    def _changed(self) -> None:
        if not self._assigning:
            self.changed()

    def refresh(self) -> None:
        """Draw the picture anew."""
        with _drawing:
            figure, self._tips = Figure(figsize=self.inches, dpi=100), []
            caption = self.draw(figure)
            buffer = io.BytesIO()
            figure.savefig(buffer, dpi=100, facecolor="white", pil_kwargs={"compress_level": 3})
            self.status.value = caption
            with self.picture.hold_sync():
                self.picture.axes, self.picture.tips = self.listening(figure), self._shares(figure)
                self.picture.value, self.picture.alt = buffer.getvalue(), self.alternative()

    def on_mouse(self, event: dict[str, Any]) -> None:
        """What a click, a drag or a turn of the wheel brings about, in axes that `mouse` names."""

    def tip(self, ax: Axes, x: float, y: float, text: str) -> None:
        """While drawing: what is said when the mouse is at that place of the axes."""
        self._tips.append((ax, x, y, text))

    def listening(self, figure: Figure) -> list[dict[str, Any]]:
        """Where the axes are that listen, and what their ends mean."""
        found = []
        for ax in figure.axes:
            if (name := str(ax.get_label())) in self.mouse:
                box = figure.transFigure.inverted().transform_bbox(ax.get_window_extent())
                log = [ax.get_xscale() == "log", ax.get_yscale() == "log"]
                where = {"name": name, "box": [box.x0, 1 - box.y1, box.x1, 1 - box.y0], "log": log}
                found.append({**where, "x": list(ax.get_xlim()), "y": list(ax.get_ylim()), **self.mouse[name]})
        return found

    def _shares(self, figure: Figure) -> list[list[Any]]:
        places = [(ax.transData.transform((x, y)), text) for ax, x, y, text in self._tips]
        shares = [(figure.transFigure.inverted().transform(place), text) for place, text in places]
        return [[float(x), float(1 - y), text] for (x, y), text in shares if np.isfinite([x, y]).all()]

    def still(self) -> dict[str, Any]:
        """The picture as it is now."""
        return {"image/png": bytes(self.picture.value)}

    def alternative(self) -> str:
        """The status line without its markup."""
        return plain(self.status.value)


def thumbnail(image: np.ndarray | str | os.PathLike[str], longer: int = 192) -> np.ndarray:
    """A picture small enough to be worked on live, uint8 (h, w, 3): the longer side at most `longer` pixels.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3), str or path
        A picture, a name that :func:`coin_edu.photo` knows, or a file, whose name has a dot.

    Examples
    --------
    >>> thumbnail("coffee", 96).shape
    (64, 96, 3)
    """
    if isinstance(image, str | os.PathLike):
        image = load_image(image) if "." in os.fspath(image) else photo(str(image))
    picture = Image.fromarray(check_image(image))
    picture.thumbnail((longer, longer), Image.Resampling.LANCZOS)
    return np.array(picture)


def control(kind: Any, label: str, **traits: Any) -> Any:
    """A control of that ipywidgets class, aligned with its neighbors; sliders answer when let go, unless told else."""
    if "continuous_update" in kind.class_trait_names():
        traits.setdefault("continuous_update", False)
    return kind(description=label, layout={"width": "290px"}, style={"description_width": "90px"}, **traits)


def slider(kind: Any, label: str, value: float, low: float, high: float, **traits: Any) -> Any:
    """A control from `low` to `high`, or as far as its first value lies."""
    return control(kind, label, value=value, min=min(low, value), max=max(high, value), **traits)


def button(label: str, icon: str, tooltip: str) -> Any:
    """A button; `icon` is a name from Font Awesome 4."""
    return ipywidgets.Button(description=label, icon=icon, tooltip=tooltip, layout={"width": "115px"})


def aspect(shape: tuple[int, ...]) -> float:
    """Height over width of the space that a picture gets: its own, unless it is very wide or very tall."""
    return min(max(shape[0] / shape[1], 0.4), 1.5)


def panels(figure: Figure, mosaic: str, **grid: Any) -> dict[str, Axes]:
    """Axes by their letters in the mosaic, with margins that leave room for labels whatever the figure's size."""
    width, height = figure.get_size_inches()
    margins = {"left": 0.6 / width, "right": 1 - 0.2 / width, "bottom": 0.45 / height, "top": 1 - 0.3 / height}
    axes = figure.subplot_mosaic(mosaic, gridspec_kw={**margins, "wspace": 0.05, **grid})
    for letter, ax in axes.items():
        ax.set_anchor("N")  # titles of pictures and plots in one line
        ax.set_label(letter)
    return axes
