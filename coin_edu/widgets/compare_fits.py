"""Several networks fitted side by side, live."""

import html
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from coin_edu.arch import Arch
from coin_edu.engine.start import Asked
from coin_edu.engine.state import Fit
from coin_edu.fitting import fit_steps
from coin_edu.metrics import psnr
from coin_edu.recipe import RECIPES, Recipe
from coin_edu.rendering import render
from coin_edu.study.plots import show_image, show_residual
from coin_edu.widgets.curves import fallen, growing
from coin_edu.widgets.live import ARCH, Live
from coin_edu.widgets.panel import control, ipywidgets, panels, thumbnail

# Of 1, 3, 10 and 30 times the sines' learning rates, those at which ReLU does best on the default picture; the legend
# says the factor.
RELU = {"arch": replace(ARCH, activation="relu"), "recipe": RECIPES["fast"].scaled(10)}


class CompareFits(Live):
    """Several networks fitted to one picture side by side, in turn and at an equal pace.

    At equal seconds, each gets as many steps as it can take in the seconds given, so that its schedule ends with them.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3), optional
    settings : dict
        By name, an :class:`Arch` or the keywords of :func:`coin_edu.fit`: arch, steps, recipe, seed. By default a SIREN
        and a ReLU network of its size at ten times its learning rates.
    steps : int
        Where a setting says nothing else.
    begin : bool
        Whether the fits start by themselves once the widget is shown.

    Attributes
    ----------
    fits : dict of Fit
        By the names in `settings`; :meth:`result` is what later cells should use.
    pace : ipywidgets.Dropdown
        What is shared equally and shown along the axis, "step" or "seconds"; after a change `start` begins anew.
    seconds : ipywidgets.BoundedFloatText
        What each fit may spend at equal seconds.
    view : ipywidgets.Dropdown
        "pictures" or "errors".

    Examples
    --------
    >>> widget = CompareFits(np.zeros((8, 8, 3), np.uint8), {"2": Arch(2, 4), "paper": {"recipe": "paper"}}, steps=3)
    >>> widget.result()["paper"].step
    3
    """

    def __init__(
        self,
        image: np.ndarray | None = None,
        settings: Mapping[str, Arch | Mapping[str, Any]] | None = None,
        steps: int = 1000,
        begin: bool = True,
    ):
        settings = settings or {"sine": ARCH, "ReLU": RELU}
        each = {name: {"arch": given} if isinstance(given, Arch) else given for name, given in settings.items()}
        self._settings = {name: {"arch": ARCH, "steps": steps, **given} for name, given in each.items()}
        self.pace = control(ipywidgets.Dropdown, "equal", options={"steps": "step", "seconds": "seconds"})
        self.seconds = control(ipywidgets.BoundedFloatText, "seconds each", value=5, min=0.1, max=3600, step=1)
        self.view = control(ipywidgets.Dropdown, "show", options=["pictures", "errors"])
        self._pace = self.pace.value, self.seconds.value
        picture = thumbnail("coffee") if image is None else image
        super().__init__(picture, [self.pace, self.seconds, self.view], 1 + len(settings), begin)

    def result(self) -> dict[str, Fit]:
        """The fits for later cells, by name: waited for once, then the same whatever the widget does; see
        :meth:`Running.frozen`.
        """
        return self.frozen()

    def fresh(self) -> dict[str, Fit]:
        """The fits before their first step."""
        fits = {name: Asked(**given).start(self.image) for name, given in self._settings.items()}
        if self.pace.value == "step":
            return fits
        affordable = {name: max(1, round(self.seconds.value / self._step_seconds(fit))) for name, fit in fits.items()}
        return {name: replace(fit, steps=affordable[name]) for name, fit in fits.items()}

    def _step_seconds(self, fit: Fit) -> float:
        """What a step costs here and now, measured for a tenth of a second, or three reports, after the first ones."""
        reports = fit_steps(self.image, state=replace(fit, steps=1000), every=5)
        next(reports), next(reports)  # what is set up once
        first = last = next(reports)
        while last.step - first.step < 15 or (last.seconds - first.seconds < 0.1 and last.step < 900):
            last = next(reports)
        return (last.seconds - first.seconds) / (last.step - first.step)

    def spent(self, fit: Fit) -> float:
        """Steps or seconds."""
        return getattr(fit, self.pace.value)

    def named(self) -> dict[str, str]:
        """The names in the settings."""
        return {name: f"{name}, equal seconds" if self._pace[0] == "seconds" else name for name in self.fits}

    def changed(self) -> None:
        """At another pace, other fits; another view is of the same."""
        if (pace := (self.pace.value, self.seconds.value)) != self._pace:
            if "seconds" in (pace[0], self._pace[0]):
                self._forget()
            self._pace = pace
        self.refresh()

    def refresh(self) -> None:
        """Draw the picture anew; the pace rests while fits run."""
        super().refresh()
        self.pace.disabled = self.running
        self.seconds.disabled = self.running or self.pace.value == "step"

    def draw(self, figure: Figure) -> str:
        """A picture each, and all curves on one axis."""
        count = 1 + len(self.fits)
        top = "".join(chr(ord("a") + i) for i in range(count))
        bottom = "y" * (count - 1) + "z" if count > 2 else "yz"
        axes = panels(figure, f"{top};{bottom}", height_ratios=self.heights, hspace=0.25)
        show_image(self.image, axes["a"], "original")
        for ax, (name, fit) in zip(list(axes.values())[1:count], self.fits.items(), strict=True):
            picture = render(fit.model, self.image.shape)
            at_best = ", at its best" if fallen(fit) else ""
            title = f"{name}{at_best}: {psnr(self.image, picture):.2f} dB"
            if self.view.value == "errors":
                show_residual(self.image, picture, ax, title)
            else:
                show_image(picture, ax, title)
        rates = {name: factor_in_words(fit.recipe) for name, fit in self.fits.items()}
        names = {name: name + said for name, said in rates.items()}
        growing(axes["y"], axes["z"], self.fits, self.pace.value, self.ghosts, names)
        return self.progress() + " &middot; ".join(
            f"<b>{html.escape(name)}</b> ({fit.arch}{rates[name]}, {fit.n_bytes or fit.arch.n_bytes():,} bytes): "
            f"step {fit.step:,} of {fit.steps:,}, {fit.seconds:.1f} s"
            for name, fit in self.fits.items()
        )


def factor_in_words(recipe: Recipe) -> str:
    """The factor on the rates of the recipe "fast", to be added to a name: a rival was given rates of its own.

    Examples
    --------
    >>> factor_in_words(RECIPES["fast"].scaled(10)), factor_in_words(RECIPES["fast"]), factor_in_words(RECIPES["paper"])
    (', rates ×10', '', '')
    """
    factor = recipe.rate / RECIPES["fast"].rate
    given, scaled = ([r.rate, r.last_rate or 0, r.muon_rate] for r in (recipe, RECIPES["fast"].scaled(factor)))
    return f", rates ×{factor:.3g}" if factor != 1 and np.allclose(given, scaled) else ""
