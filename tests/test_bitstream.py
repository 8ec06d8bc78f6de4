import importlib.util
import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coin_edu import Arch, CoinError, decode
from coin_edu.arch import ACTIVATIONS
from coin_edu.bitstream import CoinFile, pack, read_header, unpack
from coin_edu.coding import ENTROPY, GRANULARITIES, Coding

# Entropy-coded files only where they can be written: constriction is optional.
KINDS_OF_ENTROPY = (0,) if importlib.util.find_spec("constriction") else ()

omegas = st.floats(2.0**-20, 1000, width=32)


@st.composite
def files(draw):
    """Anything that a .coin file can hold, small."""
    widths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    arch = Arch(
        depth=len(widths),
        width=max(widths),
        activation=draw(st.sampled_from(list(ACTIVATIONS))),
        omega_0=draw(omegas),
        omega_first=draw(omegas),
        fourier=draw(st.integers(0, 3)),
        outputs=draw(st.integers(1, 4)),
        ratio=draw(st.sampled_from([2.0, 1.55, 3.5])),
        widths=tuple(widths) if draw(st.booleans()) else (),
    )
    shape = draw(st.tuples(st.integers(1, 2**11), st.integers(1, 2**16)))
    bits = draw(st.sampled_from((*Coding.PLAIN, *KINDS_OF_ENTROPY)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if bits > 8:
        return CoinFile(shape, arch, Coding(bits), rng.normal(0, 100, arch.n_weights).astype(f"f{bits // 8}"))
    if bits == 0:
        steps = np.abs(rng.normal(size=ENTROPY.n_steps(arch))).astype(np.float16).astype(np.float32)
        integers = np.rint(rng.normal(0, 2.0 ** draw(st.integers(-3, 10)), arch.n_weights)).astype(np.int16)
        return CoinFile(shape, arch, ENTROPY, integers, steps)
    coding = Coding(bits, draw(st.sampled_from(GRANULARITIES)), draw(st.none() | st.integers(bits, 16)))
    ends = 2 ** (coding.widths(arch) - 1)
    steps = np.abs(rng.normal(size=coding.n_steps(arch))).astype(np.float32)
    return CoinFile(shape, arch, coding, rng.integers(-ends, ends).astype(np.int16), steps)


def same(one, other):
    """Bit for bit, zeros' signs included."""
    return one is other is None or (one.dtype == other.dtype and one.tobytes() == other.tobytes())


@given(files())
def test_what_is_packed_is_unpacked_exactly(file):
    data = pack(file)
    back = unpack(data)
    assert (back.shape, back.arch, back.coding) == (file.shape, file.arch, file.coding)
    assert same(back.weights, file.weights) and same(back.steps, file.steps)
    assert same(back.values, file.values) and back.values.dtype == np.float32
    assert pack(back) == data
    assert data[4] == (1 if file.arch.is_version_1 else 2)
    assert len(data) == file.coding.n_bytes(file.arch) or (file.coding.is_entropy and len(data) > 40)


@given(files())
def test_the_header_alone_says_all_but_the_weights(file):
    header, whole = read_header(pack(file)), unpack(pack(file))
    assert (header.shape, header.arch, header.coding) == (whole.shape, whole.arch, whole.coding)


# Golden files: what was written once is read for ever. Their weights come from no fit, but from a formula.


def golden_file(arch, bits):
    """The one of an architecture and a coding."""
    n, first = arch.n_weights, arch.n_first
    if bits == 16:
        return CoinFile((4, 6), arch, Coding(16), ((np.arange(n) - n / 2) / n).astype(np.float16))
    numbers = [37 * k % 511 - 255 if k < first else 7 * k % 31 - 15 for k in range(n - 3)] + [8, 8, 8]
    steps = np.float32([2**-9, 2**-9, *[2**-7, 2**-7] * (arch.depth - 1), 2**-6, 2**-4])
    coding = Coding(5, first_bits=9) if bits == 5 else ENTROPY
    return CoinFile((4, 6), arch, coding, np.array(numbers, np.int16), steps)


GOLDEN_ARCHES = {1: Arch(2, 4), 2: Arch(3, 6, omega_0=20.0, fourier=2, ratio=1.5, widths=(6, 3, 4))}
GOLDEN_ARCH, N = GOLDEN_ARCHES[1], GOLDEN_ARCHES[1].n_weights
GOLDEN = {bits: golden_file(GOLDEN_ARCH, bits) for bits in (16, 5, 0)}
GOLDEN_BYTES = {
    (1, 16): (
        "434f494e01001001060000000400000002000400000310000000f0410000f0415e00000000b8a9b752b7fbb6a3b64cb6f5b5"
        "9eb547b5f0b499b441b4d4b326b378b2cab11bb16db07daf21aec4accfaa16a872a172211628cf2ac42c212e7d2f6d301b31"
        "ca3178322633d43341349934f03447359e35f5354c36a336fb365237a937813ffda7"
    ),
    (1, 5): (
        "434f494e01010501060000000400000002000400000309000000f0410000f0413c0000000000003b0000003b0000003c0000"
        "003c0000803c0000803d0089896704aae9bf0494d3ae798bf8cda6c6a8e3e7757845cb2143edd2b27a12617c63003a22e361"
    ),
    (1, 0): (
        "434f494e01030001060000000400000002000400000300000000f0410000f0414200000000180018002000200024002c29ff"
        "00279800190f00190f00180e00180800b47d01006bbb664958baed4cf216395e9f8d049ed942cb8dddd3eea2439883b309bf"
        "13fcaa17f41b"
    ),
    (2, 16): (
        "434f494e02001001060000000400000003000600020310000000a0410000f041d40000000000c03f06000300040000b8d9b7"
        "b3b78cb765b73fb718b7f2b6cbb6a4b67eb657b630b60ab6e3b5bcb596b56fb548b522b5fbb4d5b4aeb487b461b43ab413b4"
        "d9b38cb33fb3f2b2a4b257b20ab2bcb16fb122b1d5b087b03ab0d9af3fafa4ae0aae6fadd5ac3aac3fab0aaad5a83fa7d5a4"
        "d5a00000d520d5243f27d5280a2a3f2b3a2cd52c6f2d0a2ea42e3f2fd92f3a308730d53022316f31bc310a325732a432f232"
        "3f338c33d93313343a3461348734ae34d534fb34223548356f359635bc35e3350a36303657367e36a436cb36f23618373f37"
        "65378c37b337d9376f345615"
    ),
    (2, 5): (
        "434f494e02010501060000000400000003000600020309000000a0410000f0417e0000000000c03f0600030004000000003b"
        "0000003b0000003c0000003c0000003c0000003c0000803c0000803d0089896704aae9bf0494d3ae798def88102d291dd38c"
        "17342e6155bd67f89e9078d0b27e51b21db129bd7303a6e5fc02c3b3021554cf7a4667d63c46b4eeaf08b964287dba564f42"
        "4c2fe3369b1aa38f9dd5e1172c850fb74ac9e858c6002c0d6320"
    ),
    (2, 0): (
        "434f494e02030001060000000400000003000600020300000000a0410000f041900000000000c03f06000300040000180018"
        "00200020002000200024002c00ff0000ad00000f00000700000f00000c00000f000008002927191619191918b47d01006bbb"
        "6649570ce74ca73138ec0fdf9170360232c3014f8283e9a45d863361f2e5508bd90d193e372e4036b47f7b725b8463638a52"
        "ddb1e51d1514c59c83e4d58ff549109db798666f6b6beae2c094ebe243f6215164e5403290c933920e45456a"
    ),
}
GOLDEN_PIXELS = {
    (1, 16): (
        "7f868c564f4896aabd534e49564c41626568f6ffff71757a606264a6c1dc42362b2712000000005d5b598a98a64e453c3a31"
        "27a3c3e36b6c6d4c4136bfe6ff51515293abc3524c46"
    ),
    (1, 5): (
        "5d554d7d8185565f68648eb951565b444f597e77718b8b8b392d215265791b2834967e67a39c963f5264785f4745586a6c6c"
        "6d98b4cf51606e686057987b5e304153505e6c7893ae"
    ),
    (2, 16): (
        "00000059595affffff3a3633464341ffffff0000004b4846000000c4cfdae0edf9ffffffffffff5656564f4e4cffffffffff"
        "ff474543000000ffffffffffff8c9196cfdae4000000"
    ),
    (2, 5): (
        "888fa942625ab55b49ac6165cf64708f2536c0909b8d88a4b35c6f77213ab32b1fbb668899303eea9293a35f5b664c48668c"
        "a7828f9a9f3137de6971ef97a76a6e708f8aa5864466"
    ),
}
golden = pytest.mark.parametrize("version, bits", [(v, b) for v in (1, 2) for b in (16, 5, *KINDS_OF_ENTROPY)])


@golden
def test_a_golden_file_is_written_as_ever(version, bits):
    assert pack(golden_file(GOLDEN_ARCHES[version], bits)).hex() == GOLDEN_BYTES[version, bits]


@golden
def test_a_golden_file_is_read_as_ever(version, bits):
    file, written = unpack(bytes.fromhex(GOLDEN_BYTES[version, bits])), golden_file(GOLDEN_ARCHES[version], bits)
    assert (file.shape, file.arch, file.coding) == ((4, 6), GOLDEN_ARCHES[version], written.coding)
    assert (file.coding.bits, file.coding.first_bits) == (bits, {16: 16, 5: 9, 0: 0}[bits])
    assert same(file.weights, written.weights) and same(file.steps, written.steps)


@golden
def test_a_golden_file_is_decoded_as_ever(version, bits):
    pixels = np.frombuffer(bytes.fromhex(GOLDEN_PIXELS[version, bits or 5]), np.uint8).reshape(4, 6, 3)
    difference = decode(bytes.fromhex(GOLDEN_BYTES[version, bits])).astype(int) - pixels
    assert np.abs(difference).max() <= 1
    assert pixels.std() > 20, "a picture on which an error would show"


# A file of each activation: that of "gauss" as bytes, its byte 17 and its pixels for all of them.
GAUSS_BYTES = (
    "434f494e01001001060000000400000002040400000310000000f0410000f0415e0000000000c338e8b072b8be34aa37b8b6"
    "efb520389e339db8b9adcd382cacaab8e53238389fb5feb66d3714355eb8a8b1bb384026c8b82630843866b4e5b76f363c36"
    "05b82ab48f38432fcbb83b29b53829b24fb84d3541372cb700380038003893baf706"
)
ACTIVATION_PIXELS = {
    "sine": (
        0,
        "000000000000f4a44affffcfdd720b230b124b9fea9b2200c9e0de43c5ff7effff4468910d0000addef6b3a99364ebffffffde251724ffff8a00000024c6ffffffaa00109dffffff",
    ),
    "relu": (
        1,
        "bfac8eb5a68daca08ca39b8ba59c8baa9e8bccb591c4b292bbac92bbac91c0af91c5b191cdb188c7af8bc7b08ccbb28bd0b48ad4b68aceac7fcdac80d0ae80d0ae80d0ae80d0ae80",
    ),
    "tanh": (
        2,
        "a38b70a58c70a68d70a88e70aa8f70ac9171a08970a38b70a68d70a98f70ad9171b19471a18a70a58c70a98f70ae9271b49571ba9972a58c70ab9070b19371b79772be9c73c5a174",
    ),
    "gelu": (
        3,
        "b6a284b29f84b09e84ae9d84ad9c84ad9c84baa485b7a284b5a184b3a084b3a084b3a084bda685baa485b8a384b8a384b8a384b9a385bda685bba585baa485baa485bba585bda685",
    ),
    "gauss": (
        4,
        "2a273b26253b24233b25243b2a273c332c3c312b3a302a3b312b3c372f3c41363d4f3e3e41353c43373e4a3c40544341624b437155445846435f4b46695349755b4a83634b906b4b",
    ),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation_keeps_its_byte_and_its_function(name):
    code, pixels = ACTIVATION_PIXELS[name]
    data = bytearray.fromhex(GAUSS_BYTES)
    data[17] = code
    data[-4:] = struct.pack("<I", zlib.crc32(data[:-4]))
    file = unpack(bytes(data))
    assert file.arch.activation == name and pack(file) == data
    expected = np.frombuffer(bytes.fromhex(pixels), np.uint8).reshape(4, 6, 3)
    assert np.abs(decode(bytes(data)).astype(int) - expected).max() <= 1
    assert all(
        np.abs(expected - np.frombuffer(bytes.fromhex(other), np.uint8).reshape(4, 6, 3).astype(int)).max() > 9
        for byte, other in ACTIVATION_PIXELS.values()
        if byte != code
    )


def test_the_layout_is_the_documented_one():
    file = GOLDEN[16]
    data = pack(file)
    assert data[:8] == b"COIN\x01\x00\x10\x01"
    assert struct.unpack("<IIBBHBBBBffI", data[8:36]) == (6, 4, 2, 0, 4, 0, 3, 16, 0, 30.0, 30.0, 2 * N)
    assert data[36:-4] == file.weights.tobytes()
    assert struct.unpack("<I", data[-4:]) == (zlib.crc32(data[:-4]),)


def test_integers_are_packed_most_significant_bit_first():
    arch = Arch(1, 1, outputs=1)
    numbers = np.array([-8, -1, 0, 7, 1], np.int16)
    data = pack(CoinFile((1, 1), arch, Coding(4, first_bits=4), numbers, np.arange(4, dtype=np.float32)))
    assert data[5:7] == b"\x01\x04" and data[22] == 4
    assert data[36:52] == np.arange(4, dtype="<f4").tobytes()
    assert data[52:-4].hex() == "078f90"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_will_do(coin, kind):
    assert pack(unpack(kind(coin))) == coin


# Damage

SMALL = {
    16: pack(CoinFile((12, 16), Arch(1, 1), Coding(16), np.arange(9, dtype=np.float16))),
    5: pack(CoinFile((12, 16), Arch(1, 1), Coding(5), np.arange(-4, 5, dtype=np.int16), np.ones(4, np.float32))),
}
small = pytest.mark.parametrize("data", SMALL.values(), ids=["16 bits", "5 bits"])


@small
def test_any_flipped_bit_is_noticed(data):
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CoinError):
            unpack(bytes(flipped))


@small
def test_any_truncation_is_noticed(data):
    for length in range(len(data)):
        with pytest.raises(CoinError):
            unpack(data[:length])


@small
def test_any_byte_more_is_noticed(data):
    for byte in range(256):
        with pytest.raises(CoinError):
            unpack(data + bytes([byte]))
    for more in (data, b"\0" * 1000):
        with pytest.raises(CoinError):
            unpack(data + more)


@pytest.mark.parametrize(
    "data, match",
    [
        (b"", "no .coin file"),
        (b"\x89PNG\r\n\x1a\n" * 20, r"no .coin file: it starts with b'\\x89PNG', expected b'COIN'"),
        (b"COIN", "truncated: .* at least 40 bytes, got 4"),
        (SMALL[16][:-3], "makes a file of 58 bytes.*got 55; the file is truncated or damaged"),
        (SMALL[16][:40] + b"\xff" + SMALL[16][41:], "checksum does not fit.*get it again"),
    ],
)
def test_the_message_says_what_is_wrong(data, match):
    with pytest.raises(CoinError, match=match):
        unpack(data)


# Headers that lie; their checksums are right

FIELDS = dict(
    magic=b"COIN", version=1, coding=0, bits=16, coordinates=1, width=16, height=12, depth=1, activation=0, units=1,
    fourier=0, outputs=3, first_bits=16, zero=0, omega_0=30.0, omega_first=30.0, length=18,
)  # fmt: skip


def lying(payload=b"\0" * 18, **changes):
    body = struct.pack("<4sBBBBIIBBHBBBBffI", *{**FIELDS, **changes}.values()) + payload
    return body + struct.pack("<I", zlib.crc32(body))


def test_an_honest_header():
    assert unpack(lying()).shape == (12, 16)


@pytest.mark.parametrize(
    "changes, match",
    [
        (dict(width=100_000, height=100_000), "134,217,728 pixels, got 100000x100000"),
        (dict(width=2**32 - 1, height=2**32 - 1), "pixels"),
        (dict(width=0), "pixels"),
        (dict(height=0), "pixels"),
        (dict(depth=13, units=10_000), "at most 16,777,216 weights, got 1,200"),
        (dict(depth=255, units=65535), "at most 16,777,216 weights"),
        (dict(depth=255, units=65535, coding=2, bits=8, first_bits=12), "at most 16,777,216 weights"),
        (dict(depth=4, units=2000), "makes a file of 24.* bytes"),
        (dict(depth=4, units=2000, length=2**32 - 1), "makes a file of"),
        (dict(depth=1, units=65535, outputs=250, coding=2, bits=2, first_bits=2), "makes a file of"),
        (dict(length=2**32 - 1), "its header says 4294967335"),
        (dict(length=17), "its header says 57"),
        (dict(version=3), "version 3 of the format; this reader knows versions 1 and 2. Update coin_edu"),
        (dict(version=0), "version 0 of the format; this reader knows versions 1 and 2"),
        (dict(depth=0), "depth"),
        (dict(units=0), "width"),
        (dict(outputs=0), "outputs"),
        (dict(fourier=17), "fourier"),
        (dict(omega_0=0.0), "omega_0"),
        (dict(omega_0=float("nan")), "omega_0"),
        (dict(omega_first=float("inf")), "omega_first"),
        (dict(omega_first=-1.0), "omega_first"),
        (dict(coding=1), "does not know"),
        (dict(coding=3), "does not know"),
        (dict(coding=1, bits=8, first_bits=7), "does not know"),
        (dict(coding=1, bits=8, first_bits=17), "does not know"),
        (dict(bits=8, first_bits=8), "does not know"),
        (dict(bits=12, first_bits=12), "does not know"),
        (dict(bits=0, first_bits=0), "does not know"),
        (dict(bits=16, first_bits=8), "does not know"),
        (dict(activation=5), "does not know"),
        (dict(coordinates=2), "does not know"),
        (dict(zero=1), "does not know"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_a_header_that_lies_is_refused_before_memory_is_taken(changes, match):
    data = lying(**changes)
    tracemalloc.start()
    try:
        with pytest.raises(CoinError, match=match):
            unpack(data)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def version_2(ratio=1.5, widths=(3, 2), n_floats=26, **changes):
    between = struct.pack("<f", ratio) + np.array(widths, "<u2").tobytes()
    fields = dict(version=2, depth=2, units=3, length=2 * n_floats) | changes
    return lying(between + b"\0" * (2 * n_floats), **fields)


def test_an_honest_header_of_version_2():
    file = unpack(version_2())
    assert file.arch == Arch(2, 3, widths=(3, 2)), "without Fourier features the ratio means nothing"
    assert unpack(version_2(fourier=2, n_floats=44)).arch == Arch(2, 3, fourier=2, ratio=1.5, widths=(3, 2))


@pytest.mark.parametrize(
    "changes, match",
    [
        (dict(widths=(3, 3), n_floats=30), "belongs into a file of version 1"),
        (dict(version=1), "its header says"),
        (dict(widths=(2, 2)), "the largest 3"),
        (dict(widths=(3, 0)), "widths"),
        (dict(widths=(3,), n_floats=0, depth=2), "truncated"),
        (dict(ratio=1.0), "ratio"),
        (dict(ratio=float("nan")), "ratio"),
        (dict(ratio=4.5), "ratio"),
        (dict(ratio=2.5, fourier=16), r"ratio\^15 at most 2\^15"),
        (dict(widths=(65535, 65534), units=65535), "at most 16,777,216 weights"),
        (dict(depth=255), "truncated"),
        (dict(length=51), "its header says"),
    ],
)
def test_a_header_of_version_2_that_lies_is_refused(changes, match):
    with pytest.raises(CoinError, match=match):
        unpack(version_2(**changes))


@pytest.mark.parametrize("step", [-1.0, float("nan"), float("inf")])
def test_a_step_that_is_none_is_refused(step):
    payload = struct.pack("<ffff", 1, 1, step, 1) + b"\0" * 9
    with pytest.raises(CoinError, match="quantization step"):
        unpack(lying(payload, coding=1, bits=8, first_bits=8, length=25))


def test_padding_is_zero():
    payload = struct.pack("<ffff", 1, 1, 1, 1) + b"\0" * 3
    header = dict(coding=1, bits=2, first_bits=2, length=19)
    assert unpack(lying(payload, **header)).coding.bits == 2
    with pytest.raises(CoinError, match="padding"):
        unpack(lying(payload[:-1] + b"\1", **header))


# What no file can hold


@pytest.mark.parametrize(
    "changes, match",
    [
        (dict(shape=(0, 5)), "pixels, got 5x0"),
        (dict(shape=(-4, 5)), "pixels"),
        (dict(shape=(20_000, 20_000)), "134,217,728 pixels, got 20000x20000; make it smaller"),
        (dict(weights=np.zeros(46)), r"47 weights, got an array of shape \(46,\)"),
        (dict(arch=Arch(2, 4, inputs=1)), "2 inputs, got 1"),
        (dict(arch=Arch(3, 4000)), "at most 16,777,216 weights"),
        (dict(weights=np.full(N, 1e6, np.float32)), "half|16 bits|fit"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_what_no_file_can_hold_is_refused(changes, match):
    with pytest.raises(CoinError, match=match):
        pack(replace(GOLDEN[16], **changes))


@pytest.mark.parametrize("name", ["omega_0", "omega_first"])
@pytest.mark.parametrize("value", [1e39, 1e300, 1e-50])
def test_an_omega_beyond_a_4_byte_float_is_refused(name, value):
    with pytest.raises(CoinError, match=name):
        pack(replace(GOLDEN[16], arch=replace(GOLDEN_ARCH, **{name: value})))


@pytest.mark.parametrize(
    "changes, match",
    [
        (dict(steps=None), "6 steps, got None"),
        (dict(steps=np.ones(5, np.float32)), r"6 steps, got \(5,\)"),
        (dict(coding=Coding(5, "channel", 9)), r"14 steps, got \(6,\)"),
        (dict(weights=np.full(N, 16, np.int16)), "does not fit its 5 bits"),
        (dict(weights=np.full(N, -17, np.int16)), "does not fit its 5 bits"),
        (dict(steps=np.full(6, np.inf, np.float32)), "step"),
        (dict(steps=np.full(6, -1, np.float32)), "step"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_what_no_file_of_integers_can_hold_is_refused(changes, match):
    with pytest.raises(CoinError, match=match):
        pack(replace(GOLDEN[5], **changes))
