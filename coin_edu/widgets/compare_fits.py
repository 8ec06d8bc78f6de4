"""Several networks fitted side by side, live."""

import html
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from coin_edu.arch import Arch
from coin_edu.codec import render
from coin_edu.engine.state import Fit
from coin_edu.fitting import start
from coin_edu.metrics import psnr
from coin_edu.recipe import RECIPES
from coin_edu.study.plots import show_image, show_residual
from coin_edu.widgets.live import ARCH, Live, curves
from coin_edu.widgets.panel import control, ipywidgets, panels, thumbnail

# Of 1, 3, 10 and 30 times the sines' learning rates, those at which ReLU does best on the default picture.
RELU = {"arch": replace(ARCH, activation="relu"), "recipe": RECIPES["fast"].scaled(10)}


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
