"""The network and the learning rate for a budget, by Bayesian optimization, as in the paper's section 4.1."""

import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from coin_edu.arch import ENTROPY_BITS, Arch
from coin_edu.codec import Plan, decode, largest_rate, pack_fit, plan
from coin_edu.engine.device import pick_device
from coin_edu.engine.progress import one_interrupt, tqdm
from coin_edu.errors import CoinError, check_number, check_whole
from coin_edu.files import AnyPath
from coin_edu.fitting import fit_steps
from coin_edu.image import check_image
from coin_edu.metrics import psnr
from coin_edu.recipe import Recipe, recipe_for
from coin_edu.study.storage import open_study, storage_path

if TYPE_CHECKING:
    from optuna import Study
    from optuna import Trial as OptunaTrial
    from optuna.trial import FrozenTrial

# What the paper chose for 0.07, 0.15, 0.3, 0.6 and 1.2 bits per pixel of 768x512.
PAPER = (Arch(5, 20), Arch(5, 30), Arch(10, 28), Arch(10, 40), Arch(13, 49))


@dataclass(frozen=True)
class Trial:
    """One fit of a search.

    Attributes
    ----------
    arch : Arch
        Its network.
    factor : float
        On all three learning rates of the recipe "fast", 1/4 to 4.
    psnr : float
        Of the decoded file in dB; of the fit so far, if it was pruned.
    steps : int
        Steps taken.
    state : {"complete", "pruned"}
        Pruned: given up early, being worse than half of the trials before had been at that step.
    """

    arch: Arch
    factor: float
    psnr: float
    steps: int
    state: str

    @property
    def depth(self) -> int:
        """Hidden layers of its network."""
        return self.arch.depth

    @property
    def recipe(self) -> Recipe:
        """Its recipe."""
        return recipe_for("fast", self.arch).scaled(self.factor)


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    trials : tuple of Trial
        In the order of their making.
    """

    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial:
        """The complete trial of the highest PSNR."""
        return max((trial for trial in self.trials if trial.state == "complete"), key=lambda trial: trial.psnr)

    @property
    def arch(self) -> Arch:
        """The best network."""
        return self.best.arch

    @property
    def recipe(self) -> Recipe:
        """The best recipe; its steps are those of "fast", not of the short trials."""
        return self.best.recipe


def search(
    image: np.ndarray,
    bpp: float = 0.3,
    *,
    trials: int = 30,
    steps: int = 400,
    bits: int = 16,
    coding: str = "plain",
    storage: AnyPath | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
) -> SearchResult:
    """Search for the network and the learning rate that serve a picture best within a budget.

    For each depth the widest network that fits is a candidate (:meth:`Arch.candidates`), or, where the weights are
    entropy-coded, the one of :meth:`Arch.narrowing`; beside the depth, one factor on all learning rates is searched.
    Optuna's Gaussian process proposes, short fits answer, the first with the network that :func:`coin_edu.encode` takes
    and the rates as they are. ``encode(image, bpp, coding=..., arch=result.arch, recipe=result.recipe)`` then takes the
    time for a good fit.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
    bpp : float
        Bits per pixel that the file may take.
    trials : int
        Fits in all, those already in `storage` included.
    steps : int
        Optimizer steps a trial.
    bits, coding
        As in :func:`coin_edu.encode`.
    storage : path, optional
        An SQLite file that remembers every trial: the same search, stopped or killed, goes on from it. One process at
        a time; it may hold several searches.
    seed, device, progress
        As in :func:`coin_edu.fit`; Ctrl-C keeps the trials so far.

    Raises
    ------
    CoinError
        If nothing fits the budget, Optuna is not installed, or `storage` is another kind of file or takes no more.

    Examples
    --------
    >>> image = np.zeros((24, 32, 3), np.uint8)
    >>> found = search(image, bpp=3, trials=2, steps=1, progress=False)
    >>> len(found.trials), found.arch == found.best.arch
    (2, True)
    """
    trials, steps = check_whole("trials", trials, 1), check_whole("steps", steps, 1)
    bits, seed, bpp = check_whole("bits", bits, 2, 32), check_whole("seed", seed, 0), check_number("bpp", bpp, 0)
    place = None if storage is None else storage_path(storage)
    task = plan(check_image(image).shape, bpp, bits=bits, coding=coding)
    candidates = _candidates(task, bpp, image.shape)
    pick_device(device)
    recipes = [recipe_for("fast", arch) for arch in candidates]
    asked = (zlib.crc32(image.tobytes()), candidates, task.coding, steps, seed, recipes)
    first = {"depth": candidates.index(task.arch) + 1, "factor": 1.0}
    name = f"{bpp:g} bpp, {zlib.crc32(repr(asked).encode()):08x}"
    with _quiet(), open_study(name, place, steps, seed, first) as study:
        done = _finished(study, candidates)
        with tqdm(disable=not progress, total=trials, initial=len(done), unit="trial", desc="searching") as bar:
            try:
                for _ in range(trials - len(done)):
                    trial, arch, factor = _new_trial(study, candidates, done, seed)
                    recipe = recipe_for("fast", arch).scaled(factor)
                    study.tell(trial, _value(image, replace(task, arch=arch), steps, recipe, seed, device, trial))
                    done = _finished(study, candidates)
                    best = SearchResult(done).best
                    text = f"best {best.arch}, rates x{best.factor:.2f}, {best.psnr:.2f} dB"
                    bar.set_postfix_str(text, refresh=False)
                    bar.update()
            except KeyboardInterrupt:
                done = _finished(study, candidates)
                if not done or not one_interrupt():
                    raise
                bar.write(f"stopped after {len(done)} of {trials} trials; keeping the best so far")
    return SearchResult(done)


def _candidates(task: Plan, bpp: float, shape: tuple[int, ...]) -> list[Arch]:
    """A network of each depth, 1 to 10 or more, that suits the file."""
    if task.arch.is_version_1:
        return Arch.candidates(bpp, shape, ENTROPY_BITS if task.coding.is_entropy else task.coding.bits)
    return [Arch.narrowing(min(bpp, largest_rate(shape)), shape, depth) for depth in range(1, 11)]


# Factors between which a fit's outcome differs by less than by another seed.
NEIGHBORS = 1.01
FACTORS = 0.25, 4.0


def _new_trial(
    study: "Study", candidates: Sequence[Arch], done: Sequence[Trial], seed: int
) -> tuple["OptunaTrial", Arch, float]:
    """The next trial, its network and factor: what is proposed, but by chance where that has been tried.

    A fit depends on nothing else, so that to repeat it would teach nothing, and the same would be proposed for ever.
    """
    rng = np.random.default_rng([seed, len(study.get_trials(deepcopy=False))])
    while True:
        trial = study.ask()
        depth = trial.suggest_int("depth", 1, len(candidates))
        factor = trial.suggest_float("factor", *FACTORS, log=True)
        if not any(t.arch.depth == depth and 1 / NEIGHBORS < t.factor / factor < NEIGHBORS for t in done):
            trial.set_user_attr("width", candidates[depth - 1].width)
            return trial, candidates[depth - 1], factor
        study.tell(trial, state=_states().FAIL)
        other = {"depth": int(rng.integers(len(candidates))) + 1, "factor": float(4 ** rng.uniform(-1, 1))}
        study.enqueue_trial(other)


def _value(
    image: np.ndarray, task: Plan, steps: int, recipe: Recipe, seed: int, device: str, trial: "OptunaTrial"
) -> float:
    """PSNR of the decoded file, or of the fit when it was given up."""
    every = max(1, steps // 5)
    for report in fit_steps(image, task.arch, steps, recipe, seed, device, n_bytes=task.n_bytes, every=every):
        if report.step:
            trial.report(min(report.psnr, 99.0), report.step)  # infinite ones have no median
        if 0 < report.step < steps and trial.should_prune():
            # For Optuna it is complete, if poor: what the process is told has no end, it would propose for ever.
            trial.set_user_attr("pruned", True)
            return report.state.psnr
    try:
        data = pack_fit(report.state, task.coding)
    except CoinError:  # weights that grew beyond every number a file can hold
        return 0.0
    return psnr(image, decode(data, device=device))


def _finished(study: "Study", candidates: Sequence[Arch]) -> tuple[Trial, ...]:
    """Trials that came to an end.

    Raises
    ------
    CoinError
        If one cannot be of this search: anything may stand in a file.
    """

    def reports(found: "FrozenTrial") -> Iterator[tuple[int, float]]:
        return ((step, _float(value)) for step, value in found.intermediate_values.items())

    try:
        return tuple(
            Trial(
                _network(candidates, found.params["depth"], found.user_attrs["width"]),
                check_number("a factor", found.params["factor"], *FACTORS),
                _float(found.values[0]),
                max(check_whole("a step", step, 0) for step, _ in reports(found)),
                "pruned" if found.user_attrs.get("pruned") else "complete",
            )
            for found in study.get_trials(deepcopy=False, states=(_states().COMPLETE,))
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise CoinError(f"the storage holds trials that are none of a search's ({error}); name another") from error


def _network(candidates: Sequence[Arch], depth: object, width: object) -> Arch:
    arch = candidates[check_whole("a depth", depth, 1, len(candidates)) - 1]
    check_whole("a width", width, arch.width, arch.width)
    return arch


def _float(value: object) -> float:
    """The number itself; it may be infinite, but no text, which SQLite keeps in any column."""
    if not isinstance(value, float):
        raise TypeError(f"{value!r} is no float")
    return value


def _states() -> Any:
    from optuna.trial import TrialState

    return TrialState


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings that are none in a search."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the fit diverged")  # at four times the rate, that is no surprise
        warnings.filterwarnings("ignore", "Clip non-finite values")  # a fit without any error has an infinite PSNR
        warnings.filterwarnings("ignore", "GPSampler is experimental")
        yield
