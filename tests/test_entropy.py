import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coin_edu import CoinError
from coin_edu.entropy import (
    LARGEST,
    MAX_SCALE,
    MODEL,
    SPLIT,
    Gaussian,
    compress,
    compress_matrices,
    decompress,
    decompress_matrices,
    frequencies,
)

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


matrices = st.lists(
    arrays(np.int16, st.one_of(st.tuples(st.integers(1, 9), st.integers(1, 9)), st.tuples(st.integers(1, 9)))),
    min_size=1,
    max_size=5,
)


@given(matrices)
def test_matrices_come_back_exactly(some):
    some = [np.clip(matrix, -LARGEST // 8, LARGEST // 8) for matrix in some]
    back = decompress_matrices(compress_matrices(some), [matrix.shape for matrix in some])
    assert all(np.array_equal(one, other) and one.dtype == np.int16 for one, other in zip(back, some, strict=True))


def spread(rows, columns):
    """Integers whose rows or columns are of very different sizes."""
    sizes = np.outer(2.0 ** np.arange(rows), np.ones(columns))
    return np.rint(np.random.default_rng(0).normal(size=(rows, columns)) * sizes).astype(np.int16)


@pytest.mark.parametrize(
    "kind, matrix", [(1, spread(8, 60)), (2, spread(8, 60).T), (0, spread(1, 400).reshape(20, 20))]
)
def test_a_matrix_is_split_as_makes_it_shortest(kind, matrix):
    data = compress_matrices([matrix])
    assert data[0] == kind and len(data) <= len(compress([matrix.ravel()])) + 1
    assert kind == 0 or len(data) < 0.9 * len(compress([matrix.ravel()]))


def test_no_more_tables_than_a_decoder_computes():
    # Six times 64 rows of tables of 1,201 entries: all split would be three times MAX_ENTRIES.
    some = [np.rint(spread(8, 400).reshape(64, 50) * (600 / 400)).astype(np.int16) for _ in range(6)]
    data = compress_matrices(some)
    kinds = [kind for kind, _ in SPLIT.iter_unpack(data[: 6 * SPLIT.size])]
    assert 0 in kinds and max(kinds) > 0
    back = decompress_matrices(data, [matrix.shape for matrix in some])
    assert all(np.array_equal(one, other) for one, other in zip(back, some, strict=True))


def test_the_bytes_of_matrices_are_the_same_for_ever():
    some = [spread(4, 6), spread(3, 8).T, np.array([3, -200, 5], np.int16)]
    data = bytes.fromhex("000b0000050000c800141027b32a40807adefc1eae8371b1939f8b45e43b5db91e5df73f6fdef857")
    assert compress_matrices(some) == data
    back = decompress_matrices(data, [matrix.shape for matrix in some])
    assert all(np.array_equal(one, other) for one, other in zip(back, some, strict=True))


@given(st.binary(max_size=120), st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=3))
def test_any_other_bytes_of_matrices_are_refused_or_decoded(data, shapes):
    try:
        some = decompress_matrices(data, shapes)
    except CoinError:
        return
    assert [matrix.shape for matrix in some] == shapes


@pytest.mark.parametrize(
    "head, shape", [((3, 5), (4, 4)), ((1, 5), (1, 4)), ((2, 5), (4,)), ((0, 0), (4,)), ((1, LARGEST), (200, 2))]
)
def test_a_split_no_encoder_writes_is_refused(head, shape):
    with pytest.raises(CoinError):
        decompress_matrices(SPLIT.pack(*head) + bytes(400), [shape])


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
