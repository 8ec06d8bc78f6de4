"""Grids and two tiny networks being fitted to a picture, live."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from coin_edu.engine.state import Report
from coin_edu.metrics import psnr
from coin_edu.study.latent_file import pack
from coin_edu.study.latents import LatentFit, fit_latents, start
from coin_edu.study.plots import show_image, show_residual
from coin_edu.widgets.curves import growing
from coin_edu.widgets.live import Live
from coin_edu.widgets.panel import control, ipywidgets, panels, slider, thumbnail

CODEC = "grids"


class LiveLatents(Live):
    """A codec of grids being fitted: the picture, its error, the grids themselves, and PSNR over steps.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3), optional
        By default a thumbnail of a photograph.
    weight : float
        lambda, the weight of the rate in D + lambda R.
    steps, n_grids, seed : int
    begin : bool
        Whether the fit starts by itself once the widget is shown.

    Attributes
    ----------
    weight, n_grids, steps : ipywidgets
        The settings; after a change `start` begins anew, and the curve so far stays as a ghost.

    Examples
    --------
    >>> live = LiveLatents(np.zeros((16, 16, 3), np.uint8), steps=3)  # shown, it begins by itself
    >>> live.result().step
    3
    """

    def __init__(
        self,
        image: np.ndarray | None = None,
        weight: float = 1e-3,
        *,
        steps: int = 400,
        n_grids: int = 5,
        seed: int = 0,
        begin: bool = True,
    ):
        image = thumbnail("coffee") if image is None else image
        self._seed = seed
        self.weight = control(
            ipywidgets.FloatLogSlider, "lambda", value=weight, min=-4.5, max=-1.5, step=0.25, readout_format=".2g"
        )
        self.n_grids = slider(ipywidgets.IntSlider, "grids", n_grids, 1, 7)
        self.steps = control(ipywidgets.BoundedIntText, "steps", value=steps, min=1, max=100_000)
        super().__init__(image, [self.weight, self.n_grids, self.steps], pictures=4, begin=begin)
        self.save.description = "save file"

    @property
    def fit(self) -> Any:
        """The fit so far, a :class:`coin_edu.study.latents.LatentFit`."""
        return self.fits[CODEC]

    def result(self) -> LatentFit:
        """The fit for later cells: waited for once, then the same whatever the widget does."""
        frozen: Any = self.frozen()[CODEC]
        return frozen

    def fresh(self) -> dict[str, Any]:
        """The fit that the controls describe, before its first step."""
        return {CODEC: start(self.image, self.weight.value, self.steps.value, self.n_grids.value, self._seed)}

    def loop(self, fit: Any) -> Iterator[Any]:
        """The steps that are left."""
        for state in fit_latents(self.image, fit):
            last, reached = state.history[-1], state  # as Fit, it has step, psnr and history; that is all Live asks for
            yield Report(last.step, last.loss, last.psnr, last.seconds, reached)  # type: ignore[arg-type]

    def named(self) -> dict[str, str]:
        """The settings, and the rate so far."""
        fit = self.fit
        rate = f", {fit.bpp:.2f} bpp" if fit.step else ""
        return {CODEC: f"lambda {fit.weight:.2g}, {len(fit.latents.grids)} grids{rate}"}

    def changed(self) -> None:
        """Another setting, another fit."""
        self._forget()
        self.refresh()

    def refresh(self) -> None:
        """Draw the picture anew; settings rest while a fit runs."""
        super().refresh()
        for setting in (self.weight, self.n_grids, self.steps):
            setting.disabled = self.running

    def file(self, fit: Any) -> tuple[str, str, bytes]:
        """How the name of the file begins and ends, and its bytes."""
        return f"picture-{len(fit.latents.grids)}-grids", "latn", pack(fit.latents)

    def draw(self, figure: Figure) -> str:
        """Pictures and grids above, PSNR over steps beneath."""
        fit = self.fit
        picture = fit.latents.render()
        axes = panels(figure, "abcd;ppll", height_ratios=self.heights, hspace=0.25)
        show_image(self.image, axes["a"], "original")
        show_image(picture, axes["b"], f"decoded: {psnr(self.image, picture):.2f} dB")
        show_residual(self.image, picture, axes["c"], "error × 4, gray: none")
        show_image(pyramid(fit.latents.rounded()), axes["d"], "the grids")
        growing(axes["p"], axes["l"], self.fits, "step", self.ghosts, self.named())
        rate = f", a file of about {fit.n_bytes:,.0f} bytes, {fit.bpp:.3f} bpp" if fit.step else ""
        return (
            f"{self.progress()}step {fit.step:,} of {fit.steps:,}, <b>{psnr(self.image, picture):.2f} dB</b>, "
            f"{fit.seconds:.1f} s &middot; {fit.latents.n_weights} weights in two networks{rate} &middot; "
            f"{fit.latents.products:,.0f} multiplications a pixel"
        )


def pyramid(grids: list[Any]) -> np.ndarray:
    """The grids side by side, the finest on the left: zero is gray, and each is stretched to its own largest."""
    height, width = grids[0].shape
    height, beside = max(height, sum(len(grid) for grid in grids[1:])), max([0, *(grid.shape[1] for grid in grids[1:])])
    shown = np.full((height, width + beside, 3), 255, np.uint8)
    top, left = 0, 0
    for place, grid in enumerate(grids):
        numbers = grid.numpy()
        gray = 128 + 127 * numbers / max(1, np.abs(numbers).max())
        rows, columns = numbers.shape
        shown[top : top + rows, left : left + columns] = gray.round()[..., None]
        top, left = (0, width) if place == 0 else (top + rows, left)
    return shown
