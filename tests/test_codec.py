import math
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coin_edu import (
    Arch,
    CoinError,
    bpp,
    codec,
    decode,
    decode_progressive,
    encode,
    fit,
    fit_steps,
    grid,
    pack_model,
    photo,
    psnr,
    render,
    rendering,
    unpack_model,
)
from coin_edu.bitstream import HEADER, CoinFile, pack, unpack
from coin_edu.codec import Plan, pack_fit, plan
from coin_edu.coding import ENTROPY, Coding
from coin_edu.data import recorded
from coin_edu.engine.batch import Batch
from coin_edu.engine.forward import evaluate
from coin_edu.files import read_bytes, write_bytes
from tests.conftest import needs_constriction

# More pixels than are evaluated at once, and no multiple of anything.
SHAPE = (70, 97)


@pytest.fixture(scope="module")
def data(textured):
    return pack_model(textured(Arch(3, 10)), SHAPE)


@pytest.fixture(scope="module")
def whole(data):
    return decode(data)


@pytest.fixture(scope="module")
def photograph():
    return np.ascontiguousarray(photo()[::3, ::3])


@pytest.fixture(scope="module")
def fitted(photograph):
    return fit(photograph, Arch(10, 28), 60, device="cpu", progress=False)


def quick(image, *arguments, **keywords):
    return encode(image, *arguments, **{"steps": 1, "device": "cpu", "progress": False, **keywords})


# A real photograph


def test_a_photographs_file_decodes_to_the_psnr_that_the_fit_reported(tmp_path, photograph, fitted):
    write_bytes(tmp_path / "photo.coin", pack_model(fitted.model, photograph.shape))
    decoded = decode(read_bytes(tmp_path / "photo.coin"))
    assert fitted.psnr > 15, "the fit learned nothing that quantization could lose"
    assert psnr(photograph, decoded) == pytest.approx(fitted.psnr, abs=0.05)


def test_half_precision_costs_a_photograph_less_than_a_tenth_of_a_decibel(photograph, fitted):
    half, single = (psnr(photograph, decode(pack_model(fitted.model, photograph.shape, bits))) for bits in (16, 32))
    assert abs(single - half) < 0.1
    assert single == pytest.approx(fitted.psnr, abs=0.01)


def test_a_photographs_file_keeps_within_its_budget(photograph):
    data = quick(photograph, 0.3, steps=0)
    assert 0.27 < bpp(data, photograph.shape) <= 0.3
    assert len(quick(photograph, steps=0)) == len(data), "0.3 bpp is the default"


# Encoding


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.floats(0.1, 12),
    st.sampled_from(Coding.PLAIN),
    st.integers(0, 1),
)
@settings(max_examples=25)
def test_encode_never_exceeds_its_budget(make_image, shape, budget, bits, steps):
    try:
        data = quick(make_image(*shape), budget, bits=bits, steps=steps)
    except CoinError as error:
        assert "smallest network needs" in str(error)
        assert bpp(Arch(1, 1).n_bytes(bits), shape) > budget
        return
    assert bpp(data, shape) <= budget
    assert decode(data).shape == (*shape, 3)


def test_what_is_encoded_says_so(image, arch):
    data = quick(image, arch=arch, bits=7)
    model, shape = unpack_model(data)
    assert (model.arch, shape, len(data)) == (arch, (12, 16), arch.n_bytes(7))


@needs_constriction
@given(st.tuples(st.integers(6, 40), st.integers(6, 40)), st.floats(1, 12), st.integers(0, 12))
@settings(max_examples=12)
def test_an_entropy_coded_file_never_exceeds_its_budget(make_image, shape, budget, steps):
    try:
        data = quick(make_image(*shape), budget, coding="entropy", steps=steps)
    except CoinError as error:
        assert "smaller" in str(error) or "smallest" in str(error)
        return
    assert bpp(data, shape) <= budget
    assert decode(data).shape == (*shape, 3) and unpack(data).coding == ENTROPY


@needs_constriction
def test_an_entropy_coded_file_decodes_to_the_psnr_that_the_fit_reported(photograph):
    small = photograph[::6, ::6]
    task = plan(small.shape, 2.0, coding="entropy")
    done = fit(small, task.arch, 300, device="cpu", n_bytes=task.n_bytes, progress=False)
    data = pack_fit(done)
    assert 0.9 * task.n_bytes < len(data) <= task.n_bytes
    assert psnr(small, decode(data)) == pytest.approx(done.psnr, abs=0.02)


@needs_constriction
def test_a_fit_stopped_before_it_rounds_still_keeps_within_its_budget(image, arch):
    for report in fit_steps(image, arch, 40, device="cpu", n_bytes=180, every=10):
        if report.step == 20:
            break
    assert report.state.step_sizes is None and len(pack_fit(report.state)) <= 180


@needs_constriction
def test_a_network_given_for_entropy_coding_is_kept(image, arch):
    assert plan((12, 16), None, arch, coding="entropy") == Plan(arch, ENTROPY, arch.n_bytes(6))
    assert plan((12, 16), 10, arch, coding="entropy") == Plan(arch, ENTROPY, 240)
    assert unpack(quick(image, 10, arch=arch, coding="entropy")).arch == arch


@pytest.mark.parametrize("rate", [0.93, 1.2, 24, 1e6])
def test_a_budget_for_more_weights_than_a_file_may_hold_gets_the_largest_network(rate):
    below = plan((2048, 3072), 0.6, coding="entropy")
    assert below.arch.n_weights > 500_000 and not below.is_largest
    task = plan((2048, 3072), rate, coding="entropy")
    assert task.is_largest and 1_000_000 < task.arch.n_weights <= 2**20
    assert task.n_bytes == math.floor(rate * 2048 * 3072 / 8)


def test_a_given_network_beyond_what_a_file_may_hold_is_refused_before_the_fit():
    with pytest.raises(CoinError, match="a network has at most 1,048,576 weights, got 1,"):
        plan((2048, 3072), 1.2, "10x400", coding="entropy")


@pytest.mark.parametrize("rate", ["0.3x", "0.3", "3", [0.3], True, math.nan, math.inf, 3j])
@pytest.mark.parametrize("arch", [None, "2x8"])
@pytest.mark.parametrize("coding", ["plain", "entropy"])
def test_a_rate_that_is_no_number_is_refused_in_words(rate, arch, coding):
    with pytest.raises(CoinError, match="bits per pixel"):
        plan((64, 64), rate, arch, coding=coding)


def test_a_network_over_the_budget_is_refused_with_advice(image, arch):
    with pytest.raises(CoinError, match=r"2x8 network at 16 bits takes 286 bytes, 11.92 bpp, over the 8 bpp.*for_bpp"):
        quick(image, 8, arch=arch)
    assert bpp(quick(image, 11.92, arch=arch), image.shape) <= 11.92
    assert bpp(quick(image, 8, arch=arch, bits=5), image.shape) <= 8


@pytest.mark.parametrize(
    "keywords",
    [
        dict(bits=9),
        dict(bits=0),
        dict(bits=7.5),
        dict(bpp=0.01),
        dict(bpp=0),
        dict(bpp=float("nan")),
        dict(bpp=float("inf")),
        dict(bpp=float("nan"), arch=Arch(2, 8)),
        dict(arch=Arch(2, 4100)),
        dict(arch=Arch(2, 8, outputs=1)),
        dict(arch=Arch(2, 8, inputs=3)),
        dict(image=np.zeros((12, 16), np.uint8)),
        dict(image=np.zeros((12, 16, 3))),
        dict(steps=-1),
        dict(recipe="slow"),
        dict(coding="zip"),
        dict(coding="entropy", bpp=0.01),
        dict(coding="entropy", bpp=float("nan"), arch=Arch(2, 8)),
        dict(coding="entropy", bpp=2, arch=Arch(2, 8)),
        dict(coding="entropy", arch=Arch(2, 1100)),
        dict(device="nonsense"),
    ],
    ids=lambda keywords: ",".join(f"{k}={'...' if k == 'image' else v}" for k, v in keywords.items()),
)
def test_what_cannot_be_encoded_is_refused_before_the_fit(monkeypatch, image, keywords):
    def step(*_):
        raise AssertionError("a fit, perhaps of hours, was begun")

    monkeypatch.setattr(Batch, "run", step)
    with pytest.raises(CoinError):
        quick(**{"image": image, "arch": None if "bpp" in keywords else Arch(2, 8), **keywords})


@pytest.mark.parametrize(
    "view",
    [
        lambda a: np.broadcast_to(a, a.shape),
        lambda a: np.asfortranarray(a),
        lambda a: a[::-1],
        lambda a: a[:, ::-1],
        lambda a: a[:, :, ::-1],
        lambda a: a[::2, ::3],
        lambda a: a.transpose(1, 0, 2),
    ],
    ids=["read-only", "Fortran order", "upside down", "mirrored", "BGR", "every second", "transposed"],
)
def test_a_view_is_encoded_as_its_copy(image, arch, view):
    assert quick(view(image), arch=arch) == quick(view(image).copy(), arch=arch)


def test_encoding_leaves_the_picture_as_it_was(image, arch):
    before = image.copy()
    quick(image, arch=arch)
    assert np.array_equal(image, before)


def test_the_same_seed_gives_the_same_file(image, arch):
    assert quick(image, arch=arch, seed=1) == quick(image, arch=arch, seed=1) != quick(image, arch=arch, seed=2)


# Decoding


def test_decode_evaluates_the_network_at_every_pixel(data, whole):
    model, _ = unpack_model(data)
    with torch.no_grad():
        colors = model.double()(torch.from_numpy(grid(SHAPE)).double()).numpy().reshape(*SHAPE, 3)
    assert whole.dtype == np.uint8 and whole.std() > 40
    assert np.abs(whole - np.clip(colors * 255, 0, 255)).max() < 0.51
    assert (whole == 0).any() and (whole == 255).any(), "no color was clamped, so clamping was not tested"


def test_a_photographs_colors_are_those_of_exact_arithmetic_and_so_the_same_on_every_machine():
    data, region = read_bytes(recorded("coffee_0.3.coin")), (100, 100, 240, 160)
    model, shape = unpack_model(data)
    with torch.no_grad():
        exact = model.double()(torch.from_numpy(grid(shape, region)).double()).mul(255).clamp(0, 255)
    # Half a level is rounding; of what is more, one machine may have the one, another the other of two neighbors.
    assert np.abs(decode(data, region=region).reshape(-1, 3) - exact.numpy()).max() < 0.505


@given(draws=st.data())
def test_a_region_is_exactly_the_crop(data, whole, draws):
    height, width = SHAPE
    x, y = draws.draw(st.integers(0, width - 1)), draws.draw(st.integers(0, height - 1))
    w, h = draws.draw(st.integers(1, width - x)), draws.draw(st.integers(1, height - y))
    assert np.array_equal(decode(data, region=(x, y, w, h)), whole[y : y + h, x : x + w])


NARROWING = Arch.of("24-12-8-8")


@pytest.mark.parametrize(
    "arch", [Arch(1, 1), Arch(5, 20), Arch(10, 28), Arch(13, 49), Arch(2, 8, fourier=4), NARROWING], ids=str
)
def test_regions_of_other_networks_are_exact_too(textured, arch):
    data = pack_model(textured(arch), SHAPE)
    whole = decode(data)
    for x, y, w, h in [(0, 0, 97, 70), (3, 5, 1, 1), (96, 69, 1, 1), (11, 0, 13, 70), (0, 31, 97, 1), (50, 20, 33, 37)]:
        assert np.array_equal(decode(data, region=(x, y, w, h)), whole[y : y + h, x : x + w])
    *_, last = decode_progressive(data)
    assert np.array_equal(last, whole)


@pytest.mark.parametrize("width", [1, 5, 9, 28, 39])
def test_a_color_does_not_depend_on_the_row_it_is_computed_in(textured, width):
    arch = Arch(3, width)
    layers = rendering._widened(textured(arch), torch.device("cpu"))
    places = torch.from_numpy(grid((64, 64)))
    for rows in (1, 2, 3, 1025):
        rolled = evaluate(arch, layers, places.roll(rows, 0)).roll(-rows, 0)
        assert torch.equal(rolled, evaluate(arch, layers, places))


def test_the_network_always_sees_equally_many_places_at_once(monkeypatch, data):
    # A product of another length may round otherwise, and once in a million pixels that shows.
    evaluate, lengths = rendering.evaluate, set()
    monkeypatch.setattr(rendering, "evaluate", lambda arch, layers, x: lengths.add(len(x)) or evaluate(arch, layers, x))
    decode(data)
    decode(data, size=(3, 2), region=(5, 5, 1, 1))
    list(decode_progressive(data))
    assert len(lengths) == 1


def test_three_times_the_size_contains_the_picture(data, whole):
    large = decode(data, size=(3 * 97, 3 * 70))
    assert large.shape == (210, 291, 3)
    assert np.abs(large[1::3, 1::3].astype(int) - whole).max() <= 1
    assert len(np.unique(large.reshape(-1, 3), axis=0)) > len(np.unique(whole.reshape(-1, 3), axis=0)), "only enlarged"


def test_twice_the_size_averages_to_the_picture(textured):
    data = pack_model(textured(Arch(2, 8, omega_0=5.0, omega_first=5.0)), SHAPE)
    large = decode(data, size=(2 * 97, 2 * 70)).astype(float)
    difference = np.abs(large.reshape(70, 2, 97, 2, 3).mean((1, 3)) - decode(data))
    assert difference.max() < 4 and difference.mean() < 0.5


@pytest.mark.parametrize("size", [(97, 70), (1, 1), (10, 200), (31, 7)])
def test_any_size(data, whole, size):
    decoded = decode(data, size=size)
    assert decoded.shape == (size[1], size[0], 3)
    assert size != (97, 70) or np.array_equal(decoded, whole)


def test_size_and_region_together(data, whole):
    large = decode(data, size=(60, 30), region=(20, 10, 20, 10))
    assert large.shape == (30, 60, 3)
    assert np.abs(large[1::3, 1::3].astype(int) - whole[10:20, 20:40]).max() <= 1
    assert np.array_equal(decode(data, (20, 10), (20, 10, 20, 10)), whole[10:20, 20:40])


@pytest.mark.parametrize("bits", Coding.PLAIN)
def test_render_shows_what_decode_does(textured, bits):
    data = pack_model(textured(Arch(2, 8)), (12, 16), bits)
    model, shape = unpack_model(data)
    assert np.array_equal(render(model, shape), decode(data))
    assert np.array_equal(render(model, (12, 16, 3), (5, 6), (1, 2, 3, 4)), decode(data, (5, 6), (1, 2, 3, 4)))


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_change_a_pixel(data, whole, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert np.array_equal(decode(data), whole)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1)])
def test_thin_pictures(textured, shape):
    data = pack_model(textured(Arch(2, 8)), shape)
    assert decode(data).shape == (*shape, 3)
    assert all(frame.shape == (*shape, 3) for frame in decode_progressive(data))


@pytest.mark.parametrize("region", [(0, 0, 98, 1), (97, 0, 1, 1), (-1, 0, 1, 1), (0, 0, 0, 0)])
def test_a_region_outside_is_refused(data, region):
    with pytest.raises(CoinError, match="not inside the picture of 97x70 pixels"):
        decode(data, region=region)


@pytest.mark.parametrize("size", [(0, 1), (100_000, 100_000), (10**15, 1), (1, 10**15)])
def test_a_size_of_nothing_or_too_much_is_refused(data, size):
    with pytest.raises(CoinError, match=f"{size[0]}x{size[1]}"):
        decode(data, size=size)


def test_more_work_than_minutes_is_refused_but_a_part_is_decoded(monkeypatch, data):
    monkeypatch.setattr(rendering, "MAX_WORK", 100_000)
    for whole in (decode, lambda given: next(decode_progressive(given))):
        with pytest.raises(CoinError, match=r"97x70 pixels of a network of 283 weights.*smaller size, or by regions"):
            whole(data)
    assert decode(data, region=(3, 4, 5, 6)).shape == (6, 5, 3)


def test_decoding_takes_little_memory_beside_the_picture(textured):
    data = pack_model(textured(Arch(1, 1)), (1000, 1200))
    decode(data, region=(0, 0, 1, 1))
    tracemalloc.start()
    decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 3 * 1000 * 1200, "at 2^27 pixels, the limit, so much more is gigabytes"


def test_the_widest_network_takes_little_memory_too_and_a_region_is_still_the_crop(textured):
    data = pack_model(textured(Arch(1, 65535)), (9, 20))
    tracemalloc.start()
    whole = decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * torch.get_num_threads() * 4 * rendering.NUMBERS
    assert np.array_equal(decode(data, region=(3, 2, 9, 7)), whole[2:9, 3:12])


# Coarse to fine


def test_progressive_frames_end_with_the_picture(data, whole):
    frames = list(decode_progressive(data))
    assert np.array_equal(frames[-1], whole)
    assert all(frame.shape == whole.shape and frame.dtype == np.uint8 for frame in frames)
    assert psnr(whole, frames[0]) < psnr(whole, frames[-2]) < np.inf


def test_progressive_frames_are_blocks_of_exact_pixels(data, whole):
    for block, frame in zip((64, 32, 16, 8, 4, 2, 1), decode_progressive(data), strict=True):
        exact = whole[::block, ::block]
        assert np.array_equal(frame, exact.repeat(block, 0).repeat(block, 1)[:70, :97])


def test_progressive_decoding_evaluates_no_pixel_twice(monkeypatch, data):
    paint, painted = rendering.paint, []

    def count(model, xs, ys, image, index, device):
        painted.extend(index)
        paint(model, xs, ys, image, index, device)

    monkeypatch.setattr(rendering, "paint", count)
    next(decode_progressive(data))
    assert len(painted) == 4, "the first frame costs one pixel a block"
    painted.clear()
    list(decode_progressive(data))
    assert sorted(painted) == list(range(70 * 97))


# Files from strangers


def file_of(arch, weights, shape=(4, 5)):
    """A file with any weights at all, its checksum right."""
    payload = np.broadcast_to(np.float32(weights), arch.n_weights).astype("<f4").tobytes()
    start = pack(CoinFile(shape, arch, Coding(32), np.zeros(arch.n_weights, np.float32)))[: HEADER.size]
    return start + payload + struct.pack("<I", zlib.crc32(start + payload))


@pytest.mark.parametrize("activation", ["sine", "relu", "tanh", "gelu", "gauss"])
@pytest.mark.parametrize("weight", [3.4e38, -3.4e38, 1e30, np.inf, -np.inf, np.nan])
def test_weights_under_which_the_network_overflows(activation, weight):
    data = file_of(Arch(3, 4, activation), weight)
    assert decode(data).shape == (4, 5, 3)
    assert np.array_equal(decode(data), decode(data))
    assert np.array_equal(decode(data, region=(2, 1, 2, 2)), decode(data)[1:3, 2:4])


def test_colors_that_are_no_numbers():
    arch = Arch(1, 1, "relu")
    weights = np.zeros(arch.n_weights)
    weights[-3:] = np.nan, np.inf, -np.inf
    assert (decode(file_of(arch, weights)) == [0, 255, 0]).all()


@pytest.mark.parametrize("omega, weight", [(9e8, 3e38), (2e-9, 5.0)])
def test_an_omega_at_the_limits_with_weights_at_theirs(omega, weight):
    assert decode(file_of(Arch(2, 4, omega_0=omega, omega_first=omega), weight)).shape == (4, 5, 3)


def test_steps_under_which_the_weights_overflow():
    arch = Arch(1, 2)
    steps, numbers = np.full(Coding(8).n_steps(arch), 3e38, np.float32), np.full(arch.n_weights, 100, np.int16)
    assert decode(pack(CoinFile((4, 5), arch, Coding(8), numbers, steps))).shape == (4, 5, 3)


def test_a_file_that_holds_no_picture(textured):
    gray = Arch(2, 4, outputs=1)
    data = pack(CoinFile((4, 5), gray, Coding(16), np.zeros(gray.n_weights, np.float16)))
    for act in (decode, unpack_model, lambda data: next(decode_progressive(data))):
        with pytest.raises(CoinError, match="1 numbers a pixel; a picture has 3"):
            act(data)


def test_a_damaged_file_is_refused(coin):
    damaged = coin[:50] + bytes([coin[50] ^ 1]) + coin[51:]
    for act in (decode, unpack_model, lambda data: next(decode_progressive(data))):
        with pytest.raises(CoinError, match="checksum"):
            act(damaged)


# Doors


def test_a_file_may_be_given_by_its_path(tmp_path, coin):
    path = tmp_path / "picture.coin"
    write_bytes(path, coin)
    for where in (path, str(path), bytearray(coin), memoryview(coin)):
        assert np.array_equal(decode(where), decode(coin))
        assert np.array_equal(list(decode_progressive(where))[-1], decode(coin))
        assert unpack_model(where)[1] == unpack_model(coin)[1]
        assert bpp(where, (12, 16)) == bpp(coin, (12, 16))
    with pytest.raises(CoinError, match="its bytes or its path, got list"):
        decode([1, 2])
    with pytest.raises(CoinError, match="no such file"):
        decode("not there.coin")


def test_a_fit_is_as_good_as_its_model(image):
    done = fit(image, "2x8", steps=3, progress=False)
    assert done.arch == Arch(2, 8)
    assert codec.pack(done) == pack_model(done.model, image.shape) == pack_model(done, image.shape)
    assert np.array_equal(render(done, image.shape), render(done.model, image.shape))
    with pytest.raises(CoinError, match=r"what fit\(\) returns, got ndarray"):
        render(image, image.shape)


@needs_constriction
def test_a_network_of_ones_own_is_packed_every_way(image, textured, arch):
    model, shape = textured(arch), image.shape
    for bits in Coding.PLAIN:
        assert codec.pack(model, shape, bits=bits) == pack_model(model, shape, bits)
    data = codec.pack(model, shape, coding="entropy", bpp=12)
    assert bpp(data, shape) <= 12 and unpack(data).coding == ENTROPY
    budgeted = fit(image, arch, steps=10, n_bytes=200, progress=False)
    assert codec.pack(budgeted) == pack_fit(budgeted) and len(codec.pack(budgeted)) <= 200
    with pytest.raises(CoinError, match=r"pack\(model, image.shape\)"):
        codec.pack(model)
    with pytest.raises(CoinError, match=r"shape \(12, 16\), got \(5, 5\)"):
        codec.pack(budgeted, (5, 5))


def test_encode_goes_on_from_a_model_or_a_state(image):
    arch, keywords = Arch(2, 8), {"device": "cpu", "progress": False}
    half = next(report.state for report in fit_steps(image, arch, 8, device="cpu", every=4) if report.step == 4)
    assert encode(image, state=half, **keywords) == encode(image, arch=arch, steps=8, **keywords)
    assert encode(image, model=half, steps=0, **keywords) == codec.pack(half)
    longer = encode(image, state=half, steps=12, **keywords)
    assert longer == codec.pack(fit(image, state=half, steps=12, **keywords))
    with pytest.raises(CoinError, match=r"3x9.*model, a 2x8 network"):
        encode(image, arch="3x9", model=half, **keywords)


@pytest.mark.parametrize(
    "call, match",
    [
        (lambda image: encode(image, Arch(2, 8)), r"rate in bits per pixel, got Arch.*write arch='2x8'"),
        (lambda image: encode(image, "2x8"), "write arch='2x8'"),
        (lambda image: encode([image, image], 8), "encode_many and fit_many take several"),
        (lambda image: encode(image, arch=(2, 8)), r"text such as '10x28' or '48-24-16', got \(2, 8\)"),
        (lambda image: fit(image, 100), r"text such as '10x28' or '48-24-16', got 100"),
        (lambda image: decode(encode(image, arch="2x8", steps=0, progress=False), 200), "size"),
        (lambda image: decode(encode(image, arch="2x8", steps=0, progress=False), region=7), "region"),
        (lambda image: bpp(7, 192), r"shape is \(height, width, ...\), got 192"),
        (lambda image: bpp(7.5, (12, 16)), "whole number"),
    ],
)
def test_a_common_slip_is_said_in_words(image, call, match):
    with pytest.raises(CoinError, match=match):
        call(image)
