import io
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("ipywidgets")

from coin_edu import CoinError, photo
from coin_edu.widgets.picture_chooser import PictureChooser


@pytest.fixture(autouse=True)
def forgotten():
    yield
    PictureChooser.uploaded.clear()
    PictureChooser.chosen = None


def uploaded(name, image, form="PNG"):
    """What ipywidgets hands over for a file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, form)
    content = memoryview(buffer.getvalue())
    modified = datetime(2026, 11, 28, tzinfo=UTC)
    return {"name": name, "type": "image/png", "size": len(content), "content": content, "last_modified": modified}


def test_a_photograph_at_hand():
    chooser = PictureChooser("rocket", longer=64)
    assert np.array_equal(chooser.photograph, photo("rocket")) and max(chooser.image.shape) == 64
    chooser.name.value = "chelsea"
    assert np.array_equal(chooser.photograph, photo("chelsea")) and "chelsea" in chooser.status.value


def test_a_picture_of_ones_own_is_kept_when_the_cell_runs_again(make_image):
    image, chooser = make_image(90, 30), PictureChooser(longer=60)
    chooser.upload.value = (uploaded("me.png", image),)
    assert not chooser.errors and np.array_equal(chooser.photograph, image)
    assert chooser.image.shape == (60, 20, 3) and chooser.name.value == "me.png"
    again = PictureChooser(longer=60)
    assert np.array_equal(again.photograph, image)
    again.name.value = "coffee"
    assert PictureChooser().name.value == "coffee"


def test_the_same_name_again_is_another_picture(make_image):
    chooser = PictureChooser()
    for seed in (1, 2):
        chooser.upload.value = (uploaded("me.png", make_image(9, 8, seed)),)
        assert np.array_equal(chooser.image, make_image(9, 8, seed))


def test_what_is_no_picture_is_told(make_image):
    chooser = PictureChooser()
    before = chooser.image
    chooser.upload.value = ({**uploaded("a.txt", make_image(9, 8)), "content": memoryview(b"hello")},)
    assert isinstance(chooser.errors[0], CoinError) and "a.txt: no picture" in chooser.alert.value
    assert chooser.image is before


def test_a_file_by_its_path(png, image):
    assert np.array_equal(PictureChooser(png).photograph, image)
