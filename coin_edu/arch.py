"""The shape of a network and what it costs in a file, in plain numbers: counting weights and bytes needs no torch."""

import math
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from coin_edu.coding import ENTROPY, Coding, bytes_within
from coin_edu.errors import CoinError, check_number, check_whole

# Each activation's byte in the file. Files hold these: a byte once given is never another's. `siren.ACTIVATION` has
# the functions. None: one that `siren.register_activation` added, for which the file has no byte.
ACTIVATIONS: dict[str, int | None] = {"sine": 0, "relu": 1, "tanh": 2, "gelu": 3, "gauss": 4}


@dataclass(frozen=True)
class Arch:
    """The architecture of a coordinate network f: R^2 -> R^3, a multilayer perceptron.

    Parameters
    ----------
    depth : int
        Number of hidden layers, 1 to 255.
    width : int
        Units in each hidden layer, 1 to 65535, or in the widest. The COIN paper's "10x28" is ``Arch(10, 28)``.
    activation : {"sine", "relu", "tanh", "gelu", "gauss"}
        Nonlinearity after each hidden layer. COIN uses the sine.
    omega_0 : float
        The frequency factor in sin(omega_0 (W x + b)), 1e-9 to 1e9; Sitzmann et al. 2020 (arXiv 2006.09661),
        section 3.2. Ignored by the other activations.
    omega_first : float
        The same factor in the first hidden layer, where it sets the range of spatial frequencies at the start. Our
        coordinates span [-1, 1] along the longer side (see :func:`coin_edu.grid`).
    fourier : int
        Frequencies of Fourier features put before the first layer, 0 for none: (sin r^k pi x, cos r^k pi x) for
        k < `fourier`; Tancik et al. 2020 (arXiv 2006.10739), section 4, "positional encoding", has octaves, r = 2.
    inputs, outputs : int
        2 coordinates and 3 colors for a picture; 1 and 1 would be a sound.
    ratio : float
        r, from one frequency to the next, over 1 to 4; the highest is at most 2^15 pi.
    widths : tuple of int
        Units in each hidden layer where not all have `width`; () where they have.

    Raises
    ------
    CoinError
        If a value is out of its range.

    Examples
    --------
    >>> arch = Arch(10, 28)
    >>> arch.n_weights
    7479
    >>> round(arch.bpp((512, 768)), 4)
    0.3043
    """

    depth: int
    width: int
    activation: str = "sine"
    omega_0: float = 30.0
    omega_first: float = 30.0
    fourier: int = 0
    inputs: int = 2
    outputs: int = 3
    ratio: float = 2.0
    widths: tuple[int, ...] = ()

    MAX_FOURIER: ClassVar[int] = 16

    def __post_init__(self) -> None:
        limits = {
            "depth": (1, 255),
            "width": (1, 65535),
            "fourier": (0, self.MAX_FOURIER),
            "inputs": (1, 255),
            "outputs": (1, 255),
        }
        for name, (low, high) in limits.items():
            object.__setattr__(self, name, check_whole(f"Arch: {name}", getattr(self, name), low, high))
        if self.activation not in ACTIVATIONS:
            raise CoinError(f"Arch: activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")
        for name in ("omega_0", "omega_first"):
            value = getattr(self, name)
            # The file has a float32; a network is fitted with the very number that its file will hold.
            with np.errstate(over="ignore", under="ignore"):
                single = float(np.float32(check_number(f"Arch: {name}", value)))
            if not 1e-9 < single < 1e9:  # beyond, initial weights or angles would leave 32 bits
                raise CoinError(f"Arch: {name} must be a number from 1e-9 to 1e9, got {value!r}")
            object.__setattr__(self, name, single)
        self._check_layers()

    def _check_layers(self) -> None:
        ratio = float(np.float32(check_number("Arch: ratio", self.ratio)))
        if not (1 < ratio <= 4 and ratio ** max(self.fourier - 1, 0) <= 2.0**15):
            highest = f"ratio^{max(self.fourier - 1, 0)}"
            raise CoinError(f"Arch: ratio must be over 1 and at most 4, and {highest} at most 2^15, got {ratio:g}")
        given = self.widths if isinstance(self.widths, Iterable) else (self.widths,)
        widths = tuple(check_whole("Arch: each of widths", width, 1, 65535) for width in given)
        if widths and (len(widths) != self.depth or max(widths) != self.width):
            raise CoinError(f"Arch: widths are {self.depth} numbers, the largest {self.width}, got {widths}")
        object.__setattr__(self, "ratio", ratio if self.fourier else 2.0)
        object.__setattr__(self, "widths", widths if len(set(widths)) > 1 else ())

    def __str__(self) -> str:
        return "-".join(map(str, self.widths)) if self.widths else f"{self.depth}x{self.width}"

    @classmethod
    def of(cls, given: "Arch | str") -> "Arch":
        """The architecture itself, or the one that a text names: "10x28", depth x width, or "48-24-16", each width.

        A network with a width for each layer has Fourier features in front, those of a photograph 768 pixels wide (see
        :meth:`narrowing`).

        Raises
        ------
        CoinError
            If it is neither.

        Examples
        --------
        >>> Arch.of("10x28") == Arch(10, 28), Arch.of("48-24-16").widths
        (True, (48, 24, 16))
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, str):
            if parts := re.fullmatch(r"\s*(\d{1,9})\s*[xX]\s*(\d{1,9})\s*", given):
                return cls(int(parts[1]), int(parts[2]))
            if re.fullmatch(r"\s*\d{1,9}(-\d{1,9})+\s*", given):
                widths = tuple(int(width) for width in given.split("-"))
                return cls(len(widths), max(widths), fourier=waves(768), ratio=RATIO, widths=widths)
        raise CoinError(
            f"an architecture is Arch(depth, width), or a text such as '10x28' or '48-24-16', got {given!r}"
        )

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units in each hidden layer, first to last."""
        return self.widths or (self.width,) * self.depth

    @property
    def is_version_1(self) -> bool:
        """Whether the first version of the file can hold it: one width for all layers, octaves if any."""
        return not self.widths and self.ratio == 2

    @property
    def features(self) -> int:
        """Numbers that enter the first layer: the coordinates, or their Fourier features."""
        return 2 * self.fourier * self.inputs if self.fourier else self.inputs

    @property
    def layer_shapes(self) -> tuple[tuple[int, int], ...]:
        """(outputs, inputs) of each layer's weight matrix, first to last; each has `outputs` biases as well."""
        sizes = (self.features, *self.hidden, self.outputs)
        return tuple((n_out, n_in) for n_in, n_out in pairwise(sizes))

    @property
    def n_weights(self) -> int:
        """Weights and biases in all."""
        return sum(n_out * (n_in + 1) for n_out, n_in in self.layer_shapes)

    @property
    def n_first(self) -> int:
        """Weights and biases of the first layer."""
        return self.hidden[0] * (self.features + 1)

    @property
    def n_last(self) -> int:
        """Weights and biases of the last layer."""
        return self.outputs * (self.hidden[-1] + 1)

    def omega(self, layer: int) -> float:
        """The factor within the activation of hidden layer 0, 1, ...: a sine's frequency, 1 for the others."""
        if self.activation != "sine":
            return 1.0
        return self.omega_0 if layer else self.omega_first

    @property
    def n_operations(self) -> int:
        """What a pixel costs, in products: one for each weight, and an activation's about ``ACTIVATION_COST``."""
        return self.n_weights + ACTIVATION_COST * (sum(self.hidden) + 2 * self.inputs * self.fourier)

    def n_bytes(self, bits: int = 16, per: str = "tensor", first_bits: int | None = None) -> int:
        """Length in bytes of this network's .coin file: see :meth:`Coding.n_bytes`."""
        return Coding(bits, per, first_bits).n_bytes(self)

    def bpp(self, shape: tuple[int, ...], bits: int = 16) -> float:
        """Bits per pixel of the weights alone, as the paper counts: n_weights * bits / (H * W).

        The rate of a real file, a few hundredths of a bit more, is ``coin_edu.bpp(data, shape)``.
        """
        return self.n_weights * bits / (shape[0] * shape[1])

    @classmethod
    def for_bpp(cls, bpp: float, shape: tuple[int, ...], bits: int = 16) -> "Arch":
        """The network to fit when the whole file, overhead included, may take `bpp` bits per pixel.

        Of the :meth:`candidates` of up to ten layers, the one whose width is nearest to three times its depth. That
        aspect did best among 5x41, 7x34, 10x28 and 13x24 (data/ablation.csv). The paper's own have 2.8 (10x28) to 6
        (5x30).

        Raises
        ------
        CoinError
            If the budget is too small for any network; the message gives the smallest possible rate.
        """
        return min(
            cls.candidates(bpp, shape, bits)[:10],
            key=lambda arch: (abs(math.log(arch.width / arch.depth / PREFERRED_ASPECT)), arch.depth),
        )

    @classmethod
    def narrowing(cls, bpp: float, shape: tuple[int, ...], depth: int = 5) -> "Arch":
        """The network to fit when an entropy-coded file may take `bpp` bits per pixel.

        Fourier features whose highest has a period of six pixels, then `depth` layers that narrow. Where the budget is
        too small for that, :meth:`for_bpp`.

        Examples
        --------
        >>> Arch.narrowing(0.3, (512, 768)), Arch.narrowing(0.3, (512, 768)).fourier
        (Arch(...), 12)
        """
        budget, side = bytes_within(bpp, shape), max(shape[:2])
        if budget < LEAST_NARROWING:
            return cls.for_bpp(bpp, shape, ENTROPY_BITS)

        parts = (*NARROWING, *NARROWING[-1:] * depth)[:depth]

        def scaled(factor: int) -> "Arch":
            widths = tuple(max(8, 4 * round(factor / 256 * part)) for part in parts)
            return cls(depth, max(widths), fourier=waves(side), ratio=RATIO, widths=widths)

        factor = bisect_right(range(2**16), budget, key=lambda factor: entropy_bytes(scaled(factor)))
        return scaled(max(factor - 1, 0))

    @classmethod
    def candidates(cls, bpp: float, shape: tuple[int, ...], bits: int = 16) -> list["Arch"]:
        """The widest network of each depth, 1 to at most 13, whose file stays within `bpp`; as :meth:`for_bpp`.

        Examples
        --------
        >>> " ".join(map(str, Arch.candidates(0.05, (512, 768))))
        '1x200 2x31 3x22 4x18 5x16 6x14 7x13 8x12 9x11 10x10 11x10 12x9 13x9'
        """
        budget, pixels = bytes_within(bpp, shape), shape[0] * shape[1]
        smallest = cls(1, 1).n_bytes(bits)
        if budget < smallest:
            rate = 8 * smallest / pixels
            digits = 10.0 ** (3 - math.floor(math.log10(rate)))
            raise CoinError(
                f"{bpp:g} bpp leaves {budget} bytes for {shape[1]}x{shape[0]} pixels; the smallest network "
                f"needs {smallest} bytes, {math.ceil(rate * digits) / digits:.4g} bpp. Raise the rate or take a "
                "larger picture"
            )
        widest = [(depth, _widest(depth, budget, bits)) for depth in range(1, 14)]
        return [cls(depth, width) for depth, width in widest if width]


# A sine takes 0.4 to 1 ns (`make bench`), one product of a large matrix about 0.02: to be safe, rather more than that.
ACTIVATION_COST = 64
PREFERRED_ASPECT = 3.0
# Bits for each entropy-coded weight that a network is chosen for: of one width, and narrowing. There a network
# a tenth smaller loses, and a tenth larger gains nothing (data/narrowing.csv); 4.98, with the file's fixed part, gives
# those of that table.
ENTROPY_BITS, NARROWING_BITS = 6, 4.98
# Of `Arch.narrowing`: from one frequency to the next; the layers' widths, in proportion; and the bytes below which
# the codec's own tables take too large a share.
RATIO = 1.55
NARROWING = (37, 14, 8, 6, 6)
LEAST_NARROWING = 1500
# Bits per pixel where the caller names neither a rate nor a network.
DEFAULT_BPP = 0.3


def entropy_bytes(arch: Arch) -> int:
    """The bytes of an entropy-coded file that suit a network, where the caller names no rate."""
    if arch.is_version_1:
        return Coding(ENTROPY_BITS).n_bytes(arch)
    return ENTROPY.n_bytes(arch) + math.ceil(NARROWING_BITS * arch.n_weights / 8)


def waves(side: int) -> int:
    """How many frequencies of ``RATIO`` a picture of that longer side has: the highest's period is six pixels."""
    return min(Arch.MAX_FOURIER, 1 + max(0, round(math.log(max(side, 6) / 6, RATIO))))


def _widest(depth: int, budget: int, bits: int) -> int:
    """The largest width of a network of `depth` hidden layers whose file stays within `budget` bytes, 0 for none."""
    low, high = 0, 65535
    while low < high:
        middle = (low + high + 1) // 2
        if Arch(depth, middle).n_bytes(bits) <= budget:
            low = middle
        else:
            high = middle - 1
    return low
