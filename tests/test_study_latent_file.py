"""Grids as a file: what is read is what was written, and as long as the fit said."""

import numpy as np
import pytest
import torch

from coin_edu import CoinError
from coin_edu.study.latent_file import pack, unpack
from coin_edu.study.latents import HEADER, Latents, fit_latents, start

pytest.importorskip("constriction", reason="pip install 'coin_edu[entropy]'")


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 256, (6, 8, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    return list(fit_latents(image, start(image, steps=60, n_grids=4)))[-1]


def test_a_file_holds_the_grids_the_weights_and_the_picture(fitted):
    back = unpack(pack(fitted.latents))
    for read, written in zip(back.grids, fitted.latents.rounded(), strict=True):
        assert torch.equal(read, written)
    assert all(torch.equal(a, b.half().float()) for a, b in zip(back.weights, fitted.latents.weights, strict=True))
    assert np.array_equal(back.render(), fitted.latents.render()) and pack(back) == pack(fitted.latents)


def test_a_file_is_about_as_long_as_the_fit_said(fitted):
    assert len(pack(fitted.latents)) == pytest.approx(fitted.n_bytes, rel=0.03, abs=8)


@pytest.mark.parametrize("shape, n_grids", [((1, 1), 1), ((1, 9), 3), ((9, 1), 2), ((13, 5), 8)])
def test_any_shape(shape, n_grids):
    rng = np.random.default_rng(0)
    latents = Latents(shape, n_grids, seed=1)
    with torch.no_grad():
        for grid in latents.grids:
            grid.copy_(torch.from_numpy(rng.normal(0, 20, grid.shape)))
    back = unpack(pack(latents))
    assert all(torch.equal(read, written) for read, written in zip(back.grids, latents.rounded(), strict=True))


def test_numbers_far_from_what_is_expected_are_coded():
    latents = Latents((4, 4), 1)
    with torch.no_grad():
        latents.grids[0][2, 1] = -30_000
    assert unpack(pack(latents)).grids[0][2, 1] == -30_000


def test_what_is_no_such_file_is_refused(fitted):
    data = pack(fitted.latents)
    nan = np.float16(np.nan).tobytes()
    for damaged in (b"", b"COIN" + data[4:], data[:20], data[:-1], data[: HEADER.size] + nan + data[HEADER.size + 2 :]):
        with pytest.raises(CoinError, match="grids"):
            unpack(damaged)
