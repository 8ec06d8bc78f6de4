"""Notebook 04's exercises: right answers pass, likely slips meet their word; and its search has a substitute."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from coin_edu import Arch, bpp
from coin_edu.course import nb04
from tests.exercises import cases, changed, meets, passes


def n_weights(depth, width, inputs, outputs):
    return width * (inputs + 1) + (depth - 1) * width * (width + 1) + outputs * (width + 1)


def layer_by_layer(depth, width, inputs, outputs):
    sizes = [inputs, *[width] * depth, outputs]
    return sum(after * before + after for before, after in pairwise(sizes))


def really_made(depth, width, inputs, outputs):
    sizes = [inputs, *[width] * depth, outputs]
    layers = [torch.nn.Linear(before, after) for before, after in pairwise(sizes)]
    return sum(part.numel() for layer in layers for part in layer.parameters())


def first_width(fits, start=0):
    """A student's loop: the last width for which `fits` holds."""

    def answer(depth, budget, shape):
        width = start
        while fits(Arch(depth, width + 1), budget, shape):
            width += 1
        return width

    return answer


widest = first_width(lambda arch, budget, shape: bpp(arch.n_bytes(), shape) <= budget)


def by_hand(depth, budget, shape):
    width = 0
    while 8 * (40 + 2 * n_weights(depth, width + 1, 2, 3)) <= budget * shape[0] * shape[1] * (1 + 1e-12):
        width += 1
    return width


def bisected(depth, budget, shape):
    low, high = 0, 400
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bpp(Arch(depth, middle).n_bytes(), shape) <= budget else (low, middle)
    return np.int64(low)


def first_too_wide(depth, budget, shape):
    return widest(depth, budget, shape) + 1


def halving(reverse=True, half=lambda n: (n + 1) // 2, double=2, end=1, first=False, again=False):
    def answer(archs, score, steps):
        leader = max(archs, key=lambda arch: score(arch, steps)) if first else None
        while len(archs) > end:
            archs = sorted(archs, key=lambda arch: score(arch, steps), reverse=reverse)[: half(len(archs))]
            steps *= double
        if again:
            score(archs[0], steps)
        return leader or (archs[0] if archs else None)

    return answer


def with_argsort(archs, score, steps):
    while len(archs) > 1:
        scores = np.array([score(arch, steps) for arch in archs])
        best = np.argsort(-scores)[: int(np.ceil(len(archs) / 2))]
        archs, steps = [archs[place] for place in best], steps * 2
    return archs[0]


def with_median(archs, score, steps):
    left = set(archs)
    while len(left) > 1:
        scores = {arch: score(arch, steps) for arch in left}
        limit = sorted(scores.values())[len(left) // 2]
        left = {arch for arch in left if scores[arch] >= limit}
        steps += steps
    return left.pop()


def recursive(archs, score, steps):
    if len(archs) == 1:
        return archs[0]
    ranked = sorted(((score(arch, steps), place) for place, arch in enumerate(archs)), reverse=True)
    return recursive([archs[place] for _, place in ranked[: -(-len(archs) // 2)]], score, 2 * steps)


def early_leader(archs, score, steps):
    scores = {}

    def seen(arch, steps):
        return scores.setdefault(arch, score(arch, steps))

    halving()(archs, seen, steps)
    return max(archs, key=scores.get)


RIGHT = {
    "count": [
        n_weights,
        layer_by_layer,
        really_made,
        lambda d, w, i, o: Arch(d, w, inputs=i, outputs=o).n_weights,
        changed(n_weights, np.int64),
        changed(n_weights, torch.tensor),
    ],
    "widest": [
        widest,
        by_hand,
        bisected,
        lambda d, budget, s: max((w for w in range(1, 200) if bpp(Arch(d, w).n_bytes(), s) <= budget), default=0),
        changed(widest, torch.tensor),
    ],
    "halving": [halving(), with_argsort, with_median, recursive],
}

WRONG = {
    "count": [
        (lambda d, w, i, o: w * i + (d - 1) * w * w + o * w, "each output of a layer has a bias"),
        (lambda d, w, i, o: n_weights(d + 1, w, i, o), "a hidden layer too many"),
        (lambda d, w, i, o: n_weights(d - 1, w, i, o), "a hidden layer too few"),
        (lambda d, w, i, o: n_weights(d, w, 2, 3), "use the arguments inputs and outputs"),
        (lambda d, w, i, o: n_weights(d, w, o, i), "expected"),
        (lambda d, w, i, o: n_weights(d, w, i, o) - o, "the last layer lacks its biases"),
        (lambda d, w, i, o: w * i + (d - 1) * w * w + o * w + d + 1, "one bias a layer"),
        (lambda d, w, i, o: str(n_weights(d, w, i, o)), "expected numbers, got str"),
        (lambda d, w, i, o: [n_weights(d, w, i, o)], "an axis of length 1"),
        (lambda d, w, i, o: n_weights(d, w, i, o) / 1, "whole numbers of type int"),
        (lambda d, w, i, o: w * (i + 1) + (d - 1) * (w ^ 2 + w) + o * (w + 1), "a power is **"),
        (lambda d, w, i, o: print(end=""), "is the return missing?"),
    ],
    "widest": [
        (first_width(lambda arch, budget, shape: 16 * arch.n_weights <= budget * shape[0] * shape[1]), "40 bytes"),
        (first_width(lambda arch, budget, shape: bpp(arch.n_bytes(), shape) < budget), "exactly the budget is allowed"),
        (first_width(lambda arch, budget, shape: arch.n_bytes() <= budget * shape[0] * shape[1]), "eight times"),
        (first_width(lambda arch, budget, shape: 8 * bpp(arch.n_bytes(), shape) <= budget), "an eighth"),
        (first_too_wide, "return the last width that fits"),
        (lambda d, budget, s: max(1, widest(d, budget, s)), "return the last width that fits"),
        (lambda d, budget, s: float(widest(d, budget, s)), "whole numbers of type int"),
        (lambda d, budget, s: widest(d, budget, s) or None, "is the return missing?"),
        (lambda d, budget, s: Arch(d, widest(d, budget, s) + 0.5).width, "your code raised CoinError"),
        (lambda d, budget, s: 28, "expected"),
        (lambda d, budget, s: Arch.for_bpp(budget, s), "expected"),
    ],
    "halving": [
        (halving(reverse=False), "highest first"),
        (halving(half=lambda n: n // 2), "expected 5 of 50 steps, 3 of 100 steps, 2 of 200 steps"),
        (halving(double=1), "5 of 50 steps"),
        (halving(double=3), "twice as many in each round"),
        (halving(end=0), "a fit of 400 steps"),
        (halving(again=True), "a fit of 400 steps"),
        (halving(half=lambda n: n), "a fit of 400 steps"),
        (halving(first=True), "10 of 50 steps"),
        (early_leader, "the last scores count"),
        (lambda archs, score, steps: max(archs, key=lambda arch: score(arch, steps)), "5 of 50 steps; expected"),
        (lambda archs, score, steps: 3, "expected the network that is left"),
        (lambda archs, score, steps: [halving()(archs, score, steps)], "[0] takes it out"),
        (lambda archs, score, steps: halving()(archs, score, steps) and None, "is the return missing?"),
        (lambda archs, score, steps: [score(arch) for arch in archs], "score(arch, steps)"),
        (lambda archs, score, steps: halving(half=lambda n: n / 2)(archs, score, steps), "// or int"),
    ],
}


@pytest.mark.parametrize("case", cases(RIGHT))
def test_right_answers_pass(case):
    passes(nb04, *case)


@pytest.mark.parametrize("case", cases(WRONG))
def test_wrong_answers_meet_their_word(case):
    meets(nb04, *case)


def test_a_search_without_optuna_fits_every_candidate_once(image):
    found = nb04.every_depth(image, 20, steps=2)
    assert [trial.arch for trial in found.trials] == Arch.candidates(20, image.shape)
    assert found.best.psnr == max(trial.psnr for trial in found.trials)
