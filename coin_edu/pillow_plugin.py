"""`Image.open("x.coin")` and `image.save("x.coin")`: the codec as a Pillow plugin, registered on import."""

from typing import IO, Any

import numpy as np
from PIL import Image, ImageFile

from coin_edu.bitstream import MAGIC, read_header
from coin_edu.codec import decode, encode


class CoinImageFile(ImageFile.ImageFile):
    """A .coin file; its header is read on opening, its pixels are computed when first looked at."""

    format = "COIN"
    format_description = "Compression with implicit neural representations"

    def _open(self) -> None:
        assert self.fp is not None
        file = read_header(self.fp.read())
        self._size = file.shape[1], file.shape[0]
        self._mode = "RGB"
        self.info = {"arch": str(file.arch), "bits": file.bits}
        self.tile = [ImageFile._Tile(self.format, (0, 0, *self.size), 0, (self.mode,))]


class CoinDecoder(ImageFile.PyDecoder):
    """Computes the pixels."""

    _pulls_fd = True

    def decode(self, buffer: Any) -> tuple[int, int]:
        """Pillow's call; as the decoder pulls from the file, `buffer` is empty."""
        assert self.fd is not None
        self.set_as_raw(decode(self.fd.read()).tobytes())
        return -1, 0


def _accept(start: bytes) -> bool:
    return start.startswith(MAGIC)


def _save(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    """`image.save("x.coin", bpp=0.3, steps=500)`: the keywords are those of :func:`coin_edu.encode`."""
    file.write(encode(np.asarray(image.convert("RGB")), **image.encoderinfo))


Image.register_decoder(CoinImageFile.format, CoinDecoder)
Image.register_open(CoinImageFile.format, CoinImageFile, _accept)
Image.register_save(CoinImageFile.format, _save)
Image.register_extension(CoinImageFile.format, ".coin")
