"""A network's picture: every pixel evaluated, whatever the size or the part, at once or coarse to fine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from coin_edu.bitstream import MAX_PIXELS
from coin_edu.engine.device import chunk_map, pick_device
from coin_edu.engine.forward import evaluate
from coin_edu.engine.modes import ordinary
from coin_edu.errors import CoinError
from coin_edu.image import Region, axes, view
from coin_edu.siren import Layers, Network, Siren, as_siren


@ordinary()
def render(
    model: Network,
    shape: tuple[int, ...],
    size: tuple[int, int] | None = None,
    region: Region | None = None,
    device: str = "cpu",
) -> np.ndarray:
    """A network's picture, as :func:`coin_edu.decode` but of a model or fit at hand; what every preview shows.

    Examples
    --------
    >>> from coin_edu.arch import Arch
    >>> render(Siren(Arch(1, 4)), (12, 16), region=(2, 3, 5, 4)).shape
    (4, 5, 3)
    """
    model = as_siren(model)
    _, (columns, rows) = view(shape, region, size)
    check_work(model, columns, rows)
    xs, ys = axes(shape, region, size)
    image = np.empty((len(ys) * len(xs), 3), np.uint8)
    paint(model, xs, ys, image, range(len(image)), device)
    return image.reshape(len(ys), len(xs), 3)


# Sides of the blocks in which a picture appears.
BLOCKS = (64, 32, 16, 8, 4, 2, 1)


def coarse_to_fine(model: Siren, shape: tuple[int, int], device: str = "cpu") -> Iterator[np.ndarray]:
    """The picture by blocks of each of the sides BLOCKS, as :func:`coin_edu.decode_progressive` yields it."""
    height, width = shape
    check_work(model, width, height)
    xs, ys = axes(shape)
    image = np.zeros((height, width, 3), np.uint8)
    for block in BLOCKS:
        new = [Lattice(range(0, height, block), range(0, width, block), width)]
        if block < BLOCKS[0]:  # pixels at even multiples of the block in both directions are there already
            double = 2 * block
            new = [
                Lattice(range(0, height, double), range(block, width, double), width),
                Lattice(range(block, height, double), range(0, width, block), width),
            ]
        with ordinary():
            for places in new:
                paint(model, xs, ys, image.reshape(-1, 3), places, device)
        coarse = image[::block, ::block]
        for axis, side in ((1, width), (0, height)):  # repeated no further than the side: it may be 1, the other 2^27
            coarse = coarse.repeat(min(block, side), axis)[:height, :width]
        yield coarse


# What decoding may cost, in products (`Arch.n_operations` a pixel). So many take minutes: a photograph of 24 megapixels
# with a network of 600,000 weights. A hostile file of a few bytes may claim hours.
MAX_WORK = 2**44


def check_work(model: Siren, columns: int, rows: int) -> None:
    """Raise a :class:`CoinError` for more pixels, or more products, than a picture may take at once."""
    if columns * rows > MAX_PIXELS or columns * rows * model.arch.n_operations > MAX_WORK:
        raise CoinError(
            f"{columns}x{rows} pixels of a network of {model.arch.n_weights:,} weights are more work than decoding at "
            f"once may take, {MAX_PIXELS:,} pixels and {MAX_WORK:.1e} products; decode a smaller size, or by regions"
        )


# Pixels evaluated at once; fewer where layers are wide: of a layer's numbers, more than 2 MB at a time take longer.
CHUNK, NUMBERS = 4096, 2**19


def paint(model: Siren, xs: np.ndarray, ys: np.ndarray, image: np.ndarray, index: Sequence[int], device: str) -> None:
    """Evaluate the pixels `index` of the flat `image` (H W, 3), whose columns are at `xs` and rows at `ys`."""
    target, chunk = pick_device(device), min(CHUNK, NUMBERS // max(model.arch.width, model.arch.features))
    layers = _widened(model, target)

    def some_pixels(start: int) -> None:
        some = np.asarray(index[start : start + chunk])
        # A chunk is always whole, the last one padded: a matrix product of another length may sum in another order,
        # and then a region would not be exactly the crop of the whole.
        places = np.zeros((chunk, 2), np.float32)
        places[: len(some), 0], places[: len(some), 1] = xs[some % len(xs)], ys[some // len(xs)]
        colors = evaluate(model.arch, layers, torch.from_numpy(places).to(target))[: len(some), :3]
        # A hostile file may hold weights under which the network overflows; such a pixel is black, by definition.
        image[some] = colors.mul(255).nan_to_num(0, 255, 0).clamp(0, 255).round().to(torch.uint8).cpu().numpy()

    with chunk_map(target) as each:
        list(each(torch.no_grad()(some_pixels), range(0, len(index), chunk)))


# A matrix product with fewer outputs may sum a row in an order that depends on which of the rows it is (MKL's do).
FEWEST = 16


def _widened(model: Siren, device: torch.device) -> Layers:
    """The layers, none of fewer than FEWEST outputs: the further ones weigh nothing, and change nothing.

    A color then depends on its place alone, to the last bit, and not on what else is decoded beside it.
    """
    layers, added = [], 0
    for weight, bias in model.layer_weights:
        more = max(0, FEWEST - len(bias))
        wide = nn.functional.pad(weight.detach(), (0, added, 0, more)), nn.functional.pad(bias.detach(), (0, more))
        layers.append((wide[0].float().to(device), wide[1].float().to(device)))
        added = more
    return layers


@dataclass(frozen=True)
class Lattice(Sequence[int]):
    """Indices of the pixels at some rows and columns of a picture `width` wide, row by row, made when asked for."""

    rows: range
    columns: range
    width: int

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def __getitem__(self, place: Any) -> Any:
        """One index, or those of a slice, int64 (n,)."""
        some = np.arange(*place.indices(len(self))) if isinstance(place, slice) else range(len(self))[place]
        across = self.columns.start + some % len(self.columns) * self.columns.step
        return (self.rows.start + some // len(self.columns) * self.rows.step) * self.width + across
