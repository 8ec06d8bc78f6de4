"""The .coin file, byte by byte. Nothing here needs torch, and nothing in a file is ever executed or unpickled.

All numbers are little-endian.

======  ======  ====================================================================================
offset  bytes   what
======  ======  ====================================================================================
0       4       magic, "COIN"
4       1       version, 1 or 2
5       1       coding of the weights: 0 floats, 1 integers with steps by tensor, 2 by channel, 3 entropy-coded
6       1       bits a weight: 32 or 16 (IEEE 754 floats), 8 to 2 (integers), 0 if entropy-coded
7       1       coordinates: 1, pixel centers, the longer side from -1 to 1 (`coin_edu.grid`)
8       4       width of the picture in pixels
12      4       height
16      1       depth of the network, its hidden layers
17      1       activation: 0 sine, 1 relu, 2 tanh, 3 gelu, 4 gauss
18      2       width of the network, units in a hidden layer, or in the widest
20      1       frequencies of Fourier features, 0 for none
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
the steps, a 4-byte float each, in the same order (`Coding.groups`), then every integer plus 2^(b-1) as an unsigned
number of b bits, its layer's number of bits, most significant bit first, padded with zeros to a whole byte. Payload of
entropy-coded integers: the steps by tensor as 2-byte floats, then what `coin_edu.entropy` makes of the integers. A
weight is its integer times its step, one float32 product, the same on every machine.

Version 2 is for what version 1 cannot say: layers of several widths, and Fourier features that are no octaves. Between
the header and the payload it has the ratio of neighboring frequencies, a 4-byte float, and the units of each hidden
layer in 2 bytes. What `coin_edu.entropy` makes of the integers is then split by matrices.
"""

import struct
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from coin_edu import entropy
from coin_edu.arch import ACTIVATIONS, Arch
from coin_edu.coding import FILE_OVERHEAD, Coding
from coin_edu.errors import CoinError

MAGIC = b"COIN"
VERSIONS = 1, 2
COORDINATES = 1
BY_FLOATS, BY_TENSOR, BY_CHANNEL, BY_ENTROPY = range(4)
HEADER = struct.Struct("<4sBBBBIIBBHBBBBffI")
CHECKSUM = struct.Struct("<I")
RATIO, UNITS = struct.Struct("<f"), np.dtype("<u2")
assert HEADER.size + CHECKSUM.size == FILE_OVERHEAD

FLOATS: dict[int, np.dtype[Any]] = {32: np.dtype("<f4"), 16: np.dtype("<f2")}
STEP = np.dtype("<f2")
NAMES = {byte: name for name, byte in ACTIVATIONS.items() if byte is not None}

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
    coding : Coding
    weights : ndarray (n_weights,)
        float32 or float16 by the coding's bits, or the integers as int16.
    steps : ndarray, float32, optional
        For integers: one a run of `coding.groups(arch)`; if entropy-coded, of float16's precision.
    """

    shape: tuple[int, int]
    arch: Arch
    coding: Coding
    weights: np.ndarray
    steps: np.ndarray | None = None

    @property
    def values(self) -> np.ndarray:
        """The weights as float32 (n_weights,), integers multiplied by their steps."""
        if self.steps is None:
            return self.weights.astype(np.float32)
        with np.errstate(over="ignore"):  # a hostile file's steps may be huge; its picture is then black
            return self.weights * self.coding.spread(self.steps, self.arch)


def pack(file: CoinFile) -> bytes:
    """The bytes of a .coin file.

    Raises
    ------
    CoinError
        If a value does not fit the format.
    """
    arch, coding = file.arch, file.coding
    check_limits(file.shape, arch, coding)
    if (activation := ACTIVATIONS[arch.activation]) is None:
        raise CoinError(
            f"no file can hold {arch.activation!r}, an activation of your own, which another reader could not know; "
            f"to store a network, take one of {', '.join(NAMES.values())}"
        )
    if arch.inputs != 2:
        raise CoinError(f"a .coin file holds a picture: 2 inputs, got {arch.inputs}")
    if file.weights.shape != (arch.n_weights,):
        raise CoinError(f"a {arch} network has {arch.n_weights} weights, got an array of shape {file.weights.shape}")
    if coding.is_floats:
        with np.errstate(over="ignore"):
            weights = file.weights.astype(FLOATS[coding.bits])
        if not np.isfinite(weights).all():
            raise CoinError(f"a weight is not finite in {coding.bits} bits: the fit diverged, or use bits=32")
        payload = weights.tobytes()
    else:
        payload = _pack_entropy(file) if coding.is_entropy else _pack_integers(file)
    header = HEADER.pack(
        MAGIC,
        1 if arch.is_version_1 else 2,
        _kind(coding),
        coding.bits,
        COORDINATES,
        file.shape[1],
        file.shape[0],
        arch.depth,
        activation,
        arch.width,
        arch.fourier,
        arch.outputs,
        coding.first_bits,
        0,
        arch.omega_0,
        arch.omega_first,
        len(payload),
    )
    body = header + _layers(arch) + payload
    return body + CHECKSUM.pack(zlib.crc32(body))


def unpack(data: bytes) -> CoinFile:
    """What the bytes of a .coin file hold; the exact inverse of :func:`pack`.

    Raises
    ------
    CoinError
        If the bytes are no .coin file, truncated, changed, of an unknown version, or beyond the declared limits.
    """
    file = read_header(data)
    payload = bytes(data[HEADER.size + len(_layers(file.arch)) : -CHECKSUM.size])
    check_checksum(data)
    if file.coding.is_floats:
        return replace(file, weights=np.frombuffer(payload, FLOATS[file.coding.bits]).copy())
    return _unpack_entropy(file, payload) if file.coding.is_entropy else _unpack_integers(file, payload)


def read_header(data: bytes) -> CoinFile:
    """The header alone, its `weights` and `steps` still empty; the length is checked, the checksum is not.

    Raises
    ------
    CoinError
        As :func:`unpack`, but for a wrong checksum.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise CoinError(
            f"a .coin file is read from its bytes, got {type(data).__name__}; Path(name).read_bytes() has them"
        )
    if data[:4] != MAGIC:
        raise CoinError(f"this is no .coin file: it starts with {bytes(data[:4])!r}, expected {MAGIC!r}")
    if len(data) < FILE_OVERHEAD:
        raise CoinError(f"truncated: a .coin file has at least {FILE_OVERHEAD} bytes, got {len(data)}")
    (_, version, kind, bits, coordinates, width, height, depth, activation, units, fourier, outputs, first_bits, zero,
     omega_0, omega_first, length) = HEADER.unpack_from(data)  # fmt: skip
    if version not in VERSIONS:
        raise CoinError(
            f"version {version} of the format; this reader knows versions {VERSIONS[0]} and {VERSIONS[1]}. "
            "Update coin_edu"
        )
    per = "channel" if kind == BY_CHANNEL else "tensor"
    try:
        coding = Coding(bits, per, first_bits)
    except CoinError:
        coding = None
    known = coding is not None and _kind(coding) == kind
    if not (known and coordinates == COORDINATES and activation in NAMES and zero == 0):
        raise CoinError("a field of the header has a value this reader does not know; the file is damaged or newer")
    assert coding is not None
    ratio, widths = 2.0, ()
    if version == 2:
        if len(data) < FILE_OVERHEAD + RATIO.size + UNITS.itemsize * depth:
            raise CoinError(f"truncated: the widths of {depth} layers are missing; get the file again")
        [ratio] = RATIO.unpack_from(data, HEADER.size)
        widths = tuple(np.frombuffer(data, UNITS, depth, HEADER.size + RATIO.size).tolist())
    arch = Arch(depth, units, NAMES[activation], omega_0, omega_first, fourier, 2, outputs, ratio, widths)
    if arch.is_version_1 != (version == 1):
        raise CoinError(f"a {arch} network belongs into a file of version 1, this says {version}; the file is damaged")
    check_limits((height, width), arch, coding)
    expected = len(data) if coding.is_entropy else coding.n_bytes(arch)
    claimed = FILE_OVERHEAD + len(_layers(arch)) + length
    if len(data) != claimed or len(data) != expected:
        raise CoinError(
            f"a {arch} network {coding} makes a file of {expected} bytes, its header says "
            f"{claimed}, got {len(data)}; the file is truncated or damaged, get it again"
        )
    return CoinFile((height, width), arch, coding, np.empty(0, np.int16))


def check_checksum(data: bytes) -> None:
    """Raise a :class:`CoinError` if the checksum at the end is not that of all the bytes before it."""
    (expected,) = CHECKSUM.unpack(data[-CHECKSUM.size :])
    if zlib.crc32(data[: -CHECKSUM.size]) != expected:
        raise CoinError("the checksum does not fit: the file was changed or damaged on its way; get it again")


def _kind(coding: Coding) -> int:
    """The file's byte for the kind of coding."""
    if coding.is_floats:
        return BY_FLOATS
    if coding.is_entropy:
        return BY_ENTROPY
    return BY_CHANNEL if coding.per == "channel" else BY_TENSOR


def _layers(arch: Arch) -> bytes:
    """What version 2 has between header and payload."""
    return b"" if arch.is_version_1 else RATIO.pack(arch.ratio) + np.array(arch.hidden, UNITS).tobytes()


def check_limits(shape: tuple[int, ...], arch: Arch, coding: Coding) -> None:
    """Raise a :class:`CoinError` for what no .coin file may hold; before a long fit, rather than after it."""
    if min(shape[:2]) < 1 or shape[0] * shape[1] > MAX_PIXELS:
        raise CoinError(f"a picture has 1 to {MAX_PIXELS:,} pixels, got {shape[1]}x{shape[0]}; make it smaller")
    most = MAX_ENTROPY_WEIGHTS if coding.is_entropy else MAX_WEIGHTS
    if arch.n_weights > most:
        raise CoinError(f"a network has at most {most:,} weights, got {arch.n_weights:,} ({arch})")


def _pack_entropy(file: CoinFile) -> bytes:
    steps = _checked_steps(file)
    single = steps.astype(STEP)
    if (single != steps).any():
        raise CoinError("the steps of an entropy-coded file are 2-byte floats; round them to float16, then quantize")
    runs = np.split(file.weights, np.cumsum(file.coding.groups(file.arch))[:-1])
    if file.arch.is_version_1:
        return single.tobytes() + entropy.compress(runs)
    shapes = _tensors(file.arch)
    return single.tobytes() + entropy.compress_matrices([run.reshape(s) for run, s in zip(runs, shapes, strict=True)])


def _unpack_entropy(file: CoinFile, payload: bytes) -> CoinFile:
    lengths = file.coding.groups(file.arch)
    size = STEP.itemsize * len(lengths)
    if len(payload) < size:
        raise CoinError(f"truncated: {len(lengths)} steps take {size} bytes, got {len(payload)}; get the file again")
    steps = np.frombuffer(payload[:size], STEP).astype(np.float32)
    check_steps(steps)
    if file.arch.is_version_1:
        runs = entropy.decompress(payload[size:], lengths)
    else:
        runs = [matrix.ravel() for matrix in entropy.decompress_matrices(payload[size:], _tensors(file.arch))]
    return replace(file, weights=np.concatenate(runs), steps=steps)


def _tensors(arch: Arch) -> list[tuple[int, ...]]:
    """The shapes of W_0, b_0, W_1, b_1, ..."""
    return [shape for n_out, n_in in arch.layer_shapes for shape in ((n_out, n_in), (n_out,))]


def _checked_steps(file: CoinFile) -> np.ndarray:
    n_steps = file.coding.n_steps(file.arch)
    if file.steps is None or file.steps.shape != (n_steps,):
        got = None if file.steps is None else file.steps.shape
        raise CoinError(f"{file.arch} by {file.coding.per} has {n_steps} steps, got {got}")
    check_steps(file.steps)
    return file.steps


def _pack_integers(file: CoinFile) -> bytes:
    steps = _checked_steps(file)
    widths = file.coding.widths(file.arch)
    offset = file.weights.astype(np.int64) + (1 << (widths - 1))
    if (offset < 0).any() or (offset >= 1 << widths).any():
        raise CoinError(f"an integer does not fit its {file.coding.bits} bits; quantize with as many")
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
    n_steps = file.coding.n_steps(file.arch)
    steps = np.frombuffer(payload, "<f4", n_steps).astype(np.float32)
    check_steps(steps)
    stream = np.unpackbits(np.frombuffer(payload, np.uint8, offset=4 * n_steps))
    widths = file.coding.widths(file.arch)
    if stream[widths.sum() :].any():
        raise CoinError("the padding after the weights is not zero; the file is damaged")
    bits = np.zeros((len(widths), 16), np.uint8)
    bits[_kept(widths)] = stream[: widths.sum()]
    numbers = np.packbits(bits, axis=1).view(">u2")[:, 0].astype(np.int64) - (1 << (widths - 1))
    return replace(file, weights=numbers.astype(np.int16), steps=steps)
