"""One network being fitted, live."""

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from coin_edu.arch import ACTIVATIONS, Arch
from coin_edu.engine.start import Asked
from coin_edu.engine.state import Fit
from coin_edu.metrics import bpp, psnr
from coin_edu.recipe import RECIPES, Recipe
from coin_edu.rendering import render
from coin_edu.siren import with_weights
from coin_edu.study.plots import show_image, show_residual
from coin_edu.widgets.curves import fallen, growing
from coin_edu.widgets.live import ARCH, Live
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
    begin : bool
        Whether the fit starts by itself once the widget is shown.

    Attributes
    ----------
    fit : Fit
        The fit so far; :meth:`result` is what later cells should use.
    depth, width, activation, omega_0, recipe, rate, steps : ipywidgets
        The settings; after a change `start` begins anew, and the curve so far stays as a ghost. `rate` is a factor on
        all of the recipe's learning rates.

    Examples
    --------
    >>> live = LiveFit(np.zeros((8, 8, 3), np.uint8), Arch(1, 4), steps=3)  # shown, it begins by itself
    >>> live.result().step
    3
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
        begin: bool = True,
    ):
        image = thumbnail("coffee") if image is None else image
        first = fit or Asked(arch or ARCH, steps, recipe, seed).start(image)
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
        self._first = {setting: setting.value for setting in self._settings}
        super().__init__(image, self._settings, begin=begin and fit is None)
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
        depth, width = self.depth.value, self.width.value
        arch = replace(
            self._arch,
            depth=depth,
            width=width,
            # Once a slider was moved, all layers have the same width.
            widths=self._arch.widths if (depth, width) == (self._arch.depth, self._arch.width) else (),
            activation=self.activation.value,
            omega_0=omega_0,
            omega_first=omega_0 * of_first,
        )
        recipe = self._recipes[self.recipe.value].scaled(self.rate.value)
        said = {
            self.activation: self.activation.value,
            self.omega_0: f"omega_0 {omega_0:g}",
            self.recipe: f"recipe {self.recipe.value}",
            self.rate: f"rate ×{self.rate.value:.3g}",
            self.steps: f"{self.steps.value:,} steps",
        }
        other = [text for setting, text in said.items() if setting.value != self._first[setting]]
        self._words = ", ".join([str(arch), *other])
        return {NETWORK: Asked(arch, self.steps.value, recipe, self._seed).start(self.image)}

    def result(self) -> Fit:
        """The fit for later cells: waited for once, then the same whatever the widget does (:meth:`Running.frozen`)."""
        return self.frozen()[NETWORK]

    def named(self) -> dict[str, str]:
        """The network, and each setting that is not as it was at first."""
        return {NETWORK: self._words}

    def changed(self) -> None:
        """Another setting, another fit."""
        self._forget()
        self.refresh()

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
        fell = fallen(fit)
        axes = panels(figure, "abcf;ddee" if fell else "abc;dde", height_ratios=self.heights, hspace=0.25)
        show_image(self.image, axes["a"], "original")
        show_image(picture, axes["b"], f"{'at its best' if fell else 'network'}: {decibels:.2f} dB")
        show_residual(self.image, picture, axes["c"], "error × 4, gray: none")
        if fell:
            now = render(with_weights(fit.arch, fit.weights), self.image.shape)
            show_image(now, axes["f"], f"now: {psnr(self.image, now):.2f} dB")
        growing(axes["d"], axes["e"], {NETWORK: fit}, "step", self.ghosts, self.named())
        n_bytes = fit.n_bytes or fit.arch.n_bytes()
        return (
            f"{self.progress()}step {fit.step:,} of {fit.steps:,}, <b>{decibels:.2f} dB</b>, {fit.seconds:.1f} s "
            f"&middot; {fit.arch}: {fit.arch.n_weights:,} weights, a file of {n_bytes:,} bytes, "
            f"{bpp(n_bytes, self.image.shape):.3f} bpp"
        )


NETWORK = ""  # LiveFit's only one
