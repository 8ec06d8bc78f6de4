"""Pictures in and out, and the one definition of where a pixel is."""

import io
import os
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

from coin_edu.errors import CoinError, check_several
from coin_edu.files import AnyPath, read_bytes, shown, write_bytes
from coin_edu.image import formats
from coin_edu.image.colors import upright_rgb


def load_image(path: AnyPath) -> np.ndarray:
    """Read a picture file as uint8 (height, width, 3) in sRGB, turned upright by its EXIF orientation.

    The pixels become what :func:`from_pillow` says; of an animation, the first frame is taken. Formats are Pillow's,
    and HEIC and JPEG XL where the extra "codecs" is installed.

    Raises
    ------
    CoinError
        If the file is missing, unreadable, damaged, no picture, or too large for Pillow's safety limit; if Pillow
        lacks a package for it, the message names that.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save_image(f"{folder}/black.png", np.zeros((12, 16, 3), np.uint8))
    ...     load_image(f"{folder}/black.png").shape
    (12, 16, 3)
    """
    return parse_image(read_bytes(path), shown(path))


def parse_image(data: bytes, name: str) -> np.ndarray:
    """A picture file's bytes, read as :func:`load_image` reads a file; `name` is for the messages."""
    try:
        pixels, notes = _open(data)
    except CoinError as error:
        bare = formats.without_metadata(data)
        try:
            if bare is None:
                raise
            pixels, notes = _open(bare)
        except CoinError:
            raise CoinError(f"{name}: {error}") from error
        notes.append("its metadata is damaged, its pixels are not; only these are read")
    for note in notes:
        warnings.warn(f"{name}: {note}", stacklevel=3)
    return pixels


def _open(data: bytes) -> tuple[np.ndarray, list[str]]:
    """The pixels in a file, and what the caller should know of them."""
    formats.register()
    form = None
    try:
        with warnings.catch_warnings():
            # Pillow only warns about pictures up to twice its limit; one that large is a mistake or an attack here too.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", ".*support not installed")  # the error says it
            with Image.open(io.BytesIO(data)) as image:
                form = image.format
                image.load()
                return upright_rgb(image)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise CoinError(f"more than {Image.MAX_IMAGE_PIXELS:,} pixels; make the picture smaller") from error
    except UnidentifiedImageError as error:
        raise CoinError(formats.why_unknown(data)) from error
    except CoinError:
        raise
    except MemoryError as error:
        raise CoinError("there is too little memory for this picture; make it smaller") from error
    except Exception as error:  # what Pillow's plugins raise for damaged files is of many kinds
        raise CoinError(formats.why_undecoded(form, error)) from error


def from_pillow(image: Image.Image) -> np.ndarray:
    """A picture of Pillow's as uint8 (height, width, 3) in sRGB, upright: the pixels as :func:`load_image` has them.

    Gray, palette, CMYK and other colors become RGB, by the color profile if there is one. 16-bit gray is scaled to 8
    bits, floats from 0 to 1. Transparency is blended over white, with a warning. Metadata that cannot be read, and what
    had to be guessed, is told by a warning as well.

    Raises
    ------
    CoinError
        If it is not clear which of its values are black and white.

    Examples
    --------
    >>> from_pillow(Image.new("I;16", (1, 1), 65535)).tolist()
    [[[255, 255, 255]]]
    """
    pixels, notes = upright_rgb(image)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return pixels


def save_image(path: AnyPath, image: np.ndarray) -> None:
    """Write uint8 (height, width, 3) in the format that the name's ending says, whole or not at all.

    JPEG, WebP and others change the pixels; PNG keeps them.

    Raises
    ------
    CoinError
        If the ending names no format, or the file cannot be written.

    Examples
    --------
    >>> save_image("picture.xyz", np.zeros((12, 16, 3), np.uint8))
    Traceback (most recent call last):
    coin_edu.errors.CoinError: picture.xyz: ...
    """
    formats.register()
    name = shown(path)
    ending = os.path.splitext(name)[1].lower()
    form = Image.registered_extensions().get(ending)
    if form not in Image.SAVE or form == "COIN":
        raise CoinError(f"{name}: '{ending}' names no picture format to write; try .png")
    buffer = io.BytesIO()
    try:
        Image.fromarray(check_image(image)).save(buffer, form)
    except (OSError, ValueError) as error:
        raise CoinError(f"{name}: cannot be written as {form} ({error}); try .png") from error
    write_bytes(path, buffer.getvalue())


def check_image(image: np.ndarray) -> np.ndarray:
    """The array itself, if it is a picture as this package has them: uint8 (height, width, 3), not empty.

    Raises
    ------
    CoinError
        If it is not; the message says how to make it one.
    """
    if not isinstance(image, np.ndarray):
        hint = "load_image(path) makes one"
        if isinstance(image, Image.Image):
            hint = "coin_edu.image.from_pillow(image) makes one"
        elif isinstance(image, list | tuple):
            hint = "encode_many and fit_many take several, np.array(image) makes one of nested lists"
        raise CoinError(f"a picture is a NumPy array, got {type(image).__name__}; {hint}")
    if isinstance(image, np.ma.MaskedArray):
        raise CoinError("a picture has a color everywhere, got a masked array; image.filled(0) makes one")
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
PIECE = 2**16


def view(
    shape: tuple[int, ...], region: Region | None, size: tuple[int, int] | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The region and the size that :func:`axes` is asked for, checked, and whole where they are left out."""
    height, width = shape[:2]
    x, y, w, h = (0, 0, width, height) if region is None else check_several("region", region, "x y width height")
    if not (0 <= x < x + w <= width and 0 <= y < y + h <= height):
        raise CoinError(f"region x={x}, y={y}, {w}x{h} is empty or not inside the picture of {width}x{height} pixels")
    columns, rows = (w, h) if size is None else check_several("size", size, "width height")
    if columns < 1 or rows < 1:
        raise CoinError(f"a size must be at least 1x1, got {columns}x{rows}")
    return (x, y, w, h), (columns, rows)


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
    (x, y, w, h), (columns, rows) = view(shape, region, size)
    longer = max(width, height)

    def centers(start: int, length: int, samples: int, whole: int) -> np.ndarray:
        places = np.empty(samples, np.float32)
        for first in range(0, samples, PIECE):  # in float64 a piece at a time: a side may be 2^27 pixels long
            pixels = start + (np.arange(first, min(first + PIECE, samples)) + 0.5) * (length / samples)
            places[first : first + PIECE] = (2 * pixels - whole) / longer
        return places

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
