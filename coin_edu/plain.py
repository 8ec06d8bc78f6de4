"""COIN as it was published, in plain torch: read this first.

A picture is a function: a pixel's place (x, y) goes in, its color comes out. A small network with sine activations (a
SIREN, Sitzmann et al. 2020, arXiv 2006.09661) is fitted to one picture until it is that function. Its weights, in 16
bits each, are the compressed picture (COIN, Dupont et al. 2021, arXiv 2103.03123). To decompress: `network` at every
pixel. The rest of the package does the same, faster, and with a real file; ``fit(..., recipe="paper")`` is this loop.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from coin_edu.image import grid

Layers = Sequence[tuple[Tensor, Tensor]]


def start(depth: int, width: int, omega_0: float = 30.0, seed: int = 0) -> Layers:
    """Random (weight, bias) of `depth` hidden layers of `width` units and of the last layer (SIREN, section 3.2)."""
    generator, layers = torch.Generator().manual_seed(seed), []
    for i, (n_in, n_out) in enumerate(pairwise([2, *[width] * depth, 3])):
        bound = math.sqrt(6 / n_in) / omega_0 if i else 1 / n_in
        weight = torch.empty(n_out, n_in).uniform_(-bound, bound, generator=generator)
        layers.append((weight, torch.empty(n_out).uniform_(-bound, bound, generator=generator)))
    return layers


def network(layers: Layers, x: Tensor, omega_0: float = 30.0) -> Tensor:
    """Colors (N, 3), about 0 to 1, at the coordinates `x` (N, 2)."""
    *hidden, (last_weight, last_bias) = layers
    for weight, bias in hidden:
        x = torch.sin(omega_0 * (x @ weight.T + bias))
    return x @ last_weight.T + last_bias


def train(image: np.ndarray, layers: Layers, omega_0: float = 30.0, rate: float = 2e-4) -> Iterator[float]:
    """Fit the network to the picture, uint8 (H, W, 3), without end, yielding the loss that each step began with.

    Examples
    --------
    >>> from itertools import islice
    >>> picture, layers = np.zeros((4, 6, 3), np.uint8), start(depth=2, width=8)
    >>> losses = list(islice(train(picture, layers), 20))
    >>> losses[-1] < losses[0]
    True
    """
    weights = [tensor.requires_grad_() for layer in layers for tensor in layer]
    x = torch.from_numpy(grid(image.shape)).to(weights[0].device)
    colors = torch.from_numpy(image.reshape(-1, 3)).to(x.device) / 255
    adam = torch.optim.Adam(weights, lr=rate)
    while True:
        loss = (network(layers, x, omega_0) - colors).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        yield loss.item()
