"""What notebook 05 measures and draws: weights rounded layer by layer, and symbols in a range coder's interval."""

import copy
from collections.abc import Sequence
from csv import DictReader

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coin_edu.codec import plan
from coin_edu.coding import Coding
from coin_edu.data import recorded
from coin_edu.image import grid
from coin_edu.metrics import psnr
from coin_edu.quantization import quantize, to_numbers, weight_vector
from coin_edu.rendering import render
from coin_edu.siren import Siren
from coin_edu.study.plots import show_residual
from coin_edu.study.style import BLUE, GREEN, MARKERS, ORANGE, PURPLE, SKY, VERMILION, bare


def one_layer(model: Siren, rounded: Siren, layer: int) -> Siren:
    """The model with this layer, counted from 0, from its rounded copy."""
    mixed = copy.deepcopy(model)
    mixed.layers[layer] = copy.deepcopy(rounded.layers[layer])
    return mixed


def integers(model: Siren, bits: int) -> list[np.ndarray]:
    """What a file of `bits` bits a weight stores: int16, matrix, bias, matrix, bias, ..."""
    numbers, _ = to_numbers(weight_vector(model), model.arch, Coding(bits))
    return np.split(numbers, np.cumsum(Coding(bits).groups(model.arch))[:-1])


def alone(model: Siren, image: np.ndarray, bits: int = 8) -> list[np.ndarray]:
    """The picture with one layer at a time rounded to so many bits."""
    rounded = quantize(model, bits, first_bits=bits)
    return [render(one_layer(model, rounded, layer), image.shape) for layer in range(model.arch.depth + 1)]


def lost(model: Siren, image: np.ndarray, bits: int = 8) -> list[float]:
    """PSNR in dB that this costs, by layer."""
    whole = psnr(image, render(model, image.shape))
    return [whole - psnr(image, picture) for picture in alone(model, image, bits)]


def lost_by_layer(model: Siren, image: np.ndarray, bits: int = 8) -> Figure:
    """The same as bars, and what rounding changes in the picture, for the first two layers."""
    whole, pictures, decibels = render(model, image.shape), alone(model, image, bits), lost(model, image, bits)
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    left, *others = figure.subplots(1, 3, width_ratios=(0.7, 1, 1))
    bare(left).bar([str(layer) for layer in range(1, len(decibels) + 1)], decibels, color=BLUE)
    left.set(xlabel=f"layer in {bits} bits", ylabel="dB lost")
    for layer, ax in enumerate(others[: len(pictures)]):
        show_residual(whole, pictures[layer], ax, f"change by layer {layer + 1}, 4 times enlarged")
    return figure


def phases(model: Siren, image: np.ndarray, bits: int = 8) -> list[tuple[float, float]]:
    """By hidden layer: how far its phases are off when it is rounded, in radians, and the harm of a squared radian.

    Both are root mean squares, and means, over all pixels and units; the harm is that to the picture's mean squared
    error, with colors from 0 to 1.
    """
    rounded, arch = quantize(model, bits, first_bits=bits), model.arch
    x, found = torch.from_numpy(grid(image.shape)), []
    before = _mse(image, render(model, image.shape))
    layers = zip(model.layer_weights[:-1], rounded.layer_weights, alone(model, image, bits), strict=False)
    for number, ((weight, bias), (coarse, coarse_bias), picture) in enumerate(layers):
        omega = arch.omega_first if number == 0 else arch.omega_0
        phase, moved = omega * (x @ weight.T + bias), omega * (x @ coarse.T + coarse_bias)
        off = (moved - phase).square().mean().sqrt().item()
        found.append((off, (_mse(image, picture) - before) / off**2))
        x = torch.sin(phase)
    return found


def mse(image: np.ndarray, model: Siren) -> float:
    """The picture's mean squared error, colors from 0 to 1."""
    return _mse(image, render(model, image.shape))


def _mse(image: np.ndarray, picture: np.ndarray) -> float:
    return float(np.square((picture.astype(float) - image) / 255).mean())


def entropy_of(numbers: np.ndarray) -> float:
    """Bits for each of the integers, by how often each occurs."""
    _, counts = np.unique(numbers, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def histogram(numbers: np.ndarray) -> Axes:
    """How often each integer occurs, and the Gaussian of the same standard deviation."""
    ax = bare(Figure(figsize=(9, 2.8), layout="constrained").add_subplot())
    values, counts = np.unique(numbers, return_counts=True)
    ax.bar(values, counts, color=SKY, label="this layer")
    all_values = np.arange(values.min(), values.max() + 1)
    bell = np.exp(-(all_values.astype(float) ** 2) / (2 * numbers.std() ** 2))
    ax.plot(all_values, len(numbers) * bell / bell.sum(), color=VERMILION, label="Gaussian")
    ax.set(xlabel="integer", ylabel="how often", title=f"entropy: {entropy_of(numbers):.2f} bits")
    ax.legend(frameon=False)
    return ax


def intervals(message: Sequence[int], below: Sequence[float], steps: int = 4) -> Axes:
    """A range coder's interval after each of the first symbols, enlarged to the whole width each time.

    Parameters
    ----------
    message : sequence of int
        Symbols, as places in `below`.
    below : sequence of float
        Where the part of each symbol begins, ascending from 0, and 1 at the end.
    """
    ax = bare(Figure(figsize=(9, 0.7 + 0.55 * steps), layout="constrained").add_subplot())
    low, width = 0.0, 1.0
    for row, symbol in enumerate(message[:steps]):
        for place, begin in enumerate(below[:-1]):
            color = ORANGE if place == symbol else SKY
            ax.barh(row, below[place + 1] - begin, left=begin, height=0.6, color=color, edgecolor="white")
        low, width = low + width * below[symbol], width * (below[symbol + 1] - below[symbol])
        ax.annotate(f"[{low:.5f}, {low + width:.5f})", (1.01, row), va="center", annotation_clip=False)
    ax.set_yticks(range(steps), [f"symbol {n}" for n in range(1, steps + 1)])
    ax.invert_yaxis()
    ax.grid(visible=False)
    ax.set(xlim=(0, 1), xlabel="the interval so far, enlarged; orange: the part of this symbol. Right: in true size")
    return ax


# The curves of data/bits.csv: name, way in the table, how many bits more in the first layer.
WAYS = (
    ("all layers alike", "plain by tensor", 0),
    ("first layer + 4 bits", "plain by tensor", 4),
    ("and a step for each row", "plain by channel", 4),
    ("first layer + 4 bits, entropy-coded", "its integers entropy-coded", 4),
    ("steps by sensitivity, entropy-coded", "steps by sensitivity and entropy coding", None),
    ("the same, fitted through it", "the same and fitted so", None),
)
GRAY = "fewer weights, 16 bits"


def recorded_ways() -> dict[str, tuple[list[int], list[float]]]:
    """(bytes, PSNRs in dB) of one fit of Kodak 15, rounded to 8, 7, ..., 4 bits, and of smaller networks in 16 bits."""
    rounded, fits = _table("bits.csv"), _table("kodak_fits.csv")
    curves = {
        name: [
            row
            for row in rounded
            if (row["way"], row["first_layer_bits"]) == (way, "" if more is None else str(int(row["bits"]) + more))
        ]
        for name, way, more in WAYS
    }
    # The networks larger than 10x28 saw twice as many pixels a step.
    curves[GRAY] = [row for row in fits if (row["picture"], row["batch"]) == ("15", "8192")]
    return {
        name: ([int(row["bytes"]) for row in rows], [float(row["psnr_db"]) for row in rows])
        for name, rows in curves.items()
    }


def above() -> dict[str, int]:
    """How many of each way's points lie above COIN's gray line."""
    ways = recorded_ways()
    return {
        name: int((np.array(psnrs) > np.interp(sizes, *ways[GRAY])).sum())
        for name, (sizes, psnrs) in ways.items()
        if name != GRAY
    }


def all_ways() -> Axes:
    """All ways to round one fit on the plane of bytes and decibels, and COIN's gray line."""
    ax = bare(Figure(figsize=(9, 4.2), layout="constrained").add_subplot())
    ways = recorded_ways()
    for (name, *_), color, marker in zip(WAYS, (PURPLE, BLUE, SKY, GREEN, ORANGE, VERMILION), MARKERS, strict=False):
        ax.plot(*ways[name], color=color, marker=marker, markersize=5, label=name)
    ax.plot(*ways[GRAY], "o-", color="0.6", label=GRAY)
    best = ways[WAYS[-1][0]]
    for bits, size, decibels in zip("87654", *best, strict=True):
        ax.annotate(bits, (size, decibels), (-2, 6), textcoords="offset points")
    ax.set(xlabel="bytes", ylabel="PSNR, dB", ylim=(20, max(best[1]) + 1))
    ax.legend(frameon=False, loc="lower right")
    return ax


def kodak_means(budget: float = 0.3, plain: str = "10x28") -> tuple[str, float, float]:
    """Means over the 24 Kodak pictures: the entropy-coded network at a budget, its PSNR, and that of 16-bit COIN."""
    network = str(plan((512, 768), budget, coding="entropy").arch)
    coded, fits = (
        [float(row["psnr_db"]) for row in _table(name) if row["arch"] == arch]
        for name, arch in (("kodak_narrowing.csv", network), ("kodak_fits.csv", plain))
    )
    return network, float(np.mean(coded)), float(np.mean(fits))


def _table(name: str) -> list[dict[str, str]]:
    return list(DictReader(recorded(name).read_text(encoding="utf-8").splitlines()))
