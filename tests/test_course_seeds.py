"""The recorded fits of several seeds."""

import numpy as np
import pytest

from coin_edu import CoinError
from coin_edu.course import seeds
from tests.benchmarks.seeds import EXPERIMENTS, SEEDS

TABLE = """experiment,setting,seed,step,psnr_db,seconds
pace,"slow, small",0,0,10.0,0.1
pace,"slow, small",0,5,12.0,0.2
pace,"slow, small",1,0,11.0,0.1
pace,"slow, small",1,5,15.0,0.2
pace,quick,0,0,10.0,0.1
pace,quick,0,5,20.0,0.2
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "seeds.csv"
    path.write_text(TABLE)
    return path


def test_curves_by_setting(table):
    found = seeds.curves("pace", table)
    steps, decibels = found["slow, small"]
    assert list(found) == ["slow, small", "quick"]
    assert steps.tolist() == [0, 5] and decibels.tolist() == [[10, 12], [11, 15]]
    assert seeds.ends("pace", table)["slow, small"].tolist() == [12, 15]


def test_an_unknown_experiment_is_told_what_there_is(table):
    with pytest.raises(CoinError, match="no recorded experiment is called 'space'; there are pace"):
        seeds.curves("space", table)


def test_bands_reach_from_the_worst_seed_to_the_best(table):
    ax = seeds.bands(seeds.curves("pace", table))
    assert [line.get_ydata().tolist() for line in ax.lines] == [[10.5, 13.5], [10, 20]]
    band = ax.collections[0].get_paths()[0].get_extents()
    assert (band.y0, band.y1) == (10, 15)


def test_dots_have_one_row_a_setting(table):
    ax = seeds.dots(seeds.ends("pace", table))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["slow, small", "quick"]
    assert ax.lines[0].get_xdata().tolist() == [12, 15] and ax.lines[1].get_xdata().tolist() == [13.5]


def recorded(experiment):
    try:
        return seeds.curves(experiment)
    except CoinError:
        return None


@pytest.mark.parametrize("experiment", [name for name in EXPERIMENTS if recorded(name)])
def test_what_is_recorded_is_what_is_asked_for(experiment):
    found = recorded(experiment)
    assert set(found) == set(EXPERIMENTS[experiment])
    for name, (steps, decibels) in found.items():
        assert steps[-1] == EXPERIMENTS[experiment][name]["steps"]
        assert decibels.shape == (len(SEEDS), len(steps)) and np.isfinite(decibels).all()
