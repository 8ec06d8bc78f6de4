import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coin_edu import Arch, CoinError, Siren, bpp, pack_model
from coin_edu.coding import ENTROPY, Coding, bytes_within
from tests.test_arch import arches, shapes


@given(arches, st.sampled_from(["tensor", "channel"]))
def test_every_weight_belongs_to_one_group(arch, per):
    coding = Coding(8, per)
    groups = coding.groups(arch)
    assert sum(groups) == arch.n_weights == len(coding.widths(arch))
    assert len(groups) == coding.n_steps(arch)
    assert np.array_equal(np.bincount(coding.spread(np.arange(len(groups)), arch)), groups)


def test_groups_follow_the_order_of_the_file():
    assert Coding(8).groups(Arch(2, 4)) == ENTROPY.groups(Arch(2, 4)) == [8, 4, 16, 4, 12, 3]
    assert Coding(8, "channel").groups(Arch(1, 2)) == [2, 2, 2, 2, 2, 2, 3]


@pytest.mark.parametrize("coding", [Coding(32), Coding(16), Coding(5), Coding(2, "channel"), ENTROPY], ids=str)
def test_a_coding_is_of_one_kind(coding):
    assert [coding.is_floats, coding.is_integers, coding.is_entropy].count(True) == 1
    assert coding.first_bits == (coding.bits + 4 if coding.is_integers else coding.bits)


@pytest.mark.parametrize(
    "given, match",
    [
        (dict(bits=9), "bits a weight must be one of 32, 16, 8.* got 9"),
        (dict(bits=True), "bits a weight"),
        (dict(bits=8, per="pixel"), "tensor or channel"),
        (dict(bits=5, first_bits=4), "first layer must be a whole number from 5 to 16, got 4"),
        (dict(bits=5, first_bits=17), "from 5 to 16, got 17"),
        (dict(bits=16, first_bits=8), "from 16 to 16, got 8"),
        (dict(bits=0, first_bits=8), "from 0 to 0, got 8"),
    ],
)
def test_a_coding_that_no_file_has_is_refused(given, match):
    with pytest.raises(CoinError, match=match):
        Coding(**given)


@given(arches, st.sampled_from(Coding.PLAIN), st.sampled_from([(12, 16), (1, 1)]))
def test_n_bytes_is_the_length_of_the_file(arch, bits, shape):
    assert arch.n_bytes(bits) == len(pack_model(Siren(arch), shape, bits))


def test_integers_have_more_bits_in_the_first_layer():
    arch = Arch(2, 4)
    assert np.array_equal(Coding(16).widths(arch), [16] * 47)
    assert np.array_equal(Coding(5).widths(arch), [9] * 12 + [5] * 35)
    assert np.array_equal(Coding(5, first_bits=6).widths(arch), [6] * 12 + [5] * 35)


@given(st.floats(1e-4, 100), shapes)
def test_a_rate_allows_so_many_bytes_and_not_one_more(rate, shape):
    n_bytes = bytes_within(rate, shape)
    assert bpp(n_bytes, shape) <= rate < bpp(n_bytes + 1, shape)
