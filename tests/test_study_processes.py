import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor

import pytest
import torch

from coin_edu.study.processes import Processes


def test_one_that_dies_is_replaced_and_all_end_at_the_shutdown():
    with Processes(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 1
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
        with pytest.raises(BrokenExecutor):
            pool.submit(os._exit, 1).result()
        assert pool.submit(abs, -1).result() == 1
        unfinished = pool.submit(time.sleep, 600)
        while not unfinished.running():
            time.sleep(0.01)
    assert isinstance(unfinished.exception(), BrokenExecutor)
    assert not multiprocessing.active_children()


SCRIPT = """
import time
from coin_edu.study.processes import Processes

if __name__ == "__main__":
    with Processes(2) as pool:
        for _ in range(2):
            print(pool.submit(abs, -1).result(), flush=True)
        pool.submit(time.sleep, 600).result()
"""


def test_they_end_when_their_parent_is_killed(tmp_path, root):
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    child = subprocess.Popen([sys.executable, tmp_path / "script.py"], env=environment, stdout=subprocess.PIPE)
    for _ in range(2):
        assert child.stdout.readline()
    child.kill()
    child.communicate(timeout=60)  # returns when the last process that could write has ended
