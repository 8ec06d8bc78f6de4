"""What fewer bits a weight cost, and what helps: `python -m tests.benchmarks.bits` writes data/bits.csv from one fit.

The network is rounded to b bits a weight; its integers are entropy-coded; then, at the bytes of the plain file, it is
rounded with steps by sensitivity and entropy-coded, and once more after the last tenth of the fit has seen the weights
so rounded. Bytes are lengths of real files; PSNR is of the picture decoded from them.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from coin_edu import Arch, Siren, bpp, decode, fit, fit_steps, kodak, psnr
from coin_edu.bitstream import STEP, CoinFile, pack
from coin_edu.codec import pack_fit, pack_model
from coin_edu.coding import ENTROPY, Coding
from coin_edu.files import write_bytes
from coin_edu.quantization import to_integers, to_numbers, weight_vector

TABLE = Path(__file__).parents[2] / "data" / "bits.csv"


def main() -> None:
    """Print and write a row a number of bits and a way."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--picture", type=int, default=15, help="Kodak picture (default: 15)")
    options.add_argument("--arch", default="10x28")
    options.add_argument("--steps", type=int, default=3_000)
    options.add_argument("--table", type=Path, default=TABLE)
    given = options.parse_args()
    image, arch = kodak(given.picture), Arch(*map(int, given.arch.split("x")))
    lines = ["way,bits,first_layer_bits,bytes,bpp,psnr_db"]

    def row(way: str, bits: int, first_bits: int | str, data: bytes) -> None:
        rate, decibels = bpp(data, image.shape), psnr(image, decode(data))
        lines.append(f"{way},{bits},{first_bits},{len(data)},{rate:.4f},{decibels:.2f}")
        print(lines[-1], flush=True)

    for report in fit_steps(image, arch, given.steps):
        if report.step >= 0.9 * given.steps:
            break
    late = report.state
    done = fit(image, state=late)
    model = done.model
    print(lines[0])
    for bits in (32, 16):
        row("plain", bits, bits, pack_model(model, image.shape, bits))
    for bits in (8, 7, 6, 5, 4):
        for first_bits in (bits, bits + 4):
            for per in ("tensor", "channel"):
                coding = Coding(bits, per, first_bits)
                weights, steps = to_numbers(weight_vector(model), arch, coding)
                data = pack(CoinFile(image.shape[:2], arch, coding, weights, steps))
                row(f"plain by {per}", bits, first_bits, data)
        plain = pack_model(model, image.shape, bits)
        row("its integers entropy-coded", bits, bits + 4, entropy_coded(model, image.shape[:2], bits))
        row("steps by sensitivity and entropy coding", bits, "", pack_fit(replace(done, n_bytes=len(plain))))
        row("the same and fitted so", bits, "", pack_fit(fit(image, state=replace(late, n_bytes=len(plain)))))
    write_bytes(given.table, ("\n".join(lines) + "\n").encode())


def entropy_coded(model: Siren, shape: tuple[int, int], bits: int) -> bytes:
    """The file of a model rounded to `bits` bits as in a plain file, but entropy-coded."""
    _, steps = to_numbers(weight_vector(model), model.arch, Coding(bits))
    steps = steps.astype(STEP).astype(np.float32)
    return pack(CoinFile(shape, model.arch, ENTROPY, to_integers(weight_vector(model), model.arch, steps), steps))


if __name__ == "__main__":
    main()
