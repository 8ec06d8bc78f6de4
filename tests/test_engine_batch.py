import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from coin_edu import RECIPES, Arch, Recipe, Siren
from coin_edu.engine.batch import Batch
from coin_edu.engine.optimizer import between_hidden, learning_rates, muon_direction, orthogonalize, schedule
from coin_edu.fitting import start
from coin_edu.image import grid
from coin_edu.siren import evaluate, unflatten

CPU = torch.device("cpu")
ADAM = Recipe(steps=10, batch=None, rate=1e-3)


def gradient(arch, vector, image, pixels):
    """The mean squared error and its gradient in float64, by autograd over all the pixels at once."""
    vector = vector.double().requires_grad_()
    x = torch.from_numpy(grid(image.shape).astype(np.float64))[pixels]
    target = torch.from_numpy(image.reshape(-1, 3) / 255.0)[pixels]
    loss = (evaluate(arch, unflatten(arch, vector), x) - target).square().mean()
    return loss.item(), torch.autograd.grad(loss, vector)[0].float()


def batch_of(images, arch, recipe=ADAM, seeds=(0,)):
    batch = Batch(images, [start(images[k % len(images)], arch, 10, recipe, s) for k, s in enumerate(seeds)], CPU)
    batch.map = map
    return batch


@pytest.mark.parametrize("chunk", [7, 50, 192, 4096])
@pytest.mark.parametrize("recipe", [ADAM, replace(ADAM, batch=100)], ids=["all pixels", "some"])
def test_the_gradient_over_chunks_is_that_of_the_whole(image, chunk, recipe):
    arch = Arch(3, 8)
    batch = batch_of([image], arch, recipe)
    batch.chunk = chunk
    index = batch._pixels()[0]
    loss, expected = gradient(arch, batch.weights[0].detach(), image, index[0])
    torch.testing.assert_close(batch._gradient(index)[0], expected, rtol=1e-3, atol=1e-6)
    assert batch.loss.item() == pytest.approx(loss, rel=1e-5)


def test_the_sums_of_a_large_pictures_chunks_are_added_as_they_come(image):
    batch, parts, alive = batch_of([image], Arch(2, 8)), [], []
    batch.chunk = 4

    def part(group, index):
        ones = torch.ones(5)
        parts.append(weakref.ref(ones))
        alive.append(sum(one() is not None for one in parts))
        return (ones,)

    (total,) = batch._over(part, batch.all_pixels)
    assert total.tolist() == [[48] * 5] and max(alive) <= 3


def test_each_of_many_networks_has_the_gradient_of_its_own_picture(make_image):
    arch, images = Arch(2, 8), [make_image(12, 16, seed) for seed in range(3)]
    batch = batch_of(images, arch, seeds=(4, 5, 6))
    gradients = batch._gradient(*batch._pixels())
    for k, image in enumerate(images):
        loss, expected = gradient(arch, batch.weights[k].detach(), image, slice(None))
        torch.testing.assert_close(gradients[k], expected, rtol=1e-3, atol=1e-6)
        assert batch.loss[k].item() == pytest.approx(loss, rel=1e-5)


def test_a_pixel_that_counts_twice_is_like_two(image):
    batch = batch_of([image], Arch(2, 8))
    index = torch.arange(60)[None]
    twice = batch._gradient(torch.cat([index, index[:, :20]], 1))
    counts = torch.where(index < 20, 2.0, 1.0)
    torch.testing.assert_close(batch._gradient(index, counts) * 60 / 80, twice, rtol=1e-4, atol=1e-7)


def test_a_batch_beyond_the_picture_is_the_picture(image):
    (index,) = batch_of([image], Arch(2, 8), replace(ADAM, batch=193))._pixels()
    assert torch.equal(index, torch.arange(192)[None])


def test_pixels_are_drawn_where_the_error_is_and_seen_anew(make_image):
    image = np.full((64, 64, 3), 128, np.uint8)
    image[:, 32:] = make_image(64, 32)
    batch = batch_of([image], Arch(2, 8), Recipe(steps=10, batch=512, rate=1e-3, mean_start=True, focus=0.8))
    batch.look_every, ever = 2, []
    for _ in range(3):
        ever.append(batch.seen.clone())
        batch.run(1)
    assert torch.equal(ever[0], ever[1]) and torch.equal(ever[1], ever[2]) and not torch.equal(ever[2], batch.seen)
    index, counts = batch._pixels()
    assert (index % 64 >= 32).float().mean() > 0.65
    assert counts[index % 64 >= 34].mean() < 0.9 < 1.1 < counts[index % 64 < 30].mean()


def test_a_network_that_has_diverged_does_not_decide_where_to_look(image):
    batch = batch_of([image], Arch(2, 8), replace(ADAM, batch=50, focus=0.5))
    batch.seen[0, :9] = float("nan")
    batch._look()
    index, counts = batch._pixels()
    assert torch.isfinite(counts).all() and index.min() >= 0 and index.max() < 192


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
    direction = muon_direction(arch, momentum)
    vector = torch.zeros(2, arch.n_weights)
    vector[:, between_hidden(arch)] = direction
    expected = orthogonalize(layers)
    for k, (weight, bias) in enumerate(unflatten(arch, vector)[1:-1]):
        torch.testing.assert_close(weight, expected[:, k, :, :6])
        torch.testing.assert_close(bias, expected[:, k, :, 6])


def test_the_first_layer_is_left_to_adam(image):
    arch = Arch(3, 8)
    adam, muon = (batch_of([image], arch, replace(ADAM, muon_rate=rate)) for rate in (0.0, 0.1))
    for batch in (adam, muon):
        batch.run(1)
    first, hidden = slice(arch.n_first), between_hidden(arch)
    torch.testing.assert_close(adam.weights[0, first], muon.weights[0, first])
    assert not torch.allclose(adam.weights[0, hidden], muon.weights[0, hidden])


def test_adam_alone_is_torchs(image):
    arch = Arch(2, 8)
    batch, model = batch_of([image], arch), Siren(arch)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(10):
        batch.run(1)
        _, expected = gradient(arch, torch.cat([p.detach().flatten() for p in model.parameters()]), image, slice(None))
        for (weight, bias), (dw, db) in zip(model.layer_weights, unflatten(arch, expected), strict=True):
            weight.grad, bias.grad = dw, db
        optimizer.step()
    ours, theirs = batch.weights[0].detach(), torch.cat([p.detach().flatten() for p in model.parameters()])
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("recipe", ["fast", "paper"])
def test_networks_in_one_product_as_on_a_graphics_card_step_as_each_alone(make_image, recipe):
    arch, images = Arch(3, 8), [make_image(12, 16, seed) for seed in range(3)]
    alone, together = (
        Batch(images, [start(image, arch, 6, recipe, seed) for seed, image in enumerate(images)], torch.device("cpu"))
        for _ in range(2)
    )
    together.groups = [slice(None)]
    alone.run(6)
    together.run(6)
    torch.testing.assert_close(together.weights, alone.weights, rtol=0, atol=1e-4)
    assert together.psnr() == pytest.approx(alone.psnr(), abs=0.01)
