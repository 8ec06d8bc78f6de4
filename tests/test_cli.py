import base64
import os
import re
import sys

import numpy as np
import pytest
from PIL import Image

from coin_edu import Arch, decode, load_image, psnr, study, unpack_model
from coin_edu.cli import main
from tests.conftest import needs_constriction, not_as_root

SMALL = ("--arch", "2x8", "--steps", "2", "--device", "cpu")


@pytest.fixture
def here(tmp_path, monkeypatch, png, coin):
    """A folder with a picture, a .coin file and some files that are neither."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.coin").write_bytes(coin)
    (tmp_path / "damaged.coin").write_bytes(coin[:-1] + bytes([coin[-1] ^ 1]))
    (tmp_path / "text.png").write_text("this is no picture")
    (tmp_path / "folder").mkdir()
    return tmp_path


def contents(folder):
    return {str(path.relative_to(folder)): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def fails(capsys, here, *arguments):
    """The one line of an error; nothing on disk has changed."""
    before = contents(here)
    assert main([str(a) for a in arguments]) == 2
    output = capsys.readouterr()
    assert contents(here) == before, "a file was left or changed"
    assert output.err.startswith("error: ") and output.err.count("\n") == 1 and "Traceback" not in output.err
    return output.err


def refuses(capsys, here, *arguments):
    """The message about a flag with a bad value, after argparse's usage."""
    before = contents(here)
    with pytest.raises(SystemExit, match="2"):
        main([str(a) for a in arguments])
    assert contents(here) == before
    return capsys.readouterr().err.split("error: ")[1]


def test_encode_decode_and_info(here, capsys, image):
    assert main(["encode", "in.png", "out.coin", *SMALL]) == 0
    data = (here / "out.coin").read_bytes()
    assert "out.coin: 286 bytes, 11.9167 bpp, " in capsys.readouterr().out and len(data) == 286

    assert main(["decode", "out.coin", "out.png"]) == 0
    assert "out.png: 16x12 pixels" in capsys.readouterr().out
    assert np.array_equal(load_image("out.png"), decode(data))

    assert main(["info", "out.coin"]) == 0
    output = capsys.readouterr().out
    for part in ("16x12 pixels", "2x8", "sine", "123 of 16 bits", "286 bytes, 11.9167 bits per pixel, checksum fits"):
        assert part in output


def test_a_width_for_each_layer(here, capsys):
    flags = ("--arch", "12-8-4", "--coding", "entropy", "--bpp", "60", "--steps", "2", "--device", "cpu")
    assert main(["encode", "in.png", "out.coin", *flags]) == 0
    assert "fitting a 12-8-4 network" in capsys.readouterr().out
    model, _ = unpack_model((here / "out.coin").read_bytes())
    assert model.arch == Arch.of("12-8-4") and (here / "out.coin").read_bytes()[4] == 2

    assert main(["info", "out.coin"]) == 0
    output = capsys.readouterr().out
    assert "network   12-8-4 (3 hidden layers of 12, 8 and 4), sine, " in output
    assert "inputs    Fourier features of 12 frequencies, each 1.55 times the last" in output

    assert main(["compare", "in.png", "--out", "folder", "--codecs", "JPEG", "--arch", "12-8-4", "--steps", "2"]) == 0
    assert unpack_model((here / "folder/in.coin").read_bytes())[0].arch == model.arch


def test_encode_within_a_budget(here, capsys):
    flags = ("--bpp", "10", "--bits", "8", "--steps", "1", "--recipe", "paper")
    assert main(["encode", "in.png", "out.coin", *flags]) == 0
    assert len((here / "out.coin").read_bytes()) <= 240
    assert unpack_model((here / "out.coin").read_bytes())[1] == (12, 16)
    assert "fitting a " in capsys.readouterr().out


# Nothing is replaced unasked


@pytest.mark.parametrize(
    "arguments, flags",
    [
        (["encode", "in.png", "old.coin"], SMALL),
        (["decode", "a.coin", "in.png"], []),
        (["compare", "in.png"], SMALL),
        (["demo", "--out", "."], SMALL),
        (["search", "in.png", "--out", "old.png"], ["--bpp", "20"]),
    ],
    ids=" ".join,
)
def test_a_file_that_is_there_is_replaced_only_when_asked(monkeypatch, here, capsys, coin, arguments, flags):
    for name in ("in.coin", "old.coin", "old.png", "original.coin", "comparison.png"):
        (here / name).write_bytes(coin)
    monkeypatch.setattr("coin_edu.cli.fit", lambda *_, **__: pytest.fail("a fit, perhaps of hours, was begun"))
    told = fails(capsys, here, *arguments, *flags)
    assert "a file is there already" in told and "by --overwrite" in told


@pytest.mark.parametrize("asked", [[], ["--overwrite"]], ids=["", "overwrite"])
@pytest.mark.parametrize(
    "arguments, flags",
    [
        (["encode", "plain", "plain"], SMALL),
        (["encode", "in.png", "link"], SMALL),
        (["encode", "link", "plain"], SMALL),
        (["decode", "a.coin", "hard.png"], []),
        (["compare", "in.coin", "--codecs", "JPEG"], SMALL),
        (["compare", "comparison.png"], SMALL),
        (["search", "in.png", "--out", "in.png"], ["--bpp", "20"]),
        (["search", "in.png", "--storage", "map.png", "--out", "map.png"], ["--bpp", "20"]),
        (["view", "page.html", "--out", "page.html"], []),
        (["leaderboard", ".", "leaderboard.png", "--out", "."], []),
    ],
    ids=" ".join,
)
def test_an_output_never_replaces_its_input(monkeypatch, here, capsys, image, coin, arguments, flags, asked):
    for name in ("in.coin", "page.html", "map.png"):
        (here / name).write_bytes(coin)
    for name in ("leaderboard.png", "comparison.png", "plain"):
        Image.fromarray(image).save(name, "PNG")
    (here / "link").symlink_to("plain" if arguments[1] == "link" else "in.png")
    (here / "hard.png").hardlink_to("a.coin")
    monkeypatch.setattr("coin_edu.cli.fit", lambda *_, **__: pytest.fail("a fit, perhaps of hours, was begun"))
    if arguments[0] == "search":
        asked = [*asked, "--trials", "1"]
    told = fails(capsys, here, *arguments, *flags, *asked)
    assert "this is the input itself" in told and "name another" in told and "--overwrite" not in told


def test_the_flag_that_the_message_names_allows_it(here, image):
    (here / "out.coin").write_bytes(b"old")
    assert main(["encode", "in.png", "out.coin", *SMALL, "--overwrite"]) == 0
    assert len((here / "out.coin").read_bytes()) == 286
    assert main(["decode", "out.coin", "in.png", "--overwrite"]) == 0
    assert not np.array_equal(load_image("in.png"), image)


def test_a_file_that_is_no_file_may_be_written_to(here):
    assert main(["encode", "in.png", os.devnull, *SMALL]) == 0


@pytest.mark.parametrize("name", ["out.png", "out.JPG", "in.png", "new.heic"])
def test_a_coin_file_is_not_named_like_another_picture(here, capsys, name):
    assert "names a picture, and this makes a .coin file" in fails(capsys, here, "encode", "in.png", name, *SMALL)


def test_decode_says_what_a_format_costs(here, capsys):
    assert main(["decode", "a.coin", "out.png"]) == 0
    assert capsys.readouterr().out == "out.png: 16x12 pixels\n"
    assert main(["decode", "a.coin", "out.jpg"]) == 0
    loss = psnr(decode((here / "a.coin").read_bytes()), load_image("out.jpg"))
    assert f"changed them: {loss:.2f} dB from what the .coin file holds; .png keeps them" in capsys.readouterr().out


EVIL = "a\x1b]0;title\x07\nb\u202e"


def test_a_name_does_not_steer_the_terminal(here, capsys, png):
    (here / f"{EVIL}.png").write_bytes(png.read_bytes())
    (here / f"{EVIL}.txt").write_text("no picture")
    folder = here / f"{EVIL}"
    folder.mkdir()
    (folder / f"{EVIL}.png").write_bytes(b"no picture")
    for arguments in (
        ["encode", f"{EVIL}.png", f"{EVIL}.coin", *SMALL],
        ["encode", f"{EVIL}.png", f"{EVIL}.coin", *SMALL],
        ["encode", f"{EVIL}.txt", "x.coin", *SMALL],
        ["decode", f"{EVIL}.coin", f"{EVIL}.jpg"],
        ["info", f"{EVIL}.png"],
        ["compare", f"{EVIL}.png", "--out", f"{EVIL}2", "--codecs", "JPEG", *SMALL],
        ["encode-many", f"{EVIL}", f"{EVIL}3", "--workers", "1", *SMALL],
        ["leaderboard", f"{EVIL}2", f"{EVIL}.png", "--out", f"{EVIL}4"],
        ["search", f"{EVIL}.png", "--out", f"{EVIL}.map"],
    ):
        main(arguments)
    with pytest.raises(SystemExit):
        main(["encode", "in.png", "x.coin", f"--{EVIL}"])
    output = capsys.readouterr()
    shown = output.out + output.err.replace("\r", "")
    assert not {"\x1b", "\x07", "\u202e"} & set(shown.replace("\x1b[A", "")) and "\x07\nb" not in shown
    assert shown.count("\\x1b") >= 9


def test_the_seed_is_passed_on(here):
    for name, seed in (("one", "1"), ("same", "1"), ("other", "2")):
        main(["encode", "in.png", name, *SMALL, "--seed", seed])
    assert (here / "one").read_bytes() == (here / "same").read_bytes() != (here / "other").read_bytes()


@pytest.mark.parametrize(
    "flags, expected",
    [
        (["--size", "32x24"], lambda data: decode(data, size=(32, 24))),
        (["--size", "5X3"], lambda data: decode(data, size=(5, 3))),
        (["--region", "2,3,5,6"], lambda data: decode(data, region=(2, 3, 5, 6))),
        (["--region", "2, 3, 5, 6", "--size", "10x12"], lambda data: decode(data, (10, 12), (2, 3, 5, 6))),
    ],
)
def test_decode_at_a_size_or_a_region(here, coin, flags, expected):
    assert main(["decode", "a.coin", "out.png", *flags]) == 0
    assert np.array_equal(load_image("out.png"), expected(coin))


def test_compare_writes_a_file_and_a_picture(here, capsys, make_image):
    Image.fromarray(make_image(36, 48)).save("larger.png")
    assert main(["compare", "larger.png", "--out", "new/folder", "--arch", "3x24", "--steps", "2"]) == 0
    output = capsys.readouterr().out
    assert sorted(os.listdir("new/folder")) == ["comparison.png", "larger.coin"]
    with Image.open("new/folder/comparison.png") as picture:
        assert picture.width > picture.height > 100
    assert decode((here / "new/folder/larger.coin").read_bytes()).shape == (36, 48, 3)
    rows = [line.split() for line in output.splitlines()]
    assert ["bytes", "of", "COIN", "bpp", "PSNR", "dB", "SSIM", "seconds"] in rows
    table = {row[0]: int(row[1]) for row in rows if row and row[0] in ("COIN", "JPEG", "JPEG2000", "WebP", "AVIF")}
    assert table["COIN"] == len((here / "new/folder/larger.coin").read_bytes())
    assert len(table) > 1 and all(n_bytes <= table["COIN"] for n_bytes in table.values())


def test_compare_leaves_out_what_cannot_be(here, capsys):
    assert main(["compare", "in.png", "--out", "folder", "--codecs", "JPEG", *SMALL]) == 0
    assert "left out: JPEG cannot go below" in capsys.readouterr().out


def test_an_unknown_codec_is_told_before_the_fit(here, capsys):
    message = fails(capsys, here, "compare", "in.png", "--out", "folder", "--codecs", "JPEG,PNG", *SMALL)
    assert "codecs must be of JPEG, JPEG2000, WebP, AVIF, HEIC, JXL, got PNG" in message


@pytest.mark.parametrize("coding", ["plain", pytest.param("entropy", marks=needs_constriction)])
@pytest.mark.parametrize("kind", ["one pixel", "a row", "a column", "one color", "noise"])
def test_pictures_at_the_edge_go_through_every_command(here, capsys, kind, coding):
    shape = {"one pixel": (1, 1, 3), "a row": (1, 40, 3), "a column": (40, 1, 3)}.get(kind, (24, 32, 3))
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    if kind == "one color":
        picture[:] = picture[0, 0]
    Image.fromarray(picture).save("edge.png")
    flags = ("--bpp", str(8 * 290 / picture[..., 0].size), "--coding", coding, "--steps", "60", "--device", "cpu")
    assert main(["compare", "edge.png", "--out", "folder", *flags]) == 0
    assert main(["info", "folder/edge.coin"]) == 0
    assert main(["leaderboard", "folder", "edge.png", "--budget", "290", "--out", "folder"]) == 0
    (row,) = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("COIN ")]
    expected = psnr(picture, decode((here / "folder/edge.coin").read_bytes()))
    assert expected > 8 and row[4] == f"{expected:.2f}", "infinite where there is no error"
    assert (row[5] == "nan") == (min(shape[:2]) < 3), "no window for SSIM"
    assert main(["decode", "folder/edge.coin", "large.png", "--size", "7x5"]) == 0
    assert load_image("large.png").shape == (5, 7, 3)


def test_a_leaderboard_s_folder_is_tried_before_anything_is_measured(here, monkeypatch, capsys):
    monkeypatch.setattr("coin_edu.cli.leaderboard", lambda *_: pytest.fail("measured first"))
    assert main(["leaderboard", ".", "in.png", "--out", "in.png"]) == 2
    assert "in.png: a file is in the way of a folder" in capsys.readouterr().err


def test_demo_needs_no_picture(here, capsys):
    assert main(["demo", "--steps", "2", "--arch", "2x30", "--photo", "chelsea"]) == 0
    assert sorted(os.listdir("demo")) == ["comparison.png", "original.coin", "original.png"]
    assert load_image("demo/original.png").shape == (300, 451, 3)
    assert "COIN" in capsys.readouterr().out


def test_in_a_process_of_its_own(here, python):
    done = python("-m", "coin_edu", "encode", "in.png", "out.coin", *SMALL)
    assert done.returncode == 0 and "out.coin: 286 bytes" in done.stdout
    assert "dB" in done.stderr, "no progress bar"
    failed = python("-m", "coin_edu", "decode", "damaged.coin", "out.png")
    assert failed.returncode == 2 and failed.stdout == ""
    assert failed.stderr.startswith("error: the checksum does not fit") and failed.stderr.count("\n") == 1
    assert not (here / "out.png").exists()


# Errors: one line, exit code 2, nothing left behind


@pytest.mark.parametrize(
    "source, match",
    [
        ("none.png", "none.png: no such file"),
        ("folder", "folder: this is a folder"),
        ("text.png", "text.png: no picture"),
        ("in.png/x.png", "not a folder"),
    ],
)
@pytest.mark.parametrize("command", ["encode", "compare"])
def test_a_source_that_is_no_picture(capsys, here, command, source, match):
    target = ["out.coin"] if command == "encode" else ["--out", "folder"]
    assert match in fails(capsys, here, command, source, *target, *SMALL)


@pytest.mark.parametrize(
    "target, match",
    [
        ("none/out.coin", "no such file or folder"),
        ("folder", "this is a folder"),
        ("in.png/out.coin", "not a folder"),
        ("x" * 300, "name too long"),
    ],
)
def test_a_target_that_cannot_be_written(monkeypatch, capsys, here, target, match):
    def fit(*_, **__):
        raise AssertionError("a fit, perhaps of hours, was begun")

    monkeypatch.setattr("coin_edu.cli.fit", fit)
    assert match in fails(capsys, here, "encode", "in.png", target, *SMALL).lower()


@not_as_root
def test_a_folder_that_may_not_be_written(capsys, here):
    (here / "folder").chmod(0o500)
    assert "no permission" in fails(capsys, here, "encode", "in.png", "folder/out.coin", *SMALL)
    assert "no permission" in fails(capsys, here, "compare", "in.png", "--out", "folder/new", *SMALL)


@pytest.mark.parametrize("old", [None, b"an older file"])
@pytest.mark.parametrize(
    "flags, match",
    [
        (["--bpp", "0.01"], "smallest network needs 58 bytes"),
        (["--bpp", "8", "--arch", "2x8"], "over the 8 bpp allowed"),
        (["--bpp", "nan"], "bpp"),
        (["--bpp", "inf"], "bpp"),
        (["--arch", "2x8", "--bits", "9"], "bits a weight"),
        (["--arch", "2x8", "--steps", "-1"], "steps must be a whole number from 0 to 10000000, got -1"),
        (["--arch", "2x8", "--device", "nonsense"], "device 'nonsense' is not to be had here"),
    ],
)
def test_encoding_what_cannot_be(capsys, here, flags, match, old):
    if old:
        (here / "out.coin").write_bytes(old)
    assert match in fails(capsys, here, "encode", "in.png", "out.coin", "--steps", "1", "--overwrite", *flags)


@pytest.mark.parametrize(
    "arguments, match",
    [
        (["none.coin", "out.png"], "no such file"),
        (["folder", "out.png"], "this is a folder"),
        (["in.png", "out.png"], "no .coin file"),
        (["damaged.coin", "out.png"], "checksum"),
        (["a.coin", "out.xyz"], "names no picture format"),
        (["a.coin", "none/out.png"], "no such file or folder"),
        (["a.coin", "folder"], "this is a folder"),
        (["a.coin", "out.png", "--size", "0x5"], "at least 1x1, got 0x5"),
        (["a.coin", "out.png", "--size", "99999x99999"], "99999x99999"),
        (["a.coin", "out.png", "--size", "1000000000000000x1"], "1000000000000000x1"),
        (["a.coin", "out.png", "--region", "0,0,17,12"], "not inside the picture of 16x12"),
        (["a.coin", "out.png", "--device", "nonsense"], "not to be had here"),
    ],
)
def test_decoding_what_cannot_be(capsys, here, arguments, match):
    assert match in fails(capsys, here, "decode", *arguments)


@pytest.mark.parametrize(
    "name, match", [("none.coin", "no such file"), ("in.png", "no .coin file"), ("damaged.coin", "checksum")]
)
def test_info_of_what_is_no_file(capsys, here, name, match):
    assert match in fails(capsys, here, "info", name)


@pytest.mark.parametrize("out", ["in.png", "in.png/new"])
def test_comparing_into_what_is_no_folder(capsys, here, out):
    assert "folder" in fails(capsys, here, "compare", "in.png", "--out", out, *SMALL)
    assert "folder" in fails(capsys, here, "demo", "--out", out, *SMALL)


@pytest.mark.parametrize(
    "arguments, match",
    [
        ([], "required"),
        (["encrypt"], "invalid choice"),
        (["encode", "in.png"], "OUT.coin"),
        (["encode", "in.png", "out.coin", "--arch", "10"], "a text such as '10x28' or '48-24-16', got '10'"),
        (["encode", "in.png", "out.coin", "--arch", "0x8"], "depth must be a whole number from 1 to 255, got 0"),
        (["encode", "in.png", "out.coin", "--arch", "2x8x3"], "a text such as '10x28' or '48-24-16', got '2x8x3'"),
        (["encode", "in.png", "out.coin", "--arch", "8-"], "or '48-24-16', got '8-'"),
        (["encode", "in.png", "out.coin", "--arch", "8-0"], "each of widths must be a whole number from 1"),
        (["encode", "in.png", "out.coin", "--bpp", "much"], "invalid float value: 'much'"),
        (["encode", "in.png", "out.coin", "--bits", "8.5"], "invalid int value: '8.5'"),
        (["encode", "in.png", "out.coin", "--recipe", "slow"], "invalid choice: 'slow'"),
        (["decode", "a.coin", "out.png", "--size", "12"], "expected 2 whole numbers with 'x' between, got '12'"),
        (["decode", "a.coin", "out.png", "--size", "-1x5"], "expected 2 whole numbers|expected one argument"),
        (["decode", "a.coin", "out.png", "--region", "1,2,3"], "expected 4 whole numbers with ',' between"),
        (["decode", "a.coin", "out.png", "--region", "1,2,3,x"], "expected 4 whole numbers"),
        (["demo", "--photo", "lena"], "invalid choice: 'lena'"),
    ],
)
def test_flags_with_bad_values(capsys, here, arguments, match):
    message = refuses(capsys, here, *arguments)
    assert any(part in message for part in match.split("|"))


@pytest.mark.parametrize("arguments", [["compare", "in.png"], ["demo"]], ids=" ".join)
def test_without_matplotlib_a_comparison_says_how_to_get_it(monkeypatch, capsys, here, arguments):
    monkeypatch.delitem(sys.modules, "coin_edu.study.plots", raising=False)
    monkeypatch.delattr(study, "plots", raising=False)
    for name in ("matplotlib", "matplotlib.axes", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    message = fails(capsys, here, *arguments, "--out", "new", *SMALL)
    assert not (here / "new").exists()
    assert "matplotlib" in message and "pip install" in message


def test_an_interrupt_before_the_fit_is_no_traceback(monkeypatch, capsys, here):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("coin_edu.cli.load_image", interrupt)
    before = contents(here)
    assert main(["encode", "in.png", "out.coin", *SMALL]) == 130
    assert capsys.readouterr().err == "stopped; no file was left half-written\n"
    assert contents(here) == before


@pytest.fixture
def opened(monkeypatch):
    """The addresses that a browser was asked to open."""
    addresses = []
    monkeypatch.setattr("webbrowser.open", lambda address: addresses.append(address) or True)
    return addresses


def test_view_writes_a_page_beside_the_file_and_opens_it(here, capsys, opened, coin):
    assert main(["view", "a.coin"]) == 0
    text = (here / "a.html").read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>") and base64.b64encode(coin).decode() in text
    assert opened == [(here / "a.html").resolve().as_uri()]
    assert f"a.html: {len(text.encode()):,} bytes" in capsys.readouterr().out
    # Looked at again, and once more elsewhere.
    assert main(["view", "a.coin"]) == 0 and main(["view", "a.coin", "--out", "b.htm", "--no-open"]) == 0
    assert (here / "b.htm").read_text("utf-8") == text and len(opened) == 2


def test_view_where_no_browser_can_be_opened(here, capsys, monkeypatch):
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert main(["view", "a.coin"]) == 0
    assert "open the page in one" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, match",
    [
        (["none.coin"], "no such file"),
        (["damaged.coin"], "checksum"),
        (["in.png"], "no .coin file"),
        (["a.coin", "--out", "a.coin"], "must end in .html"),
        (["a.coin", "--out", "none/page.html"], "no such file or folder"),
        (["a.coin", "--out", "mine.html"], "a file is there already.*--overwrite"),
    ],
)
def test_view_of_what_cannot_be(here, capsys, opened, arguments, match):
    (here / "mine.html").write_text("a page of one's own")
    assert re.search(match, fails(capsys, here, "view", *arguments))
    assert opened == []


def test_view_replaces_a_page_when_asked(here, opened):
    (here / "a.html").write_text("an older page")
    assert main(["view", "a.coin", "--overwrite"]) == 0
    assert "an older page" not in (here / "a.html").read_text("utf-8")
