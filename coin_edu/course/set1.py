"""The tests of problem set 1, a SIREN by hand: where pixels are, a layer, its weights, the network."""

from dataclasses import dataclass

import numpy as np

from coin_edu.arch import Arch
from coin_edu.course import expect, expect_close
from coin_edu.course.grading import Submitted, grader, seal
from coin_edu.image import grid

Layers = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Right:
    """A variant's numbers, and the set's functions as they should be.

    Attributes
    ----------
    omega_0 : float
        The default of every function that takes it.
    half : int
        Half the length of the picture's longer side.
    """

    omega_0: float = 30.0
    half: int = 1

    @classmethod
    def of(cls, variant: int) -> "Right":
        """The numbers of a variant; 0 is the set as it stands."""
        if variant == 0:
            return cls()
        rng = np.random.default_rng(variant)
        return cls(float(rng.choice([n for n in range(20, 60) if n != 30])), int(rng.integers(2, 8)))

    def spellings(self) -> list[str]:
        """How the notebook spells the numbers; a variant has its own in their places."""
        times = "" if self.half == 1 else rf"{self.half}\,"
        return [
            f"omega_0={self.omega_0}",
            f"$\\omega_0 = {self.omega_0:g}$",
            rf"x = {times}\frac{{2i + 1 - W}}{{L}}, \qquad y = {times}\frac{{2j + 1 - H}}{{L}}",
            f"runs from $-{self.half}$ to ${self.half}$",
            "max(height, width)" if self.half == 1 else f"max(height, width) / {self.half}",
        ]

    def coordinates(self, height: int, width: int) -> np.ndarray:
        """Centers of all pixels, row by row."""
        return self.half * grid((height, width)).astype(float)

    def sine_layer(
        self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray, omega_0: float | None = None
    ) -> np.ndarray:
        """A layer of sines."""
        return np.sin((omega_0 or self.omega_0) * (x @ weight.T + bias))

    def init_bound(self, n: int, first: bool, omega_0: float | None = None) -> float:
        """The c of a layer with n inputs."""
        return 1 / n if first else float(np.sqrt(6 / n)) / (omega_0 or self.omega_0)

    def draw_layers(self, depth: int, width: int, rng: np.random.Generator) -> Layers:
        """Initial (weight, bias) of each layer."""
        layers: Layers = []
        n = 2
        for m in [*[width] * depth, 3]:
            c = self.init_bound(n, not layers)
            layers.append((rng.uniform(-c, c, (m, n)), rng.uniform(-c, c, m)))
            n = m
        return layers

    def siren(self, x: np.ndarray, layers: Layers, omega_0: float | None = None) -> np.ndarray:
        """Colors at the coordinates x."""
        *hidden, (weight, bias) = layers
        for layer in hidden:
            x = self.sine_layer(x, *layer, omega_0)
        return x @ weight.T + bias

    def spread(self, n: int, c: float, omega_0: float | None = None) -> float:
        """Standard deviation of z."""
        return float((omega_0 or self.omega_0) * c * np.sqrt(n / 6))


graded = grader(Right.of, ("coordinates", "sine_layer", "init_bound", "draw_layers", "siren", "spread"))


@graded()
def coordinates_order(coordinates: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """the shape, and the order of the rows and of (x, y)"""
    shapes = [(2, 3)] if rng is None else [(2, 3), (5, 2), tuple(rng.integers(3, 9, 2).tolist())]
    for height, width in shapes:
        points, what = _array(coordinates(height, width)), f"{height} rows of {width} pixels"
        wanted = (height * width, 2)
        expect(
            points.shape == wanted, f"{what} are {wanted[0]} centers (x, y), an array {wanted}; yours is {points.shape}"
        )
        x, y = points.reshape(height, width, 2).transpose(2, 0, 1)
        expect_close(
            np.ptp(y, axis=1), np.zeros(height), f"{what}: the spread of y in each", "all of a row has the same y"
        )
        expect_close(
            np.ptp(x, axis=0), np.zeros(width), f"{what}: the spread of x in each column", "row by row, each (x, y)"
        )
        expect(bool((np.diff(x, axis=1) > 0).all()), f"{what}: x grows along a row; yours goes {x[0]}")
        expect(bool((np.diff(y, axis=0) > 0).all()), f"{what}: y grows downward; yours goes {y[:, 0]}")


@graded()
def coordinates_values(coordinates: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """the centers themselves, in whatever order"""
    shapes = [(2, 3), (1, 1)]
    if rng is not None:
        shapes += [(3, 2), (1, 4), tuple(rng.integers(4, 20, 2).tolist())]
    for height, width in shapes:
        got = _array(coordinates(height, width))
        expect(
            got.size == 2 * height * width,
            f"{height}x{width} centers are {2 * height * width} numbers, yours {got.size}",
        )
        got, wanted = got.reshape(-1, 2), right.coordinates(height, width)
        # The order has a test of its own: neither that of the pixels counts here, nor which of x and y is first.
        ways = [_sorted(got), _sorted(got[:, ::-1])]
        wanted = _sorted(wanted)
        closest = min(ways, key=lambda way: float(np.abs(way - wanted).sum()))
        hint = f"centers, not corners, and one L for both axes; the longer side is {2 * right.half} long"
        expect_close(closest, wanted, f"coordinates({height}, {width}), sorted", hint)


@graded()
def sine_layer_test(sine_layer: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """rows in, rows out, with and without omega_0 given"""
    x, weight = np.array([[0.0, 0.0], [1.0, 2.0]]), np.array([[0.1, 0.0], [0.0, 0.1], [0.1, 0.1]])
    for omega_0 in (1.0, 3.0):
        wanted = np.stack([np.zeros(3), np.sin(omega_0 * np.array([0.1, 0.2, 0.3]))])
        hint = "x @ weight.T is a row in, a row out; omega_0 multiplies before the sine"
        expect_close(sine_layer(x, weight, np.zeros(3), omega_0), wanted, f"two pixels, omega_0 = {omega_0:g}", hint)
    if rng is None:
        return
    x, weight, bias = rng.uniform(-1, 1, (7, 4)), rng.uniform(-0.3, 0.3, (5, 4)), rng.uniform(-0.3, 0.3, 5)
    wanted = right.sine_layer(x, weight, bias, 2.5)
    expect_close(
        sine_layer(x, weight, bias, 2.5), wanted, "four inputs, five outputs", "omega_0 multiplies the bias as well"
    )
    wanted = right.sine_layer(x, weight, bias, right.omega_0)
    what = f"omega_0 left out, and so {right.omega_0:g}"
    expect_close(sine_layer(x, weight, bias), wanted, what, "the default of omega_0 is written above", 1e-4)


@graded()
def init_bound_test(init_bound: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """the first layer and the others, with and without omega_0 given"""
    expect_close(init_bound(2, True), 0.5, "init_bound(2, True)", "1/n in the first layer, without omega_0")
    default = f"sqrt(6/n) / omega_0 in the others, omega_0 = {right.omega_0:g}"
    expect_close(init_bound(6, False), 1 / right.omega_0, "init_bound(6, False)", default)
    expect_close(init_bound(24, False, 1.0), 0.5, "init_bound(24, False, 1.0)", "use the omega_0 that is passed")
    if rng is not None:
        n, omega_0 = int(rng.integers(7, 90)), float(rng.uniform(2, 90))
        expect_close(init_bound(n, True, omega_0), 1 / n, f"init_bound({n}, True, {omega_0:.3f})", "1/n")
        wanted = np.sqrt(6 / n) / omega_0
        expect_close(init_bound(n, False, omega_0), wanted, f"init_bound({n}, False, {omega_0:.3f})", default)


@graded()
def draw_layers_test(draw_layers: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """the shapes, and how far weights and biases reach"""
    sizes = [(3, 64, 1)] if rng is None else [(3, 64, 1), (1, 300, 2), (10, 28, 3)]
    for depth, width, seed in sizes:
        layers = _pairs(draw_layers(depth, width, np.random.default_rng(seed)))
        shapes = [weight.shape for weight, _ in layers]
        wanted = [weight.shape for weight, _ in right.draw_layers(depth, width, np.random.default_rng(seed))]
        expect(shapes == wanted, f"depth {depth}, width {width}: matrices (outputs, inputs) {wanted}; yours {shapes}")
        count, all_of = sum(w.size + b.size for w, b in layers), Arch(depth, width).n_weights
        expect(count == all_of, f"a {depth}x{width} network has {all_of} weights and biases, yours {count}")
        for place, (weight, bias) in enumerate(layers):
            c = right.init_bound(weight.shape[1], place == 0)
            _uniform(weight, c, f"layer {place} of {depth}x{width}, weights")
            _uniform(bias, c, f"layer {place} of {depth}x{width}, biases")
    if rng is not None:
        seeds = rng.integers(1 << 30, size=2).tolist()
        first, again, other = (_pairs(draw_layers(2, 8, np.random.default_rng(seed))) for seed in (seeds[0], *seeds))
        for (weight, bias), (same, same_bias), (new, new_bias) in zip(first, again, other, strict=True):
            drawn = np.array_equal(weight, same) and np.array_equal(bias, same_bias)
            expect(drawn, "two generators of one seed give two networks: draw from rng, not from NumPy's global state")
            fresh = not np.array_equal(weight, new) and not np.array_equal(bias, new_bias)
            expect(fresh, "two generators of different seeds give the same numbers: draw from rng, as it is passed")


@graded()
def siren_test(siren: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """one hidden unit by hand"""
    hidden, last = (np.array([[0.1, 0.0]]), np.zeros(1)), (np.array([[2.0], [0.0], [-4.0]]), np.array([1.0, 5.0, 0.0]))
    wanted = np.array([1.0, 5.0, 0.0]) + np.sin(0.1 * right.omega_0) * np.array([2.0, 0.0, -4.0])
    expect_close(
        siren(np.array([[1.0, 9.0]]), [hidden, last]), [wanted], "one hidden unit", "the last layer has no sine", 1e-4
    )
    if rng is None:
        return
    x = right.coordinates(4, 6)
    for depth, omega_0 in ((3, right.omega_0), (2, 7.0)):
        layers = right.draw_layers(depth, 16, rng)
        given = () if omega_0 == right.omega_0 else (omega_0,)
        what, hint = (
            f"a {depth}x16 network, omega_0 = {omega_0:g}",
            "pass omega_0 on; a layer's output is the next's input",
        )
        expect_close(siren(x, layers, *given), right.siren(x, layers, omega_0), what, hint, 1e-3)


@graded()
def spread_test(spread: Submitted, right: Right, rng: np.random.Generator | None) -> None:
    """your formula against a measurement"""
    draw = np.random.default_rng(4)
    for n, c in ((64, 0.01), (256, 0.01)):
        inputs, weights = np.sin(draw.uniform(-np.pi, np.pi, (400, n))), draw.uniform(-c, c, (400, n))
        measured = float(np.std(right.omega_0 * inputs @ weights.T))
        expect_close(spread(n, c), measured, f"spread({n}, {c}), against a measurement", "a standard deviation", 0.05)
    if rng is None:
        return
    for n in (10, 1000):
        siren_c = right.init_bound(n, False, right.omega_0)
        expect_close(spread(n, siren_c), 1, f"SIREN's c for n = {n}", "with its c, z spreads by 1 at any n")
    n, omega_0 = int(rng.integers(7, 90)), float(rng.uniform(2, 20))
    expect_close(
        spread(n, 0.1, omega_0),
        right.spread(n, 0.1, omega_0),
        f"spread({n}, 0.1, {omega_0:.3f})",
        "use the omega_0 passed",
    )


def _array(got: object) -> np.ndarray:
    """What was returned, as floats."""
    expect(got is not None, "your function returned None: is the return missing?")
    try:
        return np.asarray(got, float)
    except (TypeError, ValueError):
        expect(False, f"expected an array of numbers, got {type(got).__name__}")
        raise


def _sorted(points: np.ndarray) -> np.ndarray:
    """Rows in the order of x, then of y, whatever rounding does to equal ones."""
    rounded = np.round(points, 6)
    return points[np.lexsort((rounded[:, 1], rounded[:, 0]))]


def _pairs(layers: object) -> Layers:
    """What draw_layers returned, if it is pairs of arrays."""
    expect(isinstance(layers, list | tuple), f"draw_layers: expected a list of pairs, got {type(layers).__name__}")
    pairs = list(layers)  # type: ignore[call-overload]
    each = all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs)
    expect(each, "draw_layers: each layer is a pair (weight, bias)")
    return [(_array(weight), _array(bias)) for weight, bias in pairs]


def _uniform(drawn: np.ndarray, c: float, what: str) -> None:
    """Whether numbers look as if drawn evenly from -c to c."""
    largest = float(np.abs(drawn).max())
    expect(largest <= c * (1 + 1e-6), f"{what}: drawn from -{c:.4f} ... {c:.4f}; your largest is {largest:.4f}")
    # A right draw of 28 numbers, the fewest here, stays below 0.75 c once in 3,000 times (0.75**28).
    fills = drawn.size < 16 or largest > 0.75 * c
    expect(fills and largest > 0, f"{what}: they fill -{c:.4f} ... {c:.4f}; your largest is {largest:.4f}")
    if drawn.size >= 200:
        mean, spread = float(drawn.mean()), float(drawn.std())
        expect(abs(mean) < 0.2 * c, f"{what}: as often negative as positive; your mean is {mean:.4f}")
        even = c / np.sqrt(3)
        expect(
            abs(spread / even - 1) < 0.15,
            f"{what}: an even draw has the standard deviation {even:.4f}, yours {spread:.4f}",
        )


seal(__name__)
