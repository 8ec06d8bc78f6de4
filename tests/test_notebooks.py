"""Every notebook runs from top to bottom, and is committed as a reader on GitHub should see it."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def complaints(notebook):
    """Errors, and whatever a cell wrote to stderr but a progress bar."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                yield output.evalue
            if output.get("name") == "stderr" and "it/s" not in output.text and "step/s" not in output.text:
                yield output.text


@notebooks
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")  # of Jupyter's own packages
def test_it_runs_from_top_to_bottom(path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": FOLDER}}).execute()
    assert not list(complaints(notebook))


@notebooks
def test_it_is_committed_executed_and_small(path):
    notebook = nbformat.read(path, as_version=4)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "run it from a fresh kernel: make notebooks"
    assert not list(complaints(notebook))
    assert path.stat().st_size < 1_500_000
    assert "widgets" not in notebook.metadata


@notebooks
def test_its_cells_are_short(path):
    for cell in code_cells(nbformat.read(path, as_version=4)):
        assert len([line for line in cell.source.splitlines() if line]) <= 10, cell.source


@notebooks
def test_each_widget_leaves_a_still(path):
    outputs = [out for cell in code_cells(nbformat.read(path, as_version=4)) for out in cell.outputs]
    live = [out for out in outputs if "application/vnd.jupyter.widget-view+json" in out.get("data", {})]
    assert all("image/png" in out.data for out in live)


@notebooks
def test_its_links_lead_to_notebooks(path):
    cells = nbformat.read(path, as_version=4).cells
    links = [
        link for cell in cells for link in re.findall(r"\]\(([^):]+)\)", cell.source) if cell.cell_type == "markdown"
    ]
    assert all((path.parent / link).exists() for link in links), links
