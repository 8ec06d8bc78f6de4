"""Checks of notebook 06, rate and distortion, and the recorded tables that its figures are drawn from."""

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np

from coin_edu.course import Wrong, check, expect, expect_close
from coin_edu.data import recorded
from coin_edu.metrics import psnr_of_mse
from coin_edu.study.curves import Row, average, complete, read_fits, read_rows

CODECS = ("JPEG", "JPEG2000", "WebP", "AVIF")


def kodak_rows() -> dict[str, list[Row]]:
    """What was measured on the 24 Kodak pictures, by codec: COIN in both codings, and four others."""
    name = "COIN, entropy-coded"
    rows = {
        "COIN": read_fits(recorded("kodak_fits.csv")),
        name: read_fits(recorded("kodak_entropy.csv"), bits=None, codec=name, setting="budget_bpp"),
    }
    rows |= {codec: read_rows(recorded(f"results/{codec.lower()}.csv")) for codec in CODECS}
    pictures = [f"kodim{number:02}" for number in range(1, 25)]
    return {codec: complete(some, pictures) for codec, some in rows.items()}


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


@check
def best_quality(answer: Callable[[Callable[[int], bytes], int], int | None]) -> str:
    """Exercise 1: JPEG's quality for a budget, by bisection."""
    for start, slope, n_bytes in ((10, 10, 605), (10, 10, 600), (10, 10, 15), (400, 3, 2000), (400, 3, 685)):
        tried: list[int] = []

        def compress(quality: int, start: int = start, slope: int = slope, tried: list[int] = tried) -> bytes:
            expect(quality in range(1, 96), f"compress({quality}): a quality is a whole number from 1 to 95")
            tried.append(quality)
            expect(len(tried) <= 100, "more than 100 files written: does your loop end?")
            return bytes(start + slope * quality)

        got = answer(compress, n_bytes)
        right = _fitting(start, slope, n_bytes)
        case = f"best_quality for files of {start} + {slope} x quality bytes, budget {n_bytes}"
        if right is None and got is not None:
            raise Wrong(f"{case}: not even quality 1 fits, so the answer is None; yours is {got}")
        if right is not None and got != right:
            mistakes = {
                right - 1: "one quality more still fits; a file of exactly the budget is allowed",
                right + 1: "that file is too long",
                _fitting(start, slope, 8 * n_bytes): "that fits eight times the budget; len(data) is in bytes already",
                _fitting(start, slope, n_bytes // 8): "that fits an eighth of the budget; it is in bytes already",
            }
            if got is not None and got in mistakes:
                raise Wrong(f"{case}: expected {right}, got {got}; {mistakes[got]}")
            expect_close(got, right, case, "keep a quality that fits and one that does not, and halve the gap")
        expect(len(tried) <= 8, f"{case}: right, but {len(tried)} files were written; halving needs 8 at the most")
    return "eight files at the most, instead of ninety-five, and the best one that fits"


def _fitting(start: int, slope: int, n_bytes: int) -> int | None:
    return max((quality for quality in range(1, 96) if start + slope * quality <= n_bytes), default=None)


@check
def averages(answer: Callable[[np.ndarray], tuple[float, float]]) -> str:
    """Exercise 2: the mean PSNR, and the PSNR of the mean error."""
    for psnrs in ([20.0, 40.0], [18.0, 27.0, 33.0], [26.0, 26.0]):
        p = np.array(psnrs)
        mean, pooled = _both(psnrs)
        mistakes = [
            ((pooled, mean), "the two are in the other order: the mean of the PSNRs comes first"),
            ((mean, mean), "the second is not the mean of the PSNRs; turn each into an error first"),
            ((mean, -20 * np.log10(np.mean(10 ** (-p / 20)))), "a PSNR has 10 log10 of *squared* errors: divide by 10"),
            ((mean, 10 * np.log10(np.mean(10 ** (p / 10)))), "a large PSNR is a small error: mind the sign"),
            ((mean, -10 * np.log10(np.sum(10 ** (-p / 10)))), "the second is of the sum of the errors, not the mean"),
            ((mean, 255**2 * np.mean(10 ** (-p / 10))), "the second is the mean error itself: turn it back into dB"),
        ]
        what, hint = f"averages({psnrs})", "MSE = 255^2 / 10^(PSNR / 10), the mean of these, and back"
        expect_close(answer(p.copy()), (mean, pooled), what, hint, mistakes=mistakes)
    by_psnr, by_error = coin_ahead()
    return (
        f"and it matters: on Kodak at 0.16 bpp, COIN is {by_psnr:+.1f} dB from JPEG by the first average "
        f"and {by_error:+.1f} dB by the second"
    )


@check
def bd_rate(answer: Callable[[np.ndarray, np.ndarray], float]) -> str:
    """Exercise 3: the mean difference in log rate, in percent."""
    reference = np.array([(0.2, 28.0), (0.4, 31.0), (0.8, 33.0)])
    half = reference * (0.5, 1)
    crossing = np.array([(0.1, 27.0), (0.3, 29.5), (1.2, 32.5)])
    for test, name in ((half, "half the rate at each PSNR"), (crossing, "curves that cross")):
        right = _bd_rate(reference, test)
        (rates, psnrs), (others, test_psnrs) = reference.T, test.T
        low, high = max(psnrs[0], test_psnrs[0]), min(psnrs[-1], test_psnrs[-1])
        q = np.linspace(low, high, 1000)
        wide = np.linspace(min(psnrs[0], test_psnrs[0]), max(psnrs[-1], test_psnrs[-1]), 1000)
        logs = _log_rate(test, q) - _log_rate(reference, q)
        straight = np.interp(q, test_psnrs, others), np.interp(q, psnrs, rates)
        mistakes = [
            (_bd_rate(test, reference), "reference and test are exchanged; fewer bits than the reference is negative"),
            (right / 100, "in percent, please"),
            (100 * logs.mean(), "this is the mean difference of the logarithms; exp leads back to a ratio of rates"),
            (100 * np.exp(logs.mean()), "100 % is an equal rate: subtract 1 from the ratio"),
            (100 * np.expm1(logs.mean() / np.log(10)), "log10 goes with 10**x, and log with exp"),
            (100 * np.expm1(logs).mean(), "average the logarithms first, and only then take exp"),
            (100 * np.expm1((_log_rate(test, wide) - _log_rate(reference, wide)).mean()), OUTSIDE),
            (100 * (straight[0].mean() / straight[1].mean() - 1), "interpolate and average the logarithm of the rate"),
            (100 * np.expm1(np.log(straight[0] / straight[1]).mean()), "interpolate the logarithm of the rate"),
        ]
        got = answer(reference.copy(), test.copy())
        hint = "100 (exp(mean of log r_test - log r_reference) - 1), over the PSNRs that both reach"
        expect_close(got, right, name, hint, tolerance=0.01, mistakes=mistakes)
    jpeg, coin = (average(kodak_rows()[name]).points for name in ("JPEG", "COIN"))
    return f"on Kodak, COIN by your function: {answer(jpeg, coin):+.1f} % against JPEG"


OUTSIDE = "PSNRs that only one curve reaches count here: np.interp goes on flat where nothing was measured"


def _log_rate(points: np.ndarray, psnrs: np.ndarray) -> np.ndarray:
    return np.interp(psnrs, points[:, 1], np.log(points[:, 0]))


def _bd_rate(reference: np.ndarray, test: np.ndarray) -> float:
    """With straight lines where :func:`coin_edu.bd_rate` has a cubic."""
    q = np.linspace(max(reference[0, 1], test[0, 1]), min(reference[-1, 1], test[-1, 1]), 10_001)
    return float(100 * np.expm1((_log_rate(test, q) - _log_rate(reference, q)).mean()))
