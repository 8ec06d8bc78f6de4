"""Checks of notebook 00, a picture is a network."""

import struct

import numpy as np

from coin_edu.arch import Arch
from coin_edu.codec import pack_model
from coin_edu.course import Answer, check, expect_close, whole
from coin_edu.siren import Siren


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
