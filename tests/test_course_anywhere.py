"""What notebook 07 shows of one file, and the claims that it makes."""

import numpy as np
import pytest
import torch

pytest.importorskip("ipywidgets", reason="pip install 'coin_edu[notebooks]'")

from coin_edu import Arch, Siren, decode, grid, pack_model, photo, psnr, unpack_model
from coin_edu.course import anywhere, seeds
from coin_edu.data import recorded

SHAPE = (40, 56)


@pytest.fixture(scope="module")
def data():
    return pack_model(Siren(Arch(2, 8), 1), SHAPE)


def test_the_coffee_cup_has_its_recorded_file():
    original, file = anywhere.prepared("coffee", photo("coffee"))
    assert original.shape == (400, 600, 3) and len(file) == 28_594
    assert psnr(original, decode(file)) == pytest.approx(31.0, abs=0.1)
    model, _ = unpack_model(file)
    assert str(model.arch) == "10x39" and sum(m * n for m, n in model.arch.layer_shapes) == 13_884


def test_another_picture_is_fitted_small(make_image, capsys, monkeypatch):
    monkeypatch.setattr(anywhere, "encode", lambda image, bpp, **settings: b"file of %d" % image.shape[1])
    original, file = anywhere.prepared("mine", make_image(500, 800))
    assert original.shape == (240, 384, 3) and file == b"file of 384" and "384x240" in capsys.readouterr().out


def test_quarters_have_no_seam(data):
    whole = decode(data)
    parts = anywhere.quarters(data, SHAPE)
    assert anywhere.seam(parts, whole) == "no, not one bit differs"
    assert anywhere.seam([parts[0] ^ 1, *parts[1:]], whole) == "yes, but too small to see"
    assert anywhere.seam([255 - parts[0], *parts[1:]], whole) == "yes, one can see it"


def test_the_formula_gives_a_part_within_rounding():
    model = Siren(Arch(3, 20), 0)
    assert 0 <= anywhere.by_formula(model, (60, 80)) <= 1
    assert anywhere.by_formula(model, (60, 80), count=500, places=500) == 0


def test_stages_and_sizes_are_titled(data):
    titles = [ax.get_title() for ax in anywhere.stages(data, SHAPE).axes]
    assert titles[-1].startswith("one pixel in 4x4: 6.2%") and len(titles) == 4
    assert [ax.get_title()[:12] for ax in anywhere.two_sizes(data, SHAPE).axes] == ["5x4 pixels f", "112x80 pixel"]


def test_times_grow_with_pixels(data):
    measured = anywhere.timed(data, SHAPE)
    assert (measured[:, 0] / measured[0, 0]).round().tolist() == [1, 4, 9, 16, 25]
    line = np.array([(n, 2e-6 * n + 0.1) for n in (10, 20, 50)])
    assert anywhere.per_pixel(line) == pytest.approx(2e-6)
    assert anywhere.relative(np.array([(10, 2.0), (40, 8)])) == ([1, 4], [1, 4])


def test_a_jpeg_of_as_many_bytes_is_beside(make_image):
    image = make_image(64, 96)
    file = pack_model(Siren(Arch(3, 16), 0), image.shape)
    found = anywhere.beside_jpeg(image, file)
    assert found["JPEG"].n_bytes <= found["COIN"].n_bytes == len(file)
    assert anywhere.in_figures(found).count(" dB") == 2


@pytest.mark.parametrize(
    "coin, said", [(1, "COIN"), (4, "both alike"), (20, "JPEG, ten times"), (200, "JPEG, more than thirty times")]
)
def test_which_is_faster(coin, said):
    found = {"COIN": anywhere.Decoded(1, 30, coin), "JPEG": anywhere.Decoded(1, 30, 2)}
    assert anywhere.faster(found) == said


def test_a_network_can_be_asked_off_the_grid(data):
    model, _ = unpack_model(data)
    assert len(anywhere.turned(model, 20).axes) == 2


def test_three_guesses_at_a_larger_picture(make_image):
    true, small = anywhere.reduced(make_image(43, 50))
    assert true.shape == (40, 48, 3) and small.shape == (5, 6, 3)
    guesses = anywhere.enlarged(true, small, Siren(Arch(1, 4), 0))
    assert all(guess.shape == true.shape for guess in guesses.values()) and len(guesses) == 4
    assert anywhere.closest({"true pixels": true, "near": true // 2 + true // 3, "far": 255 - true}) == "near"
    assert anywhere.in_decibels(guesses).count(" dB") == 3 and len(anywhere.cropped(guesses).axes) == 4


def test_the_network_is_as_good_as_its_own_pixels_and_worse_than_the_originals_on_each_seed():
    network, own, original = (some[:, 0, 1] for some in seeds.curves("zoom").values())
    assert (np.abs(network - own) < 0.5).all() and (network < original).all() and (own < original).all()


def test_points_are_worse_thumbnails_than_means():
    found = anywhere.thumbnails(recorded("coffee.coin").read_bytes(), photo("coffee"))
    small = found["the original's means"]
    assert psnr(small, found["means"]) > psnr(small, found["points"]) + 3
    assert len(anywhere.points_and_means(found).axes) == 3


def test_points_lie_in_the_middle_of_their_blocks(data):
    found = anywhere.thumbnails(data, decode(data))
    model, _ = unpack_model(data)
    colors = model(torch.from_numpy(grid(SHAPE, None, (7, 5)))).detach().numpy().reshape(5, 7, 3)
    assert np.abs((255 * colors).clip(0, 255).round() - found["points"]).max() <= 1
