"""The loss's gradient, written out: forward keeping each layer's slopes, backward multiplying by them.

It is what torch's autograd would do, without building a graph and without asking for memory: all buffers are made
once. On a CPU that takes two thirds of the time.
"""

import math

import torch
from torch import Tensor

from coin_edu.arch import Arch
from coin_edu.engine.sine import sine_and_slope
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
        widths = arch.hidden
        self.values = [torch.empty(*networks, pixels, width, dtype=torch.float32, device=device) for width in widths]
        self.slopes = [torch.empty_like(values) for values in self.values]
        self.flows = [torch.empty_like(values) for values in self.values]
        # sin(omega (W x + b)) = sin(W' x + b'), W' = omega W: multiplied once, not at every layer.
        self.factors = omegas(arch).to(device)
        self.scaled = torch.empty(*networks, arch.n_weights, dtype=torch.float32, device=device)
        self.layers = unflatten(arch, self.scaled)
        self.add_product = torch.baddbmm if networks else torch.addmm
        self.is_card = device.type == "cuda"

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
        inputs, n = [x], x.shape[-2]
        for (weight, bias), values, slopes in zip(hidden, self.values, self.slopes, strict=True):
            z, value = slopes[..., :n, :], values[..., :n, :]
            self.add_product(bias.unsqueeze(-2), inputs[-1], weight.mT, out=z)
            activate(self.arch.activation, z, value)
            inputs.append(value)
        errors = self.add_product(last_bias.unsqueeze(-2), inputs[-1], last_weight.mT) - target

        # Of a layer z = W' x + b', given dL/dz (N, out): dL/dW' = dL/dz^T x, dL/db' = sum dL/dz, dL/dx = dL/dz W', and
        # of the layer before, dL/dz = dL/dx times the slope there. At the end dL/dz = 2 (f - I) times the counts; the 2
        # is put in last, and omega, since dL/dW = omega dL/dW'.
        gradient = torch.empty_like(weights)
        layers = unflatten(self.arch, gradient)
        flow = errors if counts is None else errors * counts.unsqueeze(-1)
        total = (flow * errors).sum((-2, -1))
        for i in reversed(range(len(layers))):
            self._weight_gradient(flow, inputs[i], layers[i][0])
            torch.sum(flow, -2, out=layers[i][1])
            if i:
                flow = torch.matmul(flow, self.layers[i][0], out=self.flows[i - 1][..., :n, :])
                flow.mul_(self.slopes[i - 1][..., :n, :])
        return total, gradient.mul_(2 * self.factors)

    def _weight_gradient(self, flow: Tensor, x: Tensor, out: Tensor) -> None:
        """dL/dz^T x, the sum over all pixels: a small matrix, and a long sum."""
        parts = math.gcd(x.shape[-2], PARTS) if self.is_card else 1
        if parts == 1:
            torch.matmul(flow.mT, x, out=out)
            return
        # A card's many processors would leave such a sum to a few of them.
        pieces = flow.unflatten(-2, (parts, -1)).mT @ x.unflatten(-2, (parts, -1))
        torch.sum(pieces, -3, out=out)


# Parts of a sum over pixels that a card adds up side by side.
PARTS = 64


def activate(name: str, z: Tensor, value: Tensor) -> None:
    """Write the activation of `z` into `value`, and its slope there over `z`."""
    if name == "sine":
        sine_and_slope(z, value)
        return
    value.copy_(ACTIVATION[name].function(z))
    z.copy_(ACTIVATION[name].slope(z))
