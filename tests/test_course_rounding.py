"""What notebook 05 measures, draws and says."""

import numpy as np
import pytest
import torch

pytest.importorskip("ipywidgets", reason="pip install 'coin_edu[notebooks]'")

from coin_edu import Arch, Siren, fit, psnr, quantize, render
from coin_edu.coding import Coding
from coin_edu.course import rounding, seeds
from coin_edu.data import recorded
from coin_edu.quantization import sensitivity, step_sizes, weight_vector
from coin_edu.widgets.panel import thumbnail
from tests.conftest import needs_constriction
from tests.exercises import prose, undescribed


@pytest.fixture(scope="module")
def coffee():
    return thumbnail("coffee")


@pytest.fixture(scope="module")
def fitted(coffee):
    """As in the notebook."""
    return fit(coffee, Arch(5, 30), 400, progress=False)


def test_one_layer_alone_is_rounded():
    model = Siren(Arch(3, 8))
    rounded = quantize(model, 4)
    expected, second = weight_vector(model), slice(24, 96)  # after 8 x 3 weights and biases, 8 x 9
    expected[second] = weight_vector(rounded)[second]
    assert np.array_equal(weight_vector(rounding.one_layer(model, rounded, 1)), expected)


def test_the_integers_are_those_of_a_file():
    arch = Arch(2, 6)
    runs = rounding.integers(Siren(arch), 5)
    assert [len(run) for run in runs] == Coding().groups(arch)
    assert [np.abs(run).max() for run in runs] == [255, 255, 15, 15, 15, 15]


@pytest.mark.parametrize(
    "numbers, bits", [([3, 3, 3], 0), ([0, 1], 1), ([0, 1, 2, 3], 2), ([0] * 2 + [1, 2], 1.5), ([-1, 1, 1, 1], 0.8113)]
)
def test_entropy_by_hand(numbers, bits):
    assert rounding.entropy_of(np.array(numbers)) == pytest.approx(bits, abs=1e-4)


def test_phases_are_off_by_what_was_put_in():
    model, image = Siren(Arch(2, 4)), np.zeros((8, 8, 3), np.uint8)
    with torch.no_grad():
        for weight, bias in model.layer_weights:
            weight.zero_(), bias.zero_()
        model.layer_weights[0][1][:] = torch.tensor([1.27, 0.004, 0.004, 0.004])  # a step of 0.01: 0.004 becomes 0
        model.layer_weights[1][1][:] = 0.02 * torch.tensor([1.27, 0.004, 0.004, 0.004])
    (first, harm), (second, _) = rounding.phases(model, image)
    assert first == pytest.approx(30 * 0.004 * np.sqrt(3 / 4), rel=0.02) and harm == 0
    assert second == pytest.approx(0.02 * first, rel=0.02)


def test_figures_are_drawn(fitted, coffee):
    assert len(rounding.lost_by_layer(fitted.model, coffee).axes) == 3
    assert "entropy" in rounding.histogram(np.array([0, 0, 1, -2])).get_title()
    ax = rounding.intervals([0, 1], [0, 0.25, 1], steps=2)
    assert [text.get_text() for text in ax.texts] == ["[0.00000, 0.25000)", "[0.06250, 0.25000)"]
    assert len(rounding.all_ways().lines) == 7


# The text's numbers and claims


def test_the_text_names_what_the_tests_hold():
    text = prose(5)
    for said in (
        "up to one part in 2,048",
        "The six layers hold 90 weights and biases, four times 930, and 93",
        "Its weights reach about $\\tfrac12$",
        "stays below about 3: a step of 0.02 or less",
        "45 bytes, 1 % of the file",
        "the first layer, 2 % of the weights",
        "rounded from step 360 of 400 on",
        "*squared* errors of $s^2/12$",
    ):
        assert said in text, said


def test_sixteen_bits_cost_nothing_and_eight_more_than_a_decibel(fitted, coffee):
    half, eight, more = (
        psnr(coffee, render(quantize(fitted.model, bits, first_bits=first), coffee.shape))
        for bits, first in ((16, None), (8, 8), (8, 12))
    )
    assert half > fitted.psnr - 0.1 and eight < fitted.psnr - 1 and more > fitted.psnr - 0.5
    vectors = weight_vector(fitted.model), weight_vector(quantize(fitted.model, 16))
    assert np.allclose(*vectors, rtol=2**-11, atol=2**-24)


def test_the_first_layer_is_the_one(fitted, coffee):
    lost = rounding.lost(fitted.model, coffee)
    assert lost[0] > 5 * max(lost[1:])
    (first, harm), *deeper = rounding.phases(fitted.model, coffee)
    assert first > 1.5 * max(off for off, _ in deeper) and harm > 1.5 * max(each for _, each in deeper)


def test_the_first_layers_phases_are_the_largest(fitted):
    first, *between, _ = (30 * weight.abs().max().item() for weight, _ in fitted.model.layer_weights)
    assert first == pytest.approx(15, rel=0.2) and max(between) < 3 and 3 / 127 < 0.0245


def test_bytes_and_shares():
    arch = Arch(5, 30)
    sizes = [n_out * (n_in + 1) for n_out, n_in in arch.layer_shapes]
    assert sizes == [90, 930, 930, 930, 930, 93]
    assert arch.n_bytes(8) - arch.n_bytes(8, first_bits=8) == 45
    assert round(100 * 45 / arch.n_bytes(8)) == 1 and round(100 * 90 / arch.n_weights) == 2


def test_the_formula_predicts_the_harm(fitted, coffee):
    six = quantize(fitted.model, 6)
    predicted = (
        sensitivity(fitted.model, coffee.shape) * (weight_vector(six) - weight_vector(fitted.model)) ** 2
    ).sum()
    assert 0.75 < predicted / (rounding.mse(coffee, six) - rounding.mse(coffee, fitted.model)) < 1.33


@needs_constriction
def test_sensitivity_gives_the_first_layer_about_four_bits_more(fitted, coffee):
    steps = step_sizes(fitted.model, coffee.shape, fitted.arch.n_bytes(4))
    largest = [weight.detach().abs().max().item() for weight, _ in fitted.model.layer_weights]
    bits = np.log2(2 * np.array(largest) / steps[::2] + 1)
    assert 3 < bits[0] - bits[1:-1].mean() < 6


def test_squared_errors_of_rounding():
    values = np.random.default_rng(0).uniform(-100, 100, 100_000)
    assert np.square(values - 0.5 * np.rint(values / 0.5)).mean() == pytest.approx(0.25 / 12, rel=0.02)


def test_rounded_in_the_fit_is_ahead_of_rounded_after_it_in_all_three_starts():
    ends = seeds.ends("rounding")
    assert (ends["5x30, rounded in the fit"] > ends["5x30, rounded after"] + 1).all()


def test_a_fit_falls_where_its_rounding_begins_and_rises_again_in_part_in_all_three_starts():
    before, first, last = seeds.curves("rounding")["5x30, rounded in the fit"][:, -3:, 1].T
    assert (first < before - 3).all() and (last > first + 0.1).all() and (last < before - 3).all()


def test_the_tables_say_what_the_notebook_says():
    ways = rounding.recorded_ways()
    assert all(len(sizes) == len(psnrs) >= 3 for sizes, psnrs in ways.values())
    rows = [line.split(",") for line in recorded("bits.csv").read_text().splitlines()]
    floats, half = (float(row[-1]) for row in rows[1:3])
    assert floats - half < 0.1 and floats - ways["all layers alike"][1][0] > 1
    above = list(rounding.above().values())
    assert above == sorted(above) and above[0] == 0 and above[-1] == 5


def test_the_entropy_coded_codec_is_ahead_on_kodak():
    network, coded, plain = rounding.kodak_means(0.3)
    assert coded > plain + 2.5 and Arch.of(network).widths, "its layers narrow"


def test_its_pictures_have_words():
    assert not undescribed(5)
