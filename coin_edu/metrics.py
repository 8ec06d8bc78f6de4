"""Rate and distortion: bits per pixel of a real file, PSNR and SSIM of 8-bit pictures."""

import math
from collections.abc import Sized

import numpy as np

from coin_edu.errors import CoinError


def bpp(data_or_n_bytes: Sized | int, shape: tuple[int, ...]) -> float:
    """The rate in bits per pixel: 8 times the file's length over the number of pixels, header and checksum included.

    Parameters
    ----------
    data_or_n_bytes : bytes or int
        The file's bytes, or how many there are.
    shape : tuple of int
        (height, width, ...) of the picture.

    Examples
    --------
    >>> bpp(14_958, (512, 768))
    0.304...
    """
    n_bytes = data_or_n_bytes if isinstance(data_or_n_bytes, int) else len(data_or_n_bytes)
    return 8 * n_bytes / (shape[0] * shape[1])


def psnr(original: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 pictures: 10 log10(255^2 / MSE), over all pixels and colors.

    Identical pictures have an infinite PSNR.

    Raises
    ------
    CoinError
        If the two are not uint8 arrays of one shape.
    """
    _check_pair(original, other)
    return psnr_of_mse(float(np.mean((original.astype(np.float64) - other) ** 2)))


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
    """
    _check_pair(original, other)
    window = min(7, *original.shape[:2])
    window -= 1 - window % 2
    if window < 3:
        return math.nan
    from skimage.metrics import structural_similarity  # 0.5 s of import that only this function needs

    return float(structural_similarity(original, other, win_size=window, channel_axis=2, data_range=255))


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
