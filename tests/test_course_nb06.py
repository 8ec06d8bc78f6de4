"""The likely mistakes in notebook 06's exercises are named, and its tables say what its text does."""

import numpy as np
import pytest

from coin_edu.course import nb06
from coin_edu.data import published
from coin_edu.study.curves import Row, average


def bisection(fits=lambda data, n_bytes: len(data) <= n_bytes, start=1, shift=0):
    def answer(compress, n_bytes):
        if start == 1 and not fits(compress(1), n_bytes):
            return None
        low, high = start, 96
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(compress(middle), n_bytes) else (low, middle)
        return low + shift

    return answer


def scan(compress, n_bytes):
    return max((quality for quality in range(1, 96) if len(compress(quality)) <= n_bytes), default=None)


def forever(compress, n_bytes):
    while True:
        compress(50)


@pytest.mark.parametrize(
    "answer, text",
    [
        (bisection(lambda data, n: len(data) < n), "a file of exactly the budget is allowed"),
        (bisection(shift=1), "that file is too long"),
        (bisection(lambda data, n: len(data) <= 8 * n), "eight times the budget"),
        (bisection(lambda data, n: 8 * len(data) <= n), "an eighth of the budget"),
        (bisection(start=0), "not even quality 1 fits, so the answer is None; yours is 0"),
        (scan, "95 files were written"),
        (forever, "does your loop end?"),
        (lambda compress, n: len(compress(47.5)), "a whole number from 1 to 95"),
        (lambda compress, n: len(compress(96)), "a whole number from 1 to 95"),
        (lambda compress, n: 7, "expected 59, got 7. Hint: keep a quality that fits"),
    ],
)
def test_budgets_missed(answer, text):
    assert nb06.best_quality(bisection()).ok
    assert not nb06.best_quality(answer).ok and text in nb06.best_quality(answer).text


def pooled(p, divisor=10.0, mean=np.mean):
    return 10 * np.log10(255**2 / mean(255**2 / 10 ** (p / divisor)))


@pytest.mark.parametrize(
    "answer, text",
    [
        (lambda p: (pooled(p), p.mean()), "in the other order"),
        (lambda p: (p.mean(), p.mean()), "turn each into an error first"),
        (lambda p: (p.mean(), 20 * np.log10(255 / np.mean(255 / 10 ** (p / 20)))), "divide by 10"),
        (lambda p: (p.mean(), 10 * np.log10(np.mean(10 ** (p / 10)))), "mind the sign"),
        (lambda p: (p.mean(), pooled(p, mean=np.sum)), "of the sum of the errors"),
        (lambda p: (p.mean(), np.mean(255**2 / 10 ** (p / 10))), "turn it back into dB"),
        (lambda p: pooled(p), "expected the shape (2,), got ()"),
    ],
)
def test_averages_mixed_up(answer, text):
    assert nb06.averages(lambda p: (p.mean(), pooled(p))).ok
    assert not nb06.averages(answer).ok and text in nb06.averages(answer).text


def bd_rate(log=np.log, exp=np.exp, low=max, high=min, percent=100, one=1, swap=1, mean_after=False):
    def answer(reference, test):
        ends = [(curve[0, 1], curve[-1, 1]) for curve in (reference, test)]
        q = np.linspace(low(e[0] for e in ends), high(e[1] for e in ends), 1000)
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


@pytest.mark.parametrize(
    "answer, text",
    [
        (bd_rate(swap=-1), "reference and test are exchanged"),
        (bd_rate(percent=1), "in percent, please"),
        (bd_rate(exp=lambda x: x + 1), "exp leads back to a ratio"),
        (bd_rate(one=0), "subtract 1 from the ratio"),
        (bd_rate(log=np.log10), "log10 goes with 10**x"),
        (bd_rate(low=min, high=max), "np.interp goes on flat"),
        (bd_rate(mean_after=True), "average the logarithms first"),
        (straight(mean_after=True), "logarithm of the rate"),
        (straight(mean_after=False), "logarithm of the rate"),
        (lambda reference, test: -49, "half the rate at each PSNR: expected -50, got -49. Hint"),
    ],
)
def test_bd_rates_gone_wrong(answer, text):
    assert nb06.bd_rate(bd_rate()).ok
    assert nb06.bd_rate(bd_rate(log=np.log10, exp=lambda x: 10**x)).ok
    assert not nb06.bd_rate(answer).ok and text in nb06.bd_rate(answer).text


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
    for rate, ahead in ((0.16, 14), (0.3, 1)):
        coin, jpeg = (nb06.at_rate(rows[name], rate) for name in ("COIN", "JPEG"))
        assert sum(coin[picture] > jpeg[picture] for picture in coin) == ahead and len(coin) == 24
    for rate in (0.16, 0.3):
        coded, jpeg = (nb06.at_rate(rows[name], rate) for name in ("COIN, entropy-coded", "JPEG"))
        assert sum(coded[picture] > jpeg[picture] for picture in coded) == len(coded) == 24
    jpeg, coded = (average(rows[name]) for name in ("JPEG", "COIN, entropy-coded"))
    assert np.interp(np.log(0.15), np.log(coded.rates), coded.psnrs) == pytest.approx(
        np.interp(np.log(0.15), np.log(jpeg.rates), jpeg.psnrs) + 3, abs=0.3
    )


def test_published_coin_meets_published_jpeg_near_0_3_bpp():
    rates = np.geomspace(0.23, 1, 500)
    coin, jpeg = (np.interp(np.log(rates), np.log(c.rates), c.psnrs) for c in map(published, ("COIN", "JPEG")))
    assert rates[coin > jpeg].max() == pytest.approx(0.32, abs=0.02)
