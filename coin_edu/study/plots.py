"""Pictures of pictures: each function draws one kind into given axes and returns them; none shows or saves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from coin_edu.arch import Arch
from coin_edu.engine.state import Measure
from coin_edu.errors import CoinError
from coin_edu.metrics import Curve, amplitudes, bpp, psnr, ssim
from coin_edu.study.leaderboard import Entry
from coin_edu.study.names import drawable, families
from coin_edu.study.search import Trial
from coin_edu.study.style import BLUE, VERMILION, bare, looks
from coin_edu.study.style import COLORS as COLORS

NAMED = 100  # of a leaderboard: more names than that are a page as tall as a door


@dataclass(frozen=True)
class Result:
    """One codec's answer to one picture.

    Parameters
    ----------
    name : str
    data : bytes
        The file.
    decoded : ndarray, uint8 (H, W, 3)
    seconds : float
        Time to encode.
    """

    name: str
    data: bytes
    decoded: np.ndarray
    seconds: float

    def measures(self, original: np.ndarray) -> tuple[int, float, float, float]:
        """(bytes, bits per pixel, PSNR in dB, SSIM)."""
        return (
            len(self.data),
            bpp(self.data, original.shape),
            psnr(original, self.decoded),
            ssim(original, self.decoded),
        )


def show_image(image: np.ndarray, ax: Axes | None = None, title: str = "") -> Axes:
    """A picture, one title above, no frame."""
    ax = ax or Figure().add_subplot()
    ax.imshow(image, interpolation="nearest")
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
    return ax


def show_residual(
    original: np.ndarray, other: np.ndarray, ax: Axes | None = None, title: str = "", gain: int = 4
) -> Axes:
    """The difference of two pictures: gray where they agree, `gain` times enlarged elsewhere."""
    difference = other.astype(np.int16) - original
    return show_image(np.clip(128 + gain * difference, 0, 255).astype(np.uint8), ax, title)


def comparison(original: np.ndarray, results: Sequence[Result]) -> Figure:
    """The paper's figure 5: original, each codec's picture with its rate and PSNR, and the residuals beneath."""
    if not results:
        raise CoinError("a comparison needs at least one result")
    height, width = original.shape[:2]
    columns = 1 + len(results)
    aspect = min(max(height / width, 0.2), 3)  # of a panel; a picture one pixel wide is no reason for a huge page
    figure = Figure(figsize=(4 * columns, 8 * aspect + 1), layout="constrained")
    axes = figure.subplots(2, columns, squeeze=False)
    show_image(original, axes[0, 0], "original")
    axes[1, 0].set_axis_off()
    axes[1, 0].text(0.5, 0.5, "residuals, enlarged 4 times:\ngray is no error", ha="center", va="center", fontsize=10)
    for column, result in enumerate(results, start=1):
        n_bytes, rate, decibels, _ = result.measures(original)
        show_image(result.decoded, axes[0, column], f"{result.name}: {rate:.3f} bpp, {decibels:.2f} dB")
        show_residual(original, result.decoded, axes[1, column], f"{result.name}'s residual, {n_bytes:,} bytes")
    return figure


def search_map(trials: Sequence[Trial], ax: Axes | None = None, paper: Arch | None = None) -> Axes:
    """PSNR over depth and width, of every trial of a search; the best has a star, the `paper`'s choice a ring.

    Trials of one network stand side by side, from a quarter of the learning rates on the left to four times on the
    right. Small and gray are those given up early.
    """
    if not (complete := sorted((t for t in trials if t.state == "complete"), key=lambda t: t.psnr)):
        raise CoinError("a map of a search needs at least one complete trial")
    ax = ax or Figure(figsize=(8, 4.5), layout="constrained").add_subplot()
    pruned, best = [trial for trial in trials if trial.state == "pruned"], complete[-1]

    def scatter(some: Sequence[Trial], **style: Any) -> PathCollection:
        return ax.scatter([t.arch.depth + 0.2 * np.log2(t.factor) for t in some], [t.arch.width for t in some], **style)

    scatter(pruned, s=8, color="0.6", label="given up early")
    most = max((trial.psnr for trial in complete if np.isfinite(trial.psnr)), default=0.0)  # one may be without error
    worst = max(min(complete[0].psnr, most), most - 3)  # further below, the differences above would all have one color
    colors = {"c": np.minimum([t.psnr for t in complete], most), "vmin": worst, "vmax": most, "cmap": "viridis"}
    shown = scatter(complete, s=40, edgecolors="white", linewidths=0.5, **colors)
    label = f"best: {best.arch}, rates x{best.factor:.2f}, {best.psnr:.2f} dB"
    scatter([best], s=160, marker="*", color=VERMILION, edgecolors="white", label=label)
    if paper is not None:
        label = f"the paper's choice: {paper}"
        ax.scatter(paper.depth, paper.width, s=400, facecolors="none", edgecolors="black", label=label)
    ax.figure.colorbar(shown, ax=ax, label="PSNR, dB", extend="min" if worst > complete[0].psnr else "neither")
    ax.set_xlabel("depth, hidden layers (in each: rates from 1/4 to 4 times)")
    ax.set_ylabel("width, units a layer")
    ax.set_yscale("log", base=2)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.3)
    ax.legend(fontsize=9, markerscale=0.6)
    return ax


def psnr_over_steps(histories: Mapping[str, Sequence[Measure]], jpeg: float, ax: Axes | None = None) -> Axes:
    """The paper's figure 2: the PSNR of each fit, by name, over its steps, and where it passes JPEG's at equal bytes.

    Parameters
    ----------
    histories : mapping of str to sequence of Measure
        ``Fit.history`` by the fit's name.
    jpeg : float
        PSNR in dB of the JPEG file of as many bytes.
    """
    if not histories or not all(histories.values()):
        raise CoinError("PSNR over steps needs at least one history, none of them empty; Fit.history is one")
    ax = _bare(ax)
    ranked = sorted(histories.items(), key=lambda item: -item[1][-1].psnr)
    styles = looks(histories)
    for (name, history), style in zip(ranked, cycle(("-", "-.", ":")), strict=False):
        color, _ = styles[name]
        last = history[-1]
        label = f"{name}: {last.psnr:.2f} dB after {last.step:,} steps, {last.seconds:.0f} s"
        ax.plot([m.step for m in history], [m.psnr for m in history], style, color=color, label=label)
        if passed := [m for m in history if m.psnr > jpeg]:
            first, late = passed[0], passed[0].step > history[-1].step / 2
            ax.plot(first.step, first.psnr, "o", color=color)
            ax.annotate(
                f"passes JPEG at step {first.step:,}, after {first.seconds:.1f} s",
                (first.step, first.psnr),
                (-6 if late else 6, 8),
                textcoords="offset points",
                ha="right" if late else "left",
                color=color,
            )
    ax.axhline(jpeg, color="gray", linestyle="--", label=f"JPEG at equal bytes: {jpeg:.2f} dB")
    ax.set(xlabel="steps", ylabel="PSNR, dB")
    ax.legend(frameon=False, loc="lower right")
    return ax


def rate_distortion(curves: Sequence[Curve], ax: Axes | None = None, at: float = 0.3) -> Axes:
    """The paper's figure 3: PSNR over rate. Measured curves are solid, published ones dashed and hollow.

    Parameters
    ----------
    curves : sequence of Curve
        Of one codec, both kinds have one color.
    at : float
        The rate in bits per pixel at which the legend ranks the curves, best first.
    """
    if not curves:
        raise CoinError("a rate-distortion plot needs at least one curve; coin_edu.published() has some")
    ax = _bare(ax)
    styles = looks(curve.name for curve in curves)
    for curve in sorted(curves, key=lambda c: -np.interp(np.log(at), np.log(c.rates), c.psnrs)):
        color, marker = styles[curve.name]
        (line,) = ax.plot(curve.rates, curve.psnrs, color=color, marker=marker, markersize=5, label=curve.label)
        if not curve.measured:
            line.set(linestyle="--", linewidth=1, markerfacecolor="white")
    ax.axvline(at, color="gray", linewidth=0.8, linestyle=":")
    ax.set_xscale("log")
    ticks = (0.05, 0.1, 0.2, 0.3, 0.5, 1, 2)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set(xlabel="rate, bits per pixel", ylabel="PSNR, dB")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), title=f"best first, at {at:g} bpp")
    return ax


def model_sizes(measured: Mapping[str, float], published: Mapping[str, float], ax: Axes | None = None) -> Axes:
    """The paper's figure 4: what each decoder's model takes, in kB of 1,000 bytes, by name; smallest first.

    COIN's model is its file: it needs nothing else. An autoencoder's is what a decoder must have before any file.
    """
    bars = [(size, f"{name}\n(measured)", True) for name, size in measured.items()]
    bars += [(size, f"{name}\n(published)", False) for name, size in published.items()]
    if not bars:
        raise CoinError("a plot of sizes needs at least one; coin_edu.data.published_sizes() has some")
    ax = _bare(ax)
    bars.sort()
    for place, (size, _, here) in enumerate(bars):
        fill, hatch = (BLUE, None) if here else ("white", "//")
        ax.bar(place, size, width=0.6, color=fill, edgecolor=BLUE, hatch=hatch)
        ax.annotate(f"{size:,.1f}", (place, size), (0, 3), textcoords="offset points", ha="center")
    ax.set_xticks(range(len(bars)), [name for _, name, _ in bars])
    ax.grid(visible=False, axis="x")
    ax.set_yscale("log")
    ax.set_ylim(bottom=bars[0][0] / 10)
    ax.set_ylabel("size of the model, kB")
    return ax


def leaderboard(entries: Sequence[Entry], ax: Axes | None = None) -> Axes:
    """PSNR over rate of every submission that counts; the first hundred names stand on the right, tied to their points.

    Next to the points they would cover one another: a class that has one budget has nearly one rate.
    """
    ranked = [entry for entry in entries if not entry.reason]
    if not ranked:
        raise CoinError("a plot of a leaderboard needs at least one submission that is not out")
    named = ranked[:NAMED]
    size = 8, max(4.5, 0.22 * len(named))
    fonts = families(entry.name for entry in named)
    ax = _bare(ax or Figure(figsize=size, layout="constrained").add_subplot())
    finite = [entry.psnr for entry in ranked if np.isfinite(entry.psnr)] or [0.0]
    psnrs = np.minimum([entry.psnr for entry in ranked], max(finite) + 1)  # one without any error is at the top
    ax.plot([entry.bpp for entry in ranked], psnrs, "o", color=BLUE, markersize=6 if len(ranked) <= NAMED else 3)
    ax.margins(0.1)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high)
    gap = 1 / max(20, len(named))  # between names, in heights of the axes: down from the top, then up from the bottom
    heights = (psnrs - low) / (high - low)
    for place in range(1, len(named)):
        heights[place] = min(heights[place], heights[place - 1] - gap)
    for place in reversed(range(len(named))):
        heights[place] = max(heights[place], (len(named) - place - 0.5) * gap)
    for entry, decibels, height in zip(named, psnrs, heights, strict=False):
        ax.annotate(
            f"{entry.rank}  {drawable(entry.name, fonts)}",
            (entry.bpp, decibels),
            (1.04, height),
            textcoords="axes fraction",
            va="center",
            fontsize=9,
            fontfamily=fonts,
            parse_math=False,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "0.8", "linewidth": min(0.8, 24 / len(named)), "relpos": (0, 0.5)},
        )
    ax.set(xlabel="rate, bits per pixel", ylabel="PSNR, dB")
    if len(ranked) > len(named):
        ax.set_title(f"the first {len(named)} of {len(ranked):,} by name", fontsize=10)
    return ax


def missing_detail(original: np.ndarray, others: Mapping[str, np.ndarray], ax: Axes | None = None) -> Axes:
    """What each picture lacks by frequency: the amplitude of its error over that of the original, 0 for no error.

    Parameters
    ----------
    original : ndarray, uint8 (H, W, 3)
    others : mapping of str to ndarray, uint8 (H, W, 3)
        By name, from dark to bright.
    """
    if not others:
        raise CoinError("a plot of missing detail needs at least one picture to compare with the original")
    ax = _bare(ax)
    cycles, whole = amplitudes(original)
    whole = np.maximum(whole, 1e-9)  # the original may lack a frequency altogether
    for (name, other), color in zip(
        others.items(), colormaps["viridis"](np.linspace(0, 0.85, len(others))), strict=True
    ):
        _, error = amplitudes(other.astype(float) - original)
        ax.semilogx(cycles, error / whole, color=color, label=name)
    ax.axhline(1, color="gray", linewidth=0.8, linestyle=":")
    ax.set_ylim(0, 1.25)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set(xlabel="cycles along the longer side", ylabel="share still missing")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def by_picture(psnrs: Mapping[str, Mapping[str, float]], ax: Axes | None = None) -> Axes:
    """What each codec reaches on each picture, at equal rates; the pictures stand in the order of the first codec.

    Parameters
    ----------
    psnrs : mapping of str to mapping of str to float
        By the codec's name, the PSNR in dB of each picture by its name. A codec may lack pictures, but not the first.
    """
    if not psnrs or not (first := next(iter(psnrs.values()))):
        raise CoinError("a plot by picture needs at least one codec with at least one picture")
    ax = _bare(ax)
    order = sorted(first, key=lambda picture: first[picture])
    styles = looks(psnrs)
    for name, values in psnrs.items():
        color, marker = styles[name]
        heights = [values.get(picture, np.nan) for picture in order]
        ax.plot(order, heights, marker, color=color, markersize=5, label=name)
    ax.tick_params(axis="x", rotation=90)
    ax.set_ylabel("PSNR, dB")
    ax.legend(frameon=False)
    return ax


def _bare(ax: Axes | None) -> Axes:
    return bare(ax or Figure(figsize=(9, 4), layout="constrained").add_subplot())
