import pytest

pytest.importorskip("ipywidgets")

from coin_edu import Arch, pack_model
from coin_edu.widgets import DecodeExplorer, shown


def test_a_closed_widget_is_left_alone_when_the_page_is_finished(monkeypatch, textured):
    """A cell that is run again closes what it showed before, which may not be gone yet."""
    data = pack_model(textured(Arch(2, 8)), (12, 16))
    closed, alive = DecodeExplorer(data), DecodeExplorer(data)
    renewed = []
    for widget in (closed, alive):
        monkeypatch.setattr(widget, "_outputs", ["an output"])
        monkeypatch.setattr(widget, "update_still", lambda widget=widget: renewed.append(widget))
    closed.close()
    shown.settle()
    assert alive in renewed and closed not in renewed


def test_a_page_ends_with_its_test(textured):
    """The first of two: the second finds nothing to finish."""
    DecodeExplorer(pack_model(textured(Arch(2, 8)), (12, 16)))._ipython_display_()
    assert any(widget._outputs for widget in shown._all)


def test_nothing_is_left_on_the_page_by_the_test_before(capsys):
    shown.settle()
    assert not capsys.readouterr().out
