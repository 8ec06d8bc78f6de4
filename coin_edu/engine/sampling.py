"""Which pixels a step of a fit looks at: evenly over the picture, or more where the error is.

A step's few thousand pixels stand for all. Drawn evenly, most of them show the network what it knows already. Here a
share of them, the recipe's `focus`, falls in proportion to the squared error around a pixel, as it was a while ago.
Drawn with p times the even probability, a pixel counts 1 / p in the loss: on average over the draws that is the loss of
all pixels, with less noise (importance sampling; for networks Katharopoulos and Fleuret 2018, arXiv 1803.00942).

Random points leave gaps and form clumps. So the points are those of a lattice, moved as a whole for each step, and
stretched: first its columns apart, so that each strip of the picture gets what is due to it, then those in a strip.
"""

import math

import numpy as np
import torch
from torch import Tensor

# The picture is divided into at most about so many square cells, of one density each.
CELLS = 2**16
# Probabilities are whole numbers: every device adds them up alike, in any order.
TOTAL = 2**30
# Pixels drawn between one look at where the error is and the next, which costs a hundredth of their time.
PIXELS_A_LOOK = 2**20


class Sampler:
    """Draws `batch` pixels a step for each of K networks.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of the picture.
    batch : int
    focus : float
        Share of the pixels that follow the error, 0 to under 1.
    shifts : Tensor, int64 (steps, K, 2)
        Where the lattice begins in each step, for each network, in units of 2^-32.
    """

    def __init__(self, shape: tuple[int, int], batch: int, focus: float, shifts: Tensor):
        (self.height, self.width), device = shape, shifts.device
        self.focus, self.shifts = focus, shifts
        self.every = max(1, PIXELS_A_LOOK // batch)
        points = r2_lattice(batch)  # sorted by column: neighbors in memory are then looked up one after the other
        self.lattice = torch.from_numpy(points[points[:, 0].argsort()]).to(device)
        self.side = math.ceil(math.sqrt(self.height * self.width / CELLS))
        # Cells go column by column: a strip of the picture is a run of them.
        self.grid = -(-self.width // self.side), -(-self.height // self.side)
        lefts, tops = (torch.arange(count, device=device) * self.side for count in self.grid)
        self.widths = (self.width - lefts).clamp(max=self.side)
        self.heights = (self.height - tops).clamp(max=self.side)
        self.sizes = (self.widths[:, None] * self.heights).flatten()
        middles = (tops + self.heights // 2) * self.width + (lefts + self.widths // 2)[:, None]
        self.centers = middles.flatten()
        # Sums of the cells' shares so far, from 0 to their total, and of the strips'.
        self.sums = torch.zeros(shifts.shape[1], len(self.sizes) + 1, dtype=torch.int64, device=device)
        self.strip_sums = self.sums[:, :: self.grid[1]].contiguous()
        self.refocus(torch.zeros(len(self.sums), len(self.sizes), dtype=torch.float32, device=device))

    def is_due(self, step: int) -> bool:
        """Whether to look at the errors anew before that step."""
        return step % self.every == 0

    def refocus(self, errors: Tensor) -> None:
        """From now on draw by the squared errors (K, cells) of the pixels `centers`."""
        grid = errors.unflatten(-1, self.grid)
        around = torch.nn.functional.avg_pool2d(grid, 3, stride=1, padding=1, count_include_pad=False).flatten(-2)
        parts = self.sizes.float() / (self.height * self.width)
        density = 1 - self.focus + self.focus * around / ((around * parts).sum(-1, keepdim=True) + 1e-12)
        self.sums[:, 1:] = (density * parts * TOTAL).long().clamp_(min=1).cumsum(-1)
        self.strip_sums.copy_(self.sums[:, :: self.grid[1]])

    def draw(self, step: Tensor) -> tuple[Tensor, Tensor]:
        """The pixels (K, batch) of step (1,), and what each counts in the loss, 1 on average."""
        moved = self.lattice + self.shifts.index_select(0, step)[0].unsqueeze(1)
        across, down = (moved & 0xFFFFFFFF).unbind(-1)
        total = self.sums[:, -1:]
        strip, along, span = place(self.strip_sums, across * total >> 32)
        cell, below, share = place(self.sums, self.strip_sums.gather(-1, strip) + (down * span >> 32))
        level, width = cell % self.grid[1], self.widths[strip]
        column = strip * self.side + along * width // span
        row = level * self.side + below * self.heights[level] // share
        counts = width * self.heights[level] * (total.float() / (self.height * self.width)) / share
        return row * self.width + column, counts


def place(sums: Tensor, at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """In which part, between neighbors in `sums` (K, n + 1), each of `at` (K, N) lies, how far in, and its length."""
    part = torch.searchsorted(sums, at, right=True) - 1
    start = sums.gather(-1, part)
    return part, at - start, sums.gather(-1, part + 1) - start


def r2_lattice(count: int) -> np.ndarray:
    """`count` points spread evenly over the unit square, in units of 2^-32: int64 (count, 2).

    The R2 sequence n (1/g, 1/g^2) mod 1, g the root of g^3 = g + 1 (Roberts 2018,
    https://extremelearning.com.au/unreasonable-effectiveness-of-quasirandom-sequences/).
    """
    g = 1.32471795724474602596
    steps = np.array([round(2**32 / g), round(2**32 / g**2)], np.int64)
    return (np.arange(count, dtype=np.int64)[:, None] * steps) & 0xFFFFFFFF
