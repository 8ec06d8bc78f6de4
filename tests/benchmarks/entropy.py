"""The entropy-coded codec on Kodak: `make entropy`, or `python -m tests.benchmarks.entropy --bpp 0.3 --pictures 1 4`.

One row a picture goes into data/kodak_entropy.csv as soon as it is measured; an interrupted run goes on where it
stopped. Rates are lengths of files on disk, PSNR and SSIM are of the picture decoded from that file, seconds are those
of one fit, from the picture in memory to the file on disk.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import torch

from coin_edu import RECIPES, Arch, bpp, decode, fit, kodak, psnr, ssim
from coin_edu.codec import pack_fit, plan
from coin_edu.files import read_bytes, write_bytes
from coin_edu.recipe import recipe_for
from tests.benchmarks.kodak import averages, read, write

TABLE = Path(__file__).parents[2] / "data" / "kodak_entropy.csv"
KEY = ("budget_bpp", "arch", "picture", "steps", "batch", "focus", "seed")
FIELDS = (*KEY, "threads", "bytes", "bpp", "psnr_db", "ssim", "seconds", "decode_seconds")
# What COIN publishes at these rates, interpolated (data/kodak_rd_published.json).
PUBLISHED = {"0.15": 24.52, "0.3": 26.35, "0.6": 28.36}


def main() -> None:
    """Measure what is missing from the table, then print the averages."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bpp", nargs="*", default=list(PUBLISHED), help="budgets (default: 0.15 0.3 0.6)")
    options.add_argument("--arch", nargs="*", default=[None], help="as 10x46 (default: what encode chooses)")
    options.add_argument("--pictures", nargs="*", type=int, default=range(1, 25))
    options.add_argument("--steps", type=int, default=RECIPES["fast"].steps)
    options.add_argument("--batch", type=int, help="pixels a step; default: the recipe's")
    options.add_argument("--focus", type=float, default=RECIPES["fast"].focus, help="share of them where the error is")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--device", default="auto")
    options.add_argument("--table", type=Path, default=TABLE)
    given = options.parse_args()
    done = read(given.table, KEY)
    for budget, network, number in product(given.bpp, given.arch, given.pictures):
        arch = network or str(plan((512, 768), float(budget), coding="entropy").arch)
        batch = given.batch or recipe_for("fast", Arch(*map(int, arch.split("x")))).batch
        key = tuple(map(str, (budget, arch, number, given.steps, batch, given.focus, given.seed)))
        if key not in done:
            row = dict(zip(KEY, key, strict=True)) | measure(*key, given.device)
            done[key] = row
            write(given.table, sorted(done.values(), key=order), FIELDS)
            print(
                f"{budget} bpp, {arch}, Kodak {number:2}: {row['psnr_db']} dB, {row['bytes']} bytes, "
                f"{row['seconds']} s",
                flush=True,
            )
    summarize(done)


def order(row: dict[str, str]) -> tuple[float, ...]:
    """By budget, then network, then picture."""
    return float(row["budget_bpp"]), *map(int, row["arch"].split("x")), int(row["steps"]), int(row["picture"])


def measure(
    budget: str, arch: str, number: str, steps: str, batch: str, focus: str, seed: str, device: str
) -> dict[str, str]:
    """One picture through the whole codec, by way of a file."""
    image = kodak(int(number))
    recipe = replace(RECIPES["fast"], batch=int(batch), focus=float(focus))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.coin"
        begin = time.perf_counter()
        task = plan(image.shape, float(budget), Arch(*map(int, arch.split("x"))), coding="entropy")
        fitted = fit(
            image,
            task.arch,
            int(steps),
            recipe,
            int(seed),
            device,
            n_bytes=task.n_bytes,
            every=int(steps),
            progress=False,
        )
        write_bytes(path, pack_fit(fitted))
        seconds = time.perf_counter() - begin
        begin = time.perf_counter()
        data = read_bytes(path)
        decoded = decode(data)
        decode_seconds = time.perf_counter() - begin
    return {
        "threads": str(torch.get_num_threads()),
        "bytes": str(len(data)),
        "bpp": f"{bpp(data, image.shape):.4f}",
        "psnr_db": f"{psnr(image, decoded):.3f}",
        "ssim": f"{ssim(image, decoded):.4f}",
        "seconds": f"{seconds:.1f}",
        "decode_seconds": f"{decode_seconds:.2f}",
    }


def summarize(rows: dict[tuple[str, ...], dict[str, str]]) -> None:
    """A line for each budget and setting: averages by picture, and COIN's published PSNR at that rate."""
    print("\nbudget  network  steps  batch  focus pictures     bpp  PSNR dB  COIN's    SSIM  median s")
    names = "budget_bpp", "arch", "steps", "batch", "focus"
    for (budget, arch, steps, batch, focus), count, rate, decibels, similarity, seconds in averages(rows, names):
        print(
            f"{budget:8}{arch:8}{steps:>6}{batch:>7}{focus:>7}{count:9}{rate:8.4f}{decibels:9.2f}"
            f"{PUBLISHED.get(budget, float('nan')):8.2f}{similarity:8.4f}{seconds:10.1f}"
        )


if __name__ == "__main__":
    main()
