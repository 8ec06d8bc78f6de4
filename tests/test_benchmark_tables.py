"""The commands behind the smaller tables still run: in few steps, on one tiny picture."""

import csv
import sys
from importlib import import_module

import pytest
from PIL import Image

NARROW = ("as-it-is", "one-width-behind-features", "no-features")
COMMANDS = {
    "ablation": ("--steps 2 --pictures 1", 13),
    "bits": ("--arch 3x10 --steps 20 --picture 1", 2 + 5 * 7),
    "narrowing": (f"--steps 1 --pictures 1 --choices {' '.join(NARROW)}", len(NARROW)),
    "rounding": ("--arch 1x6 --steps 20 --pictures 1 --bits 5", 4),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_is_made(name, tmp_path, monkeypatch, make_image):
    Image.fromarray(make_image(32, 48)).save(tmp_path / "kodim01.png")
    monkeypatch.setenv("COIN_EDU_KODAK", str(tmp_path))
    flags, rows = COMMANDS[name]
    files = ["--files", str(tmp_path / "files")] if name == "narrowing" else []
    table = tmp_path / "table.csv"
    monkeypatch.setattr(sys, "argv", [name, *flags.split(), *files, "--table", str(table)])
    import_module(f"tests.benchmarks.{name}").main()
    with table.open(newline="") as file:
        measured = [float(row["psnr_db"]) for row in csv.DictReader(file)]
    assert len(measured) == rows and all(2 < decibels < 60 for decibels in measured)
