import numpy as np
import pytest
import torch

from coin_edu.engine.sine import sine, sine_and_slope


@pytest.mark.parametrize("scale", [1e-30, 1, 300, 1e5, 1e9])
def test_it_is_the_sine_in_float64_to_a_float32s_precision(scale):
    z = scale * torch.randn(1001, generator=torch.Generator().manual_seed(0))
    exact, value = z.double(), torch.empty_like(z)
    assert (sine(z.clone()) - exact.sin()).abs().max() < 1e-7
    slope = z.clone()
    sine_and_slope(slope, value)
    assert (value - exact.sin()).abs().max() < 1e-7 and (slope - exact.cos()).abs().max() < 1e-7


def test_a_number_s_sine_does_not_depend_on_what_is_beside_it():
    z = 40 * torch.randn(64, 33, generator=torch.Generator().manual_seed(1))
    whole = sine(z.clone())
    assert all(
        torch.equal(sine(z[i : i + 1, :j].clone()), whole[i : i + 1, :j]) for i, j in ((0, 33), (5, 1), (63, 17))
    )
    assert torch.equal(sine(z.clone()[:, ::2]), whole[:, ::2]) and torch.equal(sine(z.clone().T), whole.T)


def test_of_infinity_it_is_nan_and_nobody_is_warned_or_stopped():
    with np.errstate(all="raise"):
        assert sine(torch.tensor([np.inf, -np.inf, np.nan, 1e-40])).isnan().tolist() == [True, True, True, False]


def test_where_a_gradient_is_asked_for_it_is_torch_s():
    z = torch.tensor([0.5, 2.0], requires_grad=True)
    (slope,) = torch.autograd.grad(sine(z).sum(), z)
    assert torch.equal(slope, z.detach().cos()) and z.tolist() == [0.5, 2.0]


def test_on_another_device_it_is_torch_s():
    z, value = torch.empty(3, device="meta"), torch.empty(3, device="meta")
    sine_and_slope(z, value)
    assert sine(z).is_meta and value.is_meta
