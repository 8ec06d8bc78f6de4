from contextlib import contextmanager

import numpy as np
import pytest
import torch

from coin_edu import Arch, Fit, Siren, decode, decode_progressive, encode, fit, fit_steps, pack_model, quantize
from coin_edu.engine.modes import ordinary
from tests.conftest import needs_constriction

ARCH = Arch(2, 8)


@contextmanager
def float64():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


MODES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "float64": float64,
    "another device": lambda: torch.device("meta"),
    "NumPy raises": lambda: np.errstate(all="raise"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("coding", ["plain", pytest.param("entropy", marks=needs_constriction)])
def test_a_fit_ends_as_ever_whatever_it_was_begun_in(make_image, mode, coding):
    image = make_image(100, 120)  # of more pixels than a step looks at
    settings = {"arch": ARCH, "steps": 20, "coding": coding, "device": "cpu", "progress": False}
    expected = encode(image, **settings)
    with MODES[mode]():
        data = encode(image, **settings)
        frames = list(decode_progressive(data))
    assert data == expected and np.array_equal(frames[-1], decode(data))


@pytest.mark.parametrize("mode", MODES)
def test_models_made_in_a_mode_are_fitted_packed_and_quantized(image, tmp_path, mode):
    expected = pack_model(Siren(ARCH, 1), image.shape, 8)
    with MODES[mode]():
        model = Siren(ARCH, 1) if mode != "another device" else Siren(ARCH, 1).to_empty(device="cpu")
        state = fit(image, ARCH, steps=2, seed=1, device="cpu", progress=False)
        state.save(tmp_path / "a.fit")
        again = fit(image, state=Fit.load(tmp_path / "a.fit"), device="cpu", progress=False)
        assert quantize(again.model, 4).arch == ARCH
        if mode not in ("another device", "float64"):
            assert pack_model(model, image.shape, 8) == expected
    assert torch.equal(again.best, fit(image, ARCH, steps=2, seed=1, device="cpu", progress=False).best)


def test_the_callers_modes_are_his_between_two_reports(image):
    with torch.no_grad(), np.errstate(all="raise"):
        for _ in fit_steps(image, ARCH, steps=3, every=1, device="cpu"):
            assert not torch.is_grad_enabled() and np.geterr()["under"] == "raise"
    assert torch.is_grad_enabled()


def test_inside_all_is_as_by_default():
    with torch.inference_mode(), torch.autocast("cpu"), np.errstate(all="raise"), ordinary():
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        assert not torch.is_autocast_enabled("cpu") and np.geterr()["invalid"] == "warn"
