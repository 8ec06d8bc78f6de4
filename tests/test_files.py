import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coin_edu import CoinError, Fit, decode, files, load_image
from coin_edu.files import check_output, read_bytes, write_bytes
from tests.conftest import not_as_root


class FullDisk:
    def __init__(self, file):
        self.file = file

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, _):
        raise OSError(errno.ENOSPC, "No space left on device")


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupt(*_, **__):
    raise KeyboardInterrupt


@pytest.fixture
def break_write(monkeypatch):
    fdopen = os.fdopen
    return lambda: monkeypatch.setattr(os, "fdopen", lambda *a, **k: FullDisk(fdopen(*a, **k)))


@pytest.fixture
def break_replace(monkeypatch):
    return lambda: monkeypatch.setattr(os, "replace", no_space)


@pytest.fixture
def break_sync(monkeypatch):
    return lambda: monkeypatch.setattr(os, "fsync", no_space)


@pytest.fixture(params=["break_write", "break_sync", "break_replace"])
def broken(request):
    return request.getfixturevalue(request.param)


def test_what_is_written_is_read(tmp_path):
    for data in (b"one", b"", bytes(range(256)) * 1000):
        write_bytes(tmp_path / "file", data)
        assert read_bytes(tmp_path / "file") == read_bytes(str(tmp_path / "file")) == data
    assert os.listdir(tmp_path) == ["file"]


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bytes("file", b"new")
    assert read_bytes("file") == b"new"


def test_what_has_no_end_is_refused(tmp_path, monkeypatch):
    if not Path("/dev/zero").exists():
        pytest.skip("no device without end here")
    monkeypatch.setattr(files, "MAX_BYTES", 2**21)
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 2**40)
    for path in ("/dev/zero", tmp_path / "sparse"):
        for read in (read_bytes, decode, load_image, Fit.load):
            with pytest.raises(CoinError, match="over 2,097,152 bytes, more than any file that is read here"):
                read(path)
    for length in (0, 2**21 - 1, 2**21):
        os.truncate(tmp_path / "sparse", length)
        assert len(read_bytes(tmp_path / "sparse")) == length


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
@pytest.mark.parametrize("data", [b"", b"a pipe's", bytes(3 * 2**20 + 5)], ids=len)
def test_a_pipe_is_read_to_its_end(tmp_path, data):
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as other:
        written = other.submit((tmp_path / "pipe").write_bytes, data)
        assert read_bytes(tmp_path / "pipe") == data
        written.result()


def test_a_full_disk_leaves_the_old_file_whole(tmp_path, broken):
    (tmp_path / "file").write_bytes(b"old")
    broken()
    with pytest.raises(CoinError, match="file: no space left on the disk; free some"):
        write_bytes(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_full_disk_leaves_no_new_file(tmp_path, broken):
    broken()
    with pytest.raises(CoinError, match="no space left"):
        write_bytes(tmp_path / "file", b"new")
    assert os.listdir(tmp_path) == []


def test_an_interrupt_leaves_nothing_either(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "file", b"new")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_a_new_file_follows_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_bytes(tmp_path / "file", b"new")
        assert os.umask(umask) == umask, "the process's umask was changed"
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_replaced_file_keeps_its_permissions(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "file").chmod(0o604)
    write_bytes(tmp_path / "file", b"new")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o604


@pytest.mark.parametrize("act", [read_bytes, lambda path: write_bytes(path, b"new")], ids=["read", "write"])
@pytest.mark.parametrize(
    "name, match",
    [
        (".", "this is a folder; name a file"),
        ("none/file", r"no such file or folder; check the spelling and the current folder \("),
        ("file/file", "a part of this path is a file, not a folder"),
        ("x" * 300, "name too long for this disk; choose a shorter one"),
        ("loop", "links that lead to each other in a circle; name the file itself"),
        ("loop/file", "in a circle"),
    ],
)
def test_a_path_that_cannot_be(tmp_path, act, name, match):
    (tmp_path / "file").write_bytes(b"old")
    if name.startswith("loop"):
        (tmp_path / "loop").symlink_to("loop")
    before = set(os.listdir(tmp_path))
    with pytest.raises(CoinError, match=f"(?i){match}") as caught:
        act(tmp_path / name)
    assert str(tmp_path) in str(caught.value)
    assert set(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("path", ["-", b"-", Path("-")])
def test_standard_output_is_no_file(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    for act in (lambda: write_bytes(path, b"new"), lambda: check_output(path)):
        with pytest.raises(CoinError, match="standard output"):
            act()
    assert not list(tmp_path.iterdir())


def test_the_longest_name_the_system_takes(tmp_path):
    write_bytes(tmp_path / ("x" * 255), b"new")
    assert read_bytes(tmp_path / ("x" * 255)) == b"new"


@not_as_root
def test_a_folder_that_may_not_be_written(tmp_path):
    (tmp_path / "locked").mkdir(0o500)
    with pytest.raises(CoinError, match="no permission; choose another place"):
        write_bytes(tmp_path / "locked" / "file", b"new")


@not_as_root
def test_a_folder_that_may_not_be_entered(tmp_path):
    (tmp_path / "locked").mkdir(0o000)
    with pytest.raises(CoinError, match="no permission"):
        write_bytes(tmp_path / "locked" / "file", b"new")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_or_device_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_bytes(tmp_path / "pipe", b"new")
    except CoinError:
        pass  # to refuse is as well
    finally:
        os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode), "as root, encoding to /dev/null would destroy it"
