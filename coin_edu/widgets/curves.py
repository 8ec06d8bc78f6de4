"""Curves that grow while one looks on, beside those of earlier runs."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from coin_edu.engine.state import Fit, Measure
from coin_edu.study.style import label, looks

FALLEN = 0.5  # dB below its best from which a fit counts as fallen


@dataclass(frozen=True)
class Run:
    """A fit of earlier on: its settings in words, and its measures."""

    name: str
    history: tuple[Measure, ...]


def fallen(fit: Fit) -> bool:
    """Whether a fit is now clearly worse than its best step, or no number at all."""
    return bool(fit.history) and not fit.history[-1].psnr >= fit.psnr - FALLEN


def growing(
    ax: Axes, beside: Axes, fits: Mapping[str, Fit], pace: str, ghosts: Sequence[Run], names: Mapping[str, str]
) -> None:
    """PSNR of each fit over its steps or seconds, earlier runs in gray, and the legend in the axes `beside`.

    Where a fit has fallen, its best step and where it is now are marked and named. The vertical axis moves by
    5 dB at a time, so that it rests while a curve grows.
    """
    shades = [f"{shade:.2f}" for shade in (0.75, 0.65, 0.55, 0.45, 0.35)]
    for shade, style, run in zip(shades[-len(ghosts) :], itertools.cycle(("-", "--", ":")), ghosts, strict=False):
        _line(ax, run.history, pace, color=shade, linestyle=style, linewidth=1.2, label=f"before: {run.name}")
    colors = looks(fits)
    for name, fit in fits.items():
        color, _ = colors[name]
        _line(ax, fit.history, pace, color=color, linewidth=2, label=names[name])
        if fit.history:
            last = fit.history[-1]
            ax.plot(getattr(last, pace), last.psnr, "o", color=color, markersize=5, clip_on=False)
        if fallen(fit):
            best = max((m for m in fit.history if m.psnr == m.psnr), key=lambda m: m.psnr)
            mark = f"its best: {best.psnr:.2f} dB, step {best.step:,}; now {last.psnr:.2f} dB"
            ax.plot(getattr(best, pace), best.psnr, "*", color=color, markersize=12, linestyle="", label=mark)
    label(ax, "seconds" if pace == "seconds" else "steps", "PSNR, dB")
    histories = [*(run.history for run in ghosts), *(fit.history for fit in fits.values())]
    seen = [m for history in histories for m in history]
    if pace == "step":
        ax.set_xlim(0, max([1, *(fit.steps for fit in fits.values()), *(m.step for m in seen)]))
    finite = [m.psnr for m in seen if math.isfinite(m.psnr)] or [10, 30]
    ax.set_ylim(5 * math.floor(min(finite) / 5), 5 * math.ceil(max(finite) / 5 + 1e-9))
    beside.set_axis_off()
    handles, labels = ax.get_legend_handles_labels()
    beside.legend(handles, labels, loc="upper left", fontsize=9, frameon=False, borderaxespad=0)


def _line(ax: Axes, history: Sequence[Measure], pace: str, **style: Any) -> None:
    ax.plot([getattr(m, pace) for m in history], [m.psnr for m in history], **style)
