"""What is built of the repository: metadata, links, the course in a wheel; asked for, the oldest versions of all."""

import json
import os
import re
import tomllib
from importlib import import_module

import pytest

import coin_edu
from coin_edu import data
from coin_edu.cli import COMMANDS, main
from tests import badges, release


@pytest.fixture(scope="session")
def pyproject(root):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_version_and_the_command_are_there(pyproject, capsys):
    module, function = pyproject["project"]["scripts"]["coin-edu"].split(":")
    assert getattr(import_module(module), function) is main
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"coin_edu {coin_edu.__version__}\n"


def test_types_go_along(root):
    assert (root / "coin_edu" / "py.typed").is_file()


def test_readme_links_hold_on_pypi(pyproject, root):
    text = (root / "README.md").read_text(encoding="utf-8")
    relative = {link for link in re.findall(r"\]\(([^)]+)\)", text) if not re.match("https?:|#", link)}
    assert len(relative) > 10 and all((root / link.partition("#")[0]).exists() for link in relative)
    for change in pyproject["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(change["pattern"], change["replacement"], text)
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert all(re.match("https://|#", link) for link in links)
    url = badges.address()
    assert {f"{url}/blob/main/{link}" for link in relative if not link.endswith(".png")} <= set(links)
    assert f"![original, COIN and JPEG at the same bytes, and both residuals]({url}/raw/main/docs/demo.png)" in text


def test_the_changelog_knows_the_version(root):
    assert f"## {coin_edu.__version__}" in (root / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_extra_that_a_message_names_exists(pyproject, root):
    extras = set(pyproject["project"]["optional-dependencies"])
    for path in (root / "coin_edu").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        named = re.findall(r'coin_edu\[([\w,]+)\]|needs\("(\w+)"\)', text)
        assert {extra for pair in named for extra in "".join(pair).split(",")} <= extras, path


# The course


def test_the_course_is_copied_and_nothing_replaced_unasked(tmp_path, capsys):
    folder = tmp_path / "my" / "course"
    assert main(["notebooks", str(folder)]) == 0
    assert f"{folder}: 9 notebooks\n" in capsys.readouterr().out
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 9 and names == list(data.course())

    mine = folder / names[3]
    mine.write_text("a student's work")
    (folder / names[0]).unlink()
    assert main(["notebooks", str(folder)]) == 2
    told = capsys.readouterr().err
    assert names[1] in told and "a file is there already" in told and "--overwrite" in told
    assert mine.read_text() == "a student's work" and not (folder / names[0]).exists()
    assert main(["notebooks", str(folder), "--overwrite"]) == 0
    assert json.loads(mine.read_text(encoding="utf-8"))["nbformat"] == 4


def test_a_copied_notebook_has_no_link_into_the_repository_around_it():
    course = data.course()
    assert any(f"]({badges.address()}/blob/main/" in text for text in course.values())
    assert not any("](../" in text for text in course.values())


def test_the_course_of_a_wheel_is_the_same(tmp_path, monkeypatch):
    here = data.course()
    package = tmp_path / "coin_edu"
    (package / "notebooks").mkdir(parents=True)
    for name in here:
        (package / "notebooks" / name).write_text("[data](../data/README.md)")
    monkeypatch.setattr(data, "__file__", str(package / "data.py"))
    monkeypatch.setattr(data, "metadata", lambda _: _Metadata())
    assert data.course() == dict.fromkeys(here, "[data](https://some.where/a/b/blob/main/data/README.md)")


class _Metadata:
    def get_all(self, name, _):
        return {"Project-URL": ["Issues, https://some.where/else", "Repository, https://some.where/a/b"]}[name]


# The command line without its extras


def test_every_command_has_its_line_in_the_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert told.startswith("usage: coin-edu ") and all(name.replace("_", "-") in told for name in COMMANDS)


def test_a_release_tries_every_command():
    assert {arguments[0].replace("-", "_") for arguments in release.COMMANDS} == set(COMMANDS)


# The oldest versions

CORE = "arch bitstream codec data entropy files formats image metrics pillow_plugin quantization siren study_baselines"
# What the oldest matplotlib calls was declared old in pyparsing 3.3.
THEIR_TIME = ("pyparsing<3.3",)


def oldest(pyproject):
    """The requirements of the core, of what draws, codes and searches, and of its tests, each at its lower bound."""
    project, extras = pyproject["project"], pyproject["project"]["optional-dependencies"]
    tests = [line for line in extras["test"] if re.match("pytest|hypothesis|bjontegaard", line)]
    lines = [*project["dependencies"], *extras["plots"], *extras["entropy"], *extras["search"], *tests]
    return [line.replace(">=", "==") for line in lines]


def test_every_requirement_has_a_lower_bound_and_no_other(pyproject):
    project = pyproject["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    assert all(re.fullmatch(r"[\w-]+>=[\d.]+|coin_edu\[[\w,]+\]", line) for line in lines)


@pytest.mark.skipif("COIN_EDU_INSTALL" not in os.environ, reason="takes minutes: COIN_EDU_INSTALL=1 asks for it")
def test_the_core_with_the_oldest_versions(pyproject, root, tmp_path):
    """COIN_EDU_TORCH=torch==2.13.0 takes that torch where the oldest cannot be had."""
    environment = release.Environment(tmp_path)
    torch = os.environ.get("COIN_EDU_TORCH")
    environment.install(*(torch if torch and line.startswith("torch=") else line for line in oldest(pyproject)))
    environment.install(*THEIR_TIME)
    environment.run("python", "-m", "pytest", "-q", *(f"tests/test_{name}.py" for name in CORE.split()), folder=root)
