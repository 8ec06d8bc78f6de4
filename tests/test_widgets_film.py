"""A fit as a picture that moves."""

import io

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("ipywidgets", reason="pip install 'coin_edu[notebooks]'")

from coin_edu.widgets.drawn import png
from coin_edu.widgets.film import FRAMES, ROUNDS, Film


def shot(shade, shape=(30, 40, 3)):
    """One shade, and a row of all, as the frames of a film have the colors of the last one."""
    picture = np.full(shape, shade, np.uint8)
    picture[-1, :5] = np.array([50, 100, 150, 200, 255])[:, None]
    return png(picture)


def developed(film, last):
    return Image.open(io.BytesIO(film.developed(last)))


def test_it_grows_from_the_first_frame_to_the_last_and_stands_still_as_the_last():
    film = Film()
    for share, shade in ((0, 50), (0.02, 100), (0.03, 255), (0.5, 150), (1, 255)):
        film.add(share, shot(shade))
    moving = developed(film, shot(200))
    assert moving.is_animated and moving.info["loop"] == ROUNDS
    seen = []
    for index in range(moving.n_frames):
        moving.seek(index)
        seen.append(np.array(moving.convert("RGB"))[0, 0, 0])
    assert seen == [200, 50, 100, 150, 200], "the first is for pages that know no animations"


def test_frames_are_far_apart_and_few():
    film, kept = Film(), []
    for step in range(1001):
        if film.wants(step / 1000):
            film.add(step / 1000, shot(0))
            kept.append(step)
    assert kept == [0, 10, 30, 90, 270] and len(kept) == FRAMES


@pytest.mark.parametrize("shape", [None, (31, 40, 3)], ids=["no frame", "another size"])
def test_without_frames_it_is_the_last_picture(shape):
    film = Film()
    if shape:
        film.add(0, shot(7, shape))
    assert film.developed(shot(9)) == shot(9)
