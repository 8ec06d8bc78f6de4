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


def explain(error: OSError | ValueError, path: str | os.PathLike[str]) -> CoinError:
    """Turn an error about `path` into a :class:`CoinError` that says what to do."""
    known = [reason for kind, reason in REASONS.items() if isinstance(error, kind)]
    reason = known[0].format(cwd=Path.cwd()) if known else getattr(error, "strerror", None) or str(error)
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
    except (OSError, ValueError) as error:
        raise explain(error, path) from error


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path`, whole or not at all: into a file beside it, then renamed over it.

    Raises
    ------
    CoinError
        If the folder is missing or read-only, or the disk is full. An older file at `path` is then untouched.
    """
    beside = None
    try:
        target = Path(path).resolve()
        if target.is_dir():
            raise IsADirectoryError
        if target.exists() and not target.is_file():  # a pipe or a device, such as /dev/null, is not to be replaced
            target.write_bytes(data)
            return
        descriptor, beside = tempfile.mkstemp(prefix=".coin_edu.", suffix=".part", dir=target.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, _permissions(target))
        os.replace(beside, target)
        beside = None
    except (OSError, ValueError) as error:
        raise explain(error, path) from error
    finally:
        if beside is not None:
            Path(beside).unlink(missing_ok=True)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise what :func:`write_bytes` would, before a long computation rather than after it.

    Raises
    ------
    CoinError
        If a file cannot be written there.
    """
    try:
        there = Path(path).exists()
        if there and Path(path).is_file():
            with Path(path).open("r+b"):
                return
    except (OSError, ValueError) as error:
        raise explain(error, path) from error
    if Path(path).is_dir():
        raise explain(IsADirectoryError(), path)
    if not there:
        write_bytes(path, b"")
        Path(path).unlink()


def make_folder(path: str | os.PathLike[str]) -> Path:
    """The folder, made if it is not there.

    Raises
    ------
    CoinError
        If a file is in its way, or it may not be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise CoinError(f"{os.fspath(path)}: a file is in the way of a folder; name another") from error
    except (OSError, ValueError) as error:
        raise explain(error, path) from error
    return Path(path)


def _permissions(path: Path) -> int:
    """Those of the file being replaced, else what `open` would have given a new one (mkstemp gives 0600)."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
