"""Fits of notebooks 01 to 05 on thumbnails of the coffee cup, three seeds each: `python -m tests.benchmarks.seeds`.

One row for each report of each fit goes into data/seeds.csv; `python -m tests.benchmarks.seeds NAME ...` renews some
of the experiments and keeps the others. In 01 to 03 a fit looks at 2,048 pixels a step unless its name says otherwise.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from coin_edu import RECIPES, Arch, Recipe, Siren, decode, fit, psnr
from coin_edu.codec import pack_fit
from coin_edu.course.seeds import HEADER
from coin_edu.files import write_bytes
from coin_edu.widgets.panel import thumbnail

TABLE = Path(__file__).parents[2] / "data" / "seeds.csv"
SEEDS = (0, 1, 2)
FAST = replace(RECIPES["fast"], batch=2048)
RELU = FAST.scaled(20)


def begun(arch, seed, factor, image):
    """A network whose weights between hidden layers begin `factor` times as large as they should."""
    model = Siren(arch, seed)
    with torch.no_grad():
        for weight, bias in model.layer_weights[1:-1]:
            weight *= factor
            bias *= factor
        # As the recipe does where it draws the weights itself.
        model.layer_weights[-1][1].copy_(torch.from_numpy(image.mean(axis=(0, 1)) / 255))
    return model


def omega(first, others):
    """A 5x30 SIREN with one omega_0 in the first layer and another in the others."""
    return Arch(5, 30, omega_first=first, omega_0=others)


def adam(steps, batch, rate, **options):
    """Adam alone, at one rate."""
    return {"arch": Arch(5, 30), "steps": steps, "recipe": Recipe(steps, batch, rate=rate, **options)}


def shuffled(image):
    """The same pixels in random order, as in notebook 04."""
    return np.random.default_rng(0).permutation(image.reshape(-1, 3)).reshape(image.shape)


SMALL, TINY = thumbnail("coffee", 128), thumbnail("coffee", 72)
BUDGET = 2085  # bytes: notebook 05's file of 5x30, as long as one of 4 bits a weight and 8 in the first layer

# By experiment and by setting: the keywords of `fit`; `factor` is one on the first weights, `image` another picture,
# and `rounded` the bytes of an entropy-coded file, whose PSNR then stands in the last row instead of the fit's.
EXPERIMENTS = {
    "initialization": {
        f"{depth}x{width}, weights x{factor}": {
            "arch": Arch(depth, width),
            "steps": 300,
            "recipe": FAST,
            "factor": factor,
        }
        for depth, width in ((10, 28), (5, 30))
        for factor in (0.25, 0.5, 1, 2)
    },
    "omega_0": {
        name: {"arch": arch, "steps": 300, "recipe": FAST.scaled(rates)}
        for name, arch, rates in (
            ("5 in all layers", omega(5, 5), 1),
            ("5 in all layers, rates x6", omega(5, 5), 6),
            ("5 in the first, 30 in the others", omega(5, 30), 1),
            ("30 in all layers", omega(30, 30), 1),
            ("120 in the first, 30 in the others", omega(120, 30), 1),
            ("120 in all layers, rates x1/4", omega(120, 120), 0.25),
            ("120 in all layers", omega(120, 120), 1),
        )
    },
    "activations": {
        f"{name}, rates x{factor}": {"arch": Arch(5, 30, name.lower()), "steps": 300, "recipe": FAST.scaled(factor)}
        for name, factors in {"sine": (0.5, 1, 2), "tanh": (10, 30, 60), "ReLU": (5, 10, 20, 40)}.items()
        for factor in factors
    },
    "rates": {f"{rate:g}": adam(200, 2048, rate) for rate in (1e-4, 1e-3, 3e-3, 1e-2)},
    "schedule": {name: adam(400, 2048, 3e-3, warm_up=20, cosine=name == "cosine") for name in ("steady", "cosine")},
    "batch": {
        f"{steps:,} steps of {batch or 24576:,} pixels, rate {rate:g}": adam(steps, batch, rate, cosine=True)
        for steps, batch in ((120, None), (1440, 2048))
        for rate in (1e-3, 2e-3)
    },
    "widths": {
        **{f"ReLU 5x{n}": {"arch": Arch(5, n, "relu"), "steps": 600, "recipe": RELU} for n in (15, 30, 60)},
        "sine 5x15": {"arch": Arch(5, 15), "steps": 600, "recipe": FAST},
    },
    "tenfold": {
        f"rates x{factor}": {"arch": Arch(5, 30), "steps": 500, "recipe": RECIPES["fast"].scaled(factor)}
        for factor in (1, 3, 10)
    },
    "depths": {str(arch): {"arch": arch, "steps": 150, "image": SMALL} for arch in Arch.candidates(2.0, SMALL.shape)},
    "structure": {
        f"{name}, {arch}": {"arch": arch, "steps": 150, "image": picture}
        for name, picture in (("photograph", TINY), ("shuffled", shuffled(TINY)))
        for arch in (Arch(3, 8), Arch(5, 24), Arch(5, 40))
    },
    "rounding": {
        "5x30, rounded after": {"arch": Arch(5, 30), "steps": 400, "rounded": BUDGET},
        "5x30, rounded in the fit": {"arch": Arch(5, 30), "steps": 400, "n_bytes": BUDGET, "rounded": BUDGET},
        "7x12, 16 bits": {"arch": Arch(7, 12), "steps": 400},
    },
    "octaves": {
        f"{k} octaves": {"arch": Arch(5, 30, "relu", fourier=k), "steps": 600, "recipe": RELU} for k in (5, 12)
    },
}


def rows(experiment, name, image):
    """The table's lines of one setting."""
    found, last = [], []
    for seed in SEEDS:
        given = dict(EXPERIMENTS[experiment][name])
        picture, n_bytes = given.pop("image", image), given.pop("rounded", None)
        if factor := given.pop("factor", None):
            given["model"] = begun(given.pop("arch"), seed, factor, picture)
        done = fit(picture, seed=seed, every=given["steps"] // 20, progress=False, **given)
        history = list(done.history)
        if n_bytes:
            file = pack_fit(replace(done, n_bytes=n_bytes))
            history[-1] = replace(history[-1], psnr=psnr(picture, decode(file)))
        found += [f"{start(experiment, name)}{seed},{m.step},{m.psnr:.3f},{m.seconds:.2f}" for m in history]
        last.append(f"{history[-1].psnr:.2f}")
    print(f"{experiment}: {name}: {', '.join(last)} dB", flush=True)
    return found


def start(experiment, name):
    """What the lines of one setting begin with."""
    return f'{experiment},"{name}",'


def main():
    """Fit, print and write, after each setting."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("experiments", nargs="*", help=", ".join(EXPERIMENTS))
    options.add_argument("--missing", action="store_true", help="only what the table lacks")
    given = options.parse_args()
    image = thumbnail("coffee")
    kept = TABLE.read_text().splitlines()[1:] if TABLE.exists() else []
    for experiment in given.experiments or EXPERIMENTS:
        for name in EXPERIMENTS[experiment]:
            there = [line for line in kept if line.startswith(start(experiment, name))]
            if not (there and given.missing):
                kept = [line for line in kept if line not in set(there)] + rows(experiment, name, image)
                write_bytes(TABLE, ("\n".join([",".join(HEADER), *kept]) + "\n").encode())


if __name__ == "__main__":
    main()
