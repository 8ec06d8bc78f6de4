import base64
import io
import re

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from coin_edu import CoinError, decode, widgets

pytest.importorskip("ipywidgets")

CHROMIUM = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
PATIENCE = 120_000  # milliseconds


@pytest.fixture(scope="module")
def photograph(root):
    return (root / "data" / "results" / "kodak15_10x28.coin").read_bytes()


def test_a_notebook_keeps_the_page_and_a_still_picture(photograph):
    viewer = widgets.Viewer(photograph, "kodak15.coin")
    bundle, _ = InteractiveShell.instance().display_formatter.format(viewer)
    InteractiveShell.clear_instance()
    assert set(bundle) == {"text/plain", "text/html", "image/png"}
    assert bundle["text/plain"] == "Viewer: kodak15.coin, 768x512 pixels"
    with Image.open(io.BytesIO(viewer.still)) as still:
        assert np.array_equal(np.asarray(still), decode(photograph, (400, 267)))
    (inside,) = re.findall(r'<img src="data:image/png;base64,(.*?)"', bundle["text/html"])
    assert base64.b64decode(inside) == viewer.still
    assert sum(len(part) for part in bundle.values()) < 700_000, "a notebook has 1.5 MB in all"


def test_a_small_picture_is_not_enlarged(coin):
    with Image.open(io.BytesIO(widgets.Viewer(coin).still)) as still:
        assert still.size == (16, 12)


def test_what_is_no_file_is_told_at_once():
    with pytest.raises(CoinError, match=r"no \.coin file"):
        widgets.Viewer(b"PNG")


@pytest.fixture
def frame(browser, tmp_path, coin):
    """The viewer in a page without a kernel, and the page, which can be scrolled."""
    path = tmp_path / "saved.html"
    above = "<div style='height:3000px'></div>"
    path.write_text(f"<!DOCTYPE html><body>{widgets.Viewer(coin, height=300)._repr_html_()}{above}", "utf-8")
    page = browser.new_page(viewport={"width": 500, "height": 500})
    page.set_default_timeout(PATIENCE)
    page.goto(path.as_uri())
    yield page, page.frame_locator("iframe")
    page.close()


def test_it_is_alive_without_a_kernel_and_leaves_the_wheel_alone_until_clicked(frame):
    page, inside = frame
    inside.locator("canvas[data-state=done]").wait_for()
    assert "click, then" in inside.locator("#hint").inner_text()
    zoom = inside.locator("#zoom").inner_text()
    page.mouse.move(200, 120)
    page.mouse.wheel(0, 100)
    while page.evaluate("() => scrollY") == 0:
        page.wait_for_timeout(20)
    assert inside.locator("#zoom").inner_text() == zoom
    page.evaluate("() => scrollTo(0, 0)")
    inside.locator("canvas").click(position={"x": 200, "y": 120})
    page.mouse.wheel(0, -100)
    while inside.locator("#zoom").inner_text() == zoom:
        page.wait_for_timeout(20)
    assert page.evaluate("() => scrollY") == 0


def test_where_frames_are_taken_out_the_still_is_seen(frame):
    page, _ = frame
    page.evaluate("() => document.querySelector('iframe').remove()")
    assert page.locator("img").evaluate("(img) => img.complete && img.naturalWidth") == 16
