"""What notebook 07 does with one file: sizes, parts, times, and what zooming makes up."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from coin_edu.codec import decode, decode_progressive, encode
from coin_edu.data import recorded
from coin_edu.image import grid
from coin_edu.metrics import psnr
from coin_edu.rendering import BLOCKS, render
from coin_edu.siren import Siren
from coin_edu.study import baselines
from coin_edu.study.plots import show_image
from coin_edu.widgets.panel import thumbnail

LONGER = 384  # pixels, of a picture of one's own: its file is fitted in seconds


def prepared(name: str, photograph: np.ndarray) -> tuple[np.ndarray, bytes]:
    """The original and its file: the recorded one of the coffee cup, or a new one, of a smaller copy, in seconds."""
    if name == "coffee":
        return photograph, recorded("coffee.coin").read_bytes()
    original = thumbnail(photograph, LONGER)
    print(f"fitting {original.shape[1]}x{original.shape[0]} pixels for 300 steps, once")
    return original, encode(original, 1, steps=300, progress=False)


def row(pictures: Mapping[str, np.ndarray], inches: float = 9.0, columns: int | None = None) -> Figure:
    """Pictures side by side, or in rows of so many columns, with their titles."""
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    height, width = next(iter(pictures.values())).shape[:2]
    tall = min(max(height / width, 0.3), 1.5) * inches / columns + 0.4
    figure = Figure(figsize=(inches, rows * tall), layout="constrained")
    for ax, (name, picture) in zip(figure.subplots(rows, columns, squeeze=False).flat, pictures.items(), strict=False):
        show_image(picture, ax, name)
    return figure


def two_sizes(data: bytes, shape: tuple[int, ...]) -> Figure:
    """One file at a tenth of its size and at twice its size."""
    height, width = shape[:2]
    sizes = [(max(1, width // 10), max(1, height // 10)), (2 * width, 2 * height)]
    return row({f"{w}x{h} pixels from {len(data):,} bytes": decode(data, (w, h)) for w, h in sizes}, 8)


def quarters(data: bytes, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Four parts of a file, decoded apart, row by row."""
    height, width = shape[:2]
    w, h = width // 2, height // 2
    spans = [((0, w), (w, width - w)), ((0, h), (h, height - h))]
    regions = [(x, y, n, m) for y, m in spans[1] for x, n in spans[0]]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda region: decode(data, region=region), regions))


def seam(parts: Sequence[np.ndarray], whole: np.ndarray) -> str:
    """What the notebook's choices say of four parts put together."""
    together = np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])])
    far = np.abs(together.astype(int) - whole).max()
    return "no, not one bit differs" if not far else "yes, one can see it" if far > 2 else "yes, but too small to see"


def by_formula(model: Siren, shape: tuple[int, ...], count: int = 5, places: int = 1000) -> float:
    """The share of numbers that differ by the bare formula: places computed `count` at a time, and all at once."""
    some = torch.from_numpy(grid(shape[:2])[:places])
    with torch.no_grad():
        whole, parts = model(some), torch.cat([model(part) for part in some.split(count)])
    return float((whole != parts).float().mean())


def stages(data: bytes, shape: tuple[int, ...], shown: tuple[int, ...] = (32, 16, 8, 4)) -> Figure:
    """The first pictures of a progressive decode, with the share of the pixels evaluated so far."""
    n_pixels = shape[0] * shape[1]
    found = dict(zip(BLOCKS, decode_progressive(data), strict=True))
    titled = {}
    for block in shown:
        evaluated = found[block][::block, ::block, 0].size
        titled[f"one pixel in {block}x{block}: {evaluated / n_pixels:.1%}"] = found[block]
    return row(titled, 10)


def timed(data: bytes, shape: tuple[int, ...], factors: tuple[int, ...] = (1, 2, 3, 4, 5)) -> np.ndarray:
    """Pixels and processor seconds (n, 2) of decodes whose sides are 1, 2, ... quarters of the picture's."""
    height, width = shape[:2]
    found = []
    for factor in factors:
        size = max(1, factor * width // 4), max(1, factor * height // 4)
        begin = time.process_time()  # of all cores together; other programs do not count
        decode(data, size)
        found.append((size[0] * size[1], time.process_time() - begin))
    return np.array(found)


def per_pixel(measured: np.ndarray) -> float:
    """Processor seconds a pixel: the slope of the straight line through the measured times."""
    return float(np.polyfit(measured[:, 0], measured[:, 1], 1)[0])


def relative(measured: np.ndarray) -> tuple[list[float], list[float]]:
    """How many times as many pixels as at first, and how many times as long."""
    pixels, seconds = (measured / measured[0]).T
    return pixels.tolist(), seconds.tolist()


@dataclass(frozen=True)
class Decoded:
    """A file decoded: its bytes, PSNR in dB, and processor milliseconds."""

    n_bytes: int
    psnr: float
    milliseconds: float


def beside_jpeg(original: np.ndarray, data: bytes) -> dict[str, Decoded]:
    """The file, and a JPEG of at most as many bytes."""
    jpeg = baselines.compress(original, "JPEG", len(data))
    files: dict[str, tuple[bytes, Callable[[bytes], np.ndarray]]] = {
        "COIN": (data, decode),
        "JPEG": (jpeg, baselines.decompress),
    }
    found = {}
    for name, (file, decoder) in files.items():
        begin = time.process_time()
        picture = decoder(file)
        spent = 1000 * (time.process_time() - begin)
        found[name] = Decoded(len(file), psnr(original, picture), spent)
    return found


def faster(found: Mapping[str, Decoded]) -> str:
    """What the notebook's choices say of the two decoders."""
    ratio = found["COIN"].milliseconds / max(found["JPEG"].milliseconds, 1e-3)
    for most, said in ((0.7, "COIN"), (3, "both alike"), (30, "JPEG, ten times")):
        if ratio < most:
            return said
    return "JPEG, more than thirty times"


def in_figures(found: Mapping[str, Decoded]) -> str:
    """Both decodes, in words."""
    said = [f"{name}: {d.n_bytes:,} bytes, {d.psnr:.2f} dB, {d.milliseconds:.1f} ms" for name, d in found.items()]
    return "; ".join(said) + "."


def turned(model: Siren, side: int = 300) -> Figure:
    """A picture at places that are no grid: the grid turned, and turned the more the nearer to the middle."""
    x, y = grid((side, side)).T * 0.6
    pictures = {}
    for name, angle in {"turned": 0.5 + 0 * x, "a whirl": 5 * np.exp(-10 * (x**2 + y**2))}.items():
        places = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
        with torch.no_grad():
            colors = model(torch.from_numpy(np.stack(places, axis=1)).float()).numpy()
        pictures[name] = (255 * colors.clip(0, 1)).round().astype(np.uint8).reshape(side, side, -1)
    return row(pictures, 6)


# Zooming


def reduced(picture: np.ndarray, factor: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """The picture, cut so that the factor divides its sides, and the means of each block of factor x factor pixels."""
    height, width = (side // factor * factor for side in picture.shape[:2])
    cut = picture[:height, :width]
    return cut, np.array(Image.fromarray(cut).reduce(factor))


def enlarged(true: np.ndarray, small: np.ndarray, model: Siren) -> dict[str, np.ndarray]:
    """The true picture, and three guesses from fewer pixels, by name."""
    size = true.shape[1], true.shape[0]

    def bicubic(picture: np.ndarray) -> np.ndarray:
        return np.array(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))

    return {
        "true pixels": true,
        "the network": render(model, small.shape, size),
        "bicubic, from the network's pixels": bicubic(render(model, small.shape)),
        "bicubic, from the original's pixels": bicubic(small),
    }


def closest(guesses: Mapping[str, np.ndarray]) -> str:
    """Which guess has the highest PSNR against the true pixels."""
    true, *_ = guesses.values()
    found = {name: psnr(true, picture) for name, picture in list(guesses.items())[1:]}
    return max(found, key=lambda name: found[name])


def in_decibels(guesses: Mapping[str, np.ndarray]) -> str:
    """The PSNR of each guess, in words."""
    true, *_ = guesses.values()
    return "; ".join(f"{name}: {psnr(true, picture):.2f} dB" for name, picture in list(guesses.items())[1:]) + "."


def cropped(guesses: Mapping[str, np.ndarray]) -> Figure:
    """The same part of each, about a third of the picture wide."""
    height, width = next(iter(guesses.values())).shape[:2]
    here = np.s_[height // 6 : height // 6 + height // 3, width // 3 : width // 3 + width // 3]
    return row({name: picture[here] for name, picture in guesses.items()}, 8, columns=2)


def thumbnails(data: bytes, original: np.ndarray, factor: int = 8) -> dict[str, np.ndarray]:
    """A small picture from single points, from means of factor x factor points, and the original's means."""
    _, small = reduced(original, factor)
    height, width = small.shape[:2]
    _, means = reduced(decode(data), factor)
    points = decode(data, (width, height), (0, 0, width * factor, height * factor))
    return {"points": points, "means": means, "the original's means": small}


def points_and_means(found: Mapping[str, np.ndarray]) -> Figure:
    """The three, each with its PSNR against the original's means."""
    small = found["the original's means"]
    said = {name: "" if picture is small else f": {psnr(small, picture):.1f} dB" for name, picture in found.items()}
    return row({name + said[name]: picture for name, picture in found.items()})
