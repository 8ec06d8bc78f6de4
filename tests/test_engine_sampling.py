import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coin_edu.engine.sampling import Sampler, r2_lattice

STEP = torch.tensor([0])


def sampler(shape, batch, focus=0.0, steps=50, networks=1, seed=0):
    shifts = np.random.default_rng(seed).integers(2**32, size=(steps, networks, 2))
    return Sampler(shape, batch, focus, torch.from_numpy(shifts))


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.integers(1, 100),
    st.floats(0, 0.99),
    st.integers(0, 5),
    st.sampled_from([1, 30, 2**16]),
)
def test_pixels_are_in_the_picture_and_counts_positive(shape, batch, focus, seed, cells):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coin_edu.engine.sampling.CELLS", cells)
        drawn = sampler(shape, batch, focus, networks=2)
    assert drawn.sizes.sum() == shape[0] * shape[1]
    assert (drawn.centers >= 0).all() and (drawn.centers < shape[0] * shape[1]).all()
    drawn.refocus(torch.rand(2, len(drawn.centers), generator=torch.Generator().manual_seed(seed)) ** 8)
    index, counts = drawn.draw(STEP)
    assert index.shape == counts.shape == (2, batch)
    assert index.min() >= 0 and index.max() < shape[0] * shape[1]
    assert counts.min() > 0 and counts.max() <= 1.01 / (1 - focus)


@pytest.mark.parametrize("focus", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(20, 30), (13, 7)])
@pytest.mark.parametrize("cells", [40, 2**16])
def test_on_average_every_pixel_counts_alike(monkeypatch, focus, shape, cells):
    monkeypatch.setattr("coin_edu.engine.sampling.CELLS", cells)
    n_pixels, steps = shape[0] * shape[1], 2000
    drawn = sampler(shape, 64, focus, steps)
    drawn.refocus(torch.rand(1, len(drawn.centers), generator=torch.Generator().manual_seed(1)) ** 4)
    total = torch.zeros(n_pixels)
    for step in range(steps):
        index, counts = drawn.draw(torch.tensor([step]))
        total.index_add_(0, index[0], counts[0].float())
    share = total * n_pixels / (steps * 64)
    assert share.mean() == pytest.approx(1, abs=0.01)
    assert (share - 1).abs().max() < 0.4 and (share - 1).square().mean().sqrt() < 0.1


def test_the_share_in_focus_falls_where_the_error_is():
    drawn = sampler((60, 80), 4000, focus=0.5)
    wrong = torch.zeros(60, 80)
    wrong[20:40, 30:50] = 1.0
    drawn.refocus(wrong.flatten()[drawn.centers][None])
    index, counts = drawn.draw(STEP)
    inside = wrong.flatten()[index].bool()
    assert inside.float().mean() == pytest.approx(0.5 + 0.5 * 400 / 4800, abs=0.05)
    assert counts.mean() == pytest.approx(1, abs=0.05)


def test_without_errors_all_pixels_count_one():
    _, counts = sampler((64, 64), 1000, focus=0.5).draw(STEP)
    torch.testing.assert_close(counts, torch.ones(1, 1000))


def test_pixels_are_new_each_step_and_soon_all_are_seen():
    drawn = sampler((12, 16), 100)
    steps = [tuple(drawn.draw(torch.tensor([step]))[0][0].tolist()) for step in range(5)]
    assert len(set(steps)) == 5 and len(set().union(*steps)) > 150


def test_pixels_are_spread_evenly():
    (index,), _ = sampler((64, 64), 1024).draw(STEP)
    cells = torch.bincount(index // 64 // 8 * 8 + index % 64 // 8, minlength=64)
    assert cells.min() >= 12 and cells.max() <= 20, "16 a cell is the share of each"


def test_networks_of_one_seed_see_the_same_pixels_and_of_others_other():
    shifts = torch.tensor([[[5, 6], [5, 6], [2**31, 7]]])
    index, _ = Sampler((12, 16), 50, 0.0, shifts).draw(STEP)
    assert torch.equal(index[0], index[1]) and not torch.equal(index[0], index[2])


def test_a_large_picture_has_no_more_cells_than_a_small_one():
    assert len(sampler((4000, 6000), 10).sizes) <= 2**16 + 1000


# The lattice


@pytest.mark.parametrize("count", [1024, 4096, 8192])
def test_the_lattice_is_spread_evenly(count):
    points = r2_lattice(count)
    assert points.dtype == np.int64 and points.shape == (count, 2)
    assert points.min() >= 0 and points.max() < 2**32
    columns, rows = (points >> 29).T
    cells = np.bincount(8 * rows + columns, minlength=64)
    assert np.abs(cells - count / 64).max() <= 4
    assert np.abs(points.mean(axis=0) / 2**32 - 0.5).max() < 0.01


def test_the_lattice_is_the_same_each_time_and_grows():
    assert np.array_equal(r2_lattice(100), r2_lattice(1000)[:100])
    assert len(np.unique(r2_lattice(8192), axis=0)) == 8192
