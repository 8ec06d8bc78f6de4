"""The .coin file, byte by byte. Nothing here needs torch, and nothing in a file is ever executed or unpickled.

All numbers are little-endian.

======  ======  ====================================================================================
offset  bytes   what
======  ======  ====================================================================================
0       4       magic, "COIN"
4       1       version, 1
5       1       coding of the weights: 0 floats, 1 integers with steps by tensor, 2 by channel, 3 entropy-coded
6       1       bits a weight: 32 or 16 (IEEE 754 floats), 8 to 2 (integers), 0 if entropy-coded
7       1       coordinates: 1, pixel centers, the longer side from -1 to 1 (`coin_edu.grid`)
8       4       width of the picture in pixels
12      4       height
16      1       depth of the network, its hidden layers
17      1       activation: 0 sine, 1 relu, 2 tanh, 3 gelu, 4 gauss
18      2       width of the network, units in a hidden layer
20      1       octaves of Fourier features, 0 for none
21      1       outputs, 3 for RGB
22      1       bits a weight in the first layer: up to 16 if integers, else as byte 6
23      1       zero, for later versions
24      4       omega_0, a float
28      4       omega_0 of the first layer, a float
32      4       length of the payload in bytes
36      P       payload
36 + P  4       CRC-32 (zlib's) of all the bytes before it
======  ======  ====================================================================================

Payload of floats: the weights in the order W_0, b_0, W_1, b_1, ..., each matrix row by row. Payload of integers: first
the steps, a 4-byte float each, in the same order (`Arch.groups`), then every integer plus 2^(b-1) as an unsigned
number of b bits, its layer's number of bits, most significant bit first, padded with zeros to a whole byte. Payload of
entropy-coded integers: the steps by tensor as 2-byte floats, then what `coin_edu.entropy` makes of the integers. A
weight is its integer times its step, one float32 product, the same on every machine.
"""

import struct
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from coin_edu import entropy
from coin_edu.arch import ACTIVATIONS, FILE_OVERHEAD, GRANULARITIES, Arch
from coin_edu.errors import CoinError

MAGIC = b"COIN"
VERSION = 1
COORDINATES = 1
HEADER = struct.Struct("<4sBBBBIIBBHBBBBffI")
CHECKSUM = struct.Struct("<I")
assert HEADER.size + CHECKSUM.size == FILE_OVERHEAD

FLOATS: dict[int, np.dtype[Any]] = {32: np.dtype("<f4"), 16: np.dtype("<f2")}
BITS = (*FLOATS, *range(8, 1, -1))
ENTROPY = 0
CODINGS = ("floats", *GRANULARITIES, "entropy")
STEP = np.dtype("<f2")
NAMES = {byte: name for name, byte in ACTIVATIONS.items()}

# A reader allocates nothing beyond these; a 3-channel picture of MAX_PIXELS takes 400 MB. An entropy-coded weight may
# take next to no bytes, so that the file's length says little of their number.
MAX_PIXELS = 2**27
MAX_WEIGHTS = 2**24
MAX_ENTROPY_WEIGHTS = 2**20


@dataclass(frozen=True)
class CoinFile:
    """What a .coin file holds.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of the picture in pixels.
    arch : Arch
    bits : int
        32 or 16 for floats, 8 to 2 for integers, 0 for entropy-coded integers.
    weights : ndarray (n_weights,)
        float32 or float16 by `bits`, or the integers as int16.
    steps : ndarray, float32, optional
        For integers: one step a run of `arch.groups(per)`; if entropy-coded, of float16's precision.
    per : {"tensor", "channel"}
        What shares a step.
    first_bits : int, optional
        For integers: bits in the first layer; by default as `Arch.bit_widths`.
    """

    shape: tuple[int, int]
    arch: Arch
    bits: int
    weights: np.ndarray
    steps: np.ndarray | None = None
    per: str = "tensor"
    first_bits: int | None = None

    @property
    def coding(self) -> str:
        """How the weights are stored: "floats", integers by "tensor" or "channel", or "entropy"."""
        return "floats" if self.bits in FLOATS else "entropy" if self.bits == ENTROPY else self.per

    @property
    def bit_widths(self) -> np.ndarray:
        """Bits of every single weight (n_weights,)."""
        return self.arch.bit_widths(self.bits, self.first_bits)

    @property
    def values(self) -> np.ndarray:
        """The weights as float32 (n_weights,), integers multiplied by their steps."""
        if self.steps is None:
            return self.weights.astype(np.float32)
        with np.errstate(over="ignore"):  # a hostile file's steps may be huge; its picture is then black
            return self.weights * self.arch.spread(self.steps, self.per)


def pack(file: CoinFile) -> bytes:
    """The bytes of a .coin file.

    Raises
    ------
    CoinError
        If a value does not fit the format.
    """
    arch = file.arch
    if file.bits != ENTROPY:
        check_bits(file.bits)
    check_limits(file.shape, arch, file.bits)
    if arch.inputs != 2:
        raise CoinError(f"a .coin file holds a picture: 2 inputs, got {arch.inputs}")
    if file.weights.shape != (arch.n_weights,):
        raise CoinError(f"a {arch} network has {arch.n_weights} weights, got an array of shape {file.weights.shape}")
    if file.bits in FLOATS:
        with np.errstate(over="ignore"):
            weights = file.weights.astype(FLOATS[file.bits])
        if not np.isfinite(weights).all():
            raise CoinError(f"a weight is not finite in {file.bits} bits: the fit diverged, or use bits=32")
        payload = weights.tobytes()
    elif file.bits == ENTROPY:
        payload = _pack_entropy(file)
    else:
        payload = _pack_integers(file)
    header = HEADER.pack(
        MAGIC,
        VERSION,
        CODINGS.index(file.coding),
        file.bits,
        COORDINATES,
        file.shape[1],
        file.shape[0],
        arch.depth,
        ACTIVATIONS[arch.activation],
        arch.width,
        arch.fourier,
        arch.outputs,
        0 if file.bits == ENTROPY else int(file.bit_widths[0]),
        0,
        arch.omega_0,
        arch.omega_first,
        len(payload),
    )
    body = header + payload
    return body + CHECKSUM.pack(zlib.crc32(body))


def unpack(data: bytes) -> CoinFile:
    """What the bytes of a .coin file hold; the exact inverse of :func:`pack`.

    Raises
    ------
    CoinError
        If the bytes are no .coin file, truncated, changed, of an unknown version, or beyond the declared limits.
    """
    file = read_header(data)
    payload = bytes(data[HEADER.size : -CHECKSUM.size])
    (expected,) = CHECKSUM.unpack(data[-CHECKSUM.size :])
    if zlib.crc32(data[: -CHECKSUM.size]) != expected:
        raise CoinError("the checksum does not fit: the file was changed or damaged on its way; get it again")
    if file.bits in FLOATS:
        weights = np.frombuffer(payload, FLOATS[file.bits]).copy()
        return replace(file, weights=weights)
    return _unpack_entropy(file, payload) if file.bits == ENTROPY else _unpack_integers(file, payload)


def read_header(data: bytes) -> CoinFile:
    """The header alone, its `weights` and `steps` still empty; the length is checked, the checksum is not.

    Raises
    ------
    CoinError
        As :func:`unpack`, but for a wrong checksum.
    """
    if data[:4] != MAGIC:
        raise CoinError(f"this is no .coin file: it starts with {bytes(data[:4])!r}, expected {MAGIC!r}")
    if len(data) < FILE_OVERHEAD:
        raise CoinError(f"truncated: a .coin file has at least {FILE_OVERHEAD} bytes, got {len(data)}")
    (_, version, coding, bits, coordinates, width, height, depth, activation, units, fourier, outputs, first_bits, zero,
     omega_0, omega_first, length) = HEADER.unpack_from(data)  # fmt: skip
    if version != VERSION:
        raise CoinError(f"version {version} of the format; this reader knows version {VERSION}. Update coin_edu")
    known = [
        coordinates == COORDINATES,
        activation in NAMES,
        zero == 0,
        bits in (*BITS, ENTROPY),
        coding < len(CODINGS),
        (coding == 0) == (bits in FLOATS),
        (coding == 3) == (bits == ENTROPY),
        bits <= first_bits <= 16 if coding in (1, 2) else first_bits == bits,
    ]
    if not all(known):
        raise CoinError("a field of the header has a value this reader does not know; the file is damaged or newer")
    arch = Arch(depth, units, NAMES[activation], omega_0, omega_first, fourier, outputs=outputs)
    check_limits((height, width), arch, bits)
    per = CODINGS[coding] if coding in (1, 2) else "tensor"
    expected = len(data) if bits == ENTROPY else arch.n_bytes(bits, per, first_bits)
    if len(data) != FILE_OVERHEAD + length or len(data) != expected:
        raise CoinError(
            f"a {arch} network at {bits} bits makes a file of {expected} bytes, its header says "
            f"{FILE_OVERHEAD + length}, got {len(data)}; the file is truncated or damaged, get it again"
        )
    return CoinFile((height, width), arch, bits, np.empty(0, np.int16), None, per, first_bits)


def check_bits(bits: int) -> None:
    """Raise a :class:`CoinError` for a number of bits that weights are not stored in."""
    if bits not in BITS:
        raise CoinError(f"bits a weight must be one of {', '.join(map(str, BITS))}, got {bits!r}")


def check_limits(shape: tuple[int, ...], arch: Arch, bits: int) -> None:
    """Raise a :class:`CoinError` for what no .coin file may hold; before a long fit, rather than after it."""
    if min(shape[:2]) < 1 or shape[0] * shape[1] > MAX_PIXELS:
        raise CoinError(f"a picture has 1 to {MAX_PIXELS:,} pixels, got {shape[1]}x{shape[0]}; make it smaller")
    most = MAX_ENTROPY_WEIGHTS if bits == ENTROPY else MAX_WEIGHTS
    if arch.n_weights > most:
        raise CoinError(f"a network has at most {most:,} weights, got {arch.n_weights:,} ({arch})")


def _pack_entropy(file: CoinFile) -> bytes:
    steps = _checked_steps(file)
    single = steps.astype(STEP)
    if (single != steps).any():
        raise CoinError("the steps of an entropy-coded file are 2-byte floats; round them to float16, then quantize")
    return single.tobytes() + entropy.compress(np.split(file.weights, np.cumsum(file.arch.groups())[:-1]))


def _unpack_entropy(file: CoinFile, payload: bytes) -> CoinFile:
    lengths = file.arch.groups()
    size = STEP.itemsize * len(lengths)
    if len(payload) < size:
        raise CoinError(f"truncated: {len(lengths)} steps take {size} bytes, got {len(payload)}; get the file again")
    steps = np.frombuffer(payload[:size], STEP).astype(np.float32)
    check_steps(steps)
    return replace(file, weights=np.concatenate(entropy.decompress(payload[size:], lengths)), steps=steps)


def _checked_steps(file: CoinFile) -> np.ndarray:
    n_steps = file.arch.n_steps(file.per)
    if file.steps is None or file.steps.shape != (n_steps,):
        got = None if file.steps is None else file.steps.shape
        raise CoinError(f"{file.arch} by {file.per} has {n_steps} steps, got {got}")
    check_steps(file.steps)
    return file.steps


def _pack_integers(file: CoinFile) -> bytes:
    steps = _checked_steps(file)
    widths = file.bit_widths
    offset = file.weights.astype(np.int64) + (1 << (widths - 1))
    if (offset < 0).any() or (offset >= 1 << widths).any():
        raise CoinError(f"an integer does not fit its {file.bits} bits; quantize with as many")
    # Each number as 16 bits, most significant first, of which the last `width` are kept.
    bits = np.unpackbits(offset.astype(">u2").view(np.uint8).reshape(-1, 2), axis=1)
    return steps.astype("<f4").tobytes() + np.packbits(bits[_kept(widths)]).tobytes()


def check_steps(steps: np.ndarray) -> None:
    """Raise a :class:`CoinError` for quantization steps that no encoder makes."""
    if not (np.isfinite(steps).all() and (steps >= 0).all()):
        raise CoinError("a quantization step is negative or not finite; the file is damaged, or the fit diverged")


def _kept(widths: np.ndarray) -> np.ndarray:
    """Which of 16 bits a number are stored, (n, 16)."""
    return np.arange(16) >= 16 - widths[:, None]


def _unpack_integers(file: CoinFile, payload: bytes) -> CoinFile:
    n_steps = file.arch.n_steps(file.per)
    steps = np.frombuffer(payload, "<f4", n_steps).astype(np.float32)
    check_steps(steps)
    stream = np.unpackbits(np.frombuffer(payload, np.uint8, offset=4 * n_steps))
    widths = file.bit_widths
    if stream[widths.sum() :].any():
        raise CoinError("the padding after the weights is not zero; the file is damaged")
    bits = np.zeros((len(widths), 16), np.uint8)
    bits[_kept(widths)] = stream[: widths.sum()]
    numbers = np.packbits(bits, axis=1).view(">u2")[:, 0].astype(np.int64) - (1 << (widths - 1))
    return replace(file, weights=numbers.astype(np.int16), steps=steps)
