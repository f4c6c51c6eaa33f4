"""The queueing view: the formulas' own numbers, lists that settle as theory says, and those that never do."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from tests.test_by_activity import controls
from tests.test_engine import TIME
from waitlist.calendar import days_of
from waitlist.models import queueing, rates
from waitlist.models.assumptions import by_rates
from waitlist.models.engine import WAIT_SHARES
from waitlist.models.kernel import step_row
from waitlist.models.layout import FACTORS, FLOWS, LANES

ARGUMENTS = {
    "calc_queue_load": (queueing.load, {"demand": "demand_per_week", "capacity": "capacity_per_week"}),
    "calc_target_mean_wait": (
        queueing.target_mean_wait_weeks,
        {"target_wait": "target_wait_weeks", "factor": "factor"},
    ),
    "calc_target_queue_size": (
        queueing.target_queue,
        {"demand": "demand_per_week", "target_wait": "target_wait_weeks", "factor": "factor"},
    ),
    "calc_target_capacity": (
        queueing.target_capacity_per_week,
        {
            "demand": "demand_per_week",
            "target_wait": "target_wait_weeks",
            "factor": "factor",
            "cv_demand": "cv_demand",
            "cv_capacity": "cv_capacity",
        },
    ),
    "calc_relief_capacity": (
        queueing.relief_capacity_per_week,
        {
            "demand": "demand_per_week",
            "queue_size": "queue",
            "target_queue_size": "target_queue",
            "time_to_target": "weeks_to_target",
        },
    ),
    "calc_waiting_list_pressure": (
        queueing.pressure,
        {"mean_wait": "mean_wait_weeks", "target_wait": "target_wait_weeks"},
    ),
}


def test_every_formula_gives_what_others_give_where_it_is_defined_alike(shared):
    rows = pd.read_csv(shared / "oracle" / "queueing_formulas.csv")
    compared = dict.fromkeys(ARGUMENTS, 0)
    for name, inputs, expected in rows.itertuples(index=False):
        given = json.loads(inputs)
        if name not in ARGUMENTS:
            continue  # a patient's priority is not ours to rank
        raised = given.pop("num_referrals", 0) and given.get("cv_demand")  # their demand then depends on the time unit
        if name == "calc_relief_capacity":
            given.pop("cv_demand", None)
            if raised or given["queue_size"] < given["target_queue_size"]:
                continue  # ours never plans less than demand: see docs/explanation/queueing.md
        work, names = ARGUMENTS[name]
        found = work(**{names[key]: value for key, value in given.items()})
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        compared[name] += 1
    assert min(compared.values()) >= 5


def test_relief_is_never_less_than_demand_and_what_is_not_defined_is_none():
    assert queueing.relief_capacity_per_week(45, 150, 202.5, 10) == 45
    assert np.isnan(queueing.load([5.0], [0.0])).all()
    np.testing.assert_allclose(queueing.target_capacity_old_per_week([30], 52, 1), [30 + 10 / 52])


def test_a_standard_s_list_in_weeks_of_demand_is_as_published():
    assert queueing.list_for_standard_exponential(1, 18, 0.65) == pytest.approx(17.1, abs=0.05)
    assert queueing.list_for_standard_exponential(1, 18, 0.92) == pytest.approx(7.1, abs=0.05)
    assert queueing.list_for_standard_quarter(1, 18) == 4.5


def constant(people, weeks: int, starts) -> dict:
    """Arguments of ``step_row`` for one list and LANES draws in five-day weeks without chance; starts [K, LANES]."""
    multipliers = np.ones((1, weeks, FACTORS, LANES))
    multipliers[0, :, 4] = starts
    return {
        "opening": people[None],
        "held": np.zeros(1),
        "rates": np.zeros((1, 2, 4, 105)),
        "returns": np.zeros((1, 2, 105)),
        "starts": np.ones((1, weeks)),
        "multipliers": multipliers,
        "tilt": np.ones((1, 1, 105, LANES)),
        "days": np.full(weeks, 5.0),
        "last_day_share": np.zeros(weeks),
        "span": np.arange(weeks),
    }


def stepped(arguments, place=None, told=None) -> np.ndarray:
    """People over every band at each week's end [K + 1, 105, LANES]."""
    weeks = len(arguments["days"])
    days = days_of(TIME.snapshot, [TIME.snapshot + timedelta(weeks=k) for k in range(weeks + 1)])
    written = [np.empty((1, *s, LANES)) for s in ((weeks + 1, 105), (weeks + 1, 2), (0, 0), (weeks, FLOWS))]
    plain = by_rates(1)
    planned = (plain.place, plain.told) if told is None else (place, told)
    crossing, weight = np.zeros((weeks + 1, 105)), np.zeros(weeks + 1)
    places = (days.week, weight, crossing, np.arange(105), WAIT_SHARES, np.zeros((0, 0), dtype=int))
    step_row(np.arange(1), np.arange(1), *arguments.values(), *places, *planned, *written)
    return written[0][0]


def test_a_stationary_list_is_where_the_engine_settles(history):
    fitted = rates.fit(history)
    lists = len(history.lists)
    settled = queueing.stationary(np.full(lists, 100.0), fitted.departures, fitted.returns, np.ones(lists))
    arguments = constant(np.zeros((2, 105)), 900, 100.0)
    for n in (0, 5):
        arguments |= {"rates": fitted.departures[[n]], "returns": fitted.returns[[n]]}
        over = stepped(arguments)[-1, :, 0]
        np.testing.assert_allclose(over, settled[n].sum(axis=0)[::-1].cumsum()[::-1], rtol=1e-6, atol=1e-6)


def queue(demand, capacity, weeks: int) -> np.ndarray:
    """People at each week's end [K + 1, LANES] of an empty list served in turn; demand and capacity [K, LANES]."""
    arguments = constant(np.zeros((2, 105)), weeks, demand)
    arguments["rates"][0, 0, 1] = 0.2  # whoever is decided about stops
    told = controls(np.zeros((weeks, 3, LANES)), discipline=2, whole=True)
    told.carried[0, 0, :, 0] = capacity
    told.urgent[:] = 0.0
    return stepped(arguments, np.zeros(1, dtype=int), told)[:, 0]


def test_served_one_a_week_a_list_settles_as_an_m_d_1_queue_does():
    random, load = np.random.default_rng(1), 0.8
    people = queue(random.poisson(load, (9000, LANES)), np.ones((9000, LANES)), 9000)[500:]
    by_draw = people.mean(axis=0)
    expected = load + load**2 / (2 * (1 - load))
    assert abs(by_draw.mean() - expected) < 3 * by_draw.std(ddof=1) / np.sqrt(LANES)


def test_in_small_steps_a_list_settles_as_an_m_m_1_queue_does():
    random, load, step = np.random.default_rng(2), 0.7, 0.1
    arrivals, services = (random.poisson(rate * step, (20_000, LANES)) for rate in (load, 1.0))
    people = queue(arrivals, services, 20_000)[2000:]
    by_draw = people.mean(axis=0)
    # in steps a newcomer may not be served in the step it comes in: half of them would have been seen a step sooner
    expected = load / (1 - load) + load * step
    assert abs(by_draw.mean() - expected) < 3 * by_draw.std(ddof=1) / np.sqrt(LANES)
    wait = by_draw.mean() / load
    assert wait == pytest.approx(1 / (1 - load), rel=0.06)  # Little's law, in units of a service


@pytest.mark.parametrize(("load", "settles"), [(0.9, True), (1.0, False), (1.1, False)])
def test_a_load_of_one_or_more_never_settles(load, settles):
    random = np.random.default_rng(3)
    people = queue(random.poisson(load, (6000, LANES)), np.ones((6000, LANES)), 6000).mean(axis=1)
    early, late = people[1000:2000].mean(), people[5000:].mean()
    assert (late < 1.3 * early) == settles


def test_the_command_prints_three_sizes_and_writes_its_table(place, tmp_path):
    (place / "plan.toml").write_text('name = "Queues"\ninputs = "sample"\n', encoding="utf-8")
    run = [sys.executable, "-m", "waitlist", "position", str(place / "plan.toml"), "--queueing", "--json"]
    done = subprocess.run([*run, "--out", str(tmp_path / "out")], capture_output=True, text=True, check=True)
    rows = {(row["provider"], row["specialty"]): row for row in json.loads(done.stdout)}
    whole = rows["ALL", "ALL"]
    assert whole["list_for_standard_quarter"] == pytest.approx(4.5 * whole["demand_per_week"], rel=1e-3)
    assert whole["list_for_standard_exponential"] > whole["list_for_standard_quarter"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["manifest.json", "queueing.csv"]
    mild = subprocess.run([*run, "--standard-percent", "65"], capture_output=True, text=True, check=True)
    assert (
        json.loads(mild.stdout)[0]["list_for_standard_simulated"]
        > json.loads(done.stdout)[0]["list_for_standard_simulated"]
    )
