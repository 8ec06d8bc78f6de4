"""Codes for a sound: rounding with its best step, rounded cosines, and networks beside them."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="pip install 'coin_edu[plots]'")

from coin_edu import Arch, Siren
from coin_edu.course import nb08, seeds, sounds

CHORD = nb08.chord()


def test_rounding_gains_with_each_bit_and_one_bit_is_better_than_silence():
    ratios = [sounds.by_rounding(CHORD, bits) for bits in range(1, 7)]
    assert np.allclose(ratios[:3], [4.1, 9.0, 14.1], atol=0.1) and np.all(np.diff(ratios) > 4.5)


def test_rounding_a_sine_of_one_bit_is_known():
    # The best two levels of a sine are +-2 / pi: the error is 1/2 - 4 / pi^2.
    sine = np.sin(2 * np.pi * (np.arange(4000) + 0.5) / 400)
    assert sounds.by_rounding(sine, 1) == pytest.approx(10 * np.log10(0.5 / (0.5 - 4 / np.pi**2)), abs=0.05)


def test_cosines_of_small_steps_cost_more_bits_and_are_closer():
    bits, ratios = zip(*(sounds.by_cosines(CHORD, step) for step in (0.4, 0.1, 0.02)), strict=True)
    assert list(bits) == sorted(bits) and list(ratios) == sorted(ratios)


def test_a_constant_sound_costs_next_to_nothing():
    bits, ratio = sounds.by_cosines(1.003 * np.ones(4000), 0.1)
    assert bits < 0.05 and ratio > 30


def test_cosines_beat_the_networks_at_every_rate_and_rounding_only_at_high_ones():
    networks = seeds.curves("sound")["SIREN"]
    curve = np.array([sounds.by_cosines(CHORD, step) for step in np.geomspace(0.6, 0.001, 40)])
    for bits, ratio in networks.reshape(-1, 2):
        assert np.interp(bits, *curve.T) > ratio + 5
    rounding = [sounds.by_rounding(CHORD, bits) for bits in range(1, 11)]
    lead = networks[..., 1] - np.interp(networks[..., 0], range(1, 11), rounding)
    assert (lead[:, :2] > 2).all() and (lead[:, -1] < -10).all()
    assert abs(np.interp(25, curve[:, 1], curve[:, 0]) - 1.2) < 0.1


def test_a_network_is_played_and_its_first_layer_kept():
    network = Siren(Arch(2, 4, inputs=1, outputs=1), 0)
    mixed = sounds.mixed(network)
    assert sounds.played(network, 100).shape == (100,)
    assert mixed.layers[0] is network.layers[0] and mixed.layers[1] is not network.layers[1]


def test_sung_has_one_sound_a_network():
    sung = sounds.Sung(CHORD[:400], (30, 300), steps=2)
    assert list(sung.heard) == [30, 300] and all("SNR" not in name and "dB" in name for name in sung.titled())
    assert len(sounds.spectrograms({"a": CHORD, "b": CHORD}).axes) == 2


@pytest.mark.parametrize("lost, said", [(0.1, "under 0.5 dB"), (2, "about 2 dB"), (9.5, "more than 5 dB")])
def test_what_was_lost(lost, said):
    assert sounds.loss(lost) == said
