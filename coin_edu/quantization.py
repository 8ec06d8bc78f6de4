"""Fewer bits a weight: half-precision floats, or integers times a step.

The COIN paper (arXiv 2103.03123, section 4.3) rounds the fitted weights to 16-bit floats and finds that 8 bits lose
too much. Uniform quantization of a weight w with step s stores the integer q = round(w / s); the decoder uses q s.

Which steps? To second order, an error e in a weight adds h e^2 to the picture's mean squared error, h the weight's
`sensitivity`, and rounding makes errors of s^2 / 12 on average. An entropy coder spends about a constant minus
log2(s) bits on a weight. Of all steps that cost equal bits, those with equal h s^2 then do the least harm
(`step_sizes`): the finest for the first layer, whose errors turn the angles of all waves, the further from the center
the more, and pass through every other layer.
"""

import numpy as np
import torch
from torch import from_numpy
from torch.nn.utils import parameters_to_vector

from coin_edu.arch import Arch
from coin_edu.bitstream import STEP, CoinFile, pack
from coin_edu.coding import ENTROPY, Coding
from coin_edu.engine.modes import ordinary
from coin_edu.entropy import LARGEST
from coin_edu.errors import CoinError, check_whole
from coin_edu.image import axes
from coin_edu.siren import Network, Siren, as_siren, with_weights


@ordinary()
def quantize(model: Network, bits: int, per: str = "tensor", first_bits: int | None = None) -> Siren:
    """A copy of the model with its weights rounded to what a file of `bits` bits a weight holds.

    Parameters
    ----------
    model : Siren or Fit
    bits : int
        32 (nothing changes), 16 (half-precision floats), or 8 to 2 (integers times a step).
    per : {"tensor", "channel"}
        Which weights share a step: a whole matrix, or each of its rows. Biases share one a layer. Rows lose less at
        equal bits, but their many steps cost more bytes than they save.
    first_bits : int, optional
        Bits in the first layer, `bits` to 16; by default four more than in the others.

    Raises
    ------
    CoinError
        As :func:`to_numbers`.

    Examples
    --------
    >>> model = Siren(Arch(1, 4))
    >>> matrix, _ = quantize(model, 2, first_bits=8).layer_weights[-1]
    >>> len(matrix.unique()) <= 3  # two bits: minus one, none, or plus one step
    True
    """
    coding, model = Coding(bits, per, first_bits), as_siren(model)
    weights, steps = to_numbers(weight_vector(model), model.arch, coding)
    values = weights.astype(np.float32) if steps is None else weights * coding.spread(steps, model.arch)
    return with_weights(model.arch, from_numpy(values)).to(model.layer_weights[0][0].device)


@ordinary()
def weight_vector(model: Siren) -> np.ndarray:
    """All weights and biases as float32 (n_weights,), in the order of the file: W_0, b_0, W_1, b_1, ..., by row."""
    parts = [part.detach().flatten() for layer in as_siren(model).layer_weights for part in layer]
    if any(part.is_meta for part in parts):
        raise CoinError("the network is on torch's meta device, which keeps shapes and no weights; make it on another")
    return torch.cat(parts).cpu().float().clone().numpy()


def to_numbers(vector: np.ndarray, arch: Arch, coding: Coding) -> tuple[np.ndarray, np.ndarray | None]:
    """Round float weights (n_weights,) to the numbers that a file of plain coding stores: (weights, steps).

    The step of a run of weights of b bits is ``max |w| / (2^(b-1) - 1)``, so that the largest one is met exactly.

    Returns
    -------
    weights : ndarray (n_weights,)
        float32, float16, or int16 integers in [-2^(b-1) + 1, 2^(b-1) - 1].
    steps : ndarray or None
        float32, one for each run of ``coding.groups(arch)``; None for floats.

    Raises
    ------
    CoinError
        If a weight is not finite or too large for half precision, or the coding is by entropy, whose steps
        :func:`step_sizes` chooses for a budget.
    """
    if not np.isfinite(vector).all():
        raise CoinError("a weight is not finite: the fit diverged; fit again with a lower learning rate")
    if coding.is_entropy:
        raise CoinError(f"bits a weight must be one of {', '.join(map(str, Coding.PLAIN))}, got {coding.bits}")
    if coding.bits == 32:
        return vector.astype(np.float32), None
    if coding.bits == 16:
        largest = np.abs(vector).max()
        if largest > np.finfo(np.float16).max:
            raise CoinError(f"a weight of {largest:.3g} exceeds half precision's 65504; use bits=32, or fit again")
        return vector.astype(np.float16), None
    starts = np.cumsum([0, *coding.groups(arch)[:-1]])
    most = 2 ** (coding.widths(arch)[starts] - 1) - 1
    steps = (np.maximum.reduceat(np.abs(vector), starts) / most).astype(np.float32)
    # A run of zeros, or of numbers too small for a float32 step, is stored as zeros.
    divisors = coding.spread(np.where(steps > 0, steps, np.inf), arch)
    return rounded_to(vector, divisors, coding.spread(most, arch)), steps


def rounded_to(vector: np.ndarray, deltas: np.ndarray, most: np.ndarray | int) -> np.ndarray:
    """Weights (n_weights,) as int16 multiples of `deltas`, none beyond `most`."""
    return np.clip(np.rint(vector / deltas), -most, most).astype(np.int16)


@ordinary()
def sensitivity(model: Siren, shape: tuple[int, ...], probes: int = 32, pixels: int = 4096) -> np.ndarray:
    """How much each weight's error matters: h (n_weights,), where errors e add about sum(h e^2) to the MSE.

    h is the mean over pixels and colors of (df/dw)^2, the diagonal of the Gauss-Newton matrix. The gradient of a sum
    of all outputs with random signs has that, times their number, as its mean square (Hutchinson 1989).

    Parameters
    ----------
    model : Siren
    shape : tuple of int
        (height, width) of the picture.
    probes, pixels : int
        Gradients to average, and random places for each.
    """
    generator = torch.Generator().manual_seed(0)
    xs, ys = map(from_numpy, axes(shape))
    model = with_weights(as_siren(model).arch, from_numpy(weight_vector(model)))  # however it was reparametrized, plain
    parameters, arch = list(model.parameters()), model.arch
    piece = max(1, min(pixels, NUMBERS // max(arch.width, arch.features)))
    total = torch.zeros(arch.n_weights, dtype=torch.float32)
    for _ in range(probes):
        columns, rows = (torch.randint(len(axis), (pixels,), generator=generator) for axis in (xs, ys))
        signs = 2.0 * torch.randint(2, (pixels, arch.outputs), generator=generator).float() - 1
        gradient = torch.zeros_like(total)
        for some in torch.arange(pixels).split(piece):
            colors = model(torch.stack([xs[columns[some]], ys[rows[some]]], dim=1))
            gradient += parameters_to_vector(torch.autograd.grad((signs[some] * colors).sum(), parameters))
        total += gradient.square()
    return (total / (probes * pixels * arch.outputs)).numpy()


# Numbers of one layer that are in memory at once, 16 MB.
NUMBERS = 2**22
COARSEST = 2.0**15  # of float16's powers of two


@ordinary()
def step_sizes(model: Siren, shape: tuple[int, ...], n_bytes: int) -> np.ndarray:
    """The smallest steps, in the best proportion, whose entropy-coded file takes at most `n_bytes` bytes.

    Returns
    -------
    ndarray, float32 (n_steps,)
        One a run of ``ENTROPY.groups(arch)``, of float16's precision as in the file.

    Raises
    ------
    CoinError
        If no steps are large enough, or too large a weight is among them, or constriction is not installed.
    """
    arch, vector = model.arch, weight_vector(model)
    lengths = ENTROPY.groups(arch)
    starts = np.cumsum([0, *lengths[:-1]])
    largest = np.maximum.reduceat(np.abs(vector), starts)
    if not largest.max() <= LARGEST * COARSEST:
        raise CoinError(f"a weight of {largest.max():.3g} is too large to be entropy-coded; use plain coding, 32 bits")
    finest = 1.001 * largest / LARGEST + 2.0**-24  # not even rounded to float16 do they leave an integer too large
    means = np.maximum(np.add.reduceat(sensitivity(model, shape), starts) / lengths, 1e-12)
    # An even share of the error for each weight: h s^2 / 12 = mse / n_weights.
    proportions = np.sqrt(12 / (arch.n_weights * means))

    def at(log_mse: float) -> np.ndarray:
        return np.clip(2.0 ** (log_mse / 2) * proportions, finest, COARSEST).astype(STEP).astype(np.float32)

    def fits(log_mse: float) -> bool:
        steps = at(log_mse)
        weights = to_integers(vector, arch, steps)
        try:
            return len(pack(CoinFile((shape[0], shape[1]), arch, ENTROPY, weights, steps))) <= n_bytes
        except CoinError:  # with steps as fine, the tables of the integers would be too large
            return False

    check_budget(arch, shape, n_bytes)
    # The error of rounding, as a power of two: from 60 dB, where it is not seen, to -30 dB, where all integers are 0
    # (but for a network whose every weight matters very much: hence the loop).
    low, high = -20.0, 10.0
    while not fits(high):
        if high > 100:
            raise CoinError(f"weights of {largest.max():.3g} fit no {n_bytes} bytes; fit again with a lower rate")
        low, high = high, high + 10
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return at(high)


@ordinary()
def check_budget(arch: Arch, shape: tuple[int, ...], n_bytes: int) -> None:
    """Raise a :class:`CoinError` if the entropy-coded file of this network takes more bytes even when all is zero."""
    zeros = np.zeros(arch.n_weights, np.int16), np.zeros(ENTROPY.n_steps(arch), np.float32)
    least = len(pack(CoinFile((shape[0], shape[1]), arch, ENTROPY, *zeros)))
    if not check_whole("n_bytes", n_bytes, 1) >= least:
        raise CoinError(f"a {arch} network takes at least {least} bytes, {n_bytes} are allowed; take a smaller one")


def to_integers(vector: np.ndarray, arch: Arch, steps: np.ndarray) -> np.ndarray:
    """Weights (n_weights,) as int16 multiples of the steps by tensor."""
    return rounded_to(vector, ENTROPY.spread(steps, arch), LARGEST)
