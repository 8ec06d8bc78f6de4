"""The network: a multilayer perceptron from coordinates to colors, with sines between its layers.

References
----------
Sitzmann et al. 2020, "Implicit Neural Representations with Periodic Activation Functions" (SIREN), arXiv 2006.09661.
Dupont et al. 2021, "COIN: COmpression with Implicit Neural representations", arXiv 2103.03123.
Tancik et al. 2020, "Fourier Features Let Networks Learn High Frequency Functions ...", arXiv 2006.10739.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.utils import skip_init

from coin_edu.arch import ACTIVATIONS, Arch
from coin_edu.engine.modes import ordinary
from coin_edu.errors import CoinError

Layers = Sequence[tuple[Tensor, Tensor]]


class Siren(nn.Module):
    """A coordinate network, (N, 2) coordinates to (N, 3) colors, initialized as in the SIREN paper.

    With ``activation="relu"`` and others it is the ordinary network that notebook 1 compares with. It is a module as
    torch's own are: `layers` takes hooks, pruning and parametrizations, and forward is plain torch, to be
    differentiated in any mode, mapped, compiled and exported.

    Parameters
    ----------
    arch : Arch
        Its shape.
    seed : int or None
        The initial weights are drawn from this seed alone, the same on every run. None leaves them to be set.

    Examples
    --------
    >>> model = Siren(Arch(3, 16), seed=1)
    >>> model(torch.zeros(5, 2)).shape
    torch.Size([5, 3])
    """

    def __init__(self, arch: Arch | str, seed: int | None = 0):
        super().__init__()
        self.arch = arch = Arch.of(arch)
        self.layers = nn.ModuleList(skip_init(nn.Linear, n_in, n_out) for n_out, n_in in arch.layer_shapes)
        if seed is None:
            return
        generator = torch.Generator().manual_seed(seed)
        for layer, bound in zip(self.layer_weights, init_bounds(arch), strict=True):
            for part in layer:  # drawn in float32, whatever torch's default is: the same numbers
                drawn = torch.empty(part.shape, dtype=torch.float32, device="cpu")
                part.data.copy_(drawn.uniform_(-bound, bound, generator=generator))

    @classmethod
    def from_layers(
        cls,
        layers: Sequence[tuple[ArrayLike, ArrayLike]],
        activation: str = "sine",
        omega_0: float = 30.0,
        omega_first: float = 30.0,
        fourier: int = 0,
        ratio: float = 2.0,
    ) -> "Siren":
        """A network of your own weights, however they were found: (weight, bias) of each layer, first to last.

        Parameters
        ----------
        layers : sequence of pairs of arrays or tensors
            (out, in) and (out,) each; the last one of the colors.
        activation, omega_0, omega_first, fourier, ratio
            As in :class:`Arch`.

        Raises
        ------
        CoinError
            If the layers do not fit onto each other.

        Examples
        --------
        >>> import numpy as np
        >>> layers = [(np.eye(4, 2), np.zeros(4)), (np.ones((3, 4)), np.zeros(3))]
        >>> Siren.from_layers(layers).arch == Arch(1, 4)
        True
        """
        pairs = [tuple(torch.as_tensor(part).detach().cpu().float() for part in layer) for layer in layers]
        shapes = [tuple(tuple(part.shape) for part in pair) for pair in pairs]
        if len(pairs) < 2 or any(len(pair) != 2 or pair[0].dim() != 2 for pair in pairs):
            raise CoinError(f"two layers or more are needed, each (weight (out, in), bias (out,)), got {shapes}")
        inputs = pairs[0][0].shape[1] // (2 * fourier if fourier else 1)
        *widths, outputs = [len(weight) for weight, _ in pairs]
        form = activation, omega_0, omega_first, fourier, inputs, outputs, ratio, tuple(widths)
        arch = Arch(len(widths), max(widths), *form)
        expected = [((n_out, n_in), (n_out,)) for n_out, n_in in arch.layer_shapes]
        if shapes != expected:
            raise CoinError(f"layers of a {arch} network have the shapes {expected}, got {shapes}")
        return with_weights(arch, torch.cat([part.flatten() for pair in pairs for part in pair]))

    @property
    def layer_weights(self) -> Layers:
        """(weight, bias) of each layer, first to last: (out, in) and (out,); pruned or reparametrized, as they act."""
        return [(layer.weight, layer.bias) for layer in self.layers]  # type: ignore[misc]

    def forward(self, x: Tensor) -> Tensor:
        """Colors (N, outputs), in [0, 1] once fitted but not clamped, at coordinates `x` (N, inputs).

        x_0 = x, x_{i+1} = sin(omega_0 (W_i x_i + b_i)), f(x) = W_n x_n + b_n.
        """
        if self.arch.fourier:
            x = fourier_features(x, self.arch.fourier, self.arch.ratio)
        function = ACTIVATION[self.arch.activation].function
        *hidden, last = self.layers
        for i, layer in enumerate(hidden):
            x = function(self.arch.omega(i) * layer(x))
        colors: Tensor = last(x)
        return colors


def omegas(arch: Arch) -> Tensor:
    """The factor on each weight (n_weights,): omega_0 before a sine, else 1."""
    factors = torch.ones(arch.n_weights, dtype=torch.float32)
    factors[: -arch.n_last] = arch.omega(1)
    factors[: arch.n_first] = arch.omega(0)
    return factors


def he(n_in: int, n_out: int) -> float:
    """b of U(-b, b) for ReLU and its kin: sqrt(6 / n_in) (He et al. 2015, arXiv 1502.01852)."""
    return math.sqrt(6 / n_in)


def glorot(n_in: int, n_out: int) -> float:
    """b of U(-b, b) for tanh: sqrt(6 / (n_in + n_out)) (Glorot and Bengio 2010)."""
    return math.sqrt(6 / (n_in + n_out))


@dataclass(frozen=True)
class Activation:
    """What stands between two layers.

    Parameters
    ----------
    function, slope : callable
        Of a tensor, element by element; the slope is the function's derivative.
    bound : callable
        b of the uniform distribution U(-b, b) that weights and biases start from, by a layer's inputs and outputs.
    """

    function: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    bound: Callable[[int, int], float] = he


# By the names that `arch.ACTIVATIONS` gives a byte in the file.
ACTIVATION = {
    "sine": Activation(torch.sin, torch.cos),
    "relu": Activation(torch.relu, lambda z: (z > 0).to(z.dtype)),
    "tanh": Activation(torch.tanh, lambda z: 1 - torch.tanh(z).square(), glorot),
    "gelu": Activation(
        nn.functional.gelu,
        lambda z: 0.5 * (1 + torch.erf(z / math.sqrt(2))) + z * torch.exp(-z * z / 2) / math.sqrt(2 * math.pi),
    ),
    "gauss": Activation(lambda z: torch.exp(-z * z), lambda z: -2 * z * torch.exp(-z * z)),
}


def register_activation(
    name: str,
    function: Callable[[Tensor], Tensor],
    slope: Callable[[Tensor], Tensor] | None = None,
    bound: Callable[[int, int], float] = he,
) -> None:
    """From now on, ``Arch(..., activation=name)`` is a network with an activation of your own.

    It can be fitted and rendered. A file has no byte for it, so that it cannot be stored.

    Parameters
    ----------
    name : str
        Of none that is there already.
    function, slope, bound
        As in :class:`Activation`; without a slope, torch's autograd finds it, which takes longer.

    Raises
    ------
    CoinError
        If the name is taken.

    Examples
    --------
    >>> register_activation("softsign", lambda z: z / (1 + z.abs()))
    >>> Siren(Arch(1, 4, activation="softsign"))(torch.zeros(1, 2)).shape
    torch.Size([1, 3])
    """
    if name in ACTIVATIONS:
        raise CoinError(f"there is an activation {name!r} already; take another name")

    def by_autograd(z: Tensor) -> Tensor:
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            (found,) = torch.autograd.grad(function(z).sum(), z)
        return found

    ACTIVATION[name] = Activation(function, slope or by_autograd, bound)
    ACTIVATIONS[name] = None


def init_bounds(arch: Arch) -> list[float]:
    """b of the uniform distribution U(-b, b) that each layer's weights and biases start from.

    Sine: 1/n in the first layer and sqrt(6/n)/omega_0 in the others, n inputs each, so that every layer's input is
    distributed alike at any depth (SIREN paper, section 3.2 and its supplement, theorem 1.8). Behind Fourier features,
    which are sines themselves, the first layer is as the others. Other activations as their :class:`Activation` says.
    """
    bounds = [ACTIVATION[arch.activation].bound(n_in, n_out) for n_out, n_in in arch.layer_shapes]
    if arch.activation == "sine":
        first = bounds[0] / arch.omega_first if arch.fourier else 1 / arch.features
        bounds = [first, *(bound / arch.omega_0 for bound in bounds[1:])]
    return bounds


def fourier_features(x: Tensor, count: int, ratio: float = 2.0) -> Tensor:
    """(..., d) coordinates to (..., 2 d count): sin and cos of ratio^k pi x, k = 0 ... count - 1."""
    frequencies = torch.tensor([math.pi * ratio**k for k in range(count)], dtype=torch.float32)
    angles = (x.unsqueeze(-1) * frequencies.to(x)).flatten(-2)
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)


def unflatten(arch: Arch, vector: Tensor) -> Layers:
    """(weight, bias) of each layer as views into `vector` (n_weights,) or (K, n_weights), no copies.

    The order is that of ``torch.nn.utils.parameters_to_vector`` and of the file: W_0, b_0, W_1, b_1, ..., row by row.
    """
    layers, start = [], 0
    for n_out, n_in in arch.layer_shapes:
        middle, end = start + n_out * n_in, start + n_out * (n_in + 1)
        layers.append((vector[..., start:middle].unflatten(-1, (n_out, n_in)), vector[..., middle:end]))
        start = end
    return layers


class Fitted(Protocol):
    """Whatever has a network, as what :func:`coin_edu.fit` returns."""

    @property
    def model(self) -> Siren:
        """The network."""


Network = Siren | Fitted


def as_siren(network: Network) -> Siren:
    """The network itself, or the one of a fit: what a function takes where it needs a network.

    Raises
    ------
    CoinError
        If it is none, or one whose colors come from a `forward` of its own, which no file can hold.
    """
    model: Any = getattr(network, "model", network)
    while not isinstance(model, Siren):  # the one within: compiled, or in DataParallel
        within = getattr(model, "_orig_mod", getattr(model, "module", None))
        if not isinstance(within, nn.Module):
            break
        model = within
    if not isinstance(model, Siren):
        raise CoinError(
            f"a network is a Siren, or what fit() returns, got {type(network).__name__}; "
            "Siren.from_layers([(W, b), ...]) makes one of your own weights"
        )
    if type(model).forward is not Siren.forward:
        raise CoinError(
            f"{type(model).__name__} has a forward of its own, which neither the fit nor a file would follow; give "
            "another function a name by siren.register_activation, or take the weights alone by Siren.from_layers"
        )
    shapes = [(tuple(weight.shape), tuple(bias.shape)) for weight, bias in model.layer_weights]
    if shapes != [((n_out, n_in), (n_out,)) for n_out, n_in in model.arch.layer_shapes]:
        raise CoinError(
            f"the model's layers are not those of its arch, {model.arch}; Siren.from_layers makes a new one"
        )
    return model


@ordinary()
def with_weights(arch: Arch, vector: Tensor) -> Siren:
    """A network on the CPU with the weights `vector` (n_weights,), ordered as in the file."""
    model = Siren(arch, seed=None)
    own = vector.detach().cpu().float()
    for layer, parts in zip(model.layers, unflatten(arch, own), strict=True):
        # Copies: train the model, and the caller's weights would change.
        layer.weight, layer.bias = (nn.Parameter(part.clone()) for part in parts)
    return model
