"""Notebook 05's exercises: right answers pass, likely slips meet their word."""

import numpy as np
import pytest
import torch

from coin_edu.course import nb05
from tests.exercises import as_lists, cases, changed, meets, passes


def rows(weight, bits, axis=1, how=np.rint, most=lambda bits: 2 ** (bits - 1) - 1, back=True, size=np.abs, keep=True):
    step = size(weight).max(axis=axis, keepdims=keep) / most(bits)
    step = np.where(step > 0, step, 1)
    return how(weight / step) * (step if back else 1)


def slip(**changes):
    return lambda weight, bits: rows(weight, bits, **changes)


def row_by_row(weight, bits):
    done = []
    for row in weight:
        largest = max(abs(number) for number in row)
        step = largest / (2 ** (bits - 1) - 1)
        done.append([step * round(number / step) if largest else 0 for number in row])
    return done


def rows_in_torch(weight, bits):
    weight = torch.as_tensor(weight, dtype=torch.float32)
    step = weight.abs().amax(dim=1, keepdim=True) / (2 ** (bits - 1) - 1)
    return torch.where(step > 0, step * torch.round(weight / step), 0)


def half_up(weight, bits):
    step = np.abs(weight).max(axis=1)[:, None] / (2 ** (bits - 1) - 1) + 1e-300
    return step * np.floor(weight / step + 0.5)


def zeros_divided(weight, bits):
    step = np.abs(weight).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)
    return np.rint(weight / step) * step


def bells(k, sigma):
    return np.exp(-(k.astype(float) ** 2) / (2 * sigma**2))


def lengths(integers, sigma, most=lambda k: int(np.abs(k).max()), bell=bells):
    every = np.arange(-most(integers), most(integers) + 1)
    return -np.log2(bell(integers, sigma) / bell(every, sigma).sum())


def code_length(integers, sigma):
    return lengths(integers, sigma).mean()


def looked_up(integers, sigma):
    m = np.abs(integers).max()
    shape = np.exp(-(np.arange(-m, m + 1) ** 2) / (2 * sigma**2))
    p = shape / shape.sum()
    return -np.log2(p[integers + m]).mean()


def counted(integers, sigma):
    values, counts = np.unique(integers, return_counts=True)
    return (counts / counts.sum() * lengths(values, sigma)).sum()


def in_torch(integers, sigma):
    k = torch.as_tensor(integers).long()
    m = k.abs().max().item()
    logs = torch.log_softmax(-(torch.arange(-m, m + 1) ** 2) / (2 * sigma**2), dim=0)
    return -logs[k + m].mean() / np.log(2)


def by_dictionary(integers, sigma):
    m = max(abs(int(k)) for k in integers)
    p = {k: np.exp(-(k**2) / 2 / sigma**2) for k in range(-m, m + 1)}
    total = sum(p.values())
    return sum(-np.log2(p[int(k)] / total) for k in integers) / len(integers)


def overflowing(integers, sigma):
    m = int(np.abs(integers).max())
    total = np.exp(-(np.arange(-m, m + 1) ** 2) / (2 * sigma**2)).sum()
    return -np.log2(np.exp(-(integers**2) / (2 * sigma**2)) / total).mean()


def entropy_of_p(integers, sigma):
    most = int(np.abs(integers).max())
    p = 2 ** -lengths(np.arange(-most, most + 1), sigma)
    return -(p * np.log2(p)).sum()


def allot(harms, lengths, budget, quotient=4, each=lambda length: length, skip=True, start=2, choose=max):
    harms, bits = list(harms), [start] * len(harms)
    while True:
        left = budget - np.dot(bits, lengths)
        room = [i for i, length in enumerate(lengths) if length <= left] if skip else range(len(harms))
        if not room:
            return bits
        best = choose(room, key=lambda i: harms[i] / each(lengths[i]))
        if lengths[best] > left:
            return bits
        bits[best] += 1
        harms[best] /= quotient


def by_gain(harms, lengths, budget):
    bits, spare = np.full(len(harms), 2), budget - 2 * sum(lengths)
    while spare >= min(lengths):
        gain = [0.75 * h / 4.0 ** (b - 2) / n * (n <= spare) for h, b, n in zip(harms, bits, lengths, strict=True)]
        bits[np.argmax(gain)] += 1
        spare -= lengths[np.argmax(gain)]
    return bits


def with_infinities(harms, lengths, budget):
    harms, lengths = torch.tensor(harms), torch.tensor(lengths)
    bits = torch.full_like(lengths, 2)
    while (lengths <= budget - (bits * lengths).sum()).any():
        gain = harms / lengths * 0.25**bits
        gain[lengths > budget - (bits * lengths).sum()] = -torch.inf
        bits[gain.argmax()] += 1
    return bits


def allot_slip(**changes):
    return lambda *given: allot(*given, **changes)


RIGHT = {
    "quantize_rows": [rows, row_by_row, rows_in_torch, half_up, changed(rows, as_lists), changed(rows, np.float32)],
    "code_length": [code_length, looked_up, counted, in_torch, by_dictionary],
    "allot": [allot, by_gain, with_infinities, changed(allot, tuple), allot_slip(each=lambda length: 5 * length)],
}

WRONG = {
    "quantize_rows": [
        (slip(axis=0), "a step a column"),
        (slip(axis=None), "one step for the whole matrix"),
        (slip(keep=False), "keepdims=True"),
        (slip(most=lambda bits: 2 ** (bits - 1)), "one too many"),
        (slip(most=lambda bits: 2**bits - 1), "one is for the sign"),
        (lambda weight, bits: rows(weight, bits, most=lambda bits: 2 ^ (bits - 1) - 1), "a power is **"),
        (slip(size=lambda weight: weight), "max without abs"),
        (slip(how=np.floor), "rounded down"),
        (slip(how=np.trunc), "rounded toward zero"),
        (slip(back=False), "multiplies them by the step"),
        (zeros_divided, "0 / 0 is no number"),
        (lambda weight, bits: weight, "nothing is rounded"),
        (lambda weight, bits: rows(weight, bits).T, "rows and columns are exchanged"),
        (lambda weight, bits: print(end=""), "is the return missing?"),
    ],
    "code_length": [
        (lambda q, sigma: -code_length(q, sigma), "the logarithm of a probability is negative"),
        (lambda q, sigma: np.log(2) * code_length(q, sigma), "in nats"),
        (lambda q, sigma: lengths(q, sigma).sum(), "the mean, please"),
        (lambda q, sigma: -np.log2(bells(q, sigma)).mean(), "do not sum to 1"),
        (
            lambda q, sigma: -np.log2(bells(q, sigma) / bells(q, sigma).sum()).mean(),
            "the sum is over the integers given",
        ),
        (lambda q, sigma: -np.log2(bells(q, sigma) / bells(np.unique(q), sigma).sum()).mean(), "the k that occur"),
        (lambda q, sigma: -np.log2(bells(q, sigma) / sigma / np.sqrt(2 * np.pi)).mean(), "that is a density"),
        (lambda q, sigma: lengths(q, sigma, most=lambda k: int(k.max())).mean(), "np.abs first"),
        (lambda q, sigma: code_length(q, sigma / np.sqrt(2)), "the 2 of 2 sigma^2 is missing"),
        (lambda q, sigma: code_length(q, np.sqrt(sigma)), "sigma is not squared"),
        (entropy_of_p, "how often each k occurs"),
        (lambda q, sigma: lengths(np.unique(q), sigma).mean(), "as often as it occurs"),
        (overflowing, "250**2 is -3036 in int16"),
        (lambda q, sigma: lengths(q, sigma), "expected the shape ()"),
        (lambda q, sigma: -np.log2(bells(q, sigma) ^ 2), "a power is **"),
        (lambda q, sigma: None, "is the return missing?"),
    ],
    "allot": [
        (lambda *given: None, "is the return missing?"),
        (lambda harms, lengths, budget: [2], "a number of bits for each of the 2 layers"),
        (lambda harms, lengths, budget: [3.0] * len(harms), "whole numbers of type int"),
        (allot_slip(start=0), "begin with 2 everywhere, not with 0"),
        (lambda *given: [max(2, b) for b in allot(*given, start=0)], "one more in a layer takes one for each of its"),
        (lambda harms, lengths, budget: [9] * len(harms), "which takes 180 bits"),
        (allot_slip(each=lambda length: 1), "the gain is not divided by what the bit costs"),
        (allot_slip(quotient=2), "a bit more leaves a quarter"),
        (allot_slip(quotient=1), "one layer got all"),
        (allot_slip(choose=min), "where the harm falls most"),
        (allot_slip(skip=False), "go on with the layers that there is room for"),
        (lambda harms, lengths, budget: [budget // sum(lengths)] * len(harms), "the harms play no role"),
        (lambda harms, lengths, budget: [budget / sum(lengths)] * len(harms), "// or int"),
        (lambda harms, lengths, budget: allot(harms, lengths, budget / 8), "go on with the layers"),
        (lambda harms, lengths, budget: [3, 3], "number of bits for each of the 3 layers"),
    ],
}


@pytest.mark.parametrize("case", cases(RIGHT))
def test_right_answers_pass(case):
    passes(nb05, *case)


@pytest.mark.parametrize("case", cases(WRONG))
def test_wrong_answers_meet_their_word(case):
    meets(nb05, *case)
