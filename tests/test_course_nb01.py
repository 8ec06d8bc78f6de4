import numpy as np
import pytest

from coin_edu.course import nb01


def places(x, y, shape):
    longer = max(shape)
    return (y * longer + shape[0]) / 2, (x * longer + shape[1]) / 2


@pytest.mark.parametrize(
    "answer, told",
    [
        (lambda *where: [int(place) for place in places(*where)][::-1], "rows come first"),
        (lambda x, y, shape: [int((y + 1) * shape[0] / 2), int((x + 1) * shape[1] / 2)], "max(height, width)"),
        (lambda *where: [round(place) for place in places(*where)], "off by half a pixel"),
        (lambda *where: places(*where), "whole numbers"),
        (lambda *where: [int(place) + 1 for place in places(*where)], "number 0"),
        (lambda *where: 3, "expected the shape"),
    ],
)
def test_a_wrong_pixel_is_explained(answer, told):
    found = nb01.pixel_at(answer)
    assert not found.ok and told in found.text


def units(center, half, last, slope=1.0):
    bends = np.array([center - half, center, center + half])[: len(last)]
    return np.full(len(last), slope / half), -slope * bends / half, np.array(last, float)


@pytest.mark.parametrize(
    "answer, told",
    [
        (lambda center, half: units(center, half, [1, -2, 1], slope=half), "divide the slopes"),
        (lambda center, half: units(center, half, [1, -2]), "falls on beyond the hat"),
        (lambda center, half: units(center, half, [1, -1]), "counts twice"),
        (lambda center, half: units(center, half, [1]), "goes on rising"),
        (lambda center, half: units(-center - half, half, [1, -2, 1]), "left of the hat"),
        (lambda center, half: units(center, half, [2, -4, 2]), "expected 1"),
        (lambda center, half: units(center, half, [1, -2, 1])[:2], "a tuple of three arrays"),
        (lambda center, half: (*units(center, half, [1, -2, 1])[:2], np.ones(2)), "of one length"),
    ],
)
def test_a_wrong_hat_is_explained(answer, told):
    found = nb01.hat(answer)
    assert not found.ok and told in found.text


def share(error, cycles, power=2, radius=np.hypot, scale=max, above=np.greater):
    energy = np.abs(np.fft.fft2(error)) ** power
    down, across = (np.abs(np.fft.fftfreq(side)) for side in error.shape)
    taken = above(radius(down[:, None] * scale(error.shape), across * max(error.shape)), cycles)
    return energy[taken].sum() / energy.sum()


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"above": np.less}, "the share below"),
        ({"power": 1}, "square of the amplitude"),
        ({"radius": np.maximum}, "np.hypot(u, v)"),
        ({"scale": min}, "both axes by max"),
    ],
)
def test_a_wrong_share_is_explained(wrong, told):
    found = nb01.share_above(lambda error, cycles: share(error, cycles, **wrong))
    assert not found.ok and told in found.text


@pytest.mark.parametrize(
    "answer, told",
    [
        (lambda error, cycles: 100 * share(error, cycles), "in percent"),
        (lambda error, cycles: share(error, cycles * max(error.shape)), "in cycles a pixel"),
        (lambda error, cycles: np.abs(np.fft.fft2(error)), "expected the shape ()"),
    ],
)
def test_a_wrong_unit_is_explained(answer, told):
    found = nb01.share_above(answer)
    assert not found.ok and told in found.text


def test_half_the_transform_is_not_enough():
    def answer(error, cycles):
        energy = np.abs(np.fft.rfft2(error)) ** 2
        height, width = error.shape
        radius = max(error.shape) * np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
        return energy[radius > cycles].sum() / energy.sum()

    assert "take np.fft.fft2" in nb01.share_above(answer).text
