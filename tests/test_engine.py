"""The engine keeps every pathway (R4), steps as R6 says, and its answers tie together (R2, R8, R10)."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import numpy_twin
from waitlist.bands import band_of_days, percentile_wait
from waitlist.calendar import horizon, place, snapshot_held_share
from waitlist.models import answers, measures
from waitlist.models.engine import Forecast
from waitlist.models.kernel import F_HELD, F_STOPS_OVER, FLOWS, step_weeks, sum_from_the_longest


def system(seed: int, fastest: float, weeks: int = 30, draws: int = 3, lists: int = 2):
    """Random but possible arguments of ``step_weeks``."""
    r = np.random.default_rng(seed)
    time = horizon(date(2025, 8, 29), 8)
    return {
        "opening": r.uniform(0, 50, (lists, 2, 105)),
        "held": r.uniform(0, 9, lists),
        "rates": r.uniform(0, fastest, (lists, 2, 4, 105)),
        "returns": r.uniform(0, 0.1, (lists, 2, 105)),
        "days": time.working_days[:weeks],
        "season": r.uniform(0.8, 1.2, (lists, weeks, 4)),
        "starts": r.uniform(20, 90, (lists, weeks)),
        "last_day_share": time.last_day_share[:weeks],
        "multipliers": r.uniform(0.5, 1.5, (draws, 9, lists, 5)),
        "tilt": r.uniform(0.5, 1.5, (draws, lists, 105)),
        "span": np.arange(weeks) // 4,
    }


def stepped(arguments):
    draws, lists = arguments["multipliers"].shape[0], len(arguments["opening"])
    weeks = len(arguments["days"])
    waiting, flows = np.empty((draws, lists, weeks + 1, 105)), np.empty((draws, lists, weeks, FLOWS))
    step_weeks(*arguments.values(), waiting, flows)
    return waiting, flows


@pytest.mark.parametrize("fastest", [0.01, 0.2])
def test_kernel_equals_its_numpy_twin_with_slow_rates_and_with_rates_that_would_take_more_than_all(fastest):
    arguments = system(3, fastest)
    waiting, flows = stepped(arguments)
    expected_waiting, expected_flows, _ = numpy_twin.step_weeks(**arguments)
    np.testing.assert_allclose(waiting, expected_waiting, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(flows, expected_flows, rtol=1e-9, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), fastest=st.sampled_from([0.0, 0.005, 0.05, 0.2]))
def test_every_week_closes_to_rounding_and_nobody_is_negative(seed, fastest):
    arguments = system(seed, fastest)
    waiting, flows = stepped(arguments)
    held = np.concatenate([np.broadcast_to(arguments["held"], flows.shape[:2])[..., None], flows[..., F_HELD]], axis=2)
    people = waiting.sum(axis=3) + held
    closing = people[:, :, :-1] + flows[..., 0] - flows[..., 1] - flows[..., 2] - flows[..., 3]
    np.testing.assert_allclose(people[:, :, 1:], closing, rtol=1e-11, atol=1e-8)
    assert waiting.min() >= 0


def forecast(seed: int = 1, draws: int = 40) -> tuple[Forecast, object]:
    time = horizon(date(2025, 8, 29), 12)
    arguments = system(seed, 0.006, weeks=30, draws=draws, lists=1)
    r = np.random.default_rng(seed)
    arguments |= {
        "days": time.working_days,
        "season": np.ones((1, time.weeks, 4)),
        "starts": r.uniform(60, 90, (1, time.weeks)),
        "last_day_share": time.last_day_share,
        "multipliers": r.uniform(0.7, 1.3, (draws, 14, 1, 5)),
        "span": np.arange(time.weeks) // 5,
    }
    waiting, flows = stepped(arguments)
    over = np.ascontiguousarray(waiting[:, 0])
    sum_from_the_longest(over)
    return Forecast(over, flows[:, 0], float(arguments["held"][0]), arguments["returns"][0].sum(0)), time


def test_r4_holds_between_month_ends():
    row, time = forecast()
    v = measures.monthly(row, time).values
    change = v["clock_starts"] - v["stops_admitted"] - v["stops_non_admitted"] - v["other_removals"]
    opening = row.over[:, 0, 0] + row.opening_held
    np.testing.assert_allclose(v["waiting_list"], opening[:, None] + change.cumsum(axis=1), atol=1e-6)


@pytest.mark.parametrize("threshold", [18, 52, 65, 78, 104])
@pytest.mark.parametrize("months_ahead", [1, 3, 7, 12])
def test_a_cohort_ends_at_the_number_over_its_threshold_at_the_deadline(threshold, months_ahead):
    row, time = forecast()
    over = measures.monthly(row, time).values[f"over_{threshold}_weeks"][:, months_ahead - 1]
    rows = list(answers.cohort(row, time, threshold, time.month_ends[months_ahead - 1].day))
    assert rows[-1][0] == time.month_ends[months_ahead - 1].day.isoformat()
    assert rows[-1][2] == pytest.approx(np.median(over), abs=1e-6)


def test_a_cohort_is_all_its_openings_and_joiners_less_its_leavers():
    row, time = forecast()
    rows = list(answers.cohort(row, time, 18, time.month_ends[7].day))
    joined, left = sum(r[5] for r in rows), sum(r[6] for r in rows)
    assert min(r[6] for r in rows) >= -1e-6
    assert joined >= 0 and left >= 0


def test_breakeven_held_week_by_week_keeps_the_number_over_a_threshold_level():
    threshold = 52
    arguments = system(5, 0.01, draws=1, lists=1)
    arguments["multipliers"][:] = 1.0
    arguments["opening"][:, :, 52:] *= 6
    weeks = len(arguments["days"])
    arguments["season"][:] = 1.0
    for k in range(weeks):
        one = {**arguments, "days": arguments["days"][k : k + 1], "season": arguments["season"][:, k : k + 1]}
        one |= {"starts": arguments["starts"][:, k : k + 1], "last_day_share": arguments["last_day_share"][k : k + 1]}
        one["span"] = np.zeros(1, dtype=int)
        waiting, flows, _ = numpy_twin.step_weeks(**one)
        over = waiting[0, 0, 0, threshold:].sum()
        tip = waiting[0, 0, 1, threshold]
        removed = over + tip - waiting[0, 0, 1, threshold:].sum() - flows[0, 0, 0, F_STOPS_OVER + 1]
        breakeven = tip - removed
        if over < breakeven or flows[0, 0, 0, F_STOPS_OVER + 1] == 0:
            break
        one["rates"] = arguments["rates"].copy()
        one["rates"][:, :, :2, threshold:] *= breakeven / flows[0, 0, 0, F_STOPS_OVER + 1]
        held, _ = stepped(one)
        assert held[0, 0, 1, threshold:].sum() == pytest.approx(over, abs=max(1.0, 0.005 * over))
        arguments["opening"] = np.stack([held[0, :, 1] * 0.7, held[0, :, 1] * 0.3], axis=1)
    assert k > 10


def test_weights_of_a_month_end_inside_a_week_by_hand():
    end = place(date(2025, 8, 31), date(2025, 9, 30))
    assert (end.week, end.flow_weight) == (4, 0.4)
    # who cross 18 weeks between 28 Sept and 5 Oct began 25 to 31 May: by 26 May, a bank holiday, none
    assert end.crossing_weights[18] == 0.0
    # 52 weeks: began 29 Sept to 5 Oct 2024; by 30 Sept, one working day of five
    assert end.crossing_weights[52] == pytest.approx(0.2)


def test_the_eighth_day_of_band_0_is_held_only_where_the_snapshot_is_a_working_day():
    assert snapshot_held_share(date(2025, 8, 31)) == 0.0
    assert snapshot_held_share(date(2025, 7, 31)) == pytest.approx(1 / 6)


def test_bands_begin_the_day_after_a_whole_week():
    assert [band_of_days(d) for d in (0, 7, 8, 126, 127, 364, 365, 728, 729, 5000)] == [
        0,
        0,
        1,
        17,
        18,
        51,
        52,
        103,
        104,
        104,
    ]


def test_median_wait_is_interpolated_within_its_band():
    waiting = np.zeros(105)
    waiting[[3, 10]] = [1, 3]
    assert percentile_wait(waiting, 0.5) == pytest.approx(10 + 1 / 3)


def test_a_constant_breakeven_keeps_a_stationary_list_level():
    weeks, threshold = 400, 52
    arguments = system(8, 0.01, weeks=weeks, draws=1, lists=1)
    steady = {"days": np.full(weeks, 5.0), "season": np.ones((1, weeks, 4)), "starts": np.full((1, weeks), 80.0)}
    steady |= {"last_day_share": np.full(weeks, 0.2), "multipliers": np.ones((1, weeks, 1, 5))}
    waiting, flows, stages = numpy_twin.step_weeks(**(arguments | steady))
    over, constant = waiting[0, 0, -1, threshold:].sum(), flows[0, 0, -1, F_STOPS_OVER + 1]
    assert over > constant > 1  # stationary: what leaves is what holds it level
    week = {name: steady[name][:, :1] for name in ("season", "starts", "multipliers")}
    week |= {name: steady[name][:1] for name in ("days", "last_day_share")}
    week |= {"held": flows[0, :, -1, F_HELD], "span": np.zeros(1, dtype=int)}
    for _ in range(52):
        now = arguments | week | {"opening": stages[0]}
        _, free, _ = numpy_twin.step_weeks(**now)
        rates = arguments["rates"].copy()
        rates[:, :, :2, threshold:] *= constant / free[0, 0, 0, F_STOPS_OVER + 1]
        held, _ = stepped(now | {"rates": rates})
        assert held[0, 0, 1, threshold:].sum() == pytest.approx(over, abs=max(1.0, 0.005 * over))
        *_, stages = numpy_twin.step_weeks(**(now | {"rates": rates}))
