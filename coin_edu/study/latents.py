"""A codec of grids, in small: what Cool-chic (Ladune et al. 2022) and C3 (Kim et al. 2023) put in place of weights.

A picture is a pyramid of grids of whole numbers, each half as fine as the one before. The decoder enlarges all grids
to the picture's size, and a tiny network, the *synthesis*, turns the numbers at one pixel into its color. Another tiny
network, the *context model*, predicts each number from numbers before it; the better it predicts, the fewer bits a
range coder needs. All of it is fitted to one picture, and all of it is in the file.

What is minimized is D + lambda R: the mean squared error plus `weight` times the rate in bits per pixel. Rounding has
no gradient, so noise from -1/2 to 1/2 stands in for it at first; later the numbers are rounded, and the gradient is
taken as if they were not.
"""

import math
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from coin_edu.engine.state import Measure
from coin_edu.errors import CoinError, check_whole
from coin_edu.image import check_image
from coin_edu.metrics import psnr

# Rows and columns from a number to those before it: the context. All are decoded earlier if rows go from the top.
CONTEXT = ((0, -1), (0, -2), (-1, -2), (-1, -1), (-1, 0), (-1, 1), (-1, 2), (-2, -1), (-2, 0), (-2, 1))
MARGIN = 2  # how far they reach

HEADER = struct.Struct("<4sHHBBBH")  # of the file: coin_edu/study/latent_file.py
MAX_GRIDS, MAX_UNITS, MAX_PIXELS = 8, 64, 2**20
LARGEST = 2**15 - 1

ROUNDING = 0.7  # of the steps, after which the numbers are rounded
WARM_UP = 20  # steps in which the rates rise
REPORT = 20  # steps from one report to the next
RATE, GRID_RATE = 0.02, 0.2  # of Adam, for the networks and for the grids, which begin at zero


class Latents(nn.Module):
    """A picture as grids and two tiny networks.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of the picture.
    n_grids : int
        1 to 8; grid k has one number for 2^k x 2^k pixels.
    synthesis, context : int
        Units of the hidden layer of each network, 1 to 64.
    seed : int

    Examples
    --------
    >>> latents = Latents((16, 24), n_grids=3)
    >>> [tuple(grid.shape) for grid in latents.grids]
    [(16, 24), (8, 12), (4, 6)]
    """

    def __init__(
        self, shape: tuple[int, int], n_grids: int = 5, synthesis: int = 12, context: int = 8, seed: int = 0
    ) -> None:
        super().__init__()
        self.shape, self.units = shape, (synthesis, context)
        height, width = shape
        check_whole("number of grids", n_grids, 1, MAX_GRIDS)
        for name, units in (("synthesis", synthesis), ("context", context)):
            check_whole(f"units of {name}", units, 1, MAX_UNITS)
        check_whole("pixels of the picture", height * width, 1, MAX_PIXELS)
        self.grids = nn.ParameterList(
            nn.Parameter(torch.zeros(math.ceil(height / 2**k), math.ceil(width / 2**k))) for k in range(n_grids)
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.synthesis = nn.Sequential(nn.Linear(n_grids, synthesis), nn.ReLU(), nn.Linear(synthesis, 3))
            self.context = nn.Sequential(nn.Linear(len(CONTEXT), context), nn.ReLU(), nn.Linear(context, 2))

    @property
    def weights(self) -> list[nn.Parameter]:
        """Those of the two networks, which the file holds in 16 bits each."""
        return [*self.synthesis.parameters(), *self.context.parameters()]

    @property
    def n_weights(self) -> int:
        """How many weights the two networks have."""
        return sum(weight.numel() for weight in self.weights)

    @property
    def products(self) -> float:
        """Multiplications that decoding takes for each pixel: enlarging, synthesis, and context for each number."""
        height, width = self.shape
        numbers = sum(grid.numel() for grid in self.grids) / (height * width)
        layers = [sum(w.numel() for w in net.parameters() if w.ndim == 2) for net in (self.synthesis, self.context)]
        return layers[0] + 4 * (len(self.grids) - 1) + layers[1] * numbers

    def colors(self, grids: list[Tensor]) -> Tensor:
        """The picture (H, W, 3) of these grids, 0 for black and 1 for white."""
        enlarged = [
            functional.interpolate(grid[None, None], self.shape, mode="bilinear", align_corners=False)[0, 0]
            for grid in grids
        ]
        colors: Tensor = self.synthesis(torch.stack(enlarged, dim=-1))
        return colors

    def bits(self, grids: list[Tensor]) -> Tensor:
        """What a range coder would need for these grids, in bits, by the context model's probabilities."""
        contexts, numbers = zip(*map(_contexts, grids), strict=True)
        mean, log_scale = self.context(torch.cat(contexts)).unbind(-1)
        away, scale = torch.cat(numbers) - mean, torch.exp(log_scale.clamp(-4, 6))
        share = _below(away + 0.5, scale) - _below(away - 0.5, scale)
        return -torch.log2(share.clamp_min(2.0**-16)).sum()

    def rounded(self) -> list[Tensor]:
        """The grids as the file has them: whole numbers."""
        return [grid.detach().round().clamp(-LARGEST, LARGEST) for grid in self.grids]

    @torch.no_grad()
    def n_bytes(self) -> dict[str, float]:
        """What each part of the file takes, in bytes: networks and header, and each grid, the finest first."""
        halves = self.as_halves()
        grids = {f"grid {k + 1}": halves.bits([grid]).item() / 8 for k, grid in enumerate(halves.rounded())}
        return {"networks": HEADER.size + 2.0 * self.n_weights, **grids}

    def as_halves(self) -> "Latents":
        """A copy whose weights are rounded to the 16 bits that the file gives them."""
        copy = Latents(self.shape, len(self.grids), *self.units)
        copy.load_state_dict(self.state_dict())
        with torch.no_grad():
            for weight in copy.weights:
                weight.copy_(weight.half().float())
        return copy

    @torch.no_grad()
    def render(self) -> np.ndarray:
        """The picture that the file decodes to, uint8 (H, W, 3)."""
        halves = self.as_halves()
        return halves.colors(halves.rounded()).mul(255).clamp(0, 255).round().byte().numpy()


def _contexts(grid: Tensor) -> tuple[Tensor, Tensor]:
    """The numbers before each one, zero outside the grid (N, 10), and the numbers (N,)."""
    rows, columns = grid.shape
    padded = functional.pad(grid, (MARGIN, MARGIN, MARGIN, 0))
    near = [padded[MARGIN + y : MARGIN + y + rows, MARGIN + x : MARGIN + x + columns] for y, x in CONTEXT]
    return torch.stack(near, dim=-1).reshape(-1, len(CONTEXT)), grid.reshape(-1)


def _below(away: Tensor, scale: Tensor) -> Tensor:
    """Laplace's distribution: the probability of less than `away` from its mean."""
    return 0.5 - 0.5 * torch.sign(away) * torch.expm1(-away.abs() / scale)


@dataclass(frozen=True, eq=False)
class LatentFit:
    """A fit of grids at one moment.

    Attributes
    ----------
    latents : Latents
        The one that is being fitted: it goes on changing while the loop goes on.
    weight : float
        lambda: how much of squared error, colors from 0 to 1, one bit per pixel is worth.
    steps, step : int
    n_bytes : float
        Length of the file, as far as the context model says; ``latent_file.pack`` makes it.
    history : tuple of Measure
    """

    latents: Latents = field(repr=False)
    optimizer: torch.optim.Adam = field(repr=False)
    generator: torch.Generator = field(repr=False)
    weight: float
    steps: int
    step: int = 0
    n_bytes: float = math.nan
    history: tuple[Measure, ...] = field(default=(), repr=False)

    @property
    def psnr(self) -> float:
        """Of the rounded grids at the last report, in dB."""
        return self.history[-1].psnr if self.history else -math.inf

    @property
    def seconds(self) -> float:
        """Time spent fitting."""
        return self.history[-1].seconds if self.history else 0.0

    @property
    def bpp(self) -> float:
        """Bits per pixel of the file, networks and header included."""
        height, width = self.latents.shape
        return 8 * self.n_bytes / (height * width)


def start(
    image: np.ndarray, weight: float = 1e-3, steps: int = 400, n_grids: int = 5, seed: int = 0, synthesis: int = 12
) -> LatentFit:
    """A fit before its first step; :func:`fit_latents` goes on with it.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
    weight : float
        lambda: larger for shorter files.

    Raises
    ------
    CoinError
        If the picture is none, or a number is out of range.
    """
    check_whole("steps", steps, 1, 10**6)
    if not 0 <= weight < math.inf:
        raise CoinError(f"weight of the rate must be a number from 0 on, got {weight!r}; 0.001 is a good start")
    height, width = check_image(image).shape[:2]
    latents = Latents((height, width), n_grids, synthesis, seed=seed)
    with torch.no_grad():
        list(latents.synthesis.parameters())[-1].copy_(torch.from_numpy(image.mean(axis=(0, 1)) / 255))
    groups = [
        {"params": list(latents.grids), "full": GRID_RATE},
        {"params": latents.weights, "full": RATE},
    ]
    return LatentFit(latents, torch.optim.Adam(groups, RATE), torch.Generator().manual_seed(seed), weight, steps)


def fit_latents(image: np.ndarray, state: LatentFit) -> Iterator[LatentFit]:
    """Take the steps that are left; one report every 20 steps, and in the end.

    Examples
    --------
    >>> image = np.zeros((8, 8, 3), np.uint8)
    >>> [fit.step for fit in fit_latents(image, start(image, steps=30))]
    [20, 30]
    """
    latents, target = state.latents, torch.from_numpy(image).float() / 255
    n_pixels, before, begin = target.shape[0] * target.shape[1], state.seconds, time.perf_counter()
    for step in range(state.step, state.steps):
        done = step / state.steps
        for group in state.optimizer.param_groups:
            group["lr"] = group["full"] * min(1, (step + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * done))
        grids = [_stand_in(grid, done < ROUNDING, state.generator) for grid in latents.grids]
        error = (latents.colors(grids) - target).square().mean()
        loss = error + state.weight * latents.bits(grids) / n_pixels
        state.optimizer.zero_grad()
        loss.backward()
        state.optimizer.step()
        if (step + 1) % REPORT == 0 or step + 1 == state.steps:
            seconds = before + time.perf_counter() - begin
            measure = Measure(step + 1, error.item(), psnr(image, latents.render()), seconds)
            n_bytes, history = sum(latents.n_bytes().values()), (*state.history, measure)
            state = replace(state, step=step + 1, n_bytes=n_bytes, history=history)
            yield state


def _stand_in(grid: Tensor, noisy: bool, generator: torch.Generator) -> Tensor:
    """What a grid is while it is fitted: with noise, or rounded, with the gradient of neither."""
    if noisy:
        return grid + torch.rand(grid.shape, generator=generator) - 0.5
    return grid + (grid.round() - grid).detach()
