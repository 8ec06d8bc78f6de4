"""The course's notebooks, run as a reader would: from the top, each in a fresh kernel, without a network.

    python -m tests.notebooks                       what each takes, and whether that is what it says
    python -m tests.notebooks --write               the same, and what comes out is committed
    python -m tests.notebooks notebooks/03*.ipynb   some of them

The exit code is 1 if one has an error, writes to stderr, takes more than 2 GB or three times as long as it says, or if
all together take more than a quarter of an hour.
"""

import argparse
import base64
import copy
import io
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

from coin_edu.widgets.shown import VIEW

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

MEMORY = 2e9  # bytes: what Binder grants
PATIENCE = 3  # times the time that a notebook states, for machines of all kinds
TOGETHER = 15 * 60  # seconds
SMALL = 1_450_000  # bytes of a committed notebook, a little below what its test allows

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# Run after all others: nobody was there, so open predictions count as skipped, and stills show what fits have reached.
SETTLE = """
import sys
if "coin_edu.widgets" in sys.modules:
    sys.modules["coin_edu.widgets"].settle()
"""
# And what it took. Linux's ru_maxrss would count what the process held that started the kernel.
SPENT = """
import sys, time, psutil
print(time.process_time())
if sys.platform == "linux":
    (kilobytes,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print(1024 * int(kilobytes))
else:
    memory = psutil.Process().memory_info()
    print(getattr(memory, "peak_wset", memory.rss))
"""
CLOSED = "http://127.0.0.1:9"  # a proxy that nobody runs


@dataclass(frozen=True)
class Run:
    """A notebook executed: what came out, the seconds it took, its kernel's processor time and most bytes held."""

    notebook: nbformat.NotebookNode
    seconds: float
    processor: float
    peak: int

    def complaints(self):
        """What is wrong with it, but for the time."""
        yield from complaints(self.notebook)
        if self.peak > MEMORY:
            yield f"{self.peak / 1e6:,.0f} MB at its peak, over {MEMORY / 1e6:,.0f}"


def execute(path):
    """Run a notebook in a fresh kernel; an error does not end it."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += map(nbformat.v4.new_code_cell, (SETTLE, SPENT))
    client = NotebookClient(
        notebook,
        timeout=1800,  # a guard against a cell that hangs; what takes long is told by `main`
        allow_errors=True,
        store_widget_state=False,
        shutdown_kernel="immediate",  # all outputs are there; to take leave of it takes seconds
        kernel_name="python3",
        resources={"metadata": {"path": path.parent}},
    )
    begin = time.monotonic()
    client.execute(env={**os.environ, "http_proxy": CLOSED, "https_proxy": CLOSED, "PYTHONPATH": str(FOLDER.parent)})
    seconds = time.monotonic() - begin
    processor, peak = notebook.cells.pop().outputs[0].text.split()
    settled = notebook.cells.pop().outputs
    if ran := code_cells(notebook):  # what went wrong in the end belongs to the notebook
        ran[-1].outputs += [output for output in settled if output.output_type == "error"]
    return Run(notebook, seconds, float(processor), int(peak))


def cleaned(notebook):
    """The notebook as it is committed: a still in place of each live widget, nothing of the machine it ran on."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        cell.outputs = [part for output in cell.outputs for part in parts(output)]
    return slimmed(notebook)


def slimmed(notebook):
    """The notebook with one picture that moves, and as many of 256 colors, the largest, as it takes to be small."""
    pictures = [o for cell in code_cells(notebook) for o in cell.outputs if "image/png" in o.get("data", {})]
    moving = [output for output in pictures if frames(output) > 1]
    for output in moving[1:]:
        repaint(output, lambda picture: picture.convert("RGB"))
    for output in sorted(pictures, key=lambda output: -len(output.data["image/png"])):
        if len(nbformat.writes(notebook).encode()) <= SMALL:
            break
        if output not in moving[:1]:
            repaint(output, lambda picture: picture if picture.mode == "P" else picture.convert("RGB").quantize(256))
    return notebook


def opened(output):
    """The picture of an output."""
    return Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))


def frames(output):
    """How many frames its picture has; one that does not move has one."""
    with opened(output) as picture:
        return getattr(picture, "n_frames", 1)


def repaint(output, change):
    """Another picture in place of its first frame, if it is another."""
    with opened(output) as picture:
        if (changed := change(picture)) is not picture:
            buffer = io.BytesIO()
            changed.save(buffer, "PNG", optimize=True)
            output.data["image/png"] = base64.b64encode(buffer.getvalue()).decode()


def parts(output):
    """An output without its live widget; of a prediction the question, whose answer is folded, and then the picture."""
    data = output.get("data", {})
    # Where no kernel runs, JupyterLab would rather show "model not found" for it than the still beside it.
    data.pop(VIEW, None)
    if not {"text/html", "image/png"} <= set(data):
        return [output]
    picture = copy.deepcopy(output)
    del picture.data["text/html"], data["image/png"]
    output.metadata.pop("image/png", None)
    return [output, picture]


def code_cells(notebook):
    """Its cells of code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def complaints(notebook):
    """Errors, whatever a cell wrote to stderr but a progress bar, and widgets that leave no still."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{output.ename}: {output.evalue}"
            if output.get("name") == "stderr" and "it/s" not in output.text and "step/s" not in output.text:
                yield output.text
            if VIEW in output.get("data", {}) and not {"image/png", "text/html"} & set(output.data):
                yield f"no still of {output.data.get('text/plain')}"


def stated_seconds(notebook):
    """How long it says that its cells run."""
    text = "\n".join(cell.source for cell in notebook.cells)
    said = re.search(r"[Rr]uns? in about (a|\d+) (s|seconds|minutes?)\b", text)
    assert said, "say how long it takes: 'runs in about 40 seconds on two cores'"
    return (1 if said[1] == "a" else int(said[1])) * (60 if said[2].startswith("minute") else 1)


def main(arguments=None):
    """Run them, say what each takes; 1 if something is not as it should be."""
    options = argparse.ArgumentParser(description="Run the course's notebooks.")
    options.add_argument("notebooks", nargs="*", type=Path, default=NOTEBOOKS)
    options.add_argument("--write", action="store_true", help="in place, what has no errors")
    given = options.parse_args(arguments)
    wrong, total = [], 0.0
    print(f"{'':40}{'says':>8}{'takes':>8}{'processor':>11}{'peak':>9}")
    for path in given.notebooks:
        run = execute(path)
        said = stated_seconds(run.notebook)
        spent = f"{run.seconds:>6.0f} s{run.processor:>9.0f} s{run.peak / 1e6:>6,.0f} MB"
        print(f"{path.stem:40}{said:>6} s{spent}", flush=True)
        if found := [f"{path.stem}: {complaint}" for complaint in run.complaints()]:
            wrong += found
        elif given.write:
            path.write_text(nbformat.writes(cleaned(run.notebook)) + "\n", encoding="utf-8", newline="\n")
        if run.seconds > PATIENCE * said:
            wrong.append(f"{path.stem}: it took {run.seconds:.0f} s and says {said}")
        total += run.seconds
    print(f"{'together':48}{total:>6.0f} s")
    if total > TOGETHER:
        wrong.append(f"all together took more than {TOGETHER} s")
    for complaint in wrong:
        print(complaint, file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
