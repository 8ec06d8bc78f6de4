"""The study of tests/benchmarks/study.py in small: two tiny pictures, tiny networks, two codecs."""

import sys

import pytest
from PIL import Image

from coin_edu.data import recorded
from coin_edu.study.curves import read_rows
from tests.benchmarks import kodak, study

FIGURES = (
    "fig2_psnr_over_steps",
    "fig3_rate_distortion",
    "fig4_model_sizes",
    "fig5_comparison_3x20",
    "fig5_comparison_4_bpp",
    "fig5_comparison_5x30",
)


@pytest.fixture
def run(monkeypatch, tmp_path, make_image):
    """Run the study on pictures of 48x32 pixels called Kodak 1 and 15."""
    for number in (1, 15):
        Image.fromarray(make_image(32, 48, seed=number)).save(tmp_path / f"kodim{number:02}.png")
    monkeypatch.setenv("COIN_EDU_KODAK", str(tmp_path))
    fits = tmp_path / "fits.csv"
    given = ["--arch", "3x20", "4x30", "--pictures", "1", "15", "--steps", "30", "--table", str(fits)]
    monkeypatch.setattr(sys, "argv", ["kodak", *given])
    kodak.main()

    entropy = tmp_path / "entropy.csv"
    entropy.write_text(
        "budget_bpp,picture,steps,bytes,bpp,psnr_db,ssim\n"
        + "".join(f"{rate},{n},9,{80 * rate},{rate},{20 + rate},0.5\n" for rate in (1, 4) for n in (1, 15))
    )

    def call(*arguments):
        small = ["--arch", "3x20", "--steps", "40", "--bpp", "4", "--pictures", "1", "15", "--codecs", "JPEG", "WebP"]
        study.main(
            [*small, "--fits", str(fits), "--entropy", str(entropy), "--out", str(tmp_path / "results"), *arguments]
        )
        return tmp_path / "results"

    return call


def test_the_whole_study(run, capsys, monkeypatch):
    capsys.readouterr()
    results = run()
    printed = capsys.readouterr().out
    assert sorted(path.name for path in results.glob("*.png")) == [f"{name}.png" for name in FIGURES]
    for name in FIGURES:
        with Image.open(results / f"{name}.png") as picture:
            assert picture.info["dpi"][0] == pytest.approx(100 if name.startswith("fig5") else 150, abs=1)
    for codec in ("JPEG", "WebP"):
        assert len(read_rows(results / f"{codec.lower()}.csv")) == 2 * len(study.SWEEPS[codec])
    assert "COIN 5x20, 5x30, 10x28, 10x40, 13x49: not fitted to all 2 pictures" in printed
    assert "COIN, measured" in printed and "BD-rate" in printed and "COIN (published)" in printed
    assert "COIN, entropy-coded, measured" in printed and " 4.000    24.00   0.500" in printed

    # Redrawn from the tables: no file is made anew and no network fitted.
    before = {path: path.stat().st_mtime_ns for path in results.iterdir() if path.suffix != ".png"}
    monkeypatch.setattr(study, "fit_steps", None)
    run("--only", "fig2", "fig3")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_one_figure_alone(run):
    assert [path.name for path in run("--only", "fig4").iterdir()] == ["fig4_model_sizes.png"]


def test_every_sweep_is_ascending_and_of_a_known_codec():
    assert set(study.SWEEPS) == set(study.baselines.CODECS)
    for codec, qualities in study.SWEEPS.items():
        ascending = [-quality if codec == "JPEG2000" else quality for quality in qualities]
        assert len(qualities) == 12 and ascending == sorted(set(ascending))


def test_what_was_measured_is_complete():
    for codec in study.SWEEPS:
        rows = read_rows(recorded(f"results/{codec.lower()}.csv"))
        assert len(rows) == 24 * 12 and {row.codec for row in rows} == {codec}
