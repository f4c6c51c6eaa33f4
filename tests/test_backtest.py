"""Forecasts from past origins: nothing later is known, and what came is scored as the words say."""

from __future__ import annotations

import multiprocessing
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import waitlist as wl
from tests import extracts
from tests.test_docs import rows
from waitlist import track
from waitlist.inputs.past import PART_OF, history_of
from waitlist.inputs.sample import write_sample
from waitlist.models import backtest as scoring
from waitlist.origins import Job, all_said
from waitlist.outputs import folder, terminal
from waitlist.pipeline import known_at
from waitlist.plan import Demand, Successor
from waitlist.rolling import jobs_of

PLAN = """
name = "Small"
inputs = "sample"
draws = 20
min_list = 20000
"""
OBSERVED = ("outpatient", "admission", "present", "observed_flows", "other_removals", "restatement", "fit_months")
LIST = ["origin", "provider", "specialty", "horizon_months", "measure"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("backtest")
    write_sample(place / "sample")
    (place / "small.toml").write_text(PLAN, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def tested(place):
    return wl.backtest(wl.Plan.load(place / "small.toml"), ["2025-05"], 4)


def test_a_score_is_what_its_words_say():
    actual = np.array([100.0, 300.0])
    said = np.array([[110.0, 280.0], [90, 310], [100, 320], [110, 330], [120, 340], [130, 350]])
    found = scoring.score(actual, said)
    assert found["wape"] == pytest.approx(100 * 30 / 400)
    assert found["bias"] == pytest.approx(100 * -10 / 400)
    losses = [10 * 0.05 + 10 * 0.95, 0 + 20 * 0.75, 10 * 0.5 + 30 * 0.5, 20 * 0.25 + 40 * 0.25, 30 * 0.05 + 50 * 0.05]
    assert found["pinball"] == pytest.approx(100 * 2 * np.mean(losses) / 400)
    assert (found["coverage_50"], found["coverage_90"]) == (0.5, 0.5)
    same = scoring.score(actual, np.tile(said[0], (6, 1)))
    assert same["pinball"] == pytest.approx(same["wape"])


def test_a_ratio_is_to_the_best_baseline_of_its_cell_and_all_is_the_mean_over_origins():
    lines = [("2025-01", "forecast", 4.0), ("2025-01", "last_value", 8.0), ("2025-01", "theta", 5.0)]
    lines += [("2025-02", "forecast", 6.0), ("2025-02", "last_value", 5.0), ("2025-02", "theta", 9.0)]
    scored = pd.DataFrame(lines, columns=["origin", "method", "wape"])
    scored = scored.assign(level="provider", measure="waiting_list", horizon_months=3)
    found = scoring.ratios(scored).set_index("origin")
    assert found["best_baseline"].tolist() == ["theta", "last_value", ""]
    assert found["ratio_to_best"].tolist() == pytest.approx([0.8, 1.2, 1.0])
    assert found["ratio_to_naive"].tolist() == pytest.approx([0.5, 1.2, 0.85])


def test_each_origin_is_scored_as_far_as_its_months_go(tested):
    assert sorted(tested.backtest["horizon_months"].unique()) == [1, 2, 3]
    assert [note.value for note in tested.warnings if note.place == "origins"] == ["2025-05"]
    assert set(tested.scores["method"]) == set(scoring.METHODS)
    assert set(tested.scores["level"]) == {"total", "provider", "specialty"}


def test_what_was_said_is_that_origin_s_run_and_what_came_is_what_was_reported(place, tested):
    plan = wl.Plan.load(place / "small.toml").model_copy(update={"horizon_months": 3})
    ahead = wl.run(plan, wl.read(plan.inputs, plan, "2025-05")).trajectory
    ahead = ahead.set_index(["provider", "specialty", "month_end", "measure"])
    table = tested.backtest.set_index(LIST[1:])
    now = wl.read(plan.inputs, plan)
    for key in (("MADE1", "ALL"), ("MADE2", "110")):
        lists = [n for n, (p, s) in enumerate(now.lists) if p == key[0] and key[1] in (s, "ALL")]
        came = {
            "waiting_list": now.waiting[lists, -1].sum(),
            "over_52_weeks": now.waiting[lists, -1, 52:].sum(),
            "stops_admitted": (now.counts.admitted.sum(axis=2) + now.counts.admitted_unknown)[lists, -1].sum(),
        }
        for measure, people in came.items():
            row = table.loc[(*key, 3, measure)]
            assert row["actual"] == people
            said = ahead.loc[(*key, "2025-08-31", measure), ["mean", "p05", "p95"]]
            assert row[["mean", "p05", "p95"]].tolist() == pytest.approx(said.tolist())


def test_a_wild_value_after_the_origin_changes_nothing_that_was_said(place, tested):
    wild = place / "wild"
    shutil.copytree(place / "sample", wild)
    write_sample(place / "other", seed=7)
    for month in ("06", "07", "08"):
        name = f"RTT-2025-{month}-full-extract.zip"
        shutil.copy(place / "other" / name, wild / name)
    again = wl.backtest(wl.Plan.load(place / "small.toml", inputs=wild), ["2025-05"], 4).backtest.set_index(LIST)
    first = tested.backtest.set_index(LIST)
    both = first.index.intersection(again.index)
    said = [name for name in first if name not in ("actual", "break_in_window")]
    pd.testing.assert_frame_equal(first.loc[both, said], again.loc[both, said])
    assert (first.loc[both, "actual"] != again.loc[both, "actual"]).mean() > 0.5


def test_the_folder_holds_the_tables_and_a_manifest_with_the_origins(place, tested):
    out = folder.write_tables(tested, place / "out")
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [*(f"{name}.csv" for name in tested.tables()), "manifest.json"]
    )
    assert '"origins": [\n    "2025-05"\n  ]' in (out / "manifest.json").read_text()
    assert len(pd.read_csv(out / "backtest.csv")) == len(tested.backtest)
    documented = {row[0].strip("`"): row[1] for row in rows("docs/reference/files.md", "| of a backtest |")}
    for name, frame in tested.tables().items():
        assert re.findall(r"`(\w+)`", documented[f"{name}.csv"]) == list(frame), name
    shown = terminal.scores(tested)
    assert "Forecasts made this way from 1 past origin, 3 months" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_a_provider_too_small_at_the_origin_is_left_out_and_named(tested):
    assert set(tested.backtest["provider"]) == {"ALL", "MADE1", "MADE2"}
    assert set(tested.excluded["provider"]) == {"MADE3"}
    assert tested.excluded["reason"].str.endswith("fewer than min_list, 20,000").all()


def test_a_past_cut_at_a_month_is_what_is_read_with_that_origin(place):
    plan = wl.Plan.load(place / "small.toml")
    cut, read = known_at(wl.read(plan.inputs, plan), plan, "2025-02"), wl.read(plan.inputs, plan, "2025-02")
    assert (cut.months, cut.lists, cut.breaks) == (read.months, read.lists, read.breaks)
    assert cut.counts.files == read.counts.files
    for name in OBSERVED:
        np.testing.assert_array_equal(getattr(cut, name), getattr(read, name), err_msg=name)


def test_what_a_plan_assumes_of_demand_to_come_is_not_assumed_of_the_past(place):
    demand = Demand(growth="stated", percent_per_year=30.0)
    plan = wl.Plan.load(place / "small.toml").model_copy(update={"demand": demand})
    (job,), _ = jobs_of(plan, wl.read(plan.inputs, plan), ["2025-05"], 1, ("last_value",), ("provider",))
    assert job.plan.demand == Demand()


def test_a_merger_knows_at_an_origin_only_what_had_been_sent_by_then(tmp_path):
    for month, senders in (("2025-05", "B"), ("2025-06", "B"), ("2025-07", "AB")):
        extracts.write(tmp_path, month, extracts.month_rows(month, [f"ZZ{sender}" for sender in senders]))
    merger = Successor.model_validate({"from": "ZZA", "to": "ZZB", "date": "2025-08-01"})
    plan = wl.Plan(name="Merged", inputs=str(tmp_path), successor=(merger,))
    whole, read = wl.read(tmp_path, plan), wl.read(tmp_path, plan, "2025-06")
    assert whole.present.tolist() == [[False, False, True]]  # one of two had not sent
    for name in OBSERVED:
        np.testing.assert_array_equal(getattr(known_at(whole, plan, "2025-06"), name), getattr(read, name), name)
    assert read.present.all()


def fans_of(provider: str, actual: float, mean: float, low: float, high: float, broken: str = "") -> pd.DataFrame:
    line = {"origin": "2025-05", "provider": provider, "horizon_months": 1, "measure": "waiting_list"}
    line |= {"actual": actual, "mean": mean, "p05": low, "p25": low, "p50": mean, "p75": high, "p95": high}
    return pd.DataFrame([line | {"last_value": 100.0, "break_in_window": broken}])


def test_a_record_says_what_held_and_where_it_is_poor_and_why():
    fans = [
        fans_of("AA", 110, 104, 90, 112),
        fans_of("AA", 90, 99, 95, 105, "step 2025-06"),
        fans_of("BB", 100, 103, 90, 110, "step 2025-06; stops 2025-07"),
    ]
    found = scoring.record(pd.concat(fans)).set_index("provider")
    assert found["held_90"].tolist() == [0.5, 1.0]
    assert found["error"].tolist() == pytest.approx([100 * 15 / 200, 3.0])
    assert found["naive_error"].tolist() == pytest.approx([10.0, 0.0])
    assert found["poor"].tolist() == [False, True]  # BB: 3 % where doing nothing was exact
    assert found["why"].tolist() == ["step 2025-06", "step 2025-06; stops 2025-07"]


def test_a_run_s_record_is_kept_by_what_it_was_made_from_and_read_again_the_same(place, monkeypatch):
    monkeypatch.setenv("WAITLIST_CACHE", str(place / "cache"))
    monkeypatch.setattr(track, "ORIGINS", 1)
    plan = wl.Plan.load(place / "small.toml", providers=("MADE1",))
    history = wl.read(plan.inputs, plan, "2025-02")
    result = replace(wl.run(plan.model_copy(update={"horizon_months": 1}), history), plan=plan)
    first = wl.with_record(result, history)
    (kept,) = (place / "cache" / "tables").iterdir()
    assert set(first.fans["origin"]) == {"2024-11"}
    text = kept.read_text()
    kept.write_text(text[:-2])  # not whole: made again
    again = wl.with_record(result, history)
    assert kept.read_text() == text
    pd.testing.assert_frame_equal(wl.with_record(result, history).fans, again.fans)
    pd.testing.assert_frame_equal(first.record, again.record)
    wl.with_record(replace(result, plan=plan.model_copy(update={"name": "B", "draws": 7})), history)
    assert len(list((place / "cache" / "tables").iterdir())) == 1
    early = wl.read(plan.inputs, plan, "2024-04")  # no origin has six months of flows before it
    assert wl.with_record(result, early).record is None


def test_a_provider_that_began_after_an_origin_does_not_stop_the_others_from_being_looked_back_on(place, monkeypatch):
    monkeypatch.setattr(track, "ORIGINS", 1)
    plan = wl.Plan.load(place / "small.toml", providers=("MADE1", "MADE3")).model_copy(update={"min_list": 0})
    counts = wl.read(plan.inputs, plan, "2025-02").counts
    late, began = np.array([provider == "MADE3" for provider, _ in counts.lists]), counts.months.index("2025-01")
    kept = {name: getattr(counts, name).copy() for name in (*PART_OF, "reported")}
    for values in kept.values():
        values[late, :began] = 0
    history = history_of(replace(counts, **kept))
    result = wl.run(plan.model_copy(update={"horizon_months": 1}), history)
    fans = wl.with_record(result, history, cache=False).fans
    assert set(fans["provider"]) == {"ALL", "MADE1"}


def test_ctrl_c_ends_the_other_processes(place):
    def tell(what: str, done: int, of: int) -> None:
        if what.startswith("Forecasting") and done:
            raise KeyboardInterrupt

    plan = wl.Plan.load(place / "small.toml")
    jobs = [Job(plan, month, 1, frozenset({"MADE1"}), ("last_value",)) for month in ("2025-05", "2025-06")]
    with pytest.raises(KeyboardInterrupt):
        list(all_said(jobs, True, tell))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("origins", "horizon", "said"),
    [
        (["2025-08"], 3, "no month after this origin is there"),
        (["2025-13", "soon"], 3, "an origin must be a month in the data"),
        (["2025-05", "2025-05"], 3, "an origin may be there once"),
        (["2025-05"], 0, "the horizon must be 1 to 60 months"),
    ],
)
def test_an_origin_or_horizon_that_cannot_be_is_refused(place, origins, horizon, said):
    with pytest.raises(wl.Refusal, match=said) as refused:
        wl.backtest(wl.Plan.load(place / "small.toml"), origins, horizon)
    assert len(refused.value.problems) == len(set(origins))
