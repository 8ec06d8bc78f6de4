"""Fewer bits a weight: half-precision floats, or integers times a step.

The COIN paper (arXiv 2103.03123, section 4.3) rounds the fitted weights to 16-bit floats and finds that 8 bits lose
too much. Uniform quantization of a weight w with step s stores the integer q = round(w / s); the decoder uses q s.
"""

import copy

import numpy as np
from torch import from_numpy
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from coin_edu.arch import Arch
from coin_edu.errors import CoinError
from coin_edu.siren import Siren


def quantize(model: Siren, bits: int, per: str = "tensor", first_bits: int | None = None) -> Siren:
    """A copy of the model with its weights rounded to what a file of `bits` bits a weight holds.

    Parameters
    ----------
    model : Siren
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
    """
    weights, steps = to_numbers(weight_vector(model), model.arch, bits, per, first_bits)
    values = weights.astype(np.float32) if steps is None else weights * model.arch.spread(steps, per)
    rounded = copy.deepcopy(model)
    vector_to_parameters(from_numpy(values), rounded.parameters())
    return rounded


def weight_vector(model: Siren) -> np.ndarray:
    """All weights and biases as float32 (n_weights,), in the order of the file: W_0, b_0, W_1, b_1, ..., by row."""
    return parameters_to_vector(model.parameters()).detach().cpu().float().numpy()


def to_numbers(
    vector: np.ndarray, arch: Arch, bits: int, per: str = "tensor", first_bits: int | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Round float weights (n_weights,) to the numbers a file stores: (weights, steps).

    The step of a run of weights of b bits is max |w| / (2^(b-1) - 1), so that the largest one is met exactly.

    Returns
    -------
    weights : ndarray (n_weights,)
        float32, float16, or int16 integers in [-2^(b-1) + 1, 2^(b-1) - 1].
    steps : ndarray or None
        float32, one for each run of ``arch.groups(per)``; None for floats.

    Raises
    ------
    CoinError
        If a weight is not finite or too large for half precision, or a number of bits is out of range.
    """
    if not np.isfinite(vector).all():
        raise CoinError("a weight is not finite: the fit diverged; fit again with a lower learning rate")
    if bits == 32:
        return vector.astype(np.float32), None
    if bits == 16:
        largest = np.abs(vector).max()
        if largest > np.finfo(np.float16).max:
            raise CoinError(f"a weight of {largest:.3g} exceeds half precision's 65504; use bits=32, or fit again")
        return vector.astype(np.float16), None
    if bits not in range(2, 9):
        raise CoinError(f"bits a weight must be 32, 16, or 8 to 2, got {bits!r}")
    starts = np.cumsum([0, *arch.groups(per)[:-1]])
    most = 2 ** (arch.bit_widths(bits, first_bits)[starts] - 1) - 1
    steps = (np.maximum.reduceat(np.abs(vector), starts) / most).astype(np.float32)
    # A run of zeros, or of numbers too small for a float32 step, is stored as zeros.
    divisors = arch.spread(np.where(steps > 0, steps, np.inf), per)
    return np.clip(np.rint(vector / divisors), -arch.spread(most, per), arch.spread(most, per)).astype(np.int16), steps
