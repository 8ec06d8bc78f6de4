"""What networks make of their pictures' pixels, a chunk at a time: the gradient, the PSNR, each pixel's error."""

import threading
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from coin_edu.arch import Arch
from coin_edu.engine.backprop import Backprop
from coin_edu.engine.device import chunk_map
from coin_edu.engine.forward import Inputs, propagate
from coin_edu.metrics import psnr_of_mse
from coin_edu.siren import unflatten

# Pixels evaluated at once, by device. On a CPU each core takes the next few thousand, so that their activations stay in
# its cache; the split does not depend on how many cores there are, and so neither does the result.
CHUNK = {"cpu": 4096, "cuda": 2**19, "mps": 2**17}
# Bytes that the units of all networks may take on a card.
MEMORY = 2**31


class Pixels:
    """The pictures of K networks on one device.

    Parameters
    ----------
    images : sequence of ndarray, uint8 (H, W, 3)
        One for each network, or one for all.
    count : int
        K.
    arch : Arch
    batch : int
        Pixels a step looks at, at most.
    device : torch.device

    Attributes
    ----------
    colors : Tensor, uint8 (pictures, H W, 3)
    all : Tensor, int64 (K, H W)
        The index of every pixel, row by row.
    """

    def __init__(self, images: Sequence[np.ndarray], count: int, arch: Arch, batch: int, device: torch.device):
        self.arch, self.batch, self.device = arch, batch, device
        self.height, self.width = images[0].shape[:2]
        self.colors = torch.from_numpy(np.stack([image.reshape(-1, 3) for image in images])).to(device)
        self.picture = torch.arange(len(images), device=device).expand(count).unsqueeze(1)
        self.all = torch.arange(self.height * self.width, device=device).expand(count, -1)
        self.inputs = Inputs(arch, (self.height, self.width), device)
        self.chunk = CHUNK["cpu"]
        if device.type != "cpu":
            largest = MEMORY // (12 * (sum(arch.hidden) + arch.features) * count)  # three float32 for each unit
            self.chunk = max(CHUNK["cpu"], min(CHUNK.get(device.type, 2**17) // count, largest))
        # On a CPU small batched products are slower than as many single ones: there each network is its own group.
        self.groups: list[int | slice] = list(range(count)) if device.type == "cpu" else [slice(None)]
        self.local = threading.local()

    def gradient(self, weights: Tensor, index: Tensor, *counts: Tensor) -> tuple[Tensor, Tensor]:
        """The loss (K,) of the weights (K, n_weights) over the pixels `index` (K, N), and its gradient.

        `counts` (K, N) says what each pixel counts, where not all count 1.
        """
        errors, gradient = self._sums(self._errors_and_gradient, weights, index, *counts)
        return errors / (3 * index.shape[1]), gradient / (3 * index.shape[1])

    def psnr(self, weights: Tensor) -> list[float]:
        """Each network's PSNR in dB over its whole picture, clamped and rounded to 8 bits; NaN if it has diverged."""
        [errors] = self._sums(self._squared_levels, weights, self.all)
        finite = torch.isfinite(weights).all(1)
        mses = torch.where(finite, errors.float() / (3 * self.height * self.width), float("nan"))
        return [psnr_of_mse(mse) for mse in mses.tolist()]

    def errors(self, weights: Tensor, index: Tensor) -> Tensor:
        """Each pixel's squared error (K, N), at most 1: a network that has diverged must not decide where to look."""
        parts = [(weights[group], group, part) for group in self.groups for part in index[group].split(self.chunk, -1)]
        with chunk_map(self.device) as each:
            return torch.cat(list(each(self._errors, *zip(*parts, strict=True))), -1).reshape(index.shape)

    def _sums(self, function: Callable[..., tuple[Tensor, ...]], weights: Tensor, *pixels: Tensor) -> list[Tensor]:
        """The tensors of `function(weights, group, *pixels)`, summed over all chunks of pixels, K of each stacked.

        They are added as they come, in order: kept, those of a large picture would take gigabytes.
        """
        chunks = [list(zip(*(p[group].split(self.chunk, -1) for p in pixels), strict=True)) for group in self.groups]
        jobs = [
            (weights[group], group, *part) for group, parts in zip(self.groups, chunks, strict=True) for part in parts
        ]
        totals: list[tuple[Tensor, ...]] = []
        with chunk_map(self.device) as each:
            done = iter(each(function, *zip(*jobs, strict=True)))
            for parts in chunks:
                totals.append(next(done))
                for _ in parts[1:]:
                    for total, part in zip(totals[-1], next(done), strict=True):
                        total += part
        # A group of one network has no dimension for it, a group of all has.
        join = torch.cat if isinstance(self.groups[0], slice) else torch.stack
        return [join(found) for found in zip(*totals, strict=True)]

    def _inputs(self, index: Tensor) -> Tensor:
        return self.inputs(index % self.width, index // self.width)

    def _targets(self, group: int | slice, index: Tensor) -> Tensor:
        return self.colors[self.picture[group], index].float().div_(255)

    @torch.no_grad()
    def _found(self, weights: Tensor, index: Tensor) -> Tensor:
        return propagate(self.arch, unflatten(self.arch, weights), self._inputs(index))

    def _errors_and_gradient(
        self, weights: Tensor, group: int | slice, index: Tensor, *counts: Tensor
    ) -> tuple[Tensor, Tensor]:
        if not hasattr(self.local, "backprop"):  # each thread has buffers of its own
            pixels = min(self.chunk, self.batch)
            self.local.backprop = Backprop(self.arch, pixels, index.shape[:-1], self.device)
        backprop: Backprop = self.local.backprop
        return backprop(weights, self._inputs(index), self._targets(group, index), *counts)

    def _squared_levels(self, weights: Tensor, group: int | slice, index: Tensor) -> tuple[Tensor]:
        """The sum of squared errors in 8-bit levels, clamped and rounded: exact, int64."""
        levels = self._found(weights, index).mul(255).clamp(0, 255).round().to(torch.int64)
        return ((levels - self.colors[self.picture[group], index]).square().sum((-2, -1)),)

    def _errors(self, weights: Tensor, group: int | slice, index: Tensor) -> Tensor:
        errors = self._found(weights, index) - self._targets(group, index)
        return errors.square().sum(-1).nan_to_num(1).clamp_(max=1)
