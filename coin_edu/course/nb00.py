"""Checks of notebook 00, a picture is a network."""

import struct
from collections.abc import Callable

import numpy as np

from coin_edu.arch import Arch
from coin_edu.codec import pack_model
from coin_edu.course import check, expect, expect_close
from coin_edu.siren import Siren


@check
def rate(answer: Callable[[int, tuple[int, ...]], float]) -> str:
    """Exercise 1: bits per pixel of a file."""
    for n_bytes, shape in ((14_998, (512, 768, 3)), (100, (20, 10, 3)), (7, (1, 8, 3))):
        call, got = f"rate({n_bytes}, {shape})", answer(n_bytes, shape)
        pixels = shape[0] * shape[1]
        mistakes = [
            (n_bytes / pixels, "that is bytes per pixel; a byte has 8 bits"),
            (8 * n_bytes / (3 * pixels), "that counts each of the three colors as a pixel; use shape[0] * shape[1]"),
            (n_bytes / (3 * pixels), "a byte has 8 bits, and the three colors together are one pixel"),
            (pixels / (8 * n_bytes), "that is pixels per bit, the other way round"),
        ]
        hint = "bits of the file over pixels of the picture"
        expect_close(got, 8 * n_bytes / pixels, call, hint, mistakes=mistakes)
    return "the rate counts every byte of the file, and every pixel once"


@check
def quality(answer: Callable[[np.ndarray, np.ndarray], float]) -> str:
    """Exercise 2: PSNR from what a network returns."""
    original = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    # A bright pixel that the network overshoots, a dark one that it undershoots, and colors between the 8-bit values.
    colors = original / 255 + np.random.default_rng(1).normal(0, 0.05, original.shape)
    colors[0, 0], colors[1, 1] = 1.7, -0.6
    given, before = original.copy(), colors.copy()
    got = answer(given, colors)
    expect((given == original).all() and (colors == before).all(), "your function changes its arguments; use copies")

    scaled = 255 * colors
    bounded = np.clip(scaled, 0, 255)
    error = bounded.round() - original
    unclamped = "colors under 0 and over 255 are not clamped; see np.clip"
    pictures = [
        (scaled, unclamped),
        (scaled.round(), unclamped),
        (bounded, "a file's picture has 8 bits a color: round to whole numbers"),
        (np.floor(bounded), "astype(np.uint8) cuts the fraction off; call np.round first"),
    ]
    wrapped = [bounded.round().astype(np.uint8) - original, bounded.astype(np.uint8) - original]
    mse, right = np.mean(error**2), _decibels(error)
    mistakes = [
        *[(_decibels(picture - original), why) for picture, why in pictures],
        *[(_decibels(bytes_), "unsigned bytes wrap around, 3 - 5 is 254: subtract floats") for bytes_ in wrapped],
        (
            2 * right,
            "10 log10 of the peak squared over the error, or 20 log10 of the peak over its root: one of the two",
        ),
        (-right, "the sign: the peak is above the fraction line, the error beneath"),
        (np.log(10) * right, "np.log is the natural logarithm; decibels take np.log10"),
        (10 * np.log10(255 / mse), "the peak is squared as well: 255 ** 2"),
        (10 * np.log10(1 / mse), "the peak is 255 where the error is of numbers from 0 to 255"),
    ]
    hint = "scale by 255, clamp, round, then 10 log10(255^2 / mean squared error)"
    expect_close(got, right, "quality(original, colors)", hint, mistakes=mistakes)
    return "that is how every PSNR of this course is measured"


@check
def size(answer: Callable[[bytes], tuple[int, int]]) -> str:
    """Exercise 3: width and height from the bytes of a file."""
    for height, width in ((12, 16), (300, 70_000), (1, 5)):
        data, call = pack_model(Siren(Arch(1, 4)), (height, width)), f"a file of {width}x{height} pixels: size(data)"
        got = answer(data)
        mistakes = [
            ((height, width), "the file has the width first"),
            (struct.unpack_from(">II", data, 8), "that reads the most significant byte first; little-endian is '<'"),
            (struct.unpack_from("<HH", data, 8), "'H' is two bytes; these fields have four each, 'I'"),
            (struct.unpack_from("<II", data, 0), "that reads from the start of the file; the width is at offset 8"),
            (struct.unpack_from("<II", data, 4), "that is four bytes too early; the width is at offset 8"),
            (struct.unpack_from("<II", data, 12), "that is four bytes too late; the width is at offset 8"),
            ((width,), "that is the width alone; read two numbers"),
        ]
        hint = "struct.unpack_from(format, data, offset) gives a tuple of numbers"
        expect_close(got, (width, height), call, hint, mistakes=mistakes)
    return "two fields read; coin_edu/bitstream.py reads the other fifteen the same way"


def _decibels(error: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean(error**2)))
