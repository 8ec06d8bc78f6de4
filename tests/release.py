"""What would be uploaded, built and tried as a stranger would: make release. It uploads nothing.

    python -m tests.release            into dist/

An sdist and a wheel are built and checked by twine. The wheel goes into an empty environment, far from the repository,
where every command runs on a photograph, mypy reads a user's file, and a part of the sdist's own tests runs.
TORCH_INDEX names the index that torch comes from, as for make.
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from pathlib import Path

import coin_edu
from tests.badges import ROOT

EXTRAS = "plots,entropy,search"
FEW = ("--steps", "20")
COMMANDS = (
    ("demo", *FEW),
    ("encode", "demo/original.png", "photos/photo.coin", "--bpp", "0.3", *FEW),
    ("encode", "demo/original.png", "photos/small.coin", "--coding", "entropy", "--arch", "4x16", *FEW),
    ("info", "photos/photo.coin"),
    ("decode", "photos/photo.coin", "photos/half.png", "--size", "300x200"),
    ("view", "photos/photo.coin", "--out", "photos/photo.html", "--no-open"),
    ("compare", "photos/half.png", "--out", "results", *FEW),
    ("encode-many", "photos", "coins", "--bpp", "0.3", *FEW),
    ("search", "photos/half.png", "--trials", "2", *FEW, "--storage", "search.db", "--out", "map.png"),
    ("leaderboard", "photos", "demo/original.png", "--bpp", "0.4"),
    ("notebooks", "course"),
)
QUICK_TESTS = ("tests/test_arch.py", "tests/test_files.py", "tests/test_bitstream.py", "tests/test_release.py")
USER = '''\
from pathlib import Path

import numpy as np

import coin_edu as ce


def kilobytes(path: Path, bpp: float = 0.3) -> float:
    """What a picture takes."""
    image: np.ndarray = ce.load_image(path)
    data: bytes = ce.encode(image, bpp=bpp)
    decibels: float = ce.psnr(image, ce.decode(data))
    print(f"{decibels:.2f} dB")
    return len(data) / 1000
'''
# torch's own source, which mypy reads for minutes, says nothing of whether our types go along.
SETTINGS = "[mypy]\nstrict = True\n[mypy-torch.*]\nfollow_imports = skip\n"
WRONG = "\nkilobytes(ce.Arch(10, 28))\nce.encode(3).shape\n"


class Environment:
    """An empty environment in a folder of its own; what runs in it sees nothing of the repository."""

    def __init__(self, folder):
        self.folder = folder
        venv.create(folder / "venv", with_pip=True, upgrade_deps=False)
        self.programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        hidden = ("PYTHONPATH", "VIRTUAL_ENV")
        self.variables = {name: value for name, value in os.environ.items() if name not in hidden}

    def run(self, program, *arguments, folder=None):
        """What a program of the environment prints; it ends the check if it fails."""
        return run(self.programs / program, *arguments, folder=folder or self.folder, variables=self.variables)

    def install(self, *requirements, constraint=None):
        """Install packages, torch from TORCH_INDEX if that is set."""
        index = os.environ.get("TORCH_INDEX")
        self.run(
            "python",
            *("-m", "pip", "install", "--quiet", "--retries", "1"),
            *(("--extra-index-url", index) if index else ()),
            *(("--constraint", constraint) if constraint else ()),
            *requirements,
        )


def run(*arguments, folder, variables=None):
    """What a command prints, told in one line; it ends the check if it fails."""
    shown = " ".join([Path(arguments[0]).name, *map(str, arguments[1:])])
    begin = time.perf_counter()
    done = subprocess.run(arguments, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    print(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {time.perf_counter() - begin:5.0f} s  {shown}", flush=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{done.stderr}")
    return done.stdout


def built(folder):
    """The sdist and the wheel, made in `folder` and checked by twine."""
    version = coin_edu.__version__
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, folder=ROOT)
    sdist, wheel = folder / f"coin_edu-{version}.tar.gz", folder / f"coin_edu-{version}-py3-none-any.whl"
    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel, folder=ROOT)
    return sdist, wheel


def try_wheel(environment, wheel):
    """Every command on a photograph, from the wheel alone."""
    environment.install(f"{wheel}[{EXTRAS}]", constraint=ROOT / "requirements.txt")
    (environment.folder / "photos").mkdir()
    said = environment.run("coin-edu", "--version")
    assert said == f"coin_edu {coin_edu.__version__}\n", said
    for arguments in COMMANDS:
        environment.run("coin-edu", *arguments)


def try_types(environment):
    """What a user's type checker makes of the package: nothing to say of right calls, a word on wrong ones."""
    environment.install("mypy", constraint=ROOT / "requirements.txt")
    user = environment.folder / "user.py"
    (environment.folder / "mypy.ini").write_text(SETTINGS)
    user.write_text(USER)
    environment.run("python", "-m", "mypy", user)
    user.write_text(USER + WRONG)
    arguments = [environment.programs / "python", "-m", "mypy", user]
    done = subprocess.run(
        arguments, cwd=environment.folder, capture_output=True, text=True, env=environment.variables, check=False
    )
    errors = re.findall(r"\[([\w-]+)\]$", done.stdout, re.MULTILINE)
    assert {"arg-type", "attr-defined"} <= set(errors), done.stdout


def try_sdist(environment, sdist):
    """A quick part of the tests, of the sdist's own copy."""
    environment.install("pytest", "hypothesis", "nbformat", constraint=ROOT / "requirements.txt")
    with tarfile.open(sdist) as archive:
        archive.extractall(environment.folder, filter="data")
    folder = environment.folder / sdist.name.removesuffix(".tar.gz")
    environment.run("python", "-m", "pytest", "-q", *QUICK_TESTS, folder=folder)


def unready():
    """What is to be done before an upload."""
    if f"## {coin_edu.__version__} (unreleased)" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        yield "CHANGELOG.md says (unreleased): put the date there"
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    if changed.returncode or changed.stdout:
        yield "files differ from the last commit: commit them, or what is built is in no history"


def main():
    """Build and check; say what is left to do."""
    files = built(ROOT / "dist")
    with tempfile.TemporaryDirectory() as folder:
        environment = Environment(Path(folder))
        try_wheel(environment, files[1])
        try_types(environment)
        try_sdist(environment, files[0])
    print("\nbuilt and checked; nothing was uploaded:", *files, sep="\n  ")
    for reason in unready():
        print(f"not yet: {reason}")
    print(
        f"then: git tag v{coin_edu.__version__}; python -m twine upload dist/*; "
        "RELEASED = True in tests/badges.py; make badges"
    )


if __name__ == "__main__":
    main()
