import re

import numpy as np
import pytest
import torch

from coin_edu import Arch, Siren, grid
from coin_edu.course import nb02


def assert_named(verdict, text):
    assert not verdict.ok and re.search(text, verdict.text), verdict.text


@pytest.mark.parametrize(
    "slip, text",
    [
        (lambda x, W, b, o: o * (x @ W.T + b), "before the sine"),
        (lambda x, W, b, o: np.sin(x @ W.T + b), "omega_0 is missing"),
        (lambda x, W, b, o: o * np.sin(x @ W.T + b), "inside the sine"),
        (lambda x, W, b, o: np.sin(o * (x @ W.T) + b), "the bias as well"),
        (lambda x, W, b, o: np.sin(o * (x @ W.T)), "the bias is missing"),
        (lambda x, W, b, o: np.sin(o * (x @ W + b)), "x @ weight.T"),
        (lambda x, W, b, o: np.sin(o * (x @ W.T + b)).T, r"expected the shape|expected -?\d"),
    ],
)
def test_a_slip_in_the_sine_layer_is_named(slip, text):
    assert_named(nb02.sine_layer(slip), text)


def uniform(bound):
    return lambda m, n, o, first, rng: rng.uniform(-bound(m, n, o, first), bound(m, n, o, first), (m, n))


@pytest.mark.parametrize(
    "slip, text",
    [
        (uniform(lambda m, n, o, first: np.sqrt(6 / n) / o), "all layers but the first"),
        (uniform(lambda m, n, o, first: 1 / n / o), "must not cancel"),
        (uniform(lambda m, n, o, first: 1 / n), "1/n is the first layer's bound"),
        (uniform(lambda m, n, o, first: 1 / n if first else np.sqrt(6 / n)), "divide by omega_0"),
        (uniform(lambda m, n, o, first: 1 / n if first else np.sqrt(6 / m) / o), "n_in"),
        (uniform(lambda m, n, o, first: 1 / n if first else np.sqrt(2 / n) / o), "standard deviation"),
        (uniform(lambda m, n, o, first: 1.1 / n), "reach 0.003667, expected 0.003333"),
        (lambda m, n, o, first, rng: rng.normal(0, 1 / n / np.sqrt(3), (m, n)), "normally distributed"),
        (lambda m, n, o, first, rng: rng.uniform(0, 1 / n, (m, n)), "symmetric"),
        (lambda m, n, o, first, rng: rng.uniform(-1 / n, 1 / n, (n, m)), "turned around"),
        (lambda m, n, o, first, rng: rng.uniform(-1 / n, 1 / n), r"the shape \(200, 300\), got \(\)"),
        (lambda m, n, o, first, rng: np.random.default_rng().uniform(-1 / n, 1 / n, (m, n)), "numbers from rng"),
    ],
)
def test_a_slip_in_the_first_weights_is_named(slip, text):
    assert_named(nb02.first_weights(slip), text)


def waves(x, W, b, o):
    return o**2 * np.sin(o * (x @ W.T + b))


@pytest.mark.parametrize(
    "slip, text",
    [
        (lambda x, W, b, A, o: (waves(x, W, b, o) * (W**2).sum(1)) @ A.T, "the sign"),
        (lambda x, W, b, A, o: -(waves(x, W, b, o) / o * (W**2).sum(1)) @ A.T, "squared"),
        (lambda x, W, b, A, o: -(waves(x, W, b, o) / o**2 * (W**2).sum(1)) @ A.T, "comes out of the sine"),
        (lambda x, W, b, A, o: -(waves(x, W, b, o) * W[:, 0] ** 2) @ A.T, "add that by y"),
        (lambda x, W, b, A, o: -(waves(x, W, b, o) * W[:, 1] ** 2) @ A.T, "add that by x"),
        (lambda x, W, b, A, o: -(waves(x, W, b, o) * W.sum(1) ** 2) @ A.T, "then add"),
        (lambda x, W, b, A, o: -(o**2 * np.cos(o * (x @ W.T + b)) * (W**2).sum(1)) @ A.T, "a cosine"),
        (lambda x, W, b, A, o: -(waves(x, W, b, o) * (W**2).sum(1)), r"expected the shape \(5, 3\), got \(5, 4\)"),
    ],
)
def test_a_slip_in_the_laplacian_is_named(slip, text):
    assert_named(nb02.laplacian(slip), text)


def test_slopes_are_those_of_the_networks_picture():
    model = Siren(Arch(2, 8))
    found = nb02.slopes(model, (3, 4))
    places, h = torch.from_numpy(grid((3, 4))).double(), 1e-5
    gray = lambda x: model.double()(x).mean(1).detach().numpy()  # noqa: E731
    for axis, step in enumerate(h * torch.eye(2)):
        assert np.allclose(found[:, axis], (gray(places + step) - gray(places - step)) / (2 * h), atol=1e-3)
