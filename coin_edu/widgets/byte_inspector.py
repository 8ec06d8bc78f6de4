"""A widget that shows a .coin file byte by byte."""

import functools
import html
import itertools
import re
import struct
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from PIL import Image, ImageColor, ImageDraw, ImageFont

from coin_edu.bitstream import CHECKSUM, HEADER, NAMES, RATIO, STEP, UNITS, CoinFile, read_header, unpack
from coin_edu.entropy import MODEL, SPLIT
from coin_edu.errors import CoinError
from coin_edu.study.style import BLUE, COLORS, VERMILION
from coin_edu.widgets.panel import Panel, button, control, ipywidgets


@dataclass(frozen=True)
class Field:
    """A run of bytes in a .coin file.

    Parameters
    ----------
    name : str
    start, stop : int
        Offsets of its first byte and of the byte after its last.
    meaning : str
    form : str
        The `struct` format of its value, or of its few values; empty where there are more.
    """

    name: str
    start: int
    stop: int
    meaning: str
    form: str = ""


COLUMNS, ROWS = 16, 16
PAGE = COLUMNS * ROWS  # bytes shown at once

HEADER_FIELDS = (
    ("magic", "what every .coin file starts with"),
    ("version", "of the format"),
    ("coding", "of the weights: 0 floats, 1 integers with steps by tensor, 2 by channel, 3 entropy-coded"),
    ("bits", "a weight, 0 if entropy-coded"),
    ("coordinates", "1: pixel centers, the longer side from -1 to 1"),
    ("width", "of the picture, in pixels"),
    ("height", "of the picture, in pixels"),
    ("depth", "hidden layers"),
    ("activation", ", ".join(f"{byte} {name}" for byte, name in NAMES.items())),
    ("units", "in a hidden layer, or in the widest: the network's width"),
    ("fourier", "frequencies of Fourier features, 0 for none"),
    ("outputs", "numbers a pixel, 3 for RGB"),
    ("first bits", "a weight in the first layer"),
    ("reserved", "zero, for later versions"),
    ("omega_0", "the frequency factor in the sines"),
    ("omega_first", "the same in the first layer"),
    ("length", "of the weights, in bytes"),
)


def fields(data: bytes) -> list[Field]:
    """The parts of a valid .coin file in order: the header's fields, the weights by layer, the checksum.

    A byte that two layers share, as integers of a few bits may, counts for both.
    """
    found, start = [], 0
    for form, (name, meaning) in zip(re.findall(r"\d*[a-zA-Z]", HEADER.format), HEADER_FIELDS, strict=True):
        stop = start + struct.calcsize("<" + form)
        found.append(Field(name, start, stop, meaning, "<" + form))
        start = stop
    file, end = read_header(data), len(data) - CHECKSUM.size
    if data[4] == 2:
        middle, stop = start + RATIO.size, start + RATIO.size + UNITS.itemsize * file.arch.depth
        found.append(Field("ratio", start, middle, "of each frequency to the one before", RATIO.format))
        found.append(Field("widths", middle, stop, "of the hidden layers, first to last", f"<{file.arch.depth}H"))
        start = stop
    found += _entropy_fields(file, data, start, end) if file.coding.is_entropy else _layer_fields(file, start)
    return [*found, Field("checksum", end, len(data), "CRC-32 of all bytes before it", "<I")]


def _entropy_fields(file: CoinFile, data: bytes, start: int, end: int) -> list[Field]:
    tensors = file.coding.n_steps(file.arch)
    steps = start + STEP.itemsize * tensors
    found = [Field("steps", start, steps, "a 2-byte float each, for the weights of one tensor")]
    if data[4] == 1:
        words = steps + MODEL.size * tensors
        meaning = "3 bytes each: the Gaussian that a tensor's integers are coded with"
        found.append(Field("models", steps, words, meaning))
    else:
        splits = steps + SPLIT.size * tensors
        heads = itertools.islice(SPLIT.iter_unpack(data[steps:splits]), 0, None, 2)  # a bias has one part
        words = splits + file.arch.depth + 1
        words += sum((1, *shape)[kind] for (kind, _), shape in zip(heads, file.arch.layer_shapes, strict=True))
        meaning = "3 bytes each: a tensor's parts, 0 itself, 1 its rows, 2 its columns; its largest magnitude"
        found.append(Field("splits", steps, splits, meaning))
        found.append(Field("scales", splits, words, "a byte each: the Gaussian that a part's integers are coded with"))
    return [*found, Field("words", words, end, f"{file.arch.n_weights} integers, entropy-coded all together")]


def _layer_fields(file: CoinFile, start: int) -> list[Field]:
    found, arch, widths = [], file.arch, file.coding.widths(file.arch)
    if not file.coding.is_floats:
        stop = start + 4 * file.coding.n_steps(arch)
        found.append(Field("steps", start, stop, f"a float each, for the weights of one {file.coding.per}"))
        start = stop
    bits = np.concatenate([[0], np.cumsum(widths)])
    first = 0
    for i, (n_out, n_in) in enumerate(arch.layer_shapes):
        last = first + n_out * (n_in + 1)
        begin, end = start + int(bits[first]) // 8, start - (-int(bits[last]) // 8)
        meaning = f"{n_out}x{n_in} weights and {n_out} biases of {widths[first]} bits"
        found.append(Field(f"layer {i + 1}", begin, end, meaning))
        first = last
    return found


class ByteInspector(Panel):
    """The bytes of a .coin file by what they mean, and what the reader says to a flipped bit.

    Parameters
    ----------
    data : bytes
        A .coin file.

    Attributes
    ----------
    field, page : ipywidgets
        The field whose bytes stand out, and which 256 bytes are shown.
    offset, bit : ipywidgets
        Which bit `flip` flips: offset of the byte, and the bit in it, 0 for 1 to 7 for 128.
    flip, restore : ipywidgets.Button
    data : bytes
        The file as it is now.
    verdict : str
        What the reader says to it.

    Examples
    --------
    >>> from coin_edu import Arch, Siren, pack_model
    >>> widget = ByteInspector(pack_model(Siren(Arch(1, 4)), (12, 16)))
    >>> widget.offset.value, widget.bit.value = 0, 0
    >>> widget.flip.click()
    >>> widget.data[:4]
    b'BOIN'
    """

    inches = (9.0, 4.8)

    def __init__(self, data: bytes):
        unpack(data)
        self.data = self._given = bytes(data)
        self.fields = {field.name: field for field in fields(data)}
        last = max((len(data) - 1) // PAGE, 1)  # a slider of one place is an error in the browser
        self.field = control(ipywidgets.Dropdown, "field", options=list(self.fields))
        self.page = control(ipywidgets.IntSlider, "page", value=0, min=0, max=last)
        self.offset = control(ipywidgets.BoundedIntText, "byte", value=0, min=0, max=len(data) - 1)
        self.bit = control(ipywidgets.IntSlider, "bit", value=0, min=0, max=7)
        self.flip = button("flip the bit", "bolt", "change one bit of the file")
        self.restore = button("restore", "undo", "take all changes back")
        self._shown = self.field.value
        super().__init__([self.field, self.page], [self.offset, self.bit, self.flip, self.restore])
        self.on_click(self.flip, self._flip)
        self.on_click(self.restore, self._restore)

    @property
    def verdict(self) -> str:
        """What the reader says to the bytes as they are now."""
        try:
            file = unpack(self.data)
        except CoinError as error:
            return f"CoinError: {error}"
        kind = file.coding
        return f"a {file.arch} network {kind}, for {file.shape[1]}x{file.shape[0]} pixels"

    def changed(self) -> None:
        """Turn to the page of a field newly chosen."""
        if self._shown != self.field.value:
            self._shown = self.field.value
            start = self.fields[self._shown].start
            self.offset.value = start
            if (page := start // PAGE) != self.page.value:
                self.page.value = page  # which draws
                return
        self.refresh()

    def _flip(self) -> None:
        changed = bytearray(self.data)
        changed[self.offset.value] ^= 1 << self.bit.value
        self.data = bytes(changed)
        self.refresh()

    def _restore(self) -> None:
        self.data = self._given
        self.refresh()

    def value(self, field: Field) -> str:
        """What a field's bytes say now; of many numbers, how many bytes they take."""
        values = struct.unpack_from(field.form, self.data, field.start)
        if not 0 < len(values) <= 6:
            return f"{field.stop - field.start:,} bytes"
        if len(values) > 1:
            return "-".join(map(str, values))
        (value,) = values
        if isinstance(value, bytes):
            return repr(value)[2:-1]
        return f"{value:g}" if isinstance(value, float) else f"{value:,}"

    def draw(self, figure: Figure) -> str:
        """Hex on the left, the fields on the right; all text, which Pillow writes in a fifth of matplotlib's time."""
        page = Image.new("RGB", (900, 480), "white")
        pen = ImageDraw.Draw(page)
        self._draw_bytes(pen)
        self._draw_fields(pen)
        figure.figimage(np.asarray(page))
        chosen = self.fields[self.field.value]
        raw = self.data[chosen.start : chosen.stop]
        dots = " ..." if len(raw) > 8 else ""
        color = BLUE if self.data == self._given else VERMILION
        return (
            f"<b>{chosen.name}</b>, bytes {chosen.start:,} to {chosen.stop - 1:,}: "
            f"<code>{raw[:8].hex(' ')}{dots}</code>, {html.escape(self.value(chosen))}: {html.escape(chosen.meaning)}"
            f'<br>the reader says: <b style="color: {color}">{html.escape(self.verdict)}</b>'
        )

    def _draw_bytes(self, pen: ImageDraw.ImageDraw) -> None:
        left, top, wide, high = 64, 34, 31, 27
        font, first = mono(14), self.page.value * PAGE
        for i in range(COLUMNS):
            pen.text((left + wide * (i + 0.5), top - 8), f"{i:x}", "gray", font, anchor="ms")
        colors = {name: color for name, color in zip(self.fields, itertools.cycle(COLORS), strict=False)}
        for row in range(ROWS):
            pen.text((left - 8, top + high * row + 19), f"{first + COLUMNS * row:05x}", "gray", font, anchor="rs")
        for field in self.fields.values():
            fill = tint(colors[field.name], 0.65 if field.name == self.field.value else 0.25)
            for i in range(max(field.start - first, 0), min(field.stop - first, PAGE)):
                x, y = left + wide * (i % COLUMNS), top + high * (i // COLUMNS)
                byte, given = self.data[first + i], self._given[first + i]
                pen.rectangle((x, y, x + wide - 1, y + high - 1), fill if byte == given else "black")
                ink = "black" if byte == given else "white"
                pen.text((x + wide / 2, y + 19), f"{byte:02x}", ink, font, anchor="ms")

    def _draw_fields(self, pen: ImageDraw.ImageDraw) -> None:
        left, top, most = 585, 30, 32
        pen.text((left + 18, top - 8), f"{'field':11} {'offset':>7}  value", "gray", mono(12), anchor="ls")
        rows = list(zip(self.fields.values(), itertools.cycle(COLORS), strict=False))
        chosen = list(self.fields).index(self.field.value)
        start = int(np.clip(chosen - most // 2, 0, max(len(rows) - most, 0)))
        high = min(18, 448 // min(most, len(rows)))
        for row, (field, color) in enumerate(rows[start : start + most]):
            y = top + high * row
            pen.rectangle((left, y + 3, left + 9, y + 12), color)
            text = f"{field.name:11} {field.start:>7,}  {self.value(field)}"
            pen.text((left + 18, y + 12), text, "black", mono(12, bold=field.name == self.field.value), anchor="ls")


def tint(color: str, strength: float) -> tuple[int, int, int]:
    """A color mixed with white."""
    red, green, blue = (round(255 - strength * (255 - part)) for part in ImageColor.getrgb(color)[:3])
    return red, green, blue


@functools.cache
def mono(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The monospaced font that comes with matplotlib."""
    return ImageFont.truetype(
        findfont(FontProperties(family="DejaVu Sans Mono", weight="bold" if bold else "normal")), size
    )
