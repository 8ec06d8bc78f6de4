"""What each choice of the entropy-coded codec buys: `python -m tests.benchmarks.narrowing`.

Each row undoes one choice: six Kodak pictures, files of at most 0.3 bits per pixel. As `tests.benchmarks.kodak`, which
explains the flags; files are in build/narrowing, rows in data/narrowing.csv.
"""

import argparse
from dataclasses import replace
from itertools import count, takewhile

from coin_edu import Arch
from coin_edu.codec import plan
from coin_edu.recipe import recipe_for
from tests.benchmarks.kodak import ROOT, Table, add_common, averages

TABLE, FILES = ROOT / "data" / "narrowing.csv", ROOT / "build" / "narrowing"
KEY = ("choice", "picture", "steps", "seed")
FIELDS = (*KEY, "device", "threads", "bytes", "bpp", "psnr_db", "ssim", "seconds", "core_seconds", "decode_seconds")
PICTURES = (1, 4, 8, 15, 20, 23)
BPP = 0.3


def main() -> None:
    """Measure what is missing from the table, then print the averages."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pictures", nargs="*", type=int, default=PICTURES)
    options.add_argument("--steps", type=int, default=750)
    options.add_argument("--choices", nargs="*", help="default: all")
    options.add_argument("--seed", type=int, default=0)
    add_common(options, TABLE, FILES)
    given = options.parse_args()
    table = Table(given.table, KEY, FIELDS, order)
    arch = Arch.narrowing(BPP, (512, 768))
    recipe = recipe_for("fast", arch)
    # Of each choice, the network and the recipe. Without features or a narrowing a network has the recipe made for it.
    undone = {
        "as-it-is": (arch, recipe),
        "one-width-10x45": (Arch(10, 45), recipe_for("fast", Arch(10, 45))),
        "one-width-behind-features": (widest(arch), recipe),
        "network-a-tenth-smaller": (Arch.narrowing(0.9 * BPP, (512, 768)), recipe),
        "network-a-tenth-larger": (Arch.narrowing(1.1 * BPP, (512, 768)), recipe),
        "no-features": (bare(arch), recipe_for("fast", bare(arch))),
        "adam-in-first-layer": (arch, replace(recipe, muon_first=0.0)),
        "no-decay": (arch, replace(recipe, decay=0.0)),
        "muon-rate-over-1.4": (arch, replace(recipe, muon_rate=0.56)),
        "muon-rate-times-1.4": (arch, replace(recipe, muon_rate=1.09)),
        "half-the-rate-in-last-layer": (arch, replace(recipe, last_rate=3e-3)),
        "half-the-pixels-by-error": (arch, replace(recipe, focus=0.5)),
        "pixels-drawn-evenly": (arch, replace(recipe, focus=0.0)),
        "half-the-batch-twice-the-steps": (arch, replace(recipe, batch=8192)),
        "rounded-only-at-the-end": (arch, replace(recipe, round_from=0.9999)),
    }
    for choice in given.choices or undone:
        network, fitted_by = undone[choice]
        task = plan((512, 768), BPP, network, coding="entropy")
        names = {number: tuple(map(str, (choice, number, given.steps, given.seed))) for number in given.pictures}
        table.fill(names, task, given.steps * 16384 // fitted_by.batch, fitted_by, given)
    print("\nchoice                         steps pictures     bpp  PSNR dB    SSIM  median s")
    rows = averages(table.rows, ("choice", "steps"))
    for (choice, steps), pictures, rate, decibels, similarity, seconds in rows:
        print(f"{choice:31}{steps:>5}{pictures:9}{rate:8.4f}{decibels:9.2f}{similarity:8.4f}{seconds:10.1f}")


def widest(arch: Arch) -> Arch:
    """As many layers behind the same Fourier features, all of one width, of at most as many weights."""
    networks = (replace(arch, width=width, widths=()) for width in count(1))
    return list(takewhile(lambda network: network.n_weights <= arch.n_weights, networks))[-1]


def bare(arch: Arch) -> Arch:
    """Layers that narrow as much, right behind the coordinates, of at most as many weights."""
    factors = (tuple(round(width * percent / 100) for width in arch.hidden) for percent in count(100))
    networks = (replace(arch, width=max(widths), widths=widths, fourier=0) for widths in factors)
    return list(takewhile(lambda network: network.n_weights <= arch.n_weights, networks))[-1]


def order(row: dict[str, str]) -> tuple[str | int, ...]:
    """By choice, then steps, then seed, then picture."""
    return row["choice"], int(row["steps"]), int(row["seed"]), int(row["picture"])


if __name__ == "__main__":
    main()
