"""What a network draws before any fitting, and what its initialization is for."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coin_edu.arch import ACTIVATIONS, Arch
from coin_edu.engine.device import chunk_map
from coin_edu.engine.forward import evaluate
from coin_edu.image import grid
from coin_edu.metrics import amplitudes
from coin_edu.quantization import weight_vector
from coin_edu.siren import ACTIVATION, Siren, unflatten
from coin_edu.study.plots import show_image
from coin_edu.study.style import BLUE, ORANGE, VERMILION, label
from coin_edu.widgets.panel import Panel, control, ipywidgets, panels, thumbnail


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

    Examples
    --------
    >>> widget = ActivationExplorer(np.zeros((8, 8, 3), np.uint8))
    >>> widget.activation.value, widget.view.value = "relu", "depth"  # as a student would by the controls
    """

    WIDTH = 32

    inches = (9.0, 3.0)

    def __init__(self, image: np.ndarray | None = None):
        self.image = thumbnail("coffee" if image is None else image)
        self.activation = control(ipywidgets.Dropdown, "activation", value="sine", options=list(ACTIVATIONS))
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
        axes["a"].plot(z, ACTIVATION[self.activation.value].function(omega_0 * z), color=BLUE, linewidth=1)
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


def spectrum(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Amplitude by frequency as :func:`coin_edu.metrics.amplitudes` has it, relative to the largest."""
    cycles, amplitude = amplitudes(picture)
    return cycles, amplitude / (amplitude.max() or 1)  # a picture of one color has none


def units(arch: Arch, vector: torch.Tensor) -> list[np.ndarray]:
    """The values of each hidden layer's units over 1,000 places in a square picture, first layer to last."""
    layers = unflatten(arch, vector)
    places = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (1000, 2)).astype(np.float32))
    sine = arch.activation == "sine"
    values = []
    for i in range(arch.depth):
        # As if it were the last layer, a layer gives its units before the activation.
        z = evaluate(arch, layers[: i + 1], places) * ((arch.omega_0 if i else arch.omega_first) if sine else 1)
        values.append(ACTIVATION[arch.activation].function(z).numpy().ravel())
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
