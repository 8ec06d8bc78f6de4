"""The live codec of grids: it begins once shown, trades rate for distortion, keeps ghosts, and writes its file."""

import numpy as np
import pytest

pytest.importorskip("ipywidgets", reason="pip install 'coin_edu[notebooks]'")

from coin_edu.study.latent_file import unpack
from coin_edu.widgets import LiveLatents
from coin_edu.widgets.live_latents import pyramid


def test_it_runs_to_its_end_and_says_what_came_of_it(make_image):
    live = LiveLatents(make_image(16, 24), steps=40, n_grids=3)
    fit = live.result()
    assert fit.step == 40 and f"{fit.psnr:.2f} dB" in live.status.value and not live.errors
    assert "multiplications a pixel" in live.status.value and f"{fit.bpp:.3f} bpp" in live.status.value


def test_an_earlier_fit_stays_as_a_ghost_with_its_settings(make_image):
    live = LiveLatents(make_image(16, 24), steps=20)
    live.run()
    live.weight.value = 1e-2
    live.run()
    (ghost,) = live.ghosts
    assert ghost.name.startswith("lambda 0.001, 5 grids, ") and live.fit.weight == pytest.approx(1e-2)
    assert not live.errors


def test_it_is_saved_as_a_file_that_can_be_read(make_image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    live = LiveLatents(make_image(16, 24), steps=20)
    live.run()
    live.save.click()
    (path,) = tmp_path.glob("picture-5-grids-1.latn")
    assert np.array_equal(unpack(path.read_bytes()).render(), live.fit.latents.render()) and not live.errors


@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (40, 3)])
def test_the_pyramid_has_room_for_all_grids(shape):
    live = LiveLatents(np.zeros((*shape, 3), np.uint8), n_grids=4, begin=False)
    drawn = pyramid(live.fit.latents.rounded())
    assert drawn.shape[0] >= shape[0] and (drawn[: shape[0], : shape[1]] == 128).all()
