"""What a run says where the data are too few or parts of them missing (R3, R9, R14)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import waitlist as wl
from tests import extracts

MONTHS = ("2025-05", "2025-06", "2025-07", "2025-08")


def plan(folder: Path, **keys: object) -> wl.Plan:
    return wl.Plan(name="Few", inputs=folder, horizon_months=8, draws=20, **keys)


def value(frame: pd.DataFrame, provider: str, measure: str, column: str = "value") -> float:
    rows = frame[(frame["provider"] == provider) & (frame["specialty"] == "ALL") & (frame["measure"] == measure)]
    return float(rows[column].iloc[-1])


def test_one_month_is_refused_as_no_flow_can_be_known(tmp_path):
    extracts.write(tmp_path, "2025-08")
    with pytest.raises(wl.Refusal, match="at least one month"):
        wl.run(plan(tmp_path), wl.read(tmp_path, cache=False))


def test_few_months_and_few_draws_are_said_in_the_warnings(tmp_path):
    for month in MONTHS:
        extracts.write(tmp_path, month)
    result = wl.run(plan(tmp_path), wl.read(tmp_path, cache=False))
    assert {"months", "draws"} <= {problem.place for problem in result.warnings}


def test_a_provider_that_appears_restates_the_total_and_its_list_is_held_level(tmp_path):
    for month in MONTHS:
        late = month == MONTHS[-1]
        extracts.write(tmp_path, month, extracts.month_rows(month, ("ZZA", "ZZB") if late else ("ZZA",)))
    result = wl.run(plan(tmp_path), wl.read(tmp_path, cache=False))
    new = value(result.observed, "ZZB", "waiting_list")
    assert value(result.observed, "ALL", "restatement") == new > 0
    past = result.observed[(result.observed["provider"] == "ALL") & (result.observed["specialty"] == "ALL")]
    assert (past["measure"] == "waiting_list").sum() == len(MONTHS)
    assert value(result.trajectory, "ZZB", "waiting_list", "mean") == pytest.approx(new, rel=0.15)
    assert any("ZZB 110" in text for text in result.assumptions)


def test_a_list_whose_starts_are_never_told_grows_on_as_it_lately_has(tmp_path):
    for place, month in enumerate(MONTHS):
        rows = extracts.month_rows(month, ("ZZA",))
        extracts.write(tmp_path, month, [*rows, extracts.row(month, "ZZB", "2", people=10 + place)])
    result = wl.run(plan(tmp_path), wl.read(tmp_path, cache=False))
    rows = result.trajectory[result.trajectory["provider"] == "ZZB"]
    went = rows[(rows["measure"] == "waiting_list") & (rows["specialty"] == "ALL")]["mean"].to_numpy()
    now = value(result.observed, "ZZB", "waiting_list")
    assert went[2] == pytest.approx(now * (1 + 3 / 13), rel=0.1)
    assert went[-1] - went[-2] < (went[1] - went[0]) / 2  # it fades


def test_a_backlog_that_is_clear_already_clears_at_the_snapshot(tmp_path):
    for month in MONTHS:
        extracts.write(tmp_path, month)  # nobody has waited 20 weeks
    result = wl.run(plan(tmp_path), wl.read(tmp_path, cache=False))
    rows = result.clearance[result.clearance["threshold_weeks"] >= 52]
    dates = rows[["straight_line_date", "p10_date", "p50_date", "p90_date"]]
    assert (dates == "2025-08-31").all(axis=None)
    assert (rows["share_of_draws_cleared"] == 1).all()


def test_the_straight_line_allows_what_the_tolerance_allows(tmp_path):
    for month in MONTHS:
        extracts.write(tmp_path, month)
    shared = {"clearance": {"tolerance_share": 0.5}}
    result = wl.run(plan(tmp_path, **shared), wl.read(tmp_path, cache=False))
    rows = result.clearance[result.clearance["threshold_weeks"] == 18]
    assert (rows["waiting_now"] > 0).all()
    assert (rows["straight_line_date"] == rows["p50_date"]).all()
