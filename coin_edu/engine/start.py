"""How a fit begins: from weights at random, from those of another network, or from the state in which it was left."""

import math
import zlib
from dataclasses import dataclass, replace

import numpy as np
import torch

from coin_edu.arch import DEFAULT_BPP, Arch
from coin_edu.engine.modes import ordinary
from coin_edu.engine.state import MAX_STEPS, Fit
from coin_edu.errors import CoinError, check_whole
from coin_edu.image import check_image
from coin_edu.quantization import check_budget, weight_vector
from coin_edu.recipe import Recipe, recipe_for
from coin_edu.siren import Network, Siren, as_siren


@dataclass(frozen=True)
class Asked:
    """What a fit is asked for, as the parameters of :func:`coin_edu.fit` say it; nothing is checked yet."""

    arch: Arch | str | None = None
    steps: int | None = None
    recipe: str | Recipe = "fast"
    seed: int = 0
    n_bytes: int | None = None
    model: Network | None = None

    def begin(self, image: np.ndarray, state: Fit | None = None) -> Fit:
        """What the loop is to go on from: a new state, or `state`."""
        return self.start(image) if state is None else self.resume(image, state)

    @ordinary()
    def start(self, image: np.ndarray) -> Fit:
        """The state before the first step: initial weights, or those of `model`; nothing measured yet."""
        shape = check_image(image).shape[:2]
        arch, given = self.arch, None if self.model is None else as_siren(self.model)
        if given is not None:
            if arch is not None and Arch.of(arch) != given.arch:
                raise CoinError(f"arch={arch} and model, a {given.arch} network, are not the same; leave arch out")
            arch = given.arch
        arch = Arch.for_bpp(DEFAULT_BPP, shape) if arch is None else Arch.of(arch)
        if (arch.inputs, arch.outputs) != (2, 3):
            ends = f"from {arch.inputs} to {arch.outputs}"
            raise CoinError(f"a picture needs a network from 2 to 3 numbers, got one {ends}")
        recipe, n_bytes = recipe_for(self.recipe, arch), self.n_bytes
        steps = check_whole("steps", recipe.steps if self.steps is None else self.steps, 0, MAX_STEPS)
        seed = check_whole("seed", self.seed, 0)
        if n_bytes is not None:
            n_bytes = check_whole("n_bytes", n_bytes, 1)
            check_budget(arch, shape, n_bytes)
        weights = torch.from_numpy(weight_vector(Siren(arch, seed) if given is None else given))
        if recipe.mean_start and given is None:
            weights[-3:] = torch.from_numpy(image.mean(axis=(0, 1)) / 255)
        moments = torch.zeros(2, len(weights), dtype=torch.float32)
        crc = zlib.crc32(image.tobytes())
        return Fit(shape, arch, recipe, steps, seed, crc, weights, weights, moments, weights, n_bytes=n_bytes)

    def resume(self, image: np.ndarray, state: Fit) -> Fit:
        """`state`, lengthened if `steps` says so; it has all else of its own, so that only the same may be asked."""
        if (state.shape, state.image_crc) != (check_image(image).shape[:2], zlib.crc32(image.tobytes())):
            raise CoinError("the state was fitted to another picture; hand in the same one, or start without a state")
        others = {
            "arch": self.arch is not None and Arch.of(self.arch) != state.arch,
            "recipe": self.recipe != "fast" and recipe_for(self.recipe, state.arch) != state.recipe,
            "seed": self.seed not in (0, state.seed),
            "n_bytes": self.n_bytes not in (None, state.n_bytes),
            "model": self.model is not None,
        }
        if any(others.values()):
            names = ", ".join(name for name, other in others.items() if other)
            raise CoinError(f"{names}: a state has its own; leave that out, or start anew without a state")
        if self.steps is None or self.steps == state.steps:
            return state
        if check_whole("steps", self.steps, 0) <= state.step:
            raise CoinError(
                f"steps={self.steps}, but the state has taken {state.step} already: steps counts from the beginning, "
                f"so that steps={state.step + 1000} takes 1000 more"
            )
        # Weights that were rounded are fitted on as they are beneath; they are rounded anew at the end.
        psnr = state.psnr if state.step_sizes is None else -math.inf
        return replace(state, steps=self.steps, step_sizes=None, psnr=psnr)
