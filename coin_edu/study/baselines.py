"""Conventional codecs through Pillow, each able to hit a budget of bytes: what COIN is measured against."""

import importlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from PIL import Image, features

from coin_edu.errors import CoinError, check_number
from coin_edu.image import check_image


def _quality(value: float) -> dict[str, Any]:
    """The keyword of most formats."""
    return {"quality": value}


def _layer(ratio: float) -> dict[str, Any]:
    """JPEG2000 takes a compression ratio for each layer; here there is one."""
    return {"quality_layers": [ratio]}


def _tables(quality: float) -> dict[str, Any]:
    """The tables of JPEG's quantization steps at a quality, as libjpeg scales them; but tenths of a quality count.

    So a file comes within a few bytes of its budget. At a whole quality it is the file that Pillow makes of that.
    """
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return {"qtables": [[min(255, max(1, int(step * percent + 50) // 100)) for step in table] for table in _standard()]}


@cache
def _standard() -> list[list[int]]:
    """The standard's tables, for luma and chroma: those of quality 50."""
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "JPEG", quality=50)
    tables = Image.open(buffer).quantization  # type: ignore[attr-defined]
    return [list(tables[0]), list(tables[1])]


@dataclass(frozen=True)
class Codec:
    """One conventional codec.

    Parameters
    ----------
    name : str
    form : str
        Pillow's name of the format.
    feature : str
        Pillow's name of the library it needs, or the module that brings the format to Pillow.
    qualities : sequence
        Values of the quality setting, worst first.
    keywords : callable
        A quality as the keywords of Pillow's ``save``.
    options : tuple of (str, value)
        Further keywords.
    plugin : bool
        Whether `feature` is a module, from the extra "codecs", rather than a part of Pillow.
    """

    name: str
    form: str
    feature: str
    qualities: Sequence[float]
    keywords: Callable[[float], dict[str, Any]] = _quality
    options: tuple[tuple[str, Any], ...] = ()
    plugin: bool = False
    kind: ClassVar[str] = "classical"

    @property
    def available(self) -> bool:
        """Whether Pillow can write it here."""
        if not self.plugin:
            return bool(features.check(self.feature))
        try:
            importlib.import_module(self.feature)  # which also makes Pillow know the format
        except ImportError:
            return False
        return True

    def compress(self, image: np.ndarray, quality: float) -> bytes:
        """The file at one quality."""
        if not self.available:
            cure = "pip install 'coin_edu[codecs]'" if self.plugin else "reinstall Pillow from a wheel"
            raise CoinError(f"Pillow has no {self.name} here; {cure}, or leave it out")
        low, high = sorted((self.qualities[0], self.qualities[-1]))
        number = check_number(f"{self.name}'s quality", quality, low, high)
        whole = number.is_integer()
        if isinstance(self.qualities, range) and not whole:
            raise CoinError(f"{self.name}'s quality must be a whole number from {low:g} to {high:g}, got {number}")
        buffer = io.BytesIO()
        keywords = self.keywords(int(number) if whole else number)
        try:
            Image.fromarray(check_image(image)).save(buffer, self.form, **keywords, **dict(self.options))
        except (OSError, TypeError, ValueError, RuntimeError) as error:
            size = f"{image.shape[1]}x{image.shape[0]}"
            cure = "; make it smaller" if max(image.shape) > LARGEST_SIDE else ""
            raise CoinError(f"{self.name} cannot take a picture of {size} pixels ({error}){cure}") from error
        return buffer.getvalue()

    def roundtrip(self, image: np.ndarray, quality: float) -> tuple[bytes, np.ndarray]:
        """The file at one quality, and the picture decoded from it; what `curves.rd_curve` asks of any codec."""
        data = self.compress(image, quality)
        return data, decompress(data)


# Of the formats here, WebP has the shortest.
LARGEST_SIDE = 2**14 - 1
CODECS = {
    codec.name: codec
    for codec in (
        Codec(
            "JPEG",
            "JPEG",
            "jpg",
            [tenth / 10 for tenth in range(10, 951)],
            keywords=_tables,
            options=(("optimize", True),),
        ),
        # Rates are compression ratios, here 2000:1 to 3:1 in steps of 1 %. Pillow leaves out the color transform (mct),
        # which all other codecs here have built in, unless told.
        Codec(
            "JPEG2000",
            "JPEG2000",
            "jpg_2000",
            [2000 / 1.01**i for i in range(654)],
            keywords=_layer,
            options=(("quality_mode", "rates"), ("irreversible", True), ("mct", 1)),
        ),
        Codec("WebP", "WEBP", "webp", [tenth / 10 for tenth in range(1001)], options=(("method", 6),)),
        Codec("AVIF", "AVIF", "avif", range(101), options=(("speed", 4),)),
        # Colors at full resolution, as in the literature's BPG curves; HEIC and BPG are both HEVC within.
        Codec("HEIC", "HEIF", "pillow_heif.HeifImagePlugin", range(101), options=(("chroma", 444),), plugin=True),
        # 100 would be lossless, which the plugin takes by another keyword.
        Codec("JXL", "JXL", "pillow_jxl", range(100), plugin=True),
    )
}


def available() -> list[str]:
    """Names of the codecs that Pillow can write here."""
    return [name for name, codec in CODECS.items() if codec.available]


def compress(image: np.ndarray, name: str, n_bytes: int) -> bytes:
    """The best file of at most `n_bytes` bytes: of the highest quality that fits.

    Sizes grow with quality, but for a byte here and there; the search halves the range of qualities each time.

    Raises
    ------
    CoinError
        If the codec is unknown or missing, or even its lowest quality is too large.
    """
    if name not in CODECS:
        raise CoinError(f"codec must be one of {', '.join(CODECS)}, got {name!r}")
    codec = CODECS[name]
    best = codec.compress(image, codec.qualities[0])
    if len(best) > n_bytes:
        raise CoinError(f"{name} cannot go below {len(best)} bytes for this picture, {n_bytes} are allowed")
    low, high = 0, len(codec.qualities)
    while high - low > 1:
        middle = (low + high) // 2
        data = codec.compress(image, codec.qualities[middle])
        if len(data) <= n_bytes:
            low, best = middle, data
        else:
            high = middle
    return best


def decompress(data: bytes) -> np.ndarray:
    """uint8 (H, W, 3) of a file that :func:`compress` made."""
    available()  # so that Pillow knows the plugins' formats
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
