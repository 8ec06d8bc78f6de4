"""Checks of notebook 04, an architecture under a bit budget, and what its search falls back to without Optuna."""

from collections import Counter
from collections.abc import Callable

import numpy as np

from coin_edu.arch import Arch
from coin_edu.codec import decode, pack_model
from coin_edu.course import Wrong, check, expect, expect_close
from coin_edu.fitting import fit
from coin_edu.metrics import bpp as bits_per_pixel
from coin_edu.metrics import psnr
from coin_edu.study.search import SearchResult, Trial


def every_depth(image: np.ndarray, bpp: float, steps: int) -> SearchResult:
    """Fit each candidate for the budget once, at the recipe's own rates: `ce.search` without its wits."""
    trials = []
    for arch in Arch.candidates(bpp, image.shape):
        fitted = fit(image, arch, steps, progress=False)
        decibels = psnr(image, decode(pack_model(fitted.model, image.shape)))
        trials.append(Trial(arch.depth, arch.width, 1.0, decibels, fitted.step, "complete"))
    return SearchResult(tuple(trials))


@check
def count(n_weights: Callable[[int, int, int, int], int]) -> str:
    """Exercise 1: the number of weights."""
    for numbers in ((5, 30, 2, 3), (10, 28, 2, 3), (1, 7, 2, 3), (4, 9, 1, 2)):
        depth, width, inputs, outputs = numbers
        arch = Arch(depth, width, inputs=inputs, outputs=outputs)
        call, got = f"n_weights{numbers}", n_weights(*numbers)
        square = width * (width + 1)
        mistakes = {
            sum(m * n for m, n in arch.layer_shapes): "these are the matrices alone; each output of a layer has a bias",
            arch.n_weights + square: "a hidden layer too many; the first matrix leads to the first of `depth` layers",
            arch.n_weights - square: "a hidden layer too few; between `depth` layers there are depth - 1 matrices",
        }
        if got in mistakes:
            raise Wrong(f"{call} is {got}: {mistakes[got]}")
        expect_close(got, arch.n_weights, call, "a layer from n to m numbers has m (n + 1) weights and biases")
    return "10x28 has 7,479 weights for a picture, and you can count any other"


@check
def widest(answer: Callable[[int, float, tuple[int, int]], int]) -> str:
    """Exercise 2: the widest network within a budget."""
    exact = Arch(5, 20)
    for depth, bpp, shape in (
        (10, 0.3, (512, 768)),
        (5, bits_per_pixel(exact.n_bytes(), (96, 128)), (96, 128)),
        (5, exact.bpp((96, 128)), (96, 128)),
        (3, 2.0, (64, 48)),
        (4, 0.01, (64, 48)),
    ):
        right = _first_too_wide(depth, bpp, shape) - 1
        call, got = f"widest({depth}, {bpp:.6g}, {shape})", answer(depth, bpp, shape)
        mistakes = {
            _first_too_wide(depth, bpp / 8, shape) - 1: "that fits an eighth of the budget; a byte has 8 bits",
            _first_too_wide(depth, 8 * bpp, shape) - 1: "that fits eight times the budget; a byte has 8 bits",
            right + 1: "that file is too long; mind the 40 bytes, and return the last width that fits",
            right - 1: "one unit more would still fit; a file of exactly the budget is allowed",
        }
        if got != right and got in mistakes:
            raise Wrong(f"{call} is {got}: {mistakes[got]}")
        expect_close(got, right, call, "compare ce.bpp(ce.Arch(depth, width).n_bytes(), shape) with bpp")
    return "your networks fill their budgets and never exceed them"


def _first_too_wide(depth: int, bpp: float, shape: tuple[int, int]) -> int:
    width = 1
    while bits_per_pixel(Arch(depth, width).n_bytes(), shape) <= bpp:
        width += 1
    return width


@check
def halving(answer: Callable[..., Arch]) -> str:
    """Exercise 3: successive halving."""
    archs = [Arch(depth, 8) for depth in (1, 2, 3, 4, 5)]
    # The shallow lead after 50 steps and the deep after 200; only depth 3 is among the better half both times.
    scores = {50: (24, 25, 23, 20, 19), 100: (24, 25, 26, 20, 19), 200: (24, 25, 27, 30, 31)}
    fitted: list[tuple[Arch, int]] = []

    def score(arch: Arch, steps: int) -> float:
        fitted.append((arch, steps))
        expect(len(fitted) <= 40, "more than 40 fits for 5 networks: does the loop end when one network is left?")
        expect(steps in scores, f"a fit of {steps} steps; expected 50, then twice as many in each round: 100, 200")
        return float(scores[steps][arch.depth - 1])

    found = answer(list(archs), score, 50)
    expect(isinstance(found, Arch), f"halving(archs, score, 50) gave {found}; expected the network that is left")
    rounds = Counter(steps for _, steps in fitted)
    seen = ", ".join(f"{number} of {steps} steps" for steps, number in sorted(rounds.items())) or "none"
    expect(
        rounds == {50: 5, 100: 3, 200: 2},
        f"fits made of 5 networks: {seen}; expected 5 of 50 steps, 3 of 100, 2 of 200",
    )
    kept = {arch.depth for arch, steps in fitted if steps == 100}
    expect(kept == {1, 2, 3}, "the worse half was kept after the first round; the highest PSNR is the best")
    expect(found == archs[2], f"expected the network that leads in the last round, {archs[2]}, got {found}")
    return "the worse half goes, the better gets twice the steps, and the one that leads in the end is found"
