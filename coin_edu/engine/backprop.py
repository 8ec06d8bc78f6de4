"""The loss's gradient, written out: forward keeping each layer's slopes, backward multiplying by them.

It is what torch's autograd would do, without building a graph and without asking for memory: all buffers are made
once. On a CPU that takes two thirds of the time.
"""

import numpy as np
import torch
from torch import Tensor

from coin_edu.arch import Arch
from coin_edu.siren import ACTIVATION, omegas, unflatten


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
        # Pixels run along the last dimension: matrix products this small are faster so.
        widths = [n_out for n_out, _ in arch.layer_shapes[:-1]]
        self.values = [torch.empty(*networks, width, pixels, dtype=torch.float32, device=device) for width in widths]
        self.slopes = [torch.empty_like(values) for values in self.values]
        self.flows = [torch.empty_like(values) for values in self.values]
        # sin(omega (W x + b)) = sin(W' x + b'), W' = omega W: multiplied once, not at every layer.
        self.factors = omegas(arch).to(device)
        self.scaled = torch.empty(*networks, arch.n_weights, dtype=torch.float32, device=device)
        self.layers = unflatten(arch, self.scaled)
        self.add_product = torch.baddbmm if networks else torch.addmm

    @torch.no_grad()
    def __call__(
        self, weights: Tensor, x: Tensor, target: Tensor, counts: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Sum of squared errors over N pixels, and its gradient with respect to all weights.

        Parameters
        ----------
        weights : Tensor (n_weights,)
            In the order of the file.
        x : Tensor (N, features)
            What enters the first layer: coordinates, or their Fourier features.
        target : Tensor (N, outputs)
            Colors in [0, 1].
        counts : Tensor (N,), optional
            What each pixel counts in the sum; by default 1.

        Returns
        -------
        errors : Tensor ()
        gradient : Tensor (n_weights,)
        """
        torch.mul(weights, self.factors, out=self.scaled)
        *hidden, (last_weight, last_bias) = self.layers
        inputs = [x.mT]
        here = slice(x.shape[-2])
        for (weight, bias), values, slopes in zip(hidden, self.values, self.slopes, strict=True):
            z, value = slopes[..., here], values[..., here]
            self.add_product(bias.unsqueeze(-1), weight, inputs[-1], out=z)
            activate(self.arch.activation, z, value)
            inputs.append(value)
        errors = self.add_product(last_bias.unsqueeze(-1), last_weight, inputs[-1]) - target.mT

        # Of a layer z = W' x + b', given dL/dz (out, N): dL/dW' = dL/dz x^T, dL/db' = sum dL/dz, dL/dx = W'^T dL/dz,
        # and of the layer before, dL/dz = dL/dx times the slope there. At the end dL/dz = 2 (f - I) times the counts;
        # the 2 is put in last, and omega, since dL/dW = omega dL/dW'.
        gradient = torch.empty_like(weights)
        layers = unflatten(self.arch, gradient)
        flow = errors if counts is None else errors * counts.unsqueeze(-2)
        total = (flow * errors).sum((-2, -1))
        for i in reversed(range(len(layers))):
            torch.matmul(flow, inputs[i].mT, out=layers[i][0])
            torch.sum(flow, -1, out=layers[i][1])
            if i:
                flow = torch.matmul(self.layers[i][0].mT, flow, out=self.flows[i - 1][..., here])
                flow.mul_(self.slopes[i - 1][..., here])
        return total, gradient.mul_(2 * self.factors)


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
    value.copy_(ACTIVATION[name].function(z))
    z.copy_(ACTIVATION[name].slope(z))
