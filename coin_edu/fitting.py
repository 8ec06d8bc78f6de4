"""Fitting a network to a picture: the loop everything else stands on.

The objective is the paper's (arXiv 2103.03123, equation 1): minimize over the weights the mean of
||f(x, y) - I(x, y)||^2 over the pixels, colors in [0, 1]. `fit_steps` is the loop, `fit` the same behind a progress
bar, `fit_many` the same for K networks in one batched pass.
"""

import functools
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from coin_edu.arch import Arch
from coin_edu.engine.batch import Batch, Snapshot
from coin_edu.engine.device import chunk_map, pick_device
from coin_edu.engine.modes import ordinary
from coin_edu.engine.progress import one_interrupt, tqdm
from coin_edu.engine.start import Asked
from coin_edu.engine.state import Fit, Measure, Report
from coin_edu.errors import CoinError, check_whole
from coin_edu.quantization import step_sizes
from coin_edu.recipe import RECIPES, Recipe
from coin_edu.siren import Network, with_weights


def fit(
    image: np.ndarray,
    arch: Arch | str | None = None,
    steps: int | None = None,
    recipe: str | Recipe = "fast",
    seed: int = 0,
    device: str = "auto",
    *,
    n_bytes: int | None = None,
    every: int | None = None,
    model: Network | None = None,
    state: Fit | None = None,
    progress: bool = True,
) -> Fit:
    """Fit a network to a picture behind a progress bar; Ctrl-C keeps the best so far, as `Fit.stopped` says.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
    arch : Arch or str, optional
        Such as "10x28", depth x width. By default what fits a file of 0.3 bits per pixel.
    steps : int, optional
        By default the recipe's.
    recipe : {"fast", "paper"} or Recipe
    seed : int
        Same seed, same machine, same device: same weights.
    device : str
        "auto" takes CUDA where a card works, else the CPU; or any of torch's names.
    n_bytes : int, optional
        Budget of an entropy-coded file. The last tenth of the steps then sees the picture through weights rounded for
        it, which leaves them where rounding does little harm.
    every : int, optional
        Steps between reports; by default a twentieth of all.
    model : Siren or Fit, optional
        Start from its weights, say of another picture's fit, not from random ones; `arch` is then the model's.
    state : Fit, optional
        Go on from here; arch, recipe, seed and n_bytes are then the state's. On a CPU the result is, bit for bit, that
        of a fit never stopped. `steps` beyond the state's lengthens it: the rates rise again to what the longer
        schedule has at this step.
    progress : bool
        Whether to show the bar.

    Returns
    -------
    Fit

    Examples
    --------
    >>> image = np.zeros((8, 8, 3), np.uint8)
    >>> done = fit(image, Arch(1, 4), steps=3, progress=False)
    >>> done.step, done.model.arch.n_weights
    (3, 27)
    """
    state, chosen = Asked(arch, steps, recipe, seed, n_bytes, model).begin(image, state), _device(device)
    with tqdm(disable=not progress, unit="step", desc="fitting") as bar:
        try:
            for (reached,) in _run([image], [state], chosen, every):
                state = reached
                _show(bar, state, f"{state.history[-1].psnr:.2f} dB")
        except KeyboardInterrupt:
            if not state.history or not one_interrupt():
                raise
            bar.write(f"stopped at step {state.step} of {state.steps}; keeping the best so far, {state.psnr:.2f} dB")
    return state


def _show(bar: tqdm, state: Fit, text: str) -> None:
    bar.total = state.steps
    bar.set_postfix_str(text, refresh=False)
    bar.update(state.step - bar.n)


def fit_steps(
    image: np.ndarray,
    arch: Arch | str | None = None,
    steps: int | None = None,
    recipe: str | Recipe = "fast",
    seed: int = 0,
    device: str = "auto",
    *,
    n_bytes: int | None = None,
    every: int | None = None,
    model: Network | None = None,
    state: Fit | None = None,
) -> Iterator[Report]:
    """The fitting loop as an iterator: a :class:`Report` before the first step and then every few steps.

    ``break`` cancels; ``report.state`` holds the best network so far and, handed back in as `state`, goes on. The
    parameters are those of :func:`fit`.

    Examples
    --------
    >>> image = np.zeros((8, 8, 3), np.uint8)
    >>> for report in fit_steps(image, Arch(1, 4), steps=100, every=10):
    ...     if report.step == 20:
    ...         break
    >>> [report.step for report in fit_steps(image, state=report.state, every=40)]
    [40, 80, 100]
    """
    state = Asked(arch, steps, recipe, seed, n_bytes, model).begin(image, state)
    for states in _run([image], [state], _device(device), every):
        yield Report(**vars(states[0].history[-1]), state=states[0])


def fit_many(
    images: np.ndarray | Sequence[np.ndarray],
    arch: Arch | str | None = None,
    steps: int | None = None,
    recipe: str | Recipe | Sequence[Recipe] = "fast",
    seeds: int | Sequence[int] = 0,
    device: str = "auto",
    *,
    n_bytes: int | None = None,
    every: int | None = None,
    progress: bool = True,
) -> list[Fit]:
    """Fit K networks of one architecture in one batched pass: several pictures, seeds or recipes.

    Each result is what :func:`fit` gives for that picture, recipe and seed, but for the order of rounding.

    Parameters
    ----------
    images : ndarray, uint8 (H, W, 3), or K of them
        Of one shape, in a sequence or an array (K, H, W, 3).
    recipe : {"fast", "paper"}, Recipe, or K of them
        Their rates may differ; batch and steps may not.
    seeds : int or K of them
        What is given once serves all; at least one of images, recipe and seeds says what K is.
    n_bytes : int, optional
        Budget of each entropy-coded file, as in :func:`fit`.

    Returns
    -------
    list of Fit
        K of them; after Ctrl-C the best so far.

    Raises
    ------
    CoinError
        If the lengths, the pictures' shapes or the recipes do not fit together.

    Examples
    --------
    >>> image = np.zeros((8, 8, 3), np.uint8)
    >>> [fit.seed for fit in fit_many(image, Arch(1, 4), steps=3, seeds=[0, 1, 2], progress=False)]
    [0, 1, 2]
    """
    pictures = [images] if isinstance(images, np.ndarray) and images.ndim < 4 else list(images)
    recipes = [recipe] if isinstance(recipe, str | Recipe) else list(recipe)
    all_seeds: list[int] = np.atleast_1d(seeds).tolist()
    count = max(len(pictures), len(recipes), len(all_seeds))
    for name, given in {"images": pictures, "recipe": recipes, "seeds": all_seeds}.items():
        if len(given) not in (1, count):
            raise CoinError(f"fit_many: {name} has {len(given)} entries, expected 1 or {count}")
    states = [
        Asked(arch, steps, recipes[k % len(recipes)], all_seeds[k % len(all_seeds)], n_bytes).start(
            pictures[k % len(pictures)]
        )
        for k in range(count)
    ]
    kinds = {s: (float(s.recipe.muon_rate > 0), float(s.recipe.muon_first > 0)) for s in states}
    alike = {
        replace(s.recipe, rate=0, last_rate=0, muon_rate=muon, muon_first=first) for s, (muon, first) in kinds.items()
    }
    if len({(s.shape, s.steps) for s in states}) > 1 or len(alike) > 1:
        raise CoinError("fit_many: pictures of one shape, and recipes that differ in their rates only, are needed")
    chosen = _device(device)
    with tqdm(disable=not progress, unit="step", desc=f"fitting {count} networks") as bar:
        try:
            for reached in _run(pictures, states, chosen, every):
                states = reached
                _show(bar, states[0], f"mean {np.mean([s.history[-1].psnr for s in states]):.2f} dB")
        except KeyboardInterrupt:
            if not states[0].history or not one_interrupt():
                raise
            bar.write(f"stopped at step {states[0].step} of {states[0].steps}; keeping the best so far")
    return states


def _run(
    images: Sequence[np.ndarray], states: list[Fit], device: torch.device, every: int | None
) -> Iterator[list[Fit]]:
    """Go on with the states, all of one step, yielding new ones at every report until the steps are done."""
    steps = states[0].steps
    every = max(1, steps // 20) if every is None else check_whole("every", every, 1)
    with ordinary():
        batch = Batch(images, states, device)
    clock = time.perf_counter()
    while (step := states[0].step) < steps or not states[0].history:
        with ordinary():
            change = _next_change(states[0])
            if step >= change < steps:
                with chunk_map(torch.device("cpu")) as each:
                    states = list(each(with_rounding, states))
                batch, change = Batch(images, states, device), steps
            if states[0].history:
                batch.run(min(every - step % every, change - step))
            else:
                batch.measure_loss()
            snapshots = batch.snapshot()
        spent, clock = time.perf_counter() - clock, time.perf_counter()
        states = [_reported(state, batch.taken, each, spent) for state, each in zip(states, snapshots, strict=True)]
        yield states
        clock = time.perf_counter()
        if all(math.isnan(snapshot.psnr) for snapshot in snapshots):
            best = max(state.psnr for state in states)
            warnings.warn(
                f"the fit diverged before step {batch.taken} (loss {snapshots[0].loss}); the best network before that, "
                f"{best:.2f} dB, is kept. Use a lower rate, a smaller omega_0 or another seed",
                stacklevel=3,
            )
            return


def _device(name: str) -> torch.device:
    """The device of that name; MPS only where two steps of a small fit agree with the CPU's."""
    device = pick_device(name)
    if device.type == "mps" and not _agrees(device):
        raise CoinError(
            f"device {str(device)!r} computes otherwise than the CPU here; update torch, or take device='cpu'"
        )
    return device


@functools.cache
def _agrees(device: torch.device) -> bool:
    """Whether two steps there leave the weights that they leave on the CPU, but for rounding."""
    image = np.arange(3 * 80 * 120, dtype=np.uint8).reshape(80, 120, 3)
    state = Asked(Arch(2, 8), 2, replace(RECIPES["fast"], batch=1000)).start(image)
    found: list[torch.Tensor] = []
    with ordinary():
        for where in (torch.device("cpu"), device):
            batch = Batch([image], [state], where)
            batch.run(2)
            found.append(batch.weights.cpu())
    return torch.allclose(found[0], found[1], rtol=0, atol=1e-3)


def _next_change(state: Fit) -> int:
    """The step at which a fit ends, or goes on with rounded weights."""
    rounds = state.n_bytes is not None and state.step_sizes is None
    return math.ceil(state.recipe.round_from * state.steps) if rounds else state.steps


def with_rounding(state: Fit) -> Fit:
    """From here on with weights rounded so that the file fits the budget; the best network is to be found anew."""
    assert state.n_bytes is not None
    # Half a percent is left for what the weights still grow: up to 0.2 % was seen.
    sizes = step_sizes(with_weights(state.arch, state.weights), state.shape, math.floor(0.995 * state.n_bytes))
    return replace(state, step_sizes=torch.from_numpy(sizes), psnr=-math.inf)


def _reported(state: Fit, step: int, snapshot: Snapshot, spent: float) -> Fit:
    better = snapshot.psnr > state.psnr
    return replace(
        state,
        step=step,
        weights=snapshot.weights,
        moments=snapshot.moments,
        seen=snapshot.seen,
        best=snapshot.used if better else state.best,
        psnr=snapshot.psnr if better else state.psnr,
        history=(*state.history, Measure(step, snapshot.loss, snapshot.psnr, state.seconds + spent)),
    )
