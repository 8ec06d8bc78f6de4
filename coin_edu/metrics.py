"""Rate and distortion: bits per pixel of a real file, PSNR, SSIM and frequencies of pictures, distances of curves.

The distance between two curves is Bjontegaard's (VCEG-M33, "Calculation of average PSNR differences between RD-curves",
2001), but with a piecewise cubic (PCHIP), which does not swing between points, for the one polynomial there.
"""

import math
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from coin_edu.errors import CoinError, check_whole
from coin_edu.files import AnyPath, content


def bpp(data_or_n_bytes: bytes | int | AnyPath, shape: tuple[int, ...]) -> float:
    """The rate in bits per pixel: 8 times the file's length over the number of pixels, header and checksum included.

    Parameters
    ----------
    data_or_n_bytes : bytes, path or int
        The file's bytes, where it is, or how many bytes it has.
    shape : tuple of int
        (height, width, ...) of the picture.

    Examples
    --------
    >>> bpp(14_958, (512, 768))
    0.304...
    """
    if isinstance(data_or_n_bytes, bytes | bytearray | memoryview | str | os.PathLike):
        n_bytes = len(content(data_or_n_bytes))
    else:
        n_bytes = check_whole("a file's length, or the file,", data_or_n_bytes, 0)
    if not (isinstance(shape, tuple | list) and len(shape) >= 2):
        raise CoinError(f"bpp: a picture's shape is (height, width, ...), got {shape!r}; image.shape has it")
    return 8 * n_bytes / (shape[0] * shape[1])


def psnr(original: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 pictures: 10 log10(255^2 / MSE), over all pixels and colors.

    Identical pictures have an infinite PSNR.

    Raises
    ------
    CoinError
        If the two are not uint8 arrays of one shape.

    Examples
    --------
    >>> image = np.full((8, 8, 3), 100, np.uint8)
    >>> round(psnr(image, image + np.uint8(5)), 2)  # an error of 5 everywhere: an MSE of 25
    34.15
    """
    _check_pair(original, other)
    # Row by row, in whole numbers: exact, and no copies that take several times the memory of a large picture.
    rows = zip(original, other, strict=True)
    error = sum(int(np.square(one.astype(np.int64) - two).sum()) for one, two in rows)
    return psnr_of_mse(error / original.size)


def psnr_of_mse(mse: float, peak: float = 255.0) -> float:
    """10 log10(peak^2 / mse) in dB; infinite for no error at all, NaN stays NaN."""
    return 10 * math.log10(peak**2 / mse) if mse != 0 else math.inf


def ssim(original: np.ndarray, other: np.ndarray) -> float:
    """Structural similarity, at most 1, of two uint8 pictures: the mean over a 7x7 window and the three colors.

    scikit-image's `structural_similarity` (Wang et al. 2004, doi 10.1109/TIP.2003.819861). A picture with a side under
    7 pixels takes the largest odd window that fits; under 3 there is none, and the answer is NaN.

    Raises
    ------
    CoinError
        If the two are not uint8 arrays of one shape.

    Examples
    --------
    >>> image = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    >>> round(ssim(image, image), 6), ssim(image, image[::-1]) < 0.5
    (1.0, True)
    """
    _check_pair(original, other)
    window = min(7, *original.shape[:2])
    window -= 1 - window % 2
    if window < 3:
        return math.nan
    from skimage.metrics import structural_similarity  # 0.5 s of import that only this function needs

    return float(structural_similarity(original, other, win_size=window, channel_axis=2, data_range=255))


def amplitudes(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much of each frequency a picture has, or a difference of two pictures.

    Parameters
    ----------
    picture : ndarray (H, W, 3)
        Of any numbers, negative ones too; the mean of the colors counts.

    Returns
    -------
    cycles : ndarray of int (n,)
        1, 2, ... to under half the pixels of the longer side: whole waves along that side.
    amplitude : ndarray (n,)
        The mean over all directions of the Fourier transform's absolute value.
    """
    gray = picture.mean(axis=2)
    height, width = gray.shape
    # Without a window, the jump from one border to the opposite one would count as detail.
    window = np.hanning(height)[:, None] * np.hanning(width)
    amplitude = np.abs(np.fft.rfft2((gray - gray.mean()) * window))
    longer = max(height, width)
    cycles = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)) * longer
    rings = cycles.round().astype(int).ravel()
    means = (np.bincount(rings, amplitude.ravel()) / np.maximum(np.bincount(rings), 1))[1 : longer // 2]
    return np.arange(1, 1 + len(means)), means


@dataclass(frozen=True)
class Curve:
    """What one codec reaches at several rates.

    Attributes
    ----------
    name : str
    kind : str
        "classical", "autoencoder" or "implicit".
    source : str
        Where the figures are published, or what measured them.
    rates : tuple of float
        Bits per pixel, ascending.
    psnrs : tuple of float
        In dB, one a rate.
    ssims : tuple of float
        One a rate, or none at all.
    measured : bool
        Whether the figures were measured here, on files; else they are as published.

    Examples
    --------
    >>> curve = Curve("mine", "implicit", "measured here", (0.15, 0.3), (25.1, 26.9), measured=True)
    >>> curve.points.tolist()
    [[0.15, 25.1], [0.3, 26.9]]
    """

    name: str
    kind: str
    source: str
    rates: tuple[float, ...]
    psnrs: tuple[float, ...]
    ssims: tuple[float, ...] = ()
    measured: bool = False

    @property
    def points(self) -> np.ndarray:
        """(n, 2): rate and PSNR, as :func:`bd_rate` takes them."""
        return np.column_stack([self.rates, self.psnrs])

    @property
    def label(self) -> str:
        """The name, and whether it is published."""
        return self.name if self.measured else f"{self.name} (published)"


def bd_rate(
    reference: "ArrayLike | Curve", test: "ArrayLike | Curve", within: tuple[float, float] | None = None
) -> float:
    """How many percent more bits `test` takes than `reference` for the same PSNR, on average; less is negative.

    The mean over the PSNRs that both reach of the difference in log rate.

    Parameters
    ----------
    reference, test : Curve, or (n, 2) array-like
        Rate in bits per pixel and PSNR in dB, in any order, two points or more.
    within : (float, float), optional
        A range of PSNR in dB to average over; by default all that both reach.

    Raises
    ------
    CoinError
        If a curve is none, or the two have no range of PSNR in common, or do not both reach all of `within`.

    Examples
    --------
    >>> reference = [(0.2, 28), (0.4, 31), (0.8, 33)]
    >>> round(bd_rate(reference, [(rate / 2, psnr) for rate, psnr in reference]), 6)
    -50.0
    """
    (rates, psnrs), (test_rates, test_psnrs) = _curve("reference", reference), _curve("test", test)
    low, high = common = _overlap("PSNR", "dB", psnrs, test_psnrs)
    if within is not None:
        low, high = within
        if not common[0] <= low < high <= common[1]:
            both = f"{common[0]:g} to {common[1]:g} dB"
            raise CoinError(
                f"within must be a range of PSNR from low to high that both curves reach, {both}; got {within}"
            )
    return 100 * math.expm1(_mean_difference(low, high, (psnrs, np.log(rates)), (test_psnrs, np.log(test_rates))))


def bd_psnr(reference: "ArrayLike | Curve", test: "ArrayLike | Curve") -> float:
    """By how many dB `test` exceeds `reference` at the same rate, on average over the log rates of both.

    Parameters and errors are those of :func:`bd_rate`, with rates for PSNRs.

    Examples
    --------
    >>> reference = [(0.2, 28), (0.4, 31), (0.8, 33)]
    >>> round(bd_psnr(reference, [(rate, psnr + 1.5) for rate, psnr in reference]), 6)
    1.5
    """
    (rates, psnrs), (test_rates, test_psnrs) = _curve("reference", reference), _curve("test", test)
    low, high = np.log(_overlap("rate", "bpp", rates, test_rates))
    return _mean_difference(low, high, (np.log(rates), psnrs), (np.log(test_rates), test_psnrs))


def _curve(name: str, points: "ArrayLike | Curve") -> tuple[np.ndarray, np.ndarray]:
    """Rates and PSNRs of a curve, by ascending rate."""
    try:
        array = np.asarray(points.points if isinstance(points, Curve) else points, float)
    except (TypeError, ValueError) as error:
        raise CoinError(f"the {name} curve must be pairs of numbers (bpp, PSNR in dB): {error}") from error
    if array.ndim != 2 or array.shape[1] != 2 or len(array) < 2:
        raise CoinError(f"the {name} curve must be two or more pairs (bpp, PSNR in dB), got an array {array.shape}")
    for rate, _ in array[array[:, 1] == np.inf]:
        raise CoinError(
            f"the {name} curve has an infinite PSNR, at {rate:g} bpp: a picture was met there without any error; leave "
            "that point out"
        )
    if not np.isfinite(array).all() or (array[:, 0] <= 0).any():
        raise CoinError(f"the {name} curve must have positive rates and finite PSNRs, got {array.tolist()}")
    rates, psnrs = array[np.argsort(array[:, 0])].T
    for i in np.flatnonzero((np.diff(rates) <= 0) | (np.diff(psnrs) <= 0)):
        raise CoinError(
            f"the {name} curve must rise from point to point, got {psnrs[i]:g} dB at {rates[i]:g} bpp and "
            f"{psnrs[i + 1]:g} dB at {rates[i + 1]:g} bpp; leave out the worse of the two"
        )
    return rates, psnrs


def _overlap(what: str, unit: str, reference: np.ndarray, test: np.ndarray) -> tuple[float, float]:
    """The range that two ascending arrays have in common."""
    low, high = max(reference[0], test[0]), min(reference[-1], test[-1])
    if not low < high:
        raise CoinError(
            f"the curves have no {what} in common: the reference has {reference[0]:g} to {reference[-1]:g} {unit}, the "
            f"test curve {test[0]:g} to {test[-1]:g} {unit}; measure one of them at other rates"
        )
    return low, high


def _mean_difference(
    low: float, high: float, reference: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> float:
    """The mean of test - reference over [low, high], each a function interpolated between its points (x, y)."""
    from scipy.interpolate import PchipInterpolator  # half a second of import that only this needs

    area = PchipInterpolator(*test).integrate(low, high) - PchipInterpolator(*reference).integrate(low, high)
    return float(area / (high - low))


def _check_pair(original: np.ndarray, other: np.ndarray) -> None:
    for name, image in (("first", original), ("second", other)):
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3:
            got = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise CoinError(f"the {name} picture must be a uint8 array (height, width, 3), got {got}")
    if original.shape != other.shape:
        raise CoinError(
            f"pictures of different shapes, {original.shape} and {other.shape}, cannot be compared; "
            "decode at the original size, or resize one of them"
        )
