import numpy as np
import pytest
import torch

pytest.importorskip("ipywidgets")

from coin_edu import Arch
from coin_edu.widgets.loss_slice import LossSlice


@pytest.fixture(scope="module")
def loss(make_image):
    return LossSlice(make_image(12, 16), rates=(1e-3, 1e-2), arch=Arch(1, 6), steps=20)


def test_all_paths_start_at_one_place_and_go_apart(loss):
    assert loss.paths.shape == (2, 21, 2) and np.array_equal(loss.losses[0][0], loss.losses[1][0])
    assert np.allclose(loss.paths[:, 0], 0, atol=1e-6) and not np.allclose(loss.paths[0, -1], loss.paths[1, -1])
    assert all(losses[-1] < losses[0] for losses in loss.losses) and 0 < loss.share <= 1 + 1e-6


def test_paths_are_those_of_torchs_adam(loss):
    slow, fast = (np.linalg.norm(path[-1]) for path in loss.paths)
    assert fast > slow
    again, losses = loss._descend(1e-2, 20, 0)
    assert np.array_equal(losses, loss.losses[1]) and torch.equal(again[0], loss._descend(1e-3, 1, 0)[0][0])


def test_the_map_at_the_start_is_the_loss_there(loss):
    x, y = np.abs(loss._x).argmin(), np.abs(loss._y).argmin()
    assert loss._heights[y, x] == pytest.approx(loss.losses[0][0], rel=0.5)


def test_the_step_moves_the_paths(loss):
    before = bytes(loss.picture.value)
    loss.step.value = 3
    assert bytes(loss.picture.value) != before and "step 3 of 20" in loss.status.value and not loss.errors
