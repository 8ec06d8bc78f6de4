"""How the weights of a network are stored, and how many bytes that takes, in plain numbers."""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from coin_edu.errors import CoinError, check_number, check_whole

# How integers share a quantization step.
GRANULARITIES = ("tensor", "channel")
# Bytes of a .coin file around its weights: header and checksum (bitstream.py lays them out, and checks this number).
FILE_OVERHEAD = 40


class Layered(Protocol):
    """What a coding has to know of a network; :class:`coin_edu.Arch` says what each is."""

    @property
    def depth(self) -> int:
        """Hidden layers."""

    @property
    def layer_shapes(self) -> tuple[tuple[int, int], ...]:
        """(outputs, inputs) of each layer."""

    @property
    def n_weights(self) -> int:
        """Weights and biases in all."""

    @property
    def n_first(self) -> int:
        """Those of the first layer."""

    @property
    def is_version_1(self) -> bool:
        """Whether the file has no more than the header on it."""


@dataclass(frozen=True)
class Coding:
    """How the weights of a network are stored.

    Weights are ordered as in the file: W_0, b_0, W_1, b_1, ..., row by row.

    Parameters
    ----------
    bits : int
        A weight: 32 or 16 for floats, 8 to 2 for integers times a step, 0 for integers that are entropy-coded.
    per : {"tensor", "channel"}
        Which integers share a step: each weight matrix and each bias vector; or each row of a matrix (the weights into
        one unit) and each bias vector. Entropy-coded, they share it by tensor.
    first_bits : int, optional
        Of an integer in the first layer, `bits` to 16; by default four more than in the others. The first layer's
        angles are the largest, so that a step of equal bits turns them furthest, and its errors go through all others.

    Raises
    ------
    CoinError
        If a value is out of its range.

    Examples
    --------
    >>> from coin_edu.arch import Arch
    >>> Coding(8).n_bytes(Arch(10, 28)), Coding(16).n_bytes(Arch(10, 28))
    (7649, 14998)
    """

    bits: int = 16
    per: str = "tensor"
    first_bits: int | None = None

    FLOATS: ClassVar[tuple[int, ...]] = (32, 16)
    INTEGERS: ClassVar[tuple[int, ...]] = tuple(range(8, 1, -1))
    PLAIN: ClassVar[tuple[int, ...]] = (*FLOATS, *INTEGERS)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "bits", check_whole("bits", self.bits, 0))
            if self.bits not in (*self.PLAIN, 0):
                raise CoinError
        except CoinError:
            listed = ", ".join(map(str, self.PLAIN))
            raise CoinError(f"bits a weight must be one of {listed}, got {self.bits!r}") from None
        if self.per not in GRANULARITIES:
            raise CoinError(f"steps go by {' or '.join(GRANULARITIES)}, got {self.per!r}")
        first_bits = self.bits + 4 * self.is_integers if self.first_bits is None else self.first_bits
        most = 16 if self.is_integers else self.bits
        object.__setattr__(self, "first_bits", check_whole("bits in the first layer", first_bits, self.bits, most))

    def __str__(self) -> str:
        return "entropy-coded" if self.is_entropy else f"at {self.bits} bits"

    @property
    def is_floats(self) -> bool:
        """Whether weights are stored as they are, rounded to a float."""
        return self.bits in self.FLOATS

    @property
    def is_integers(self) -> bool:
        """Whether weights are integers of a fixed number of bits, times a step."""
        return self.bits in self.INTEGERS

    @property
    def is_entropy(self) -> bool:
        """Whether weights are integers times a step, entropy-coded."""
        return self.bits == 0

    def groups(self, arch: Layered) -> list[int]:
        """Lengths of the runs of consecutive weights that share one step."""
        runs = []
        for n_out, n_in in arch.layer_shapes:
            runs += [n_out * n_in, n_out] if self.per == "tensor" else [n_in] * n_out + [n_out]
        return runs

    def n_steps(self, arch: Layered) -> int:
        """How many steps that is, counted without listing them: a damaged header may claim any number."""
        layers = arch.depth + 1
        return 2 * layers if self.per == "tensor" else sum(n_out for n_out, _ in arch.layer_shapes) + layers

    def spread(self, steps: np.ndarray, arch: Layered) -> np.ndarray:
        """The step of every single weight (n_weights,), from one a run of :meth:`groups`."""
        return np.repeat(steps, self.groups(arch))

    def widths(self, arch: Layered) -> np.ndarray:
        """Bits of every single weight (n_weights,); zeros if they are entropy-coded."""
        return np.repeat([self.first_bits or 0, self.bits], [arch.n_first, arch.n_weights - arch.n_first])

    def n_bytes(self, arch: Layered) -> int:
        """Length in bytes of the .coin file: header, steps if there are any, weights, and checksum.

        Of entropy-coded weights, whose length depends on their values, it is the part that does not.
        """
        n_bits = arch.n_first * (self.first_bits or 0) + (arch.n_weights - arch.n_first) * self.bits
        step = 0 if self.is_floats else 2 if self.is_entropy else 4
        header = 0 if arch.is_version_1 else 4 + 2 * arch.depth  # the ratio, and each layer's width
        return FILE_OVERHEAD + header + step * self.n_steps(arch) - (-n_bits // 8)


ENTROPY = Coding(0)


def bytes_within(bpp: float, shape: tuple[int, ...]) -> int:
    """The most bytes whose rate, computed as ``coin_edu.bpp`` does, is at most `bpp`: no rounding in between."""
    bpp = check_number("bpp, bits per pixel,", bpp)
    pixels = shape[0] * shape[1]
    n_bytes = math.floor(bpp * pixels / 8) + 1
    while n_bytes > 0 and 8 * n_bytes / pixels > bpp:
        n_bytes -= 1
    return max(n_bytes, 0)
