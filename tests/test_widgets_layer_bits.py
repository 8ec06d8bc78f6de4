import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from coin_edu import fit, pack_model
from coin_edu.quantization import quantize, weight_vector
from coin_edu.widgets.layer_bits import BITS, LayerBits


@pytest.fixture
def bits(image, arch):
    return LayerBits(fit(image, arch, 40, progress=False), image)


def test_the_gray_line_has_equal_bits_and_rises(bits):
    assert [n_bytes for n_bytes, _ in bits.gray] == sorted(n_bytes for n_bytes, _ in bits.gray)
    assert bits.gray[-1][1] > bits.gray[0][1] and len(bits.gray) == len(BITS)


def test_bytes_are_those_of_the_files_header_weights_and_checksum(bits, image, arch, textured):
    per_tensor = len(pack_model(textured(arch), image.shape, 8))
    # A real file has a step for each matrix and each vector of biases, and four bits more in the first layer.
    extra = 4 * (arch.depth + 1) + arch.n_first * 4 / 8
    assert bits.n_bytes((8,) * 3) == pytest.approx(per_tensor - extra, abs=2)


def test_weights_are_few_values_and_the_largest_is_met(bits):
    rounded = bits.rounded((3, 12, 2))
    first, _, last = bits._parts
    assert len(np.unique(rounded[first])) <= 7 and len(np.unique(rounded[last])) <= 3
    assert np.abs(rounded[last]).max() == pytest.approx(np.abs(bits._weights[last]).max())
    assert np.abs(bits.rounded((12,) * 3) - bits._weights).max() < 0.01


def test_more_bits_in_the_first_layer_are_above_the_line(bits):
    for slider, value in zip(bits.bits, (11, 6, 6), strict=True):
        slider.value = value
    assert "bits 11-6-6" in bits.status.value and not bits.errors


def test_dots_are_kept_and_cleared(bits):
    before = bytes(bits.picture.value)
    bits.keep.click()
    bits.bits[1].value = 4
    bits.keep.click()
    assert [dot[2] for dot in bits.kept] == [(8, 8, 8), (8, 4, 8)] and bits.kept[1][:2] == bits.measured((8, 4, 8))
    bits.bits[1].value = 8
    assert bytes(bits.picture.value) != before
    bits.clear.click()
    assert bits.kept == [] and bytes(bits.picture.value) == before and not bits.errors


def test_it_rounds_as_plain_coding_does_where_one_step_serves_a_layer(image, arch, textured):
    model = textured(arch)
    for _, bias in model.layer_weights:
        bias.data.zero_()
    mine = LayerBits(model, image).rounded((8,) * 3)
    assert np.allclose(mine, weight_vector(quantize(model, 8, first_bits=8)), atol=1e-6)
