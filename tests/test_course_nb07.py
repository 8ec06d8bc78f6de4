"""Notebook 07's exercises: right answers, differently written, pass, and likely slips meet their word."""

import numpy as np
import pytest
import torch
from PIL import Image

from coin_edu.course import nb07
from tests.exercises import as_lists, cases, changed, meets, passes


def middles(start, length, samples):
    return start + (np.arange(samples) + 0.5) * length / samples


def of_pixels(pixels):
    """A student's answer, from pixels of his own."""
    return lambda start, length, samples, whole, longer: (2 * pixels(start, length, samples) - whole) / longer


def between_borders(start, length, samples, whole, longer):
    borders = torch.linspace(start, start + length, samples + 1, dtype=torch.float64)
    return (borders[1:] + borders[:-1] - whole) / longer


def one_by_one(start, length, samples, whole, longer):
    return [(2 * start + (2 * i + 1) * length / samples - whole) / longer for i in range(samples)]


def inner_linspace(start, length, samples, whole, longer):
    cell = length / samples
    return (2 * np.linspace(start + cell / 2, start + length - cell / 2, samples) - whole) / longer


def tiles(stop=lambda whole, tile: whole, region=lambda x, y, w, h: (x, y, w, h), step=0, ragged=True, side=1):
    def answer(decode, shape, tile):
        height, width = shape
        tile *= side
        picture = np.zeros((height, width, 3), np.uint8)
        for y in range(0, stop(height, tile), tile - step):
            for x in range(0, stop(width, tile), tile - step):
                w, h = (min(tile, width - x), min(tile, height - y)) if ragged else (tile, tile)
                picture[y : y + h, x : x + w] = decode(region(x, y, w, h))
        return picture

    return answer


def joined(decode, shape, tile):
    rows = []
    for y in np.arange(0, shape[0], tile):
        h = min(tile, shape[0] - y)
        row = [decode([x, y, min(tile, shape[1] - x), h]) for x in range(0, shape[1], tile)]
        rows.append(np.concatenate(row, axis=1))
    return np.vstack(rows)


def tiles_in_torch(decode, shape, tile):
    picture = torch.empty((*shape, 3), dtype=torch.uint8)
    places = [(x, y) for x in range(0, shape[1], tile) for y in range(0, shape[0], tile)]
    for x, y in reversed(places):
        part = picture[y : y + tile, x : x + tile]
        part[:] = torch.from_numpy(decode((x, y, part.shape[1], part.shape[0])))
    return picture


def pixel_by_pixel(decode, shape, tile):
    return [[decode((x, y, 1, 1))[0, 0].tolist() for x in range(shape[1])] for y in range(shape[0])]


def in_floats(decode, shape, tile):
    return tiles()(decode, shape, tile).astype(float)


def small(average):
    def answer(decode, size, factor):
        width, height = size
        fine = decode((width * factor, height * factor))
        return average(fine, fine.reshape(height, factor, width, factor, 3), factor)

    return answer


def mean(blocks):
    return blocks.mean(axis=(1, 3))


def rounded(blocks):
    return mean(blocks).round().astype(np.uint8)


def by_slices(fine, blocks, factor):
    parts = [fine[i::factor, j::factor].astype(np.uint16) for i in range(factor) for j in range(factor)]
    return (sum(parts) + factor**2 // 2) // factor**2


def pooled(fine, blocks, factor):
    channels = torch.from_numpy(fine).permute(2, 0, 1).float()[None]
    return torch.nn.functional.avg_pool2d(channels, factor)[0].permute(1, 2, 0).round().to(torch.uint8)


RIGHT = {
    "centers": [
        of_pixels(middles),
        between_borders,
        one_by_one,
        inner_linspace,
        changed(of_pixels(middles), np.float32),
        changed(of_pixels(middles), tuple),
    ],
    "by_tiles": [tiles(), joined, tiles_in_torch, pixel_by_pixel, changed(tiles(), as_lists)],
    "decode_small": [
        small(lambda fine, blocks, factor: rounded(blocks)),
        small(lambda fine, blocks, factor: (mean(blocks) + 0.5).astype(np.uint8)),
        small(lambda fine, blocks, factor: np.asarray(Image.fromarray(fine).reduce(factor))),
        small(lambda fine, blocks, factor: np.ceil(mean(blocks) - 0.5).astype(np.uint8)),
        small(by_slices),
        small(pooled),
        small(lambda fine, blocks, factor: as_lists(rounded(blocks))),
    ],
}

WRONG = {
    "centers": [
        (of_pixels(lambda start, length, n: np.linspace(start, start + length, n)), "lie on the borders"),
        (of_pixels(lambda start, length, n: start + np.arange(n) * length / n), "half a cell further"),
        (of_pixels(lambda start, length, n: start + np.arange(n) * length / n + 0.5), "a cell is length / samples"),
        (of_pixels(lambda start, length, n: middles(0, length, n)), "it begins at pixel `start`"),
        (of_pixels(lambda start, length, n: start + np.arange(n) + 0.5), "a cell is one pixel here"),
        (of_pixels(lambda start, length, n: start + (np.arange(n) + 0.5) * (length // n)), "/ and not //"),
        (lambda start, length, n, whole, longer: (2 * middles(start, length, n) - whole) / whole, "by the longer one"),
        (lambda start, length, n, whole, longer: middles(start, length, n), "these are pixels"),
        (lambda start, length, n, whole, longer: middles(start, length, n) / longer, "runs from 0 to 1"),
        (lambda start, length, n, whole, longer: (2 * middles(start, length, n) - longer) / longer, "2 pixels - whole"),
        (lambda start, length, n, whole, longer: one_by_one(start, length, n, whole, longer)[1:], "expected the shape"),
        (lambda start, length, n, whole, longer: (x for x in middles(start, length, n)), "makes a list of it"),
        (lambda start, length, n, whole, longer: None, "is the return missing?"),
        (lambda start, length, n: middles(start, length, n), "cannot be called with 5 arguments"),
    ],
    "by_tiles": [
        (tiles(ragged=False), "the last tiles may be smaller"),
        (tiles(region=lambda x, y, w, h: (y, x, h, w)), "reaches outside"),
        (tiles(stop=lambda whole, tile: whole // tile * tile), "never decoded"),
        (tiles(step=1), "decoded more than once"),
        (tiles(side=4), "larger than a tile of 4"),
        (lambda decode, shape, tile: decode((0, 0, *shape[::-1])), "larger than a tile of 4"),
        (in_floats, "expected dtype uint8, got float64"),
        (changed(tiles(), lambda picture: picture[::-1]), "upside down"),
        (changed(tiles(), lambda picture: picture.swapaxes(0, 1)), "rows and columns are exchanged"),
        (lambda decode, shape, tile: decode(0, 0, tile, tile), "two pairs of brackets"),
        (lambda decode, shape, tile: decode((0, 0, tile / 2, tile)), "whole numbers of type int"),
        (lambda decode, shape, tile: tiles()(decode, shape, tile) and None, "your code raised ValueError"),
        (lambda decode, shape, tile: [tiles()(decode, shape, tile)][1:] or None, "is the return missing?"),
        (lambda decode, shape, tile: ..., "put your own code"),
    ],
    "decode_small": [
        (lambda decode, size, factor: decode(size), "decode was asked for a size of"),
        (lambda decode, size, factor: decode((size[1] * factor, size[0] * factor)), "each times factor"),
        (lambda decode, size, factor: decode(size[0] * factor, size[1] * factor), "two pairs of brackets"),
        (small(lambda fine, blocks, factor: fine[::factor, ::factor]), "these are single samples"),
        (small(lambda fine, blocks, factor: mean(blocks).astype(np.uint8)), "round() first"),
        (small(lambda fine, blocks, factor: mean(blocks)), "expected dtype uint8, got float64"),
        (small(lambda fine, blocks, factor: rounded(blocks).swapaxes(0, 1)), "rows and columns are exchanged"),
        (small(lambda fine, blocks, factor: blocks.sum((1, 3), np.uint8) // np.uint8(factor**2)), "as floats"),
        (small(lambda fine, blocks, factor: blocks.sum(axis=(1, 3))), "that is the sum"),
        (small(lambda fine, blocks, factor: blocks.max(axis=(1, 3))), "the largest sample"),
        (small(lambda fine, blocks, factor: blocks[:, 0].mean(axis=2).round().astype(int)), "along x only"),
        (
            small(lambda fine, blocks, factor: rounded(blocks.reshape(factor, -1, factor, blocks.shape[2], 3))),
            "expected",
        ),
        (small(lambda fine, blocks, factor: blocks.mean().round().astype(np.uint8)), "expected the shape"),
        (lambda decode, size, factor: ..., "put your own code"),
        (lambda decode, size, factor: None, "is the return missing?"),
    ],
}


@pytest.mark.parametrize("case", cases(RIGHT))
def test_right_answers_pass(case):
    passes(nb07, *case)


@pytest.mark.parametrize("case", cases(WRONG))
def test_wrong_answers_meet_their_word(case):
    meets(nb07, *case)
