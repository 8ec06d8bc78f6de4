import os
import sqlite3
import subprocess
import sys
import time
import warnings
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from coin_edu import RECIPES, Arch, CoinError, decode, encode, psnr, search, unpack_model
from coin_edu.cli import main
from coin_edu.codec import plan
from coin_edu.study.search import NEIGHBORS, PAPER, SearchResult, Trial, _candidates
from tests.conftest import interrupt, needs_constriction

optuna = pytest.importorskip("optuna", reason="Optuna is not installed")

QUICK = {"steps": 5, "device": "cpu", "progress": False}


@pytest.fixture
def storage(tmp_path):
    return tmp_path / "search.db"


def test_a_search_stays_within_the_budget_and_begins_with_the_default(image):
    result = search(image, 20, trials=4, **QUICK)
    candidates = Arch.candidates(20, image.shape)
    assert len(result.trials) == 4 and all(trial.arch in candidates for trial in result.trials)
    assert all(0.25 <= trial.factor <= 4 for trial in result.trials)
    first = result.trials[0]
    assert (first.arch, first.recipe) == (Arch.for_bpp(20, image.shape), RECIPES["fast"])


def test_the_psnr_is_that_of_the_file(image):
    (trial,) = search(image, 20, trials=1, bits=8, seed=3, **QUICK).trials
    data = encode(image, arch=trial.arch, recipe=trial.recipe, steps=5, bits=8, seed=3, device="cpu", progress=False)
    assert (trial.psnr, trial.steps, trial.state) == (psnr(image, decode(data)), 5, "complete")
    assert 8 * len(data) / (12 * 16) <= 20


@needs_constriction
@pytest.mark.parametrize("rate", [20, 80])
def test_entropy_coded_files_are_searched_for_too(make_image, rate):
    """Of networks that narrow, and of one width where the budget is too small for that."""
    picture = make_image(12, 16) if rate == 80 else make_image(16, 24)
    first, *others = search(picture, rate, trials=3, coding="entropy", seed=3, **{**QUICK, "steps": 10}).trials
    settings = {"coding": "entropy", "steps": 10, "seed": 3, "device": "cpu", "progress": False}
    data = encode(picture, rate, **settings)
    assert (first.arch, first.psnr) == (unpack_model(data)[0].arch, psnr(picture, decode(data)))
    assert bool(first.arch.widths) == (rate == 80) and len({trial.arch.depth for trial in others}) == 2
    data = encode(picture, rate, arch=others[0].arch, recipe=others[0].recipe, **settings)
    assert others[0].psnr == psnr(picture, decode(data))


def test_the_network_that_encode_takes_is_a_candidate_where_the_budget_is_too_large_for_any():
    shape = (2000, 3000)
    task = plan(shape, 1.2, coding="entropy")
    assert task.is_largest and _candidates(task, 1.2, shape)[task.arch.depth - 1] == task.arch


def test_the_best_is_the_best_of_the_complete():
    trials = (
        Trial(Arch(4, 9), 0.5, 20.0, 9, "complete"),
        Trial(Arch(5, 8), 2.0, 21.0, 9, "complete"),
        Trial(Arch(6, 7), 1.0, 30.0, 5, "pruned"),
    )
    result = SearchResult(trials)
    assert (result.best, result.arch, result.recipe) == (trials[1], Arch(5, 8), RECIPES["fast"].scaled(2))


def test_one_factor_scales_all_three_rates():
    fast, trial = RECIPES["fast"], Trial(Arch(5, 8), 1.0, 20.0, 9, "complete")
    assert trial.recipe == fast
    doubled = replace(fast, rate=2 * fast.rate, last_rate=2 * fast.last_rate, muon_rate=2 * fast.muon_rate)
    assert replace(trial, factor=2.0).recipe == doubled
    assert trial.depth == trial.arch.depth


def test_the_same_seed_finds_the_same(image):
    one, same, other = (search(image, 20, trials=4, seed=seed, **QUICK) for seed in (1, 1, 2))
    assert one == same != other


def test_a_poor_trial_is_given_up(image):
    """With trials enough for the pruner and the Gaussian process, and nothing of Optuna's to be heard or warned of."""
    result = search(image, 20, trials=14, steps=10, device="cpu", progress=False)
    states = [trial.state for trial in result.trials]
    assert set(states) == {"complete", "pruned"} and "pruned" not in states[:6]
    assert all((trial.steps < 10) == (trial.state == "pruned") for trial in result.trials)
    proposed = {(trial.arch, trial.factor) for trial in result.trials if trial.state == "pruned"}
    assert len(proposed) == states.count("pruned"), "the same poor trial was proposed again"


def test_a_fit_that_diverges_is_no_more_than_a_poor_trial(image, monkeypatch):
    monkeypatch.setitem(RECIPES, "fast", replace(RECIPES["fast"], rate=1e30, muon_rate=0.0, warm_up=0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = search(image, 20, trials=1, **QUICK)
    assert result.best.state == "complete" and np.isfinite(result.best.psnr)


def test_a_picture_met_exactly_is_found_and_nothing_is_warned_of(storage):
    one = np.full((1, 1, 3), 100, np.uint8)
    result = search(one, 1600, trials=9, **{**QUICK, "steps": 120}, storage=storage)
    assert (
        result.best.psnr == np.inf and search(one, 1600, trials=9, **{**QUICK, "steps": 120}, storage=storage) == result
    )


# Storage


def test_a_search_goes_on_from_its_storage(image, storage):
    first = search(image, 20, trials=2, storage=storage, **QUICK)
    more = search(image, 20, trials=4, storage=str(storage), **QUICK)
    assert len(more.trials) == 4 and more.trials[:2] == first.trials
    assert len({trial.factor for trial in more.trials}) == 4, "what was tried before was proposed again"
    assert search(image, 20, trials=3, storage=storage, **QUICK) == more, "none are missing, so none are made"


def test_a_storage_holds_several_searches(image, make_image, storage):
    search(image, 20, trials=1, storage=storage, **QUICK)
    for other in (
        search(make_image(12, 16, seed=9), 20, trials=1, storage=storage, **QUICK),
        search(image, 30, trials=1, storage=storage, **QUICK),
        search(image, 20, trials=1, storage=storage, **{**QUICK, "steps": 4}),
    ):
        assert len(other.trials) == 1
    assert len(optuna.get_all_study_names(f"sqlite:///{storage}")) == 4


SCRIPT = """
import sys
from coin_edu import load_image, search
found = search(load_image(sys.argv[1]), 20, trials=99, steps=200, storage=sys.argv[2], device="cpu", progress=False)
print(len(found.trials))
"""


def begin(png, storage, root):
    """A search in a process of its own, and how many trials it has finished, at least two."""
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, png, storage],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while finished(storage) < 2:
        assert child.poll() is None, child.communicate()
        time.sleep(0.05)
    return child


def finished(storage):
    with sqlite3.connect(storage, timeout=60) as connection:
        try:
            return connection.execute("select count(*) from trials where state = 'COMPLETE'").fetchone()[0]
        except sqlite3.OperationalError:
            return 0
        finally:
            connection.commit()


def test_a_search_that_was_killed_goes_on(image, png, storage, root):
    child = begin(png, storage, root)
    child.kill()
    child.communicate()
    kept = finished(storage)
    result = search(image, 20, trials=kept + 1, steps=200, storage=storage, device="cpu", progress=False)
    assert len(result.trials) == kept + 1
    states = [trial.state.name for trial in optuna.load_study(study_name=None, storage=f"sqlite:///{storage}").trials]
    assert "RUNNING" not in states and states.count("FAIL") <= 1


def test_a_storage_is_made_whole_or_not_at_all(image, storage, monkeypatch):
    def half(_, engine_kwargs):
        with closing(engine_kwargs["creator"]()) as connection:
            connection.execute("create table studies (study_id)")
        raise KeyboardInterrupt

    monkeypatch.setattr(optuna.storages, "RDBStorage", half)
    with pytest.raises(KeyboardInterrupt):
        search(image, 20, trials=1, storage=storage, **QUICK)
    assert not storage.exists()


@pytest.mark.parametrize("call", ["suggest_int", "suggest_float", "set_user_attr"])
def test_a_search_stopped_in_its_first_trial_begins_with_the_default_again(image, storage, monkeypatch, call):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(optuna.Trial, call, interrupt)
        search(image, 20, trials=1, storage=storage, **QUICK)
    (trial,) = search(image, 20, trials=1, storage=storage, **QUICK).trials
    assert (trial.arch, trial.factor) == (Arch.for_bpp(20, image.shape), 1.0)


def test_a_storage_that_takes_no_more_is_told(image, storage):
    search(image, 20, trials=1, storage=storage, **QUICK)
    with sqlite3.connect(storage) as connection:
        connection.execute("create trigger full before insert on trials begin select raise(abort, 'disk full'); end")
    connection.close()
    with pytest.raises(
        CoinError, match=r"search.db: the trials cannot be kept \(disk full\); free some space, or name"
    ):
        search(image, 20, trials=2, storage=storage, **QUICK)
    assert finished(storage) == 1


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a process")
def test_ctrl_c_keeps_the_trials_so_far(png, storage, root):
    child = begin(png, storage, root)
    out, _ = interrupt(child)
    message, count = out.splitlines()
    assert (child.returncode, int(count)) == (0, finished(storage))
    assert message == f"stopped after {count} of 99 trials; keeping the best so far"


def test_ctrl_c_before_the_first_trial_is_an_interrupt(image, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["coin_edu.study.search"], "fit_steps", interrupt)
    with pytest.raises(KeyboardInterrupt):
        search(image, 20, trials=1, **QUICK)


@pytest.mark.parametrize(
    "content, match",
    [(b"this is no database" * 99, "no file of a search, a damaged one"), (None, "no such file or folder")],
)
def test_a_storage_that_is_none(image, tmp_path, content, match):
    path = tmp_path / "search.db" if content else tmp_path / "none" / "search.db"
    if content:
        path.write_bytes(content)
    with pytest.raises(CoinError, match=match):
        search(image, 20, trials=1, storage=path, **QUICK)
    assert content is None or path.read_bytes() == content


# Errors


@pytest.mark.parametrize(
    "wrong, match",
    [
        ({"bpp": 0.1}, "smallest network needs"),
        ({"trials": 0}, "trials must be a whole number of at least 1, got 0"),
        ({"steps": 0}, "steps must be"),
        ({"device": "nonsense"}, "not to be had here"),
        ({"image": None}, "a picture is a NumPy array"),
    ],
)
def test_what_cannot_be_searched(image, wrong, match):
    with pytest.raises(CoinError, match=match):
        search(**{"image": image, "bpp": 20, "trials": 1, **QUICK, **wrong})


def test_without_optuna_it_says_how_to_get_it(image, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(CoinError, match=r"this needs optuna: pip install 'coin_edu\[search\]'"):
        search(image, 20, trials=1, **QUICK)


def test_optuna_is_left_as_loud_as_it_was(image, capsys):
    before = optuna.logging.get_verbosity()
    search(image, 20, trials=1, **QUICK)
    assert optuna.logging.get_verbosity() == before and capsys.readouterr() == ("", "")


def test_the_papers_networks_are_within_its_budgets():
    rates = [arch.bpp((512, 768)) for arch in PAPER]
    assert np.allclose(rates, [0.07, 0.15, 0.3, 0.6, 1.2], atol=0.02)


# The command line


def test_search_from_the_command_line(png, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = ["search", "in.png", "--bpp", "20", "--trials", "2", "--steps", "3", "--storage", "search.db"]
    assert main([*command, "--out", "map.png"]) == 0
    output = capsys.readouterr().out
    assert "2 trials, 0 of them given up early; the best:\nnetwork             rates x  PSNR dB\n" in output
    with Image.open("map.png") as picture:
        assert picture.size == (1200, 675)
    assert main([*command]) == 0
    assert capsys.readouterr().out == output.replace("map.png\n", "")


@pytest.mark.parametrize("out, match", [("map.xyz", "must end in .png"), ("none/map.png", "no such file or folder")])
def test_a_map_that_cannot_be_written_is_told_before_the_search(png, monkeypatch, capsys, out, match):
    monkeypatch.setattr("coin_edu.cli.search", None)
    assert main(["search", str(png), "--out", out]) == 2
    assert match in capsys.readouterr().err


# Odd seeds, storages and numbers


TWO = {**QUICK, "trials": 2, "steps": 2}


@pytest.mark.parametrize("seed", [-1, 1.5, True, "0", 2**63])
def test_a_seed_that_is_none_is_told_before_anything_is_written(image, tmp_path, seed):
    with pytest.raises(CoinError, match="seed must be a whole number of at least 0, got"):
        search(image, 20, seed=seed, storage=tmp_path / "new.db", **TWO)
    assert not list(tmp_path.iterdir())


def test_a_seed_is_as_large_as_that_of_a_fit(image):
    assert len(search(image, 20, seed=2**32 + 5, **TWO).trials) == 2


@pytest.mark.parametrize(
    "name", ["a?b.db", ":memory:", "{a}.db", "100%25.db", "a#b", "file:c?mode=memory", "\u00fc d.db"]
)
def test_a_storage_of_any_name(image, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    first = search(image, 20, storage=name, **TWO)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    monkeypatch.setattr("coin_edu.study.search.fit_steps", None)
    assert search(image, 20, storage=os.fsencode(name), **TWO) == first, "it began anew"


@pytest.mark.parametrize(
    "name, match", [("sqlite:///a.db", "leave out the sqlite"), (".", "the folder"), (7, "a path is")]
)
def test_a_storage_that_is_no_path_of_a_file(image, tmp_path, monkeypatch, name, match):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CoinError, match=match):
        search(image, 20, storage=name, **TWO)
    assert not list(tmp_path.iterdir())


def test_numpys_numbers_are_the_same_search(image, tmp_path, monkeypatch):
    first = search(image, 20, storage=tmp_path / "s.db", **TWO)
    monkeypatch.setattr("coin_edu.study.search.fit_steps", None)
    numbers = {"trials": np.int64(2), "steps": np.int16(2), "bits": np.uint8(16), "seed": np.int64(0)}
    again = search(image, np.float64(20), storage=tmp_path / "s.db", **{**TWO, **numbers})
    assert again == first and all(type(trial.psnr) is float for trial in again.trials)


@pytest.mark.parametrize(
    "change",
    [
        "update trial_values set value = 'much'",
        "update trial_params set param_value = 'deep'",
        "update trial_params set param_value = 77",
        "update trial_user_attributes set value_json = '3.5'",
        "update trial_intermediate_values set intermediate_value = 'x'",
        "delete from trial_user_attributes",
    ],
)
def test_a_storage_whose_values_are_none_is_refused(image, tmp_path, change):
    path = tmp_path / "s.db"
    search(image, 20, storage=path, **TWO)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(change)
        connection.commit()
    with pytest.raises(CoinError, match=r"trials that are none of a search's|no file of a search|cannot be kept"):
        search(image, 20, storage=path, **{**TWO, "trials": 3})


def test_no_network_is_tried_twice_at_one_rate(image, monkeypatch):
    def value(image, task, steps, recipe, seed, device, trial):
        trial.report(1.0, steps)
        return 20 + task.arch.depth / 100  # the sampler will want the deepest again and again

    monkeypatch.setattr("coin_edu.study.search._value", value)
    trials = search(image, 8, trials=25, steps=2, progress=False).trials
    tried = sorted((trial.arch.depth, trial.factor) for trial in trials)
    assert len(tried) == 25
    assert all(b[0] > a[0] or b[1] / a[1] >= NEIGHBORS for a, b in pairwise(tried))
