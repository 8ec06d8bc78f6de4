"""The likely mistakes in notebook 05's exercises are named, and its helpers do what they say."""

import numpy as np
import pytest

from coin_edu import Arch, Siren, quantize
from coin_edu.arch import Coding
from coin_edu.course import nb05
from coin_edu.data import recorded
from coin_edu.quantization import weight_vector


def rows(weight, bits, axis=1, how=np.rint, levels=lambda bits: 2 ** (bits - 1) - 1, back=True):
    step = np.abs(weight).max(axis=axis, keepdims=True) / levels(bits)
    step = np.where(step > 0, step, 1)
    return how(weight / step) * (step if back else 1)


@pytest.mark.parametrize(
    "slip, text",
    [
        ({"axis": 0}, "a step a column"),
        ({"axis": None}, "one step for the whole matrix"),
        ({"levels": lambda bits: 2 ** (bits - 1)}, "one too many"),
        ({"levels": lambda bits: 2**bits - 1}, "one bit is for the sign"),
        ({"how": np.floor}, "rounded down"),
        ({"how": np.trunc}, "rounded toward zero"),
        ({"back": False}, "multiplies them by the step"),
    ],
)
def test_rows_rounded_wrongly(slip, text):
    assert nb05.quantize_rows(rows).ok
    verdict = nb05.quantize_rows(lambda weight, bits: rows(weight, bits, **slip))
    assert not verdict.ok and text in verdict.text


def test_a_row_of_zeros_divided_by_itself():
    def answer(weight, bits):
        step = np.abs(weight).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)
        return np.rint(weight / step) * step

    assert "a row of zeros became NaN" in nb05.quantize_rows(answer).text


def bells(k, sigma):
    return np.exp(-(k**2) / (2 * sigma**2))


def lengths(integers, sigma):
    most = np.abs(integers).max()
    every = np.arange(-most, most + 1)
    return -np.log2(bells(integers, sigma) / bells(every, sigma).sum())


def entropy_of_p(integers, sigma):
    p = 2 ** -lengths(np.arange(-np.abs(integers).max(), np.abs(integers).max() + 1), sigma)
    return -(p * np.log2(p)).sum()


@pytest.mark.parametrize(
    "answer, text",
    [
        (lambda q, sigma: -lengths(q, sigma).mean(), "the length is minus that"),
        (lambda q, sigma: np.log(2) * lengths(q, sigma).mean(), "in nats"),
        (lambda q, sigma: lengths(q, sigma).sum(), "the mean, please"),
        (lambda q, sigma: -np.log2(bells(q, sigma)).mean(), "do not sum to 1"),
        (lambda q, sigma: -np.log2(bells(q, sigma) / bells(q, sigma).sum()).mean(), "not over the integers given"),
        (
            lambda q, sigma: -np.log2(bells(q, sigma) / bells(np.unique(q), sigma).sum()).mean(),
            "also those that do not occur",
        ),
        (
            lambda q, sigma: -np.log2(bells(q, sigma) / sigma / np.sqrt(2 * np.pi)).mean(),
            "that is the density's integral",
        ),
        (entropy_of_p, "how often each k occurs"),
        (lambda q, sigma: lengths(np.unique(q), sigma).mean(), "as often as it occurs"),
    ],
)
def test_mispriced_integers(answer, text):
    assert nb05.code_length(lambda q, sigma: lengths(q, sigma).mean()).ok
    verdict = nb05.code_length(answer)
    assert not verdict.ok and text in verdict.text


def allot(harms, lengths, budget, quotient=4, each=lambda length: length, skip=True):
    harms, bits = list(harms), [2] * len(harms)
    while True:
        left = budget - np.dot(bits, lengths)
        room = [i for i, length in enumerate(lengths) if length <= left] if skip else range(len(harms))
        if not room:
            return bits
        best = max(room, key=lambda i: harms[i] / each(lengths[i]))
        if lengths[best] > left:
            return bits
        bits[best] += 1
        harms[best] /= quotient


@pytest.mark.parametrize(
    "answer, text",
    [
        (lambda *given: None, "gave None; expected a number of bits for each"),
        (lambda harms, lengths, budget: [2], "a number of bits for each of the 2 layers"),
        (lambda harms, lengths, budget: [3.0] * len(harms), "expected whole numbers"),
        (lambda harms, lengths, budget: [1] * len(harms), "expected whole numbers, 2 at least"),
        (lambda harms, lengths, budget: [9] * len(harms), "which takes 180 bits"),
        (lambda *given: allot(*given, each=lambda length: 1), "divide a layer's gain by its number of weights"),
        (lambda *given: allot(*given, quotient=2), "a quarter of the harm, not half"),
        (lambda *given: allot(*given, quotient=1), "all went to one layer"),
        (lambda *given: allot(*given, skip=False), "go on with the layers that there is room for"),
        (lambda harms, lengths, budget: [budget // sum(lengths)] * len(harms), "Hint: the next bit"),
    ],
)
def test_bits_allotted_badly(answer, text):
    assert nb05.allot(allot).ok
    verdict = nb05.allot(answer)
    assert not verdict.ok and text in verdict.text


def test_one_layer_alone_is_rounded():
    model = Siren(Arch(3, 8))
    rounded = quantize(model, 4)
    expected, second = weight_vector(model), slice(24, 96)  # after 8 x 3 weights and biases, 8 x 9
    expected[second] = weight_vector(rounded)[second]
    assert np.array_equal(weight_vector(nb05.one_layer(model, rounded, 1)), expected)


def test_the_integers_are_those_of_a_file():
    arch = Arch(2, 6)
    runs = nb05.integers(Siren(arch), 5)
    assert [len(run) for run in runs] == Coding().groups(arch)
    assert [np.abs(run).max() for run in runs] == [255, 255, 15, 15, 15, 15]


def test_the_tables_say_what_the_notebook_says():
    ways = nb05.recorded_ways()
    assert all(len(sizes) == len(psnrs) >= 3 for sizes, psnrs in ways.values())
    rows = [line.split(",") for line in recorded("bits.csv").read_text().splitlines()]
    floats, half = (float(row[-1]) for row in rows[1:3])
    assert floats - half == pytest.approx(0.01, abs=0.005)
    assert floats - ways["all layers alike"][1][0] == pytest.approx(4.1, abs=0.05)
    assert floats - ways["the same, fitted through it"][1][2] < 0.2
    means = []
    for name, start in (("kodak_entropy.csv", "0.3,10x45,"), ("kodak_fits.csv", "10x28,")):
        header, *lines = recorded(name).read_text().splitlines()
        psnrs = [float(line.split(",")[header.split(",").index("psnr_db")]) for line in lines if line.startswith(start)]
        assert len(psnrs) == 24
        means.append(np.mean(psnrs))
    assert means == pytest.approx([29.1, 26.9], abs=0.05)
