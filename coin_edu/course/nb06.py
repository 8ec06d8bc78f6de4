"""Checks of notebook 06, rate and distortion, and the recorded tables that its figures are drawn from."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from coin_edu.arch import Arch
from coin_edu.course import Answer, check, expect, expect_close, numbers, whole
from coin_edu.data import recorded
from coin_edu.metrics import psnr_of_mse
from coin_edu.study.curves import Row, average, complete, read_fits, read_rows

CODECS = ("JPEG", "JPEG2000", "WebP", "AVIF")


def kodak_rows() -> dict[str, list[Row]]:
    """What was measured on the 24 Kodak pictures, by codec: COIN in both codings, and four others."""
    name = "COIN, entropy-coded"
    rows = {
        "COIN": read_fits(recorded("kodak_fits.csv")),
        name: read_fits(recorded("kodak_narrowing.csv"), bits=None, codec=name, setting="budget_bpp"),
    }
    rows |= {codec: read_rows(recorded(f"results/{codec.lower()}.csv")) for codec in CODECS}
    pictures = [f"kodim{number:02}" for number in range(1, 25)]
    return {codec: complete(some, pictures) for codec, some in rows.items()}


def products(arch: Arch) -> int:
    """Multiplications for one pixel: one for each weight of the matrices."""
    return sum(n_out * n_in for n_out, n_in in arch.layer_shapes)


def at_rate(rows: Sequence[Row], rate: float) -> dict[str, float]:
    """The PSNR of each picture at one rate, on a straight line over the logarithm of the rate between its files.

    A picture whose files are all smaller or all larger, by more than 2 %, is left out.
    """
    found = {}
    for picture in sorted({row.picture for row in rows}):
        rates, psnrs = zip(*sorted((row.bpp, row.psnr) for row in rows if row.picture == picture), strict=True)
        if rates[0] <= 1.02 * rate and rate <= 1.02 * rates[-1]:
            found[picture] = float(np.interp(np.log(rate), np.log(rates), psnrs))
    return found


def coin_ahead(rate: float = 0.16) -> tuple[float, float]:
    """By how many dB COIN leads JPEG on Kodak: with the mean of PSNRs, and with the PSNR of the mean error."""
    rows = kodak_rows()
    coin, jpeg = (_both_at(rows[codec], rate) for codec in ("COIN", "JPEG"))
    return coin[0] - jpeg[0], coin[1] - jpeg[1]


def _both_at(rows: Sequence[Row], rate: float) -> tuple[float, float]:
    groups = [[row for row in rows if row.setting == setting] for setting in {row.setting for row in rows}]
    points = sorted((fmean(row.bpp for row in group), *_both([row.psnr for row in group])) for group in groups)
    rates, means, pooled = np.array(points).T
    return float(np.interp(np.log(rate), np.log(rates), means)), float(np.interp(np.log(rate), np.log(rates), pooled))


def _both(psnrs: Sequence[float]) -> tuple[float, float]:
    """The mean PSNR, and the PSNR of the mean squared error."""
    return float(np.mean(psnrs)), psnr_of_mse(float(np.mean(255**2 / 10 ** (np.array(psnrs) / 10))))


@check(
    nudge="keep two qualities, low that fits and high that does not; print both, and the one you try, in each round",
    formula="low, high = 1, 96; while high - low > 1: middle = (low + high) // 2; low = middle if "
    "len(compress(middle)) <= n_bytes, else high = middle; return low",
)
def best_quality(answer: Answer) -> str:
    """Exercise 1: JPEG's quality for a budget, by bisection; longest, shortest, exact, and impossible budgets."""
    draw = answer.rng.integers
    for place in range(6):
        lengths = np.cumsum(draw(1, 60, 96)) + 300  # of quality 0, which is none, and of 1 to 95
        quality = int((draw(30, 80), draw(30, 80), 95, 1, 0, draw(5, 90))[place])
        n_bytes = int(lengths[quality] + (0 if place in (1, 4) else draw(0, 30)))
        tried: list[int] = []

        def compress(*given: object, lengths: np.ndarray = lengths, tried: list[int] = tried) -> bytes:
            expect(len(given) == 1, f"compress{given}: it takes one argument", "the quality")
            (quality,) = given
            tried.append(int(whole(quality, "the quality that you gave to compress", ())))
            expect(1 <= tried[-1] <= 95, f"compress({quality}): a quality is from 1 to 95", "96 does not exist: no try")
            expect(len(tried) <= 100, "more than 100 files were written", "does your loop end?")
            return bytes(int(lengths[tried[-1]]))

        fits = np.flatnonzero(lengths[1:] <= n_bytes) + 1
        right = int(fits[-1]) if len(fits) else None
        case = f"best_quality for {n_bytes} bytes, files of {lengths[1]} to {lengths[95]} bytes"
        got = answer(compress, n_bytes)
        if right is None:
            expect(got is None, f"{case}: expected None, got {got!r}", "not even quality 1 fits: try that first")
            continue
        expect(not isinstance(got, bytes), f"{case}: that is a file", "return its quality")
        at = np.searchsorted(lengths[1:], (8 * n_bytes, n_bytes // 8), side="right")
        mistakes = [
            (right - 1, "one quality more still fits", "a file of exactly the budget is allowed: <="),
            (right + 1, "that file is too long", "return the quality that fits, low"),
            (at[0], "that fits eight times the budget", "len(data) is in bytes already"),
            (at[1], "that fits an eighth of the budget", "n_bytes is in bytes, as len(data) is"),
            (lengths[right], "that is the file's length", "return its quality"),
        ]
        expect_close(got, right, case, mistakes=mistakes, tolerance=1e-9)
        whole(got, case)
        many = f"{case}: right, but {len(tried)} files were written", "halving the gap needs 8 at the most"
        expect(len(tried) <= 8, *many)
    return "eight files at the most, instead of ninety-five, and the best one that fits"


@check(
    nudge="solve the formula of the PSNR for the MSE, and try yours on one PSNR: there and back it must be the same",
    formula="np.mean(psnrs), 10 * np.log10(255**2 / np.mean(255**2 / 10**(psnrs / 10)))",
)
def averages(answer: Answer) -> str:
    """Exercise 2: the mean PSNR, and the PSNR of the mean error."""
    for length in (2, 3, 7):
        psnrs = np.round(answer.rng.uniform(18, 26, length) + 14 * (np.arange(length) == 0), 1)
        mean, pooled = _both(list(psnrs))
        errors = 255**2 / 10 ** (psnrs / 10)
        mistakes = [
            ((pooled, mean), "the two are in the other order", "the mean of the PSNRs comes first"),
            ((mean, mean), "both are the mean of the PSNRs", "turn each into an error first"),
            ((pooled, pooled), "both are the PSNR of the mean error", "the first is the mean as it is"),
            ((mean, -20 * np.log10(np.mean(10 ** (-psnrs / 20)))), "the errors' roots are averaged", "divide by 10"),
            ((mean, 10 * np.log10(np.mean(10 ** (psnrs / 10)))), "a large PSNR is a small error", "mind the sign"),
            ((mean, -pooled), "the second has the wrong sign", "the peak is above the line"),
            ((mean, 10 * np.log10(255**2 / errors.sum())), "the second is of the sum of the errors", "np.mean"),
            ((mean, errors.mean()), "the second is the mean error itself", "turn it back into dB"),
            ((mean, 10 * np.log10(255**2 / np.median(errors))), "the second is of the median error", "np.mean"),
            ((mean, np.log(10) * pooled), "np.log is the natural logarithm", "np.log10"),
            ((np.median(psnrs), pooled), "the first is the median", "np.mean"),
            ((psnrs.sum(), pooled), "the first is a sum", "np.mean"),
            (pooled, "that is the second alone", "return both"),
            (mean, "that is the first alone", "return both"),
        ]
        expect_close(answer(psnrs), (mean, pooled), f"averages({psnrs.tolist()})", mistakes=mistakes)
    by_psnr, by_error = coin_ahead()
    return (
        f"and it matters: on Kodak at 0.16 bpp, COIN is {by_psnr:+.1f} dB from JPEG by the first average "
        f"and {by_error:+.1f} dB by the second"
    )


@check(
    nudge="plot both log rates over your PSNRs: is the range that which both reach? then average their difference",
    formula="q = np.linspace(low, high, 1000); 100 * (np.exp(np.mean(np.interp(q, psnrs_test, np.log(rates_test)) "
    "- np.interp(q, psnrs_reference, np.log(rates_reference)))) - 1)",
)
def bd_rate(answer: Answer) -> str:
    """Exercise 3: the mean difference in log rate, in percent."""
    draw = answer.rng.uniform
    for low, high in ((0.2, 0.8), (2, 6), (0.1, 0.5)):
        psnrs = np.cumsum(draw(1.5, 3, 5)) + 24
        reference = np.stack([0.05 * np.cumprod(draw(1.5, 3, 5)), psnrs], axis=1)
        rates = np.sort(reference[:, 0] * draw(low, high, 5))
        test = np.stack([rates, psnrs + draw(0.7, 1.4, 5)], axis=1)
        right = _bd_rate(reference, test)
        ends = [curve[end, 1] for end in (0, -1) for curve in (reference, test)]
        q, wide = np.linspace(ends[1], ends[2], 1000), np.linspace(ends[0], ends[3], 1000)
        logs = _log_rate(test, q) - _log_rate(reference, q)
        straight = np.interp(q, test[:, 1], test[:, 0]), np.interp(q, reference[:, 1], reference[:, 0])
        outside = "PSNRs that only one curve reaches count here", "np.interp goes on flat where nothing was measured"
        line = "the rate itself is interpolated", "np.interp of np.log(rates)"
        mistakes = [
            (
                _bd_rate(test, reference),
                "reference and test are exchanged",
                "fewer bits than the reference is negative",
            ),
            (right / 100, "that is a share", "in percent: times 100"),
            (100 * logs.mean(), "the mean difference of the logarithms", "np.exp leads back to a ratio of rates"),
            (100 * np.exp(logs.mean()), "100 % is an equal rate", "subtract 1 from the ratio"),
            (100 * np.expm1(logs.mean() / np.log(10)), "log10 with exp", "log10 goes with 10**x, and log with exp"),
            (100 * np.expm1(logs.mean() * np.log(10)), "log with 10**x", "log10 goes with 10**x, and log with exp"),
            (100 * np.expm1(logs).mean(), "the ratios are averaged", "the mean of the logarithms first, then exp"),
            (100 * np.expm1((_log_rate(test, wide) - _log_rate(reference, wide)).mean()), *outside),
            (100 * (straight[0].mean() / straight[1].mean() - 1), *line),
            (100 * (straight[0] / straight[1] - 1).mean(), *line),
            (100 * np.expm1(np.log(straight[0] / straight[1]).mean()), *line),
            (
                100 * np.expm1(np.log(test[:, 0] / reference[:, 0]).mean()),
                "the points are compared one by one",
                "PSNRs",
            ),
        ]
        got, what = answer(reference, test), f"bd_rate of two curves from {q[0]:.1f} to {q[-1]:.1f} dB"
        expect_close(got, right, what, tolerance=0.002, mistakes=mistakes)
    jpeg, coin = (average(kodak_rows()[name]).points for name in ("JPEG", "COIN"))
    found = float(numbers(answer(jpeg, coin), "bd_rate(JPEG, COIN)"))
    return f"on Kodak, COIN by your function: {found:+.1f} % against JPEG"


def _log_rate(points: np.ndarray, psnrs: np.ndarray) -> np.ndarray:
    return np.interp(psnrs, points[:, 1], np.log(points[:, 0]))


def _bd_rate(reference: np.ndarray, test: np.ndarray) -> float:
    """With straight lines where :func:`coin_edu.bd_rate` has a cubic."""
    q = np.linspace(max(reference[0, 1], test[0, 1]), min(reference[-1, 1], test[-1, 1]), 1000)
    return float(100 * np.expm1((_log_rate(test, q) - _log_rate(reference, q)).mean()))
