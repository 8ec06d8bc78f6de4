"""The file of grids: what :mod:`coin_edu.study.latents` fits, as bytes, and back.

Layout: the header, the weights of both networks in 16 bits each, and the grids, range coded, from fine to coarse.
Each number is coded with the Laplace distribution that the context model predicts from numbers before it. Rows are
skewed by three columns a row: numbers of one such wave do not need one another, and are decoded together.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from coin_edu.errors import CoinError, needs
from coin_edu.study.latents import CONTEXT, HEADER, LARGEST, MARGIN, Latents

MAGIC = b"LATN"
# Of the Laplace distributions: coarse, so that no last bit of a sum decides which one it is.
SCALES = np.array([math.exp(eighths / 8) for eighths in range(-32, 49)])

Layers = list[tuple[np.ndarray, np.ndarray]]


def pack(latents: Latents) -> bytes:
    """The file: 13 bytes of header, the weights in 16 bits each, and the grids, range coded.

    Raises
    ------
    CoinError
        If constriction is not installed.

    Examples
    --------
    >>> latents = Latents((16, 24), n_grids=3)
    >>> bool((unpack(pack(latents)).render() == latents.render()).all())
    True
    """
    coder, integers = _constriction()
    encoder, grids = coder.RangeEncoder(), [grid.int().numpy() for grid in latents.rounded()]
    most = max(1, *(int(np.abs(grid).max()) for grid in grids))
    weights = np.concatenate([w.detach().numpy().ravel() for w in latents.weights]).astype("<f2")
    layers = _layers(weights, latents)
    for grid in grids:
        padded = np.pad(grid, ((MARGIN, 0), (MARGIN, MARGIN))).astype(np.float64)
        for rows, columns in _waves(grid.shape):
            encoder.encode(grid[rows, columns], integers(-most, most), *_predict(padded, rows, columns, layers))
    height, width = latents.shape
    header = HEADER.pack(MAGIC, height, width, len(grids), *latents.units, most)
    return header + weights.tobytes() + encoder.get_compressed().astype("<u4").tobytes()


def unpack(data: bytes) -> Latents:
    """The grids and networks of a file that :func:`pack` made on the same kind of machine.

    Raises
    ------
    CoinError
        If constriction is not installed, or the bytes are no such file.
    """
    if len(data) < HEADER.size or data[:4] != MAGIC:
        raise CoinError(f"{len(data)} bytes that do not begin with {MAGIC!r}: no file of grids; latents.pack makes one")
    _, height, width, n_grids, synthesis, context, most = HEADER.unpack_from(data)
    latents = Latents((height, width), n_grids, synthesis, context)
    end = HEADER.size + 2 * latents.n_weights
    if len(data) < end or (len(data) - end) % 4 or not 0 < most <= LARGEST:
        raise CoinError(f"a file of grids is cut off or damaged: {len(data)} bytes; get the file again")
    weights = np.frombuffer(data, "<f2", latents.n_weights, HEADER.size)
    if not np.isfinite(weights).all():
        raise CoinError("a file of grids is damaged: some of its weights are no numbers; get the file again")
    coder, integers = _constriction()
    decoder = coder.RangeDecoder(np.frombuffer(data, "<u4", offset=end).astype(np.uint32))
    layers = _layers(weights, latents)
    with torch.no_grad():
        for weight, values in zip(latents.weights, _split(weights, latents), strict=True):
            weight.copy_(torch.from_numpy(values))
        for grid in latents.grids:
            padded = np.pad(np.zeros(grid.shape), ((MARGIN, 0), (MARGIN, MARGIN)))
            for rows, columns in _waves(grid.shape):
                try:
                    numbers = decoder.decode(integers(-most, most), *_predict(padded, rows, columns, layers))
                except AssertionError as error:
                    raise CoinError("a file of grids is damaged: its numbers end too early; get it again") from error
                padded[rows + MARGIN, columns + MARGIN] = numbers
            grid.copy_(torch.from_numpy(padded[MARGIN:, MARGIN:-MARGIN]))
    return latents


def _waves(shape: tuple[int, ...]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and columns of numbers that need one another in no way, in an order in which all they need is before."""
    rows = np.arange(shape[0])
    for wave in range(shape[1] + 3 * (shape[0] - 1)):
        columns = wave - 3 * rows
        inside = (columns >= 0) & (columns < shape[1])
        if inside.any():
            yield rows[inside], columns[inside]


def _predict(
    padded: np.ndarray, rows: np.ndarray, columns: np.ndarray, layers: Layers
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale of each number. One product after the other: sums then have the same last bit for any count."""
    hidden, last = layers
    near = [padded[rows + MARGIN + y, columns + MARGIN + x] for y, x in CONTEXT]
    units = [np.maximum(_sum(row, near, shift), 0) for row, shift in zip(*hidden, strict=True)]
    mean, log_scale = (_sum(row, units, shift) for row, shift in zip(*last, strict=True))
    eighths = np.round(8 * np.clip(log_scale, -4, 6)).astype(int)
    return mean, SCALES[eighths + 32]


def _sum(row: np.ndarray, x: list[np.ndarray], shift: float) -> np.ndarray:
    total = np.full_like(x[0], shift)
    for factor, values in zip(row, x, strict=True):
        total = total + factor * values
    return total


def _split(weights: np.ndarray, latents: Latents) -> list[np.ndarray]:
    ends = np.cumsum([weight.numel() for weight in latents.weights])[:-1]
    parts = np.split(weights.astype(np.float32), ends)
    return [part.reshape(weight.shape) for part, weight in zip(parts, latents.weights, strict=True)]


def _layers(weights: np.ndarray, latents: Latents) -> Layers:
    """The context model's two layers, as the file has them."""
    w1, b1, w2, b2 = (part.astype(np.float64) for part in _split(weights, latents)[4:])
    return [(w1, b1), (w2, b2)]


def _constriction() -> tuple[Any, Any]:
    """The range coder, and its Laplace distribution of whole numbers."""
    with needs("entropy"):
        import constriction
    return constriction.stream.queue, constriction.stream.model.QuantizedLaplace
