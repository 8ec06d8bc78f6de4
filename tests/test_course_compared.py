"""What notebook 06 measures and says: each claim that does not depend on how good our own codec is today."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="pip install 'coin_edu[plots]'")

from coin_edu import Arch, Curve, fit, photo, published, ssim
from coin_edu.course import compared, nb06
from coin_edu.study import baselines
from coin_edu.study.curves import average
from coin_edu.study.damages import damaged
from coin_edu.study.plots import Result
from coin_edu.widgets.panel import thumbnail


@pytest.fixture(scope="module")
def rows():
    return nb06.kodak_rows()


@pytest.fixture(scope="module")
def curves(rows):
    return {name: average(some) for name, some in rows.items()}


def test_tables_of_its_own_save_a_third_of_a_coarse_jpeg_and_the_pixels_agree():
    found = compared.huffman(photo("coffee"))
    assert all(same for _, _, same in found.values())
    assert compared.shorter(found) > 33 and compared.shorter(found, 80) < 3
    assert compared.in_percent(found).startswith("quality 5: 38 % shorter; quality 20:")


def test_measured_jpeg_is_the_published_one_in_fewer_bits(curves):
    ours, theirs = curves["JPEG"], published("JPEG")
    assert abs(ours.psnrs[1] - theirs.psnrs[0]) < 0.1 and round(ours.rates[1], 3) == 0.141
    assert round(theirs.rates[0], 3) == 0.221


def test_coin_meets_jpeg_earlier_when_both_are_measured_and_earlier_still_by_ssim(curves):
    coin, jpeg = curves["COIN"], curves["JPEG"]
    by_psnr = compared.crossing(coin, jpeg)
    assert compared.crossing(published("COIN"), published("JPEG")) > by_psnr + 0.05
    assert 0.05 < compared.crossing(coin, jpeg, "ssims") < by_psnr - 0.05


def test_coin_wins_and_loses_against_jpeg(rows, curves):
    assert 8 < compared.ahead(rows, 0.16) < 24 and compared.ahead(rows, 0.3) < 12
    assert all(compared.ahead(rows, rate, compared.CODED) == 24 for rate in (0.16, 0.3))
    lead = list(compared.lead(rows, 0.16).values())
    assert lead == sorted(lead, reverse=True) and lead[0] > 0.5 and lead[-1] < -0.5
    both = [np.interp(np.log(0.16), np.log(curves[c].rates), curves[c].psnrs) for c in ("COIN", "JPEG")]
    assert both[0] - both[1] > np.mean(lead) + 0.3


def test_the_verdict_holds(curves):
    at = compared.everyone(curves)
    assert list(at.values()) == sorted(at.values(), reverse=True)
    assert at["COIN"] < at["JPEG"] < at[compared.CODED] - 1
    assert at["VTM (published)"] > at["AVIF"] and at["BMS (published)"] > at[compared.CODED]
    assert compared.place(at) in compared.PLACES


@pytest.mark.parametrize(
    "coded, said",
    [(20, "behind JPEG"), (28, "between JPEG and WebP"), (30, "between WebP and AVIF"), (32, "ahead of AVIF")],
)
def test_where_it_stands(coded, said):
    assert compared.place({compared.CODED: coded, "JPEG": 27, "WebP": 29, "AVIF": 31}) == said


def test_against_newer_codecs_coin_takes_more_than_twice_the_bits(curves):
    from coin_edu import bd_rate

    for name in ("JPEG2000", "WebP", "AVIF"):
        plain, coded = (bd_rate(curves[name].points, curves[c].points) for c in ("COIN", compared.CODED))
        assert plain > 100 and coded < plain / 2
    jpeg, coin = curves["JPEG"].points, curves["COIN"].points
    percents = [bd_rate(jpeg, coin, within=(coin[0, 1], top)) for top in (26, 28, 30)]
    assert percents[0] < 0 < percents[-1] + 10 and percents == sorted(percents)
    assert 14 < bd_rate(jpeg, published("JPEG").points) < 19


def test_an_autoencoder_is_paid_for_after_thousands_of_pictures(curves):
    count = compared.paid(curves[compared.CODED])
    assert 1000 < count < 100_000 and compared.in_pictures(count) == "some thousands"
    better = Curve("better", "implicit", "", (0.2, 0.4), (40.0, 41.0))
    assert compared.paid(better) == np.inf and compared.in_pictures(np.inf) == "about a million"
    assert [compared.in_pictures(n) for n in (20, 300)] == ["about 20", "some hundreds"]


def test_costs_have_a_time_and_multiplications():
    found = compared.costs()
    assert found["COIN, 10x28"][1] == "7,196" and found["COIN, 10x28"][0].endswith("s on one core")
    assert compared.CODED in found and all(len(pair) == 2 for pair in found.values())


def test_a_flat_picture_costs_jpeg_its_tables():
    found = compared.smallest(thumbnail("coffee"))
    assert 300 < found["JPEG"] < 500 and 5 * found["COIN"] < found["JPEG"]
    assert compared.in_bits(found, (128, 192)).startswith("COIN: 58 bytes, 0.019 bpp here, 0.0012 at 768x512")


def test_by_ssim_the_shift_costs_more_than_the_spot_and_the_brighter_picture_is_nearly_perfect():
    image = thumbnail("coffee", 128)
    found = {name: ssim(image, picture) for name, picture in damaged(image, 25).items()}
    assert found["brighter"] > 0.95 and found["shifted"] < 0.9 < found["one spot"]


def test_files_of_coin_and_of_others(make_image):
    pytest.importorskip("constriction")
    image = make_image(48, 64)
    fits = {name: fit(image, arch, 3, progress=False) for name, arch in compared.networks(image, (2, 3)).items()}
    points = compared.files(fits, image, (2, 3)) + compared.conventional(image)
    assert list(fits) == ["2 bpp", "3 bpp"] and [p.name for p in points[:4]] == ["COIN"] * 2 + [compared.CODED] * 2
    assert len(compared.same_bytes(image, points).axes) >= 6


def test_psnr_at_a_rate_lies_between_files_and_the_best_is_first():
    image = np.zeros((10, 10, 3), np.uint8)
    dark, less = image + 10, image + 5
    points = [Result(name, b"x" * n, picture, 0) for name, n, picture in (
        ("a", 10, dark), ("a", 20, less), ("b", 10, less), ("b", 20, less), ("c", 50, less))]  # fmt: skip
    found = compared.psnr_at(points, image, 1.13)
    assert list(found) == ["b", "a"] and found["a"] < found["b"] == pytest.approx(34.15, abs=0.01)
    assert compared.ranked(found).startswith("b: 34.2 dB; a: 3")


def test_curves_that_never_cross():
    low, high = (Curve(n, "classical", "", (0.1, 1.0), (d, d + 5)) for n, d in (("low", 20.0), ("high", 22.0)))
    assert compared.crossing(low, high) == 0 and compared.crossing(high, low) == pytest.approx(1)


def test_figures_have_what_they_should(rows):
    assert len(compared.pictures(rows).axes) == 2
    labels = [tick.get_text() for tick in compared.sizes(rows).get_xticklabels()]
    assert labels[0] == "COIN\n(published)" or "COIN 10x28\n(measured)" in labels


def test_networks_fit_their_rates():
    image = thumbnail("coffee")
    for name, arch in compared.networks(image).items():
        assert isinstance(arch, Arch) and arch.bpp(image.shape) <= float(name.split()[0])
    assert baselines.CODECS["JPEG"].available
