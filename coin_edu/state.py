"""The state of a fit: what was asked for, how far it is, and the weights; saved to disk and read back."""

import io
import math
import os
import zipfile
import zlib
from dataclasses import asdict, astuple, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from coin_edu.arch import Arch
from coin_edu.errors import CoinError, check_whole
from coin_edu.files import read_bytes, write_bytes
from coin_edu.image import check_image
from coin_edu.quantize import check_budget, step_sizes
from coin_edu.siren import Siren, with_weights


@dataclass(frozen=True)
class Recipe:
    """How a network is fitted.

    Parameters
    ----------
    steps : int
        Optimizer steps, unless the caller says otherwise.
    batch : int or None
        Pixels a step, drawn anew each time; None for all of them.
    rate : float
        Adam's learning rate.
    last_rate : float, optional
        Adam's learning rate in the last layer; `rate` by default.
    muon_rate : float
        Learning rate of the layers between hidden layers under Muon, to be divided by depth x width, since larger
        networks bear smaller steps only; 0 leaves them to Adam.
    momentum : float
        Share of the old gradients that Muon keeps at each step.
    warm_up : int
        Steps over which the rates rise from zero.
    cosine : bool
        Whether the rates then fall to zero along a half cosine, or stay.
    mean_start : bool
        Whether the last layer's biases start at the picture's mean color.
    focus : float
        Share of a step's pixels that fall where the error is; the others fall evenly (`sampling.py`).
    round_from : float
        Share of the steps after which a fit that has a budget of bytes goes on with rounded weights.
    """

    steps: int
    batch: int | None
    rate: float
    last_rate: float | None = None
    muon_rate: float = 0.0
    momentum: float = 0.95
    warm_up: int = 0
    cosine: bool = False
    mean_start: bool = False
    focus: float = 0.0
    round_from: float = 0.9

    def __post_init__(self) -> None:
        check_whole("Recipe: steps", self.steps, 0)
        check_whole("Recipe: warm_up", self.warm_up, 0)
        if self.batch is not None:
            check_whole("Recipe: batch", self.batch, 1)
        for name in ("rate", "last_rate", "muon_rate", "momentum", "focus", "round_from"):
            value = getattr(self, name)
            most = 1 if name in ("momentum", "focus", "round_from") else math.inf
            if not (name == "last_rate" and value is None) and not (
                isinstance(value, int | float) and 0 <= value < most
            ):
                raise CoinError(f"Recipe: {name} must be a number from 0 to under {most}, got {value!r}")

    def scaled(self, factor: float) -> "Recipe":
        """The same with all learning rates, `rate`, `last_rate` and `muon_rate`, times `factor`."""
        last_rate = None if self.last_rate is None else factor * self.last_rate
        return replace(self, rate=factor * self.rate, last_rate=last_rate, muon_rate=factor * self.muon_rate)


RECIPES = {
    # As published: Adam at 2e-4, every pixel in every step, 50,000 steps.
    "paper": Recipe(steps=50_000, batch=None, rate=2e-4),
    "fast": Recipe(
        steps=3_000,
        batch=8192,
        rate=1e-3,
        last_rate=3e-3,
        muon_rate=0.56,
        warm_up=50,
        cosine=True,
        mean_start=True,
        focus=0.5,
    ),
}


# Networks of more weights gain more from twice the pixels a step than from twice the steps.
LARGE = 8192


def recipe_for(name: str, arch: Arch) -> Recipe:
    """The recipe of that name for a network: "fast" looks at twice as many pixels a step for a :data:`LARGE` one.

    Raises
    ------
    CoinError
        If there is no such recipe.
    """
    if name not in RECIPES:
        raise CoinError(f"recipe must be one of {', '.join(RECIPES)}, or a Recipe, got {name!r}")
    recipe = RECIPES[name]
    if name == "fast" and recipe.batch and arch.n_weights > LARGE:
        return replace(recipe, batch=2 * recipe.batch)
    return recipe


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


@dataclass(frozen=True, eq=False)
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
    n_bytes : int or None
        Budget of the entropy-coded file, for a fit that rounds its weights at the end.
    step_sizes : Tensor (n_steps,) or None
        Quantization steps, once the weights are rounded to multiples of them.
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
    seen: Tensor = field(repr=False)  # the weights whose errors say where pixels are drawn
    step: int = 0
    psnr: float = -float("inf")
    history: tuple[Measure, ...] = field(default=(), repr=False)
    n_bytes: int | None = None
    step_sizes: Tensor | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """Time spent fitting."""
        return self.history[-1].seconds if self.history else 0.0

    @property
    def model(self) -> Siren:
        """The best network so far, on the CPU."""
        return with_weights(self.arch, self.best)

    @property
    def next_change(self) -> int:
        """The step at which this fit ends, or goes on with rounded weights."""
        rounding = math.ceil(self.recipe.round_from * self.steps)
        return rounding if self.n_bytes is not None and self.step_sizes is None else self.steps

    def with_rounding(self) -> "Fit":
        """From here on with weights rounded so that the file fits the budget; the best network is to be found anew."""
        assert self.n_bytes is not None
        # Half a percent is left for what the weights still grow: up to 0.2 % was seen.
        sizes = step_sizes(with_weights(self.arch, self.weights), self.shape, math.floor(0.995 * self.n_bytes))
        return replace(self, step_sizes=torch.from_numpy(sizes), psnr=-math.inf)

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
            If the file is missing, damaged or no such state.
        """
        data = read_bytes(path)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if damaged := archive.testzip():  # torch.load looks at no checksum
                    raise ValueError(damaged)
            fields: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True)
            fields |= {"arch": Arch(**fields["arch"]), "recipe": Recipe(**fields["recipe"])}
            fields["history"] = tuple(Measure(int(step), *map(float, rest)) for step, *rest in fields["history"])
            state = cls(**fields)
            state._check()
            return state
        except Exception as error:  # torch.load raises many kinds for a file that is not its own
            raise CoinError(f"{path}: no saved fit ({type(error).__name__}); Fit.save writes one") from error

    def _check(self) -> None:
        """Raise some error for what :func:`start` and the loop never make, and a damaged or foreign file may hold."""
        n_weights = self.arch.n_weights
        shapes = dict.fromkeys(("best", "weights", "seen"), (n_weights,)) | {"moments": (2, n_weights)}
        if self.step_sizes is not None:
            shapes["step_sizes"] = (self.arch.n_steps(),)
        for name, shape in shapes.items():
            tensor = getattr(self, name)
            if (tensor.shape, tensor.dtype, tensor.layout) != (shape, torch.float32, torch.strided):
                raise ValueError(name)
        (height, width), n_bytes = self.shape, 1 if self.n_bytes is None else self.n_bytes
        for number, least in ((height, 1), (width, 1), (n_bytes, 1), (self.seed, 0), (self.step, 0), (self.steps, 0)):
            check_whole("a number", number, least)
        ends = self.arch.inputs, self.arch.outputs
        if ends != (2, 3) or self.step > self.steps or not isinstance(self.psnr, float):
            raise ValueError("arch, step or psnr")


def start(
    image: np.ndarray,
    arch: Arch | None = None,
    steps: int | None = None,
    recipe: str | Recipe = "fast",
    seed: int = 0,
    n_bytes: int | None = None,
    model: Siren | None = None,
) -> Fit:
    """The state before the first step: initial weights, or those of `model`; nothing measured yet."""
    shape = check_image(image).shape[:2]
    arch = model.arch if model else arch or Arch.for_bpp(0.3, shape)
    if arch.inputs != 2 or arch.outputs != 3:
        raise CoinError(f"a picture needs a network from 2 to 3 numbers, got one from {arch.inputs} to {arch.outputs}")
    chosen = recipe if isinstance(recipe, Recipe) else recipe_for(recipe, arch)
    steps = check_whole("steps", chosen.steps if steps is None else steps, 0)
    seed = check_whole("seed", seed, 0)
    if n_bytes is not None:
        check_budget(arch, shape, n_bytes)
    weights = parameters_to_vector((model or Siren(arch, seed)).parameters()).detach().cpu()
    if chosen.mean_start and model is None:
        weights[-3:] = torch.from_numpy(image.mean(axis=(0, 1)) / 255)
    moments = torch.zeros(2, len(weights))
    crc = zlib.crc32(image.tobytes())
    return Fit(shape, arch, chosen, steps, seed, crc, weights, weights, moments, weights, n_bytes=n_bytes)
