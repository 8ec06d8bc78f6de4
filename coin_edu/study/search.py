"""The network and the learning rate for a budget, by Bayesian optimization, as in the paper's section 4.1."""

import os
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from coin_edu.arch import Arch
from coin_edu.codec import decode, pack_model
from coin_edu.engine.device import pick_device
from coin_edu.errors import CoinError, check_whole, needs
from coin_edu.files import check_writable, read_bytes, write_bytes
from coin_edu.fitting import fit_steps
from coin_edu.image import check_image
from coin_edu.metrics import psnr
from coin_edu.progress import tqdm
from coin_edu.recipe import Recipe, recipe_for

if TYPE_CHECKING:
    from optuna import Study
    from optuna import Trial as OptunaTrial

# What the paper chose for 0.07, 0.15, 0.3, 0.6 and 1.2 bits per pixel of 768x512.
PAPER = (Arch(5, 20), Arch(5, 30), Arch(10, 28), Arch(10, 40), Arch(13, 49))


@dataclass(frozen=True)
class Trial:
    """One fit of a search.

    Attributes
    ----------
    depth, width : int
        Of its network.
    factor : float
        On all three learning rates of the recipe "fast", 1/4 to 4.
    psnr : float
        Of the decoded file in dB; of the fit so far, if it was pruned.
    steps : int
        Steps taken.
    state : {"complete", "pruned"}
        Pruned: given up early, being worse than half of the trials before had been at that step.
    """

    depth: int
    width: int
    factor: float
    psnr: float
    steps: int
    state: str

    @property
    def arch(self) -> Arch:
        """Its network."""
        return Arch(self.depth, self.width)

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
    storage: str | os.PathLike[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
) -> SearchResult:
    """Search for the network and the learning rate that serve a picture best within a budget.

    For each depth the widest network that fits is a candidate (:meth:`Arch.candidates`); beside the depth, one factor
    on all learning rates is searched. Optuna's Gaussian process proposes, short fits answer, the first with the
    network of ``Arch.for_bpp`` and the rates as they are. ``encode(image, arch=result.arch, recipe=result.recipe)``
    then takes the time for a good fit.

    Parameters
    ----------
    image : ndarray, uint8 (H, W, 3)
    bpp : float
        Bits per pixel that the file may take.
    trials : int
        Fits in all, those already in `storage` included.
    steps : int
        Optimizer steps a trial.
    bits : int
        Bits a weight.
    storage : path, optional
        An SQLite file that remembers every trial: the same search, stopped or killed, goes on from it. One process at
        a time; it may hold several searches.
    seed, device, progress
        As in :func:`coin_edu.fit`; Ctrl-C keeps the trials so far.

    Raises
    ------
    CoinError
        If nothing fits the budget, Optuna is not installed, or `storage` is another kind of file or takes no more.
    """
    check_whole("trials", trials, 1)
    check_whole("steps", steps, 1)
    candidates = Arch.candidates(bpp, check_image(image).shape, bits)
    pick_device(device)
    recipes = [recipe_for("fast", arch) for arch in candidates]
    asked = (zlib.crc32(image.tobytes()), candidates, bits, steps, seed, recipes)
    first = {"depth": candidates.index(Arch.for_bpp(bpp, image.shape, bits)) + 1, "factor": 1.0}
    with _quiet(), _study(f"{bpp:g} bpp, {zlib.crc32(repr(asked).encode()):08x}", storage, steps, seed, first) as study:
        done = _finished(study)
        with tqdm(disable=not progress, total=trials, initial=len(done), unit="trial", desc="searching") as bar:
            try:
                for _ in range(trials - len(done)):
                    trial = study.ask()
                    arch = candidates[trial.suggest_int("depth", 1, len(candidates)) - 1]
                    recipe = recipe_for("fast", arch).scaled(trial.suggest_float("factor", 0.25, 4, log=True))
                    trial.set_user_attr("width", arch.width)
                    study.tell(trial, _value(image, arch, steps, recipe, bits, seed, device, trial))
                    done = _finished(study)
                    best = SearchResult(done).best
                    text = f"best {best.arch}, rates x{best.factor:.2f}, {best.psnr:.2f} dB"
                    bar.set_postfix_str(text, refresh=False)
                    bar.update()
            except KeyboardInterrupt:
                done = _finished(study)
                if not done:
                    raise
                bar.write(f"stopped after {len(done)} of {trials} trials; keeping the best so far")
    return SearchResult(done)


def _value(
    image: np.ndarray, arch: Arch, steps: int, recipe: Recipe, bits: int, seed: int, device: str, trial: "OptunaTrial"
) -> float:
    """PSNR of the decoded file, or of the fit when it was given up."""
    for report in fit_steps(image, arch, steps, recipe, seed, device, every=max(1, steps // 5)):
        if report.step:
            trial.report(min(report.psnr, 99.0), report.step)  # infinite ones have no median
        if 0 < report.step < steps and trial.should_prune():
            # For Optuna it is complete, if poor: what the process is told has no end, it would propose for ever.
            trial.set_user_attr("pruned", True)
            return report.state.psnr
    return psnr(image, decode(pack_model(report.state.model, image.shape, bits), device=device))


def _finished(study: "Study") -> tuple[Trial, ...]:
    """Trials that came to an end."""
    from optuna.trial import TrialState

    return tuple(
        Trial(
            trial.params["depth"],
            trial.user_attrs["width"],
            trial.params["factor"],
            trial.values[0],
            max(trial.intermediate_values),
            "pruned" if trial.user_attrs.get("pruned") else "complete",
        )
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    )


@contextmanager
def _study(
    name: str, storage: str | os.PathLike[str] | None, steps: int, seed: int, first: dict[str, float]
) -> Iterator["Study"]:
    """The study of that name, gone on with if the storage has it; `first` is what its first trial tries."""
    with needs("search"):
        import optuna
        from optuna.trial import TrialState
        from sqlalchemy.exc import SQLAlchemyError

    kept = None
    if storage is not None:
        check_writable(storage)
        if not Path(storage).exists():
            write_bytes(storage, _empty_storage())
    loud = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        try:
            if storage is not None:
                kept = optuna.storages.RDBStorage(f"sqlite:///{Path(storage).as_posix()}")
            study = optuna.create_study(
                storage=kept,
                study_name=name,
                direction="maximize",
                load_if_exists=True,
                # In the first half, with rates still high, the order of two fits says little of how they will end.
                pruner=optuna.pruners.MedianPruner(n_startup_trials=6, n_warmup_steps=steps // 2),
            )
            # Gone on with, the same seed would propose again what it did at the beginning.
            study.sampler = optuna.samplers.GPSampler(seed=seed + len(study.trials), n_startup_trials=6)
            # A search that was killed left a trial without an end: its place is not lost, but it is to be fitted again.
            for trial in study.get_trials(states=(TrialState.RUNNING,)):
                study.tell(trial.number, state=TrialState.FAIL)
                if trial.params.keys() == first.keys():
                    study.enqueue_trial(trial.params)
            if not _finished(study) and not study.get_trials(states=(TrialState.WAITING,)):
                study.enqueue_trial(first)
        except Exception as error:  # a file that is damaged, or another's, raises many kinds
            raise CoinError(
                f"{storage}: no file of a search, a damaged one, or no space for one ({_reason(error)}); name another"
            ) from error
        yield study
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise CoinError(
            f"{storage}: the trials cannot be kept ({_reason(error)}); free some space, or name another"
        ) from error
    finally:
        optuna.logging.set_verbosity(loud)
        if kept is not None:
            kept.remove_session()
            kept.engine.dispose()


def _empty_storage() -> bytes:
    """A database with Optuna's tables, to be written at once: left half-made by a kill, they would never be mended."""
    from optuna.storages import RDBStorage

    with TemporaryDirectory() as folder:
        path = Path(folder, "new.db")
        storage = RDBStorage(f"sqlite:///{path.as_posix()}")
        storage.remove_session()
        storage.engine.dispose()
        return read_bytes(path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings that are none in a search."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the fit diverged")  # at four times the rate, that is no surprise
        warnings.filterwarnings("ignore", "Clip non-finite values")  # a fit without any error has an infinite PSNR
        warnings.filterwarnings("ignore", "GPSampler is experimental")
        yield


def _reason(error: Exception) -> str:
    """What SQLite said, without the statement at which it said it."""
    return str(error.__cause__ or error).partition("\n")[0]
