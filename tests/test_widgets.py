"""What all widgets have in common, and what is left of them in a notebook's file."""

import base64
import io
import warnings

import nbformat
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("ipywidgets")

from nbclient import NotebookClient

from coin_edu import Arch, Siren, pack_model, widgets
from coin_edu.data import published
from coin_edu.widgets.panel import Panel
from coin_edu.widgets.shown import VIEW


@pytest.fixture(scope="module")
def every(make_image, textured):
    """One of each."""
    image, model = make_image(12, 16), textured(Arch(2, 8))
    data = pack_model(model, (12, 16))
    return [
        widgets.LiveFit(image, Arch(2, 8), steps=5),
        widgets.LiveLatents(image, steps=5),
        widgets.CompareFits(image, {"a": Arch(2, 8), "b": Arch(2, 8, "relu")}, steps=5),
        widgets.ActivationExplorer(image),
        widgets.BudgetExplorer(),
        widgets.QuantizationExplorer(model, image),
        widgets.RateDistortionExplorer(image=image),
        widgets.DamageExplorer(image),
        widgets.DecodeExplorer(data),
        widgets.ByteInspector(data),
        widgets.BlendExplorer(image, {"pair": (model, Siren(Arch(2, 8)))}),
        widgets.PictureChooser("rocket"),
        widgets.FlippedBit(model, image),
        widgets.LayerBits(model, image),
        widgets.LossSlice(image, arch=Arch(1, 4), steps=3),
        widgets.BlindRanking(image),
        widgets.SearchSteps(image, bpp=20, trials=1, steps=1),
        widgets.TwoKnobs(image, Arch(2, 8), steps=5),
        widgets.BDExplorer(published("COIN"), published("JPEG")),
    ]


def test_these_are_all(every):
    public = [getattr(widgets, name) for name in widgets.__all__]
    kinds = {kind for kind in public if isinstance(kind, type) and issubclass(kind, Panel)} - {Panel}
    assert {type(widget) for widget in every} == kinds


def test_each_shows_a_picture_900_pixels_wide_and_a_line_of_text(every):
    for widget in every:
        with Image.open(io.BytesIO(widget.picture.value)) as picture:
            assert picture.format == "PNG" and picture.width == 900
            assert np.asarray(picture.convert("L")).std() > 5, f"{type(widget).__name__} drew nothing"
        assert widget.status.value and not widget.errors


def test_stills_are_small_enough_for_a_notebook(every):
    assert all(len(widget.picture.value) < 250_000 for widget in every)


def test_what_a_run_without_a_browser_leaves_in_the_file(root):
    source = "from coin_edu import widgets\nwidgets.BudgetExplorer()"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Jupyter's own
        resources = {"metadata": {"path": root}}
        NotebookClient(notebook, timeout=120, store_widget_state=False, resources=resources).execute()
    nbformat.validate(notebook)
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {"text/plain", "image/png", VIEW}
    assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")
    assert output.data["text/plain"].startswith("BudgetExplorer: ")
    assert "widgets" not in notebook.metadata, "GitHub shows 'Invalid Notebook' for some"
