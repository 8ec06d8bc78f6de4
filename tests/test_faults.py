"""Disks that are full or read-only, Ctrl-C, and a small run of tests/benchmarks/kill.py: what is left behind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pooch
import pytest

from coin_edu import Arch, CoinError, decode, encode_many, fit, kodak, save_image, search
from coin_edu.cli import main
from coin_edu.study.many import STOPPED, Encoded
from coin_edu.study.search import SearchResult, Trial
from tests.conftest import interrupt, needs_constriction

SETTINGS = {"arch": Arch(3, 30), "steps": 1, "device": "cpu", "progress": False}  # of 4 kB, two of a disk's pages
FREE = 4096


@pytest.fixture(params=["full", "nearly full", "read-only"])
def disk(request, tmp_path):
    """A disk of 64 kB on which no further file of 4 kB can be written."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path]
    if not sys.platform.startswith("linux") or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a disk")
    try:
        if request.param == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", path], check=True)
        else:
            (path / "other").write_bytes(bytes(65536 - (FREE if request.param == "nearly full" else 0)))
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def command_line(png, disk):
    flags = ("--arch", "3x30", "--steps", "1", "--device", "cpu")
    if main(["encode", str(png), str(disk / "out.coin"), *flags]):
        raise CoinError("as it was printed")


def picture(png, disk):
    save_image(disk / "out.png", np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8))


def state(png, disk):
    fit(np.zeros((8, 8, 3), np.uint8), Arch(3, 30), 0, progress=False).save(disk / "out.fit")


def many(png, disk):
    """Of a disk that is full at once, the call tells; of one that is full later, each picture's outcome."""
    (result,) = encode_many([png], disk, workers=1, **SETTINGS)
    raise CoinError(result.error)


def trials(png, disk):
    pytest.importorskip("optuna")
    image = np.zeros((12, 16, 3), np.uint8)
    search(image, 20, trials=1, steps=1, storage=disk / "search.db", device="cpu", progress=False)


@pytest.mark.parametrize("work", [command_line, picture, state, many, trials], ids=lambda work: work.__name__)
def test_a_disk_that_takes_nothing_is_an_error_that_says_what_to_do(disk, png, capsys, work):
    before = os.listdir(disk)
    with pytest.raises(CoinError) as caught:
        work(png, disk)
    told = f"{caught.value} {capsys.readouterr().err}"
    assert re.search(r"no space left on the disk; free some|disk is read-only; choose another", told)
    assert os.listdir(disk) == before, "a part of a file was left"


def test_a_download_to_such_a_disk(disk, monkeypatch):
    monkeypatch.delenv("COIN_EDU_KODAK", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda _: disk)
    monkeypatch.setattr(
        pooch.HTTPDownloader, "__call__", lambda self, url, path, _: Path(path).write_bytes(bytes(9999))
    )
    before = os.listdir(disk)
    with pytest.raises(CoinError, match=r"No space left|[Rr]ead-only.*COIN_EDU_KODAK"):
        kodak(1)
    assert os.listdir(disk) == before


# Ctrl-C


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a process")
@pytest.mark.parametrize("coding", ["plain", pytest.param("entropy", marks=needs_constriction)])
def test_ctrl_c_ends_the_command_at_once_with_the_best_so_far(png, tmp_path, root, coding):
    flags = ("--bpp", "20", "--coding", coding, "--steps", "20000", "--device", "cpu")
    child = subprocess.Popen(
        [sys.executable, "-m", "coin_edu", "encode", png, tmp_path / "out.coin", *flags],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    shown = b""
    while b" dB" not in shown:
        shown += (more := os.read(child.stderr.fileno(), 1000))
        assert more, shown
    out, err = interrupt(child)
    assert child.returncode == 130, err
    assert re.search(rb"stopped at step \d+ of 20000; keeping the best so far, [\d.]+ dB", out)
    assert decode((tmp_path / "out.coin").read_bytes()).shape == (12, 16, 3)
    assert sorted(os.listdir(tmp_path)) == ["in.png", "out.coin"]


def test_a_command_that_was_stopped_says_so_by_its_exit_code(png, tmp_path, monkeypatch):
    few = SearchResult((Trial(Arch(1, 4), 1.0, 20.0, 5, "complete"),))
    monkeypatch.setattr("coin_edu.cli.search", lambda *_, **__: few)
    assert main(["search", str(png), "--trials", "1"]) == 0
    assert main(["search", str(png), "--trials", "2"]) == 130
    stopped = [Encoded(png, tmp_path / "out.coin", error=STOPPED)]
    monkeypatch.setattr("coin_edu.cli.encode_many", lambda *_, **__: stopped)
    assert main(["encode-many", str(tmp_path), str(tmp_path)]) == 130


# Killed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_what_is_killed_leaves_nothing_half_written_and_loses_nothing(python):
    pytest.importorskip("optuna")
    done = python("-m", "tests.benchmarks.kill", "--count", "12")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d\d kills in \d+ s: nothing half-written, nothing lost", done.stdout)
