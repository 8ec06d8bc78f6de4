"""The likely mistakes in notebook 04's exercises are named, and its search has a substitute."""

import pytest

from coin_edu import Arch, bpp
from coin_edu.course import nb04


def n_weights(depth, width, inputs, outputs):
    return width * (inputs + 1) + (depth - 1) * width * (width + 1) + outputs * (width + 1)


@pytest.mark.parametrize(
    "answer, text",
    [
        (lambda d, w, i, o: w * i + (d - 1) * w * w + o * w, "each output of a layer has a bias"),
        (lambda d, w, i, o: n_weights(d + 1, w, i, o), "a hidden layer too many"),
        (lambda d, w, i, o: n_weights(d - 1, w, i, o), "a hidden layer too few"),
        (lambda d, w, i, o: n_weights(d, w, 2, 3), "n_weights(4, 9, 1, 2): expected 308"),
    ],
)
def test_miscounted_weights(answer, text):
    assert nb04.count(n_weights).ok
    assert not nb04.count(answer).ok and text in nb04.count(answer).text


def first_width(fits):
    """A student's loop: the last width for which `fits` holds."""

    def answer(depth, budget, shape):
        width = 0
        while fits(Arch(depth, width + 1), budget, shape):
            width += 1
        return width

    return answer


@pytest.mark.parametrize(
    "fits, text",
    [
        (lambda arch, budget, shape: arch.bpp(shape) <= budget, "mind the 40 bytes"),
        (lambda arch, budget, shape: bpp(arch.n_bytes(), shape) < budget, "a file of exactly the budget is allowed"),
        (lambda arch, budget, shape: arch.n_bytes() <= budget * shape[0] * shape[1], "eight times the budget"),
        (lambda arch, budget, shape: 8 * bpp(arch.n_bytes(), shape) <= budget, "an eighth of the budget"),
    ],
)
def test_budgets_missed(fits, text):
    answer = first_width(fits)
    assert not nb04.widest(answer).ok and text in nb04.widest(answer).text


def test_a_width_too_large():
    first_too_wide = first_width(
        lambda arch, budget, shape: bpp(Arch(arch.depth, max(1, arch.width - 1)).n_bytes(), shape) <= budget
    )
    assert "return the last width that fits" in nb04.widest(first_too_wide).text


def halving(reverse=True, half=lambda n: (n + 1) // 2, double=2, end=1):
    def answer(archs, score, steps):
        while len(archs) > end:
            archs = sorted(archs, key=lambda arch: score(arch, steps), reverse=reverse)[: half(len(archs))]
            steps *= double
        return archs[0] if archs else None

    return answer


@pytest.mark.parametrize(
    "answer, text",
    [
        (halving(reverse=False), "the worse half was kept"),
        (halving(half=lambda n: n // 2), "expected 5 of 50 steps, 3 of 100, 2 of 200"),
        (halving(double=1), "5 of 50 steps"),
        (halving(end=0, half=lambda n: (n + 1) // 2), "a fit of 400 steps"),
        (halving(half=lambda n: n), "a fit of 400 steps"),
        (lambda archs, score, steps: max(archs, key=lambda arch: score(arch, steps)), "5 of 50 steps; expected"),
        (lambda archs, score, steps: 3, "expected the network that is left"),
        (lambda archs, score, steps: [halving()(archs, score, steps)], "expected the network that is left"),
    ],
)
def test_halving_gone_wrong(answer, text):
    assert nb04.halving(halving()).ok
    assert not nb04.halving(answer).ok and text in nb04.halving(answer).text


def test_a_search_without_optuna_fits_every_candidate_once(image):
    found = nb04.every_depth(image, 20, steps=2)
    assert [trial.arch for trial in found.trials] == Arch.candidates(20, image.shape)
    assert found.best.psnr == max(trial.psnr for trial in found.trials)
