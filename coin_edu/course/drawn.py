"""Figures of the notebooks that no widget draws: curves, bars, and several seeds as a band or as dots."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from coin_edu.study.style import BLUE, VERMILION, bare, looks

Curve = tuple[Sequence[float], Sequence[float]]


def lines(
    curves: Mapping[str, Curve], x_label: str, y_label: str, *, log: str = "", dots: bool = False, **limits: Any
) -> Axes:
    """A few curves, with a legend where there is more than one.

    Parameters
    ----------
    curves : mapping of str to (x, y)
    log : {"", "x", "y", "xy"}
        The logarithmic axes.
    dots : bool
        Whether each value has its mark.
    **limits
        Further settings of the axes, such as `ylim` and `title`.

    Examples
    --------
    >>> ax = lines({"square": ([1, 2, 3], [1, 4, 9])}, "x", "y", log="y")
    >>> len(ax.lines), ax.get_yscale()
    (1, 'log')
    """
    ax = bare(Figure(figsize=(9, 3.2), layout="constrained").add_subplot())
    for name, (color, marker) in looks(curves).items():
        ax.plot(*curves[name], color=color, marker=marker if dots else None, markersize=5, label=name)
    for axis, scale in (("x", ax.set_xscale), ("y", ax.set_yscale)):
        if axis in log:
            scale("log")
            getattr(ax, f"{axis}axis").set_minor_locator(LogLocator(subs=(2, 5)))
            getattr(ax, f"{axis}axis").set_major_formatter("{x:g}")
    ax.set(xlabel=x_label, ylabel=y_label, **limits)
    if len(curves) > 1:
        ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def bars(values: Mapping[str, float], x_label: str) -> Axes:
    """One bar a name, the first on top, its value beside it.

    Examples
    --------
    >>> [text.get_text().strip() for text in bars({"a": 1.25, "b": 2}, "dB").texts]
    ['1.25', '2.00']
    """
    ax = bare(Figure(figsize=(9, 0.8 + 0.3 * len(values)), layout="constrained").add_subplot())
    shown = ax.barh(list(values), list(values.values()), color=BLUE)
    ax.bar_label(shown, fmt=" %.2f")
    ax.invert_yaxis()
    ax.margins(x=0.1)
    ax.set_xlabel(x_label)
    return ax


def bands(settings: Mapping[str, np.ndarray], x_label: str = "steps", y_label: str = "PSNR, dB") -> Axes:
    """The mean over the seeds as a line, and a band from the lowest to the highest, for each setting.

    Parameters
    ----------
    settings : mapping of str to ndarray (seeds, points, 2)
        x and height of each point, for each seed, as :func:`coin_edu.course.seeds.curves` has them; one seed has no
        band.
    """
    ax = bare(Figure(figsize=(9, 3.4), layout="constrained").add_subplot())
    for name, (color, marker) in looks(settings).items():
        xs, ys = settings[name].mean(axis=0).T
        few = marker if len(xs) < 10 else ""
        ax.plot(xs, ys, color=color, marker=few, markersize=5, label=name)
        ax.fill_between(xs, settings[name][..., 1].min(0), settings[name][..., 1].max(0), color=color, alpha=0.2)
    ax.set(xlabel=x_label, ylabel=y_label)
    many = max(len(by_seed) for by_seed in settings.values())
    title = f"band: {many} seeds" if many > 1 else None
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), title=title)
    return ax


def dots(values: Mapping[str, np.ndarray]) -> Axes:
    """One row a setting: a dot for each seed, a line for their mean.

    Parameters
    ----------
    values : mapping of str to ndarray (seeds,)
        PSNR in dB, such as :func:`coin_edu.course.seeds.ends` returns; the first is on top.
    """
    ax = bare(Figure(figsize=(9, 0.9 + 0.3 * len(values)), layout="constrained").add_subplot())
    for place, numbers in enumerate(values.values()):
        ax.plot(numbers, np.full(len(numbers), place), "o", color=BLUE, alpha=0.6)
        ax.plot(np.mean(numbers), place, "|", color=VERMILION, markersize=18, markeredgewidth=2)
    ax.set_yticks(range(len(values)), list(values))
    ax.set_ylim(len(values) - 0.5, -0.5)
    ax.set_xlabel("PSNR, dB: a dot for each seed, a bar for their mean")
    return ax
