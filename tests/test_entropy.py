import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coin_edu import CoinError
from coin_edu.entropy import LARGEST, MAX_SCALE, MODEL, Gaussian, compress, decompress, frequencies

pytest.importorskip("constriction", reason='pip install "coin_edu[entropy]"')

runs = st.lists(
    st.one_of(
        arrays(np.int16, st.integers(1, 60), elements=st.integers(-9, 9)),
        arrays(np.int16, st.integers(1, 9), elements=st.integers(-LARGEST // 4, LARGEST // 4)),
    ),
    min_size=1,
    max_size=6,
)


@given(runs)
def test_what_is_compressed_is_decompressed_exactly(some):
    back = decompress(compress(some), [len(run) for run in some])
    assert [run.tolist() for run in back] == [run.tolist() for run in some]
    assert all(run.dtype == np.int16 for run in back)


def test_the_bytes_are_the_same_for_ever():
    # Pinned: every machine and every later version must make, and read, these.
    some = [np.array([0, 1, -1, 2, 0, -3, 1, 0], np.int16), np.array([500, -1234], np.int16), np.zeros(40, np.int16)]
    data = bytes.fromhex("0e030034d204000100cd50e08f89defa28")
    assert compress(some) == data
    assert [run.tolist() for run in decompress(data, [8, 2, 40])] == [run.tolist() for run in some]


@pytest.mark.parametrize("sigma", [0.2, 1, 3, 20, 600])
def test_a_gaussian_sample_takes_about_its_entropy(sigma):
    run = np.rint(np.random.default_rng(0).normal(0, sigma, 20_000)).astype(np.int16)
    _, counts = np.unique(run, return_counts=True)
    entropy = -(counts * np.log2(counts / len(run))).sum() / 8
    assert len(compress([run])) < 1.02 * entropy + 100


@given(st.integers(0, MAX_SCALE), st.integers(1, 400))
def test_frequencies_are_whole_symmetric_falling_and_of_a_gaussian(scale, most):
    table = frequencies(Gaussian(scale, most))
    half = table[most:]
    assert len(table) == 2 * most + 1 and np.array_equal(table, table[::-1])
    assert (table >= 1).all() and np.array_equal(table, np.rint(table)) and (np.diff(half) <= 0).all()
    assert sum(map(Fraction, table.tolist())) < 2**24
    sigma = 2 ** (scale / 4 - 3)
    peak = half[0] - 1
    assert np.allclose(half - 1, peak * np.exp(-(np.arange(most + 1) ** 2) / (2 * sigma**2)), atol=1.001)


def test_the_widest_table_keeps_below_what_a_float_counts_exactly():
    assert max(frequencies(Gaussian(scale, LARGEST)).sum() for scale in (0, 40, MAX_SCALE)) < 2**24


@given(st.binary(max_size=80), st.lists(st.integers(1, 50), min_size=1, max_size=4))
def test_any_other_bytes_are_refused_or_decoded_into_that_many_integers(data, lengths):
    try:
        some = decompress(data, lengths)
    except CoinError:
        return
    assert [len(run) for run in some] == lengths


def test_bytes_too_few_or_too_many_are_refused():
    some = [np.arange(-50, 50, dtype=np.int16)]
    data = compress(some)
    for damaged in (b"", data[:2], data[:-1], data[:-8], data + b"\xff" * 8):
        with pytest.raises(CoinError):
            decompress(damaged, [100])


def test_tables_that_take_long_to_compute_are_refused_at_once():
    claim = MODEL.pack(40, LARGEST) * 512
    with pytest.raises(CoinError, match="tables"):
        decompress(claim, [1] * 512)
    with pytest.raises(CoinError, match="larger steps"):
        compress([np.full(1, LARGEST, np.int16)] * 5)


@pytest.mark.parametrize("model", [(MAX_SCALE + 1, 5), (3, 0), (3, LARGEST + 1)])
def test_a_model_no_encoder_writes_is_refused(model):
    with pytest.raises(CoinError, match="allowed"):
        decompress(MODEL.pack(*model) + bytes(8), [4])


def test_without_constriction_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "constriction", None)
    for call in (lambda: compress([np.zeros(3, np.int16)]), lambda: decompress(bytes(20), [4])):
        with pytest.raises(CoinError, match=r"coin_edu\[entropy\]"):
            call()
