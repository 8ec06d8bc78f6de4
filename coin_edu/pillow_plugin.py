"""`Image.open("x.coin")` and `image.save("x.coin")`: the codec as a Pillow plugin, registered on import."""

import functools
import inspect
import io
import os
from typing import IO, Any

from PIL import Image, ImageFile

from coin_edu.bitstream import MAGIC, read_header, unpack
from coin_edu.codec import decode, encode
from coin_edu.errors import CoinError
from coin_edu.files import write_bytes
from coin_edu.image import from_pillow

FORMAT = "COIN"


class CoinFileError(CoinError, OSError):
    """A :class:`CoinError` for those who catch what Pillow's own plugins raise."""


class CoinImageFile(ImageFile.ImageFile):
    """A .coin file; its header is read on opening, its pixels are computed when first looked at."""

    format = FORMAT
    format_description = "Compression with implicit neural representations"

    def _open(self) -> None:
        assert self.fp is not None
        try:
            file = read_header(self.fp.read())
        except CoinError as error:
            raise SyntaxError(str(error)) from error  # by which Pillow knows that the file is not this plugin's
        self._size = file.shape[1], file.shape[0]
        self._mode = "RGB"
        self.info = {"arch": str(file.arch), "bits": file.coding.bits}
        self.tile = [ImageFile._Tile("raw", (0, 0, *self.size), 0, self.mode)]
        self._decoded = False

    def _content(self) -> bytes:
        assert self.fp is not None
        self.fp.seek(0)
        return self.fp.read()

    def load(self) -> Any:
        """Compute the pixels, once."""
        if self.tile and not self._decoded:
            try:
                pixels = decode(self._content())
            except CoinError as error:
                raise CoinFileError(str(error)) from error
            if self.fp is not None and self._exclusive_fp:
                self.fp.close()
            self.fp, self._exclusive_fp, self._decoded = io.BytesIO(pixels.tobytes()), True, True
        return super().load()

    def load_seek(self, pos: int) -> None:
        """Nothing: that there is this method tells `ImageFile.Parser` to wait for the whole file."""

    def verify(self) -> None:
        """Raise an OSError if the checksum does not fit, or the weights cannot be read."""
        try:
            unpack(self._content())
        except CoinError as error:
            raise CoinFileError(str(error)) from error
        super().verify()


def _accept(start: bytes) -> bool:
    return start.startswith(MAGIC)


def _save(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    """`image.save("x.coin", bpp=0.3, steps=500)`: the keywords are those of :func:`coin_edu.encode`."""
    known = list(inspect.signature(encode).parameters)[1:]
    if unknown := sorted(set(image.encoderinfo) - set(known)):
        raise CoinError(f"a .coin file is saved with the keywords {', '.join(known)}; got {', '.join(unknown)}")
    file.write(encode(from_pillow(image), **image.encoderinfo))


_pillows_save = Image.Image.save


@functools.wraps(_pillows_save)
def _save_beside(self: Image.Image, fp: Any, format: str | None = None, **params: Any) -> None:
    """Pillow's `save` empties the file before it asks the plugin, which may find that nothing can be saved."""
    if not isinstance(fp, str | bytes | os.PathLike):
        return _pillows_save(self, fp, format, **params)
    ending = os.path.splitext(os.fsdecode(fp))[1].lower()
    if (format.upper() if format else Image.EXTENSION.get(ending)) != FORMAT:
        return _pillows_save(self, fp, format, **params)
    buffer = io.BytesIO()
    _pillows_save(self, buffer, FORMAT, **params)
    try:
        write_bytes(fp, buffer.getvalue())
    except CoinError as error:
        raise CoinFileError(str(error)) from error


Image.Image.save = _save_beside  # type: ignore[method-assign]
Image.register_open(FORMAT, CoinImageFile, _accept)
Image.register_save(FORMAT, _save)
Image.register_extension(FORMAT, ".coin")
