"""Notebook 02: a sine layer, its first weights, the derivatives of a SIREN."""

from collections.abc import Callable

import numpy as np
import torch

from coin_edu.course import Wrong, check, expect, expect_close
from coin_edu.image import grid
from coin_edu.siren import Siren


def slopes(model: Siren, shape: tuple[int, ...]) -> np.ndarray:
    """The gray value's derivative by x and by y at each pixel's center (H * W, 2), by autograd."""
    places = torch.from_numpy(grid(shape)).requires_grad_()
    (slope,) = torch.autograd.grad(model(places).mean(dim=1).sum(), places)
    return slope.numpy()


@check
def sine_layer(answer: Callable[..., np.ndarray]) -> str:
    """sin(omega_0 (W x + b)); first a square W, whose transpose fits as well."""
    rng = np.random.default_rng(0)
    for n_out, n_in, omega_0 in ((4, 4, 10.0), (5, 2, 30.0)):
        x, bias = rng.uniform(-1, 1, (6, n_in)), rng.uniform(-1, 1, n_out)
        weight = rng.uniform(-1, 1, (n_out, n_in))
        z = x @ weight.T + bias
        got = answer(x.copy(), weight.copy(), bias.copy(), omega_0)
        mistakes = [
            (omega_0 * z, "this is the sum before the sine"),
            (np.sin(z), "omega_0 is missing"),
            (
                omega_0 * np.sin(z),
                "omega_0 belongs inside the sine: in front of it, it makes the wave louder, not finer",
            ),
            (np.sin(omega_0 * (z - bias) + bias), "omega_0 multiplies the bias as well: sin(omega_0 * (... + bias))"),
            (np.sin(omega_0 * (z - bias)), "the bias is missing"),
        ]
        if n_in == n_out:
            turned = np.sin(omega_0 * (x @ weight + bias))
            mistakes.append((turned, "the rows of weight are the outputs: x @ weight.T"))
        what = f"sine_layer for x {x.shape} and weight {weight.shape}"
        hint = "sin(omega_0 * (x @ weight.T + bias))"
        expect_close(got, np.sin(omega_0 * z), what, hint, mistakes=mistakes)
    return "that is a SIREN's layer; all but the last look like this"


@check
def first_weights(answer: Callable[..., np.ndarray]) -> str:
    """Uniform within 1/n at first and sqrt(6/n)/omega_0 later, judged by 60,000 draws of each."""
    for is_first, omega_0 in ((True, 30.0), (False, 30.0), (False, 7.0)):
        n_out, n_in = 200, 300
        got = answer(n_out, n_in, omega_0, is_first, np.random.default_rng(1))
        layer = f"the {'first' if is_first else 'second'} layer (n = {n_in}, omega_0 = {omega_0:g})"
        expect(np.shape(got) != (n_in, n_out), f"{layer}: the shape is (outputs, inputs), yours is turned around")
        shape = (n_out, n_in)
        expect_close(got, got if np.shape(got) == shape else np.zeros(shape), layer, "one row for each output")
        _judge(np.asarray(got), n_in, n_out, omega_0, is_first, layer)
        again = answer(n_out, n_in, omega_0, is_first, np.random.default_rng(1))
        expect(np.array_equal(got, again), "take the random numbers from rng, so that a seed makes them repeatable")
    return "your layers keep their variance, whatever the width"


def _judge(weights: np.ndarray, n_in: int, n_out: int, omega_0: float, is_first: bool, layer: str) -> None:
    bound = 1 / n_in if is_first else np.sqrt(6 / n_in) / omega_0
    expect(weights.min() < 0, f"{layer}: no weight is negative; the interval is symmetric, from -bound to bound")
    reach, spread = np.abs(weights).max(), weights.std() * np.sqrt(3)
    if reach > 1.5 * spread:
        raise Wrong(f"{layer}: these look normally distributed; a SIREN's are uniform, rng.uniform(-bound, bound, ...)")
    known = {
        "omega_0 must not cancel in the first layer: its bound is just 1 / n": 1 / n_in / omega_0,
        "1/n is the first layer's bound": 1 / n_in,
        "that is the bound of all layers but the first": np.sqrt(6 / n_in) / omega_0,
        "divide by omega_0, which the sine multiplies by": np.sqrt(6 / n_in),
        "n counts what goes into a unit, n_in": 1 / n_out if is_first else np.sqrt(6 / n_out) / omega_0,
        "sqrt(2/n) is the standard deviation here, not the bound": np.sqrt(2 / n_in) / omega_0,
    }
    for text, slip in known.items():
        if abs(reach / slip - 1) < 0.01 and abs(slip / bound - 1) > 0.01:
            raise Wrong(f"{layer}: weights reach {reach:.4g}, expected {bound:.4g}. Hint: {text}")
    hint = "1/n in the first layer, sqrt(6/n)/omega_0 in all others"
    expect(abs(reach / bound - 1) < 0.01, f"{layer}: weights reach {reach:.4g}, expected {bound:.4g}. Hint: {hint}")


@check
def laplacian(answer: Callable[..., np.ndarray]) -> str:
    """-(A (omega_0^2 |w|^2 sin(omega_0 (W x + b)))) of a network with one hidden layer."""
    rng = np.random.default_rng(2)
    for n, width, omega_0 in ((5, 4, 2.0), (7, 3, 30.0)):
        x, W = rng.uniform(-1, 1, (n, 2)), rng.uniform(-0.5, 0.5, (width, 2))
        b, A = rng.uniform(-0.5, 0.5, width), rng.uniform(-1, 1, (3, width))
        z = omega_0 * (x @ W.T + b)
        waves, squared = omega_0**2 * np.sin(z), (W**2).sum(axis=1)
        right = -(waves * squared) @ A.T
        got = answer(x.copy(), W.copy(), b.copy(), A.copy(), omega_0)
        mistakes = [
            (-right, "the sign: differentiating a sine twice gives minus a sine"),
            (right / omega_0, "omega_0 comes out at each of the two derivatives: squared"),
            (right / omega_0**2, "omega_0 comes out of the sine when you differentiate"),
            (-(waves * W[:, 0] ** 2) @ A.T, "this is the second derivative by x only; add that by y"),
            (-(waves * W[:, 1] ** 2) @ A.T, "this is the second derivative by y only; add that by x"),
            (-(waves * W.sum(axis=1) ** 2) @ A.T, "square w_x and w_y first, then add"),
            (
                -(omega_0**2 * np.cos(z) * squared) @ A.T,
                "a cosine is left after one derivative; after two it is a sine",
            ),
        ]
        hint = "each wave times -omega_0^2 (w_x^2 + w_y^2), then A"
        expect_close(got, right, f"laplacian at {n} places", hint, 1e-6, mistakes)
    return "the second derivative of a SIREN, exact, without any small step h"
