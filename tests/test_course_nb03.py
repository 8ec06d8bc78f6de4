"""Notebook 03's exercises: right answers, differently written, pass, and likely slips meet their word."""

import math

import numpy as np
import pytest
import torch

pytest.importorskip("ipywidgets", reason="pip install 'coin_edu[notebooks]'")

from coin_edu import Arch, Siren, fit, plain, widgets
from coin_edu.course import nb03, seeds
from coin_edu.data import recorded
from coin_edu.engine.batch import Batch
from coin_edu.engine.optimizer import orthogonalize, schedule
from coin_edu.engine.start import Asked
from coin_edu.recipe import Recipe
from coin_edu.siren import unflatten
from coin_edu.study import curves
from coin_edu.widgets.panel import thumbnail
from tests.exercises import cases, changed, meets, passes, prose, undescribed


def half(step, steps):
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def pace(step, steps, warm_up, fall=half):
    return fall(step, steps) * min(1, (step + 1) / warm_up)


def with_if(step, steps, warm_up):
    squared = np.cos(np.pi * step / steps / 2) ** 2
    return squared * (step + 1) / warm_up if step + 1 < warm_up else squared


def adam(betas=(0.9, 0.999), sign=1, power=2, corrected=(True, True), eps=lambda v: np.sqrt(v) + 1e-8, newest=False):
    def step(weights, gradient, first, second, t, rate):
        first = betas[0] * first + (1 - betas[0]) * gradient
        second = betas[1] * second + (1 - betas[1]) * gradient**power
        m = gradient if newest else first / (1 - 0.9**t) if corrected[0] else first
        v = second / (1 - 0.999**t) if corrected[1] else second
        return weights - sign * rate * m / eps(v), first, second

    return step


def adam_in_torch(weights, gradient, first, second, t, rate):
    weights, gradient, first, second = (torch.as_tensor(a) for a in (weights, gradient, first, second))
    first = torch.lerp(first, gradient, 0.1)
    second = second.mul(0.999).addcmul(gradient, gradient, value=0.001)
    return weights - rate * first / (1 - 0.9**t) / ((second / (1 - 0.999**t)).sqrt() + 1e-8), first, second


def adam_in_place(weights, gradient, first, second, t, rate):
    first += 0.1 * (gradient - first)
    second += 0.001 * (gradient * gradient - second)
    weights -= rate * (first / (1 - 0.9**t)) / ((second / (1 - 0.999**t)) ** 0.5 + 1e-8)
    return [weights, first, second]


def divided(weights, gradient, first, second, t, rate):
    new, first, second = adam()(weights, gradient, first, second, t, rate)
    return new, first / (1 - 0.9**t), second


def choice(rng, n, batch):
    return rng.choice(n, batch, replace=False)


def loop(
    draw=choice,
    clear=True,
    sign=1,
    step=True,
    once=False,
    loss=torch.square,
    optimizer=torch.optim.Adam,
    look=lambda model, places, pixels: model(places[pixels]),
    target=lambda colors, pixels, draw: colors[pixels],
    renew=False,
    more=0,
):
    def train(model, places, colors, steps, batch, rate, rng):
        by = optimizer(model.parameters(), lr=rate)
        pixels = draw(rng, len(places), batch)
        for _ in range(steps + more):
            pixels = pixels if once else draw(rng, len(places), batch)
            if clear:
                by.zero_grad()
            wanted = target(colors, pixels, lambda: draw(rng, len(places), batch))
            (sign * loss(look(model, places, pixels) - wanted).mean()).backward()
            by = optimizer(model.parameters(), lr=rate) if renew else by
            if step:
                by.step()

    return train


def with_mse_loss(model, places, colors, steps, batch, rate, rng):
    adam = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(steps):
        pixels = torch.as_tensor(rng.permutation(len(places))[:batch])
        loss = torch.nn.functional.mse_loss(model.forward(places[pixels]), colors[pixels])
        with torch.no_grad():
            model(places)  # such as to print how good it is
        model.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
    return model


def summed(model, places, colors, steps, batch, rate, rng):
    adam = torch.optim.Adam(list(model.parameters()), rate)
    while steps > 0:
        pixels = sorted(rng.choice(len(places), size=batch, replace=False).tolist())
        adam.zero_grad()
        torch.mean((colors[pixels] - model(places[pixels])) ** 2).backward()
        adam.step()
        steps -= 1


def by_gradient(model, places, colors, steps, batch, rate, rng):
    weights = list(model.parameters())
    adam = torch.optim.Adam(weights, lr=rate)
    for _ in range(steps):
        pixels = choice(rng, len(places), batch)
        loss = (model(places[pixels]) - colors[pixels]).pow(2).mean()
        for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.grad = slope
        adam.step()


RIGHT = {
    "pace": [
        pace,
        with_if,
        lambda k, n, w: torch.tensor(half(k, n)) * min((k + 1) / w, 1.0),
        lambda k, n, w: np.float32(half(k, n)) * np.minimum(1, np.float32((k + 1) / w)),
        lambda k, n, w: float(schedule(Recipe(n, None, 1.0, warm_up=w, cosine=True), n)[k]),
    ],
    "adam_step": [
        adam(),
        adam_in_torch,
        adam_in_place,
        lambda *given: adam()(*(np.float32(a) for a in given[:4]), *given[4:]),
        changed(adam(), lambda parts: [part.tolist() for part in parts]),
        changed(adam(), np.stack),
    ],
    "train": [loop(), with_mse_loss, summed, by_gradient, loop(draw=lambda rng, n, k: np.argsort(rng.random(n))[:k])],
}

WRONG = {
    "pace": [
        (lambda k, n, w: math.cos(math.pi * k / n) * min(1, (k + 1) / w), "bring it to 1"),
        (lambda k, n, w: pace(k, n, w, lambda k, n: half(2 * k, n)), "a whole wave"),
        (lambda k, n, w: pace(k, n, w, lambda k, n: 0.5 * (1 + math.cos(180 * k / n))), "degrees"),
        (lambda k, n, w: pace(k, n, w, lambda k, n: 1 + math.cos(math.pi * k / n)), "twice the factor"),
        (lambda k, n, w: pace(k, n, w, lambda k, n: half(k // n, n)), "the rise alone"),
        (lambda k, n, w: pace(k, n, w, lambda k, n: 1 - k / n), "a straight fall"),
        (lambda k, n, w: half(k, n), "warmed up"),
        (lambda k, n, w: half(k, n) * (k + 1) / w, "beyond 1"),
        (lambda k, n, w: half(k, n) * max(1, (k + 1) / w), "the smaller of the two"),
        (lambda k, n, w: half(k, n) * min(1, (k + 1) // w), "// cuts fractions off"),
        (lambda k, n, w: half(k, n) * min(1, k / w), "do nothing"),
        (lambda k, n, w: min(1, (k + 1) / w), "the rise alone"),
        (lambda k, n, w: pace(k, n, w, lambda k, n: half(k + 1, n)), "one step early"),
        (lambda k, n, w: half(k, n) + min(1, (k + 1) / w), "multiplied"),
        (lambda k, n, w: print(end=""), "is the return missing?"),
    ],
    "adam_step": [
        (adam(betas=(0.1, 0.999)), "keeps 0.9"),
        (adam(betas=(0.9, 0.9)), "these are the numbers of first"),
        (adam(sign=-1), "climbs"),
        (adam(power=1), "not squared"),
        (adam(corrected=(False, False)), "too small at first"),
        (adam(corrected=(True, False)), "second is not corrected"),
        (adam(corrected=(False, True)), "first is not corrected"),
        (adam(eps=lambda v: v + 1e-8), "the root is missing"),
        (adam(eps=np.sqrt), "1e-8 is missing"),
        (adam(eps=lambda v: np.sqrt(v + 1e-8)), "1e-8 is inside the root"),
        (adam(newest=True), "its running mean"),
        (divided, "it is returned divided"),
        (changed(adam(), lambda parts: parts[::-1]), "return the weights first"),
        (changed(adam(), lambda parts: (*parts[1:], parts[0])), "return the weights first"),
        (lambda w, *_: w, "return weights, first, second"),
        (lambda w, *_: None, "is the return missing?"),
        (lambda w, g, m, v, t, r: adam()(w, g ^ 2, m, v, t, r), "a power is **"),
    ],
    "train": [
        (loop(once=True), "draw anew inside the loop"),
        (loop(draw=lambda rng, n, k: np.arange(n)), "computes all 768 places"),
        (loop(look=lambda model, places, pixels: model(places)[pixels]), "index before it"),
        (loop(draw=lambda rng, n, k: rng.choice(n, 32, replace=False)), "as many as batch"),
        (loop(draw=lambda rng, n, k: rng.integers(0, n, k)), "replace=False"),
        (loop(draw=lambda rng, n, k: torch.randperm(n)[:k]), "draw them from rng"),
        (loop(more=-1), "the network was called"),
        (loop(step=False), "has not changed"),
        (loop(clear=False), "pile up"),
        (loop(sign=-1), "climbs"),
        (loop(renew=True), "make it before the loop"),
        (loop(optimizer=torch.optim.SGD), "plain gradient descent"),
        (loop(loss=torch.abs), "absolute errors"),
        (loop(target=lambda colors, pixels, draw: colors[: len(pixels)]), "index both with the same pixels"),
        (loop(target=lambda colors, pixels, draw: colors[draw()]), "the weights are not those of Adam"),
        (loop(target=lambda colors, pixels, draw: colors), "your code raised RuntimeError"),
        (lambda *given: ..., "the network was not called"),
    ],
}


@pytest.mark.parametrize("case", cases(RIGHT))
def test_right_answers_pass(case):
    passes(nb03, *case)


@pytest.mark.parametrize("case", cases(WRONG))
def test_wrong_answers_meet_their_word(case):
    meets(nb03, *case)


def test_the_loop_says_how_far_it_came():
    verdict = nb03.train(loop())
    left, blind = (float(word.strip(";")) for word in verdict.text.split() if word.startswith("0."))
    assert left < 0.3 * blind


def test_the_gradient_is_the_packages(image):
    recipe, arch = Recipe(steps=1, batch=None, rate=1e-3), Arch(2, 8)
    batch = Batch([image], [Asked(arch, 1, recipe).start(image)], torch.device("cpu"))
    expected = batch._gradient()[0]
    assert np.allclose(nb03.gradient(Siren(arch), image), expected, atol=1e-5)
    halves = [nb03.gradient(Siren(arch), image, part) for part in (np.arange(96), np.arange(96, 192))]
    assert np.allclose(np.mean(halves, axis=0), expected, atol=1e-5)


# The text's numbers and claims

SEEDS = (0, 1, 2)
ARCH, FIGURE_2 = Arch(5, 30), Arch(10, 28)


@pytest.fixture(scope="module")
def coffee():
    return thumbnail("coffee")


def test_the_text_names_what_the_tests_hold():
    text = prose(3)
    for said in (
        "between −0.015 and 0.015",
        "0.003 leads during the first 60 steps",
        "A network of 371 weights",
        "Up to step 160 neither is ahead by more than 0.7 dB",
        "ends more than 2 dB ahead in each of three starts",
        "ends near 24.5 dB",
        "2,048 pixels (a twelfth)",
        "2.9 million pixels",
        "Three times the rates already cost 4 dB or more",
        "JPEG reaches 29.85 dB",
        "768x512 pixels the same file has 0.16 bits per pixel",
    ):
        assert said in text, said


def test_weights_begin_as_small_as_it_says():
    largest = max(weight.abs().max() for weight, _ in Siren(ARCH).layer_weights[1:-1])
    assert 0.0145 < largest < 0.015


@pytest.mark.parametrize("seed", SEEDS)
def test_adams_first_step_is_the_rate_and_the_hundredth_a_tenth_of_it(seed):
    layers = plain.start(3, 16, seed=seed)
    loop, path = plain.train(thumbnail("coffee", 64), layers, rate=1e-3), [nb03.flat(layers)]
    for _ in range(100):
        next(loop)
        path.append(nb03.flat(layers))
    moves = torch.stack(path).diff(dim=0).abs()
    assert np.allclose(moves[0], 1e-3, rtol=0.01) and 0.8e-4 < moves[99].mean() < 1.5e-4


def test_the_best_rate_leads_in_all_three_starts_but_not_from_the_start():
    found = seeds.curves("rates")
    steps, slower, quicker = found["0.001"][0, :, 0], found["0.001"][..., 1], found["0.003"][..., 1]
    early = (steps > 0) & (steps <= 60)
    assert (slower[:, -1] > quicker[:, -1]).all() and (slower[:, early] < quicker[:, early]).all()
    assert slower[:, -1].mean() == pytest.approx(24.9, abs=0.1)
    assert quicker[:, -1].mean() == pytest.approx(23.9, abs=0.1)
    assert found["0.0001"][:, -1, 1].max() < 17 and np.ptp(found["0.01"][:, -5:, 1]) < 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_on_the_slice_a_rate_of_a_hundredth_is_best_and_the_largest_ends_in_one_color(coffee, seed):
    small = thumbnail(coffee, 32) / 255
    slice = widgets.LossSlice(coffee, seed=seed)
    assert slice.rates[slice.losses[:, -1].argmin()] == 0.01 and slice.arch.n_weights == 371
    one_color = np.square(small - small.mean(axis=(0, 1))).mean()
    assert slice.losses[3, -1] == pytest.approx(one_color, rel=0.05)


def test_the_cosine_is_ahead_in_all_three_starts_but_late():
    found = seeds.curves("schedule")
    steps, steady = found["steady"][0, :, 0], found["steady"][..., 1]
    lead = found["cosine"][..., 1] - steady
    assert (lead[:, -1] > 2).all() and np.abs(lead[:, steps <= 160]).max() < 0.7
    assert steady[:, -1].mean() == pytest.approx(24.5, abs=0.1)


def test_the_formula_of_the_schedule_is_the_packages():
    t = np.arange(400)
    formula = 0.003 * np.minimum(1, (t + 1) / 20) * (1 + np.cos(np.pi * t / 400)) / 2
    recipe = Recipe(400, 2048, rate=3e-3, warm_up=20, cosine=True)
    assert np.allclose(formula, recipe.rate * schedule(recipe, 400), atol=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sample_agrees_with_the_whole_before_the_fit(coffee, seed):
    assert nb03.agreement(Siren(ARCH, seed), coffee, [2048])[0] > 0.9


def test_a_sample_is_mostly_noise_after_the_fit_and_muon_evens_its_matrix_out(coffee):
    done = fit(coffee, ARCH, 400, Recipe(400, 2048, rate=1e-3, cosine=True), progress=False)
    few, many = nb03.agreement(done.model, coffee, [2048, 10**6])
    assert few < 0.5 and many == pytest.approx(1, abs=1e-3)
    matrix = unflatten(ARCH, torch.from_numpy(nb03.gradient(done.model, coffee)))[2][0]
    before, after = (torch.linalg.svdvals(each) for each in (matrix, orthogonalize(matrix)))
    assert before[0] > 100 * before[-1] and ((after > 0.65) & (after < 1.35)).sum() >= 28


def test_many_steps_on_few_pixels_are_ahead_in_all_three_starts():
    ends = seeds.ends("batch")
    whole, few = ([v for name, v in ends.items() if name.startswith(start)] for start in ("120 ", "1,440 "))
    whole, few = max(whole, key=np.mean), max(few, key=np.mean)
    assert (few > whole).all() and 120 * 24576 == 1440 * 2048 == 2_949_120


def test_three_and_ten_times_the_rates_cost_what_it_says():
    ends = seeds.ends("tenfold")
    assert ends["rates x3"].max() < ends["rates x1"].min() - 4
    assert np.ptp(ends["rates x10"]) < 0.01 and ends["rates x10"].max() < 13


def test_figure_2_is_read_as_it_is():
    fast, longer, adam = curves.read_history(recorded("results/kodak15_history.csv")).values()
    assert fast[-1].psnr - adam[-1].psnr == pytest.approx(2.9, abs=0.05)
    assert longer[-1].psnr > 29.85 > fast[-1].psnr and longer[-1].step == 3 * fast[-1].step
    (there,) = [m for m in longer if m.step == 3000]
    assert there.psnr < fast[-1].psnr - 1
    jpeg = [row for row in curves.read_rows(recorded("results/jpeg.csv")) if row.picture == "kodim15"]
    rates, psnrs = zip(*sorted((np.log(row.bpp), row.psnr) for row in jpeg), strict=True)
    assert np.interp(np.log(8 * FIGURE_2.n_bytes() / (512 * 768)), rates, psnrs) == pytest.approx(29.85, abs=0.2)


def test_the_cosine_is_worth_most_and_then_muon():
    worth = nb03.worth()
    assert list(worth)[:2] == ["constant rates, no cosine", "Adam everywhere, at 1e-3, instead of Muon"]
    assert list(worth.values()) == sorted(worth.values(), reverse=True) and len(worth) == 5


def test_the_file_has_the_rate_that_it_says():
    assert round(8 * ARCH.n_bytes() / (512 * 768), 2) == 0.16


def test_its_pictures_have_words():
    assert not undescribed(3)
