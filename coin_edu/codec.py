"""The codec: a picture to the bytes of a .coin file, and back at any size, any region, coarse to fine."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from coin_edu.arch import DEFAULT_BPP, NARROWING_BITS, Arch, entropy_bytes
from coin_edu.bitstream import MAX_ENTROPY_WEIGHTS, CoinFile, check_limits, unpack
from coin_edu.bitstream import pack as pack_file
from coin_edu.coding import ENTROPY, Coding, bytes_within
from coin_edu.engine.modes import ordinary
from coin_edu.engine.state import Fit
from coin_edu.errors import CoinError, check_number
from coin_edu.files import AnyPath, content
from coin_edu.fitting import fit
from coin_edu.image import Region, check_image
from coin_edu.quantization import step_sizes, to_integers, to_numbers, weight_vector
from coin_edu.recipe import Recipe
from coin_edu.rendering import coarse_to_fine, render
from coin_edu.siren import Network, Siren, as_siren, with_weights


def encode(
    image: np.ndarray,
    bpp: float | None = None,
    *,
    arch: Arch | str | None = None,
    bits: int = 16,
    coding: str = "plain",
    steps: int | None = None,
    recipe: str | Recipe = "fast",
    seed: int = 0,
    device: str = "auto",
    model: Network | None = None,
    state: Fit | None = None,
    progress: bool = True,
) -> bytes:
    """Compress a picture: fit a network to it and write the network's weights.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
    bpp : float, optional
        Bits per pixel that the whole file may take; never exceeded. 0.3 where no `arch` is given.
    arch : Arch or str, optional
        The network, as "10x28" too; by default the one that ``Arch.for_bpp`` chooses for the budget.
    bits : int
        Bits a weight: 32, 16 (half precision, as in the paper), or 8 to 2; for plain coding.
    coding : {"plain", "entropy"}
        "entropy" makes the better file: a network of more than twice as many weights, the last steps fitted through
        rounded ones, entropy-coded to about 6 bits each, more where the budget would pay for over 2^20 of them, the
        most that a file may hold. Needs the constriction package.
    steps, recipe, seed, device, model, state, progress
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
    if arch is None and (known := state if state is not None else model) is not None:
        arch = as_siren(known).arch
    if state is not None and state.n_bytes is not None:
        bpp, coding = 8 * state.n_bytes / (shape[0] * shape[1]) if bpp is None else bpp, "entropy"
    task = plan(shape, bpp, arch, bits, coding)
    fitted = fit(
        image, task.arch, steps, recipe, seed, device, n_bytes=task.n_bytes, model=model, state=state, progress=progress
    )
    return pack_fit(fitted, task.coding)


# The ways to ask for a file: weights as the paper stores them, or the better file.
CODINGS = ("plain", "entropy")


@dataclass(frozen=True)
class Plan:
    """What :func:`encode` is to fit and to write.

    Parameters
    ----------
    arch : Arch
    coding : Coding
    n_bytes : int, optional
        Budget of the file whose weights are entropy-coded.
    is_largest : bool
        Whether the budget would pay for a larger network than a file may hold: the weights get more bits instead.
    """

    arch: Arch
    coding: Coding
    n_bytes: int | None = None
    is_largest: bool = False


def plan(
    shape: tuple[int, ...],
    bpp: float | None = None,
    arch: Arch | str | None = None,
    bits: int = 16,
    coding: str = "plain",
) -> Plan:
    """What to fit to a picture of shape (height, width) for these settings of :func:`encode`, checked."""
    if isinstance(bpp, Arch) or (isinstance(bpp, str) and not bpp.replace(".", "").isdecimal()):
        raise CoinError(f"the second argument is the rate in bits per pixel, got {bpp!r}; write arch={str(bpp)!r}")
    bpp = None if bpp is None else check_number("bpp, bits per pixel,", bpp)
    arch = None if arch is None else Arch.of(arch)
    if coding not in CODINGS:
        raise CoinError(f"coding must be {' or '.join(CODINGS)}, got {coding!r}")
    stored = ENTROPY if coding == "entropy" else Coding(bits)
    if stored.is_entropy and coding == "plain":
        raise CoinError("bits=0 is no number of bits; coding='entropy' entropy-codes the weights")
    check_limits(shape, arch or Arch(1, 1), stored)
    is_largest = False
    if arch is None:
        bpp = DEFAULT_BPP if bpp is None else bpp
        most = largest_rate(shape)
        is_largest = stored.is_entropy and bpp > most
        arch = Arch.narrowing(min(bpp, most), shape) if stored.is_entropy else Arch.for_bpp(bpp, shape, bits)
        check_limits(shape, arch, stored)
    if stored.is_entropy:
        return Plan(arch, stored, entropy_bytes(arch) if bpp is None else bytes_within(bpp, shape), is_largest)
    n_bytes = stored.n_bytes(arch)
    rate = 8 * n_bytes / (shape[0] * shape[1])
    if bpp is not None and not rate <= bpp:
        raise CoinError(
            f"a {arch} network at {bits} bits takes {n_bytes} bytes, {rate:.4g} bpp, over the {bpp:g} bpp "
            f"allowed; Arch.for_bpp({bpp:g}, {tuple(shape[:2])}, {bits}) gives one that fits"
        )
    return Plan(arch, stored)


def largest_rate(shape: tuple[int, ...]) -> float:
    """The bits per pixel of an entropy-coded file beyond which the network cannot grow."""
    return MAX_ENTROPY_WEIGHTS * NARROWING_BITS / (shape[0] * shape[1])


@ordinary()
def pack_fit(fitted: Fit, coding: Coding | None = None) -> bytes:
    """The .coin file of a fit: entropy-coded within its budget if it has one, else by `coding`, by default 16 bits."""
    model, shape = fitted.model, fitted.shape
    if fitted.n_bytes is None:
        return _packed(model, shape, coding or Coding())
    steps = None if fitted.step_sizes is None else fitted.step_sizes.numpy()
    data = None if steps is None else _packed(model, shape, ENTROPY, steps)
    if data is None or len(data) > fitted.n_bytes:
        # Stopped before the weights were rounded, or they grew since: round them once more, a little coarser.
        data = _packed(model, shape, ENTROPY, step_sizes(model, shape, fitted.n_bytes))
    return data


@ordinary()
def pack(
    network: Network,
    shape: tuple[int, ...] | None = None,
    *,
    bits: int = 16,
    coding: str = "plain",
    bpp: float | None = None,
) -> bytes:
    """The .coin file of a network, however it was fitted: by :func:`coin_edu.fit`, or by a loop of your own.

    Parameters
    ----------
    network : Siren or Fit
        ``Siren.from_layers`` makes one of your own weights. A fit that had a budget, `n_bytes`, is entropy-coded
        within it, whatever the further parameters say.
    shape : tuple of int, optional
        (height, width, ...) of the picture; a fit knows its own.
    bits, coding
        As in :func:`encode`.
    bpp : float, optional
        For "entropy": bits per pixel that the file may take; the weights are rounded until it fits.

    Raises
    ------
    CoinError
        If the network cannot be stored so, or not within `bpp`.

    Examples
    --------
    >>> len(pack(Siren(Arch(2, 8)), (12, 16), bits=8))
    199
    """
    model = as_siren(network)
    if isinstance(network, Fit):
        if shape is not None and tuple(shape[:2]) != network.shape:
            raise CoinError(f"the fit is of a picture of shape {network.shape}, got {shape}; leave shape out")
        if network.n_bytes is not None:
            return pack_fit(network)
        shape = network.shape
    if shape is None:
        raise CoinError("the file holds the picture's shape: pack(model, image.shape)")
    task = plan((shape[0], shape[1]), bpp, model.arch, bits, coding)
    if task.n_bytes is None:
        return _packed(model, shape, task.coding)
    return _packed(model, shape, ENTROPY, step_sizes(model, shape, task.n_bytes))


@ordinary()
def pack_model(model: Network, shape: tuple[int, ...], bits: int = 16) -> bytes:
    """As :func:`pack`, by plain coding.

    Examples
    --------
    >>> data = pack_model(Siren(Arch(1, 4)), (12, 16), bits=8)
    >>> len(data) == Arch(1, 4).n_bytes(8)
    True
    """
    return _packed(as_siren(model), shape, Coding(bits))


def _packed(model: Siren, shape: tuple[int, ...], coding: Coding, steps: np.ndarray | None = None) -> bytes:
    """The file; `steps` are given where the weights are entropy-coded."""
    vector = weight_vector(model)
    if steps is None:
        weights, steps = to_numbers(vector, model.arch, coding)
    else:
        weights = to_integers(vector, model.arch, steps)
    return pack_file(CoinFile((shape[0], shape[1]), model.arch, coding, weights, steps))


@ordinary()
def unpack_model(data: bytes | AnyPath) -> tuple[Siren, tuple[int, int]]:
    """The network in a .coin file (its bytes or its path), weights in float32, and the picture's (height, width).

    Examples
    --------
    >>> model, shape = unpack_model(pack_model(Siren(Arch(1, 4)), (12, 16)))
    >>> model.arch == Arch(1, 4), shape
    (True, (12, 16))
    """
    file = unpack(content(data))
    if file.arch.outputs != 3:
        raise CoinError(f"this file has {file.arch.outputs} numbers a pixel; a picture has 3")
    return with_weights(file.arch, torch.from_numpy(file.values)), file.shape


def decode(
    data: bytes | AnyPath, size: tuple[int, int] | None = None, region: Region | None = None, device: str = "cpu"
) -> np.ndarray:
    """Decompress a .coin file: uint8 (H, W, 3), computed in float32 and bounded memory.

    Parameters
    ----------
    data : bytes or path
        A .coin file, or where it is.
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

    Examples
    --------
    >>> data = pack_model(Siren(Arch(1, 4)), (12, 16))
    >>> decode(data).shape, decode(data, size=(64, 48)).shape
    ((12, 16, 3), (48, 64, 3))
    >>> bool((decode(data, region=(2, 3, 5, 4)) == decode(data)[3:7, 2:7]).all())
    True
    """
    model, shape = unpack_model(data)
    return render(model, shape, size, region, device)


def decode_progressive(data: bytes | AnyPath, device: str = "cpu") -> Iterator[np.ndarray]:
    """The picture coarse to fine: uint8 (H, W, 3) each time, the last the same as :func:`decode`.

    The first evaluates one pixel of every 64x64 block and fills the block with it; each further one halves the blocks'
    sides and evaluates the new pixels only, so that all together cost one decode. The largest picture that a file may
    hold takes 2.5 GB.

    Examples
    --------
    >>> pictures = list(decode_progressive(pack_model(Siren(Arch(1, 4)), (12, 16))))
    >>> len(pictures), {picture.shape for picture in pictures}
    (7, {(12, 16, 3)})
    """
    model, shape = unpack_model(data)
    yield from coarse_to_fine(model, shape, device)
