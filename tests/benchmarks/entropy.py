"""The entropy-coded codec on Kodak: `make entropy`, or `python -m tests.benchmarks.entropy --bpp 0.3 --pictures 1 4`.

Each picture's file is kept in build/entropy as soon as it is made, so an interrupted run goes on where it stopped. Then
one row a file goes into data/kodak_entropy.csv: rates are lengths of files on disk, PSNR and SSIM are of the picture
decoded from that file, seconds are those of one fit, from the picture in memory to the file on disk.

With `--together` all pictures of one shape are fitted in one pass, which pays on a graphics card; seconds are then a
picture's share. `--no-table` leaves the files to be measured elsewhere: the same command there finds them.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import torch

from coin_edu import Arch, bpp, decode, fit_many, kodak, psnr, ssim
from coin_edu.codec import Plan, pack_fit, plan
from coin_edu.engine.device import pick_device
from coin_edu.files import read_bytes, write_bytes
from coin_edu.recipe import Recipe, recipe_for
from tests.benchmarks.kodak import averages, read, write
from tests.benchmarks.speed import device_name

ROOT = Path(__file__).parents[2]
TABLE, FILES = ROOT / "data" / "kodak_entropy.csv", ROOT / "build" / "entropy"
KEY = ("budget_bpp", "arch", "picture", "steps", "batch", "focus", "seed")
FIELDS = (*KEY, "device", "threads", "bytes", "bpp", "psnr_db", "ssim", "seconds", "decode_seconds")
# Steps that two cores take in less than ten minutes.
STEPS = {"0.075": 20_000, "0.15": 16_000, "0.3": 12_000, "0.6": 7_000, "1.2": 3_500}
# What COIN publishes at these rates, interpolated (data/kodak_rd_published.json).
PUBLISHED = {"0.15": 24.52, "0.3": 26.35, "0.6": 28.36}


def main() -> None:
    """Make the files that are missing, then the table, and print the averages."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bpp", nargs="*", default=list(STEPS), help="budgets (default: 0.075 to 1.2)")
    options.add_argument("--arch", help="as 10x46 or 112-40-24-16-16 (default: what encode chooses)")
    options.add_argument("--pictures", nargs="*", type=int, default=range(1, 25))
    options.add_argument("--steps", type=int, help="default: what two cores take in under ten minutes")
    options.add_argument("--batch", type=int, help="pixels a step; default: the recipe's")
    options.add_argument("--focus", type=float, help="share of them where the error is; default: the recipe's")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--device", default="auto")
    options.add_argument("--together", action="store_true", help="fit all pictures of a shape in one pass")
    options.add_argument("--no-table", action="store_true")
    options.add_argument("--files", type=Path, default=FILES)
    options.add_argument("--table", type=Path, default=TABLE)
    given = options.parse_args()
    done = read(given.table, KEY)
    for budget in given.bpp:
        task = plan((512, 768), float(budget), given.arch, coding="entropy")
        recipe, steps = recipe_for("fast", task.arch), given.steps or STEPS[budget]
        recipe = replace(recipe, batch=given.batch or recipe.batch, focus=given.focus or recipe.focus)

        rest = steps, recipe.batch, recipe.focus, given.seed
        names = {n: tuple(map(str, (budget, task.arch, n, *rest))) for n in given.pictures}
        for numbers in passes(given.pictures, given.together):
            paths = {number: given.files / f"{'_'.join(names[number])}.coin" for number in numbers}
            if missing := [number for number in numbers if not paths[number].exists()]:
                make({number: paths[number] for number in missing}, task, steps, recipe, given)
            for number in [] if given.no_table else numbers:
                if names[number] not in done:
                    row = dict(zip(KEY, names[number], strict=True)) | measure(number, paths[number])
                    done[names[number]] = row
                    write(given.table, sorted(done.values(), key=order), FIELDS)
                    print(f"{budget} bpp, Kodak {number:2}: {row['psnr_db']} dB, {row['bytes']} bytes", flush=True)
    summarize(done)


def passes(numbers: Sequence[int], together: bool) -> list[list[int]]:
    """The pictures that are fitted in one pass: one, or all of a shape."""
    if not together:
        return [[number] for number in numbers]
    groups = groupby(sorted(numbers, key=lambda number: kodak(number).shape), key=lambda number: kodak(number).shape)
    return [list(group) for _, group in groups]


def make(paths: dict[int, Path], task: Plan, steps: int, recipe: Recipe, given: argparse.Namespace) -> None:
    """Fit pictures in one pass and write their files, and beside each what it took."""
    device, images = pick_device(given.device), [kodak(number) for number in paths]
    begin = time.perf_counter()
    fits = fit_many(
        images, task.arch, steps, recipe, given.seed, given.device, n_bytes=task.n_bytes, every=steps, progress=False
    )
    for path, fitted in zip(paths.values(), fits, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, pack_fit(fitted))
    seconds = (time.perf_counter() - begin) / len(paths)
    for number, path in paths.items():
        facts = {"device": device_name(device), "threads": torch.get_num_threads(), "seconds": round(seconds, 1)}
        write_bytes(path.with_suffix(".json"), json.dumps(facts).encode())
        print(f"{path.name}: Kodak {number}, {seconds:.1f} s", flush=True)


def measure(number: int, path: Path) -> dict[str, str]:
    """What the file of a picture is worth."""
    image, facts = kodak(number), json.loads(path.with_suffix(".json").read_text())
    begin = time.perf_counter()
    data = read_bytes(path)
    decoded = decode(data)
    decode_seconds = time.perf_counter() - begin
    return {name: str(fact) for name, fact in facts.items()} | {
        "bytes": str(len(data)),
        "bpp": f"{bpp(data, image.shape):.4f}",
        "psnr_db": f"{psnr(image, decoded):.3f}",
        "ssim": f"{ssim(image, decoded):.4f}",
        "decode_seconds": f"{decode_seconds:.2f}",
    }


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
