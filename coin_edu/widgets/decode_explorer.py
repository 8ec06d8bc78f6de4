"""Decoding any part of a file, at any size, coarse to fine."""

import time
from typing import Any, ClassVar

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from coin_edu.bitstream import read_header
from coin_edu.codec import decode, decode_progressive
from coin_edu.rendering import BLOCKS
from coin_edu.study.plots import show_image
from coin_edu.study.style import VERMILION
from coin_edu.widgets.panel import Panel, aspect, control, ipywidgets, panels


class DecodeExplorer(Panel):
    """Decoding a .coin file coarse to fine, and any part of it at any size.

    Parameters
    ----------
    data : bytes
        A .coin file.

    Attributes
    ----------
    x, y : ipywidgets.IntSlider
        The middle of the region, in pixels of the original.
    zoom : ipywidgets.FloatLogSlider
        How many times narrower than the picture the region is.
    side : ipywidgets.Dropdown
        The longer side of the region once decoded, in pixels.
    detail : ipywidgets.IntSlider
        How often the whole picture was refined: 0 is one pixel in 64x64, 6 is every pixel. `play` moves it.
    play : ipywidgets.Play
    region : tuple of int
        (x, y, width, height), in pixels of the original.

    Examples
    --------
    >>> from coin_edu import Arch, Siren, pack_model
    >>> widget = DecodeExplorer(pack_model(Siren(Arch(1, 4)), (12, 16)))
    >>> widget.zoom.value = 2
    >>> widget.region
    (4, 3, 8, 6)
    """

    def __init__(self, data: bytes):
        self.data = data
        height, width = self.shape = read_header(data).shape
        self.inches = (9.0, 0.4 + 4.1 * aspect(self.shape))
        self._stages = dict(zip(BLOCKS, decode_progressive(data), strict=True))
        self.x = control(ipywidgets.IntSlider, "x, pixels", value=width // 2, min=0, max=width)
        self.y = control(ipywidgets.IntSlider, "y, pixels", value=height // 2, min=0, max=height)
        self.zoom = control(ipywidgets.FloatLogSlider, "zoom ×", value=4, base=2, min=0, max=5, step=0.25)
        sides = [(f"{n} pixels", n) for n in (24, 48, 96, 192, 384)]
        self.side = control(ipywidgets.Dropdown, "longer side", value=384, options=sides)
        self.detail = control(ipywidgets.IntSlider, "refinement", value=len(BLOCKS) - 1, min=0, max=len(BLOCKS) - 1)
        self.play = ipywidgets.Play(interval=600, max=len(BLOCKS) - 1, value=len(BLOCKS) - 1, show_repeat=False)
        ipywidgets.jslink((self.play, "value"), (self.detail, "value"))
        buttons = [ipywidgets.Label("coarse to fine:"), self.play]
        super().__init__([self.x, self.y, self.zoom, self.side, self.detail], buttons)

    @property
    def region(self) -> tuple[int, int, int, int]:
        """(x, y, width, height) of the region, in pixels of the original, moved inside the picture."""
        height, width = self.shape
        w, h = (max(1, round(side / self.zoom.value)) for side in (width, height))
        x, y = (
            int(np.clip(middle - side / 2, 0, whole - side))
            for middle, side, whole in ((self.x.value, w, width), (self.y.value, h, height))
        )
        return x, y, w, h

    mouse: ClassVar[dict[str, dict[str, Any]]] = {
        "a": {"wheel": True, "cursor": "move"}, "b": {"wheel": True, "cursor": "zoom-in"}
    }  # fmt: skip

    def on_mouse(self, event: dict[str, Any]) -> None:
        """Drag the region over the whole picture; turn the wheel to zoom."""
        if event["kind"] == "wheel":
            zoom = float(np.clip(self.zoom.value * 2 ** (-event["turned"] / 4), 1, 2**self.zoom.max))
            self.assign({self.zoom: zoom})
        elif event["axes"] == "a":
            height, width = self.shape
            self.assign({self.x: round(np.clip(event["x"], 0, width)), self.y: round(np.clip(event["y"], 0, height))})

    def draw(self, figure: Figure) -> str:
        """The whole picture so far, and the region."""
        (height, width), (x, y, w, h) = self.shape, self.region
        block = BLOCKS[self.detail.value]
        evaluated = -(-width // block) * -(-height // block)
        scale = self.side.value / max(w, h)
        size = max(1, round(scale * w)), max(1, round(scale * h))
        begin = time.perf_counter()
        part = decode(self.data, size, self.region)
        spent = time.perf_counter() - begin
        axes = panels(figure, "ab", left=0.02, right=0.98, bottom=0.02)
        show_image(self._stages[block], axes["a"], "every pixel" if block == 1 else f"one pixel in {block}x{block}")
        axes["a"].add_patch(Rectangle((x - 0.5, y - 0.5), w, h, fill=False, color=VERMILION, linewidth=2))
        show_image(part, axes["b"], f"{w}x{h} pixels decoded at {size[0]}x{size[1]}")
        return (
            f"left: {evaluated:,} of {width * height:,} pixels evaluated &middot; right: {size[0] * size[1]:,} pixels "
            f"evaluated in {1000 * spent:.0f} ms, {size[0] * size[1] / (w * h):.3g} for each one of the original"
        )
