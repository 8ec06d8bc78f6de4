"""What the tests share: small pictures, small networks, small files, another process."""

import math
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from PIL import Image

from coin_edu import Arch, Siren, pack_model

# The same examples on every run and no folder of old ones: a push must not fail by luck.
settings.register_profile("coin_edu", deadline=None, max_examples=40, derandomize=True, database=None)
settings.load_profile("coin_edu")

# A shell starts what runs in its background deaf to Ctrl-C, and what the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Files of long tests, longest first. The further ones are short, and fill what time their workers have left.
LONG = (
    "test_notebooks",
    "test_nbgrader_config",
    "test_assignments",
    "test_browser",
    "test_faults",
    "test_viewer",
    "test_study_many",
    "test_study_search",
    "test_study_processes",
    "test_cli",
)


def pytest_collection_modifyitems(items):
    """The long tests first."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


not_as_root = pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read and write everything"
)


needs_constriction = pytest.mark.skipif(not find_spec("constriction"), reason='pip install "coin_edu[entropy]"')


@pytest.fixture(autouse=True)
def _no_interrupt_yet(monkeypatch):
    """Each test's first interrupt is a first one; and nbgrader's tests grade elsewhere."""
    monkeypatch.setattr("coin_edu.engine.progress.last_interrupt", -math.inf)


@pytest.fixture(autouse=True)
def _page_of_its_own():
    """What a test shows is gone from the page after it: `settle` would finish it in another test."""
    yield
    if shown := sys.modules.get("coin_edu.widgets.shown"):
        for widget in shown._all:
            widget._outputs.clear()


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def make_image():
    """A picture of any size: colors that change smoothly, and a little noise."""

    def make(height, width, seed=0):
        y, x = np.mgrid[:height, :width] / max(height, width)
        colors = np.stack([x, y, np.sin(6 * x + seed) * np.cos(4 * y)], axis=2)
        noise = np.random.default_rng(seed).normal(0, 0.03, colors.shape)
        return (np.clip(0.2 + 0.6 * colors + noise, 0, 1) * 255).round().astype(np.uint8)

    return make


@pytest.fixture
def image(make_image):
    return make_image(12, 16)


@pytest.fixture
def arch():
    return Arch(2, 8)


@pytest.fixture(scope="session")
def textured():
    """A network never fitted, whose picture has colors all over the range."""

    def make(arch, seed=0):
        model = Siren(arch, seed)
        weight, bias = model.layer_weights[-1]
        with torch.no_grad():
            weight *= 0.3 / weight.std()
            bias += 0.5
        return model

    return make


@pytest.fixture(scope="session")
def coin(textured):
    """A small .coin file of 16x12 pixels."""
    return pack_model(textured(Arch(2, 8)), (12, 16))


@pytest.fixture
def png(tmp_path, image):
    """`image` as a file."""
    path = tmp_path / "in.png"
    Image.fromarray(image).save(path)
    return path


@pytest.fixture
def python(root):
    """Run Python in a process of its own, with this repository's package."""

    def run(*arguments):
        environment = {**os.environ, "PYTHONPATH": str(root)}
        return subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="module")
def browser(request):
    """Chromium, with the switches that the test's module names."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install 'coin_edu[browser]'")
    system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_api.sync_playwright() as playwright:
        try:
            launched = playwright.chromium.launch(
                executable_path=system, args=["--no-sandbox", *request.module.CHROMIUM]
            )
        except sync_api.Error as error:
            pytest.skip(f"no Chromium to be started ({error.message.splitlines()[0]}); playwright install chromium")
        yield launched
        launched.close()


def interrupt(child):
    """Press Ctrl-C until it is heard, and give what the process says; Python drops one that meets a callback."""
    for patience in (60, 60, 60):
        child.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            said = child.communicate(timeout=patience)
            errors = str(said[1])
            assert "Traceback" not in errors or "Exception ignored in" in errors, errors
            return said
    child.kill()
    raise AssertionError(f"three interrupts, and it runs on: {child.communicate()}")
