import pytest
import torch

pytest.importorskip("ipywidgets")

from coin_edu import CoinError, decode, fit, psnr
from coin_edu.widgets.quantization_explorer import QuantizationExplorer


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
