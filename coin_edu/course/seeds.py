"""Recorded fits of several seeds: ``data/seeds.csv`` of notebooks 01 to 05, ``data/beyond.csv`` of 07 and 08."""

import csv
import io
import os

import numpy as np

from coin_edu.data import recorded
from coin_edu.errors import CoinError
from coin_edu.files import read_bytes

HEADER = ("experiment", "setting", "seed", "step", "psnr_db", "seconds")
TABLES = ("seeds.csv", "beyond.csv")


def curves(experiment: str, *tables: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """An experiment: by setting, an array (seeds, points, 2) of x and of PSNR or SNR in dB.

    Parameters
    ----------
    experiment : str
        A name in a table's first column.
    *tables : path
        By default the recorded ones, made by ``python -m tests.benchmarks.seeds``, whose x is a step, and by ``python
        -m tests.benchmarks.beyond``, whose x is a step, bits per pixel or bits per sample.

    Raises
    ------
    CoinError
        If no table has such an experiment.

    Examples
    --------
    >>> curves("schedule")["cosine"].shape
    (3, 21, 2)
    """
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    known: dict[str, None] = {}
    for table in tables or map(recorded, TABLES):
        for name, setting, seed, x, decibels, *_ in list(csv.reader(io.StringIO(read_bytes(table).decode())))[1:]:
            known[name] = None
            if name == experiment:
                found.setdefault(setting, {}).setdefault(seed, []).append((float(x), float(decibels)))
    if not found:
        raise CoinError(f"no recorded experiment is called {experiment!r}; there are {', '.join(known)}")
    return {name: np.array(list(by_seed.values())) for name, by_seed in found.items()}


def ends(experiment: str, *tables: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The last dB of each seed (seeds,), by setting.

    Examples
    --------
    >>> last = ends("schedule")
    >>> bool(last["cosine"].min() > last["steady"].max())
    True
    """
    return {name: some[:, -1, 1] for name, some in curves(experiment, *tables).items()}
