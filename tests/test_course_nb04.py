"""Notebook 04's exercises: right answers pass, likely slips meet their word; and its search has a substitute."""

from itertools import pairwise

import numpy as np
import pytest
import torch

pytest.importorskip("ipywidgets", reason="pip install 'coin_edu[notebooks]'")

from coin_edu import Arch, CoinError, bpp, published
from coin_edu.course import nb04, seeds
from coin_edu.study.search import PAPER
from coin_edu.widgets.panel import thumbnail
from tests.exercises import cases, changed, meets, passes, prose


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


# The text's numbers and claims


def test_the_text_names_what_the_tests_hold():
    text = prose(4)
    for said in (
        "these 40 bytes are 0.3 % of the file",
        "Our rates are within 1.1 % of the published ones",
        "whose weights alone take 0.304",
        "Their files differ by up to 15 %",
        "one unit wider than our strict budget allows",
        "the photograph is ahead by more than 3 dB at every one of these sizes",
        "take 2,950 steps in all. Thirteen fits of 400 steps would take 5,200",
        "one and a half weights for each pixel",
    ):
        assert said in text, said


def test_published_rates_are_those_of_the_weights():
    ours = [16 * arch.n_weights / (512 * 768) for arch in PAPER]
    assert np.allclose(ours, published("COIN").rates[-5:], rtol=0.011) and round(ours[2], 3) == 0.304


def test_the_40_bytes():
    large, small = Arch.for_bpp(0.3, (512, 768)), Arch.for_bpp(0.3, (64, 96))
    assert round(100 * 40 / large.n_bytes(), 1) == 0.3 and round(100 * 40 / small.n_bytes()) == 20
    assert large.n_bytes() == 40 + 2 * large.n_weights and large.n_weights < PAPER[2].n_weights


def test_weights_grow_with_the_square_of_the_width():
    once, deeper, wider = (Arch(*size).n_weights for size in ((5, 28), (10, 28), (5, 56)))
    assert deeper / once == pytest.approx(2, abs=0.25) and wider / once == pytest.approx(3.9, abs=0.1)


@pytest.mark.parametrize("budget, arch", list(zip(nb04.BUDGETS, PAPER, strict=True)))
def test_the_papers_networks_are_one_unit_wider_than_the_budget_allows(budget, arch):
    assert Arch.candidates(budget, (512, 768))[arch.depth - 1].width == arch.width - 1


def test_candidates_differ_as_it_says_and_halving_saves_what_it_says():
    candidates = Arch.candidates(2.0, thumbnail("coffee", 128).shape)
    sizes = [arch.n_bytes() for arch in candidates]
    assert 0.85 < min(sizes) / max(sizes) < 0.86 and len(candidates) == 13
    taken = []
    halving()(candidates, lambda arch, steps: taken.append(steps) or arch.depth, 50)
    assert sum(taken) == 2950 and 13 * 400 == 5200


def test_depths_are_as_far_apart_as_it_says():
    depths, decibels = nb04.by_depth()
    assert depths.tolist() == list(range(1, 14)) and decibels.shape == (3, 13)
    middle = decibels[:, 2:7]
    assert (decibels[:, [0]] < middle).all() and (decibels[:, [12]] < middle).all()


def test_a_shuffled_picture_is_hard_at_every_size_and_for_every_start():
    ends = seeds.ends("structure")
    for arch in ("3x8", "5x24", "5x40"):
        assert (ends[f"photograph, {arch}"] - ends[f"shuffled, {arch}"]).min() > 3


def test_a_shuffled_picture_is_stored_in_little_less_than_its_pixels():
    tiny = thumbnail(thumbnail("coffee", 128), 72)
    shuffled = np.random.default_rng(0).permutation(tiny.reshape(-1, 3)).reshape(tiny.shape)
    assert nb04.lossless(tiny) < 0.8 * tiny.size < nb04.lossless(shuffled) < 0.95 * tiny.size


def test_where_the_file_is_as_long_as_the_pixels():
    for height, width in ((48, 72), (100, 151)):
        assert 16 * (1.5 * height * width - 20) + 8 * 40 == 24 * height * width


def test_a_search_that_cannot_be_made_tries_every_depth(image, capsys):
    class Failing:
        bpp, steps = 20, 2

        def result(self):
            raise CoinError("Optuna is missing")

    Failing.image = image
    found = nb04.searched(Failing())
    assert len(found.trials) == len(Arch.candidates(20, image.shape))
    assert "each depth is fitted once" in capsys.readouterr().out


def test_figures_are_drawn(image):
    assert len(nb04.widths_by_depth().lines) == 15
    assert [text.get_text() for text in nb04.depth_band().get_xticklabels()][:2] == ["1x222", "2x33"]
    assert len(nb04.pair(image, image).axes) == 2
    ax = nb04.structure([1, 2], {"photograph": [30, 31], "shuffled": [10, 11]})
    assert len(ax.lines) == 3 and "raw pixels" in ax.texts[0].get_text()
