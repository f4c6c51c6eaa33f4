"""The engine keeps every pathway (R4), steps as R6 says, and its answers tie together (R2, R8, R10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import numpy_twin
from waitlist.bands import band_of_days, percentile_wait
from waitlist.calendar import Horizon, days_of, horizon, place, snapshot_held_share
from waitlist.models import answers, measures
from waitlist.models.assumptions import Assumptions, by_rates, factors_drawn
from waitlist.models.engine import WAIT_SHARES, project
from waitlist.models.forecast import Forecast, ask
from waitlist.models.kernel import step_row
from waitlist.models.layout import (
    F_ADMITTED,
    F_HELD,
    F_NON_ADMITTED,
    F_REMOVED,
    F_STARTS,
    F_STOPS_OVER,
    F_TIP,
    FACTORS,
    FLOWS,
    LANES,
    STARTS,
)
from waitlist.plan import Deadline

DRAWS = LANES
TIME = horizon(date(2025, 8, 29), 8)


def system(seed: int, fastest: float, weeks: int = 30, draws: int = DRAWS, lists: int = 2, time=TIME):
    """Random but possible arguments of ``step_row``."""
    r = np.random.default_rng(seed)
    rates = r.uniform(0, fastest, (lists, 2, 4, 105))
    rates[:, 1, [1, 3]] = 0.0
    factors = r.uniform(0.5, 1.5, (lists, weeks // 4 + 1, FACTORS, draws))
    factors[:, :, STARTS + 1 :] = r.uniform(0.3, 3.3, factors[:, :, STARTS + 1 :].shape)  # as far as steering goes
    return {
        "opening": r.uniform(0, 50, (lists, 2, 105)),
        "held": r.uniform(0, 9, lists),
        "rates": rates,
        "returns": r.uniform(0, 0.1, (lists, 2, 105)),
        "starts": r.uniform(20, 90, (lists, weeks)),
        "multipliers": factors,
        "tilt": r.uniform(0.5, 1.5, (lists, draws // LANES, 105, LANES)),
        "days": time.working_days[:weeks],
        "last_day_share": time.last_day_share[:weeks],
        "span": np.arange(weeks) // 4,
    }


def measured(arguments, days):
    """Of the lists together: people over every band [D, C, 105], waits [D, C, 2], nothing, flows [D, K, FLOWS]."""
    blocks, weeks = arguments["tilt"].shape[1], len(arguments["days"])
    shapes = (len(days.dates), 105), (len(days.dates), 2), (0, 0), (weeks, FLOWS)
    written = [np.empty((blocks, *shape, LANES)) for shape in shapes]
    places = (days.week, days.flow_weight, days.crossing, np.arange(105), WAIT_SHARES, np.zeros((0, 0), dtype=int))
    rates = by_rates(len(arguments["opening"]))
    step_row(
        np.arange(blocks), np.arange(len(rates.place)), *arguments.values(), *places, rates.place, rates.told, *written
    )
    return [np.moveaxis(x, -1, 1).reshape(blocks * LANES, *x.shape[1:3]) for x in written]


def stepped(arguments):
    """People by band [D, K + 1, 105] and flows [D, K, FLOWS] of the lists together, and waits [D, K + 1, 2]."""
    weeks = len(arguments["days"])
    ends = days_of(TIME.snapshot, [TIME.snapshot + timedelta(weeks=k) for k in range(weeks + 1)])
    over, waits, _, flows = measured(arguments, ends)
    held = np.concatenate([np.full((len(flows), 1), arguments["held"].sum()), flows[..., F_HELD]], axis=1)
    over[..., 0] -= held
    return -np.diff(over, axis=2, append=0.0), flows, waits


@pytest.mark.parametrize(("lists", "draws"), [(1, DRAWS), (3, 2 * DRAWS)])
@pytest.mark.parametrize("fastest", [0.01, 0.2])
def test_kernel_equals_its_numpy_twin_with_slow_rates_and_with_rates_that_would_take_more_than_all(
    fastest, lists, draws
):
    arguments = system(3, fastest, lists=lists, draws=draws)
    waiting, flows, waits = stepped(arguments)
    expected_waiting, expected_flows, _ = numpy_twin.step_weeks(**arguments)
    np.testing.assert_allclose(waiting, expected_waiting.sum(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(flows, expected_flows.sum(axis=0), rtol=1e-9, atol=1e-8)
    with_held = waiting[:, 1:].copy()
    with_held[..., 0] += flows[..., F_HELD]
    for i, share in enumerate(WAIT_SHARES):
        np.testing.assert_allclose(waits[:, 1:, i], percentile_wait(with_held, share), rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), fastest=st.sampled_from([0.0, 0.005, 0.05, 0.2]))
def test_every_week_closes_to_rounding_and_nobody_is_negative(seed, fastest):
    arguments = system(seed, fastest)
    waiting, flows, _ = stepped(arguments)
    held = np.concatenate([np.full((DRAWS, 1), arguments["held"].sum()), flows[..., F_HELD]], axis=1)
    people = waiting.sum(axis=2) + held
    removed = numpy_twin.step_weeks(**arguments)[1].sum(axis=0)[..., F_REMOVED]  # counted, not left over
    closing = people[:, :-1] + flows[..., F_STARTS] - flows[..., F_ADMITTED] - flows[..., F_NON_ADMITTED] - removed
    np.testing.assert_allclose(people[:, 1:], closing, rtol=1e-11, atol=1e-8)
    assert waiting.min() >= -1e-9


@pytest.mark.parametrize("lists", [1, 3])
def test_a_day_inside_a_week_is_measured_by_r2_s_two_weights(lists):
    arguments = system(7, 0.02, lists=lists)
    waiting, flows, _ = numpy_twin.step_weeks(**arguments)
    waiting, flows = waiting.sum(axis=0), flows.sum(axis=0)
    held = np.concatenate([np.full((DRAWS, 1), arguments["held"].sum()), flows[..., F_HELD]], axis=1)
    over = waiting[..., ::-1].cumsum(axis=-1)[..., ::-1]
    days = days_of(TIME.snapshot, [date(2025, 9, 1), date(2025, 9, 30), date(2025, 10, 1), date(2025, 11, 30)])
    seen, waits, _, _ = measured(arguments, days)
    for c, (k, w) in enumerate(zip(days.week, days.flow_weight, strict=True)):
        tip = np.append(waiting[:, k + 1, 1:-1], flows[:, k, F_TIP + 4 : F_TIP + 5], axis=1)  # crossing 1 to 104
        expected = over[:, k, 1:] + days.crossing[c, 1:] * tip - w * (over[:, k, 1:] + tip - over[:, k + 1, 1:])
        whole = (1 - w) * (over[:, k, 0] + held[:, k]) + w * (over[:, k + 1, 0] + held[:, k + 1])
        expected = np.column_stack([whole, expected])
        np.testing.assert_allclose(seen[:, c], expected, rtol=1e-9, atol=1e-9)
        bands = -np.diff(expected, axis=1, append=0.0)
        for i, share in enumerate(WAIT_SHARES):
            np.testing.assert_allclose(waits[:, c, i], percentile_wait(bands, share), rtol=1e-9)


def test_an_empty_list_has_no_wait():
    arguments = system(1, 0.0, lists=1)
    for name in ("opening", "held", "returns", "starts"):
        arguments[name][:] = 0.0
    assert np.isnan(stepped(arguments)[2]).all()


DEADLINES = tuple(
    Deadline(threshold_weeks=t, date=end.day)
    for t in (18, 40, 52, 65, 78, 104)
    for end in (horizon(date(2025, 8, 29), 12).month_ends[m] for m in (0, 2, 6, 7, 11))
)


def assumptions(seed: int, fastest: float, time: Horizon) -> Assumptions:
    r = np.random.default_rng(seed)
    given = system(seed, fastest, weeks=time.weeks, lists=1, time=time)
    return Assumptions(
        lists=(("RAA", "110"),),
        opening=given["opening"],
        held=given["held"],
        departures=given["rates"],
        returns=given["returns"],
        starts=r.uniform(60, 90, (1, time.weeks)),
        season=np.ones((16, 4)),
        span=np.arange(time.weeks) * 16 // time.weeks,
        shocks=r.uniform(0.7, 1.3, (12, 1, 5)),
        lasting=np.zeros((1, 5)),
    )


def forecast(
    seed: int = 1, draws: int = 40, fastest: float = 0.006, snapshot: date = date(2025, 8, 29), deadlines=DEADLINES
) -> tuple[Forecast, Horizon]:
    time = horizon(snapshot, 16)
    assumed = assumptions(seed, fastest, time)
    row = project(assumed, factors_drawn(assumed, draws, seed), time, {("RAA", "110"): [0]}, ask(time, deadlines))
    return next(row)[1], time


def test_the_draws_clock_starts_are_on_average_what_demand_says():
    assumed = replace(assumptions(1, 0.006, TIME), lasting=np.full((1, 5), 0.5))
    starts = factors_drawn(assumed, 40, 1).months[0, :, STARTS, :40]
    assert starts.std(axis=1).min() > 0.1
    np.testing.assert_allclose(starts.mean(axis=1), 1.0)


@pytest.mark.parametrize("snapshot", [date(2025, 8, 29), date(2025, 8, 31), date(2026, 2, 28)])
def test_r4_holds_between_month_ends(snapshot):
    row, time = forecast(snapshot=snapshot, deadlines=())
    v = measures.monthly(row, time).values
    change = v["clock_starts"] - v["stops_admitted"] - v["stops_non_admitted"] - v["other_removals"]
    np.testing.assert_allclose(v["waiting_list"], row.opening[0] + change.cumsum(axis=0), atol=1e-6)


def cohort(row: Forecast, time, threshold: int, months_ahead: int):
    deadline = Deadline(threshold_weeks=threshold, date=time.month_ends[months_ahead - 1].day)
    return list(answers.cohort(row, time, DEADLINES.index(deadline), deadline))


@pytest.mark.parametrize("threshold", [18, 52, 65, 78, 104])
@pytest.mark.parametrize("months_ahead", [1, 3, 7, 12])
def test_a_cohort_ends_at_the_number_over_its_threshold_at_the_deadline(threshold, months_ahead):
    row, time = forecast()
    over = measures.monthly(row, time).values[f"over_{threshold}_weeks"][months_ahead - 1]
    rows = cohort(row, time, threshold, months_ahead)
    assert rows[-1][0] == time.month_ends[months_ahead - 1].day.isoformat()
    assert rows[-1][2] == pytest.approx(np.rint(np.median(over)), abs=1e-6)


@pytest.mark.parametrize(("threshold", "months_ahead"), [(18, 1), (18, 7), (40, 8), (52, 12), (104, 3)])
def test_nobody_leaves_a_cohort_where_nobody_leaves_the_list(threshold, months_ahead):
    row, time = forecast(fastest=0.0)
    left = [week[6] for week in cohort(row, time, threshold, months_ahead)]
    np.testing.assert_allclose(left, 0.0, atol=1e-6)


def test_nobody_joins_or_leaves_a_cohort_backwards():
    row, time = forecast()
    rows = cohort(row, time, 18, 8)
    joined, left = sum(r[5] for r in rows), sum(r[6] for r in rows)
    assert min(r[6] for r in rows) >= -1e-6
    assert joined >= 0 and left >= 0


def test_breakeven_held_week_by_week_keeps_the_number_over_a_threshold_level():
    threshold = 52
    arguments = system(5, 0.01, lists=1)
    arguments["multipliers"][:] = 1.0
    arguments["opening"][:, :, 52:] *= 6
    weeks = len(arguments["days"])
    for k in range(weeks):
        one = {**arguments, "days": arguments["days"][k : k + 1], "starts": arguments["starts"][:, k : k + 1]}
        one |= {"last_day_share": arguments["last_day_share"][k : k + 1], "span": np.zeros(1, dtype=int)}
        waiting, flows, _ = numpy_twin.step_weeks(**one)
        over = waiting[0, 0, 0, threshold:].sum()
        tip = waiting[0, 0, 1, threshold]
        removed = over + tip - waiting[0, 0, 1, threshold:].sum() - flows[0, 0, 0, F_STOPS_OVER + 1]
        breakeven = tip - removed
        if over < breakeven or flows[0, 0, 0, F_STOPS_OVER + 1] == 0:
            break
        one["rates"] = arguments["rates"].copy()
        one["rates"][:, :, :2, threshold:] *= breakeven / flows[0, 0, 0, F_STOPS_OVER + 1]
        held, *_ = stepped(one)
        assert held[0, 1, threshold:].sum() == pytest.approx(over, abs=max(1.0, 0.005 * over))
        arguments["opening"] = np.stack([held[:1, 1] * 0.7, held[:1, 1] * 0.3], axis=1)
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
    arguments = system(8, 0.01, weeks=30, lists=1)
    steady = {"days": np.full(weeks, 5.0), "starts": np.full((1, weeks), 80.0), "span": np.zeros(weeks, dtype=int)}
    steady |= {"last_day_share": np.full(weeks, 0.2), "multipliers": np.ones((1, 1, FACTORS, DRAWS))}
    waiting, flows, stages = numpy_twin.step_weeks(**(arguments | steady))
    over, constant = waiting[0, 0, -1, threshold:].sum(), flows[0, 0, -1, F_STOPS_OVER + 1]
    assert over > constant > 1  # stationary: what leaves is what holds it level
    week = {"starts": steady["starts"][:, :1], "span": np.zeros(1, dtype=int), "multipliers": steady["multipliers"]}
    week |= {name: steady[name][:1] for name in ("days", "last_day_share")}
    week |= {"held": flows[:, 0, -1, F_HELD]}
    for _ in range(52):
        now = arguments | week | {"opening": stages[:, 0]}
        _, free, _ = numpy_twin.step_weeks(**now)
        rates = arguments["rates"].copy()
        rates[:, :, :2, threshold:] *= constant / free[0, 0, 0, F_STOPS_OVER + 1]
        held, *_ = stepped(now | {"rates": rates})
        assert held[0, 1, threshold:].sum() == pytest.approx(over, abs=max(1.0, 0.005 * over))
        *_, stages = numpy_twin.step_weeks(**(now | {"rates": rates}))
