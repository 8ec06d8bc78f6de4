"""Notebook 02: a sine layer, its first weights, the derivatives of a SIREN."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from coin_edu.arch import Arch
from coin_edu.course import Answer, check, expect, expect_close, numbers
from coin_edu.engine.state import Fit
from coin_edu.image import grid
from coin_edu.siren import Siren


def side_by_side(pictures: Mapping[str, np.ndarray], cmap: str = "gray", top: float | None = None) -> Figure:
    """Arrays (height, width) with a title each; brightest at `top`, or each at its own largest value."""
    figure = Figure(figsize=(7, 1.55), layout="constrained")
    for ax, (name, values) in zip(figure.subplots(1, len(pictures), squeeze=False)[0], pictures.items(), strict=True):
        ax.imshow(values, cmap=cmap, vmax=top)
        ax.set_title(name, fontsize=7)
        ax.set_axis_off()
    return figure


def first_waves(model: Siren, shape: tuple[int, ...], count: int = 5) -> Figure:
    """What the first units of the first layer give at each pixel."""
    weight, bias = (tensor.detach().numpy() for tensor in model.layer_weights[0])
    waves = np.sin(model.arch.omega_first * (grid(shape) @ weight.T + bias)).T
    return side_by_side({f"unit {i}": waves[i].reshape(shape[:2]) for i in range(count)})


def spreads(factor: float, layers: int = 6, width: int = 512, seed: int = 0) -> list[float]:
    """Standard deviation of the units of each layer, inner weights `factor` times as large as a SIREN's."""
    rng = np.random.default_rng(seed)
    x = np.sin(30 * rng.uniform(-1, 1, (2000, 2)) @ rng.uniform(-0.5, 0.5, (2, width)))
    found = [float(x.std())]
    for _ in range(layers):
        x = np.sin(x @ rng.uniform(-1, 1, (width, width)) * factor * np.sqrt(6 / width))
        found.append(float(x.std()))
    return found


def random_pictures(shape: tuple[int, ...], factors: Sequence[float], arch: Arch | None = None) -> Figure:
    """What a random network draws, its inner weights multiplied by each factor; each stretched to black and white."""
    drawn = {}
    for factor in factors:
        model = Siren(arch or Arch(8, 64), seed=1).requires_grad_(False)
        for weight, _ in model.layer_weights[1:-1]:
            weight *= factor
        gray = model(torch.from_numpy(grid(shape)))[:, 0].numpy().reshape(shape[:2])
        drawn[f"weights x{factor:g}: values {gray.min():.3f} to {gray.max():.3f}"] = gray
    return side_by_side(drawn)


def steepness(image: np.ndarray, fits: Mapping[str, Fit]) -> dict[str, np.ndarray]:
    """Length of the gray value's slope at each pixel (height, width): of the picture, then of each network."""
    down, right = np.gradient(image.mean(axis=2) / 255 * max(image.shape) / 2)  # per unit of x and y
    found = {"photograph": np.hypot(right, down)}
    for name, fit in fits.items():
        found[name] = np.hypot(*slopes(fit.model, image.shape).T).reshape(image.shape[:2])
    return found


def alike(steep: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Correlation of each with the first."""
    first, *others = steep.values()
    names = list(steep)[1:]
    return {
        name: float(np.corrcoef(first.ravel(), values.ravel())[0, 1])
        for name, values in zip(names, others, strict=True)
    }


def in_words(values: Mapping[str, float]) -> str:
    """Numbers by name, on one line.

    Examples
    --------
    >>> in_words({"sine": 0.876, "ReLU": 0.5})
    'sine 0.88, ReLU 0.50'
    """
    return ", ".join(f"{name} {value:.2f}" for name, value in values.items())


def slopes(model: Siren, shape: tuple[int, ...]) -> np.ndarray:
    """The gray value's derivative by x and by y at each pixel's center (H * W, 2), by autograd."""
    places = torch.from_numpy(grid(shape)).requires_grad_()
    (slope,) = torch.autograd.grad(model(places).mean(dim=1).sum(), places)
    return slope.numpy()


@check(
    nudge="one row of weight belongs to one output; omega_0 multiplies all that is inside the sine",
    formula="np.sin(omega_0 * (x @ weight.T + bias))",
)
def sine_layer(answer: Answer) -> str:
    """sin(omega_0 (W x + b)); first a square W, whose transpose fits as well."""
    rng = answer.rng
    for n_out, n_in, omega_0 in ((4, 4, float(rng.integers(5, 25))), (5, 2, float(rng.integers(35, 50)))):
        x, bias = rng.uniform(-1, 1, (6, n_in)), rng.uniform(-1, 1, n_out)
        weight = rng.uniform(-1, 1, (n_out, n_in))
        z = x @ weight.T + bias
        mistakes = [
            (omega_0 * z, "this is the sum before the sine"),
            (np.sin(z), "omega_0 is missing"),
            (np.sin(30 * z), "omega_0 is 30 here, whatever is passed", "use the argument omega_0"),
            (omega_0 * np.sin(z), "omega_0 is in front of the sine", "there it makes the wave louder, not finer"),
            (np.sin(omega_0 * (z - bias) + bias), "omega_0 does not multiply the bias", "where do the brackets end?"),
            (np.sin(omega_0 * (z - bias)), "the bias is missing"),
            (np.sin(omega_0 * (z - bias)) + bias, "the bias is outside the sine"),
            (np.cos(omega_0 * z), "that is the cosine"),
            (np.sin(np.deg2rad(omega_0 * z)), "the angles are taken as degrees", "np.sin takes radians as they are"),
        ]
        if n_in == n_out:
            turned = np.sin(omega_0 * (x @ weight + bias))
            mistakes.append((turned, "weight is turned around", "its rows are the outputs: x @ weight.T"))
        what = f"sine_layer for x {x.shape}, weight {weight.shape}, omega_0 = {omega_0:g}"
        expect_close(answer(x, weight, bias, omega_0), np.sin(omega_0 * z), what, tolerance=1e-4, mistakes=mistakes)
    return "that is a SIREN's layer; all but the last look like this"


@check(
    nudge="rng.uniform(low, high, shape): print the bounds that you draw between, for the first layer and for another",
    formula="bound = 1 / n_in if is_first else np.sqrt(6 / n_in) / omega_0; rng.uniform(-bound, bound, (n_out, n_in))",
)
def first_weights(answer: Answer) -> str:
    """Uniform within 1/n at first and sqrt(6/n)/omega_0 later, judged by some 60,000 draws of each."""
    for is_first, omega_0 in ((True, 30.0), (False, 30.0), (False, float(answer.rng.integers(4, 12)))):
        n_out, n_in = (int(number) for number in answer.rng.integers((180, 280), (220, 320)))
        shape, seed = (n_out, n_in), int(answer.rng.integers(1000))
        layer = f"the {'first' if is_first else 'second'} layer (n = {n_in}, omega_0 = {omega_0:g})"
        got, again, other = (
            numbers(answer(n_out, n_in, omega_0, is_first, np.random.default_rng(start)), layer)
            for start in (seed, seed, seed + 1)
        )
        expect(got.shape != (n_in, n_out), f"{layer}: the shape is turned around", "(outputs, inputs)")
        expect(got.shape == shape, f"{layer}: expected the shape {shape}, got {got.shape}", "one row for each output")
        expect(np.isfinite(got).all(), f"{layer}: some weights are nan or infinite")
        _judge(got, n_in, n_out, omega_0, is_first, layer)
        expect(np.array_equal(got, again), f"{layer}: the same rng gave other weights", "take the numbers from rng")
        expect(not np.array_equal(got, other), f"{layer}: another rng gave the same weights", "take them from rng")
    return "your layers keep their variance, whatever the width"


def _judge(weights: np.ndarray, n_in: int, n_out: int, omega_0: float, is_first: bool, layer: str) -> None:
    bound = 1 / n_in if is_first else np.sqrt(6 / n_in) / omega_0
    drawn = np.sort(weights, axis=None)
    expect(drawn[0] < drawn[-1], f"{layer}: all weights are {drawn[0]:.4g}", "draw one for each place of the matrix")
    negative = f"{layer}: no weight is negative", "the interval is symmetric, from -bound to bound"
    expect(drawn[0] < 0, *negative)
    reach, spread = np.abs(drawn[[0, -1]]).max(), weights.std() * np.sqrt(3)
    few = f"{layer}: {len(np.unique(drawn)):,} different weights for {weights.size:,} places"
    expect(len(np.unique(drawn)) > 0.9 * weights.size, few, "draw one for each place: the third argument is the shape")
    normal = f"{layer}: these look normally distributed", "a SIREN's are uniform: rng.uniform, not rng.normal"
    expect(reach < 1.5 * spread, *normal)
    known = (
        ("omega_0 must not cancel in the first layer", 1 / n_in / omega_0),
        ("1/n is the first layer's bound", 1 / n_in),
        ("that is the bound of all layers but the first", np.sqrt(6 / n_in) / omega_0),
        ("omega_0 is missing, which the sine multiplies by", np.sqrt(6 / n_in)),
        ("omega_0 is 30 here, whatever is passed", np.sqrt(6 / n_in) / 30),
        ("n counts what goes into a unit, n_in", 1 / n_out if is_first else np.sqrt(6 / n_out) / omega_0),
        ("n counts what goes into a unit, n_in", np.sqrt(6 / (n_in + n_out)) / omega_0),
        ("the root takes 6 alone", np.sqrt(6) / n_in / omega_0),
        ("the root takes omega_0 as well", np.sqrt(6 / n_in / omega_0)),
        ("the root is missing", 6 / n_in / omega_0),
        ("sqrt(2/n) is the standard deviation here, not the bound", np.sqrt(2 / n_in) / omega_0),
    )
    for told, slip in known:
        if abs(reach / slip - 1) < 0.01 < abs(slip / bound - 1):
            expect(False, f"{layer}: weights reach {reach:.4g}, expected {bound:.4g}; {told}")
    expect(abs(reach / bound - 1) < 0.01, f"{layer}: weights reach {reach:.4g}, expected {bound:.4g}")
    even = np.linspace(-bound, bound, weights.size)
    off = np.abs(drawn - even).max() / bound
    expect(
        off < 0.03, f"{layer}: not uniform, some values come more often than others", "rng.uniform(low, high, shape)"
    )
    flat = weights.ravel()
    neighbors = np.corrcoef(flat[1:], flat[:-1])[0, 1]
    expect(abs(neighbors) < 0.05, f"{layer}: neighboring weights are alike", "draw them all anew, unsorted")


@check(
    nudge="on paper: differentiate sin(omega_0 (w_x x + w_y y + b)) twice by x, then twice by y, and add the two",
    formula="-(omega_0**2 * (W**2).sum(axis=1) * np.sin(omega_0 * (x @ W.T + b))) @ A.T",
)
def laplacian(answer: Answer) -> str:
    """-(A (omega_0^2 |w|^2 sin(omega_0 (W x + b)))) of a network with one hidden layer."""
    rng = answer.rng
    for n, width, omega_0 in ((5, 4, float(rng.integers(2, 9))), (7, 3, 30.0)):
        x, W = rng.uniform(-1, 1, (n, 2)), rng.uniform(-0.5, 0.5, (width, 2))
        b, A = rng.uniform(-0.5, 0.5, width), rng.uniform(-1, 1, (3, width))
        z = omega_0 * (x @ W.T + b)
        waves, squared = omega_0**2 * np.sin(z), (W**2).sum(axis=1)
        right = -(waves * squared) @ A.T
        z_30 = 30 * (x @ W.T + b)
        mistakes = [
            (-right, "the sign is the other way round", "differentiating a sine twice gives minus a sine"),
            (-(900 * np.sin(z_30) * squared) @ A.T, "omega_0 is 30 here, whatever is passed", "use the argument"),
            (right / omega_0, "omega_0 is there once, not squared", "it comes out at each of the two derivatives"),
            (right / omega_0**2, "omega_0 is missing in front", "it comes out of the sine when you differentiate"),
            (-(waves * W[:, 0] ** 2) @ A.T, "this is the second derivative by x only", "add that by y"),
            (-(waves * W[:, 1] ** 2) @ A.T, "this is the second derivative by y only", "add that by x"),
            (-(waves * W.sum(axis=1) ** 2) @ A.T, "added before squared", "square w_x and w_y first, then add"),
            (-(waves * W.sum(axis=1)) @ A.T, "the weights are not squared", "they come out at each derivative"),
            (-(waves * np.sqrt(squared)) @ A.T, "the weights' length is not squared", "it comes out twice"),
            (-waves @ A.T, "the weights are missing in front", "the inner derivative is omega_0 times w_x, or w_y"),
            (-(omega_0**2 * np.cos(z) * squared) @ A.T, "this is a cosine", "one derivative gives a cosine; two?"),
            (np.sin(z) @ A.T, "this is the network itself"),
        ]
        got = answer(x, W, b, A, omega_0)
        expect_close(got, right, f"laplacian at {n} places, omega_0 = {omega_0:g}", "", 1e-4, mistakes)
    return "the second derivative of a SIREN, exact, without any small step h"
