import numpy as np
import pytest
import torch

pytest.importorskip("ipywidgets")

from coin_edu import Arch, Siren
from coin_edu.quantization import weight_vector
from coin_edu.widgets.activation_explorer import ActivationExplorer, spectrum, units


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


@pytest.mark.parametrize("level", [0, 200])
def test_a_picture_of_one_color_has_a_spectrum(level):
    _, amplitude = spectrum(np.full((8, 12, 3), level, np.uint8))
    assert np.isfinite(amplitude).all()
