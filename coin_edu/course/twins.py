"""Networks of one picture under other names: order and signs of units, undone and redone."""

from collections.abc import Mapping

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch.nn.utils import parameters_to_vector

from coin_edu.image import grid
from coin_edu.siren import Siren, with_weights


def halfway(first: Siren, second: Siren) -> Siren:
    """The mean of two networks, weight by weight."""
    here, there = (parameters_to_vector(model.parameters()).detach() for model in (first, second))
    return with_weights(first.arch, (here + there) / 2)


def renamed(model: Siren, orders: list[np.ndarray], signs: list[np.ndarray]) -> Siren:
    """The same picture by other weights: unit i of a hidden layer is the old unit order[i], times its sign, 1 or -1."""
    layers = [(weight.detach().clone(), bias.detach().clone()) for weight, bias in model.layer_weights]
    for place, (order, sign) in enumerate(zip(orders, signs, strict=True)):
        factor = torch.from_numpy(sign).float()
        (weight, bias), (after, beyond) = layers[place], layers[place + 1]
        layers[place] = weight[order] * factor[:, None], bias[order] * factor
        layers[place + 1] = after[:, order] * factor, beyond
    copy = Siren(model.arch)
    with torch.no_grad():
        for pair, new in zip(copy.layer_weights, layers, strict=True):
            for old, value in zip(pair, new, strict=True):
                old.copy_(value)
    return copy


def twin(model: Siren, seed: int = 0) -> Siren:
    """A network with the units of each hidden layer in a random order and with random signs: the same picture."""
    rng, arch = np.random.default_rng(seed), model.arch
    orders = [rng.permutation(arch.width) for _ in range(arch.depth)]
    return renamed(model, orders, [rng.choice([-1, 1], arch.width) for _ in range(arch.depth)])


def aligned(model: Siren, other: Siren, shape: tuple[int, ...]) -> tuple[Siren, float]:
    """The other network with its units named as the first one's, as well as order and signs can do it.

    In each hidden layer, units are matched so that the sum of the correlations of their values over the pixels, in
    magnitude, is largest (an assignment problem).

    Returns
    -------
    renamed : Siren
    correlation : float
        Of matched units, in magnitude, on average.
    """
    orders, signs, matched = [], [], []
    for mine, theirs in zip(_values(model, shape), _values(other, shape), strict=True):
        n = mine.shape[1]
        correlation = np.nan_to_num(np.corrcoef(mine.T, theirs.T)[:n, n:])
        rows, order = linear_sum_assignment(-np.abs(correlation))
        orders.append(order)
        signs.append(np.where(correlation[rows, order] < 0, -1, 1))
        matched.append(np.abs(correlation[rows, order]).mean())
    return renamed(other, orders, signs), float(np.mean(matched))


def pairs(model: Siren, others: Mapping[str, Siren], shape: tuple[int, ...]) -> dict[str, tuple[Siren, Siren]]:
    """Each of the others with the first network, as it is and aligned, for ``BlendExplorer``."""
    found = {}
    for name, other in others.items():
        found[name] = (model, other)
        found[f"{name}, aligned"] = (model, aligned(model, other, shape)[0])
    return found


def _values(model: Siren, shape: tuple[int, ...]) -> list[np.ndarray]:
    """What the units of each hidden layer give at every pixel, (pixels, units)."""
    x, found = torch.from_numpy(grid(shape[:2])), []
    with torch.no_grad():
        for place, (weight, bias) in enumerate(model.layer_weights[:-1]):
            omega = model.arch.omega_0 if place else model.arch.omega_first
            x = torch.sin(omega * (x @ weight.T + bias))
            found.append(x.numpy())
    return found
