"""Notebook 04: checks, figures, and what its search falls back to without Optuna."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from coin_edu.arch import Arch
from coin_edu.codec import decode, pack_model
from coin_edu.course import Answer, check, drawn, expect, expect_close, seeds, whole
from coin_edu.errors import CoinError
from coin_edu.fitting import fit
from coin_edu.metrics import bpp as bits_per_pixel
from coin_edu.metrics import psnr
from coin_edu.study.plots import show_image
from coin_edu.study.search import PAPER, SearchResult, Trial
from coin_edu.study.style import BLUE, COLORS, VERMILION, bare

BUDGETS = (0.07, 0.15, 0.3, 0.6, 1.2)  # bits per pixel: those of the paper's networks


def every_depth(image: np.ndarray, bpp: float, steps: int) -> SearchResult:
    """Fit each candidate for the budget once, at the recipe's own rates: `ce.search` without its wits."""
    trials = []
    for arch in Arch.candidates(bpp, image.shape):
        fitted = fit(image, arch, steps, progress=False)
        decibels = psnr(image, decode(pack_model(fitted.model, image.shape)))
        trials.append(Trial(arch, 1.0, decibels, fitted.step, "complete"))
    return SearchResult(tuple(trials))


def searched(steps: Any) -> SearchResult:
    """What a `widgets.SearchSteps` finds; without Optuna, every candidate is fitted once instead."""
    try:
        result: SearchResult = steps.result()
    except CoinError as error:
        print(f"{error}; each depth is fitted once instead")
        result = every_depth(steps.image, steps.bpp, steps.steps)
    return result


def widths_by_depth(shape: tuple[int, int] = (512, 768)) -> Axes:
    """The widest network of each depth within the paper's budgets, the paper's choices, and sqrt(N / (d - 1))."""
    ax = bare(Figure(figsize=(9, 3.8), layout="constrained").add_subplot())
    depths = np.arange(2, 14)
    for budget, chosen, color in zip(BUDGETS, PAPER, COLORS, strict=False):
        archs = Arch.candidates(budget, shape)
        ax.plot(depths, [arch.width for arch in archs[1:]], ".-", color=color, label=f"{budget} bpp")
        ax.plot(depths, np.sqrt(archs[-1].n_weights / (depths - 1)), ":", color="black", linewidth=1)
        ax.plot(chosen.depth, chosen.width, "o", color=color, markersize=14, fillstyle="none")
    ax.set(xlabel="depth", ylabel="width", title=r"rings: the paper's choices; dotted: $\sqrt{N/(d-1)}$")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def by_depth() -> tuple[np.ndarray, np.ndarray]:
    """Depths (13,) and PSNR in dB (seeds, 13) of the recorded fits of every depth at 2 bits per pixel."""
    ends = seeds.ends("depths")
    return np.array([int(name.split("x")[0]) for name in ends]), np.array(list(ends.values())).T


def depth_band() -> Axes:
    """PSNR over depth: the mean of three starts, and a band from the worst to the best."""
    depths, decibels = by_depth()
    ax = bare(Figure(figsize=(9, 3.2), layout="constrained").add_subplot())
    ax.plot(depths, decibels.mean(axis=0), "o-", color=BLUE, label="mean of three starts")
    ax.fill_between(depths, decibels.min(axis=0), decibels.max(axis=0), color=BLUE, alpha=0.25, linewidth=0)
    ax.set_xticks(depths, list(seeds.ends("depths")))
    ax.set(xlabel="network, depth x width", ylabel="PSNR, dB", title="band: the worst to the best of three starts")
    return ax


def lossless(image: np.ndarray) -> int:
    """Bytes of the picture as a lossless WebP."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", lossless=True, quality=100, method=6)
    return len(buffer.getvalue())


def pair(photograph: np.ndarray, shuffled: np.ndarray) -> Figure:
    """Both pictures side by side."""
    figure = Figure(figsize=(6, 2.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    show_image(photograph, left, "photograph")
    show_image(shuffled, right, "the same pixels, shuffled")
    return figure


def structure(rates: Sequence[float], reached: Mapping[str, Sequence[float]]) -> Axes:
    """PSNR over rate of both pictures, and the rate of raw pixels."""
    ax = drawn.lines({name: (rates, psnrs) for name, psnrs in reached.items()}, "bits per pixel", "PSNR, dB", dots=True)
    ax.axvline(24, color="0.5", linestyle="--")
    ax.annotate(" raw pixels:\n no error", (24, min(map(min, reached.values()))), color=VERMILION)
    return ax


@check(
    nudge="list the layers: how many numbers go into each, how many come out, and how many biases has it?",
    formula="width * (inputs + 1) + (depth - 1) * width * (width + 1) + outputs * (width + 1)",
)
def count(n_weights: Answer) -> str:
    """Exercise 1: the number of weights."""
    some = n_weights.rng.integers
    for depth, inputs, outputs in ((int(some(4, 9)), 2, 3), (1, 1, 2), (int(some(2, 5)), 3, 1), (3, 2, 5)):
        width = int(some(6, 40))
        numbers = (depth, width, inputs, outputs)
        arch = Arch(depth, width, inputs=inputs, outputs=outputs)
        call, got, right = f"n_weights{numbers}", n_weights(*numbers), arch.n_weights
        square = width * (width + 1)
        matrices = sum(m * n for m, n in arch.layer_shapes)
        mistakes = [
            (matrices, "these are the matrices alone", "each output of a layer has a bias"),
            (right - matrices, "these are the biases alone"),
            (right + square, "a hidden layer too many", "the first matrix leads to the first of `depth` layers"),
            (right - square, "a hidden layer too few", "between `depth` layers there are depth - 1 matrices"),
            (matrices + depth + 1, "one bias a layer", "each output of a layer has a bias of its own"),
            (right - outputs, "the last layer lacks its biases"),
            (right - width, "one hidden layer lacks its biases", "the first layer has some as well"),
            (Arch(depth, width, inputs=outputs, outputs=inputs).n_weights, "inputs and outputs are exchanged"),
            (Arch(depth, width).n_weights, "this has 2 inputs and 3 outputs", "use the arguments inputs and outputs"),
            (right - outputs * (width + 1), "the last layer is missing"),
            (right - width * (inputs + 1), "the first layer is missing"),
        ]
        expect_close(got, right, call, mistakes=mistakes, tolerance=1e-9)
        whole(got, call)
    return "10x28 has 7,479 weights for a picture, and you can count any other"


@check(
    nudge="for the width that you return and for the next one, print ce.bpp(ce.Arch(depth, width).n_bytes(), shape)",
    formula="from width = 0: while ce.bpp(ce.Arch(depth, width + 1).n_bytes(), shape) <= bpp: width += 1",
)
def widest(answer: Answer) -> str:
    """Exercise 2: the widest network within a budget, twice the very length of a file."""
    draw = answer.rng.integers
    exact = [(Arch(int(draw(4, 8)), int(draw(12, 25))), (96, int(draw(100, 160)))) for _ in range(2)]
    tight = Arch(int(draw(2, 5)), int(draw(9, 20)))  # fits but for some of the 40 bytes around it
    for depth, bpp, shape in (
        (10, 0.3, (512, 768)),
        *[(arch.depth, bits_per_pixel(arch.n_bytes(), shape), shape) for arch, shape in exact],
        (tight.depth, bits_per_pixel(tight.n_bytes() - int(draw(1, 40)), (64, 48)), (64, 48)),
        (4, 0.01, (64, 48)),
    ):
        right = _first_too_wide(depth, bpp, shape) - 1
        call, got = f"widest({depth}, {bpp:.6g}, {shape})", answer(depth, bpp, shape)
        eighth, eightfold = (_first_too_wide(depth, bpp * factor, shape) - 1 for factor in (1 / 8, 8))
        naked = max(w for w in range(right + 2) if w == 0 or 16 * Arch(depth, w).n_weights <= bpp * shape[0] * shape[1])
        mistakes = [
            (naked, "that file is too long", "the network fits, but not the 40 bytes around it"),
            (right + 1, "that file is too long", "return the last width that fits, not the first that does not"),
            (right - 1, "one unit more would still fit", "a file of exactly the budget is allowed: <="),
            (eighth, "that fits an eighth of the budget", "a byte has 8 bits, and ce.bpp knows it"),
            (eightfold, "that fits eight times the budget", "a byte has 8 bits; ce.bpp turns bytes into bits"),
        ]
        expect_close(got, right, call, mistakes=mistakes, tolerance=1e-9)
        whole(got, call)
    return "your networks fill their budgets and never exceed them"


def _first_too_wide(depth: int, bpp: float, shape: tuple[int, int]) -> int:
    width = 1
    while bits_per_pixel(Arch(depth, width).n_bytes(), shape) <= bpp:
        width += 1
    return width


@check(
    nudge="print the networks that are left after each round, with their scores, and the steps of the next round",
    formula="while len(archs) > 1: archs = sorted(archs, key=lambda arch: score(arch, steps), reverse=True)"
    "[: (len(archs) + 1) // 2]; steps = 2 * steps",
)
def halving(answer: Answer) -> str:
    """Exercise 3: successive halving, of 5 networks and of 4."""
    # Some lead at first and others in the end; of 5, only the third is among the better half both times.
    curves = {1: (24, 25, 23, 20, 19), 2: (24, 25, 26, 20, 19), 4: (24, 25, 27, 30, 31)}
    for number, start, kept, winner in ((5, 50, {0, 1, 2}, 2), (4, int(answer.rng.integers(20, 40)), {0, 1}, 1)):
        order = answer.rng.permutation(number)
        archs = [Arch(int(depth), 8) for depth in answer.rng.permutation(9)[:number] + 1]
        rank = {arch: int(place) for arch, place in zip(archs, order, strict=True)}
        luck = float(answer.rng.uniform(0, 3))
        fitted: list[tuple[Arch, int]] = []

        def score(
            *given: object,
            start: int = start,
            rank: dict[Arch, int] = rank,
            luck: float = luck,
            fitted: list[tuple[Arch, int]] = fitted,
        ) -> float:
            expect(len(given) == 2, f"score{given}: it takes two arguments", "score(arch, steps)")
            arch, steps = given[0], int(whole(given[1], "the steps that you gave to score", ()))
            expect(isinstance(arch, Arch) and arch in rank, f"score({arch!r}, ...): it takes one of the networks")
            told = f"a fit of {steps} steps; expected {start}, and twice as many in each round", "double steps"
            expect(steps in [start * factor for factor in curves], *told)
            fitted.append((arch, steps))  # type: ignore[arg-type]
            endless = f"more than 40 fits for {len(rank)} networks", "does the loop end when one network is left?"
            expect(len(fitted) <= 40, *endless)
            return curves[steps // start][rank[arch]] + luck  # type: ignore[index]

        call = f"halving(archs, score, {start}), of {number} networks"
        found = answer(list(archs), score, start)
        if found is None or found is ...:
            whole(found, call)
        single = isinstance(found, list | tuple) and len(found) == 1
        expect(not single, f"{call} gave a list with one network in it", "[0] takes it out")
        expect(isinstance(found, Arch) and found in rank, f"{call} gave {found!r}; expected the network that is left")
        rounds = dict(sorted(Counter(steps for _, steps in fitted).items()))
        due = {start * 2**place: n for place, n in enumerate((5, 3, 2) if number == 5 else (4, 2))}
        seen, wanted = (", ".join(f"{n} of {steps} steps" for steps, n in some.items()) for some in (rounds, due))
        half = "of 5 networks 3 are kept, of 3 networks 2; each is scored once a round"
        expect(rounds == due, f"{call}: fits made: {seen or 'none'}; expected {wanted}", half)
        left = {rank[arch] for arch, steps in fitted if steps == 2 * start}
        expect(left == kept, f"{call}: others than the better half were kept after the first round", "highest first")
        last = f"{call}: expected the network that leads in the last round, {archs[list(order).index(winner)]}"
        expect(rank[found] == winner, f"{last}, got {found}", "an early leader may be overtaken: the last scores count")
    return "the worse half goes, the better gets twice the steps, and the one that leads in the end is found"
