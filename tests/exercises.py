"""What the tests of the course's checks share: a table of right and of wrong answers for each exercise."""

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
