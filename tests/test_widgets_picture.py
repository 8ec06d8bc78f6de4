import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from coin_edu.data import published, recorded
from coin_edu.widgets import BDExplorer, BudgetExplorer, DecodeExplorer, RateDistortionExplorer, Sketch, baseline_points
from coin_edu.widgets.picture import MOUSE, Picture


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
