"""How a network is fitted: pixels a step, learning rates, schedule."""

import math
from dataclasses import dataclass, replace

from coin_edu.arch import Arch
from coin_edu.errors import CoinError, check_number, check_whole


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
        networks bear smaller steps only; 0 leaves them to Adam. Where layers have widths of their own, it is divided
        by 20 n_weights^(1/4).
    muon_first : float
        Muon's rate in the first layer, over that between hidden layers; 0 leaves it to Adam.
    decay : float
        How much the weights that Muon moves shrink in each step, over their rate (decoupled weight decay; Loshchilov
        and Hutter 2019, arXiv 1711.05101). Muon's steps are as large where the gradient is mere noise: without decay,
        long fits of small networks may drift until they fail.
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

    Examples
    --------
    >>> slower = replace(RECIPES["fast"], steps=6000)  # all else as it is
    >>> slower.steps, slower.batch, slower.scaled(0.5).rate
    (6000, 8192, 0.0005)
    >>> Recipe(steps=50_000, batch=None, rate=2e-4) == RECIPES["paper"]
    True
    """

    steps: int
    batch: int | None
    rate: float
    last_rate: float | None = None
    muon_rate: float = 0.0
    muon_first: float = 0.0
    decay: float = 0.0
    momentum: float = 0.95
    warm_up: int = 0
    cosine: bool = False
    mean_start: bool = False
    focus: float = 0.0
    round_from: float = 0.9

    def __post_init__(self) -> None:
        for name, least in {"steps": 0, "warm_up": 0, "batch": 1}.items():
            if name != "batch" or self.batch is not None:
                object.__setattr__(self, name, check_whole(f"Recipe: {name}", getattr(self, name), least))
        for name in ("rate", "last_rate", "muon_rate", "muon_first", "decay", "momentum", "focus", "round_from"):
            value = getattr(self, name)
            if name == "last_rate" and value is None:
                continue
            most = 1 if name in ("momentum", "focus", "round_from") else math.inf
            number = check_number(f"Recipe: {name}", value, 0)
            if not number < most:
                raise CoinError(f"Recipe: {name} must be a number from 0 to under {most}, got {value!r}")
            object.__setattr__(self, name, number)
        for name in ("cosine", "mean_start"):
            object.__setattr__(self, name, bool(getattr(self, name)))

    def scaled(self, factor: float) -> "Recipe":
        """The same with all learning rates, `rate`, `last_rate` and `muon_rate`, times `factor`."""
        factor = check_number("the factor on the rates", factor, 0)
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


def recipe_for(name: str | Recipe, arch: Arch) -> Recipe:
    """The recipe itself, or the one of that name: "fast" looks at twice the pixels a step for a ``LARGE`` network.

    Where layers that narrow stand behind Fourier features it has a higher rate of Muon, Muon in the first layer too,
    with decay, twice the rate in the last layer, and three quarters of the pixels where the error is.

    Raises
    ------
    CoinError
        If there is no such recipe.
    """
    if isinstance(name, Recipe):
        return name
    if name not in RECIPES:
        raise CoinError(f"recipe must be one of {', '.join(RECIPES)}, or a Recipe, got {name!r}")
    recipe = RECIPES[name]
    if name != "fast" or not recipe.batch:
        return recipe
    if arch.widths and arch.fourier:
        return replace(
            recipe,
            batch=2 * recipe.batch,
            last_rate=6e-3,
            muon_rate=0.78,
            muon_first=2.0,
            decay=1.0,
            focus=0.75,
        )
    return replace(recipe, batch=2 * recipe.batch) if arch.n_weights > LARGE else recipe
