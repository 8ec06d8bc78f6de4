import numpy as np
import pytest
import torch

pytest.importorskip("ipywidgets")

from coin_edu import Arch, CoinError, Siren, psnr, render
from coin_edu.quantization import weight_vector
from coin_edu.widgets.blend_explorer import SHARES, BlendExplorer, blend


@pytest.fixture
def pair(textured):
    return textured(Arch(2, 8), seed=0), textured(Arch(2, 8), seed=1)


def test_a_blend_lies_on_the_line_between_the_two(pair):
    first, second = (weight_vector(model) for model in pair)
    assert np.array_equal(weight_vector(blend(*pair, 0.0)), first)
    assert np.array_equal(weight_vector(blend(*pair, 1.0)), second)
    assert np.allclose(weight_vector(blend(*pair, 0.25)), 0.75 * first + 0.25 * second)


def test_a_blend_leaves_the_two_alone(pair):
    before = [weight_vector(model).copy() for model in pair]
    with torch.no_grad():
        blend(*pair, 0.0).layer_weights[0][0].zero_()
    assert all(np.array_equal(weight_vector(model), old) for model, old in zip(pair, before, strict=True))


def test_networks_of_two_sizes_have_no_blend():
    with pytest.raises(CoinError, match="of one architecture, got 2x8 and 3x8"):
        blend(Siren(Arch(2, 8)), Siren(Arch(3, 8)), 0.5)


@pytest.mark.parametrize("shape", [(12, 16), (16, 4)])
def test_pair_and_share_change_the_picture(make_image, pair, shape):
    widget = BlendExplorer(make_image(*shape), {"strangers": pair, "twins": (pair[0], pair[0])})
    pictures = [bytes(widget.picture.value)]
    widget.share.value = 0.9
    pictures.append(bytes(widget.picture.value))
    widget.pair.value = "twins"
    pictures.append(bytes(widget.picture.value))
    assert len(set(pictures)) == 3 and not widget.errors
    assert "twins" in widget.status.value and "0.90" in widget.status.value


def test_curves_are_those_of_the_blends(image, pair):
    widget = BlendExplorer(image, {"strangers": pair, "twins": (pair[0], pair[0])})
    assert len(set(widget.curves["twins"])) == 1
    picture = render(blend(*pair, SHARES[7]), image.shape)
    assert widget.curves["strangers"][7] == psnr(image, picture)


def test_no_pair_at_all(image):
    with pytest.raises(CoinError, match="at least one pair"):
        BlendExplorer(image, {})
