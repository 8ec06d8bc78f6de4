"""A Gaussian process over a few trials."""

import numpy as np
import pytest

from coin_edu.study.gaussian_process import GaussianProcess


@pytest.mark.parametrize("seed", range(5))
def test_it_goes_near_its_values_and_is_unsure_far_from_them(seed):
    rng = np.random.default_rng(seed)
    places = 0.5 * rng.random((8, 2))
    values = 20 + 5 * np.sin(3 * places[:, 0]) + places[:, 1]
    process = GaussianProcess.of(places, values)
    mean, deviation = process.at(places)
    assert np.abs(mean - values).max() < 0.5 * np.ptp(values)
    _, far = process.at(np.array([[1.0, 1.0]]))
    assert far[0] > 2 * deviation.max() and far[0] <= process.scale


def test_between_two_equal_values_it_expects_about_the_same_and_far_away_the_mean():
    process = GaussianProcess(np.array([[0.4], [0.6], [0.0]]), np.array([30.0, 30.0, 18.0]), (0.15,), 0.01)
    (between, away), _ = process.at(np.array([[0.5], [9.0]]))
    assert between == pytest.approx(30, abs=1.5) and away == pytest.approx(26, abs=1e-6)


def test_it_takes_the_lengths_under_which_the_values_are_most_likely():
    x = np.linspace(0, 1, 9)[:, None]
    rough, smooth = np.cos(8 * np.pi * x[:, 0]), x[:, 0] ** 2
    assert GaussianProcess.of(x, rough).lengths < GaussianProcess.of(x, smooth).lengths
    process = GaussianProcess.of(x, smooth)
    other = GaussianProcess(x, smooth, (0.15,), 0.3)
    assert process.likelihood() > other.likelihood()


def test_equal_values_are_no_division_by_zero():
    mean, deviation = GaussianProcess.of(np.array([[0.0], [1.0]]), np.array([5.0, 5.0])).at(np.array([[0.5]]))
    assert mean[0] == 5 and np.isfinite(deviation).all()
