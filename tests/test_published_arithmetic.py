"""North east London's published arithmetic, with its openings given: the engine and the answers give its figures."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from tests.test_by_activity import controls
from waitlist.calendar import horizon, months_after
from waitlist.models import answers, growth, measures
from waitlist.models.assumptions import Assumptions, Factors, Planned
from waitlist.models.controls import AT_BOTH
from waitlist.models.engine import project
from waitlist.models.forecast import ask
from waitlist.models.layout import FACTORS, LANES
from waitlist.models.moving import no_moves
from waitlist.plan import Deadline, Demand

KEY = ("QMF", "ALL")
"""The system, as one list."""


def stepped(snapshot: date, months: int, opening: np.ndarray, starts, stops_per_week: float, floor: int, deadlines=()):
    """One list without removals or chance, whose stops are all planned, among those in band ``floor`` or longer."""
    time = horizon(snapshot, months)
    departures = np.zeros((1, 2, 4, 105))
    departures[0, 0, 1] = 0.02  # as observed: everyone alike
    assumed = Assumptions(
        lists=(KEY,),
        opening=np.stack([opening, np.zeros(105)])[None],
        held=np.zeros(1),
        departures=departures,
        returns=np.zeros((1, 2, 105)),
        starts=np.broadcast_to(starts, (1, time.weeks)).copy(),
        season=np.ones((months + 1, 4)),
        span=np.arange(time.weeks) * months // time.weeks,
        shocks=np.ones((1, 1, 5)),
        lasting=np.zeros((1, 5)),
    )
    factors = Factors(np.ones((1, months + 1, FACTORS, LANES)), np.ones((1, 1, 105, LANES)), LANES)
    told = controls(np.zeros((time.weeks, 3, LANES)), floors=(0, floor) if floor else (0,), whole=True)
    told.add[0, :, AT_BOTH, -1] = stops_per_week
    told.keep[:] = 0.0
    planned = Planned(np.zeros(1, dtype=int), told, no_moves(1, time.weeks))
    rows = project(assumed, factors, time, {KEY: [0]}, ask(time, deadlines), planned)
    return next(rows)[1], time


def spread(people: float, first: int, last: int = 104) -> np.ndarray:
    bands = np.zeros(105)
    bands[first:last] = people / (last - first)
    return bands


def test_a_list_falling_by_391_a_week_ends_the_year_where_it_was_published():
    demand = 9_000.0
    row, _ = stepped(date(2022, 9, 30), 3, spread(223_072, 0, 60), demand, demand + 391, 0)
    december = row.over[0, row.asked.days.places([date(2022, 12, 30)])[0]].mean()
    assert december == pytest.approx(223_072 - 13 * 391, abs=1e-3)
    assert december == pytest.approx(218_030, rel=0.0005)  # as published: 388 a week


def test_over_18_weeks_falling_by_391_a_week_is_clear_in_may_2027():
    over = 85_457 + 391 * 13 / 3 * np.arange(3, -1, -1)
    assert answers._straight_line(over, date(2023, 2, 28), 0).startswith("2027-05")


def test_a_cohort_of_9000_at_287_a_week_comes_down_to_4000_by_the_deadline():
    deadline = Deadline(threshold_weeks=65, date=date(2024, 3, 31))
    row, time = stepped(date(2023, 11, 30), 4, spread(9_000, 48), 0.0, 287, 48, (deadline,))
    weeks = list(answers.cohort(row, time, 0, deadline))
    assert weeks[0][2] == 9_000
    # 17 weeks and three days, which are Good Friday and a weekend: nobody is treated in them
    assert weeks[-1][2] == 9_000 - 17 * 287
    assert pytest.approx(4_000, abs=5) == 9_000 - 287 * 122 / 7  # by the calendar, as published
    needed = 9_000 / ((date(2024, 3, 31) - date(2023, 11, 30)).days / 7)
    assert weeks[0][4] == pytest.approx(needed)  # to empty it, 516 a week: what was planned left 4,000


def test_breakeven_of_4281_a_week_rises_with_demand_to_a_fifth_more_in_five_years():
    months = [months_after("2023-02", ahead) for ahead in range(1, 62)]
    stated = growth.growths(Demand(growth="stated", percent_per_year=3.66), None, None, months)
    path = np.exp(stated.paths(["110"])[0])
    assert path[59] == pytest.approx(1.197, abs=0.0005)
    time = horizon(date(2023, 2, 28), 60)
    weekly = 4281 * np.interp(np.arange(time.weeks) + 0.5, 365.25 / 12 / 7 * np.arange(1, 62), path)
    row, time = stepped(date(2023, 2, 28), 60, spread(174_000, 0, 60), weekly, 4_281, 0)
    found = [r for r in answers.breakeven_ahead(measures.monthly(row, time), time, (18,)) if r[0] == 0]
    breakeven = np.array([r[4] for r in found])
    weeks = np.array([r[2] for r in found])
    np.testing.assert_allclose(breakeven, weeks, rtol=1e-6)  # nobody is removed: what starts must stop
    year = breakeven[-12:].mean() / breakeven[:12].mean()
    assert year == pytest.approx(1.0366**4, rel=0.003)
