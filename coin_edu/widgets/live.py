"""A fit that runs while one looks on: what LiveFit and CompareFits share.

`fit_steps` is drained in a daemon thread that paints a few times a second; the kernel stays free for other cells.
Colab does not deliver what a thread sends, so there the fit runs in the foreground, for a while at each press.
"""

import atexit
import contextlib
import itertools
import math
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from matplotlib.axes import Axes

from coin_edu.arch import Arch
from coin_edu.engine.state import Fit
from coin_edu.errors import CoinError
from coin_edu.fitting import fit_steps
from coin_edu.widgets.panel import COLORS, Panel, aspect, button, label

ARCH = Arch(5, 30)  # where nothing else is asked for


class Live(Panel):
    """Fits to one picture that can be started, stopped, resumed and reset.

    Only one is running at a time in a process: starting another stops it, so that two do not share the cores. An
    interrupt of the kernel reaches the running cell, and so :meth:`run`; what runs in the background has `stop`.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
    controls : list of ipywidgets
    pictures : int
        How many :meth:`draw` puts side by side, above curves.

    Attributes
    ----------
    fits : dict of Fit
        By name; replaced by further ones while they run.
    start, stop, resume, reset : ipywidgets.Button
    """

    # Repaints a second; a picture so large that painting takes longer is painted a third of the time.
    RATE = 3.0
    # Seconds that one press runs for in the foreground, where the stop button is not heard.
    FOREGROUND = 20.0

    _running: ClassVar["Live | None"] = None

    def __init__(self, image: np.ndarray, controls: list[Any], pictures: int = 3):
        self.image = image
        self.start = button("start", "play", "fit from the beginning")
        self.stop = button("stop", "stop", "stop and keep the network")
        self.resume = button("resume", "step-forward", "go on from where it stopped")
        self.reset = button("reset", "undo", "forget the fit")
        self._lock, self._thread = threading.Lock(), threading.Thread()
        self._halt = threading.Event()
        self._halt.set()
        self.fits = self.fresh()
        self.heights = 7.8 / pictures * aspect(image.shape), 1.2  # of the pictures and of the curves beneath, inches
        self.inches = (9.0, sum(self.heights) + 1.2)
        buttons = [self.start, self.stop, self.resume, self.reset]
        super().__init__(controls, buttons)
        for pressed, action in zip(buttons, (self._restart, self._stop, self._go, self._reset), strict=True):
            self.on_click(pressed, action)

    def fresh(self) -> dict[str, Fit]:
        """The fits before their first step."""
        raise NotImplementedError

    def spent(self, fit: Fit) -> float:
        """Of several fits, the one that spent least is the next to move on."""
        return fit.step

    @property
    def running(self) -> bool:
        """Whether a fit is under way."""
        return not self._halt.is_set()

    def run(self, seconds: float = math.inf) -> None:
        """Fit in the running cell, until done, for so many seconds, or until the kernel is interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            self._drain(self._begin(), seconds)

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the fit in the background has ended, at most so long."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def refresh(self) -> None:
        """Draw the picture anew, and enable the buttons that make sense now."""
        super().refresh()
        begun = any(fit.step for fit in self.fits.values())
        done = all(fit.step >= fit.steps for fit in self.fits.values())
        self.start.disabled = self.running or begun
        self.stop.disabled = not self.running
        self.resume.disabled = self.running or not begun or done
        self.reset.disabled = not begun

    def close(self) -> None:
        """Stop, and remove the widget."""
        self._halt.set()
        super().close()

    def _restart(self) -> None:
        self._forget()
        self._go()

    def _reset(self) -> None:
        self._forget()
        self.refresh()

    def _forget(self) -> None:
        with self._lock:
            self._halt.set()
            self.fits = self.fresh()

    def _stop(self) -> None:
        self._halt.set()
        self.refresh()

    def _go(self) -> None:
        if self.running:
            return
        if "google.colab" in sys.modules:
            self.run(self.FOREGROUND)
            return
        halt = self._begin()
        self._thread = threading.Thread(target=self.surface, args=(lambda: self._drain(halt),), daemon=True)
        self._thread.start()

    def _begin(self) -> threading.Event:
        """Stop what is running; what will stop the coming run."""
        if Live._running:
            Live._running._stop()
        Live._running, self._halt = self, threading.Event()
        return self._halt

    def _drain(self, halt: threading.Event, seconds: float = math.inf) -> None:
        """Advance the fits in turn, storing and painting, until all are done or `halt` is set."""
        begin = next_paint = time.monotonic()
        diverged = []
        try:
            loops = {name: fit_steps(self.image, state=fit, every=_every(fit)) for name, fit in self.fits.items()}
            while loops and time.monotonic() - begin < seconds:
                name = min(loops, key=lambda name: self.spent(self.fits[name]))
                report = next(loops[name], None)
                with self._lock:
                    if halt.is_set():  # stopped, or even reset, while these steps were taken
                        return
                    if report:
                        self.fits = {**self.fits, name: report.state}
                if not report:
                    del loops[name]
                elif math.isnan(report.psnr):
                    del loops[name]
                    diverged.append(f"{name} diverged before step {report.step}")
                if (now := time.monotonic()) >= next_paint:
                    self.refresh()
                    next_paint = time.monotonic() + max(1 / self.RATE, 2 * (time.monotonic() - now))
        finally:
            halt.set()
            self.refresh()
        if diverged:
            raise CoinError(f"{'; '.join(diverged)}: take a lower rate or a smaller omega_0")


def curves(ax: Axes, fits: Mapping[str, Fit], pace: str) -> None:
    """PSNR of each fit over its steps or seconds, named if there are several."""
    for color, (name, fit) in zip(itertools.cycle(COLORS), fits.items(), strict=False):
        places = [getattr(measure, pace) for measure in fit.history]
        decibels = [measure.psnr for measure in fit.history]
        ax.plot(places, decibels, color=color, label=name)
        ax.plot(places[-1:], decibels[-1:], "o", color=color, markersize=5, clip_on=False)
    label(ax, "seconds" if pace == "seconds" else "steps", "PSNR, dB")
    if pace == "step":
        ax.set_xlim(0, max(fit.steps for fit in fits.values()))
    if not any(fit.history for fit in fits.values()):
        ax.set_ylim(10, 30)
    if len(fits) > 1:
        ax.legend(loc="lower right", fontsize=9, frameon=False)


@atexit.register
def _leave() -> None:
    """Let the running fit end before the interpreter goes: a thread inside torch would abort the process."""
    if Live._running:
        Live._running._halt.set()
        Live._running.wait(5)


def _every(fit: Fit) -> int:
    """Steps between reports: few where a step looks at many pixels, so that stopping feels prompt."""
    pixels = fit.shape[0] * fit.shape[1]
    return max(1, min(25, 100_000 // min(fit.recipe.batch or pixels, pixels), fit.steps // 20))
