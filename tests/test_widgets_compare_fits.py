from dataclasses import replace

import pytest

pytest.importorskip("ipywidgets")

from matplotlib.figure import Figure

from coin_edu import RECIPES, Arch, CoinError, Recipe
from coin_edu.widgets.compare_fits import CompareFits
from coin_edu.widgets.shown import plain


def test_by_default_relu_is_not_held_back_by_the_rates_of_sines(image):
    sine, relu = CompareFits(image).fits.values()
    assert (sine.arch.activation, relu.arch) == ("sine", replace(sine.arch, activation="relu"))
    assert relu.recipe == sine.recipe.scaled(10)


def test_the_legend_and_the_line_say_at_which_rates_a_network_is_fitted(image):
    fast, arch = replace(RECIPES["fast"], batch=64), Arch(1, 4)
    own = replace(fast, rate=10 * fast.rate)  # one rate alone is no factor on all
    settings = {"a": arch, "b": {"arch": arch, "recipe": fast.scaled(0.3)}, "c": {"arch": arch, "recipe": own}}
    compare, figure = CompareFits(image, settings, begin=False), Figure(figsize=(9, 5))
    said = plain(compare.draw(figure))
    legends = [ax.get_legend() for ax in figure.axes if ax.get_legend()]
    assert [text.get_text() for text in legends[0].get_texts()] == ["a", "b, rates ×0.3", "c"]
    assert "a (1x4, " in said and "b (1x4, rates ×0.3, " in said and "c (1x4, " in said


def test_several_are_fitted_side_by_side(image):
    settings = {"sine": Arch(2, 8), "paper": {"arch": Arch(2, 8), "recipe": "paper", "seed": 3, "steps": 10}}
    compare = CompareFits(image, settings, steps=20)
    before = compare.picture.value
    compare.start.click()
    compare.wait(30)
    assert {name: done.step for name, done in compare.fits.items()} == {"sine": 20, "paper": 10}
    assert compare.fits["paper"].seed == 3 and compare.fits["paper"].recipe == RECIPES["paper"]
    assert compare.picture.value != before and not compare.errors
    assert "<b>sine</b> (2x8" in compare.status.value


def test_at_equal_steps_neither_is_ahead(image):
    compare = CompareFits(image, {"small": Arch(1, 4), "large": Arch(6, 40)}, steps=2000)
    compare.run(seconds=1)
    small, large = (done.step for done in compare.fits.values())
    assert abs(small - large) <= 25


def test_at_equal_seconds_each_takes_the_steps_it_can_afford(image, monkeypatch):
    monkeypatch.setattr(CompareFits, "_step_seconds", lambda self, fit: fit.arch.n_weights / 1e5)
    archs = {"small": Arch(1, 4), "large": Arch(13, 60)}
    compare = CompareFits(image, archs, steps=100_000)
    compare.pace.value = "seconds"
    compare.seconds.value = 50
    steps = {name: fit.steps for name, fit in compare.fresh().items()}
    assert steps == {name: round(5e6 / arch.n_weights) for name, arch in archs.items()}


def test_what_a_step_costs_is_measured(image, arch):
    compare = CompareFits(image, {"one": arch}, begin=False)
    assert 0 < compare._step_seconds(compare.fresh()["one"]) < 60


def test_errors_are_another_view(image):
    compare = CompareFits(image, {"one": Arch(1, 4)})
    before = compare.picture.value
    compare.view.value = "errors"
    assert compare.picture.value != before


def test_one_that_diverges_does_not_end_the_other(image):
    wild = {"arch": Arch(1, 4), "recipe": Recipe(steps=20, batch=None, rate=1e30)}
    compare = CompareFits(image, {"wild": wild, "tame": Arch(1, 4)}, steps=20)
    compare.start.click()
    compare.wait(30)
    assert compare.fits["tame"].step == 20
    assert isinstance(compare.errors[0], CoinError) and "wild diverged" in compare.alert.value
