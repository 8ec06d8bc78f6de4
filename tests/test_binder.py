"""Binder's image: what repo2docker would install into it, installed into an environment of its own."""

import json
import os
import re
import subprocess
import tomllib
import venv

import pytest

REPORT = """
import json, coin_edu, coin_edu.widgets, torch
from importlib import metadata
names = [d.name.lower() for d in metadata.distributions()]
cuda = [name for name in names if "nvidia" in name or "cuda" in name]
print(json.dumps([coin_edu.__file__, torch.version.cuda, cuda]))
"""


def test_it_installs_what_pyproject_and_the_constraints_know(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    lines = (root / "binder" / "requirements.txt").read_text().splitlines()
    (extras,) = (re.fullmatch(r"\.\[(.*)\]", line)[1].split(",") for line in lines if line.startswith("."))
    assert set(extras) <= set(project["optional-dependencies"])
    assert "--constraint ../requirements.txt" in lines and (root / "requirements.txt").exists()
    assert (
        f">={(root / 'binder' / 'runtime.txt').read_text().strip().removeprefix('python-')}"
        == project["requires-python"]
    )


@pytest.mark.skipif("COIN_EDU_INSTALL" not in os.environ, reason="takes minutes: COIN_EDU_INSTALL=1 asks for it")
def test_the_steps_of_repo2docker_in_a_clean_environment(root, tmp_path, monkeypatch):
    buildpacks = pytest.importorskip("repo2docker.buildpacks", reason="pip install jupyter-repo2docker")
    subprocess.run(["git", "clone", "--quiet", "--depth=1", root.as_uri(), tmp_path / "home"], check=True)
    monkeypatch.chdir(tmp_path / "home")
    pack = buildpacks.PythonBuildPack("any base image")
    assert pack.detect()
    steps = [script for _, script in pack.get_assemble_scripts()]
    assert steps == ['${KERNEL_PYTHON_PREFIX}/bin/pip install --no-cache-dir -r "binder/requirements.txt"']

    prefix = tmp_path / "venv"
    venv.create(prefix, with_pip=True)
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment |= {"KERNEL_PYTHON_PREFIX": str(prefix), "PATH": f"{prefix / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    def execute(script):
        done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for step in steps:
        execute(step)
    monkeypatch.chdir(tmp_path / "home" / "notebooks")  # from where the package is found only if it is installed
    place, cuda, gigabytes = json.loads(execute(f"python -c '{REPORT}'"))
    assert str(prefix) in place and cuda is None and not gigabytes
    execute("pip install ipykernel nbclient")  # the base image has these
    execute("jupyter execute --timeout=300 00_*.ipynb")
