"""What fewer bits a weight cost: `python -m tests.benchmarks.bits` fits one network and rounds it in every way.

Bytes are lengths of real files; PSNR is of the picture decoded from them.
"""

import argparse

from coin_edu import Arch, bpp, decode, fit, kodak, psnr
from coin_edu.bitstream import CoinFile, pack
from coin_edu.quantize import to_numbers, weight_vector


def main() -> None:
    """Print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--picture", type=int, default=15, help="Kodak picture (default: 15)")
    options.add_argument("--steps", type=int)
    given = options.parse_args()
    image, arch = kodak(given.picture), Arch(10, 28)
    vector = weight_vector(fit(image, arch, given.steps).model)
    print("bits  per      first layer   bytes     bpp  PSNR dB")
    for bits in (32, 16, 8, 7, 6, 5, 4):
        for per in ("tensor", "channel") if bits <= 8 else ("tensor",):
            for first_bits in (bits, bits + 4) if bits <= 8 else (bits,):
                weights, steps = to_numbers(vector, arch, bits, per, first_bits)
                data = pack(CoinFile(image.shape[:2], arch, bits, weights, steps, per, first_bits))
                rate, decibels = bpp(data, image.shape), psnr(image, decode(data))
                print(f"{bits:4}  {per:8}{first_bits:7} bits{len(data):8}{rate:8.4f}{decibels:9.2f}", flush=True)


if __name__ == "__main__":
    main()
