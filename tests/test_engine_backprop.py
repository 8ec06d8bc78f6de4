import pytest
import torch
from torch.nn.utils import parameters_to_vector

from coin_edu import Arch, Siren
from coin_edu.arch import ACTIVATIONS
from coin_edu.engine.backprop import Backprop
from coin_edu.engine.forward import propagate
from coin_edu.siren import fourier_features, unflatten

CPU = torch.device("cpu")
ARCHES = [
    *[Arch(3, 7, activation=name) for name in ACTIVATIONS],
    *[Arch(1, 5, activation=name) for name in ACTIVATIONS],
    Arch(10, 28),
    Arch(2, 6, fourier=3),
    Arch(4, 6, "relu", fourier=2),
    Arch(3, 6, omega_0=7.0, omega_first=40.0),
    Arch(2, 6, outputs=1),
    Arch(3, 9, fourier=5, ratio=1.55, widths=(9, 6, 4)),
    Arch(3, 7, "tanh", widths=(4, 7, 5)),
]
each = pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: f"{arch}-{arch.activation}-{arch.fourier}")


def task(arch, n, seed=0):
    """Weights, what enters the first layer, and target colors."""
    generator = torch.Generator().manual_seed(seed)
    vector = parameters_to_vector(Siren(arch, seed).parameters()).detach()
    places, target = 2 * torch.rand(n, 2, generator=generator) - 1, torch.rand(n, arch.outputs, generator=generator)
    return vector, fourier_features(places, arch.fourier, arch.ratio) if arch.fourier else places, target


def by_autograd(arch, vector, x, target):
    """In float64."""
    vector = vector.double().requires_grad_()
    loss = (propagate(arch, unflatten(arch, vector), x.double()) - target).square().sum()
    return loss.detach().float(), torch.autograd.grad(loss, vector)[0].float()


def assert_close(ours, expected):
    torch.testing.assert_close(ours[0], expected[0], rtol=1e-4, atol=1e-5)
    scale = expected[1].abs().max()
    torch.testing.assert_close(ours[1] / scale, expected[1] / scale, rtol=1e-3, atol=1e-5)


@each
@pytest.mark.parametrize("n", [1, 33, 64])
def test_the_gradient_is_autograds(arch, n):
    vector, x, target = task(arch, n)
    ours = Backprop(arch, 64, (), CPU)(vector, x, target)
    assert ours[0].shape == () and ours[1].shape == (arch.n_weights,)
    assert_close(ours, by_autograd(arch, vector, x, target))


@each
def test_of_several_networks_each_has_its_own_gradient(arch):
    tasks = [task(arch, 20, seed) for seed in range(3)]
    vectors, places, targets = (torch.stack(part) for part in zip(*tasks, strict=True))
    errors, gradients = Backprop(arch, 32, (3,), CPU)(vectors, places, targets)
    assert errors.shape == (3,) and gradients.shape == (3, arch.n_weights)
    for ours, one in zip(zip(errors, gradients, strict=True), tasks, strict=True):
        assert_close(ours, by_autograd(arch, *one))


def test_one_call_leaves_no_trace_in_the_next():
    arch = Arch(3, 7)
    many, few = task(arch, 64, 1), task(arch, 9, 2)
    used, fresh = Backprop(arch, 64, (), CPU), Backprop(arch, 64, (), CPU)
    first = used(*many)
    kept = [part.clone() for part in first]
    second = used(*few)
    expected = fresh(*few)
    assert all(torch.equal(a, b) for a, b in zip(second, expected, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first, kept, strict=True)), "a result lay in a buffer"


def test_weights_places_and_colors_stay_as_they_are():
    arch = Arch(3, 7)
    vector, x, target = task(arch, 10)
    Backprop(arch, 10, (), CPU)(vector, x, target)
    assert all(torch.equal(a, b) for a, b in zip((vector, x, target), task(arch, 10), strict=True))
