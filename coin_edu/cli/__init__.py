"""The command line: coin-edu, or python -m coin_edu, and a command: encode, decode, compare and so on.

A function for each command; `cli.flags` has their flags.
"""

import argparse
import io
import math
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import Any

import numpy as np

from coin_edu.bitstream import unpack
from coin_edu.cli.flags import parser
from coin_edu.codec import decode, pack_fit, plan
from coin_edu.coding import FILE_OVERHEAD, bytes_within
from coin_edu.data import course, photo
from coin_edu.errors import CoinError, needs
from coin_edu.files import check_output, make_folder, read_bytes, shown, write_bytes
from coin_edu.fitting import fit
from coin_edu.image import load_image, save_image
from coin_edu.image.formats import endings
from coin_edu.metrics import bpp, psnr
from coin_edu.study import baselines
from coin_edu.study.leaderboard import leaderboard, to_csv, to_markdown, to_text
from coin_edu.study.many import STOPPED, encode_many
from coin_edu.study.search import search
from coin_edu.viewer.page import page

# The exit code of a command that Ctrl-C stopped, though it kept the best so far.
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 if some of many pictures failed, 2 after an error, told in one line.

    After Ctrl-C it is 130, as in every shell, also if the best so far was kept.
    """
    # A pipe or an old console may lack a character that a path or the progress bar has.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    options = parser().parse_args(arguments)
    try:
        return COMMANDS[options.run](options) or 0
    except CoinError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; no file was left half-written", file=sys.stderr)
        return INTERRUPTED


def run_encode(options: argparse.Namespace) -> int:
    """Compress a picture into a file."""
    image = load_image(options.image)
    if (ending := Path(options.output).suffix.lower()) in endings():
        raise CoinError(f"{options.output}: '{ending}' names a picture, and this makes a .coin file; name it .coin")
    check_output(options.output, options.image, overwrite=options.overwrite)
    data, _, code = _encode(image, options)
    write_bytes(options.output, data)
    rate, decibels = bpp(data, image.shape), psnr(image, decode(data))
    print(f"{shown(options.output)}: {len(data)} bytes, {rate:.4f} bpp, {decibels:.2f} dB")
    return code


def run_encode_many(options: argparse.Namespace) -> int:
    """Compress a folder of pictures; 1 if any of them failed."""
    settings = _given(options, "arch", "bits", "coding", "steps", "recipe", "seed", "device", "workers", "overwrite")
    with _cluster(options.scheduler) if options.scheduler else nullcontext() as executor:
        results = encode_many(options.pictures, options.output, options.bpp, executor=executor, **settings)
    done = [result for result in results if not result.error]
    print(f"{shown(options.output)}: {len(done)} of {len(results)} pictures done")
    if done:
        rate, decibels = (mean(getattr(result, name) for result in done) for name in ("bpp", "psnr"))
        print(f"on average {rate:.4f} bpp, {decibels:.2f} dB, {mean(r.seconds for r in done):.1f} s")
    for result in results:
        if result.error not in ("", STOPPED):
            print(f"failed: {shown(result.source)}: {result.error}")
    if any(result.error == STOPPED for result in results):
        return INTERRUPTED
    return int(len(done) < len(results))


def run_decode(options: argparse.Namespace) -> None:
    """Decompress a file into a picture."""
    check_output(options.output, options.file, overwrite=options.overwrite)
    image = decode(read_bytes(options.file), options.size, options.region, options.device)
    save_image(options.output, image)
    print(f"{shown(options.output)}: {image.shape[1]}x{image.shape[0]} pixels")
    try:
        kept = psnr(image, load_image(options.output))
    except CoinError:  # a format that Pillow writes, but does not read
        return
    if kept < math.inf:
        print(f"this format changed them: {kept:.2f} dB from what the .coin file holds; .png keeps them")


def run_view(options: argparse.Namespace) -> None:
    """Write a file as a page, and open it."""
    source = Path(options.file)
    out = Path(options.out or source.with_suffix(".html"))
    if out.suffix.lower() not in (".html", ".htm"):
        raise CoinError(f"--out must end in .html, got {shown(out)}")
    text = page(read_bytes(source), source.name).encode()
    if not (out.is_file() and read_bytes(out) == text):  # a file looked at twice finds its own page
        check_output(out, source, overwrite=options.overwrite)
        write_bytes(out, text)
    print(f"{shown(out)}: {len(text):,} bytes, a page that needs no Python and no network")
    if not options.no_open and not webbrowser.open(out.resolve().as_uri()):
        print("no browser could be opened here; open the page in one")


def run_info(options: argparse.Namespace) -> None:
    """Print what a file holds."""
    data = read_bytes(options.file)
    file = unpack(data)
    height, width = file.shape
    print(f"picture   {width}x{height} pixels")
    widths = ", ".join(map(str, file.arch.widths[:-1])) + f" and {file.arch.hidden[-1]}"
    units = widths if file.arch.widths else file.arch.width
    print(f"network   {file.arch} ({file.arch.depth} hidden layers of {units}), {file.arch.activation}, "
          f"omega_0 {file.arch.omega_0:g}, first layer {file.arch.omega_first:g}")  # fmt: skip
    if file.arch.fourier:
        print(f"inputs    Fourier features of {file.arch.fourier} frequencies, each {file.arch.ratio:g} times the last")
    if file.coding.is_entropy:
        bits = f"{8 * (len(data) - FILE_OVERHEAD) / file.arch.n_weights:.2f} bits on average, entropy-coded"
    else:
        bits = f"{file.coding.bits} bits, {file.coding.first_bits} in the first layer"
    print(f"weights   {file.arch.n_weights} of {bits}")
    print(f"file      {len(data)} bytes, {bpp(data, file.shape):.4f} bits per pixel, checksum fits")


def run_search(options: argparse.Namespace) -> int:
    """Search, print the best trials, draw all."""
    if options.out:
        plots = _plots()
        if not options.out.lower().endswith(".png"):
            raise CoinError(f"--out must end in .png, got {options.out}")
        inputs = [options.image, *([options.storage] if options.storage else [])]
        # The map of a search that goes on has the older trials too.
        goes_on = options.storage is not None and Path(options.storage).exists()
        check_output(options.out, *inputs, overwrite=options.overwrite, renews=goes_on)
    settings = _given(options, "bpp", "trials", "steps", "bits", "coding", "storage", "seed", "device")
    result = search(load_image(options.image), **settings)
    complete = sorted((trial for trial in result.trials if trial.state == "complete"), key=lambda trial: -trial.psnr)
    print(f"{len(result.trials)} trials, {len(result.trials) - len(complete)} of them given up early; the best:")
    print("network             rates x  PSNR dB")
    for trial in complete[:5]:
        print(f"{trial.arch!s:19}{trial.factor:8.2f}{trial.psnr:9.2f}")
    if options.out:
        _write_figure(options.out, plots.search_map(result.trials).figure)
        print(shown(options.out))
    return INTERRUPTED if len(result.trials) < options.trials else 0


def run_leaderboard(options: argparse.Namespace) -> None:
    """Rank a class's files: printed, as CSV and Markdown, and drawn."""
    plots = _plots()
    original = load_image(options.original)
    budget = options.budget if options.bpp is None else bytes_within(options.bpp, original.shape)
    folder = make_folder(options.out)
    for name in ("leaderboard.csv", "leaderboard.md", "leaderboard.png"):
        check_output(folder / name, options.original, overwrite=options.overwrite, renews=True)
    entries = leaderboard(options.folder, original, budget)
    write_bytes(folder / "leaderboard.csv", to_csv(entries).encode())
    write_bytes(folder / "leaderboard.md", to_markdown(entries).encode())
    print(to_text(entries), end="")
    if any(not entry.reason for entry in entries):
        _write_figure(folder / "leaderboard.png", plots.leaderboard(entries).figure)
    print(shown(folder))


def run_demo(options: argparse.Namespace) -> int:
    """Compare on a photograph that is at hand."""
    _plots()  # what is missing is told before anything is written
    folder = make_folder(options.out)
    options.image = str(folder / "original.png")
    for name in ("original.png", "original.coin", "comparison.png"):
        check_output(folder / name, overwrite=options.overwrite)
    save_image(options.image, photo(options.photo))
    return run_compare(options)


def run_notebooks(options: argparse.Namespace) -> None:
    """Copy the course."""
    notebooks, folder = course(), make_folder(options.folder)
    for name in notebooks:
        check_output(folder / name, overwrite=options.overwrite)
    for name, text in notebooks.items():
        write_bytes(folder / name, text.encode())
    print(f"{shown(folder)}: {len(notebooks)} notebooks")
    missing = "" if find_spec("jupyterlab") else ", after pip install 'coin_edu[notebooks]'"
    print(f"python -m jupyterlab {shown(folder)} opens them{missing}")


def run_compare(options: argparse.Namespace) -> int:
    """Compress a picture in several ways, to equal bytes: files, a table and a figure."""
    plots = _plots()
    names = options.codecs.split(",")
    if unknown := set(names) - set(baselines.CODECS):
        raise CoinError(f"codecs must be of {', '.join(baselines.CODECS)}, got {', '.join(sorted(unknown))}")
    image, folder = load_image(options.image), make_folder(options.out)
    coin = folder / Path(options.image).with_suffix(".coin").name
    for path in (coin, folder / "comparison.png"):
        check_output(path, options.image, overwrite=options.overwrite)
    data, seconds, code = _encode(image, options)
    write_bytes(coin, data)
    begin = time.perf_counter()
    results = [plots.Result("COIN", data, decode(read_bytes(coin)), seconds)]
    print(f"decoded {shown(coin)} in {time.perf_counter() - begin:.2f} s")
    for name in names:
        begin = time.perf_counter()
        try:
            other = baselines.compress(image, name, len(data))
        except CoinError as error:
            print(f"left out: {error}")
            continue
        results.append(plots.Result(name, other, baselines.decompress(other), time.perf_counter() - begin))

    # A codec's qualities may be too few to fill the bytes that COIN took: the share says how far it falls short.
    print(f"\n{'':10}{'bytes':>8}{'of COIN':>9}{'bpp':>9}{'PSNR dB':>9}{'SSIM':>8}{'seconds':>9}")
    for result in results:
        n_bytes, rate, decibels, similarity = result.measures(image)
        share = n_bytes / len(data)
        print(
            f"{result.name:10}{n_bytes:8}{share:9.1%} {rate:8.4f}{decibels:9.2f}{similarity:8.4f}{result.seconds:9.2f}"
        )
    _write_figure(folder / "comparison.png", plots.comparison(image, results), dpi=100)
    print(f"\n{shown(coin)}\n{shown(folder / 'comparison.png')}")
    return code


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Flags as keywords of the same names."""
    return {name: getattr(options, name) for name in names}


def _encode(image: np.ndarray, options: argparse.Namespace) -> tuple[bytes, float, int]:
    """The file, the seconds it took, and the exit code."""
    begin = time.perf_counter()
    task = plan(image.shape, options.bpp, options.arch, options.bits, options.coding)
    most = ", the most that a file may hold" if task.is_largest else ""
    pixels = f"{image.shape[1]}x{image.shape[0]} pixels"
    print(f"fitting a {task.arch} network, {task.arch.n_weights} weights{most}, to {pixels}")
    fitted = fit(image, task.arch, options.steps, options.recipe, options.seed, options.device, n_bytes=task.n_bytes)
    return pack_fit(fitted, task.coding), time.perf_counter() - begin, INTERRUPTED if fitted.stopped else 0


def _plots() -> ModuleType:
    """The module that draws, or a word on the extra that it needs."""
    with needs("plots"):
        from coin_edu.study import plots
    return plots


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    """The workers of a dask scheduler."""
    with needs("cluster"):
        from distributed import Client
    try:
        client = Client(address)
    except (OSError, ValueError) as error:
        raise CoinError(f"no dask scheduler answers at {address} ({error}); `dask scheduler` starts one") from error
    with client:
        yield client.get_executor(pure=False)


def _write_figure(path: str | Path, figure: Any, dpi: int = 150) -> None:
    """A figure of matplotlib as PNG, whole or not at all."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=dpi)
    write_bytes(path, buffer.getvalue())


COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "encode": run_encode,
    "encode_many": run_encode_many,
    "decode": run_decode,
    "view": run_view,
    "info": run_info,
    "compare": run_compare,
    "search": run_search,
    "leaderboard": run_leaderboard,
    "demo": run_demo,
    "notebooks": run_notebooks,
}
