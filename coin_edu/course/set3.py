"""The tests of problem set 3, rate and distortion: two measures, two codecs measured, a plot, a comparison."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

import coin_edu as ce
from coin_edu.course import expect, expect_close
from coin_edu.course.grading import Submitted, grader, seal
from coin_edu.data import PHOTOS

# A large omega_0 in the first layer: rounding to 16 bits then changes what is decoded by more than anything else does.
ROUNDED = 3000.0


@dataclass(frozen=True)
class Right:
    """A variant's numbers, and the set's functions as they should be.

    Attributes
    ----------
    photo : str
        What the thumbnail is of, as :func:`coin_edu.photo` has it.
    subsampling : {0, 1, 2}
        Of JPEG's colors, as Pillow has it.
    progressive, optimize : bool
        As Pillow's encoder of JPEG takes them.
    """

    photo: str = "coffee"
    subsampling: int = 2
    progressive: bool = False
    optimize: bool = False

    @classmethod
    def of(cls, variant: int) -> "Right":
        """The numbers of a variant; 0 is the set as it stands."""
        if variant == 0:
            return cls()
        rng = np.random.default_rng(variant)
        photo = str(rng.choice(PHOTOS))
        return cls(photo, int(rng.integers(2)), *(rng.integers(2, size=2) > 0).tolist())

    def spellings(self) -> list[str]:
        """How the notebook spells the numbers; a variant has its own in their places."""
        options = "".join(f", {name}={value}" for name, value in self.options.items())
        return [f'ce.photo("{self.photo}")', f'"JPEG", quality=20{options})', f'"JPEG", quality=quality{options})']

    @property
    def options(self) -> dict[str, Any]:
        """What Pillow is told beside the quality, where it is not as usual."""
        usual = Right()
        return {
            name: getattr(self, name)
            for name in ("subsampling", "progressive", "optimize")
            if getattr(self, name) != getattr(usual, name)
        }

    def psnr(self, original: np.ndarray, other: np.ndarray) -> float:
        """PSNR in dB."""
        return ce.psnr(original, other)

    def bpp(self, data: bytes, shape: Sequence[int]) -> float:
        """Bits per pixel."""
        return 8 * len(data) / (shape[0] * shape[1])

    def jpeg_points(self, image: np.ndarray, qualities: Sequence[int]) -> np.ndarray:
        """(bpp, PSNR) at each quality."""
        points = []
        for quality in qualities:
            file = io.BytesIO()
            Image.fromarray(image).save(file, "JPEG", quality=quality, **self.options)
            points.append((self.bpp(file.getvalue(), image.shape), self.psnr(image, np.asarray(Image.open(file)))))
        return np.array(points)

    def coin_points(self, image: np.ndarray, archs: Sequence[ce.Arch], steps: int) -> np.ndarray:
        """(bpp, PSNR) of each architecture."""
        files = [ce.encode(image, arch=arch, steps=steps, progress=False) for arch in archs]
        return np.array([(self.bpp(data, image.shape), self.psnr(image, ce.decode(data))) for data in files])

    def plot_curves(self, curves: dict[str, np.ndarray], ax: Any) -> None:
        """A rate-distortion plot."""
        for name, points in curves.items():
            ax.plot(*np.transpose(points), marker="o", label=name)
        ax.set(xlabel="rate, bpp", ylabel="PSNR, dB")
        ax.legend()

    def rate_at(self, points: np.ndarray, q: float) -> float:
        """The rate at the PSNR q."""
        rates, psnrs = np.transpose(points)
        if not psnrs[0] <= q <= psnrs[-1]:
            raise ValueError(f"measured from {psnrs[0]:.1f} to {psnrs[-1]:.1f} dB, not at {q:.1f} dB")
        return float(np.exp(np.interp(q, psnrs, np.log(rates))))


NAMES = ("psnr", "bpp", "jpeg_points", "coin_points", "plot_curves", "rate_at")
graded = grader(Right.of, NAMES)


@graded()
def psnr_test(psnr: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """pictures that differ by 10 everywhere, and equal ones"""
    gray, lighter = np.full((4, 6, 3), 100, np.uint8), np.full((4, 6, 3), 110, np.uint8)
    ten = 20 * np.log10(255 / 10)
    expect_close(psnr(lighter, gray), ten, "PSNR of pictures that differ by 10 everywhere", "MSE is 100")
    expect_close(
        psnr(gray, lighter), ten, "the same two the other way round", "100 - 110 is 246 in uint8: convert first"
    )
    infinite = float(_number(psnr(gray, gray), "psnr")) == float("inf")
    expect(infinite, "equal pictures have an infinite PSNR")
    if rng is not None:
        for size in ((2, 5, 7, 3), (2, 8, 3, 3)):
            one, other = rng.integers(0, 256, size).astype(np.uint8)
            hint = "one mean over pixels and colors, of squares of whole differences"
            expect_close(psnr(one, other), ce.psnr(one, other), "PSNR of two pictures of noise", hint)


@graded()
def bpp_test(bpp: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """files of 100 and 30 bytes"""
    cases = [(100, (20, 40, 3)), (30, (4, 6, 3))]
    if rng is not None:
        cases += [(int(rng.integers(5, 900)), (*rng.integers(3, 90, 2).tolist(), 3)) for _ in range(3)]
    for length, shape in cases:
        wanted = 8 * length / (shape[0] * shape[1])
        what = f"{length} bytes for {shape[1]}x{shape[0]} pixels"
        expect_close(bpp(bytes(length), shape), wanted, what, "8 bits a byte; pixels, not colors")


@graded(package=True)
def jpeg_points_test(jpeg_points: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """three qualities of a small picture"""
    image, qualities = _picture(rng), [10, 40, 90]
    if rng is not None:
        qualities += rng.integers(5, 95, 2).tolist()
    points, wanted = _points(jpeg_points(image, qualities), len(qualities)), right.jpeg_points(image, qualities)
    hint = "the length of the whole file, header and all"
    options = "".join(f", {name}={value}" for name, value in right.options.items())
    expect_close(points[:, 0], wanted[:, 0], f"JPEG's rates at {qualities}", f"{hint}{options}")
    hint = "by your psnr, of what is decoded from the file"
    expect_close(points[:, 1], wanted[:, 1], f"JPEG's PSNR at {qualities}", hint)


@graded(package=True)
def coin_points_test(coin_points: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """two tiny networks, ten steps each"""
    image, archs, steps = _picture(rng), [ce.Arch(1, 4), ce.Arch(2, 6, omega_first=ROUNDED)], 10
    if rng is not None:
        archs, steps = [ce.Arch(2, int(rng.integers(5, 9)), omega_first=ROUNDED), ce.Arch(1, 5)], 30
    points, wanted = _points(coin_points(image, archs, steps), 2), right.coin_points(image, archs, steps)
    hint = "the whole file, 16 bits a weight, with header and checksum"
    expect_close(points[:, 0], wanted[:, 0], "COIN's rates", hint)
    hint = f"by your psnr, of what ce.decode makes of the file, after {steps} steps; its weights are rounded"
    expect_close(points[:, 1], wanted[:, 1], "COIN's PSNR", hint)


@graded()
def plot_curves_test(plot_curves: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """two curves: their points, the labels, the legend"""
    from matplotlib.figure import Figure

    curves = {"one": np.array([[0.1, 20], [0.4, 25], [0.9, 28]]), "two": np.array([[0.2, 30], [0.3, 31]])}
    if rng is not None:
        curves = {name: np.cumsum(rng.uniform(0.1, 2, (4, 2)), axis=0) for name in ("first", "second", "third")}
    ax = Figure().add_subplot()
    _drawn(plot_curves, curves, ax)
    expect(bool(ax.has_data()), "nothing was drawn into the ax that was passed: ax.plot, not plt.plot")
    joined = [line.get_xydata() for line in ax.lines if line.get_linestyle() not in ("None", "", " ")]
    marked = [line.get_xydata() for line in ax.lines if line.get_marker() not in ("None", "", " ", None)]
    marked += [collection.get_offsets() for collection in ax.collections]
    for name, points in curves.items():
        turned = any(_same(points[:, ::-1], line) for line in joined)
        expect(not turned, f"{name}: rates are horizontal, PSNR is vertical")
        what = f"the curve {name}, {points.round(2).tolist()}"
        expect(any(_same(points, line) for line in joined), f"{what}: no line joins its points")
        expect(any(_same(points, dots) for dots in marked), f"{what}: its points are not marked")
    labels = f"label both axes, with bpp and dB; yours are {ax.get_xlabel()!r} and {ax.get_ylabel()!r}"
    expect("bpp" in ax.get_xlabel().lower() and "db" in ax.get_ylabel().lower(), labels)
    legend = ax.get_legend()
    names = [text.get_text() for text in legend.get_texts()] if legend else []
    expect(sorted(names) == sorted(curves), f"the legend names each curve once: {list(curves)}; yours {names}")


@graded()
def rate_at_test(rate_at: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """a measured point, and one halfway"""
    curve = np.array([[0.1, 20.0], [0.4, 30.0], [1.6, 40.0]])
    expect_close(rate_at(curve, 30), 0.4, "the rate at a measured point", "PSNR in, rate out")
    expect_close(
        rate_at(curve, 25), 0.2, "halfway between 0.1 and 0.4 bpp", "0.25 is linear in the rate; take logarithms"
    )
    if rng is None:
        return
    curve = np.cumsum(rng.uniform(0.1, 5, (5, 2)), axis=0)
    for q in (curve[0, 1], curve[-1, 1], *rng.uniform(curve[0, 1], curve[-1, 1], 4)):
        expect_close(
            rate_at(curve, float(q)), right.rate_at(curve, q), f"the rate at {q:.2f} dB", "look for its segment"
        )
    for q in (curve[0, 1] - 0.5, curve[-1, 1] + 0.5):
        refused = rate_at.refuses(curve, float(q))
        expect(refused, f"at {q:.2f} dB nothing was measured: a ValueError is wanted")


def _picture(rng: np.random.Generator | None) -> np.ndarray:
    """A small picture, smooth and with a little noise."""
    rng = rng or np.random.default_rng(0)
    y, x = np.mgrid[:24, :36] / 36
    waves = [np.sin(9 * x + 5 * rng.random()), np.cos(7 * y + 3 * x), np.sin(5 * x * y + 1)]
    image = 127 + 100 * np.stack(waves, axis=-1) + rng.normal(0, 5, (24, 36, 3))
    return image.clip(0, 255).astype(np.uint8)


def _number(got: Any, name: str) -> float:
    expect(got is not None, f"{name} returned None: is the return missing?")
    expect(np.ndim(got) == 0, f"{name} returns one number, yours an array of the shape {np.shape(got)}")
    return got


def _points(got: Any, count: int) -> np.ndarray:
    """What was returned, if it is as many points."""
    expect(got is not None, "your function returned None: is the return missing?")
    shape = np.shape(got)
    expect(shape == (count, 2), f"expected {count} rows (bpp, PSNR), an array ({count}, 2); yours is {shape}")
    return np.asarray(got, float)


def _drawn(plot_curves: Submitted, curves: dict[str, np.ndarray], ax: Any) -> None:
    """Draw, and leave no figure of pyplot's behind."""
    from matplotlib import pyplot as plt

    before = plt.get_fignums()
    try:
        plot_curves(curves, ax)
    finally:
        for number in set(plt.get_fignums()) - set(before):
            plt.close(number)


def _same(points: np.ndarray, drawn: Any) -> bool:
    return np.shape(drawn) == points.shape and bool(np.allclose(points, np.asarray(drawn, float)))


seal(__name__)
