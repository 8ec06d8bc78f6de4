import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from coin_edu import CoinError, Curve, bd_psnr, bd_rate, bpp, psnr, published, ssim
from coin_edu.metrics import amplitudes, psnr_of_mse


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


def test_psnr_takes_little_memory_beside_the_pictures():
    large = np.broadcast_to(np.uint8(7), (1000, 1200, 3))
    tracemalloc.start()
    assert psnr(large, large) == math.inf
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < large.size / 10


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


# Curves


CURVE = [(0.1, 24.0), (0.2, 27.5), (0.4, 30.0), (0.8, 31.0)]


def scaled(factor, decibels=0.0):
    return [(factor * rate, psnr + decibels) for rate, psnr in CURVE]


def test_a_curve_against_itself():
    assert bd_rate(CURVE, CURVE) == 0 and bd_psnr(CURVE, CURVE) == 0


@given(factor=st.floats(0.3, 3))
def test_bd_rate_of_a_curve_at_another_rate_is_that_factor(factor):
    assert bd_rate(CURVE, scaled(factor)) == pytest.approx(100 * (factor - 1), abs=1e-9)
    assert bd_rate(scaled(factor), CURVE) == pytest.approx(100 * (1 / factor - 1), abs=1e-9)


@given(decibels=st.floats(-20, 20))
def test_bd_psnr_of_a_curve_at_another_height_is_that_height(decibels):
    assert bd_psnr(CURVE, scaled(1, decibels)) == pytest.approx(decibels, abs=1e-9)


def test_bd_rate_of_straight_lines_is_the_mean_of_their_log_rates():
    # The logs of the rates start together and end a factor of ten apart: half of that, on average.
    assert bd_rate([(1, 20), (100, 30)], [(1, 20), (10, 30)]) == pytest.approx(100 * (10**-0.5 - 1))
    assert bd_psnr([(1, 20), (100, 40)], [(1, 20), (100, 30)]) == pytest.approx(-5)


def test_points_may_come_in_any_order_and_kind():
    array = np.array(scaled(0.5))
    assert bd_rate(CURVE, array[::-1]) == pytest.approx(-50)
    assert bd_rate(CURVE[::-1], array.tolist()) == pytest.approx(-50)


@pytest.mark.parametrize("reference, test", [("JPEG", "BMS"), ("COIN", "COIN++"), ("JPEG2000", "VTM"), ("COIN", "C3")])
def test_bjontegaard_is_that_of_an_independent_library(reference, test):
    bjontegaard = pytest.importorskip("bjontegaard", reason="the independent library is not installed")
    a, b = published(reference).points, published(test).points
    for ours, theirs in ((bd_rate, bjontegaard.bd_rate), (bd_psnr, bjontegaard.bd_psnr)):
        expected = theirs(*a.T, *b.T, method="pchip", require_matching_points=False, min_overlap=0)
        assert ours(a, b) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("measure", [bd_rate, bd_psnr])
@pytest.mark.parametrize(
    "points, message",
    [
        ([(0.1, 24)], r"two or more pairs \(bpp, PSNR in dB\), got an array \(1, 2\)"),
        ([], r"two or more pairs"),
        ([(1, 2, 3), (4, 5, 6)], r"got an array \(2, 3\)"),
        ([(0.1, 24), (0.2,)], "must be pairs of numbers"),
        ("JPEG", "must be pairs of numbers"),
        ([(0.1, 24), (0.2, math.inf)], "infinite PSNR, at .* leave that point out"),
        ([(0.1, 24), (math.nan, 25)], "positive rates and finite PSNRs"),
        ([(0, 24), (0.2, 25)], "positive rates"),
        ([(0.1, 24), (0.2, 26), (0.3, 25)], "must rise.*26 dB at 0.2 bpp and 25 dB at 0.3 bpp"),
        ([(0.1, 24), (0.2, 24)], "must rise"),
        ([(0.1, 24), (0.1, 25)], "must rise"),
    ],
)
def test_what_is_no_curve(measure, points, message):
    with pytest.raises(CoinError, match=f"reference curve.*{message}"):
        measure(points, CURVE)
    with pytest.raises(CoinError, match=f"test curve.*{message}"):
        measure(CURVE, points)


def test_curves_without_a_common_range():
    with pytest.raises(CoinError, match=r"no PSNR in common: .* 24 to 31 dB, the test curve 31 to 38 dB"):
        bd_rate(CURVE, scaled(1, 7))
    with pytest.raises(CoinError, match=r"no rate in common: .* 0.1 to 0.8 bpp, the test curve 0.9 to 7.2 bpp"):
        bd_psnr(CURVE, scaled(9))


def test_a_curve_says_whether_it_was_measured():
    curve = Curve("COIN", "implicit", "somewhere", (0.1, 0.2), (24.0, 26.0))
    assert curve.label == "COIN (published)" and curve.points.tolist() == [[0.1, 24], [0.2, 26]]
    assert replace(curve, measured=True).label == "COIN"


# Frequencies


def test_the_amplitude_of_a_wave_is_at_its_frequency_and_grows_with_it():
    x = np.arange(96) / 96
    wave = np.broadcast_to(np.sin(2 * np.pi * 7 * x)[None, :, None], (64, 96, 3))
    cycles, amplitude = amplitudes(wave)
    assert cycles.tolist() == list(range(1, 48)) and cycles[amplitude.argmax()] == 7
    assert np.allclose(amplitudes(-3 * wave + 5)[1], 3 * amplitude)


def test_frequencies_are_counted_along_the_longer_side():
    y = np.arange(96) / 96
    tall = np.broadcast_to(np.sin(2 * np.pi * 5 * y)[:, None, None], (96, 48, 3))
    cycles, amplitude = amplitudes(tall)
    assert cycles[amplitude.argmax()] == 5
