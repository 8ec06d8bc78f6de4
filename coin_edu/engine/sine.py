"""Sines on a processor by NumPy: the same as torch's to 1e-7, and on processors of AMD's in two fifths of the time."""

import numpy as np
import torch
from torch import Tensor


def sine(z: Tensor) -> Tensor:
    """sin z; written over z where that can be, on a processor and where no gradient is asked for."""
    if z.requires_grad or not z.is_cpu:
        return torch.sin(z)
    return _write(np.sin, z, z)


def sine_and_slope(z: Tensor, value: Tensor) -> None:
    """Write sin z into `value`, and cos z over z."""
    if z.is_cpu:
        _write(np.sin, z, value)
        _write(np.cos, z, z)
    else:
        torch.sin(z, out=value)
        z.cos_()


def _write(function: np.ufunc, z: Tensor, out: Tensor) -> Tensor:
    with np.errstate(all="ignore"):  # of infinity: NaN, as in torch, and without a warning
        function(z.numpy(), out=out.numpy())
    return out
