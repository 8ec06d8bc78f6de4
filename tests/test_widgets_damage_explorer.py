import pytest

pytest.importorskip("ipywidgets")

from coin_edu.widgets.damage_explorer import DamageExplorer


def test_the_slider_and_the_view_change_the_picture(image):
    widget = DamageExplorer(image)
    seen = [bytes(widget.picture.value)]
    widget.psnr.value = 35
    assert "35.0 dB" in widget.status.value
    seen.append(bytes(widget.picture.value))
    widget.view.value = "errors"
    seen.append(bytes(widget.picture.value))
    assert len(set(seen)) == 3 and not widget.errors


def test_a_picture_of_one_pixel(make_image):
    widget = DamageExplorer(make_image(1, 1))
    assert widget.picture.value and not widget.errors
