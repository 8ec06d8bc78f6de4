import numpy as np
import pytest
import torch

from coin_edu import Arch, CoinError, Siren, grid, pack_model, quantize, unpack_model
from coin_edu.bitstream import CoinFile, pack
from coin_edu.coding import ENTROPY, Coding
from coin_edu.quantization import check_budget, sensitivity, step_sizes, to_integers, to_numbers, weight_vector
from coin_edu.siren import with_weights
from tests.conftest import needs_constriction

ARCH = Arch(3, 8)
INTEGERS = range(2, 9)


@pytest.fixture
def model(textured):
    return textured(ARCH)


@pytest.fixture
def weights(model):
    return weight_vector(model)


def test_weights_come_in_the_order_of_the_file(model, weights):
    assert weights.dtype == np.float32 and weights.shape == (ARCH.n_weights,)
    (w_0, b_0), (w_1, _), *_ = model.layer_weights
    start = np.concatenate([part.detach().numpy().ravel() for part in (w_0, b_0, w_1)])
    assert np.array_equal(weights[: len(start)], start)


def test_32_bits_change_nothing(model, weights):
    assert np.array_equal(weight_vector(quantize(model, 32)), weights)


def test_16_bits_are_numpys_half_precision(model, weights):
    assert np.array_equal(weight_vector(quantize(model, 16)), weights.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("bits", Coding.PLAIN)
def test_the_original_stays_as_it_was(model, weights, bits):
    rounded = quantize(model, bits)
    with torch.no_grad():
        for p in rounded.parameters():
            p.fill_(7)
    assert np.array_equal(weight_vector(model), weights)


def test_a_network_without_weights_is_refused_in_words(model):
    with pytest.raises(CoinError, match="meta device, which keeps shapes and no weights"):
        weight_vector(model.to("meta"))


@pytest.mark.parametrize("bits", INTEGERS)
@pytest.mark.parametrize("per", ["tensor", "channel"])
@pytest.mark.parametrize("more", [None, 0, 2])
def test_integers_are_bounded_and_err_by_half_a_step_at_most(model, weights, bits, per, more):
    first_bits = None if more is None else bits + more
    coding = Coding(bits, per, first_bits)
    numbers, steps = to_numbers(weights, ARCH, coding)
    assert numbers.dtype == np.int16 and steps.dtype == np.float32
    assert (np.abs(numbers) <= 2.0 ** (coding.widths(ARCH) - 1) - 1).all()
    deltas = coding.spread(steps, ARCH)
    errors = np.abs(numbers * deltas - weights)
    assert (errors <= deltas * 0.5001).all()
    assert np.array_equal(weight_vector(quantize(model, bits, per, first_bits)), numbers.astype(np.float32) * deltas)


@pytest.mark.parametrize("bits", INTEGERS)
@pytest.mark.parametrize("per", ["tensor", "channel"])
def test_the_largest_weight_of_each_run_is_met(weights, bits, per):
    coding = Coding(bits, per)
    numbers, steps = to_numbers(weights, ARCH, coding)
    starts = np.cumsum([0, *coding.groups(ARCH)[:-1]])
    largest = np.maximum.reduceat(np.abs(weights), starts)
    values = np.abs(numbers * coding.spread(steps, ARCH))
    np.testing.assert_allclose(np.maximum.reduceat(values, starts), largest, rtol=1e-6)


def test_more_bits_err_less(weights):
    errors = []
    for bits in (*INTEGERS, 16):
        numbers, steps = to_numbers(weights, ARCH, Coding(bits))
        values = numbers.astype(np.float32) if steps is None else numbers * ENTROPY.spread(steps, ARCH)
        errors.append(np.abs(values - weights).mean())
    assert errors == sorted(errors, reverse=True)


def test_steps_by_channel_err_less_than_by_tensor(model, weights):
    errors = [np.abs(weight_vector(quantize(model, 4, per)) - weights).mean() for per in ("tensor", "channel")]
    assert errors[1] < errors[0]


def test_the_first_layer_has_four_more_bits_unless_told(model):
    own = weight_vector(quantize(model, 5, first_bits=9))
    assert np.array_equal(weight_vector(quantize(model, 5)), own)
    assert not np.array_equal(weight_vector(quantize(model, 5, first_bits=5)), own)


@pytest.mark.parametrize("bits", Coding.PLAIN)
def test_a_file_holds_what_quantize_says(model, bits):
    unpacked, _ = unpack_model(pack_model(model, (12, 16), bits))
    assert np.array_equal(weight_vector(unpacked), weight_vector(quantize(model, bits)))


@pytest.mark.parametrize("bits", Coding.PLAIN)
@pytest.mark.parametrize("value", [0.0, 1e-45, -1e-38])
def test_weights_that_are_almost_nothing(bits, value):
    weights = weight_vector(quantize(with_weights(ARCH, torch.full((ARCH.n_weights,), value)), bits))
    assert (np.abs(weights - np.float32(value)) <= np.float32(abs(value)) * 1.001).all(), "worse than zeros"


@pytest.mark.parametrize("bits", INTEGERS)
@pytest.mark.parametrize("value", [3.4e38, -3.4e38])
def test_huge_weights_stay_finite(bits, value):
    weights = weight_vector(quantize(with_weights(ARCH, torch.full((ARCH.n_weights,), value)), bits))
    np.testing.assert_allclose(weights, value, rtol=1e-5)


@pytest.mark.parametrize("bits", Coding.PLAIN)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number_is_refused(bits, value):
    model = Siren(ARCH)
    with torch.no_grad():
        model.layers[1].bias[3] = value
    with pytest.raises(CoinError, match="not finite: the fit diverged; fit again with a lower learning rate"):
        quantize(model, bits)


def test_half_precision_has_an_end():
    vector = torch.zeros(ARCH.n_weights)
    vector[4] = -65504
    assert weight_vector(quantize(with_weights(ARCH, vector), 16))[4] == -65504
    vector[4] = -7e4
    with pytest.raises(CoinError, match=r"7e\+04 exceeds half precision's 65504; use bits=32"):
        quantize(with_weights(ARCH, vector), 16)


@pytest.mark.parametrize("bits", [0, 1, 9, 15, 17, 64, -8, 7.5, "8", None])
def test_bits_that_no_file_has(model, bits):
    with pytest.raises(CoinError, match=f"32, 16, 8, 7, 6, 5, 4, 3, 2, got {bits!r}"):
        quantize(model, bits)


@pytest.mark.parametrize("first_bits", [4, 17, -1, 5.5, "9"])
def test_bits_that_the_first_layer_cannot_have(model, first_bits):
    with pytest.raises(CoinError, match=f"first layer must be .* from 5 to 16, got {first_bits!r}"):
        quantize(model, 5, first_bits=first_bits)


def test_a_granularity_that_is_none(model):
    with pytest.raises(CoinError, match="tensor or channel, got 'layer'"):
        quantize(model, 8, "layer")


# Steps by sensitivity.

SHAPE = (12, 16)
STARTS = np.cumsum([0, *ENTROPY.groups(ARCH)[:-1]])


def by_run(values):
    return np.add.reduceat(values, STARTS) / ENTROPY.groups(ARCH)


def entropy_file(model, steps):
    return pack(CoinFile(SHAPE, ARCH, ENTROPY, to_integers(weight_vector(model), ARCH, steps), steps))


def test_sensitivity_is_the_mean_square_of_the_outputs_derivatives(model):
    exact = torch.zeros(ARCH.n_weights)
    colors = model(torch.from_numpy(grid(SHAPE))).flatten()
    for color in colors:
        gradients = torch.autograd.grad(color, list(model.parameters()), retain_graph=True)
        exact += torch.cat([g.flatten() for g in gradients]).square()
    estimate = sensitivity(model, SHAPE, probes=200, pixels=512)
    np.testing.assert_allclose(by_run(estimate), by_run((exact / len(colors)).numpy()), rtol=0.2)


def test_sensitivity_foretells_the_error_of_rounding(model):
    steps = np.full(ENTROPY.n_steps(ARCH), 2e-3, np.float32)
    rounded = with_weights(
        ARCH, torch.from_numpy(to_integers(weight_vector(model), ARCH, steps) * ENTROPY.spread(steps, ARCH))
    )
    x = torch.from_numpy(grid(SHAPE))
    mse = (rounded(x) - model(x)).square().mean().item()
    foretold = (sensitivity(model, SHAPE, probes=200, pixels=512) * steps[0] ** 2 / 12).sum()
    assert 0.5 < mse / foretold < 2


@needs_constriction
def test_steps_use_the_budget_and_spread_the_error_evenly(model):
    steps = step_sizes(model, SHAPE, 200)
    assert len(entropy_file(model, steps)) <= 200 < len(entropy_file(model, np.float32(np.float16(steps * 0.9))))
    assert np.array_equal(steps, steps.astype(np.float16))
    shares = by_run(sensitivity(model, SHAPE)) * steps**2
    np.testing.assert_allclose(shares, shares.mean(), rtol=0.01)


@needs_constriction
def test_more_bytes_finer_steps(model):
    sizes = [step_sizes(model, SHAPE, n_bytes) for n_bytes in (120, 160, 240)]
    assert (sizes[0] > sizes[1]).all() and (sizes[1] > sizes[2]).all()


@needs_constriction
def test_a_budget_too_small_for_any_steps(model):
    with pytest.raises(CoinError, match=r"a 3x8 network takes at least .* bytes, 60 are allowed; take a smaller one"):
        step_sizes(model, SHAPE, 60)
    with pytest.raises(CoinError, match="n_bytes"):
        check_budget(ARCH, SHAPE, 99.5)


@needs_constriction
@pytest.mark.parametrize("factor", [8, 1e2, 1e4])
def test_a_chaotic_network_has_steps_too_and_no_weight_is_cut_off(model, factor):
    """Weights many times as large make an error count so much that the steps wanted are too fine for the integers."""
    wild = with_weights(ARCH, torch.from_numpy(factor * weight_vector(model)))
    steps = step_sizes(wild, SHAPE, 400)
    assert len(entropy_file(wild, steps)) <= 400
    error = to_integers(weight_vector(wild), ARCH, steps) * ENTROPY.spread(steps, ARCH) - weight_vector(wild)
    assert (np.abs(error) <= 0.501 * ENTROPY.spread(steps, ARCH)).all()


@needs_constriction
@pytest.mark.parametrize("weight", [1e8, 1e30, np.inf, np.nan])
def test_weights_too_large_for_any_steps(model, weight):
    vector = weight * torch.from_numpy(weight_vector(model))
    with pytest.raises(CoinError, match=r"too large to be entropy-coded; use plain coding|fit no 400 bytes; fit again"):
        step_sizes(with_weights(ARCH, vector), SHAPE, 400)
