"""Notebook 00's exercises: right answers, differently written, pass, and likely slips meet their word."""

import itertools
import re
import struct

import nbformat
import numpy as np
import pytest
import torch

pytest.importorskip("ipywidgets", reason="pip install 'coin_edu[notebooks]'")


from coin_edu import bpp, decode, photo, psnr, unpack_model, widgets
from coin_edu.course import nb00
from coin_edu.data import recorded
from coin_edu.errors import CoinError
from coin_edu.study import baselines, curves
from tests.exercises import cases, changed, meets, passes
from tests.notebooks import code_cells


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


# The text's numbers and claims


def pair(bpp):
    return nb00.rival(photo("coffee"), recorded(f"coffee_{bpp}.coin").read_bytes())


def by_whole_quality(picture, n_bytes):
    """The best JPEG of at most so many bytes by Pillow's quality alone, a whole number."""
    codec = baselines.CODECS["JPEG"]
    files = (codec.compress(picture, quality) for quality in range(1, 96))
    return [data for data in itertools.takewhile(lambda data: len(data) <= n_bytes, files)][-1]


@pytest.mark.parametrize("bpp, lead", [(0.15, 1.6), (0.3, 0.5)])
def test_jpeg_fills_its_bytes_and_coin_leads_by_what_the_text_says(bpp, lead):
    found = pair(bpp)
    assert 0.998 < len(found.jpeg) / len(found.coin) <= 1
    assert found.lead == pytest.approx(lead, abs=0.1)
    by_quality = by_whole_quality(found.picture, len(found.coin))
    assert psnr(found.picture, baselines.decompress(by_quality)) < found.psnrs["JPEG"] - 0.2


def test_jpeg_by_whole_qualities_leaves_bytes_unused():
    found = pair(0.15)
    short = by_whole_quality(found.picture, len(found.coin))
    assert (len(short), len(found.coin)) == (pytest.approx(4064, abs=20), 4486)
    lost = found.psnrs["JPEG"] - psnr(found.picture, baselines.decompress(short))
    assert lost == pytest.approx(0.5, abs=0.1)


def test_jpeg_says_how_few_bytes_are_possible():
    with pytest.raises(CoinError, match="cannot go below"):
        nb00.jpeg(photo("coffee"), 300)


def test_coin_leads_in_the_coffee_and_jpeg_in_the_wood():
    found, leads = pair(0.3), []
    for x, y in ((240, 120), (0, 320)):
        here = np.s_[y : y + 80, x : x + 120]
        coin, jpeg = (psnr(found.picture[here], decoded[here]) for decoded in found.decoded.values())
        leads.append(coin - jpeg)
    assert leads == [pytest.approx(3.8, abs=0.3), pytest.approx(-1.1, abs=0.3)]


@pytest.mark.parametrize("arch, ahead, mean", [("5x30", 16, 0.15), ("10x28", 1, -0.85)])
def test_on_kodak_coin_leads_as_often_as_the_text_says(arch, ahead, mean):
    coin = [row for row in curves.read_fits(recorded("kodak_fits.csv")) if row.setting == arch]
    jpeg = curves.read_rows(recorded("results/jpeg.csv"))
    leads = []
    for row in coin:
        points = sorted((other.bpp, other.psnr) for other in jpeg if other.picture == row.picture)
        rates, psnrs = zip(*points, strict=True)
        leads.append(row.psnr - np.interp(np.log(row.bpp), np.log(rates), psnrs))
    assert (len(leads), sum(lead > 0 for lead in leads)) == (24, ahead)
    assert np.mean(leads) == pytest.approx(mean, abs=0.01)


def test_a_flipped_bit_is_refused_and_the_exponents_highest_harms_most():
    data = recorded("coffee_0.15.coin").read_bytes()
    assert "checksum does not fit" in nb00.flip(data, 1000)
    widget = widgets.FlippedBit(unpack_model(data)[0], np.zeros((24, 36, 3), np.uint8))
    harm = {}
    for part in ("exponent, bit 4", "sign", "mantissa, bit 9"):
        widget.bit.value, harm[part] = part, []
        for layer, weight in ((1, 7), (2, 40), (4, 100), (6, 5), (6, 31)):
            widget.layer.value, widget.weight.value = layer, weight
            harm[part].append(psnr(widget._undamaged, widget._decoded(widget._flipped())))
    exponent, sign, mantissa = (np.mean(values) for values in harm.values())
    assert exponent < sign - 2 < mantissa - 4


def test_figures_of_both_codecs_are_drawn():
    found = {"0.15 bpp": pair(0.15)}
    assert any("COIN" in text.get_text() for text in nb00.duel(found).texts)
    assert len(nb00.parts(found["0.15 bpp"], {"coffee": (240, 120)}).axes) == 3


def test_the_recorded_file_is_as_the_text_says():
    photograph, data = photo("coffee"), recorded("coffee_0.3.coin").read_bytes()
    assert photograph.nbytes // len(data) == 82
    assert bpp(data, photograph.shape) == pytest.approx(0.29, abs=0.005)
    assert psnr(photograph, decode(data)) == pytest.approx(27.1, abs=0.05)


def test_the_live_fit_ended_where_the_text_says(root):
    notebook = nbformat.read(root / "notebooks" / "00_a_picture_is_a_network.ipynb", 4)
    printed = "".join(output.get("text", "") for cell in code_cells(notebook) for output in cell.outputs)
    (weights, decibels) = re.search(r"5x30: ([\d,]+) weights, ([\d.]+) dB after 500 steps", printed).groups()
    assert weights == "3,903" and float(decibels) == pytest.approx(30.2, abs=0.5)


def test_the_exponents_highest_bit_is_worth_what_the_text_says():
    flipped = np.float16(0.01).view(np.uint16) ^ (1 << 14)
    assert float(np.uint16(flipped).view(np.float16)) == pytest.approx(65_536 * 0.01, rel=1e-3)
