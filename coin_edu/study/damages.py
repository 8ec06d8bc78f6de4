"""Pictures damaged in seven ways, each as much as one asks for."""

from collections.abc import Callable, Sequence

import numpy as np

from coin_edu.metrics import psnr
from coin_edu.study.baselines import CODECS, decompress


def damaged(image: np.ndarray, decibels: float, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Pictures damaged so much that each has a PSNR of `decibels` to the original, uint8 (H, W, 3), by what was done.

    All seven, or those named. Where even the greatest damage of a kind is less (a blurred wall is a wall), it is that.
    """
    ways = _ways(image)
    return {name: _at(image, ways[name], decibels) for name in names or ways}


def _ways(image: np.ndarray) -> dict[str, Callable[[float], np.ndarray]]:
    """Functions of a strength from 0, no damage, to 1."""
    from scipy.ndimage import gaussian_filter, shift  # half a second of import that only this needs

    floats = image.astype(float)
    height, width = image.shape[:2]
    jpeg = decompress(CODECS["JPEG"].compress(image, CODECS["JPEG"].qualities[0])) - floats
    noise = np.random.default_rng(0).normal(0, 128, image.shape)
    side = max(1, min(height, width) // 4)
    top, left = (height - side) // 2, (width - side) // 2
    spot = np.s_[top : top + side, left : left + side]
    contrary = np.zeros(image.shape)
    contrary[spot] = np.where(floats[spot] < 128, 255, 0) - floats[spot]
    return {
        "brighter": lambda t: floats * (1 + t),
        "paler": lambda t: floats + t * (floats.mean() - floats),
        "shifted": lambda t: shift(floats, (0, t * width / 8, 0), order=1, mode="nearest"),
        "blurred": lambda t: gaussian_filter(floats, (t * width / 16, t * width / 16, 0)),
        "noisy": lambda t: floats + t * noise,
        "one spot": lambda t: floats + t * contrary,
        "JPEG's blocks": lambda t: floats + t * jpeg,
    }


def _at(image: np.ndarray, way: Callable[[float], np.ndarray], decibels: float) -> np.ndarray:
    """The damage of the strength that makes the PSNR, by halving the range of strengths."""
    low, high = 0.0, 1.0
    picture = _bytes(way(high))
    if psnr(image, picture) >= decibels:
        return picture
    for _ in range(14):
        middle = (low + high) / 2
        picture = _bytes(way(middle))
        low, high = (middle, high) if psnr(image, picture) > decibels else (low, middle)
    return picture


def _bytes(colors: np.ndarray) -> np.ndarray:
    return np.clip(colors, 0, 255).round().astype(np.uint8)
