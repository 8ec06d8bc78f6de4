import sys

import pytest

from coin_edu.study import names


def test_what_no_font_has_is_spelled():
    fonts = [names.USUAL]
    assert names.drawable("王小明", fonts) == "WangXiaoMing"
    assert names.drawable("Ana 김", fonts).startswith("Ana ") and names.drawable("Ana 김", fonts).isascii()
    assert names.drawable("Zoë", fonts) == "Zoë"
    assert names.drawable("", fonts) == ""


def test_without_a_speller_code_points_stand_in(monkeypatch):
    monkeypatch.setitem(sys.modules, "anyascii", None)
    assert names.drawable("王小", [names.USUAL]) == "U+738B U+5C0F"


@pytest.mark.parametrize("shaped", [True, False])
def test_letters_that_are_joined_or_run_leftward_need_a_shaper(monkeypatch, shaped):
    monkeypatch.setattr(names, "SHAPED", shaped)
    assert (names.drawable("محمد", [names.USUAL]) == "محمد") == shaped
    assert names.drawable("Дмитрий", [names.USUAL]) == "Дмитрий"


def test_another_font_is_taken_if_it_has_what_is_missing(monkeypatch):
    monkeypatch.setattr(names, "_files", lambda: {"Empty": "", "Han": ""})
    monkeypatch.setattr(names, "_letters", lambda family: {"Empty": set(), "Han": {0x738B}}.get(family, {65}))
    assert names.families(["A王"]) == [names.USUAL, "Han"]
    assert names.drawable("A王", [names.USUAL, "Han"]) == "A王"
