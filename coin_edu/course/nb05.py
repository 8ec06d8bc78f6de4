"""Notebook 05: rounding by rows, the price of a guess, bits where they help most."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from coin_edu.course import Answer, check, expect, expect_close, whole


@check(
    nudge="print the step: one number for each row? then divide a row by its own, and look at its largest integer",
    formula="step = np.abs(weight).max(axis=1, keepdims=True) / (2**(bits - 1) - 1), or 1 where that is 0; "
    "step * np.rint(weight / step)",
)
def quantize_rows(answer: Answer) -> str:
    """Exercise 1: rounded with a step a row; first a square matrix, which columns fit as well, then a row of zeros."""
    rng = answer.rng
    for bits, shape in ((8, (4, 4)), (4, (3, 5)), (3, (6, 2))):
        weight = rng.normal(0, rng.uniform(0.1, 1, (shape[0], 1)), shape)
        weight[0, 0] = -rng.uniform(1.2, 1.8) * np.abs(weight[0]).max()  # the largest magnitude may be negative
        _judge_rows(answer, weight, bits, f"quantize_rows(weight {shape}, {bits})")
    weight[int(rng.integers(1, 6))] = 0
    _judge_rows(answer, weight, 4, "quantize_rows of a matrix with a row of zeros")
    return "each row has its own step, its largest weight is met exactly, and zeros stay zeros"


def _judge_rows(answer: Answer, weight: np.ndarray, bits: int, what: str) -> None:
    most = 2 ** (bits - 1) - 1
    magnitudes, signed = np.abs(weight), weight.max(axis=1, keepdims=True) / most
    rows = magnitudes.max(axis=1, keepdims=True) / most

    def rounded(step: np.ndarray, how: Callable[[np.ndarray], np.ndarray] = np.rint) -> np.ndarray:
        return np.nan_to_num(how(weight / step)) * step

    with np.errstate(all="ignore"):
        # Of several that fit the same answer, the simplest comes first.
        negative, nearest = "the largest may be negative: np.abs first", "the nearest integer is np.rint"
        whole_matrix = "one step for the whole matrix", "each row has one of its own: axis=1"
        mistakes = [
            (
                np.nan_to_num(np.rint(weight / rows)),
                "these are the integers",
                "the decoder multiplies them by the step",
            ),
            (rounded(magnitudes.max(axis=0) / most), "a step a column", "a row is all that goes into one unit: axis=1"),
            (rounded(magnitudes.max() / most), *whole_matrix),
            (rounded(weight.max() / most), *whole_matrix),
            (rounded(signed), "max without abs", negative),
            (rounded(np.where(signed > 0, signed, 1)), "max without abs", negative),
            (rounded(rows * most / (most + 1)), "2^(b-1) is one too many", "count the integers, with 0 and both signs"),
            (
                rounded(rows * most / (2 * most + 1)),
                "all bits are for the magnitude",
                "one is for the sign: b - 1 are left",
            ),
            (rounded(np.ptp(weight, axis=1, keepdims=True) / (2**bits - 1)), "the step spans from smallest to largest"),
            (rounded(rows, np.floor), "rounded down", nearest),
            (rounded(rows, np.ceil), "rounded up", nearest),
            (rounded(rows, np.trunc), "rounded toward zero", f"does a cast cut off? {nearest}"),
            (weight, "nothing is rounded"),
        ]
        if len(rows) == weight.shape[1]:
            turned = "each column has the step of a row", "keepdims=True keeps the steps a column of numbers"
            mistakes.append((rounded(rows[:, 0]), *turned))
        right = rounded(rows)
    zeros = "0 / 0 is no number: where a row is all zeros take any step, such as 1" if not rows.all() else ""
    expect_close(answer(weight, bits), right, what, zeros, mistakes=mistakes)


@check(
    nudge="print the sum of your probabilities (is it 1?), and how many there are (one for each k from -m to m?)",
    formula="m = int(np.abs(integers).max()); bells = np.exp(-np.arange(-m, m + 1)**2 / (2 * sigma**2)); "
    "p = bells / bells.sum(); -np.log2(p[integers + m]).mean()",
)
def code_length(answer: Answer) -> str:
    """Exercise 2: the mean of -log2 p, p a discrete Gaussian, at the right sigma and at wrong ones; of int16."""
    draw = answer.rng.normal
    narrow, broad, wide = (np.rint(draw(0, sigma, 400)).astype(np.int16) for sigma in (0.5, 4, 70))
    narrow[:8], broad[0], wide[0] = -2, -20, -250  # the largest magnitude is negative, and 250**2 is beyond int16
    small = ((narrow, 0.5), (broad, 4.0), (broad, 2.5), (broad, 16.0))
    for integers, sigma in (*small, (wide, 70.0)):
        most = int(np.abs(integers).max())
        k, integer = np.arange(-most, most + 1), integers.astype(int)
        bells = np.exp(-(k**2) / (2 * sigma**2))
        p = bells / bells.sum()
        lengths = -np.log2(p[integer + most])
        drawn, values = np.exp(-(integer**2) / (2 * sigma**2)), np.unique(integer)
        each = np.exp(-(values**2) / (2 * sigma**2))
        seen = np.exp(-(np.arange(-integer.max(), integer.max() + 1) ** 2) / (2 * sigma**2))
        thin, wavy = (np.exp(-(k**2) / width) for width in (sigma**2, 2 * sigma))
        mistakes = [
            (-lengths.mean(), "the sign is the other way round", "the logarithm of a probability is negative"),
            (lengths.mean() * np.log(2), "in nats", "np.log2 counts bits"),
            (lengths.mean() * np.log10(2), "in decimal digits", "np.log2 counts bits"),
            (lengths.sum(), "this is the sum for all integers together", "the mean, please"),
            (-np.log2(drawn).mean(), "the probabilities do not sum to 1", "divide by the sum over all k"),
            (-np.log2(drawn / drawn.sum()).mean(), "the sum is over the integers given", "over each k once, -m to m"),
            (-np.log2(drawn / each.sum()).mean(), "the sum is over the k that occur", "over all k from -m to m"),
            (-np.log2(drawn / (sigma * np.sqrt(2 * np.pi))).mean(), "that is a density", "integers need a sum"),
            (-np.log2(drawn / bells[: most + 1].sum()).mean(), "the sum is over one sign", "over all k from -m to m"),
            (-np.log2(drawn / seen.sum()).mean(), "m is the largest integer", "the largest magnitude: np.abs first"),
            (-np.log2(drawn / bells[:-1].sum()).mean(), "the sum ends before m", "np.arange leaves its end out"),
            (-np.log2((thin / thin.sum())[integer + most]).mean(), "the 2 of 2 sigma^2 is missing"),
            (-np.log2((wavy / wavy.sum())[integer + most]).mean(), "sigma is not squared"),
            (-(p * np.log2(p)).sum(), "that is the entropy of p", "how often each k occurs, the integers say"),
            (
                lengths[np.unique(integer, return_index=True)[1]].mean(),
                "each value counts once",
                "as often as it occurs",
            ),
            (-np.log2(p[integer + most].mean()), "the logarithm of a mean", "the mean of the logarithms"),
            (most.bit_length() + 1, "that is a fixed number of bits", "likely integers take fewer"),
        ]
        what = f"code_length of {len(integers)} integers up to {most} at sigma = {sigma:g}"
        hint = "" if most < 182 else "250**2 is -3036 in int16, the integers' type: int(m), or .astype(float) first"
        expect_close(answer(integers, sigma), lengths.mean(), what, hint, mistakes=mistakes)
    return "and the right sigma costs the fewest bits: a wrong guess of the probabilities is paid for in length"


# Harms, lengths and budget; a layer that bits would be wasted on; this notebook's network, at 5 bits a weight.
CASES = (
    ((1.0, 1.1), (10, 10), 60),
    ((4.0, 64.0, 4.0), (90, 20, 30), 560),
    ((4.0, 64.0, 0.001), (90, 20, 30), 560),
    ((3.2, 0.13, 0.028, 0.019, 0.018, 0.13), (90, 930, 930, 930, 930, 93), 19_515),
)


@check(
    nudge="print the bits, the harm left in each layer and what is left of the budget, after every bit that you give",
    formula="while some layer has room: best = max(room, key=lambda l: left[l] / lengths[l]); bits[best] += 1; "
    "left[best] /= 4",
)
def allot(answer: Answer) -> str:
    """Exercise 3: within the budget, no room left, and no more harm than the greedy choice by gain a bit spent."""
    drawn = [
        (
            [float(f"{h:.3g}") for h in np.exp(answer.rng.normal(0, 2, 4))],
            answer.rng.integers((20, 20, 300, 300), (50, 50, 900, 900)).tolist(),
        )
    ]
    cases = [*CASES, *((harms, lengths, 5 * sum(lengths) + 7) for harms, lengths in drawn)]
    for harms, lengths, budget in cases:
        call = f"allot({list(harms)}, {list(lengths)}, {budget})"
        bits = whole(answer(list(harms), list(lengths), budget), call)
        shown, n = f"{call} gave {bits.tolist()}", len(harms)
        expect(bits.shape == (n,), shown, f"a number of bits for each of the {n} layers")
        expect(bits.min() >= 2, shown, "at least 2 bits in each layer: begin with 2 everywhere, not with 0")
        spent = int(bits @ np.array(lengths))
        over = f"{shown}, which takes {spent:,} bits", "one more in a layer takes one for each of its weights"
        expect(spent <= budget, *over)
        best = _greedy(harms, lengths, budget)
        for change, symptom, nudge in _other_ways(harms, lengths):
            slip = _greedy(harms, lengths, budget, **change)
            expect(not bits.tolist() == slip != best, f"{shown}; {symptom}", nudge)
        room = (
            f"{shown} and leaves {budget - spent:,} bits, where a layer of {min(lengths)} weights could have one more"
        )
        expect(budget - spent < min(lengths), room, "go on with the layers that there is room for")
        left, least = (float(np.dot(harms, 4.0 ** (2 - np.asarray(some)))) for some in (bits, best))
        more = f"{shown}; that leaves a harm of {left:.3g}, {best} one of {least:.3g}"
        expect(left <= 1.001 * least, more, "the next bit goes where the harm falls most for each bit spent")
    return "of this notebook's network, the first layer gets most bits, and the long layers between get fewest"


def _other_ways(harms: Sequence[float], lengths: Sequence[int]) -> list[tuple[dict[str, Any], str, str]]:
    """Other ways to choose the next layer, and what is wrong with them."""
    return [
        ({"each": [1] * len(harms)}, "the gain is not divided by what the bit costs", "lengths[l] bits for one more"),
        ({"quotient": 2.0}, "each bit halves the harm here", "a bit more leaves a quarter of it"),
        ({"quotient": 1.0}, "one layer got all", "with every bit, the harm left there is divided by 4"),
        ({"each": [1 / n for n in lengths]}, "the gain is multiplied by the length", "divided by what it costs"),
        ({"each": list(harms)}, "the harms play no role", "the next bit goes where the harm falls most"),
    ]


def _greedy(
    harms: Sequence[float],
    lengths: Sequence[int],
    budget: int,
    quotient: float = 4.0,
    each: Sequence[float] | None = None,
) -> list[int]:
    """From 2 bits on, one more at a time for the layer of the largest gain, of those that there is room for."""
    bits, costs = [2] * len(harms), each or lengths
    while room := [i for i, n in enumerate(lengths) if np.dot(bits, lengths) + n <= budget]:
        bits[max(room, key=lambda i: harms[i] / quotient ** bits[i] / costs[i])] += 1
    return bits
