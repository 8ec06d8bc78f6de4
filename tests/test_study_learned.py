import sys
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest
import torch

from coin_edu import CoinError, bpp, rd_curve
from coin_edu.study import learned


class StandIn:
    """Answers as CompressAI's models do: halves each side six times, and sends the mean colors, a byte each."""

    def eval(self):
        return self

    def update(self):
        self.updated = True

    def compress(self, pixels):
        assert self.updated and not torch.is_grad_enabled()
        assert pixels.dtype == torch.float32 and pixels.min() >= 0 and pixels.max() <= 1
        count, colors, height, width = pixels.shape
        assert (count, colors, height % 64, width % 64) == (1, 3, 0, 0)
        means = torch.nn.functional.avg_pool2d(pixels, 64)
        return {"strings": [[(means * 255).to(torch.uint8).numpy().tobytes()], [b"side"]], "shape": means.shape[2:]}

    def decompress(self, strings, shape):
        means = torch.frombuffer(bytearray(strings[0][0]), dtype=torch.uint8).reshape(1, 3, *shape) / 255
        return {"x_hat": torch.nn.functional.interpolate(means, scale_factor=64)}


@pytest.fixture
def zoo(monkeypatch):
    """A CompressAI whose models are stand-ins; yields what was asked of it."""
    asked = []

    def model(name):
        def make(**keywords):
            asked.append((name, keywords))
            return StandIn()

        return make

    names = ("bmshj2018_hyperprior", "mbt2018", "cheng2020_anchor")
    fake = SimpleNamespace(zoo=SimpleNamespace(**{name: model(name) for name in names}))
    monkeypatch.setitem(sys.modules, "compressai", fake)
    learned._model.cache_clear()
    yield SimpleNamespace(asked=asked, zoo=fake.zoo)
    learned._model.cache_clear()


@pytest.mark.parametrize(
    "name, model", [("BMS", "bmshj2018_hyperprior"), ("MBT", "mbt2018"), ("CST", "cheng2020_anchor")]
)
@pytest.mark.parametrize("shape", [(64, 128), (40, 70), (1, 1)])
def test_a_picture_goes_through_a_model_and_keeps_its_size(zoo, make_image, name, model, shape):
    image = make_image(*shape)
    data, decoded = learned.roundtrip(image, name, 3)
    assert decoded.dtype == np.uint8 and decoded.shape == image.shape
    assert len(data) == 3 * -(-shape[0] // 64) * -(-shape[1] // 64) + len(b"side")
    assert zoo.asked == [(model, {"quality": 3, "metric": "mse", "pretrained": True})]


def test_a_model_is_loaded_once_for_many_pictures(zoo, make_image):
    images = {"a": make_image(64, 64), "b": make_image(64, 64, seed=1)}
    curve = rd_curve(images, "BMS", [1], progress=False)
    assert len(zoo.asked) == 1
    assert curve.kind == "autoencoder" and curve.rates == (pytest.approx(bpp(7, (64, 64)), abs=1e-5),)


def test_without_compressai_the_error_says_what_to_do(monkeypatch, image):
    monkeypatch.setitem(sys.modules, "compressai", None)
    learned._model.cache_clear()
    with pytest.raises(CoinError, match=r"CST needs CompressAI.*pip install compressai.*published\('CST'\)"):
        learned.roundtrip(image, "CST", 1)


def test_without_the_weights_the_error_says_so(zoo, image):
    def fail(**_):
        raise URLError("no route")

    zoo.zoo.mbt2018 = fail
    with pytest.raises(CoinError, match=r"weights of MBT at quality 2 could not be fetched.*no route.*connection"):
        learned.roundtrip(image, "MBT", 2)


@pytest.mark.parametrize("name, quality", [("BMS", 0), ("BMS", 9), ("CST", 7), ("MBT", 1.5)])
def test_a_quality_that_is_none(image, name, quality):
    with pytest.raises(CoinError, match=f"{name}'s quality must be a whole number from 1 to [68], got {quality}"):
        learned.roundtrip(image, name, quality)


def test_an_unknown_model(image):
    with pytest.raises(CoinError, match="one of BMS, MBT, CST, got 'VTM'"):
        learned.roundtrip(image, "VTM", 1)
