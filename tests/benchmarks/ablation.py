"""What each choice of the fast recipe buys: `python -m tests.benchmarks.ablation`.

Each row undoes one choice and fits six Kodak pictures, none of which the recipe was tuned on; the table goes into
data/ablation.csv. Narrow networks vary by a tenth of a dB or two from seed to seed, so only averages mean anything.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import mean

from coin_edu import RECIPES, Arch, fit, kodak
from coin_edu.files import write_bytes

TABLE = Path(__file__).parents[2] / "data" / "ablation.csv"
PICTURES = (1, 4, 8, 15, 20, 23)


def main() -> None:
    """Fit, print and write one row a choice."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--steps", type=int, default=1000)
    options.add_argument("--pictures", type=int, nargs="*", default=PICTURES)
    options.add_argument("--table", type=Path, default=TABLE)
    given = options.parse_args()
    fast = RECIPES["fast"]
    rows = {
        "fast, as it is": (fast, Arch(10, 28)),
        "Adam everywhere, at 1e-3, instead of Muon": (replace(fast, muon_rate=0.0), Arch(10, 28)),
        "constant rates, no cosine": (replace(fast, cosine=False), Arch(10, 28)),
        "no warm-up": (replace(fast, warm_up=0), Arch(10, 28)),
        "the last layer's rate as the first's": (replace(fast, last_rate=None), Arch(10, 28)),
        "biases start at random, not at the mean color": (replace(fast, mean_start=False), Arch(10, 28)),
        "pixels drawn evenly, not where the error is": (replace(fast, focus=0.0), Arch(10, 28)),
        "half the batch, twice the steps": (replace(fast, batch=fast.batch // 2), Arch(10, 28)),
        "twice the batch, half the steps": (replace(fast, batch=fast.batch * 2), Arch(10, 28)),
        "5x41, as many weights as 10x28": (fast, Arch(5, 41)),
        "7x34, as many weights as 10x28": (fast, Arch(7, 34)),
        "13x24, as many weights as 10x28": (fast, Arch(13, 24)),
        "published: Adam at 2e-4, constant, all else as above": (
            replace(RECIPES["paper"], batch=fast.batch),
            Arch(10, 28),
        ),
    }
    lines = ["choice,pictures,pixels_seen,psnr_db,change_db"]
    print(lines[0])
    reference = None
    for name, (recipe, arch) in rows.items():
        steps = given.steps * fast.batch // recipe.batch
        done = [fit(kodak(n), arch, steps, recipe, progress=False, every=steps) for n in given.pictures]
        average = mean(state.psnr for state in done)
        reference = average if reference is None else reference
        seen = steps * recipe.batch
        lines.append(f'"{name}",{len(done)},{seen},{average:.2f},{average - reference:+.2f}')
        print(lines[-1], flush=True)
    write_bytes(given.table, ("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main()
