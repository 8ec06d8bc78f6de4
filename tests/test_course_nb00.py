"""Notebook 00's exercises: right answers, differently written, pass, and likely slips meet their word."""

import struct

import numpy as np
import pytest
import torch

from coin_edu.course import nb00
from tests.exercises import cases, changed, meets, passes


def rate(n_bytes, shape):
    return 8 * n_bytes / (shape[0] * shape[1])


def unpacked(n_bytes, shape):
    height, width, _ = shape
    return n_bytes * 8.0 / height / width


def quality(
    original, colors, scale=lambda c: 255 * c, low=0, high=255, how=np.round, dtype=float, minus=None, log=None
):
    decoded = how(np.clip(scale(colors), low, high)).astype(dtype)
    error = decoded - (original if minus is None else minus(original))
    return (log or (lambda e: 10 * np.log10(255**2 / np.mean(e**2))))(error)


def slip(**changes):
    return lambda original, colors: quality(original, colors, **changes)


def tensors(original, colors):
    decoded = (255 * torch.as_tensor(colors)).clamp(0, 255).round()
    return 10 * torch.log10(255**2 / (decoded - torch.as_tensor(original)).double().square().mean())


def by_root(original, colors):
    decoded = np.rint(np.clip(np.asarray(colors, float), 0, 1) * 255)
    return 20 * np.log10(255 / np.sqrt(((decoded - original.astype(float)) ** 2).mean()))


def natural(original, colors):
    error = np.floor(np.clip(255.0 * colors, 0, 255) + 0.5) - original
    return -10 / np.log(10) * np.log(np.square(error / 255).mean())


def wrapping(original, colors):
    decoded = np.round(np.clip(255 * colors, 0, 255)).astype(np.uint8)
    return 10 * np.log10(255**2 / np.mean((decoded - original) ** 2))


def size(data):
    return struct.unpack_from("<II", data, 8)


def int_from(order):
    return lambda data: [int.from_bytes(data[place : place + 4], order) for place in (8, 12)]


RIGHT = {
    "rate": [
        rate,
        unpacked,
        lambda n_bytes, shape: np.float32(8 * n_bytes) / np.prod(shape[:2]),
        lambda n_bytes, shape: torch.tensor(8.0 * n_bytes) / (shape[0] * shape[1]),
        lambda n_bytes, shape: np.array(n_bytes / (shape[0] * shape[1] / 8)),
    ],
    "quality": [quality, tensors, by_root, natural, changed(quality, np.float32)],
    "size": [
        size,
        int_from("little"),
        lambda data: np.frombuffer(data, "<u4", 2, 8),
        lambda data: tuple(struct.unpack("<I", data[place : place + 4])[0] for place in (8, 12)),
        lambda data: torch.tensor(size(data)),
    ],
}

WRONG = {
    "rate": [
        (lambda n, shape: n / (shape[0] * shape[1]), "a byte has 8 bits"),
        (lambda n, shape: 8 * n / np.prod(shape), "the three colors together are one pixel"),
        (lambda n, shape: n / np.prod(shape), "bytes per color"),
        (lambda n, shape: shape[0] * shape[1] / (8 * n), "the other way round"),
        (lambda n, shape: 8 * n // (shape[0] * shape[1]), "// and int(...) cut it off"),
        (lambda n, shape: 8 * n, "divide by the picture's pixels"),
        (lambda n, shape: 8 * n / (shape[0] + shape[1]), "height plus width"),
        (lambda n, shape: f"{rate(n, shape)}", "expected numbers, got str"),
        (lambda n, shape: print(end=""), "is the return missing?"),
        (lambda n, shape: 8 * n / (shape[0] * shap[1]), "NameError: name 'shap'"),  # noqa: F821
        (lambda n: n, "cannot be called with 2 arguments"),
    ],
    "quality": [
        (slip(low=-999, high=999), "not clamped"),
        (slip(how=lambda c: c), "nothing is rounded"),
        (slip(how=np.floor), "round first"),
        (wrapping, "unsigned bytes wrap around"),
        (slip(log=lambda e: 20 * np.log10(255**2 / np.mean(e**2))), "20 instead of 10"),
        (slip(log=lambda e: 10 * np.log10(255 / np.sqrt(np.mean(e**2)))), "the root of the error"),
        (slip(log=lambda e: 10 * np.log10(np.mean(e**2) / 255**2)), "the sign"),
        (slip(log=lambda e: 10 * np.log(255**2 / np.mean(e**2))), "natural logarithm"),
        (slip(log=lambda e: 10 * np.log10(255 / np.mean(e**2))), "not squared"),
        (slip(log=lambda e: 10 * np.log10(1 / np.mean(e**2))), "not 1"),
        (slip(log=lambda e: 10 * np.log10(255**2 / np.sum(e**2))), "the sum of the squares, not the mean"),
        (lambda o, c: 10 * np.log10(255 ^ 2 / np.mean((quality(o, c)) ** 2)), "a power is **"),
        (lambda o, c: 10 * np.log10((255 ^ 2) / np.mean((np.round(255 * c) - o) ** 2)), "a power is **"),
        (slip(scale=lambda c: c), "expected"),
        (slip(log=lambda e: np.mean(e**2)), "that is the MSE"),
        (lambda o, c: None, "is the return missing?"),
    ],
    "size": [
        (lambda data: size(data)[::-1], "the file has the width first"),
        (lambda data: struct.unpack_from(">II", data, 8), "little-endian is '<'"),
        (lambda data: struct.unpack_from("<HH", data, 8), "four bytes are an 'I'"),
        (lambda data: struct.unpack_from("<II", data), "the width is at offset 8"),
        (lambda data: struct.unpack_from("<II", data, 4), "four bytes too early"),
        (lambda data: struct.unpack_from("<I", data, 8), "the width alone"),
        (lambda data: struct.unpack_from("<ff", data, 8), "reads floats"),
        (lambda data: (data[8], data[12]), "the first byte of each"),
        (lambda data: [float(side) for side in size(data)], "whole numbers of type int"),
        (lambda data: struct.unpack("<II", data[8:17]), "your code raised error: unpack requires"),
        (lambda data: (16, 12), "expected"),
    ],
}


@pytest.mark.parametrize("case", cases(RIGHT))
def test_right_answers_pass(case):
    passes(nb00, *case)


@pytest.mark.parametrize("case", cases(WRONG))
def test_wrong_answers_meet_their_word(case):
    meets(nb00, *case)
