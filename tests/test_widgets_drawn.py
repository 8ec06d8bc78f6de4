"""A figure as an output has its alternative text."""

import numpy as np
import pytest

pytest.importorskip("ipywidgets", reason="pip install 'coin_edu[notebooks]'")

from matplotlib.figure import Figure

from coin_edu import CoinError
from coin_edu.widgets import Drawn


@pytest.mark.parametrize("make", [Figure, lambda: Figure().add_subplot(), lambda: np.zeros((4, 4, 3), np.uint8)])
def test_it_shows_a_png_and_says_what_it_is(make):
    bundle = Drawn(make(), "two lines that cross")._repr_mimebundle_()
    assert bundle["image/png"].startswith("iVBOR") and bundle["text/plain"] == "Drawn: two lines that cross"
    assert Drawn(make(), "two lines that cross")._metadata(bundle) == {"image/png": {"alt": "two lines that cross"}}


@pytest.mark.parametrize("drawing, words", [(3, "three"), (np.zeros((4, 4)), "gray"), (Figure(), " ")])
def test_what_cannot_be_drawn_or_has_no_words(drawing, words):
    with pytest.raises(CoinError, match="Drawn needs a figure, axes or a uint8 picture"):
        Drawn(drawing, words)
