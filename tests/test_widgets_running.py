import subprocess
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from coin_edu import Arch, Recipe, fit_steps
from coin_edu.widgets import running
from coin_edu.widgets.live_fit import LiveFit
from coin_edu.widgets.running import Running
from tests.conftest import interrupt


def closed(widget):
    """A fixture's widget, whose thread ends with the test."""
    yield widget
    widget.close()
    widget.wait(30)


@pytest.fixture
def widget(image):
    yield from closed(LiveFit(image, Arch(2, 8), steps=60))


@pytest.fixture
def endless(image):
    yield from closed(LiveFit(image, Arch(2, 8), steps=100_000))


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_start_fits_in_the_background_until_done(widget):
    before = widget.picture.value
    widget.start.click()
    widget.wait(30)
    assert not widget.running and not widget.errors
    assert widget.fit.step == 60 and widget.picture.value != before
    assert "step 60 of 60" in widget.status.value


def test_it_is_the_fit_that_fit_steps_gives(widget, image):
    *_, last = fit_steps(image, Arch(2, 8), steps=60)
    widget.start.click()
    widget.wait(30)
    assert widget.fit.weights.equal(last.state.weights)


def test_stop_and_resume_lose_no_step(endless, image):
    endless.start.click()
    until(lambda: endless.fit.step > 0)
    endless.stop.click()
    endless.wait(30)
    stopped = endless.fit.step
    endless.resume.click()
    until(lambda: endless.fit.step > stopped)
    endless.stop.click()
    endless.wait(30)
    steps = [measure.step for measure in endless.fit.history]
    assert steps == sorted(set(steps)) and not endless.errors


def test_stop_holds_at_once(endless):
    endless.start.click()
    until(lambda: endless.fit.step > 0)
    endless.stop.click()
    kept = endless.fit
    assert not endless.running
    endless.wait(30)
    assert endless.fit is kept


def test_run_fits_in_the_foreground_for_a_while(endless):
    while not endless.fit.step:  # a busy machine may take a second for the first picture alone
        endless.run(seconds=1)
    assert not endless.running and not endless.done


def test_starting_another_stops_the_one_that_runs(widget, endless):
    endless.start.click()
    until(lambda: endless.fit.step > 0)
    widget.start.click()
    widget.wait(30)
    assert not endless.running and widget.fit.step == 60


def test_a_fit_in_the_foreground_stops_the_one_in_the_background(widget, endless):
    endless.start.click()
    widget.run()
    assert not endless.running and widget.fit.step == 60


def test_closing_stops_the_thread(endless):
    endless.start.click()
    endless.close()
    endless.wait(30)
    assert not endless.running
    assert not any(thread.name.startswith("Thread") and thread.daemon for thread in threading.enumerate())


def test_an_error_in_the_thread_shows(widget, monkeypatch):
    def broken(*arguments, **keywords):
        raise RuntimeError("no more")

    monkeypatch.setattr(running, "fit_steps", broken)
    widget.start.click()
    widget.wait(30)
    assert "RuntimeError: no more" in widget.alert.value and len(widget.errors) == 1 and not widget.running


def test_a_fit_that_diverges_says_so(image):
    widget = LiveFit(image, Arch(2, 8), recipe=Recipe(steps=100, batch=None, rate=1e30))
    widget.start.click()
    widget.wait(30)
    assert "diverged before step" in widget.alert.value and "lower rate" in str(widget.errors[0])


def test_on_colab_it_runs_in_the_foreground_for_a_while(endless, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", object())
    monkeypatch.setattr(Running, "FOREGROUND", 0.1)
    endless.start.click()
    assert endless.fit.step > 0 and not endless.running


def test_an_interrupt_ends_run_and_keeps_the_fit(endless, monkeypatch):
    def interrupted(*arguments, **keywords):
        for count, report in enumerate(fit_steps(*arguments, **keywords)):
            if count == 3:
                raise KeyboardInterrupt
            yield report

    monkeypatch.setattr(running, "fit_steps", interrupted)
    endless.run()
    assert len(endless.fit.history) == 3 and not endless.running


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_sigint_ends_run(root):
    code = (
        "import numpy as np, threading, time; from coin_edu.widgets import LiveFit\n"
        "widget = LiveFit(np.zeros((9, 9, 3), np.uint8), steps=1_000_000)\n"
        "def tell():\n"
        "    while not widget.fit.step: time.sleep(0.01)\n"
        "    print('begun', flush=True)\n"
        "threading.Thread(target=tell).start()\n"
        "widget.run(); print(widget.fit.step > 0, widget.running)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root)
    assert child.stdout.readline() == "begun\n"
    answer, _ = interrupt(child)
    assert (answer, child.returncode) == ("True False\n", 0)


def test_a_process_may_end_in_the_middle_of_a_fit(python):
    code = (
        "import numpy as np, time; from coin_edu.widgets import LiveFit\n"
        "widget = LiveFit(np.zeros((99, 99, 3), np.uint8), steps=1_000_000)\n"
        "widget.start.click(); time.sleep(0.5)"
    )
    done = python("-W", "error", "-c", code)
    assert (done.returncode, done.stderr) == (0, "")


def test_reports_come_often_for_any_picture(make_image):
    assert running._every(LiveFit(make_image(12, 16), Arch(2, 8), steps=1000).fit) == 25
    assert running._every(LiveFit(make_image(128, 192), Arch(2, 8), steps=1000).fit) == 12
    paper = LiveFit(make_image(300, 400), Arch(2, 8), steps=50_000, recipe="paper")
    assert running._every(paper.fit) == 1 and np.isfinite(paper.fit.recipe.rate)
