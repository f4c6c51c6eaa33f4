"""One run of the synthetic system, written and read back: R4, totals, cohorts, stages and bytes (R4, R5, R10, R11)."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

import waitlist as wl
from waitlist.inputs.sample import write_sample

LIST = ["provider", "specialty"]
PLAN = """
name = "Small"
inputs = "sample"
horizon_months = 9
draws = 40
seed = 3
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_sample(folder / "sample")
    (folder / "small.toml").write_text(PLAN, encoding="utf-8")
    plan = wl.Plan.load(folder / "small.toml")
    wl.write(wl.run(plan, wl.read(plan.inputs, plan)), folder / "out")
    return folder


def table(place: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(place / "out" / f"{name}.csv", dtype={"specialty": str}, keep_default_na=False, na_values=[""])


def wide(frame: pd.DataFrame, time: str, value: str) -> pd.DataFrame:
    return frame.pivot(index=[*LIST, time], columns="measure", values=value)


def net_flow(measures: pd.DataFrame) -> pd.Series:
    arrived = measures["clock_starts"] + measures["transfers_in"] + measures["restatement"]
    left = measures["stops_admitted"] + measures["stops_non_admitted"] + measures["other_removals"]
    return arrived - left - measures["transfers_out"]


def test_r4_holds_in_the_written_months_weeks_and_past_to_rounding(place):
    months = wide(table(place, "trajectory"), "month_end", "mean")
    weeks = wide(table(place, "trajectory_weekly"), "week_ending", "mean")
    past = wide(table(place, "observed"), "month_end", "value")
    snapshot = past["waiting_list"].groupby(level=LIST).last()
    for measures in (months, weeks):
        before = measures["waiting_list"].groupby(level=LIST).shift()
        opening = snapshot.reindex(before.index.droplevel(2)).to_numpy()
        before = before.where(before.notna(), opening)
        assert (before + net_flow(measures) - measures["waiting_list"]).abs().max() <= 0.0005 * 9
    change = past["waiting_list"].groupby(level=LIST).diff()
    closed = (net_flow(past) - change)[past["clock_starts"].notna()]
    assert len(closed) == len(snapshot) * 23
    assert closed.abs().max() <= 0.0005 * 9


def test_means_of_lists_add_up_to_providers_specialties_and_the_whole(place):
    means = table(place, "trajectory").set_index([*LIST, "month_end", "measure"])["mean"]
    counts = means[~means.index.get_level_values("measure").str.contains("percent|wait_weeks")]
    lists = counts[[provider != "ALL" and specialty != "ALL" for provider, specialty, *_ in counts.index]]
    terms = len(lists.index.droplevel([2, 3]).unique())
    for level, total in (("provider", "specialty"), ("specialty", "provider")):
        added = lists.groupby(level=[level, "month_end", "measure"]).sum()
        stated = counts.xs("ALL", level=total).reindex(added.index)
        assert (added - stated).abs().max() <= 0.0005 * (terms + 1)


def test_a_cohort_s_last_row_is_the_number_over_its_threshold_at_its_deadline(place):
    ends = table(place, "cohorts").groupby([*LIST, "threshold_weeks", "deadline"]).last().reset_index()
    assert (ends["week_ending"] == ends["deadline"]).all()
    ends["measure"] = "over_" + ends["threshold_weeks"].astype(str) + "_weeks"
    over = table(place, "trajectory").rename(columns={"month_end": "deadline"})
    both = ends.merge(over, on=[*LIST, "deadline", "measure"], suffixes=("", "_there"), validate="one_to_one")
    assert len(both) == len(ends) > 100
    for share in ("p10", "p50", "p90"):
        pd.testing.assert_series_equal(both[share], both[f"{share}_there"], check_names=False)


def test_a_cohort_loses_and_gains_what_changes_it(place):
    rows = table(place, "cohorts")
    assert rows["joined"].min() >= 0
    assert rows["left"].min() >= -0.001


def test_each_stage_closes_with_the_conversions_between_them(place):
    position = table(place, "position").pivot(index=[*LIST, "stage"], columns="measure", values="value")
    history = wl.read(place / "sample")
    stages = {"outpatient": (history.outpatient, -1), "admission": (history.admission, 1)}
    for n, (provider, specialty) in enumerate(history.lists):
        for stage, (people, sign) in stages.items():
            row = position.loc[(provider, specialty, stage)]
            left = row["stops_admitted"] + row["stops_non_admitted"] + row["other_removals"]
            closing = people[n, -2].sum() + row["clock_starts"] - left + sign * row["conversions"]
            assert closing == pytest.approx(people[n, -1].sum(), abs=0.005)


def test_breakeven_is_what_the_change_in_the_number_over_t_says(place):
    breakeven = table(place, "breakeven")
    over = wide(table(place, "observed"), "month_end", "value")
    now = breakeven[breakeven["as_of"] == breakeven["as_of"].min()].set_index([*LIST, "threshold_weeks"])
    for t in (18, 52, 65, 78, 104):
        change = over[f"over_{t}_weeks"].groupby(level=LIST).diff().groupby(level=LIST).last()
        gap = now.xs(t, level="threshold_weeks")["gap_per_week"].reindex(change.index)
        assert (gap - change * 7 / 31).abs().max() <= 0.002  # gap: what was missing to hold it level


def test_the_same_plan_data_and_seed_give_the_same_bytes_on_one_thread_and_on_two(place):
    out = place / "one-thread"  # the run of this process has as many threads as there are cores
    command = [sys.executable, "-m", "waitlist", "run", str(place / "small.toml"), "--out", str(out)]
    subprocess.run(command, env=os.environ | {"NUMBA_NUM_THREADS": "1"}, check=True, capture_output=True)
    one = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(out.glob("*.csv"))}
    written = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((place / "out").glob("*.csv"))}
    assert one == written
    assert len(written) == 11


def test_ctrl_c_while_forecasting_stops_at_once_and_leaves_no_thread_at_work(place):
    def tell(what: str, done: int, of: int) -> None:
        if (what, done) == ("Forecasting", 2):
            raise KeyboardInterrupt

    plan = wl.Plan.load(place / "small.toml")
    history, before = wl.read(plan.inputs, plan), threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        wl.run(plan, history, tell)
    assert threading.active_count() == before
