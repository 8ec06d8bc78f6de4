import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from coin_edu import Arch, CoinError, bpp, plots, psnr, ssim
from coin_edu.plots import Result, comparison, search_map, show_image, show_residual
from coin_edu.search import Trial


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


@pytest.mark.parametrize(
    "draw",
    [lambda image, ax: show_image(image, ax, "a title"), lambda image, ax: show_residual(image, image, ax, "a title")],
)
def test_a_plot_draws_into_the_axes_given_and_returns_them(image, draw):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert draw(image, right) is right
    assert right.get_title() == "a title" and len(right.images) == 1 and not left.images
    assert draw(image, None).figure is not figure


def test_plots_leave_pyplot_alone():
    # pyplot keeps every figure alive and may open windows.
    assert "pyplot" not in Path(plots.__file__).read_text()


def test_a_search_map_marks_the_best_and_the_papers_choice():
    trials = [
        Trial(4, 20, 1.0, 24.0, 9, "complete"),
        Trial(5, 18, 4.0, 25.0, 9, "complete"),
        Trial(6, 16, 0.25, 21.0, 5, "pruned"),
    ]
    ax = search_map(trials, paper=Arch(10, 12))
    pruned, complete, best, paper = (marks.get_offsets() for marks in ax.collections)
    assert pruned.tolist() == [[6 - 0.4, 16]] and complete.tolist() == [[4, 20], [5 + 0.4, 18]]
    assert best.tolist() == [[5 + 0.4, 18]] and paper.tolist() == [[10, 12]]
    assert ax.collections[1].get_array().tolist() == [24, 25]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["given up early", "best: 5x18, rates x4.00, 25.00 dB", "the paper's choice: 10x12"]
    assert len(search_map(trials, Figure().add_subplot()).collections) == 3


def test_a_search_map_of_nothing():
    with pytest.raises(CoinError, match="at least one complete trial"):
        search_map([Trial(6, 16, 0.25, 21.0, 5, "pruned")])
