"""K networks stepping together: draw pixels, take the gradient over them, update the weights."""

import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from coin_edu.coding import ENTROPY
from coin_edu.engine.device import chunk_map
from coin_edu.engine.optimizer import Optimizer
from coin_edu.engine.pixels import Pixels
from coin_edu.engine.sampling import Sampler
from coin_edu.engine.state import Fit
from coin_edu.errors import printable


@dataclass(frozen=True)
class Snapshot:
    """One network of a batch at one moment, copied to the CPU; `loss` and `psnr` as in `state.Measure`.

    Parameters
    ----------
    loss, psnr : float
    used : Tensor (n_weights,)
        The weights that the picture is computed from: rounded, if the fit rounds them.
    weights, moments, seen : Tensor
        As in `state.Fit`.
    """

    loss: float
    psnr: float
    used: Tensor
    weights: Tensor
    moments: Tensor
    seen: Tensor


class Batch:
    """K networks and their pictures on one device. All tensors are made once, then updated in place without waiting
    for the device, so that on CUDA a step is recorded once and replayed.

    Parameters
    ----------
    images : sequence of ndarray, uint8 (H, W, 3)
        One for each state, or one for all.
    states : sequence of Fit
        Of one architecture, shape and step, and of recipes that differ in their rates only.
    device : torch.device

    Attributes
    ----------
    weights, seen : Tensor (K, n_weights)
        The weights; and those by whose errors pixels are drawn.
    deltas : Tensor (K, n_weights), optional
        What each weight is rounded to multiples of before it is used; None for weights as they are.
    loss : Tensor (K,)
        In the last step.
    taken : int
        Steps so far, as the host counts them; the device, which is behind, has `step`.
    """

    def __init__(self, images: Sequence[np.ndarray], states: Sequence[Fit], device: torch.device):
        first = states[0]
        self.device = device

        def stacked(name: str) -> Tensor:
            return torch.stack([getattr(state, name) for state in states]).to(device, copy=True)

        self.weights, self.seen = stacked("weights"), stacked("seen")
        self.deltas: Tensor | None = None
        if first.step_sizes is not None:
            lengths = torch.tensor(ENTROPY.groups(first.arch), device=device)
            self.deltas = stacked("step_sizes").repeat_interleave(lengths, dim=1)
        self.loss = torch.zeros(len(states), dtype=torch.float32, device=device)
        self.taken, self.step = first.step, torch.tensor([first.step], device=device)
        self.optimizer = Optimizer(first.arch, [s.recipe for s in states], first.steps, stacked("moments"))
        n_pixels = first.shape[0] * first.shape[1]
        batch = min(first.recipe.batch or n_pixels, n_pixels)
        self.pixels = Pixels(images, len(states), first.arch, batch, device)
        self.sampler: Sampler | None = None
        if batch < n_pixels:
            draws = [np.random.default_rng(s.seed).integers(2**32, size=(first.steps + 1, 2)) for s in states]
            shifts = torch.from_numpy(np.stack(draws, axis=1)).to(device)
            self.sampler = Sampler(first.shape, batch, first.recipe.focus, shifts)
            self._look()
        self.graph: torch.cuda.CUDAGraph | None = None
        self.records = True

    def run(self, count: int) -> None:
        """Take `count` steps."""
        with chunk_map(self.device):
            if self.device.type == "cuda" and self.graph is None and self.records:
                self._record()
            for _ in range(count):
                if self.sampler and self.sampler.is_due(self.taken):
                    self.seen.copy_(self.used)
                    self._look()
                self.graph.replay() if self.graph else self._step()
                self.taken += 1

    def measure_loss(self) -> None:
        """The loss over the pixels of the coming step, without taking it."""
        self._gradient()

    def snapshot(self) -> list[Snapshot]:
        """Each network as it is now."""
        used = self.used
        losses, psnrs = self.loss.tolist(), self.pixels.psnr(used)
        copies = [t.cpu().clone() for t in (used, self.weights, self.optimizer.moments, self.seen)]
        return [Snapshot(losses[k], psnrs[k], *(copy[k] for copy in copies)) for k in range(len(losses))]

    @property
    def used(self) -> Tensor:
        """The weights (K, n_weights) as the picture is computed from them."""
        return self.weights if self.deltas is None else (self.weights / self.deltas).round_().mul_(self.deltas)

    def _step(self) -> None:
        self.optimizer.update(self.weights, self._gradient(), self.step)
        self.step += 1

    def _gradient(self) -> Tensor:
        """The gradient (K, n_weights) of the coming step, after its loss was noted.

        Of rounded weights it is taken as that of the weights beneath: rounding has slope 0 nearly everywhere, and the
        mean slope 1 (the straight-through estimator; Bengio et al. 2013, arXiv 1308.3432).
        """
        pixels = self.sampler.draw(self.step) if self.sampler else (self.pixels.all,)
        loss, gradient = self.pixels.gradient(self.used, *pixels)
        self.loss.copy_(loss)
        return gradient

    def _look(self) -> None:
        """From now on draw pixels by the errors of the weights `seen`."""
        assert self.sampler
        self.sampler.refocus(self.pixels.errors(self.seen, self.sampler.centers.expand(len(self.seen), -1)))

    def _record(self) -> None:
        """Record one step, or go on without where that fails."""
        changed = (self.weights, self.optimizer.moments, self.step)
        kept = [tensor.clone() for tensor in changed]
        try:
            with _recording, torch.cuda.device(self.device):  # streams and graphs are the current device's
                self.graph = self._capture(kept[2])
        except RuntimeError as error:
            self.records = False
            reason = printable(error).partition(r"\n")[0]
            warnings.warn(f"a step cannot be recorded as a CUDA graph ({reason}); it runs without", stacklevel=2)
        for tensor, value in zip(changed, kept, strict=True):
            tensor.copy_(value)

    def _capture(self, begin: Tensor) -> torch.cuda.CUDAGraph:
        """One step as a CUDA graph; weights, moments and step are changed by it."""
        stream = torch.cuda.Stream(self.device)
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # memory is allocated and kernels are chosen before the recording
            for _ in range(3):
                self._step()
                self.step.copy_(begin)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # Another fit's last steps, in another thread, are none of the recording's.
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            self._step()
        return graph


# Two fits, each in its thread, do not record at once.
_recording = threading.Lock()
