"""What notebook 08 stands on; its exercises: right answers pass, and likely slips meet their word."""

import numpy as np
import pytest
import torch

from coin_edu import Arch, Recipe, Siren, fit
from coin_edu.course import nb08
from tests.exercises import as_lists, cases, changed, meets, passes


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


def judge(sound, decoded, n_weights):
    return 16 * n_weights / len(sound), 10 * np.log10(ratio(sound, decoded))


def judge_in_torch(sound, decoded, n_weights):
    sound, decoded = (torch.as_tensor(a, dtype=torch.float32) for a in (sound, decoded))
    return torch.stack(
        [torch.tensor(16 * n_weights / len(sound)), 20 * (sound.norm() / (decoded - sound).norm()).log10()]
    )


def judge_by_loop(sound, decoded, n_weights):
    signal = sum(s * s for s in sound)
    noise = sum((d - s) ** 2 for s, d in zip(sound, decoded, strict=True))
    return [2 * 8 * n_weights / sound.size, 10 * (np.log10(signal) - np.log10(noise))]


def judged(bits=lambda s, d, n: judge(s, d, n)[0], decibels=lambda s, d: judge(s, d, 1)[1]):
    return lambda s, d, n: (bits(s, d, n), decibels(s, d))


def renumber(layers, hidden, order):
    return renumbered()(layers, hidden, order)


def renumbered(rows=lambda order: order, biases=lambda order: order, columns=lambda order: order):
    def answer(layers, hidden, order):
        layers = list(layers)
        weight, bias = layers[hidden]
        layers[hidden] = weight[rows(order)], bias[biases(order)]
        weight, bias = layers[hidden + 1]
        layers[hidden + 1] = weight[:, columns(order)], bias
        return layers

    return answer


def by_matrix(layers, hidden, order):
    swap, new = np.eye(len(order))[order], []
    for place, (weight, bias) in enumerate(layers):
        if place == hidden:
            weight, bias = swap @ weight, swap @ bias
        if place == hidden + 1:
            weight = weight @ swap.T
        new.append([weight, bias])
    return new


def renumber_in_torch(layers, hidden, order):
    layers = [(torch.as_tensor(weight).clone(), torch.as_tensor(bias).clone()) for weight, bias in layers]
    picked = torch.as_tensor(order)
    layers[hidden] = tuple(part.index_select(0, picked) for part in layers[hidden])
    layers[hidden + 1] = (layers[hidden + 1][0].index_select(1, picked), layers[hidden + 1][1])
    return tuple(layers)


def in_place(layers, hidden, order):
    layers[hidden] = layers[hidden][0][order], layers[hidden][1][order]
    layers[hidden + 1] = layers[hidden + 1][0][:, order], layers[hidden + 1][1]
    return layers


def into_the_arrays(layers, hidden, order):
    layers[hidden][0][:] = layers[hidden][0][order]
    return renumbered(rows=as_they_are)(layers, hidden, order)


def as_they_are(order):
    return np.arange(len(order))


def rows_of_the_next(layers, hidden, order):
    done = renumber(layers, hidden, order)
    done[hidden + 1] = layers[hidden + 1][0][order[: len(layers[hidden + 1][0])]], layers[hidden + 1][1]
    return done


def shifted(inside=1, outside=0, after=0, last=lambda z: z, turn=lambda m: m, bias=1, sin=np.sin, one_map=False):
    def answer(x, layers, maps, phi):
        for (weight, b), matrix in zip(layers[:-1], maps, strict=True):
            shift = turn(maps[0] if one_map else matrix) @ phi
            x = sin(30 * (x @ weight.T + bias * b + inside * shift) + outside * shift) + after * shift
        return last(x @ layers[-1][0].T + layers[-1][1])

    return answer


def point_by_point(x, layers, maps, phi):
    colors = []
    for place in x:
        for number, (weight, bias) in enumerate(layers):
            shift = 0 if number == len(maps) else maps[number].dot(phi)
            z = weight.dot(place) + bias + shift
            place = z if number == len(maps) else np.sin(30 * z)
        colors.append(place)
    return colors


def in_single(x, layers, maps, phi):
    layers = [(np.float32(weight), np.float32(bias)) for weight, bias in layers]
    return shifted()(np.float32(x), layers, [np.float32(matrix) for matrix in maps], np.float32(phi))


RIGHT = {
    "judge": [judge, judge_in_torch, judge_by_loop, changed(judge, list), changed(judge, np.float32)],
    "renumber": [renumber, by_matrix, renumber_in_torch, changed(renumber, as_lists), changed(renumber, tuple)],
    "modulated": [shifted(), shifted(sin=torch.sin), point_by_point, in_single, changed(shifted(), as_lists)],
}

WRONG = {
    "judge": [
        (judged(bits=lambda s, d, n: 2 * n / len(s)), "a byte has 8 bits"),
        (judged(bits=lambda s, d, n: n / len(s)), "each has 16 bits"),
        (judged(bits=lambda s, d, n: 16 * n // len(s)), "// and int(...) cut it off"),
        (judged(bits=lambda s, d, n: len(s) / (16 * n)), "the other way round"),
        (lambda s, d, n: judge(s, d, n)[::-1], "bits, then decibels"),
        (lambda s, d, n: judge(s, d, n)[1], "expected two numbers"),
        (judged(decibels=lambda s, d: -10 * np.log10(ratio(s, d))), "the sign"),
        (judged(decibels=lambda s, d: 20 * np.log10(ratio(s, d))), "10 log10"),
        (judged(decibels=lambda s, d: 10 * np.log(ratio(s, d))), "natural logarithm"),
        (judged(decibels=lambda s, d: -10 * np.log10(np.mean((d - s) ** 2))), "as PSNR does"),
        (judged(decibels=lambda s, d: 10 * np.log10(s.var() / np.mean((d - s) ** 2))), "a mean was taken off"),
        (judged(decibels=lambda s, d: 10 * np.log10(np.sum(s**2) / np.mean((d - s) ** 2))), "both sums, or both means"),
        (judged(decibels=lambda s, d: 10 * np.log10(np.sum(s**2) / np.sum(d - s) ** 2)), "square first"),
        (judged(decibels=lambda s, d: 10 * np.log10(np.sum(s ^ 2) / np.sum((d - s) ** 2))), "a power is **"),
        (lambda s, d, n: print(end=""), "is the return missing?"),
    ],
    "renumber": [
        (renumbered(columns=as_they_are), "in the old order"),
        (renumbered(columns=np.argsort), "column i meets unit i"),
        (renumbered(biases=as_they_are), "takes its bias along"),
        (renumbered(rows=np.argsort, biases=np.argsort, columns=np.argsort), "backwards"),
        (rows_of_the_next, "the rows are in the new order"),
        (lambda layers, hidden, order: layers, "the units are where they were"),
        (in_place, "have changed"),
        (into_the_arrays, "have changed"),
        (lambda layers, hidden, order: renumber(layers, hidden, order)[:2], "expected 3 layers"),
        (lambda layers, hidden, order: renumber(layers, hidden, order)[0][0], "expected a list of layers"),
        (lambda layers, hidden, order: [weight for weight, _ in layers], "a pair (weight, bias)"),
        (lambda layers, hidden, order: renumber(layers, hidden + 1, order), "the units are where they were"),
        (lambda layers, hidden, order: None, "is the return missing?"),
    ],
    "modulated": [
        (shifted(inside=0), "phi does nothing"),
        (shifted(inside=0, outside=1), "inside the bracket"),
        (shifted(inside=0, after=1), "after the sine"),
        (shifted(inside=-1), "the sign"),
        (shifted(bias=0), "the biases of the hidden layers are missing"),
        (shifted(last=lambda z: np.sin(30 * z)), "has no sine"),
        (shifted(turn=lambda m: m.T), "your code raised ValueError: matmul"),
        (shifted(one_map=True), "your code raised ValueError: operands could not be broadcast"),
        (lambda x, layers, maps, phi: x, "expected the shape (8, 3), got (8, 2)"),
        (lambda x, layers, maps, phi: shifted()(x, layers, maps, phi).T, "rows and columns are exchanged"),
        (lambda x, layers, maps, phi: shifted()(x, layers, maps, 0 * phi), "phi does nothing"),
        (lambda x, layers, maps, phi: ..., "put your own code"),
        (lambda x, layers, maps, phi: None, "is the return missing?"),
    ],
}


@pytest.mark.parametrize("case", cases(RIGHT))
def test_right_answers_pass(case):
    passes(nb08, *case)


@pytest.mark.parametrize("case", cases(WRONG))
def test_wrong_answers_meet_their_word(case):
    meets(nb08, *case)
