"""Checks of notebook 00, a picture is a network."""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from coin_edu.arch import Arch
from coin_edu.codec import decode, pack_model
from coin_edu.course import Answer, check, expect_close, whole
from coin_edu.errors import CoinError
from coin_edu.metrics import psnr, ssim
from coin_edu.siren import Siren
from coin_edu.study.plots import show_image
from coin_edu.study.style import bare, look


def flip(data: bytes, offset: int, bit: int = 0) -> str:
    """What the reader says of a file one bit of which was flipped; nothing if it notices nothing."""
    damaged = bytearray(data)
    damaged[offset] ^= 1 << bit
    try:
        decode(bytes(damaged))
    except CoinError as error:
        return str(error)
    return ""


def jpeg(image: np.ndarray, n_bytes: int) -> bytes:
    """A JPEG file of at most, and almost exactly, `n_bytes` bytes.

    JPEG's quality settings are whole numbers and far apart at low rates, so a file of the best one that fits leaves
    bytes unused. Here the standard's quantization tables are scaled by whatever factor fills the file.

    Raises
    ------
    CoinError
        If even the coarsest tables need more bytes.
    """
    picture, buffer = Image.fromarray(image), io.BytesIO()
    picture.save(buffer, "JPEG", quality=50)  # the standard's own tables
    tables = [np.array(table) for table in Image.open(buffer).quantization.values()]  # type: ignore[attr-defined]

    def file(factor: float) -> bytes:
        scaled = [np.clip(np.round(factor * table), 1, 255).astype(int).tolist() for table in tables]
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", qtables=scaled, subsampling="4:2:0", optimize=True)
        return buffer.getvalue()

    fine, coarse = np.log(0.01), np.log(255.0)
    if len(best := file(np.exp(coarse))) > n_bytes:
        raise CoinError(f"JPEG cannot go below {len(best)} bytes for this picture, {n_bytes} are allowed")
    for _ in range(16):
        middle = (fine + coarse) / 2
        data = file(np.exp(middle))
        if len(data) <= n_bytes:
            coarse, best = middle, data
        else:
            fine = middle
    return best


@dataclass(frozen=True)
class Rival:
    """A COIN file and a JPEG file of as many bytes, of one picture."""

    picture: np.ndarray
    coin: bytes
    jpeg: bytes

    @property
    def decoded(self) -> dict[str, np.ndarray]:
        """Both codecs' pictures by name."""
        return {"COIN": decode(self.coin), "JPEG": np.asarray(Image.open(io.BytesIO(self.jpeg)).convert("RGB"))}

    @property
    def psnrs(self) -> dict[str, float]:
        """Both codecs' PSNR in dB by name."""
        return {name: psnr(self.picture, decoded) for name, decoded in self.decoded.items()}

    @property
    def lead(self) -> float:
        """COIN's PSNR minus JPEG's, dB."""
        found = self.psnrs
        return found["COIN"] - found["JPEG"]


def rival(picture: np.ndarray, coin: bytes) -> Rival:
    """A COIN file beside the best JPEG of its length."""
    return Rival(picture, coin, jpeg(picture, len(coin)))


def duel(rivals: Mapping[str, Rival]) -> Axes:
    """PSNR of both codecs, a row for each pair of files, with bytes and SSIM."""
    ax = bare(Figure(figsize=(9, 0.8 + 0.7 * len(rivals)), layout="constrained").add_subplot())
    for place, pair in enumerate(rivals.values()):
        for codec, file, decoded, down in zip(
            pair.decoded, (pair.coin, pair.jpeg), pair.decoded.values(), (-0.15, 0.15), strict=True
        ):
            decibels, (color, marker) = psnr(pair.picture, decoded), look(codec)
            ax.plot(decibels, place + down, marker, color=color, markersize=9)
            text = f"{codec}: {decibels:.2f} dB, SSIM {ssim(pair.picture, decoded):.3f}, {len(file):,} bytes"
            ax.annotate(text, (decibels, place + down), (9, 0), textcoords="offset points", va="center", color=color)
    ax.set_yticks(range(len(rivals)), list(rivals))
    ax.set(ylim=(len(rivals) - 0.5, -0.5), xlabel="PSNR, dB")
    ax.margins(x=0.5)
    return ax


def parts(pair: Rival, corners: Mapping[str, tuple[int, int]], size: tuple[int, int] = (120, 80)) -> Figure:
    """Parts of the original and of both codecs' pictures, each with its own PSNR.

    Parameters
    ----------
    pair : Rival
    corners : mapping of str to (x, y)
        The upper left corner of each part, by its name.
    size : (width, height)
    """
    pictures = {"original": pair.picture, **pair.decoded}
    figure = Figure(figsize=(7, 1.75 * len(corners)), layout="constrained")
    for (name, (x, y)), row in zip(corners.items(), figure.subplots(len(corners), 3, squeeze=False), strict=True):
        here = np.s_[y : y + size[1], x : x + size[0]]
        for ax, (codec, picture) in zip(row, pictures.items(), strict=True):
            if codec == "original":
                show_image(picture[here], ax, f"{name}: original")
            else:
                show_image(picture[here], ax, f"{codec}: {psnr(pair.picture[here], picture[here]):.1f} dB")
    return figure


@check(
    nudge="bits of the file over pixels of the picture: how many bits has a byte, and how many pixels has the picture?",
    formula="8 * n_bytes / (height * width), with height and width from shape",
)
def rate(answer: Answer) -> str:
    """Exercise 1: bits per pixel of a file."""
    for _ in range(3):
        n_bytes, height, width = (int(number) for number in answer.rng.integers((99, 8, 41), (9999, 40, 99)))
        pixels, right = height * width, 8 * n_bytes / (height * width)
        mistakes = [
            (n_bytes / pixels, "that is bytes per pixel", "a byte has 8 bits"),
            (right / 3, "that counts each of the three colors as a pixel", "the three colors together are one pixel"),
            (
                right / 24,
                "that is bytes per color",
                "a byte has 8 bits, and the three colors together are one pixel",
            ),
            (1 / right, "that is pixels per bit, the other way round"),
            (8 * n_bytes / (height + width), "that is bits over height plus width", "how many pixels has a rectangle?"),
            (8 * n_bytes, "that is the file's bits alone", "divide by the picture's pixels"),
            (right / 1000, "that is in kilobits"),
            (n_bytes / 8 / pixels, "a byte counts as an eighth of a bit here", "a byte has 8 bits: multiply"),
        ]
        shape = (height, width, 3)
        expect_close(answer(n_bytes, shape), right, f"rate({n_bytes}, {shape})", mistakes=mistakes)
    return "the rate counts every byte of the file, and every pixel once"


@check(
    nudge="print a few of your decoded values and their type: whole numbers from 0 to 255, as floats?",
    formula="decoded = np.round(np.clip(255 * colors, 0, 255)); "
    "10 * np.log10(255**2 / np.mean((decoded - original)**2))",
)
def quality(answer: Answer) -> str:
    """Exercise 2: PSNR from what a network returns, as float32 and as float64."""
    for shape, dtype in (((6, 5, 3), np.float32), ((4, 9, 3), np.float64)):
        original = answer.rng.integers(0, 256, shape, np.uint8)
        # Colors off by a few 8-bit values, never halfway between two; one pixel overshoots, another undershoots.
        levels = original + answer.rng.integers(-15, 16, shape) + answer.rng.uniform(-0.45, 0.45, shape)
        levels[0, 0], levels[1, 1], levels[2, 2] = 430.3, -150.2, original[2, 2] // 2 + 0.7
        colors = (levels / 255).astype(dtype)
        bounded = np.clip(255 * colors.astype(float), 0, 255)
        error = bounded.round() - original
        mse, right = np.mean(error**2), _decibels(error)
        unclamped = "colors below 0 and above 1 are not clamped", "np.clip(values, lowest, highest)"
        cut = "the fractions are cut off", "astype(np.uint8) cuts off; round first"
        wraps = "unsigned bytes wrap around", "3 - 5 is 254 in uint8, and 20**2 is 144: subtract floats"
        decoded = bounded.round().astype(np.uint8)
        mistakes = [
            (_decibels(255 * colors.astype(float) - original), *unclamped),
            (_decibels(np.round(255 * colors.astype(float)) - original), *unclamped),
            (_decibels(bounded - original), "nothing is rounded", "an 8-bit picture has whole numbers"),
            (_decibels(np.floor(bounded) - original), *cut),
            (_decibels(decoded - original), *wraps),
            (_decibels((decoded - original).astype(float)), *wraps),
            (_decibels(bounded.astype(np.uint8) - original), *wraps),
            (_decibels(colors - original), "the colors are not scaled to 0 ... 255", "255 times each"),
            (2 * right, "20 instead of 10", "10 log10 of a ratio of squares, or 20 log10 of its root"),
            (right / 2, "that is of the root of the error", "MSE is a mean of squares, without a root"),
            (-right, "the sign is the other way round", "the peak is above the fraction line, the error beneath"),
            (np.log(10) * right, "np.log is the natural logarithm", "decibels take np.log10"),
            (right / 10, "that is in bels", "a decibel is a tenth of one: 10 times the logarithm"),
            (10 * np.log10(255 / mse), "the peak is not squared", "255**2"),
            (10 * np.log10(1 / mse), "the peak of values from 0 to 255 is not 1"),
            (_decibels(error * np.sqrt(error.size)), "that is the sum of the squares, not the mean", "np.mean"),
            (10 * np.log10(255**2 / np.abs(error).mean()), "the errors are not squared"),
            (mse, "that is the MSE", "the PSNR is 10 log10 of 255**2 over it"),
            (np.mean([_decibels(error[..., c]) for c in range(3)]), "that is the mean of the colors' three PSNRs"),
        ]
        expect_close(answer(original, colors), right, "quality(original, colors)", mistakes=mistakes)
    return "that is how every PSNR of this course is measured"


@check(
    nudge="struct.unpack_from(format, data, offset) gives a tuple; which letter has four bytes, which sign?",
    formula='struct.unpack_from("<II", data, 8)',
)
def size(answer: Answer) -> str:
    """Exercise 3: width and height from the bytes of a file."""
    for most in (300, 400):
        height, width = int(answer.rng.integers(257, most)), int(answer.rng.integers(65_537, 80_000))
        data = pack_model(Siren(Arch(1, 4)), (height, width))
        call = f"size(data), of a file of {width}x{height} pixels"
        mistakes = [
            ((height, width), "the file has the width first"),
            (struct.unpack_from(">II", data, 8), "that has the most significant byte first", "little-endian is '<'"),
            (struct.unpack_from("<HH", data, 8), "that reads two bytes a number", "four bytes are an 'I'"),
            ((width & 0xFFFF, height & 0xFFFF), "that reads two bytes a number", "four bytes are an 'I'"),
            (tuple(data[offset] for offset in (8, 12)), "that is the first byte of each", "each has four bytes"),
            (struct.unpack_from("<II", data, 0), "that reads from the start of the file", "the width is at offset 8"),
            (struct.unpack_from("<II", data, 4), "that is four bytes too early", "the width is at offset 8"),
            (struct.unpack_from("<II", data, 12), "that is four bytes too late", "the width is at offset 8"),
            (struct.unpack_from("<ff", data, 8), "that reads floats", "an unsigned integer is an 'I'"),
            (width, "that is the width alone", "return two numbers"),
            ((width,), "that is the width alone", "a format may hold several letters"),
            (height, "that is the height alone", "return two numbers"),
        ]
        got = answer(data)
        expect_close(got, (width, height), call, mistakes=mistakes)
        whole(got, call)
    return "two fields read; coin_edu/bitstream.py reads the other fifteen the same way"


def _decibels(error: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean(error**2)))
