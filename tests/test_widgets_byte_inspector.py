from itertools import pairwise

import pytest

pytest.importorskip("ipywidgets")

from coin_edu import Arch, CoinError, encode, pack_model
from coin_edu.widgets.byte_inspector import ByteInspector, fields
from tests.conftest import needs_constriction

bits = pytest.mark.parametrize("bits", [32, 16, 8, 3])


@bits
def test_the_fields_cover_the_file_in_order(textured, bits):
    data = pack_model(textured(Arch(2, 9)), (12, 16), bits)
    parts = fields(data)
    assert parts[0].start == 0 and parts[-1].stop == len(data)
    for before, after in pairwise(parts):
        # Integers of a few bits may share a byte at a seam.
        assert 0 <= before.stop - after.start <= (bits <= 8), after.name


def test_the_fields_of_floats_and_of_integers(textured):
    names = {
        bits: [field.name for field in fields(pack_model(textured(Arch(2, 9)), (12, 16), bits))] for bits in (16, 8)
    }
    assert names[16][-4:] == ["layer 1", "layer 2", "layer 3", "checksum"] and "steps" not in names[16]
    assert names[8][-5:] == ["steps", "layer 1", "layer 2", "layer 3", "checksum"]


@needs_constriction
def test_the_fields_of_an_entropy_coded_file(image, arch):
    data = encode(image, arch=arch, coding="entropy", steps=1, progress=False, device="cpu")
    parts = fields(data)
    assert [part.name for part in parts[-4:]] == ["steps", "models", "words", "checksum"]
    assert all(before.stop == after.start for before, after in pairwise(parts)) and parts[-1].stop == len(data)
    assert ByteInspector(data).verdict == "a 2x8 network entropy-coded, for 16x12 pixels"


NARROWING = Arch(3, 9, fourier=3, ratio=1.5, widths=(9, 4, 6))


@bits
def test_the_fields_of_version_2(textured, bits):
    data = pack_model(textured(NARROWING), (12, 16), bits)
    widget, parts = ByteInspector(data), {part.name: part for part in fields(data)}
    assert list(parts)[16:20] == ["length", "ratio", "widths", "layer 1" if bits > 8 else "steps"]
    assert (parts["ratio"].start, parts["widths"].stop) == (36, 36 + 4 + 3 * 2)
    assert (widget.value(parts["ratio"]), widget.value(parts["widths"])) == ("1.5", "9-4-6")
    assert parts["layer 1"].meaning.startswith("9x12 weights and 9 biases")
    assert all(0 <= b.stop - a.start <= (bits <= 8) for b, a in pairwise(parts.values()))


@needs_constriction
def test_the_fields_of_version_2_entropy_coded(image):
    data = encode(image, 60, arch=NARROWING, coding="entropy", steps=1, progress=False, device="cpu")
    parts = fields(data)
    assert [part.name for part in parts[-5:]] == ["steps", "splits", "scales", "words", "checksum"]
    assert all(before.stop == after.start for before, after in pairwise(parts)) and parts[-1].stop == len(data)
    assert (parts[-2].stop - parts[-2].start) % 4 == 0, "whole words of the range coder"
    widget = ByteInspector(data)
    assert widget.verdict == "a 9-4-6 network entropy-coded, for 16x12 pixels"
    widget.field.value = "scales"
    assert "the Gaussian that a part" in widget.status.value and not widget.errors


def test_the_widths_of_many_layers_are_counted(textured):
    data = pack_model(textured(Arch(9, 9, widths=tuple(range(1, 10)))), (12, 16))
    (widths,) = [field for field in fields(data) if field.name == "widths"]
    assert ByteInspector(data).value(widths) == "18 bytes"


def test_a_field_says_its_offset_bytes_value_and_meaning(coin):
    widget = ByteInspector(coin)
    widget.field.value = "height"
    assert "bytes 12 to 15: <code>0c 00 00 00</code>, 12: of the picture, in pixels" in widget.status.value
    widget.field.value = "omega_0"
    assert "bytes 24 to 27" in widget.status.value and ", 30: " in widget.status.value
    assert widget.offset.value == 24 and not widget.errors


def test_choosing_a_field_marks_it_and_turns_to_its_page(textured):
    data = pack_model(textured(Arch(4, 20)), (12, 16))
    widget = ByteInspector(data)
    first = bytes(widget.picture.value)
    widget.field.value = "version"
    assert bytes(widget.picture.value) != first and widget.page.value == 0
    widget.field.value = "checksum"
    assert widget.page.value == (len(data) - 4) // 256 and not widget.errors


def test_a_flipped_bit_shows_what_the_reader_says(coin):
    widget = ByteInspector(coin)
    assert widget.verdict == "a 2x8 network at 16 bits, for 16x12 pixels"
    before = bytes(widget.picture.value)
    widget.offset.value, widget.bit.value = 100, 3
    widget.flip.click()
    assert "CoinError: the checksum does not fit" in widget.verdict and widget.verdict in widget.status.value
    assert widget.data[100] == coin[100] ^ 8 and bytes(widget.picture.value) != before
    widget.restore.click()
    assert widget.data == coin and bytes(widget.picture.value) == before and not widget.errors


def test_any_bit_of_the_header_may_be_flipped(coin):
    widget = ByteInspector(coin)
    for offset in range(0, 36, 5):
        widget.offset.value, widget.bit.value = offset, offset % 8
        widget.flip.click()
        assert widget.verdict.startswith("CoinError") and not widget.errors


def test_a_network_of_many_layers_is_listed_around_the_field_chosen(textured):
    widget = ByteInspector(pack_model(textured(Arch(60, 2)), (12, 16)))
    before = bytes(widget.picture.value)
    widget.field.value = "layer 60"
    assert bytes(widget.picture.value) != before and not widget.errors


def test_a_damaged_file_is_refused_at_once(coin):
    with pytest.raises(CoinError, match="truncated"):
        ByteInspector(coin[:-1])
