"""Files that nobody encoded: a small run of tests/benchmarks/fuzz.py, and the worst claims a small file can make."""

import io
import struct
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from coin_edu import Arch, CoinError, decode
from coin_edu.bitstream import HEADER
from coin_edu.entropy import MAX_ENTRIES, SPLIT
from tests.benchmarks import fuzz
from tests.conftest import needs_constriction


def claim(ratio=None, widths=(), **fields):
    """A file of 60 bytes whose header says anything, and whose checksum fits; of version 2 with `ratio`, `widths`."""
    layers = b"" if ratio is None else struct.pack("<f", ratio) + np.array(widths, "<u2").tobytes()
    if layers:
        fields = dict(depth=len(widths), units=max(widths), length=20 - len(layers)) | fields
    names = ("magic", "version", "coding", "bits", "coordinates", "width", "height", "depth", "activation", "units",
             "fourier", "outputs", "first_bits", "zero", "omega_0", "omega_first", "length")  # fmt: skip
    honest = (b"COIN", 1, 0, 16, 1, 8, 8, 1, 0, 1, 0, 3, 16, 0, 30.0, 30.0, 20)
    body = HEADER.pack(*(dict(zip(names, honest, strict=True)) | fields).values()) + (layers + bytes(20))[:20]
    return body + struct.pack("<I", zlib.crc32(body))


@needs_constriction
def test_two_thousand_changed_files_are_read_or_refused():
    pytest.importorskip("optuna")
    rng, seeds, outcomes = np.random.default_rng(0), fuzz.examples(), set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in map(fuzz.reader, range(2000)):
            outcomes.add((name, fuzz.attack(name, fuzz.mutate(name, seeds, rng))))
    assert {name for name, _ in outcomes} == set(fuzz.READERS)
    assert {outcome for _, outcome in outcomes} == {"read", "refused", "refused by Pillow"}


@pytest.mark.parametrize(
    "fields",
    [
        dict(width=100_000, height=100_000),
        dict(width=2**32 - 1, height=2**32 - 1),
        dict(depth=255, units=65535),
        dict(depth=255, units=200),
        dict(coding=3, bits=0, first_bits=0, depth=255, units=60),
        dict(coding=3, bits=0, first_bits=0, depth=255, units=65535),
        dict(coding=2, bits=8, first_bits=8, depth=255, units=65535),
        dict(fourier=255),
        dict(length=2**32 - 1),
        dict(omega_0=float("nan")),
        dict(version=2),
        dict(version=2, depth=255, units=65535),
        dict(version=2, ratio=1.5, widths=(65535, 65534)),
        dict(version=2, ratio=1.5, widths=(9, 65535), fourier=16, coding=2, bits=2, first_bits=2),
        dict(version=2, ratio=1.5, widths=(65535, 1, 65535), coding=3, bits=0, first_bits=0),
        dict(version=2, ratio=1.5, widths=(1000, 999), fourier=16, coding=3, bits=0, first_bits=0),
        dict(version=2, ratio=4.0, widths=(3, 2), fourier=16),
    ],
    ids=lambda fields: ",".join(f"{name}={value}" for name, value in fields.items()),
)
def test_a_file_of_60_bytes_that_claims_much_is_refused_before_anything_is_allocated(fields):
    data = claim(**fields)
    tracemalloc.start()
    with pytest.raises(CoinError):
        decode(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(data) == 60 and peak < 2**20
    with pytest.raises((CoinError, OSError)):
        Image.open(io.BytesIO(data), formats=["COIN"]).load()


def coded(widths, heads, scales, shape=(8, 8)):
    """A file of version 2 of one frequency whose tensors are split so, all steps zero, and no word of the coder."""
    arch = Arch(len(widths), max(widths), fourier=1, ratio=1.5, widths=widths)
    n_tensors = 2 * (arch.depth + 1)
    heads = [*heads, *[(0, 1)] * (n_tensors - len(heads))]
    payload = bytes(2 * n_tensors) + b"".join(SPLIT.pack(*head) for head in heads) + scales
    layers = struct.pack("<f", 1.5) + np.array(widths, "<u2").tobytes()
    numbers = (b"COIN", 2, 3, 0, 1, *shape[::-1], arch.depth, 0, arch.width, 1, 3, 0, 0, 30.0, 30.0, len(payload))
    body = HEADER.pack(*numbers) + layers + payload
    return body + struct.pack("<I", zlib.crc32(body)), arch


@needs_constriction
def test_a_small_file_of_half_a_million_entropy_coded_weights_takes_little_memory():
    data, arch = coded((65535, 1), [(0, 6000)], bytes([40] * 6))
    assert len(data) < 100 and arch.n_weights > 390_000
    tracemalloc.start()
    assert decode(data).shape == (8, 8, 3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**26
    large, _ = coded((65535, 1), [(0, 1)], bytes(6), shape=(2**13, 2**14))
    with pytest.raises(CoinError, match="more work than decoding at once may take"):
        decode(large)


@needs_constriction
@pytest.mark.parametrize(
    "widths, head",
    [((43_700, 1), (1, 1)), ((2200, 1), (1, 30)), ((9, 4), (1, 32767)), ((9, 4), (2, 32767)), ((9, 4), (0, 65535))],
)
def test_more_tables_than_an_encoder_writes_are_refused_before_one_is_computed(monkeypatch, widths, head):
    n_parts = (1, widths[0], 4)[head[0]]
    assert n_parts * (2 * head[1] + 1) + 15 > min(MAX_ENTRIES, 2 * 32767 + 1)
    monkeypatch.setattr("coin_edu.entropy.frequencies", None)
    data, _ = coded(widths, [head], bytes(n_parts + 5))
    with pytest.raises(CoinError, match="their tables"):
        decode(data)
