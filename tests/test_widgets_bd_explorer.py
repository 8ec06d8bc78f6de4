import pytest

pytest.importorskip("ipywidgets")

from coin_edu import CoinError, bd_rate
from coin_edu.metrics import Curve
from coin_edu.widgets.bd_explorer import BDExplorer

ONE = Curve("one", "classical", "made up", (0.1, 0.2, 0.4, 0.8), (24, 27, 30, 33), measured=True)
TWO = Curve("two", "classical", "made up", (0.05, 0.2, 0.6, 1.6), (22, 26, 31, 35))


def test_at_first_the_range_is_what_both_reach():
    widget = BDExplorer(ONE, TWO)
    assert widget.range.value == (24, 33) and widget.percent == pytest.approx(bd_rate(ONE.points, TWO.points))


def test_another_range_has_another_rate():
    widget = BDExplorer(ONE, TWO)
    before, picture = widget.percent, bytes(widget.picture.value)
    widget.range.value = (29, 33)
    assert widget.percent != before and bytes(widget.picture.value) != picture
    assert f"{widget.percent:+.1f} %" in widget.status.value and "two (published)" in widget.status.value
    assert not widget.errors


def test_curves_without_a_common_psnr_are_refused():
    far = Curve("far", "classical", "made up", (1, 2), (40, 45))
    with pytest.raises(CoinError, match="no PSNR in common"):
        BDExplorer(ONE, far)
