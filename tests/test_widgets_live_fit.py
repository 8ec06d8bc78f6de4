import pytest

pytest.importorskip("ipywidgets")

from coin_edu import RECIPES, Arch, Recipe, fit
from coin_edu.widgets.compare_fits import CompareFits
from coin_edu.widgets.live_fit import LiveFit


@pytest.fixture
def live(image):
    return LiveFit(image, Arch(2, 8), steps=20)


def test_the_controls_say_what_is_fitted(live):
    assert live.fit.arch == Arch(2, 8) and live.fit.recipe == RECIPES["fast"] and live.fit.steps == 20
    live.depth.value, live.width.value, live.activation.value = 3, 10, "relu"
    live.omega_0.value, live.steps.value, live.recipe.value = 20, 30, "paper"
    assert live.fit.arch == Arch(3, 10, "relu", 20, 20)
    assert live.fit.recipe == RECIPES["paper"] and live.fit.steps == 30
    assert "3x10" in live.status.value and not live.errors


def test_the_rate_is_a_factor_on_all_of_them(live):
    live.rate.value = 0.5
    given, halved = RECIPES["fast"], live.fit.recipe
    assert (halved.rate, halved.last_rate, halved.muon_rate) == (
        given.rate / 2,
        given.last_rate / 2,
        given.muon_rate / 2,
    )
    live.recipe.value = "paper"
    assert live.fit.recipe.last_rate is None and live.fit.recipe.rate == RECIPES["paper"].rate / 2


def test_another_setting_forgets_the_fit(live):
    live.run()
    assert live.fit.step == 20
    live.width.value = 9
    assert live.fit.step == 0 and live.fit.arch == Arch(2, 9)


def test_settings_rest_while_it_fits(live, monkeypatch):
    assert not live.depth.disabled
    live._halt.clear()
    live.refresh()
    assert live.depth.disabled and live.steps.disabled


def test_a_recorded_fit_is_shown_and_gone_on_with(image):
    recorded = fit(image, Arch(2, 8), 40, seed=5, progress=False)
    live = LiveFit(image, fit=recorded)
    assert live.fit is recorded and f"{recorded.psnr:.2f} dB" in live.status.value
    assert not live.reset.disabled and live.resume.disabled
    live.reset.click()
    live.run()
    assert live.fit.weights.equal(recorded.weights), "same settings, same seed"


def test_a_fit_of_another_picture_is_refused_when_it_goes_on(image, make_image):
    half = LiveFit(image, Arch(2, 8), steps=100)
    half.run(seconds=0)
    other = LiveFit(make_image(12, 16, seed=9), fit=half.fit)
    other.resume.click()
    other.wait(30)
    assert "another picture" in str(other.errors[0])


def test_own_architectures_and_recipes(image):
    live = LiveFit(
        image, Arch(20, 70, omega_0=25, omega_first=50), recipe=Recipe(steps=5, batch=64, rate=0.1), steps=None
    )
    assert live.recipe.value == "own" and live.fit.recipe.rate == 0.1 and live.fit.steps == 5
    assert (live.depth.value, live.width.value) == (20, 70)
    live.omega_0.value = 50
    assert live.fit.arch.omega_first == 100
    far = Arch(1, 2, omega_0=150)
    assert LiveFit(image, far).fit.arch == far


def test_a_network_whose_layers_narrow_keeps_its_widths_until_a_slider_moves(image):
    arch = Arch.of("12-8-4")
    live = LiveFit(image, arch)
    assert live.fit.arch == arch and (live.depth.value, live.width.value) == (3, 12)
    live.omega_0.value = 20
    assert live.fit.arch.widths == (12, 8, 4)
    live.depth.value = 4
    assert (live.fit.arch.depth, live.fit.arch.width, live.fit.arch.widths) == (4, 12, ()) and not live.errors


@pytest.mark.parametrize("shape", [(40, 4), (4, 40), (1, 1)])
def test_pictures_of_any_aspect(make_image, shape):
    live = LiveFit(make_image(*shape), Arch(1, 4), steps=2)
    live.run()
    assert live.fit.step == 2 and not live.errors


def test_the_length_shown_is_the_budget_where_there_is_one(image):
    compare = CompareFits(image, {"plain": Arch(2, 8), "coded": {"arch": Arch(2, 8), "n_bytes": 150}}, steps=10)
    assert f"plain</b> (2x8, {Arch(2, 8).n_bytes()} bytes)" in compare.status.value
    assert "coded</b> (2x8, 150 bytes)" in compare.status.value
