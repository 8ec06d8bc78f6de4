"""A search for the network and the learning rate, trial by trial."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from coin_edu.study.gaussian_process import GaussianProcess
from coin_edu.study.search import FACTORS, SearchResult, Trial, search
from coin_edu.study.style import VERMILION, label
from coin_edu.widgets.panel import Panel, button, panels, thumbnail

DEEPEST = 13  # depth on the plane; the candidates have no more layers
BELOW = 3.0  # dB below the best, the darkest color


class SearchSteps(Panel):
    """The search of :func:`coin_edu.search`, one trial at each press of a button, over depth and learning rate.

    Behind the trials is what a Gaussian process expects of the others: the paler, the less sure it is.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3), optional
    bpp : float
        Bits per pixel that a file may take.
    trials : int
        Of the whole search.
    steps : int
        Of each trial's fit.
    seed : int

    Attributes
    ----------
    found : SearchResult or None
        The trials so far.
    next, rest : ipywidgets.Button
        One trial more, or all that are left.

    Examples
    --------
    >>> steps = SearchSteps(np.zeros((24, 32, 3), np.uint8), bpp=3, trials=2, steps=1)
    >>> steps.next.click()
    >>> len(steps.found.trials), len(steps.result().trials)
    (1, 2)
    """

    inches = (9.0, 3.8)

    def __init__(
        self, image: np.ndarray | None = None, bpp: float = 2.0, trials: int = 12, steps: int = 150, seed: int = 0
    ):
        self.image = thumbnail("coffee", 128) if image is None else image
        self.bpp, self.trials, self.steps, self.seed = bpp, trials, steps, seed
        self._folder = TemporaryDirectory(ignore_cleanup_errors=True)  # the trials are kept here between presses
        self.found: SearchResult | None = None
        self.next = button("next trial", "step-forward", "fit what the search proposes next")
        self.rest = button("all", "fast-forward", "make all trials that are left")
        super().__init__([], [self.next, self.rest])
        self.on_click(self.next, lambda: self._search(1))
        self.on_click(self.rest, lambda: self._search(trials))

    def settle(self) -> None:
        """Make all trials."""
        self.surface(lambda: self._search(self.trials))

    def result(self) -> SearchResult:
        """The whole search, for later cells; it is ended first.

        Raises
        ------
        CoinError
            If Optuna is not installed.
        """
        self._search(self.trials)
        assert self.found
        return self.found

    def _search(self, more: int) -> None:
        for count in range(self._done + 1, min(self._done + more, self.trials) + 1):
            storage = Path(self._folder.name, "search.db")
            settings: dict[str, Any] = {"steps": self.steps, "storage": storage, "seed": self.seed, "progress": False}
            self.found = search(self.image, self.bpp, trials=count, **settings)
            self.refresh()

    @property
    def _done(self) -> int:
        return len(self.found.trials) if self.found else 0

    def refresh(self) -> None:
        """Draw the picture anew; the buttons rest when all trials are made."""
        super().refresh()
        self.next.disabled = self.rest.disabled = self._done >= self.trials

    def draw(self, figure: Figure) -> str:
        """The plane that is searched; the trials in their order."""
        axes = panels(figure, "a.b", width_ratios=[1, 0.25, 0.8], top=0.84)
        trials = self.found.trials if self.found else ()
        complete = [trial for trial in trials if trial.state == "complete"]
        self._draw_plane(axes["a"], trials, complete)
        axes["b"].plot(range(1, len(trials) + 1), [trial.psnr for trial in trials], "o", color="0.6", label="a trial")
        values = [trial.psnr if trial.state == "complete" else -np.inf for trial in trials]
        best = np.maximum.accumulate(values) if values else np.array([])
        axes["b"].step(range(1, len(best) + 1), best, where="post", color=VERMILION, label="the best so far")
        axes["b"].set_xlim(0.5, self.trials + 0.5)
        axes["b"].xaxis.set_major_locator(MaxNLocator(integer=True))
        axes["b"].legend(fontsize=8, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
        label(axes["b"], "trials in their order", "PSNR, dB")
        if not complete or not self.found:
            return f"no trial yet of {self.trials} &middot; press <b>next trial</b>"
        last, best_one = trials[-1], self.found.best
        early = ", given up early" if last.state == "pruned" else ""
        return (
            f"trial {len(trials)} of {self.trials}: {last.arch}, rates x{last.factor:.2f}: {last.psnr:.2f} dB{early} "
            f"&middot; best: <b>{best_one.arch}, rates x{best_one.factor:.2f}: {best_one.psnr:.2f} dB</b>"
        )

    def _draw_plane(self, ax: Axes, trials: tuple[Trial, ...], complete: list[Trial]) -> None:
        early = [trial for trial in trials if trial.state == "pruned"]
        ax.plot([t.arch.depth for t in early], [t.factor for t in early], "x", color="0.6", label="given up early")
        if complete:
            psnrs = [trial.psnr for trial in complete]
            scale: dict[str, Any] = {"vmin": max(psnrs) - BELOW, "vmax": max(psnrs), "cmap": "viridis"}
            if len(complete) > 2:
                self._draw_belief(ax, complete, ScalarMappable(Normalize(scale["vmin"], scale["vmax"]), "viridis"))
            colors: dict[str, Any] = {"c": psnrs, "s": 45, "edgecolors": "white", "zorder": 3, **scale}
            dots = ax.scatter([t.arch.depth for t in complete], [t.factor for t in complete], **colors)
            ax.figure.colorbar(dots, ax=ax, label="PSNR, dB", extend="min")
            best = max(complete, key=lambda trial: trial.psnr)
            ax.plot(best.arch.depth, best.factor, "*", color=VERMILION, markersize=16, label="the best", zorder=4)
            newest: dict[str, Any] = {"color": "black", "fillstyle": "none", "markersize": 13, "label": "newest"}
            ax.plot(trials[-1].arch.depth, trials[-1].factor, "o", **newest)
            ax.legend(fontsize=8, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
        ax.set(xlim=(0.5, DEEPEST + 0.5), yscale="log", ylim=(FACTORS[0] / 1.2, FACTORS[1] * 1.2))
        ax.yaxis.set_major_locator(FixedLocator([0.25, 0.5, 1, 2, 4]))
        ax.yaxis.set_minor_locator(FixedLocator([]))
        ax.yaxis.set_major_formatter("{x:g}")
        label(ax, "depth (the width follows from the budget)", "factor on the learning rates")

    def _draw_belief(self, ax: Axes, complete: list[Trial], colors: ScalarMappable) -> None:
        """What the process expects everywhere, faded by its doubt."""
        psnrs = np.array([trial.psnr for trial in complete])
        # A fit that was lost says little of how good its neighbors are.
        values = np.maximum(psnrs, psnrs.max() - 2 * BELOW)
        process = GaussianProcess.of(_in_box([t.arch.depth for t in complete], [t.factor for t in complete]), values)
        depths, factors = np.linspace(0.5, DEEPEST + 0.5, 66), np.geomspace(FACTORS[0] / 1.2, FACTORS[1] * 1.2, 50)
        places = np.meshgrid(depths, factors)
        mean, deviation = process.at(_in_box(*(place.ravel() for place in places)))
        sure = (1 - deviation / process.scale).clip(0, 1)[:, None]
        shown = 0.8 * sure * colors.to_rgba(mean)[:, :3] + (1 - 0.8 * sure)
        ax.pcolormesh(*places, shown.reshape(*places[0].shape, 3), shading="nearest", rasterized=True)


def _in_box(depths: Any, factors: Any) -> np.ndarray:
    """Depths and factors (n,) as places in a box from 0 to 1, (n, 2)."""
    along = np.log(np.asarray(factors) / FACTORS[0]) / np.log(FACTORS[1] / FACTORS[0])
    return np.stack([(np.asarray(depths) - 1) / (DEEPEST - 1), along], axis=1)
