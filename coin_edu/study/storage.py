"""What a search remembers: Optuna's study, in memory or in an SQLite file that the same search goes on from."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from coin_edu.errors import CoinError, needs
from coin_edu.files import AnyPath, as_path, check_writable, read_bytes, write_bytes

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage


def storage_path(storage: AnyPath) -> Path:
    """The storage's path in full: of a relative one, such as :memory:, SQLite may think otherwise."""
    path = as_path(storage)
    if "://" in str(storage):
        raise CoinError(f"storage is the path of an SQLite file, got the address {storage!r}; leave out the sqlite:///")
    if path.is_dir() or not path.name:
        raise CoinError(f"storage is the path of an SQLite file, got the folder {storage!r}; name a file in it")
    return path.absolute()


@contextmanager
def open_study(name: str, storage: Path | None, steps: int, seed: int, first: dict[str, float]) -> Iterator["Study"]:
    """The study of that name, gone on with if the storage has it; `first` is what its first trial tries."""
    with needs("search"):
        import optuna
        from optuna.trial import TrialState
        from sqlalchemy.exc import SQLAlchemyError

    kept = None
    if storage is not None:
        check_writable(storage)
        if not storage.exists():
            write_bytes(storage, _empty_storage())
    loud = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        try:
            if storage is not None:
                kept = _opened(storage)
            study = optuna.create_study(
                storage=kept,
                study_name=name,
                direction="maximize",
                load_if_exists=True,
                # In the first half, with rates still high, the order of two fits says little of how they will end.
                pruner=optuna.pruners.MedianPruner(n_startup_trials=6, n_warmup_steps=steps // 2),
            )
            # Gone on with, the same seed would propose again what it did at the beginning.
            study.sampler = optuna.samplers.GPSampler(seed=(seed + len(study.trials)) % 2**32, n_startup_trials=6)
            # A search that was killed left a trial without an end: its place is not lost, but it is to be fitted again.
            for trial in study.get_trials(states=(TrialState.RUNNING,)):
                study.tell(trial.number, state=TrialState.FAIL)
                if trial.params.keys() == first.keys():
                    study.enqueue_trial(trial.params)
            if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.WAITING)):
                study.enqueue_trial(first)
        except Exception as error:  # a file that is damaged, or another's, raises many kinds
            if storage is None:
                raise
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


def _opened(path: Path) -> "RDBStorage":
    """The storage in a file of any name: in an address, a `?` or a brace would mean something else."""
    from optuna.storages import RDBStorage

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, check_same_thread=False)

    return RDBStorage("sqlite:///search.db", engine_kwargs={"creator": connect})


def _empty_storage() -> bytes:
    """A database with Optuna's tables, to be written at once: left half-made by a kill, they would never be mended."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "new.db")
        storage = _opened(path)
        storage.remove_session()
        storage.engine.dispose()
        return read_bytes(path)


def _reason(error: Exception) -> str:
    """What SQLite said, without the statement at which it said it."""
    return str(error.__cause__ or error).partition("\n")[0]
