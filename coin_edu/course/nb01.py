"""Checks of notebook 01, pictures as functions, and why ReLU underfits."""

from collections.abc import Callable

import numpy as np

from coin_edu.course import check, expect, expect_close
from coin_edu.image import grid


@check
def pixel_at(answer: Callable[[float, float, tuple[int, ...]], tuple[int, int]]) -> str:
    """Exercise 1: from coordinates to the pixel that they lie in."""
    for shape, row, column in (((4, 8, 3), 1, 6), ((9, 5, 3), 7, 0), ((128, 192, 3), 100, 31), ((1, 3, 3), 0, 2)):
        height, width = shape[:2]
        longer = max(height, width)
        center = grid(shape)[row * width + column].astype(float)
        for shift in (0.0, 0.6, -0.6):  # in units of half a pixel, so always in the same pixel
            x, y = center + shift / longer
            call = f"pixel_at({x:.4g}, {y:.4g}, {shape})"
            got = answer(x, y, shape)
            across, down = (x * longer + width) / 2, (y * longer + height) / 2
            stretched = int(np.floor((y + 1) * height / 2)), int(np.floor((x + 1) * width / 2))
            mistakes = [
                ((column, row), "that is (column, row); rows come first, as in image[row, column]"),
                (stretched, "each axis has its own length here; x and y are both divided by max(height, width)"),
                ((round(down), round(across)), "off by half a pixel: pixel i reaches from i to i + 1, so round down"),
                ((down, across), "row and column are whole numbers; np.floor, then int"),
                ((row + 1, column + 1), "counted from 1; the first pixel is number 0"),
            ]
            hint = "solve x = (2 column + 1 - width) / max(height, width) for the column"
            expect_close(got, (row, column), call, hint, mistakes=mistakes)
    return "every pixel is found again from its coordinates"


@check
def hat(answer: Callable[[float, float], tuple[np.ndarray, np.ndarray, np.ndarray]]) -> str:
    """Exercise 2: a ReLU network that is a hat: 1 at a point, 0 beyond a distance from it."""
    for center, half in ((0.0, 1.0), (0.25, 0.5), (-0.5, 0.125)):
        call, parts = f"hat({center}, {half})", answer(center, half)
        expect(isinstance(parts, tuple) and len(parts) == 3, f"{call}: expected a tuple of three arrays, got {parts}")
        weights, biases, last = (np.asarray(part, float) for part in parts)
        shapes = weights.shape, biases.shape, last.shape
        expect(weights.ndim == 1 and len(set(shapes)) == 1, f"{call}: expected arrays of one length, got {shapes}")
        places = center + half * np.linspace(-4, 4, 33)
        f = np.maximum(np.outer(places, weights) + biases, 0) @ last
        left, peak, right, far = f[10], f[16], f[20], f[28]  # at -1.5, 0, 1 and 3 half widths from the center
        for wrong, why in (
            (not np.isclose(left, 0), f"f is {left:.3g} left of the hat; every unit must still be 0 there"),
            (half != 1 and np.isclose(peak, half), f"the peak is {peak:.3g}, half_width; divide the slopes by it"),
            (not np.isclose(peak, 1), f"f({center}) is {peak:.3g}, expected 1"),
            (np.isclose(right, 2), "f goes on rising right of the center; a second unit must bend it down"),
            (np.isclose(right, 1), "f stays at 1 right of the center; the second unit counts twice, -2"),
            (np.isclose(right, 0) and np.isclose(far, -2), "f falls on beyond the hat; a third unit must bend it up"),
        ):
            expect(not wrong, f"{call}: {why}")
        hint = "units that bend at center - half_width, center, center + half_width"
        expected = np.maximum(1 - np.abs(places - center) / half, 0)
        expect_close(f, expected, f"{call}: f at 33 places", hint)
    return "three units make one hat in one direction; a 5x30 network has 150"


@check
def share_above(answer: Callable[[np.ndarray, float], float]) -> str:
    """Exercise 3: the share of a picture's energy above a frequency."""
    x, y = np.meshgrid(np.arange(24) / 24, np.arange(16) / 24)  # both in units of the longer side
    waves = [(3, 0, 2.0), (0, 6, 1.0), (6, 6, 0.5)]  # cycles along x, cycles along y, amplitude
    given = np.sum([a * np.cos(2 * np.pi * (u * x + v * y)) for u, v, a in waves], axis=0)
    across, down, amplitude = np.array(waves).T
    energy, radius = amplitude**2, np.hypot(across, down)

    def share(what: np.ndarray, above: np.ndarray) -> float:
        return float(what[above].sum() / what.sum())

    for cycles in (4.5, 7.0, 2.0, 10.0):
        call, got = f"share_above(error, {cycles})", answer(given.copy(), cycles)
        right = share(energy, radius > cycles)
        mistakes = [
            (1 - right, "that is the share below"),
            (100 * right, "that is in percent; a share is from 0 to 1"),
            (share(amplitude, radius > cycles), "energy is the square of the amplitude: np.abs(...) ** 2"),
            (share(energy, np.maximum(across, down) > cycles), "a diagonal wave has np.hypot(u, v) cycles"),
            (share(energy, np.hypot(across, down * 16 / 24) > cycles), "scale both axes by max(error.shape)"),
            (share(energy * [1, 2, 1], radius > cycles), "rfft2 leaves out half of most waves; take np.fft.fft2"),
            (0.0, "np.fft.fftfreq is in cycles a pixel; multiply by the pixels of the longer side"),
        ]
        hint = "np.abs(np.fft.fft2(error)) ** 2, summed where np.hypot(v, u) > cycles"
        expect_close(got, right, call, hint, mistakes=mistakes)
    return "now you can say how much of an error is fine detail"
