"""The entropy-coded codec on Kodak: `make entropy`, or `python -m tests.benchmarks.entropy --bpp 0.3 --pictures 1 4`.

As `tests.benchmarks.kodak`, which explains the flags; files are in build/entropy, rows in data/kodak_narrowing.csv.
"""

import argparse
from dataclasses import replace

from coin_edu import Arch
from coin_edu.codec import plan
from coin_edu.recipe import recipe_for
from tests.benchmarks.kodak import ROOT, Table, add_common, averages

TABLE, FILES = ROOT / "data" / "kodak_narrowing.csv", ROOT / "build" / "entropy"
KEY = ("budget_bpp", "arch", "picture", "steps", "batch", "focus", "seed")
FIELDS = (*KEY, "device", "threads", "bytes", "bpp", "psnr_db", "ssim", "seconds", "core_seconds", "decode_seconds")
BUDGETS = ("0.075", "0.15", "0.3", "0.6", "1.2")
# What COIN publishes at these rates, interpolated (data/kodak_rd_published.json).
PUBLISHED = {"0.15": 24.52, "0.3": 26.35, "0.6": 28.36}


def main() -> None:
    """Measure what is missing from the table, then print the averages."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bpp", nargs="*", default=BUDGETS, help="budgets (default: 0.075 to 1.2)")
    options.add_argument("--arch", help="as 10x46 or 112-40-24-16-16 (default: what encode chooses)")
    options.add_argument("--pictures", nargs="*", type=int, default=range(1, 25))
    options.add_argument("--steps", type=int, help="default: the recipe's")
    options.add_argument("--batch", type=int, help="pixels a step; default: the recipe's")
    options.add_argument("--focus", type=float, help="share of them where the error is; default: the recipe's")
    options.add_argument("--seed", type=int, default=0)
    add_common(options, TABLE, FILES)
    given = options.parse_args()
    table = Table(given.table, KEY, FIELDS, order)
    for budget in given.bpp:
        task = plan((512, 768), float(budget), given.arch, coding="entropy")
        recipe = recipe_for("fast", task.arch)
        steps = given.steps or recipe.steps
        recipe = replace(recipe, batch=given.batch or recipe.batch, focus=given.focus or recipe.focus)
        rest = steps, recipe.batch, recipe.focus, given.seed
        names = {number: tuple(map(str, (budget, task.arch, number, *rest))) for number in given.pictures}
        table.fill(names, task, steps, recipe, given)
    summarize(table.rows)


def order(row: dict[str, str]) -> tuple[float, ...]:
    """By budget, then weights, then steps, then picture."""
    return float(row["budget_bpp"]), Arch.of(row["arch"]).n_weights, int(row["steps"]), int(row["picture"])


def summarize(rows: dict[tuple[str, ...], dict[str, str]]) -> None:
    """A line for each budget and setting: averages by picture, and COIN's published PSNR at that rate."""
    print("\nbudget  network             steps  batch  focus pictures     bpp  PSNR dB  COIN's    SSIM  median s")
    names = "budget_bpp", "arch", "steps", "batch", "focus"
    for (budget, arch, steps, batch, focus), count, rate, decibels, similarity, seconds in averages(rows, names):
        print(
            f"{budget:8}{arch:19}{steps:>6}{batch:>7}{focus:>7}{count:9}{rate:8.4f}{decibels:9.2f}"
            f"{PUBLISHED.get(budget, float('nan')):8.2f}{similarity:8.4f}{seconds:10.1f}"
        )


if __name__ == "__main__":
    main()
