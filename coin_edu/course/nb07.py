"""Checks of notebook 07, decoding anywhere."""

import numpy as np

from coin_edu.course import Answer, array, check, expect, expect_close, whole
from coin_edu.image import axes


@check(
    nudge="draw a line of `length` pixels, cut it into `samples` cells of equal size, and mark the middle of each",
    formula="pixels = start + (np.arange(samples) + 0.5) * length / samples; (2 * pixels - whole) / longer",
)
def centers(answer: Answer) -> str:
    """Exercise 1: where the samples of a region lie, along one axis."""
    draw = answer.rng.integers
    for place in range(4):
        whole_ = int(draw(20, 60))
        start, length = (0, whole_) if place == 0 else (int(draw(2, 9)), int(draw(3, 10)))
        samples = (whole_, 3 * length, int(draw(3, 8)), 3 * length + 1)[place]
        longer = whole_ if place < 2 else whole_ + int(draw(5, 30))
        cell = length / samples
        begins = start + cell * np.arange(samples)
        pixels = begins + cell / 2
        inner = np.linspace(start, start + length, samples + 2)[1:-1]
        slips = [
            (
                np.linspace(start, start + length, samples),
                "the first and the last sample lie on the borders",
                "middles",
            ),
            (begins, "each sample is at the beginning of its cell", "its middle is half a cell further"),
            (begins + cell, "each sample is at the end of its cell", "its middle is half a cell earlier"),
            (begins + 0.5, "half a pixel was added", "half a cell: a cell is length / samples pixels long"),
            (pixels - start, "the region begins at pixel 0 here", "it begins at pixel `start`"),
            (inner, "the samples are closer together than their cells", "length / samples apart"),
            (start + np.arange(samples) + 0.5, "a cell is one pixel here", "it is length / samples pixels long"),
            (start + (np.arange(samples) + 0.5) * (length // samples), "the cell is a whole number", "/ and not //"),
            (start + (np.arange(samples) + 0.5) * samples / length, "the cell is upside down", "length / samples"),
        ]
        right = (2 * pixels - whole_) / longer
        mistakes = [((2 * slip - whole_) / longer, *why) for slip, *why in slips]
        mistakes += [
            ((2 * pixels - whole_) / whole_, "divided by this side", "by the longer one: pixels must stay square"),
            (pixels, "these are pixels", "the network wants (2 pixels - whole) / longer"),
            ((2 * pixels - longer) / longer, "the middle is that of the longer side", "2 pixels - whole"),
            (pixels / longer, "this runs from 0 to 1", "from -1 to 1: (2 pixels - whole) / longer"),
            ((pixels - whole_) / longer, "the 2 is missing", "(2 pixels - whole) / longer"),
            ((2 * pixels - length) / longer, "the middle is that of the part", "2 pixels - whole"),
        ]
        call = f"centers({start}, {length}, {samples}, {whole_}, {longer})"
        expect_close(answer(start, length, samples, whole_, longer), right, call, mistakes=mistakes)
    (x, _), found = axes((400, 600), (100, 0, 300, 400), (50, 50)), answer(100, 300, 50, 600, 600)
    expect_close(found, x, "centers(100, 300, 50, 600, 600)", "as coin_edu.image.axes has it")
    return "any number of samples over any part: the same places as the package's"


@check(
    nudge="print the regions that you ask for: does each begin where its neighbor ends, the last end at the border?",
    formula="for y in range(0, height, tile), for x in range(0, width, tile): w, h = min(tile, width - x), "
    "min(tile, height - y); picture[y : y + h, x : x + w] = decode((x, y, w, h))",
)
def by_tiles(answer: Answer) -> str:
    """Exercise 2: a picture from parts decoded apart."""
    draw = answer.rng.integers
    for height, width, tile in ((8, 12, 4), (int(draw(9, 12)), int(draw(13, 16)), 4), (3, int(draw(4, 8)), 9)):
        picture = answer.rng.integers(0, 256, (height, width, 3), np.uint8)
        times = np.zeros((height, width), int)

        def decode(
            *given: object, picture: np.ndarray = picture, times: np.ndarray = times, tile: int = tile
        ) -> np.ndarray:
            expect(
                len(given) == 1, f"decode{given}: it takes one region", "two pairs of brackets: decode((x, y, w, h))"
            )
            x, y, w, h = (int(side) for side in whole(given[0], "the region that you gave to decode", (4,)))
            rows, columns = picture.shape[:2]
            told = f"region (x={x}, y={y}, width={w}, height={h}) of a picture of width {columns} and height {rows}"
            last = "the last tiles may be smaller; is it (x, y, width, height), and the shape (height, width)?"
            expect(0 <= x < x + w <= columns and 0 <= y < y + h <= rows, f"{told} reaches outside", last)
            expect(max(w, h) <= tile, f"{told} is larger than a tile of {tile}", "at most tile x tile")
            times[y : y + h, x : x + w] += 1
            return picture[y : y + h, x : x + w].copy()

        call = f"by_tiles(decode, ({height}, {width}), {tile})"
        got = array(answer(decode, (height, width), tile), call)
        left, twice = int((times == 0).sum()), int((times > 1).sum())
        borders = "does the last tile at the right and at the bottom come?"
        expect(not left, f"{call}: {left} of {times.size} pixels were never decoded", borders)
        expect(not twice, f"{call}: {twice} pixels were decoded more than once", "range(0, width, tile) steps by tile")
        bytes_ = "dtype uint8, as decode gives: np.empty((height, width, 3), np.uint8)"
        expect(got.dtype.kind in "iu", f"{call}: expected dtype uint8, got {got.dtype}", bytes_)
        mistakes = [
            (picture.swapaxes(0, 1), "rows and columns are exchanged", "(height, width, 3), and y before x"),
            (picture[::-1], "the rows are upside down", "tile (x, y) goes to picture[y : y + h, x : x + w]"),
        ]
        expect_close(got, picture, call, "tile (x, y) goes to picture[y : y + h, x : x + w]", 1e-9, mistakes)
    return "each pixel decoded once, each tile in its place"


@check(
    nudge="which samples make up the pixel at the top left? compute it by hand, and compare with yours",
    formula="fine = decode((width * factor, height * factor)); fine.reshape(height, factor, width, factor, 3)"
    ".mean(axis=(1, 3)).round().astype(np.uint8)",
)
def decode_small(answer: Answer) -> str:
    """Exercise 3: several samples for each pixel, averaged; halves may be rounded up, down or to the even one."""
    draw = answer.rng.integers
    for width, height, factor in ((int(draw(5, 8)), int(draw(2, 5)), 2), (3, int(draw(5, 8)), 3), (4, 4, 4)):
        fine = answer.rng.integers(90, 256, (height * factor, width * factor, 3), np.uint8)

        def decode(*given: object, fine: np.ndarray = fine) -> np.ndarray:
            rows, columns = fine.shape[:2]
            expect(
                len(given) == 1, f"decode{given}: it takes one size", "two pairs of brackets: decode((width, height))"
            )
            asked = [int(side) for side in whole(given[0], "the size that you gave to decode", (2,))]
            told = f"decode was asked for a size of {tuple(asked)}, expected ({columns}, {rows})"
            expect(asked == [columns, rows], told, "(width, height), each times factor")
            return fine.copy()

        call = f"decode_small(decode, ({width}, {height}), {factor})"
        got = array(answer(decode, (width, height), factor), call)
        blocks = fine.reshape(height, factor, width, factor, 3)
        means = blocks.mean(axis=(1, 3))
        wrapped = blocks.sum(axis=(1, 3), dtype=np.uint8)
        floats = "a picture has whole numbers: .round().astype(np.uint8)"
        expect(got.dtype.kind in "iu", f"{call}: expected dtype uint8, got {got.dtype}", floats)
        if got.shape == means.shape and np.abs(got.astype(float) - means).max() < 0.6:  # Pillow's reduce: 0.56
            continue
        mistakes = [
            (fine[::factor, ::factor], "these are single samples", "take the mean of each block"),
            (means.astype(np.uint8), "the fractions are cut off", "astype(np.uint8) cuts off: round() first"),
            (np.ceil(means), "rounded up", "to the nearest: round()"),
            (wrapped // np.uint8(factor**2), "the sum of bytes wraps around", "average them as floats"),
            (wrapped, "the sum of bytes wraps around", "average them as floats"),
            (blocks.sum(axis=(1, 3)), "that is the sum", "the mean"),
            (blocks.max(axis=(1, 3)), "that is the largest sample", "the mean"),
            (np.median(blocks, axis=(1, 3)).round(), "that is the median", "the mean"),
            (blocks[:, 0].mean(axis=2).round(), "that averages along x only", "over both axes of a block"),
            (blocks[:, :, :, 0].mean(axis=1).round(), "that averages along y only", "over both axes of a block"),
            (
                fine.reshape(factor, height, factor, width, 3).mean(axis=(0, 2)).round(),
                "samples from far apart are averaged",
                "reshape to (height, factor, width, factor, 3): neighbors stay together",
            ),
            (means.swapaxes(0, 1).round(), "rows and columns are exchanged", "(height, width, 3)"),
        ]
        expect_close(got, means.round(), call, tolerance=1e-9, mistakes=mistakes)
    return "the mean of many samples, not the luck of one"
