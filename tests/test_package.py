import ast
import fnmatch
import re
from pathlib import Path

import pytest

import coin_edu

FOLDER = Path(coin_edu.__file__).parent
MODULES = {str(path.relative_to(FOLDER)): ast.parse(path.read_text()) for path in sorted(FOLDER.rglob("*.py"))}
ROWS = re.findall(r"^\| [^|]+ \| (`.+`) \|$", (FOLDER.parent / "CONTRIBUTING.md").read_text(), re.M)


def table():
    """Each module's floor, lowest 0, from CONTRIBUTING's table; a name in full counts before one with a star."""
    named = [(name, floor) for floor, row in enumerate(reversed(ROWS)) for name in re.findall(r"`(.+?)`", row)]
    floors = dict(named)
    for star, floor in named:
        if "*" in star:
            floors |= {name: floors.get(name, floor) for name in fnmatch.filter(MODULES, star)}
    return {name: floor for name, floor in floors.items() if "*" not in name}


FLOOR = table()


def imports(tree):
    """Every module that is imported anywhere in a file, as its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module.startswith("coin_edu"))


def siblings(name):
    """The package's files that a file imports from."""
    places = {module.removeprefix("coin_edu.").replace(".", "/") for module in imports(MODULES[name])}
    return {file for place in places for file in (f"{place}.py", f"{place}/__init__.py") if file in MODULES} - {name}


def test_importing_the_package_loads_nothing_heavy(python):
    heavy = ("matplotlib", "ipywidgets", "optuna", "dask", "IPython", "skimage.metrics")
    done = python("-W", "error", "-c", f"import sys, coin_edu; print([n for n in {heavy} if n in sys.modules])")
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("[]", "", 0)


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__init__.py"])
def test_a_module_imports_only_from_floors_below(name):
    assert name in FLOOR, "a new module: which floor of CONTRIBUTING's table is it on?"
    above = {sibling for sibling in siblings(name) if FLOOR.get(sibling, -1) >= FLOOR[name]}
    assert not above, f"{name} is on floor {FLOOR[name]}, as {above} or below"


def test_the_table_of_floors_names_what_there_is():
    assert len(ROWS) > 5 and set(FLOOR) == set(MODULES) - {"__init__.py"}


@pytest.mark.parametrize("name", ["bitstream.py", "arch.py", "errors.py", "files.py"])
def test_files_can_be_read_without_torch(name):
    needed = [name]
    for module in needed:
        assert not any(used.split(".")[0] == "torch" for used in imports(MODULES[module])), f"{module} imports torch"
        needed += siblings(module) - set(needed)


def test_imports_are_seen_where_they_are():
    assert "torch" in imports(MODULES["siren.py"])
    assert siblings("bitstream.py") == {"arch.py", "coding.py", "entropy.py", "errors.py"}
    assert {"study/baselines.py", "study/plots.py"} <= siblings("cli/__init__.py")
    assert "widgets/panel.py" in siblings("widgets/live.py")


def test_all_public_names_are_there():
    assert len(set(coin_edu.__all__)) == len(coin_edu.__all__)
    assert all(getattr(coin_edu, name, None) is not None for name in coin_edu.__all__)
    names = {"Arch", "Siren", "load_image", "grid", "fit", "fit_steps", "quantize", "encode", "decode"}
    names |= {"decode_progressive", "bpp", "psnr", "ssim", "CoinError"}
    assert names <= set(coin_edu.__all__)


def test_errors_are_value_errors():
    assert issubclass(coin_edu.CoinError, ValueError)


def test_the_version_is_one():
    assert re.fullmatch(r"\d+\.\d+\.\d+", coin_edu.__version__)


def test_nothing_is_called_utils():
    assert not {"utils", "helpers", "common", "misc"} & {Path(name).stem for name in MODULES}
