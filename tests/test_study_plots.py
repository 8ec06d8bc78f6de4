import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from coin_edu import Arch, CoinError, Curve, bpp, fit, psnr, ssim
from coin_edu.engine.state import Measure
from coin_edu.study import plots
from coin_edu.study.plots import (
    Result,
    by_picture,
    comparison,
    missing_detail,
    model_sizes,
    psnr_over_steps,
    rate_distortion,
    search_map,
    show_image,
    show_residual,
)
from coin_edu.study.search import Trial


@pytest.fixture
def results(image, make_image):
    return [
        Result("COIN", b"x" * 60, make_image(12, 16, seed=1), 1.5),
        Result("JPEG", b"x" * 300, make_image(12, 16, seed=2), 0.1),
        Result("exact", b"x" * 576, image.copy(), 0.0),
    ]


def test_a_result_measures_itself(image, results):
    n_bytes, rate, decibels, similarity = results[0].measures(image)
    other = results[0].decoded
    assert (n_bytes, rate) == (60, bpp(60, image.shape)) == (60, 2.5)
    assert (decibels, similarity) == (psnr(image, other), ssim(image, other))


def test_a_comparison_names_rate_and_psnr_of_each(image, results):
    figure = comparison(image, results)
    titles = [ax.get_title() for ax in figure.axes]
    assert len(titles) == 2 * (1 + len(results))
    assert titles[0] == "original"
    assert titles[1:4] == [
        f"COIN: 2.500 bpp, {psnr(image, results[0].decoded):.2f} dB",
        f"JPEG: 12.500 bpp, {psnr(image, results[1].decoded):.2f} dB",
        "exact: 24.000 bpp, inf dB",
    ]
    assert [title.split(", ")[1] for title in titles[5:]] == ["60 bytes", "300 bytes", "576 bytes"]


def test_a_comparison_shows_each_picture_over_its_residual(image, results):
    figure = comparison(image, results)
    shown = [ax.images[0].get_array() for ax in figure.axes if ax.images]
    pictures = [image, *(result.decoded for result in results)]
    assert all(np.array_equal(a, b) for a, b in zip(shown[:4], pictures, strict=True))
    assert len(shown) == 7 and (shown[6] == 128).all()


def test_a_comparison_becomes_a_png(image, results):
    buffer = io.BytesIO()
    comparison(image, results).savefig(buffer)
    with Image.open(buffer) as picture:
        assert picture.format == "PNG"
        assert np.asarray(picture.convert("L")).std() > 5, "nothing was drawn"


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 3)])
def test_a_comparison_of_thin_pictures_has_a_size_one_can_draw(make_image, shape):
    image = make_image(*shape)
    figure = comparison(image, [Result("COIN", b"x", image, 0)])
    assert all(1 <= inches <= 50 for inches in figure.get_size_inches())


def test_a_comparison_with_nothing():
    with pytest.raises(CoinError, match="at least one result"):
        comparison(np.zeros((2, 2, 3), np.uint8), [])


def test_residuals_are_gray_where_pictures_agree(image):
    assert (show_residual(image, image.copy()).images[0].get_array() == 128).all()


def test_residuals_are_enlarged_and_keep_their_sign():
    original = np.full((1, 3, 3), 100, np.uint8)
    other = original + np.int8([[[0], [5], [-5]]]).astype(np.uint8)
    assert show_residual(original, other).images[0].get_array()[0, :, 0].tolist() == [128, 148, 108]
    assert show_residual(original, other, gain=1).images[0].get_array()[0, :, 0].tolist() == [128, 133, 123]
    black = np.zeros((1, 1, 3), np.uint8)
    assert (show_residual(black, black + 255).images[0].get_array() == 255).all()


def history(*psnrs):
    return [Measure(100 * i, 0.1, psnr, 2.5 * i) for i, psnr in enumerate(psnrs)]


def curve(name, *psnrs, measured=False, first=0.1):
    return Curve(name, "classical", "", tuple(first * 2**i for i in range(len(psnrs))), psnrs, measured=measured)


CURVES = [curve("JPEG", 20, 24, 28), curve("AVIF", 25, 29, 33, measured=True), curve("JPEG", 21, 25, 29, measured=True)]


@pytest.mark.parametrize(
    "draw",
    [
        lambda image, ax: show_image(image, ax),
        lambda image, ax: show_residual(image, image, ax),
        lambda image, ax: psnr_over_steps({"a": history(10, 20)}, 15, ax),
        lambda image, ax: rate_distortion(CURVES, ax),
        lambda image, ax: model_sizes({"a": 1}, {"b": 2}, ax),
        lambda image, ax: missing_detail(image, {"a": image}, ax),
        lambda image, ax: by_picture({"a": {"one": 20}}, ax),
    ],
)
def test_a_plot_draws_into_the_axes_given_and_returns_them(image, draw):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert draw(image, right) is right
    assert right.has_data() and not left.has_data()
    assert draw(image, None).figure is not figure


def test_pictures_have_titles(image):
    assert show_image(image, title="one").get_title() == "one"
    assert show_residual(image, image, title="two").get_title() == "two"


# Curves


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_psnr_over_steps_says_when_a_fit_passes_jpeg():
    ax = psnr_over_steps({"slow": history(5, 9, 14), "fast": history(5, 16, 20)}, 15.0)
    assert labels(ax) == [
        "fast: 20.00 dB after 200 steps, 5 s",
        "slow: 14.00 dB after 200 steps, 5 s",
        "JPEG at equal bytes: 15.00 dB",
    ]
    assert [text.get_text() for text in ax.texts] == ["passes JPEG at step 100, after 2.5 s"]
    assert ax.lines[0].get_xydata().tolist() == [[0, 5], [100, 16], [200, 20]]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("steps", "PSNR, dB")


def test_psnr_over_the_steps_of_a_real_fit(image):
    done = fit(image, Arch(1, 4), steps=4, every=1, progress=False)
    assert len(psnr_over_steps({"fit": done.history}, 99.0).lines[0].get_xdata()) == 5


def test_rate_distortion_ranks_curves_at_a_rate_and_tells_published_from_measured():
    ax = rate_distortion(CURVES)
    assert labels(ax) == ["AVIF", "JPEG", "JPEG (published)"]
    assert ax.get_legend().get_title().get_text() == "best first, at 0.3 bpp"
    assert [line.get_linestyle() for line in ax.lines[:3]] == ["-", "-", "--"]
    avif, ours, theirs = (line.get_color() for line in ax.lines[:3])
    assert ours == theirs != avif
    assert "bits per pixel" in ax.get_xlabel() and "dB" in ax.get_ylabel()


def test_rate_distortion_ranks_by_the_rate_asked_for():
    crossing = [curve("steep", 20, 30, measured=True), curve("flat", 24, 26, measured=True)]
    assert labels(rate_distortion(crossing, at=0.1)) == ["flat", "steep"]
    assert labels(rate_distortion(crossing, at=0.2)) == ["steep", "flat"]


def test_twenty_codecs_all_look_different():
    ax = rate_distortion([curve(f"codec {i}", 20 + i, 30 + i, measured=True) for i in range(20)])
    looks = {(line.get_color(), line.get_marker()) for line in ax.lines[:20]}
    assert len(looks) == 20


def test_missing_detail_is_none_of_a_copy_and_all_of_a_blank(make_image):
    image = make_image(24, 32)
    ax = missing_detail(image, {"blank": np.full_like(image, 100), "copy": image})
    assert labels(ax) == ["blank", "copy"]
    blank, copy = (line.get_ydata() for line in ax.lines[:2])
    assert np.allclose(blank, 1) and np.allclose(copy, 0)
    assert ax.lines[0].get_color().tolist() != ax.lines[1].get_color().tolist() and ax.get_xscale() == "log"


def test_pictures_stand_in_the_order_of_the_first_codec():
    ax = by_picture({"A": {"easy": 30, "hard": 20}, "B": {"hard": 25}})
    assert list(ax.lines[0].get_xdata()) == ["hard", "easy"] and labels(ax) == ["A", "B"]
    assert np.array_equal(ax.lines[1].get_ydata(), [25, np.nan], equal_nan=True)
    for nothing in ({}, {"A": {}}):
        with pytest.raises(CoinError, match="at least one codec with at least one picture"):
            by_picture(nothing)


def test_model_sizes_stand_in_order_with_their_numbers():
    ax = model_sizes({"ours": 15.0}, {"large": 31834.464, "small": 14.7455})
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [
        "small\n(published)",
        "ours\n(measured)",
        "large\n(published)",
    ]
    assert [text.get_text() for text in ax.texts] == ["14.7", "15.0", "31,834.5"]
    assert [bar.get_height() for bar in ax.patches] == [14.7455, 15, 31834.464]
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [True, False, True]
    assert ax.get_yscale() == "log" and "kB" in ax.get_ylabel()


@pytest.mark.parametrize(
    "draw, message",
    [
        (lambda: psnr_over_steps({}, 20), "at least one history"),
        (lambda: psnr_over_steps({"a": []}, 20), "at least one history, none of them empty"),
        (lambda: rate_distortion([]), "at least one curve"),
        (lambda: model_sizes({}, {}), "at least one"),
        (lambda: missing_detail(np.zeros((8, 8, 3), np.uint8), {}), "at least one picture"),
    ],
)
def test_nothing_to_draw(draw, message):
    with pytest.raises(CoinError, match=message):
        draw()


def test_plots_leave_pyplot_alone():
    # pyplot keeps every figure alive and may open windows.
    assert "pyplot" not in Path(plots.__file__).read_text()


def test_a_search_map_marks_the_best_and_the_papers_choice():
    trials = [
        Trial(Arch(4, 20), 1.0, 24.0, 9, "complete"),
        Trial(Arch(5, 18), 4.0, 25.0, 9, "complete"),
        Trial(Arch(6, 16), 0.25, 21.0, 5, "pruned"),
    ]
    ax = search_map(trials, paper=Arch(10, 12))
    pruned, complete, best, paper = (marks.get_offsets() for marks in ax.collections)
    assert pruned.tolist() == [[6 - 0.4, 16]] and complete.tolist() == [[4, 20], [5 + 0.4, 18]]
    assert best.tolist() == [[5 + 0.4, 18]] and paper.tolist() == [[10, 12]]
    assert ax.collections[1].get_array().tolist() == [24, 25]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["given up early", "best: 5x18, rates x4.00, 25.00 dB", "the paper's choice: 10x12"]
    assert len(search_map(trials, Figure().add_subplot()).collections) == 3


def test_a_search_map_of_a_picture_met_exactly_has_colors_for_the_rest():
    trials = [Trial(Arch(1 + i, 9), 1.0, psnr, 9, "complete") for i, psnr in enumerate((29.0, 20.0, np.inf, np.inf))]
    ax = search_map(trials)
    assert ax.collections[1].get_clim() == (26, 29) and max(ax.collections[1].get_array()) == 29
    assert "inf dB" in ax.get_legend().get_texts()[-1].get_text()
    search_map(trials[2:]).figure.canvas.draw()


def test_a_search_map_of_nothing():
    with pytest.raises(CoinError, match="at least one complete trial"):
        search_map([Trial(Arch(6, 16), 0.25, 21.0, 5, "pruned")])
