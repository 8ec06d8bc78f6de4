"""Many pictures to as many .coin files: on the cores of this machine, or on a cluster's; a second run goes on."""

import inspect
import math
import os
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coin_edu.bitstream import read_header, unpack
from coin_edu.codec import decode, encode, plan
from coin_edu.engine.device import pick_device
from coin_edu.engine.progress import tqdm
from coin_edu.errors import CoinError, check_whole, printable
from coin_edu.files import AnyPath, as_path, check_writable, explain, make_folder, read_bytes, write_bytes
from coin_edu.image import formats, load_image
from coin_edu.metrics import bpp as bits_per_pixel
from coin_edu.metrics import psnr
from coin_edu.study.processes import Processes

Paths = AnyPath | Iterable[AnyPath]


@dataclass(frozen=True)
class Encoded:
    """What became of one picture.

    Attributes
    ----------
    source, path : Path
        The picture, and its .coin file.
    n_bytes : int
        Length of the file; 0 if there is none.
    bpp, psnr : float
        Of that file, in bits per pixel and dB; NaN if there is none.
    seconds : float
        Time spent encoding; 0 for a file that was there already.
    error : str
        Why there is no file; empty if there is one.
    """

    source: Path
    path: Path
    n_bytes: int = 0
    bpp: float = math.nan
    psnr: float = math.nan
    seconds: float = 0.0
    error: str = ""


STOPPED = "stopped before it was done; the same call goes on"


def encode_many(
    pictures: Paths,
    folder: AnyPath,
    bpp: float | None = None,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    retries: int = 2,
    overwrite: bool = False,
    progress: bool = True,
    **settings: Any,
) -> list[Encoded]:
    """Compress every picture of a folder, or of a list, each into its own .coin file.

    One picture that fails, fails alone. A worker that is killed takes no other picture along, and its own is tried
    again. Files appear whole, as soon as they are done; Ctrl-C keeps them, and the same call then does the rest: a file
    that is there is kept if it holds the network, coded in the way and within the budget, that these settings give for
    its picture (steps, recipe and seed are not in a file, and so not compared). One that holds another is an error; a
    damaged one is made anew.

    Parameters
    ----------
    pictures : path, or iterable of paths
        A folder, for all the files in it whose ending names a picture format; or the files.
    folder : path
        Where ``<name of the picture>.coin`` goes; made if it is not there.
    executor : concurrent.futures.Executor, optional
        Who does the work; pictures and files travel, so its workers need no common disk. A dask ``Client`` is as good.
        By default processes of this machine, with one thread each.
    workers : int, optional
        Pictures in work at a time, each in memory. By default, without an `executor`, one for each thread of torch's,
        or one if the device is no CPU; with one, 64.
    retries : int
        How often a picture is tried again whose worker failed; not for an error that would only repeat itself.
    overwrite : bool
        Whether files that are there are made anew.
    bpp, **settings
        As in :func:`coin_edu.encode`.

    Returns
    -------
    list of Encoded
        One a picture, in their order.

    Raises
    ------
    CoinError
        If there are no pictures, two of one name, or one that would be replaced by its own file; if no files can be
        written to the folder, or the executor cannot do the work.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from tempfile import TemporaryDirectory
    >>> from coin_edu import Arch, save_image
    >>> with TemporaryDirectory() as folder, ThreadPoolExecutor() as executor:
    ...     save_image(f"{folder}/a.png", np.zeros((12, 16, 3), np.uint8))
    ...     done = encode_many(folder, folder, arch=Arch(1, 4), steps=1, executor=executor, progress=False)
    >>> [(encoded.path.name, encoded.n_bytes) for encoded in done]
    [('a.coin', 94)]
    """
    call = inspect.signature(encode).bind(None, bpp, progress=False, **settings)  # a misspelled name is told here
    call.apply_defaults()
    settings = {name: value for name, value in call.arguments.items() if name != "image"}
    retries = check_whole("retries", retries, 0)
    executor = None if executor is None else _executor(executor)
    if workers is None:
        workers = 64 if executor else torch.get_num_threads() if pick_device(settings["device"]).type == "cpu" else 1
    workers = check_whole("workers", workers, 1)
    targets = _targets(pictures, as_path(folder))
    make_folder(folder)
    if new := [path for path in targets.values() if overwrite or not path.exists()]:
        check_writable(new[0])

    done: dict[Path, Encoded] = {}
    failed = 0
    with (
        nullcontext(executor) if executor else Processes(workers) as pool,
        tqdm(disable=not progress, total=len(targets), unit="picture", desc="encoding") as bar,
    ):
        try:
            for encoded in _run(targets, pool, workers, retries, overwrite, settings):
                done[encoded.source] = encoded
                failed += bool(encoded.error)
                bar.set_postfix_str(f"{failed} failed", refresh=False)
                bar.update()
        except KeyboardInterrupt:
            left = len(targets) - len(done)
            bar.write(f"stopped: {len(done)} of {len(targets)} pictures done, {left} left; the same call goes on")
    return [done.get(source, Encoded(source, path, error=STOPPED)) for source, path in targets.items()]


def _executor(given: Any) -> Executor:
    """The executor, or that of a dask client."""
    if not isinstance(given, Executor):
        if not hasattr(given, "get_executor"):
            raise CoinError(
                f"executor must be a concurrent.futures.Executor or a dask Client, got {type(given).__name__}"
            )
        of_client: Executor = given.get_executor(pure=False)
        return of_client
    script = getattr(sys.modules["__main__"], "__file__", None)
    context = getattr(given, "_mp_context", None)  # of a ProcessPoolExecutor
    if context is not None and context.get_start_method() != "fork" and script and not Path(script).exists():
        raise CoinError(
            f"this executor's processes would run the script again, and there is none to be read ({script}): put it "
            "into a file, or leave out executor= for processes that do not need it"
        )
    return given


def _targets(pictures: Paths, folder: Path) -> dict[Path, Path]:
    """The .coin file of each picture."""
    if isinstance(pictures, str | bytes | os.PathLike):
        known = formats.endings()
        try:
            sources = sorted(
                path for path in as_path(pictures).iterdir() if path.suffix.lower() in known and path.name[0] != "."
            )
        except OSError as error:
            raise explain(error, pictures) from error
    else:
        sources = [as_path(picture) for picture in pictures]
    if not sources:
        raise CoinError(f"no pictures in {pictures!r}; expected files such as .png or .jpg")
    targets: dict[Path, Path] = {}
    names: dict[str, Path] = {}
    for source in sources:
        path = folder / f"{source.stem}.coin"
        # Files whose names differ in capitals only are one file on Windows and macOS.
        if (other := names.setdefault(path.name.casefold(), source)) is not source:
            raise CoinError(f"{other} and {source} would both become {path}; rename one, or take a folder for each")
        if path.exists() and source.exists() and path.samefile(source):
            raise CoinError(f"{source} would be replaced by its own .coin file; name another folder")
        targets[source] = path
    return targets


def _run(
    targets: dict[Path, Path], pool: Executor, workers: int, retries: int, overwrite: bool, settings: dict[str, Any]
) -> Iterator[Encoded]:
    """Each picture's outcome as soon as there is one; `workers` of them at most are in memory or under way."""
    waiting = deque((source, path, 0) for source, path in targets.items())
    running: dict[Future[Any], tuple[Path, Path, int]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                source, path, failures = waiting.popleft()
                running[_submit(pool, source, path, overwrite, settings)] = source, path, failures
            # With a time limit, since on Windows a wait without one is deaf to Ctrl-C.
            for future in wait(running, timeout=1, return_when=FIRST_COMPLETED).done:
                source, path, failures = running.pop(future)
                try:
                    new, measures = future.result()
                    if new:
                        write_bytes(path, new)
                    yield Encoded(source, path, **measures)
                except CoinError as error:
                    yield Encoded(source, path, error=str(error).removeprefix(f"{source}: "))
                except Exception as error:  # a worker that was killed, ran out of memory, lost its connection, ...
                    if failures < retries:
                        waiting.append((source, path, failures + 1))
                    else:
                        reason = f"failed {failures + 1} times, at last by {type(error).__name__}: {printable(error)}"
                        yield Encoded(source, path, error=reason)
    finally:
        for future in running:
            future.cancel()


def _submit(pool: Executor, source: Path, path: Path, overwrite: bool, settings: dict[str, Any]) -> Future[Any]:
    """The work on one picture; what fails already here, fails as the work would."""
    try:
        image = load_image(source)
        kept = None if overwrite else _kept(path, image.shape, settings)
        return pool.submit(_work, image, kept, settings)
    except Exception as error:
        failed: Future[Any] = Future()
        failed.set_exception(error)
        return failed


def _kept(path: Path, shape: tuple[int, ...], settings: dict[str, Any]) -> bytes | None:
    """The file of an earlier run with these settings; None if there is none, or a damaged one; an error if another."""
    if not path.exists():
        return None
    data = read_bytes(path)
    try:
        file = read_header(data)
    except CoinError:
        return None
    task = plan(shape, *(settings[name] for name in ("bpp", "arch", "bits", "coding")))
    over = task.n_bytes is not None and len(data) > task.n_bytes
    if (file.shape, file.arch, file.coding) != (shape[:2], task.arch, task.coding) or over:
        there, wanted = (
            f"{made.arch} {made.coding} for {size[1]}x{size[0]} pixels"
            for made, size in ((file, file.shape), (task, shape))
        )
        raise CoinError(
            f"{path}: another file is there already, {there}, {len(data)} bytes; these settings make {wanted}. Name "
            "another folder, or replace it with overwrite=True"
        )
    try:
        unpack(data)
    except CoinError:
        return None
    return data


def _work(image: np.ndarray, kept: bytes | None, settings: dict[str, Any]) -> tuple[bytes | None, dict[str, Any]]:
    """In a worker: what :func:`_encode` gives, or an error that would only repeat itself."""
    try:
        return _encode(image, kept, settings)
    except MemoryError as error:  # with less beside it, there may be enough
        raise MemoryError("too little memory; try fewer workers") from error
    except Exception as error:
        kind = "" if isinstance(error, CoinError) else f"{type(error).__name__}: "
        return None, {"error": kind + printable(error)}


def _encode(image: np.ndarray, kept: bytes | None, settings: dict[str, Any]) -> tuple[bytes | None, dict[str, Any]]:
    """In a worker: the new file, None if there is one to be kept, and what :class:`Encoded` has to say of it."""
    begin = time.perf_counter()
    new = encode(image, **settings) if kept is None else None
    seconds = time.perf_counter() - begin if new else 0.0
    data = new or kept or b""
    rate, decibels = bits_per_pixel(data, image.shape), psnr(image, decode(data))
    return new, {"n_bytes": len(data), "bpp": rate, "psnr": decibels, "seconds": seconds}
