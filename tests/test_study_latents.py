"""Grids and tiny networks: what they draw, what they cost, and that fitting makes both better."""

import numpy as np
import pytest
import torch

from coin_edu import CoinError, psnr
from coin_edu.study import latents
from coin_edu.study.latents import Latents, fit_latents, start


def last(image, **settings):
    return list(fit_latents(image, start(image, **settings)))[-1]


@pytest.mark.parametrize("shape, grids", [((5, 7), [(5, 7), (3, 4), (2, 2)]), ((8, 4), [(8, 4), (4, 2), (2, 1)])])
def test_each_grid_is_half_as_fine_as_the_one_before(shape, grids):
    assert [tuple(grid.shape) for grid in Latents(shape, 3).grids] == grids


def test_the_rate_is_that_of_laplace_distributions():
    rng = np.random.default_rng(0)
    codec = Latents((6, 9), 2)
    with torch.no_grad():
        for weight in codec.context.parameters():
            weight.zero_()
        codec.context[-1].bias.copy_(torch.tensor([0.3, 0.5]))  # mean, logarithm of the scale
    grids = [torch.from_numpy(rng.integers(-3, 4, grid.shape)).float() for grid in codec.grids]
    numbers = np.concatenate([grid.numpy().ravel() for grid in grids])
    edges = np.abs(np.arange(-20_000, 20_000) / 1000 - 0.3)
    density = np.exp(-edges / np.exp(0.5)) / 2 / np.exp(0.5)
    share = [density[(20_000 + 1000 * n - 500) :][:1000].sum() / 1000 for n in numbers.astype(int)]
    assert codec.bits(grids).item() == pytest.approx(-np.log2(share).sum(), rel=1e-3)


def test_a_number_is_predicted_from_numbers_before_it_only():
    codec = Latents((6, 9), 1, seed=3)
    with torch.no_grad():
        quiet = codec.context(latents._contexts(torch.zeros(6, 9))[0])
        for place in range(54):
            grid = torch.zeros(6, 9)
            grid.view(-1)[place] = 5
            changed = (codec.context(latents._contexts(grid)[0]) != quiet).any(dim=1).nonzero()
            assert (changed > place).all()


def test_a_fit_comes_closer_and_takes_fewer_bits(make_image):
    image = make_image(24, 32)
    short, long = (last(image, steps=steps) for steps in (20, 200))
    assert long.psnr > short.psnr + 3 and long.psnr == psnr(image, long.latents.render())
    assert long.n_bytes < 24 * 32 * 3


def test_lambda_trades_rate_for_distortion(make_image):
    image = make_image(24, 32)
    dear, cheap = (last(image, steps=150, weight=weight) for weight in (1e-2, 1e-4))
    assert dear.n_bytes < cheap.n_bytes and dear.psnr < cheap.psnr


def test_one_seed_one_fit_and_a_fit_may_stop_and_go_on(make_image):
    image = make_image(16, 16)
    whole, loop = last(image, steps=60, seed=2), fit_latents(image, start(image, steps=60, seed=2))
    parts = list(fit_latents(image, next(loop)))[-1]
    assert np.array_equal(whole.latents.render(), parts.latents.render())
    assert [m.step for m in parts.history] == [20, 40, 60] and parts.n_bytes == whole.n_bytes
    other = last(image, steps=60, seed=3)
    assert not np.array_equal(whole.latents.render(), other.latents.render())


def test_a_seed_leaves_torchs_own_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    Latents((8, 8), seed=9)
    assert torch.equal(torch.rand(1), expected)


def test_multiplications_a_pixel_are_counted():
    codec = Latents((64, 64), 2, synthesis=12, context=8)
    assert codec.products == 2 * 12 + 12 * 3 + 4 + (10 * 8 + 8 * 2) * 1.25
    assert codec.n_weights == 2 * 12 + 12 + 12 * 3 + 3 + 10 * 8 + 8 + 8 * 2 + 2


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"steps": 0}, "steps must be a whole number from 1"),
        ({"weight": -1}, "weight of the rate must be a number from 0 on, got -1"),
        ({"weight": float("nan")}, "weight of the rate"),
        ({"n_grids": 9}, "number of grids must be a whole number from 1 to 8, got 9"),
        ({"synthesis": 65}, "units of synthesis"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(CoinError, match=message):
        start(np.zeros((8, 8, 3), np.uint8), **settings)
