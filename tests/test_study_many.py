import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from coin_edu import Arch, CoinError, bpp, decode, encode, encode_many, load_image, psnr
from coin_edu.cli import main
from coin_edu.study.many import STOPPED, Encoded

TINY = {"arch": Arch(1, 4), "steps": 2, "device": "cpu", "progress": False}


@pytest.fixture
def folder(tmp_path, make_image):
    """Four pictures, the last two upright, and a file that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, name in enumerate(("a.png", "b.PNG", "c.jpg", "d.webp")):
        Image.fromarray(make_image(*((12, 16) if i < 2 else (16, 12)), seed=i)).save(folder / name)
    (folder / "readme.txt").write_text("my pictures")
    return folder


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as pool:
        yield pool


class Flaky(Executor):
    """Runs each call at once, but the first `failures` calls end as if their worker had been killed."""

    def __init__(self, failures):
        self.failures, self.calls = failures, 0

    def submit(self, call, /, *args, **kwargs):
        future = Future()
        self.calls += 1
        if self.calls <= self.failures:
            future.set_exception(BrokenProcessPool("killed"))
        else:
            try:
                future.set_result(call(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)
        return future


def names(folder):
    return sorted(os.listdir(folder))


def test_every_picture_of_a_folder_becomes_a_file(folder, tmp_path, threads):
    results = encode_many(folder, tmp_path / "new" / "out", executor=threads, **TINY)
    assert names(tmp_path / "new" / "out") == ["a.coin", "b.coin", "c.coin", "d.coin"]
    for result in results:
        image, data = load_image(result.source), result.path.read_bytes()
        assert data == encode(image, **TINY)
        measured = (len(data), bpp(data, image.shape), psnr(image, decode(data)))
        assert (result.n_bytes, result.bpp, result.psnr, result.error) == (*measured, "")
        assert result.seconds > 0


def test_a_list_of_pictures_keeps_its_order(folder, tmp_path, threads):
    pictures = [str(folder / "d.webp"), folder / "a.png"]
    results = encode_many(pictures, tmp_path / "out", executor=threads, **TINY)
    assert [result.source.name for result in results] == ["d.webp", "a.png"]
    more = encode_many(folder.glob("*.PNG"), str(tmp_path / "out"), executor=threads, **TINY)
    assert [result.path for result in more] == [tmp_path / "out" / "b.coin"]


def test_the_budget_is_kept(folder, tmp_path, threads):
    results = encode_many(folder, tmp_path / "out", 5, executor=threads, steps=1, device="cpu", progress=False)
    assert all(4 < result.bpp <= 5 for result in results)


# What fails


def test_a_bad_picture_fails_alone(folder, tmp_path):
    (folder / "b.PNG").write_text("no picture")
    pool = Flaky(0)
    good, bad, *rest = encode_many(folder, tmp_path / "out", executor=pool, **TINY)
    assert bad.error.startswith("no picture that Pillow can read") and bad.source == folder / "b.PNG"
    assert bad.n_bytes == bad.seconds == 0 and math.isnan(bad.bpp) and math.isnan(bad.psnr)
    assert names(tmp_path / "out") == ["a.coin", "c.coin", "d.coin"]
    assert not any(result.error for result in (good, *rest)) and pool.calls == 3


def test_a_missing_picture_fails_alone(folder, tmp_path, threads):
    good, bad = encode_many([folder / "a.png", "none.png"], tmp_path / "out", executor=threads, **TINY)
    assert (good.error, bad.error.startswith("no such file")) == ("", True)


def test_an_error_that_would_repeat_itself_is_not_tried_again(folder, tmp_path):
    pool = Flaky(0)
    results = encode_many(folder, tmp_path / "out", 0.001, executor=pool, steps=1, progress=False)
    assert all("smallest network needs" in result.error for result in results) and pool.calls == 4


@pytest.mark.parametrize("retries, failures, calls", [(2, 2, 3), (0, 0, 1)])
def test_a_lost_worker_costs_nothing_but_time(folder, tmp_path, retries, failures, calls):
    pool = Flaky(failures)
    (result,) = encode_many([folder / "a.png"], tmp_path / "out", executor=pool, retries=retries, **TINY)
    assert (result.error, pool.calls) == ("", calls)


@pytest.mark.parametrize("retries", [0, 2])
def test_a_picture_that_loses_every_worker_is_reported(folder, tmp_path, retries):
    (result,) = encode_many([folder / "a.png"], tmp_path / "out", executor=Flaky(99), retries=retries, **TINY)
    assert f"failed {retries + 1} times, at last by BrokenProcessPool: killed" in result.error
    assert not names(tmp_path / "out")


def test_an_error_in_the_work_is_not_blamed_on_its_worker(folder, tmp_path, monkeypatch):
    pool = Flaky(0)

    def broken(*_, **__):
        raise ZeroDivisionError("a fault\x1b of the codec's")

    monkeypatch.setattr("coin_edu.study.many.encode", broken)
    results = encode_many(folder, tmp_path / "out", executor=pool, **TINY)
    assert [result.error for result in results] == [r"ZeroDivisionError: a fault\x1b of the codec's"] * 4
    assert pool.calls == 4


def test_too_little_memory_is_tried_again_and_called_so(folder, tmp_path, monkeypatch):
    def hungry(*_, **__):
        raise MemoryError

    monkeypatch.setattr("coin_edu.study.many.encode", hungry)
    (result,) = encode_many([folder / "a.png"], tmp_path / "out", executor=Flaky(0), **TINY)
    assert result.error == "failed 3 times, at last by MemoryError: too little memory; try fewer workers"


@pytest.mark.parametrize("thing", [7, "threads", Executor])
def test_what_is_no_executor(folder, tmp_path, thing):
    with pytest.raises(CoinError, match=r"executor must be a concurrent.futures.Executor or a dask Client, got"):
        encode_many(folder, tmp_path / "out", executor=thing, **TINY)


def test_a_client_lends_its_executor(folder, tmp_path):
    class Client:
        def get_executor(self, pure):
            assert pure is False
            return Flaky(0)

    assert not any(result.error for result in encode_many(folder, tmp_path / "out", executor=Client(), **TINY))


def test_processes_that_need_a_script_that_is_not_there_are_refused(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "<stdin>", raising=False)
    told = pytest.raises(CoinError, match=r"none to be read \(<stdin>\): put it into a file, or leave out executor=")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool, told:
        encode_many(folder, tmp_path / "out", executor=pool, **TINY)


def test_a_file_is_not_replaced_by_its_own(tmp_path, coin, threads):
    (tmp_path / "a.coin").write_bytes(coin)
    for overwrite in (False, True):
        with pytest.raises(CoinError, match=r"would be replaced by its own .coin file; name another folder"):
            encode_many([tmp_path / "a.coin"], tmp_path, executor=threads, overwrite=overwrite, **TINY)
    assert (tmp_path / "a.coin").read_bytes() == coin


def test_paths_and_numbers_of_every_kind(folder, tmp_path, threads):
    settings = {**TINY, "steps": np.int64(2), "seed": np.uint8(3), "bits": np.int32(16), "executor": threads}
    expected = encode_many([folder / "a.png"], tmp_path / "one", **{**settings, "steps": 2, "seed": 3})
    pictures = np.array([str(folder / "a.png")])
    (found,) = encode_many(pictures, os.fsencode(tmp_path / "two"), workers=np.int64(1), **settings)
    assert found.path.read_bytes() == expected[0].path.read_bytes()


def test_an_executor_that_takes_no_work_is_reported(folder, tmp_path, threads):
    threads.shutdown()
    results = encode_many(folder, tmp_path / "out", executor=threads, **TINY)
    assert all("cannot schedule new futures after shutdown" in result.error for result in results)


def test_two_pictures_of_one_name_are_refused(folder, tmp_path):
    (folder / "A.jpg").write_bytes((folder / "c.jpg").read_bytes())
    with pytest.raises(CoinError, match=r"A.jpg and .*a.png would both become .*a.coin; rename one"):
        encode_many(folder, tmp_path / "out", **TINY)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "pictures, match",
    [("none", "none: no such file or folder"), ("pictures/a.png", "not a folder"), ([], "no pictures")],
)
def test_pictures_that_are_none(folder, tmp_path, monkeypatch, pictures, match):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CoinError, match=match):
        encode_many(pictures, "out", **TINY)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", [{"retries": -1}, {"workers": 0}, {"device": "nonsense"}])
def test_settings_that_cannot_be(folder, tmp_path, wrong):
    with pytest.raises(CoinError):
        encode_many(folder, tmp_path / "out", **{**TINY, **wrong})


def test_a_misspelled_setting_is_told_at_once(folder, tmp_path):
    with pytest.raises(TypeError, match="stpes"):
        encode_many(folder, tmp_path / "out", stpes=3)


# A second run


def test_a_second_run_does_what_is_missing(folder, tmp_path, threads):
    first = encode_many(folder, tmp_path / "out", executor=threads, **TINY)
    (tmp_path / "out" / "a.coin").unlink()
    (tmp_path / "out" / "b.coin").write_bytes(b"COIN, half a file")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("[cd].coin")}
    second = encode_many(folder, tmp_path / "out", executor=threads, **TINY)
    assert [result.seconds > 0 for result in second] == [True, True, False, False]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [(r.n_bytes, r.bpp, r.psnr) for r in first] == [(r.n_bytes, r.bpp, r.psnr) for r in second]


def test_a_file_of_other_settings_is_left_alone_unless_told_otherwise(folder, tmp_path, threads):
    encode_many(folder, tmp_path / "out", executor=threads, **TINY)
    other = {**TINY, "arch": Arch(1, 5)}
    for result in encode_many(folder, tmp_path / "out", executor=threads, **other):
        assert "already, 1x4 at 16 bits for" in result.error and "make 1x5 at 16 bits for" in result.error
    assert len((tmp_path / "out" / "a.coin").read_bytes()) == Arch(1, 4).n_bytes()
    for result in encode_many(folder, tmp_path / "out", executor=threads, overwrite=True, **other):
        assert result.n_bytes == Arch(1, 5).n_bytes()


def test_a_file_of_another_picture_is_left_alone(folder, tmp_path, threads):
    encode_many([folder / "a.png"], tmp_path / "out", executor=threads, **TINY)
    (folder / "a.png").write_bytes((folder / "c.jpg").read_bytes())
    (result,) = encode_many([folder / "a.png"], tmp_path / "out", executor=threads, **TINY)
    assert "1x4 at 16 bits for 16x12 pixels, " in result.error and "make 1x4 at 16 bits for 12x16 pix" in result.error


@pytest.mark.parametrize("arch, bpp", [(None, 9), ("9-6-4", 18)])
def test_entropy_coded_files_are_kept_too(folder, tmp_path, threads, arch, bpp):
    pytest.importorskip("constriction")
    settings = {"coding": "entropy", "steps": 4, "device": "cpu", "progress": False, "executor": threads, "arch": arch}
    first = encode_many(folder, tmp_path / "out", bpp, **settings)
    assert all(0 < result.bpp <= bpp for result in first)
    assert not any(result.error or result.seconds for result in encode_many(folder, tmp_path / "out", bpp, **settings))
    (other, *_) = encode_many(folder, tmp_path / "out", 2 * bpp / 3, **settings)
    assert "entropy-coded for 16x12 pixels" in other.error


# Many at once


def test_few_pictures_are_in_memory_at_a_time(folder, tmp_path, make_image):
    for i in range(20):
        Image.fromarray(make_image(3, 4, seed=i)).save(folder / f"more{i}.png")
    handed_out, most = set(), []

    class Watched(ThreadPoolExecutor):
        def submit(self, *call):
            future = super().submit(*call)
            handed_out.add(future)
            most.append(sum(not one.done() for one in handed_out))
            return future

    with Watched(3) as pool:
        results = encode_many(folder, tmp_path / "out", executor=pool, workers=3, **TINY)
    assert len(results) == len(most) == 24 and max(most) <= 3


def test_a_bar_counts_pictures(folder, tmp_path, threads, capsys):
    (folder / "a.png").write_text("no picture")
    encode_many(folder, tmp_path / "out", executor=threads, **{**TINY, "progress": True})
    assert "4/4" in (shown := capsys.readouterr().err) and "1 failed" in shown and "step" not in shown


# Processes


def kill_soon(pids, folder):
    """Kill the first of these processes when a file is done, and so others are under way."""

    def kill():
        while not list(folder.glob("*.coin")):
            time.sleep(0.01)
        os.kill(pids()[0], getattr(signal, "SIGKILL", signal.SIGTERM))

    thread = Thread(target=kill)
    thread.start()
    return thread


def test_a_killed_process_loses_no_picture(folder, tmp_path):
    settings = {**TINY, "steps": 500}
    pids = lambda: [child.pid for child in multiprocessing.active_children()]  # noqa: E731
    killer = kill_soon(pids, tmp_path / "out")
    results = encode_many(folder, tmp_path / "out", workers=2, **settings)
    killer.join()
    for result in results:
        assert result.error == "" and result.path.read_bytes() == encode(load_image(result.source), **settings)
    assert len(names(tmp_path / "out")) == 4, "a part of a file was left"
    assert not multiprocessing.active_children()


SCRIPT = """
import sys
from coin_edu import Arch, encode_many

if __name__ == "__main__":
    results = encode_many(sys.argv[1], sys.argv[2], arch=Arch(2, 8), steps=1000, device="cpu", workers=1)
    print([result.error for result in results])
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a group of processes")
def test_ctrl_c_keeps_what_is_done_and_ends_all_processes(folder, tmp_path, make_image, root):
    for name in ("b.PNG", "c.jpg", "d.webp"):  # these take much longer than a.png
        Image.fromarray(make_image(300, 300)).save(folder / name)
    (tmp_path / "script.py").write_text(SCRIPT)
    child = subprocess.Popen(
        [sys.executable, tmp_path / "script.py", folder, tmp_path / "out"],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "out" / "a.coin").exists():
        assert child.poll() is None, child.communicate()
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=60)  # returns when the last process that could write has ended
    assert out.splitlines() == [
        "stopped: 1 of 4 pictures done, 3 left; the same call goes on",
        str(["", STOPPED, STOPPED, STOPPED]),
    ]
    assert child.returncode == 0 and "Traceback" not in err
    assert names(tmp_path / "out") == ["a.coin"]


# A cluster


@pytest.fixture(scope="module")
def cluster():
    dask = pytest.importorskip("dask", reason="distributed is not installed")
    distributed = pytest.importorskip("distributed")
    # A worker's death is reported at once, not tried again by dask itself, and a missing scheduler soon missed.
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.comm.timeouts.connect": "1s"}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=60) as cluster,
    ):
        yield cluster


def test_a_killed_worker_of_a_cluster_loses_no_picture(cluster, folder, tmp_path):
    with cluster.get_client() as client:
        workers = list(client.run(os.getpid).values())
        killer = kill_soon(lambda: workers, tmp_path / "out")
        settings = {**TINY, "steps": 500}
        results = encode_many(folder, tmp_path / "out", executor=client.get_executor(pure=False), **settings)
        killer.join()
    assert [result.error for result in results] == [""] * 4
    assert results[0].path.read_bytes() == encode(load_image(results[0].source), **settings)


def test_a_cluster_from_the_command_line(cluster, folder, tmp_path, capsys):
    flags = ("--arch", "1x4", "--steps", "2", "--device", "cpu", "--scheduler", cluster.scheduler_address)
    command = ["encode-many", str(folder), str(tmp_path / "out"), *flags]
    (folder / "c.jpg").write_text("no picture")
    assert main(command) == 1
    output = capsys.readouterr().out
    assert "3 of 4 pictures done" in output and f"failed: {folder / 'c.jpg'}: no picture that" in output
    (folder / "c.jpg").unlink()
    assert main(command) == 0
    assert "failed" not in capsys.readouterr().out


def test_a_scheduler_that_is_not_there(cluster, folder, tmp_path, capsys):
    flags = ("--scheduler", "tcp://127.0.0.1:1")
    assert main(["encode-many", str(folder), str(tmp_path / "out"), *flags]) == 2
    assert "no dask scheduler answers at tcp://127.0.0.1:1" in capsys.readouterr().err


def test_a_cluster_without_dask_says_how_to_get_it(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["encode-many", str(folder), str(tmp_path / "out"), "--scheduler", "tcp://127.0.0.1:1"]) == 2
    assert "pip install 'coin_edu[cluster]'" in capsys.readouterr().err


def test_an_outcome_is_a_row_of_a_table(tmp_path):
    row = Encoded(tmp_path / "a.png", tmp_path / "a.coin", 5, 0.3, 26.5, 1.5)
    assert list(vars(row)) == ["source", "path", "n_bytes", "bpp", "psnr", "seconds", "error"]
