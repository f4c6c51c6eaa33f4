"""A submission held against what came: rated, split exactly, and true to what is known of the made-up system."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import waitlist as wl
from tests.submissions import plan_of
from waitlist import follow_up
from waitlist.calendar import months_after
from waitlist.errors import Refusal
from waitlist.follow_up import follow
from waitlist.history import Strike, Summaries
from waitlist.inputs.sample import write_sample
from waitlist.inputs.sample_draw import REMOVED, simulate
from waitlist.inputs.sample_truth import SYSTEM
from waitlist.models.submission import variance
from waitlist.models.submission.rating import rating
from waitlist.planning_round import submission
from waitlist.register import add, next_number, open_register
from waitlist.versions import version_of


@pytest.mark.parametrize(
    ("plan", "actual", "direction", "found"),
    [
        (100, 100, "lower", "green"),
        (100, 90, "lower", "green"),
        (100, 105, "lower", "amber"),
        (100, 105.1, "lower", "red"),
        (100, 110, "higher", "green"),
        (100, 95, "higher", "amber"),
        (100, 94, "higher", "red"),
        (0, 0, "lower", "green"),
        (0, 1, "lower", "red"),
        (100, 300, "neither", ""),
        (float("nan"), 1, "lower", ""),
    ],
)
def test_on_plan_is_green_within_five_per_cent_amber_and_beyond_red(plan, actual, direction, found):
    assert rating(plan, actual, direction) == found


def side(random, months):
    flows = np.rint(random.uniform(0, 300, (7, months)))
    flows[6] *= random.random() < 0.3
    size = np.rint(random.uniform(500, 1500, months + 1))
    size[1:] = size[0] + np.cumsum(variance.SIGNS @ flows)
    over = np.rint(random.uniform(0, 90, months + 1))
    return variance.Side(size, over, flows, random.uniform(0, 30, 105), random.uniform(0, 5, (105, months)))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 18))
def test_the_split_adds_up_to_the_difference_exactly_whatever_came(seed, months):
    random = np.random.default_rng(seed)
    planned, actual = side(random, months), side(random, months)
    lost = random.uniform(-0.1, 0.1, months)
    of_list = variance.of_list(planned, actual, lost)
    assert tuple(of_list) == variance.STEPS
    assert sum(of_list.values()) == pytest.approx(actual.size[-1] - planned.size[-1], abs=1e-6)
    of_long = variance.of_long_waits(planned, actual, lost, "2025-04", overruled=3.0)
    assert tuple(of_long) == variance.STEPS
    assert sum(of_long.values()) == pytest.approx(actual.over[-1] - planned.over[-1], abs=1e-6)
    assert of_long["demand"] == 0 or months > 11, "nobody who started within the year is over 52 weeks"
    revised = actual.size[0] - planned.size[0] + actual.flows[6].sum() - planned.flows[6].sum()
    assert of_list["data changes"] == pytest.approx(revised, abs=1e-6)


def test_a_worked_split_of_a_list_is_as_by_hand():
    """1,000, 100 start, 90 stop, 10 removed were planned; 120, 80, 15 came, 5 restated, a tenth of the days lost."""
    flat = np.zeros((105, 1))
    planned = variance.Side(
        np.array([1000.0, 1000.0]), np.zeros(2), np.array([[100.0, 30, 60, 10, 0, 0, 0]]).T, flat[:, 0], flat
    )
    actual = variance.Side(
        np.array([1000.0, 1030.0]), np.zeros(2), np.array([[120.0, 25, 55, 15, 0, 0, 5]]).T, flat[:, 0], flat
    )
    found = variance.of_list(planned, actual, np.array([-0.1]))
    assert found == {
        "demand": 20,
        "activity": 1,
        "working days": 9,
        "other removals": -5,
        "transfers": 0,
        "data changes": 5,
    }


def test_who_is_over_52_weeks_in_time_is_told_by_band_and_day():
    """Band 40 holds days 281-287; 364 days are 52 weeks, so that 77 days on none are over, and 84 on all are."""
    of = {month: variance.over_by("2025-06", month)[40] for month in ("2025-08", "2025-09")}
    assert of == {"2025-08": 0.0, "2025-09": 1.0}
    assert variance.treated_of_cohort("2025-08", "2025-08")[52:].min() == 1.0
    assert variance.treated_of_cohort("2025-08", "2025-08")[:47].max() == 0.0
    assert variance.started_of_cohort("2025-08", "2026-07") == 0.0
    assert variance.started_of_cohort("2025-08", "2026-08") > 0.9


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A folder with the sample and a register that holds a submission made in April."""
    folder = tmp_path_factory.mktemp("followed")
    write_sample(folder / "sample")
    plan = plan_of(folder)
    made = submission(plan, wl.read(folder / "sample", plan, "2025-04"))
    with open_register(str(folder / "register.sqlite")) as register:
        add(register, version_of(made, next_number(register, plan.name, "2025-26"), "final"))
    return folder


@pytest.fixture(scope="module")
def held(planned):
    return follow(plan_of(planned), planned / "sample")


def test_what_came_is_held_against_the_version_that_was_final(held, planned):
    assert held.version == "version 1, final" and held.planned_from.isoformat() == "2025-04-30"
    assert sorted(held.against["month"].unique()) == ["2025-05", "2025-06", "2025-07", "2025-08"]
    history = wl.read(planned / "sample")
    rows = [n for n, key in enumerate(history.lists) if key[0] == "MADE2"]
    row = held.against[(held.against["org"] == "MADE2") & (held.against["line"] == "over_52_weeks")].iloc[-1]
    assert row["actual"] == history.waiting[rows, -1, 52:].sum()
    whole = held.against[held.against["line"] != "percent_within_18_weeks"].pivot_table(
        index=["line", "month"], columns="org", values=["plan", "actual"]
    )
    for kind in ("plan", "actual"):
        assert (whole[kind][["MADE1", "MADE2", "MADE3"]].sum(axis=1) == whole[kind]["MADEQ"]).all()


def split_of(held):
    table = held.variance.copy()
    ends = {
        s: table[table["step"] == s].set_index(["org", "measure", "month"])["contribution"] for s in ("plan", "actual")
    }
    steps = table[~table["step"].isin(["plan", "actual"])].groupby(["org", "measure", "month"])["contribution"].sum()
    return steps, ends["actual"] - ends["plan"]


def test_the_split_of_every_trust_and_month_adds_up_exactly(held):
    steps, difference = split_of(held)
    assert np.abs(steps - difference).max() < 1e-6
    assert set(held.variance["org"]) == {"MADE1", "MADE2", "MADE3", "MADEQ"}


def step(held, org, measure, name, month="2025-08"):
    table = held.variance
    rows = (table["org"] == org) & (table["measure"] == measure) & (table["month"] == month) & (table["step"] == name)
    return float(table[rows]["contribution"].iloc[0])


def test_the_cohorts_removals_are_the_true_ones_within_the_sampling_error(held, planned):
    """What the split takes for removals of those who would be over 52 weeks, against those that were drawn."""
    months = [months_after("2025-04", m) for m in range(1, 5)]
    history = wl.read(planned / "sample")
    happened = simulate(SYSTEM, history.months, 1)
    left = happened.by_list(happened.left[:, :, :, REMOVED].sum(axis=2))
    names = [(item.provider, item.specialty) for item in SYSTEM.lists]
    weights = np.stack([variance.treated_of_cohort(month, months[-1]) for month in months], axis=1)
    for org in ("MADE1", "MADE2", "MADE3"):
        rows = [n for n, key in enumerate(names) if key[0] == org]
        truth = sum(
            float(left[rows, history.months.index(m)].sum(axis=0) @ weights[:, k]) for k, m in enumerate(months)
        )
        mine = [n for n, key in enumerate(history.lists) if key[0] == org]
        start = history.months.index("2025-04")
        opening = float(history.waiting[mine, start].sum(axis=0) @ variance.over_by("2025-04", months[-1]))
        stops = follow_up._published(history, mine, months)
        found = opening - float((weights * stops).sum()) - float(history.waiting[mine, -1, 52:].sum())
        error = np.sqrt(opening)
        assert abs(found - truth) < 3 * error, (org, found, truth, error)


def doctored(history, provider, specialty, people):
    """``history`` in which ``people`` of a list over 52 weeks were treated in July less than was reported."""
    n, m = history.lists.index((provider, specialty)), history.months.index("2025-07")
    sent = history.sent
    stops, waiting = sent.non_admitted.copy(), sent.incomplete.copy()
    left = people
    for band in range(55, 75):
        taken = min(left, float(stops[n, m, band]))
        stops[n, m, band] -= taken
        waiting[n, m, band + 2] += taken
        waiting[n, m + 1, band + 6] += taken
        left -= taken
    assert left == 0
    from waitlist.inputs.past import history_of

    return history_of(dataclasses.replace(sent, non_admitted=stops, incomplete=waiting), (), ())


def test_people_treated_less_are_told_as_activity_and_as_nothing_else(held, planned, monkeypatch):
    plan = plan_of(planned)
    spoiled = doctored(wl.read(planned / "sample", plan), "MADE1", "110", 10)
    real = follow_up.read

    def read(folder, plan=None, origin=None, cache=True, progress=None):
        return spoiled if origin is None else real(folder, plan, origin, cache, progress)

    monkeypatch.setattr(follow_up, "read", read)
    monkeypatch.setattr(follow_up, "_needed", lambda *args: None)
    other = follow(plan, planned / "sample")
    for measure in ("waiting_list", "over_52_weeks"):
        for name in variance.STEPS:
            change = step(other, "MADE1", measure, name) - step(held, "MADE1", measure, name)
            assert change == pytest.approx(10 if name == "activity" else 0, abs=0.01), (measure, name)


def without(history, month, providers=("MADE1", "MADE2", "MADE3")):
    """``history`` in which ``providers`` sent nothing in ``month``."""
    from waitlist.inputs.past import history_of

    sent, m = history.sent, history.months.index(month)
    gone = [n for n, key in enumerate(sent.lists) if key[0] in providers]
    cut = {}
    for name in ("incomplete", "decided", "admitted", "non_admitted", "admitted_unknown", "non_admitted_unknown"):
        cut[name] = getattr(sent, name).copy()
        cut[name][gone, m] = 0.0
    starts, reported = sent.clock_starts.copy(), sent.reported.copy()
    starts[gone, m], reported[gone, m] = 0.0, False
    return history_of(dataclasses.replace(sent, clock_starts=starts, reported=reported, **cut), (), ())


@pytest.mark.parametrize(
    ("month", "providers"),
    [("2025-06", ("MADE1", "MADE2", "MADE3")), ("2025-04", ("MADE1", "MADE2", "MADE3")), ("2025-08", ("MADE3",))],
    ids=["a month between", "the plan's snapshot", "one trust in the last month"],
)
def test_what_was_not_reported_is_no_treatment_missed(held, planned, monkeypatch, month, providers):
    plan = plan_of(planned)
    spoiled, real = without(wl.read(planned / "sample", plan), month, providers), follow_up.read
    monkeypatch.setattr(
        follow_up, "read", lambda f, p=None, o=None, *rest: spoiled if o is None else real(f, p, o, *rest)
    )
    monkeypatch.setattr(follow_up, "_needed", lambda *args: None)
    found = follow(plan, planned / "sample")
    steps, difference = split_of(found)
    assert np.abs(steps - difference).max() < 1e-6
    if providers == ("MADE3",):
        assert not (found.variance["month"] == month).loc[found.variance["org"].isin(["MADE3", "MADEQ"])].any()
        assert "MADEQ" not in set(found.to_go["org"]), "no chance of a total that lacks a trust"
    else:
        whole = step(held, "MADE2", "over_52_weeks", "activity")
        assert abs(step(found, "MADE2", "over_52_weeks", "activity") - whole) < 40
        assert abs(step(found, "MADE2", "over_52_weeks", "data changes")) < 60


def test_strike_days_that_came_are_working_days_where_the_plan_says_what_they_cost(planned, monkeypatch):
    plan = plan_of(planned)
    plan = plan.model_copy(update={"submission": plan.submission.model_copy(update={"strike_percent_lost": 50.0})})
    days = tuple(Strike(pd.Timestamp(day).date(), "nurses", 1.0) for day in ("2025-07-01", "2025-07-02", "2025-07-05"))
    real = follow_up.read

    def read(*args, **kwargs):
        return dataclasses.replace(real(*args, **kwargs), summaries=Summaries(strikes=days))

    monkeypatch.setattr(follow_up, "read", read)
    monkeypatch.setattr(follow_up, "_needed", lambda *args: None)
    struck = follow(plan, planned / "sample")
    stops = struck.against[(struck.against["org"] == "MADE1") & (struck.against["month"] == "2025-07")]
    july = stops[stops["line"].str.startswith("stops")]["plan"].sum()
    assert step(struck, "MADE1", "waiting_list", "working days") == pytest.approx(july * 1 / 23), (
        "one day of 23 (a Saturday is none)"
    )
    steps, difference = split_of(struck)
    assert np.abs(steps - difference).max() < 1e-6


def test_the_rest_of_the_year_has_a_chance_and_where_it_is_low_what_would_make_the_plan(held):
    march = held.to_go.set_index(["org", "line"])
    assert ((march["chance"] >= 0) & (march["chance"] <= 1)).all() and (march["p10"] <= march["p90"]).all()
    low = march[
        (march["chance"] < 0.5) & march.index.get_level_values(1).isin(["percent_within_18_weeks", "over_52_weeks"])
    ]
    trusts = {org for org, _ in low.index if org != "MADEQ"}
    if trusts:
        assert trusts <= set(held.needed["provider"]), "the least extra activity, by trust"


def test_a_control_chart_has_its_limits_and_a_gap_where_nothing_is_known(held):
    chart = held.control[(held.control["org"] == "MADE1") & (held.control["line"] == "waiting_list")]
    values = chart["value"].to_numpy()
    assert chart["high"].iloc[0] - chart["mean"].iloc[0] == pytest.approx(2.66 * np.abs(np.diff(values)).mean())


def test_actuals_that_reach_no_month_of_the_year_are_refused(planned, tmp_path):
    plan = plan_of(planned)
    early = tmp_path / "early"
    early.mkdir()
    for path in (planned / "sample").glob("RTT-2024-*"):
        (early / path.name).write_bytes(path.read_bytes())
    with pytest.raises(Refusal) as caught:
        follow(plan, early)
    assert "after the plan's snapshot, 2025-04-30" in str(caught.value)
