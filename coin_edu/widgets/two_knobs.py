"""What omega_0 is made of: the frequency of the first layer, and the rate of the others; and how weights begin."""

from dataclasses import replace

import numpy as np
import torch
from matplotlib.figure import Figure

from coin_edu.arch import Arch
from coin_edu.engine.start import Asked
from coin_edu.engine.state import Fit
from coin_edu.metrics import psnr
from coin_edu.recipe import recipe_for
from coin_edu.rendering import render
from coin_edu.siren import Siren
from coin_edu.study.plots import show_image, show_residual
from coin_edu.widgets.curves import growing
from coin_edu.widgets.live import ARCH, Live
from coin_edu.widgets.panel import control, ipywidgets, panels, thumbnail


class TwoKnobs(Live):
    """A live fit with the two things that omega_0 stands for as knobs of their own, and the size of the first weights.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3), optional
    arch : Arch, optional
        5x30 by default; ``Arch(10, 28)`` for what a depth of ten does.
    steps, seed : int
    begin : bool
        Whether the fit starts by itself once the widget is shown.

    Attributes
    ----------
    frequency : ipywidgets.FloatSlider
        omega_0 of the first layer: the frequencies that the network begins with.
    rate : ipywidgets.FloatLogSlider
        A factor on all learning rates; the hidden layers' omega_0 stays 30.
    weights : ipywidgets.FloatLogSlider
        A factor on the weights that the hidden layers begin with, all but the first layer's and the last one's.

    Examples
    --------
    >>> widget = TwoKnobs(np.zeros((8, 8, 3), np.uint8), Arch(1, 4), steps=3)
    >>> widget.frequency.value = 60
    >>> widget.result().arch.omega_first
    60.0
    """

    def __init__(
        self,
        image: np.ndarray | None = None,
        arch: Arch | None = None,
        *,
        steps: int = 300,
        seed: int = 0,
        begin: bool = True,
    ):
        self._arch, self._steps, self._seed = arch or ARCH, steps, seed
        self.frequency = control(
            ipywidgets.FloatSlider, "frequency", value=self._arch.omega_first, min=1, max=100, step=1
        )
        self.rate = control(ipywidgets.FloatLogSlider, "rate ×", value=1, base=2, min=-3, max=5, step=0.5)
        self.weights = control(ipywidgets.FloatLogSlider, "weights ×", value=1, base=2, min=-2, max=1, step=0.5)
        picture = thumbnail("coffee") if image is None else image
        self._knobs = [self.frequency, self.rate, self.weights]
        super().__init__(picture, self._knobs, begin=begin)

    def result(self) -> Fit:
        """The fit for later cells: waited for once, then the same whatever the widget does."""
        return self.frozen()[""]

    def fresh(self) -> dict[str, Fit]:
        """The fit that the knobs describe, before its first step."""
        arch = replace(self._arch, omega_first=self.frequency.value)
        model = Siren(arch, self._seed)
        with torch.no_grad():
            for weight, bias in model.layer_weights[1:-1]:
                weight *= self.weights.value
                bias *= self.weights.value
            # As the recipe does where it draws the weights itself.
            model.layer_weights[-1][1].copy_(torch.from_numpy(self.image.mean(axis=(0, 1)) / 255))
        recipe = recipe_for("fast", arch).scaled(self.rate.value)
        self._words = (
            f"frequency {self.frequency.value:g}, rate ×{self.rate.value:.3g}, weights ×{self.weights.value:.3g}"
        )
        return {"": Asked(None, self._steps, recipe, self._seed, model=model).start(self.image)}

    def named(self) -> dict[str, str]:
        """The knobs."""
        return {"": self._words}

    def changed(self) -> None:
        """Another knob, another fit."""
        self._forget()
        self.refresh()

    def refresh(self) -> None:
        """Draw the picture anew; knobs rest while a fit runs."""
        super().refresh()
        for knob in self._knobs:
            knob.disabled = self.running

    def draw(self, figure: Figure) -> str:
        """Pictures above, PSNR over steps and earlier runs beneath."""
        fit = self.fits[""]
        picture = render(fit.model, self.image.shape)
        decibels = psnr(self.image, picture)
        axes = panels(figure, "abc;dde", height_ratios=self.heights, hspace=0.25)
        show_image(self.image, axes["a"], "original")
        show_image(picture, axes["b"], f"network: {decibels:.2f} dB")
        show_residual(self.image, picture, axes["c"], "error × 4, gray: none")
        growing(axes["d"], axes["e"], self.fits, "step", self.ghosts, self.named())
        return (
            f"{self.progress()}{fit.arch}, {self._words}: step {fit.step:,} of {fit.steps:,}, <b>{decibels:.2f} dB</b>"
        )
