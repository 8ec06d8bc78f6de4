"""What the tests of the course share: a table of right and of wrong answers for each exercise, and the text."""

import re
from pathlib import Path

import nbformat
import numpy as np


def cases(table):
    """(exercise, answer) or (exercise, answer, word) of each row, for pytest's parametrize."""
    return [(name, *(row if isinstance(row, tuple) else (row,))) for name, rows in table.items() for row in rows]


def passes(module, name, answer):
    """A right answer passes, whatever was drawn."""
    for seed in (0, 1, 2):
        verdict = getattr(module, name)(answer, seed=seed)
        assert verdict.ok, verdict


def meets(module, name, answer, word):
    """A wrong answer fails, whatever was drawn, and its symptom or nudge has the word."""
    verdicts = [getattr(module, name)(answer, seed=seed) for seed in (0, 1, 2)]
    assert all(verdict.ok is False for verdict in verdicts), verdicts
    assert word in f"{verdicts[0].text} | {verdicts[0].nudge}"
    assert verdicts[0].nudge and (verdicts[0].formula or "put your own code" in verdicts[0].nudge)
    assert verdicts[0].stage == 1 or verdicts[0].formula not in verdicts[0].text


def changed(answer, change):
    """The answer, and what it returns changed."""
    return lambda *given: change(answer(*given))


def as_lists(value):
    """Arrays, however deep, as lists of Python's numbers."""
    if isinstance(value, tuple):
        return tuple(as_lists(item) for item in value)
    return [as_lists(item) for item in value] if isinstance(value, list) else np.asarray(value).tolist()


def prose(number):
    """What the cells of a notebook say, without line breaks, so that a test of its numbers can look for them."""
    (path,) = (Path(__file__).parents[1] / "notebooks").glob(f"{number:02}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    return " ".join(re.sub(r'"\s+f?"', "", cell.source).replace("\n", " ") for cell in cells)


def undescribed(number):
    """The cells of a notebook that show a picture without words for those who cannot see it."""
    (path,) = (Path(__file__).parents[1] / "notebooks").glob(f"{number:02}_*.ipynb")
    return [
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {}) and not output.metadata.get("image/png", {}).get("alt")
    ]
