"""What a step and a decode cost, over the size of picture and network, and cores: `python -m tests.benchmarks.costs`.

Machines differ, and one machine differs from hour to hour. So each row has, beside seconds, the step in units of the
published loop's, 10x28 over all pixels of 768x512, which is taken before and after it with as many cores. Each row goes
into data/costs.csv as soon as it is measured, and what is there is not measured again.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from coin_edu import Arch, decode, pack_model, photo, plain
from coin_edu.codec import plan
from coin_edu.engine.batch import Batch
from coin_edu.engine.device import pick_device
from coin_edu.engine.start import Asked
from tests.benchmarks.kodak import read, write
from tests.benchmarks.speed import device_name, median_seconds

TABLE = Path(__file__).parents[2] / "data" / "costs.csv"
KEY = ("device", "threads", "coding", "network", "weights", "width", "height")
FIELDS = (*KEY, "pixels_a_step", "step_seconds", "in_published_steps", "decode_seconds")
SIZES = ((192, 128), (384, 256), (768, 512), (1536, 1024), (3072, 2048))
RATES = (0.075, 0.15, 0.3, 0.6, 1.2)
PLAIN = ("5x20", "5x30", "10x28", "10x40", "13x49")
STEPS = 9


def main() -> None:
    """Measure the rows that are missing, print and write them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--device", default="auto")
    options.add_argument("--threads", nargs="*", type=int, default=sorted({1, torch.get_num_threads()}))
    options.add_argument("--table", type=Path, default=TABLE)
    given = options.parse_args()
    device, rows = pick_device(given.device), read(given.table, KEY)
    for threads in given.threads:
        torch.set_num_threads(threads)
        published = plain.train(picture(768, 512), [(w.to(device), b.to(device)) for w, b in plain.start(10, 28)])
        next(published)
        for coding, arch, size in settings():
            facts = device_name(device).replace(",", ""), threads, coding, arch, arch.n_weights, *size
            key = tuple(map(str, facts))
            if key not in rows:
                rows[key] = dict(zip(FIELDS, (*key, *measure(arch, size, device, published)), strict=True))
                write(given.table, rows.values(), FIELDS)
                print(",".join(rows[key].values()), flush=True)


def settings() -> Iterator[tuple[str, Arch, tuple[int, int]]]:
    """All networks at 768x512, then all sizes: at 10x28, and at 0.3 bits per pixel."""
    for name in PLAIN:
        yield "plain", Arch.of(name), (768, 512)
    for rate in RATES:
        yield "entropy", plan((512, 768), rate, coding="entropy").arch, (768, 512)
    for width, height in SIZES:
        if width != 768:
            yield "plain", Arch(10, 28), (width, height)
            yield "entropy", plan((height, width), 0.3, coding="entropy").arch, (width, height)


def measure(arch: Arch, size: tuple[int, int], device: torch.device, published: Iterator[float]) -> tuple[str, ...]:
    """Pixels a step; a step's median seconds, and in published steps; seconds to decode it from 16 bits a weight."""
    image = picture(*size)
    state = Asked(arch, steps=STEPS + 1).start(image)
    batch = Batch([image], [state], device)

    def step() -> None:
        batch.run(1)
        batch.loss.tolist()  # a card is behind: wait for it

    before = timed(published)
    seconds = median_seconds(step, STEPS)
    unit = (before + timed(published)) / 2
    data = pack_model(state.model, image.shape)
    pixels = min(state.recipe.batch or image[..., 0].size, image[..., 0].size)
    return str(pixels), f"{seconds:.4f}", f"{seconds / unit:.5f}", f"{median_seconds(lambda: decode(data), 1):.2f}"


def timed(published: Iterator[float]) -> float:
    """Seconds of one step of the published loop."""
    begin = time.perf_counter()
    next(published)
    return time.perf_counter() - begin


def picture(width: int, height: int) -> np.ndarray:
    """The astronaut at that size."""
    return np.array(Image.fromarray(photo("astronaut")).resize((width, height)))


if __name__ == "__main__":
    main()
