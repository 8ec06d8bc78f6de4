"""Notebook 08, beyond COIN: a network for many patches, a sound, and the checks of its exercises."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coin_edu.arch import Arch
from coin_edu.course import Answer, array, check, expect, expect_close, numbers
from coin_edu.engine.forward import evaluate
from coin_edu.engine.state import Fit
from coin_edu.image import grid
from coin_edu.siren import Siren


def steps_to(fit: Fit, decibels: float) -> float:
    """The step at which a fit first had that PSNR, between two reports on a line; infinite if it never had."""
    steps, psnrs = np.array([(measure.step, measure.psnr) for measure in fit.history]).T
    reached = np.flatnonzero(psnrs >= decibels)
    if not len(reached):
        return float("inf")
    span = slice(max(reached[0] - 1, 0), reached[0] + 1)
    return float(np.interp(decibels, psnrs[span], steps[span]))


def patches(image: np.ndarray, side: int) -> np.ndarray:
    """Squares of a picture (H, W, 3) row by row: (K, side * side, 3); the rest at right and bottom is left out."""
    rows, columns = image.shape[0] // side, image.shape[1] // side
    cut = image[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    return cut.swapaxes(1, 2).reshape(rows * columns, side * side, 3)


def together(squares: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The picture of the given shape, (height, width, ...), less what :func:`patches` left out."""
    side = round(squares.shape[1] ** 0.5)
    rows, columns = shape[0] // side, shape[1] // side
    return squares.reshape(rows, columns, side, side, 3).swapaxes(1, 2).reshape(rows * side, columns * side, 3)


def fit_patches(base: Siren, squares: np.ndarray, steps: int, share: bool = False) -> tuple[Siren, np.ndarray]:
    """Fit a network to each patch; all have the matrices of `base`, and only the biases are a patch's own.

    Parameters
    ----------
    base : Siren
    squares : ndarray, uint8 (K, N, 3)
    steps : int
    share : bool
        Fit the common matrices as well.

    Returns
    -------
    base : Siren
        With these matrices, and the mean of the biases.
    colors : ndarray, uint8 (K, N, 3)
        The patches that the networks draw.
    """
    colors = torch.from_numpy(squares).float() / 255
    places = torch.from_numpy(grid((round(squares.shape[1] ** 0.5),) * 2))
    matrices = [weight.detach().clone().requires_grad_(share) for weight, _ in base.layer_weights]
    biases = [bias.detach().repeat(len(squares), 1) for _, bias in base.layer_weights[:-1]]
    biases = [bias.requires_grad_() for bias in (*biases, colors.mean(dim=1))]
    groups = [{"params": biases, "lr": 3e-3}, {"params": matrices if share else [], "lr": 1e-3}]
    adam = torch.optim.Adam([group for group in groups if group["params"]])
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        pixels = torch.randperm(squares.shape[1], generator=generator)[:64]
        loss = (_modulated(base.arch, matrices, biases, places[pixels]) - colors[:, pixels]).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        falling.step()
    with torch.no_grad():
        drawn = _modulated(base.arch, matrices, biases, places)
        fitted = Siren(base.arch)
        for (weight, bias), matrix, many in zip(fitted.layer_weights, matrices, biases, strict=True):
            weight.copy_(matrix)
            bias.copy_(many.mean(dim=0))
    return fitted, drawn.mul(255).clamp(0, 255).round().byte().numpy()


def _modulated(arch: Arch, matrices: Sequence[Tensor], biases: Sequence[Tensor], places: Tensor) -> Tensor:
    """Colors (K, N, 3) of K networks with matrices in common and biases (K, units) of their own, at places (N, 2)."""
    count = len(biases[0])
    layers = [(m.expand(count, -1, -1), b) for m, b in zip(matrices, biases, strict=True)]
    return evaluate(arch, layers, places)


def faces() -> np.ndarray:
    """The 100 faces of scikit-image's part of Labeled Faces in the Wild, as gray RGB: uint8 (100, 25, 25, 3)."""
    from skimage.data import lfw_subset  # a tenth of a second, and only here

    gray = (255 * lfw_subset()[:100]).round().astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=3)


def chord(rate: int = 8000) -> np.ndarray:
    """One second of three plucked notes, A, C sharp and E, of three harmonics each: float32 (rate,) within +-0.9."""
    time, sound = np.arange(rate) / rate, np.zeros(rate)
    for place, pitch in enumerate((220.0, 277.18, 329.63)):
        since = np.clip(time - 0.15 * place, 0, None)
        for harmonic in (1, 2, 3):
            loudness = np.exp(-2 * harmonic * since) * (1 - np.exp(-60 * since)) / harmonic
            sound += loudness * np.sin(2 * np.pi * pitch * harmonic * since)
    return (0.9 * sound / np.abs(sound).max()).astype(np.float32)


def fit_sound(sound: np.ndarray, arch: Arch, steps: int, seed: int = 0) -> Siren:
    """Fit a network to a sound, float32 (n,), with Adam on all its samples and a rate that falls from 1e-3 to 0."""
    places, target = torch.from_numpy(grid((1, len(sound)))[:, :1]), torch.from_numpy(sound)[:, None]
    network = Siren(arch, seed)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        adam.zero_grad()
        (network(places) - target).square().mean().backward()
        adam.step()
        falling.step()
    return network


def signal_to_noise(sound: np.ndarray, decoded: np.ndarray) -> float:
    """The sound's energy over that of the error, in dB."""
    return float(10 * np.log10((sound**2).sum() / ((decoded - sound) ** 2).sum()))


@check(
    nudge="two separate numbers: how many bits has the network, over how many samples; and a ratio of two sums",
    formula="16 * n_weights / len(sound), 10 * np.log10(np.sum(sound**2) / np.sum((decoded - sound)**2))",
)
def judge(answer: Answer) -> str:
    """Exercise 1: bits a sample, and the signal-to-noise ratio."""
    rng = answer.rng
    for low, noise in ((100, 0.1), (4000, 0.01)):
        n, n_weights = (int(number) for number in rng.integers((600, low), (1500, 2 * low)))
        sound = rng.uniform(-0.5, 0.5, n) + 0.2
        decoded = sound + rng.normal(0.02, noise, n)
        call = f"judge(sound, decoded, {n_weights}), of {n} samples"
        got = numbers(answer(sound, decoded, n_weights), call)
        expect(got.shape == (2,), f"{call}: expected two numbers, got {got.tolist()}", "return bits, decibels")
        bits, decibels = 16 * n_weights / n, signal_to_noise(sound, decoded)
        mistakes = [
            (2 * n_weights / n, "these are bytes", "a byte has 8 bits"),
            (n_weights / n, "these are weights a sample", "each has 16 bits"),
            (32 * n_weights / n, "32 bits a weight", "the exercise has 16"),
            (n / (16 * n_weights), "these are samples a bit, the other way round"),
            (16 * n_weights, "these are all bits", "a sample's share: over len(sound)"),
            (decibels, "the decibels come first here", "bits, then decibels"),
        ]
        expect_close(got[0], bits, f"{call}: bits per sample", mistakes=mistakes)
        energy, mse = np.sum(sound**2), np.mean((decoded - sound) ** 2)
        mistakes = [
            (-decibels, "the sign is the other way round", "sound over error"),
            (2 * decibels, "20 instead of 10", "the energies are squares already: 10 log10"),
            (decibels / 10, "these are bels", "a decibel is a tenth of one"),
            (np.log(10) * decibels, "the natural logarithm", "np.log10"),
            (-10 * np.log10(mse), "that has 1 above the line, as PSNR does", "the sound's own energy"),
            (10 * np.log10((sound**2).max() / mse), "that has the peak above the line", "the sum of squares"),
            (10 * np.log10(sound.var() / mse), "a mean was taken off the sound", "the energy is a sum of squares"),
            (10 * np.log10(energy / mse), "a sum over a mean", "both sums, or both means"),
            (10 * np.log10(np.mean(sound**2) / (mse * n)), "a mean over a sum", "both sums, or both means"),
            (10 * np.log10(energy / np.sum(decoded - sound) ** 2), "squared after the sum", "square first, then add"),
            (10 * np.log10(np.abs(sound).sum() / np.abs(decoded - sound).sum()), "nothing is squared"),
            (10 * np.log10(np.sum(decoded**2) / (mse * n)), "that is the decoded sound's energy", "the sound's"),
            (energy / (mse * n), "that is the ratio", "10 log10 of it"),
        ]
        expect_close(got[1], decibels, f"{call}: decibels", mistakes=mistakes)
    return "rate and distortion of any sound"


Arrays = Sequence[tuple[np.ndarray, np.ndarray]]


def _forward(x: np.ndarray, layers: Arrays) -> np.ndarray:
    return _shifted(x, layers, [np.zeros(len(bias)) for _, bias in layers[:-1]])


def _shifted(x: np.ndarray, layers: Arrays, shifts: Sequence[np.ndarray], after: bool = False) -> np.ndarray:
    """Colors at `x`; each hidden layer's shift is added to its bias, or, by mistake, after the sine."""
    for (weight, bias), shift in zip(layers, shifts, strict=False):
        x = np.sin(30 * (x @ weight.T + bias)) + shift if after else np.sin(30 * (x @ weight.T + bias + shift))
    return x @ layers[-1][0].T + layers[-1][1]


def _layers(rng: np.random.Generator, widths: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Layers between so many numbers each, of a size that keeps the sines within a few turns."""
    shapes = pairwise(widths)
    return [(rng.uniform(-0.1, 0.1, (n_out, n_in)), rng.uniform(-0.1, 0.1, n_out)) for n_in, n_out in shapes]


@check(
    nudge="a unit is a row of its matrix and an entry of the bias; the next layer reads it with a column of its matrix",
    formula="weight[order], bias[order] of layer hidden; weight[:, order] of layer hidden + 1",
)
def renumber(answer: Answer) -> str:
    """Exercise 2: the units of a hidden layer in another order, the picture as it was."""
    rng = answer.rng
    for hidden, widths in ((0, (2, 5, 5, 3)), (1, (2, 5, 5, 3)), (1, (2, 4, 6, 5, 3))):
        layers, x = _layers(rng, widths), rng.uniform(-1, 1, (7, 2))
        cycle = rng.permutation(widths[hidden + 1])
        order = np.empty_like(cycle)
        order[cycle] = np.roll(cycle, 1)  # one long cycle: no unit stays, and backwards is another order
        back = np.argsort(order)
        call, what = f"renumber(layers, {hidden}, {order.tolist()})", "of what renumber returned"
        returned = answer(layers, hidden, order)
        got = _pairs(returned, call)
        kept = all(
            np.array_equal(array(a, what), b)
            for pair, old in zip(answer.given[0], layers, strict=False)
            for a, b in zip(pair, old, strict=True)
        )
        whole_ = kept and len(answer.given[0]) == len(layers)
        expect(whole_, f"{call}: the layers handed in have changed", "put new arrays into a new list: list(layers)")
        expect(len(got) == len(layers), f"{call}: expected {len(layers)} layers, got {len(got)}", "all, in a new list")
        (weight, bias), (after, _) = layers[hidden], layers[hidden + 1]
        mistakes = [
            (weight, "the units are where they were"),
            (weight[back], "backwards", "row i is the old row order[i]"),
        ]
        if weight.shape[1] == len(order):
            mistakes.append((weight[:, order], "the columns are in the new order", "a unit is a row"))
        expect_close(got[hidden][0], weight[order], f"{call}: the matrix of layer {hidden}", mistakes=mistakes)
        mistakes = [
            (bias, "the biases are where they were", "a unit takes its bias along"),
            (bias[back], "backwards", "entry i is the old entry order[i]"),
        ]
        expect_close(got[hidden][1], bias[order], f"{call}: the biases of layer {hidden}", mistakes=mistakes)
        old = "the next layer still reads its inputs in the old order", "the picture is another: weight[:, order]"
        mistakes = [(after, *old), (after[:, back], "backwards", "column i meets unit i, the old unit order[i]")]
        if len(after) == len(order):
            mistakes.append((after[order], "the rows are in the new order", "a layer's inputs are its columns"))
        what = f"{call}: the matrix of layer {hidden + 1}"
        expect_close(got[hidden + 1][0], after[:, order], what, mistakes=mistakes)
        others = "only two matrices and one vector of biases change"
        expect_close(_forward(x, got), _forward(x, layers), f"{call}: the colors", others)
    return "another vector of weights, and not a pixel has changed"


def _pairs(returned: Any, call: str) -> Arrays:
    """The layers that a student returned, as arrays."""
    if not isinstance(returned, list | tuple):
        array(returned, call)
    expect(isinstance(returned, list | tuple), f"{call}: expected a list of layers, got {type(returned).__name__}")
    pairs = all(isinstance(layer, list | tuple) and len(layer) == 2 for layer in returned)
    expect(pairs, f"{call}: expected a pair (weight, bias) for each layer", "layers[hidden] = weight, bias")
    return [(numbers(weight, f"{call}: a matrix"), numbers(bias, f"{call}: a bias")) for weight, bias in returned]


@check(
    nudge="matrix @ phi has one number a unit; where in the sine does the bias stand, which is also one number a unit?",
    formula="x = np.sin(30 * (x @ weight.T + bias + matrix @ phi)) for each hidden layer, then x @ weight.T + bias",
)
def modulated(answer: Answer) -> str:
    """Exercise 3: a network whose hidden layers are shifted by a picture's own few numbers."""
    rng = answer.rng
    for widths, n_phi in (((2, 6, 5, 3), 4), ((2, 6, 6, 6, 3), 6)):
        layers, x, phi = _layers(rng, widths), rng.uniform(-1, 1, (8, 2)), rng.uniform(-1, 1, n_phi)
        maps = [rng.uniform(-0.1, 0.1, (width, n_phi)) for width in widths[1:-1]]
        shifts = [matrix @ phi for matrix in maps]
        right, beside = _shifted(x, layers, shifts), "it belongs beside the bias, inside the bracket that 30 multiplies"
        no_bias = [(weight, 0 * bias) for weight, bias in layers[:-1]] + layers[-1:]
        bare = [*layers[:-1], (layers[-1][0], 0 * layers[-1][1])]
        mistakes = [
            (_forward(x, layers), "this is the base network", "phi does nothing in it"),
            (_shifted(x, layers, [shift / 30 for shift in shifts]), "the shift is not multiplied by 30", beside),
            (_shifted(x, layers, shifts, after=True), "the shift is added after the sine", beside),
            (_shifted(x, layers, [-shift for shift in shifts]), "the sign of the shift"),
            (
                _shifted(x, layers, [shifts[0], *(0 * s for s in shifts[1:])]),
                "only the first layer is shifted",
                "maps[i]",
            ),
            (_shifted(x, no_bias, shifts), "the biases of the hidden layers are missing"),
            (_shifted(x, bare, shifts), "the last layer's bias is missing"),
            (np.sin(30 * right), "the last layer has no sine"),
            (np.sin(right), "the last layer has no sine"),
        ]
        if n_phi == 6:
            mistakes.append(
                (_shifted(x, layers, [m.T @ phi for m in maps]), "the maps are turned around", "matrix @ phi")
            )
            mistakes.append((_shifted(x, layers, [shifts[0]] * 3), "all layers have the first map", "maps[i]"))
        what = f"modulated at {len(x)} places, {len(maps)} hidden layers, phi of {n_phi} numbers"
        expect_close(answer(x, layers, maps, phi), right, what, "", 1e-4, mistakes)
    return "one network, and a picture for every phi"
