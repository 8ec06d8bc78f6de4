"""Two ways to lose less by rounding: `python -m tests.benchmarks.rounding` writes data/rounding.csv.

The codec's fits end with a tenth of their steps through rounded weights. Does it help

- to then try each integer one up or one down, as AdaRound (Nagel et al. 2020, arXiv 2004.10568) and its kin do after a
  fit? In each layer, first to last, a change e of its weights adds g e + e G e to the mean squared error to second
  order: g the gradient over all pixels, G the Gauss-Newton matrix from some. Integers move as long as one lowers that.
- to put the rate into the loss, from half the fit on? A Gaussian of deviation sigma spends w^2 / (2 sigma^2 ln 2) bits
  and more on a weight w. A bit is worth what it saves: halving all n steps takes n bits, and the rounding's share D of
  the mean squared error falls by 2 ln 2 D / n for each, at first. So the loss is the mean squared error and D times the
  mean of w^2 / sigma^2.

Beside them, what as many seconds buy in steps.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from coin_edu import Arch, Fit, decode, fit, fit_steps, kodak, psnr
from coin_edu.codec import pack_fit
from coin_edu.coding import ENTROPY
from coin_edu.engine.backprop import Backprop
from coin_edu.engine.batch import Batch
from coin_edu.engine.forward import affine
from coin_edu.engine.sampling import r2_lattice
from coin_edu.files import write_bytes
from coin_edu.fitting import with_rounding
from coin_edu.image import grid
from coin_edu.quantization import sensitivity, step_sizes
from coin_edu.siren import omegas, unflatten

TABLE = Path(__file__).parents[2] / "data" / "rounding.csv"
CHUNK, SAMPLE = 4096, 16_384
# On the diagonal of G: without, the sample's noise makes hundreds of integers move for nothing.
DAMPING = 0.1


def main() -> None:
    """Print and write a row a picture, number of bits and way."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pictures", nargs="*", type=int, default=[1, 4, 8, 15, 20, 23])
    options.add_argument("--bits", nargs="*", type=float, default=[6, 5, 4])
    options.add_argument("--arch", default="10x28")
    options.add_argument("--steps", type=int, default=3_000)
    options.add_argument("--table", type=Path, default=TABLE)
    given = options.parse_args()
    arch = Arch(*map(int, given.arch.split("x")))
    lines = ["picture,arch,steps,bits,way,bytes,psnr_db,seconds"]
    print(lines[0])
    for number in given.pictures:
        image = kodak(number)
        for steps in (given.steps, given.steps * 5 // 4):
            for report in fit_steps(image, arch, steps, every=steps // 20):
                if report.step <= steps / 2:
                    half = report.state
                if report.step >= 0.9 * steps:
                    break
            for bits in given.bits:
                late = replace(report.state, n_bytes=int(arch.n_weights * bits / 8) + 70)
                done = fit(image, state=late, every=steps, progress=False)
                ways = {"through rounded weights": done}
                if steps == given.steps:
                    ways["and each integer +-1"] = refined(image, done)
                    ways["and the rate in the loss"] = RateInLoss.fit(image, half, late)
                for way, fitted in ways.items():
                    data = pack_fit(fitted)
                    quality, seconds = psnr(image, decode(data)), fitted.seconds
                    lines.append(f"{number},{arch},{steps},{bits:g},{way},{len(data)},{quality:.3f},{seconds:.1f}")
                    print(lines[-1], flush=True)
                    write_bytes(given.table, ("\n".join(lines) + "\n").encode())


class RateInLoss(Batch):
    """A fit whose loss counts bits too: `pull` (n_weights,) is the slope of that part, as a multiple of the weights."""

    def __init__(self, image: np.ndarray, state: Fit, pull: Tensor):
        self.pull = pull
        super().__init__([image], [state], torch.device("cpu"))

    def _gradient(self) -> Tensor:
        return super()._gradient() + self.pull * self.weights

    @classmethod
    def fit(cls, image: np.ndarray, half: Fit, late: Fit) -> Fit:
        """From `half` to the end; `late`, without the rate in its loss, says where weights are rounded, and how much.

        The weights at the end are those of the file: no better ones are looked for on the way.
        """
        begin, arch, lengths = time.perf_counter(), late.arch, ENTROPY.groups(late.arch)
        weights = late.weights.split(lengths)
        sizes = np.repeat(step_sizes(late.model, late.shape, late.n_bytes), lengths)
        share = (sensitivity(late.model, late.shape) * sizes**2 / 12).sum()
        spread = torch.cat([run.square().mean().expand(len(run)) for run in weights])
        pull = 2 * float(share) / arch.n_weights / spread
        smooth = cls(image, half, pull)
        smooth.run(late.step - half.step)
        (kept,) = smooth.snapshot()
        weights, moments, seen = kept.weights, kept.moments, kept.seen
        begun = replace(half, step=late.step, n_bytes=late.n_bytes, weights=weights, moments=moments, seen=seen)
        rounding = with_rounding(begun)
        last = cls(image, rounding, pull)
        last.run(late.steps - late.step)
        measure = replace(late.history[-1], seconds=half.seconds + time.perf_counter() - begin)
        return replace(rounding, step=late.steps, best=last.weights[0], history=(*half.history, measure))


def refined(image: np.ndarray, fitted: Fit) -> Fit:
    """The same fit after one pass over its layers; the seconds are added."""
    begin, arch = time.perf_counter(), fitted.arch
    assert fitted.step_sizes is not None
    weights = fitted.best.clone()
    sizes = fitted.step_sizes.repeat_interleave(torch.tensor(ENTROPY.groups(arch)))
    end = 0
    for layer, (n_out, n_in) in enumerate(arch.layer_shapes):
        start, end = end, end + n_out * (n_in + 1)
        size = sizes[start:end]
        slope = gradient(image, arch, weights)[start:end] * size
        moves = descend(slope, gauss_newton(image, arch, weights, layer) * size * size[:, None])
        weights[start:end] += size * moves
    measure = replace(fitted.history[-1], seconds=fitted.seconds + time.perf_counter() - begin)
    return replace(fitted, best=weights, history=(*fitted.history, measure))


def gradient(image: np.ndarray, arch: Arch, weights: Tensor) -> Tensor:
    """Of the mean squared error over all pixels, (n_weights,)."""
    backprop, total = Backprop(arch, CHUNK, (), torch.device("cpu")), torch.zeros_like(weights)
    places, colors = torch.from_numpy(grid(image.shape)), torch.from_numpy(image).reshape(-1, 3) / 255
    for place, color in zip(places.split(CHUNK), colors.split(CHUNK), strict=True):
        total += backprop(weights, place, color)[1]
    return total / colors.numel()


def gauss_newton(image: np.ndarray, arch: Arch, weights: Tensor, layer: int) -> Tensor:
    """G (n, n) of one layer: the mean of J^T J, J a color's derivatives by the layer's weights and biases.

    Derivatives of the three colors are added with random signs, which leaves the mean as it is (Hutchinson 1989).
    """
    generator, total = torch.Generator().manual_seed(layer), torch.tensor(0.0)
    height, width = image.shape[:2]
    columns, rows = torch.from_numpy(r2_lattice(SAMPLE) * [width, height] >> 32).unbind(-1)
    places = torch.from_numpy(grid(image.shape))[rows * width + columns]
    for x in places.split(CHUNK):
        layers = unflatten(arch, weights * omegas(arch))
        for i, (weight, bias) in enumerate(layers):
            phases = affine(x, weight, bias)
            if i == layer:
                inputs, outputs = x, phases.requires_grad_()
            x = torch.sin(phases)
        signs = 2.0 * torch.randint(2, phases.shape, generator=generator) - 1
        (slopes,) = torch.autograd.grad((signs * phases).sum(), outputs)
        jacobian = torch.cat([(slopes[:, :, None] * inputs[:, None, :]).flatten(1), slopes], dim=1)
        total = total + jacobian.T @ jacobian
    factor = arch.omega_0 if 0 < layer < arch.depth else arch.omega_first if not layer else 1.0
    return factor**2 * total / (SAMPLE * arch.outputs)


def descend(slope: Tensor, curvature: Tensor) -> Tensor:
    """Whole numbers e (n,) that lower g e + e G e, found by moving one at a time, the one that gains most."""
    g, matrix = slope.double().numpy(), curvature.double().numpy()
    diagonal = (1 + DAMPING) * np.diag(matrix)
    moves = np.zeros(len(g))
    for _ in range(4 * len(g)):
        gains = np.abs(g) - diagonal
        best = gains.argmax()
        if gains[best] <= 0:
            break
        move = -np.sign(g[best])
        moves[best] += move
        g = g + 2 * move * matrix[best]
        g[best] += 2 * move * DAMPING * matrix[best, best]
    return torch.from_numpy(moves).float()


if __name__ == "__main__":
    main()
