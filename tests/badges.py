"""The course's way to a reader: badges, install lines, and the first cell of every notebook, all from one address.

    python -m tests.badges                                   bring README and notebooks up to date
    python -m tests.badges https://github.com/me/my_fork     the same, from now on with this address

The address is `Repository` under [project.urls] in pyproject.toml; a fork changes it there, or as above.
"""

import re
import sys
import tomllib
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
BRANCH = "main"
RELEASED = False  # once PyPI has a release, install lines name the package alone
FIRST = "notebooks/00_a_picture_is_a_network.ipynb"

# Plain Python, no %pip, so that a test can run it without a notebook. A package that is there and new enough stays as
# it is; with torch and numpy named as they are, pip would rather give up than replace them.
CELL = """\
import subprocess
import sys
from importlib import metadata, util

if colab := sys.modules.get("google.colab"):  # Colab gets coin_edu; torch and numpy stay as they are
    if not util.find_spec("coin_edu"):
        packages = [f"{name}=={metadata.version(name)}" for name in ("torch", "numpy")]
        packages += ["REQUIREMENT"]
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *packages], check=True)
    colab.output.enable_custom_widget_manager()"""


def address(root=ROOT):
    """The repository's address."""
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


def set_address(url, root=ROOT):
    """Make `url` the repository's address, and the others of pyproject.toml parts of it."""
    _owner_and_name(url)
    path = root / "pyproject.toml"
    path.write_text(path.read_text().replace(address(root), url))


def requirement(url, extras=""):
    """What pip installs the package from; `extras` with their brackets."""
    return f"coin_edu{extras}" if RELEASED else f"coin_edu{extras} @ git+{url}"


def with_install_lines(text, url):
    """Markdown whose install lines hold today."""
    line = r'pip install "coin_edu(\[[\w,]+\])?(?: @ git\+[^"]*)?"'
    return re.sub(line, lambda match: f'pip install "{requirement(url, match[1] or "")}"', text)


def first_cell(url):
    """The source of every notebook's first code cell."""
    return CELL.replace("REQUIREMENT", requirement(url, "[plots,entropy]"))


def badges(url, notebook):
    """The line that opens a notebook, a path from the root, on Colab and on Binder."""
    place = _owner_and_name(url)
    colab = f"https://colab.research.google.com/github/{place}/blob/{BRANCH}/{notebook}"
    binder = f"https://mybinder.org/v2/gh/{place}/{BRANCH}?urlpath=lab/tree/{notebook}"
    return (
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab}) "
        f"[![Launch Binder](https://mybinder.org/badge_logo.svg)]({binder})"
    )


def with_badges(text, line):
    """Markdown with the badges right under its title, in place of older ones."""
    title, *rest = text.split("\n")
    if not title.startswith("# "):
        raise SystemExit(f"expected a title, '# ...', in the first line, got {title!r}; put one there")
    while rest and (not rest[0].strip() or rest[0].startswith("[![Open in Colab]")):
        rest.pop(0)
    return "\n".join([title, "", line, *(["", *rest] if rest else [])])


def with_first_cell(notebook, source):
    """Put the first cell into a notebook, second after its title, or renew it where it is."""
    for cell in notebook.cells:
        if "bootstrap" in cell.metadata.get("tags", []):
            cell.source = source
            return
    cell = nbformat.v4.new_code_cell(source, id="bootstrap", metadata={"tags": ["bootstrap"]})
    codes = [other for other in notebook.cells if other.cell_type == "code"]
    if codes and all(other.execution_count for other in codes):
        # It prints nothing, so that an executed notebook with it is this one with all counts one higher.
        cell.execution_count = 1
        for counted in (*codes, *(output for other in codes for output in other.outputs)):
            if counted.get("execution_count"):
                counted.execution_count += 1
    notebook.cells.insert(1, cell)


def texts(root=ROOT):
    """Every file that holds badges, install lines or the cell: (path, its text as it should be)."""
    url, readme = address(root), root / "README.md"
    yield readme, with_install_lines(with_badges(readme.read_text(encoding="utf-8"), badges(url, FIRST)), url)
    for path in sorted(root.glob("docs/**/*.md")):
        yield path, with_install_lines(path.read_text(encoding="utf-8"), url)
    folder = root / "notebooks"
    for path in sorted([*folder.glob("*.ipynb"), *folder.glob("assignments/source/*/*.ipynb")]):
        notebook = nbformat.read(path, as_version=4)
        title, opened = notebook.cells[0], path.relative_to(root).as_posix()
        # A problem set's release is made of its source, badges and all, and is what a student opens.
        title.source = with_badges(title.source, badges(url, opened.replace("/source/", "/release/")))
        with_first_cell(notebook, first_cell(url))
        yield path, nbformat.writes(notebook) + "\n"


def main(arguments, root=ROOT):
    """Bring every file up to date, and say which were not."""
    if arguments:
        set_address(arguments[0], root)
    for path, text in texts(root):
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"{path.relative_to(root)}: brought up to date")


def _owner_and_name(url):
    match = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?", url)
    if not match:
        raise SystemExit(f"expected https://github.com/OWNER/NAME, which Colab and Binder can open, got {url!r}")
    return match[1]


if __name__ == "__main__":
    main(sys.argv[1:])
