"""Fit, encode and decode all Kodak pictures: `make kodak`, or `python -m tests.benchmarks.kodak --arch 10x28`.

Each picture's file is kept in build/kodak as soon as it is made, so an interrupted run goes on where it stopped. Then
one row a file goes into data/kodak_fits.csv: rates are lengths of files on disk, PSNR and SSIM are of the picture
decoded from that file, seconds are those of one fit, from the picture in memory to the file on disk. How long cores
worked on it, which other work changes less, is noted beside the file.

With `--together` all pictures of one shape are fitted in one pass, which pays on a graphics card; seconds are then a
picture's share. With `--no-table` the files are left to be measured elsewhere: the same command there finds them.
"""

import argparse
import csv
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch

from coin_edu import RECIPES, Arch, bpp, decode, fit_many, kodak, psnr, ssim
from coin_edu.codec import Plan, pack_fit, plan
from coin_edu.engine.device import pick_device
from coin_edu.files import read_bytes, write_bytes
from coin_edu.recipe import Recipe, recipe_for
from tests.benchmarks.speed import device_name

ROOT = Path(__file__).parents[2]
TABLE, FILES = ROOT / "data" / "kodak_fits.csv", ROOT / "build" / "kodak"
FIELDS = (
    *("arch", "picture", "recipe", "steps", "batch", "seed", "bits", "device", "threads"),
    *("bytes", "bpp", "psnr_db", "ssim", "seconds"),
)
KEY = ("arch", "picture", "recipe", "steps", "batch", "seed", "bits", "device")
# Averages over Kodak that the paper's repository publishes (data/kodak_rd_published.json).
PUBLISHED = {"5x20": 23.205, "5x30": 24.641, "10x28": 26.412, "10x40": 28.408, "13x49": 30.644}


def main() -> None:
    """Measure what is missing from the table, then print the averages."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--arch", nargs="*", default=list(PUBLISHED), help="as 10x28 (default: the paper's five)")
    options.add_argument("--pictures", nargs="*", type=int, default=range(1, 25))
    options.add_argument("--recipe", choices=RECIPES, default="fast")
    options.add_argument("--steps", type=int, help="default: the recipe's")
    options.add_argument("--batch", type=int, help="pixels a step; default: the recipe's")
    options.add_argument("--bits", type=int, default=16)
    options.add_argument("--seed", type=int, default=0)
    add_common(options, TABLE, FILES)
    given = options.parse_args()
    table = Table(given.table, KEY, FIELDS, order)
    for arch in given.arch:
        task, recipe = plan((512, 768), arch=arch, bits=given.bits), recipe_for(given.recipe, Arch.of(arch))
        recipe, steps = replace(recipe, batch=given.batch or recipe.batch), given.steps or recipe.steps
        rest = given.recipe, steps, recipe.batch or "all", given.seed, given.bits, pick_device(given.device).type
        names = {number: tuple(map(str, (arch, number, *rest))) for number in given.pictures}
        table.fill(names, task, steps, recipe, given)
    summarize(table.rows)


def add_common(options: argparse.ArgumentParser, table: Path, files: Path) -> None:
    """The flags that this table and that of `make entropy` have in common."""
    options.add_argument("--device", default="auto")
    options.add_argument("--together", action="store_true", help="fit all pictures of a shape in one pass")
    options.add_argument("--no-table", action="store_true", help="make the files only, to be measured elsewhere")
    options.add_argument("--files", type=Path, default=files)
    options.add_argument("--table", type=Path, default=table)


class Table:
    """Rows measured before, by what was asked for, and those that are added."""

    def __init__(self, path: Path, key: tuple[str, ...], fields: tuple[str, ...], order: Callable[[Any], Any]):
        self.path, self.key, self.fields, self.order = path, key, fields, order
        self.rows = read(path, key)

    def fill(
        self,
        names: dict[int, tuple[str, ...]],
        task: Plan,
        steps: int,
        recipe: Recipe,
        given: argparse.Namespace,
    ) -> None:
        """Make the files and the rows of the pictures in `names` that are missing."""
        wanted = [number for number in names if names[number] not in self.rows]
        for numbers in passes(wanted, given.together):
            paths = {number: given.files / f"{'_'.join(names[number])}.coin" for number in numbers}
            if missing := {number: path for number, path in paths.items() if not path.exists()}:
                make(missing, task, steps, recipe, given.seed, given.device)
            for number in [] if given.no_table else numbers:
                row = measure(number, paths[number]) | dict(zip(self.key, names[number], strict=True))
                self.rows[names[number]] = row
                write(self.path, sorted(self.rows.values(), key=self.order), self.fields)
                print(f"{paths[number].stem}: {row['psnr_db']} dB, {row['bytes']} bytes", flush=True)


def passes(numbers: Sequence[int], together: bool) -> list[list[int]]:
    """The pictures that are fitted in one pass: one, or all of a shape."""
    if not together:
        return [[number] for number in numbers]
    groups = groupby(sorted(numbers, key=lambda number: kodak(number).shape), key=lambda number: kodak(number).shape)
    return [list(group) for _, group in groups]


def make(paths: dict[int, Path], task: Plan, steps: int, recipe: Recipe, seed: int, device: str) -> None:
    """Fit pictures in one pass and write their files, and beside each what it took."""
    images = [kodak(number) for number in paths]
    begin, begin_core = time.perf_counter(), time.process_time()
    fits = fit_many(
        images, task.arch, steps, recipe, seed, device, n_bytes=task.n_bytes, every=max(1, steps), progress=False
    )
    for path, fitted in zip(paths.values(), fits, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, pack_fit(fitted, task.coding))
    seconds = (time.perf_counter() - begin) / len(paths)
    core_seconds = (time.process_time() - begin_core) / len(paths)
    for number, path in paths.items():
        facts = {
            "device": device_name(pick_device(device)).replace(",", ""),
            "threads": torch.get_num_threads(),
            "seconds": round(seconds, 1),
            "core_seconds": round(core_seconds, 1),
        }
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


def read(table: Path, key: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, str]]:
    """Rows measured before, by what was asked for."""
    if not table.exists():
        return {}
    with table.open(newline="") as file:
        return {tuple(row[name] for name in key): row for row in csv.DictReader(file)}


def write(table: Path, rows: Iterable[dict[str, str]], fields: tuple[str, ...]) -> None:
    """All rows, whole or not at all."""
    lines = [",".join(fields), *(",".join(row[name] for name in fields) for row in rows)]
    write_bytes(table, ("\n".join(lines) + "\n").encode())


def order(row: dict[str, str]) -> tuple[int, ...]:
    """By size of network, then steps, then picture."""
    return (*map(int, row["arch"].split("x")), int(row["steps"]), int(row["picture"]))


def summarize(rows: dict[tuple[str, ...], dict[str, str]]) -> None:
    """A line for each setting: averages by picture, and the published average beside them."""
    print("\nnetwork recipe  steps  batch bits device pictures     bpp  PSNR dB  published    SSIM  median s")
    names = "arch", "recipe", "steps", "batch", "bits", "device"
    for (arch, recipe, steps, batch, bits, device), count, rate, decibels, similarity, seconds in averages(rows, names):
        print(
            f"{arch:8}{recipe:6}{steps:>7}{batch:>7}{bits:>5} {device:6}{count:9}{rate:8.4f}{decibels:9.2f}"
            f"{PUBLISHED.get(arch, float('nan')):11.2f}{similarity:8.4f}{seconds:10.1f}"
        )


def averages(rows: dict[tuple[str, ...], dict[str, str]], names: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    """For each setting, which is its values of `names`: pictures; mean bpp, PSNR and SSIM; median seconds."""
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows.values():
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    for setting, group in groups.items():
        means = (mean(float(row[name]) for row in group) for name in ("bpp", "psnr_db", "ssim"))
        yield setting, len(group), *means, median(float(row["seconds"]) for row in group)


if __name__ == "__main__":
    main()
