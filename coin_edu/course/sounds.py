"""A sound under other codes than a network, and its picture: pitch over time."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.fft import dct, idct

from coin_edu.arch import Arch
from coin_edu.course.drawn import bands
from coin_edu.course.nb08 import fit_sound, signal_to_noise
from coin_edu.image import grid
from coin_edu.quantization import quantize
from coin_edu.siren import Siren


def spectrograms(sounds: Mapping[str, np.ndarray], rate: int = 8000) -> Figure:
    """Which pitches a sound has at each moment, up to 1,500 hertz, with its title; all sounds side by side."""
    figure = Figure(figsize=(1 + 2.6 * len(sounds), 2.4), layout="constrained")
    row = figure.subplots(1, len(sounds), sharey=True, squeeze=False)[0]
    for ax, (name, sound) in zip(row, sounds.items(), strict=True):
        ax.specgram(sound, NFFT=512, Fs=rate, noverlap=384, vmin=-120)
        ax.set(xlabel="seconds", ylim=(0, 1500))
        ax.set_title(name, fontsize=10)
    row[0].set_ylabel("hertz")
    return figure


def by_rounding(sound: np.ndarray, bits: int) -> float:
    """SNR in dB of samples rounded to 2^bits values, with the best distance between them."""
    half = 2 ** (bits - 1)
    steps = np.geomspace(np.abs(sound).max() / half / 10, 2 * np.abs(sound).max(), 300)
    values = [(np.clip(np.floor(sound / step), -half, half - 1) + 0.5) * step for step in steps]
    return max(signal_to_noise(sound, decoded) for decoded in values)


def by_cosines(sound: np.ndarray, step: float, frame: int = 400) -> tuple[float, float]:
    """Bits a sample and SNR in dB of a sound cut into frames, each a sum of cosines with rounded amplitudes.

    The bits are the entropy of the rounded amplitudes: what an ideal code that knows how often each occurs would need.
    """
    frames = sound[: len(sound) // frame * frame].reshape(-1, frame)
    rounded = np.round(dct(frames, norm="ortho") / step)
    shares = np.unique(rounded, return_counts=True)[1] / rounded.size
    decoded = idct(rounded * step, norm="ortho")
    return float(-(shares * np.log2(shares)).sum()), signal_to_noise(frames, decoded)


def against(sound: np.ndarray, networks: Mapping[str, np.ndarray]) -> Axes:
    """SNR over bits a sample: networks with a band of seeds, rounded samples, and rounded cosines."""
    rounding = [[(bits, by_rounding(sound, bits)) for bits in range(1, 9)]]
    cosines = [[by_cosines(sound, step) for step in np.geomspace(0.6, 0.01, 9)]]
    curves = {**networks, "rounding": np.array(rounding), "cosines, rounded": np.array(cosines)}
    ax = bands(curves, "bits per sample", "SNR, dB")
    ax.set_xlim(0, 9)
    return ax


class Sung:
    """A sound fitted by one network for each omega_0 of the first layer.

    Attributes
    ----------
    networks : dict of int to Siren
    heard : dict of int to ndarray, float32 (n,)
    """

    def __init__(self, sound: np.ndarray, omegas: tuple[int, ...], steps: int = 300):
        self._sound = sound
        arches = {omega: Arch(3, 32, inputs=1, outputs=1, omega_first=omega) for omega in omegas}
        self.networks = {omega: fit_sound(sound, arch, steps) for omega, arch in arches.items()}
        self.heard = {omega: played(network, len(sound)) for omega, network in self.networks.items()}

    def titled(self) -> dict[str, np.ndarray]:
        """The sounds by omega_0 and SNR."""
        return {
            f"omega_0 = {omega}: {signal_to_noise(self._sound, heard):.1f} dB": heard
            for omega, heard in self.heard.items()
        }


def played(network: Siren, samples: int) -> np.ndarray:
    """The sound of a network, float32 (samples,)."""
    with torch.no_grad():
        found: np.ndarray = network(torch.from_numpy(grid((1, samples))[:, :1])).numpy()[:, 0]
    return found


def mixed(network: Siren) -> Siren:
    """The network in 16 bits a weight, but for its first layer, which stays in 32."""
    rounded = quantize(network, 16)
    rounded.layers[0] = network.layers[0]
    return rounded


def ratios(sound: np.ndarray, models: Mapping[str, Siren]) -> dict[str, float]:
    """The SNR in dB of each network's sound."""
    return {name: signal_to_noise(sound, played(model, len(sound))) for name, model in models.items()}


def loss(decibels: float) -> str:
    """How much was lost, as the notebook's choices say it."""
    return "under 0.5 dB" if decibels < 0.5 else "about 2 dB" if decibels < 5 else "more than 5 dB"
