"""Notebook 05: rounding by rows, the price of a guess, bits where they help most; and the recorded roundings."""

import copy
from collections.abc import Callable, Sequence
from csv import DictReader
from typing import Any

import numpy as np

from coin_edu.arch import Coding
from coin_edu.course import Wrong, check, expect, expect_close
from coin_edu.data import recorded
from coin_edu.quantization import to_numbers, weight_vector
from coin_edu.siren import Siren


def one_layer(model: Siren, rounded: Siren, layer: int) -> Siren:
    """The model with this layer, counted from 0, from its rounded copy."""
    mixed = copy.deepcopy(model)
    mixed.layers[layer] = copy.deepcopy(rounded.layers[layer])
    return mixed


def integers(model: Siren, bits: int) -> list[np.ndarray]:
    """What a file of `bits` bits a weight stores: int16, matrix, bias, matrix, bias, ..."""
    numbers, _ = to_numbers(weight_vector(model), model.arch, Coding(bits))
    return np.split(numbers, np.cumsum(Coding(bits).groups(model.arch))[:-1])


# The curves of data/bits.csv: name, way in the table, how many bits more in the first layer.
WAYS = (
    ("all layers alike", "plain by tensor", 0),
    ("first layer + 4 bits", "plain by tensor", 4),
    ("and a step for each row", "plain by channel", 4),
    ("first layer + 4 bits, entropy-coded", "its integers entropy-coded", 4),
    ("steps by sensitivity, entropy-coded", "steps by sensitivity and entropy coding", None),
    ("the same, fitted through it", "the same and fitted so", None),
)


def recorded_ways() -> dict[str, tuple[list[int], list[float]]]:
    """(bytes, PSNRs in dB) of one fit of Kodak 15, rounded to 8, 7, ..., 4 bits, and of smaller networks in 16 bits."""
    rounded, fits = (
        list(DictReader(recorded(name).read_text(encoding="utf-8").splitlines()))
        for name in ("bits.csv", "kodak_fits.csv")
    )
    curves = {
        name: [
            row
            for row in rounded
            if (row["way"], row["first_layer_bits"]) == (way, "" if more is None else str(int(row["bits"]) + more))
        ]
        for name, way, more in WAYS
    }
    # The networks larger than 10x28 saw twice as many pixels a step.
    curves["fewer weights, 16 bits"] = [row for row in fits if (row["picture"], row["batch"]) == ("15", "8192")]
    return {
        name: ([int(row["bytes"]) for row in rows], [float(row["psnr_db"]) for row in rows])
        for name, rows in curves.items()
    }


@check
def quantize_rows(answer: Callable[[np.ndarray, int], np.ndarray]) -> str:
    """Exercise 1: rounded with a step a row; first a square matrix, which columns fit as well, then a row of zeros."""
    rng = np.random.default_rng(0)
    for bits, shape in ((8, (4, 4)), (4, (3, 5)), (2, (6, 2))):
        weight = rng.normal(0, rng.uniform(0.1, 1, (shape[0], 1)), shape)
        _judge_rows(answer, weight, bits, f"quantize_rows(weight {shape}, {bits})")
    weight[2] = 0
    with np.errstate(all="ignore"):
        got = answer(weight.copy(), 4)
    expect(
        not np.isnan(got).any(),
        "a row of zeros became NaN: its largest weight is 0, and 0 / 0 is no number; where it is 0, take any step",
    )
    _judge_rows(answer, weight, 4, "quantize_rows of a matrix with a row of zeros")
    return "each row has its own step, its largest weight is met exactly, and zeros stay zeros"


def _judge_rows(answer: Callable[[np.ndarray, int], np.ndarray], weight: np.ndarray, bits: int, what: str) -> None:
    most = 2 ** (bits - 1) - 1
    magnitudes = np.abs(weight)
    with np.errstate(all="ignore"):
        rows = magnitudes.max(axis=1, keepdims=True) / most

        def rounded(step: np.ndarray, how: Callable[[np.ndarray], np.ndarray] = np.rint) -> np.ndarray:
            return np.nan_to_num(how(weight / step)) * step

        # Of several that fit the same answer, the simplest comes first.
        mistakes = [
            (np.nan_to_num(np.rint(weight / rows)), "these are the integers; the decoder multiplies them by the step"),
            (rounded(magnitudes.max(axis=0) / most), "a step a column; a row is all that goes into one unit: axis=1"),
            (rounded(magnitudes.max() / most), "one step for the whole matrix; each row has one of its own"),
            (rounded(rows * most / (most + 1)), "2^(b-1) is one too many: count the integers, with 0 and both signs"),
            (
                rounded(rows * most / (2 * most + 1)),
                "one bit is for the sign: up to the largest it is 2^(b-1) - 1 steps",
            ),
            (rounded(rows, np.floor), "rounded down; the nearest integer is np.rint"),
            (rounded(rows, np.trunc), "rounded toward zero (does a cast cut off?); the nearest integer is np.rint"),
        ]
        right, got = rounded(rows), answer(weight.copy(), bits)
    hint = "a row's step is its largest magnitude / (2^(bits - 1) - 1); np.rint(weight / step) * step"
    expect_close(got, right, what, hint, mistakes=mistakes)


@check
def code_length(answer: Callable[[np.ndarray, float], float]) -> str:
    """Exercise 2: the mean of -log2 p, p a discrete Gaussian, at the right sigma and at wrong ones."""
    rng = np.random.default_rng(0)
    broad, narrow = (np.rint(rng.normal(0, sigma, 500)).astype(int) for sigma in (4, 0.5))
    for numbers, sigma in ((narrow, 0.5), (broad, 4.0), (broad, 2.0), (broad, 16.0)):
        most = np.abs(numbers).max()
        bells = np.exp(-(np.arange(-most, most + 1) ** 2) / (2 * sigma**2))
        p = bells / bells.sum()
        lengths = -np.log2(p[numbers + most])
        each = np.exp(-(np.unique(numbers) ** 2) / (2 * sigma**2))
        drawn = np.exp(-(numbers**2) / (2 * sigma**2))
        mistakes = [
            (-lengths.mean(), "a logarithm of a probability is negative: the length is minus that"),
            (lengths.mean() * np.log(2), "in nats; np.log2 counts bits"),
            (lengths.sum(), "this is for all integers together; the mean, please"),
            (-np.log2(drawn).mean(), "the probabilities do not sum to 1: divide by the sum over all k from -m to m"),
            (
                -np.log2(drawn / drawn.sum()).mean(),
                "divide by the sum over all k from -m to m, once each, not over the integers given",
            ),
            (-np.log2(drawn / each.sum()).mean(), "the sum is over all k from -m to m, also those that do not occur"),
            (
                -np.log2(drawn / (sigma * np.sqrt(2 * np.pi))).mean(),
                "that is the density's integral; integers need a sum, over all k from -m to m",
            ),
            (-(p * np.log2(p)).sum(), "that is the entropy of p; how often each k occurs, the integers say"),
            (lengths[np.unique(numbers, return_index=True)[1]].mean(), "count each integer as often as it occurs"),
        ]
        what = f"code_length of {len(numbers)} integers up to {most} at sigma = {sigma:g}"
        hint = "p = bells / bells.sum() over np.arange(-m, m + 1); then the mean of -np.log2(p[integers + m])"
        expect_close(answer(numbers.copy(), sigma), lengths.mean(), what, hint, mistakes=mistakes)
    return "and the right sigma costs the fewest bits: a wrong guess of the probabilities is paid for in length"


# Harms, lengths and budget; the third is about the network of the notebook, at 5 bits a weight.
CASES = (
    ((1.0, 1.0), (10, 10), 60),
    ((4.0, 64.0, 4.0), (90, 20, 30), 560),
    ((3.2, 0.13, 0.028, 0.019, 0.018, 0.13), (90, 930, 930, 930, 930, 93), 19_515),
)
SLIPS = (
    ({"each": lambda length: 1}, "divide a layer's gain by its number of weights: that is what one bit more costs"),
    ({"quotient": 2.0}, "a bit more leaves a quarter of the harm, not half"),
    ({"quotient": 1.0}, "all went to one layer; with every bit, what is left to gain there falls to a quarter"),
)


@check
def allot(answer: Callable[[list[float], list[int], int], Any]) -> str:
    """Exercise 3: within the budget, no room left, and no more harm than the greedy choice by gain a bit spent."""
    for harms, lengths, budget in CASES:
        call = f"allot({list(harms)}, {list(lengths)}, {budget})"
        given = answer(list(harms), list(lengths), budget)
        if given is None or np.shape(given) != np.shape(harms):
            raise Wrong(f"{call} gave {given}; expected a number of bits for each of the {len(harms)} layers")
        bits = np.asarray(given)
        shown = f"{call} gave {bits.tolist()}"
        expect(bits.dtype.kind in "iu" and bits.min() >= 2, f"{shown}; expected whole numbers, 2 at least")
        spent = int(bits @ lengths)
        expect(spent <= budget, f"{shown}, which takes {spent:,} bits; one more in a layer costs one for each weight")
        for change, why in SLIPS:
            slip = _greedy(harms, lengths, budget, **change)
            if bits.tolist() == slip != _greedy(harms, lengths, budget):
                raise Wrong(f"{shown}; {why}")
        expect(
            budget - spent < min(lengths),
            f"{shown} and leaves {budget - spent:,} bits, where a layer of {min(lengths)} weights could have one more; "
            "go on with the layers that there is room for",
        )
        best = _greedy(harms, lengths, budget)
        left, least = (float(np.dot(harms, 4.0 ** (2 - np.asarray(some)))) for some in (bits, best))
        hint = "the next bit goes where the harm falls most for each bit spent"
        expect(
            left <= 1.001 * least, f"{shown}; that leaves a harm of {left:.3g}, {best} one of {least:.3g}. Hint: {hint}"
        )
    return "of this notebook's network, the first layer gets most bits, and the long layers between get fewest"


def _greedy(
    harms: Sequence[float],
    lengths: Sequence[int],
    budget: int,
    quotient: float = 4.0,
    each: Callable[[int], int] = lambda length: length,
) -> list[int]:
    """From 2 bits on, one more at a time for the layer of the largest gain, of those that there is room for."""
    bits = [2] * len(harms)
    while room := [i for i, n in enumerate(lengths) if np.dot(bits, lengths) + n <= budget]:
        bits[max(room, key=lambda i: harms[i] / quotient ** bits[i] / each(lengths[i]))] += 1
    return bits
