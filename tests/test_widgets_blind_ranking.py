import pytest

pytest.importorskip("ipywidgets")

from coin_edu import psnr
from coin_edu.widgets.blind_ranking import LETTERS, BlindRanking


@pytest.fixture
def ranking(make_image):
    BlindRanking.memory.clear()
    yield BlindRanking(make_image(24, 32))
    BlindRanking.memory.clear()


def test_names_come_last(ranking):
    assert len(set(ranking.names.values())) == 7
    for letter in LETTERS[:-1]:
        ranking.buttons[letter].click()
        assert "correlation" not in ranking.status.value
    ranking.buttons["G"].click()
    assert ranking.done and "rank correlation with PSNR" in ranking.status.value and not ranking.errors


def test_the_order_of_psnr_agrees_with_psnr(ranking):
    for letter in sorted(LETTERS, key=ranking.psnrs.get, reverse=True):
        ranking.buttons[letter].click()
    by_psnr, by_ssim = ranking.correlations()
    assert by_psnr == pytest.approx(1) and -1 <= by_ssim <= 1
    ranking.again.click()
    for letter in sorted(LETTERS, key=ranking.psnrs.get):
        ranking.buttons[letter].click()
    assert ranking.correlations()[0] == pytest.approx(-1)


def test_psnrs_differ_and_are_those_of_the_pictures(ranking):
    for letter, picture in ranking.pictures.items():
        assert ranking.psnrs[letter] == psnr(ranking.image, picture)
    assert max(ranking.psnrs.values()) - min(ranking.psnrs.values()) > 5


def test_the_order_is_kept_when_the_cell_runs_again(ranking, make_image):
    ranking.buttons["C"].click()
    assert BlindRanking(make_image(24, 32)).order == ["C"]
    ranking.again.click()
    assert BlindRanking(make_image(24, 32)).order == [] and not ranking.buttons["C"].disabled
