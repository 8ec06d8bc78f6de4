"""One network being fitted, live."""

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from coin_edu.arch import ACTIVATIONS, Arch
from coin_edu.codec import render
from coin_edu.engine.state import Fit
from coin_edu.fitting import start
from coin_edu.metrics import bpp, psnr
from coin_edu.recipe import RECIPES, Recipe
from coin_edu.study.plots import show_image, show_residual
from coin_edu.widgets.live import ARCH, Live, curves
from coin_edu.widgets.panel import control, ipywidgets, panels, slider, thumbnail


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
        self.activation = control(ipywidgets.Dropdown, "activation", value=arch.activation, options=list(ACTIVATIONS))
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


NETWORK = "the fit"  # LiveFit's only one, by the name that messages use
