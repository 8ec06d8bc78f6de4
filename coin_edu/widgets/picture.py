"""A picture that the mouse can be used on, where anywidget is installed; else a picture."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import traitlets

from coin_edu.widgets.shown import ipywidgets

Base: Any = ipywidgets.Image
with contextlib.suppress(ImportError):  # all widgets work by their controls alone
    from anywidget import AnyWidget

    Base = AnyWidget
MOUSE = Base is not ipywidgets.Image


class Picture(Base):  # type: ignore[misc]
    """A PNG, what can be done on it with the mouse, and the still that it leaves in the notebook's file.

    Attributes
    ----------
    value : bytes
        The PNG; none shows nothing.
    alt : str
        What it shows, in words.
    axes : list of dict
        Parts that listen: name, box (left, top, right, bottom, as shares of the picture), x and y (data at the ends),
        log (two of bool); and if wanted wheel, select ("x" or "y") and cursor.
    tips : list of (float, float, str)
        Places, as shares of the picture, and what they say under the mouse.
    handles : list of (float, float, float, float, str)
        Dots to drag up and down: x, y, lowest y, highest y, as shares from the top, and a name.
    owner : str
        The number of the widget whose still this is.
    html : str
        What stands above the still.
    """

    _esm = Path(__file__).parent / "js" / "picture.js"

    value = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    axes: Any = traitlets.List().tag(sync=True)
    tips: Any = traitlets.List().tag(sync=True)
    handles: Any = traitlets.List().tag(sync=True)
    owner = traitlets.Unicode().tag(sync=True)
    html = traitlets.Unicode().tag(sync=True)

    def listen(self, action: Callable[[dict[str, Any]], None]) -> None:
        """Call `action` with what the mouse does: kind (click, drag, select, wheel, handle), axes, x and y in data."""
        self.on_msg(lambda _, content, buffers: action(content))
