import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from coin_edu import CoinError
from coin_edu.engine.device import chunk_map, pick_device


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_the_device_of_that_name():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device() == pick_device("auto")


@pytest.mark.parametrize("mps", [True, False])
def test_auto_takes_no_mps(monkeypatch, mps):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device() == torch.device("cpu")


def test_auto_takes_a_card_that_works(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("coin_edu.engine.device._tried", torch.device)
    assert pick_device().type == "cuda"


def test_auto_takes_the_cpu_where_the_card_fails_and_says_so(monkeypatch):
    def full(name):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.\nTried to allocate")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("coin_edu.engine.device._tried", full)
    with pytest.warns(UserWarning, match=r"there is CUDA, but it fails \(CUDA out of memory.\); the CPU is taken"):
        assert pick_device() == torch.device("cpu")


@pytest.mark.parametrize("name", ["", "nonsense", "cpu:x", "cuda:99", "xla", "hpu", "meta"])
def test_a_device_that_is_not_here(name):
    with pytest.raises(CoinError, match=f"device {name!r} is not to be had here"):
        pick_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_where_there_is_none():
    with pytest.raises(CoinError, match="'cuda' is not to be had here; device='auto'"):
        pick_device("cuda")


def test_results_come_in_order(threads):
    def slow_first(x):
        time.sleep(0.02 * (x == 0))
        return x * x

    with chunk_map(torch.device("cpu")) as each:
        assert list(each(slow_first, range(20))) == [x * x for x in range(20)]
    assert torch.get_num_threads() == threads


def test_each_chunk_has_a_core(threads):
    together = threading.Barrier(threads, timeout=30)

    def work(_):
        together.wait()  # passes only if so many run at once
        return torch.get_num_threads()

    with chunk_map(torch.device("cpu")) as each:
        assert list(each(work, range(threads))) == [1] * threads


def test_an_error_in_a_chunk_is_raised_and_threads_are_restored(threads):
    with pytest.raises(ZeroDivisionError), chunk_map(torch.device("cpu")) as each:
        list(each(lambda x: 1 / x, [2, 1, 0]))
    assert torch.get_num_threads() == threads


def test_a_gpu_takes_its_chunks_one_after_another():
    with chunk_map(torch.device("meta")) as each:
        assert each is map


def test_two_fits_at_once_put_back_the_number_of_threads(threads):
    entered, leave = threading.Barrier(2, timeout=30), threading.Event()

    def other():
        with chunk_map(torch.device("cpu")):
            entered.wait()
            leave.wait(30)

    thread = threading.Thread(target=other)
    with chunk_map(torch.device("cpu")):
        thread.start()
        entered.wait()
    leave.set()
    thread.join()
    assert torch.get_num_threads() == threads
    # A thread made later starts with the process's number, not with this thread's.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == threads


def test_who_comes_while_another_fits_has_as_many_cores(threads):
    def cores():
        with chunk_map(torch.device("cpu")) as each:
            return each is map

    with chunk_map(torch.device("cpu")), ThreadPoolExecutor(1) as pool:
        assert pool.submit(cores).result() is (threads == 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_a_forked_process_has_threads_of_its_own(python):
    done = python("-W", "ignore", "-c", FORK)
    assert (done.returncode, done.stderr) == (0, "")


FORK = """
import os, torch
from coin_edu.engine.device import chunk_map

def work():
    with chunk_map(torch.device("cpu")) as each:
        assert list(each(abs, [-1, -2, -3])) == [1, 2, 3]

torch.set_num_threads(2)
work()
child = os.fork()
work()
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_inside_itself_it_is_the_same_map(threads):
    with chunk_map(torch.device("cpu")) as outer:
        with chunk_map(torch.device("cpu")) as inner:
            assert inner == outer
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == threads


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
@pytest.mark.parametrize("inside", [False, True])
def test_a_forked_process_does_not_wait_for_torchs_threads(python, inside):
    done = python("-W", "ignore", "-c", WORK.replace("INSIDE", str(inside)))
    assert (done.returncode, done.stderr) == (0, "")


WORK = """
import os, signal, time, torch
import coin_edu
from coin_edu.engine.device import chunk_map

def work():
    weights = torch.ones(600, 600, requires_grad=True)
    (weights @ weights).exp().mean().backward()
    with chunk_map(torch.device("cpu")) as each:
        assert list(each(abs, [-1, -2])) == [1, 2]

torch.set_num_threads(2)
work()
if INSIDE:
    with chunk_map(torch.device("cpu")):
        child = os.fork()
else:
    child = os.fork()
if not child:
    work()
    os._exit(0)
for _ in range(1200):
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid:
        break
    time.sleep(0.05)
else:
    os.kill(child, signal.SIGKILL)
assert pid and status == 0, "the child waits for ever"
"""
