from itertools import islice

import pytest
import torch
from torch.nn.utils import parameters_to_vector

from coin_edu import Arch, Siren, fit, grid
from coin_edu.plain import network, start, train


def flat(layers):
    return parameters_to_vector([tensor for layer in layers for tensor in layer]).detach()


@pytest.mark.parametrize("depth, width, omega_0", [(1, 5, 30.0), (3, 8, 30.0), (10, 28, 12.5)])
def test_it_starts_from_the_packages_weights_and_is_its_function(depth, width, omega_0):
    layers, model = start(depth, width, omega_0, seed=3), Siren(Arch(depth, width, "sine", omega_0, omega_0), seed=3)
    x = torch.from_numpy(grid((7, 9)))
    # The first layer's factor is omega_0 here as in the paper, so both networks have one.
    assert torch.equal(flat(layers), parameters_to_vector(model.parameters()).detach())
    torch.testing.assert_close(network(layers, x, omega_0), model(x).detach(), rtol=0, atol=2e-5)


def test_the_engines_paper_recipe_is_this_loop_to_rounding(image):
    layers = start(3, 16, seed=7)
    losses = list(islice(train(image, layers), 20))
    fitted = fit(image, Arch(3, 16), steps=20, recipe="paper", seed=7, every=1, progress=False)
    assert (fitted.weights - flat(layers)).abs().max() < 1e-6
    assert losses == pytest.approx([measure.loss for measure in fitted.history[1:]], rel=1e-4)
    assert not torch.equal(flat(layers), flat(start(3, 16, seed=7)))
