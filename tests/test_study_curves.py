import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coin_edu import Arch, CoinError, bpp, decode, encode, psnr, rd_curve, ssim
from coin_edu.data import recorded
from coin_edu.study import baselines
from coin_edu.study.curves import Coin, Row, average, complete, read_fits, read_history, read_rows, write_rows

FEW = {"arch": Arch(2, 4), "steps": 2}


@pytest.fixture
def images(make_image):
    return {"first": make_image(24, 32), "second": make_image(20, 40, seed=1)}


@pytest.fixture
def counted(monkeypatch):
    """The (codec, setting) of every file that is made."""
    done = []
    for codec in (baselines.Codec, Coin):

        def count(self, image, setting, roundtrip=codec.roundtrip):
            done.append((self.name, setting))
            return roundtrip(self, image, setting)

        monkeypatch.setattr(codec, "roundtrip", count)
    return done


# Measuring


def test_a_point_is_the_mean_by_picture(images):
    curve = rd_curve(images, "JPEG", [80, 20], progress=False)
    files = {q: [baselines.CODECS["JPEG"].compress(image, q) for image in images.values()] for q in (20, 80)}
    for i, quality in enumerate((20, 80)):
        pairs = list(zip(files[quality], images.values(), strict=True))
        assert curve.rates[i] == pytest.approx(sum(bpp(d, im.shape) for d, im in pairs) / 2, abs=1e-5)
        assert curve.psnrs[i] == pytest.approx(sum(psnr(im, baselines.decompress(d)) for d, im in pairs) / 2, abs=1e-5)
        assert curve.ssims[i] == pytest.approx(sum(ssim(im, baselines.decompress(d)) for d, im in pairs) / 2, abs=1e-5)
    assert (curve.name, curve.kind, curve.measured) == ("JPEG", "classical", True)
    assert "mean of 2 pictures" in curve.source


def test_coin_is_measured_by_its_files(images):
    curve = rd_curve({"first": images["first"]}, "COIN", [8.0], progress=False, **FEW)
    data = encode(images["first"], 8.0, progress=False, **FEW)
    assert curve.rates == (pytest.approx(bpp(data, (24, 32)), abs=1e-5),)
    assert curve.psnrs == (pytest.approx(psnr(images["first"], decode(data)), abs=1e-5),)
    assert curve.kind == "implicit"


class Halves:
    """A codec of one's own: every second pixel, as it is."""

    name, kind = "halves", "autoencoder"

    def roundtrip(self, image, setting):
        return image[::setting, ::setting].tobytes(), image[::setting, ::setting].repeat(setting, 0).repeat(setting, 1)


def test_a_codec_of_ones_own_is_a_row_as_any_other(images, tmp_path):
    curve = rd_curve(images, Halves(), [4, 2], tmp_path / "table.csv", progress=False)
    assert (curve.name, curve.kind, curve.rates) == ("halves", "autoencoder", (1.5, 6.0))
    assert {row.codec for row in read_rows(tmp_path / "table.csv")} == {"halves"}
    with pytest.raises(CoinError, match="halves takes qualities alone, got steps"):
        rd_curve(images, Halves(), [2], steps=3, progress=False)


def test_a_table_s_path_is_any_path(images, tmp_path):
    curve = rd_curve(images, "JPEG", [20], os.fsencode(tmp_path / "table.csv"), progress=False)
    assert rd_curve(images, "JPEG", [20], str(tmp_path / "table.csv"), progress=False) == curve
    assert read_rows(os.fsencode(tmp_path / "table.csv")) == read_rows(tmp_path / "table.csv")
    with pytest.raises(CoinError, match=r"a path is needed, a text or a pathlib\.Path, got int"):
        rd_curve(images, "JPEG", [20], 7, progress=False)


def test_a_second_run_does_only_what_is_missing(images, tmp_path, counted):
    table = tmp_path / "table.csv"
    first = rd_curve({"first": images["first"]}, "JPEG", [20, 80], table, progress=False)
    assert len(counted) == 2
    assert rd_curve({"first": images["first"]}, "JPEG", [20, 80], table, progress=False) == first
    assert len(counted) == 2
    both = rd_curve(images, "JPEG", [20, 50, 80], table, progress=False)
    assert sorted(counted[2:]) == [("JPEG", 20), ("JPEG", 50), ("JPEG", 50), ("JPEG", 80)]
    assert both == rd_curve(images, "JPEG", [20, 50, 80], progress=False)


def test_an_interrupted_run_keeps_every_row(images, tmp_path, monkeypatch, counted):
    table, roundtrip = tmp_path / "table.csv", baselines.Codec.roundtrip

    def stop(self, image, setting):
        if len(counted) == 3:
            raise KeyboardInterrupt
        return roundtrip(self, image, setting)

    monkeypatch.setattr(baselines.Codec, "roundtrip", stop)
    with pytest.raises(KeyboardInterrupt):
        rd_curve(images, "JPEG", [20, 50, 80], table, progress=False)
    assert len(read_rows(table)) == 3
    monkeypatch.setattr(baselines.Codec, "roundtrip", roundtrip)
    rd_curve(images, "JPEG", [20, 50, 80], table, progress=False)
    assert len(read_rows(table)) == len(counted) == 6


def test_codecs_and_keywords_do_not_mix_in_one_table(images, tmp_path, counted):
    table = tmp_path / "table.csv"
    one = {"first": images["first"]}
    for codec, keywords in (("JPEG", {}), ("WebP", {}), ("COIN", FEW), ("COIN", {**FEW, "seed": 1})):
        rd_curve(one, codec, [8], table, progress=False, **keywords)
    assert len(counted) == len(read_rows(table)) == 4
    assert {row.setting for row in read_rows(table)} == {"8", "8, arch=2x4, steps=2", "8, arch=2x4, seed=1, steps=2"}


def test_a_picture_met_exactly_has_an_infinite_psnr_in_table_and_curve(tmp_path):
    one, table = {"one": np.full((1, 1, 3), 100, np.uint8)}, tmp_path / "table.csv"
    for _ in range(2):
        with pytest.warns(UserWarning, match="COIN at 2400.* meets one without any error.*leave that setting out"):
            curve = rd_curve(one, "COIN", [2400], table, steps=120, device="cpu", progress=False)
        assert curve.psnrs == (np.inf,) and np.isnan(curve.ssims).all()
    assert table.read_text().splitlines()[1].endswith(",inf,nan")


@pytest.mark.parametrize("codec", ["PNG", "", None, "coin"])
def test_an_unknown_codec(images, codec):
    with pytest.raises(CoinError, match=f"one of COIN, JPEG, .*, JXL, or .*, got {codec!r}"):
        rd_curve(images, codec, [1])


def test_keywords_are_coins_alone(images):
    with pytest.raises(CoinError, match="JPEG takes qualities alone, got steps too"):
        rd_curve(images, "JPEG", [1], steps=3)


def test_nothing_to_measure(images):
    for nothing in (({}, "JPEG", [1]), (images, "JPEG", [])):
        with pytest.raises(CoinError, match="rows of one codec, got none"):
            rd_curve(*nothing)


def test_a_table_that_cannot_be_written_is_told_at_once(images, tmp_path, counted):
    with pytest.raises(CoinError, match="no such file or folder"):
        rd_curve(images, "JPEG", [20], tmp_path / "none" / "table.csv", progress=False)
    assert not counted


# Averages


ROWS = [Row("JPEG", s, p, 10, r, d, 0.5) for s, p, r, d in [("5", "a", 1, 20), ("5", "b", 2, 30), ("9", "a", 3, 40)]]


def test_a_setting_that_lacks_a_picture():
    with pytest.raises(CoinError, match="JPEG at 9 lacks b; measure"):
        average(ROWS)
    assert average(ROWS[:2]).points.tolist() == [[1.5, 25]]


def test_only_settings_with_all_the_pictures_are_complete():
    assert complete(ROWS, ["a", "b"]) == ROWS[:2]
    assert complete(ROWS, {"a"}) == [ROWS[0], ROWS[2]]


def test_rows_of_two_codecs():
    with pytest.raises(CoinError, match="one codec, got JPEG, WebP"):
        average([ROWS[0], replace(ROWS[0], codec="WebP")])


@pytest.mark.parametrize("codec, kind", [("COIN", "implicit"), ("AVIF", "classical")])
def test_kinds(codec, kind):
    assert average([replace(ROWS[0], codec=codec)]).kind == kind


# Tables


text = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1)
rows = st.builds(Row, text, text, text, st.integers(0, 10**9), *[st.floats(allow_nan=False)] * 3)


@given(st.lists(rows))
def test_tables_give_back_their_rows(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "table.csv"
    write_rows(path, rows)
    assert read_rows(path) == rows


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", b"\xff\xfe", b"codec,setting,picture,bytes,bpp,psnr_db,ssim\nx,y,z,1\n"]
)
def test_what_is_no_table(tmp_path, content):
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(CoinError, match=r"table.csv: no table of rows"):
        read_rows(tmp_path / "table.csv")


def test_recorded_fits_are_rows():
    rows = read_fits(recorded("kodak_fits.csv"))
    curve = average(row for row in rows if row.setting in ("5x20", "5x30"))
    assert "24 pictures" in curve.source and curve.measured
    assert {row.n_bytes for row in rows if row.setting == "5x30"} == {Arch(5, 30).n_bytes()}


def test_recorded_entropy_coded_fits_are_rows():
    rows = read_fits(recorded("kodak_narrowing.csv"), None, "COIN, entropy-coded", "budget_bpp")
    assert rows and all(row.bpp <= float(row.setting) for row in rows)
    assert average(row for row in rows if row.setting == "0.3").kind == "implicit"


def test_a_recorded_history_is_that_of_its_fits():
    histories = read_history(recorded("results/kodak15_history.csv"))
    assert [history[-1].step for history in histories.values()] == [3000, 9000, 3000]
    assert histories["fast recipe"][0].step == 0 and 29.4 < histories["fast recipe"][-1].psnr < 29.5
    with pytest.raises(CoinError, match="no table"):
        read_history(recorded("results/jpeg.csv"))


def test_of_several_fits_the_longest_counts(tmp_path):
    lines = ["arch,picture,steps,bits,bytes,bpp,psnr_db,ssim"]
    lines += [
        "5x20,1,300,16,99,1,20,0.5",
        "5x20,1,3000,16,99,1,30,0.5",
        "5x20,1,600,16,99,1,25,0.5",
        "5x20,1,9000,8,50,1,40,0.5",
    ]
    (tmp_path / "fits.csv").write_text("\n".join(lines))
    assert read_fits(tmp_path / "fits.csv") == [Row("COIN", "5x20", "kodim01", 99, 1, 30, 0.5)]
    assert [row.psnr for row in read_fits(tmp_path / "fits.csv", bits=8)] == [40]


@pytest.mark.parametrize("settings", [np.array([20, 90]), (20.0, 90.0), range(20, 91, 70), np.linspace(20, 90, 2)])
def test_settings_are_any_sequence_of_any_numbers(images, settings):
    expected = rd_curve(images, "JPEG", [20, 90], progress=False)
    assert rd_curve(images, "JPEG", settings, progress=False).rates == expected.rates


@pytest.mark.parametrize("settings", [50, "50", None])
def test_settings_that_are_none(images, settings):
    with pytest.raises(CoinError, match="settings must be several, such as"):
        rd_curve(images, "JPEG", settings, progress=False)


def test_pictures_without_names(images):
    with pytest.raises(CoinError, match="images must be pictures by name"):
        rd_curve(list(images.values()), "JPEG", [50], progress=False)


@pytest.mark.skipif("AVIF" not in baselines.available(), reason="this build of Pillow has no AVIF")
def test_a_quality_between_two_is_told_as_that(images):
    with pytest.raises(CoinError, match=r"AVIF's quality must be a whole number from 0 to 100, got 50.5"):
        rd_curve(images, "AVIF", [50.5], progress=False)
