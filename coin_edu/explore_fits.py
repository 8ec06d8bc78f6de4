"""Widgets that fit: one network, or several side by side, live."""

import html
import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coin_edu.arch import ACTIVATIONS, Arch
from coin_edu.codec import render
from coin_edu.live import Live
from coin_edu.metrics import bpp, psnr
from coin_edu.panel import COLORS, control, ipywidgets, label, panels, slider, thumbnail
from coin_edu.plots import show_image, show_residual
from coin_edu.state import RECIPES, Fit, Recipe, start

ARCH = Arch(5, 30)  # where nothing else is asked for
# Of 1, 3, 10 and 30 times the sines' learning rates, those at which ReLU does best on the default picture.
RELU = {"arch": replace(ARCH, activation="relu"), "recipe": RECIPES["fast"].scaled(10)}


class LiveFit(Live):
    """One network being fitted to a picture: the picture, the network's, its error, and PSNR over steps.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3), optional
        By default a thumbnail of a photograph; on one of 192x128 pixels a fit takes seconds.
    arch : Arch, optional
    steps, recipe, seed
        As in :func:`coin_edu.fit`; 1,000 steps by default.
    fit : Fit, optional
        Begin with this one, of the same picture; its settings then replace `arch`, `steps`, `recipe` and `seed`.

    Attributes
    ----------
    fit : Fit
        The fit so far.
    depth, width, activation, omega_0, recipe, rate, steps : ipywidgets
        The settings; a change resets the fit. `rate` is a factor on all of the recipe's learning rates.
    """

    def __init__(
        self,
        image: np.ndarray | None = None,
        arch: Arch | None = None,
        *,
        steps: int | None = 1000,
        recipe: str | Recipe = "fast",
        seed: int = 0,
        fit: Fit | None = None,
    ):
        image = thumbnail("coffee") if image is None else image
        first = fit or start(image, arch or ARCH, steps, recipe, seed)
        arch, self._seed, self._arch = first.arch, first.seed, first.arch
        names = [name for name, known in RECIPES.items() if known == first.recipe]
        self._recipes = RECIPES if names else {**RECIPES, "own": first.recipe}
        self.depth = slider(ipywidgets.IntSlider, "depth", arch.depth, 1, 13)
        self.width = slider(ipywidgets.IntSlider, "width", arch.width, 4, 64)
        self.activation = control(ipywidgets.Dropdown, "activation", value=arch.activation, options=ACTIVATIONS)
        self.omega_0 = slider(ipywidgets.FloatSlider, "omega_0", arch.omega_0, 1, 100, step=1, readout_format=".4g")
        self.recipe = control(ipywidgets.Dropdown, "recipe", value=(*names, "own")[0], options=list(self._recipes))
        self.rate = control(ipywidgets.FloatLogSlider, "rate ×", value=1, min=-1, max=1, step=0.1)
        self.steps = control(ipywidgets.BoundedIntText, "steps", value=first.steps, min=1, max=1_000_000)
        self._settings = [
            self.depth, self.width, self.activation, self.omega_0, self.recipe, self.rate, self.steps
        ]  # fmt: skip
        super().__init__(image, self._settings)
        if fit:
            self.fits = {NETWORK: fit}
            self.refresh()

    @property
    def fit(self) -> Fit:
        """The fit so far."""
        return self.fits[NETWORK]

    def fresh(self) -> dict[str, Fit]:
        """The fit that the controls describe, before its first step."""
        omega_0, of_first = self.omega_0.value, self._arch.omega_first / self._arch.omega_0
        arch = replace(
            self._arch,
            depth=self.depth.value,
            width=self.width.value,
            activation=self.activation.value,
            omega_0=omega_0,
            omega_first=omega_0 * of_first,
        )
        recipe = self._recipes[self.recipe.value].scaled(self.rate.value)
        return {NETWORK: start(self.image, arch, self.steps.value, recipe, self._seed)}

    def changed(self) -> None:
        """Another setting, another fit."""
        self._reset()

    def refresh(self) -> None:
        """Draw the picture anew; settings rest while a fit runs, lest a slip of the hand ends it."""
        super().refresh()
        for setting in self._settings:
            setting.disabled = self.running

    def draw(self, figure: Figure) -> str:
        """Pictures above, PSNR over steps beneath."""
        fit = self.fit
        picture = render(fit.model, self.image.shape)
        decibels = psnr(self.image, picture)
        axes = panels(figure, "abc;ddd", height_ratios=self.heights, hspace=0.25)
        show_image(self.image, axes["a"], "original")
        show_image(picture, axes["b"], f"network: {decibels:.2f} dB")
        show_residual(self.image, picture, axes["c"], "error, enlarged 4 times: gray is none")
        curves(axes["d"], {"": fit}, "step")
        n_bytes = fit.n_bytes or fit.arch.n_bytes()
        return (
            f"step {fit.step:,} of {fit.steps:,}, <b>{decibels:.2f} dB</b>, {fit.seconds:.1f} s &middot; "
            f"{fit.arch}: {fit.arch.n_weights:,} weights, a file of {n_bytes:,} bytes, "
            f"{bpp(n_bytes, self.image.shape):.3f} bpp"
        )


class CompareFits(Live):
    """Several networks fitted to one picture side by side, in turn and at an equal pace.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3), optional
    settings : dict
        By name, an :class:`Arch` or the keywords of :func:`coin_edu.fit`: arch, steps, recipe, seed. By default a SIREN
        and a ReLU network of its size at ten times its learning rates.
    steps : int
        Where a setting says nothing else.

    Attributes
    ----------
    fits : dict of Fit
        By the names in `settings`.
    pace : ipywidgets.Dropdown
        What is shared equally and shown along the axis, "step" or "seconds".
    view : ipywidgets.Dropdown
        "pictures" or "errors".

    Examples
    --------
    >>> widget = CompareFits(np.zeros((8, 8, 3), np.uint8), {"2": Arch(2, 4), "paper": {"recipe": "paper"}}, steps=3)
    >>> widget.run()
    >>> widget.fits["paper"].step
    3
    """

    def __init__(
        self,
        image: np.ndarray | None = None,
        settings: Mapping[str, Arch | Mapping[str, Any]] | None = None,
        steps: int = 1000,
    ):
        settings = settings or {"sine": ARCH, "ReLU": RELU}
        each = {name: {"arch": given} if isinstance(given, Arch) else given for name, given in settings.items()}
        self._settings = {name: {"arch": ARCH, "steps": steps, **given} for name, given in each.items()}
        self.pace = control(ipywidgets.Dropdown, "equal", options={"steps": "step", "seconds": "seconds"})
        self.view = control(ipywidgets.Dropdown, "show", options=["pictures", "errors"])
        super().__init__(thumbnail("coffee") if image is None else image, [self.pace, self.view], 1 + len(settings))

    def fresh(self) -> dict[str, Fit]:
        """The fits before their first step."""
        return {name: start(self.image, **given) for name, given in self._settings.items()}

    def spent(self, fit: Fit) -> float:
        """Steps or seconds."""
        return getattr(fit, self.pace.value)

    def draw(self, figure: Figure) -> str:
        """A picture each, and all curves on one axis."""
        count = 1 + len(self.fits)
        top = "".join(chr(ord("a") + i) for i in range(count))
        axes = panels(figure, f"{top};{'z' * count}", height_ratios=self.heights, hspace=0.25)
        show_image(self.image, axes["a"], "original")
        for ax, (name, fit) in zip(list(axes.values())[1:], self.fits.items(), strict=False):
            picture = render(fit.model, self.image.shape)
            title = f"{name}: {psnr(self.image, picture):.2f} dB"
            if self.view.value == "errors":
                show_residual(self.image, picture, ax, title)
            else:
                show_image(picture, ax, title)
        curves(axes["z"], self.fits, self.pace.value)
        return " &middot; ".join(
            f"<b>{html.escape(name)}</b> ({fit.arch}, {fit.n_bytes or fit.arch.n_bytes():,} bytes): "
            f"step {fit.step:,} of {fit.steps:,}, {fit.seconds:.1f} s"
            for name, fit in self.fits.items()
        )


NETWORK = "the fit"  # LiveFit's only one, by the name that messages use


def curves(ax: Axes, fits: Mapping[str, Fit], pace: str) -> None:
    """PSNR of each fit over its steps or seconds, named if there are several."""
    for color, (name, fit) in zip(itertools.cycle(COLORS), fits.items(), strict=False):
        places = [getattr(measure, pace) for measure in fit.history]
        decibels = [measure.psnr for measure in fit.history]
        ax.plot(places, decibels, color=color, label=name)
        ax.plot(places[-1:], decibels[-1:], "o", color=color, markersize=5, clip_on=False)
    label(ax, "seconds" if pace == "seconds" else "steps", "PSNR, dB")
    if pace == "step":
        ax.set_xlim(0, max(fit.steps for fit in fits.values()))
    if not any(fit.history for fit in fits.values()):
        ax.set_ylim(10, 30)
    if len(fits) > 1:
        ax.legend(loc="lower right", fontsize=9, frameon=False)
