import pytest

pytest.importorskip("ipywidgets")

from coin_edu import Arch, pack_model
from coin_edu.widgets.decode_explorer import DecodeExplorer


@pytest.fixture(scope="module")
def data(textured):
    return pack_model(textured(Arch(2, 8)), (100, 150))


def test_zoom_and_place_choose_the_region(data):
    widget = DecodeExplorer(data)
    widget.zoom.value = 1
    assert widget.region == (0, 0, 150, 100)
    widget.zoom.value, widget.x.value, widget.y.value = 2, 0, 100
    assert widget.region == (0, 50, 75, 50), "moved inside the picture"
    widget.x.value, widget.y.value = 75, 50
    assert widget.region == (37, 25, 75, 50)
    widget.side.value = 96
    assert "6,144 pixels evaluated" in widget.status.value and not widget.errors


@pytest.mark.parametrize("zoom", [1, 3.3, 32])
def test_every_place_has_a_region(data, zoom):
    widget = DecodeExplorer(data)
    widget.side.value, widget.zoom.value = 24, zoom
    for x, y in ((0, 0), (150, 100), (1, 99)):
        widget.x.value, widget.y.value = x, y
    assert not widget.errors


def test_a_tall_picture_is_decoded_as_large_as_a_wide_one(textured):
    widget = DecodeExplorer(pack_model(textured(Arch(2, 8)), (200, 2)))
    assert "3,072 pixels evaluated" in widget.status.value, "8x384, not 384x19,200"
    assert not widget.errors


def test_refinement_counts_the_pixels_evaluated(data):
    widget = DecodeExplorer(data)
    assert "left: 15,000 of 15,000 pixels" in widget.status.value
    widget.detail.value = 0
    assert "left: 6 of 15,000 pixels" in widget.status.value
    widget.detail.value = 1
    assert "left: 20 of 15,000 pixels" in widget.status.value and not widget.errors
