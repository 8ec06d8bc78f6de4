"""Fits that advance in a thread, one widget's at a time, and painting beside them.

A thread drains the loops and paints a few times a second, and the kernel stays free for other cells. Widgets that are
shown later wait for their turn. Colab does not deliver what a thread sends, so there the fits run in the foreground,
for a while at each press.
"""

import atexit
import contextlib
import math
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import traitlets

from coin_edu.engine.state import Fit, Report
from coin_edu.errors import CoinError
from coin_edu.fitting import fit_steps
from coin_edu.widgets.panel import Panel


class Running(Panel):
    """Fits to one picture that begin once shown, can be stopped and gone on with, and are waited for by later cells.

    Only one widget's are running at a time in a process: when another's are begun by hand, they stop, so that two do
    not share the cores. An interrupt of the kernel reaches the running cell, and so :meth:`run` and :meth:`frozen`.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
    controls, buttons : list of ipywidgets
    begin : bool
        Whether they start by themselves once shown.

    Attributes
    ----------
    fits : dict of Fit
        By name; replaced by further ones while they run.
    done : bool
        A trait: whether all fits have taken all their steps.
    """

    # Repaints a second; where painting is slow it takes a fifth of the time, and nobody's where nobody looks.
    RATE = 3.0
    # Seconds that one press runs for in the foreground, where the stop button is not heard.
    FOREGROUND = 20.0

    done = traitlets.Bool(False)

    _running: ClassVar["Running | None"] = None
    _halt = threading.Event()  # of one that was refused before it had its own, and is closed when it is collected
    _waiting: ClassVar[list["Running"]] = []
    _turn: ClassVar[Any] = threading.RLock()  # whose turn it is changes under this

    def __init__(self, image: np.ndarray, controls: list[Any], buttons: list[Any], begin: bool = True):
        self.image, self._begins = image, begin
        self._lock, self._thread = threading.Lock(), threading.Thread()
        self._halt = threading.Event()
        self._halt.set()
        self._stopped = False  # by hand, and so not to be gone on with unasked
        self._frozen: dict[str, Fit] | None = None
        self._seen = False
        self._began = (0.0, 0.0)  # seconds on the clock, and those spent by the fits then
        self.fits = self.fresh()
        super().__init__(controls, buttons)

    def fresh(self) -> dict[str, Fit]:
        """The fits before their first step."""
        raise NotImplementedError

    def loop(self, fit: Fit) -> Iterator[Report]:
        """The steps that a fit has left, each report with the state to go on from."""
        return fit_steps(self.image, state=fit, every=_every(fit))

    def spent(self, fit: Fit) -> float:
        """Of several fits, the one that spent least is the next to move on."""
        return fit.step

    @property
    def running(self) -> bool:
        """Whether a fit is under way."""
        return not self._halt.is_set()

    @property
    def share(self) -> float:
        """How far all fits are together, 0 to 1."""
        return sum(fit.step for fit in self.fits.values()) / sum(fit.steps for fit in self.fits.values())

    @property
    def begun(self) -> bool:
        """Whether a step was taken."""
        return any(fit.step for fit in self.fits.values())

    @property
    def waiting(self) -> bool:
        """Whether it will begin by itself once the fit before it has ended."""
        return self in Running._waiting

    def wanted(self) -> bool:
        """Whether a picture of the fits as they are now is wanted by somebody."""
        return self._seen

    def shown(self) -> None:
        """Begin, or wait for the turn."""
        self._seen = True
        if not self._begins or self.begun or self.running or self.waiting:
            return
        with Running._turn:
            if wait := Running._running is not None and Running._running.running:
                Running._waiting.append(self)
        self.refresh() if wait else self._go()

    def settle(self) -> None:
        """Run to the end, and draw that; what waits to be started by hand stays as it is."""
        if self._begins:
            self.frozen()

    def frozen(self) -> dict[str, Fit]:
        """The fits for later cells, by name: waited for once, and the same ever after, whatever the widget does then.

        What was stopped by hand, or is stopped by an interrupt now, is taken as far as it is, and a line says so. No
        button and no control makes this raise.
        """
        if self._frozen is None:
            with contextlib.suppress(KeyboardInterrupt):
                while self.running or self.waiting:
                    self._thread.join(0.1) if self._thread.is_alive() else time.sleep(0.1)
                if not self._stopped and not self.done:
                    self.run()
            self._stop()
            self.wait()
            self._frozen = self.fits
            for name, fit in self.fits.items():
                if fit.step < fit.steps:
                    print(f"{name or 'the fit'} was stopped: taken as it is at step {fit.step:,} of {fit.steps:,}")
        return self._frozen

    def run(self, seconds: float = math.inf) -> None:
        """Fit in the running cell, until done, for so many seconds, or until the kernel is interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            self._drain(self._begin(), seconds)

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the fit in the background has ended, at most so long."""
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def close(self) -> None:
        """Stop, and remove the widget."""
        self._halt.set()
        if self.waiting:
            Running._waiting.remove(self)
        super().close()

    def progress(self) -> str:
        """How far all fits are together, and the time left, in HTML; empty before the first step."""
        steps, step = (sum(getattr(fit, name) for fit in self.fits.values()) for name in ("steps", "step"))
        if self.waiting:
            return "waiting for the fit above to end &middot; "
        if not self.running or not steps:
            return ""
        left = ""
        clock, spent = self._began
        if (since := step - spent) > 0:
            left = f" about {math.ceil((time.monotonic() - clock) * (steps - step) / since)} s left"
        return f'<progress value="{step}" max="{steps}"></progress>{left} &middot; '

    def _stop(self) -> None:
        self._stopped = self._stopped or self.running
        self._halt.set()
        if self.waiting:
            Running._waiting.remove(self)
        self.refresh()

    def _go(self) -> None:
        if self.running:
            return
        self._stopped = False
        if "google.colab" in sys.modules:
            self.run(self.FOREGROUND)
            return
        halt = self._begin()
        self._thread = threading.Thread(target=self.surface, args=(lambda: self._drain(halt),), daemon=True)
        self._thread.start()

    def _begin(self) -> threading.Event:
        """Stop what is running; what will stop the coming run."""
        with Running._turn:
            before, Running._running = Running._running, self
            if self.waiting:
                Running._waiting.remove(self)
        if before and before.running:
            before._halt.set()
            before.refresh()
        self.wait()
        self._halt = threading.Event()
        self._began = time.monotonic(), sum(fit.step for fit in self.fits.values())
        return self._halt

    def _moved(self, before: dict[str, Fit]) -> bool:
        return any(fit.step > before[name].step for name, fit in self.fits.items())

    def _drain(self, halt: threading.Event, seconds: float = math.inf) -> None:
        """Advance the fits in turn, storing and painting, until all are done or `halt` is set."""
        begin = next_paint = time.monotonic()
        diverged = []
        loops: dict[str, Iterator[Report]] = {}
        try:
            loops = {name: self.loop(fit) for name, fit in self.fits.items()}
            first = self.fits
            # However slow the machine, and unless it is to draw alone, some steps are taken.
            while loops and (time.monotonic() - begin < seconds or (seconds and not self._moved(first))):
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
                    diverged.append(f"{name or 'the fit'} diverged before step {report.step}")
                if (now := time.monotonic()) >= next_paint and self.wanted():
                    self.refresh()
                    next_paint = time.monotonic() + max(1 / self.RATE, 4 * (time.monotonic() - now))
        finally:
            halt.set()
            self.refresh()
            self.update_still()
            with Running._turn:
                turn = Running._waiting[0] if Running._waiting and Running._running is self else None
            if turn:
                turn._go()
        self.done = not loops
        if diverged:
            raise CoinError(f"{'; '.join(diverged)}: take a lower rate or a smaller omega_0")


@atexit.register
def _leave() -> None:
    """Let the running fit end before the interpreter goes: a thread inside torch would abort the process."""
    Running._waiting.clear()
    if Running._running:
        Running._running._halt.set()
        Running._running.wait(5)


def _every(fit: Fit) -> int:
    """Steps between reports: few where a step looks at many pixels, so that stopping feels prompt."""
    pixels = fit.shape[0] * fit.shape[1]
    return max(1, min(25, 100_000 // min(fit.recipe.batch or pixels, pixels), fit.steps // 20))
