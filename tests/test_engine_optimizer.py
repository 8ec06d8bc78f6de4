import numpy as np
import pytest
import torch

from coin_edu import RECIPES, Arch, Recipe
from coin_edu.engine.optimizer import between_hidden, learning_rates, muon_direction, orthogonalize, schedule
from coin_edu.siren import unflatten

# The rates


def test_the_schedule_warms_up_then_falls_along_a_cosine():
    pace = schedule(Recipe(1000, None, 1.0, warm_up=50, cosine=True), 1000)
    assert pace.dtype == np.float32 and pace.shape == (1000,)
    assert pace[0] == pytest.approx(1 / 50) and pace[24] == pytest.approx(0.5, abs=0.01)
    assert (np.diff(pace[:50]) > 0).all() and (np.diff(pace[51:]) < 0).all()
    assert pace.max() == pytest.approx(1, abs=0.01)
    assert pace[500] == pytest.approx(0.5, abs=0.01) and 0 <= pace[-1] < 1e-4


def test_the_papers_schedule_is_level():
    assert (schedule(RECIPES["paper"], 100) == 1).all()


@pytest.mark.parametrize("steps", [0, 1, 10])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_short_schedule(recipe, steps):
    pace = schedule(recipe, steps)
    assert pace.shape == (steps,) and (pace > 0).all() and (pace <= 1).all()


def test_the_papers_rates_are_all_the_same():
    assert (learning_rates(Arch(3, 5), RECIPES["paper"]) == 2e-4).all()


def test_each_layer_has_its_rate():
    arch, recipe = Arch(3, 5), Recipe(10, None, rate=1.0, last_rate=2.0, muon_rate=3.0)
    rates = unflatten(arch, learning_rates(arch, recipe))
    first, second, third, last = ({*weight.unique().tolist(), *bias.unique().tolist()} for weight, bias in rates)
    assert (first, last) == ({1.0}, {2.0})
    assert second == third and len(second) == 1 and second.isdisjoint({0.0, 1.0, 2.0})


def test_rates_left_out_are_adams():
    assert (learning_rates(Arch(3, 5), Recipe(10, None, rate=0.5)) == 0.5).all()


# Muon


def test_between_hidden_layers_are_all_weights_but_the_first_and_last_layers():
    for arch in (Arch(4, 5), Arch(2, 5), Arch(3, 5, fourier=2, outputs=2)):
        vector = torch.arange(arch.n_weights)
        layers = unflatten(arch, vector)
        expected = torch.cat([part.flatten() for layer in layers[1:-1] for part in layer])
        assert torch.equal(vector[between_hidden(arch)], expected)
    assert len(torch.zeros(Arch(1, 5).n_weights)[between_hidden(Arch(1, 5))]) == 0


def matrices(*shape, smallest=0.05, seed=0):
    """Matrices with singular values from `smallest` to 1."""
    u, _, v = torch.linalg.svd(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), full_matrices=False)
    return u * torch.linspace(1, smallest, u.shape[-1]) @ v


@pytest.mark.parametrize("shape", [(16, 16), (3, 28, 28), (2, 4, 28, 29), (1, 1)])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3])
def test_orthogonalize_brings_singular_values_near_one(shape, scale):
    before = matrices(*shape)
    after = orthogonalize(scale * before)
    values = torch.linalg.svdvals(after)
    assert values.min() > 0.6 and values.max() < 1.3
    u, _, v = torch.linalg.svd(before, full_matrices=False)
    diagonal = u.mT @ after @ v.mT
    assert (diagonal - torch.diag_embed(diagonal.diagonal(dim1=-2, dim2=-1))).abs().max() < 1e-3, "other directions"


def test_orthogonalize_leaves_nothing_as_nothing():
    assert (orthogonalize(torch.zeros(2, 5, 5)) == 0).all()


def test_muons_direction_orthogonalizes_each_layer_with_its_biases():
    arch = Arch(4, 6)
    layers = matrices(2, 3, 6, 7)
    momentum = torch.cat([layers[..., :6].flatten(-2), layers[..., 6]], dim=-1).flatten(-2)
    direction = muon_direction(arch.layer_shapes[1:-1], momentum)
    vector = torch.zeros(2, arch.n_weights)
    vector[:, between_hidden(arch)] = direction
    expected = orthogonalize(layers)
    for k, (weight, bias) in enumerate(unflatten(arch, vector)[1:-1]):
        torch.testing.assert_close(weight, expected[:, k, :, :6])
        torch.testing.assert_close(bias, expected[:, k, :, 6])


def test_layers_of_several_shapes_go_one_by_one():
    shapes = [(9, 20), (6, 9), (4, 6)]
    layers = [matrices(2, n_out, n_in + 1, seed=i) for i, (n_out, n_in) in enumerate(shapes)]
    parts = [part for layer in layers for part in (layer[..., :-1].flatten(-2), layer[..., -1])]
    expected = [part for layer in map(orthogonalize, layers) for part in (layer[..., :-1].flatten(-2), layer[..., -1])]
    torch.testing.assert_close(muon_direction(shapes, torch.cat(parts, -1)), torch.cat(expected, -1))


def test_tall_matrices_are_orthogonalized_as_their_transposes():
    tall = matrices(2, 5, 12).mT
    torch.testing.assert_close(orthogonalize(tall), orthogonalize(tall.mT).mT)
    assert torch.linalg.svdvals(orthogonalize(tall)).min() > 0.6


def test_a_rate_of_zero_is_a_rate():
    rates = unflatten(Arch(3, 5), learning_rates(Arch(3, 5), Recipe(10, None, rate=1.0, last_rate=0.0)))
    assert (rates[-1][0] == 0).all() and (rates[1][0] == 1).all()


def test_rates_given_as_whole_numbers_are_not_rounded():
    rates = unflatten(Arch(3, 5), learning_rates(Arch(3, 5), Recipe(10, None, rate=1, last_rate=3e-3)))
    assert rates[-1][0].unique().item() == pytest.approx(3e-3)
