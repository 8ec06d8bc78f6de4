"""The paper's three autoencoders, BMS, MBT and CST, run live by CompressAI where it is installed.

Tried with CompressAI 1.2.8 and untrained networks, never with the authors' weights, which CompressAI downloads when a
model is first asked for. It asks for NumPy below 2, so it wants an environment of its own; the published curves
(:func:`coin_edu.data.published`) need nothing.
"""

import functools
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad

from coin_edu.errors import CoinError, check_whole
from coin_edu.image import check_image

# Ballé et al. 2018 (arXiv 1802.01436), Minnen et al. 2018 (1809.02736), Cheng et al. 2020 (2001.01568), by the names
# that CompressAI's zoo has for them, and the number of qualities there.
MODELS = {"BMS": ("bmshj2018_hyperprior", 8), "MBT": ("mbt2018", 8), "CST": ("cheng2020_anchor", 6)}

# Sides must be multiples of what the networks halve away: four times by the encoder, twice more by its hyperprior.
MULTIPLE = 64


def roundtrip(image: np.ndarray, name: str, quality: int) -> tuple[bytes, np.ndarray]:
    """One picture through an autoencoder: the entropy-coded bytes and the picture, uint8 (H, W, 3), decoded from them.

    CompressAI defines no file, so these are its strings alone: no header, no picture size, no checksum.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
    name : {"BMS", "MBT", "CST"}
    quality : int
        1 to 8, for CST to 6.

    Raises
    ------
    CoinError
        If CompressAI is missing or its weights cannot be had.
    """
    if name not in MODELS:
        raise CoinError(f"an autoencoder is one of {', '.join(MODELS)}, got {name!r}")
    height, width = check_image(image).shape[:2]
    model = _model(name, check_whole(f"{name}'s quality", quality, 1, MODELS[name][1]))
    pixels = torch.from_numpy(image / np.float32(255)).permute(2, 0, 1)[None]
    with torch.no_grad():
        coded = model.compress(pad(pixels, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate"))
        colors = model.decompress(coded["strings"], coded["shape"])["x_hat"][0, :, :height, :width]
    decoded = colors.mul(255).clamp(0, 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    return b"".join(string for strings in coded["strings"] for string in strings), decoded


@functools.lru_cache(maxsize=1)
def _model(name: str, quality: int) -> Any:
    try:
        from compressai import zoo
    except ImportError as error:
        raise CoinError(
            f"{name} needs CompressAI ({error}): pip install compressai, in an environment of its own, since it asks "
            f"for NumPy below 2; coin_edu.data.published({name!r}) has its published curve"
        ) from error
    try:
        model = getattr(zoo, MODELS[name][0])(quality=quality, metric="mse", pretrained=True).eval()
    except OSError as error:  # among them urllib's errors
        raise CoinError(
            f"the weights of {name} at quality {quality} could not be fetched ({error}); check the connection"
        ) from error
    model.update()
    return model
