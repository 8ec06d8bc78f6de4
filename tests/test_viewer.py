"""The viewer in Chromium, its WebGL2 computed by SwiftShader: the picture of `decode`, hands, hostile files."""

import base64
import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from coin_edu import Arch, CoinError, decode, pack_model, unpack_model
from coin_edu.arch import ACTIVATIONS
from coin_edu.bitstream import CoinFile, pack, read_header, unpack
from coin_edu.coding import ENTROPY, Coding
from coin_edu.quantization import step_sizes, to_integers, to_numbers, weight_vector
from coin_edu.viewer.page import page as viewer_page
from tests.conftest import needs_constriction
from tests.test_bitstream import version_2
from tests.test_hostile import claim

CHROMIUM = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
PATIENCE = 120_000  # milliseconds
DONE = "canvas[data-state=done]"

# What the tests look at, beside what everyone sees.
INNER = """
globalThis.inner = { readCoin, GraphicsPainter, PlainPainter, get stage() { return stage; },
                     get opened() { return opened; } };
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const textOf = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
inner.paint = async (kind, patch) => {
  const { network, file } = inner.opened;
  if (inner.painter?.network !== network || !(inner.painter instanceof inner[kind])) {
    inner.painter?.close();
    inner.painter = new inner[kind](network, file);
  }
  const { data } = (await inner.painter.paint(patch)).getContext("2d").getImageData(0, 0, patch.columns, patch.rows);
  return textOf(data);
};
inner.weights = async (text) => textOf(new Uint8Array((await readCoin(bytesOf(text))).network.weights.buffer));
inner.refusals = (texts) => Promise.all(texts.map((text) => readCoin(bytesOf(text)).then(() => "", (e) => e.message)));
inner.drop = (name, text) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytesOf(text)], name));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer }));
};
"""


def hooked(text):
    beginning = "const inside = "
    assert text.count(beginning) == 1
    return text.replace(beginning, INNER + beginning)


def base64_of(data):
    return base64.b64encode(data).decode()


class Viewer:
    """A page, and what a test does with it."""

    def __init__(self, page):
        self.page = page

    def drop(self, data, name="a.coin"):
        self.page.evaluate("([name, text]) => inner.drop(name, text)", [name, base64_of(data)])

    def show(self, data, name="a.coin"):
        """Drop a file and wait until it is there."""
        self.page.evaluate("() => document.getElementById('facts').replaceChildren()")
        self.drop(data, name)
        self.page.locator("#facts", has_text=name).wait_for()

    def paint(self, kind, region, size, snap=False):
        """What a painter makes of a region of the picture, uint8 (H, W, 3)."""
        x, y, w, h = region
        patch = dict(x=x + w / 2, y=y + h / 2, step=w / size[0], columns=size[0], rows=size[1], snap=snap)
        text = self.page.evaluate("([kind, patch]) => inner.paint(kind, patch)", [kind, patch])
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(size[1], size[0], 4)[..., :3].astype(int)

    def weights(self, data):
        return base64.b64decode(self.page.evaluate("(text) => inner.weights(text)", base64_of(data)))

    def refusals(self, files):
        return self.page.evaluate("(texts) => inner.refusals(texts)", [base64_of(data) for data in files])

    @property
    def alert(self):
        return self.page.locator("#alert p").inner_text()

    @property
    def view(self):
        return self.page.evaluate("() => { const { x, y, scale } = inner.stage.view; return [x, y, scale]; }")

    def done(self):
        self.page.wait_for_selector(DONE, state="attached")


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """A function that opens a page, with a file inside or none, and hears of its errors and of what it loads."""
    folder, contexts, wrong = tmp_path_factory.mktemp("pages"), [], []

    def make(data=None, script=None, **settings):
        context = browser.new_context(**{"viewport": {"width": 240, "height": 320}} | settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        path = folder / f"{len(contexts)}.html"
        page.on("request", lambda request: wrong.append(request.url))
        if script:
            page.add_init_script(script)
        path.write_text(hooked(viewer_page(data, "a.coin")), "utf-8")
        page.goto(path.as_uri())
        assert wrong.pop(0) == path.as_uri()
        return Viewer(page)

    yield make, contexts, wrong
    for context in contexts:
        context.close()


@pytest.fixture
def new_viewer(opened):
    """A page of the test's own, with a file inside or none."""
    make, contexts, wrong = opened
    yield make
    contexts.pop().close()
    assert not [what for what in wrong if not what.startswith("blob:")]


@pytest.fixture(scope="module")
def shared(opened):
    return opened[0]()


@pytest.fixture
def viewer(shared, opened):
    """A page that saw other files before; starting one takes longer than a test."""
    yield shared
    assert not [what for what in opened[2] if not what.startswith("blob:")]


# the same picture

SHAPE = (48, 64)


def integers(model, coding):
    return pack(CoinFile(SHAPE, model.arch, coding, *to_numbers(weight_vector(model), model.arch, coding)))


def entropy_coded(model, shape=SHAPE, n_bytes=2200):
    steps = step_sizes(model, shape, n_bytes)
    return pack(CoinFile(shape, model.arch, ENTROPY, to_integers(weight_vector(model), model.arch, steps), steps))


NARROWING = Arch(4, 24, fourier=7, ratio=1.55, widths=(24, 14, 8, 6))

KINDS = {
    **{f"{bits} bits": lambda make, bits=bits: pack_model(make(Arch(4, 24)), SHAPE, bits) for bits in (32, 16)},
    **{
        f"{bits} bits by {per}": lambda make, bits=bits, per=per: integers(make(Arch(3, 21)), Coding(bits, per))
        for bits in (8, 4, 2)
        for per in ("tensor", "channel")
    },
    **{
        f"{activation}, {octaves} octaves": lambda make, activation=activation, octaves=octaves: pack_model(
            make(Arch(3, 22, activation, fourier=octaves)), SHAPE
        )
        for activation in ACTIVATIONS
        for octaves in (0, 6)
    },
    "one unit": lambda make: pack_model(make(Arch(1, 1)), SHAPE),
    "deep": lambda make: pack_model(make(Arch(30, 5, "tanh")), SHAPE),
    "wide": lambda make: pack_model(make(Arch(1, 500)), SHAPE),
    "sixteen octaves": lambda make: pack_model(make(Arch(1, 16, "relu", fourier=16)), SHAPE, 32),
    "other frequencies": lambda make: pack_model(make(Arch(3, 20, omega_0=12.5, omega_first=70.0)), SHAPE),
    "tall": lambda make: pack_model(make(Arch(3, 20)), (80, 33)),
    "version 2, 16 bits": lambda make: pack_model(make(NARROWING), SHAPE),
    "version 2, 5 bits": lambda make: integers(make(NARROWING), Coding(5)),
    "version 2, as for 0.3 bpp": lambda make: pack_model(make(Arch.narrowing(0.3, (512, 768))), SHAPE),
    "version 2, widths alone": lambda make: pack_model(make(Arch(3, 20, "gelu", widths=(9, 20, 13))), SHAPE),
    "version 2, frequencies alone": lambda make: pack_model(make(Arch(3, 20, fourier=5, ratio=3.0)), SHAPE),
}
entropy_kind = {
    "entropy-coded": lambda make: entropy_coded(make(Arch(4, 24))),
    "version 2, entropy-coded": lambda make: entropy_coded(make(NARROWING), n_bytes=1200),
}
needed = {name: pytest.param(make, marks=needs_constriction) for name, make in entropy_kind.items()}


@pytest.mark.parametrize("make", [*KINDS.values(), *needed.values()], ids=[*KINDS, *needed])
def test_it_shows_what_decode_gives_within_one_gray_level(viewer, textured, make):
    data = make(textured)
    height, width = read_header(data).shape
    viewer.show(data)
    assert "JavaScript" not in viewer.page.locator("#alert").inner_text()
    for kind in ("PlainPainter", "GraphicsPainter"):
        for region, size in (
            ((0, 0, width, height), (width, height)),
            ((1, 2, 7, 5), (7, 5)),
            ((width // 4, height // 3, 8, 6), (32, 24)),
            ((width // 2, height // 2, 1, 1), (64, 64)),
        ):
            difference = viewer.paint(kind, region, size) - decode(data, size, region)
            assert np.abs(difference).max() <= 1, f"{kind}, {region}"
    pixels = decode(data, (8, 6), (width // 4, height // 3, 8, 6)).astype(int).repeat(4, axis=0).repeat(4, axis=1)
    enlarged = viewer.paint("GraphicsPainter", (width // 4, height // 3, 8, 6), (32, 24), snap=True)
    assert np.abs(enlarged - pixels).max() <= 1


@pytest.mark.parametrize("name", ["kodak15_5x30", "kodak15_10x28"])
def test_a_photograph(viewer, root, name):
    data = (root / "data" / "results" / f"{name}.coin").read_bytes()
    viewer.show(data)
    for region, size in (((300, 200, 48, 32), (48, 32)), ((310, 210, 12, 8), (48, 32)), ((320, 220, 1, 1), (64, 64))):
        assert np.abs(viewer.paint("GraphicsPainter", region, size) - decode(data, size, region)).max() <= 1


def test_deep_zoom_is_exact(viewer, textured):
    model = textured(Arch(3, 20))
    data = pack_model(model, SHAPE, 32)
    viewer.show(data)
    model.double()
    for depth in (2**10, 2**20, 2**30):
        x, y = 32 + 1 / 3, 23 + 1 / 7  # of no float32
        drawn = viewer.paint("GraphicsPainter", (x - 3 / depth, y - 3 / depth, 6 / depth, 6 / depth), (6, 6))
        offsets = (np.arange(6) - 2.5) / depth
        xs, ys = (2 * (x + offsets) - 64) / 64, (2 * (y + offsets) - 48) / 64
        places = torch.from_numpy(np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2))
        exact = (model(places).detach().numpy().clip(0, 1) * 255).reshape(6, 6, 3)
        assert np.abs(drawn - exact).max() < 1
        # Corners of pixels stay where they are.
        split = viewer.paint(
            "GraphicsPainter", (32 - 3 / depth, 23 - 3 / depth, 6 / depth, 6 / depth), (6, 6), snap=True
        )
        four = decode(data, region=(31, 22, 2, 2)).astype(int).repeat(3, axis=0).repeat(3, axis=1)
        assert np.abs(split - four).max() <= 1


# reading


def test_every_weight_is_read_to_its_last_bit(viewer, textured):
    rng = np.random.default_rng(0)
    files = [make(textured) for make in KINDS.values()]
    halves = np.array([0.0, -0.0, 6e-8, -6e-5, 65504, 1 / 3, np.inf, np.nan, 1e-4], np.float16)
    files.append(pack(CoinFile((5, 4), Arch(1, 1), Coding(16), halves[[0, 1, 2, 3, 4, 5, 5, 8, 8]])))
    for data in files:
        assert viewer.weights(data) == unpack(data).values.tobytes()
    for bits in range(2, 9):
        arch = Arch(2, int(rng.integers(1, 9)), outputs=3)
        coding = Coding(bits, "channel")
        ends = 2 ** (coding.widths(arch) - 1)
        steps = np.abs(rng.normal(size=coding.n_steps(arch))).astype(np.float32)
        data = pack(CoinFile((5, 4), arch, coding, rng.integers(-ends, ends).astype(np.int16), steps))
        assert viewer.weights(data) == unpack(data).values.tobytes()


@needs_constriction
def test_every_entropy_coded_weight_is_read_to_its_last_bit(viewer):
    rng = np.random.default_rng(0)
    for spread in (-4, -2, 0, 1, 2.5, 4, 6, 9, 11):
        arch = Arch(int(rng.integers(1, 5)), int(rng.integers(1, 40)), fourier=int(rng.integers(0, 3)))
        integers = np.rint(rng.normal(0, 2.0**spread, arch.n_weights)).astype(np.int16)
        assert_read_exactly(viewer, coded(arch, integers))


@needs_constriction
def test_matrices_are_read_to_their_last_bit_however_they_are_split(viewer):
    rng, kinds = np.random.default_rng(0), set()
    for spread in (-2, 0, 2, 4, 6):
        widths = tuple(int(width) for width in rng.integers(2, 50, 4))
        arch = Arch(4, max(widths), fourier=int(rng.integers(0, 9)), ratio=1.5, widths=widths)
        tensors = []
        for number, (rows, columns) in enumerate(arch.layer_shapes):
            sizes = (np.ones((rows, 1)), 2.0 ** rng.uniform(-3, 3, (rows, 1)), 2.0 ** rng.uniform(-3, 3, columns))
            tensors += [sizes[number % 3] * rng.normal(0, 2.0**spread, (rows, columns)), rng.normal(0, 9, rows)]
        data = coded(arch, np.concatenate([np.rint(tensor).ravel() for tensor in tensors]).astype(np.int16))
        assert_read_exactly(viewer, data)
        start = 36 + 4 + 2 * 4 + 2 * len(tensors)
        kinds |= set(data[start : start + 3 * len(tensors) : 3])
    assert kinds == {0, 1, 2}, "whole, by rows, by columns"


def coded(arch, integers):
    """A file of these integers, entropy-coded, its steps anything."""
    steps = np.abs(np.random.default_rng(0).normal(size=ENTROPY.n_steps(arch))).astype(np.float16)
    return pack(CoinFile((5, 4), arch, ENTROPY, integers, steps.astype(np.float32)))


def assert_read_exactly(viewer, data):
    assert viewer.weights(data) == unpack(data).values.tobytes()


def resealed(data):
    return data[:-4] + struct.pack("<I", zlib.crc32(data[:-4]))


def test_what_is_damaged_is_refused_as_python_refuses_it(viewer, coin):
    flipped = [coin[:i] + bytes([coin[i] ^ 1 << bit]) + coin[i + 1 :] for i in range(0, 60) for bit in (0, 3, 7)]
    shorter = [coin[:length] for length in range(0, len(coin), 7)]
    refused = viewer.refusals([*flipped, *shorter, coin + b"\0", b"\x89PNG\r\n\x1a\n"])
    assert all(refused)
    assert {"the checksum does not fit: the file was changed or damaged on its way; get it again"} <= set(refused)
    assert "truncated: a .coin file has at least 40 bytes, got 35" in refused
    assert "version 0 of the format; this page knows versions 1 and 2" in refused[12]


def test_a_changed_header_is_refused_where_python_refuses_it(viewer, textured, coin):
    data = pack_model(textured(NARROWING), SHAPE)
    files = [
        resealed(whole[:i] + bytes([whole[i] ^ 1 << bit]) + whole[i + 1 :])
        for whole, end in ((coin, 36), (data, 36 + 4 + 2 * 4))
        for i in range(end)
        for bit in (0, 3, 7)
    ]
    changes = (
        dict(),
        dict(fourier=2, n_floats=44),
        dict(fourier=16, ratio=2.0, n_floats=212),
        dict(fourier=16, ratio=2.5, n_floats=212),
        dict(fourier=1, ratio=4.0, n_floats=32),
        dict(fourier=1, ratio=2.0, widths=(3, 3), n_floats=39),
        dict(fourier=1, ratio=2.5, widths=(3, 3), n_floats=39),
        dict(ratio=2.5, widths=(3, 3), n_floats=33),
        *[dict(ratio=ratio) for ratio in (-1.5, 0.0, 1.0, 1.0000001, 4.0, 4.5, float("nan"), float("inf"))],
        *[dict(widths=widths) for widths in ((2, 2), (3, 0), (3,), (3, 4), (3, 65535), (2, 3), (3, 1))],
        *[dict(units=units) for units in (0, 2, 4, 65535)],
        *[dict(depth=depth) for depth in (0, 1, 3, 255)],
        dict(version=1),
        dict(version=3),
        dict(length=51),
        dict(depth=2, units=65535, widths=(65535, 65534)),
    )
    files += [version_2(**some) for some in changes]
    outcomes = set()
    for data, message in zip(files, viewer.refusals(files), strict=True):
        try:
            unpack_model(data)
        except CoinError as error:
            assert message, f"{data[:60].hex()}: {error}"
        else:
            assert not message, f"{data[:60].hex()}: {message}"
        outcomes.add((data[4], bool(message)))
    assert {(1, True), (1, False), (2, True), (2, False)} <= outcomes


@pytest.mark.parametrize(
    "fields",
    [
        dict(width=100_000, height=100_000),
        dict(width=0),
        dict(depth=255, units=65535),
        dict(depth=0),
        dict(units=0),
        dict(coding=3, bits=0, first_bits=0, depth=255, units=60),
        dict(coding=2, bits=8, first_bits=8, depth=255, units=65535),
        dict(fourier=255),
        dict(length=2**32 - 1),
        dict(omega_0=float("nan")),
        dict(version=9),
        dict(version=2),
        dict(version=2, depth=255, units=65535),
        dict(version=2, ratio=1.5, widths=(65535, 1, 65535), coding=3, bits=0, first_bits=0),
        dict(version=2, ratio=4.0, widths=(3, 65535), fourier=16),
    ],
    ids=lambda fields: ",".join(f"{name}={value}" for name, value in fields.items()),
)
def test_a_header_that_claims_much_ends_in_a_message(viewer, fields):
    viewer.drop(claim(**fields), "liar.coin")
    viewer.page.locator("#alert", has_text="liar.coin: ").wait_for()
    viewer.page.locator("[data-action=dismiss]").click()


def test_plain_javascript_needs_no_scheduler(viewer, coin):
    """Some browsers have none."""
    viewer.show(coin)
    viewer.page.evaluate("() => Object.defineProperty(globalThis, 'scheduler', { value: null, configurable: true })")
    try:
        painted = viewer.paint("PlainPainter", (0, 0, 16, 12), (16, 12))
    finally:
        viewer.page.evaluate("() => { delete globalThis.scheduler; }")
    assert np.abs(painted - decode(coin)).max() <= 1


@needs_constriction
@pytest.mark.parametrize("arch, end", [(Arch(3, 10), 70), (NARROWING, 200)], ids=str)
def test_damaged_entropy_coding_ends_in_a_message(viewer, textured, arch, end):
    data = entropy_coded(textured(arch), n_bytes=1000)
    rng, damaged = np.random.default_rng(0), []
    for number in range(40):  # half of them before the range coder's words
        at = int(rng.integers(36, end if number % 2 else len(data) - 4))
        damaged.append(resealed(data[:at] + bytes([rng.integers(256)]) + data[at + 1 :]))
    for changed, message in zip(damaged, viewer.refusals(damaged), strict=True):
        try:
            unpack(changed)
        except CoinError:
            assert message
        else:
            assert not message
            assert viewer.weights(changed) == unpack(changed).values.tobytes()


def test_a_message_leaves_the_picture_before_it(viewer, coin):
    viewer.show(coin, "good.coin")
    viewer.drop(coin[:-1], "bad.coin")
    viewer.page.locator("#alert", has_text="bad.coin: ").wait_for()
    assert "good.coin" in viewer.page.locator("#facts").inner_text()
    viewer.page.locator("[data-action=dismiss]").click()
    assert viewer.page.locator("#alert").is_hidden()


# work without end


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38, 1e20])
def test_weights_beyond_measure_give_black_or_some_color(viewer, value):
    arch = Arch(2, 4)
    weights = np.random.default_rng(0).normal(0, 0.5, arch.n_weights).astype(np.float32)
    weights[-1] = value
    data = pack(CoinFile(SHAPE, arch, Coding(32), weights)) if np.isfinite(value) else sealed_floats(arch, weights)
    viewer.show(data)
    for kind in ("GraphicsPainter", "PlainPainter"):
        drawn = viewer.paint(kind, (0, 0, 64, 48), (64, 48))
        assert np.abs(drawn - decode(data).astype(int)).max() <= 1


def sealed_floats(arch, weights):
    """A file that `pack` would refuse to write."""
    data = pack(CoinFile(SHAPE, arch, Coding(32), np.zeros_like(weights)))
    return resealed(data[:36] + weights.tobytes() + data[-4:])


@pytest.mark.parametrize(
    "arch, word",
    [(Arch(1, 65535), "too wide for a shader"), (Arch(4, 1500), "too wide for a shader"), (Arch(3, 900), "")],
    ids=str,
)
def test_a_network_of_millions_of_weights_does_not_hang_the_page(viewer, coin, arch, word):
    coding = Coding(2, first_bits=2)
    steps = np.full(coding.n_steps(arch), 1e-3, np.float32)
    data = pack(CoinFile((2000, 3000), arch, coding, np.ones(arch.n_weights, np.int16), steps))
    viewer.show(data, "huge.coin")
    assert word in viewer.page.locator("#alert").inner_text()
    press(viewer, "+", "ArrowLeft")
    viewer.show(coin, "small.coin")
    viewer.done()


def test_the_largest_picture_is_shown_and_saved_no_larger_than_canvases_are(viewer, coin):
    large = replace(unpack(coin), shape=(2**13, 2**14))
    viewer.show(pack(large), "large.coin")
    viewer.done()
    viewer.page.locator("#save summary").click()
    assert viewer.page.locator("#sizes button").count() == 1


# hands


def press(viewer, *keys):
    for key in keys:
        viewer.page.keyboard.press(key)


def test_it_is_painted_coarse_to_fine(new_viewer, root):
    script = """addEventListener("DOMContentLoaded", () => {
      globalThis.blocks = [];
      new MutationObserver(() => blocks.push(+document.getElementById("canvas").dataset.block)).observe(
        document.getElementById("canvas"), { attributeFilter: ["data-block"] });
    });"""
    viewer = new_viewer((root / "data/results/kodak15_5x30.coin").read_bytes(), script)
    viewer.done()
    blocks = viewer.page.evaluate("() => blocks")
    assert len(blocks) > 1 and blocks == sorted(blocks, reverse=True) and blocks[-1] == 1


def test_the_canvas_shows_the_picture(new_viewer, textured):
    data = pack_model(textured(Arch(3, 16)), (150, 200))
    viewer = new_viewer(data, viewport={"width": 200, "height": 300})
    press(viewer, "1")
    viewer.done()
    picture = np.asarray(Image.open(io.BytesIO(viewer.page.locator("#canvas").screenshot())).convert("RGB")).astype(int)
    top, left = (round(viewer.page.evaluate(f"() => inner.stage.view.{name}(0)")) for name in ("top", "left"))
    assert left == 0
    seen = picture[top + 40 : top + 90, 5:195]  # beside the tools
    assert np.abs(seen - decode(data)[40:90, 5:195]).max() <= 1


def test_keys(viewer, coin):
    viewer.show(coin)
    (x, y, fit), page = viewer.view, viewer.page
    press(viewer, "+", "=")
    assert viewer.view == pytest.approx([x, y, fit * 1.5**2])
    press(viewer, "-")
    press(viewer, "ArrowRight", "ArrowDown")
    moved = viewer.view
    assert moved[0] > x and moved[1] > y and moved[2] == pytest.approx(fit * 1.5)
    press(viewer, "ArrowLeft", "ArrowUp")
    assert viewer.view == pytest.approx([x, y, fit * 1.5])
    press(viewer, "1")
    assert viewer.view[2] == pytest.approx(1) and page.locator("#zoom").inner_text() == "1.00×"
    press(viewer, "0")
    assert viewer.view == [x, y, fit]
    press(viewer, "c", "g")
    assert page.locator("[data-action=compare]").get_attribute("aria-pressed") == "true"
    assert page.locator("[data-action=grid]").get_attribute("aria-pressed") == "true"
    assert page.locator("#divider").is_visible() and page.evaluate("() => inner.stage.grid")
    press(viewer, "c", "s")
    assert page.locator("#divider").is_hidden() and page.locator("#sizes").is_visible()
    press(viewer, "Escape")
    assert page.locator("#sizes").is_hidden()
    viewer.done()


def test_wheel_and_drag_and_pinch(viewer, coin):
    viewer.show(coin)
    page, (x, y, scale) = viewer.page, viewer.view
    box = page.locator("#canvas").bounding_box()
    mouse = box["x"] + box["width"] // 2 + 30, box["y"] + box["height"] // 2 - 20
    right, down = 30 - box["width"] % 2 / 2, -20 - box["height"] % 2 / 2  # of the middle
    page.mouse.move(*mouse)
    page.mouse.wheel(0, -250)
    while viewer.view[2] == scale:
        page.wait_for_timeout(20)
    zoomed = viewer.view
    assert zoomed[2] == pytest.approx(2 * scale)
    # Sides of the canvas are rounded to whole pixels.
    assert zoomed[0] + right / zoomed[2] == pytest.approx(x + right / scale, abs=1 / scale)
    assert zoomed[1] + down / zoomed[2] == pytest.approx(y + down / scale, abs=1 / scale)

    page.mouse.down()
    page.mouse.move(mouse[0] - 25, mouse[1] + 10, steps=3)
    page.mouse.up()
    dragged = viewer.view
    assert dragged == pytest.approx([zoomed[0] + 25 / zoomed[2], zoomed[1] - 10 / zoomed[2], zoomed[2]], abs=0.02)

    page.evaluate(
        """([x, y]) => {
          const canvas = document.getElementById("canvas");
          canvas.setPointerCapture = () => {}; // no such finger is on the glass
          const finger = (name, pointerId, dx) => canvas.dispatchEvent(
            new PointerEvent(name, { pointerId, clientX: x + dx, clientY: y, pointerType: "touch" }));
          finger("pointerdown", 7, -20); finger("pointerdown", 8, 20);
          finger("pointermove", 7, -40); finger("pointermove", 8, 40);
          finger("pointerup", 7, -40); finger("pointerup", 8, 40);
        }""",
        [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
    )
    assert viewer.view == pytest.approx([*dragged[:2], 2 * dragged[2]], abs=0.02)
    viewer.done()


def test_any_depth_and_back(viewer, coin):
    viewer.show(coin)
    page = viewer.page
    for _ in range(80):
        page.locator("[data-action=in]").click(no_wait_after=True)
    assert viewer.view[2] == 2**36 and page.locator("#zoom").inner_text() == "68.7 bn×"
    before = viewer.view[0]
    press(viewer, "ArrowRight")
    width = page.evaluate("() => inner.stage.view.width")
    assert viewer.view[0] - before == pytest.approx(width / 10 / 2**36, rel=0.01)
    viewer.done()
    press(viewer, "0")
    viewer.done()


def test_the_divider_swipes(viewer, textured):
    data = pack_model(textured(Arch(3, 16)), (24, 24))
    viewer.show(data)
    page = viewer.page
    press(viewer, "c", "+", "+")
    viewer.done()

    def halves():
        text = page.evaluate("() => document.getElementById('canvas').toDataURL()")
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(text.split(",")[1]))).convert("RGB")).astype(int)
        rows = picture[len(picture) // 2 - 40 : len(picture) // 2 + 40]
        return [(np.abs(np.diff(part, axis=1)).sum(axis=2) > 0).mean() for part in np.array_split(rows, 2, axis=1)]

    left, right = halves()
    assert left < 0.5 < right, "steps on the left, slopes on the right"
    box = page.locator("#divider").bounding_box()
    page.mouse.move(box["x"] + 22, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 22 - 100, box["y"] + 30, steps=3)
    page.mouse.up()
    part = page.evaluate("() => inner.stage.divider")
    assert part == pytest.approx(0.5 - 100 / 240, abs=0.01)
    assert min(halves()) > 0.5
    page.locator("#divider").focus()
    press(viewer, "ArrowRight")
    assert page.evaluate("() => inner.stage.divider") == pytest.approx(part + 0.02)
    assert page.locator("#divider").get_attribute("aria-valuenow") == str(round(100 * part + 2))


def test_png_export(viewer, textured):
    data = pack_model(textured(Arch(3, 16)), (30, 40))
    viewer.show(data, "photo.coin")
    for index, name, size in ((1, "photo.png", (40, 30)), (3, "photo_4x.png", (160, 120)), (0, "photo_view.png", None)):
        viewer.page.locator("#save summary").click()
        with viewer.page.expect_download() as download:
            viewer.page.locator("#sizes button").nth(index).click()
        assert download.value.suggested_filename == name
        with Image.open(download.value.path()) as picture:
            assert picture.format == "PNG"
            if size:
                pixels = np.asarray(picture.convert("RGB")).astype(int)
                assert np.abs(pixels - decode(data, size)).max() <= 1
    assert viewer.page.locator("#alert").is_hidden()


def test_a_large_export_can_be_stopped(viewer, textured):
    viewer.show(pack_model(textured(Arch(4, 300)), (600, 800)))
    viewer.page.locator("#save summary").click()
    viewer.page.locator("#sizes button").last.click()
    viewer.page.locator("#alert", has_text="saving: ").wait_for()
    press(viewer, "Escape")
    viewer.page.locator("#alert").wait_for(state="hidden")


def test_a_file_is_chosen_and_a_bad_one_before_it_told(new_viewer, coin, tmp_path):
    viewer = new_viewer()
    viewer.drop(coin[:-1], "bad.coin")
    viewer.page.locator("#alert", has_text="bad.coin: ").wait_for()
    assert viewer.page.locator("#welcome").is_visible()
    press(viewer, "Escape")
    assert viewer.page.locator("#alert").is_hidden()
    (tmp_path / "chosen.coin").write_bytes(coin)
    with viewer.page.expect_file_chooser() as chooser:
        viewer.page.get_by_text("choose a file").click()
    chooser.value.set_files(tmp_path / "chosen.coin")
    viewer.page.locator("#facts", has_text="chosen.coin").wait_for()
    assert viewer.page.title() == "chosen.coin, coin_edu viewer"
    assert viewer.page.locator("#welcome").is_hidden()


def test_facts(new_viewer, coin):
    viewer = new_viewer(coin)
    viewer.done()
    facts = "a.coin 16×12 pixels 2x8 sine 123 weights, 16-bit floats 286 bytes 11.9 bits per pixel"
    assert " ".join(viewer.page.locator("#facts").inner_text().split()) == facts


def test_facts_of_version_2(viewer, textured):
    viewer.show(pack_model(textured(NARROWING), SHAPE), "b.coin")
    facts = " ".join(viewer.page.locator("#facts").inner_text().split())
    assert "24-14-8-6 sine, 7 frequencies 1,241 weights, 16-bit floats" in facts


# what may be missing

NO_WEBGL = """
const getContext = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind === "webgl2" ? null : getContext.call(this, kind, ...rest);
};
"""
MEDIUMP = """
WebGL2RenderingContext.prototype.getShaderPrecisionFormat = () => ({ precision: 10, rangeMin: 14, rangeMax: 14 });
"""


@pytest.mark.parametrize(
    "script, word", [(NO_WEBGL, "this browser has no WebGL2"), (MEDIUMP, "shaders here have 10 bits of precision")]
)
def test_where_there_is_no_webgl2_it_is_plain_javascript_on_a_small_canvas(new_viewer, coin, script, word):
    viewer = new_viewer(coin, script, viewport={"width": 600, "height": 500})
    viewer.done()
    assert word in viewer.alert and "plain JavaScript, on a small canvas" in viewer.alert
    assert viewer.page.evaluate("() => inner.stage.painter instanceof inner.PlainPainter")
    assert int(viewer.page.locator("#canvas").get_attribute("data-block")) > 1


def test_a_graphics_card_that_is_taken_away(new_viewer, coin):
    viewer = new_viewer(coin)
    viewer.done()
    viewer.page.evaluate("() => inner.stage.painter.gl.getExtension('WEBGL_lose_context').loseContext()")
    press(viewer, "+")
    viewer.page.locator("#alert", has_text="taken away").wait_for()
    viewer.done()
    assert viewer.page.evaluate("() => inner.stage.painter instanceof inner.PlainPainter")


def test_on_a_phone(new_viewer, coin):
    viewer = new_viewer(coin, viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    viewer.done()
    page = viewer.page
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    box = page.locator("nav").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert all(button.bounding_box()["height"] >= 40 for button in page.locator("nav > button").all())
    assert "two fingers" in page.locator("#hint").inner_text()
