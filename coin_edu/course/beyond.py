"""What notebook 08 shows: what each successor of COIN brought, rivals at the same bytes, and starts of a fit."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch.nn.utils import parameters_to_vector

from coin_edu.arch import Arch
from coin_edu.codec import decode, encode, plan, unpack_model
from coin_edu.course import seeds
from coin_edu.course.nb06 import kodak_rows, products
from coin_edu.data import published
from coin_edu.errors import CoinError
from coin_edu.fitting import fit
from coin_edu.metrics import bpp, psnr
from coin_edu.recipe import Recipe
from coin_edu.rendering import render
from coin_edu.siren import Siren, with_weights
from coin_edu.study import baselines
from coin_edu.study.curves import average
from coin_edu.study.latent_file import pack
from coin_edu.study.latents import Latents
from coin_edu.study.plots import show_image
from coin_edu.study.style import bare, looks

AT = 0.3  # bits per pixel: the rate of the ladder


@dataclass(frozen=True)
class Step:
    """One codec of the ladder.

    Attributes
    ----------
    name : str
        As :func:`coin_edu.published` has it.
    year : int
    idea : str
        What is new in it.
    products : tuple of int, or None
        Fewest and most multiplications a pixel that its authors state for decoding, networks alone.
    """

    name: str
    year: int
    idea: str
    products: tuple[int, int] | None

    @property
    def decibels(self) -> float:
        """PSNR at 0.3 bpp on Kodak, between its authors' points, over the logarithm of the rate."""
        curve = published(self.name)
        return float(np.interp(np.log(AT), np.log(curve.rates), curve.psnrs))


# Costs: notes in data/README.md. COIN's is counted from its network at 0.3 bpp, 10x28.
LADDER = (
    Step("COIN", 2021, "weights in 16 bits", (products(Arch(10, 28)),) * 2),
    Step("Strümpler et al. basic", 2021, "weights in 8 bits, entropy-coded", None),
    Step("Strümpler et al. meta", 2021, "and a learned start", None),
    Step("NIF25", 2025, "layers that narrow, waves as input, fewer bits", (8_000, 31_000)),
    Step("RECOMBINER", 2023, "a learned distribution of weights", None),
    Step("C3", 2023, "grids of numbers and two tiny networks", (3_000, 3_000)),
    Step("LotteryCodec", 2025, "grids, and a random network with a mask", (5_100, 5_100)),
    Step("Cool-chic 5.0", 2026, "grids, a better optimizer, steps chosen at the end", (500, 3_000)),
)


def ours() -> tuple[float, int]:
    """What this package's entropy-coded files reach at 0.3 bpp on Kodak, in dB, and their multiplications a pixel."""
    curve = average(kodak_rows()["COIN, entropy-coded"])
    decibels = float(np.interp(np.log(AT), np.log(curve.rates), curve.psnrs))
    return decibels, products(plan((512, 768), AT, coding="entropy").arch)


def ladder(ax: Axes | None = None) -> Axes:
    """PSNR at 0.3 bpp over multiplications a pixel; a codec whose cost is not stated stands at the left edge."""
    ax = bare(ax or Figure(figsize=(9.5, 4.6), layout="constrained").add_subplot())
    nowhere, mine = 200, "COIN, entropy-coded"
    styles = looks([mine, *(step.name for step in LADDER)])
    for step in sorted(LADDER, key=lambda step: step.decibels):
        color, marker = styles[step.name]
        low, high = step.products or (nowhere, nowhere)
        ax.plot([low, high], [step.decibels] * 2, color=color, linewidth=3, alpha=0.5, solid_capstyle="round")
        ax.plot((low * high) ** 0.5, step.decibels, marker, color=color, markersize=8)
        name = f"{step.name} ({step.year}): {step.idea}"
        ax.annotate(name, (high, step.decibels), (8, 0), textcoords="offset points", va="center", fontsize=9)
    (decibels, cost), (color, marker) = ours(), styles[mine]
    ax.plot(cost, decibels, marker, color=color, markersize=8)
    text = "this package, entropy-coded (measured on files)"  # above: NIF25 is as good
    ax.annotate(text, (cost, decibels), (0, 6), textcoords="offset points", fontsize=9)
    for name in ("VTM", "JPEG"):
        decibels = float(np.interp(np.log(AT), np.log(published(name).rates), published(name).psnrs))
        ax.axhline(decibels, color="gray", linewidth=0.8, linestyle=":")
        ax.annotate(name, (150, decibels), (0, 3), textcoords="offset points", fontsize=9, color="0.4")
    ax.set_xscale("log")
    ax.set_xlim(140, 3_000_000)
    ticks = {nowhere: "not\nstated", 1000: "1,000", 10_000: "10,000", 100_000: "100,000", 1_000_000: "1,000,000"}
    ax.set_xticks(list(ticks), list(ticks.values()))
    ax.set_xticks([], minor=True)
    ax.set(xlabel="multiplications a pixel to decode", ylabel=f"PSNR at {AT} bpp, dB")
    return ax


# Starts

SMALL = Arch(5, 30)


def plain(steps: int, mean_start: bool = False) -> Recipe:
    """Adam at one rate, for a short fit of a small picture."""
    return Recipe(steps=steps, batch=2048, rate=1e-3, mean_start=mean_start)


def starts(image: np.ndarray, donor: Siren) -> dict[str, dict[str, Any]]:
    """Four starts of a fit of 150 steps, as keywords of :func:`coin_edu.fit`: random or the donor's, each as it is and
    with the picture's mean color, for which the star stands.
    """
    shifted = with_weights(donor.arch, parameters_to_vector(donor.parameters()).detach())
    colors = image.mean(axis=(0, 1)) - render(donor, image.shape).mean(axis=(0, 1))
    with torch.no_grad():
        shifted.layer_weights[-1][1].add_(torch.from_numpy(colors / 255).float())
    return {
        "random": {"recipe": plain(150)},
        "rocket": {"recipe": plain(150), "model": donor},
        "random*": {"recipe": plain(150, mean_start=True)},
        "rocket*": {"recipe": plain(150), "model": shifted},
    }


def race(pictures: np.ndarray, starting: Mapping[str, Siren | None], arch: Arch, steps: int) -> dict[str, np.ndarray]:
    """Fits of several small pictures from each start: (pictures, reports, 2) of step and PSNR in dB, by start.

    Parameters
    ----------
    pictures : ndarray, uint8 (K, H, W, 3)
    starting : mapping of str to Siren or None
        None for random weights and the picture's mean color.
    """
    recipe = Recipe(steps=steps, batch=None, rate=1e-3, mean_start=True)
    found = {}
    for name, model in starting.items():
        fits = [fit(picture, arch, recipe=recipe, every=5, model=model, progress=False) for picture in pictures]
        found[name] = np.array([[(m.step, m.psnr) for m in one.history] for one in fits])
    return found


def steps_to(curves: np.ndarray, decibels: float) -> float:
    """The step at which curves (n, reports, 2) of step and PSNR reach that PSNR, on average; else infinity."""
    found = []
    for steps, psnrs in curves.swapaxes(1, 2):
        reached = int(np.argmax(psnrs >= decibels))
        if psnrs[reached] < decibels:
            return float("inf")
        span = slice(max(reached - 1, 0), reached + 1)
        found.append(np.interp(decibels, psnrs[span], steps[span]))
    return float(np.mean(found))


# At the same bytes


PARTS = ("the networks", "grid 1, the finest", "grid 2")


def parts(latents: Latents) -> dict[str, float]:
    """Bytes of each part of a file of grids, as the notebook's question names them."""
    n_bytes = list(latents.n_bytes().values())
    names = [*PARTS, *(f"grid {k}" for k in range(3, len(n_bytes)))][: len(n_bytes)]
    if len(names) > 3:
        names[-1] += ", the coarsest"
    return dict(zip(names, n_bytes, strict=True))


def largest(latents: Latents) -> str:
    """The part that takes most bytes."""
    found = parts(latents)
    return max(found, key=lambda name: found[name])


def shares(latents: Latents) -> str:
    """What each part takes, in words."""
    return "; ".join(f"{name}: {n:,.0f} bytes" for name, n in parts(latents).items()) + "."


def in_words(image: np.ndarray, compared: "Mapping[str, Rival]") -> str:
    """PSNR, bytes and cost of each codec, the best first."""
    psnrs = {name: psnr(image, rival.picture) for name, rival in compared.items()}
    ranked = sorted(psnrs, key=lambda name: -psnrs[name])
    return "; ".join(f"{name}: {psnrs[name]:.2f} dB, {compared[name].n_bytes:,} bytes" for name in ranked) + "."


def in_steps(found: Mapping[str, float], decibels: float) -> str:
    """After how many steps each fit had that PSNR, in words."""
    said = [f"{name}: {'never' if n == float('inf') else f'{n:.0f} steps'}" for name, n in found.items()]
    return f"To {decibels:g} dB: {'; '.join(said)}."


def ahead(raced: Mapping[str, np.ndarray]) -> str:
    """Which start is more than 1 dB ahead of the others in the end, as the notebook's choices say it."""
    ends = sorted(((some[:, -1, 1].mean(), name) for name, some in raced.items()), reverse=True)
    lead = ends[0][0] - ends[1][0]
    return f"{ends[0][1].split(',')[0]}, by over 1 dB" if lead > 1 else "all within 1 dB"


@dataclass(frozen=True)
class Rival:
    """What one codec makes of a picture with so many bytes; `products` are multiplications a pixel, if known."""

    picture: np.ndarray
    n_bytes: int
    products: float | None


def rivals(image: np.ndarray, latents: Latents, steps: int = 400) -> dict[str, Rival]:
    """The codec of grids, COIN with 16 bits a weight, and JPEG, at no more bytes than the first.

    What cannot do with so few bytes is left out.
    """
    data = pack(latents)
    found = {"grids": Rival(latents.render(), len(data), latents.products)}
    with contextlib.suppress(CoinError):  # a picture may need too few bytes for COIN, or be too rich for JPEG in so few
        coin = encode(image, bpp(data, image.shape), steps=steps, progress=False)
        found["COIN"] = Rival(decode(coin), len(coin), products(unpack_model(coin)[0].arch))
        jpeg = baselines.compress(image, "JPEG", len(data))
        found["JPEG"] = Rival(baselines.decompress(jpeg), len(jpeg), None)
    return found


def recorded() -> dict[str, np.ndarray]:
    """PSNR in dB of each codec on the coffee cup at the bytes of the grids, of lambda 0.001: (seeds,), by name."""
    return {"grids": seeds.curves("grids")["grids"][:, 2, 1], **seeds.ends("rivals")}


def same_bytes(image: np.ndarray, compared: Mapping[str, Rival]) -> Figure:
    """The original and each codec's picture, with PSNR, bytes and what a pixel costs."""
    figure = Figure(figsize=(9.6, 0.7 + 1.92 * image.shape[0] / image.shape[1]), layout="constrained")
    axes = figure.subplots(1, 1 + len(compared))
    show_image(image, axes[0], "original")
    for ax, (name, rival) in zip(axes[1:], compared.items(), strict=True):
        cost = "" if rival.products is None else f"\n{rival.products:,.0f} products a pixel"
        show_image(rival.picture, ax, f"{name}\n{psnr(image, rival.picture):.2f} dB, {rival.n_bytes:,} bytes{cost}")
        ax.title.set_fontsize(8)
    return figure
