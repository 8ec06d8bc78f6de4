import math
import time
import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from coin_edu import RECIPES, Arch, CoinError, Fit, Recipe, Siren, fit, fit_many, fit_steps, grid, psnr, render
from coin_edu.coding import ENTROPY
from coin_edu.engine.batch import Batch
from coin_edu.quantization import step_sizes, to_integers
from coin_edu.siren import with_weights
from tests.conftest import needs_constriction

fit = partial(fit, device="cpu", progress=False)
fit_many = partial(fit_many, device="cpu", progress=False)

PAPER = RECIPES["paper"]
FAST = RECIPES["fast"]
SAMPLED = replace(FAST, batch=64)
ADAM = Recipe(steps=100, batch=None, rate=1e-3)
recipes = pytest.mark.parametrize("recipe", ["paper", "fast", SAMPLED], ids=["paper", "fast", "sampled"])


def reports(image, arch, steps=12, recipe="fast", **keywords):
    return list(fit_steps(image, arch, steps, recipe, device="cpu", **keywords))


def weights(model):
    return parameters_to_vector(model.parameters()).detach()


@pytest.fixture
def looks(monkeypatch):
    """Every third step of SAMPLED looks where the error is."""
    monkeypatch.setattr("coin_edu.engine.sampling.PIXELS_A_LOOK", 3 * SAMPLED.batch)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def interrupt(monkeypatch):
    """Ctrl-C after so many reports."""
    snapshot = Batch.snapshot

    def after(count):
        calls = []

        def interrupted(self):
            calls.append(self.taken)
            if len(calls) > count:
                raise KeyboardInterrupt
            return snapshot(self)

        monkeypatch.setattr(Batch, "snapshot", interrupted)

    return after


# Reports


@pytest.mark.parametrize(
    "steps, every, expected",
    [
        (12, 5, [0, 5, 10, 12]),
        (10, 5, [0, 5, 10]),
        (3, 100, [0, 3]),
        (3, 1, [0, 1, 2, 3]),
        (0, 1, [0]),
        (0, None, [0]),
        (40, None, list(range(0, 41, 2))),
        (7, None, list(range(8))),
    ],
)
def test_reports_come_before_the_first_step_then_every_few_and_at_the_end(image, arch, steps, every, expected):
    assert [report.step for report in reports(image, arch, steps, every=every)] == expected


@recipes
def test_a_reports_psnr_is_that_of_its_weights(image, arch, recipe):
    for report in reports(image, arch, 12, recipe, every=4):
        shown = render(with_weights(arch, report.state.weights), image.shape)
        assert report.psnr == pytest.approx(psnr(image, shown), abs=0.02)


def test_a_reports_loss_is_the_mean_squared_error(image, arch):
    first, second = reports(image, arch, 1, PAPER)
    with torch.no_grad():
        colors = Siren(arch)(torch.from_numpy(grid(image.shape))).numpy()
    expected = np.mean((colors - image.reshape(-1, 3) / 255) ** 2)
    assert first.loss == pytest.approx(expected, rel=1e-4), "of the initial weights"
    assert second.loss == pytest.approx(expected, rel=1e-4), "of the weights that the last step began with"


@recipes
def test_fitting_makes_the_loss_fall_and_the_psnr_rise(image, arch, recipe):
    first, *_, last = reports(image, arch, 40, recipe)
    assert last.loss < first.loss and last.psnr > first.psnr


def test_a_report_is_the_last_line_of_its_states_history(image, arch):
    all_reports = reports(image, arch, 12, every=4)
    for count, report in enumerate(all_reports, start=1):
        last = report.state.history[-1]
        assert (last.step, last.loss, last.psnr) == (report.step, report.loss, report.psnr)
        assert len(report.state.history) == count and report.state.step == report.step
        assert report.state.steps == 12
    seconds = [report.seconds for report in all_reports]
    assert seconds == sorted(seconds) and seconds[0] >= 0 and all_reports[-1].state.seconds == seconds[-1]


@pytest.mark.parametrize("recipe", [replace(ADAM, rate=0.03), replace(SAMPLED, rate=0.03, muon_rate=0.03)])
def test_the_best_is_kept(image, arch, recipe):
    state = reports(image, arch, 30, recipe, every=1)[-1].state
    values = [measure.psnr for measure in state.history]
    assert values != sorted(values), "a fit that never got worse tests nothing"
    assert state.psnr == max(values)
    assert psnr(image, render(state.model, image.shape)) == pytest.approx(max(values), abs=0.02)


def test_a_state_never_changes(image, arch):
    first, *_ = reports(image, arch, 8, every=4)
    again, *_ = reports(image, arch, 0)
    assert torch.equal(first.state.weights, again.state.weights) and first.state.step == 0
    with torch.no_grad():
        for p in first.state.model.parameters():
            p.zero_()
    assert torch.equal(first.state.best, again.state.best), "training the model changes the state"


def test_fit_is_the_last_of_fit_steps(image, arch):
    done, last = fit(image, arch, 12), reports(image, arch, 12)[-1]
    assert torch.equal(done.best, last.state.best) and (done.step, done.psnr) == (12, last.state.psnr)
    assert torch.equal(weights(done.model), done.best)


def test_the_network_is_chosen_for_a_third_of_a_bit_by_default(make_image):
    image = make_image(60, 90)
    assert fit(image, steps=0).arch == Arch.for_bpp(0.3, image.shape)


# Reproducible


@recipes
def test_the_same_seed_gives_the_same_bits_and_another_others(image, arch, recipe):
    one, same, other = (fit(image, arch, 8, recipe, seed).weights for seed in (3, 3, 4))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_nothing_random_is_taken_from_torch_or_numpy(image, arch):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - the global one is what matters
    fit(image, arch, 4, SAMPLED)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.usefixtures("looks")
@pytest.mark.parametrize("recipe", [PAPER, replace(FAST, batch=5000)], ids=["paper", "sampled"])
def test_the_number_of_threads_does_not_change_a_bit(make_image, threads, recipe):
    image, results = make_image(80, 80), []
    for count in (1, 2):
        threads(count)
        results.append(fit(image, Arch(2, 8), 4, recipe))
    assert torch.equal(results[0].weights, results[1].weights)
    assert results[0].history[-1].loss == results[1].history[-1].loss
    assert results[0].psnr == results[1].psnr


@pytest.mark.usefixtures("looks")
@recipes
@pytest.mark.parametrize("stop", [0, 4, 8])
def test_breaking_and_resuming_changes_no_bit(image, arch, recipe, stop):
    whole = reports(image, arch, 12, recipe, every=4)[-1].state
    for report in fit_steps(image, arch, 12, recipe, device="cpu", every=4):
        if report.step == stop:
            break
    *_, last = fit_steps(image, state=report.state, device="cpu", every=4)
    assert torch.equal(last.state.weights, whole.weights) and torch.equal(last.state.best, whole.best)
    assert [(m.step, m.loss, m.psnr) for m in last.state.history] == [(m.step, m.loss, m.psnr) for m in whole.history]


@pytest.mark.usefixtures("looks")
@recipes
def test_resuming_at_every_report_changes_no_bit(image, arch, recipe):
    whole, state = fit(image, arch, 12, recipe), None
    while state is None or state.step < 12:
        state = next(fit_steps(image, arch, 12, recipe, device="cpu", every=5, state=state)).state
    assert torch.equal(state.weights, whole.weights)


@pytest.mark.usefixtures("looks")
def test_how_often_is_reported_changes_no_bit(image, arch):
    often, seldom = (fit(image, arch, 12, SAMPLED, every=every).weights for every in (1, 7))
    assert torch.equal(often, seldom)


def test_what_is_done_stays_as_it_is(image, arch):
    done = fit(image, arch, 3)
    assert list(fit_steps(image, state=done)) == []
    again = fit(image, state=done)
    assert again.step == 3 and torch.equal(again.best, done.best)


def test_a_fit_starts_from_a_given_network(image, arch, textured):
    model = textured(arch, seed=3)
    before = weights(model).clone()
    first, *_, last = fit_steps(image, steps=2, device="cpu", model=model)
    assert first.state.arch == arch and torch.equal(first.state.weights, before)
    with pytest.raises(CoinError, match="arch=4x4 and model, a 2x8 network, are not the same"):
        fit(image, Arch(4, 4), 2, model=model)
    done = fit(image, steps=2, model=model)
    assert torch.equal(done.weights, last.state.weights) and not torch.equal(done.weights, before)
    assert torch.equal(weights(model), before)


def test_the_usual_random_weights_are_such_a_network(image, arch):
    assert torch.equal(
        fit(image, arch, 4, PAPER, model=Siren(arch, seed=0)).weights, fit(image, arch, 4, PAPER).weights
    )


# Rounding


@needs_constriction
def test_from_its_share_of_the_steps_on_the_weights_are_multiples_of_the_steps(image, arch):
    plain = fit(image, arch, 20, every=9)
    states = [report.state for report in reports(image, arch, 20, n_bytes=220, every=9)]
    assert [state.step for state in states] == [0, 9, 18, 20]
    assert all(state.step_sizes is None for state in states[:3])
    assert [s.history[-1].psnr for s in states[:3]] == [m.psnr for m in plain.history[:3]], (
        "nothing else changes before"
    )
    done = states[-1]
    multiples = done.best / torch.from_numpy(ENTROPY.spread(done.step_sizes.numpy(), arch))
    assert torch.equal(done.best, weights(done.model)) and torch.allclose(multiples, multiples.round(), atol=1e-3)
    assert not torch.equal(done.best, done.weights)
    assert done.psnr == done.history[-1].psnr == pytest.approx(psnr(image, render(done.model, image.shape)))


@needs_constriction
@pytest.mark.parametrize("stop", [4, 10, 11, 12])
def test_a_fit_with_rounding_is_resumed_bit_for_bit(tmp_path, image, arch, stop):
    recipe = replace(FAST, round_from=0.5)
    whole = fit(image, arch, 20, recipe, n_bytes=220, every=1)
    for report in fit_steps(image, arch, 20, recipe, device="cpu", n_bytes=220, every=1):
        if report.step == stop:
            break
    report.state.save(tmp_path / "half.fit")
    again = fit(image, state=Fit.load(tmp_path / "half.fit"), every=1)
    assert torch.equal(again.weights, whole.weights) and torch.equal(again.best, whole.best)
    assert torch.equal(again.step_sizes, whole.step_sizes)


@needs_constriction
def test_fitting_through_rounded_weights_loses_less_than_rounding_at_the_end(make_image):
    image, arch, n_bytes = make_image(24, 32), Arch(3, 16), 420
    after = fit(image, arch, 400, SAMPLED)
    steps = step_sizes(after.model, image.shape, n_bytes)
    rounded = with_weights(
        arch, torch.from_numpy(to_integers(after.best.numpy(), arch, steps) * ENTROPY.spread(steps, arch))
    )
    aware = fit(image, arch, 400, SAMPLED, n_bytes=n_bytes)
    assert psnr(image, render(rounded, image.shape)) + 0.1 < aware.psnr < after.psnr


@needs_constriction
def test_a_budget_too_small_is_told_before_the_fit(image, arch):
    with pytest.raises(CoinError, match=r"at least .* bytes, 50 are allowed"):
        next(fit_steps(image, arch, 20, n_bytes=50))


def test_a_state_goes_on_with_its_own_picture_only(image, arch):
    state = fit(image, arch, 3)
    for other in (image[:, ::-1].copy(), image[:-1], image + np.uint8(1)):
        with pytest.raises(CoinError, match="fitted to another picture; hand in the same one"):
            fit(other, state=state)


def test_a_picture_of_another_shape_but_the_same_bytes_is_another(image, arch):
    with pytest.raises(CoinError, match="another picture"):
        fit(image.reshape(16, 12, 3), state=next(fit_steps(image, arch, 4)).state)


# Recipes


def test_the_papers_recipe_is_as_published():
    assert (PAPER.steps, PAPER.batch, PAPER.rate, PAPER.cosine, PAPER.warm_up) == (50_000, None, 2e-4, False, 0)


def test_the_fast_recipe_learns_faster_than_the_papers(make_image):
    image, arch = make_image(24, 32), Arch(4, 16)
    fast, paper = (fit(image, arch, 100, recipe).psnr for recipe in ("fast", "paper"))
    assert fast > paper + 1


# Pictures at the edge


@recipes
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 2)])
def test_tiny_and_thin_pictures(make_image, recipe, shape):
    done = fit(make_image(*shape), Arch(2, 8), 10, recipe)
    assert math.isfinite(done.psnr) and done.step == 10
    assert render(done.model, done.shape).shape == (*shape, 3)


@pytest.mark.parametrize("color", [0, 100, 255])
def test_a_picture_of_one_color(color):
    image = np.full((12, 16, 3), color, np.uint8)
    first, *_, last = reports(image, Arch(2, 8), 40)
    assert last.state.psnr >= first.psnr > 0 and last.state.weights.isfinite().all()


def test_a_network_of_one_hidden_layer(image):
    assert fit(image, Arch(1, 8), 20).psnr > fit(image, Arch(1, 8), 0).psnr


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "gauss"])
def test_other_activations_are_fitted(image, activation):
    arch = Arch(2, 8, activation)
    assert fit(image, arch, 40).psnr > fit(image, arch, 0).psnr


# Stopped, diverged


@pytest.mark.parametrize("count, step", [(1, 0), (3, 8)])
def test_an_interrupt_keeps_the_best_so_far(capsys, image, arch, interrupt, count, step):
    expected = reports(image, arch, 12, every=4)[count - 1].state
    interrupt(count)
    stopped = fit(image, arch, 12, every=4)
    assert stopped.step == step and torch.equal(stopped.best, expected.best)
    assert f"stopped at step {step} of 12; keeping the best so far, {stopped.psnr:.2f} dB" in capsys.readouterr().out


def test_an_interrupt_before_any_result_is_passed_on(image, arch, interrupt):
    interrupt(0)
    with pytest.raises(KeyboardInterrupt):
        fit(image, arch, 12)
    with pytest.raises(KeyboardInterrupt):
        fit_many(image, arch, 12, seeds=[0, 1])


def test_a_second_interrupt_soon_after_ends_a_loop_of_fits(monkeypatch, image, arch, interrupt):
    interrupt(1)
    assert fit(image, arch, 12).stopped
    interrupt(1)
    with pytest.raises(KeyboardInterrupt):
        fit(image, arch, 12)
    interrupt(1)
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert fit_many(image, arch, 12, seeds=[0, 1])[1].stopped, "a minute later it is a first one again"


def test_an_interrupt_while_nbgrader_grades_ends_the_cell(monkeypatch, image, arch, interrupt):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    interrupt(1)
    with pytest.raises(KeyboardInterrupt):
        fit(image, arch, 12)


def test_only_a_fit_that_could_go_on_says_that_it_was_stopped(image, arch):
    assert not fit(image, arch, 3).stopped and fit_many(image, arch, 3)[0].stopped is False
    with pytest.warns(UserWarning, match="diverged"):
        assert not fit(image, arch, 100, replace(ADAM, rate=1e38)).stopped


def test_an_interrupted_fit_goes_on(monkeypatch, image, arch, interrupt):
    whole = fit(image, arch, 12, every=4)
    interrupt(2)
    stopped = fit(image, arch, 12, every=4)
    monkeypatch.undo()
    assert stopped.step == 4
    assert torch.equal(fit(image, state=stopped, every=4).weights, whole.weights)


def test_an_interrupted_fit_of_many_keeps_the_best_so_far(image, arch, interrupt):
    interrupt(2)
    states = fit_many(image, arch, 12, seeds=[0, 1], every=4)
    assert [state.step for state in states] == [4, 4]


@pytest.mark.parametrize("recipe", [replace(ADAM, rate=1e38), replace(SAMPLED, rate=1e38)])
def test_a_diverging_fit_warns_and_keeps_the_best(image, arch, recipe):
    with pytest.warns(UserWarning, match=r"diverged before step .* lower rate"):
        done = fit(image, arch, 100, recipe, every=5)
    assert done.step < 100, "it went on"
    assert math.isfinite(done.psnr) and weights(done.model).isfinite().all()
    assert done.psnr == max(measure.psnr for measure in done.history if not math.isnan(measure.psnr))
    assert render(done.model, done.shape).shape == image.shape


# Many at once


def assert_alike(many, singles):
    assert len(many) == len(singles)
    for one, single in zip(many, singles, strict=True):
        torch.testing.assert_close(one.weights, single.weights, rtol=0, atol=1e-3)
        assert one.psnr == pytest.approx(single.psnr, abs=0.05)
        assert (one.seed, one.recipe, one.step, one.arch) == (single.seed, single.recipe, single.step, single.arch)
        assert [m.step for m in one.history] == [m.step for m in single.history]


@recipes
def test_several_seeds_at_once(image, arch, recipe):
    assert_alike(fit_many(image, arch, 6, recipe, [5, 0, 2]), [fit(image, arch, 6, recipe, seed) for seed in (5, 0, 2)])


@recipes
def test_several_pictures_at_once(make_image, arch, recipe):
    images = [make_image(12, 16, seed) for seed in range(3)]
    many = fit_many(images, arch, 6, recipe)
    assert_alike(many, [fit(image, arch, 6, recipe) for image in images])
    assert len({state.image_crc for state in many}) == 3


@pytest.mark.parametrize(
    "name, values",
    [
        ("rate", (1e-4, 1e-3, 3e-3)),
        ("last_rate", (1e-4, 3e-3, None)),
        ("muon_rate", (0.02, 0.05, 0.1)),
    ],
)
def test_several_rates_at_once(image, arch, name, values):
    rates = [replace(ADAM, **{name: value}) for value in values]
    assert_alike(fit_many(image, arch, 6, rates), [fit(image, arch, 6, recipe) for recipe in rates])


def test_a_seed_may_be_numpys(image, arch):
    assert_alike(fit_many(image, arch, 2, seeds=np.int64(3)), [fit(image, arch, 2, seed=3)])


def test_pictures_and_seeds_go_pairwise(make_image, arch):
    images = [make_image(12, 16, seed) for seed in range(2)]
    many = fit_many(images, arch, 6, [ADAM, replace(ADAM, rate=2e-3)], [8, 9])
    assert_alike(many, [fit(images[0], arch, 6, ADAM, 8), fit(images[1], arch, 6, replace(ADAM, rate=2e-3), 9)])


def test_one_at_once(image, arch):
    assert_alike(fit_many(image, arch, 6), [fit(image, arch, 6)])
    assert_alike(fit_many([image], arch, 6, ["paper"], [3]), [fit(image, arch, 6, "paper", 3)])


def test_each_of_many_goes_on_alone(monkeypatch, image, arch, interrupt):
    interrupt(2)
    stopped = fit_many(image, arch, 8, seeds=[0, 1], every=4)
    monkeypatch.undo()
    resumed = [fit(image, state=state, every=4) for state in stopped]
    assert_alike(resumed, [fit(image, arch, 8, seed=seed, every=4) for seed in (0, 1)])


def test_of_many_one_diverges_and_the_other_does_not(image, arch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        lost, kept = fit_many(image, arch, 20, [replace(ADAM, rate=1e38), ADAM], every=5)
    assert_alike([kept], [fit(image, arch, 20, ADAM, every=5)])
    assert math.isfinite(lost.psnr) and lost.best.isfinite().all()


@pytest.mark.parametrize(
    "keywords, match",
    [
        (dict(seeds=[0, 1], recipe=[ADAM] * 3), "seeds has 2 entries, expected 1 or 3"),
        (dict(images=2, seeds=[0, 1, 2]), "images has 2 entries, expected 1 or 3"),
        (dict(recipe=[ADAM, replace(ADAM, muon_rate=0.05)]), "differ in their rates only"),
        (dict(recipe=[ADAM, replace(ADAM, batch=50)]), "differ in their rates only"),
        (dict(recipe=[ADAM, replace(ADAM, cosine=True)]), "differ in their rates only"),
        (dict(recipe=[ADAM, replace(ADAM, warm_up=3)]), "differ in their rates only"),
        (dict(recipe=[ADAM, replace(ADAM, steps=7)], steps=None), "differ in their rates only"),
        (dict(seeds=[]), "at least one|0 entries|empty"),
        (dict(images=0), "at least one|0 entries|empty"),
    ],
)
def test_lengths_and_recipes_that_do_not_fit_together(image, arch, keywords, match):
    images = [image] * keywords.pop("images") if "images" in keywords else image
    with pytest.raises(CoinError, match=match):
        fit_many(images, arch, **{"steps": 2, **keywords})


def test_pictures_of_different_shapes_do_not_fit_together(image, arch):
    with pytest.raises(CoinError, match="pictures of one shape"):
        fit_many([image, image[:, :-1]], arch, 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@recipes
def test_cuda_fits_as_the_cpu_does(image, arch, recipe):
    on_gpu = fit(image, arch, 6, recipe, device="cuda", every=4)
    assert_alike([on_gpu], [fit(image, arch, 6, recipe, every=4)])
    first = next(fit_steps(image, arch, 6, recipe, device="cuda", every=4)).state
    assert_alike([fit(image, state=first, device="cuda", every=4)], [on_gpu])


# What cannot be


@pytest.mark.parametrize(
    "keywords, match",
    [
        (dict(recipe="slow"), "recipe must be one of paper, fast, or a Recipe, got 'slow'"),
        (dict(recipe=None), "recipe"),
        (dict(steps=-1), "steps must be a whole number from 0 to 10000000, got -1"),
        (dict(steps=2.5), "steps"),
        (dict(steps="3"), "steps"),
        (dict(every=0), "every must be a whole number of at least 1, got 0"),
        (dict(every=-2), "every must be a whole number of at least 1, got -2"),
        (dict(seed=-1, recipe=SAMPLED), "seed"),
        (dict(seed=-1, recipe="paper"), "seed"),
        (dict(device="nonsense"), "device 'nonsense'"),
        (dict(arch=Arch(2, 8, outputs=1)), "from 2 to 3 numbers, got one from 2 to 1"),
        (dict(arch=Arch(2, 8, inputs=3)), "from 2 to 3 numbers, got one from 3 to 3"),
        (dict(image=np.zeros((12, 16), np.uint8)), r"shape \(height, width, 3\)"),
        (dict(image=np.zeros((12, 16, 3))), "uint8, got float64"),
        (dict(image="in.png"), "load_image"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_fitted(image, arch, keywords, match):
    with pytest.raises(CoinError, match=match):
        fit(**{"image": image, "arch": arch, "steps": 2, **keywords})


# The bar


def test_the_bar_shows_steps_and_decibels(capsys, image, arch):
    fit(image, arch, 4, progress=True)
    shown = capsys.readouterr().err
    assert "fitting" in shown and "4/4" in shown and " dB" in shown


def test_without_the_bar_nothing_is_printed(capsys, image, arch):
    fit(image, arch, 4)
    fit_many(image, arch, 4, seeds=[0, 1])
    assert capsys.readouterr() == ("", "")


# Going on for longer


def test_a_finished_fit_is_lengthened(image, arch):
    done = fit(image, arch, 20)
    longer = fit(image, state=done, steps=60)
    assert longer.step == 60 and longer.psnr > done.psnr
    assert [m.step for m in longer.history[: len(done.history)]] == [m.step for m in done.history]
    assert fit(image, state=done).step == 20, "nothing is left to do"


def test_a_fit_of_rounded_weights_is_lengthened_and_rounded_anew(image, arch):
    pytest.importorskip("constriction")
    done = fit(image, arch, 20, n_bytes=180)
    longer = fit(image, state=done, steps=60)
    assert longer.step == 60 and longer.step_sizes is not None and longer.n_bytes == 180


@pytest.mark.parametrize(
    "given, match",
    [
        (dict(steps=5), "has taken 20 already.*steps=1020 takes 1000 more"),
        (dict(arch="3x9"), "arch: a state has its own"),
        (dict(recipe="paper"), "recipe"),
        (dict(seed=3), "seed"),
        (dict(n_bytes=150), "n_bytes"),
        (dict(model=Siren(Arch(2, 8))), "model"),
    ],
)
def test_what_contradicts_a_state_is_said(image, given, match):
    done = fit(image, Arch(2, 8), 20)
    with pytest.raises(CoinError, match=match):
        fit(image, state=done, **given)
    assert fit(image, "2x8", 20, "fast", state=done).weights is done.weights
