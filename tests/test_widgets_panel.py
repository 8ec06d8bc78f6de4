import numpy as np
import pytest

from coin_edu import CoinError, photo

pytest.importorskip("ipywidgets")

import ipywidgets

from coin_edu.study.style import label
from coin_edu.widgets.panel import Panel, control, panels, thumbnail
from coin_edu.widgets.shown import VIEW


class Parabola(Panel):
    """An instructor's own widget."""

    def __init__(self):
        self.power = control(ipywidgets.IntSlider, "power", value=2, min=0, max=9)
        self.again = ipywidgets.Button()
        super().__init__([self.power], [self.again])
        self.on_click(self.again, lambda: 1 / 0)

    def draw(self, figure):
        if self.power.value == 9:
            raise CoinError("9 > 8")
        ax = panels(figure, "a")["a"]
        x = np.linspace(0, 1)
        ax.plot(x, x**self.power.value)
        label(ax, "x")
        return f"x to the <b>{self.power.value}</b> &lt; 9"


@pytest.fixture
def parabola():
    return Parabola()


def test_it_is_drawn_when_made(parabola):
    assert bytes(parabola.picture.value).startswith(b"\x89PNG")
    assert parabola.status.value == "x to the <b>2</b> &lt; 9"


def test_a_control_draws_it_anew(parabola):
    before = parabola.picture.value
    parabola.power.value = 3
    assert parabola.picture.value != before
    assert "<b>3</b>" in parabola.status.value and not parabola.errors


def test_an_error_in_a_slider_shows_and_is_kept(parabola):
    before = parabola.picture.value
    parabola.power.value = 9
    assert "9 &gt; 8" in parabola.alert.value
    assert [str(error) for error in parabola.errors] == ["9 > 8"]
    assert parabola.picture.value == before


def test_an_error_in_a_button_shows_with_its_kind(parabola):
    parabola.again.click()
    assert "ZeroDivisionError: division by zero" in parabola.alert.value
    assert isinstance(parabola.errors[0], ZeroDivisionError)


def test_what_works_again_takes_the_red_line_away(parabola):
    parabola.power.value = 9
    parabola.power.value = 1
    assert parabola.alert.value == "" and len(parabola.errors) == 1


def test_an_error_while_it_is_made_is_raised():
    class Broken(Parabola):
        def draw(self, figure):
            raise CoinError("no")

    with pytest.raises(CoinError, match="no"):
        Broken()


def test_its_still_is_the_picture_and_its_text_the_status(parabola):
    bundle = parabola._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/png", VIEW}
    assert bundle["text/plain"] == "Parabola: x to the 2 < 9"
    parabola.power.value = 5
    assert parabola._repr_mimebundle_()["image/png"] != bundle["image/png"]


def test_shown_it_is_an_output_whose_still_can_be_replaced(parabola, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **keywords: shown.append((bundle, keywords)))
    parabola.update_still()
    assert not shown, "nobody has seen it yet"
    parabola._ipython_display_()
    parabola.power.value = 5
    parabola.update_still()
    (first, keywords), (between, _), (second, _) = shown
    assert all(k["display_id"] == keywords["display_id"] and k["update"] and k["raw"] for _, k in shown[1:])
    assert keywords["metadata"] == {"image/png": {"alt": "x to the 2 < 9"}} and keywords["raw"]
    assert first[VIEW] == second[VIEW] and first["image/png"] != second["image/png"]
    assert between == {kind: data for kind, data in second.items() if kind != VIEW}, "or the page keeps the old view"


def test_several_controls_at_once_draw_once(parabola, monkeypatch):
    drawn, draw = [], parabola.draw
    monkeypatch.setattr(parabola, "draw", lambda figure: drawn.append(1) or draw(figure))
    parabola.assign({parabola.power: 4})
    assert drawn == [1] and "<b>4</b>" in parabola.status.value


def test_a_slider_answers_when_let_go_unless_told_otherwise():
    assert not control(ipywidgets.IntSlider, "a").continuous_update
    assert control(ipywidgets.IntSlider, "a", continuous_update=True).continuous_update
    assert control(ipywidgets.Dropdown, "a", options=["b"]).value == "b"


def test_a_thumbnail_keeps_the_aspect_and_never_grows(image):
    assert thumbnail("coffee").shape == (128, 192, 3)
    assert thumbnail(photo("coffee"), 30).shape == (20, 30, 3)
    assert np.array_equal(thumbnail(image), image)
    with pytest.raises(CoinError, match="uint8"):
        thumbnail(image / 255)


def test_a_thumbnail_of_a_file(png, image):
    assert np.array_equal(thumbnail(str(png)), image)
    assert np.array_equal(thumbnail(png), image)
    with pytest.raises(CoinError, match=r"mug.png: no such file"):
        thumbnail("mug.png")
    with pytest.raises(CoinError, match=r"one of astronaut, .*, got 'mug'"):
        thumbnail("mug")


def test_without_ipywidgets_the_error_says_what_to_install(python):
    code = "import sys; sys.modules['ipywidgets'] = None\nfrom coin_edu import widgets"
    done = python("-c", code)
    assert 'pip install "coin_edu[notebooks]"' in done.stderr.splitlines()[-1]
