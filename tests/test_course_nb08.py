"""What notebook 08 stands on, and the likely mistakes in its exercises."""

import numpy as np
import pytest
import torch

from coin_edu import Arch, Recipe, Siren, fit
from coin_edu.course import nb08


def named(verdict, text):
    return not verdict.ok and text in verdict.text


def test_the_step_at_which_a_psnr_was_reached(image, arch):
    done = fit(image, arch, 20, Recipe(20, None, rate=3e-3), every=5, progress=False)
    first, second = done.history[1:3]
    assert nb08.steps_to(done, second.psnr) == pytest.approx(10)
    assert nb08.steps_to(done, (first.psnr + second.psnr) / 2) == pytest.approx(7.5)
    assert nb08.steps_to(done, -100) == 0 and nb08.steps_to(done, 100) == np.inf


def test_patches_put_together_are_the_picture(make_image):
    image = make_image(11, 18)
    squares = nb08.patches(image, 4)
    assert squares.shape == (8, 16, 3) and np.array_equal(squares[5], image[4:8, 4:8].reshape(16, 3))
    assert np.array_equal(nb08.together(squares, image.shape), image[:8, :16])


def test_only_biases_are_fitted_unless_the_matrices_are_shared(make_image):
    base, squares = Siren(Arch(2, 6)), nb08.patches(make_image(16, 16), 8)
    alone, _ = nb08.fit_patches(base, squares, steps=2)
    shared, drawn = nb08.fit_patches(base, squares, steps=2, share=True)
    matrices = [[weight for weight, _ in model.layer_weights] for model in (base, alone, shared)]
    assert all(torch.equal(a, b) for a, b in zip(matrices[0], matrices[1], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(matrices[0], matrices[2], strict=True))
    assert drawn.shape == squares.shape and drawn.dtype == np.uint8


def test_patches_come_closer_with_shared_matrices(make_image):
    base, squares = Siren(Arch(2, 6)), nb08.patches(make_image(16, 16), 8)
    errors = [
        np.square(nb08.fit_patches(base, squares, 300, share)[1] - squares.astype(float)).mean()
        for share in (False, True)
    ]
    assert errors[1] < errors[0] / 2


def test_faces_are_pictures():
    pytest.importorskip("skimage")
    faces = nb08.faces()
    assert faces.shape == (100, 25, 25, 3) and faces.dtype == np.uint8 and faces.std() > 20


def test_the_chord_has_its_three_notes():
    sound = nb08.chord()
    loudness = np.abs(np.fft.rfft(sound))  # one second: bins are hertz
    assert sound.shape == (8000,) and abs(np.abs(sound).max() - 0.9) < 1e-6
    assert sorted(np.argsort(loudness)[-3:]) == [220, 277, 330]


def test_a_sound_is_fitted(arch):
    sound = np.sin(np.linspace(0, 6, 200)).astype(np.float32)
    network = nb08.fit_sound(sound, Arch(2, 8, inputs=1, outputs=1, omega_first=10), steps=400)
    places = torch.from_numpy((2 * np.arange(200, dtype=np.float32) - 199)[:, None] / 200)
    assert nb08.signal_to_noise(sound, network(places).detach().numpy()[:, 0]) > 20


def ratio(sound, decoded):
    return np.sum(sound**2) / np.sum((decoded - sound) ** 2)


def right(sound, decoded, n_weights):
    return 16 * n_weights / len(sound), 10 * np.log10(ratio(sound, decoded))


@pytest.mark.parametrize(
    "slip, text",
    [
        (lambda s, d, n: (2 * n / len(s), right(s, d, n)[1]), "a byte has 8 bits"),
        (lambda s, d, n: (n / len(s), right(s, d, n)[1]), "each has 16 bits"),
        (lambda s, d, n: right(s, d, n)[::-1], "the bits come first"),
        (lambda s, d, n: right(s, d, n)[1], "expected two numbers"),
        (lambda s, d, n: (right(s, d, n)[0], -right(s, d, n)[1]), "the sign"),
        (lambda s, d, n: (right(s, d, n)[0], 20 * np.log10(ratio(s, d))), "not 20"),
        (lambda s, d, n: (right(s, d, n)[0], 10 * np.log(ratio(s, d))), "natural logarithm"),
        (lambda s, d, n: (right(s, d, n)[0], -10 * np.log10(np.mean((d - s) ** 2))), "as PSNR does"),
        (lambda s, d, n: (right(s, d, n)[0], 10 * np.log10(s.var() / np.mean((d - s) ** 2))), "no mean"),
        (lambda s, d, n: ..., "is empty"),
    ],
)
def test_a_slip_in_judging_a_sound_is_named(slip, text):
    assert nb08.judge(right).ok and named(nb08.judge(slip), text)


def renumbered(rows=lambda order: order, biases=lambda order: order, columns=lambda order: order):
    def answer(layers, hidden, order):
        layers = list(layers)
        weight, bias = layers[hidden]
        layers[hidden] = weight[rows(order)], bias[biases(order)]
        weight, bias = layers[hidden + 1]
        layers[hidden + 1] = weight[:, columns(order)], bias
        return layers

    return answer


def in_place(layers, hidden, order):
    layers[hidden] = layers[hidden][0][order], layers[hidden][1][order]
    layers[hidden + 1] = layers[hidden + 1][0][:, order], layers[hidden + 1][1]
    return layers


def as_they_are(order):
    return np.arange(len(order))


@pytest.mark.parametrize(
    "slip, text",
    [
        (renumbered(columns=as_they_are), "in the old order, and the picture is another"),
        (renumbered(columns=np.argsort), "column i must meet unit i"),
        (renumbered(biases=as_they_are), "takes its bias along"),
        (renumbered(rows=np.argsort, biases=np.argsort, columns=np.argsort), "backwards"),
        (lambda layers, hidden, order: layers, "are where they were"),
        (in_place, "have changed"),
        (lambda layers, hidden, order: layers[:hidden], "expected 3 layers"),
        (lambda layers, hidden, order: None, "is empty"),
    ],
)
def test_a_slip_in_renumbering_is_named(slip, text):
    assert nb08.renumber(renumbered()).ok and named(nb08.renumber(slip), text)


def shifted(inside=1, outside=0, after=0, last=lambda z: z):
    def answer(x, layers, maps, phi):
        for (weight, bias), matrix in zip(layers[:-1], maps, strict=True):
            shift = matrix @ phi
            x = np.sin(30 * (x @ weight.T + bias + inside * shift) + outside * shift) + after * shift
        return last(x @ layers[-1][0].T + layers[-1][1])

    return answer


@pytest.mark.parametrize(
    "slip, text",
    [
        (shifted(inside=0), "phi does nothing"),
        (shifted(inside=0, outside=1), "inside the bracket"),
        (shifted(inside=0, after=1), "after the sine"),
        (shifted(inside=-1), "the sign"),
        (shifted(last=lambda z: np.sin(30 * z)), "has no sine"),
        (lambda x, layers, maps, phi: x, "expected the shape (8, 3), got (8, 2)"),
        (lambda x, layers, maps, phi: ..., "is empty"),
    ],
)
def test_a_slip_in_a_modulated_network_is_named(slip, text):
    assert nb08.modulated(shifted()).ok and named(nb08.modulated(slip), text)
