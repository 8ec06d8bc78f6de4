"""What fitting and decoding cost on this machine: `make bench`, or `python -m tests.benchmarks.speed`.

Times are medians. Where two things are compared they take turns, and the ratio is the median of the pairs' ratios,
since a machine's speed drifts.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch.nn.utils import parameters_to_vector

from coin_edu import RECIPES, Arch, Siren, decode, encode, fit, fit_many, fit_steps, kodak, photo, plain
from coin_edu.engine.backprop import Backprop
from coin_edu.engine.batch import Batch
from coin_edu.engine.device import pick_device
from coin_edu.engine.forward import evaluate
from coin_edu.engine.pixels import CHUNK
from coin_edu.engine.sine import sine_and_slope
from coin_edu.engine.start import Asked
from coin_edu.errors import CoinError
from coin_edu.siren import unflatten


def main() -> None:
    """Print every figure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--picture", type=int, default=15, help="Kodak picture (default: 15)")
    options.add_argument("--device", default="auto")
    given = options.parse_args()
    device = pick_device(given.device)
    image, name = picture(given.picture)
    cores = torch.get_num_threads()
    print(
        f"{name}; {device_name(device)}, {cores} threads, Python {platform.python_version()}, torch {torch.__version__}"
    )
    # First, as Linux counts what a process held before it became another program.
    print(f"peak memory of a fit at 768x512: {peak_memory(given.picture)} MB resident, torch included")
    step_cost(image, device)
    many(image, device)
    time_to_quality(image, device)
    data = encode(image, arch=Arch(10, 28), steps=0, progress=False)
    print(f"decoding {name} (10x28): {median_seconds(lambda: decode(data), 7):.3f} s")
    growth(device)
    sines()
    compiled()


def picture(number: int) -> tuple[np.ndarray, str]:
    """A Kodak picture, or, where there is none, scikit-image's astronaut enlarged to 768x512."""
    try:
        return kodak(number), f"Kodak {number}, 768x512"
    except CoinError:
        return np.asarray(
            Image.fromarray(photo("astronaut")).resize((768, 512))
        ), "astronaut at 768x512 (no Kodak here)"


def device_name(device: torch.device) -> str:
    """The graphics card's or processor's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type}, {platform.machine()}"


def median_seconds(work: Callable[[], object], times: int) -> float:
    """The median time of a call, after one not counted."""
    work()
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begin)
    return statistics.median(spent)


def step_cost(image: np.ndarray, device: torch.device) -> None:
    """The published loop's step against ours, in turns."""
    arch, pixels = Arch(10, 28), image.shape[0] * image.shape[1]
    layers = [(weight.to(device), bias.to(device)) for weight, bias in plain.start(arch.depth, arch.width)]
    published = plain.train(image, layers)
    batches = {name: Batch([image], [Asked(arch, recipe=name).start(image)], device) for name in RECIPES}
    counts = {"paper": 1, "fast": 50}
    rows: dict[str, list[float]] = {name: [] for name in ("published", *RECIPES)}
    for _ in range(6):
        begin = time.perf_counter()
        next(published)
        rows["published"].append((time.perf_counter() - begin) / pixels)
        for name, batch in batches.items():
            begin = time.perf_counter()
            batch.run(counts[name])
            batch.loss.tolist()  # a card is behind: wait for it
            seen = counts[name] * min(RECIPES[name].batch or pixels, pixels)
            rows[name].append((time.perf_counter() - begin) / seen)
    rows = {name: row[1:] for name, row in rows.items()}
    base = rows["published"]
    print("\na step at 768x512, 10x28      ns a pixel   seconds a step   published / this (paired)")
    for name, row in rows.items():
        batch_size = pixels if name == "published" else min(RECIPES[name].batch or pixels, pixels)
        ratio = statistics.median(a / b for a, b in zip(base, row, strict=True))
        cost = statistics.median(row)
        print(f"  {name:24}{cost * 1e9:14.0f}{cost * batch_size:17.4f}{ratio:14.1f}")


def many(image: np.ndarray, device: torch.device) -> None:
    """fit_many against the same fits one after the other, in turns."""
    small = np.asarray(Image.fromarray(image).resize((192, 128), Image.Resampling.LANCZOS))
    print("\nK networks of 10x28 on 192x128, 20 steps: together / one after the other (paired)")
    for count in (2, 4, 8) if device.type == "cpu" else (8, 32, 128):
        seeds = list(range(count))

        def alone(seeds: list[int] = seeds) -> None:
            for seed in seeds:
                fit(small, Arch(10, 28), 20, seed=seed, device=device.type, every=20, progress=False)

        def together(seeds: list[int] = seeds) -> None:
            fit_many(small, Arch(10, 28), 20, seeds=seeds, device=device.type, every=20, progress=False)

        ratios = [median_seconds(together, 1) / median_seconds(alone, 1) for _ in range(5)]
        print(f"  K = {count:4}: {statistics.median(ratios):.2f}")


def time_to_quality(image: np.ndarray, device: torch.device) -> None:
    """Seconds until a fit passes some PSNRs: the photograph at full size, and as a thumbnail."""
    small = np.asarray(Image.fromarray(image).resize((192, 128), Image.Resampling.LANCZOS))
    print("\nseconds to quality, 10x28, recipe 'fast', measuring included")
    for name, one, steps, targets in (("768x512", image, 3000, (26, 28)), ("192x128", small, 800, (26, 28, 30))):
        wanted, parts = list(targets), []
        for report in fit_steps(one, Arch(10, 28), steps, device=device.type, every=50):
            while wanted and report.psnr >= wanted[0]:
                parts.append(f"{wanted.pop(0)} dB in {report.seconds:.1f} s (step {report.step})")
            if not wanted:
                break
        print(
            f"  {name}, {steps} steps planned: {', '.join(parts + [f'{target} dB not reached' for target in wanted])}"
        )


def peak_memory(number: int) -> int:
    """Megabytes, of a process of its own that does nothing but a short fit."""
    program = (
        "import resource, sys; from coin_edu import Arch, fit; from tests.benchmarks.speed import picture;"
        f"fit(picture({number})[0], Arch(10, 28), steps=20, device='cpu', progress=False);"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "print(peak // (2**20 if sys.platform == 'darwin' else 2**10))"  # bytes on macOS, kilobytes on Linux
    )
    return int(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)


def growth(device: torch.device) -> None:
    """How a full pass over a picture, forward and backward, and a decode grow with pixels, width and depth."""
    print("\n                     full pass, s   decode, s")
    sizes = [(192, 128), (384, 256), (768, 512), (1536, 1024), (3072, 2048)]
    runs = [(Arch(10, 28), size) for size in sizes]
    runs += [(Arch(10, width), (768, 512)) for width in (14, 56, 112)]
    runs += [(Arch(depth, 28), (768, 512)) for depth in (3, 5, 20)]
    generator = np.random.default_rng(0)
    for arch, (width, height) in runs:
        image = generator.integers(0, 256, (height, width, 3), np.uint8)
        batch = Batch([image], [Asked(arch, recipe="paper").start(image)], device)
        data = encode(image, arch=arch, steps=0, progress=False)
        passing = median_seconds(lambda batch=batch: batch.run(1), 1)
        decoding = median_seconds(lambda data=data: decode(data, device=device.type), 1)
        print(f"  {arch!s:7}{f'{width}x{height}':>11}{passing:12.3f}{decoding:12.3f}")


def sines() -> None:
    """A sine and a cosine of each number in a layer, by torch and as the engine takes them, on one core, in turns."""
    z, cores = 30 * torch.randn(CHUNK["cpu"], 28), torch.get_num_threads()
    value, slope = torch.empty_like(z), torch.empty_like(z)
    torch.set_num_threads(1)
    pairs = [
        (
            median_seconds(lambda: (torch.sin(z, out=value), torch.cos(z, out=slope)), 50),
            median_seconds(lambda: sine_and_slope(slope, value), 50),
        )
        for _ in range(7)
    ]
    torch.set_num_threads(cores)
    theirs, ours = (1e9 * statistics.median(times) / z.numel() for times in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for other, one in pairs)
    print(
        f"\nsine and cosine of a number: torch {theirs:.2f} ns, NumPy {ours:.2f} ns, {ratio:.2f} of the time (paired)"
    )


def compiled() -> None:
    """What torch.compile makes of the gradient over one chunk of pixels, on one core, against ours, in turns."""
    arch, cores = Arch(10, 28), torch.get_num_threads()
    weights = parameters_to_vector(Siren(arch).parameters()).detach().requires_grad_()
    x, target = 2 * torch.rand(CHUNK["cpu"], 2) - 1, torch.rand(CHUNK["cpu"], 3)
    ours = Backprop(arch, len(x), (), torch.device("cpu"))
    errors = torch.compile(lambda weights: (evaluate(arch, unflatten(arch, weights), x) - target).square().sum())

    def theirs() -> None:
        torch.autograd.grad(errors(weights), weights)

    torch.set_num_threads(1)
    try:
        begin = time.perf_counter()
        with warnings.catch_warnings(), torch._inductor.config.patch(force_disable_caches=True):
            warnings.simplefilter("ignore")  # torch warns of its own old parts, and of the missing cache
            theirs()
        seconds = time.perf_counter() - begin
        ratios = [
            median_seconds(theirs, 20) / median_seconds(lambda: ours(weights.detach(), x, target), 20) for _ in range(7)
        ]
    except RuntimeError as error:  # no compiler, most often
        print(f"\ntorch.compile: {str(error).splitlines()[0]}")
        return
    finally:
        torch.set_num_threads(cores)
    print(
        f"\ntorch.compile of the gradient over {len(x):,} pixels: {seconds:.0f} s to compile, then "
        f"{statistics.median(ratios):.2f} of our time (paired)"
    )


if __name__ == "__main__":
    main()
