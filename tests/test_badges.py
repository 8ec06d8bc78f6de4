"""Badges and first cells are up to date; the first cell does what it should, with a stand-in for Colab."""

import json
import os
import re
import subprocess
import sys
import venv
from importlib import metadata, util
from types import ModuleType, SimpleNamespace

import nbformat
import pytest

from tests import badges

URL = "https://github.com/some-one/a.fork"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


@pytest.fixture
def copy(tmp_path):
    """A small repository of its own."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project.urls]\nRepository = "https://github.com/a/b"\n[tool]\nx = 1\n')
    (tmp_path / "README.md").write_text("# Title\n\nText ü.\n", encoding="utf-8")
    cells = [
        nbformat.v4.new_markdown_cell("# 00 Title\n\nText."),
        nbformat.v4.new_code_cell("1 + 1", execution_count=1),
        nbformat.v4.new_code_cell("2", execution_count=2),
    ]
    cells[1].outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=1)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "00_title.ipynb")
    return tmp_path


def test_readme_and_notebooks_are_up_to_date():
    stale = [path.name for path, text in badges.texts() if path.read_text(encoding="utf-8") != text]
    assert not stale, "run: make badges"


def test_a_notebook_gets_badges_and_cell_and_keeps_all_else(copy, capsys):
    path = copy / "notebooks" / "00_title.ipynb"
    before = nbformat.read(path, as_version=4)
    badges.main([], copy)
    assert capsys.readouterr().out.count("brought up to date") == 2
    title, first, *rest = nbformat.read(path, as_version=4).cells
    heading, _, line, _, text = title.source.split("\n")
    assert (heading, text) == ("# 00 Title", "Text.")
    assert line == badges.badges("https://github.com/a/b", "notebooks/00_title.ipynb")
    assert (first.source, first.metadata.tags) == (badges.first_cell("https://github.com/a/b"), ["bootstrap"])
    assert [first.execution_count, *(cell.execution_count for cell in rest)] == [1, 2, 3]
    assert rest[0].outputs[0].execution_count == 2
    assert [cell.source for cell in rest] == [cell.source for cell in before.cells[1:]]
    assert [cell.id for cell in rest] == [cell.id for cell in before.cells[1:]]
    badges.main([], copy)
    assert capsys.readouterr().out == "", "a second time, nothing changes"


def test_a_fork_repoints_everything_by_one_command(copy):
    badges.main([], copy)
    badges.main([URL], copy)
    assert badges.address(copy) == URL and "[tool]" in (copy / "pyproject.toml").read_text()
    readme, notebook = ((copy / name).read_text(encoding="utf-8") for name in ("README.md", "notebooks/00_title.ipynb"))
    assert readme.startswith("# Title\n\n[![Open in Colab]") and readme.endswith("\n\nText ü.\n")
    for text in (readme, notebook):
        assert "/some-one/a.fork/" in text and "/a/b/" not in text and "github.com/a/b" not in text
    assert notebook.count('"bootstrap"\n') == 1 and f"git+{URL}" in notebook


@pytest.mark.parametrize("url", ["http://github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a", '"'])
def test_an_address_that_colab_cannot_open_is_refused(copy, url):
    with pytest.raises(SystemExit, match="OWNER/NAME, which Colab and Binder can open"):
        badges.main([url], copy)
    assert badges.address(copy) == "https://github.com/a/b"


def test_the_other_addresses_of_pyproject_follow(copy):
    path = copy / "pyproject.toml"
    path.write_text(path.read_text() + 'y = "https://github.com/a/b/issues"\n')
    badges.set_address(URL, copy)
    assert f'y = "{URL}/issues"' in path.read_text()


def test_install_lines_hold_before_and_after_a_release(copy, monkeypatch):
    line, extra = 'pip install "coin_edu"', '`pip install "coin_edu[search,codecs]"`'
    text = f'{line}  # all\n{extra}, and pip install "coin_edutainment"\n'
    (copy / "docs").mkdir()
    (copy / "docs" / "a.md").write_text(text)
    badges.main([], copy)
    told = (copy / "docs" / "a.md").read_text()
    assert 'pip install "coin_edu @ git+https://github.com/a/b"  # all' in told
    assert '`pip install "coin_edu[search,codecs] @ git+https://github.com/a/b"`' in told and "coin_edutainment" in told
    badges.main([URL], copy)
    assert (copy / "docs" / "a.md").read_text() == told.replace("https://github.com/a/b", URL)
    monkeypatch.setattr(badges, "RELEASED", True)
    badges.main([], copy)
    assert (copy / "docs" / "a.md").read_text() == text
    assert '"coin_edu[plots,entropy]"' in badges.first_cell(URL)


def test_a_notebook_without_a_title_is_refused():
    with pytest.raises(SystemExit, match="expected a title"):
        badges.with_badges("no title", "line")


def test_the_cell_is_as_short_as_any():
    assert len(badges.first_cell(URL).splitlines()) <= 10
    assert all(len(line) <= 120 for line in badges.first_cell(URL).splitlines())


def run(monkeypatch, importable, colab):
    """The commands that the cell runs, and how often it enables widgets."""
    commands, enabled = [], []
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
    monkeypatch.setattr(util, "find_spec", lambda name: importable)
    monkeypatch.setattr(metadata, "version", {"torch": "2.6.0+cu124", "numpy": "2.0.2"}.get)
    if colab:
        module = ModuleType("google.colab")
        module.output = SimpleNamespace(enable_custom_widget_manager=lambda: enabled.append(1))
        monkeypatch.setitem(sys.modules, "google.colab", module)
    exec(badges.first_cell(URL), {})
    return commands, len(enabled)


@pytest.mark.parametrize("importable", [False, True])
def test_the_cell_does_nothing_outside_colab(monkeypatch, importable):
    assert run(monkeypatch, importable, colab=False) == ([], 0)


def test_the_cell_enables_widgets_on_colab(monkeypatch):
    assert run(monkeypatch, True, colab=True) == ([], 1)


def test_the_cell_installs_on_colab_and_names_torch_and_numpy_as_they_are(monkeypatch):
    (command,), enabled = run(monkeypatch, False, colab=True)
    assert command[:4] == [sys.executable, "-m", "pip", "install"] and enabled == 1
    assert command[-3:] == ["torch==2.6.0+cu124", "numpy==2.0.2", f"coin_edu[plots,entropy] @ git+{URL}"]


STAND_IN = """
import sys
sys.modules["google.colab"] = colab = type(sys)("google.colab")
colab.output = type(sys)("output")
colab.output.enable_custom_widget_manager = lambda: print("widgets enabled")
"""
REPORT = """
import json, coin_edu, numpy, torch
image = coin_edu.photo("coffee")[::16, ::16]
psnr = coin_edu.psnr(image, coin_edu.decode(coin_edu.encode(image, 4, steps=30, progress=False)))
print(json.dumps([coin_edu.__file__, torch.__version__, numpy.__version__, psnr]))
"""


@pytest.mark.skipif("COIN_EDU_INSTALL" not in os.environ, reason="takes minutes: COIN_EDU_INSTALL=1 asks for it")
def test_the_cell_in_a_bare_environment(root, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True, upgrade_deps=True)  # older pips refuse the address of a folder
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def execute(*arguments):
        done = subprocess.run(
            [python, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    # As on Colab: torch, and a numpy that is not the newest.
    pinned = re.search("^torch==.*$", (root / "requirements.txt").read_text(), re.MULTILINE)[0]
    execute("-m", "pip", "install", "--extra-index-url", TORCH_INDEX, pinned, "numpy<2.3")
    torch, numpy = execute("-c", "import torch, numpy; print(torch.__version__, numpy.__version__)").split()
    cell = badges.first_cell(root.as_uri())
    assert execute("-c", cell) == "", "not on Colab: nothing happens"
    assert execute("-c", "from importlib import util; print(util.find_spec('coin_edu'))") == "None\n"

    assert "widgets enabled" in execute("-c", STAND_IN + cell)
    place, *versions, psnr = json.loads(execute("-W", "error", "-c", REPORT))
    assert str(tmp_path) in place and versions == [torch, numpy] and psnr > 10
    assert re.sub(r"\s", "", execute("-c", STAND_IN + cell)) == "widgetsenabled", "a second time, nothing to install"
