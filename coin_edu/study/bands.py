"""Several seeds of one setting as one curve: their mean, and a band around it."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coin_edu.study.style import bare, looks


def bands(settings: Mapping[str, np.ndarray], x: str, y: str, ax: Axes | None = None) -> Axes:
    """The mean over the seeds as a line, and a band from the lowest to the highest, for each setting.

    Parameters
    ----------
    settings : mapping of str to ndarray (seeds, points, 2)
        x and height of each point, for each seed; one seed has no band.
    x, y : str
        What the axes are called.
    """
    ax = bare(ax or Figure(figsize=(9, 3.4), layout="constrained").add_subplot())
    for name, (color, marker) in looks(settings).items():
        xs, ys = settings[name].mean(axis=0).T
        few = marker if len(xs) < 10 else ""
        ax.plot(xs, ys, color=color, marker=few, markersize=5, label=name)
        ax.fill_between(xs, settings[name][..., 1].min(0), settings[name][..., 1].max(0), color=color, alpha=0.2)
    ax.set(xlabel=x, ylabel=y)
    many = max(len(by_seed) for by_seed in settings.values())
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), title=f"band: {many} seeds")
    return ax
