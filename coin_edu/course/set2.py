"""The tests of problem set 2, from weights to a file: a quantizer, bits into bytes, a file and its reader."""

import struct
import tracemalloc
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from coin_edu.course import expect, expect_close
from coin_edu.course.grading import Submitted, as_bytes, grader, seal

WIDTHS = (2, 5, 8)
MEMORY = 10**7  # bytes that refusing a file of 17 may take: far more than it needs, far less than what it claims


@dataclass(frozen=True)
class Right:
    """A variant's numbers, and the set's functions as they should be.

    Attributes
    ----------
    letters : str
        The first four of a file.
    order : {"<", ">"}
        Little-endian or big-endian, as `struct` has it.
    """

    letters: str = "TOY1"
    order: str = "<"

    @classmethod
    def of(cls, variant: int) -> "Right":
        """The numbers of a variant; 0 is the set as it stands."""
        if variant == 0:
            return cls()
        rng = np.random.default_rng(variant)
        letters = "".join(rng.choice(list("ABCDEFGHJKLMNPQRSTUVWXYZ"), 3))
        return cls(f"{letters}{rng.integers(2, 10)}", "<>"[rng.integers(2)])

    def spellings(self) -> list[str]:
        """How the notebook spells the numbers; a variant has its own in their places."""
        order, first, name = ("<", "least", "little") if self.order == "<" else (">", "most", "big")
        return [
            self.letters,
            f'"{order}4sBIf"',
            f'"{order}I"',
            f"All numbers are {name}-endian, {first} significant byte first",
        ]

    @property
    def header(self) -> str:
        """The first 13 bytes as `struct` has them."""
        return f"{self.order}4sBIf"

    def quantize(self, values: np.ndarray, bits: int) -> tuple[np.ndarray, float]:
        """Codes, and the step."""
        step = float(np.abs(values).max()) / (2 ** (bits - 1) - 1) or 1.0
        return np.rint(np.asarray(values) / step).astype(int), step

    def noise(self, step: float) -> float:
        """Root mean square of the rounding error."""
        return float(step / np.sqrt(12))

    def pack_bits(self, codes: np.ndarray, bits: int) -> bytes:
        """Codes as bytes."""
        unsigned = np.asarray(codes).astype(int) + 2 ** (bits - 1)
        return np.packbits(unsigned[:, None] >> np.arange(bits)[::-1] & 1).tobytes()

    def unpack_bits(self, data: bytes, bits: int, count: int) -> np.ndarray:
        """Bytes as codes."""
        table = np.unpackbits(np.frombuffer(data, np.uint8))[: bits * count].reshape(count, bits)
        return table @ (1 << np.arange(bits)[::-1]) - 2 ** (bits - 1)

    def write_file(self, values: np.ndarray, bits: int) -> bytes:
        """A file."""
        codes, step = self.quantize(values, bits)
        head = struct.pack(self.header, self.letters.encode(), bits, len(codes), step)
        return self.seal(head + self.pack_bits(codes, bits))

    def read_file(self, data: bytes) -> np.ndarray:
        """A file's weights."""
        _, bits, count, step = struct.unpack(self.header, data[:13])
        return self.unpack_bits(data[13:-4], bits, count) * step

    def seal(self, body: bytes) -> bytes:
        """With the checksum in order."""
        return body + struct.pack(f"{self.order}I", zlib.crc32(body))


NAMES = ("quantize", "noise", "pack_bits", "unpack_bits", "write_file", "read_file")
graded = grader(Right.of, NAMES)


@graded()
def quantize_range(quantize: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """whole codes that fill their range, and the step"""
    sizes = [(bits, 2.0**-4, 1) for bits in WIDTHS]
    if rng is not None:
        sizes += [(bits, 2.0 ** -int(rng.integers(9)), int(rng.choice((-1, 1)))) for bits in (3, 4, 6, 7)]
    for bits, step, sign in sizes:
        largest = 2 ** (bits - 1) - 1
        # The largest number is a whole number of steps exactly, so that how others are rounded counts elsewhere.
        values = step * sign * np.linspace(largest, -0.4 * largest, 40)
        codes, got = _codes(quantize(values, bits))
        expect(codes.dtype.kind in "iu", f"codes are whole numbers: their dtype is an int, yours is {codes.dtype}")
        expect_close(codes.shape, values.shape, "the shape of the codes", "a code for each value")
        reached = int(np.abs(codes.astype(int)).max())
        expect(reached == largest, f"{bits} bits: the largest code, signs aside, is {largest}, yours is {reached}")
        expect_close(got, step, f"the step at {bits} bits", "max |v| / (2^(b-1) - 1)")


@graded()
def quantize_error(quantize: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """that rounding is to the nearest code; zeros"""
    draw = rng or np.random.default_rng(0)
    for bits in WIDTHS if rng is None else range(2, 9):
        values = draw.normal(0, 0.1, 500)
        codes, step = _codes(quantize(values, bits))
        error = float(np.abs(codes.astype(float) * step - values).max() / step)
        expect(error <= 0.5 + 1e-6, f"{bits} bits: rounding errs by half a step at most, yours by {error:.2f} steps")
    codes, step = _codes(quantize(np.zeros(4), 4))
    expect(step == 1 and not codes.any(), f"zeros: all codes are 0, the step is 1; yours {codes}, {step}")


@graded()
def noise_test(noise: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """your formula against a measurement"""
    fine = np.random.default_rng(1).uniform(-1, 1, 20_000)
    measured = np.sqrt(np.mean((np.rint(fine / 0.01) * 0.01 - fine) ** 2))
    expect_close(
        noise(0.01), measured, "noise(0.01), against a measurement", "the integral of e^2 / s over a step", 0.03
    )
    if rng is not None:
        step = float(rng.uniform(1, 9))
        expect_close(noise(step), right.noise(step), f"noise({step:.3f})", "noise is in proportion to the step")


@graded()
def pack_bits_test(pack_bits: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """-7, 0, 7 at 4 bits, and a last byte that is filled up"""
    cases = [([-7, 0, 7], 4), ([1, -1, 1], 2)]
    if rng is not None:
        for bits in range(2, 9):
            largest = 2 ** (bits - 1) - 1
            cases.append((rng.integers(-largest, largest, rng.integers(1, 12), endpoint=True).tolist(), bits))
    for codes, bits in cases:
        wanted, what = right.pack_bits(np.array(codes), bits), f"{codes} at {bits} bits"
        packed = as_bytes(pack_bits(np.array(codes), bits), what)
        expect(len(packed) == len(wanted), f"{what} are {len(wanted)} bytes, yours {len(packed)}")
        expect(packed == wanted, f"{what} are the bytes {wanted.hex(' ')}, yours are {packed.hex(' ')}")


@graded()
def unpack_bits_test(unpack_bits: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """18 f0 and dc, back to their codes"""
    expect_close(
        unpack_bits(b"\x18\xf0", 4, 3), [-7, 0, 7], "the bytes 18 f0, three codes of 4 bits", "subtract 2^(b-1)"
    )
    expect_close(unpack_bits(b"\xdc", 2, 3), [1, -1, 1], "the byte dc, three codes of 2 bits", "leave the filling out")
    for bits in range(2, 9) if rng is not None else ():
        largest, count = 2 ** (bits - 1) - 1, int(rng.integers(1, 120)) if rng is not None else 0
        codes = np.random.default_rng(bits).integers(-largest, largest, count, endpoint=True)
        got = unpack_bits(right.pack_bits(codes, bits), bits, count)
        expect_close(got, codes, f"{count} codes of {bits} bits, unpacked", "the most significant bit is first")


@graded()
def write_file_test(write_file: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """header, codes and checksum of three weights"""
    cases = [(np.array([-7.0, 0.0, 7.0]), 4)]
    if rng is not None:
        cases += [(rng.normal(0, 0.1, int(rng.integers(20, 600))), bits) for bits in WIDTHS]
    for values, bits in cases:
        what, wanted = f"{len(values)} weights of {bits} bits", right.write_file(values, bits)
        data = as_bytes(write_file(values, bits), what)
        expect(len(data) == len(wanted), f"{what}: a file of {len(wanted)} bytes, yours are {len(data)}")
        expect(data[:4] == wanted[:4], f"the file starts with the letters {right.letters}, yours with {data[:4]!r}")
        expect(data[4:9] == wanted[4:9], f"{what} in bytes 4 to 9: {wanted[4:9].hex(' ')}, yours {data[4:9].hex(' ')}")
        (got,), (step,) = (struct.unpack(f"{right.order}f", some[9:13]) for some in (data, wanted))
        expect_close(got, step, f"{what}: the step in bytes 9 to 13", "max |v| / (2^(b-1) - 1), a 4-byte float")
        expect(data[13:-4] == wanted[13:-4], f"{what}: the codes follow at byte 13, packed")
        crc = zlib.crc32(data[:-4]).to_bytes(4, "little" if right.order == "<" else "big")
        expect(data[-4:] == crc, "the last 4 bytes are the CRC-32 of all before, in the order of bytes above")


@graded()
def round_trip(read_file: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """files that are in order, read"""
    draw = rng or np.random.default_rng(0)
    for bits in WIDTHS:
        for count in (500,) if rng is None else (1, 7, 64):
            values = draw.normal(0, 0.1, count)
            codes, step = right.quantize(values, bits)
            got = read_file(right.write_file(values, bits))
            expect_close(got, codes * step, f"{count} weights of {bits} bits, read", "they are codes times step")


@graded()
def damaged_files(read_file: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """a bit flipped, a file cut off"""
    data = right.write_file((rng or np.random.default_rng(3)).normal(0, 0.1, 20), 5)
    _is_read(read_file, data)
    for place in (160,) if rng is None else range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        refused = read_file.refuses(bytes(flipped))
        expect(refused, f"bit {place} is flipped: a ValueError is wanted, and the checksum notices")
    for length in (10,) if rng is None else range(len(data)):
        refused = read_file.refuses(data[:length])
        expect(refused, f"{length} of {len(data)} bytes are left: a ValueError is wanted (struct.error is none)")
    if rng is not None:
        short = right.seal(data[:4])
        expect(read_file.refuses(short), f"{len(short)} bytes, with a checksum in order: a ValueError is wanted")


@graded()
def forged_files(read_file: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """a checksum in order, but a length that is not"""
    letters, claims = right.letters.encode(), [(8, 4_000_000_000)]
    if rng is not None:
        claims += [(8, 400_000_000), (4, int(rng.integers(10**8, 4 * 10**8))), (2, 300_000_000)]
    data = right.write_file(np.array([3.5]), 4)
    _is_read(read_file, data)
    for bits, count in claims:
        forged = right.seal(struct.pack(right.header, letters, bits, count, 1.0))
        what = f"17 bytes claim {count:,} weights of {bits} bits"
        tracemalloc.start()
        try:
            refused = read_file.refuses(forged)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        expect(refused, f"{what}: a ValueError is wanted")
        expect(peak < MEMORY, f"{what}: refuse them before {peak:,} bytes are allocated")
    if rng is not None:
        expect(read_file.refuses(right.seal(data[:-4] + b"\0")), "a byte too many: a ValueError is wanted")
        others = b"ABC0" + data[4:-4]
        expect(read_file.refuses(right.seal(others)), "a file that starts with ABC0: a ValueError is wanted")


def _codes(got: Any) -> tuple[np.ndarray, float]:
    """What quantize returned, if it is codes and a step."""
    pair = isinstance(got, tuple | list) and len(got) == 2
    expect(pair, f"quantize returns two things, codes and step; yours returned {type(got).__name__}")
    codes, step = got
    expect(isinstance(step, int | float | np.number), f"the step is a number, yours is {type(step).__name__}")
    expect(step > 0, f"the step is above 0, yours is {step}")
    return np.asarray(codes), float(step)


def _is_read(read_file: Submitted, data: bytes) -> None:
    """Whether a file in order is taken; what is read has a test of its own."""
    expect(not read_file.refuses(data), "a file in order is refused: first read it, then refuse others")


seal(__name__)
