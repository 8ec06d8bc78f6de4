"""The paper's figures, measured anew: `make study`, or `python -m tests.benchmarks.study --only fig3`.

Conventional codecs over all Kodak pictures go into data/results/<codec>.csv, one row a file, as soon as each is
measured; COIN's own fits are those that `make kodak` recorded. What is there is not measured again: an interrupted run
goes on where it stopped, and a figure is redrawn from the tables. At last averages and Bjontegaard differences are
printed.
"""

import argparse
import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coin_edu import (
    RECIPES,
    Arch,
    CoinError,
    Curve,
    bd_psnr,
    bd_rate,
    decode,
    encode,
    fit,
    fit_steps,
    kodak,
    pack_model,
    psnr,
    published,
)
from coin_edu.data import published_sizes, recorded
from coin_edu.files import read_bytes, write_bytes
from coin_edu.study import baselines
from coin_edu.study.curves import Row, average, complete, rd_curve, read_fits, read_history
from coin_edu.study.plots import Result, comparison, model_sizes, psnr_over_steps, rate_distortion

RESULTS = Path(__file__).parents[2] / "data" / "results"
# Qualities that take about 0.05 to 2 bits per pixel on Kodak, or start where the codec cannot go lower.
SWEEPS = {
    "JPEG": [1, 5, 8, 12, 18, 25, 35, 50, 65, 78, 84, 87],
    "JPEG2000": [480, 320, 240, 160, 120, 80, 60, 40, 30, 20, 15, 12],
    "WebP": [0, 2, 6, 12, 20, 32, 45, 60, 75, 82, 87, 90],
    "AVIF": [2, 5, 12, 20, 28, 36, 44, 52, 60, 68, 75, 83],
    "HEIC": [6, 10, 15, 20, 25, 30, 36, 42, 48, 54, 57, 60],
    "JXL": [0, 5, 10, 18, 26, 36, 48, 60, 72, 82, 86, 89],
}
# At full color resolution, where the codec's own way is to halve that of the colors: a PSNR of RGB punishes it.
FULL_COLOR = {
    name: replace(codec, name=f"{name} 4:4:4", options=(*codec.options, ("subsampling", "4:4:4")))
    for name, codec in baselines.CODECS.items()
    if name in ("JPEG", "AVIF")
}
FULL_COLOR_SWEEPS = {"JPEG": SWEEPS["JPEG"], "AVIF": [2, 5, 12, 20, 36]}
ENTROPY_CODED = "COIN, entropy-coded"
RATES = (0.075, 0.15, 0.3, 0.6, 1.2)
PAPER = ("5x20", "5x30", "10x28", "10x40", "13x49")
# The published curves of the paper's figure 3, and the best single network a picture since.
FIGURE_3 = ("COIN", "JPEG", "JPEG2000", "BPG", "VTM", "BMS", "MBT", "CST", "NIF25")


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
    options.add_argument("--entropy", type=Path, default=recorded("kodak_narrowing.csv"), help="that of `make entropy`")
    options.add_argument("--arch", default="10x28", help="network of figures 2, 4 and 5")
    options.add_argument("--bpp", nargs="*", default=["0.3"], help="budgets of figure 5's entropy-coded files")
    options.add_argument("--steps", type=int, default=RECIPES["fast"].steps, help="of the fits in figure 2")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    done = {row.setting for row in fits(given)}
    if missing := [arch for arch in PAPER if arch not in done]:
        print(f"COIN {', '.join(missing)}: not fitted to all {len(given.pictures)} pictures yet; `make kodak` does it")
    for stage in given.only:
        STAGES[stage](given)


def figure_2(given: argparse.Namespace) -> None:
    """PSNR over steps on Kodak 15, and JPEG's at the bytes of the file."""
    path = given.out / "kodak15_history.csv"
    if not path.exists():
        record_kodak_15(given)
    image, data = kodak(15), kodak_15(given.arch, given)
    jpeg = baselines.decompress(baselines.compress(image, "JPEG", len(data)))
    ax = psnr_over_steps(read_history(path), psnr(image, jpeg), canvas())
    ax.set_title(f"Kodak 15, COIN {given.arch}: {len(data):,} bytes")
    ax.set_ylim(15, 31)
    save(given.out / "fig2_psnr_over_steps.png", ax)


def record_kodak_15(given: argparse.Namespace) -> None:
    """Fit Kodak 15 in three ways, and write how each went."""
    image, arch, fast = kodak(15), network(given.arch), RECIPES["fast"]
    ways = {
        "fast recipe": (fast, given.steps),
        "fast recipe, longer": (fast, 3 * given.steps),
        "the paper's Adam, 8,192 pixels a step": (replace(RECIPES["paper"], batch=fast.batch), given.steps),
    }
    lines = ["fit,step,loss,psnr_db,seconds"]
    for name, (recipe, steps) in ways.items():
        # Most happens at first: a report every 20 of 3,000 steps, and after a seventh of them every 100.
        for report in fit_steps(image, arch, steps, recipe, every=max(1, steps // 150)):
            if report.step >= steps // 7:
                break
        done = fit(image, state=report.state, every=max(1, steps // 30))
        lines += [f'"{name}",{m.step},{m.loss:.6f},{m.psnr:.3f},{m.seconds:.2f}' for m in done.history]
    write_bytes(given.out / "kodak15_history.csv", ("\n".join(lines) + "\n").encode())


def figure_3(given: argparse.Namespace) -> None:
    """PSNR over rate: what was measured here, and what the paper compares with."""
    shown = [curve for curve in measured(given) if not curve.name.endswith("4:4:4")]  # two lines on one another
    curves = [*shown, *(published(name) for name in FIGURE_3)]
    ax = rate_distortion(curves, canvas())
    ax.set_title("Kodak, means of 24 pictures" if len(given.pictures) == 24 else f"{len(given.pictures)} pictures")
    ax.set(xlim=(0.03, 2.2), ylim=(20, 44))
    save(given.out / "fig3_rate_distortion.png", ax)


def figure_4(given: argparse.Namespace) -> None:
    """What the models take at 0.3 bpp: ours on disk, the others' as published."""
    rows = {
        f"COIN {given.arch}": [row for row in read_fits(given.fits) if row.setting == given.arch],
        ENTROPY_CODED: [row for row in read_fits(given.entropy, None, setting="budget_bpp") if row.setting == "0.3"],
    }
    ours = {name: fmean(row.n_bytes for row in some) / 1000 for name, some in rows.items() if some}
    ax = model_sizes(ours, published_sizes())
    ax.set_title("what must be at hand to decode a picture at 0.3 bpp")
    save(given.out / "fig4_model_sizes.png", ax)


def figure_5(given: argparse.Namespace) -> None:
    """Kodak 15 by COIN and others, and the residuals: as published beside JPEG, entropy-coded beside JPEG2000 too."""
    image = kodak(15)
    for arch in dict.fromkeys(("5x30", given.arch)):
        compare(image, f"COIN {arch}", kodak_15(arch, given), ["JPEG"], given.out / f"fig5_comparison_{arch}.png")
    for rate in given.bpp:
        path = given.out / f"kodak15_{rate}_bpp.coin"
        if not path.exists():
            write_bytes(path, encode(image, float(rate), coding="entropy", steps=given.steps))
        compare(
            image, ENTROPY_CODED, read_bytes(path), ["JPEG2000", "JPEG"], given.out / f"fig5_comparison_{rate}_bpp.png"
        )


def compare(image: np.ndarray, name: str, data: bytes, others: list[str], path: Path) -> None:
    """A figure of the picture in this file, and in as many bytes of other codecs."""
    results = [Result(name, data, decode(data), 0)]
    for other in others:
        theirs = baselines.compress(image, other, len(data))
        results.append(Result(other, theirs, baselines.decompress(theirs), 0))
    # Photographs as PNG are large; at 100 dots an inch the file stays near a megabyte.
    save(path, comparison(image, results).axes[0], dpi=100)


def kodak_15(arch: str, given: argparse.Namespace) -> bytes:
    """The file of Kodak 15 by COIN with the fast recipe, made where it is not there yet."""
    path = given.out / f"kodak15_{arch}.coin"
    if not path.exists():
        image = kodak(15)
        write_bytes(path, pack_model(fit(image, network(arch), given.steps).model, image.shape))
    return read_bytes(path)


def network(arch: str) -> Arch:
    """'10x28' as an architecture."""
    return Arch(*map(int, arch.split("x")))


def fits(given: argparse.Namespace) -> list[Row]:
    """COIN's rows, of the networks that are fitted to every picture."""
    return complete(read_fits(given.fits), Kodak(given.pictures))


def measured(given: argparse.Namespace) -> list[Curve]:
    """Curves of COIN, from recorded fits, and of the conventional codecs, measured where they are not yet."""
    coin, pictures = fits(given), Kodak(given.pictures)
    coded = complete(read_fits(given.entropy, None, ENTROPY_CODED, "budget_bpp"), pictures)
    curves = [average(rows) for rows in (coin, coded) if rows]
    for name in given.codecs:
        curves.append(rd_curve(pictures, name, SWEEPS[name], given.out / f"{name.lower()}.csv"))
        if name in FULL_COLOR:
            table = given.out / f"{name.lower()}_full_color.csv"
            curves.append(rd_curve(pictures, FULL_COLOR[name], FULL_COLOR_SWEEPS[name], table))
    return curves


def table(given: argparse.Namespace) -> None:
    """Print all codecs at some rates, our averages beside the published ones, and how far apart the curves are."""
    curves = {curve.name: curve for curve in measured(given)}
    theirs = published("COIN")
    compared = [*curves.values(), *(published(name) for name in FIGURE_3)]
    print("PSNR in dB at a rate in bits per pixel" + "".join(f"{rate:8g}" for rate in RATES))
    for curve in sorted(compared, key=lambda one: at(one, 0.3), reverse=True):
        print(f"{curve.label:38}" + "".join(f"{at(curve, rate):8.2f}" for rate in RATES))
    for name in filter(curves.__contains__, ("COIN", ENTROPY_CODED)):
        ours = curves[name]
        print(f"\n{name}, measured\n   bpp  PSNR dB    SSIM  published at that rate  gain dB")
        for rate, decibels, similarity in zip(ours.rates, ours.psnrs, ours.ssims, strict=True):
            reached = at(theirs, rate)
            print(f"{rate:6.3f}{decibels:9.2f}{similarity:8.3f}{reached:24.2f}{decibels - reached:9.2f}")
        print(f"\n{name + ', against':42} BD-rate  BD-PSNR")
        others = [curve for curve in curves.values() if curve.name != name]
        for reference in (theirs, published("NIF25"), published("JPEG"), *others):
            try:
                percent, decibels = (distance(reference.points, curves[name].points) for distance in (bd_rate, bd_psnr))
                print(f"{reference.label:42}{percent:6.1f} %{decibels:6.2f} dB")
            except CoinError as error:
                print(f"{reference.label:42}{error}")


def at(curve: Curve, rate: float) -> float:
    """PSNR in dB at a rate, between the curve's points over the rate's logarithm; NaN outside them."""
    inside = 0.98 * curve.rates[0] <= rate <= 1.02 * curve.rates[-1]  # files end a little below their budget
    return float(np.interp(np.log(rate), np.log(curve.rates), curve.psnrs)) if inside else float("nan")


def canvas() -> Axes:
    """Empty axes, wider than by default."""
    return Figure(figsize=(9, 6), layout="constrained").add_subplot()


def save(path: Path, ax: Axes, dpi: int = 150) -> None:
    """The figure that the axes are in, as PNG."""
    picture = io.BytesIO()
    ax.figure.savefig(picture, dpi=dpi)
    write_bytes(path, picture.getvalue())
    print(path)


STAGES = {"fig2": figure_2, "fig3": figure_3, "fig4": figure_4, "fig5": figure_5, "table": table}

if __name__ == "__main__":
    main()
