import weakref

import numpy as np
import pytest
import torch

from coin_edu import Arch, Siren, psnr, render
from coin_edu.engine.forward import evaluate
from coin_edu.engine.pixels import Pixels
from coin_edu.image import grid
from coin_edu.quantization import weight_vector
from coin_edu.siren import unflatten

CPU = torch.device("cpu")


def gradient(arch, vector, image, pixels):
    """The mean squared error and its gradient in float64, by autograd over all the pixels at once."""
    vector = vector.double().requires_grad_()
    x = torch.from_numpy(grid(image.shape).astype(np.float64))[pixels]
    target = torch.from_numpy(image.reshape(-1, 3) / 255.0)[pixels]
    loss = (evaluate(arch, unflatten(arch, vector), x) - target).square().mean()
    return loss.item(), torch.autograd.grad(loss, vector)[0].float()


def weights_of(arch, *seeds):
    return torch.stack([torch.from_numpy(weight_vector(Siren(arch, seed))) for seed in seeds])


def pixels_of(images, arch, count=1, together=False):
    pixels = Pixels(images, count, arch, images[0].shape[0] * images[0].shape[1], CPU)
    if together:
        pixels.groups = [slice(None)]
    return pixels


@pytest.mark.parametrize("chunk", [7, 50, 192, 4096])
@pytest.mark.parametrize("some", [slice(None), slice(3, 190, 2)], ids=["all pixels", "some"])
def test_the_gradient_over_chunks_is_that_of_the_whole(image, chunk, some):
    arch = Arch(3, 8)
    pixels, weights = pixels_of([image], arch), weights_of(arch, 0)
    pixels.chunk = chunk
    loss, expected = gradient(arch, weights[0], image, some)
    ours, found = pixels.gradient(weights, pixels.all[:, some])
    torch.testing.assert_close(found[0], expected, rtol=1e-3, atol=1e-6)
    assert ours.tolist() == pytest.approx([loss], rel=1e-5)


def test_the_sums_of_a_large_pictures_chunks_are_added_as_they_come(image):
    pixels, parts, alive = pixels_of([image], Arch(2, 8)), [], []
    pixels.chunk = 4

    def part(weights, group, index):
        ones = torch.ones(5)
        parts.append(weakref.ref(ones))
        alive.append(sum(one() is not None for one in parts))
        return (ones,)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # one chunk after the other
    [total] = pixels._sums(part, weights_of(Arch(2, 8), 0), pixels.all)
    torch.set_num_threads(threads)
    assert total.tolist() == [[48] * 5] and max(alive) <= 3


@pytest.mark.parametrize("together", [False, True])
def test_each_of_many_networks_has_the_gradient_of_its_own_picture(make_image, together):
    arch, images = Arch(2, 8), [make_image(12, 16, seed) for seed in range(3)]
    pixels, weights = pixels_of(images, arch, 3, together), weights_of(arch, 4, 5, 6)
    losses, gradients = pixels.gradient(weights, pixels.all)
    for k, image in enumerate(images):
        loss, expected = gradient(arch, weights[k], image, slice(None))
        torch.testing.assert_close(gradients[k], expected, rtol=1e-3, atol=1e-6)
        assert losses[k].item() == pytest.approx(loss, rel=1e-5)


def test_a_pixel_that_counts_twice_is_like_two(image):
    arch, index = Arch(2, 8), torch.arange(60)[None]
    pixels, weights = pixels_of([image], arch), weights_of(arch, 0)
    _, twice = pixels.gradient(weights, torch.cat([index, index[:, :20]], 1))
    _, counted = pixels.gradient(weights, index, torch.where(index < 20, 2.0, 1.0))
    torch.testing.assert_close(counted * 60 / 80, twice, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("together", [False, True])
def test_the_psnr_is_that_of_the_decoded_picture(make_image, together):
    arch, images = Arch(2, 8), [make_image(12, 16, seed) for seed in range(2)]
    weights = weights_of(arch, 1, 2)
    found = pixels_of(images, arch, 2, together).psnr(weights)
    expected = [psnr(image, render(Siren(arch, seed), image.shape)) for seed, image in zip((1, 2), images, strict=True)]
    assert found == pytest.approx(expected, abs=0.01)
    weights[1, 3] = float("nan")
    assert np.isnan(pixels_of(images, arch, 2, together).psnr(weights)).tolist() == [False, True]


@pytest.mark.parametrize("together", [False, True])
def test_each_pixels_error_is_its_own_and_at_most_one(image, together):
    arch = Arch(2, 8)
    pixels, weights = pixels_of([image], arch, 2, together), weights_of(arch, 1, 2)
    weights[1, :9] = float("nan")
    index = torch.tensor([[3, 100, 191], [0, 1, 2]])
    errors = pixels.errors(weights, index)
    x = torch.from_numpy(grid(image.shape))[index[0]]
    colors = torch.from_numpy(image.reshape(-1, 3))[index[0]] / 255
    expected = (Siren(arch, 1)(x) - colors).square().sum(-1).clamp(max=1).detach()
    torch.testing.assert_close(errors[0], expected, rtol=1e-4, atol=1e-5)
    assert errors[1].tolist() == [1, 1, 1]
