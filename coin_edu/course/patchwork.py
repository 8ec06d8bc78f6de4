"""Patches of a picture by a linear code, and pictures put together of patches."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from coin_edu.course.nb08 import together
from coin_edu.metrics import psnr
from coin_edu.study.plots import show_image


def linear(known: np.ndarray, squares: np.ndarray, count: int) -> np.ndarray:
    """Patches, uint8 (K, N, 3), from `count` numbers each: weights of the pictures that suit known ones best (PCA)."""
    rows = known.reshape(len(known), -1) / 255
    middle = rows.mean(axis=0)
    parts = np.linalg.svd(rows - middle, full_matrices=False)[2][:count]
    decoded = (squares.reshape(len(squares), -1) / 255 - middle) @ parts.T @ parts + middle
    return (255 * decoded).clip(0, 255).round().astype(np.uint8).reshape(squares.shape)


def patchworks(image: np.ndarray, squares: np.ndarray, drawn: Mapping[str, np.ndarray]) -> Figure:
    """The pictures that the patches make, with the PSNR of each."""
    figure = Figure(figsize=(9, 0.4 + 3 * image.shape[0] / image.shape[1]), layout="constrained")
    for ax, (name, patches) in zip(figure.subplots(1, len(drawn)), drawn.items(), strict=True):
        show_image(together(patches, image.shape), ax, f"{name}: {psnr(squares, patches):.1f} dB")
    return figure
