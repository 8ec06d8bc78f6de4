"""A figure that says in words what it shows, for whoever cannot see it."""

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from coin_edu.errors import CoinError
from coin_edu.widgets.picture import Picture
from coin_edu.widgets.shown import Shown

LAYOUT = {"max_width": "900px"}


def png(drawing: Any) -> bytes | None:
    """The PNG of a figure, of the one that axes are in, or of a picture uint8 (H, W, 3); None of anything else."""
    buffer = io.BytesIO()
    if isinstance(drawing, Axes):
        drawing = drawing.get_figure()
    if isinstance(drawing, Figure):
        drawing.savefig(buffer, format="png", dpi=100, facecolor="white")
    elif isinstance(drawing, np.ndarray) and drawing.dtype == np.uint8 and drawing.ndim == 3:
        Image.fromarray(drawing).save(buffer, "PNG")
    else:
        return None
    return buffer.getvalue()


class Drawn(Shown):
    """A figure, axes or a picture as an output, with its alternative text.

    Parameters
    ----------
    drawing : Figure, Axes or ndarray, uint8 (H, W, 3)
    words : str
        What it shows.

    Raises
    ------
    CoinError
        If it is none of these, or the words are missing.

    Examples
    --------
    >>> Drawn(np.zeros((2, 3, 3), np.uint8), "a black picture").alternative()
    'a black picture'
    """

    def __init__(self, drawing: Any, words: str):
        drawn = png(drawing)
        if drawn is None or not words.strip():
            got = f"{type(drawing).__name__} and {words!r}"
            raise CoinError(f"Drawn needs a figure, axes or a uint8 picture, and what it shows in words; got {got}")
        self.words, self._drawn = words, drawn
        super().__init__([Picture(value=drawn, alt=words, layout=LAYOUT)])

    def still(self) -> dict[str, Any]:
        """The picture."""
        return {"image/png": self._drawn}

    def alternative(self) -> str:
        """What it shows."""
        return self.words
