import time

import pytest

pytest.importorskip("ipywidgets")

from coin_edu import Arch
from coin_edu.widgets.live_fit import LiveFit


@pytest.fixture
def live(image):
    """A widget whose fit takes longer than any test, and whose thread ends with the test."""
    widget = LiveFit(image, Arch(2, 8), steps=100_000)
    yield widget
    widget.close()
    widget.wait(30)


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def enabled(widget):
    return [name for name in ("start", "stop", "resume", "reset") if not getattr(widget, name).disabled]


def test_reset_forgets_the_fit_even_while_it_runs(live):
    first = live.picture.value
    live.start.click()
    until(lambda: live.fit.step > 0)
    live.reset.click()
    live.wait(30)
    assert live.fit.step == 0 and not live.fit.history
    assert live.picture.value == first


def test_the_buttons_that_make_sense_are_enabled(live):
    assert enabled(live) == ["start"]
    live.start.click()
    until(lambda: enabled(live) == ["stop", "reset"])
    live.stop.click()
    live.wait(30)
    assert enabled(live) == ["start", "resume", "reset"]
    live.reset.click()
    assert enabled(live) == ["start"]


def test_a_finished_fit_can_only_be_reset(image):
    widget = LiveFit(image, Arch(2, 8), steps=60)
    widget.run()
    assert enabled(widget) == ["start", "reset"]
    widget.resume.click()
    widget.wait(30)
    assert widget.fit.step == 60 and not widget.errors
