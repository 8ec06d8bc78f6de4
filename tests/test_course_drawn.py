"""The notebooks' own figures."""

import numpy as np
import pytest

from coin_edu.course import drawn
from coin_edu.study.style import look


def test_curves_have_their_names_colors_only_where_there_are_several():
    ax = drawn.lines({"JPEG": ([1, 2], [3, 4]), "COIN": ([1, 2], [4, 5])}, "steps", "dB", title="two")
    assert [line.get_color() for line in ax.lines] == [look("JPEG")[0], look("COIN")[0]]
    assert [text.get_text() for text in ax.get_legend().texts] == ["JPEG", "COIN"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("steps", "dB", "two")
    assert drawn.lines({"": ([1, 2], [3, 4])}, "x", "y").get_legend() is None


@pytest.mark.parametrize("log", ["", "x", "y", "xy"])
def test_logarithmic_axes_have_plain_numbers(log):
    ax = drawn.lines({"a": (np.geomspace(0.001, 10, 5), np.geomspace(0.01, 100, 5))}, "x", "y", log=log, dots=True)
    ax.figure.canvas.draw()
    assert [ax.get_xscale(), ax.get_yscale()] == ["log" if axis in log else "linear" for axis in "xy"]
    assert ax.lines[0].get_marker() != "None"
    if "x" in log:
        assert "0.01" in [text.get_text() for text in ax.get_xticklabels()]


def test_bars_stand_in_the_order_given():
    ax = drawn.bars({"first": 3.0, "second": -1.5}, "dB")
    assert [text.get_text() for text in ax.get_yticklabels()] == ["first", "second"] and ax.yaxis_inverted()
    assert [text.get_text().strip() for text in ax.texts] == ["3.00", "-1.50"]


def test_a_band_reaches_from_the_lowest_seed_to_the_highest_around_the_mean():
    some = np.array([[(0, 1), (1, 5)], [(0, 3), (1, 9)]], float)
    ax = drawn.bands({"one": some}, "steps", "dB")
    assert np.array_equal(ax.lines[0].get_xydata(), [(0, 2), (1, 7)])
    corners = ax.collections[0].get_paths()[0].vertices
    assert corners[:, 1].min() == 1 and corners[:, 1].max() == 9
    assert ax.get_legend().get_title().get_text() == "band: 2 seeds"
    assert not drawn.bands({"one": some[:1]}).get_legend().get_title().get_text()


def test_dots_have_one_row_a_setting():
    ax = drawn.dots({"slow, small": np.array([12.0, 15.0]), "quick": np.array([20.0])})
    assert [text.get_text() for text in ax.get_yticklabels()] == ["slow, small", "quick"]
    assert ax.lines[0].get_xdata().tolist() == [12, 15] and ax.lines[1].get_xdata().tolist() == [13.5]
