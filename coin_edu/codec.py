"""The codec: a picture to the bytes of a .coin file, and back at any size, any region, coarse to fine."""

import copy
from collections.abc import Iterator

import numpy as np
import torch

from coin_edu.arch import Arch
from coin_edu.bitstream import MAX_PIXELS, CoinFile, check_limits, pack, unpack
from coin_edu.device import chunk_map, pick_device
from coin_edu.errors import CoinError
from coin_edu.fit import fit
from coin_edu.image import Region, axes, check_image
from coin_edu.quantize import to_numbers, weight_vector
from coin_edu.siren import Siren, with_weights
from coin_edu.state import Recipe


def encode(
    image: np.ndarray,
    bpp: float | None = None,
    *,
    arch: Arch | None = None,
    bits: int = 16,
    steps: int | None = None,
    recipe: str | Recipe = "fast",
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
) -> bytes:
    """Compress a picture: fit a network to it and write the network's weights.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
    bpp : float, optional
        Bits per pixel that the whole file may take; never exceeded. 0.3 where no `arch` is given.
    arch : Arch, optional
        The network; by default the one that ``Arch.for_bpp`` chooses for the budget.
    bits : int
        Bits a weight: 32, 16 (half precision, as in the paper), or 8 to 2.
    steps, recipe, seed, device, progress
        As in :func:`coin_edu.fit`; Ctrl-C encodes the best network so far.

    Returns
    -------
    bytes
        A .coin file.

    Raises
    ------
    CoinError
        If the budget is too small for any network, or for the one given.

    Examples
    --------
    >>> image = np.full((16, 16, 3), 200, np.uint8)
    >>> data = encode(image, arch=Arch(1, 4), steps=1, progress=False)
    >>> data[:4], len(data) == Arch(1, 4).n_bytes(16)
    (b'COIN', True)
    """
    shape = check_image(image).shape[:2]
    arch = choose_arch(shape, bpp, arch, bits)
    fitted = fit(image, arch, steps, recipe, seed, device, progress=progress)
    return pack_model(fitted.model, shape, bits)


def choose_arch(shape: tuple[int, ...], bpp: float | None = None, arch: Arch | None = None, bits: int = 16) -> Arch:
    """The network that :func:`encode` fits: the one given, if its file keeps within the budget, or the best choice."""
    if arch is None:
        check_limits(shape, Arch(1, 1), bits)
        return Arch.for_bpp(0.3 if bpp is None else bpp, shape, bits)
    check_limits(shape, arch, bits)
    rate = 8 * arch.n_bytes(bits) / (shape[0] * shape[1])
    if bpp is not None and not rate <= bpp:
        raise CoinError(
            f"a {arch} network at {bits} bits takes {arch.n_bytes(bits)} bytes, {rate:.4g} bpp, over the {bpp:g} bpp "
            f"allowed; Arch.for_bpp({bpp:g}, {tuple(shape[:2])}, {bits}) gives one that fits"
        )
    return arch


def pack_model(model: Siren, shape: tuple[int, ...], bits: int = 16) -> bytes:
    """The .coin file of a fitted network for a picture of shape (height, width, ...)."""
    weights, steps = to_numbers(weight_vector(model), model.arch, bits)
    return pack(CoinFile((shape[0], shape[1]), model.arch, bits, weights, steps))


def unpack_model(data: bytes) -> tuple[Siren, tuple[int, int]]:
    """The network in a .coin file, its weights as float32, and the picture's (height, width)."""
    file = unpack(data)
    if file.arch.outputs != 3:
        raise CoinError(f"this file has {file.arch.outputs} numbers a pixel; a picture has 3")
    return with_weights(file.arch, torch.from_numpy(file.values)), file.shape


def decode(
    data: bytes, size: tuple[int, int] | None = None, region: Region | None = None, device: str = "cpu"
) -> np.ndarray:
    """Decompress a .coin file: uint8 (H, W, 3), computed in float32 and bounded memory.

    Parameters
    ----------
    data : bytes
    size : (width, height), optional
        Pixels of the answer; those of the original, or of the region, by default.
    region : (x, y, width, height), optional
        The part to decode, in pixels of the original. No pixel outside it is evaluated.
    device : str
        As in :func:`coin_edu.fit`.

    Raises
    ------
    CoinError
        If the file is damaged, the region is not inside the picture, or the size is beyond 2^27 pixels.
    """
    model, shape = unpack_model(data)
    return render(model, shape, size, region, device)


def decode_progressive(data: bytes, device: str = "cpu") -> Iterator[np.ndarray]:
    """The picture coarse to fine: uint8 (H, W, 3) each time, the last the same as :func:`decode`.

    The first evaluates one pixel of every 64x64 block and fills the block with it; each further one halves the blocks'
    sides and evaluates the new pixels only, so that all together cost one decode.
    """
    model, shape = unpack_model(data)
    (height, width), (xs, ys) = shape, axes(shape)
    image = np.zeros((height, width, 3), np.uint8)
    known = np.zeros(shape, bool)
    for block in (64, 32, 16, 8, 4, 2, 1):
        wanted = np.zeros(shape, bool)
        wanted[::block, ::block] = True
        _paint(model, xs, ys, image.reshape(-1, 3), np.flatnonzero(wanted & ~known), device)
        known |= wanted
        coarse = image[::block, ::block]
        yield coarse.repeat(block, axis=0).repeat(block, axis=1)[:height, :width]


def render(
    model: Siren,
    shape: tuple[int, ...],
    size: tuple[int, int] | None = None,
    region: Region | None = None,
    device: str = "cpu",
) -> np.ndarray:
    """A network's picture, as :func:`decode` but from a model at hand; what every preview and measurement shows."""
    columns, rows = size or (region[2:] if region else (shape[1], shape[0]))
    if columns * rows > MAX_PIXELS:
        raise CoinError(f"{columns}x{rows} is more than {MAX_PIXELS:,} pixels; decode it region by region")
    xs, ys = axes(shape, region, size)
    image = np.empty((len(ys) * len(xs), 3), np.uint8)
    _paint(model, xs, ys, image, range(len(image)), device)
    return image.reshape(len(ys), len(xs), 3)


# Pixels evaluated at once.
CHUNK = 4096


def _paint(
    model: Siren, xs: np.ndarray, ys: np.ndarray, image: np.ndarray, index: np.ndarray | range, device: str
) -> None:
    """Evaluate the pixels `index` of the flat `image` (H W, 3), whose columns are at `xs` and rows at `ys`."""
    target = pick_device(device)
    model = copy.deepcopy(model).to(target)

    def paint(start: int) -> None:
        some = np.asarray(index[start : start + CHUNK])
        # A chunk is always whole, the last one padded: a matrix product of another length may sum in another order,
        # and then a region would not be exactly the crop of the whole.
        places = np.zeros((CHUNK, 2), np.float32)
        places[: len(some), 0], places[: len(some), 1] = xs[some % len(xs)], ys[some // len(xs)]
        colors = model(torch.from_numpy(places).to(target))[: len(some)]
        # A hostile file may hold weights under which the network overflows; such a pixel is black, by definition.
        image[some] = colors.mul(255).nan_to_num(0, 255, 0).clamp(0, 255).round().to(torch.uint8).cpu().numpy()

    with chunk_map(target) as each:
        list(each(torch.no_grad()(paint), range(0, len(index), CHUNK)))
