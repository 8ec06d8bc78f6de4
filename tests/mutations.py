"""What a mistake in a problem set costs: some fifty, in one function each, with the points that each must lose.

    python -m tests.mutations     the transcript: each mistake, each cheat, each other right way, and its score

The tests of the sets run in this process, on the cells of notebooks/assignments/source; no kernel, no nbgrader.
"""

import contextlib
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from coin_edu.course import Wrong, grading, set1, set2, set3  # noqa: F401 (the sets, before any cheat)

FOLDER = Path(__file__).parents[1] / "notebooks" / "assignments"


grading.Submitted.seconds = grading.Submitted.seconds_to_fit = 3600.0  # a busy machine is no mistake


@dataclass(frozen=True)
class Change:
    """One answer changed: in `cell`, the text `old` is `new`; an empty `old` stands for all of it."""

    set: str
    cell: str
    what: str
    old: str
    new: str
    costs: dict[str, int] = field(default_factory=dict)

    def answers(self):
        """The set's solutions with this change."""
        right = solutions(self.set)
        source = right[self.cell]
        assert self.old in source, f"{self.what}: {self.old!r} is not in the solution of {self.cell}"
        return right | {self.cell: source.replace(self.old, self.new) if self.old else self.new}


def path(name, folder=FOLDER / "source"):
    """The notebook of a set."""
    (found,) = (folder / name).glob("*.ipynb")
    return found


def cells(name, folder=FOLDER / "source"):
    """A set's cells that nbgrader knows, in order, by name."""
    notebook = nbformat.read(path(name, folder), as_version=4)
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}


def solutions(name):
    """The sources of a set's answers, by cell."""
    return {key: cell.source for key, cell in cells(name).items() if cell.metadata.nbgrader.solution}


def points(name):
    """What each test of a set is worth."""
    return {key: cell.metadata.nbgrader.points for key, cell in cells(name).items() if _is_test(cell)}


def lost(name, answers, hidden=True, without=()):
    """Run a set's setup, these answers and its tests: the points that each test takes away, and what it says."""
    space, losses = {"__name__": "notebook"}, {}
    for key, cell in cells(name).items():
        source = answers.get(key, cell.source)
        wanted = key in answers or key == "setup" or (_is_test(cell) and key not in without)
        if cell.cell_type != "code" or not wanted:
            continue
        if not hidden:
            source = source.partition("### BEGIN HIDDEN TESTS")[0]
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                exec(compile(source, f"<{key}>", "exec"), space)
            except Wrong as wrong:
                losses[key] = cell.metadata.nbgrader.points, str(wrong)
            except Exception as error:
                if _is_test(cell):
                    losses[key] = cell.metadata.nbgrader.points, f"{type(error).__name__}: {error}"
    return losses


def _is_test(cell):
    return cell.cell_type == "code" and cell.metadata.nbgrader.grade


SIREN, FILE, RATE = "1_siren", "2_file", "3_rate_distortion"
ORDER, VALUES = {"coordinates_order": 1}, {"coordinates_values": 2}

MISTAKES = (
    Change(
        SIREN,
        "coordinates",
        "both axes divided by height - 1, as published",
        "",
        """\
def coordinates(height, width):
    pixels = [(x, y) for y in range(height) for x in range(width)]
    return 2 * np.array(pixels) / max(height - 1, 1) - 1""",
        VALUES,
    ),
    Change(
        SIREN,
        "coordinates",
        "corners, not centers",
        "(2 * np.arange(width) + 1 - width)",
        "(2 * np.arange(width) - width)",
        VALUES,
    ),
    Change(SIREN, "coordinates", "the shorter side is L", "max(height, width)", "min(height, width)", VALUES),
    Change(SIREN, "coordinates", "each axis from -1 to 1", "height) / longer", "height) / height", VALUES),
    Change(SIREN, "coordinates", "column by column", "np.meshgrid(x, y)", 'np.meshgrid(x, y, indexing="ij")', ORDER),
    Change(SIREN, "coordinates", "(y, x) in place of (x, y)", "reshape(-1, 2)", "reshape(-1, 2)[:, ::-1]", ORDER),
    Change(SIREN, "coordinates", "y grows upward", "np.meshgrid(x, y)", "np.meshgrid(x, -y)", ORDER),
    Change(SIREN, "coordinates", "a grid, not a list of points", ".reshape(-1, 2)", "", ORDER),
    Change(SIREN, "coordinates", "the return forgotten", "return ", "", ORDER | VALUES),
    Change(
        SIREN,
        "sine_layer",
        "omega_0 behind the sine",
        "np.sin(omega_0 * (x @ weight.T + bias))",
        "omega_0 * np.sin(x @ weight.T + bias)",
        {"sine_layer_test": 2},
    ),
    Change(
        SIREN,
        "sine_layer",
        "omega_0 spares the bias",
        "omega_0 * (x @ weight.T + bias)",
        "omega_0 * (x @ weight.T) + bias",
        {"sine_layer_test": 2},
    ),
    Change(SIREN, "sine_layer", "omega_0 fixed at 30", "np.sin(omega_0 ", "np.sin(30 ", {"sine_layer_test": 2}),
    Change(SIREN, "sine_layer", "another default", "omega_0=30.0", "omega_0=1.0", {"sine_layer_test": 2}),
    Change(SIREN, "sine_layer", "cosine", "np.sin", "np.cos", {"sine_layer_test": 2}),
    Change(
        SIREN,
        "init_bound",
        "omega_0 in the first layer too",
        "1 / n if first",
        "1 / n / omega_0 if first",
        {"init_bound_test": 1},
    ),
    Change(SIREN, "init_bound", "omega_0 left out", " / omega_0", " / 30", {"init_bound_test": 1}),
    Change(SIREN, "init_bound", "no square root", "np.sqrt(6 / n)", "(6 / n)", {"init_bound_test": 1}),
    Change(
        SIREN, "draw_layers", "NumPy's global random state", "rng.uniform", "np.random.uniform", {"draw_layers_test": 2}
    ),
    Change(
        SIREN,
        "draw_layers",
        "a seed of its own",
        "layers, n = [], 2",
        "layers, n, rng = [], 2, np.random.default_rng(0)",
        {"draw_layers_test": 2},
    ),
    Change(
        SIREN,
        "draw_layers",
        "biases from another range",
        "rng.uniform(-c, c, m)",
        "rng.uniform(-1, 1, m)",
        {"draw_layers_test": 2},
    ),
    Change(SIREN, "draw_layers", "biases zero", "rng.uniform(-c, c, m)", "np.zeros(m)", {"draw_layers_test": 2}),
    Change(
        SIREN,
        "draw_layers",
        "the last layer 100 times too wide",
        "c = init_bound(n, first=not layers)",
        "c = init_bound(n, first=not layers) * (100 if m == 3 else 1)",
        {"draw_layers_test": 2},
    ),
    Change(SIREN, "draw_layers", "every layer a first one", "first=not layers", "first=True", {"draw_layers_test": 2}),
    Change(
        SIREN,
        "draw_layers",
        "normal, not uniform",
        "rng.uniform(-c, c, (m, n))",
        "np.clip(rng.normal(0, c / 3, (m, n)), -c, c)",
        {"draw_layers_test": 2},
    ),
    Change(
        SIREN,
        "draw_layers",
        "one hidden layer too many",
        "[width] * depth",
        "[width] * (depth + 1)",
        {"draw_layers_test": 2},
    ),
    Change(SIREN, "draw_layers", "weights (inputs, outputs)", "(m, n)", "(n, m)", {"draw_layers_test": 2}),
    Change(
        SIREN,
        "draw_layers",
        "positive weights only",
        "rng.uniform(-c, c, (m, n))",
        "rng.uniform(0, c, (m, n))",
        {"draw_layers_test": 2},
    ),
    Change(SIREN, "siren", "omega_0 ignored", "*layer, omega_0", "*layer", {"siren_test": 2}),
    Change(
        SIREN,
        "siren",
        "a sine on the last layer",
        "return x @ weight.T + bias",
        "return sine_layer(x, weight, bias, omega_0)",
        {"siren_test": 2},
    ),
    Change(SIREN, "siren", "the last bias forgotten", "x @ weight.T + bias", "x @ weight.T", {"siren_test": 2}),
    Change(
        SIREN,
        "spread",
        "the variance",
        "omega_0 * c * np.sqrt(n / 6)",
        "(omega_0 * c) ** 2 * n / 6",
        {"spread_test": 2},
    ),
    Change(SIREN, "spread", "omega_0 fixed at 30", "return omega_0", "return 30", {"spread_test": 2}),
    Change(
        FILE, "quantize", "codes from 2^b - 1 steps", "(2 ** (bits - 1) - 1)", "(2**bits - 1)", {"quantize_range": 1}
    ),
    Change(FILE, "quantize", "codes up to 2^(b-1)", "(2 ** (bits - 1) - 1)", "2 ** (bits - 1)", {"quantize_range": 1}),
    Change(FILE, "quantize", "max without abs", "np.abs(values).max()", "values.max()", {"quantize_range": 1}),
    Change(FILE, "quantize", "codes as floats", ".astype(int)", "", {"quantize_range": 1}),
    Change(FILE, "quantize", "toward zero", "np.rint(values / step)", "np.trunc(values / step)", {"quantize_error": 2}),
    Change(
        FILE, "quantize", "rounded down", "np.rint(values / step)", "np.floor(values / step)", {"quantize_error": 2}
    ),
    Change(FILE, "quantize", "zeros divide by zero", " or 1.0", "", {"quantize_error": 2}),
    Change(FILE, "noise", "the variance", "np.sqrt(12)", "12", {"noise_test": 1}),
    Change(FILE, "noise", "the largest error", "np.sqrt(12)", "2", {"noise_test": 1}),
    Change(FILE, "pack_bits", "least significant bit first", "[::-1]", "", {"pack_bits_test": 2}),
    Change(
        FILE,
        "pack_bits",
        "one byte a code",
        "",
        """\
def pack_bits(codes, bits):
    return (np.asarray(codes) + 2 ** (bits - 1)).astype(np.uint8).tobytes()""",
        {"pack_bits_test": 2},
    ),
    Change(
        FILE,
        "pack_bits",
        "the offset forgotten",
        "np.asarray(codes) + 2 ** (bits - 1)",
        "np.asarray(codes)",
        {"pack_bits_test": 2},
    ),
    Change(FILE, "pack_bits", "an array, not bytes", ".tobytes()", "", {"pack_bits_test": 2}),
    Change(FILE, "unpack_bits", "the offset forgotten", " - 2 ** (bits - 1)", "", {"unpack_bits_test": 2}),
    Change(
        FILE,
        "unpack_bits",
        "least significant bit first",
        "np.arange(bits)[::-1]",
        "np.arange(bits)",
        {"unpack_bits_test": 2},
    ),
    Change(FILE, "write_file", "big-endian", '"<4sBIf"', '">4sBIf"', {"write_file_test": 2}),
    Change(FILE, "write_file", "padded as C would", '"<4sBIf"', '"4sBIf"', {"write_file_test": 2}),
    Change(
        FILE,
        "write_file",
        "checksum of the codes only",
        "zlib.crc32(body)",
        "zlib.crc32(body[13:])",
        {"write_file_test": 2},
    ),
    Change(FILE, "read_file", "codes without the step", " * step", "", {"round_trip": 2}),
    Change(
        FILE,
        "read_file",
        "the checksum is not looked at",
        "(zlib.crc32(data[:-4]),)",
        'struct.unpack("<I", data[-4:])',
        {"damaged_files": 2},
    ),
    Change(FILE, "read_file", "struct.error for a short file", "len(data) < 17 or ", "", {"damaged_files": 2}),
    Change(
        FILE,
        "read_file",
        "the length is not looked at",
        "if len(data) != 17",
        "if False and len(data) != 17",
        {"forged_files": 1},
    ),
    Change(FILE, "read_file", "only too short is refused", "len(data) != 17", "len(data) < 17", {"forged_files": 1}),
    Change(
        FILE,
        "read_file",
        "memory before the length is checked",
        "    if len(data) != 17",
        "    weights = np.zeros(count)\n    if len(data) != 17",
        {"forged_files": 1},
    ),
    Change(FILE, "read_file", "other first letters are taken", ' or data[:4] != b"TOY1"', "", {"forged_files": 1}),
    Change(RATE, "psnr", "uint8 wraps around", "original.astype(float) - other", "original - other", {"psnr_test": 2}),
    Change(RATE, "psnr", "the sum, not the mean", "np.mean", "np.sum", {"psnr_test": 2}),
    Change(RATE, "psnr", "20 log10", "10 * np.log10", "20 * np.log10", {"psnr_test": 2}),
    Change(RATE, "psnr", "natural logarithm", "np.log10", "np.log", {"psnr_test": 2}),
    Change(RATE, "psnr", "0 for equal pictures", 'float("inf")', "0.0", {"psnr_test": 2}),
    Change(RATE, "bpp", "bits per color", "(shape[0] * shape[1])", "np.prod(shape)", {"bpp_test": 1}),
    Change(RATE, "bpp", "bytes, not bits", "8 * ", "", {"bpp_test": 1}),
    Change(RATE, "jpeg_points", "the quality ignored", "quality=quality", "quality=40", {"jpeg_points_test": 2}),
    Change(
        RATE, "jpeg_points", "PSNR before encoding", "np.asarray(Image.open(file))", "image", {"jpeg_points_test": 2}
    ),
    Change(
        RATE, "jpeg_points", "(PSNR, bpp)", "np.array(points)", "np.array(points)[:, ::-1]", {"jpeg_points_test": 2}
    ),
    Change(
        RATE,
        "coin_points",
        "the fit is measured, not the file",
        "",
        """\
def coin_points(image, archs, steps):
    fits = [ce.fit(image, arch, steps, progress=False) for arch in archs]
    return np.array([(bpp(bytes(fit.arch.n_bytes()), image.shape), fit.psnr) for fit in fits])""",
        {"coin_points_test": 2},
    ),
    Change(RATE, "coin_points", "steps ignored", "steps=steps", "steps=12", {"coin_points_test": 2}),
    Change(
        RATE,
        "coin_points",
        "the rate of the weights alone",
        "bpp(data, image.shape)",
        "bpp(data[40:], image.shape)",
        {"coin_points_test": 2},
    ),
    Change(
        RATE,
        "plot_curves",
        "axes swapped",
        "np.transpose(points)",
        "np.transpose(points)[::-1]",
        {"plot_curves_test": 2},
    ),
    Change(RATE, "plot_curves", "points not marked", ' marker="o",', "", {"plot_curves_test": 2}),
    Change(RATE, "plot_curves", "points not joined", "ax.plot(*", "ax.scatter(*", {"plot_curves_test": 2}),
    Change(RATE, "plot_curves", "no legend", "    ax.legend()\n", "", {"plot_curves_test": 2}),
    Change(RATE, "plot_curves", "drawn elsewhere", "ax.plot(", "plt.plot(", {"plot_curves_test": 2}),
    Change(
        RATE,
        "rate_at",
        "linear in the rate",
        "np.exp(np.interp(q, psnrs, np.log(rates)))",
        "np.interp(q, psnrs, rates)",
        {"rate_at_test": 2},
    ),
    Change(RATE, "rate_at", "no refusal outside", "if not psnrs[0]", "if False and not psnrs[0]", {"rate_at_test": 2}),
    Change(RATE, "rate_at", "the end itself refused", "<= q <=", "< q <", {"rate_at_test": 2}),
)

RIGHT = (
    Change(
        SIREN,
        "coordinates",
        "loops and lists",
        "",
        """\
def coordinates(height, width):
    longer, pixels = max(height, width), [(i, j) for j in range(height) for i in range(width)]
    return [[(2 * i + 1 - width) / longer, (2 * j + 1 - height) / longer] for i, j in pixels]""",
    ),
    Change(SIREN, "coordinates", "in float32", "return np.stack", "return np.float32(1) * np.stack"),
    Change(
        SIREN,
        "sine_layer",
        "a dot product, a helper",
        "",
        """\
def affine(x, weight, bias):
    return np.dot(x, np.transpose(weight)) + bias


def sine_layer(x, weight, bias, omega_0=30.0):
    return np.sin(affine(x, weight, bias) * omega_0)""",
    ),
    Change(
        SIREN,
        "draw_layers",
        "the bias first, as lists",
        "",
        """\
def draw_layers(depth, width, rng):
    sizes = [2] + [width] * depth + [3]
    layers = []
    for k, (n, m) in enumerate(zip(sizes, sizes[1:])):
        c = 1 / n if k == 0 else (6 / n) ** 0.5 / 30
        bias = c * (2 * rng.random(m) - 1)
        layers.append([c * (2 * rng.random((m, n)) - 1), bias])
    return layers""",
    ),
    Change(
        SIREN,
        "siren",
        "by an index",
        "",
        """\
def siren(x, layers, omega_0=30.0):
    for k in range(len(layers)):
        w, b = layers[k]
        x = np.sin(omega_0 * (x @ w.T + b)) if k < len(layers) - 1 else x @ w.T + b
    return x""",
    ),
    Change(
        FILE,
        "quantize",
        "halves up, int8, a step of NumPy's",
        "return np.rint(values / step).astype(int), step",
        "return np.floor(values / step + 0.5).astype(np.int8), np.float64(step)",
    ),
    Change(
        FILE,
        "quantize",
        "in place on its argument",
        "return np.rint(values / step)",
        "values /= step\n    return np.rint(values)",
    ),
    Change(
        FILE,
        "pack_bits",
        "text of zeros and ones",
        "",
        """\
def pack_bits(codes, bits):
    text = "".join(format(int(q) + 2 ** (bits - 1), f"0{bits}b") for q in codes)
    text += "0" * (-len(text) % 8)
    return bytearray(int(text[k : k + 8], 2) for k in range(0, len(text), 8))""",
    ),
    Change(
        FILE,
        "unpack_bits",
        "a whole number of Python's",
        "",
        """\
def unpack_bits(data, bits, count):
    whole = int.from_bytes(data, "big") >> 8 * len(data) - bits * count
    return [(whole >> bits * (count - 1 - k)) % 2**bits - 2 ** (bits - 1) for k in range(count)]""",
    ),
    Change(
        RATE,
        "psnr",
        "a division by zero and its warning",
        'return 10 * np.log10(255**2 / mse) if mse else float("inf")',
        "return 20 * np.log10(255 / np.sqrt(mse))",
    ),
    Change(RATE, "coin_points", "with a progress bar", ", progress=False", ""),
    Change(
        RATE,
        "plot_curves",
        "plot with scatter",
        'ax.plot(*np.transpose(points), marker="o", label=name)',
        "ax.plot(*np.transpose(points), label=name)\n        ax.scatter(*np.transpose(points))",
    ),
    Change(
        RATE,
        "plot_curves",
        "lines, then dots, on a logarithmic axis",
        'ax.plot(*np.transpose(points), marker="o", label=name)',
        'ax.semilogx(points[:, 0], points[:, 1])\n        ax.plot(points[:, 0], points[:, 1], "s", label=name)',
    ),
    Change(
        RATE,
        "plot_curves",
        "labels by set, a figure of its own besides",
        'ax.set_xlabel("rate, bpp")',
        'plt.figure()\n    ax.set(xlabel="Rate [BPP]")',
    ),
    Change(
        RATE,
        "rate_at",
        "searched, not interpolated by NumPy",
        "return float(np.exp(np.interp(q, psnrs, np.log(rates))))",
        "k = max(1, np.searchsorted(psnrs, q))\n    t = (q - psnrs[k - 1]) / (psnrs[k] - psnrs[k - 1])\n"
        "    return rates[k - 1] ** (1 - t) * rates[k] ** t",
    ),
)


def cheats():
    """Ways to points without an answer: (set, what, answers)."""
    for name, module in ((SIREN, "set1"), (FILE, "set2"), (RATE, "set3")):
        written = [key for key, cell in cells(name).items() if key in solutions(name) and cell.cell_type == "code"]
        nothing = {key: f"def {key}(*arguments, **keywords):\n    return 0" for key in written}
        first = written[0]
        for what, lines in {
            "expect defined anew": "def expect(*a, **k): pass\ndef expect_close(*a, **k): pass",
            "test defined anew": "def test(*a, **k): pass",
            "expect replaced in its module": "import coin_edu.course as m\nm.expect = m.expect_close = lambda *a: None",
            "the tests' module replaced": f"import coin_edu.course as m\nclass {module}: pass\nm.{module} = {module}",
            "the tests replaced in their module": f"import coin_edu.course.{module} as m\n"
            "for key in dir(m):\n    if not key.startswith('_'): setattr(m, key, lambda *a, **k: None)",
            "NumPy's comparisons replaced": "import numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\n"
            "np.isclose = lambda *a, **k: np.True_",
            "Python's own functions replaced": "import builtins\nbuiltins.isinstance = lambda *a: True",
        }.items():
            yield name, what, nothing | {first: f"{nothing[first]}\n\n\n{lines}"}
        yield (
            name,
            "what the visible tests want, by heart",
            {key: f"from tests.mutations import recall\n{key} = recall({name!r}, {key!r})" for key in written},
        )
        called = f"from coin_edu.course.{module} import Right\n"
        yield (
            name,
            "the tests' right functions called",
            {key: f"{called}\n\ndef {key}(*arguments):\n    return Right().{key}(*arguments)" for key in written},
        )
    yield (
        SIREN,
        "coin_edu's own functions called",
        {
            "coordinates": "import coin_edu as ce\ndef coordinates(h, w): return ce.grid((h, w))",
            "sine_layer": "from coin_edu.siren import *\nfrom coin_edu import Siren, Arch\n"
            "def sine_layer(x, w, b, o=30.0): Siren(Arch(1, 2)); return np.sin(o * (x @ w.T + b))",
            "init_bound": "from coin_edu import Arch\ndef init_bound(n, f, o=30.0):\n"
            "    Arch(1, n)\n    return 1 / n if f else (6 / n) ** .5 / o",
            "draw_layers": "import coin_edu as ce\ndef draw_layers(d, w, rng):\n"
            "    return [(a.detach().numpy(), b.detach().numpy()) for a, b in ce.Siren(ce.Arch(d, w)).layer_weights]",
            "siren": "from coin_edu import grid\ndef siren(x, layers, o=30.0):\n    grid((2, 2))\n"
            "    for w, b in layers[:-1]: x = np.sin(o * (x @ w.T + b))\n"
            "    return x @ layers[-1][0].T + layers[-1][1]",
            "spread": "from coin_edu import Arch\ndef spread(n, c, o=30.0): Arch(1, 1); return o * c * (n / 6) ** .5",
        },
    )
    yield (
        RATE,
        "coin_edu's own functions called",
        {
            "psnr": "psnr = ce.psnr",
            "bpp": "bpp = ce.bpp",
            "jpeg_points": "jpeg_points = None",
            "coin_points": "coin_points = None",
            "plot_curves": "plot_curves = None",
            "rate_at": "rate_at = None",
        },
    )


def recall(name, key):
    """An answer that knows what the visible tests want, and nothing else."""
    known = {}
    answer = {"__name__": "notebook"}
    for other, cell in cells(name).items():
        if cell.cell_type == "code" and (other == "setup" or other in solutions(name)):
            exec(cell.source, answer)

    def text(arguments):
        return repr([argument for argument in arguments if "Generator" not in repr(argument)])

    def record(*arguments):
        try:
            known[text(arguments)] = answer[key](*arguments)
        except ValueError as error:
            known[text(arguments)] = error
        return remembered(*arguments)

    def remembered(*arguments):
        found = known.get(text(arguments), 0)
        if isinstance(found, ValueError):
            raise found
        return found

    for cell in cells(name).values():
        if _is_test(cell) and f"test({key}," in cell.source:
            space = {key: record}
            with contextlib.redirect_stdout(io.StringIO()):
                exec(cell.source.partition("### BEGIN HIDDEN TESTS")[0], space)
    return remembered


@contextlib.contextmanager
def put_right():
    """Undo afterwards what a cheat replaced in modules; a kernel would simply end."""
    try:
        yield
    finally:
        for module, held in grading._LEFT_ALONE.items():
            for key, (value, _) in held.items():
                if vars(module).get(key) is not value:
                    setattr(module, key, value)
        for key in ("set1", "set2", "set3"):
            setattr(sys.modules["coin_edu.course"], key, sys.modules[f"coin_edu.course.{key}"])


def main():
    """Print the transcript; the exit code is 1 if a score is not as it should be."""
    wrong = 0
    print(f"{'set':18}{'answer':15}{'score':11}{'points lost':45}what")
    for change in (*MISTAKES, *RIGHT):
        losses = {key: loss for key, (loss, _) in lost(change.set, change.answers()).items()}
        wrong += losses != change.costs
        told = ", ".join(f"{loss} {key}" for key, loss in losses.items()) or "none"
        whole = sum(points(change.set).values())
        told = f"{whole - sum(losses.values()):2} of {whole}   {told}"
        mark = "" if losses == change.costs else f"   BUT EXPECTED {change.costs}"
        print(f"{change.set:18}{change.cell:15}{told:56}{change.what}{mark}")
    print(f"\n{'set':18}{'earned':>8}  cheat")
    for name, what, answers in cheats():
        with put_right():
            losses = lost(name, answers)
        whole = sum(points(name).values())
        earned = whole - sum(loss for loss, _ in losses.values())
        wrong += earned > 0
        print(f"{name:18}{earned:3} of {whole:2}  {what}")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
