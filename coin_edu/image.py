"""Pictures in and out, and the one definition of where a pixel is."""

import io
import os
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from coin_edu.errors import CoinError
from coin_edu.files import read_bytes, write_bytes


def load_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture file as uint8 (height, width, 3), turned upright by its EXIF orientation.

    Gray, palette and CMYK pictures become RGB; 16-bit ones are scaled to 8 bits; transparency is blended over white,
    with a warning; of an animation, the first frame is taken.

    Raises
    ------
    CoinError
        If the file is missing, unreadable, damaged, no picture, or too large for Pillow's safety limit.
    """
    data = read_bytes(path)
    try:
        with warnings.catch_warnings():
            # Pillow only warns about pictures up to twice its limit; one that large is a mistake or an attack here too.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                return _to_rgb8(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise CoinError(f"{path}: more than {Image.MAX_IMAGE_PIXELS:,} pixels; make the picture smaller") from error
    except UnidentifiedImageError as error:
        start = data[:8].decode("latin-1").encode("unicode_escape").decode()
        raise CoinError(
            f"{path}: no picture that Pillow can read (it starts with '{start}'); try PNG or JPEG"
        ) from error
    except CoinError as error:
        raise CoinError(f"{path}: {error}") from error
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError) as error:
        raise CoinError(f"{path}: a damaged picture ({error}); get the file again") from error


def _to_rgb8(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):  # Pillow would clip 16-bit gray to 255, not scale it
        wide = np.asarray(image).astype(np.int64)
        if wide.min() < 0 or wide.max() > 65535:
            raise CoinError(f"a gray picture with values {wide.min()} to {wide.max()}; expected 16 bits, 0 to 65535")
        gray = np.rint(wide / 257).astype(np.uint8)
        return np.repeat(gray[:, :, None], 3, axis=2)
    if image.mode == "F":
        raise CoinError("a floating-point picture; convert it to 8 or 16 bits, where black and white are defined")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if np.asarray(image.getchannel("A")).min() < 255:
            warnings.warn("the picture is partly transparent; it is blended over white", stacklevel=3)
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def save_image(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write uint8 (height, width, 3) in the format that the name's ending says, whole or not at all.

    Raises
    ------
    CoinError
        If the ending names no format, or the file cannot be written.
    """
    ending = os.path.splitext(path)[1].lower()
    form = Image.registered_extensions().get(ending)
    if form not in Image.SAVE or form == "COIN":
        raise CoinError(f"{path}: '{ending}' names no picture format to write; try .png")
    buffer = io.BytesIO()
    try:
        Image.fromarray(check_image(image)).save(buffer, form)
    except (OSError, ValueError) as error:
        raise CoinError(f"{path}: cannot be written as {form} ({error}); try .png") from error
    write_bytes(path, buffer.getvalue())


def check_image(image: np.ndarray) -> np.ndarray:
    """The array itself, if it is a picture as this package has them: uint8 (height, width, 3), not empty.

    Raises
    ------
    CoinError
        If it is not; the message says how to make it one.
    """
    if not isinstance(image, np.ndarray):
        hint = "np.asarray(image)" if isinstance(image, Image.Image) else "load_image(path)"
        raise CoinError(f"a picture is a NumPy array, got {type(image).__name__}; {hint} makes one")
    if image.dtype != np.uint8:
        hint = "(image * 255).round().astype(np.uint8), if white is 1" if image.dtype.kind == "f" else "8 bits a color"
        raise CoinError(f"a picture has dtype uint8, got {image.dtype}; needed: {hint}")
    if image.ndim != 3 or image.shape[2] != 3:
        hint = "; np.stack([image] * 3, axis=2) makes gray RGB" if image.ndim == 2 else ""
        raise CoinError(f"a picture has shape (height, width, 3), got {image.shape}{hint}")
    if image.size == 0:
        raise CoinError(f"a picture has at least one pixel, got shape {image.shape}")
    return image


Region = tuple[int, int, int, int]


def axes(
    shape: tuple[int, ...], region: Region | None = None, size: tuple[int, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The x of each column (W,) and the y of each row (H,), float32: the only definition of where a pixel is.

    Pixel (column i, row j) of a W x H picture has its center at ((2 i + 1 - W) / L, (2 j + 1 - H) / L), L = max(W, H):
    the longer side runs from -1 to 1, the shorter as far as its aspect allows, the middle of the picture is (0, 0).

    Parameters
    ----------
    shape : tuple of int
        (height, width, ...) of the original picture.
    region : (x, y, width, height), optional
        The part wanted, in pixels of the original; the whole by default.
    size : (width, height), optional
        Samples over that part, as centers of so many equal cells; one a pixel by default.

    Raises
    ------
    CoinError
        If the region is not inside the picture or the size is not positive.
    """
    height, width = shape[:2]
    x, y, w, h = region or (0, 0, width, height)
    if not (0 <= x < x + w <= width and 0 <= y < y + h <= height):
        raise CoinError(f"region x={x}, y={y}, {w}x{h} is empty or not inside the picture of {width}x{height} pixels")
    columns, rows = size or (w, h)
    if columns < 1 or rows < 1:
        raise CoinError(f"a size must be at least 1x1, got {columns}x{rows}")
    longer = max(width, height)

    def centers(start: int, length: int, samples: int, whole: int) -> np.ndarray:
        pixels = start + (np.arange(samples) + 0.5) * (length / samples)
        return ((2 * pixels - whole) / longer).astype(np.float32)

    return centers(x, w, columns, width), centers(y, h, rows, height)


def grid(shape: tuple[int, ...], region: Region | None = None, size: tuple[int, int] | None = None) -> np.ndarray:
    """Coordinates of every pixel, row by row: float32 (N, 2), each (x, y); see :func:`axes` for the convention.

    Examples
    --------
    >>> grid((1, 2))
    array([[-0.5,  0. ],
           [ 0.5,  0. ]], dtype=float32)
    """
    xs, ys = axes(shape, region, size)
    return np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
