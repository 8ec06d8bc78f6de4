from dataclasses import replace

import numpy as np
import pytest
import torch

from coin_edu import Arch, Recipe, Siren
from coin_edu.engine.batch import Batch
from coin_edu.engine.forward import evaluate
from coin_edu.engine.optimizer import between_hidden
from coin_edu.engine.start import Asked
from coin_edu.image import grid
from coin_edu.siren import unflatten

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
    return Batch(images, [Asked(arch, 10, recipe, s).start(images[k % len(images)]) for k, s in enumerate(seeds)], CPU)


def test_a_batch_beyond_the_picture_is_the_picture(image):
    batches = [batch_of([image], Arch(2, 8), replace(ADAM, batch=size)) for size in (None, 193)]
    for batch in batches:
        batch.run(1)
    assert batches[1].sampler is None and torch.equal(batches[0].weights, batches[1].weights)


def test_pixels_are_drawn_where_the_error_is_and_seen_anew(make_image):
    image = np.full((64, 64, 3), 128, np.uint8)
    image[:, 32:] = make_image(64, 32)
    batch = batch_of([image], Arch(2, 8), Recipe(steps=10, batch=512, rate=1e-3, mean_start=True, focus=0.8))
    batch.sampler.every, ever = 2, []
    for _ in range(3):
        ever.append(batch.seen.clone())
        batch.run(1)
    assert torch.equal(ever[0], ever[1]) and torch.equal(ever[1], ever[2]) and not torch.equal(ever[2], batch.seen)
    index, counts = batch.sampler.draw(batch.step)
    assert (index % 64 >= 32).float().mean() > 0.65
    assert counts[index % 64 >= 34].mean() < 0.9 < 1.1 < counts[index % 64 < 30].mean()


def test_a_network_that_has_diverged_does_not_decide_where_to_look(image):
    batch = batch_of([image], Arch(2, 8), replace(ADAM, batch=50, focus=0.5))
    batch.seen[0, :9] = float("nan")
    batch._look()
    index, counts = batch.sampler.draw(batch.step)
    assert torch.isfinite(counts).all() and index.min() >= 0 and index.max() < 192


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
        Batch(
            images,
            [Asked(arch, 6, recipe, seed).start(image) for seed, image in enumerate(images)],
            torch.device("cpu"),
        )
        for _ in range(2)
    )
    together.pixels.groups = [slice(None)]
    alone.run(6)
    together.run(6)
    torch.testing.assert_close(together.weights, alone.weights, rtol=0, atol=1e-4)
    ours, theirs = ([one.psnr for one in batch.snapshot()] for batch in (together, alone))
    assert ours == pytest.approx(theirs, abs=0.01)
