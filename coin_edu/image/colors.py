"""Whatever Pillow has opened, as RGB: turned upright, of 8 bits, over white where transparent, in sRGB."""

import io

import numpy as np
from PIL import Image, ImageCms

from coin_edu.errors import CoinError, printable

# EXIF's orientations, and what turns such a picture upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright_rgb(image: Image.Image) -> tuple[np.ndarray, list[str]]:
    """The pixels, uint8 (height, width, 3) in sRGB, and what the caller should know of them."""
    notes: list[str] = []
    alpha = None
    if image.mode.startswith("I") or image.mode == "F":
        upright = Image.fromarray(_gray8(image, notes))
        upright.info = image.info
        if isinstance(clear := image.info.get("transparency"), int):
            alpha = Image.fromarray(np.where(np.asarray(image) == clear, 0, 255).astype(np.uint8))
    else:
        upright = image
        if image.has_transparency_data:
            upright = _with_alpha(image)
            alpha = upright.getchannel("A")
    rgb = _srgb(upright, notes)
    if alpha is not None and np.asarray(alpha).min() < 255:
        notes.append("the picture is partly transparent; it is blended over white")
        rgb.putalpha(alpha)
        rgb = Image.alpha_composite(Image.new("RGBA", rgb.size, "white"), rgb).convert("RGB")
    try:
        turn = TURNS.get(image.getexif().get(0x0112))  # type: ignore[arg-type]
    except Exception as error:  # of many kinds, since anything may stand there
        notes.append(f"its EXIF data cannot be read ({printable(error)}); the picture is taken as it lies")
        turn = None
    return np.array(rgb if turn is None else rgb.transpose(turn)), notes


def _gray8(image: Image.Image, notes: list[str]) -> np.ndarray:
    """uint8 (H, W) of a picture of more than 8 bits; Pillow would clip it to 255, not scale it."""
    wide = np.asarray(image)
    low, high = float(wide.min()), float(wide.max())
    if image.mode == "F":
        if not 0 <= low <= high <= 1:
            raise CoinError(f"a picture of floats from {low:g} to {high:g}; expected 0, black, to 1, white: scale it")
        return np.rint(wide * 255.0).astype(np.uint8)
    if not 0 <= low <= high <= 65535:
        raise CoinError(f"a gray picture with values {low:.0f} to {high:.0f}; expected 16 bits, 0 to 65535: scale it")
    if image.mode == "I" and high <= 255 and image.format != "PPM":  # whose 16 bits Pillow opens as 32, scaled
        notes.append(f"a gray picture of 32 bits with values up to {high:.0f}: they are taken as 8 bits, 255 for white")
        return wide.astype(np.uint8)
    return np.rint(wide / 257).astype(np.uint8)


def _with_alpha(image: Image.Image) -> Image.Image:
    """The picture in RGBA or LA."""
    if image.mode == "La":
        return image.convert("LA")
    clear = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(clear, tuple) and max(clear) > 255:
        # Of a PNG of 16 bits a color: Pillow keeps the upper 8, and the color that is transparent as it was.
        image = image.copy()
        image.info["transparency"] = tuple(value >> 8 for value in clear)
    return image.convert("RGBA")


# The largest difference, in levels of 255, between two profiles that both go by the name of sRGB.
SAME = 2


def _srgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """The picture in RGB, without alpha, its colors brought from its profile to sRGB."""
    profile = image.info.get("icc_profile") or b""
    mode = {"1": "L", "LA": "L", "L": "L", "CMYK": "CMYK", "LAB": "LAB"}.get(image.mode, "RGB")
    plain = image if image.mode == mode else image.convert(mode)
    if not profile and mode != "LAB":
        return plain.convert("RGB")
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if mode != "LAB" else ImageCms.createProfile("LAB")
        change = ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode in ("L", "RGB"):
            # An sRGB picture is to stay as it is, to the last bit; there are many profiles of that name.
            probe = _probe(mode)
            moved = np.asarray(ImageCms.applyTransform(probe, change)).astype(int) - np.asarray(probe.convert("RGB"))
            if np.abs(moved).max() <= SAME:
                return plain.convert("RGB")
        converted = ImageCms.applyTransform(plain, change)
        assert converted is not None
        return converted
    except (ImageCms.PyCMSError, ImportError, OSError, TypeError, ValueError) as error:
        notes.append(f"its color profile cannot be used ({printable(error)}); the colors are taken as sRGB")
        return plain.convert("RGB")


def _probe(mode: str) -> Image.Image:
    """A picture of colors from all over the range."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    if mode == "L":
        return Image.fromarray(levels[None])
    return Image.fromarray(np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(len(levels), -1, 3))
