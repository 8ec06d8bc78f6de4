"""What is built of the repository: metadata, links, the course in a wheel; asked for, whole environments."""

import json
import re
import tomllib
from importlib import import_module

import pytest

import coin_edu
from coin_edu import data
from coin_edu.cli import COMMANDS, main
from tests import badges


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
