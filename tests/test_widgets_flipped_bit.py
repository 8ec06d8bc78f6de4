import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from coin_edu.widgets.flipped_bit import PARTS, FlippedBit


@pytest.fixture
def flipped(image, textured, arch):
    return FlippedBit(textured(arch), image)


@pytest.mark.parametrize("bit", range(16))
def test_each_bit_does_what_half_precision_says(flipped, bit):
    flipped.bit.value = PARTS[bit]
    raw = np.float16(flipped.before).view(np.uint16) ^ np.uint16(1 << (15 - bit))
    assert flipped.after == float(np.uint16(raw).view(np.float16)) and not flipped.errors


def test_sign_exponent_and_mantissa(flipped):
    assert flipped.after == -flipped.before
    flipped.bit.value = "exponent, bit 0"
    assert flipped.after / flipped.before in (2, 0.5)
    flipped.bit.value = "mantissa, bit 0"
    assert 0 < abs(flipped.after / flipped.before - 1) < 0.001


def test_the_weights_of_each_layer_can_be_chosen(flipped, arch):
    for layer, (n_out, n_in) in enumerate(arch.layer_shapes, 1):
        flipped.layer.value = layer
        flipped.weight.value = 0
        assert flipped.weight.max == n_out * (n_in + 1) - 1
        before = bytes(flipped.picture.value)
        flipped.weight.value = flipped.weight.max
        assert bytes(flipped.picture.value) != before
    assert not flipped.errors


def test_an_infinite_weight_is_a_picture_too(flipped):
    flipped.layer.value, flipped.bit.value = 3, "exponent, bit 4"
    for weight in range(flipped.weight.max):
        flipped.weight.value = weight
    assert not flipped.errors and "dB" not in flipped.status.value
