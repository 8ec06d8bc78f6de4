"""The network's function, made fast: where no gradient is asked for, and for K networks at once."""

import torch
from torch import Tensor, nn

from coin_edu.arch import Arch
from coin_edu.engine.sine import sine
from coin_edu.image import axes
from coin_edu.siren import ACTIVATION, Layers, fourier_features


def evaluate(arch: Arch, layers: Layers, x: Tensor) -> Tensor:
    """What ``Siren.forward`` gives, from (weight, bias) of each layer.

    Weights may carry a leading dimension: (K, out, in) and (K, out) are K networks at once, x then (N, inputs) or
    (K, N, inputs) and the answer (K, N, outputs).
    """
    return propagate(arch, layers, fourier_features(x, arch.fourier, arch.ratio) if arch.fourier else x)


def propagate(arch: Arch, layers: Layers, x: Tensor) -> Tensor:
    """The same from what enters the first layer, (N, features) or (K, N, features)."""
    *hidden, (last_weight, last_bias) = layers
    function = sine if arch.activation == "sine" else ACTIVATION[arch.activation].function
    for i, (weight, bias) in enumerate(hidden):
        # omega_0 is multiplied into the few weights, not into the many activations.
        omega = arch.omega(i)
        x = function(affine(x, omega * weight, omega * bias))
    return affine(x, last_weight, last_bias)


class Inputs:
    """What enters the first layer at a picture's pixels: the coordinates, or their Fourier features.

    A feature depends on the column alone or on the row alone, so that a table of each has them all: no sine is taken
    at any pixel.

    Parameters
    ----------
    arch : Arch
    shape : tuple of int
        (height, width) of the picture.
    device : torch.device
    """

    def __init__(self, arch: Arch, shape: tuple[int, int], device: torch.device):
        self.fourier = arch.fourier
        places = [torch.from_numpy(axis).unsqueeze(-1) for axis in axes(shape)]
        if arch.fourier:
            places = [fourier_features(axis, arch.fourier, arch.ratio) for axis in places]
        self.columns, self.rows = (table.to(device) for table in places)

    def __call__(self, columns: Tensor, rows: Tensor) -> Tensor:
        """(..., N, features) of the pixels at these columns and rows, (..., N) each."""
        x, y = self.columns[columns], self.rows[rows]
        if not self.fourier:
            return torch.cat([x, y], -1)
        (sin_x, cos_x), (sin_y, cos_y) = x.split(self.fourier, -1), y.split(self.fourier, -1)
        return torch.cat([sin_x, sin_y, cos_x, cos_y], -1)


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """W x + b for every row of x; a leading dimension of `weight` runs over networks."""
    if weight.dim() == 2:
        return nn.functional.linear(x, weight, bias)
    return torch.baddbmm(bias.unsqueeze(-2), x.expand(len(weight), *x.shape[-2:]), weight.mT)
