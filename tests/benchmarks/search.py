"""Is the paper's choice of network the best for its bytes? `python -m tests.benchmarks.search`.

For each of the paper's five networks a search (`coin_edu.search`) within the bytes of its file, on one Kodak picture,
by short fits, beside a fit of the paper's own network as long. A row each goes into data/results/search.csv, a map into
data/results/search_10x28.png and so on. Run again, it goes on from its storage. One picture and short fits: what wins
here by a few tenths of a dB need not win elsewhere.
"""

import argparse
from pathlib import Path

from matplotlib.figure import Figure

from coin_edu import Arch, bpp, decode, encode, kodak, psnr, search
from coin_edu.engine.device import pick_device
from coin_edu.files import make_folder, write_bytes
from coin_edu.study.plots import search_map
from coin_edu.study.search import PAPER

RESULTS = Path(__file__).parents[2] / "data" / "results"
FIELDS = (
    *("paper", "picture", "bpp", "bits", "trials", "pruned", "steps", "seed", "device"),
    *("paper_psnr_db", "best", "rate_factor", "best_psnr_db"),
)


def main() -> None:
    """Search, and write a row and a map for each budget."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--picture", type=int, default=15)
    options.add_argument("--trials", type=int, default=30)
    options.add_argument("--steps", type=int, default=400)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--device", default="auto")
    options.add_argument("--storage", type=Path, default=Path("build/search.db"), help="remembers the trials")
    options.add_argument("--results", type=Path, default=RESULTS)
    given = options.parse_args()
    make_folder(given.results)
    make_folder(given.storage.parent)
    lines = [",".join(FIELDS)]
    print(lines[0])
    for paper in PAPER:
        lines.append(measure(paper, given))
        print(lines[-1], flush=True)
        write_bytes(given.results / "search.csv", ("\n".join(lines) + "\n").encode())


def measure(paper: Arch, given: argparse.Namespace) -> str:
    """The row of one budget."""
    image, fits = kodak(given.picture), {"steps": given.steps, "seed": given.seed, "device": given.device}
    data = encode(image, arch=paper, **fits)
    rate = bpp(data, image.shape)
    result = search(image, rate, trials=given.trials, storage=given.storage, **fits)

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    search_map(result.trials, figure.add_subplot(), paper)
    figure.savefig(given.results / f"search_{paper}.png", dpi=150)
    best, pruned = result.best, sum(trial.state == "pruned" for trial in result.trials)
    device = pick_device(given.device).type
    row = [paper, given.picture, f"{rate:.4f}", 16, len(result.trials), pruned, given.steps, given.seed, device]
    row += [f"{psnr(image, decode(data)):.3f}", best.arch, f"{best.factor:.3f}", f"{best.psnr:.3f}"]
    return ",".join(map(str, row))


if __name__ == "__main__":
    main()
