"""A slice of the loss surface, and the paths that Adam takes above it."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from coin_edu.arch import Arch
from coin_edu.engine.forward import evaluate
from coin_edu.image import grid
from coin_edu.siren import Siren, unflatten
from coin_edu.study.style import COLORS, label
from coin_edu.widgets.panel import Panel, control, ipywidgets, panels, thumbnail

GRID = 31  # places along each side of the map


class LossSlice(Panel):
    """The loss over a plane through the space of weights, and Adam's paths at four rates, as they fall on it.

    All fits start at the same weights. The plane holds the start and the two directions along which the paths differ
    most (the principal components of all their weights; Li et al. 2018, arXiv 1712.09913). A path runs above or below
    the plane as well, so that its own loss, in the lower plot, need not be that of the map beneath it.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3), optional
        Made 32 pixels long at most.
    rates : sequence of float
        Adam's learning rates.
    arch : Arch
    steps : int

    Attributes
    ----------
    step : ipywidgets.IntSlider
        How far the paths are drawn; `play` moves it.
    play : ipywidgets.Play
    losses : ndarray (rates, steps + 1)
        Mean squared error, colors in [0, 1].
    share : float
        Of the paths' variance, how much lies in the plane.

    Examples
    --------
    >>> widget = LossSlice(np.zeros((8, 8, 3), np.uint8), rates=(1e-3, 1e-2), arch=Arch(1, 4), steps=3)
    >>> widget.losses.shape
    (2, 4)
    """

    inches = (9.0, 4.6)

    def __init__(
        self,
        image: np.ndarray | None = None,
        rates: Sequence[float] = (1e-4, 1e-3, 1e-2, 5e-2),
        arch: Arch | None = None,
        steps: int = 100,
        seed: int = 0,
    ):
        small = thumbnail("coffee" if image is None else image, 32)
        self.rates, self.arch = tuple(rates), arch or Arch(2, 16)
        self._places = torch.from_numpy(grid(small.shape))
        self._colors = torch.from_numpy(small.reshape(-1, 3).astype(np.float32) / 255)
        paths, losses = zip(*(self._descend(rate, steps, seed) for rate in self.rates), strict=True)
        self.losses = np.stack(losses)
        self._map(torch.stack(paths))
        self.step = control(ipywidgets.IntSlider, "step", value=steps, min=0, max=steps)
        self.play = ipywidgets.Play(interval=300, value=steps, max=steps, step=max(1, steps // 20), show_repeat=False)
        ipywidgets.jslink((self.play, "value"), (self.step, "value"))
        super().__init__([self.step], [self.play])

    def _loss(self, vector: Tensor) -> Tensor:
        return (evaluate(self.arch, unflatten(self.arch, vector), self._places) - self._colors).square().mean()

    def _descend(self, rate: float, steps: int, seed: int) -> tuple[Tensor, np.ndarray]:
        """Adam over all pixels: the weights (steps + 1, n_weights) and the losses."""
        vector = torch.nn.utils.parameters_to_vector(Siren(self.arch, seed).parameters()).detach().requires_grad_()
        adam = torch.optim.Adam([vector], lr=rate)
        path, losses = [], []
        for step in range(steps + 1):
            loss = self._loss(vector)
            path.append(vector.detach().clone())
            losses.append(loss.item())
            if step < steps:
                adam.zero_grad()
                loss.backward()
                adam.step()
        return torch.stack(path), np.array(losses)

    def _map(self, paths: Tensor) -> None:
        """The plane, the paths on it (rates, steps + 1, 2), and the loss over it."""
        start = paths[0, 0]
        away = (paths - start).reshape(-1, paths.shape[-1])
        # Each path counts alike, or the longest alone would choose the plane.
        sizes = (paths - start).norm(dim=-1).amax(dim=1).clamp(min=1e-9)
        scaled = ((paths - start) / sizes[:, None, None])[:, ::4].reshape(-1, paths.shape[-1])
        _, _, directions = torch.linalg.svd(scaled, full_matrices=False)
        plane = directions[:2]
        on_it = away @ plane.T
        self.share = float(on_it.square().sum() / away.square().sum().clamp(min=1e-12))
        self.paths = on_it.reshape(*paths.shape[:2], 2).numpy()
        low, high = self.paths.min(axis=(0, 1)), self.paths.max(axis=(0, 1))
        margin = 0.2 * (high - low) + 1e-3
        self._x, self._y = (np.linspace(low[i] - margin[i], high[i] + margin[i], GRID) for i in (0, 1))
        with torch.no_grad():
            along = torch.from_numpy(self._x).float()[:, None] * plane[0]
            rows = [unflatten(self.arch, start + along + float(y) * plane[1]) for y in self._y]  # GRID networks each
            errors = [(evaluate(self.arch, row, self._places) - self._colors).square().mean((1, 2)) for row in rows]
            self._heights = torch.stack(errors).numpy()

    def draw(self, figure: Figure) -> str:
        """The map with the paths; each path's own loss beneath."""
        step = self.step.value
        axes = panels(figure, "a.b", width_ratios=[1.2, 0.15, 0.9])
        ax = axes["a"]
        ax.contourf(self._x, self._y, np.log10(self._heights), levels=24, cmap="Greys")
        for color, rate, path, losses in zip(COLORS, self.rates, self.paths, self.losses, strict=False):
            ax.plot(*path[: step + 1].T, color=color, linewidth=1.5)
            ax.plot(*path[step], "o", color=color, markeredgecolor="white", markersize=7)
            axes["b"].semilogy(losses[: step + 1], color=color, label=f"rate {rate:g}: {losses[step]:.4f}")
        ax.plot(*self.paths[0, 0], "*", color="white", markeredgecolor="black", markersize=13)
        label(ax, "along the first direction", "along the second", "the plane, white: low loss, star: start")
        ax.grid(visible=False)
        axes["b"].set(xlim=(0, len(self.losses[0]) - 1), ylim=(0.7 * min(map(min, self.losses)), 20 * self._top))
        axes["b"].legend(fontsize=9, frameon=False, loc="upper right")
        label(axes["b"], "steps", "loss", "each path's own loss")
        best = min(range(len(self.rates)), key=lambda i: self.losses[i][step])
        return (
            f"step {step} of {self.step.max} &middot; lowest loss: <b>{self.losses[best][step]:.4f}</b> at rate "
            f"{self.rates[best]:g} &middot; this plane holds {100 * self.share:.0f} % of the paths' squared length"
        )

    @property
    def _top(self) -> float:
        return float(np.nanmax(np.where(np.isfinite(self.losses), self.losses, np.nan)))
