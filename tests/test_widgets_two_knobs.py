import numpy as np
import pytest
from torch.nn.utils import parameters_to_vector

pytest.importorskip("ipywidgets")

from coin_edu import Arch, Siren, fit
from coin_edu.siren import unflatten
from coin_edu.widgets.two_knobs import TwoKnobs


@pytest.fixture
def knobs(image):
    return TwoKnobs(image, Arch(2, 8), steps=30)


def test_untouched_it_is_the_fit_that_fit_gives(knobs, image):
    assert knobs.result().weights.equal(fit(image, Arch(2, 8), 30, progress=False).weights)


def test_the_frequency_is_the_first_layers_alone(knobs):
    knobs.frequency.value = 5
    assert (knobs.fits[""].arch.omega_first, knobs.fits[""].arch.omega_0) == (5, 30)


def test_the_factor_is_on_the_hidden_layers_weights_alone(knobs):
    knobs.weights.value = 2
    now = unflatten(Arch(2, 8), knobs.fits[""].weights)
    drawn = unflatten(Arch(2, 8), parameters_to_vector(Siren(Arch(2, 8), 0).parameters()).detach())
    assert now[0][0].equal(drawn[0][0]) and now[1][0].equal(2 * drawn[1][0]) and now[2][0].equal(drawn[2][0])


def test_earlier_runs_stay_with_their_settings(knobs):
    knobs.run()
    knobs.rate.value = 2
    assert [ghost.name for ghost in knobs.ghosts] == ["frequency 30, rate ×1, weights ×1"]
    assert knobs.fits[""].step == 0 and np.isclose(knobs.fits[""].recipe.rate, 2e-3)
    knobs.run()
    knobs.defaults.click()
    assert len(knobs.ghosts) == 2 and knobs.rate.value == 1 and not knobs.errors
