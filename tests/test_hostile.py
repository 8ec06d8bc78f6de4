"""Files that nobody encoded: a small run of tests/benchmarks/fuzz.py, and the worst claims a small file can make."""

import io
import struct
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from coin_edu import CoinError, decode
from coin_edu.bitstream import HEADER
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
