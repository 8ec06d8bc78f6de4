import hashlib
import io
import os
import shutil
import socket
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pooch
import pytest
from PIL import Image

from coin_edu import CoinError, Curve, data, kodak, load_image, photo, published


@pytest.fixture(autouse=True)
def no_folder(monkeypatch):
    monkeypatch.delenv("COIN_EDU_KODAK", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def folder(root):
    folder = root.parent / "shared" / "kodak"
    if not folder.is_dir():
        pytest.skip("the Kodak photographs are not here")
    return folder


@pytest.mark.parametrize(
    "name, shape",
    [("astronaut", (512, 512)), ("chelsea", (300, 451)), ("coffee", (400, 600)), ("rocket", (427, 640))],
)
def test_photographs_at_hand(name, shape):
    assert photo(name).shape == (*shape, 3)
    assert photo(name).dtype == np.uint8 and photo(name).std() > 20


def test_the_photographs_are_all_named():
    assert data.PHOTOS == ("astronaut", "chelsea", "coffee", "rocket")
    assert np.array_equal(photo(), photo("coffee"))


@pytest.mark.parametrize("name", ["lena", "", None, "../coffee"])
def test_an_unknown_photograph(name):
    with pytest.raises(CoinError, match=f"one of astronaut, chelsea, coffee, rocket, got {name!r}"):
        photo(name)


# Kodak from a folder


@pytest.mark.parametrize("number, shape", [(1, (512, 768)), (4, (768, 512)), (24, (512, 768))])
def test_kodak_from_a_folder(monkeypatch, folder, number, shape):
    monkeypatch.setenv("COIN_EDU_KODAK", str(folder))
    assert kodak(number).shape == (*shape, 3)


def test_the_checksums_are_those_of_the_photographs(folder):
    lines = (folder / "SHA256SUMS").read_text().split("\n")
    sums = dict(line.split()[::-1] for line in lines if line.strip())
    assert {name: value for name, value in sums.items() if name in data.KODAK_SHA256} == data.KODAK_SHA256
    assert len(data.KODAK_SHA256) == 24


def test_a_folder_without_the_file(monkeypatch, tmp_path):
    monkeypatch.setenv("COIN_EDU_KODAK", str(tmp_path))
    with pytest.raises(CoinError, match=r"kodim07.png: no such file"):
        kodak(7)


@pytest.mark.parametrize("number", [0, 25, -1, "1", None, 1.5])
def test_a_number_that_is_none(number):
    with pytest.raises(CoinError, match=f"Kodak picture must be a whole number from 1 to 24, got {number!r}"):
        kodak(number)


# Kodak from the network, here a server of our own


@contextmanager
def server(files, withheld=0):
    """Serve {name: bytes}; yields the address and the list of names asked for.

    Of each file, the last `withheld` bytes are promised, but the connection is closed before them.
    """
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.lstrip("/")
            asked.append(name)
            self.send_response(200 if name in files else 404)
            self.send_header("Content-Length", str(len(files.get(name, b""))))
            self.end_headers()
            self.wfile.write(files.get(name, b"")[: -withheld or None])

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/", asked
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture
def cache(monkeypatch, tmp_path, picture):
    monkeypatch.setattr(pooch, "os_cache", lambda _: tmp_path)
    monkeypatch.setattr(data, "KODAK_SHA256", {"kodim01.png": hashlib.sha256(picture).hexdigest()})
    return tmp_path


@pytest.fixture
def picture(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def test_kodak_is_downloaded_once(monkeypatch, cache, picture, image):
    with server({"kodim01.png": picture}) as (url, asked):
        monkeypatch.setattr(data, "KODAK_URL", url)
        assert np.array_equal(kodak(1), image)
        assert np.array_equal(kodak(1), image)
    assert asked == ["kodim01.png"]
    assert np.array_equal(load_image(cache / "kodim01.png"), image)


def test_a_damaged_file_in_the_cache_is_downloaded_again(monkeypatch, cache, picture, image):
    (cache / "kodim01.png").write_bytes(picture[:-9])
    with server({"kodim01.png": picture}) as (url, _):
        monkeypatch.setattr(data, "KODAK_URL", url)
        assert np.array_equal(kodak(1), image)


@pytest.mark.parametrize(
    "content, withheld, match",
    [
        (b"<html>not a picture</html>", 0, "SHA256 hash.*does not match"),
        (None, 0, "404 Client Error"),
        ("the picture", 50, "50 more expected"),
    ],
    ids=["wrong file", "no file", "interrupted"],
)
def test_a_download_that_fails_leaves_nothing_and_may_be_tried_again(
    monkeypatch, cache, picture, image, content, withheld, match
):
    served = {"kodim01.png": picture if content == "the picture" else content} if content else {}
    with server(served, withheld) as (url, _):
        monkeypatch.setattr(data, "KODAK_URL", url)
        with pytest.raises(CoinError, match=rf"(?s){url}kodim01.png could not be fetched.*{match}.*COIN_EDU_KODAK"):
            kodak(1)
    assert not list(cache.iterdir()), "a part of a file was kept"
    with server({"kodim01.png": picture}) as (url, _):
        monkeypatch.setattr(data, "KODAK_URL", url)
        assert np.array_equal(kodak(1), image)


def test_ctrl_c_in_a_download_leaves_nothing(monkeypatch, cache, picture):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pooch.core, "hash_matches", interrupt)  # all is there, but under no final name yet
    with server({"kodim01.png": picture}) as (url, asked), pytest.raises(KeyboardInterrupt):
        monkeypatch.setattr(data, "KODAK_URL", url)
        kodak(1)
    assert asked and not list(cache.iterdir())


def test_no_server(monkeypatch, cache):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    monkeypatch.setattr(data, "KODAK_URL", address)
    with pytest.raises(CoinError, match=f"{address}kodim01.png could not be fetched.*Check the connection"):
        kodak(1)


# Recorded figures


def test_published_curves():
    curves = published()
    assert len(curves) == 19 and all(isinstance(curve, Curve) and not curve.measured for curve in curves.values())
    assert all(curve.name == name and "/" in curve.source for name, curve in curves.items())
    for curve in curves.values():
        assert len(curve.rates) == len(curve.psnrs) >= 5 - (curve.kind == "implicit") and not curve.ssims
        assert list(curve.rates) == sorted(curve.rates) and list(curve.psnrs) == sorted(curve.psnrs)


def test_one_published_curve():
    coin = published("COIN")
    assert coin == published()["COIN"] and "2103.03123" in coin.source
    assert (coin.rates[3], coin.psnrs[3]) == (0.3074, 26.4121)


@pytest.mark.parametrize("name", ["coin", "", 3])
def test_a_curve_nobody_published(name):
    with pytest.raises(CoinError, match=f"published curves are of JPEG, JPEG2000, .*; got {name!r}"):
        published(name)


def test_published_sizes():
    assert data.published_sizes() == {"COIN": 14.7455, "BMS": 10135.868, "MBT": 24764.604, "CST": 31834.464}


def test_a_file_that_is_not_recorded():
    with pytest.raises(CoinError, match=r"nothing.csv: no such recorded file; data/README.md"):
        data.recorded("nothing.csv")


def test_recorded_files_are_found_where_a_wheel_puts_them(root, tmp_path):
    shutil.copytree(root / "coin_edu", tmp_path / "coin_edu", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "data", tmp_path / "coin_edu" / "recorded")
    code = "from coin_edu.data import published, recorded; print(published('COIN').name, recorded('kodak_fits.csv'))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["COIN", str(tmp_path / "coin_edu" / "recorded" / "kodak_fits.csv")], done.stderr


def test_a_wheel_has_what_the_package_reads(root):
    wheel = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["sources"]["data"] == "coin_edu/recorded"
    packed = {path for pattern in wheel["include"] for path in root.glob(pattern.removeprefix("/"))}
    assert {data.recorded(name) for name in ("kodak_rd_published.json", "model_sizes_published.json")} <= packed
    assert {data.recorded("kodak_fits.csv"), data.recorded("coffee_0.3.coin")} <= packed
