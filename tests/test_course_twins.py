"""Names of units: undone and redone, the picture stays."""

import numpy as np
import torch

from coin_edu import Arch, Siren, render
from coin_edu.course import twins

SHAPE = (12, 16)


def test_a_twin_draws_the_same_picture_with_other_weights():
    model = Siren(Arch(3, 7, omega_first=20), 1)
    twin = twins.twin(model, 5)
    assert np.abs(render(twin, SHAPE).astype(int) - render(model, SHAPE)).max() <= 1
    matrices = [[weight for weight, _ in one.layer_weights] for one in (model, twin)]
    assert not any(torch.allclose(a, b) for a, b in zip(*matrices, strict=True))


def test_alignment_undoes_a_twin():
    model = Siren(Arch(2, 9), 1)
    back, correlation = twins.aligned(model, twins.twin(model, 3), SHAPE)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(model.parameters(), back.parameters(), strict=True))
    assert abs(correlation - 1) < 1e-3


def test_alignment_keeps_the_picture_of_another_network():
    one, other = Siren(Arch(2, 9), 1), Siren(Arch(2, 9), 2)
    back, correlation = twins.aligned(one, other, SHAPE)
    assert np.abs(render(back, SHAPE).astype(int) - render(other, SHAPE)).max() <= 1 and 0 < correlation < 0.9


def test_halfway_is_the_mean_of_all_weights():
    one, other = Siren(Arch(1, 3), 1), Siren(Arch(1, 3), 2)
    middle = twins.halfway(one, other)
    for a, b, m in zip(one.parameters(), other.parameters(), middle.parameters(), strict=True):
        assert torch.allclose((a + b) / 2, m)


def test_pairs_come_as_they_are_and_aligned():
    one, other = Siren(Arch(1, 3), 1), Siren(Arch(1, 3), 2)
    assert list(twins.pairs(one, {"other": other}, SHAPE)) == ["other", "other, aligned"]
