"""The experiments of notebooks 07 and 08 on three seeds: `python -m tests.benchmarks.beyond` writes data/beyond.csv.

With names of experiments, these alone are renewed and the others kept.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

import coin_edu as ce
from coin_edu.course import anywhere, beyond, nb08, seeds, twins
from coin_edu.files import write_bytes
from coin_edu.study import baselines, latents
from coin_edu.widgets.panel import thumbnail

TABLE = Path(__file__).parents[2] / "data" / "beyond.csv"
HEADER = "experiment,setting,seed,x,db"
SEEDS = (0, 1, 2)


def start(seed: int) -> Iterator[tuple[str, float, float]]:
    """Four starts of one fit: step and PSNR."""
    image = thumbnail("coffee", 128)
    donor = ce.fit(thumbnail("rocket", 128), beyond.SMALL, 200, beyond.plain(200), seed=seed, progress=False).model
    for name, settings in beyond.starts(image, donor).items():
        fit = ce.fit(image, beyond.SMALL, 150, every=10, seed=seed, progress=False, **settings)
        yield from ((name, m.step, m.psnr) for m in fit.history)


def blend(seed: int) -> Iterator[tuple[str, float, float]]:
    """Halfway between a network and others of the same picture: the correlation of matched units, and PSNR."""
    image, recipe = thumbnail("coffee", 128), ce.Recipe(steps=200, batch=2048, rate=1e-3, cosine=True)
    first, other = (ce.fit(image, beyond.SMALL, recipe=recipe, seed=s, progress=False).model for s in (seed, seed + 10))
    kin = ce.fit(image, recipe=recipe, seed=seed + 20, model=ce.Siren(beyond.SMALL, seed=seed), progress=False).model
    twin = twins.twin(first, seed)
    pairs = {"twin": twin, "another start": other, "the same start": kin}
    for name, one in list(pairs.items())[:2]:
        pairs[f"{name}, aligned"], _ = twins.aligned(first, one, image.shape)
    yield "itself", 1, ce.psnr(image, ce.render(first, image.shape))
    for name, one in pairs.items():
        _, correlation = twins.aligned(first, one, image.shape)
        yield name, correlation, ce.psnr(image, ce.render(twins.halfway(first, one), image.shape))


def patches(seed: int) -> Iterator[tuple[str, float, float]]:
    """Biases fitted to the patches of a picture, with random and with shared matrices."""
    squares, base = nb08.patches(thumbnail("coffee"), 16), ce.Siren(ce.Arch(3, 16), seed=seed)
    known = [nb08.patches(thumbnail(name), 16) for name in ("astronaut", "chelsea", "rocket")]
    shared, _ = nb08.fit_patches(base, np.concatenate(known), steps=250, share=True)
    for name, model in (("random matrices", base), ("shared matrices", shared)):
        yield name, 0, ce.psnr(squares, nb08.fit_patches(model, squares, steps=150)[1])


def sound(seed: int) -> Iterator[tuple[str, float, float]]:
    """A chord by networks of four widths, their first layer in 32 bits and the rest in 16: bits a sample, and SNR."""
    chord = nb08.chord()
    places = torch.from_numpy(ce.grid((1, len(chord)))[:, :1])
    for width in (16, 24, 32, 48):
        arch = ce.Arch(3, width, inputs=1, outputs=1, omega_first=300)
        network = nb08.fit_sound(chord, arch, steps=300, seed=seed)
        mixed = ce.quantize(network, 16)
        mixed.layers[0] = network.layers[0]
        bits = 16 * (arch.n_weights + arch.n_first) / len(chord)
        yield "SIREN", bits, nb08.signal_to_noise(chord, mixed(places).detach().numpy()[:, 0])


def pitch(seed: int) -> Iterator[tuple[str, float, float]]:
    """One network, three values of omega_0."""
    chord = nb08.chord()
    places = torch.from_numpy(ce.grid((1, len(chord)))[:, :1])
    for omega in (30, 300, 3000):
        network = nb08.fit_sound(chord, ce.Arch(3, 32, inputs=1, outputs=1, omega_first=omega), steps=300, seed=seed)
        yield f"omega_0 = {omega}", omega, nb08.signal_to_noise(chord, network(places).detach().numpy()[:, 0])


def grids(seed: int) -> Iterator[tuple[str, float, float]]:
    """The codec of grids on a thumbnail, for four lambdas: bits per pixel of the file, and PSNR."""
    image = thumbnail("coffee")
    for weight in (1e-2, 3e-3, 1e-3, 3e-4):
        *_, fit = latents.fit_latents(image, latents.start(image, weight, 400, seed=seed))
        yield "grids", fit.bpp, fit.psnr


def rivals(seed: int) -> Iterator[tuple[str, float, float]]:
    """COIN, entropy-coded COIN and JPEG in no more bytes than the grids of :func:`grids` at lambda 0.001."""
    image, (rate, _) = thumbnail("coffee"), seeds.curves("grids", TABLE)["grids"][seed][2]
    for name, coding in (("COIN", "plain"), ("COIN, entropy-coded", "entropy")):
        data = ce.encode(image, rate, coding=coding, steps=400, seed=seed, progress=False)
        yield name, ce.bpp(data, image.shape), ce.psnr(image, ce.decode(data))
    jpeg = baselines.compress(image, "JPEG", int(rate * image.shape[0] * image.shape[1] / 8))
    yield "JPEG", ce.bpp(jpeg, image.shape), ce.psnr(image, baselines.decompress(jpeg))


def zoom(seed: int) -> Iterator[tuple[str, float, float]]:
    """Notebook 07: a network of a picture 8 times smaller, asked for the large one, and two enlargements."""
    true, small = anywhere.reduced(ce.photo("coffee"))
    model = ce.fit(small, ce.Arch.for_bpp(10, small.shape), 600, seed=seed, progress=False).model
    for name, guess in list(anywhere.enlarged(true, small, model).items())[1:]:
        yield name, 0, ce.psnr(true, guess)


EXPERIMENTS = {one.__name__: one for one in (start, blend, patches, sound, pitch, grids, rivals, zoom)}


def main() -> None:
    """Fit, print and write."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("experiments", nargs="*", help=", ".join(EXPERIMENTS))
    given = options.parse_args()
    torch.set_num_threads(1)
    kept = TABLE.read_text().splitlines()[1:] if TABLE.exists() else []
    for name in given.experiments or EXPERIMENTS:
        kept = [line for line in kept if not line.startswith(f"{name},")]
        for seed in SEEDS:
            rows = list(EXPERIMENTS[name](seed))
            kept += [f'{name},"{setting}",{seed},{x:.4f},{db:.3f}' for setting, x, db in rows]
            last = {setting: (round(x, 3), round(db, 2)) for setting, x, db in rows}
            print(name, seed, last if len(last) > 1 else [(round(x, 3), round(db, 2)) for _, x, db in rows], flush=True)
        write_bytes(TABLE, ("\n".join([HEADER, *kept]) + "\n").encode())


if __name__ == "__main__":
    main()
