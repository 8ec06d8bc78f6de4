"""What notebook 08 shows and says: the ladder, the recorded seeds, and every claim that rests on them."""

import csv
from statistics import fmean

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="pip install 'coin_edu[plots]'")

from coin_edu import Arch, Siren, psnr
from coin_edu.course import beyond, nb06, seeds
from coin_edu.data import recorded
from coin_edu.study.latents import Latents
from coin_edu.widgets.panel import thumbnail


def test_the_ladder_rises_from_coin_to_cool_chic_as_the_text_says():
    decibels = {step.name: step.decibels for step in beyond.LADDER}
    assert list(decibels.values()) == sorted(decibels.values())
    assert round(decibels["COIN"], 1) == 26.3 and 5.8 < decibels["Cool-chic 5.0"] - decibels["COIN"] < 6.2
    assert 1.9 < decibels["Strümpler et al. basic"] - decibels["COIN"] < 2.2
    assert 0.4 < decibels["Strümpler et al. meta"] - decibels["Strümpler et al. basic"] < 0.6
    grids = [step.name for step in beyond.LADDER if "grids" in step.idea]
    assert grids == [step.name for step in beyond.LADDER][-3:]


def test_a_product_is_a_weight_of_a_matrix():
    assert nb06.products(Arch(10, 28)) == 2 * 28 + 9 * 28 * 28 + 28 * 3 == 7196


def test_this_package_s_decibels_and_multiplications_are_of_one_network():
    decibels, cost = beyond.ours()
    with recorded("kodak_narrowing.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["budget_bpp"] in ("0.3", "0.6")]
    at, above = ([row for row in rows if row["budget_bpp"] == budget] for budget in ("0.3", "0.6"))
    (arch,) = {row["arch"] for row in at}
    assert cost == nb06.products(Arch.of(arch)) and len(at) == len(above) == 24
    (rate, psnr), (rate_above, psnr_above) = (
        [fmean(float(row[name]) for row in some) for name in ("bpp", "psnr_db")] for some in (at, above)
    )
    share = np.log(0.3 / rate) / np.log(rate_above / rate)  # the files leave a little of the budget
    assert decibels == pytest.approx(psnr + share * (psnr_above - psnr), abs=0.001)


def test_the_ladder_is_drawn_with_every_codec_and_this_package():
    ax = beyond.ladder()
    said = " ".join(text.get_text() for text in ax.texts)
    assert all(step.name in said for step in beyond.LADDER) and "this package" in said and "VTM" in said
    points = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert len({(point.get_color(), point.get_marker()) for point in points}) == len(points) == len(beyond.LADDER) + 1


def test_every_experiment_has_three_seeds():
    for name in ("start", "blend", "patches", "sound", "pitch", "grids", "rivals", "zoom"):
        assert {len(some) for some in seeds.curves(name).values()} == {3}


def test_random_weights_with_the_mean_color_beat_the_rockets_on_each_seed():
    last, curves = seeds.ends("start"), seeds.curves("start")
    assert (last["random*"] > last["rocket*"] + 0.5).all()
    assert (last["random*"] > last["rocket"] + 0.5).all()
    steps = {name: beyond.steps_to(some, 24) for name, some in curves.items()}
    assert min(steps, key=steps.get) == "random*" and steps["rocket"] < steps["random"]


def test_a_twin_is_restored_and_another_fit_is_not():
    found = {name: some[:, 0] for name, some in seeds.curves("blend").items()}
    assert np.abs(found["twin, aligned"][:, 1] - found["itself"][:, 1]).max() < 0.01
    assert (found["twin"][:, 1] < 13).all()
    for name in ("another start", "another start, aligned"):
        assert (found[name][:, 1] < 13).all() and (np.abs(found[name][:, 0] - 0.3) < 0.05).all()
    assert (found["the same start"][:, 1] > 16).all()
    image = thumbnail("coffee", 128)
    flat = psnr(image, np.full_like(image, image.mean(axis=(0, 1)).round()))
    assert flat > max(found[name][:, 1].max() for name in ("another start", "another start, aligned"))


def test_shared_matrices_draw_patches_better_on_each_seed():
    last = seeds.ends("patches")
    assert (last["shared matrices"] > last["random matrices"] + 4).all()


def test_omega_0_of_300_sings_best_on_each_seed():
    last = seeds.ends("pitch")
    assert (last["omega_0 = 30"] < 1).all() and (last["omega_0 = 300"] > 20).all()
    assert (last["omega_0 = 3000"] < last["omega_0 = 300"] - 5).all()


def test_grids_lie_close_together_for_three_seeds():
    some = seeds.curves("grids")["grids"]
    assert np.ptp(some[..., 1], axis=0).max() < 1 and (np.diff(some[..., 0], axis=1) > 0).all()


def test_at_the_bytes_of_the_grids_entropy_coded_coin_is_a_little_ahead_and_coin_and_jpeg_are_not():
    found = beyond.recorded()
    lead = found["COIN, entropy-coded"] - found["grids"]
    assert (lead > 0).all() and (lead < 1).all()
    assert (found["grids"] > np.maximum(found["COIN"], found["JPEG"]) + 1).all()
    rates = {name: some[:, 0, 0] for name, some in seeds.curves("rivals").items()}
    assert all((rate <= seeds.curves("grids")["grids"][:, 2, 0] + 1e-4).all() for rate in rates.values())


def test_the_step_at_which_a_psnr_is_reached():
    curves = np.array([[(0, 10), (10, 20), (20, 30)], [(0, 20), (10, 30), (20, 40)]], float)
    assert beyond.steps_to(curves, 25) == 10 and beyond.steps_to(curves, 10) == 0
    assert beyond.steps_to(curves, 35) == np.inf


def test_a_race_has_a_curve_for_each_picture_and_start(make_image):
    pictures = np.stack([make_image(8, 8), make_image(8, 8)])
    raced = beyond.race(pictures, {"random": None, "given": Siren(Arch(1, 4), 3)}, Arch(1, 4), 10)
    assert {name: some.shape for name, some in raced.items()} == {"random": (2, 3, 2), "given": (2, 3, 2)}


@pytest.mark.parametrize(
    "last, said",
    [((20, 18.5), "one, by over 1 dB"), ((20, 19.5), "all within 1 dB"), ((18, 20), "other, by over 1 dB")],
)
def test_who_is_ahead(last, said):
    assert beyond.ahead({n: np.array([[[0, d]]]) for n, d in zip(("one, mean", "other"), last, strict=True)}) == said


def test_parts_of_a_file_of_grids_have_names():
    latents = Latents((16, 16), 5)
    names = list(beyond.parts(latents))
    assert names == ["the networks", "grid 1, the finest", "grid 2", "grid 3", "grid 4", "grid 5, the coarsest"]
    assert beyond.largest(latents) == "the networks" and beyond.shares(latents).startswith("the networks: 4")
    assert list(beyond.parts(Latents((16, 16), 1))) == ["the networks", "grid 1, the finest"]


def test_four_starts_begin_where_they_should(make_image):
    image, donor = make_image(8, 12), Siren(beyond.SMALL, 1)
    starts = beyond.starts(image, donor)
    assert starts["rocket"]["model"] is donor and starts["random*"]["recipe"].mean_start
    from coin_edu import render

    shifted = render(starts["rocket*"]["model"], image.shape)
    assert np.abs(shifted.mean((0, 1)) - image.mean((0, 1))).max() < 12
    assert psnr(image, shifted) > psnr(image, render(donor, image.shape))


def test_rivals_have_no_more_bytes(make_image):
    pytest.importorskip("constriction")
    image = make_image(32, 48)
    found = beyond.rivals(image, Latents((32, 48), 3), steps=3)
    assert list(found) == ["grids", "COIN", "JPEG"]
    assert found["COIN"].n_bytes <= found["grids"].n_bytes and found["COIN"].products > 0
    assert len(beyond.same_bytes(image, found).axes) == 4
    assert beyond.in_words(image, found).count("dB") == 3
