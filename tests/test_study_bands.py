"""A mean with its band."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="pip install 'coin_edu[plots]'")

from coin_edu.study.bands import bands


def test_the_line_is_the_mean_and_the_band_reaches_from_the_lowest_to_the_highest():
    some = np.array([[(0, 1), (1, 5)], [(0, 3), (1, 9)]], float)
    ax = bands({"one": some}, "steps", "dB")
    assert np.array_equal(ax.lines[0].get_xydata(), [(0, 2), (1, 7)])
    corners = ax.collections[0].get_paths()[0].vertices
    assert corners[:, 1].min() == 1 and corners[:, 1].max() == 9
    assert ax.get_legend().get_title().get_text() == "band: 2 seeds"
