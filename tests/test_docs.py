"""The examples in docstrings, README and docs/: they are there, and they run as they are written."""

import doctest
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

import coin_edu
from coin_edu import recipe
from tests import site
from tests.conftest import needs_constriction

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page):
    """The Python code of a page, each block with its line."""
    text = page.read_text("utf-8")
    for found in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text[: found.start(1)].count("\n"), found[1]


WITH_CODE = [page for page in PAGES if any(blocks(page))]


class Cluster:
    """SLURM's, on this machine."""

    def __init__(self, **resources):
        self.resources = resources

    def scale(self, jobs):
        assert jobs >= 1 and self.resources["processes"] >= 1

    @contextmanager
    def get_client(self):
        with ThreadPoolExecutor(1) as pool:
            yield type("Client", (), {"get_executor": lambda self, pure: pool})()


@pytest.fixture
def folder(tmp_path, monkeypatch, make_image):
    """A folder with what the pages name, and a recipe of few steps."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("photos/one.png", "photos/two.png"):
        coin_edu.save_image(name, make_image(48, 64))
    monkeypatch.setitem(recipe.RECIPES, "fast", replace(recipe.RECIPES["fast"], steps=20, batch=1024, warm_up=5))
    slurm = ModuleType("dask_jobqueue")
    slurm.SLURMCluster = Cluster
    monkeypatch.setitem(sys.modules, "dask_jobqueue", slurm)
    return tmp_path


@needs_constriction
@pytest.mark.filterwarnings("ignore:.*non-interactive")
@pytest.mark.parametrize("page", WITH_CODE, ids=[str(page.relative_to(ROOT)) for page in WITH_CODE])
def test_a_page_s_code_runs_as_it_is_written(page, folder, make_image):
    # Large enough for the regions that are decoded there.
    coin_edu.save_image("photo.jpg", make_image(*(180, 270) if page.stem == "README" else (72, 112)))
    names = {"__name__": "a_page"}
    for line, code in blocks(page):
        exec(compile("\n" * line + code, str(page), "exec"), names)


def test_the_how_tos_have_code():
    how_tos = {"own-model", "own-loop", "folder", "cluster", "gray", "tiles", "resume", "rate-distortion", "README"}
    assert how_tos <= {page.stem for page in WITH_CODE}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_a_page_s_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)\s#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_a_table_of_contents():
    named = set()
    for page in PAGES:
        for entries in re.findall(r"```\{toctree\}\n(?::.*\n)*\n((?:\S+\n)+)```", page.read_text("utf-8")):
            named |= {(page.parent / f"{entry}.md").resolve() for entry in entries.split()}
    assert set(PAGES) - {ROOT / "README.md", ROOT / "docs" / "index.md"} <= named


def test_the_reference_has_every_public_name():
    directives = re.findall(r"^\.\. \w+:: coin_edu\.(\w+)$", (ROOT / "docs/api/coin_edu.md").read_text(), re.MULTILINE)
    assert sorted(directives) == sorted(coin_edu.__all__)


def test_the_reference_has_every_module(root):
    text = "".join(page.read_text() for page in (root / "docs" / "api").glob("*.md"))
    shown = set(re.findall(r"^\.\. automodule:: (coin_edu[\w.]*)$", text, re.MULTILINE))
    folder = root / "coin_edu"
    there = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for path in folder.rglob("*.py")
    }
    # The command line and its flags are told by --help; plain.py is shown as it is; the rest is no one's to call.
    inner = r"coin_edu|.*\.(__main__|cli|colors|flags|formats|progress|pillow_plugin|plain|storage)"
    inner += r"|coin_edu\.(study|course\..*|widgets\..*|viewer.*)"
    assert {name for name in there if not re.fullmatch(inner, name)} <= shown


def test_faults_of_a_site_are_found(tmp_path):
    known = [[0, 0, 1, "", name] for name in coin_edu.__all__ if name != "decode"]
    (tmp_path / "searchindex.js").write_text(f"Search.setIndex({json.dumps({'objects': {'coin_edu': known}})})")
    (
        tmp_path / "a.html"
    ).write_text("""<h1 id="top"><a href="b.html#there">b</a><a href="https://example.org/c.html">c</a>
        <a href="#top">a</a><a href="#bottom">a</a><img src="gone.png"></h1>""")
    (tmp_path / "b.html").write_text('<h1 id="there"><a href="a.html#nowhere">a</a></h1>')
    assert sorted(site.faults(tmp_path)) == [
        "a.html: #bottom has no such anchor",
        "a.html: gone.png leads nowhere",
        "b.html: a.html#nowhere has no such anchor",
        "the search does not know coin_edu.decode",
    ]


def examples(package, name):
    """The lines of code in the docstring of a public name; of what can have none, in that of its class."""
    thing = getattr(package, name)
    text = coin_edu.Recipe.__doc__ if name == "RECIPES" else thing.__doc__
    return doctest.DocTestParser().get_examples(text or "")


def public():
    """Every public name with its package; the widgets' where ipywidgets is installed."""
    yield from ((coin_edu, name) for name in coin_edu.__all__)
    with suppress(coin_edu.CoinError):
        from coin_edu import widgets

        yield from ((widgets, name) for name in widgets.__all__)


@pytest.mark.parametrize("package, name", list(public()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_public_name_has_an_example_that_runs(package, name):
    found = examples(package, name)
    assert found, f"{package.__name__}.{name}: an example is missing from its docstring"
    assert any(name in example.source for example in found), f"no example of {package.__name__}.{name} uses it"
    assert not any(doctest.SKIP in example.options for example in found)
