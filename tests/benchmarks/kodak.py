"""Fit, encode and decode all Kodak pictures: `make kodak`, or `python -m tests.benchmarks.kodak --arch 10x28`.

One row a picture goes into data/kodak_fits.csv as soon as it is measured, so an interrupted run goes on where it
stopped. Rates are lengths of files on disk; PSNR and SSIM are of the picture decoded from that file; seconds are those
of one fit alone on the machine, from the picture in memory to the file on disk.
"""

import argparse
import csv
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch

from coin_edu import RECIPES, Arch, bpp, decode, fit, kodak, pack_model, psnr, ssim
from coin_edu.engine.device import pick_device
from coin_edu.files import read_bytes, write_bytes
from coin_edu.recipe import recipe_for

TABLE = Path(__file__).parents[2] / "data" / "kodak_fits.csv"
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
    options.add_argument("--device", default="auto")
    options.add_argument("--table", type=Path, default=TABLE)
    given = options.parse_args()
    device = pick_device(given.device).type
    done = read(given.table, KEY)
    for arch in given.arch:
        recipe = recipe_for(given.recipe, Arch(*map(int, arch.split("x"))))
        steps = given.steps or recipe.steps
        batch = given.batch or recipe.batch or "all"
        for number in given.pictures:
            key = tuple(map(str, (arch, number, given.recipe, steps, batch, given.seed, given.bits, device)))
            if key not in done:
                row = dict(zip(KEY, key, strict=True)) | measure(*key)
                done[key] = row
                write(given.table, sorted(done.values(), key=order), FIELDS)
                print(
                    f"{arch} Kodak {number:2}: {row['psnr_db']} dB, {row['bytes']} bytes, {row['seconds']} s",
                    flush=True,
                )
    summarize(done)


def measure(
    arch: str, number: str, recipe: str, steps: str, batch: str, seed: str, bits: str, device: str
) -> dict[str, str]:
    """One picture through the whole codec, by way of a file."""
    depth, width = map(int, arch.split("x"))
    image = kodak(int(number))
    chosen = replace(RECIPES[recipe], batch=None if batch == "all" else int(batch))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.coin"
        begin = time.perf_counter()
        done = fit(
            image, Arch(depth, width), int(steps), chosen, int(seed), device, every=max(1, int(steps)), progress=False
        )
        write_bytes(path, pack_model(done.model, image.shape, int(bits)))
        seconds = time.perf_counter() - begin
        data = read_bytes(path)
    decoded = decode(data)
    return {
        "threads": str(torch.get_num_threads()),
        "bytes": str(len(data)),
        "bpp": f"{bpp(data, image.shape):.4f}",
        "psnr_db": f"{psnr(image, decoded):.3f}",
        "ssim": f"{ssim(image, decoded):.4f}",
        "seconds": f"{seconds:.1f}",
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
