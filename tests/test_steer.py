"""The engine steered: its people go where the outlook says, through its own flows and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from waitlist.calendar import horizon
from waitlist.models import steer
from waitlist.models.assumptions import Assumptions, factors_drawn
from waitlist.models.engine import stepped
from waitlist.models.forecast import ask
from waitlist.models.layout import F_ADMITTED, F_REMOVED, F_STARTS, LANES, STARTS
from waitlist.models.outlook import Outlook
from waitlist.models.record import FLOORS
from waitlist.models.sharing import shared

TIME = horizon(date(2025, 8, 31), 15)
REACH, DRAWS = 12, LANES
ROWS = ([0, 1], [2])


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
    found = stepped(assumed, factors, TIME, lists, ask(TIME, ()))
    return found.over[: len(FLOORS)][:, found.asked.days.places([end.day for end in TIME.month_ends[:REACH]])], found


def still(assumed):
    """``assumed`` and factors without any chance."""
    calm = replace(assumed, shocks=np.ones((12, 3, 5)))
    factors = factors_drawn(calm, DRAWS, 1)
    factors.tilt[:] = 1.0
    return calm, factors


def carried_on(assumed):
    """What the expected forecast of each provider is where nothing is steered [2, 4, REACH]."""
    return np.stack([people(*still(assumed), rows)[0][..., 0] for rows in ROWS])


def lately(assumed):
    """Admitted stops a working day of each list, in every month, where nothing is steered."""
    found = [stepped(*still(assumed), TIME, [n], ask(TIME, ())).flows[F_ADMITTED] for n in range(3)]
    return np.outer([flow[:, 0].sum() for flow in found], np.ones(REACH)) / TIME.working_days.sum()


def outlook_of(expected, spread=0.0):
    wander = np.random.default_rng(5).normal(0, spread, (*expected.shape[:2], 1, DRAWS))
    wander = wander * np.linspace(1 / REACH, 1, REACH)[:, None]
    return Outlook(("RAA", "RBB"), expected, expected[..., None] * np.exp(wander))


def led(assumed, factors, outlook):
    return steer.steered(assumed, factors, TIME, outlook, None, lately(assumed), 1)


def test_nobody_is_moved_where_the_outlook_is_the_engines_own_path(assumed):
    wanted = carried_on(assumed)
    calm, factors = still(assumed)
    factors, _ = led(calm, factors, outlook_of(wanted))
    for p, rows in enumerate(ROWS):
        went = people(calm, factors, rows)[0][..., 0]
        assert np.abs(went - wanted[p]).max() < 0.005 * wanted[p].max()


def test_the_expected_people_go_where_the_outlook_says(assumed):
    wanted = carried_on(assumed) * (1 + np.array([0.03, -0.05, 0.12, -0.1])[:, None] * np.linspace(0.2, 1, REACH))
    calm, factors = still(assumed)
    factors, _ = led(calm, factors, outlook_of(wanted))
    for p, rows in enumerate(ROWS):
        went = people(calm, factors, rows)[0][..., 0]
        large = wanted[p] > 30
        assert np.abs(went / wanted[p] - 1)[large].max() < 0.03


def test_theatres_do_as_much_as_lately_though_more_long_waits_leave(assumed):
    wanted = carried_on(assumed) * np.array([1.0, 0.95, 0.7, 0.6])[:, None] ** np.linspace(0.1, 1, REACH)
    calm, factors = still(assumed)
    before = people(calm, factors, [2])[1].flows[F_ADMITTED][:50, 0].sum()
    factors, _ = led(calm, factors, outlook_of(wanted))
    after = people(calm, factors, [2])[1].flows[F_ADMITTED][:50, 0].sum()
    assert abs(after / before - 1) < 0.04


def test_each_draw_follows_its_own_path_and_its_flows_close_every_week(assumed):
    aims = outlook_of(carried_on(assumed), spread=0.08)
    factors = factors_drawn(assumed, DRAWS, 1)
    went, row = people(assumed, led(assumed, factors, aims)[0], [0, 1])
    free, _ = people(assumed, factors, [0, 1])
    missed, unled = (np.abs(np.log(path[:2] / aims.draws[0, :2])).mean() for path in (went, free))
    assert missed < unled / 2
    weekly = row.asked.days.places(TIME.week_ends[1:])
    change = np.diff(row.over[0][weekly], axis=0, prepend=0.0)
    change[0] -= row.opening[0]
    flows = row.flows[F_STARTS] - row.flows[F_STARTS + 1 : F_REMOVED + 1].sum(axis=0)
    np.testing.assert_allclose(change, flows, atol=1e-6)


def test_the_mean_of_wide_draws_is_the_outlook_s(assumed):
    aims = outlook_of(carried_on(assumed) * np.array([1.0, 0.95, 0.9, 0.9])[:, None], spread=0.4)
    factors, _ = led(assumed, factors_drawn(assumed, DRAWS, 1), aims)
    for p, rows in enumerate(ROWS):
        went = people(assumed, factors, rows)[0].mean(axis=-1)
        assert np.abs(went / aims.expected[p] - 1)[:3].max() < 0.05


def test_the_paces_told_are_those_the_draws_go_by_and_unknown_stops_are_not_none(assumed):
    factors, aims = factors_drawn(assumed, DRAWS, 1), outlook_of(carried_on(assumed), spread=0.1)
    unknown = lately(assumed)
    unknown[1] = np.nan
    steered, paces = steer.steered(assumed, factors, TIME, aims, None, unknown, 1)
    gone = steered.months[:, :REACH, STARTS + 1 :, :DRAWS].mean(axis=-1)
    np.testing.assert_allclose(paces.mean[:, :, 1:], gone)
    known, _ = led(assumed, factors, aims)
    flows = [people(assumed, given, [1])[1].flows[F_ADMITTED][:50].sum() for given in (steered, known)]
    assert flows[0] == pytest.approx(flows[1], rel=0.05)


def test_more_demand_has_its_effect_on_top_of_the_paces(assumed):
    factors, _ = led(assumed, factors_drawn(assumed, DRAWS, 1), outlook_of(carried_on(assumed)))
    more = replace(assumed, starts=assumed.starts * 1.1)
    usual, grown = (people(given, factors, [0, 1])[0][0].mean(axis=-1) for given in (assumed, more))
    assert (grown > usual).all()
    assert grown[-1] > 1.03 * usual[-1]


def test_a_list_is_expected_between_its_providers_growth_and_its_own_rates():
    now = np.array([[100.0, 40, 4, 0], [300.0, 60, 6, 2]])
    by_rates = np.repeat(now[..., None] * np.array([1.2, 1.0])[:, None, None], 3, axis=2)
    expected = np.repeat(now.sum(axis=0)[:, None] * 1.1, 3, axis=1)
    people = shared(now, by_rates, expected)
    np.testing.assert_allclose(people.sum(axis=0), expected)
    growth = people[0, 0, 0] / now[0, 0]
    assert 1.1 < growth < 1.2 * 1.1 / ((100 * 1.2 + 300) / 400)
