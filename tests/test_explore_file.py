import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from coin_edu import Arch, CoinError, baselines, bpp, pack_model, psnr
from coin_edu.explore_file import DecodeExplorer, RateDistortionExplorer, baseline_points
from coin_edu.plots import Result


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


def test_the_chosen_point_is_measured(image, points):
    widget = RateDistortionExplorer(points, image)
    chosen = widget.chosen
    assert f"{len(chosen.data):,} bytes" in widget.status.value and "SSIM" in widget.status.value
    assert f"<b>{psnr(image, chosen.decoded):.2f} dB</b>" in widget.status.value
    before = bytes(widget.picture.value)
    widget.codec.value = "WebP"
    assert bytes(widget.picture.value) != before


def test_a_lossless_point_and_one_point_alone_are_drawn(image):
    assert "inf dB" in RateDistortionExplorer([Result("exact", b"x" * 50, image, 0)], image).status.value


def test_no_points_at_all(image):
    with pytest.raises(CoinError, match="no points"):
        RateDistortionExplorer([], image)


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
