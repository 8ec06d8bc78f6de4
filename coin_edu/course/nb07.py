"""Checks of notebook 07, decoding anywhere."""

from collections.abc import Callable
from typing import Any

import numpy as np

from coin_edu.course import Wrong, check, expect, expect_close
from coin_edu.image import Region, axes


@check
def centers(answer: Callable[[int, int, int, int, int], np.ndarray]) -> str:
    """Exercise 1: where the samples of a region lie, along one axis."""
    for start, length, samples, whole, longer in ((0, 6, 6, 6, 6), (0, 6, 3, 6, 6), (0, 4, 8, 4, 6), (2, 3, 6, 6, 6)):
        call = f"centers({start}, {length}, {samples}, {whole}, {longer})"
        got = answer(start, length, samples, whole, longer)
        cell = length / samples
        begins = start + cell * np.arange(samples)
        pixels = begins + cell / 2
        mistakes = {
            "the first and the last sample lie on the borders; each should be in the middle of its cell": np.linspace(
                start, start + length, samples
            ),
            "each sample is at the beginning of its cell; its middle is half a cell further": begins,
            "half a pixel was added, but a cell is length / samples pixels long": begins + 0.5,
            "the region begins at pixel `start`": pixels - start,
        }
        for hint, wrong in mistakes.items():
            if _same(got, (2 * wrong - whole) / longer) and not np.allclose(wrong, pixels):
                raise Wrong(f"{call}: {hint}")
        expect(
            whole == longer or not _same(got, (2 * pixels - whole) / whole),
            f"{call}: divide by `longer`, the longer side of the picture, not by this one: pixels must stay square",
        )
        expect(not _same(got, pixels), f"{call}: these are pixels; the network wants (2 pixels - whole) / longer")
        expect_close(
            got, (2 * pixels - whole) / longer, call, "middles of cells, in pixels, then (2 p - whole) / longer"
        )
    (x, _), wanted = axes((400, 600), (100, 0, 300, 400), (50, 50)), answer(100, 300, 50, 600, 600)
    expect_close(wanted, x, "centers(100, 300, 50, 600, 600)", "as coin_edu.image.axes has it")
    return "any number of samples over any part: the same places as the package's"


def _same(got: object, wanted: np.ndarray) -> bool:
    return isinstance(got, np.ndarray | list) and np.shape(got) == wanted.shape and np.allclose(got, wanted)


@check
def by_tiles(answer: Callable[..., Any]) -> str:
    """Exercise 2: a picture from parts decoded apart."""
    for height, width, tile in ((8, 12, 4), (7, 10, 4), (3, 5, 8)):
        picture = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
        times = np.zeros((height, width), int)

        def decode(
            region: Region, picture: np.ndarray = picture, times: np.ndarray = times, tile: int = tile
        ) -> np.ndarray:
            x, y, w, h = region
            rows, columns = picture.shape[:2]
            inside = 0 <= x < x + w <= columns and 0 <= y < y + h <= rows
            told = f"region (x={x}, y={y}, width={w}, height={h}) of a picture of width {columns} and height {rows}"
            swapped = "; is it (x, y, width, height), and the shape (height, width)?"
            expect(inside, f"{told} reaches outside: the last tiles may be smaller{swapped}")
            expect(max(w, h) <= tile, f"{told} is larger than a tile of {tile}")
            times[y : y + h, x : x + w] += 1
            return picture[y : y + h, x : x + w].copy()

        got, call = answer(decode, (height, width), tile), f"by_tiles(decode, ({height}, {width}), {tile})"
        if got is not None and got is not ...:
            left, twice = int((times == 0).sum()), int((times > 1).sum())
            expect(not left, f"{call}: {left} of {times.size} pixels were never decoded, at the right or lower border?")
            expect(not twice, f"{call}: {twice} pixels were decoded more than once; step by `tile`")
            expect(
                getattr(got, "dtype", None) == np.uint8, f"{call}: expected an array of dtype uint8, as decode gives"
            )
        expect_close(got, picture, call, "put each tile at [y : y + h, x : x + w] of an empty (height, width, 3) array")
    return "each pixel decoded once, each tile in its place"


@check
def decode_small(answer: Callable[..., Any]) -> str:
    """Exercise 3: several samples for each pixel, averaged."""
    rng = np.random.default_rng(0)
    for (width, height), factor in (((3, 2), 2), ((2, 4), 3), ((1, 1), 4)):
        fine = rng.integers(100, 256, (height * factor, width * factor, 3), np.uint8)

        def decode(size: tuple[int, int], fine: np.ndarray = fine) -> np.ndarray:
            rows, columns = fine.shape[:2]
            told = f"decode was asked for a size of {size}; expected ({columns}, {rows}), (width, height) times factor"
            expect(tuple(size) == (columns, rows), told)
            return fine.copy()

        got, call = answer(decode, (width, height), factor), f"decode_small(decode, ({width}, {height}), {factor})"
        means = fine.reshape(height, factor, width, factor, 3).mean(axis=(1, 3))
        if got is not None and got is not ...:
            shape, dtype = np.shape(got), getattr(got, "dtype", None)
            expect(dtype == np.uint8, f"{call}: expected dtype uint8, got {dtype}")
            expect(shape == means.shape, f"{call}: expected (height, width, 3) = {means.shape}, got {shape}")
            points = fine[::factor, ::factor]
            expect(not np.array_equal(got, points), f"{call}: these are single samples; take the mean of each block")
            down = (means.astype(np.uint8) == got).all() and not (means.round().astype(np.uint8) == got).all()
            expect(not down, f"{call}: astype(np.uint8) cuts off what is behind the point; round() first")
        hint = "reshape to (height, factor, width, factor, 3) and take the mean over axes 1 and 3, as floats"
        expect_close(got, means.round(), call, hint, tolerance=1e-9)
    return "the mean of many samples, not the luck of one"
