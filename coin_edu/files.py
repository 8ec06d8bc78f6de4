"""Reading and writing files so that a failure is clear and never leaves half a file behind."""

import os
import tempfile
from pathlib import Path

from coin_edu.errors import CoinError

REASONS = {
    FileNotFoundError: "no such file or folder; check the spelling and the current folder ({cwd})",
    IsADirectoryError: "this is a folder; name a file",
    NotADirectoryError: "a part of this path is a file, not a folder",
    PermissionError: "no permission; choose another place or change the file's rights",
}


def explain(error: OSError, path: str | os.PathLike[str]) -> CoinError:
    """Turn an operating-system error about `path` into a :class:`CoinError` that says what to do."""
    reason = REASONS.get(type(error), error.strerror or str(error)).format(cwd=Path.cwd())
    return CoinError(f"{os.fspath(path)}: {reason}")


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The whole file as bytes.

    Raises
    ------
    CoinError
        If the file is missing, is a folder, or may not be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise explain(error, path) from error


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path`, whole or not at all: into a file beside it, then renamed over it.

    Raises
    ------
    CoinError
        If the folder is missing or read-only, or the disk is full. An older file at `path` is then untouched.
    """
    path = Path(path)
    if path.is_dir():
        raise explain(IsADirectoryError(), path)
    beside = None
    try:
        descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, _permissions(path))
        os.replace(beside, path)
        beside = None
    except OSError as error:
        raise explain(error, path) from error
    finally:
        if beside is not None:
            Path(beside).unlink(missing_ok=True)


def _permissions(path: Path) -> int:
    """Those of the file being replaced, else what `open` would have given a new one (mkstemp gives 0600)."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
