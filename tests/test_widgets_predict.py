import re

import numpy as np
import pytest

pytest.importorskip("ipywidgets")

import ipywidgets
from matplotlib.figure import Figure

from coin_edu import Arch, CoinError
from coin_edu.widgets import LiveFit, Predict, Sketch
from coin_edu.widgets.picture import Picture
from coin_edu.widgets.shown import VIEW


@pytest.fixture(autouse=True)
def forgotten():
    Predict.memory.clear()
    yield
    Predict.memory.clear()


def ran(result="done"):
    """A callable, and how often it was called."""
    calls = []
    return (lambda: calls.append(1) or result), calls


def test_nothing_runs_before_somebody_answers_and_then_once():
    then, calls = ran()
    guess = Predict("Which?", ["a", "b"], answer="b", explain="Because.", then=then)
    assert not calls and guess.said is None and guess.outcome.value == ""
    guess.buttons["a"].click()
    assert guess.said == "a" and len(calls) == 1
    assert "You said <b>a</b>. It was <b>b</b>." in guess.outcome.value and "Because." in guess.outcome.value
    assert guess.result() == "done" and len(calls) == 1 and not guess.errors


def test_the_right_choice_is_confirmed():
    guess = Predict("Which?", ["a", "b"], answer="b")
    guess.buttons["b"].click()
    assert "It was <b>b</b>, as you said." in guess.outcome.value
    assert all(button.disabled for button in guess.buttons.values())


def test_an_opinion_has_no_right_answer():
    guess = Predict("Which looks better?", ["a", "b"], explain="Most say a.")
    guess.buttons["b"].click()
    assert "It was" not in guess.outcome.value and "Most say a." in guess.outcome.value


@pytest.mark.parametrize(
    "said, verdict", [(30.4, "right within 0.5 dB"), (25, "5 more than you said"), (33, "3 less than you said")]
)
def test_a_number_is_right_within_its_tolerance(said, verdict):
    guess = Predict("How good?", unit="dB", within=0.5, answer=lambda measured: measured, then=lambda: 30.0)
    guess.number.value = said
    guess.buttons["this is my prediction"].click()
    assert guess.said == said and f"It was <b>30 dB</b>: {verdict}" in guess.outcome.value


def test_a_curve_is_compared_with_what_was_measured():
    curve = Sketch([1, 2, 4], 0, 10, "rate", "PSNR, dB", "dB")
    guess = Predict("Draw it", curve=curve, answer=lambda _: ([1, 2, 3, 4], [0, 2, 4, 6]), then=lambda: None)
    curve.heights = [3, 5, 9]
    before = curve.picture.value
    guess.buttons["this is my prediction"].click()
    assert guess.said == [3, 5, 9] and curve.picture.value != before
    assert "3 dB away on average" in guess.outcome.value
    assert all(slider.disabled for slider in curve.sliders)
    guess.again.click()
    assert curve.picture.value == before and not curve.sliders[0].disabled


def test_skipping_shows_all_the_same():
    then, calls = ran()
    guess = Predict("Which?", ["a", "b"], answer="b", then=then)
    guess.skip.click()
    assert guess.said is None and len(calls) == 1 and "Skipped. It was <b>b</b>." in guess.outcome.value


def test_where_nobody_answers_later_cells_go_on_and_the_question_stays_open():
    then, calls = ran(7)
    guess = Predict("Which?", ["a", "b"], answer="b", then=then)
    assert guess.result() == 7 and len(calls) == 1
    assert guess.outcome.value == "" and not guess.buttons["a"].disabled
    guess.buttons["b"].click()
    assert len(calls) == 1 and "as you said" in guess.outcome.value


def test_what_was_said_is_kept_when_the_cell_runs_again():
    Predict("Which?", ["a", "b"], answer="b").buttons["a"].click()
    then, calls = ran()
    again = Predict("Which?", ["a", "b"], answer="b", then=then)
    assert not calls, "shown first"
    again.shown()
    assert again.said == "a" and len(calls) == 1 and "You said <b>a</b>" in again.outcome.value
    again.again.click()
    assert again.said is None and "Which?" not in Predict.memory and not again.buttons["a"].disabled


def test_another_question_has_another_answer():
    Predict("Which?", ["a", "b"]).buttons["a"].click()
    other = Predict("Which one?", ["a", "b"])
    other.shown()
    assert other.said is None


def test_a_live_fit_starts_once_answered_and_is_explained_when_it_ends(image):
    guess = Predict(
        "How good?", unit="dB", answer=lambda fit: fit.psnr, explain=lambda fit: f"after {fit.step} steps",
        then=lambda: LiveFit(image, Arch(2, 8), steps=30),
    )  # fmt: skip
    guess.number.value = 3
    guess.buttons["this is my prediction"].click()
    live = guess.result()
    live.wait(30)
    assert live.fit.step == 30 and live in guess._place.children
    assert "You said <b>3 dB</b>. It was" in guess.outcome.value and "after 30 steps" in guess.outcome.value
    assert live.result() is live.fit and not guess.errors


@pytest.mark.parametrize(
    "value, kind",
    [
        (Figure(), Picture),
        (Figure().add_subplot(), Picture),
        (np.zeros((4, 5, 3), np.uint8), Picture),
        ("some text", ipywidgets.HTMLMath),
        (ipywidgets.Label("a"), ipywidgets.Label),
    ],
)
def test_what_it_returns_is_shown(value, kind):
    guess = Predict("Which?", ["a", "b"], then=lambda: value)
    guess.buttons["a"].click()
    (shown,) = guess._place.children
    assert isinstance(shown, kind) and guess.result() is value


def test_anything_else_is_kept_and_not_shown():
    guess = Predict("Which?", ["a", "b"], then=lambda: {"a": 1})
    guess.buttons["a"].click()
    assert guess._place.children == () and guess.result() == {"a": 1}


def test_an_error_in_what_runs_shows():
    guess = Predict("Which?", ["a", "b"], then=lambda: 1 / 0)
    guess.buttons["a"].click()
    assert "ZeroDivisionError" in guess.alert.value and guess.said == "a"


def test_the_still_has_the_question_and_folds_the_answer(image):
    guess = Predict("Which <i>one</i>?", ["a<b", "b"], answer="b", explain="So.", then=lambda: image)
    bundle = guess._repr_mimebundle_()
    assert set(bundle) == {VIEW, "text/html", "text/plain"} and bundle["text/plain"] == "Predict: Which one?"
    html = bundle["text/html"]
    folded = re.search("<details>.*</details>", html)[0]
    assert "a&lt;b" in html and "So." in folded and "It was <b>b</b>" in folded
    assert "So." not in html.replace(folded, "")
    guess.settle()
    assert "image/png" in guess._repr_mimebundle_() and guess.said is None


def test_what_is_measured_is_folded_only_once_it_has_run():
    guess = Predict("How many?", unit="", answer=lambda value: value, then=lambda: 12.5)
    assert "details" not in guess.still()["text/html"]
    guess.settle()
    assert "<b>12.5</b>" in re.search("<details>.*</details>", guess.still()["text/html"])[0]


@pytest.mark.parametrize(
    "keywords, message",
    [
        ({}, "one of the three"),
        ({"choices": ["a", "b"], "unit": "dB"}, "one of the three"),
        ({"choices": ["a"]}, "two to four choices are needed, got 1"),
        ({"choices": list("abcde")}, "got 5"),
        ({"choices": ["a", "b"], "answer": "c"}, "'c' is none of the choices a, b"),
    ],
)
def test_what_is_no_question(keywords, message):
    with pytest.raises(CoinError, match=message):
        Predict("Which?", **keywords)


@pytest.mark.parametrize(
    "x, low, high, log", [([1], 0, 1, False), ([2, 1], 0, 1, False), ([1, 2], 1, 1, False), ([0, 1], 0, 1, True)]
)
def test_what_is_no_sketch(x, low, high, log):
    with pytest.raises(CoinError, match="ascending places"):
        Sketch(x, low, high, log=log)


def test_a_figure_is_told_in_words():
    ax = Figure().add_subplot(xlabel="steps", ylabel="PSNR, dB", title="a fit")
    ax.plot([0, 1], label="sine")
    ax.text(0, 0, "the end")
    guess = Predict("Who <b>wins</b>?", ["one", "two"], then=lambda: ax)
    assert guess.alternative() == "Who wins?"
    guess.result()
    assert guess.alternative() == "Who wins?; a fit; PSNR, dB; steps; sine; the end"
