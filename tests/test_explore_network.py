import numpy as np
import pytest
import torch

pytest.importorskip("ipywidgets")

from coin_edu import Arch, CoinError, Siren, bpp, decode, fit, psnr
from coin_edu.explore_network import (
    ActivationExplorer,
    BudgetExplorer,
    QuantizationExplorer,
    parts_in_bytes,
    spectrum,
    units,
)
from coin_edu.quantize import weight_vector


@pytest.fixture(scope="module")
def activation():
    return ActivationExplorer()


def test_omega_0_and_activation_change_the_picture(activation):
    pictures = [bytes(activation.picture.value)]
    activation.omega_0.value = 5
    pictures.append(bytes(activation.picture.value))
    activation.activation.value = "relu"
    pictures.append(bytes(activation.picture.value))
    assert len(set(pictures)) == 3 and activation.omega_0.disabled and not activation.errors
    assert activation.model.arch == Arch(5, 32, "relu", 5, 5)


def test_the_second_view_shows_the_layers(activation):
    activation.activation.value, activation.view.value = "sine", "depth"
    before = bytes(activation.picture.value)
    assert not activation.factor.disabled
    activation.factor.value = 2
    assert bytes(activation.picture.value) != before and not activation.errors
    assert "as initialized: standard deviation" in activation.status.value


def test_the_spectrum_of_a_wave_peaks_at_its_frequency():
    x = np.arange(96) / 96
    wave = np.broadcast_to(np.sin(2 * np.pi * 7 * x)[None, :, None], (64, 96, 3))
    cycles, amplitude = spectrum(wave)
    assert cycles[amplitude.argmax()] == 7 and amplitude.max() == 1


def test_units_are_those_of_the_network():
    model = Siren(Arch(3, 16))
    layers = units(model.arch, torch.from_numpy(weight_vector(model)))
    assert [layer.shape for layer in layers] == [(16_000,)] * 3
    weight, bias = model.layer_weights[-1]
    last = torch.from_numpy(layers[-1]).reshape(1000, 16)
    places = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (1000, 2)).astype(np.float32))
    assert torch.allclose(last @ weight.T + bias, model(places), atol=1e-4)


def test_sines_keep_their_spread_through_depth_and_halved_weights_lose_it():
    arch = Arch(8, 64)
    vector = torch.from_numpy(weight_vector(Siren(arch)))
    right, wrong = units(arch, vector), units(arch, vector / 2)
    assert right[-1].std() > 0.6 and wrong[-1].std() < 0.2


def test_the_budget_map_follows_its_sliders():
    budget = BudgetExplorer((512, 768))
    assert bpp(budget.arch.n_bytes(), (512, 768)) <= 0.3 and "within" in budget.status.value
    budget.depth.value, budget.width.value = 10, 28
    assert "7,479 weights of 16 bits" in budget.status.value
    assert f"{bpp(Arch(10, 28).n_bytes(), (512, 768)):.3f} bpp" in budget.status.value
    assert "over" in budget.status.value, "the file is a little larger than its weights"
    before = bytes(budget.picture.value)
    budget.bits.value = 8
    assert "within" in budget.status.value and bytes(budget.picture.value) != before and not budget.errors


@pytest.mark.parametrize("bits", [32, 16, 8, 3])
def test_the_parts_of_a_file_sum_to_its_length(bits):
    arch = Arch(4, 13)
    parts = parts_in_bytes(arch, bits)
    assert sum(parts.values()) == arch.n_bytes(bits) and min(parts.values()) > 0
    assert parts_in_bytes(Arch(1, 4), bits)["hidden layers"] == 0


@pytest.fixture
def quantization(image, arch):
    return QuantizationExplorer(fit(image, arch, 50, progress=False), image)


def test_everything_shown_is_of_the_real_file(quantization, image):
    for bits in (32, 16, 8, 4):
        quantization.bits.value = bits
        data = quantization.data
        assert f"<b>{len(data):,} bytes</b>" in quantization.status.value
        assert f"<b>{psnr(image, decode(data)):.2f} dB</b>" in quantization.status.value
    assert not quantization.errors


def test_bits_step_and_first_layer_change_file_and_picture(quantization):
    seen = []
    for name, value in (("bits", 5), ("per", "channel"), ("extra", 0), ("layer", 1)):
        getattr(quantization, name).value = value
        seen.append((len(quantization.data), bytes(quantization.picture.value)))
    assert len({length for length, _ in seen}) == 3, "the layer shown changes no file"
    assert len({picture for _, picture in seen}) == 4 and not quantization.errors


def test_floats_have_no_steps_to_choose(quantization):
    assert quantization.per.disabled and quantization.extra.disabled
    quantization.bits.value = 8
    assert not quantization.per.disabled and not quantization.extra.disabled


def test_the_first_layer_has_at_most_16_bits(quantization):
    quantization.bits.value, quantization.extra.value = 8, 8
    assert quantization.data[22] == 16 and not quantization.errors


def test_a_network_that_cannot_be_rounded_says_so(quantization):
    with torch.no_grad():
        quantization.model.layer_weights[0][0][0, 0] = 1e6
    quantization.layer.value = 1
    assert isinstance(quantization.errors[0], CoinError) and "half precision" in quantization.alert.value


def test_a_model_will_do_as_well(image, textured, arch):
    assert not QuantizationExplorer(textured(arch), image).errors
