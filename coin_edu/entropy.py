"""Entropy coding: integers to about as few bits as their Gaussian allows, and back, exactly, on any machine.

A range coder (Martin 1979; here that of the constriction library, Bamler 2022, arXiv 2201.01741) spends -log2 p bits
on an integer of probability p. The weights of a fitted network are close to Gaussian, so one standard deviation for
each run of weights is all that the decoder has to be told. Both sides must agree on every p to its last bit: here p is
a whole number over the sum of such, from decimal arithmetic, whose division, square root and exponential are correctly
rounded on every machine.

Layout of version 1: for each run 3 bytes (`Gaussian`), then the range coder's 32-bit words for all runs together.

Behind Fourier features the weights of a first layer shrink as their frequency grows, and a wide layer has units that
matter little. One Gaussian for a whole matrix then wastes half a bit a weight. So version 2 of the file splits a matrix
by its rows or columns, whichever makes the shorter file, and gives each part a standard deviation of its own. Layout:
for each run a byte (`SPLITS`) and its largest magnitude in 2 bytes; then a byte for each part of each run, its scale;
then the words.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from decimal import Context
from functools import lru_cache
from typing import Any

import numpy as np

from coin_edu.errors import CoinError, needs

MODEL = struct.Struct("<BH")
WORD = np.dtype("<u4")
DECIMAL = Context(prec=24)

MAX_SCALE = 72
LARGEST = 2**15 - 1
# Entries in the tables of all runs together: what a damaged file may make the decoder compute.
MAX_ENTRIES = 2**17


@dataclass(frozen=True)
class Gaussian:
    """Probabilities of the integers from -`most` to `most`: proportional to exp(-k^2 / (2 sigma^2)), none of them zero.

    Parameters
    ----------
    scale : int
        sigma = 2^(scale / 4 - 3): 0 to 72, for an eighth to 2^15, neighbors 19 % apart.
    most : int
        The largest magnitude, 1 to 2^15 - 1.
    """

    scale: int
    most: int

    @classmethod
    def of(cls, integers: np.ndarray) -> "Gaussian":
        """The one that codes a sample in the fewest bits, and as wide as it is."""
        [scale], _ = scales(np.mean(integers.astype(np.float64) ** 2, keepdims=True))
        return cls(int(scale), largest(integers))


def scales(mean_squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For samples of these mean squares, the scales (`Gaussian`) of fewest bits, and how many bits an integer takes."""
    sigmas = 2.0 ** (np.arange(MAX_SCALE + 1) / 4 - 3)
    # -log p(k) = k^2 / (2 sigma^2) + log Z. Z is the sum of exp(-k^2 / (2 sigma^2)): two terms, or an integral.
    sums = np.maximum(1 + 2 * np.exp(-0.5 / sigmas**2), math.sqrt(2 * math.pi) * sigmas)
    costs = np.log(sums) + mean_squares[:, None] / (2 * sigmas**2)
    return costs.argmin(1), costs.min(1) / math.log(2)


def largest(integers: np.ndarray) -> int:
    """The largest magnitude, at least 1."""
    return max(int(np.abs(integers.astype(np.int64)).max()), 1)


@lru_cache(maxsize=256)
def frequencies(model: Gaussian) -> np.ndarray:
    """Whole numbers (2 most + 1,) in proportion to the probabilities, their sum below 2^24; float64."""
    peak = 2**20 >> max(0, model.scale // 4 - 3)
    factor = DECIMAL.sqrt(DECIMAL.divide(2**10, 2**model.scale))  # 1 / (2 sigma^2)
    # Beyond six sigma the exponential is below 2^-20, and nothing is added to the 1.
    reach = min(model.most, math.ceil(6 * 2 ** (model.scale / 4 - 3)))
    half = [1 + int(peak * DECIMAL.exp(DECIMAL.multiply(-k * k, factor))) for k in range(reach + 1)]
    half += [1] * (model.most - reach)
    return np.array(half[:0:-1] + half, np.float64)


def compress(runs: Sequence[np.ndarray]) -> bytes:
    """Entropy-code runs of integers, each with a Gaussian of its own.

    Raises
    ------
    CoinError
        If constriction is not installed, or the integers are too large.
    """
    models = [Gaussian.of(run) for run in runs]
    return b"".join(MODEL.pack(*astuple(m)) for m in models) + _words(runs, models)


def decompress(data: bytes, lengths: Sequence[int]) -> list[np.ndarray]:
    """The runs of integers that :func:`compress` coded, int16, given how long each is.

    Raises
    ------
    CoinError
        If constriction is not installed, or the bytes cannot come from :func:`compress`.
    """
    start = MODEL.size * len(lengths)
    if len(data) < start:
        raise CoinError(f"{len(data)} bytes cannot hold {len(lengths)} entropy-coded runs; the file is damaged")
    models = [Gaussian(*fields) for fields in MODEL.iter_unpack(data[:start])]
    return _numbers(data, start, models, lengths)


# How a matrix is divided into parts, by the file's byte: not at all, by rows, by columns.
SPLITS = (lambda matrix: [matrix.ravel()], list, lambda matrix: list(matrix.T))
SPLIT = struct.Struct("<BH")


def compress_matrices(matrices: Sequence[np.ndarray]) -> bytes:
    """Entropy-code matrices and vectors of integers, each divided as makes it the shortest.

    Raises
    ------
    CoinError
        As :func:`compress`.
    """
    heads, sizes, runs, models = b"", b"", list[np.ndarray](), list[Gaussian]()
    # Entries of tables that parts may add to one table a matrix.
    spare = MAX_ENTRIES - sum(2 * largest(matrix) + 1 for matrix in matrices)
    for matrix in matrices:
        most, table = largest(matrix), np.atleast_2d(matrix)
        costs, options = [], []
        for split in SPLITS if len(table) > 1 else SPLITS[:1]:
            parts = split(table)
            found, bits = scales(np.array([np.mean(part.astype(np.float64) ** 2) for part in parts]))
            costs.append(8 * len(parts) + sum(len(part) * each for part, each in zip(parts, bits, strict=True)))
            options.append((parts, found))
            if len(options) > 1 and (len(parts) - 1) * (2 * most + 1) > spare:
                costs[-1] = math.inf
        kind = int(np.argmin(costs))
        parts, found = options[kind]
        spare -= (len(parts) - 1) * (2 * most + 1)
        heads += SPLIT.pack(kind, most)
        sizes += bytes(found.astype(np.uint8))
        runs += parts
        models += [Gaussian(int(scale), most) for scale in found]
    return heads + sizes + _words(runs, models)


def decompress_matrices(data: bytes, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """The matrices and vectors that :func:`compress_matrices` coded, int16, given their shapes.

    Raises
    ------
    CoinError
        As :func:`decompress`.
    """
    tables = [np.empty((1, *shape)[-2:], np.int16) for shape in shapes]
    start = SPLIT.size * len(shapes)
    heads = list(SPLIT.iter_unpack(data[:start])) if len(data) >= start else []
    if len(heads) != len(shapes) or any(
        kind >= len(SPLITS) or (kind and len(t) == 1) for (kind, _), t in zip(heads, tables, strict=True)
    ):
        raise CoinError(f"the entropy-coded weights of {len(shapes)} tensors are damaged; get the file again")
    # Parts of a table that is still empty: views, that the numbers are then written into.
    parts = [(SPLITS[kind](table), most) for (kind, most), table in zip(heads, tables, strict=True)]
    count = sum(len(split) for split, _ in parts)
    if len(data) < start + count:
        raise CoinError(f"{len(data)} bytes cannot hold {count} entropy-coded parts; the file is damaged")
    mosts = [most for split, most in parts for _ in split]
    models = [Gaussian(scale, most) for scale, most in zip(data[start : start + count], mosts, strict=True)]
    views = [part for split, _ in parts for part in split]
    for part, numbers in zip(views, _numbers(data, start + count, models, list(map(len, views))), strict=True):
        part[:] = numbers
    return [table.reshape(shape) for table, shape in zip(tables, shapes, strict=True)]


def _words(runs: Sequence[np.ndarray], models: Sequence[Gaussian]) -> bytes:
    """What the range coder makes of runs of integers."""
    constriction = _constriction()
    _check(models)
    coder = constriction.stream.queue.RangeEncoder()
    for run, model in zip(runs, models, strict=True):
        coder.encode(run.astype(np.int32) + model.most, _table(constriction, model))
    return coder.get_compressed().astype(WORD).tobytes()


def _numbers(data: bytes, start: int, models: Sequence[Gaussian], lengths: Sequence[int]) -> list[np.ndarray]:
    """The runs of integers, int16, whose words begin at `start`."""
    constriction = _constriction()
    _check(models)
    if (len(data) - start) % WORD.itemsize:
        raise CoinError(f"{len(data) - start} bytes are no whole words of the range coder; the file is damaged")
    decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, WORD, offset=start).astype(np.uint32))
    try:
        runs = [
            (decoder.decode(_table(constriction, model), length) - model.most).astype(np.int16)
            for model, length in zip(models, lengths, strict=True)
        ]
    except AssertionError as error:
        raise CoinError("the entropy-coded weights are damaged; get the file again") from error
    if not decoder.maybe_exhausted():
        raise CoinError("bytes are left over after the entropy-coded weights; the file is damaged")
    return runs


def _check(models: Sequence[Gaussian]) -> None:
    entries = sum(2 * model.most + 1 for model in models)
    if entries > MAX_ENTRIES or any(m.scale > MAX_SCALE or not 0 < m.most <= LARGEST for m in models):
        raise CoinError(
            f"the integers to code reach {max(m.most for m in models):,}, their tables {entries:,} entries; allowed "
            f"are 1 to {LARGEST:,} and {MAX_ENTRIES:,}. Quantize with larger steps, or get the file again"
        )


def _table(constriction: Any, model: Gaussian) -> Any:
    # With perfect=False the library only adds, divides, multiplies and floors, each correctly rounded (IEEE 754).
    return constriction.stream.model.Categorical(frequencies(model), perfect=False)


def _constriction() -> Any:
    with needs("entropy"):
        import constriction
    return constriction
