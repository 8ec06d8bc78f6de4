"""A .coin file that can be looked into without end, alive where no kernel runs."""

import base64
import html
import io

from PIL import Image

from coin_edu.bitstream import read_header
from coin_edu.codec import decode
from coin_edu.viewer.page import page

STILL = 400  # pixels of the still picture's longer side: a notebook holds it twice


class Viewer:
    """The viewer's page in a notebook: drag, zoom, compare with enlarged pixels, save as PNG.

    It is no widget of Jupyter's but a page in the output, so that it lives on in a saved notebook, where no kernel
    runs. Where scripts are taken out of notebooks (GitHub, JupyterLab before a notebook is trusted), a still picture
    stands in.

    Parameters
    ----------
    data : bytes
        A .coin file.
    name : str
        What it is called on the page.
    height : int
        Of the page, in pixels.

    Examples
    --------
    >>> from coin_edu import Arch, Siren, pack_model
    >>> Viewer(pack_model(Siren(Arch(1, 4)), (12, 16)))
    Viewer: picture.coin, 16x12 pixels
    """

    def __init__(self, data: bytes, name: str = "picture.coin", height: int = 520):
        self.data, self.name, self.height = data, name, height
        self.shape = read_header(data).shape
        height, width = self.shape
        shrink = min(1, STILL / max(width, height))
        buffer = io.BytesIO()
        still = decode(data, (max(1, round(width * shrink)), max(1, round(height * shrink))))
        Image.fromarray(still).save(buffer, "PNG", optimize=True)
        self.still = buffer.getvalue()
        """The picture, small, as PNG."""

    def __repr__(self) -> str:
        return f"Viewer: {self.name}, {self.shape[1]}x{self.shape[0]} pixels"

    def _repr_html_(self) -> str:
        """The page over the still picture, which is seen where the frame is taken away."""
        picture = f"data:image/png;base64,{base64.b64encode(self.still).decode()}"
        fill = "position:absolute;inset:0;width:100%;height:100%;border:0"
        return (
            f'<div style="position:relative;max-width:900px;height:{self.height}px;overflow:hidden">'
            f'<img src="{picture}" alt="{html.escape(repr(self))}" style="max-width:100%;max-height:100%">'
            f'<iframe srcdoc="{html.escape(page(self.data, self.name))}" title="{html.escape(repr(self))}" '
            f'sandbox="allow-scripts allow-downloads" allow="fullscreen" style="{fill}"></iframe></div>'
        )

    def _repr_png_(self) -> tuple[bytes, dict[str, str]]:
        return self.still, {"alt": repr(self)}
