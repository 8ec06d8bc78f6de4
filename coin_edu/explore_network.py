"""Widgets about the network: its activation and initialization, its size, and its rounding to fewer bits."""

import functools

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coin_edu.arch import ACTIVATIONS, GRANULARITIES, Arch
from coin_edu.bitstream import BITS, FLOATS, CoinFile, pack, unpack
from coin_edu.codec import decode, render
from coin_edu.device import chunk_map
from coin_edu.image import grid
from coin_edu.metrics import amplitudes, bpp, psnr
from coin_edu.panel import BLUE, ORANGE, SKY, VERMILION, Panel, aspect, control, ipywidgets, label, panels, thumbnail
from coin_edu.plots import show_image, show_residual
from coin_edu.quantize import to_numbers, weight_vector
from coin_edu.siren import ACTIVATION, Siren, evaluate, unflatten
from coin_edu.state import Fit


class ActivationExplorer(Panel):
    """What a network draws before any fitting, and what its initialization is for.

    The view "picture" shows the activation, a random network's picture, and how much of each frequency that has beside
    a photograph. The view "depth" shows how the units of each layer are distributed, initialized as they should be and
    with weights some factor larger.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3), optional
        The photograph to compare with.

    Attributes
    ----------
    activation, omega_0, depth, factor, view : ipywidgets
    """

    WIDTH = 32

    inches = (9.0, 3.0)

    def __init__(self, image: np.ndarray | None = None):
        self.image = thumbnail("coffee" if image is None else image)
        self.activation = control(ipywidgets.Dropdown, "activation", value="sine", options=ACTIVATIONS)
        self.omega_0 = control(
            ipywidgets.FloatSlider, "omega_0", value=30, min=1, max=100, step=1, readout_format=".0f"
        )
        self.depth = control(ipywidgets.IntSlider, "hidden layers", value=5, min=1, max=10)
        self.factor = control(ipywidgets.FloatLogSlider, "weights ×", value=0.5, min=-1, max=1, step=0.1)
        self.view = control(ipywidgets.Dropdown, "show", options=["picture", "depth"])
        super().__init__([self.activation, self.omega_0, self.depth, self.factor, self.view])

    @property
    def model(self) -> Siren:
        """The random network that the controls describe."""
        omega_0 = self.omega_0.value
        return Siren(Arch(self.depth.value, self.WIDTH, self.activation.value, omega_0, omega_0))

    def draw(self, figure: Figure) -> str:
        """One of the two views."""
        self.omega_0.disabled = self.activation.value != "sine"
        self.factor.disabled = self.view.value != "depth"
        return self._draw_picture(figure) if self.view.value == "picture" else self._draw_depth(figure)

    def _draw_picture(self, figure: Figure) -> str:
        axes = panels(figure, "a.b.c", width_ratios=[0.8, 0.02, 1.2, 0.25, 0.8])
        z = torch.linspace(-1, 1, 1001)
        omega_0 = self.omega_0.value if self.activation.value == "sine" else 1
        axes["a"].plot(z, ACTIVATION[self.activation.value](omega_0 * z), color=BLUE, linewidth=1)
        label(axes["a"], "w x + b", title=f"activation: {self.activation.value}")
        places = torch.from_numpy(grid(self.image.shape)).split(4096)
        with chunk_map(torch.device("cpu")) as each:
            drawn = torch.cat(list(each(torch.no_grad()(self.model), places))).reshape(self.image.shape).numpy()
        low, high = drawn.min(), drawn.max()
        show_image((drawn - low) / max(high - low, 1e-9), axes["b"], "picture of a random network")
        for name, picture, color in (("random network", drawn, BLUE), ("photograph", self.image, ORANGE)):
            axes["c"].loglog(*spectrum(picture), color=color, label=name)
        axes["c"].set(xlim=(1, 100), ylim=(1e-4, 2))
        axes["c"].set_xticks([1, 10, 100], ["1", "10", "100"])
        axes["c"].set_yticks([1e-4, 1e-3, 0.01, 0.1, 1], ["0.0001", "0.001", "0.01", "0.1", "1"])
        axes["c"].minorticks_off()
        label(axes["c"], "cycles along the longer side", title="amplitude by frequency, relative")
        axes["c"].legend(loc="lower left", fontsize=8, frameon=False)
        return (
            f"a {self.depth.value}x{self.WIDTH} network never fitted; its colors, from {low:.2f} to {high:.2f}, are "
            "stretched to black and white"
        )

    def _draw_depth(self, figure: Figure) -> str:
        model, factor = self.model, self.factor.value
        axes = panels(figure, "ab")
        right = units(model.arch, torch.from_numpy(weight_vector(model)))
        wrong = units(model.arch, torch.from_numpy(weight_vector(model)) * factor)
        most = max(np.percentile(np.abs(layer), 99.5) for layer in right)
        ridges(axes["a"], right, most, BLUE, "weights as initialized")
        ridges(axes["b"], wrong, most, VERMILION, f"weights {factor:.2g} times as large")
        return "&middot; ".join(
            f"{name}: standard deviation {layers[0].std():.2g} in the first layer, {layers[-1].std():.2g} in the last "
            for name, layers in (("as initialized", right), (f"{factor:.2g} times", wrong))
        )


class BudgetExplorer(Panel):
    """What a network of some depth and width costs as a file, and which others cost as much.

    Parameters
    ----------
    shape : tuple of int
        (height, width, ...) of the picture.
    budget : float
        Bits per pixel allowed.

    Attributes
    ----------
    depth, width, bits, budget : ipywidgets
    arch : Arch
        The network chosen.
    """

    def __init__(self, shape: tuple[int, ...] = (512, 768), budget: float = 0.3):
        self.shape = shape
        best = Arch.for_bpp(budget, shape)
        depth, width = min(best.depth, 16), min(max(best.width, 4), 64)
        self.depth = control(ipywidgets.IntSlider, "depth", value=depth, min=1, max=16, continuous_update=True)
        self.width = control(ipywidgets.IntSlider, "width", value=width, min=4, max=64, continuous_update=True)
        self.bits = control(ipywidgets.Dropdown, "bits a weight", value=16, options=BITS)
        self.budget = control(ipywidgets.FloatLogSlider, "budget, bpp", value=budget, min=-2, max=1, step=0.02)
        super().__init__([self.depth, self.width, self.bits, self.budget])

    @property
    def arch(self) -> Arch:
        """The network chosen."""
        return Arch(self.depth.value, self.width.value)

    def draw(self, figure: Figure) -> str:
        """The map of all pairs; the bytes of the one chosen."""
        arch, bits, budget = self.arch, self.bits.value, self.budget.value
        axes = panels(figure, "a.b", width_ratios=[1, 0.25, 0.6], wspace=0)
        rates = 8 * file_sizes(bits) / (self.shape[0] * self.shape[1])
        ax = axes["a"]
        ax.pcolormesh(WIDTHS, DEPTHS, np.log(rates), cmap="cividis")
        lines = ax.contour(WIDTHS, DEPTHS, rates, levels=LEVELS, colors="white", linewidths=0.7)
        ax.clabel(lines, fmt="%g bpp", fontsize=8)
        ax.contour(WIDTHS, DEPTHS, rates, levels=[budget], colors=ORANGE, linewidths=2.5)
        ax.plot(arch.width, arch.depth, "o", color=VERMILION, markeredgecolor="white", markersize=10)
        label(ax, "width, units in a hidden layer", "depth, hidden layers", "bits per pixel of the file")
        ax.grid(visible=False)

        n_bytes = arch.n_bytes(bits)
        parts = parts_in_bytes(arch, bits)
        axes["b"].barh(list(parts), list(parts.values()), color=[SKY, BLUE, BLUE, BLUE])
        for row, part in enumerate(parts.values()):
            axes["b"].annotate(f" {part:,}", (part, row), va="center", fontsize=8)
        axes["b"].invert_yaxis()
        axes["b"].set_xlim(0, 1.25 * max(parts.values()))
        axes["b"].locator_params(axis="x", nbins=4)
        label(axes["b"], "bytes", title=f"{arch}: {n_bytes:,} bytes")

        rate = bpp(n_bytes, self.shape)
        verdict = "within" if rate <= budget else f'<b style="color: {VERMILION}">over</b>'
        return (
            f"{arch}: {arch.n_weights:,} weights of {bits} bits, a file of {n_bytes:,} bytes &middot; "
            f"<b>{rate:.3f} bpp</b> at {self.shape[1]}x{self.shape[0]} pixels, {verdict} the budget of {budget:.3g}"
        )


DEPTHS, WIDTHS = range(1, 17), range(4, 65)
LEVELS = (0.07, 0.15, 0.3, 0.6, 1.2)  # the paper's budgets, bits per pixel


@functools.cache
def file_sizes(bits: int) -> np.ndarray:
    """Bytes of the file of every pair on the map, (depths, widths)."""
    return np.array([[Arch(depth, width).n_bytes(bits) for width in WIDTHS] for depth in DEPTHS])


class QuantizationExplorer(Panel):
    """A fitted network at fewer bits: the weights of a layer, the picture, its error and the real file, together.

    Parameters
    ----------
    model : Siren or Fit
    image : ndarray, uint8 (H, W, 3)
        The picture it was fitted to.

    Attributes
    ----------
    bits, per, extra, layer : ipywidgets
        Bits a weight, what shares a step, how many bits more the first layer has, the layer whose weights are shown.
    data : bytes
        The .coin file that the controls describe; all else is measured on it.
    """

    def __init__(self, model: Siren | Fit, image: np.ndarray):
        self.model, self.image = (model.model if isinstance(model, Fit) else model), image
        self.unrounded = psnr(image, render(self.model, image.shape))
        self.bits = control(ipywidgets.SelectionSlider, "bits a weight", value=16, options=BITS)
        self.per = control(ipywidgets.Dropdown, "a step for", value="tensor", options=GRANULARITIES)
        self.extra = control(ipywidgets.IntSlider, "first layer +", value=4, min=0, max=8)
        self.layer = control(ipywidgets.IntSlider, "show layer", value=2, min=1, max=self.model.arch.depth + 1)
        self.inches = (9.0, 0.8 + 2.8 * aspect(image.shape))
        super().__init__([self.bits, self.per, self.extra, self.layer])

    @property
    def data(self) -> bytes:
        """The .coin file that the controls describe."""
        arch, bits, per = self.model.arch, self.bits.value, self.per.value
        first_bits = min(bits + self.extra.value, 16) if bits not in FLOATS else None
        weights, steps = to_numbers(weight_vector(self.model), arch, bits, per, first_bits)
        return pack(CoinFile(self.image.shape[:2], arch, bits, weights, steps, per, first_bits))

    def draw(self, figure: Figure) -> str:
        """The weights and their levels, the picture, the error."""
        bits = self.bits.value
        self.per.disabled = self.extra.disabled = bits in FLOATS
        data = self.data
        picture = decode(data)
        decibels = psnr(self.image, picture)
        axes = panels(figure, "a.bc", width_ratios=[0.85, 0.02, 1, 1])
        self._draw_weights(axes["a"], data)
        show_image(picture, axes["b"], f"{bits} bits: {decibels:.2f} dB")
        show_residual(self.image, picture, axes["c"], "error, enlarged 4 times")
        return (
            f"{bits} bits a weight: <b>{len(data):,} bytes</b>, {bpp(data, self.image.shape):.3f} bpp &middot; "
            f"<b>{decibels:.2f} dB</b>, {self.unrounded:.2f} dB unrounded"
        )

    def _draw_weights(self, ax: Axes, data: bytes) -> None:
        chosen, arch = self.layer.value - 1, self.model.arch
        given, stored = (
            unflatten(arch, torch.from_numpy(vector))[chosen][0].numpy().ravel()
            for vector in (weight_vector(self.model), unpack(data).values)
        )
        levels = np.unique(stored)
        counts, edges = np.histogram(given, 40)
        most = counts.max()
        ax.stairs(counts, edges, fill=True, color=SKY)
        ax.vlines(levels, -0.12 * most, -0.02 * most, color=VERMILION, linewidth=0.8)
        ax.set_ylim(bottom=-0.14 * most)
        label(ax, "weight", "how many", title=f"layer {chosen + 1}: {len(given):,} weights, {len(levels):,} values")


def spectrum(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Amplitude by frequency as :func:`coin_edu.metrics.amplitudes` has it, relative to the largest."""
    cycles, amplitude = amplitudes(picture)
    return cycles, amplitude / amplitude.max()


def units(arch: Arch, vector: torch.Tensor) -> list[np.ndarray]:
    """The values of each hidden layer's units over 1,000 places in a square picture, first layer to last."""
    layers = unflatten(arch, vector)
    places = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (1000, 2)).astype(np.float32))
    sine = arch.activation == "sine"
    values = []
    for i in range(arch.depth):
        # As if it were the last layer, a layer gives its units before the activation.
        z = evaluate(arch, layers[: i + 1], places) * ((arch.omega_0 if i else arch.omega_first) if sine else 1)
        values.append(ACTIVATION[arch.activation](z).numpy().ravel())
    return values


def ridges(ax: Axes, layers: list[np.ndarray], most: float, color: str, title: str) -> None:
    """A histogram of each layer, the first on top; values beyond `most` count as `most`."""
    edges = np.linspace(-most, most, 61)
    for i, layer in enumerate(layers):
        counts, _ = np.histogram(np.clip(layer, -most, most), edges)
        ax.stairs(-i + 0.6 * counts / counts.max(), edges, baseline=-i, fill=True, color=color, alpha=0.75)
        ax.text(-most, -i + 0.68, f"layer {i + 1}, standard deviation {layer.std():.2g}", fontsize=8)
    label(ax, "value of a unit", title=title)
    ax.grid(visible=False)
    ax.set(xlim=(-1.05 * most, 1.05 * most), ylim=(1 - len(layers), 1), yticks=[])


def parts_in_bytes(arch: Arch, bits: int) -> dict[str, int]:
    """Where the bytes of a file are, by part, in the order of the file; weights are rounded to whole bytes."""
    weights = np.cumsum(arch.bit_widths(bits)) // 8
    hidden_end = arch.n_weights - arch.outputs * (arch.width + 1)
    ends = [0, *(int(weights[i - 1]) for i in (arch.n_first, hidden_end, arch.n_weights))]
    names = ["first layer", "hidden layers", "last layer"]
    parts = {name: end - begin for name, begin, end in zip(names, ends[:-1], ends[1:], strict=True)}
    return {"around them": arch.n_bytes(bits) - sum(parts.values()), **parts}
