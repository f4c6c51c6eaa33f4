"""The question asked backwards: the answer, run forwards, is enough, and a little less is not."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

import waitlist as wl
from tests.test_planned import entry, planned
from waitlist.models import capacity, levers
from waitlist.models.aims import aim_of, attained, met
from waitlist.pipeline import capacity as sought
from waitlist.plan import targets_of
from waitlist.planned import Target

MARCH = date(2026, 3, 31)


def needs(place, history, *targets: str, probability: float = 0.5, text: str = ""):
    plan = planned(place, text).model_copy(update={"target": targets_of(targets, probability)})
    return sought(plan, history).table


def forwards(place, history, frame, part: float, measure: str, key, text: str = "") -> np.ndarray:
    """The measure in March with the answer as schemes, ``part`` of the total required being done."""
    for row in frame[(frame["stage"] != "ALL") & (frame["specialty"] != "ALL")].itertuples():
        extra = part * row.required_per_week - row.current_per_week
        name = f"{row.provider} {row.specialty} {row.stage}"
        about = {"provider": row.provider, "specialty": row.specialty, "stage": row.stage}
        text += entry("scheme", name=name, extra_per_week=float(extra), **about)
    result = wl.run(planned(place, text), history).trajectory
    rows = result[(result["provider"] == key[0]) & (result["specialty"] == key[1]) & (result["measure"] == measure)]
    return rows[rows["month_end"] == MARCH.isoformat()].iloc[0]


@pytest.mark.parametrize(
    ("target", "probability", "measure", "better"),
    [
        ("percent_within_18_weeks,65,2026-03-31,MADE1,110", 0.5, "percent_within_18_weeks", 1),
        ("percent_within_18_weeks,62,2026-03-31,MADE1", 0.8, "percent_within_18_weeks", 1),
        ("over_52_weeks,120,2026-03-31,MADE1,110", 0.5, "over_52_weeks", -1),
        ("waiting_list,7000,2026-03-31,MADE1,110", 0.8, "waiting_list", -1),
    ],
)
def test_the_answer_run_forwards_meets_the_target_and_two_per_cent_less_does_not(
    place, history, target, probability, measure, better
):
    frame = needs(place, history, target, probability=probability)
    assert frame["attainable"].all()
    assert frame["extra_per_week"].iloc[-1] >= 10
    _, value, _, *key = target.split(",")
    key = (*key, "ALL")[:2]
    enough, less = (forwards(place, history, frame, part, measure, key) for part in (1.0, 0.98))
    surer, less_sure = {0.5: ("p50", "p50"), 0.8: ("p25", "p10") if better > 0 else ("p75", "p90")}[probability]
    assert better * enough[surer] >= better * float(value)  # 80 % of draws lie between these two percentiles
    assert better * less[less_sure] < better * float(value)


def test_what_is_met_already_needs_nothing(place, history):
    frame = needs(place, history, "over_18_weeks,99999,2026-03-31")
    assert frame["attainable"].all()
    assert (frame["extra_per_week"] == 0).all()
    assert set(frame["date"]) == set(frame["attainable_by"]) == {"2026-03-31"}


def test_what_cannot_be_met_says_how_near_it_comes_when_and_what_limits_it(place, history):
    text = entry("limit", provider="MADE1", specialty="110", stage="admission", most_percent=120)
    frame = needs(place, history, "percent_within_18_weeks,92,2025-12-31,MADE1,110", text=text)
    whole = frame.iloc[-1]
    assert not whole["attainable"]
    assert 57 < whole["best_attainable"] < 70
    assert whole["binding_limit"] == "admission stage of MADE1 110: 120 % of what goes on"
    theatres = frame[frame["stage"] == "admission"].iloc[0]
    assert theatres["required_per_week"] == pytest.approx(1.2 * theatres["current_per_week"])
    plain = needs(place, history, "percent_within_18_weeks,92,2025-12-31,MADE1,110").iloc[-1]
    assert plain["best_attainable"] > whole["best_attainable"]


def test_where_nothing_more_may_be_done_the_limit_is_what_is_named(place, history):
    frame = needs(place, history, "percent_within_18_weeks,70,2026-01-31,MADE3", text=entry("limit", most_percent=100))
    assert not frame["attainable"].any()
    assert (frame["extra_per_week"] == 0).all()
    assert frame["binding_limit"].str.endswith("100 % of what goes on").all()


def test_a_sum_that_specialties_share_is_not_gone_beyond(place, history):
    free = needs(place, history, "percent_within_18_weeks,62,2026-03-31,MADE1")
    total = free[(free["specialty"] == "ALL") & (free["stage"] == "admission")].iloc[0]
    most = float(total["current_per_week"] + 0.5 * total["extra_per_week"])
    text = entry("limit", provider="MADE1", stage="admission", most_per_week=most)
    held = needs(place, history, "percent_within_18_weeks,62,2026-03-31,MADE1", text=text)
    assert (
        held[(held["specialty"] == "ALL") & (held["stage"] == "admission")].iloc[0]["required_per_week"] <= most + 1e-6
    )


def test_the_cheapest_mix_turns_to_where_a_stop_costs_less(place, history):
    target = "waiting_list,44000,2026-03-31,MADE1"
    dear = entry("price", specialty="110", marginal_cost_per_case=9000) + entry("price", marginal_cost_per_case=100)
    frame = needs(place, history, target, text=dear).set_index(["specialty", "stage"])["extra_per_week"]
    assert frame["110", "ALL"] < 1
    assert frame["ALL", "ALL"] > 10


def test_a_scheme_held_ready_is_switched_on_where_it_is_the_cheapest_mix(place, history):
    price = entry("price", marginal_cost_per_case=2000)
    scheme = {"name": "hub", "provider": "MADE1", "specialty": "110", "stage": "admission", "extra_per_week": 60}
    target = "percent_within_18_weeks,65,2026-03-31,MADE1,110"
    for cost, used in ((1000, "hub"), (9_000_000, "")):
        off = entry("scheme", **scheme, cost=cost).replace("\n[[", "\non = false\n[[") + "on = false\n"
        frame = needs(place, history, target, text=price + off)
        assert set(frame["schemes"]) == {used}
        assert frame["attainable"].all()
        assert (frame["extra_per_week"].iloc[-1] < 1) == bool(used)


def test_several_targets_are_met_together(place, history):
    one, other = "over_52_weeks,120,2026-03-31,MADE1,110", "percent_within_18_weeks,64,2026-02-28,MADE1,110"
    frame = needs(place, history, one, other)
    extra = frame[frame["stage"] == "ALL"].groupby("target")["extra_per_week"].max()
    assert len(extra) == 3
    assert extra["all targets"] >= extra.drop("all targets").max() - 0.05
    assert extra["all targets"] <= extra.drop("all targets").sum() + 0.05


def test_an_answer_that_more_would_spoil_is_found(monkeypatch):
    """A list whose people over 18 weeks fall, then rise, with more activity: only 3.95 to 6 a week makes them 60."""
    people = {0: 100.0}

    def answer(state, n, extra):
        over = people[0] - 10 * extra[1] if extra[1] <= 5 else 50 + 10 * (extra[1] - 5)
        return np.full((2, 1, 4), over)

    state = SimpleNamespace(
        asked=SimpleNamespace(days=SimpleNamespace(places=lambda days: [0], dates=(MARCH,)), floors=(0, 18)),
        factors=SimpleNamespace(draws=4),
    )
    monkeypatch.setattr(levers, "answer", answer)
    monkeypatch.setattr(levers, "fewer", lambda state, blocks: state)
    aim = aim_of(Target(measure="over_18_weeks", value=60, date=MARCH))
    bounds = capacity.Bounds(np.array([[0.0, 20.0]]), np.array([[False, True]]), (), np.ones((1, 2)))
    found = capacity.least(state, [aim], {0: [0]}, bounds)
    assert found.attainable
    assert found.extra[0, 1] == pytest.approx(3.95, abs=0.02)


@pytest.mark.parametrize(
    "measure", ["percent_within_18_weeks", "percent_over_52_weeks", "median_wait_weeks", "p92_wait_weeks"]
)
def test_a_target_is_judged_as_its_measure_is(measure):
    """A list of 1000 with 3 people in each of 100 bands and 700 in band 0: what each measure of it is, is just met."""
    bands = np.zeros(105)
    bands[:100] = 3
    bands[0] += 700
    from waitlist.bands import percentile_wait  # noqa: PLC0415

    over = bands[::-1].cumsum()[::-1]
    share = {"median_wait_weeks": 0.5, "p92_wait_weeks": 0.92}
    value = {
        "percent_within_18_weeks": 100 - 100 * over[18] / 1000,
        "percent_over_52_weeks": 100 * over[52] / 1000,
    } | {name: float(percentile_wait(bands, part)) for name, part in share.items()}
    for part, expected in ((1.0, True), (0.999 if measure != "percent_within_18_weeks" else 1.001, False)):
        aim = aim_of(Target(measure=measure, value=value[measure] * part, date=MARCH))
        people = np.array([[over[weeks]] for weeks in aim.floors])
        assert met(aim, people, np.array([1000.0])) == expected
    assert (
        attained(aim_of(Target(measure="over_18_weeks", value=1, date=MARCH)), over[[18], None], np.ones(1)) == over[18]
    )


def test_the_command_prints_its_table_and_refuses_a_target_that_is_none(place):
    path = place / "plan.toml"
    planned(place)
    run = [sys.executable, "-m", "waitlist", "capacity", str(path), "--json", "--target"]
    met_already = [*run, "over_18_weeks,99999,2026-03-31,MADE3,330"]
    done = subprocess.run(met_already, capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout)
    assert {row["stage"] for row in rows} == {"outpatient", "ALL"}
    assert all(row["extra_per_week"] == 0 for row in rows)
    failed = subprocess.run([*run, "over_19_weeks,1,2026-03-31"], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "target.measure may be" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("over_18_weeks,x,2026-03-31", "should be a number"),
        ("a,1", "MEASURE,VALUE,DATE"),
        ("waiting_list,1,soon", "date"),
    ],
)
def test_a_target_typed_wrongly_is_refused_with_how_to_write_it(text, said):
    with pytest.raises(wl.Refusal) as refused:
        targets_of([text], 0.5)
    assert said in refused.value.problems[0].sentence()
