"""What the weights do with a gradient: a schedule of rates, Adam, and Muon in the matrices that are large."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from coin_edu.arch import Arch
from coin_edu.recipe import Recipe

BETA_1, BETA_2 = 0.9, 0.999


class Optimizer:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980), and Muon between hidden layers, or from the first one on, if the
    recipe has a rate for it.

    Parameters
    ----------
    arch : Arch
    recipes : sequence of Recipe
        One for each of K networks; they differ in their rates only.
    steps : int
        Of the whole fit, for the schedule.
    moments : Tensor (K, 2, n_weights)
        Running means of each weight's gradients and of their squares; updated in place.
    """

    def __init__(self, arch: Arch, recipes: Sequence[Recipe], steps: int, moments: Tensor):
        self.arch, self.moments, device = arch, moments, moments.device
        self.momentum, self.decay = recipes[0].momentum, recipes[0].decay
        self.muon = muon_layers(arch, recipes[0])
        self.matrices = arch.layer_shapes[not recipes[0].muon_first : -1]
        self.rates = torch.stack([learning_rates(arch, recipe) for recipe in recipes]).to(device)
        self.pace = torch.from_numpy(schedule(recipes[0], steps)).to(device)
        # The share of the newest gradient in the running mean of each weight's gradients.
        self.fresh = torch.full_like(moments[0, 0], 1 - BETA_1)
        if self.muon is not None:
            self.fresh[self.muon] = 1 - self.momentum

    def update(self, weights: Tensor, gradient: Tensor, step: Tensor) -> None:
        """Move the weights (K, n_weights) by one step, in place; `step` (1,) counts from 0, on the device."""
        first, second = self.moments.unbind(1)
        first.lerp_(gradient, self.fresh)
        second.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
        taken = (step + 1).to(gradient.dtype)
        direction = first / (1 - BETA_1**taken) / (second / (1 - BETA_2**taken)).sqrt_().add_(1e-8)
        if self.muon is not None:
            # Nesterov's look-ahead: the momentum after one more gradient like this one.
            ahead = first[:, self.muon].lerp(gradient[:, self.muon], 1 - self.momentum)
            direction[:, self.muon] = muon_direction(self.matrices, ahead)
            if self.decay:
                direction[:, self.muon] += self.decay * weights[:, self.muon]
        weights -= self.pace.index_select(0, step) * self.rates * direction


def schedule(recipe: Recipe, steps: int) -> np.ndarray:
    """The factor on the learning rates at each of `steps` steps, float32: a linear warm-up, then level or a cosine."""
    step = np.arange(steps)
    pace = 0.5 * (1 + np.cos(np.pi * step / max(steps, 1))) if recipe.cosine else np.ones(steps)
    return (pace * np.minimum(1, (step + 1) / max(recipe.warm_up, 1))).astype(np.float32)


def learning_rates(arch: Arch, recipe: Recipe) -> Tensor:
    """Each weight's learning rate (n_weights,)."""
    rates = torch.full((arch.n_weights,), recipe.rate, dtype=torch.float32)
    hidden = between_hidden(arch)
    if recipe.last_rate is not None:
        rates[hidden.stop :] = recipe.last_rate
    if recipe.muon_rate:
        rates[hidden] = recipe.muon_rate / (20 * arch.n_weights**0.25 if arch.widths else arch.depth * arch.width)
        if recipe.muon_first:
            rates[: arch.n_first] = recipe.muon_first * rates[arch.n_first]
    return rates


def between_hidden(arch: Arch) -> slice:
    """Where in the vector of weights the layers from hidden layer to hidden layer are."""
    return slice(arch.n_first, arch.n_weights - arch.n_last)


def muon_layers(arch: Arch, recipe: Recipe) -> slice | None:
    """Where in the vector of weights the layers are that Muon moves."""
    if not recipe.muon_rate or arch.depth == 1:
        return None
    hidden = between_hidden(arch)
    return slice(0, hidden.stop) if recipe.muon_first else hidden


def muon_direction(shapes: Sequence[tuple[int, int]], momentum: Tensor) -> Tensor:
    """Muon's direction (K, n) for neighboring layers of these shapes, from their momentum (K, n).

    A layer's bias is one more column of its matrix: its input is always 1. Layers of one shape are one product.
    """
    directions, start = [], 0
    for (n_out, n_in), alike in groupby(shapes):
        count = len(list(alike))
        end = start + count * n_out * (n_in + 1)
        layers = momentum[..., start:end].unflatten(-1, (count, n_out * (n_in + 1)))
        weights, biases = layers.split([n_out * n_in, n_out], dim=-1)
        matrices = torch.cat([weights.unflatten(-1, (n_out, n_in)), biases.unsqueeze(-1)], dim=-1)
        matrices = orthogonalize(matrices)
        directions.append(torch.cat([matrices[..., :n_in].flatten(-2), matrices[..., n_in]], dim=-1).flatten(-2))
        start = end
    return torch.cat(directions, dim=-1)


def orthogonalize(matrices: Tensor) -> Tensor:
    """Each matrix (..., n, m) with its singular values brought near 1: five Newton-Schulz iterations.

    The heart of Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/): a step of equal size in every
    direction, where the gradient's few large singular values would drown all others.
    """
    if matrices.shape[-2] > matrices.shape[-1]:  # A = x x^T is then the smaller of the two
        return orthogonalize(matrices.mT).mT
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.reshape(-1, *matrices.shape[-2:])
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):  # x <- a x + (b A + c A^2) x, A = x x^T
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.view(matrices.shape)
