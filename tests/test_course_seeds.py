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
    assert list(found) == ["slow, small", "quick"]
    assert found["slow, small"].tolist() == [[[0, 10], [5, 12]], [[0, 11], [5, 15]]]
    assert seeds.ends("pace", table)["slow, small"].tolist() == [12, 15]


def test_an_unknown_experiment_is_told_what_there_is(table):
    with pytest.raises(CoinError, match="no recorded experiment is called 'space'; there are pace"):
        seeds.curves("space", table)
    with pytest.raises(CoinError, match=r"there are initialization, .*, start, "):
        seeds.ends("space")


def recorded(experiment):
    try:
        return seeds.curves(experiment)
    except CoinError:
        return None


@pytest.mark.parametrize("experiment", [name for name in EXPERIMENTS if recorded(name)])
def test_what_is_recorded_is_what_is_asked_for(experiment):
    found = recorded(experiment)
    assert set(found) == set(EXPERIMENTS[experiment])
    for name, some in found.items():
        assert (some[:, -1, 0] == EXPERIMENTS[experiment][name]["steps"]).all()
        assert len(some) == len(SEEDS) and np.isfinite(some).all()
