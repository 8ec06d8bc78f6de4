import io
import re
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, features

from coin_edu import CoinError, photo, psnr
from coin_edu.study import baselines

each = pytest.mark.parametrize("name", baselines.available())


@pytest.fixture(scope="module")
def photograph():
    return np.ascontiguousarray(photo()[::6, ::6])


def test_the_codecs():
    assert list(baselines.CODECS) == ["JPEG", "JPEG2000", "WebP", "AVIF", "HEIC", "JXL"]
    assert "JPEG" in baselines.available()


@each
def test_budgets_are_kept_and_more_bytes_buy_quality(photograph, name):
    files = [baselines.compress(photograph, name, budget) for budget in (1500, 3000, 6000)]
    assert all(len(data) <= budget for data, budget in zip(files, (1500, 3000, 6000), strict=True))
    assert len(files[-1]) > 4000, "most of the budget was left"
    decibels = [psnr(photograph, baselines.decompress(data)) for data in files]
    assert all(more > less - 0.1 for less, more in pairwise(decibels))
    assert decibels[-1] > decibels[0] + 3


@pytest.mark.parametrize("quality", [1, 2, 30, 49, 50, 51, 75, 95])
def test_jpeg_at_a_whole_quality_is_pillows(photograph, quality):
    buffer = io.BytesIO()
    Image.fromarray(photograph).save(buffer, "JPEG", quality=quality, optimize=True)
    assert baselines.CODECS["JPEG"].compress(photograph, quality) == buffer.getvalue()


@pytest.mark.parametrize("budget", [1200, 1900, 2800, 4486])
def test_jpeg_fills_its_budget(photograph, budget):
    assert 0.985 * budget <= len(baselines.compress(photograph, "JPEG", budget)) <= budget


@each
def test_a_file_is_of_its_format(photograph, name):
    data = baselines.compress(photograph, name, 3000)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == baselines.CODECS[name].form
    assert baselines.decompress(data).shape == photograph.shape


@each
def test_too_small_a_budget_names_the_smallest_which_suffices(photograph, name):
    with pytest.raises(CoinError, match=f"{name} cannot go below .* 10 are allowed") as caught:
        baselines.compress(photograph, name, 10)
    smallest = int(re.search(r"below (\d+) bytes", str(caught.value))[1])
    assert len(baselines.compress(photograph, name, smallest)) <= smallest


@each
def test_a_huge_budget_takes_the_best_quality(photograph, name):
    codec = baselines.CODECS[name]
    assert baselines.compress(photograph, name, 10**9) == codec.compress(photograph, codec.qualities[-1])


@each
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 2)])
def test_thin_pictures(make_image, name, shape):
    assert baselines.decompress(baselines.compress(make_image(*shape), name, 2000)).shape == (*shape, 3)


@pytest.mark.parametrize("name", ["JPEG", "WebP", "AVIF"])
def test_a_picture_too_long_for_the_format(name):
    if name not in baselines.available():
        pytest.skip(f"this build of Pillow has no {name}")
    with pytest.raises(CoinError, match=name):
        baselines.compress(np.zeros((1, 70_000, 3), np.uint8), name, 10**6)


def test_an_unknown_codec():
    with pytest.raises(CoinError, match="one of JPEG, JPEG2000, WebP, AVIF, HEIC, JXL, got 'PNG'"):
        baselines.compress(np.zeros((8, 8, 3), np.uint8), "PNG", 1000)


def test_only_a_picture_is_compressed(photograph):
    with pytest.raises(CoinError, match="uint8"):
        baselines.compress(photograph / 255, "JPEG", 1000)


@each
@pytest.mark.parametrize("quality", [-1, 1e4, "high", None, [50], float("nan")])
def test_a_quality_that_is_none(photograph, name, quality):
    with pytest.raises(CoinError, match=f"{name}'s quality must be a number from .* to .*, got"):
        baselines.CODECS[name].compress(photograph, quality)


def test_a_format_that_pillow_lacks(monkeypatch, photograph):
    monkeypatch.setattr(features, "check", lambda feature: feature != "avif")
    assert "AVIF" not in baselines.available()
    with pytest.raises(CoinError, match="no AVIF here; reinstall Pillow from a wheel, or leave it out"):
        baselines.compress(photograph, "AVIF", 3000)
    assert baselines.compress(photograph, "JPEG", 3000)


@pytest.mark.parametrize("name", ["HEIC", "JXL"])
def test_a_plugin_that_is_not_installed(monkeypatch, photograph, name):
    monkeypatch.setitem(sys.modules, baselines.CODECS[name].feature, None)
    assert name not in baselines.available()
    with pytest.raises(CoinError, match=rf"no {name} here; pip install 'coin_edu\[codecs\]', or leave it out"):
        baselines.compress(photograph, name, 3000)


def test_files_of_plugins_are_read_in_a_process_that_wrote_none(python, tmp_path, photograph):
    names = [name for name in baselines.available() if baselines.CODECS[name].plugin]
    if not names:
        pytest.skip("no plugin is installed")
    for name in names:
        (tmp_path / name).write_bytes(baselines.compress(photograph, name, 3000))
    code = "import sys; from pathlib import Path; from coin_edu.study.baselines import decompress\n"
    code += "for path in sys.argv[1:]: print(decompress(Path(path).read_bytes()).shape)"
    printed = python("-c", code, *(str(tmp_path / name) for name in names)).stdout
    assert printed.splitlines() == [str(photograph.shape)] * len(names)


def test_jpeg2000_transforms_colors(photograph):
    without = replace(baselines.CODECS["JPEG2000"], options=(("quality_mode", "rates"), ("irreversible", True)))
    files = [codec.compress(photograph, 20) for codec in (without, baselines.CODECS["JPEG2000"])]
    decibels = [psnr(photograph, baselines.decompress(data)) for data in files]
    assert decibels[1] > decibels[0] + 1 and len(files[1]) <= len(files[0]) + 50


def test_heic_keeps_colors_at_full_resolution(photograph):
    if "HEIC" not in baselines.available():
        pytest.skip("the plugin for HEIC is not installed")
    half = replace(baselines.CODECS["HEIC"], options=(("chroma", 420),))
    full = baselines.CODECS["HEIC"]
    colorful = np.zeros((32, 32, 3), np.uint8)
    colorful[:, ::2] = 255, 0, 0
    colorful[:, 1::2] = 0, 0, 255
    decibels = [psnr(colorful, baselines.decompress(codec.compress(colorful, 90))) for codec in (half, full)]
    assert decibels[1] > decibels[0] + 10
