import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, features

from coin_edu import CoinError, encode_many, load_image
from coin_edu.image import formats

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 7\n%%EndComments\n%%EOF\n"


@pytest.fixture
def file(tmp_path):
    """A file of these bytes."""

    def make(name, data):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return make


def refusal(path):
    with pytest.raises(CoinError) as caught:
        load_image(path)
    return str(caught.value)


@pytest.mark.parametrize("form, package", [("HEIF", "pillow_heif"), ("JXL", "pillow_jxl")])
def test_a_fresh_process_reads_what_plugins_read_whatever_was_called_before(tmp_path, python, form, package):
    pytest.importorskip(package)
    formats.register()
    Image.new("RGB", (16, 12), (9, 120, 200)).save(tmp_path / f"a.{form.lower()}", form)
    done = python("-c", f"import coin_edu; print(coin_edu.load_image({str(tmp_path / f'a.{form.lower()}')!r}).shape)")
    assert done.stdout.strip() == "(12, 16, 3)", done.stderr


def test_a_folder_has_the_same_endings_at_first_and_later(python):
    ask = "from coin_edu.image import formats; print(sorted(formats.endings()))"
    first = python("-c", ask).stdout
    assert "'.png'" in first and "'.heic'" in first and "'.jxl'" in first
    assert first == python("-c", f"from coin_edu.study import baselines; baselines.available(); {ask}").stdout


@pytest.mark.parametrize("ending", [".eps", ".h5", ".mpg", ".grib", ".bufr", ".wmf", ".coin", ".pdf", ".txt"])
def test_what_is_no_photograph_is_not_looked_for_in_a_folder(ending):
    assert ending not in formats.endings()


@pytest.mark.parametrize("form", ["HEIF", "JXL"])
def test_a_format_whose_package_is_missing_says_which(monkeypatch, file, form):
    formats.register()
    monkeypatch.setattr(Image, "OPEN", {name: way for name, way in Image.OPEN.items() if name != form})
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != form])
    start = {"HEIF": b"\0\0\0\x18ftypmif1", "JXL": b"\xff\x0a"}[form]
    told = refusal(file(f"photo.{form.lower()}", start + bytes(50)))
    assert f"a {form} picture, for which a package is missing: pip install 'coin_edu[codecs]'" in told


def test_a_build_of_pillow_that_lacks_a_format(monkeypatch, file):
    monkeypatch.setattr(features, "check", lambda _: False)
    assert "a WebP picture, which this build of Pillow cannot read" in refusal(
        file("a.webp", b"RIFF\x99\0\0\0WEBPnone")
    )


def test_eps_without_ghostscript_is_not_called_damaged(monkeypatch, file):
    monkeypatch.setattr(EpsImagePlugin, "has_ghostscript", lambda: False)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", False)
    told = refusal(file("drawing.eps", EPS))
    assert "needs the program Ghostscript" in told and "damaged" not in told


@pytest.mark.parametrize(
    "name, data, words",
    [
        ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(20), "a HDF5 file.*h5py"),
        ("a.grib", b"GRIB\0\0\0\x01" + bytes(20), "a GRIB file.*eccodes"),
        ("a.mpg", b"\0\0\x01\xb3\x14\x00\xf0" + bytes(20), "a MPEG file.*film"),
        ("a.pdf", b"%PDF-1.7\n" + bytes(20), "a PDF file, which Pillow cannot read"),
        ("a.svg", b'<?xml version="1.0"?>\n<svg xmlns=""/>', "a SVG file, which Pillow cannot read"),
        ("a.tif", b"II*\0\x08\0\0\0\0\0\0\0\0\0", "a TIFF file that cannot be read"),
    ],
)
def test_a_sound_file_is_told_what_it_lacks(file, name, data, words):
    with pytest.raises(CoinError, match=words) as caught:
        load_image(file(name, data))
    assert "damaged" not in str(caught.value)


def test_a_plugin_that_is_broken_is_as_good_as_none(monkeypatch):
    for module, _ in formats.PLUGINS.values():
        monkeypatch.setitem(sys.modules, module, None)
    formats.register.__wrapped__()


def chunk(name, data, crc=None):
    crc = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)


BAD = {
    "a checksum": chunk(b"tEXt", b"Author\0who", 77),
    "a resolution cut off": chunk(b"pHYs", b"\0\0"),
    "a text too long": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3_000_000))),
}


@pytest.mark.parametrize("kind", BAD)
def test_sound_pixels_among_bad_chunks_of_a_png_are_read(png, image, kind):
    data = png.read_bytes()
    png.write_bytes(data[:33] + BAD[kind] + data[33:])
    with pytest.warns(UserWarning, match="its metadata is damaged, its pixels are not") as record:
        assert np.array_equal(load_image(png), image)
    assert record[0].filename == __file__


def test_damaged_pixels_are_still_refused_with_the_first_reason(png):
    data = png.read_bytes()
    png.write_bytes(data[:33] + BAD["a checksum"] + data[33:-40])
    assert "tEXt" in refusal(png)


def test_a_folder_with_a_format_that_lacks_its_package_tells_of_it(tmp_path, png, monkeypatch):
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(30))
    (tmp_path / "._in.png").write_bytes(b"what macOS leaves beside a file")
    (tmp_path / "data.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    results = encode_many(tmp_path, tmp_path / "out", bpp=0.001, workers=1, progress=False)
    assert [result.source.name for result in results] == ["in.png", "phone.heic"]
    assert "HEIF" in results[1].error
