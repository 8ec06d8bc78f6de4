"""Reading and writing files so that a failure is clear and never leaves half a file behind."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coin_edu.errors import CoinError, printable

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

# More than the largest saved fit, and than the largest picture of 16 bits a color that Pillow opens.
MAX_BYTES = 2**30
PART = 2**20

NO_PERMISSION = "no permission; choose another place or change the file's rights"
NO_SPACE = "no space left on the disk; free some, or choose another place"
REASONS = {
    errno.ENOENT: "no such file or folder; check the spelling and the current folder ({cwd})",
    errno.EISDIR: "this is a folder; name a file",
    errno.ENOTDIR: "a part of this path is a file, not a folder",
    errno.EACCES: NO_PERMISSION,
    errno.EPERM: NO_PERMISSION,
    errno.EROFS: "this disk is read-only; choose another place",
    errno.ENOSPC: NO_SPACE,
    errno.EDQUOT: NO_SPACE,
    errno.ELOOP: "links that lead to each other in a circle; name the file itself",
    errno.ENAMETOOLONG: "name too long for this disk; choose a shorter one",
}


def as_path(path: AnyPath) -> Path:
    """The path, in whatever form Python has paths.

    Raises
    ------
    CoinError
        If it is none.
    """
    try:
        return Path(os.fsdecode(path))
    except TypeError as error:
        raise CoinError(f"a path is needed, a text or a pathlib.Path, got {type(path).__name__}") from error


def shown(path: AnyPath) -> str:
    """The path as it may be printed: control characters, which a name may have, would steer the terminal."""
    return printable(as_path(path))


def explain(error: OSError | ValueError, path: AnyPath) -> CoinError:
    """Turn an error about `path` into a :class:`CoinError` that says what to do."""
    known = REASONS.get(getattr(error, "errno", 0))
    reason = known.format(cwd=Path.cwd()) if known else getattr(error, "strerror", None) or str(error)
    return CoinError(f"{shown(path)}: {reason}")


def content(data: bytes | AnyPath) -> bytes:
    """The bytes themselves, or those of the file at a path.

    Raises
    ------
    CoinError
        If there is no such file, or the argument is neither.
    """
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    if isinstance(data, str | os.PathLike):
        return read_bytes(data)
    raise CoinError(f"a file is needed, its bytes or its path, got {type(data).__name__}")


@contextmanager
def _explained(path: AnyPath) -> Iterator[None]:
    try:
        yield
    except CoinError:
        raise
    except (OSError, ValueError) as error:
        raise explain(error, path) from error


def read_bytes(path: AnyPath) -> bytes:
    """The whole file as bytes.

    Raises
    ------
    CoinError
        If the file is missing, is a folder, may not be read, or has more than ``MAX_BYTES``, as a device without end.
    """
    with _explained(path), as_path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode):
            if status.st_size <= MAX_BYTES:
                return file.read()
        else:  # a pipe or a device, whose end shows only when it is reached
            parts = [
                part for _, part in zip(range(MAX_BYTES // PART + 1), iter(lambda: file.read(PART), b""), strict=False)
            ]
            if len(data := b"".join(parts)) <= MAX_BYTES:
                return data
    raise CoinError(f"{shown(path)}: over {MAX_BYTES:,} bytes, more than any file that is read here; name another")


def write_bytes(path: AnyPath, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all: into a file beside it, then renamed over it.

    Raises
    ------
    CoinError
        If the folder is missing or read-only, or the disk is full. An older file at `path` is then untouched.
    """
    with _explained(path):
        target, old = _target(path)
        if old and not stat.S_ISREG(old):  # a pipe or a device, such as /dev/null, is not to be replaced
            target.write_bytes(data)
            return
        with _beside(target, data) as part:
            os.chmod(part, old & 0o777 if old else _permissions())
            os.replace(part, target)


def check_writable(path: AnyPath) -> None:
    """Raise what :func:`write_bytes` would, before a long computation rather than after it.

    Raises
    ------
    CoinError
        If a file cannot be written there.
    """
    with _explained(path):
        target, old = _target(path)
        if old and not stat.S_ISREG(old):
            return
        if old:
            target.open("r+b").close()
        with _beside(target, bytes(4096)):  # a full disk still takes an empty file
            pass


def check_output(path: AnyPath, *inputs: AnyPath, overwrite: bool = False, renews: bool = False) -> None:
    """Raise, before a long computation, if its output cannot be written, or would replace a file unasked.

    Parameters
    ----------
    path : path
        The output.
    *inputs : paths
        What the output is made from; none of these is ever replaced.
    overwrite : bool
        Whether another file that is there may be.
    renews : bool
        Whether it may be unasked: an older output has nothing that the new one lacks.

    Raises
    ------
    CoinError
        The message names the flag that allows it, if one does.
    """
    with _explained(path):
        target, old = _target(path)
        if stat.S_ISREG(old):
            if any(source.exists() and target.samefile(source) for source in map(as_path, inputs)):
                raise CoinError(f"{shown(path)}: this is the input itself, which no output replaces; name another")
            if not (overwrite or renews):
                raise CoinError(f"{shown(path)}: a file is there already; name another, or replace it by --overwrite")
    check_writable(path)


def make_folder(path: AnyPath) -> Path:
    """The folder, made if it is not there.

    Raises
    ------
    CoinError
        If a file is in its way, or it may not be made.
    """
    with _explained(path):
        folder = as_path(path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise ValueError("a file is in the way of a folder; name another") from error
    return folder


def _target(path: AnyPath) -> tuple[Path, int]:
    """The file that is to be written, links followed, and the mode of the one there; 0 if there is none."""
    if as_path(path) == Path("-"):
        raise CoinError("-: nothing is written to standard output here; name a file")
    try:
        target = as_path(path).resolve()
    except RuntimeError as error:  # what Python before 3.13 raises for links in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target, 0
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "")
    return target, mode


@contextmanager
def _beside(target: Path, data: bytes) -> Iterator[str]:
    """A new file beside `target` that holds `data`, down to the disk; gone afterwards, if it was not renamed."""
    descriptor, part = tempfile.mkstemp(prefix=".coin_edu.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield part
    finally:
        Path(part).unlink(missing_ok=True)


def _permissions() -> int:
    """What `open` would give a new file (mkstemp gives 0600)."""
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
