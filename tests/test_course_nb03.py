import math
import re

import numpy as np
import pytest
import torch

from coin_edu import Arch, Siren
from coin_edu.course import nb03
from coin_edu.engine.batch import Batch
from coin_edu.engine.optimizer import schedule
from coin_edu.fitting import start
from coin_edu.recipe import Recipe


def assert_named(verdict, text):
    assert not verdict.ok and re.search(text, verdict.text), verdict.text


def half(step, steps):
    return 0.5 * (1 + math.cos(math.pi * step / steps))


@pytest.mark.parametrize(
    "slip, text",
    [
        (lambda k, n, w: math.cos(math.pi * k / n) * min(1, (k + 1) / w), "bring it to 1"),
        (lambda k, n, w: half(2 * k, n) * min(1, (k + 1) / w), "half a wave only"),
        (lambda k, n, w: half(k, n), "warmed up"),
        (lambda k, n, w: half(k, n) * (k + 1) / w, "end at 1"),
        (lambda k, n, w: half(k, n) * min(1, k / w), "do nothing"),
        (lambda k, n, w: min(1, (k + 1) / w), "the rise alone"),
        (lambda k, n, w: half(k + 1, n) * min(1, (k + 1) / w), r"pace\(0, 100, 1\): expected 1, got 0.999753"),
    ],
)
def test_a_slip_in_the_pace_is_named(slip, text):
    assert_named(nb03.pace(slip), text)


def test_the_pace_is_the_packages():
    recipe = Recipe(steps=40, batch=None, rate=1.0, warm_up=7, cosine=True)
    assert nb03.pace(lambda k, n, w: float(schedule(Recipe(n, None, 1.0, warm_up=w, cosine=True), n)[k])).ok
    assert schedule(recipe, 40)[0] == pytest.approx(1 / 7)


def adam(beta_1=0.9, sign=1, power=2, corrected=(True, True), root=np.sqrt, newest=False):
    def step(weights, gradient, first, second, t, rate):
        first = beta_1 * first + (1 - beta_1) * gradient
        second = 0.999 * second + 0.001 * gradient**power
        m = gradient if newest else first / (1 - 0.9**t) if corrected[0] else first
        v = second / (1 - 0.999**t) if corrected[1] else second
        return weights - sign * rate * m / (root(v) + 1e-8), first, second

    return step


@pytest.mark.parametrize(
    "slip, text",
    [
        (adam(beta_1=0.1), "keeps 0.9"),
        (adam(sign=-1), "climbs"),
        (adam(power=1), "squared"),
        (adam(corrected=(False, False)), "too small at first"),
        (adam(corrected=(True, False)), "only first"),
        (adam(corrected=(False, True)), "only second"),
        (adam(root=lambda v: v), "square root"),
        (adam(newest=True), "not the newest"),
        (lambda w, *_: w, "return three arrays"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_slip_in_adams_step_is_named(slip, text):
    assert_named(nb03.adam_step(slip), text)


def loop(clear=True, sign=1, apart=False, step=True, loss=torch.square):
    def train(model, places, colors, steps, batch, rate, rng):
        optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        for _ in range(steps):
            one, other = (rng.choice(len(places), batch, replace=False) for _ in range(2))
            if clear:
                optimizer.zero_grad()
            (sign * loss(model(places[one]) - colors[other if apart else one]).mean()).backward()
            if step:
                optimizer.step()

    return train


@pytest.mark.parametrize(
    "slip, text",
    [
        (loop(step=False), "has not changed"),
        (loop(clear=False), "pile up"),
        (loop(sign=-1), "climbs"),
        (loop(apart=True), r"\*same\* pixels"),
        (loop(loss=torch.abs), "not those of the loop"),
    ],
)
def test_a_slip_in_the_loop_is_named(slip, text):
    assert_named(nb03.train(slip), text)


def test_the_gradient_is_the_packages(image):
    recipe, arch = Recipe(steps=1, batch=None, rate=1e-3), Arch(2, 8)
    batch = Batch([image], [start(image, arch, 1, recipe)], torch.device("cpu"))
    expected = batch._gradient()[0]
    assert np.allclose(nb03.gradient(Siren(arch), image), expected, atol=1e-5)
    halves = [nb03.gradient(Siren(arch), image, part) for part in (np.arange(96), np.arange(96, 192))]
    assert np.allclose(np.mean(halves, axis=0), expected, atol=1e-5)
