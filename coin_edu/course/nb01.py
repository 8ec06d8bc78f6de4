"""Notebook 01: places of pixels, what a ReLU network learns first, and the checks of its exercises."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coin_edu.arch import Arch
from coin_edu.course import Answer, Wrong, array, check, expect, expect_close, numbers, whole
from coin_edu.engine.state import Fit
from coin_edu.fitting import fit_steps
from coin_edu.image import grid
from coin_edu.metrics import psnr
from coin_edu.recipe import RECIPES
from coin_edu.rendering import render
from coin_edu.study.plots import missing_detail, show_image
from coin_edu.study.style import label, looks

WAVES = (1, 2, 4, 8, 16, 32)  # cycles along the picture


def _row(figure: Any, pictures: Mapping[str, np.ndarray]) -> None:
    for ax, (name, picture) in zip(figure.subplots(1, len(pictures), squeeze=False)[0], pictures.items(), strict=True):
        show_image(picture, ax, name)


def coordinates(image: np.ndarray) -> Figure:
    """The two coordinates of each pixel as gray values, black at -1 and white at 1, beside the picture."""
    x, y = (127.5 * (grid(image.shape).T + 1)).astype(np.uint8).reshape(2, *image.shape[:2])
    figure = Figure(figsize=(9, 2.2), layout="constrained")
    _row(figure, {"x": np.dstack([x] * 3), "y": np.dstack([y] * 3), "I(x, y)": image})
    return figure


def progress(image: np.ndarray, seen: Mapping[str, np.ndarray]) -> Figure:
    """Pictures of a fit on its way, and beneath them what each still lacks, by frequency."""
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.6))
    _row(parts[0], {f"{name}: {psnr(image, picture):.1f} dB": picture for name, picture in seen.items()})
    missing_detail(image, seen, parts[1].add_subplot())
    return figure


def between(image: np.ndarray, fits: Mapping[str, Fit], times: int = 8) -> Figure:
    """A sixteenth of each network's picture, decoded `times` as large as its pixels."""
    height, width = image.shape[0] // 4, image.shape[1] // 4
    region, size = (image.shape[1] // 2, height, width, height), (times * width, times * height)
    figure = Figure(figsize=(9, 2.3), layout="constrained")
    _row(figure, {name: render(fit.model, image.shape, size, region) for name, fit in fits.items()})
    return figure


def equal_waves(seed: int = 0, width: int = 192) -> np.ndarray:
    """A picture of one row (1, width, 3): the sum of :data:`WAVES`, equally strong, of random phases."""
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(WAVES))
    x = np.arange(width) / width
    row = sum(np.sin(2 * np.pi * cycles * x + phase) for cycles, phase in zip(WAVES, phases, strict=True))
    gray = np.round(127.5 + 127.5 * row / np.abs(row).max()).astype(np.uint8)
    return np.dstack([gray[None]] * 3)


def learned(
    arch: Arch, factor: float = 1.0, steps: Sequence[int] = (60, 200), seeds: Sequence[int] = (0, 1, 2)
) -> dict[int, np.ndarray]:
    """Share of each of the :data:`WAVES` that a network has learned after some steps (seeds, waves): 1 is all of it.

    Parameters
    ----------
    arch : Arch
    factor : float
        On the fast recipe's learning rates.
    steps : sequence of int
        Multiples of 20.
    seeds : sequence of int
        Of the phases and of the first weights.
    """
    recipe = replace(RECIPES["fast"], batch=None).scaled(factor)
    found: dict[int, list[np.ndarray]] = {step: [] for step in steps}
    for seed in seeds:
        picture = equal_waves(seed)
        target = np.fft.fft(picture[0, :, 0].astype(float))[list(WAVES)]
        for report in fit_steps(picture, arch, max(steps), recipe, seed, every=20):
            if report.step in found:
                drawn = np.fft.fft(render(report.state.model, picture.shape)[0, :, 0].astype(float))[list(WAVES)]
                found[report.step].append((drawn / target).real)  # a wave of another phase is not learned
    return {step: np.array(shares) for step, shares in found.items()}


def shares(found: Mapping[int, np.ndarray]) -> Axes:
    """What :func:`learned` returns: a line for each number of steps, and a band from the worst seed to the best."""
    ax = Figure(figsize=(9, 3.2), layout="constrained").add_subplot(xscale="log")
    names = {f"{step} steps": values for step, values in found.items()}
    for name, (color, marker) in looks(names).items():
        ax.plot(WAVES, names[name].mean(axis=0), color=color, marker=marker, label=name)
        ax.fill_between(WAVES, names[name].min(axis=0), names[name].max(axis=0), color=color, alpha=0.2, linewidth=0)
    ax.set_xticks(WAVES, [str(cycles) for cycles in WAVES])
    ax.minorticks_off()
    ax.axhline(1, color="gray", linewidth=0.8, linestyle=":")
    ax.set_ylim(-0.2, 1.4)
    label(ax, "cycles along the picture", "share learned")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), title="band: three seeds")
    return ax


@check(
    nudge="where on the scale (x * longer + width) / 2 does pixel 0 begin and end, and where pixel 1?",
    formula="column = int(np.floor((x * longer + width) / 2)), and row the same from y and height",
)
def pixel_at(answer: Answer) -> str:
    """Exercise 1: from coordinates to the pixel that they lie in."""
    draw = answer.rng.integers
    for low, high in (((4, 14), (7, 20)), ((14, 4), (20, 7)), ((50, 80), (80, 120)), ((1, 3), (2, 5))):
        height, width = (int(side) for side in draw(low, high))
        shape, longer = (height, width, 3), max(height, width)
        # At a corner, where a picture stretched to a square is off the most, but not where row and column are equal.
        row, column = (0, width - 1) if draw(2) else (height - 1, 0 if height > 1 else 1)
        if height > 20:
            row, column = (int(place) for place in draw((height, width)))
        center = grid(shape)[row * width + column].astype(float)
        for shift in ((0.6, -0.7), (-0.6, 0.7), (0, 0)):  # in units of half a pixel, so always in the same pixel
            x, y = (float(place) for place in center + np.array(shift) / longer)
            call, got = f"pixel_at({x:.4g}, {y:.4g}, {shape})", answer(x, y, shape)
            across, down = (x * longer + width) / 2, (y * longer + height) / 2
            stretched = int(np.floor((y + 1) * height / 2)), int(np.floor((x + 1) * width / 2))
            mistakes = [
                ((column, row), "that is (column, row)", "rows come first, as in image[row, column]"),
                (stretched, "each axis has its own length here", "x and y are both divided by max(height, width)"),
                ((round(down), round(across)), "rounded to the nearest", "pixel i reaches from i to i + 1: round down"),
                (
                    (down, across),
                    "these are places with a fraction",
                    "a row and a column are whole: np.floor, then int",
                ),
                ((down - 0.5, across - 0.5), "these are places with a fraction", "a row and a column are whole"),
                ((row + 1, column + 1), "one too many in both", "round down, and count from 0"),
                ((height - 1 - row, column), "the rows are counted from below", "y grows downward"),
                (row * width + column, "that is the pixel's number", "return the row and the column"),
            ]
            expect_close(got, (row, column), call, mistakes=mistakes)
            whole(got, call)
    return "every pixel is found again from its coordinates"


@check(
    nudge="a unit bends where w x + b is 0; draw the sum of your units, and look where it bends, and by how much",
    formula="w = 1 / half_width, three times; b = -w * bends, at center - half_width, center and "
    "center + half_width; v = (1, -2, 1)",
)
def hat(answer: Answer) -> str:
    """Exercise 2: a ReLU network that is a hat: 1 at a point, 0 beyond a distance from it."""

    def is_(value: float, number: float) -> bool:
        return bool(np.isclose(value, number, atol=1e-3))

    for low, high in ((0.3, 0.7), (1.5, 3), (0.05, 0.2)):
        center, half = (float(f"{number:.3f}") for number in (answer.rng.uniform(-1, 1), answer.rng.uniform(low, high)))
        call = f"hat({center}, {half})"
        places = center + half * np.concatenate([np.linspace(-4, 4, 33), [-40, 40]])
        f = _network(answer(center, half), call, places)
        left, inside, peak, right, far = f[10], f[14], f[16], f[20], f[28]  # at -1.5, -0.5, 0, 1, 3 half widths

        for wrong, symptom, nudge in (
            (not np.any(f), "f is 0 everywhere", "does each unit rise where the hat does?"),
            (
                not is_(left, 0),
                f"f is {left:.3g} left of the hat",
                "every unit must still be 0 there: is b = -w * bend?",
            ),
            (is_(peak, half), f"the peak is {peak:.3g}, the half width", "divide the slopes by it"),
            (
                is_(peak, 0) and is_(right, 1),
                "the hat begins at the center",
                "the first unit bends half a width earlier",
            ),
            (not is_(peak, 1), f"f({center}) is {peak:.3g}, expected 1", "how high is a slope after half_width?"),
            (is_(right, 2), "f goes on rising right of the center", "a second unit must bend it down"),
            (is_(right, 1), "f stays at 1 right of the center", "the second unit counts twice, to bend it down"),
            (is_(right, 0) and is_(far, -2), "f falls on beyond the hat", "a third unit must bend it up to level"),
            (not is_(inside, 0.5), f"f is {inside:.3g} halfway up, expected 0.5", "straight in between"),
        ):
            expect(not wrong, f"{call}: {symptom}", nudge)
        expected = np.maximum(1 - np.abs(places - center) / half, 0)
        expect_close(f, expected, f"{call}: f at {len(places)} places", tolerance=1e-4)
    return "three units make one hat in one direction; a 5x30 network has 150"


def _network(parts: Any, call: str, places: np.ndarray) -> np.ndarray:
    """What the ReLU network of these weights, biases and last weights gives at some places."""
    if parts is None or parts is ...:
        array(parts, call)
    try:
        w, b, v = parts
    except Exception:  # an object of any kind may refuse in its own way
        raise Wrong(f"{call}: expected three arrays, got {parts!r}", "return w, b, v") from None
    weights, biases, last = (np.ravel(numbers(part, f"{call}: one of w, b, v")) for part in (w, b, v))
    lengths = len(weights), len(biases), len(last)
    expect(len(set(lengths)) == 1, f"{call}: w, b, v have {lengths} numbers", "one of each for every unit")
    return np.maximum(np.outer(places, weights) + biases, 0) @ last


@check(
    nudge="try it on a single wave: where are the peaks of np.abs(np.fft.fft2(wave)), at which of your frequencies?",
    formula="energy = np.abs(np.fft.fft2(error))**2, summed where np.hypot(v[:, None], u) > cycles, over its sum; "
    "u and v are max(error.shape) * np.fft.fftfreq(n)",
)
def share_above(answer: Answer) -> str:
    """Exercise 3: the share of a picture's energy above a frequency, of waves with any phases."""
    for height, width, cycles in ((12, 24, 4.8), (24, 12, 4.8), (18, 18, 3.6)):
        given, longer = _waves(answer.rng, height, width), max(height, width)
        call = f"share_above(error, {cycles}), error {height}x{width}"
        transformed = np.fft.fft2(given)
        energy = np.abs(transformed) ** 2
        v, u = np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")
        radius = longer * np.hypot(v, u)

        def share(of: np.ndarray, at: np.ndarray, cycles: float = cycles) -> float:
            return float(of[at > cycles].sum() / of.sum())

        right, half = share(energy, radius), (slice(None), slice(width // 2 + 1))
        mistakes = [
            (1 - right, "that is the share below"),
            (100 * right, "that is in percent", "a share is from 0 to 1"),
            (share(np.abs(transformed), radius), "that is a share of amplitudes", "energy is the amplitude's square"),
            (share((transformed**2).real, radius), "the square of a complex number", "square its magnitude, np.abs"),
            (share(transformed.real**2, radius), "that is the cosines' energy alone", "np.abs has sine and cosine"),
            (share(energy, longer * np.maximum(abs(u), abs(v))), "diagonal waves count too low", "np.hypot(v, u)"),
            (share(energy, longer * (abs(u) + abs(v))), "diagonal waves count too high", "np.hypot(v, u)"),
            (share(energy, longer * abs(u)), "that counts the cycles across alone", "np.hypot(v, u)"),
            (share(energy, longer * abs(v)), "that counts the cycles down alone", "np.hypot(v, u)"),
            (
                share(energy, np.hypot(v * height, u * width)),
                "each axis has a length of its own here",
                "scale both axes by max(error.shape)",
            ),
            (share(energy, min(height, width) * np.hypot(v, u)), "that is cycles along the shorter side"),
            (share(energy[half], radius[half]), "rfft2 leaves out half of most waves", "take np.fft.fft2"),
            (share(np.fft.fftshift(energy), radius), "energy and frequencies are in different orders", "no fftshift"),
            (float(energy[radius > cycles].sum()), "that is an energy, not a share", "divide by all energy"),
            (0.0, "no wave is above", "np.fft.fftfreq is in cycles a pixel: times the longer side's pixels"),
        ]
        expect_close(answer(given, cycles), right, call, mistakes=mistakes)
    return "now you can say how much of an error is fine detail"


def _waves(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A picture of seven waves, whole numbers of cycles along each side, of any phases and strengths.

    Two are diagonal: one is above the frequency asked for, though along neither side, and one below, though not by the
    sum of both. Two run along one side, where the shorter one has fewer cycles than that.
    """
    y, x = np.mgrid[:height, :width]
    downs, acrosses = rng.integers(1, 5, 7), rng.integers(1, 6, 7)
    upright = (2, 1, 5, 3), (4, 3, 0, 0)
    chosen = {12: upright, 24: upright[::-1], 18: ((3, 2, 5, 0), (3, 2, 0, 3))}[height]
    downs[:4], acrosses[:4] = chosen
    angles = 2 * np.pi * (np.multiply.outer(downs, y / height) + np.multiply.outer(acrosses, x / width))
    phases, strengths = rng.uniform(0, 2 * np.pi, (7, 1, 1)), rng.uniform(0.5, 2, (7, 1, 1))
    strengths[:2] += 1
    waves: np.ndarray = (strengths * np.cos(angles + phases)).sum(axis=0)
    return waves
