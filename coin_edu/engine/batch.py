"""One step of a fit: which pixels, their gradient, and what the weights do with it.

Of the recipe "fast", three things matter: the rates fall to zero along a cosine, Muon drives the layers between hidden
layers, and a step looks at a few thousand pixels, chosen by error, instead of all. CONTRIBUTING.md has what each choice
buys, in dB.
"""

import threading
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from coin_edu.engine.backprop import Backprop
from coin_edu.engine.device import chunk_map
from coin_edu.engine.optimizer import BETA_1, BETA_2, between_hidden, learning_rates, muon_direction, schedule
from coin_edu.engine.sampling import Sampler
from coin_edu.engine.state import Fit
from coin_edu.image import axes
from coin_edu.metrics import psnr_of_mse
from coin_edu.siren import evaluate, unflatten

# Pixels evaluated at once, by device. On a CPU each core takes the next few thousand, so that their activations stay in
# its cache; the split does not depend on how many cores there are, and so neither does the result.
CHUNK = {"cpu": 4096, "cuda": 2**19, "mps": 2**17}
# Pixels drawn between one look at where the error is and the next, which costs a hundredth of their time.
PIXELS_A_LOOK = 2**20


class Batch:
    """K networks and their pictures on one device, stepping together. All tensors are made once, then updated in
    place without waiting for the device, so that on CUDA a step is recorded once and replayed."""

    def __init__(self, images: Sequence[np.ndarray], states: Sequence[Fit], device: torch.device):
        first = states[0]
        self.arch, self.recipe, self.device = first.arch, first.recipe, device
        self.height, self.width = first.shape
        pixels = np.stack([image.reshape(-1, 3) for image in images])
        self.pixels = torch.from_numpy(pixels).to(device)
        self.picture = torch.arange(len(images), device=device).expand(len(states)).unsqueeze(1)
        self.xs, self.ys = (torch.from_numpy(axis).to(device) for axis in axes(first.shape))

        stacked = lambda name: torch.stack([getattr(s, name) for s in states]).to(device, copy=True)  # noqa: E731
        self.weights, self.moments, self.seen = stacked("weights"), stacked("moments"), stacked("seen")
        # Steps to whose multiples each weight is rounded before it is used; None for weights as they are.
        self.sizes: Tensor | None = None
        if first.step_sizes is not None:
            lengths = torch.tensor(self.arch.groups(), device=device)
            self.sizes = stacked("step_sizes").repeat_interleave(lengths, dim=1)
        self.used = self.weights
        # On a CPU small batched products are slower than as many single ones: there each network is its own group.
        self.groups: list[int | slice] = list(range(len(states))) if device.type == "cpu" else [slice(None)]
        self.local = threading.local()
        self.loss = torch.zeros(len(states), device=device)
        # The step of the host, which runs ahead, and of the device.
        self.taken, self.step = first.step, torch.tensor([first.step], device=device)
        self.muon = between_hidden(self.arch) if self.recipe.muon_rate and self.arch.depth > 1 else None
        self.rates = torch.stack([learning_rates(self.arch, s.recipe) for s in states]).to(device)
        # The share of the newest gradient in the running mean of each weight's gradients.
        self.fresh = torch.full_like(self.weights[0], 1 - BETA_1)
        if self.muon is not None:
            self.fresh[self.muon] = 1 - self.recipe.momentum
        self.pace = torch.from_numpy(schedule(first.recipe, first.steps)).to(device)
        self.graph: torch.cuda.CUDAGraph | None = None

        n_pixels = self.height * self.width
        self.all_pixels = torch.arange(n_pixels, device=device).expand(len(states), -1)
        self.chunk = CHUNK["cpu"] if device.type == "cpu" else max(4096, CHUNK.get(device.type, 2**17) // len(states))
        self.batch = min(first.recipe.batch or n_pixels, n_pixels)
        self.sampler: Sampler | None = None
        if self.batch < n_pixels:
            draws = [np.random.default_rng(s.seed).integers(2**32, size=(first.steps + 1, 2)) for s in states]
            shifts = torch.from_numpy(np.stack(draws, axis=1)).to(device)
            self.sampler = Sampler(first.shape, self.batch, self.recipe.focus, shifts)
            self.look_every = max(1, PIXELS_A_LOOK // self.batch)
            self._look()

    def run(self, count: int) -> list[float]:
        """Take `count` steps; each network's loss in the last one, or now if there is none to take."""
        with chunk_map(self.device) as self.map:
            if self.device.type == "cuda" and count:
                self.graph = self.graph or self._capture()
            for _ in range(count):
                if self.sampler and self.taken % self.look_every == 0:
                    self.seen.copy_(self.rounded())
                    self._look()
                self.graph.replay() if self.graph else self._step()
                self.taken += 1
            if not count:
                self._gradient(*self._pixels())
        return self.loss.tolist()

    def psnr(self) -> list[float]:
        """Each network's PSNR in dB over its whole picture, clamped and rounded to 8 bits."""
        self.used = self.rounded()
        with chunk_map(self.device) as self.map:
            (errors,) = self._over(self._squared_errors, self.all_pixels)
        finite = torch.isfinite(self.weights).all(1)
        mses = torch.where(finite, errors.reshape(-1) / (3 * self.height * self.width), float("nan"))
        return [psnr_of_mse(mse) for mse in mses.tolist()]

    def _step(self) -> None:
        self._update(self._gradient(*self._pixels()))
        self.step += 1

    def _pixels(self) -> tuple[Tensor, ...]:
        """The pixels (K, N) of the coming step, and, where they are only some, what each counts."""
        return self.sampler.draw(self.step) if self.sampler else (self.all_pixels,)

    def _look(self) -> None:
        """From now on choose pixels by the errors of the weights `seen`."""
        assert self.sampler
        self.used, centers = self.seen, self.sampler.centers.expand(len(self.seen), -1)
        parts = [(group, part) for group in self.groups for part in centers[group].split(self.chunk, -1)]
        with chunk_map(self.device) as each:
            errors = torch.cat(list(each(self._each_error, *zip(*parts, strict=True))), -1)
            self.sampler.refocus(errors.reshape(centers.shape))

    def _coordinates(self, index: Tensor) -> Tensor:
        return torch.stack([self.xs[index % self.width], self.ys[index // self.width]], dim=-1)

    def rounded(self) -> Tensor:
        """The weights (K, n_weights) as the picture is computed from them."""
        return self.weights if self.sizes is None else (self.weights / self.sizes).round_().mul_(self.sizes)

    def _gradient(self, index: Tensor, *counts: Tensor) -> Tensor:
        """The loss's gradient (K, n_weights) over the pixels `index` (K, N), and `counts` (K, N) where not all count 1.

        Of rounded weights it is taken as that of the weights beneath: rounding has slope 0 nearly everywhere, and the
        mean slope 1 (the straight-through estimator; Bengio et al. 2013, arXiv 1308.3432).
        """
        self.used = self.rounded()
        losses, gradients = self._over(self._errors_and_gradient, index, *counts)
        self.loss.copy_(losses.reshape(-1) / (3 * index.shape[1]))
        return gradients.reshape(self.weights.shape) / (3 * index.shape[1])

    def _over(self, function: Callable[..., tuple[Tensor, ...]], *pixels: Tensor) -> tuple[Tensor, ...]:
        """The tensors of `function(group, *pixels)`, each summed over all chunks of pixels, the groups stacked.

        They are added as they come, in order: kept, those of a large picture would take gigabytes.
        """
        chunks = [
            list(zip(*(each[group].split(self.chunk, -1) for each in pixels), strict=True)) for group in self.groups
        ]
        jobs = [(group, *part) for group, parts in zip(self.groups, chunks, strict=True) for part in parts]
        done = iter(self.map(function, *zip(*jobs, strict=True)))
        totals: list[tuple[Tensor, ...]] = []
        for parts in chunks:
            totals.append(next(done))
            for _ in parts[1:]:
                for total, part in zip(totals[-1], next(done), strict=True):
                    total += part
        return tuple(map(torch.stack, zip(*totals, strict=True)))

    def _errors_and_gradient(self, group: int | slice, index: Tensor, *counts: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of squared errors over some pixels, one a network, and its gradient."""
        if not hasattr(self.local, "backprop"):  # each thread has buffers of its own
            pixels = min(self.chunk, self.batch)
            self.local.backprop = Backprop(self.arch, pixels, index.shape[:-1], self.device)
        target = self.pixels[self.picture[group], index].float().div_(255)
        done: tuple[Tensor, Tensor] = self.local.backprop(self.used[group], self._coordinates(index), target, *counts)
        return done

    @torch.no_grad()
    def _colors(self, group: int | slice, index: Tensor) -> Tensor:
        return evaluate(self.arch, unflatten(self.arch, self.used[group]), self._coordinates(index))

    def _squared_errors(self, group: int | slice, index: Tensor) -> tuple[Tensor]:
        """The sum of squared errors in 8-bit levels, clamped and rounded: exact, int64."""
        levels = self._colors(group, index).mul(255).clamp(0, 255).round().to(torch.int64)
        return ((levels - self.pixels[self.picture[group], index]).square().sum((-2, -1)),)

    def _each_error(self, group: int | slice, index: Tensor) -> Tensor:
        """Every pixel's squared error, at most 1: a network that has diverged must not decide where to look."""
        errors = self._colors(group, index) - self.pixels[self.picture[group], index].float().div_(255)
        return errors.square().sum(-1).nan_to_num(1).clamp_(max=1)

    def _update(self, gradient: Tensor) -> None:
        """One step of Adam (Kingma and Ba 2015, arXiv 1412.6980), or of Muon between hidden layers."""
        first, second = self.moments.unbind(1)
        first.lerp_(gradient, self.fresh)
        second.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
        taken = (self.step + 1).to(gradient.dtype)
        direction = first / (1 - BETA_1**taken) / (second / (1 - BETA_2**taken)).sqrt_().add_(1e-8)
        if self.muon is not None:
            # Nesterov's look-ahead: the momentum after one more gradient like this one.
            ahead = first[:, self.muon].lerp(gradient[:, self.muon], 1 - self.recipe.momentum)
            direction[:, self.muon] = muon_direction(self.arch, ahead)
        self.weights -= self.pace.index_select(0, self.step) * self.rates * direction

    def _capture(self) -> torch.cuda.CUDAGraph:
        """Record one step as a CUDA graph, leaving weights, moments and step as they were."""
        kept = [tensor.clone() for tensor in (self.weights, self.moments, self.step)]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # memory is allocated and kernels are chosen before the recording
            for _ in range(3):
                self._step()
                self.step.copy_(kept[2])
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        for tensor, value in zip((self.weights, self.moments, self.step), kept, strict=True):
            tensor.copy_(value)
        return graph
