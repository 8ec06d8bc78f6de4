import pytest

pytest.importorskip("matplotlib")

from coin_edu.study.baselines import CODECS
from coin_edu.study.style import COLORS, look, looks


def test_a_name_looks_alike_in_every_plot():
    first = looks(["a setting", "JPEG", "another setting"])
    assert looks(["another setting"])["another setting"] == first["another setting"]
    assert look("JPEG") == first["JPEG"]


def test_names_in_one_plot_are_told_apart():
    names = [f"name {i}" for i in range(len(COLORS))]
    for some in (names, names[::-1], [*CODECS, "COIN"]):
        assert len({color for color, _ in looks(some).values()}) == len(some)


def test_more_names_than_colors_have_markers():
    assert len(looks(f"of many {i}" for i in range(12))) == 12
