import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from coin_edu import RECIPES, Arch, CoinError, Fit, Recipe, fit, fit_steps
from coin_edu.engine.start import Asked
from coin_edu.recipe import LARGE, recipe_for

RESUME = """
import sys
import numpy as np
from coin_edu import Fit, fit
fit(np.load("image.npy"), state=Fit.load("half.fit"), device="cpu", every=4, progress=False).save("whole.fit")
"""


class Touch:
    """What a hostile file would hold: unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def half(image, arch):
    """A fit in the middle of its steps."""
    return [report.state for report in fit_steps(image, arch, 12, device="cpu", every=4)][1]


def test_what_is_saved_is_loaded(tmp_path, half):
    half.save(tmp_path / "half.fit")
    loaded = Fit.load(tmp_path / "half.fit")
    for name in half.__dataclass_fields__:
        before, after = getattr(half, name), getattr(loaded, name)
        assert torch.equal(before, after) if isinstance(before, torch.Tensor) else before == after, name
    assert loaded.seconds == half.seconds and os.listdir(tmp_path) == ["half.fit"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_fit_goes_on_in_another_process_bit_for_bit(tmp_path, monkeypatch, python, image, arch, recipe):
    monkeypatch.chdir(tmp_path)
    np.save("image.npy", image)
    for report in fit_steps(image, arch, 12, recipe, seed=5, device="cpu", every=4):
        if report.step == 4:
            report.state.save("half.fit")
    done = python("-c", RESUME)
    assert done.returncode == 0, done.stderr
    whole = Fit.load("whole.fit")
    assert whole.step == 12
    assert torch.equal(whole.weights, report.state.weights) and torch.equal(whole.best, report.state.best)


def test_a_large_network_is_fitted_to_more_pixels_a_step(image):
    small, large = Arch(10, 28), Arch(10, 40)
    assert small.n_weights < LARGE < large.n_weights
    assert [recipe_for("fast", arch).batch for arch in (small, large)] == [8192, 16_384]
    assert [recipe_for("paper", arch).batch for arch in (small, large)] == [None, None]
    assert Asked(large).start(image).recipe == recipe_for("fast", large)
    assert Asked(large, recipe=RECIPES["fast"]).start(image).recipe == RECIPES["fast"]  # as it was given


def test_only_numbers_are_read_no_code(tmp_path):
    buffer = io.BytesIO()
    torch.save({"weights": Touch(tmp_path / "touched")}, buffer)
    (tmp_path / "hostile.fit").write_bytes(buffer.getvalue())
    with pytest.raises(CoinError, match=r"hostile.fit: no saved fit"):
        Fit.load(tmp_path / "hostile.fit")
    assert os.listdir(tmp_path) == ["hostile.fit"]


@pytest.mark.parametrize("content", [b"", b"no state at all", b"PK\x03\x04" + b"\0" * 100])
def test_a_file_that_is_no_state(tmp_path, content):
    (tmp_path / "other.fit").write_bytes(content)
    with pytest.raises(CoinError, match=r"other.fit: no saved fit .*Fit.save writes one"):
        Fit.load(tmp_path / "other.fit")


def test_a_state_with_parts_missing(tmp_path):
    torch.save({"arch": {"depth": 2, "width": 8}}, tmp_path / "part.fit")
    with pytest.raises(CoinError, match="no saved fit"):
        Fit.load(tmp_path / "part.fit")


def test_a_truncated_state(tmp_path, half):
    half.save(tmp_path / "half.fit")
    (tmp_path / "half.fit").write_bytes((tmp_path / "half.fit").read_bytes()[:-100])
    with pytest.raises(CoinError, match="no saved fit"):
        Fit.load(tmp_path / "half.fit")


def test_a_flipped_bit_anywhere_is_noticed_or_changes_nothing(tmp_path, half):
    half.save(tmp_path / "half.fit")
    data, rng = (tmp_path / "half.fit").read_bytes(), np.random.default_rng(0)
    places = [*rng.integers(len(data), size=200), data.find(half.weights.numpy().tobytes()[8:])]
    assert places[-1] > 0, "no weight is among them"
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "half.fit").write_bytes(damaged)
        try:
            loaded = Fit.load(tmp_path / "half.fit")
        except CoinError:
            continue
        assert repr(loaded) == repr(half) and loaded.history == half.history
        assert torch.equal(loaded.weights, half.weights) and torch.equal(loaded.moments, half.moments)


@pytest.mark.parametrize(
    "wrong",
    [
        dict(weights=torch.zeros(5)),
        dict(best=torch.zeros(123, dtype=torch.float64)),
        dict(moments=None),
        dict(step_sizes=torch.zeros(7)),
        dict(shape=(0, 16)),
        dict(shape=12),
        dict(arch={"depth": 2, "width": 8, "outputs": 1}),
        dict(arch={"depth": 255, "width": 65535}),
        dict(step=13),
        dict(step=-1),
        dict(seed="0"),
        dict(n_bytes=0),
        dict(psnr=None),
        dict(history=[(0, "a", 1.0, 1.0)]),
        dict(more=1),
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_state_that_no_fit_has(tmp_path, half, wrong):
    half.save(tmp_path / "half.fit")
    torch.save(torch.load(tmp_path / "half.fit", weights_only=True) | wrong, tmp_path / "half.fit")
    with pytest.raises(CoinError, match="no saved fit"):
        Fit.load(tmp_path / "half.fit")


def test_a_missing_state(tmp_path):
    with pytest.raises(CoinError, match=r"none.fit: no such file"):
        Fit.load(tmp_path / "none.fit")


def test_a_state_that_cannot_be_saved(tmp_path, half):
    with pytest.raises(CoinError, match="no such file or folder"):
        half.save(tmp_path / "none" / "half.fit")


def test_a_state_is_printed_short(half):
    assert len(repr(half)) < 1000


def test_the_initial_weights_come_from_the_seed_alone(image):
    one, same, other = (fit(image, Arch(3, 9), 0, seed=s, device="cpu", progress=False).best for s in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize(
    "wrong",
    [dict(batch=-1), dict(batch=0), dict(rate=float("nan")), dict(rate=-1.0), dict(momentum=1.0), dict(steps=2.5)],
)
def test_a_recipe_is_checked_when_made(wrong):
    with pytest.raises(CoinError, match=next(iter(wrong))):
        Recipe(**dict(steps=10, batch=None, rate=1e-3) | wrong)
