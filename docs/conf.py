"""The site, by Sphinx: ``make site`` builds it into build/site, with no network and without running a notebook.

A link in a Markdown file or a notebook is written for GitHub, relative to that file. Here one to a page of the site
becomes one to that page, and any other to the file at GitHub; one that leads nowhere ends the build.
"""

import os
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS, NOTEBOOKS = ROOT / "docs", ROOT / "notebooks"
sys.path.insert(0, str(ROOT))

import coin_edu  # noqa: E402
from coin_edu.viewer.page import page  # noqa: E402

REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]

project, author, copyright = "coin_edu", "the coin_edu authors", "the coin_edu authors, MIT licence"
version = release = coin_edu.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build", "jupyter_execute"]
nitpicky = True  # a reference that leads nowhere is a warning, and warnings end the build

nb_execution_mode = "off"  # notebooks are shown as committed
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "dollarmath", "amsmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # numpydoc's sections say it with shapes and units
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

# Of the well kept themes the one that NumPy and SciPy use: students know their way in it, and numpydoc is made for it.
html_theme = "pydata_sphinx_theme"
html_title = "coin_edu"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False
html_theme_options = {
    "icon_links": [{"name": "GitHub", "url": REPOSITORY, "icon": "fa-brands fa-github"}],
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s]+)\)")


def for_the_site(text, folder):
    """`text` of a file in `folder`, with its links to other files as the site needs them."""

    def link(match):
        name, _, anchor = match[1].partition("#")
        target = (folder / name).resolve()
        if not target.exists():
            raise FileNotFoundError(f"a link in {folder.relative_to(ROOT)} leads nowhere: {match[1]}")
        if target.suffix == ".png":
            return match[0]
        if target.parent == NOTEBOOKS and target.suffix == ".ipynb":
            place = f"/notebooks/{target.name}"
        elif DOCS in target.parents:
            place = f"/{target.relative_to(DOCS).as_posix()}"
        else:
            kind = "tree" if target.is_dir() else "blob"
            place = f"{REPOSITORY}/{kind}/main/{target.relative_to(ROOT).as_posix()}"
        return f"]({place}{'#' + anchor if anchor else ''})"

    return LINK.sub(link, text)


def copy_notebooks(app, config):
    """Sphinx reads what is in docs/; a notebook that has not changed keeps its time, and is not read again."""
    for path in sorted(NOTEBOOKS.glob("0*.ipynb")):
        copy, text = DOCS / "notebooks" / path.name, for_the_site(path.read_text("utf-8"), NOTEBOOKS)
        copy.parent.mkdir(exist_ok=True)
        if not copy.exists() or copy.read_text("utf-8") != text:
            copy.write_text(text, "utf-8")


def on_page(app, docname, source):
    """A page's links; notebooks have theirs already."""
    if not docname.startswith("notebooks/"):
        source[0] = for_the_site(source[0], (DOCS / docname).parent)


def on_include(app, path, docname, source):
    """The links of a part of another file."""
    source[0] = for_the_site(source[0], Path(os.path.normpath(DOCS / path)).parent)


def by_last_name(app, env, node, content):
    """A docstring calls its neighbors by their bare names, as the module that it is in does."""
    if node.get("refdomain") != "py":
        return None
    domain, name = env.get_domain("py"), node["reftarget"].removeprefix("coin_edu.")
    found = [full for full in domain.objects if full == name or full.endswith(f".{name}")]
    if not found:
        return None
    full = min(found, key=len)
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], full, node, content)


def not_twice(app, what, name, thing, skip, options):
    """A module's page leaves out what coin_edu's own page has."""
    return True if what == "module" and name in coin_edu.__all__ else skip


def write_viewer(app, error):
    """The viewer that viewer.md shows, with a photograph in it."""
    if error is None and app.builder.format == "html":
        data = (ROOT / "data" / "coffee_0.3.coin").read_bytes()
        (Path(app.outdir) / "open.html").write_text(page(data, "coffee.coin"), "utf-8")


def setup(app):
    """Called by Sphinx."""
    app.connect("config-inited", copy_notebooks)
    app.connect("source-read", on_page)
    app.connect("include-read", on_include)
    app.connect("missing-reference", by_last_name)
    app.connect("build-finished", write_viewer)
    app.connect("autodoc-skip-member", not_twice)
