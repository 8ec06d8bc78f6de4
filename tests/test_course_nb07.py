"""The likely mistakes in notebook 07's exercises are named."""

import numpy as np
import pytest

from coin_edu.course import nb07


def of_pixels(pixels):
    """A student's answer, from pixels of his own."""
    return lambda start, length, samples, whole, longer: (2 * pixels(start, length, samples) - whole) / longer


def right(start, length, samples):
    return start + (np.arange(samples) + 0.5) * length / samples


@pytest.mark.parametrize(
    "answer, text",
    [
        (of_pixels(lambda start, length, n: np.linspace(start, start + length, n)), "lie on the borders"),
        (of_pixels(lambda start, length, n: start + np.arange(n) * length / n), "half a cell further"),
        (of_pixels(lambda start, length, n: start + np.arange(n) * length / n + 0.5), "a cell is length / samples"),
        (of_pixels(lambda start, length, n: right(0, length, n)), "the region begins at pixel `start`"),
        (lambda start, length, n, whole, longer: (2 * right(start, length, n) - whole) / whole, "divide by `longer`"),
        (lambda start, length, n, whole, longer: right(start, length, n), "these are pixels"),
        (lambda start, length, n, whole, longer: None, "is empty"),
    ],
)
def test_samples_out_of_place(answer, text):
    assert nb07.centers(of_pixels(right)).ok
    assert not nb07.centers(answer).ok and text in nb07.centers(answer).text


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


@pytest.mark.parametrize(
    "answer, text",
    [
        (tiles(ragged=False), "the last tiles may be smaller"),
        (tiles(region=lambda x, y, w, h: (y, x, h, w)), "reaches outside"),
        (tiles(stop=lambda whole, tile: whole // tile * tile), "never decoded"),
        (tiles(step=1), "decoded more than once"),
        (tiles(side=4), "larger than a tile of 4"),
        (lambda *given: tiles()(*given).astype(float), "dtype uint8"),
        (lambda *given: tiles()(*given)[::-1], "put each tile at"),
        (lambda *given: ..., "is empty"),
    ],
)
def test_tiles_out_of_place(answer, text):
    assert nb07.by_tiles(tiles()).ok
    assert not nb07.by_tiles(answer).ok and text in nb07.by_tiles(answer).text


def small(average):
    def answer(decode, size, factor):
        width, height = size
        fine = decode((width * factor, height * factor))
        return average(fine, fine.reshape(height, factor, width, factor, 3), factor)

    return answer


def mean(blocks):
    return blocks.mean(axis=(1, 3))


@pytest.mark.parametrize(
    "answer, text",
    [
        (lambda decode, size, factor: decode(size), "was asked for a size of (3, 2)"),
        (lambda decode, size, factor: decode((size[1] * factor, size[0] * factor)), "expected (6, 4)"),
        (small(lambda fine, blocks, factor: fine[::factor, ::factor]), "these are single samples"),
        (small(lambda fine, blocks, factor: mean(blocks).astype(np.uint8)), "round() first"),
        (small(lambda fine, blocks, factor: mean(blocks)), "expected dtype uint8, got float64"),
        (small(lambda fine, blocks, factor: mean(blocks).round().astype(np.uint8).swapaxes(0, 1)), "(2, 3, 3), got"),
        (
            small(lambda fine, blocks, factor: blocks.sum(axis=(1, 3), dtype=np.uint8) // np.uint8(factor**2)),
            "as floats",
        ),
        (lambda decode, size, factor: ..., "is empty"),
    ],
)
def test_thumbnails_not_averaged(answer, text):
    assert nb07.decode_small(small(lambda fine, blocks, factor: mean(blocks).round().astype(np.uint8))).ok
    assert not nb07.decode_small(answer).ok and text in nb07.decode_small(answer).text
