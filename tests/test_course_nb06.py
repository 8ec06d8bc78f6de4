"""Notebook 06's exercises: right answers pass, likely slips meet their word; and its tables say what its text does."""

import numpy as np
import pytest
import torch

from coin_edu import metrics
from coin_edu.course import nb06
from coin_edu.data import published
from coin_edu.study.curves import Row, average
from tests.exercises import cases, changed, meets, passes


def bisection(fits=lambda data, n_bytes: len(data) <= n_bytes, start=1, shift=0, middle=lambda a, b: (a + b) // 2):
    def answer(compress, n_bytes):
        if start == 1 and not fits(compress(1), n_bytes):
            return None
        low, high = start, 96
        while high - low > 1:
            half = middle(low, high)
            low, high = (half, high) if fits(compress(half), n_bytes) else (low, half)
        return low + shift

    return answer


def scan(compress, n_bytes):
    return max((quality for quality in range(1, 96) if len(compress(quality)) <= n_bytes), default=None)


def recursive(compress, n_bytes, low=0, high=96):
    if high - low == 1:
        return low or None
    middle = (low + high) // 2
    return recursive(compress, n_bytes, *((middle, high) if len(compress(middle)) <= n_bytes else (low, middle)))


def by_bits(compress, n_bytes):
    quality = 0
    for step in (64, 32, 16, 8, 4, 2, 1):
        if quality + step <= 95 and len(compress(quality + step)) <= n_bytes:
            quality += step
    return quality if quality else None


def with_best(compress, n_bytes):
    low, high, best = np.int64(1), np.int64(95), None
    while low <= high:
        middle = (low + high) // 2
        if len(compress(middle)) <= n_bytes:
            best, low = middle, middle + 1
        else:
            high = middle - 1
    return best


def forever(compress, n_bytes):
    while True:
        compress(50)


def pooled(p, divisor=10.0, mean=np.mean):
    return 10 * np.log10(255**2 / mean(255**2 / 10 ** (p / divisor)))


def averages(p):
    return p.mean(), pooled(p)


def averages_by_loop(psnrs):
    errors = [10 ** (-psnr / 10) for psnr in psnrs]
    return [sum(psnrs) / len(psnrs), -10 * np.log10(sum(errors) / len(errors))]


def averages_in_torch(psnrs):
    p = torch.as_tensor(psnrs)
    return torch.stack([p.mean(), -10 * torch.log10(torch.mean(10 ** (-p / 10)))])


def bd_rate(log=np.log, exp=np.exp, low=max, high=min, percent=100, one=1, swap=1, mean_after=False, samples=1000):
    def answer(reference, test):
        ends = [(curve[0, 1], curve[-1, 1]) for curve in (reference, test)]
        q = np.linspace(low(e[0] for e in ends), high(e[1] for e in ends), samples)
        logs = [np.interp(q, curve[:, 1], log(curve[:, 0])) for curve in (reference, test)]
        difference = swap * (logs[1] - logs[0])
        ratio = np.mean(exp(difference)) if mean_after else exp(np.mean(difference))
        return percent * (ratio - one)

    return answer


def straight(mean_after):
    def answer(reference, test):
        q = np.linspace(max(reference[0, 1], test[0, 1]), min(reference[-1, 1], test[-1, 1]), 1000)
        mine, others = (np.interp(q, curve[:, 1], curve[:, 0]) for curve in (test, reference))
        return 100 * (mine.mean() / others.mean() if mean_after else np.exp(np.log(mine / others).mean())) - 100

    return answer


def by_trapezoids(reference, test):
    (r, p), (s, q) = reference.T, test.T
    at = np.union1d(np.r_[p, q], [])
    at = at[(at >= max(p[0], q[0])) & (at <= min(p[-1], q[-1]))]
    difference = np.interp(at, q, np.log2(s)) - np.interp(at, p, np.log2(r))
    area = ((difference[1:] + difference[:-1]) / 2 * np.diff(at)).sum()
    return [100 * (2 ** (area / (at[-1] - at[0])) - 1)][0]


def per_point(reference, test):
    return 100 * (np.exp(np.mean(np.log(test[:, 0] / reference[:, 0]))) - 1)


RIGHT = {
    "best_quality": [bisection(), recursive, by_bits, with_best, changed(bisection(), lambda q: q and np.array(q))],
    "averages": [averages, averages_by_loop, averages_in_torch, changed(averages, np.float32)],
    "bd_rate": [
        bd_rate(),
        bd_rate(log=np.log10, exp=lambda x: 10**x),
        bd_rate(samples=20_000),
        by_trapezoids,
        changed(bd_rate(), torch.tensor),
        changed(bd_rate(), np.float32),
    ],
}

WRONG = {
    "best_quality": [
        (bisection(lambda data, n: len(data) < n), "a file of exactly the budget is allowed"),
        (bisection(shift=1), "that file is too long"),
        (bisection(lambda data, n: len(data) <= 8 * n), "eight times the budget"),
        (bisection(lambda data, n: 8 * len(data) <= n), "quality"),
        (bisection(start=0), "not even quality 1 fits"),
        (bisection(middle=lambda low, high: (low + high) / 2), "whole numbers of type int"),
        (bisection(middle=lambda low, high: float((low + high) // 2)), "whole numbers of type int"),
        (changed(bisection(), float), "whole numbers of type int"),
        (scan, "files were written"),
        (forever, "does your loop end?"),
        (lambda compress, n: len(compress(96)), "a quality is from 1 to 95"),
        (lambda compress, n: compress(bisection()(compress, n) or 1), "return its quality"),
        (lambda compress, n: len(compress(bisection()(compress, n) or 1)), "the file's length"),
        (lambda compress, n: bisection()(compress, n) and None, "is the return missing?"),
        (lambda compress, n: 59, "expected"),
    ],
    "averages": [
        (lambda p: averages(p)[::-1], "in the other order"),
        (lambda p: (p.mean(), p.mean()), "turn each into an error first"),
        (lambda p: (p.mean(), 20 * np.log10(255 / np.mean(255 / 10 ** (p / 20)))), "divide by 10"),
        (lambda p: (p.mean(), 10 * np.log10(np.mean(10 ** (p / 10)))), "mind the sign"),
        (lambda p: (p.mean(), pooled(p, mean=np.sum)), "of the sum of the errors"),
        (lambda p: (p.mean(), pooled(p, mean=np.median)), "the median error"),
        (lambda p: (p.sum(), pooled(p)), "the first is a sum"),
        (lambda p: (p.mean(), np.mean(255**2 / 10 ** (p / 10))), "turn it back into dB"),
        (lambda p: (p.mean(), np.log(10) * pooled(p)), "np.log10"),
        (lambda p: pooled(p), "return both"),
        (lambda p: p.mean(), "return both"),
        (lambda p: (p.mean(), 10 * np.log10(255**2 / np.mean(255**2 / 10 ^ (p / 10)))), "a power is **"),
        (lambda p: None, "is the return missing?"),
    ],
    "bd_rate": [
        (bd_rate(swap=-1), "reference and test are exchanged"),
        (bd_rate(percent=1), "times 100"),
        (bd_rate(exp=lambda x: x + 1), "leads back to a ratio"),
        (bd_rate(one=0), "subtract 1 from the ratio"),
        (bd_rate(log=np.log10), "log10 goes with 10**x"),
        (bd_rate(exp=lambda x: 10**x), "log10 goes with 10**x"),
        (bd_rate(low=min, high=max), "np.interp goes on flat"),
        (bd_rate(mean_after=True), "the mean of the logarithms first"),
        (straight(mean_after=True), "the rate itself is interpolated"),
        (straight(mean_after=False), "the rate itself is interpolated"),
        (per_point, "one by one"),
        (lambda reference, test: -49, "expected"),
        (lambda reference, test: print(end=""), "is the return missing?"),
    ],
}


@pytest.mark.parametrize("case", cases(RIGHT))
def test_right_answers_pass(case):
    passes(nb06, *case)


@pytest.mark.parametrize("case", cases(WRONG))
def test_wrong_answers_meet_their_word(case):
    meets(nb06, *case)


def test_the_other_average_turns_the_order_around():
    by_psnr, by_error = nb06.coin_ahead(0.16)
    assert by_psnr == pytest.approx(0.65, abs=0.05) and by_error == pytest.approx(-0.2, abs=0.1)


def test_only_settings_with_all_pictures_count():
    for rows in nb06.kodak_rows().values():
        assert rows and len(rows) % 24 == 0 and len({row.picture for row in rows}) == 24


def test_a_picture_at_a_rate_lies_between_its_files():
    rows = [Row("A", str(rate), "one", 1, rate, psnr, 0.5) for rate, psnr in ((0.1, 20.0), (0.4, 30.0))]
    rows += [Row("A", "1", "two", 1, 1.0, 25.0, 0.5)]
    assert nb06.at_rate(rows, 0.2) == {"one": pytest.approx(25)}
    assert nb06.at_rate(rows, 0.99) == {"two": 25}


def test_the_tables_say_what_the_notebook_says():
    rows = nb06.kodak_rows()
    for rate, ahead in ((0.16, 16), (0.3, 1)):
        coin, jpeg = (nb06.at_rate(rows[name], rate) for name in ("COIN", "JPEG"))
        assert sum(coin[picture] > jpeg[picture] for picture in coin) == ahead and len(coin) == 24
    for rate in (0.16, 0.3, 0.596, 1.19):
        coded, jpeg = (nb06.at_rate(rows[name], rate) for name in ("COIN, entropy-coded", "JPEG"))
        assert sum(coded[picture] > jpeg[picture] for picture in coded) == len(coded) == 24
    curves = {name: average(some).points for name, some in rows.items()}
    percent = {name: metrics.bd_rate(curves[name], curves["COIN, entropy-coded"]) for name in nb06.CODECS}
    assert 2 < percent["JPEG2000"] < 5 and percent["WebP"] < -10 and percent["AVIF"] > 15
    shorter = metrics.bd_rate(curves["JPEG2000"], curves["COIN, entropy-coded"][:4])
    assert -6 < shorter < -4, "without the point at 1.2 bpp"
    coded, other = curves["COIN, entropy-coded"], curves["JPEG2000"]
    leads = coded[:, 1] - np.interp(np.log(coded[:, 0]), np.log(other[:, 0]), other[:, 1])
    assert leads[0] > leads[1] > 0.2 > abs(leads[2]) and -0.2 > leads[3] > leads[4]


def test_published_coin_meets_published_jpeg_near_0_3_bpp():
    rates = np.geomspace(0.23, 1, 500)
    coin, jpeg = (np.interp(np.log(rates), np.log(c.rates), c.psnrs) for c in map(published, ("COIN", "JPEG")))
    assert rates[coin > jpeg].max() == pytest.approx(0.32, abs=0.02)
