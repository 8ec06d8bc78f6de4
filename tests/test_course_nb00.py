import struct

import numpy as np
import pytest

from coin_edu.course import nb00


@pytest.mark.parametrize(
    "answer, told",
    [
        (lambda n, shape: n / (shape[0] * shape[1]), "a byte has 8 bits"),
        (lambda n, shape: 8 * n / np.prod(shape), "counts each of the three colors as a pixel"),
        (lambda n, shape: shape[0] * shape[1] / (8 * n), "the other way round"),
        (lambda n, shape: 8 * n / shape[0], "bits of the file over pixels"),
    ],
)
def test_a_wrong_rate_is_explained(answer, told):
    found = nb00.rate(answer)
    assert not found.ok and told in found.text


def decibels(original, decoded, peak=255**2, log=np.log10):
    return 10 * log(peak / np.mean((decoded - original) ** 2))


@pytest.mark.parametrize(
    "answer, told",
    [
        (lambda original, c: decibels(original, np.round(255 * c)), "not clamped"),
        (lambda original, c: decibels(original, np.clip(255 * c, 0, 255)), "round to whole numbers"),
        (lambda original, c: decibels(original, np.floor(np.clip(255 * c, 0, 255))), "cuts the fraction off"),
        (lambda original, c: decibels(original, np.clip(255 * c, 0, 255).round().astype(np.uint8)), "wrap around"),
        (lambda original, c: decibels(original, np.clip(255 * c, 0, 255).round(), peak=255), "squared as well"),
        (lambda original, c: decibels(original, np.clip(255 * c, 0, 255).round(), peak=1), "the peak is 255"),
        (lambda original, c: decibels(original, np.clip(255 * c, 0, 255).round(), log=np.log), "natural logarithm"),
        (lambda original, c: decibels(original, np.clip(np.multiply(c, 255, out=c), 0, 255).round()), "use copies"),
    ],
)
def test_a_wrong_psnr_is_explained(answer, told):
    found = nb00.quality(answer)
    assert not found.ok and told in found.text


@pytest.mark.parametrize(
    "answer, told",
    [
        (lambda data: struct.unpack_from("<II", data, 8)[::-1], "the width first"),
        (lambda data: struct.unpack_from(">II", data, 8), "little-endian is '<'"),
        (lambda data: struct.unpack_from("<HH", data, 8), "four each"),
        (lambda data: struct.unpack_from("<II", data), "from the start of the file"),
        (lambda data: struct.unpack_from("<I", data, 8), "the width alone"),
        (lambda data: data.shape, "AttributeError"),
    ],
)
def test_a_wrong_size_is_explained(answer, told):
    found = nb00.size(answer)
    assert not found.ok and told in found.text
