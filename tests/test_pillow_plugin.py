import io
import os

import numpy as np
import pytest
from PIL import Image

from coin_edu import Arch, CoinError, bpp, decode, load_image, pillow_plugin, unpack_model


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


@pytest.mark.parametrize("place", [6, 16, 50, -1])
def test_a_damaged_file_is_refused(path, coin, place):
    damaged = bytearray(coin)
    damaged[place] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(CoinError), Image.open(path) as picture:
        picture.load()


@pytest.mark.parametrize("length", [4, 20, 39, 100])
def test_a_truncated_file_is_refused_when_opened(path, coin, length):
    path.write_bytes(coin[:length])
    with pytest.raises(CoinError, match="truncated"):
        Image.open(path)
    with pytest.raises(CoinError, match=r"picture.coin: .*truncated"):
        load_image(path)
