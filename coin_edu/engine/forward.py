"""The network's function, made fast: where no gradient is asked for, and for K networks at once."""

import numpy as np
import torch
from torch import Tensor, nn

from coin_edu.arch import Arch
from coin_edu.siren import ACTIVATION, Layers, fourier_features


def evaluate(arch: Arch, layers: Layers, x: Tensor) -> Tensor:
    """What ``Siren.forward`` gives, from (weight, bias) of each layer.

    Weights may carry a leading dimension: (K, out, in) and (K, out) are K networks at once, x then (N, inputs) or
    (K, N, inputs) and the answer (K, N, outputs).
    """
    if arch.fourier:
        x = fourier_features(x, arch.fourier)
    *hidden, (last_weight, last_bias) = layers
    function = sine if arch.activation == "sine" else ACTIVATION[arch.activation].function
    for i, (weight, bias) in enumerate(hidden):
        # omega_0 is multiplied into the few weights, not into the many activations.
        omega = arch.omega(i)
        x = function(affine(x, omega * weight, omega * bias))
    return affine(x, last_weight, last_bias)


def sine(z: Tensor) -> Tensor:
    """sin(z); on a CPU, where no gradient is asked for, by NumPy, which takes half torch's time."""
    if z.requires_grad or z.device.type != "cpu":
        return torch.sin(z)
    with np.errstate(invalid="ignore"):  # the sine of infinity is NaN, here as in torch
        return torch.from_numpy(np.sin(z.numpy()))


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """W x + b for every row of x; a leading dimension of `weight` runs over networks."""
    if weight.dim() == 2:
        return nn.functional.linear(x, weight, bias)
    return torch.baddbmm(bias.unsqueeze(-2), x.expand(len(weight), *x.shape[-2:]), weight.mT)
