"""Figures of the notebooks that no widget draws: curves, and bars."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from coin_edu.study.style import BLUE, bare, looks

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
