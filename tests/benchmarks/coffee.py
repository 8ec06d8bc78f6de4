"""Notebook 06's entropy-coded files of the small coffee cup: `python -m tests.benchmarks.coffee`.

Writes data/coffee_192_*.coin, 300 steps each, and prints what each took, which coin_edu/course/compared.py repeats.
"""

import time
from pathlib import Path

from coin_edu import decode, encode, psnr
from coin_edu.course.compared import RECORDED
from coin_edu.files import write_bytes
from coin_edu.widgets.panel import thumbnail

DATA = Path(__file__).parents[2] / "data"


def main():
    """Fit and write them."""
    image = thumbnail("coffee")
    for rate, (name, _) in RECORDED.items():
        begin = time.perf_counter()
        data = encode(image, rate, coding="entropy", steps=300, progress=False)
        seconds = time.perf_counter() - begin
        write_bytes(DATA / name, data)
        print(f"{name}: {len(data):,} bytes, {psnr(image, decode(data)):.2f} dB, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
