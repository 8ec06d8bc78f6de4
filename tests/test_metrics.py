import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from coin_edu import CoinError, bpp, psnr, ssim
from coin_edu.metrics import psnr_of_mse


@pytest.fixture(params=[(12, 16), (7, 40), (33, 21)])
def pair(request, make_image):
    return make_image(*request.param), make_image(*request.param, seed=1)


def test_psnr_is_scikit_images(pair):
    assert psnr(*pair) == pytest.approx(peak_signal_noise_ratio(*pair, data_range=255), abs=1e-10)
    assert psnr(*pair) == psnr(*pair[::-1])


def test_ssim_is_scikit_images(pair):
    assert ssim(*pair) == pytest.approx(structural_similarity(*pair, channel_axis=2), abs=1e-12)
    assert ssim(*pair) < 1


def test_identical_pictures(image):
    assert psnr(image, image.copy()) == math.inf
    assert ssim(image, image.copy()) == pytest.approx(1)


def test_psnr_of_known_errors():
    black = np.zeros((4, 4, 3), np.uint8)
    assert psnr(black, black + 255) == 0
    assert psnr(black + 255, black) == 0, "a difference must not wrap around"
    assert psnr(black, black + 1) == pytest.approx(20 * math.log10(255))
    assert psnr_of_mse(0.01, peak=1) == pytest.approx(20)
    assert math.isnan(psnr_of_mse(math.nan))


@pytest.mark.parametrize("shape", [(3, 20), (20, 4), (6, 5)])
def test_ssim_of_a_narrow_picture_takes_a_smaller_window(make_image, shape):
    assert -1 <= ssim(make_image(*shape), make_image(*shape, seed=1)) < 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (2, 9), (9, 2)])
def test_ssim_of_a_tiny_picture_is_nan(make_image, shape):
    assert math.isnan(ssim(make_image(*shape), make_image(*shape)))


def test_bpp_counts_a_files_bytes(coin):
    assert bpp(coin, (12, 16)) == 8 * len(coin) / 192
    assert bpp(len(coin), (12, 16, 3)) == bpp(coin, (12, 16))
    assert bpp(14_958, (512, 768)) == pytest.approx(0.3043, abs=1e-4)


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_pictures_that_cannot_be_compared(measure, image):
    with pytest.raises(CoinError, match=r"\(12, 16, 3\) and \(12, 15, 3\)"):
        measure(image, image[:, :-1])
    with pytest.raises(CoinError, match=r"second picture must be a uint8 array.*float64"):
        measure(image, image / 255)
    with pytest.raises(CoinError, match=r"first picture must be a uint8 array.*list"):
        measure(image.tolist(), image)
    with pytest.raises(CoinError, match=r"second picture.*\(12, 16\)"):
        measure(image, image[:, :, 0])
