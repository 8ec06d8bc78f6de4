import io
import os
import pickle

import numpy as np
import pytest
from PIL import Image, ImageFile, UnidentifiedImageError

from coin_edu import Arch, CoinError, bpp, decode, load_image, pillow_plugin, unpack_model
from tests.conftest import needs_constriction


@pytest.fixture
def path(tmp_path, coin):
    path = tmp_path / "picture.coin"
    path.write_bytes(coin)
    return path


def test_opening_a_file_reads_its_header(path):
    with Image.open(path) as picture:
        assert (picture.format, picture.size, picture.mode) == ("COIN", (16, 12), "RGB")
        assert picture.info == {"arch": "2x8", "bits": 16}


def test_pixels_are_those_of_decode(path, coin):
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture), decode(coin))
        assert np.array_equal(np.asarray(picture.crop((2, 3, 7, 8))), decode(coin, region=(2, 3, 5, 5)))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(coin))), decode(coin))
    assert np.array_equal(load_image(path), decode(coin))


@pytest.mark.parametrize("coding", ["plain", pytest.param("entropy", marks=needs_constriction)])
def test_a_file_of_version_2(tmp_path, image, coding):
    path, settings = tmp_path / "out.coin", {"steps": 1, "device": "cpu", "progress": False}
    Image.fromarray(image).save(path, arch="12-8-4", coding=coding, bpp=90, **settings)
    with Image.open(path) as picture:
        assert picture.info == {"arch": "12-8-4", "bits": 16 if coding == "plain" else 0}
        assert np.array_equal(np.asarray(picture), decode(path))
        picture = Image.open(path)
        picture.verify()


def test_pixels_are_computed_when_first_looked_at_and_once(monkeypatch, path):
    calls = []
    monkeypatch.setattr(pillow_plugin, "decode", lambda data: calls.append(data) or decode(data))
    with Image.open(path) as picture:
        assert not calls
        picture.load()
        picture.resize((3, 3))
        assert len(calls) == 1


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_saving_encodes(tmp_path, image, mode):
    path = tmp_path / "out.coin"
    picture = Image.fromarray(image).convert(mode)
    picture.save(path, arch=Arch(2, 8), steps=1, progress=False)
    _, shape = unpack_model(path.read_bytes())
    assert shape == (12, 16)
    with Image.open(path) as back:
        assert back.size == picture.size and back.info["arch"] == "2x8"


def test_saving_takes_the_keywords_of_encode(tmp_path, image):
    path = tmp_path / "out.coin"
    Image.fromarray(image).save(path, bpp=10, bits=8, steps=0, seed=3, recipe="paper", device="cpu", progress=False)
    assert bpp(path.read_bytes(), image.shape) <= 10
    with Image.open(path) as back:
        assert back.info["bits"] == 8
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "COIN", bpp=10, bits=8, steps=0, seed=3, recipe="paper", progress=False)
    assert buffer.getvalue() == path.read_bytes()


def test_a_failed_save_leaves_no_file(tmp_path, image):
    with pytest.raises(CoinError, match="smallest network needs"):
        Image.fromarray(image).save(tmp_path / "out.coin", bpp=0.1, progress=False)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("place", [6, 16])
def test_a_damaged_header_is_no_picture_to_pillow(path, coin, place):
    damaged = bytearray(coin)
    damaged[place] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(UnidentifiedImageError):
        Image.open(path)
    with pytest.raises(CoinError, match=r"picture.coin: a COIN file that cannot be read \(.*\)"):
        load_image(path)


@pytest.mark.parametrize("place", [50, -1])
def test_damaged_weights_are_an_error_of_both_kinds_when_loaded_or_verified(path, coin, place):
    damaged = bytearray(coin)
    damaged[place] ^= 1
    path.write_bytes(damaged)
    for kind in (CoinError, OSError):
        with Image.open(path) as picture, pytest.raises(kind, match="checksum"):
            picture.load()
        with Image.open(path) as picture, pytest.raises(kind, match="checksum"):
            picture.verify()
    with pytest.raises(CoinError, match=r"picture.coin: the checksum does not fit"):
        load_image(path)


def test_a_sound_file_is_verified(path):
    with Image.open(path) as picture:
        picture.verify()


@pytest.mark.parametrize("length", [4, 20, 39, 100])
def test_a_truncated_file_is_refused_when_opened(path, coin, length):
    path.write_bytes(coin[:length])
    with pytest.raises(UnidentifiedImageError):
        Image.open(path)
    with pytest.raises(CoinError, match=r"picture.coin: .*truncated"):
        load_image(path)


@pytest.mark.parametrize("piece", [1, 7, 100, 10_000])
def test_a_parser_is_fed_in_pieces(coin, piece):
    parser = ImageFile.Parser()
    for start in range(0, len(coin), piece):
        parser.feed(coin[start : start + piece])
    assert np.array_equal(np.asarray(parser.close()), decode(coin))


def test_a_parser_that_lacks_the_end(coin):
    parser = ImageFile.Parser()
    parser.feed(coin[:-1])
    with pytest.raises(OSError, match="cannot parse"):
        parser.close()


def test_a_picture_is_copied_and_pickled(path, coin):
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(pickle.loads(pickle.dumps(picture))), decode(coin))
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture.copy()), decode(coin))


# Saving


SMALL = {"arch": Arch(2, 8), "steps": 1, "progress": False}


@pytest.mark.parametrize("keywords", [{"bpp": 0.001}, {"quality": 50}, {"bits": 7.5}, {"optimize": True, "steps": 1}])
@pytest.mark.parametrize("name, form", [("old.coin", None), ("old", "coin"), ("old.png", "COIN"), (b"old.coin", None)])
def test_a_save_that_is_refused_leaves_the_older_file(tmp_path, image, monkeypatch, name, form, keywords):
    monkeypatch.chdir(tmp_path)
    old = tmp_path / os.fsdecode(name)
    old.write_bytes(b"of some hours")
    with pytest.raises(CoinError):
        Image.fromarray(image).save(name, form, progress=False, **keywords)
    assert old.read_bytes() == b"of some hours" and os.listdir(tmp_path) == [old.name]


def test_an_unknown_keyword_is_told_before_the_fit(image):
    with pytest.raises(CoinError, match=r"keywords bpp, arch, .*; got exif, quality"):
        Image.fromarray(image).save(io.BytesIO(), "COIN", quality=3, exif=b"")


def test_a_place_that_cannot_be_written_is_an_oserror(tmp_path, image):
    with pytest.raises(OSError, match="no such file or folder"):
        Image.fromarray(image).save(tmp_path / "none" / "out.coin", **SMALL)


def test_a_picture_is_saved_over_the_file_that_it_was_opened_from(path):
    with Image.open(path) as picture:
        picture.save(path, **SMALL)
    with Image.open(path) as picture:
        assert picture.size == (16, 12)


def test_other_formats_are_saved_as_ever(tmp_path, image):
    Image.fromarray(image).save(tmp_path / "a.png")
    Image.fromarray(image).save(tmp_path / "b.dat", format="bmp")
    with pytest.raises(ValueError, match="unknown file extension"):
        Image.fromarray(image).save(tmp_path / "c.nothing")
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.dat"]


def test_what_is_saved_is_what_load_image_reads(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(pillow_plugin, "encode", lambda image, bpp=None: seen.append(image) or b"")
    ramp = (np.linspace(0, 65535, 16)[None] * np.ones((12, 1))).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "wide.png")
    with Image.open(tmp_path / "wide.png") as picture:
        picture.save(tmp_path / "wide.coin")
    assert np.array_equal(seen[0], load_image(tmp_path / "wide.png"))
