"""Damaged pictures ranked by eye, before anybody says what was done to them."""

import html
from typing import Any, ClassVar

import numpy as np
from matplotlib.figure import Figure

from coin_edu.metrics import psnr, ssim
from coin_edu.study.damages import damaged
from coin_edu.study.plots import show_image
from coin_edu.widgets.panel import Panel, aspect, button, ipywidgets, panels, thumbnail

LETTERS = "ABCDEFG"


class BlindRanking(Panel):
    """Seven damaged pictures, to be clicked from the best to the worst; then what they are, and who agrees.

    The damages and how strong they are were dealt out by lot: PSNRs from 21 to 30 dB in steps of 1.5. Afterwards the
    rank correlation (Spearman's) of the student's order with PSNR and with SSIM is shown: 1 is the same order, -1 the
    opposite, 0 no relation.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3), optional
    seed : int
        Of the lots.

    Attributes
    ----------
    buttons : dict of ipywidgets.Button
        By letter, A to G.
    again : ipywidgets.Button
    order : list of str
        Letters clicked so far, best first; kept while the kernel runs.
    psnrs, ssims : dict of float
        By letter.

    Examples
    --------
    >>> ranking = BlindRanking(thumbnail("coffee", 32), seed=1)
    >>> for letter in "GFEDCBA":
    ...     ranking.buttons[letter].click()
    >>> "".join(ranking.order), len(ranking.psnrs)
    ('GFEDCBA', 7)
    """

    memory: ClassVar[dict[int, list[str]]] = {}

    def __init__(self, image: np.ndarray | None = None, seed: int = 0):
        self.image, self._seed = thumbnail("coffee" if image is None else image, 128), seed
        lots = np.random.default_rng(seed)
        names = [str(name) for name in lots.permutation(list(damaged(thumbnail(self.image, 16), 30)))]
        strengths = lots.permutation(np.arange(21, 31.5, 1.5))
        self.names = dict(zip(LETTERS, names, strict=True))
        self.pictures = {
            letter: damaged(self.image, decibels, [name])[name]
            for (letter, name), decibels in zip(self.names.items(), strengths, strict=True)
        }
        self.psnrs = {letter: psnr(self.image, picture) for letter, picture in self.pictures.items()}
        self.ssims = {letter: ssim(self.image, picture) for letter, picture in self.pictures.items()}
        self.order = list(BlindRanking.memory.get(seed, []))
        self.buttons = {letter: ipywidgets.Button(description=letter, layout={"width": "60px"}) for letter in LETTERS}
        self.again = button("again", "undo", "rank them anew")
        self.inches = (9.0, 1.1 + 4.4 * aspect(self.image.shape))
        super().__init__([], [ipywidgets.Label("best first:"), *self.buttons.values(), self.again])
        for letter, pressed in self.buttons.items():
            self.on_click(pressed, lambda letter=letter: self._place(letter))  # type: ignore[misc]
        self.on_click(self.again, self._start)

    @property
    def done(self) -> bool:
        """Whether all seven are ranked."""
        return len(self.order) == len(LETTERS)

    def correlations(self) -> tuple[float, float]:
        """Spearman's rank correlation of the student's order with PSNR and with SSIM."""
        rank = {letter: -place for place, letter in enumerate(self.order)}
        return tuple(_spearman([rank[x] for x in LETTERS], [by[x] for x in LETTERS]) for by in (self.psnrs, self.ssims))  # type: ignore[return-value]

    def _place(self, letter: str) -> None:
        if letter not in self.order:
            self.order.append(letter)
            BlindRanking.memory[self._seed] = list(self.order)
        self.refresh()

    def _start(self) -> None:
        self.order = []
        BlindRanking.memory.pop(self._seed, None)
        self.refresh()

    def draw(self, figure: Figure) -> str:
        """The original and the seven, by letter; names and measures once all are ranked."""
        for letter, pressed in self.buttons.items():
            pressed.disabled = letter in self.order
        top = 1 - 0.5 / self.inches[1]  # titles have two lines
        axes = panels(figure, "0ABC;DEFG", left=0.01, right=0.99, bottom=0.01, top=top, hspace=0.35)
        show_image(self.image, axes["0"], "original")
        for letter, picture in self.pictures.items():
            place = f", your number {self.order.index(letter) + 1}" if letter in self.order else ""
            title = f"{letter}{place}"
            if self.done:
                title += f": {self.names[letter]}\n{self.psnrs[letter]:.1f} dB, SSIM {self.ssims[letter]:.2f}"
            show_image(picture, axes[letter], title)
        if not self.done:
            so_far = f"; so far {', '.join(self.order)}" if self.order else ""
            return f"Click the letters from the best picture to the worst{html.escape(so_far)}."
        by_psnr, by_ssim = self.correlations()
        return (
            f"your order {', '.join(self.order)} &middot; rank correlation with PSNR <b>{by_psnr:.2f}</b>, "
            f"with SSIM <b>{by_ssim:.2f}</b> (1: the same order)"
        )


def _spearman(one: list[float], two: list[float]) -> float:
    ranks = [np.argsort(np.argsort(values)) for values in (one, two)]
    matrix: Any = np.corrcoef(np.array(ranks))
    return float(matrix[0, 1])
