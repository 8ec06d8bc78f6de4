"""The linear code of patches, and pictures put together of them."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="pip install 'coin_edu[plots]'")

from coin_edu.course import nb08, patchwork


def test_as_many_numbers_as_patches_restore_them(make_image):
    squares = nb08.patches(make_image(16, 24), 8)
    assert np.abs(patchwork.linear(squares, squares, 6).astype(int) - squares).max() <= 1


def test_fewer_numbers_are_further_away(make_image):
    squares = nb08.patches(make_image(32, 32), 8)
    errors = [np.square(patchwork.linear(squares, squares, n) - squares.astype(float)).mean() for n in (1, 4, 12)]
    assert errors[0] > errors[1] > errors[2]


def test_each_picture_has_its_psnr(make_image):
    image = make_image(16, 24)
    squares = nb08.patches(image, 8)
    figure = patchwork.patchworks(image, squares, {"same": squares, "dark": squares // 2})
    assert figure.axes[0].get_title() == "same: inf dB"
