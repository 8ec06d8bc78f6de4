"""The flags of the command line, which mirror the functions' parameters; the package itself has the commands."""

import argparse
from collections.abc import Callable
from typing import NoReturn

from coin_edu import __version__
from coin_edu.arch import Arch
from coin_edu.codec import CODINGS
from coin_edu.data import PHOTOS
from coin_edu.errors import CoinError, printable
from coin_edu.recipe import RECIPES
from coin_edu.study import baselines


class Parser(argparse.ArgumentParser):
    """One whose errors do not pass control characters of a flag on to the terminal."""

    def error(self, message: str) -> NoReturn:
        """End with the message, on one line."""
        super().error(printable(message))


def parser() -> argparse.ArgumentParser:
    """All commands and their flags, which mirror the functions' parameters."""
    top = Parser(prog="coin-edu", description="Pictures as the weights of tiny networks.")
    top.add_argument("--version", action="version", version=f"coin_edu {__version__}")
    add = top.add_subparsers(required=True, metavar="COMMAND").add_parser

    encode = add("encode", help="compress a picture into a .coin file")
    encode.add_argument("image", metavar="IN.png")
    encode.add_argument("output", metavar="OUT.coin")
    encode.set_defaults(run="encode")

    many = add("encode-many", help="compress a folder of pictures; run again, it goes on")
    many.add_argument("pictures", metavar="FOLDER")
    many.add_argument("output", metavar="OUT", help="folder of the .coin files")
    many.add_argument("--workers", type=int, help="pictures at a time (default: one a core; 64 on a cluster)")
    many.add_argument("--scheduler", metavar="tcp://...", help="a dask scheduler whose workers do it")
    many.add_argument("--overwrite", action="store_true", help="make files anew that are there")
    many.set_defaults(run="encode_many")

    compare = add("compare", help="compress a picture, and with JPEG and others at equal bytes")
    compare.add_argument("image", metavar="IN.png")
    compare.add_argument("--out", default=".", metavar="FOLDER", help="where the files go (default: here)")
    compare.add_argument("--codecs", default=",".join(baselines.available()), help="baselines, separated by commas")
    compare.set_defaults(run="compare")

    find = add("search", help="search for the network and the rates that fit a picture best")
    find.add_argument("image", metavar="IN.png")
    find.add_argument("--bpp", type=float, default=0.3, help="bits per pixel the file may take (default: 0.3)")
    find.add_argument("--bits", type=int, default=16, help="bits a weight (default: 16)")
    find.add_argument("--coding", choices=CODINGS, default="plain", help="entropy: networks that narrow")
    find.add_argument("--trials", type=int, default=30, help="fits in all (default: 30)")
    find.add_argument("--steps", type=int, default=400, help="optimizer steps a trial (default: 400)")
    find.add_argument("--storage", metavar="search.db", help="remembers the trials; the same command goes on")
    find.add_argument("--out", metavar="map.png", help="a picture of all trials")
    find.add_argument("--seed", type=int, default=0)
    find.add_argument("--device", default="auto")
    find.set_defaults(run="search")

    board = add("leaderboard", help="rank a class's .coin files of one picture")
    board.add_argument("folder", metavar="FOLDER", help="the .coin files, each named after a student")
    board.add_argument("original", metavar="ORIGINAL.png")
    budget = board.add_mutually_exclusive_group()
    budget.add_argument("--budget", type=int, metavar="BYTES", help="length that a file may have")
    budget.add_argument("--bpp", type=float, metavar="R", help="the same in bits per pixel")
    board.add_argument("--out", default="leaderboard", metavar="FOLDER", help="where table and plot go")
    board.set_defaults(run="leaderboard")

    demo = add("demo", help="compare on a photograph that comes with scikit-image")
    demo.add_argument("--photo", default="coffee", choices=PHOTOS)
    demo.add_argument("--out", default="demo", metavar="FOLDER")
    demo.set_defaults(run="demo", codecs="JPEG")

    course = add("notebooks", help="copy the course's notebooks into a folder of yours")
    course.add_argument("folder", metavar="FOLDER")
    course.set_defaults(run="notebooks")

    for command in (encode, many, compare, demo):
        command.add_argument("--bpp", type=float, help="bits per pixel the file may take (default: 0.3)")
        command.add_argument("--arch", type=arch, metavar="DxW", help="10x28, or 48-24-16 (default: by --bpp)")
        command.add_argument("--bits", type=int, default=16, help="bits a weight: 32, 16, or 8 to 2 (default: 16)")
        command.add_argument("--coding", choices=CODINGS, default="plain", help="entropy: smaller files, longer fits")
        command.add_argument("--steps", type=int, help="optimizer steps (default: the recipe's)")
        command.add_argument("--recipe", choices=RECIPES, default="fast")
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--device", default="auto")

    for command in (encode, compare, demo, find, board, course):
        command.add_argument("--overwrite", action="store_true", help="replace files that are there")

    dec = add("decode", help="decompress a .coin file")
    dec.add_argument("file", metavar="IN.coin")
    dec.add_argument("output", metavar="OUT.png")
    dec.add_argument("--size", type=numbers("x", 2), metavar="WxH", help="pixels of the result")
    dec.add_argument("--region", type=numbers(",", 4), metavar="X,Y,W,H", help="the part, in pixels of the original")
    dec.add_argument("--device", default="auto")
    dec.add_argument("--overwrite", action="store_true", help="replace a picture that is there")
    dec.set_defaults(run="decode")

    view = add("view", help="show a .coin file in a browser, by a page with a decoder of its own")
    view.add_argument("file", metavar="IN.coin")
    view.add_argument("--out", metavar="PAGE.html", help="the page (default: beside the file, under its name)")
    view.add_argument("--no-open", action="store_true", help="write the page, open no browser")
    view.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    view.set_defaults(run="view")

    info = add("info", help="what a .coin file holds")
    info.add_argument("file", metavar="IN.coin")
    info.set_defaults(run="info")
    return top


def numbers(separator: str, count: int) -> Callable[[str], tuple[int, ...]]:
    """A parser of `count` whole numbers."""

    def parse(text: str) -> tuple[int, ...]:
        parts = text.lower().split(separator)
        if len(parts) != count or not all(part.strip().isdigit() for part in parts):
            raise argparse.ArgumentTypeError(f"expected {count} whole numbers with '{separator}' between, got '{text}'")
        return tuple(map(int, parts))

    return parse


def arch(text: str) -> Arch:
    """'10x28' or '48-24-16' as an architecture."""
    try:
        return Arch.of(text)
    except CoinError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
