"""The engine steered: its people go where the outlook says, through its own flows and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from waitlist.calendar import horizon
from waitlist.models import steer
from waitlist.models.engine import Assumptions, asked, factors_drawn, stepped
from waitlist.models.kernel import F_REMOVED, F_STARTS, LANES
from waitlist.models.outlook import Outlook
from waitlist.models.record import FLOORS

TIME = horizon(date(2025, 8, 31), 15)
REACH, DRAWS = 12, LANES


@pytest.fixture(scope="module")
def assumed() -> Assumptions:
    """Two lists of one provider and one of another, near their steady states."""
    lists = (("RAA", "110"), ("RAA", "120"), ("RBB", "110"))
    ages = np.exp(-np.arange(105) / 14)
    opening = np.array([[900 * ages, 250 * ages]] * 3) * np.array([1.0, 2.0, 5.0])[:, None, None]
    departures = np.zeros((3, 2, 4, 105))
    departures[:, 0] = np.array([0.001, 0.008, 0.003, 0.002])[:, None]
    departures[:, 1, 0], departures[:, 1, 2] = 0.012, 0.003
    months = len(TIME.months) + 1
    span = np.minimum(np.arange(TIME.weeks) * 12 // 52, months - 1)
    starts = 5 * (departures.sum(axis=2) * opening).sum(axis=(1, 2))
    random = np.random.default_rng(3)
    return Assumptions(
        lists=lists,
        opening=opening,
        held=opening[:, 0, 0] / 6,
        departures=departures,
        returns=np.full((3, 2, 105), 0.02),
        starts=np.repeat(starts[:, None] / 5, TIME.weeks, axis=1) * TIME.working_days,
        season=np.ones((months, 4)),
        span=span,
        shocks=random.normal(1, 0.03, (12, 3, 5)),
        lasting=np.full((3, 5), 0.1),
    )


def people(assumed, factors, lists):
    """[4, REACH, D] people of ``lists`` over FLOORS at the month ends."""
    found = stepped(assumed, factors, TIME, lists, asked(TIME, ()))
    return found.over[: len(FLOORS)][:, found.asked.days.places([end.day for end in TIME.month_ends[:REACH]])], found


def carried_on(assumed):
    """What the expected forecast of each provider is where nothing is steered [P, 4, REACH]."""
    still = replace(assumed, shocks=np.ones((12, 3, 5)))
    factors = factors_drawn(still, DRAWS, 1)
    factors.tilt[:] = 1.0
    return np.stack([people(still, factors, rows)[0][..., 0] for rows in ([0, 1], [2])])


def outlook_of(expected, spread=0.0):
    wander = np.random.default_rng(5).normal(0, spread, (*expected.shape[:2], 1, DRAWS))
    wander = wander * np.linspace(1 / REACH, 1, REACH)[:, None]
    return Outlook(("RAA", "RBB"), expected, expected[..., None] * np.exp(wander))


def test_nothing_is_steered_where_the_outlook_is_the_engines_own_path(assumed):
    paces = steer.found(assumed, factors_drawn(assumed, DRAWS, 1), TIME, outlook_of(carried_on(assumed)))
    np.testing.assert_allclose(paces.mean, 1.0, atol=1e-3)


def test_the_expected_people_go_where_the_outlook_says(assumed):
    wanted = carried_on(assumed) * (1 + np.array([0.03, -0.05, 0.12, -0.1])[:, None] * np.linspace(0.2, 1, REACH))
    factors = factors_drawn(assumed, DRAWS, 1)
    paces = steer.found(assumed, factors, TIME, outlook_of(wanted))
    still = replace(assumed, shocks=np.ones((12, 3, 5)))
    calm = factors_drawn(still, DRAWS, 1)
    calm.tilt[:] = 1.0
    calm = steer.steered(still, calm, replace(paces, draws=np.repeat(paces.mean[..., None], DRAWS, axis=-1)))
    for p, rows in enumerate(([0, 1], [2])):
        went = people(still, calm, rows)[0][..., 0]
        large = wanted[p] > 30
        assert np.abs(went / wanted[p] - 1)[large].max() < 0.03


def test_each_draw_follows_its_own_path_and_its_flows_close_every_week(assumed):
    aims = outlook_of(carried_on(assumed), spread=0.08)
    factors = factors_drawn(assumed, DRAWS, 1)
    led = steer.steered(assumed, factors, steer.found(assumed, factors, TIME, aims))
    went, row = people(assumed, led, [0, 1])
    free, _ = people(assumed, factors, [0, 1])
    missed, unled = (np.abs(np.log(path[:2] / aims.draws[0, :2])).mean() for path in (went, free))
    assert missed < unled / 2
    weekly = row.asked.days.places(TIME.week_ends[1:])
    change = np.diff(row.over[0][weekly], axis=0, prepend=0.0)
    change[0] -= row.opening[0]
    flows = row.flows[F_STARTS] - row.flows[F_STARTS + 1 : F_REMOVED + 1].sum(axis=0)
    np.testing.assert_allclose(change, flows, atol=1e-6)


def test_more_demand_has_its_effect_on_top_of_the_paces(assumed):
    factors = factors_drawn(assumed, DRAWS, 1)
    led = steer.steered(assumed, factors, steer.found(assumed, factors, TIME, outlook_of(carried_on(assumed))))
    more = replace(assumed, starts=assumed.starts * 1.1)
    usual, grown = (people(given, led, [0, 1])[0][0].mean(axis=-1) for given in (assumed, more))
    assert (grown > usual).all()
    assert grown[-1] > 1.03 * usual[-1]
