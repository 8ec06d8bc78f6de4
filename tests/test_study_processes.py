import multiprocessing
import os
import signal
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
        with pytest.raises(BrokenExecutor, match="its process ended with exit code 3"):
            pool.submit(os._exit, 3).result()
        if os.name == "posix":
            with pytest.raises(BrokenExecutor, match="its process was killed, perhaps by the system for"):
                pool.submit(signal.raise_signal, signal.SIGKILL).result()
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


UNGUARDED = """
from coin_edu.study.processes import Processes
with Processes(2) as pool:
    print(sorted(one.result() for one in [pool.submit(abs, -1), pool.submit(abs, -2)]), __file__)
"""


@pytest.mark.parametrize("way", ["standard input", "a file"])
def test_a_script_is_not_run_again(tmp_path, root, way):
    """It may have come from standard input, and need not say `if __name__ == "__main__":`."""
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, "-" if way == "standard input" else script],
        input=UNGUARDED,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split(maxsplit=2)[:2] == ["[1,", "2]"] and done.stderr == ""
    assert done.stdout.split()[-1] == ("<stdin>" if way == "standard input" else str(script))
