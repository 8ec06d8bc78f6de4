import numpy as np
import pytest
from PIL import Image

from coin_edu import photo, psnr, ssim
from coin_edu.study.damages import damaged


def thumbnail(image, longer):
    picture = Image.fromarray(image)
    picture.thumbnail((longer, longer), Image.Resampling.LANCZOS)
    return np.array(picture)


@pytest.mark.parametrize("decibels", [22, 30, 38.5])
def test_every_damage_has_the_same_psnr(decibels):
    image = thumbnail(photo("coffee"), 64)
    pictures = damaged(image, decibels)
    assert len(pictures) == 7
    for name, picture in pictures.items():
        assert psnr(image, picture) == pytest.approx(decibels, abs=0.2), name


@pytest.mark.parametrize("longer", [128, 192])
def test_ssim_ranks_them_as_notebook_06_says(longer):
    image = thumbnail(photo("coffee"), longer)
    by_ssim = {name: ssim(image, picture) for name, picture in damaged(image, 25).items()}
    assert min(by_ssim, key=by_ssim.get) == "noisy" and by_ssim["brighter"] > 0.95
    assert by_ssim["shifted"] < 0.9 < by_ssim["one spot"]


def test_what_cannot_be_damaged_so_much_is_damaged_as_much_as_it_can():
    wall = np.full((16, 24, 3), 90, np.uint8)
    pictures = damaged(wall, 25)
    assert np.array_equal(pictures["blurred"], wall) and np.array_equal(pictures["shifted"], wall)
    assert psnr(wall, pictures["noisy"]) == pytest.approx(25, abs=0.2)
