"""Notebook 03: the pace of the learning rates, a step of Adam, a loop over random pixels."""

import csv
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector

from coin_edu.arch import Arch
from coin_edu.course import Answer, array, check, expect, expect_close, numbers
from coin_edu.data import recorded
from coin_edu.image import grid
from coin_edu.plain import Layers
from coin_edu.siren import Siren


def gradient(model: Siren, image: np.ndarray, pixels: np.ndarray | slice = slice(None)) -> np.ndarray:
    """The loss's gradient (n_weights,) over some of the picture's pixels, numbered row by row, or over all."""
    places, colors = (torch.from_numpy(a[pixels]) for a in (grid(image.shape), image.reshape(-1, 3) / np.float32(255)))
    loss = (model(places) - colors).square().mean()
    return torch.cat([part.ravel() for part in torch.autograd.grad(loss, list(model.parameters()))]).numpy()


def flat(layers: Layers) -> torch.Tensor:
    """A copy of the weights of `plain.py`'s network as one vector (n_weights,)."""
    return torch.cat([part.detach().flatten() for layer in layers for part in layer])


def agreement(model: Siren, image: np.ndarray, sizes: Sequence[int], draws: int = 5) -> list[float]:
    """Cosine of the angle between the whole picture's gradient and that of so many random pixels, a mean of draws."""
    rng, whole, n = np.random.default_rng(0), gradient(model, image), image.shape[0] * image.shape[1]
    found = []
    for size in sizes:
        parts = [gradient(model, image, rng.choice(n, min(size, n), replace=False)) for _ in range(draws)]
        found.append(float(np.mean([whole @ part / np.linalg.norm(whole) / np.linalg.norm(part) for part in parts])))
    return found


# First words of data/ablation.csv's rows; the others are networks of other shapes, or several choices at once.
CHOICES = ("Adam", "constant", "no", "the", "biases", "pixels", "half", "twice")


def worth() -> dict[str, float]:
    """Single choices of the fast recipe by the dB lost without each, if over 0.05, largest first: data/ablation.csv."""
    rows = csv.DictReader(recorded("ablation.csv").read_text(encoding="utf-8").splitlines())
    lost = {row["choice"]: -float(row["change_db"]) for row in rows if row["choice"].partition(" ")[0] in CHOICES}
    return {name: loss for name, loss in sorted(lost.items(), key=lambda item: -item[1]) if loss > 0.05}


@check(
    nudge="two factors: a cosine moved from 1 ... -1 to 1 ... 0, and a rise that ends at 1; draw each over all steps",
    formula="0.5 * (1 + np.cos(np.pi * step / steps)) * min(1, (step + 1) / warm_up)",
)
def pace(answer: Answer) -> str:
    """A half cosine, times a rise over the first steps."""
    rng = answer.rng
    for steps, warm_up in ((100, 10), (int(rng.integers(20, 60)), int(rng.integers(3, 9))), (50, 1)):
        step, call = np.arange(steps), f"pace(step, {steps}, {warm_up})"
        got = [numbers(answer(place, steps, warm_up), f"pace({place}, {steps}, {warm_up})") for place in range(steps)]
        expect(all(factor.ndim == 0 for factor in got), f"{call}: expected one number", "it is called for one step")
        part, rise, jump = step / steps, np.minimum(1, (step + 1) / warm_up), np.minimum(1, (step + 1) // warm_up)
        wave = np.cos(np.pi * part)
        fall = (1 + wave) / 2
        mistakes = [
            (wave * rise, "the cosine goes below 0", "it runs from 1 to -1; bring it to 1 ... 0"),
            ((1 + np.cos(2 * np.pi * part)) / 2 * rise, "a whole wave: the rate rises again", "half of one"),
            ((1 + np.cos(180 * part)) / 2 * rise, "180 is in degrees", "np.cos takes radians: pi"),
            ((1 + np.cos(np.radians(180 * part) * np.pi / 180)) / 2 * rise, "pi is in radians already"),
            ((1 + np.cos(part)) / 2 * rise, "pi is missing in the cosine"),
            ((1 + wave) * rise, "that is twice the factor", "1 + cos is from 2 to 0"),
            ((0.5 + wave) * rise, "brackets are missing around 1 + cos"),
            ((1 - part) * rise, "a straight fall", "half a cosine, please"),
            (fall, "the cosine alone", "the first steps are not warmed up yet"),
            (fall * (step + 1) / warm_up, "the rise goes beyond 1", "min(1, ...)"),
            (fall * np.maximum(1, (step + 1) / warm_up), "max lets the rise go beyond 1", "the smaller of the two"),
            (fall * np.minimum(1, step / warm_up), "step 0 would do nothing", "it is the first step: step + 1"),
            (fall * jump, "the rise is a jump", "// cuts fractions off, / divides"),
            ((1 + np.cos(np.pi * (step + 1) / steps)) / 2 * rise, "the cosine is one step early"),
            ((1 + np.cos(np.pi * step / (steps - 1))) / 2 * rise, "the cosine ends one step early"),
            (rise, "this is the rise alone", "times the cosine; does step // steps make its angle 0?"),
            (fall + rise, "the two are added", "the factors are multiplied"),
        ]
        expect_close(np.array(got), fall * rise, call, mistakes=mistakes)
    return "up in a few steps, then gently down to nothing"


@check(
    nudge="compare with the formulas above, one line of code for each arrow: which is the first to differ?",
    formula="first = 0.9 * first + 0.1 * gradient; second = 0.999 * second + 0.001 * gradient**2; "
    "weights - rate * first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)",
)
def adam_step(answer: Answer) -> str:
    """Algorithm 1 of Kingma and Ba 2015, also at its first step; two of the slopes are as small as its 1e-8."""
    rng = answer.rng
    scales, rate = np.array([1, 3, 0.1, 1e-8, 3e-9]), float(rng.uniform(0.01, 0.02))
    for t in (2, 5, 1):  # at the first step several slips look alike
        weights, g = rng.normal(size=5), scales * rng.uniform(0.5, 1.5, 5) * rng.choice([-1, 1], 5)
        first, second = np.sign(t - 1) * np.array([0.1 * scales * rng.normal(size=5), 1e-3 * scales**2 * rng.random(5)])
        m, v = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
        m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
        new, got_first, got_second = _three(answer(weights, g, first, second, t, rate), (m, v))
        mistakes = [
            (0.1 * first + 0.9 * g, "0.9 and 0.1 are exchanged", "it keeps 0.9 of the old"),
            (m_hat, "it is returned divided", "the division is for this step's weights only"),
            (g, "the mean is not running", "it keeps 0.9 of the old"),
            (0.9 * first + g, "the new gradient counts in full", "0.1 of it"),
            (0.999 * first + 0.001 * g, "these are the numbers of second"),
        ]
        expect_close(got_first, m, f"first, at step {t}", mistakes=mistakes)
        mistakes = [
            (0.999 * second + 0.001 * g, "the gradient is not squared"),
            (0.999 * second + 0.001 * np.abs(g), "the gradient is not squared"),
            (0.001 * second + 0.999 * g**2, "0.999 and 0.001 are exchanged", "it keeps 0.999 of the old"),
            (0.9 * second + 0.1 * g**2, "these are the numbers of first", "0.999 and 0.001"),
            (v_hat, "it is returned divided", "the division is for this step's weights only"),
            (0.999 * second + (0.001 * g) ** 2, "0.001 is squared as well", "** binds to what stands before it"),
        ]
        expect_close(got_second, v, f"second, at step {t}", mistakes=mistakes)
        root = np.sqrt(v_hat) + 1e-8
        mistakes = [
            (weights - rate * m_hat / np.sqrt(v_hat), "1e-8 is missing", "it matters where a slope is tiny"),
            (weights - rate * m_hat / np.sqrt(v_hat + 1e-8), "1e-8 is inside the root", "it is added after"),
            (weights - rate * (m_hat / np.sqrt(v_hat) + 1e-8), "1e-8 is not below the line", "brackets"),
            (weights + rate * m_hat / root, "this climbs", "the gradient points uphill: subtract"),
            (rate * m_hat / root, "this is the step alone", "subtract it from the weights"),
            (
                weights - rate * m / (np.sqrt(v) + 1e-8),
                "neither mean is corrected",
                "both start at 0, too small at first",
            ),
            (weights - rate * m_hat / (v_hat + 1e-8), "the root is missing"),
            (weights - rate * g / root, "that takes the newest gradient", "take its running mean"),
            (weights - rate * m_hat / (np.sqrt(v) + 1e-8), "second is not corrected", "1 - 0.999**t"),
            (weights - rate * m / root, "first is not corrected", "1 - 0.9**t"),
            (weights - rate * m / 0.1 / (np.sqrt(v / 0.001) + 1e-8), "the correction is that of step 1", "** t"),
            (weights - m_hat / root, "the rate is missing"),
        ]
        expect_close(new, weights - rate * m_hat / root, f"weights after step {t}", mistakes=mistakes)
    return "that is the optimizer COIN was published with"


def _three(result: Any, means: tuple[np.ndarray, np.ndarray]) -> Sequence[Any]:
    """The new weights and both means, unless there are not three, or they come in another order."""
    if not isinstance(result, list | tuple):
        result = list(np.atleast_2d(array(result, "adam_step")))
    expect(len(result) == 3, f"adam_step: expected three arrays, got {len(result)}", "return weights, first, second")
    shapes = [array(part, "adam_step: a part of what it returned").shape for part in result]
    expect(set(shapes) == {(5,)}, f"adam_step: expected three arrays of 5 numbers, got the shapes {shapes}")
    swapped = any(np.allclose(array(result[0], ""), mean, atol=1e-12) for mean in means)
    expect(not swapped, "adam_step: a running mean comes first", "return the weights first, then first, then second")
    parts: Sequence[Any] = result
    return parts


# Other loops, and what is wrong with them.
SLIPS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"clear": False}, "gradients pile up from step to step: zero_grad() before each backward()"),
    ({"sign": -1}, "this climbs, the loss grows at each step"),
    ({"renew": True}, "a new optimizer in each step forgets its means: make it before the loop"),
    ({"optimizer": torch.optim.SGD}, "this is plain gradient descent, SGD"),
    ({"optimizer": torch.optim.AdamW}, "this is AdamW, which shrinks the weights as well"),
    ({"power": 1}, "the loss is the mean of absolute errors, not of squared ones"),
    ({"paired": False}, "the colors are not those of the places: index both with the same pixels"),
)


@check(
    nudge="print the shape of what you give to model, in each step: as many places as batch, and other ones each time?",
    formula="pixels = rng.choice(len(places), batch, replace=False); loss = (model(places[pixels]) - colors[pixels])"
    ".square().mean(); then zero_grad(), backward() and step() of torch.optim.Adam(model.parameters(), lr=rate)",
)
def train(answer: Answer) -> str:
    """The loop is watched: which pixels it looks at; and repeated with these pixels: to which weights it leads."""
    image = _waves()
    places, colors = torch.from_numpy(grid(image.shape)), torch.from_numpy(image.reshape(-1, 3) / np.float32(255))
    draw = answer.rng.integers
    for steps, batch, rate in ((5, int(draw(40, 90)), 1e-3), (int(draw(6, 9)), int(draw(120, 160)), 3e-3)):
        seed, call = int(draw(1000)), f"train with {steps} steps of {batch} pixels"
        found, looks = _watched(answer, places, colors, steps, batch, rate, seed)
        _expect_looks(looks, steps, batch, len(places), call)
        if steps == 5:
            _, again = _watched(answer, places, colors, steps, batch, rate, seed)
            _, other = _watched(answer, places, colors, steps, batch, rate, seed + 1)
            expect(looks == again, f"{call}: the same rng led to other pixels", "draw them from rng")
            expect(looks != other, f"{call}: another rng led to the same pixels", "draw them from rng")
        if not torch.allclose(found, _descend(places, colors, looks, rate), atol=1e-5):
            told = [
                why
                for slip, why in SLIPS
                if torch.allclose(found, _descend(places, colors, looks, rate, **slip), atol=1e-5)
            ]
            what = f"{call}: the weights are not those of Adam on the pixels that you drew"
            expect(
                False,
                "; ".join([what, *told[:1]]),
                "print the loss in each step: does it fall, and what is it the mean of?",
            )
    sampled = Siren(Arch(2, 12))
    answer(sampled, places, colors, 300, 128, 1e-2, np.random.default_rng(0))
    with torch.no_grad():
        left = (sampled(places) - colors).square().mean().item()
    blind = (colors - colors.mean(0)).square().mean().item()
    return f"300 steps on 128 pixels each leave a loss of {left:.4f}; the mean color alone has {blind:.4f}"


def _watched(
    answer: Answer, places: torch.Tensor, colors: torch.Tensor, steps: int, batch: int, rate: float, seed: int
) -> tuple[torch.Tensor, list[list[int]]]:
    """The weights that a student's loop leads to, and the numbers of the pixels that the network saw in each step."""
    model, looks = Siren(Arch(2, 12)), []
    number = {tuple(place): place_number for place_number, place in enumerate(places.tolist())}
    forward = model.forward

    def watching(x: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            looks.append([number.get(tuple(place), -1) for place in x.tolist()])
        return forward(x)

    model.forward = watching  # type: ignore[method-assign]
    start = parameters_to_vector(model.parameters()).detach().clone()
    answer(model, places, colors, steps, batch, rate, np.random.default_rng(seed))
    found = parameters_to_vector(model.parameters()).detach()
    expect(looks, "train: the network was not called", "is the loop still empty?")
    expect((found != start).any(), "train: the network has not changed", "backward(), then the optimizer's step()")
    return found, looks


def _expect_looks(looks: list[list[int]], steps: int, batch: int, n: int, call: str) -> None:
    seen = [len(look) for look in looks]
    expect(len(looks) == steps, f"{call}: the network was called {len(looks)} times", "once in each step")
    expect(
        not any(-1 in look for look in looks),
        f"{call}: the network got places that are not the picture's",
        "places[pixels]",
    )
    everything = f"{call}: the network computes all {n} places in each step", "model(places[pixels]): index before it"
    expect(set(seen) != {n}, *everything)
    expect(set(seen) == {batch}, f"{call}: {seen} places were given to the network", "as many as batch in each step")
    twice = f"{call}: some pixels were drawn twice in one step", "rng.choice draws different ones with replace=False"
    expect(all(len(set(look)) == batch for look in looks), *twice)
    same = f"{call}: the same pixels in every step", "draw anew inside the loop"
    expect(len({frozenset(look) for look in looks}) == steps, *same)


def _descend(
    places: torch.Tensor,
    colors: torch.Tensor,
    looks: list[list[int]],
    rate: float,
    clear: bool = True,
    sign: int = 1,
    renew: bool = False,
    optimizer: Callable[..., Any] = torch.optim.Adam,
    power: int = 2,
    paired: bool = True,
) -> torch.Tensor:
    """The weights after the same looks, by a loop that is right but for what is asked for."""
    model = Siren(Arch(2, 12))
    by = optimizer(model.parameters(), lr=rate)
    for look in looks:
        if clear:
            model.zero_grad()
        target = colors[look] if paired else colors[: len(look)]
        (sign * (model(places[look]) - target).abs().pow(power).mean()).backward()
        by = optimizer(model.parameters(), lr=rate) if renew else by
        by.step()
    return parameters_to_vector(model.parameters()).detach()


def _waves() -> np.ndarray:
    """A picture easy to fit, 32x24: a soft wave in each color."""
    x, y = grid((24, 32)).T.reshape(2, 24, 32)
    colors = np.stack([np.sin(3 * x + 2 * y), np.cos(4 * x * y), np.sin(5 * y)], axis=2)
    return (127.5 * (1 + colors)).round().astype(np.uint8)
