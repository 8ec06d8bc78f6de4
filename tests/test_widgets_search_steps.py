import numpy as np
import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("optuna", reason="Optuna is not installed")

from coin_edu import CoinError, search
from coin_edu.widgets.search_steps import SearchSteps


@pytest.fixture
def steps(image):
    return SearchSteps(image, bpp=20, trials=3, steps=2)


def test_each_press_makes_one_trial_and_then_all(steps):
    assert "press <b>next trial</b>" in steps.status.value and steps.found is None
    before = bytes(steps.picture.value)
    steps.next.click()
    assert len(steps.found.trials) == 1 and bytes(steps.picture.value) != before and not steps.rest.disabled
    steps.rest.click()
    assert len(steps.found.trials) == 3 and steps.next.disabled and steps.rest.disabled and not steps.errors
    assert f"best: <b>{steps.found.best.arch}" in steps.status.value


def test_trials_made_stay_and_the_result_is_the_whole_search(steps, image):
    steps.next.click()
    first = steps.found.trials[0]
    assert first == search(image, 20, trials=1, steps=2, progress=False).trials[0]
    assert steps.result().trials[0] == first and len(steps.result().trials) == 3


def test_a_trial_given_up_early_is_told(steps):
    steps.settle()
    pruned = [type(trial)(**{**vars(trial), "state": "pruned"}) for trial in steps.found.trials[1:]]
    steps.found = type(steps.found)((steps.found.trials[0], *pruned))
    steps.refresh()
    assert "given up early" in steps.status.value and not steps.errors


def test_what_cannot_be_searched_shows(image):
    steps = SearchSteps(image, bpp=1e-4, trials=2, steps=1)
    steps.next.click()
    assert isinstance(steps.errors[0], CoinError) and "bpp" in steps.alert.value
    with pytest.raises(CoinError):
        steps.result()


def test_two_widgets_keep_their_trials_apart(image):
    one, two = (SearchSteps(image, bpp=20, trials=2, steps=1, seed=seed) for seed in (0, 1))
    one.next.click()
    assert len(two.result().trials) == 2 and len(one.found.trials) == 1
    assert np.isfinite(two.found.best.psnr)
