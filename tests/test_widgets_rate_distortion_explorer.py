import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from coin_edu import CoinError, bpp, psnr
from coin_edu.study import baselines
from coin_edu.study.plots import Result
from coin_edu.widgets.rate_distortion_explorer import RateDistortionExplorer, baseline_points


@pytest.fixture
def points(image):
    return baseline_points(image, ("JPEG", "WebP"), count=4)


def test_baseline_points_run_from_the_lowest_quality_to_the_highest(image, points):
    assert [point.name for point in points] == ["JPEG"] * 4 + ["WebP"] * 4
    assert points[0].data == baselines.CODECS["JPEG"].compress(image, 1)
    assert points[3].data == baselines.CODECS["JPEG"].compress(image, 95)
    assert all(np.array_equal(baselines.decompress(point.data), point.decoded) for point in points)


def test_the_slider_snaps_to_the_codecs_nearest_point(image, points):
    widget = RateDistortionExplorer(points, image)
    assert list(widget.codec.options) == ["JPEG", "WebP"]
    for codec, own in (("JPEG", points[:4]), ("WebP", points[4:])):
        widget.codec.value = codec
        for extreme in (min, max):
            widget.rate.value = extreme(bpp(point.data, image.shape) for point in points)
            assert widget.chosen is extreme(own, key=lambda point: len(point.data))
    assert not widget.errors


def test_a_lossless_point_and_one_point_alone_are_drawn(image):
    assert "inf dB" in RateDistortionExplorer([Result("exact", b"x" * 50, image, 0)], image).status.value


def test_no_points_at_all(image):
    with pytest.raises(CoinError, match="no points"):
        RateDistortionExplorer([], image)


def test_the_chosen_point_is_measured(image, points):
    widget = RateDistortionExplorer(points, image)
    chosen = widget.chosen
    assert f"{len(chosen.data):,} bytes" in widget.status.value and "SSIM" in widget.status.value
    assert f"<b>{psnr(image, chosen.decoded):.2f} dB</b>" in widget.status.value
    before = bytes(widget.picture.value)
    widget.codec.value = "WebP"
    assert bytes(widget.picture.value) != before
