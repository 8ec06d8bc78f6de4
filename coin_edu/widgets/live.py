"""A fit that runs while one looks on: what LiveFit and CompareFits share.

The widget is shown first; then `fit_steps` is drained in a daemon thread that paints a few times a second, and the
kernel stays free for other cells. One fit runs at a time; those shown later wait for their turn. Colab does not deliver
what a thread sends, so there the fit runs in the foreground, for a while at each press.
"""

import atexit
import contextlib
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import traitlets

from coin_edu.arch import Arch
from coin_edu.codec import pack_fit
from coin_edu.engine.state import Fit, Report
from coin_edu.errors import CoinError
from coin_edu.files import write_bytes
from coin_edu.fitting import fit_steps
from coin_edu.widgets.curves import Run
from coin_edu.widgets.film import Film
from coin_edu.widgets.panel import Panel, aspect, button

ARCH = Arch(5, 30)  # where nothing else is asked for


class Live(Panel):
    """Fits to one picture that begin once shown, and can be stopped, resumed, and begun anew with other settings.

    Only one is running at a time in a process: pressing another's `start` stops it, so that two do not share the cores.
    An interrupt of the kernel reaches the running cell, and so :meth:`run` and :meth:`result`; what runs in the
    background has `stop`.

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
    fits : dict of Fit
        By name; replaced by further ones while they run.
    ghosts : list of Run
        The curves of earlier runs.
    start, stop, resume, reset, defaults, save : ipywidgets.Button
    done : bool
        A trait: whether all fits have taken all their steps.
    """

    # Repaints a second; where painting is slow it takes a fifth of the time, and nobody's where nobody looks.
    RATE = 3.0
    # Seconds that one press runs for in the foreground, where the stop button is not heard.
    FOREGROUND = 20.0
    # Curves of earlier runs that are kept.
    GHOSTS = 5

    done = traitlets.Bool(False)

    _running: ClassVar["Live | None"] = None
    _halt = threading.Event()  # of one that was refused before it had its own, and is closed when it is collected
    _waiting: ClassVar[list["Live"]] = []
    _turn: ClassVar[Any] = threading.RLock()  # whose turn it is changes under this

    def __init__(self, image: np.ndarray, controls: list[Any], pictures: int = 3, begin: bool = True):
        self.image, self._begins = image, begin
        self.start = button("start", "play", "fit from the beginning, as the controls say")
        self.stop = button("stop", "stop", "stop and keep the network")
        self.resume = button("resume", "step-forward", "go on from where it stopped")
        self.reset = button("reset", "trash", "forget the fit and the curves of earlier ones")
        self.defaults = button("defaults", "undo", "all controls as they were at first")
        self.save = button("save .coin", "download", "write the network as a file beside the notebook")
        self._lock, self._thread = threading.Lock(), threading.Thread()
        self._halt = threading.Event()
        self._halt.set()
        self._stopped = False  # by hand, and so not to be gone on with unasked
        self._frozen: dict[str, Fit] | None = None
        self._seen, self._film = False, Film()
        self._began = (0.0, 0.0)  # seconds on the clock, and those spent by the fits then
        self.ghosts: list[Run] = []
        self.fits = self.fresh()
        self.heights = 7.8 / pictures * aspect(image.shape), 1.8  # of the pictures and of the curves beneath, inches
        self.inches = (9.0, sum(self.heights) + 1.2)
        buttons = [self.start, self.stop, self.resume, self.reset, self.defaults, self.save]
        super().__init__(controls, buttons)
        first = {control: control.value for control in controls}
        actions: list[Callable[[], None]] = [self._restart, self._stop, self._go, self._reset]
        actions += [lambda: self.assign(first), self._save]
        for pressed, action in zip(buttons, actions, strict=True):
            self.on_click(pressed, action)

    def fresh(self) -> dict[str, Fit]:
        """The fits before their first step."""
        raise NotImplementedError

    def named(self) -> dict[str, str]:
        """What each fit's curve is called once it is an earlier one, by the fit's name."""
        return {name: name for name in self.fits}

    def loop(self, fit: Fit) -> Iterator[Report]:
        """The steps that a fit has left, each report with the state to go on from."""
        return fit_steps(self.image, state=fit, every=_every(fit))

    def file(self, fit: Fit) -> tuple[str, str, bytes]:
        """How the name of a fit's file begins and ends, and its bytes."""
        return f"picture-{fit.arch}", "coin", pack_fit(fit)

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
        return self in Live._waiting

    def shown(self) -> None:
        """Begin, or wait for the turn."""
        self._seen = True
        if not self._begins or self.begun or self.running or self.waiting:
            return
        with Live._turn:
            if wait := Live._running is not None and Live._running.running:
                Live._waiting.append(self)
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

    def close(self) -> None:
        """Stop, and remove the widget."""
        self._halt.set()
        if self.waiting:
            Live._waiting.remove(self)
        super().close()

    def still(self) -> dict[str, Any]:
        """The picture as it is now; of fits that have ended, how they grew."""
        png = bytes(self.picture.value)
        return {"image/png": self._film.developed(png) if self.share == 1 else png}

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

    def _stop(self) -> None:
        self._stopped = self._stopped or self.running
        self._halt.set()
        if self.waiting:
            Live._waiting.remove(self)
        self.refresh()

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
        with Live._turn:
            before, Live._running = Live._running, self
            if self.waiting:
                Live._waiting.remove(self)
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
                if (now := time.monotonic()) >= next_paint and (self._seen or self._film.wants(self.share)):
                    self.refresh()
                    next_paint = time.monotonic() + max(1 / self.RATE, 4 * (time.monotonic() - now))
        finally:
            halt.set()
            self.refresh()
            self.update_still()
            with Live._turn:
                turn = Live._waiting[0] if Live._waiting and Live._running is self else None
            if turn:
                turn._go()
        self.done = not loops
        if diverged:
            raise CoinError(f"{'; '.join(diverged)}: take a lower rate or a smaller omega_0")


@atexit.register
def _leave() -> None:
    """Let the running fit end before the interpreter goes: a thread inside torch would abort the process."""
    Live._waiting.clear()
    if Live._running:
        Live._running._halt.set()
        Live._running.wait(5)


def _every(fit: Fit) -> int:
    """Steps between reports: few where a step looks at many pixels, so that stopping feels prompt."""
    pixels = fit.shape[0] * fit.shape[1]
    return max(1, min(25, 100_000 // min(fit.recipe.batch or pixels, pixels), fit.steps // 20))
