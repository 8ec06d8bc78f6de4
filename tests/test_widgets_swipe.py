"""Two pictures with a line between them."""

import numpy as np
import pytest

pytest.importorskip("ipywidgets", reason="pip install 'coin_edu[notebooks]'")

from coin_edu import CoinError
from coin_edu.widgets import Swipe, swipe


@pytest.fixture
def pictures():
    return {name: np.full((20, 30, 3), shade, np.uint8) for name, shade in (("original", 0), ("COIN", 99), ("JPEG", 9))}


@pytest.fixture(params=[True, False], ids=["anywidget", "without"])
def widget(pictures, monkeypatch, request):
    monkeypatch.setattr(swipe, "MOUSE", request.param and swipe.MOUSE)
    return Swipe(pictures)


@pytest.mark.parametrize("share", [0, 0.3, 1])
def test_left_of_the_line_is_one_picture_and_right_of_it_the_other(widget, share):
    widget.left.value, widget.right.value, widget.share.value = "COIN", "JPEG", share
    seen, column = widget.seen()[0, :, 0], round(30 * share)
    assert (seen[:column] == 99).all() and (seen[column:] == 9).all()
    assert widget.alternative() == "COIN to the left of the line, JPEG to its right"


def test_the_page_gets_what_the_controls_say(pictures):
    pytest.importorskip("anywidget")
    widget = Swipe(pictures)
    assert set(widget.slide.pictures) == set(pictures) and widget.slide.pictures["COIN"].startswith(b"\x89PNG")
    widget.right.value, widget.slide.share = "JPEG", 0.25
    assert (widget.slide.left, widget.slide.right, widget.share.value) == ("original", "JPEG", 0.25)


def test_without_javascript_the_slider_moves_the_line(pictures, monkeypatch):
    monkeypatch.setattr(swipe, "MOUSE", False)
    widget = Swipe(pictures)
    before = widget.slide.value
    widget.share.value = 0.9
    assert widget.slide.value != before and not widget.errors


def test_its_still_has_both_sides(widget):
    before = widget.still()["image/png"]
    widget.share.value = 0.8
    assert widget.still()["image/png"] != before


@pytest.mark.parametrize("names", [[], ["original"], ["original", "other"]])
def test_pictures_that_do_not_lie_over_each_other(pictures, names):
    pictures["other"] = np.zeros((20, 31, 3), np.uint8)
    with pytest.raises(CoinError, match=r"Swipe needs two pictures or more, all of one size; got"):
        Swipe({name: pictures[name] for name in names})
