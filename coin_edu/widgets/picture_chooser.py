"""The picture that a notebook works on: one of those at hand, or one of the student's own."""

import os
from typing import Any, ClassVar

import numpy as np
from matplotlib.figure import Figure

from coin_edu.data import PHOTOS, photo
from coin_edu.image import load_image, parse_image
from coin_edu.study.plots import show_image
from coin_edu.widgets.panel import Panel, aspect, control, ipywidgets, panels, thumbnail


class PictureChooser(Panel):
    """The picture for a notebook: a photograph at hand, or a file uploaded; any picture works.

    What was chosen is kept while the kernel runs, also when the cell is run again.

    Parameters
    ----------
    first : str or path
        A name that :func:`coin_edu.photo` knows, or a file, whose name has a dot.
    longer : int
        The longer side of :attr:`image`, in pixels.

    Attributes
    ----------
    photograph : ndarray, uint8 (H, W, 3)
        The picture as it is.
    image : ndarray, uint8 (h, w, 3)
        A thumbnail of it, on which a fit takes seconds.
    name : ipywidgets.Dropdown
    upload : ipywidgets.FileUpload

    Examples
    --------
    >>> PictureChooser("coffee").image.shape
    (128, 192, 3)
    """

    # Pictures uploaded, and the choice last made, while this kernel runs.
    uploaded: ClassVar[dict[str, np.ndarray]] = {}
    chosen: ClassVar[str | None] = None

    def __init__(self, first: str | os.PathLike[str] = "coffee", longer: int = 192):
        self.longer = longer
        first = os.fspath(first)
        self._files = {first: load_image(first)} if "." in first else {}
        names = [*self._files, *PHOTOS, *PictureChooser.uploaded]
        chosen = PictureChooser.chosen if PictureChooser.chosen in names else first
        self.name = control(ipywidgets.Dropdown, "picture", options=names, value=chosen)
        self.upload = ipywidgets.FileUpload(
            accept=".png,.jpg,.jpeg,.webp,.tif,.tiff,.bmp,.gif", description="one of my own", layout={"width": "160px"}
        )
        self._read()
        super().__init__([self.name], [self.upload])
        self.on_change(self.upload, self._uploaded)

    def changed(self) -> None:
        """Another picture, for the cells beneath once they are run again."""
        PictureChooser.chosen = self.name.value
        self._read()
        self.refresh()

    def _read(self) -> None:
        name = self.name.value
        known = {**self._files, **PictureChooser.uploaded}
        self.photograph = known[name] if name in known else photo(name)
        self.image = thumbnail(self.photograph, self.longer)
        self.inches = (9.0, 0.5 + 2.0 * aspect(self.image.shape))

    def _uploaded(self) -> None:
        given: Any = self.upload.value
        if not given:
            return
        # ipywidgets 8 has a tuple of dictionaries, 7 a dictionary by name.
        file = given[0] if isinstance(given, tuple) else next(iter(given.values()))
        name = file["name"] if "name" in file else file["metadata"]["name"]
        PictureChooser.uploaded[name] = parse_image(bytes(file["content"]), name)
        self.name.options = [*dict.fromkeys([*self.name.options, name])]
        if self.name.value == name:
            self.changed()
        self.name.value = name

    def draw(self, figure: Figure) -> str:
        """The thumbnail, and the photograph where that is larger."""
        axes = panels(figure, "ab", left=0.02, right=0.98, bottom=0.02)
        height, width = self.photograph.shape[:2]
        small_height, small_width = self.image.shape[:2]
        show_image(self.image, axes["a"], f"thumbnail: {small_width}x{small_height} pixels")
        show_image(self.photograph, axes["b"], f"the picture: {width}x{height} pixels")
        return f"<b>{self.name.value}</b>; after another choice, run the cells beneath again"
