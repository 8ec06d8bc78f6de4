"""Recorded fits of several seeds, ``data/seeds.csv``, and a band around their mean for each setting."""

import csv
import io
import os
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coin_edu.data import recorded
from coin_edu.errors import CoinError
from coin_edu.files import read_bytes
from coin_edu.study.style import BLUE, VERMILION, label, looks

HEADER = ("experiment", "setting", "seed", "step", "psnr_db", "seconds")

Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]


def rows(experiment: str, table: str | os.PathLike[str]) -> list[dict[str, str]]:
    """The lines of an experiment in a recorded table.

    Raises
    ------
    CoinError
        If the table has no such experiment.
    """
    lines = list(csv.DictReader(io.StringIO(read_bytes(table).decode())))
    if experiment not in (known := dict.fromkeys(line["experiment"] for line in lines)):
        raise CoinError(f"no recorded experiment is called {experiment!r}; there are {', '.join(known)}")
    return [line for line in lines if line["experiment"] == experiment]


def curves(experiment: str, table: str | os.PathLike[str] | None = None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Steps (n,) and PSNR in dB (seeds, n) of each setting of an experiment.

    Parameters
    ----------
    experiment : str
        A name in the table's first column.
    table : path, optional
        By default the recorded one, made by ``python -m tests.benchmarks.seeds``.

    Raises
    ------
    CoinError
        If the table has no such experiment.

    Examples
    --------
    >>> steps, decibels = curves("schedule")["cosine"]
    >>> int(steps[-1]), len(decibels)
    (400, 3)
    """
    found: dict[str, dict[str, dict[int, float]]] = {}
    for line in rows(experiment, table or recorded("seeds.csv")):
        fit = found.setdefault(line["setting"], {}).setdefault(line["seed"], {})
        fit[int(line["step"])] = float(line["psnr_db"])
    return {
        name: (np.array(list(next(iter(fits.values())))), np.array([list(fit.values()) for fit in fits.values()]))
        for name, fits in found.items()
    }


def ends(experiment: str, table: str | os.PathLike[str] | None = None) -> dict[str, np.ndarray]:
    """PSNR in dB after the last step, one number a seed (seeds,), by setting.

    Examples
    --------
    >>> last = ends("schedule")
    >>> bool(last["cosine"].min() > last["steady"].max())
    True
    """
    return {name: decibels[:, -1] for name, (_, decibels) in curves(experiment, table).items()}


def bands(settings: Curves, ax: Axes | None = None) -> Axes:
    """The mean over the seeds as a line, and a band from the worst seed to the best, for each setting.

    Parameters
    ----------
    settings : mapping of str to (ndarray (n,), ndarray (seeds, n))
        Such as :func:`curves` returns.
    """
    ax = ax or Figure(figsize=(9, 3.2), layout="constrained").add_subplot()
    for (name, (steps, decibels)), (color, _) in zip(settings.items(), looks(settings).values(), strict=True):
        ax.plot(steps, decibels.mean(axis=0), color=color, label=name)
        ax.fill_between(steps, decibels.min(axis=0), decibels.max(axis=0), color=color, alpha=0.25, linewidth=0)
    label(ax, "steps", "PSNR, dB")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), title="band: three seeds")
    return ax


def dots(values: Mapping[str, np.ndarray], ax: Axes | None = None) -> Axes:
    """One row a setting: a dot for each seed, a line for their mean.

    Parameters
    ----------
    values : mapping of str to ndarray (seeds,)
        Such as :func:`ends` returns; the first is on top.
    """
    ax = ax or Figure(figsize=(9, 0.9 + 0.3 * len(values)), layout="constrained").add_subplot()
    for place, numbers in enumerate(values.values()):
        ax.plot(numbers, np.full(len(numbers), place), "o", color=BLUE, alpha=0.6)
        ax.plot(np.mean(numbers), place, "|", color=VERMILION, markersize=18, markeredgewidth=2)
    ax.set_yticks(range(len(values)), list(values))
    ax.set_ylim(len(values) - 0.5, -0.5)
    label(ax, "PSNR, dB: a dot for each seed, a bar for their mean")
    return ax
