"""The paper's figures, measured anew: `make study`, or `python -m tests.benchmarks.study --only fig3`.

Conventional codecs over all Kodak pictures go into data/results/<codec>.csv, one row a file, as soon as each is
measured; COIN's own fits are those that `make kodak` recorded. What is there is not measured again: an interrupted run
goes on where it stopped, and a figure is redrawn from the tables. Then averages and Bjontegaard differences are printed.
"""

import argparse
import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import astuple, replace
from pathlib import Path
from statistics import fmean

import numpy as np

from coin_edu import RECIPES, Arch, CoinError, Curve, baselines, bd_psnr, bd_rate, decode, fit, kodak, pack_model, psnr
from coin_edu.data import published, published_sizes, recorded
from coin_edu.files import read_bytes, write_bytes
from coin_edu.plots import Result, comparison, model_sizes, psnr_over_steps, rate_distortion
from coin_edu.state import Measure
from coin_edu.study import Row, average, rd_curve, read_fits

RESULTS = Path(__file__).parents[2] / "data" / "results"
# Qualities that take about 0.05 to 2 bits per pixel on Kodak, or start where the codec cannot go lower.
SWEEPS = {
    "JPEG": [1, 5, 8, 12, 18, 25, 35, 50, 65, 78, 84, 87],
    "JPEG2000": [[ratio] for ratio in (480, 320, 240, 160, 120, 80, 60, 40, 30, 20, 15, 12)],
    "WebP": [0, 2, 6, 12, 20, 32, 45, 60, 75, 82, 87, 90],
    "AVIF": [2, 5, 12, 20, 28, 36, 44, 52, 60, 68, 75, 83],
    "HEIC": [6, 10, 15, 20, 25, 30, 36, 42, 48, 54, 57, 60],
    "JXL": [0, 5, 10, 18, 26, 36, 48, 60, 72, 82, 86, 89],
}
PAPER = ("5x20", "5x30", "10x28", "10x40", "13x49")
# The published curves of the paper's figure 3.
FIGURE_3 = ("COIN", "JPEG", "JPEG2000", "BPG", "VTM", "BMS", "MBT", "CST")


class Kodak(Mapping[str, np.ndarray]):
    """Photographs by name, each loaded when it is looked at: what is measured already needs none."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = {f"kodim{number:02}": number for number in numbers}

    def __getitem__(self, name: str) -> np.ndarray:
        return kodak(self.numbers[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


def main(arguments: list[str] | None = None) -> None:
    """Measure what is missing, draw, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", nargs="*", choices=STAGES, default=list(STAGES))
    options.add_argument("--codecs", nargs="*", choices=SWEEPS, default=baselines.available())
    options.add_argument("--pictures", nargs="*", type=int, default=list(range(1, 25)))
    options.add_argument("--fits", type=Path, default=recorded("kodak_fits.csv"), help="the table of `make kodak`")
    options.add_argument("--arch", default="10x28", help="network of figures 2, 4 and 5")
    options.add_argument("--steps", type=int, default=RECIPES["fast"].steps, help="of the fits in figure 2")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    for stage in given.only:
        STAGES[stage](given)


def figure_2(given: argparse.Namespace) -> None:
    """PSNR over steps on Kodak 15, and JPEG's at the bytes of the file."""
    table = given.out / "kodak15_history.csv"
    if not table.exists():
        record_kodak_15(given, table)
    histories: dict[str, list[Measure]] = {}
    for line in csv.DictReader(io.StringIO(read_bytes(table).decode())):
        measure = Measure(int(line["step"]), *(float(line[name]) for name in ("loss", "psnr_db", "seconds")))
        histories.setdefault(line["fit"], []).append(measure)
    image, data = kodak(15), read_bytes(given.out / "kodak15.coin")
    jpeg = baselines.decompress(baselines.compress(image, "JPEG", len(data)))
    ax = psnr_over_steps(histories, psnr(image, jpeg))
    ax.set_title(f"Kodak 15, COIN {given.arch}: {len(data):,} bytes")
    save(given.out / "fig2_psnr_over_steps.png", ax)


def record_kodak_15(given: argparse.Namespace, table: Path) -> None:
    """Fit Kodak 15 by two recipes; the first one's file, and how both went."""
    image, arch, fast = kodak(15), Arch(*map(int, given.arch.split("x"))), RECIPES["fast"]
    adam = replace(RECIPES["paper"], batch=fast.batch)
    lines = ["fit,step,loss,psnr_db,seconds"]
    for name, recipe in {"fast recipe": fast, "the paper's Adam, 8,192 pixels a step": adam}.items():
        state = None
        # Most happens at first: 20 reports over the first seventh, 15 over the rest.
        for every in (given.steps // 150, given.steps // 15):
            ...
    write_bytes(table, ("\n".join(lines) + "\n").encode())
