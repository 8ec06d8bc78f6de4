import csv
import io
import math
import os
import sys

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from coin_edu import Arch, CoinError, bpp, decode, encode, pack_model, psnr, ssim
from coin_edu.cli import main
from coin_edu.study import plots
from coin_edu.study.leaderboard import Entry, leaderboard, to_csv, to_markdown, to_text
from tests.conftest import needs_constriction
from tests.test_hostile import claim

SHAPE = (12, 16)


@pytest.fixture
def folder(tmp_path, textured):
    """Submissions: three that count, one of them handed in twice, and others that do not."""
    folder = tmp_path / "submissions"
    folder.mkdir()
    good = pack_model(textured(Arch(2, 8)), SHAPE)
    files = {
        "ada": good,
        "bob": good,
        "eve": pack_model(textured(Arch(2, 8), seed=1), SHAPE, bits=8),
        "cut": good[:-1],
        "flipped": good[:-1] + bytes([good[-1] ^ 1]),
        "text": b"|<script>|",
        "empty": b"",
        "other": pack_model(textured(Arch(2, 8)), (16, 12)),
        "huge": pack_model(textured(Arch(2, 40)), SHAPE),
    }
    for name, data in files.items():
        (folder / f"{name}.coin").write_bytes(data)
    (folder / "notes.txt").write_text("no submission")
    (folder / ".DS_Store").write_text("not looked at")
    (folder / "folder.coin").mkdir()
    return folder


@pytest.fixture
def original(folder):
    """What ada's file decodes to, but for a stripe."""
    image = decode((folder / "ada.coin").read_bytes())
    image[0] ^= 3
    return image


def test_those_that_count_are_ranked_and_measured(folder, original):
    first, second, third = leaderboard(folder, original, 400)[:3]
    data = (folder / "ada.coin").read_bytes()
    assert (first.name, second.name, third.name) == ("ada", "bob", "eve")
    assert (first.rank, second.rank, third.rank) == (1, 1, 3), "equal files share a rank"
    assert first.n_bytes == len(data) and first.bpp == bpp(data, SHAPE)
    assert (first.psnr, first.ssim) == (psnr(original, decode(data)), ssim(original, decode(data)))
    assert first.psnr > third.psnr and not first.reason


@needs_constriction
def test_files_of_version_2_are_measured(folder, original):
    for coding in ("plain", "entropy"):
        data = encode(original, 90, arch="9-6-4", coding=coding, steps=1, progress=False, device="cpu")
        (folder / f"{coding}.coin").write_bytes(data)
    found = {entry.name: entry for entry in leaderboard(folder, original, 2200)}
    for coding in ("plain", "entropy"):
        data, entry = (folder / f"{coding}.coin").read_bytes(), found[coding]
        assert data[4] == 2 and (entry.reason, entry.n_bytes) == ("", len(data))
        assert entry.psnr == psnr(original, decode(data))


def test_the_others_are_out_with_a_reason(folder, original):
    reasons = {entry.name: entry.reason for entry in leaderboard(folder, original, 400) if entry.reason}
    assert list(reasons) == ["cut", "empty", "flipped", "folder", "huge", "notes.txt", "other", "text"]
    for name, part in {
        "cut": "truncated",
        "empty": "no .coin file",
        "flipped": "checksum",
        "folder": "a folder; hand in one file",
        "notes.txt": "does not end in .coin",
        "huge": "bytes, over the budget of 400",
        "other": "a picture of 12x16 pixels; the original has 16x12",
        "text": "no .coin file",
    }.items():
        assert part in reasons[name]
    assert all(math.isnan(e.psnr) and e.rank == 0 for e in leaderboard(folder, original, 400) if e.reason)


def test_the_very_same_bytes_are_flagged(folder, original):
    same = {entry.name: entry.same for entry in leaderboard(folder, original, 400) if entry.same}
    assert same == {"ada": "bob", "bob": "ada"}
    for number in range(5):
        (folder / f"copy{number}.coin").write_bytes((folder / "ada.coin").read_bytes())
    entries = leaderboard(folder, original, 400)
    assert {entry.name: entry.same for entry in entries}["ada"] == "bob, copy0, copy1 and 3 more"
    assert "- **bob**: as ada, copy0, copy1 and 3 more" in to_markdown(entries)
    assert "(the same bytes as ada, copy0, copy1 and 3 more)" in to_text(entries)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="links and pipes are Unix's")
def test_links_and_pipes_are_refused_unopened(folder, original):
    (folder / "link.coin").symlink_to(folder / "ada.coin")
    (folder / "nowhere.coin").symlink_to("/nowhere")
    os.mkfifo(folder / "pipe.coin")
    reasons = {entry.name: entry.reason for entry in leaderboard(folder, original) if entry.reason}
    assert "symbolic link" in reasons["link"] and "symbolic link" in reasons["nowhere"]
    assert reasons["pipe"] == "no ordinary file"


def test_several_processes_measure_what_one_does(folder, original):
    assert leaderboard(folder, original, 400, workers=2)[:3] == leaderboard(folder, original, 400)[:3]


def test_the_folder_s_path_is_any_path(folder, original):
    expected = [(entry.name, entry.rank, entry.reason) for entry in leaderboard(folder, original, 400)]
    for path in (str(folder), os.fsencode(folder)):
        assert [(one.name, one.rank, one.reason) for one in leaderboard(path, original, 400)] == expected
    with pytest.raises(CoinError, match=r"a path is needed, a text or a pathlib\.Path, got list"):
        leaderboard([folder], original)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="links are Unix's")
def test_a_link_to_itself_and_the_longest_name(folder, original):
    (folder / "loop.coin").symlink_to("loop.coin")
    longest = "x" * (255 - len(".coin"))
    (folder / f"{longest}.coin").write_bytes((folder / "ada.coin").read_bytes())
    found = {entry.name: entry for entry in leaderboard(folder, original, 400)}
    assert "symbolic link" in found["loop"].reason and found[longest].rank == 1
    (folder.parent / "circle").symlink_to("circle")
    with pytest.raises(CoinError, match="in a circle"):
        leaderboard(folder.parent / "circle", original)


def test_a_bar_shows_how_far_it_is(folder, original, capsys):
    leaderboard(folder, original, 400)
    assert "measuring" in capsys.readouterr().err
    leaderboard(folder, original, 400, progress=False)
    assert not capsys.readouterr().err


def test_equal_psnr_is_decided_by_bytes(tmp_path, textured, monkeypatch):
    monkeypatch.setattr("coin_edu.study.leaderboard.psnr", lambda a, b: 30.001 if a is b else 30.004)
    for name, bits in (("a", 32), ("b", 16)):
        (tmp_path / f"{name}.coin").write_bytes(pack_model(textured(Arch(1, 2)), SHAPE, bits))
    entries = leaderboard(tmp_path, np.zeros((*SHAPE, 3), np.uint8))
    assert [(entry.name, entry.rank) for entry in entries] == [("b", 1), ("a", 2)]


def test_without_a_budget_a_file_may_take_as_much_as_the_pixels(folder, original):
    reasons = {entry.name: entry.reason for entry in leaderboard(folder, original)}
    assert "over the budget of 576" in reasons["huge"]


@pytest.mark.parametrize("fields", [dict(depth=200, units=16), dict(units=65535)], ids=str)
def test_what_would_take_too_long_is_never_decoded(tmp_path, monkeypatch, fields):
    monkeypatch.setattr("coin_edu.study.leaderboard.decode", lambda data: pytest.fail("decoded"))
    data = claim(width=6000, height=6000, coding=3, bits=0, first_bits=0, **fields)
    (tmp_path / "slow.coin").write_bytes(data)
    shape = (6000, 6000, 3)
    (entry,) = leaderboard(tmp_path, np.broadcast_to(np.zeros(1, np.uint8), shape))
    assert "takes too long to decode" in entry.reason


@needs_constriction
def test_an_entropy_coded_file_counts_and_a_package_missing_here_is_no_reason(folder, original, image, monkeypatch):
    data = encode(image, 16, coding="entropy", steps=3, progress=False)
    (folder / "rounded.coin").write_bytes(data)
    assert "rounded" in [entry.name for entry in leaderboard(folder, original) if entry.rank]
    monkeypatch.setitem(sys.modules, "constriction", None)
    with pytest.raises(CoinError, match=r"coin_edu\[entropy\]"):
        leaderboard(folder, original)


HOSTILE = ["=1+1", "a|b", "<script>", "*bold*", "$x$", "ü_名", "[a](b)", "`rm`"]


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
def test_a_name_is_only_text(tmp_path, coin, original):
    folder = tmp_path / "names"
    folder.mkdir()
    for name in (*HOSTILE, "\x1b[31mred", "\u202eevil", "two\nlines"):
        (folder / f"{name}.coin").write_bytes(coin)
    entries = leaderboard(folder, original)
    names = [entry.name for entry in entries]
    assert set(HOSTILE) <= set(names) and all(name.isprintable() for name in names)

    markdown = to_markdown(entries).splitlines()
    assert markdown[2 + len(names) :][:3] == ["", "The very same bytes:", ""] and len(markdown) == 5 + 2 * len(names)
    assert all(part in "\n".join(markdown) for part in (r"a\|b", r"\<script\>", r"\*bold\*", r"\[a\]\(b\)", r"\`rm\`"))
    rows = list(csv.DictReader(io.StringIO(to_csv(entries))))
    assert {row["name"] for row in rows} >= {"'=1+1", "a|b", "<script>"}


def test_the_tables_say_what_the_entries_say(folder, original):
    entries = leaderboard(folder, original, 400)
    rows = list(csv.DictReader(io.StringIO(to_csv(entries))))
    assert [row["name"] for row in rows] == [entry.name for entry in entries]
    assert float(rows[0]["psnr"]) == entries[0].psnr and rows[-1]["reason"] == entries[-1].reason
    markdown = to_markdown(entries)
    assert f"| 1 | ada | {entries[0].n_bytes} | {entries[0].bpp:.4f} | {entries[0].psnr:.2f} |" in markdown
    assert "- **cut**: " in markdown and "over the budget of 400" in markdown


def test_the_plot_names_every_point_and_no_name_covers_another():
    entries = [Entry(f"student_{n}", n + 1, 14_000, 0.28 + 0.0007 * n, 30 - 0.01 * n, 0.9) for n in range(30)]
    figure = Figure(figsize=(8, 6.6), layout="constrained")
    ax = plots.leaderboard([*entries, Entry("out", reason="late")], figure.add_subplot())
    assert [text.get_text() for text in ax.texts] == [f"{e.rank}  {e.name}" for e in entries]
    FigureCanvasAgg(figure).draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    heights = [(box.y0 + box.y1) / 2 for box in boxes]
    assert heights == sorted(heights, reverse=True) and min(-np.diff(heights)) > 10
    assert len(ax.lines[0].get_xdata()) == 30 and "bits per pixel" in ax.get_xlabel() and "dB" in ax.get_ylabel()


def test_the_first_hundred_of_many_are_named():
    entries = [Entry(f"s{n}", n + 1, 14_000, 0.28, 30 - 0.001 * n, 0.9) for n in range(1000)]
    ax = plots.leaderboard(entries, Figure(figsize=(8, 22)).add_subplot())
    assert len(ax.texts) == 100 and ax.texts[-1].get_text() == "100  s99"
    assert len(ax.lines[0].get_xdata()) == 1000 and ax.get_title() == "the first 100 of 1,000 by name"


def test_names_of_every_script_are_drawn_without_a_missing_letter():
    names = ["Zoë Ñúñez", "Дмитрий", "Ελένη", "王小明", "محمد", "שרה", "आरती", "김민수", "ชาย", "አበበ", "𓀀", "🎓"]
    entries = [Entry(name, n + 1, 14_000, 0.28 + 0.01 * n, 30 - n, 0.9) for n, name in enumerate(names)]
    figure = Figure(figsize=(8, 6))
    ax = plots.leaderboard(entries, figure.add_subplot())
    FigureCanvasAgg(figure).draw()  # a letter that no font has is a warning, and so an error here
    assert [text.get_text() for text in ax.texts][:3] == ["1  Zoë Ñúñez", "2  Дмитрий", "3  Ελένη"]


def test_a_perfect_or_a_single_submission_can_be_drawn():
    for psnrs in ([math.inf], [math.inf, 30.0], [30.0]):
        ax = plots.leaderboard([Entry("$a$", 1, 100, 1.0, value, 1.0) for value in psnrs])
        FigureCanvasAgg(ax.figure).draw()
        assert np.isfinite(ax.get_ylim()).all()


def test_nothing_to_rank_is_told(tmp_path, original):
    with pytest.raises(CoinError, match="holds the submissions"):
        leaderboard(tmp_path, original)
    with pytest.raises(CoinError, match="no such file or folder"):
        leaderboard(tmp_path / "none", original)
    with pytest.raises(CoinError, match="needs at least one submission"):
        plots.leaderboard([Entry("out", reason="late")])


def test_the_command_prints_and_writes_table_and_plot(folder, original, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(original).save("original.png")
    assert main(["leaderboard", "submissions", "original.png", "--bpp", "15", "--out", "new/board"]) == 0
    output = capsys.readouterr().out.splitlines()
    assert output[0].split() == ["rank", "bytes", "bpp", "PSNR", "dB", "SSIM", "name"]
    assert output[1].split()[0] == "1" and output[1].endswith("  ada  (the same bytes as bob)")
    assert any(line.startswith(" out  huge: ") and "budget of 360" in line for line in output)
    assert sorted(os.listdir("new/board")) == ["leaderboard.csv", "leaderboard.md", "leaderboard.png"]
    assert main(["leaderboard", "submissions", "original.png", "--budget", "1"]) == 0
    assert sorted(os.listdir("leaderboard")) == ["leaderboard.csv", "leaderboard.md"], "nobody to draw"
    with pytest.raises(SystemExit):
        main(["leaderboard", "submissions", "original.png", "--budget", "1", "--bpp", "1"])
