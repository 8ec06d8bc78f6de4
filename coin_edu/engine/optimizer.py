"""What the weights do with a gradient: learning rates, Adam, and Muon between hidden layers."""

import numpy as np
import torch
from torch import Tensor

from coin_edu.arch import Arch
from coin_edu.recipe import Recipe

BETA_1, BETA_2 = 0.9, 0.999


def schedule(recipe: Recipe, steps: int) -> np.ndarray:
    """The factor on the learning rates at each of `steps` steps, float32: a linear warm-up, then level or a cosine."""
    step = np.arange(steps)
    pace = 0.5 * (1 + np.cos(np.pi * step / max(steps, 1))) if recipe.cosine else np.ones(steps)
    return (pace * np.minimum(1, (step + 1) / max(recipe.warm_up, 1))).astype(np.float32)


def learning_rates(arch: Arch, recipe: Recipe) -> Tensor:
    """Each weight's learning rate (n_weights,)."""
    rates = torch.full((arch.n_weights,), recipe.rate)
    hidden = between_hidden(arch)
    rates[hidden.stop :] = recipe.last_rate or recipe.rate
    rates[hidden] = recipe.muon_rate / (arch.depth * arch.width) or recipe.rate
    return rates


def between_hidden(arch: Arch) -> slice:
    """Where in the vector of weights the layers from hidden layer to hidden layer are."""
    return slice(arch.n_first, arch.n_weights - arch.outputs * (arch.width + 1))


def muon_direction(arch: Arch, momentum: Tensor) -> Tensor:
    """Muon's direction for the layers between hidden layers (K, n), from their momentum (K, n).

    A layer's bias is one more column of its matrix: its input is always 1.
    """
    width = arch.width
    layers = momentum.unflatten(-1, (arch.depth - 1, width * (width + 1)))
    weights, biases = layers.split([width * width, width], dim=-1)
    matrices = torch.cat([weights.unflatten(-1, (width, width)), biases.unsqueeze(-1)], dim=-1)
    matrices = orthogonalize(matrices)
    return torch.cat([matrices[..., :width].flatten(-2), matrices[..., width]], dim=-1).flatten(-2)


def orthogonalize(matrices: Tensor) -> Tensor:
    """Each matrix (..., n, m), n <= m, with its singular values brought near 1: five Newton-Schulz iterations.

    The heart of Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/): a step of equal size in every
    direction, where the gradient's few large singular values would drown all others.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.reshape(-1, *matrices.shape[-2:])
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):  # x <- a x + (b A + c A^2) x, A = x x^T
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.view(matrices.shape)
