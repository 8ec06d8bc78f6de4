"""Fitting a network to a picture: the loop everything else stands on.

The objective is the paper's (arXiv 2103.03123, equation 1): minimize over the weights the mean of
||f(x, y) - I(x, y)||^2 over the pixels, colors in [0, 1]. `fit_steps` is the loop, `fit` the same behind a progress
bar, `fit_many` the same for K networks in one batched pass.
"""

import io
import os
import time
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector
from tqdm.auto import tqdm

from coin_edu.arch import Arch
from coin_edu.device import chunk_map, pick_device
from coin_edu.errors import CoinError
from coin_edu.files import read_bytes, write_bytes
from coin_edu.image import axes, check_image
from coin_edu.metrics import psnr_of_mse
from coin_edu.siren import Siren, evaluate, unflatten, with_weights


@dataclass(frozen=True)
class Recipe:
    """How a network is fitted.

    Parameters
    ----------
    steps : int
        Optimizer steps, unless the caller says otherwise.
    batch : int or None
        Pixels a step, spread evenly over the picture anew each time; None for all of them.
    rate : float
        Adam's learning rate.
    muon_rate : float
        Learning rate of the hidden layers' square matrices under Muon; 0 leaves them to Adam.
    warm_up : int
        Steps over which the rates rise from zero.
    cosine : bool
        Whether the rates then fall to zero along a half cosine, or stay.
    """

    steps: int
    batch: int | None
    rate: float
    muon_rate: float = 0.0
    warm_up: int = 0
    cosine: bool = False


RECIPES = {
    # As published: Adam at 2e-4, every pixel in every step, 50,000 steps.
    "paper": Recipe(steps=50_000, batch=None, rate=2e-4),
    "fast": Recipe(steps=2_000, batch=8192, rate=1e-3, muon_rate=2e-3, warm_up=50, cosine=True),
}


@dataclass(frozen=True)
class Measure:
    """How far a fit is at one moment.

    Attributes
    ----------
    step : int
        Steps taken.
    loss : float
        Mean squared error, colors in [0, 1], over the pixels of the last step.
    psnr : float
        Of the weights after that step, over the whole picture, clamped and rounded to 8 bits, in dB.
    seconds : float
        Time spent fitting so far.
    """

    step: int
    loss: float
    psnr: float
    seconds: float


@dataclass(frozen=True)
class Fit:
    """A fit at one moment: the best network so far, and all that is needed to go on. Nothing in it changes.

    Attributes
    ----------
    shape : tuple of int
        (height, width) of the picture.
    arch : Arch
    recipe : Recipe
    steps, step : int
        Steps to take in all, and taken so far.
    seed : int
    psnr : float
        Of the best network, in dB.
    history : tuple of Measure
        Every report so far.
    """

    shape: tuple[int, int]
    arch: Arch
    recipe: Recipe
    steps: int
    seed: int
    image_crc: int
    best: Tensor = field(repr=False)
    weights: Tensor = field(repr=False)
    moments: Tensor = field(repr=False)
    step: int = 0
    psnr: float = -float("inf")
    history: tuple[Measure, ...] = field(default=(), repr=False)

    @property
    def seconds(self) -> float:
        """Time spent fitting."""
        return self.history[-1].seconds if self.history else 0.0

    @property
    def model(self) -> Siren:
        """The best network so far, on the CPU."""
        return with_weights(self.arch, self.best)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to disk, whole or not at all, to be gone on with in another process."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fields |= {"arch": asdict(self.arch), "recipe": asdict(self.recipe)}
        fields["history"] = [astuple(measure) for measure in self.history]
        buffer = io.BytesIO()
        torch.save(fields, buffer)
        write_bytes(path, buffer.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Fit":
        """The state that :meth:`save` wrote; only plain numbers and tensors are read, no code.

        Raises
        ------
        CoinError
            If the file is missing or no such state.
        """
        data = read_bytes(path)
        try:
            fields: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True)
            fields |= {"arch": Arch(**fields["arch"]), "recipe": Recipe(**fields["recipe"])}
            fields["history"] = tuple(Measure(*row) for row in fields["history"])
            return cls(**fields)
        except Exception as error:  # torch.load raises many kinds for a file that is not its own
            raise CoinError(f"{path}: no saved fit ({type(error).__name__}); Fit.save writes one") from error


@dataclass(frozen=True)
class Report(Measure):
    """What a fit says of itself every few steps: a :class:`Measure`, and the state at that moment.

    Attributes
    ----------
    state : Fit
        Stop here and keep ``state.model``, the best network so far, or hand the state back in to go on.
    """

    state: Fit = field(repr=False)


def fit(
    image: np.ndarray,
    arch: Arch | None = None,
    steps: int | None = None,
    recipe: str | Recipe = "fast",
    seed: int = 0,
    device: str = "auto",
    *,
    every: int | None = None,
    state: Fit | None = None,
    progress: bool = True,
) -> Fit:
    """Fit a network to a picture behind a progress bar; Ctrl-C or a kernel interrupt keeps the best so far.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
    arch : Arch, optional
        By default what fits a file of 0.3 bits per pixel.
    steps : int, optional
        By default the recipe's.
    recipe : {"fast", "paper"} or Recipe
    seed : int
        Same seed, same machine, same device: same weights.
    device : str
        "auto" takes CUDA, else MPS, else the CPU; or any of torch's names.
    every : int, optional
        Steps between reports; by default a twentieth of all.
    state : Fit, optional
        Go on from here; arch, steps, recipe and seed are then the state's. On a CPU the result is, bit for bit, that
        of a fit never stopped.
    progress : bool
        Whether to show the bar.

    Returns
    -------
    Fit

    Examples
    --------
    >>> image = np.zeros((8, 8, 3), np.uint8)
    >>> done = fit(image, Arch(1, 4), steps=3, progress=False)
    >>> done.step, done.model.arch.n_weights
    (3, 27)
    """
    with tqdm(disable=not progress, unit="step", desc="fitting") as bar:
        try:
            for report in fit_steps(image, arch, steps, recipe, seed, device, every=every, state=state):
                state = report.state
                _show(bar, state, f"{report.psnr:.2f} dB")
        except KeyboardInterrupt:
            if state is None:
                raise
            bar.write(f"stopped at step {state.step} of {state.steps}; keeping the best so far, {state.psnr:.2f} dB")
    assert state is not None  # there is a report before the first step
    return state


def _show(bar: tqdm, state: Fit, text: str) -> None:
    bar.total = state.steps
    bar.set_postfix_str(text, refresh=False)
    bar.update(state.step - bar.n)


def fit_steps(
    image: np.ndarray,
    arch: Arch | None = None,
    steps: int | None = None,
    recipe: str | Recipe = "fast",
    seed: int = 0,
    device: str = "auto",
    *,
    every: int | None = None,
    state: Fit | None = None,
) -> Iterator[Report]:
    """The fitting loop as an iterator: a :class:`Report` before the first step and then every few steps.

    ``break`` cancels; ``report.state`` holds the best network so far and, handed back in as `state`, goes on. The
    parameters are those of :func:`fit`.

    Examples
    --------
    >>> image = np.zeros((8, 8, 3), np.uint8)
    >>> for report in fit_steps(image, Arch(1, 4), steps=100, every=10):
    ...     if report.step == 20:
    ...         break
    >>> [report.step for report in fit_steps(image, state=report.state, every=40)]
    [60, 100]
    """
    check_image(image)
    state = state or start(image, arch, steps, recipe, seed)
    if state.image_crc != zlib.crc32(image.tobytes()):
        raise CoinError("the state was fitted to another picture; hand in the same one, or start without a state")
    for states in _run([image], [state], device, every):
        yield Report(**vars(states[0].history[-1]), state=states[0])


def fit_many(
    images: np.ndarray | Sequence[np.ndarray],
    arch: Arch | None = None,
    steps: int | None = None,
    recipe: str | Recipe | Sequence[Recipe] = "fast",
    seeds: int | Sequence[int] = 0,
    device: str = "auto",
    *,
    every: int | None = None,
    progress: bool = True,
) -> list[Fit]:
    """Fit K networks of one architecture in one batched pass: several pictures, seeds or recipes.

    Each result is what :func:`fit` gives for that picture, recipe and seed, but for the order of rounding.

    Parameters
    ----------
    images : ndarray, uint8 (H, W, 3), or K of them
        Of one shape.
    recipe : {"fast", "paper"}, Recipe, or K of them
        Their rates may differ; batch and steps may not.
    seeds : int or K of them
        What is given once serves all; at least one of images, recipe and seeds says what K is.

    Returns
    -------
    list of Fit
        K of them; after Ctrl-C the best so far.

    Raises
    ------
    CoinError
        If the lengths, the pictures' shapes or the recipes do not fit together.
    """
    pictures = [images] if isinstance(images, np.ndarray) else list(images)
    recipes = [recipe] if isinstance(recipe, str | Recipe) else list(recipe)
    all_seeds = [seeds] if isinstance(seeds, int) else list(seeds)
    count = max(len(pictures), len(recipes), len(all_seeds))
    for name, given in {"images": pictures, "recipe": recipes, "seeds": all_seeds}.items():
        if len(given) not in (1, count):
            raise CoinError(f"fit_many: {name} has {len(given)} entries, expected 1 or {count}")
    states = [
        start(pictures[k % len(pictures)], arch, steps, recipes[k % len(recipes)], all_seeds[k % len(all_seeds)])
        for k in range(count)
    ]
    if len({(s.shape, s.steps, replace(s.recipe, rate=0, muon_rate=0)) for s in states}) > 1:
        raise CoinError("fit_many: pictures of one shape, and recipes that differ in their rates only, are needed")
    with tqdm(disable=not progress, unit="step", desc=f"fitting {count} networks") as bar:
        try:
            for reached in _run(pictures, states, device, every):
                states = reached
                _show(bar, states[0], f"mean {np.mean([s.history[-1].psnr for s in states]):.2f} dB")
        except KeyboardInterrupt:
            if not states[0].history:
                raise
            bar.write(f"stopped at step {states[0].step} of {states[0].steps}; keeping the best so far")
    return states


def start(
    image: np.ndarray,
    arch: Arch | None = None,
    steps: int | None = None,
    recipe: str | Recipe = "fast",
    seed: int = 0,
) -> Fit:
    """The state before the first step: initial weights, nothing measured yet."""
    shape = check_image(image).shape[:2]
    arch = arch or Arch.for_bpp(0.3, shape)
    if arch.inputs != 2 or arch.outputs != 3:
        raise CoinError(f"a picture needs a network from 2 to 3 numbers, got one from {arch.inputs} to {arch.outputs}")
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise CoinError(f"recipe must be one of {', '.join(RECIPES)}, or a Recipe, got {recipe!r}")
        recipe = RECIPES[recipe]
    steps = recipe.steps if steps is None else steps
    if steps < 0:
        raise CoinError(f"steps must be 0 or more, got {steps}")
    weights = parameters_to_vector(Siren(arch, seed).parameters()).detach()
    moments = torch.zeros(2, len(weights))
    return Fit(shape, arch, recipe, steps, seed, zlib.crc32(image.tobytes()), weights, weights, moments)


def _run(images: Sequence[np.ndarray], states: list[Fit], device: str, every: int | None) -> Iterator[list[Fit]]:
    """Go on with the states, all of one step, yielding new ones at every report until the steps are done."""
    batch = Batch(images, states, pick_device(device))
    steps, every = states[0].steps, every or max(1, states[0].steps // 20)
    if every < 1:
        raise CoinError(f"every must be at least 1, got {every}")
    clock = time.perf_counter()
    while (step := states[0].step) < steps or not states[0].history:
        count = min(every - step % every, steps - step) if states[0].history else 0
        losses = batch.run(count)
        psnrs = batch.psnr()
        spent, clock = time.perf_counter() - clock, time.perf_counter()
        states = [
            _reported(state, step + count, loss, psnr, spent, weights, moments)
            for state, loss, psnr, weights, moments in zip(
                states, losses, psnrs, batch.weights.cpu().clone(), batch.moments.cpu().clone(), strict=True
            )
        ]
        yield states
        clock = time.perf_counter()
        if np.isnan([state.history[-1].psnr for state in states]).all():
            best = max(state.psnr for state in states)
            warnings.warn(
                f"the fit diverged before step {step + count} (loss {losses[0]}); the best network before that, "
                f"{best:.2f} dB, is kept. Use a lower rate, a smaller omega_0 or another seed",
                stacklevel=3,
            )
            return


def _reported(state: Fit, step: int, loss: float, psnr: float, spent: float, weights: Tensor, moments: Tensor) -> Fit:
    measure = Measure(step, loss, psnr, state.seconds + spent)
    better = psnr > state.psnr
    return replace(
        state,
        step=step,
        weights=weights,
        moments=moments,
        best=weights if better else state.best,
        psnr=psnr if better else state.psnr,
        history=(*state.history, measure),
    )


# Pixels evaluated at once, by device. On a CPU each core takes the next few thousand, so that their activations stay in
# its cache; the split does not depend on how many cores there are, and so neither does the result.
CHUNK = {"cpu": 4096, "cuda": 2**19, "mps": 2**17}


class Batch:
    """K networks and their pictures on one device, stepping together. All tensors are made once, then updated in
    place without waiting for the device, so that on CUDA a step is recorded once and replayed."""

    def __init__(self, images: Sequence[np.ndarray], states: Sequence[Fit], device: torch.device):
        first = states[0]
        self.arch, self.recipe, self.device = first.arch, first.recipe, device
        self.height, self.width = first.shape
        self.pixels = torch.stack([torch.from_numpy(image.reshape(-1, 3)) for image in images]).to(device)
        self.picture = torch.arange(len(images), device=device).unsqueeze(1)
        self.xs, self.ys = (torch.from_numpy(axis).to(device) for axis in axes(first.shape))

        stacked = lambda name: torch.stack([getattr(s, name) for s in states]).to(device, copy=True)  # noqa: E731
        self.weights, self.moments = stacked("weights"), stacked("moments")
        self.layers = unflatten(self.arch, self.weights)
        self.leaves = [part.requires_grad_() for layer in self.layers for part in layer]
        self.loss = torch.zeros(len(states), device=device)
        self.step = torch.tensor([first.step], device=device)
        self.rates, self.muon_rates = (
            torch.tensor([[getattr(s.recipe, name)] for s in states], device=device) for name in ("rate", "muon_rate")
        )
        self.pace = torch.from_numpy(schedule(first.recipe, first.steps)).to(device)
        self.graph: torch.cuda.CUDAGraph | None = None

        n_pixels = self.height * self.width
        self.all_pixels = torch.arange(n_pixels, device=device).expand(len(states), -1)
        self.chunk = max(1024, CHUNK.get(device.type, 2**17) // len(states))
        batch = first.recipe.batch or n_pixels
        self.sampled = batch < n_pixels
        if self.sampled:
            self.lattice = torch.from_numpy(r2_lattice(batch)).to(device)
            draws = [np.random.default_rng(s.seed).integers(2**32, size=(first.steps + 1, 2)) for s in states]
            self.shifts = torch.from_numpy(np.stack(draws, axis=1)).to(device)

    def run(self, count: int) -> list[float]:
        """Take `count` steps; each network's loss in the last one, or now if there is none to take."""
        if self.device.type == "cuda" and count:
            self.graph = self.graph or self._capture()
        with chunk_map(self.device) as self.map:
            for _ in range(count):
                self.graph.replay() if self.graph else self._step()
            if not count:
                self._gradient(self._index())
        return self.loss.tolist()

    def psnr(self) -> list[float]:
        """Each network's PSNR in dB over its whole picture, clamped and rounded to 8 bits."""
        with chunk_map(self.device) as self.map:
            total = sum(self.map(self._squared_errors, self.all_pixels.split(self.chunk, dim=1)))
        finite = torch.isfinite(self.weights).all(1)
        mses = torch.where(finite, total / (3 * self.height * self.width), float("nan"))
        return [psnr_of_mse(mse) for mse in mses.tolist()]

    def _step(self) -> None:
        gradient = self._gradient(self._index())
        with torch.no_grad():
            self._update(gradient)
            self.step += 1

    def _index(self) -> Tensor:
        """(K, N) pixels of the coming step: all, or a lattice even over the picture, shifted anew for each step."""
        if not self.sampled:
            return self.all_pixels
        shift = self.shifts.index_select(0, self.step)[0].unsqueeze(1)
        places = (self.lattice + shift) & 0xFFFFFFFF
        columns, rows = (places * torch.tensor([self.width, self.height], device=self.device) >> 32).unbind(-1)
        return rows * self.width + columns

    def _coordinates(self, index: Tensor) -> Tensor:
        return torch.stack([self.xs[index % self.width], self.ys[index // self.width]], dim=-1)

    def _gradient(self, index: Tensor) -> Tensor:
        """The loss's gradient (K, n_weights) over the pixels `index` (K, N), chunk by chunk."""
        parts = list(self.map(self._errors_and_gradient, index.split(self.chunk, dim=1)))
        self.loss.copy_(sum(errors for errors, _ in parts) / (3 * index.shape[1]))
        return sum(gradient for _, gradient in parts) / (3 * index.shape[1])

    def _errors_and_gradient(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of squared errors (K,) over some pixels, and its gradient (K, n_weights)."""
        target = self.pixels[self.picture, index].float().div_(255)
        errors = (evaluate(self.arch, self.layers, self._coordinates(index)) - target).square().sum((1, 2))
        gradients = torch.autograd.grad(errors.sum(), self.leaves)
        return errors.detach(), torch.cat([g.flatten(1) for g in gradients], dim=1)

    @torch.no_grad()
    def _squared_errors(self, index: Tensor) -> Tensor:
        """Like the above in 8-bit levels, clamped and rounded: exact, int64."""
        colors = evaluate(self.arch, self.layers, self._coordinates(index)).mul(255).clamp(0, 255).round()
        return (colors.to(torch.int64) - self.pixels[self.picture, index]).square().sum((1, 2))

    def _update(self, gradient: Tensor) -> None:
        """One step of Adam (Kingma and Ba 2015, arXiv 1412.6980), and of Muon on the hidden layers' matrices."""
        first, second = self.moments.unbind(1)
        taken = (self.step + 1).to(gradient.dtype)
        first.lerp_(gradient, 1 - BETA_1)
        second.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
        scale = (second / (1 - BETA_2**taken)).sqrt_().add_(1e-8)
        change = self.rates * (first / (1 - BETA_1**taken)) / scale
        if self.recipe.muon_rate and self.arch.depth > 1:
            # Nesterov's look-ahead: the momentum that the next step would see, were the gradient the same.
            ahead = first.lerp(gradient, 1 - BETA_1)
            rates = self.muon_rates.unsqueeze(-1).unsqueeze(-1)
            hidden_matrices(self.arch, change).copy_(rates * orthogonalize(hidden_matrices(self.arch, ahead)))
        self.weights -= self.pace.index_select(0, self.step) * change

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


BETA_1, BETA_2 = 0.9, 0.999


def schedule(recipe: Recipe, steps: int) -> np.ndarray:
    """The factor on the learning rates at each of `steps` steps, float32: a linear warm-up, then level or a cosine."""
    step = np.arange(steps)
    pace = 0.5 * (1 + np.cos(np.pi * step / max(steps, 1))) if recipe.cosine else np.ones(steps)
    return (pace * np.minimum(1, (step + 1) / max(recipe.warm_up, 1))).astype(np.float32)


def hidden_matrices(arch: Arch, vector: Tensor) -> Tensor:
    """The square matrices between hidden layers, a view (..., depth - 1, width, width) of (..., n_weights)."""
    size = arch.width * (arch.width + 1)
    layers = vector[..., arch.n_first : arch.n_first + (arch.depth - 1) * size].unflatten(-1, (arch.depth - 1, size))
    return layers[..., : arch.width**2].unflatten(-1, (arch.width, arch.width))


def orthogonalize(matrices: Tensor) -> Tensor:
    """Each matrix (..., n, n) with its singular values brought near 1: five Newton-Schulz iterations.

    The heart of Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/): a step of equal size in every
    direction, where the gradient's few large singular values would drown all others.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x


def r2_lattice(count: int) -> np.ndarray:
    """`count` points spread evenly over the unit square, in units of 2^-32: int64 (count, 2).

    The R2 sequence n (1/g, 1/g^2) mod 1, g the root of g^3 = g + 1 (Roberts 2018,
    https://extremelearning.com.au/unreasonable-effectiveness-of-quasirandom-sequences/).
    """
    g = 1.32471795724474602596
    steps = np.array([round(2**32 / g), round(2**32 / g**2)], np.int64)
    return np.arange(count, dtype=np.int64)[:, None] * steps & 0xFFFFFFFF
