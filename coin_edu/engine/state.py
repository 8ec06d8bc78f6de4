"""The state of a fit: what was asked for, how far it is, and the weights; saved to disk and read back."""

import io
import math
import zipfile
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

import torch
from torch import Tensor

from coin_edu.arch import Arch
from coin_edu.bitstream import MAX_PIXELS, check_limits, check_steps
from coin_edu.coding import ENTROPY, Coding
from coin_edu.engine.modes import ordinary
from coin_edu.errors import CoinError, check_whole
from coin_edu.files import AnyPath, read_bytes, shown, write_bytes
from coin_edu.recipe import Recipe
from coin_edu.siren import Siren, with_weights

# Of one fit: the schedule, and where pixels are drawn, are made for all of them at its beginning.
MAX_STEPS = 10**7


@dataclass(frozen=True)
class Measure:
    """How far a fit is at one moment.

    Attributes
    ----------
    step : int
        Steps taken.
    loss : float
        Mean squared error, colors in [0, 1], over the pixels of the last step.
    psnr : float
        Of the weights after that step, over the whole picture, clamped and rounded to 8 bits, in dB.
    seconds : float
        Time spent fitting so far.
    """

    step: int
    loss: float
    psnr: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Fit:
    """A fit at one moment: the best network so far, and all that is needed to go on. Nothing in it changes.

    Attributes
    ----------
    shape : tuple of int
        (height, width) of the picture.
    arch : Arch
    recipe : Recipe
    steps, step : int
        Steps to take in all, and taken so far.
    seed : int
    n_bytes : int or None
        Budget of the entropy-coded file, for a fit that rounds its weights at the end.
    step_sizes : Tensor (n_steps,) or None
        Quantization steps, once the weights are rounded to multiples of them.
    psnr : float
        Of the best network, in dB.
    history : tuple of Measure
        Every report so far.

    Examples
    --------
    >>> import numpy as np
    >>> from coin_edu import fit
    >>> done = fit(np.zeros((8, 8, 3), np.uint8), Arch(1, 4), steps=20, every=10, progress=False)
    >>> isinstance(done, Fit), done.step, done.model.arch == Arch(1, 4)
    (True, 20, True)
    >>> [measure.step for measure in done.history]
    [0, 10, 20]
    """

    shape: tuple[int, int]
    arch: Arch
    recipe: Recipe
    steps: int
    seed: int
    image_crc: int
    best: Tensor = field(repr=False)
    weights: Tensor = field(repr=False)
    moments: Tensor = field(repr=False)
    seen: Tensor = field(repr=False)  # the weights whose errors say where pixels are drawn
    step: int = 0
    psnr: float = -float("inf")
    history: tuple[Measure, ...] = field(default=(), repr=False)
    n_bytes: int | None = None
    step_sizes: Tensor | None = field(default=None, repr=False)

    @property
    def stopped(self) -> bool:
        """Whether steps are left to take: it was interrupted, and may go on. One that diverged has none."""
        return self.step < self.steps and not (self.history and math.isnan(self.history[-1].psnr))

    @property
    def seconds(self) -> float:
        """Time spent fitting."""
        return self.history[-1].seconds if self.history else 0.0

    @property
    def model(self) -> Siren:
        """The best network so far, on the CPU."""
        return with_weights(self.arch, self.best)

    def save(self, path: AnyPath) -> None:
        """Write the state to disk, whole or not at all, to be gone on with in another process."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fields |= {"arch": asdict(self.arch), "recipe": asdict(self.recipe)}
        fields["history"] = [astuple(measure) for measure in self.history]
        buffer = io.BytesIO()
        torch.save(fields, buffer)
        write_bytes(path, buffer.getvalue())

    @classmethod
    def load(cls, path: AnyPath) -> "Fit":
        """The state that :meth:`save` wrote; only plain numbers and tensors are read, no code.

        Raises
        ------
        CoinError
            If the file is missing, damaged or no such state.
        """
        data = read_bytes(path)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if any(part.compress_type for part in archive.infolist()):  # nor is a small file to become a large one
                    raise ValueError("compressed")
                if damaged := archive.testzip():  # torch.load looks at no checksum
                    raise ValueError(damaged)
            with ordinary():
                fields: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True)
            fields |= {"arch": Arch(**fields["arch"]), "recipe": Recipe(**fields["recipe"])}
            fields["history"] = tuple(Measure(int(step), *map(float, rest)) for step, *rest in fields["history"])
            state = cls(**fields)
            state._check()
            return state
        except Exception as error:  # torch.load raises many kinds for a file that is not its own
            raise CoinError(f"{shown(path)}: no saved fit ({type(error).__name__}); Fit.save writes one") from error

    def _check(self) -> None:
        """Raise some error for what :func:`coin_edu.fit` never makes, and a damaged or foreign file may hold."""
        n_weights = self.arch.n_weights
        check_limits(self.shape, self.arch, ENTROPY if self.n_bytes is not None else Coding())
        shapes = dict.fromkeys(("best", "weights", "seen"), (n_weights,)) | {"moments": (2, n_weights)}
        if self.step_sizes is not None:
            shapes["step_sizes"] = (ENTROPY.n_steps(self.arch),)
        for name, shape in shapes.items():
            tensor = getattr(self, name)
            kind = tensor.shape, tensor.dtype, tensor.layout, tensor.device.type
            # One without strides has as many numbers as it says, and they are its own.
            if kind != (shape, torch.float32, torch.strided, "cpu") or not tensor.is_contiguous():
                raise ValueError(name)
        if self.step_sizes is not None:
            check_steps(self.step_sizes.numpy())
        (height, width), n_bytes = self.shape, 1 if self.n_bytes is None else self.n_bytes
        for number, least, most in (
            (height, 1, MAX_PIXELS),
            (width, 1, MAX_PIXELS),
            (n_bytes, 1, 2**63 - 1),
            (self.seed, 0, 2**63 - 1),
            (self.image_crc, 0, 2**32 - 1),
            (self.steps, 0, MAX_STEPS),
            (self.step, 0, self.steps),
        ):
            if type(number) is not int:
                raise ValueError("a number of another kind")
            check_whole("a number", number, least, most)
        ends = self.arch.inputs, self.arch.outputs
        if ends != (2, 3) or not isinstance(self.psnr, float) or (self.step and not self.history):
            raise ValueError("arch, psnr or history")


@dataclass(frozen=True)
class Report(Measure):
    """What a fit says of itself every few steps: a :class:`Measure`, and the state at that moment.

    Attributes
    ----------
    state : Fit
        Stop here and keep ``state.model``, the best network so far, or hand the state back in to go on.

    Examples
    --------
    >>> import numpy as np
    >>> from coin_edu import fit_steps
    >>> for report in fit_steps(np.zeros((8, 8, 3), np.uint8), Arch(1, 4), steps=20, every=10):
    ...     print(isinstance(report, Report), report.step, report.state.step)
    True 0 0
    True 10 10
    True 20 20
    """

    state: Fit = field(repr=False, compare=False)
