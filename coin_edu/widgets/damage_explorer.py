"""A widget about what PSNR does not see: pictures that are equally wrong by it, and look nothing alike."""

import numpy as np
from matplotlib.figure import Figure

from coin_edu.metrics import psnr, ssim
from coin_edu.study.damages import damaged
from coin_edu.study.plots import show_image, show_residual
from coin_edu.widgets.panel import Panel, aspect, control, ipywidgets, panels, thumbnail


class DamageExplorer(Panel):
    """One picture damaged in seven ways, all at the same PSNR; SSIM beside.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3), optional
        By default the thumbnail of a photograph.

    Attributes
    ----------
    psnr : ipywidgets.FloatSlider
        In dB; a way that cannot do so much damage does all it can, and says how much that is.
    view : ipywidgets.ToggleButtons
        "pictures" or "errors", which are enlarged 4 times.

    Examples
    --------
    >>> widget = DamageExplorer(thumbnail("coffee", 32))
    >>> widget.psnr.value, widget.view.value = 30, "errors"
    """

    def __init__(self, image: np.ndarray | None = None):
        self.image = thumbnail("coffee") if image is None else image
        self.psnr = control(ipywidgets.FloatSlider, "PSNR, dB", value=25, min=22, max=40, step=0.5)
        self.view = control(ipywidgets.ToggleButtons, "view", options=["pictures", "errors"])
        self.inches = (9.0, 0.6 + 4.3 * aspect(self.image.shape))
        super().__init__([self.psnr, self.view])

    def draw(self, figure: Figure) -> str:
        """The original and its seven ways to go wrong."""
        axes = panels(figure, "abcd;efgh", left=0.01, right=0.99, bottom=0.01, hspace=0.25)
        show_image(self.image, axes["a"], "original")
        pictures = damaged(self.image, self.psnr.value)
        for ax, (name, picture) in zip(list(axes.values())[1:], pictures.items(), strict=True):
            reached = psnr(self.image, picture)
            exact = "" if abs(reached - self.psnr.value) < 0.1 else f" ({reached:.1f} dB)"
            title = f"{name}{exact}: SSIM {ssim(self.image, picture):.2f}"
            if self.view.value == "errors":
                show_residual(self.image, picture, ax, title)
            else:
                show_image(picture, ax, title)
        return f"seven pictures with a PSNR of <b>{self.psnr.value:.1f} dB</b> each; SSIM is 1 for no difference"
