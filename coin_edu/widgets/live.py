"""A fit that one looks at while it runs: what LiveFit, CompareFits and their like share, buttons, ghosts and a film."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from coin_edu.arch import Arch
from coin_edu.codec import pack_fit
from coin_edu.engine.state import Fit
from coin_edu.files import write_bytes
from coin_edu.widgets.curves import Run
from coin_edu.widgets.film import Film
from coin_edu.widgets.panel import aspect, button
from coin_edu.widgets.running import Running

ARCH = Arch(5, 30)  # where nothing else is asked for


class Live(Running):
    """Fits to one picture that begin once shown, and can be stopped, resumed, and begun anew with other settings.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
    controls : list of ipywidgets
    pictures : int
        How many :meth:`draw` puts side by side, above curves.
    begin : bool
        Whether it starts by itself once shown.

    Attributes
    ----------
    ghosts : list of Run
        The curves of earlier runs.
    start, stop, resume, reset, defaults, save : ipywidgets.Button
    """

    # Curves of earlier runs that are kept.
    GHOSTS = 5

    def __init__(self, image: np.ndarray, controls: list[Any], pictures: int = 3, begin: bool = True):
        self.start = button("start", "play", "fit from the beginning, as the controls say")
        self.stop = button("stop", "stop", "stop and keep the network")
        self.resume = button("resume", "step-forward", "go on from where it stopped")
        self.reset = button("reset", "trash", "forget the fit and the curves of earlier ones")
        self.defaults = button("defaults", "undo", "all controls as they were at first")
        self.save = button("save .coin", "download", "write the network as a file beside the notebook")
        self._film = Film()
        self.ghosts: list[Run] = []
        self.heights = 7.8 / pictures * aspect(image.shape), 1.8  # of the pictures and of the curves beneath, inches
        self.inches = (9.0, sum(self.heights) + 1.2)
        buttons = [self.start, self.stop, self.resume, self.reset, self.defaults, self.save]
        super().__init__(image, controls, buttons, begin)
        first = {control: control.value for control in controls}
        actions: list[Callable[[], None]] = [self._restart, self._stop, self._go, self._reset]
        actions += [lambda: self.assign(first), self._save]
        for pressed, action in zip(buttons, actions, strict=True):
            self.on_click(pressed, action)

    def named(self) -> dict[str, str]:
        """What each fit's curve is called once it is an earlier one, by the fit's name."""
        return {name: name for name in self.fits}

    def file(self, fit: Fit) -> tuple[str, str, bytes]:
        """How the name of a fit's file begins and ends, and its bytes."""
        return f"picture-{fit.arch}", "coin", pack_fit(fit)

    def wanted(self) -> bool:
        """Whether somebody looks, or the film lacks a picture."""
        return super().wanted() or self._film.wants(self.share)

    def refresh(self) -> None:
        """Draw the picture anew, and enable the buttons that make sense now."""
        super().refresh()
        self._film.add(self.share, bytes(self.picture.value))
        ended = all(fit.step >= fit.steps for fit in self.fits.values())
        self.start.disabled = self.running
        self.stop.disabled = not self.running and not self.waiting
        self.resume.disabled = self.running or not self.begun or ended
        self.reset.disabled = not self.begun and not self.ghosts
        self.defaults.disabled = self.running
        self.save.disabled = not self.begun

    def still(self) -> dict[str, Any]:
        """The picture as it is now; of fits that have ended, how they grew."""
        png = bytes(self.picture.value)
        return {"image/png": self._film.developed(png) if self.share == 1 else png}

    def _restart(self) -> None:
        self._forget()
        self._go()

    def _reset(self) -> None:
        self._forget()
        self.ghosts = []
        self.refresh()

    def _forget(self) -> None:
        """Another fit from the beginning; the curves of this one stay as ghosts."""
        with self._lock:
            self._halt.set()
            ghosts = [Run(self.named()[name], fit.history) for name, fit in self.fits.items() if fit.step]
            known = {run.name for run in ghosts}
            self.ghosts = [*(run for run in self.ghosts if run.name not in known), *ghosts][-self.GHOSTS :]
            self._stopped, self.done, self._film = False, False, Film()
            self.fits = self.fresh()

    def _save(self) -> None:
        """Write each network as a file beside the notebook, under a name that is free."""
        said = []
        for fit in self.fits.values():
            number, (stem, ending, data) = 1, self.file(fit)
            while Path(name := f"{stem}-{number}.{ending}").exists():
                number += 1
            write_bytes(name, data)
            said.append(f"{name}, {len(data):,} bytes")
        self.status.value += f"<br>written: {'; '.join(said)}"
