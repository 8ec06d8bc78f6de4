import re
from dataclasses import FrozenInstanceError, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coin_edu import Arch, CoinError, Siren, bpp, pack_model
from coin_edu.coding import Coding

shapes = st.tuples(st.integers(1, 120), st.integers(1, 120))
outputs, frequencies = st.integers(1, 4), st.integers(0, 4)
arches = st.builds(Arch, st.integers(1, 5), st.integers(1, 12), fourier=frequencies, outputs=outputs) | st.builds(
    lambda widths, **settings: Arch(len(widths), max(widths), widths=tuple(widths), **settings),
    st.lists(st.integers(1, 12), min_size=1, max_size=5),
    fourier=frequencies,
    outputs=outputs,
    ratio=st.floats(1.1, 4),
)


@pytest.mark.parametrize(
    "depth, width, n_weights, rate",
    [
        (5, 20, 1803, 0.0734),
        (5, 30, 3903, 0.1588),
        (10, 28, 7479, 0.3043),
        (10, 40, 15003, 0.6105),
        (13, 49, 29697, 1.2084),
    ],
)
def test_the_papers_architectures_have_the_papers_sizes(depth, width, n_weights, rate):
    assert Arch(depth, width).n_weights == n_weights
    assert round(Arch(depth, width).bpp((512, 768)), 4) == rate
    assert round(Arch(depth, width).bpp((512, 768), bits=8), 4) == pytest.approx(rate / 2, abs=1e-4)


@given(arches)
def test_weights_are_counted_as_the_network_has_them(arch):
    assert arch.n_weights == sum(p.numel() for p in Siren(arch).parameters())
    assert arch.n_weights == sum(rows * columns + rows for rows, columns in arch.layer_shapes)
    assert arch.n_first == sum(p.numel() for p in Siren(arch).layers[0].parameters())
    assert arch.n_last == sum(p.numel() for p in Siren(arch).layers[-1].parameters())


@given(st.floats(0.01, 12), shapes, st.sampled_from(Coding.PLAIN))
def test_for_bpp_never_exceeds_the_budget(rate, shape, bits):
    try:
        arch = Arch.for_bpp(rate, shape, bits)
    except CoinError:
        assert bpp(Arch(1, 1).n_bytes(bits), shape) > rate
        return
    assert bpp(pack_model(Siren(arch), shape, bits), shape) <= rate
    wider = replace(arch, width=arch.width + 1)
    assert bpp(wider.n_bytes(bits), shape) > rate, "a wider network fits as well"


@pytest.mark.parametrize("rate", [0.0734, 0.1588, 0.3043, 0.6105, 1.2084])
def test_for_bpp_chooses_an_aspect_like_the_papers(rate):
    arch = Arch.for_bpp(rate + 0.01, (512, 768))
    assert 2 < arch.width / arch.depth < 6
    assert arch.bpp((512, 768)) > 0.9 * rate


@given(shapes, st.sampled_from(Coding.PLAIN))
def test_the_smallest_possible_rate_is_named_and_suffices(shape, bits):
    with pytest.raises(CoinError, match="Raise the rate") as caught:
        Arch.for_bpp(0, shape, bits)
    named = float(re.search(r"bytes, ([\d.e+]+) bpp", str(caught.value))[1])
    assert named == pytest.approx(bpp(Arch(1, 1).n_bytes(bits), shape), rel=1e-3)
    assert Arch.for_bpp(named, shape, bits) == Arch(1, 1)


@given(shapes, st.sampled_from(Coding.PLAIN))
def test_exactly_the_smallest_rate_suffices(shape, bits):
    assert Arch.for_bpp(bpp(Arch(1, 1).n_bytes(bits), shape), shape, bits) == Arch(1, 1)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), -float("inf")])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(CoinError, match="bpp"):
        Arch.for_bpp(rate, (12, 16))


@pytest.mark.parametrize(
    "name, value",
    [
        ("depth", 0),
        ("depth", 256),
        ("depth", 2.5),
        ("depth", "5"),
        ("width", 0),
        ("width", -1),
        ("width", 65536),
        ("width", None),
        ("fourier", -1),
        ("fourier", 17),
        ("inputs", 0),
        ("outputs", 256),
        ("activation", "sin"),
        ("activation", None),
        ("omega_0", 0.0),
        ("omega_0", -30.0),
        ("omega_0", float("nan")),
        ("omega_0", float("inf")),
        ("omega_0", 1e-38),
        ("omega_0", 1e10),
        ("omega_0", "30"),
        ("omega_first", 0.0),
        ("omega_first", float("inf")),
        ("omega_first", None),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(CoinError, match=f"{name} must be") as caught:
        Arch(**{"depth": 5, "width": 20, name: value})
    assert repr(value) in str(caught.value)


def test_an_arch_is_a_value():
    assert Arch(10, 28) == Arch(10, 28) != Arch(10, 28, activation="relu")
    assert len({Arch(10, 28), Arch(10, 28)}) == 1
    assert str(Arch(10, 28)) == "10x28"
    with pytest.raises(FrozenInstanceError):
        Arch(10, 28).depth = 5


def test_widths_that_are_all_alike_are_one_width():
    assert Arch(2, 8, widths=(8, 8)) == Arch(2, 8) and Arch(2, 8, widths=[8, 4]).hidden == (8, 4)
    assert Arch(2, 8, ratio=1.5) == Arch(2, 8), "without Fourier features the ratio means nothing"
    assert Arch(2, 8, fourier=2, ratio=1.5) != Arch(2, 8, fourier=2)
    kinds = Arch(2, 8), Arch(2, 8, fourier=9), Arch(2, 8, fourier=2, ratio=1.5), Arch(2, 8, widths=(8, 4))
    assert [arch.is_version_1 for arch in kinds] == [True, True, False, False]


@pytest.mark.parametrize("text", ["48-24-16", " 48-24-16 "])
def test_a_text_names_each_width(text):
    arch = Arch.of(text)
    assert (arch.depth, arch.width, arch.widths) == (3, 48, (48, 24, 16)) and str(arch) == "48-24-16"
    assert Arch.of(arch) is arch and arch.features > 2


@pytest.mark.parametrize(
    "text", ["", "8", "8-", "-8", "8-4-", "8 - 4", "8--4", "8x4-2", "8,4", "9" * 5000 + "-3", None, 8]
)
def test_a_text_that_names_no_network_is_refused(text):
    with pytest.raises(CoinError, match="an architecture is"):
        Arch.of(text)


@pytest.mark.parametrize(
    "settings, match",
    [
        (dict(widths=(8, 4)), "widths are 3 numbers, the largest 8"),
        (dict(widths=(8, 4, 9)), "widths are 3 numbers, the largest 8"),
        (dict(widths=(7, 4, 4)), "widths are 3 numbers, the largest 8"),
        (dict(widths=8), r"widths are 3 numbers, the largest 8, got \(8,\)"),
        (dict(widths=None), "each of widths must be a whole number"),
        (dict(widths="884"), "each of widths must be a whole number"),
        (dict(widths=(8, 4, 0)), "each of widths must be a whole number from 1 to 65535"),
        (dict(widths=(8, 4, 2.5)), "each of widths must be a whole number"),
        (dict(ratio=1), "ratio must be over 1"),
        (dict(ratio=4.5), "ratio must be over 1"),
        (dict(ratio=float("nan")), "ratio"),
        (dict(ratio="2"), "ratio"),
        (dict(fourier=16, ratio=2.1), r"ratio\^15 at most 2\^15"),
    ],
)
def test_layers_and_frequencies_out_of_range_are_refused(settings, match):
    with pytest.raises(CoinError, match=match):
        Arch(3, 8, **settings)


@given(st.floats(0.01, 3), st.tuples(st.integers(16, 3000), st.integers(16, 3000)), st.integers(2, 9))
def test_narrowing_fills_the_budget_and_narrows(rate, shape, depth):
    budget = rate * shape[0] * shape[1] / 8
    try:
        arch = Arch.narrowing(rate, shape, depth)
    except CoinError:
        assert int(budget) < Arch(1, 1).n_bytes(6), "no network fits"
        return
    if arch.is_version_1:
        assert budget < 1500
        return
    assert all(before >= after for before, after in pairwise(arch.hidden)) and len(arch.widths) == depth
    assert 4 * arch.n_weights / 8 < budget < 8 * arch.n_weights / 8, "at 4 to 8 bits a weight"
    period = 2 / arch.ratio ** (arch.fourier - 1) * max(shape) / 2
    assert 6 / arch.ratio < period < 6 * arch.ratio or arch.fourier == Arch.MAX_FOURIER


def test_fourier_features_widen_the_first_layer():
    assert Arch(2, 8).layer_shapes == ((8, 2), (8, 8), (3, 8))
    assert Arch(2, 8, fourier=5).layer_shapes == ((8, 20), (8, 8), (3, 8))
