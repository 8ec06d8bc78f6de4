"""Notebook 03: the pace of the learning rates, a step of Adam, a loop over random pixels."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector

from coin_edu.arch import Arch
from coin_edu.course import check, expect, expect_close
from coin_edu.image import grid
from coin_edu.siren import Siren


def gradient(model: Siren, image: np.ndarray, pixels: np.ndarray | slice = slice(None)) -> np.ndarray:
    """The loss's gradient (n_weights,) over some of the picture's pixels, numbered row by row, or over all."""
    places, colors = (torch.from_numpy(a[pixels]) for a in (grid(image.shape), image.reshape(-1, 3) / np.float32(255)))
    loss = (model(places) - colors).square().mean()
    return torch.cat([part.ravel() for part in torch.autograd.grad(loss, list(model.parameters()))]).numpy()


@check
def pace(answer: Callable[..., float]) -> str:
    """A half cosine, times a rise over the first steps."""
    for steps, warm_up in ((100, 1), (100, 10), (7, 3)):
        for step in range(steps):
            fall, rise = math.cos(math.pi * step / steps), min(1, (step + 1) / warm_up)
            right = 0.5 * (1 + fall) * rise
            mistakes = [
                (fall * rise, "a cosine runs from 1 to -1; bring it to 1 ... 0: (1 + cos) / 2"),
                (
                    0.5 * (1 + math.cos(2 * math.pi * step / steps)) * rise,
                    "half a wave only: cos(pi * step / steps), or the rate rises again",
                ),
                (0.5 * (1 + fall), "the cosine alone; the first steps are not warmed up yet"),
                (0.5 * (1 + fall) * (step + 1) / warm_up, "the rise has to end at 1: min(1, ...)"),
                (
                    0.5 * (1 + fall) * min(1, step / warm_up),
                    "step 0 would do nothing: the rise is (step + 1) / warm_up",
                ),
                (rise, "this is the rise alone; times the cosine"),
            ]
            got = answer(step, steps, warm_up)
            hint = "(1 + cos(pi step / steps)) / 2 times min(1, (step + 1) / warm_up)"
            expect_close(got, right, f"pace({step}, {steps}, {warm_up})", hint, mistakes=mistakes)
    return "up in a few steps, then gently down to nothing"


@check
def adam_step(answer: Callable[..., Any]) -> str:
    """Three steps in a row, as in algorithm 1 of Kingma and Ba 2015."""
    rng = np.random.default_rng(0)
    weights, first, second = rng.normal(size=5), np.zeros(5), np.zeros(5)
    for t in (1, 2, 3):
        g, rate = rng.normal(size=5), 0.01
        result = answer(weights.copy(), g.copy(), first.copy(), second.copy(), t, rate)
        expect(result is not None and result is not ..., "adam_step is empty: put your own code where the dots are")
        expect(isinstance(result, tuple) and len(result) == 3, "return three arrays: weights, first, second")
        m, v = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
        m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
        new, got_first, got_second = result
        hint = "0.9 * first + 0.1 * gradient; return it uncorrected"
        mistakes = [(0.1 * first + 0.9 * g, "first keeps 0.9 of the old and takes 0.1 of the new")]
        expect_close(got_first, m, f"first, at step {t}", hint, mistakes=mistakes)
        hint = "0.999 * second + 0.001 * gradient**2"
        mistakes = [(0.999 * second + 0.001 * g, "second is the mean of the *squared* gradient")]
        expect_close(got_second, v, f"second, at step {t}", hint, 1e-9, mistakes)
        mistakes = [
            (weights + rate * m_hat / np.sqrt(v_hat), "this climbs: subtract the step, the gradient points uphill"),
            (
                weights - rate * m / np.sqrt(v),
                "both means start at 0 and are too small at first: divide by 1 - 0.9**t and 1 - 0.999**t",
            ),
            (weights - rate * m_hat / v_hat, "divide by the square root of second's mean"),
            (weights - rate * g / np.sqrt(v_hat), "use the mean of the gradients, not the newest one"),
            (weights - rate * m_hat / np.sqrt(v), "only first is corrected; divide second by 1 - 0.999**t"),
            (weights - rate * m / np.sqrt(v_hat), "only second is corrected; divide first by 1 - 0.9**t"),
        ]
        right = weights - rate * m_hat / (np.sqrt(v_hat) + 1e-8)
        hint = "weights - rate * m / (sqrt(v) + 1e-8), both corrected"
        expect_close(new, right, f"weights after step {t}", hint, mistakes=mistakes)
        weights, first, second = new, m, v
    return "that is the optimizer COIN was published with"


@check
def train(answer: Callable[..., object]) -> str:
    """With all pixels in each batch it is the notebook's loop exactly; with few it has to get somewhere."""
    image = _waves()
    places, colors = torch.from_numpy(grid(image.shape)), torch.from_numpy(image.reshape(-1, 3) / np.float32(255))
    few, arch = 5, Arch(2, 12)
    found, expected, piled_up, uphill = (Siren(arch) for _ in range(4))
    start = parameters_to_vector(found.parameters()).detach()
    answer(found, places, colors, few, len(places), 1e-3, np.random.default_rng(0))
    got = parameters_to_vector(found.parameters()).detach()
    expect(bool((got != start).any()), "the network has not changed: the loop is empty, or lacks optimizer.step()")
    for model, clear, sign in ((expected, True, 1), (piled_up, False, 1), (uphill, True, -1)):
        _descend(model, places, colors, few, clear, sign)
    close = lambda model: torch.allclose(got, parameters_to_vector(model.parameters()), atol=1e-4)  # noqa: E731
    expect(not close(piled_up), "gradients pile up from step to step: optimizer.zero_grad() before each backward()")
    expect(not close(uphill), "this climbs: the loss grows at each step")
    sampled = Siren(arch)
    answer(sampled, places, colors, 300, 128, 1e-2, np.random.default_rng(0))
    with torch.no_grad():
        left = (sampled(places) - colors).square().mean().item()
        blind = (colors - colors.mean(0)).square().mean().item()
    expect(left < 10 * blind, f"the fit diverges, to a loss of {left:.3g}; check the loss and the rate")
    reached = f"300 steps on 128 pixels each leave a loss of {left:.4f}; the mean color alone has {blind:.4f}"
    expect(left < 0.3 * blind, f"{reached}: do places and colors use the *same* pixels, new ones in each step?")
    expect(
        close(expected), f"with all pixels in each batch, the weights after {few} steps are not those of the loop above"
    )
    return reached


def _waves() -> np.ndarray:
    """A picture easy to fit, 32x24: a soft wave in each color."""
    x, y = grid((24, 32)).T.reshape(2, 24, 32)
    colors = np.stack([np.sin(3 * x + 2 * y), np.cos(4 * x * y), np.sin(5 * y)], axis=2)
    return (127.5 * (1 + colors)).round().astype(np.uint8)


def _descend(model: Siren, places: torch.Tensor, colors: torch.Tensor, steps: int, clear: bool, sign: int) -> None:
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(steps):
        if clear:
            adam.zero_grad()
        (sign * (model(places) - colors).square().mean()).backward()
        adam.step()
