import ast
import re
from pathlib import Path

import pytest

import coin_edu

FOLDER = Path(coin_edu.__file__).parent
MODULES = {path.stem: ast.parse(path.read_text()) for path in sorted(FOLDER.glob("*.py"))}

# design.md, lowest first. A module imports only from floors below its own.
FLOORS = (
    ("errors",),
    ("arch", "files", "entropy"),
    ("siren", "image", "metrics", "bitstream", "device"),
    ("quantize", "data"),
    ("state", "backprop", "sampling"),
    ("descent",),
    ("fit", "baselines", "learned"),
    ("codec", "processes"),
    ("study", "many", "search", "leaderboard", "pillow_plugin"),
    ("plots",),
    ("panel", "commands"),
    ("live", "explore_network", "explore_file", "explore_bytes", "explore_damage", "explore_blend"),
    ("explore_fits",),
    ("widgets",),
    ("__main__",),
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}


def imports(tree):
    """Every module that is imported anywhere in a file, as its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "coin_edu")


def siblings(name):
    parts = (module.split(".") for module in imports(MODULES[name]))
    return {part[1] for part in parts if part[0] == "coin_edu" and len(part) > 1 and part[1] in MODULES}


def test_importing_the_package_loads_nothing_heavy(python):
    heavy = ("matplotlib", "ipywidgets", "optuna", "dask", "IPython", "skimage.metrics")
    done = python("-W", "error", "-c", f"import sys, coin_edu; print([n for n in {heavy} if n in sys.modules])")
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("[]", "", 0)


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__init__"])
def test_a_module_imports_only_from_floors_below(name):
    assert name in FLOOR, "a new module: which floor is it on?"
    above = {sibling for sibling in siblings(name) if FLOOR[sibling] >= FLOOR[name]}
    assert not above, f"{name} is on floor {FLOOR[name]}, as {above} or below"


@pytest.mark.parametrize("name", ["bitstream", "arch", "errors", "files"])
def test_files_can_be_read_without_torch(name):
    needed = [name]
    for module in needed:
        assert not any(used.split(".")[0] == "torch" for used in imports(MODULES[module])), f"{module} imports torch"
        needed += siblings(module) - set(needed)


def test_torch_is_seen_where_it_is_imported():
    assert "torch" in imports(MODULES["siren"])
    assert siblings("bitstream") == {"arch", "entropy", "errors"}
    assert "baselines" in siblings("commands") and "plots" in siblings("commands")


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
    assert not {"utils", "helpers", "common", "misc"} & set(MODULES)
