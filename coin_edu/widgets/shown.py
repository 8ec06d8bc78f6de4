"""What is shown in a notebook: a live view where a kernel runs, a still everywhere else, and errors that show.

A still is kept up to date in the notebook's file: what a fit has reached when it ends replaces the still of its start.
"""

import base64
import html
import io
import re
import uuid
import weakref
from collections.abc import Callable
from typing import Any

from PIL import Image

from coin_edu.errors import CoinError
from coin_edu.study.style import VERMILION

try:
    import ipywidgets as ipywidgets  # the widgets' modules have it from here, and this error with it
except ImportError as error:
    raise CoinError(f'the widgets need {error.name}, which is missing: pip install "coin_edu[notebooks]"') from error

VIEW = "application/vnd.jupyter.widget-view+json"
_all: "weakref.WeakSet[Shown]" = weakref.WeakSet()


class Shown(ipywidgets.VBox):  # type: ignore[misc]
    """A column of widgets that a cell shows by naming it last.

    Attributes
    ----------
    alert : ipywidgets.HTML
        The line in red.
    errors : list of Exception
        What went wrong in callbacks, where ipywidgets would only log it; the last one is in `alert` as well.
    """

    def __init__(self, children: list[Any]):
        self.errors: list[Exception] = []
        self.alert = ipywidgets.HTML()
        self._outputs: list[str] = []
        super().__init__([*children, self.alert])
        _all.add(self)

    def still(self) -> dict[str, Any]:
        """What stands in for the live view, by MIME type; pictures are bytes."""
        raise NotImplementedError

    def alternative(self) -> str:
        """What the still shows, in words, for a reader who cannot see it."""
        return type(self).__name__

    def shown(self) -> None:
        """What begins once the widget is on the page."""

    def settle(self) -> None:
        """Finish whatever is under way or waits for somebody, for a notebook that is run with nobody there."""

    def on_change(self, control: Any, action: Callable[[], None]) -> None:
        """Call `action` whenever the control's value changes; an exception shows."""
        control.observe(lambda change: self.surface(action), "value")

    def on_click(self, button: Any, action: Callable[[], None]) -> None:
        """Call `action` whenever the button is pressed; an exception shows."""
        button.on_click(lambda button: self.surface(action))

    def surface(self, action: Callable[[], None]) -> None:
        """Call `action`; an exception goes into ``errors`` and into the widget, in red."""
        self.alert.value = ""
        try:
            action()
        except Exception as error:  # whatever it is, ipywidgets would swallow it
            self.errors.append(error)
            name = "" if isinstance(error, CoinError) else f"{type(error).__name__}: "
            self.alert.value = f'<b style="color: {VERMILION}">{html.escape(name + str(error))}</b>'

    def update_still(self) -> None:
        """Replace the still in every output that shows this widget; the page then makes its live view anew."""
        if self._outputs:
            from IPython.display import display

            bundle = self._repr_mimebundle_()
            # JupyterLab gives an output that had a live view before a second one, and keeps the first, unseen: a Play
            # in it would stop the other. An output that was a picture in between gets one.
            without = {kind: data for kind, data in bundle.items() if kind != VIEW}
            for output in self._outputs:
                for data in (without, bundle):
                    display(data, metadata=self._metadata(data), raw=True, display_id=output, update=True)

    def _ipython_display_(self) -> None:
        """Show it, and begin."""
        from IPython.display import display

        self._outputs.append(uuid.uuid4().hex)
        bundle = self._repr_mimebundle_()
        display(bundle, metadata=self._metadata(bundle), raw=True, display_id=self._outputs[-1])
        self.surface(self.shown)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The live view for a front end with a kernel, and the still for all others."""
        still = {
            kind: base64.b64encode(_small(bytes(data))).decode() if isinstance(data, bytes | memoryview) else data
            for kind, data in self.still().items()
        }
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {VIEW: view, **still, "text/plain": f"{type(self).__name__}: {self.alternative()}"}

    def _metadata(self, bundle: dict[str, Any]) -> dict[str, Any]:
        return {"image/png": {"alt": self.alternative()}} if "image/png" in bundle else {}


def settle() -> None:
    """Finish every widget on the page: fits run to their end, open predictions count as skipped, stills are renewed.

    Examples
    --------
    >>> settle()  # the last cell of a notebook that is run with nobody there
    """
    shown = [widget for widget in _all if widget._outputs and widget.comm]  # a widget that was closed has no comm
    for widget in sorted(shown, key=lambda widget: widget.model_id):
        widget.settle()
        widget.update_still()


def plain(text: str) -> str:
    """HTML without its tags and entities."""
    return html.unescape(re.sub("<[^>]*>", "", re.sub("<br */?>", "; ", text)))


def _small(png: bytes) -> bytes:
    """The same pixels in fewer bytes: a notebook has many stills, and none that one can see through.

    Level 9 would save 2 % more and take six times as long.
    """
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        if getattr(picture, "is_animated", False):
            return png
        picture.convert("RGB").save(buffer, "PNG", compress_level=6)
    return min(png, buffer.getvalue(), key=len)
