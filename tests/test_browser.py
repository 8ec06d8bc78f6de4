"""The widgets as a student meets them: in a real JupyterLab, in a real browser, looked at through the page alone."""

import contextlib
import copy
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
import warnings

import nbformat
import pytest

pytest.importorskip("ipywidgets", reason="pip install 'coin_edu[browser]'")
pytest.importorskip("jupyterlab", reason="pip install 'coin_edu[browser]'")
pytest.importorskip("playwright", reason="pip install 'coin_edu[browser]'")

from nbformat.sign import NotebookNotary
from PIL import Image
from playwright.sync_api import expect

from coin_edu import widgets
from tests.notebooks import FOLDER, cleaned, code_cells, execute

PATIENCE = 120_000  # milliseconds; a slow machine needs minutes for what a fast one does in seconds
LIVE = "img.widget-image:visible"
CHROMIUM = ("--disable-gpu",)

# What is run of the course's notebooks, by what its cells hold, beside their setup.
CELLS = {
    "03_the_fitting_loop": ("live = widgets.LiveFit",),
    "05_quantization": (),
    "07_decoding_anywhere": ("original, coin = anywhere.prepared", "explorer = widgets.DecodeExplorer"),
}

# And what stands for the choices and answers of a student, after the setup.
OWN = {
    "03_the_fitting_loop": 'image = widgets.thumbnail("coffee")',
    "05_quantization": """fit = ce.fit(image, ce.Arch(5, 30), steps=300, progress=False)
explorer = widgets.QuantizationExplorer(fit, image)
explorer.extra.value, explorer.bits.value = 0, 8
explorer""",
    "07_decoding_anywhere": 'chooser = widgets.PictureChooser("coffee")',
}


@pytest.fixture(scope="module")
def lab(root, tmp_path_factory):
    """A JupyterLab of its own settings, the folder that it serves, and what signs the notebooks that it trusts."""
    folder, home = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = {**os.environ, **own, "IPYTHONDIR": str(home / "ipython"), "PYTHONPATH": str(root)}
    flags = [f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}", "--no-browser"]
    flags += ["--IdentityProvider.token=", "--allow-root", "--LabApp.news_url=None"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *flags], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for_server(address, server, home / "log")
        yield address, folder, NotebookNotary(data_dir=str(home / "DATA"))
    finally:
        server.terminate()
        try:
            server.wait(PATIENCE / 1000)
        except subprocess.TimeoutExpired:  # it waits for kernels that are only starting
            server.kill()
            server.wait()


def wait_for_server(address, server, log):
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/api", timeout=5):
            return
        time.sleep(0.5)
    pytest.fail(f"JupyterLab did not start: {log.read_text()[-2000:]}")


def opened(browser, lab, name, notebook, trusted=False):
    """A page that shows the notebook."""
    address, folder, notary = lab
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / name)
    if trusted:
        notary.sign(nbformat.read(folder / name, as_version=4))
    page = browser.new_page(viewport={"width": 1200, "height": 4500})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/lab/tree/{name}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    return page


def from_menu(page, menu, entry):
    page.get_by_text(menu, exact=True).click()
    page.get_by_text(entry, exact=True).click()


def run_all(page):
    """By the menu, once the kernel is there."""
    expect(page.locator(".jp-StatusBar-TextItem", has_text="| Idle")).to_have_count(1, timeout=PATIENCE)
    from_menu(page, "Run", "Run All Cells")


def new_notebook(sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def course():
    """Cells of the course's notebooks, as they are shipped."""
    for name, marks in CELLS.items():
        cells = code_cells(nbformat.read(FOLDER / f"{name}.ipynb", as_version=4))
        chosen = [c for c in cells if "setup" in c.metadata.get("tags", []) or any(mark in c.source for mark in marks)]
        assert len(chosen) == 1 + len(marks), f"{name} has changed: name other cells here"
        setup, *others = (cell.source for cell in chosen)
        yield from (setup, *([OWN[name]] if name in OWN else []), *others)


@pytest.fixture(scope="module")
def page(browser, lab):
    page = opened(browser, lab, "course.ipynb", new_notebook(course()))
    run_all(page)
    choice = page.get_by_role("button", name="smooth shapes")
    expect(choice).to_be_enabled(timeout=PATIENCE)
    expect(page.locator(LIVE)).to_have_count(2, timeout=PATIENCE)  # the third waits for the prediction
    choice.click()
    expect(page.locator(LIVE)).to_have_count(3, timeout=PATIENCE)
    yield page
    page.close()


def widget(page, index):
    """The output that shows the widget of that number."""
    return page.locator(".jp-OutputArea-output", has=page.locator(LIVE)).nth(index)


def until(look, holds, page):
    """What `look()` sees, once `holds` is true of it."""
    end = time.monotonic() + PATIENCE / 1000
    while not holds(seen := look()):
        assert time.monotonic() < end, f"still {seen!r}"
        page.wait_for_timeout(200)
    return seen


def test_a_live_fit_starts_stops_and_resumes(page):
    live = widget(page, 0)

    def picture():
        return live.locator(LIVE).get_attribute("src")

    def status():
        def said():
            return re.search(r"step ([\d,]+) of .* ([\d.]+) dB", live.inner_text())

        step, decibels = until(said, bool, page).groups()  # when a fit ends, its view is made anew
        return int(step.replace(",", "")), float(decibels)

    live.get_by_role("button", name="reset").click()
    until(status, lambda seen: seen[0] == 0, page)
    first, (_, decibels) = picture(), status()
    live.get_by_role("button", name="start").click()
    until(picture, lambda seen: seen != first, page)
    until(status, lambda seen: seen[0] > 0 and seen[1] > decibels + 1, page)

    live.get_by_role("button", name="stop").click()
    expect(live.get_by_role("button", name="resume")).to_be_enabled(timeout=PATIENCE)
    page.wait_for_timeout(1000)  # the last report, if one was on its way
    stopped = status()
    page.wait_for_timeout(2000)
    assert status() == stopped

    live.get_by_role("button", name="resume").click()
    until(status, lambda seen: seen[0] > stopped[0], page)
    live.get_by_role("button", name="stop").click()
    expect(live.get_by_role("button", name="resume")).to_be_enabled(timeout=PATIENCE)


def test_a_slider_moved_changes_picture_and_file(page):
    explorer = widget(page, 1)
    before = explorer.locator(LIVE).get_attribute("src")
    n_bytes = re.search(r"([\d,]+) bytes", explorer.inner_text())[1]
    explorer.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    until(explorer.inner_text, lambda seen: "7 bits a weight:" in seen, page)
    until(lambda: explorer.locator(LIVE).get_attribute("src"), lambda seen: seen != before, page)
    assert re.search(r"([\d,]+) bytes", explorer.inner_text())[1] != n_bytes


def test_play_decodes_coarse_to_fine(page):
    explorer = widget(page, 2)
    play, stop, *_ = explorer.locator(".widget-play button").all()
    stop.click()  # which goes back to the beginning
    until(explorer.inner_text, lambda seen: "left: 70 of 240,000" in seen, page)
    play.click()  # behind a prediction, whose output was made anew by the answer
    until(explorer.inner_text, lambda seen: "left: 240,000 of 240,000" in seen, page)


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """A notebook of one widget, executed and as it is committed."""
    path = tmp_path_factory.mktemp("committed") / "one.ipynb"
    nbformat.write(new_notebook(["from coin_edu import widgets\nwidgets.BudgetExplorer()"]), path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Jupyter's own
        return cleaned(execute(path).notebook)


@pytest.mark.parametrize("trusted", [False, True], ids=["cloned", "trusted"])
def test_a_committed_notebook_shows_stills_and_once_run_live_widgets(browser, lab, committed, trusted):
    page = opened(browser, lab, f"trusted_{trusted}.ipynb", copy.deepcopy(committed), trusted)
    still = page.locator(".jp-OutputArea-output img")
    expect(still).to_have_count(1, timeout=PATIENCE)
    assert still.get_attribute("src").startswith("data:image/png")
    assert "model not found" not in page.locator(".jp-Notebook").inner_text()
    run_all(page)
    expect(page.locator(LIVE)).to_have_count(1, timeout=PATIENCE)
    page.close()


@pytest.mark.parametrize("trusted", [False, True], ids=["cloned", "trusted"])
def test_the_viewer_lives_in_a_notebook_that_was_never_run_here(browser, lab, coin, trusted):
    viewer = widgets.Viewer(coin)
    data = {"text/html": viewer._repr_html_(), "text/plain": repr(viewer)}
    notebook = new_notebook(["widgets.Viewer(coin)"])
    notebook.cells[0].outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
    page = opened(browser, lab, f"viewer_{trusted}.ipynb", notebook, trusted)
    output = page.locator(".jp-OutputArea-output")
    expect(output.locator("img")).to_have_count(1, timeout=PATIENCE)
    if trusted:
        output.frame_locator("iframe").locator("canvas[data-state=done]").wait_for()
    else:
        expect(output.locator("iframe")).to_have_count(0)
        assert output.locator("img").evaluate("(img) => img.naturalWidth") == 16
    page.close()


# A picture of one's own is fitted, and the notebook saved and opened again
STORY = (
    'from coin_edu import Arch, widgets\nchooser = widgets.PictureChooser("coffee")\nchooser',
    "image = chooser.image\nlive = widgets.LiveFit(image, Arch(2, 8), steps=40)\nlive",
    "print(live.result().step, image.shape)",
)
WRONG = "[data-mime-type='application/vnd.jupyter.stderr'], [data-mime-type='application/vnd.jupyter.error']"


def test_a_picture_of_ones_own_is_fitted_and_still_there_when_its_kernel_is_gone(browser, lab, image, tmp_path):
    Image.fromarray(image).save(tmp_path / "own.png")
    page, (address, folder, _) = opened(browser, lab, "story.ipynb", new_notebook(STORY)), lab
    run_all(page)
    expect(page.get_by_text("40 (128, 192, 3)")).to_be_visible(timeout=PATIENCE)
    with page.expect_file_chooser() as asked:
        page.get_by_role("button", name="one of my own").click()
    asked.value.set_files(tmp_path / "own.png")
    expect(page.get_by_text("own.png; after another choice")).to_be_visible(timeout=PATIENCE)
    run_all(page)
    expect(page.get_by_text(f"40 {image.shape}")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(WRONG)).to_have_count(0)

    page.keyboard.press("Control+s")
    until((folder / "story.ipynb").read_text, lambda seen: "widget-state+json" in seen, page)
    from_menu(page, "Kernel", "Restart Kernel…")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(page.locator(".coin-gone:visible")).to_have_count(2, timeout=PATIENCE)

    page.goto(f"{address}/lab/tree/story.ipynb?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    stills = page.locator(".jp-OutputArea-output img:visible")
    expect(stills).to_have_count(2, timeout=PATIENCE)
    assert all(still.evaluate("(img) => img.naturalWidth") > 400 for still in stills.all())
    assert "model not found" not in page.locator(".jp-Notebook").inner_text()
    page.close()
