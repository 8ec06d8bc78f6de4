"""How every plot looks: one color and marker for a name wherever it is drawn, one style of axes."""

import math
from collections.abc import Iterable

from matplotlib.axes import Axes

# Okabe and Ito's colors, told apart by any eye (jfly.uni-koeln.de/color), gray for the yellow that paper swallows.
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
BLACK, GRAY = "#000000", "#999999"
COLORS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK, GRAY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")

# What has a name in the course has its look by that name; further names get theirs where they are first drawn.
_looks: dict[str, tuple[str, str]] = {
    "COIN": (VERMILION, "o"),
    "COIN, entropy-coded": (ORANGE, "D"),
    "JPEG": (BLUE, "s"),
    "JPEG2000": (SKY, "v"),
    "WebP": (GREEN, "^"),
    "AVIF": (PURPLE, "P"),
    "HEIC": (BLACK, "X"),
    "JXL": (GRAY, "<"),
    "": (VERMILION, "o"),  # the only one
    "sine": (VERMILION, "o"),
    "ReLU": (BLUE, "s"),
    "fast recipe": (VERMILION, "o"),
    "the paper's Adam": (BLUE, "s"),
}


def looks(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """A color and a marker for each name, the same in every plot of a process, and different in this one.

    Examples
    --------
    >>> looks(["JPEG", "mine"])["JPEG"] == looks(["another", "JPEG"])["JPEG"]
    True
    """
    names = list(dict.fromkeys(names))
    found: dict[str, tuple[str, str]] = {}
    for name in sorted(names, key=lambda name: name not in _looks):
        taken = {color for color, _ in found.values()}
        wanted = _looks.get(name)
        if wanted is None or (wanted[0] in taken and len(taken) < len(COLORS)):
            free = [color for color in COLORS if color not in taken]
            used = [color for color, _ in _looks.values()]
            color = min(free, key=used.count) if free else COLORS[len(found) % len(COLORS)]
            wanted = color, MARKERS[COLORS.index(color)] if free else MARKERS[len(found) % len(MARKERS)]
            _looks.setdefault(name, wanted)
        found[name] = wanted
    return {name: found[name] for name in names}


def look(name: str) -> tuple[str, str]:
    """The color and the marker of one name."""
    return looks([name])[name]


def bare(ax: Axes) -> Axes:
    """Axes with a pale grid behind and no box around."""
    ax.grid(color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def label(ax: Axes, x: str, y: str = "", title: str = "") -> None:
    """Name the axes of a plot, quantity and unit."""
    ax.set_xlabel(x, fontsize=10)
    ax.set_ylabel(y, fontsize=10)
    ax.set_title(title, fontsize=10)
    ax.tick_params(labelsize=9)
    bare(ax)


def in_decibels(value: float) -> str:
    """A PSNR in words: without any error it is infinite."""
    return f"{value:.2f} dB" if math.isfinite(value) else "no error" if value > 0 else "not a number"
