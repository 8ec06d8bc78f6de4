"""Notebook 01's exercises: right answers, differently written, pass, and likely slips meet their word."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from coin_edu import RECIPES, Arch, fit, fit_steps
from coin_edu.course import nb01, seeds
from coin_edu.metrics import amplitudes
from coin_edu.rendering import render
from coin_edu.widgets import thumbnail
from tests.exercises import as_lists, cases, changed, meets, passes


def places(x, y, shape):
    """(down, across) with a fraction."""
    longer = max(shape)
    return (y * longer + shape[0]) / 2, (x * longer + shape[1]) / 2


def pixel(x, y, shape, how=np.floor, add=0):
    return tuple(int(how(place)) + add for place in places(x, y, shape))


def nearest_center(x, y, shape):
    height, width = shape[:2]
    longer = max(height, width)
    centers = ((2 * np.arange(n) + 1 - n) / longer for n in (height, width))
    return [int(np.argmin(np.abs(axis - place))) for axis, place in zip(centers, (y, x), strict=True)]


def units(center, half, last, slope=1.0, at=(-1, 0, 1)):
    bends = center + half * np.array(at[: len(last)])
    return np.full(len(last), slope / half), -slope * bends / half, np.array(last, float)


def hat(center, half):
    return units(center, half, [1, -2, 1])


def from_the_right(center, half):
    w, b, v = hat(-center, half)
    return -w, b, v


def of_slope_one(center, half):
    bends = [center - half, center, center + half]
    return torch.ones(3), -torch.tensor(bends), torch.tensor([1, -2, 1]) / half


def share(error, cycles, power=2, radius=np.hypot, scales=(max, max), above=np.greater, unit=1, transform=np.abs):
    energy = transform(np.fft.fft2(error)) ** power
    down, across = (np.abs(np.fft.fftfreq(side)) * s(error.shape) for side, s in zip(error.shape, scales, strict=True))
    taken = above(radius(down[:, None], across) * unit, cycles)
    return energy[taken].sum() / energy.sum()


def slip(**changes):
    return lambda error, cycles: share(error, cycles, **changes)


def in_torch(error, cycles):
    longer = max(error.shape)
    energy = torch.fft.fft2(torch.as_tensor(error)).abs() ** 2
    v, u = (longer * torch.fft.fftfreq(n, dtype=torch.float64) for n in error.shape)
    return energy[torch.hypot(v[:, None], u[None]) > cycles].sum() / energy.sum()


def by_loops(error, cycles):
    (height, width), longer, above, total = error.shape, max(error.shape), 0.0, 0.0
    for row, values in enumerate(np.fft.fft2(error)):
        for column, value in enumerate(values):
            v, u = (min(k, n - k) * longer / n for k, n in ((row, height), (column, width)))
            total += abs(value) ** 2
            above += abs(value) ** 2 * (u**2 + v**2 > cycles**2)
    return above / total


def half_weighted(error, cycles):
    height, width = error.shape
    energy = np.abs(np.fft.rfft2(error)) ** 2
    energy[:, 1 : (width + 1) // 2] *= 2
    radius = max(error.shape) * np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    return energy[radius > cycles].sum() / energy.sum()


def half_only(error, cycles):
    energy = np.abs(np.fft.rfft2(error)) ** 2
    radius = max(error.shape) * np.hypot(np.fft.fftfreq(error.shape[0])[:, None], np.fft.rfftfreq(error.shape[1]))
    return energy[radius > cycles].sum() / energy.sum()


RIGHT = {
    "pixel_at": [
        pixel,
        nearest_center,
        lambda x, y, shape: np.floor(places(x, y, shape)).astype(int),
        lambda x, y, shape: tuple(round(place - 0.5) for place in places(x, y, shape)),
        lambda x, y, shape: [int(place // 1) for place in places(x, y, shape)],
        lambda x, y, shape: torch.tensor(places(x, y, shape)).floor().long(),
    ],
    "hat": [
        hat,
        from_the_right,
        of_slope_one,
        lambda center, half: list(hat(center, half)),
        changed(hat, as_lists),
        changed(hat, np.stack),
        lambda center, half: [part.astype(np.float32)[:, None] for part in hat(center, half)],
    ],
    "share_above": [share, in_torch, by_loops, half_weighted, lambda e, c: share(e.astype(np.float32), np.float32(c))],
}

WRONG = {
    "pixel_at": [
        (lambda *where: pixel(*where)[::-1], "rows come first"),
        (lambda x, y, s: (int((y + 1) * s[0] / 2), int((x + 1) * s[1] / 2)), "divided by max(height, width)"),
        (lambda *where: pixel(*where, how=np.round), "round down"),
        (lambda *where: pixel(*where, how=np.ceil), "round down, and count from 0"),
        (places, "whole: np.floor"),
        (lambda *where: np.floor(places(*where)), "whole numbers of type int"),
        (lambda *where: pixel(*where, add=1), "one too many in both"),
        (lambda x, y, s: (s[0] - 1 - pixel(x, y, s)[0], pixel(x, y, s)[1]), "y grows downward"),
        (lambda x, y, s: pixel(x, y, s)[0] * s[1] + pixel(x, y, s)[1], "return the row and the column"),
        (lambda *where: 3, "expected the shape"),
        (lambda x, y, s: pixel(x, y, s) and None, "is the return missing?"),
    ],
    "hat": [
        (lambda center, half: units(center, half, [1, -2, 1], slope=half), "divide the slopes"),
        (lambda center, half: units(center, half, [1, -2]), "falls on beyond the hat"),
        (lambda center, half: units(center, half, [1, -1]), "counts twice"),
        (lambda center, half: units(center, half, [1]), "goes on rising"),
        (lambda center, half: units(center - 2 * half, half, [1, -2, 1]), "left of the hat"),
        (lambda center, half: units(center, half, [2, -4, 2]), "expected 1"),
        (lambda center, half: (hat(center, half)[0], -hat(center, half)[1], hat(center, half)[2]), "hat"),
        (lambda center, half: hat(center, half)[:2], "expected three arrays"),
        (lambda center, half: (*hat(center, half)[:2], np.ones(2)), "one of each for every unit"),
        (lambda center, half: hat(0.1, 0.5), "hat("),
        (lambda center, half: hat(center, 1 / half), "hat"),
        (lambda center, half: hat(center, half) and None, "is the return missing?"),
    ],
    "share_above": [
        (slip(above=np.less), "the share below"),
        (slip(power=1), "energy is the amplitude's square"),
        (slip(transform=lambda z: z), "expected real numbers, got complex ones"),
        (slip(transform=np.real), "the cosines' energy alone"),
        (lambda e, c: (lambda f: f[1].real)((0, share(e, c, transform=lambda z: z))), "square its magnitude"),
        (slip(radius=np.maximum), "np.hypot"),
        (slip(radius=np.add), "np.hypot"),
        (slip(scales=(lambda s: s[0], lambda s: s[1])), "scale both axes by max"),
        (slip(scales=(min, min)), "shorter side"),
        (slip(scales=(lambda s: 1, lambda s: 1)), "in cycles a pixel"),
        (lambda e, c: 100 * share(e, c), "a share is from 0 to 1"),
        (lambda e, c: share(e, c) * np.sum(np.abs(np.fft.fft2(e)) ** 2), "not a share"),
        (lambda e, c: np.abs(np.fft.fft2(e)), "expected the shape ()"),
        (half_only, "take np.fft.fft2"),
        (lambda e, c: 0.5, "expected"),
    ],
}


@pytest.mark.parametrize("case", cases(RIGHT))
def test_right_answers_pass(case):
    passes(nb01, *case)


@pytest.mark.parametrize("case", cases(WRONG))
def test_wrong_answers_meet_their_word(case):
    meets(nb01, *case)


# The text's numbers and claims


@pytest.fixture(scope="module")
def learned():
    return nb01.learned(Arch(5, 30, "relu"), factor=8)


def test_waves_of_equal_strength_are_learned_from_coarse_to_fine(learned):
    after = learned[60]
    assert after.shape == (3, 6)
    assert (after[:, :2] > 0.5).all() and (after[:, 4:] < 0.1).all()


@pytest.mark.parametrize(
    "experiment, setting, decibels",
    [
        ("widths", "ReLU 5x15", 17.2),
        ("widths", "ReLU 5x30", 24.3),
        ("widths", "ReLU 5x60", 26.6),
        ("widths", "sine 5x15", 25.7),
        ("octaves", "5 octaves", 26.5),
        ("octaves", "12 octaves", 25.1),
    ],
)
def test_means_of_three_seeds_are_as_the_text_says(experiment, setting, decibels):
    assert seeds.ends(experiment)[setting].mean() == pytest.approx(decibels, abs=0.06)


def test_claims_about_which_is_better_hold_for_every_seed():
    widths, octaves = seeds.ends("widths"), seeds.ends("octaves")
    small, middle, large, sine = widths.values()
    assert (large - small > 6).all() and (middle - small > large - middle).all()
    assert (np.abs(sine - large) < np.abs(sine - middle)).all() and (sine > middle).all()
    five, twelve = octaves.values()
    assert (five > twelve).all() and (twelve > middle).any() and twelve.mean() > middle.mean()
    assert five.mean() - middle.mean() == pytest.approx(2.3, abs=0.06)
    assert large.mean() - middle.mean() == pytest.approx(2.3, abs=0.06)


def test_numbers_of_weights_are_as_the_text_says():
    weights = {units: Arch(5, units, "relu").n_weights for units in (15, 30, 60)}
    assert weights == {15: 1053, 30: 3903, 60: 15003}
    assert Arch(5, 30, "relu", fourier=5).n_weights - weights[30] == 540 and weights[60] - weights[30] == 11_100
    assert (round(weights[30] / weights[15], 1), weights[60] // weights[15]) == (3.7, 14)


def test_coarse_waves_of_a_photograph_come_first():
    image, recipe = thumbnail("coffee"), replace(RECIPES["fast"], batch=2048).scaled(20)
    _, whole = amplitudes(image)
    missing = []
    for seed in range(3):
        for report in fit_steps(image, Arch(5, 30, "relu"), 600, recipe, seed, every=60):
            if report.step == 60:
                break
        _, error = amplitudes(render(report.state.model, image.shape).astype(float) - image)
        missing.append(error / whole)
    # One seed alone depends on last digits, in which machines differ.
    assert np.mean(missing, axis=0)[:3].mean() == pytest.approx(1 / 3, abs=0.1)
    assert all(some[9:40].mean() > 0.9 for some in missing)


def test_all_waves_are_equally_strong():
    row = nb01.equal_waves(3)[0, :, 0].astype(float)
    amplitudes = np.abs(np.fft.rfft(row))
    assert amplitudes[list(nb01.WAVES)] == pytest.approx(amplitudes[1], rel=0.03)
    assert np.delete(amplitudes[1:], np.array(nb01.WAVES) - 1).max() < 0.03 * amplitudes[1]


def test_shares_have_a_line_for_each_number_of_steps():
    ax = nb01.shares({20: np.full((3, 6), 0.5), 60: np.array([[0.0] * 6, [1.0] * 6])})
    first, second = ax.lines[:2]
    assert first.get_label() == "20 steps" and (second.get_ydata() == 0.5).all()
    assert len(ax.collections) == 2


def test_coordinates_are_gray_values_from_the_upper_left(make_image):
    x, y, _ = (ax.get_images()[0].get_array() for ax in nb01.coordinates(make_image(20, 40)).axes)
    assert x[0, 0, 0] < 5 and x[0, -1, 0] > 250 and (x[0] == x[-1]).all()
    assert y[0, 0, 0] == pytest.approx(127.5 * (1 - 19 / 40), abs=2) and (y[:, 0] == y[:, -1]).all()


def test_figures_of_a_fit_on_its_way_and_between_the_pixels(make_image):
    image = make_image(24, 36)
    figure = nb01.progress(image, {"step 20": image // 2, "step 60": image})
    assert len(figure.axes) == 3
    done = fit(image, Arch(2, 6), steps=2, progress=False)
    (ax,) = nb01.between(image, {"one": done}).axes
    assert ax.get_images()[0].get_array().shape == (48, 72, 3)
