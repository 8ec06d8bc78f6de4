"""The loss's gradient, written out: forward keeping each layer's slopes, backward multiplying by them.

It is what torch's autograd would do, without building a graph and without asking for memory: all buffers are made
once. On a CPU that takes two thirds of the time.
"""

import math

import numpy as np
import torch
from torch import Tensor

from coin_edu.arch import Arch
from coin_edu.siren import ACTIVATION, Layers, affine, fourier_features, omegas


class Backprop:
    """Forward and backward through a network, for at most `pixels` pixels at a time.

    Parameters
    ----------
    arch : Arch
    pixels : int
    networks : tuple of int
        () for one network, (K,) for K at once: then all below has that leading dimension.
    device : torch.device
    """

    def __init__(self, arch: Arch, pixels: int, networks: tuple[int, ...], device: torch.device):
        self.arch = arch
        self.values = torch.empty(arch.depth, *networks, pixels, arch.width, device=device)
        self.slopes = torch.empty_like(self.values)
        self.spare = torch.empty(2, *networks, pixels, arch.width, device=device)

    @torch.no_grad()
    def __call__(self, layers: Layers, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Sum of squared errors over N pixels, and its gradient with respect to all weights.

        Parameters
        ----------
        layers : list of (weight, bias)
        x : Tensor (N, inputs)
            Coordinates.
        target : Tensor (N, outputs)
            Colors in [0, 1].

        Returns
        -------
        errors : Tensor ()
        gradient : Tensor (n_weights,)
            In the order of the file.
        """
        if self.arch.fourier:
            x = fourier_features(x, self.arch.fourier)
        *hidden, (last_weight, last_bias) = layers
        here = slice(x.shape[-2])
        factors = omegas(self.arch)
        inputs = [x]
        for i, (weight, bias) in enumerate(hidden):
            z, value = self.slopes[i][..., here, :], self.values[i][..., here, :]
            torch.matmul(inputs[-1], (factors[i] * weight).mT, out=z).add_((factors[i] * bias).unsqueeze(-2))
            activate(self.arch.activation, z, value)
            inputs.append(value)

        errors = affine(inputs[-1], last_weight, last_bias) - target
        # Of a layer z = omega (W x + b), given dL/dz (N, out): dL/dW = omega dL/dz^T x, dL/db = omega sum dL/dz,
        # dL/dx = omega dL/dz W, and of the layer before, dL/dz = dL/dx times the slope there. The last layer has no
        # activation and no omega, and dL/dz = 2 (f - I); the factor 2 is put in at the end.
        gradients = [errors.sum(-2), errors.mT @ inputs[-1]]
        flow = torch.matmul(errors, last_weight, out=self.spare[0][..., here, :])
        for i in reversed(range(len(hidden))):
            flow.mul_(self.slopes[i][..., here, :])
            gradients += [flow.sum(-2).mul_(factors[i]), (flow.mT @ inputs[i]).mul_(factors[i])]
            if i:
                flow = torch.matmul(
                    flow, factors[i] * hidden[i][0], out=self.spare[(len(hidden) - i) % 2][..., here, :]
                )
        lead = errors.dim() - 2
        return errors.square().sum((-2, -1)), torch.cat([g.flatten(lead) for g in reversed(gradients)], -1).mul_(2)


def activate(name: str, z: Tensor, value: Tensor) -> None:
    """Write the activation of `z` into `value`, and its slope there over `z`."""
    if name == "sine":
        if z.device.type == "cpu":
            with np.errstate(invalid="ignore"):  # a fit that diverges gives NaN, and is told by its PSNR
                np.sin(z.numpy(), out=value.numpy())
                np.cos(z.numpy(), out=z.numpy())
        else:
            torch.sin(z, out=value)
            z.cos_()
        return
    value.copy_(ACTIVATION[name](z))
    z.copy_(SLOPE[name](z))


SLOPE = {
    "relu": lambda z: (z > 0).to(z.dtype),
    "tanh": lambda z: 1 - torch.tanh(z).square(),
    "gelu": lambda z: 0.5 * (1 + torch.erf(z / math.sqrt(2))) + z * torch.exp(-z * z / 2) / math.sqrt(2 * math.pi),
    "gauss": lambda z: -2 * z * torch.exp(-z * z),
}
