import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from PIL import Image

from coin_edu.data import published, recorded
from coin_edu.widgets import (
    BDExplorer,
    BudgetExplorer,
    DecodeExplorer,
    RateDistortionExplorer,
    Sketch,
    baseline_points,
    picture,
)
from coin_edu.widgets.picture import MOUSE, Picture

CHROMIUM = ("--disable-gpu",)
SOURCE = Path(picture.__file__).parent / "js" / "picture.js"

# A model and a notebook as JupyterLab hands them over, as far as the script looks at them.
FRONT_END = """
window.sent = []; window.metadata = {}; window.savers = [];
const values = VALUES;
values.value = new DataView(Uint8Array.from(atob(values.value), (c) => c.charCodeAt(0)).buffer);
const output = { data: { "application/vnd.jupyter.widget-view+json": { model_id: values.owner } } };
const notebook = {
  cells: [{ outputs: { length: 1, get: () => output } }],
  getMetadata: (name) => metadata[name],
  setMetadata: (name, value) => { metadata[name] = value; },
};
const context = { model: notebook, saveState: { connect: (act) => savers.push(act), disconnect() {} } };
const manager = { context, get_model: async () => ({ comm_live: true }) };
const silent = { on() {}, off() {}, widget_manager: manager };
const model = { ...silent, get: (name) => values[name], send: (message) => sent.push(message) };
window.draw = () => {
  picture.initialize({ model });
  picture.render({ model, el: document.getElementById("place") });
};
"""


def listener(widget, name):
    """The part of a widget's picture that listens, by its name."""
    (found,) = [axes for axes in widget.picture.axes if axes["name"] == name]
    return found


def test_the_module_is_in_the_package():
    if MOUSE:
        assert "export default" in str(Picture._esm) and "keepStill" in str(Picture._esm)


def test_a_drag_moves_the_region_and_the_wheel_zooms():
    widget = DecodeExplorer(recorded("coffee_0.3.coin").read_bytes())
    axes = listener(widget, "a")
    assert axes["wheel"] and axes["x"] == [-0.5, 599.5] and axes["y"] == [399.5, -0.5]
    widget.on_mouse({"kind": "drag", "axes": "a", "x": 151.2, "y": 99.6})
    assert (widget.x.value, widget.y.value) == (151, 100)
    widget.on_mouse({"kind": "wheel", "axes": "b", "x": 0, "y": 0, "turned": -4})
    assert widget.zoom.value == 8
    widget.on_mouse({"kind": "wheel", "axes": "b", "x": 0, "y": 0, "turned": 100})
    assert widget.zoom.value == 1 and not widget.errors


def test_a_click_chooses_the_point_and_each_says_its_values(image):
    widget = RateDistortionExplorer(baseline_points(image, ("JPEG", "WebP"), count=3), image)
    assert len(widget.picture.tips) == 6 and "bpp" in widget.picture.tips[0][2]
    for name, rows in widget._curves.items():
        for rate, decibels, point in rows:
            widget.on_mouse({"kind": "click", "axes": "a", "x": rate, "y": decibels})
            assert widget.chosen is point and widget.codec.value == name
    assert not widget.errors


def test_tips_are_where_the_points_are_drawn(image):
    widget = RateDistortionExplorer(baseline_points(image, ("JPEG",), count=2), image)
    box = listener(widget, "a")["box"]
    assert all(box[0] <= x <= box[2] and box[1] <= y <= box[3] for x, y, _ in widget.picture.tips)


def test_a_range_is_dragged():
    widget = BDExplorer(published("COIN"), published("JPEG"))
    widget.on_mouse({"kind": "select", "axes": "a", "x": 1, "y": 25.0, "from": {"x": 1, "y": 28.0}})
    assert widget.range.value == (25.0, 28.0)
    widget.on_mouse({"kind": "select", "axes": "a", "x": 1, "y": 0.0, "from": {"x": 1, "y": 99.0}})
    assert widget.range.value == (widget.range.min, widget.range.max) and not widget.errors


def test_a_network_is_picked_from_the_map():
    widget = BudgetExplorer()
    widget.on_mouse({"kind": "click", "axes": "a", "x": 30.4, "y": 4.6})
    assert str(widget.arch) == "5x30"


def test_a_handle_let_go_is_a_height():
    sketch = Sketch([1, 2, 3], 10, 20)
    sketch._moved({"kind": "handle", "index": 1, "share": 0.75})
    assert sketch.heights == [15, 17.5, 15]
    if MOUSE:
        _, y, lowest, highest, _ = sketch.picture.handles[1]
        assert highest < y < lowest and np.isclose((lowest - y) / (lowest - highest), 0.75, atol=0.01)
    sketch.uncover([10, 15, 20])
    sketch._moved({"kind": "handle", "index": 0, "share": 1})
    assert sketch.heights[0] == 15 and sketch.picture.handles == []


def test_without_anywidget_the_controls_are_there(python):
    code = (
        "import sys; sys.modules['anywidget'] = None\n"
        "from coin_edu import widgets\n"
        "widget = widgets.BudgetExplorer(); widget.depth.value = 3\n"
        "assert bytes(widget.picture.value).startswith(b'\\x89PNG')\n"
        "print(widgets.Sketch([1, 2], 0, 1).children[1].layout.display)"
    )
    done = python("-W", "error", "-c", code)
    assert (done.stderr, done.stdout) == ("", "None\n")


@pytest.fixture
def page(browser):
    """A picture of 800x400 pixels: it listens on its left, has a range to choose on its right, and a handle."""
    buffer = io.BytesIO()
    Image.new("RGB", (80, 40)).save(buffer, "PNG")
    axes = {"log": [False, False], "x": [0, 10], "y": [1, 0]}
    values = {
        "value": base64.b64encode(buffer.getvalue()).decode(),
        "alt": "a black picture",
        "axes": [
            {**axes, "name": "zoom", "box": [0, 0, 0.5, 1], "wheel": True},
            {**axes, "name": "range", "box": [0.5, 0, 1, 1], "y": [20, 30], "select": "y"},
        ],
        "tips": [[0.25, 0.75, "0.3 bpp"]],
        "handles": [[0.4, 0.5, 0.9, 0.1, "first"]],
        "owner": "one",
        "html": "<b>asked</b>",
    }
    page = browser.new_page()
    page.set_content('<body style="margin: 0"><div id="place" style="width: 800px"></div></body>')
    script = SOURCE.read_text("utf-8").replace("export default {", "window.picture = {")
    page.add_script_tag(content=script + FRONT_END.replace("VALUES", json.dumps(values)), type="module")
    page.wait_for_function("Boolean(window.draw)")
    page.evaluate("draw()")
    page.wait_for_selector(".coin-picture img")
    page.wait_for_function("document.querySelector('img').naturalWidth")
    yield page
    page.close()


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end)
    page.mouse.up()


def test_in_a_browser_the_mouse_is_told_in_data(page):
    page.mouse.click(200, 100)
    drag(page, (600, 100), (600, 300))
    page.mouse.move(200, 100)
    page.mouse.wheel(0, -100)
    page.wait_for_function("sent.some((message) => message.kind === 'wheel')")
    click, select, wheel = page.evaluate("sent.filter((message) => message.kind !== 'drag')")
    assert click == {"kind": "click", "axes": "zoom", "x": 5, "y": 0.25}
    assert select == {"kind": "select", "axes": "range", "x": 5, "y": 22.5, "from": {"x": 5, "y": 27.5}}
    assert wheel == {"kind": "wheel", "axes": "zoom", "x": 5, "y": 0.25, "turned": -1}


def test_in_a_browser_a_point_says_its_value_and_a_handle_is_dragged(page):
    page.mouse.move(203, 301)
    assert page.locator(".coin-tip").inner_text() == "0.3 bpp"
    drag(page, (320, 200), (320, 120))
    (moved,) = page.evaluate("sent")
    assert moved["kind"] == "handle" and moved["index"] == 0 and moved["share"] == pytest.approx(0.75)
    assert page.locator("img").get_attribute("alt") == "a black picture"


def test_in_a_browser_a_saved_notebook_keeps_the_still(page):
    page.evaluate("savers.forEach((save) => save(null, 'started'))")
    state = page.evaluate("metadata.widgets['application/vnd.jupyter.widget-state+json'].state")
    children = state["one"]["state"]["children"]
    kinds = [state[child.removeprefix("IPY_MODEL_")]["model_name"] for child in children]
    assert kinds == ["HTMLMathModel", "ImageModel", "HTMLModel"]
    (buffer,) = state["one-still-picture"]["buffers"]
    assert base64.b64decode(buffer["data"]).startswith(b"\x89PNG")
