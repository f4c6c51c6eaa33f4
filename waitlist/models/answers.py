"""The answers of one row, a list or a total: breakeven, clearance and cohorts (R8-R10)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np

from waitlist.bands import THRESHOLDS, Floats
from waitlist.calendar import Horizon, month_end, month_lengths, next_march_end, place
from waitlist.models.forecast import Forecast
from waitlist.models.layout import F_STARTS
from waitlist.models.measures import Times, sorted_percentiles
from waitlist.models.past import Observed
from waitlist.plan import Clearance, Deadline, Plan

Row = tuple[object, ...]


def breakeven_now(
    past: Observed, stops_over: Floats, removed_over: Floats, snapshot: date, thresholds: tuple[int, ...]
) -> Iterator[Row]:
    """R8 in the last observed month: (threshold, as_of, inflow, other removals, breakeven, current, gap).

    Breakeven is exact, the change over T plus the stops over T; how it divides into those who crossed and
    those removed rests on the diagonal. Where the month was restated, the change over T says nothing, and
    removals are the diagonal's. ``stops_over``, ``removed_over`` [6] of that month. Nothing where not known.
    """
    month = f"{snapshot:%Y-%m}"
    weeks = float(month_lengths([month])[0]) / 7
    for index, t in enumerate((0, *THRESHOLDS)):
        if t and t not in thresholds:
            continue
        if past["waiting_list"].shape[1] < 2 or np.isnan(past["clock_starts"][0, -1]):
            continue
        name = f"over_{t}_weeks" if t else "waiting_list"
        inflow = past[f"tip_in_{t}_weeks" if t else "clock_starts"][0, -1]
        change = past[name][0, -1] - past[name][0, -2]
        removed = inflow - change - stops_over[index]
        if past["restatement"][0, -1] != 0:
            removed = removed_over[index] if t else past["other_removals"][0, -1]
        yield _breakeven(t, snapshot, inflow, removed, stops_over[index], weeks)


def breakeven_ahead(times: Times, horizon: Horizon, thresholds: tuple[int, ...]) -> Iterator[Row]:
    """R8 for the month up to each month end ahead, from means over draws."""
    for index, t in enumerate((0, *THRESHOLDS)):
        if t and t not in thresholds:
            continue
        inflow = (times.values[f"tip_in_{t}_weeks" if t else "clock_starts"] + times.net_in[index]).mean(axis=1)
        removed, stops = times.removed_over[index].mean(axis=1), times.stops_over[index].mean(axis=1)
        for c, end in enumerate(horizon.month_ends):
            yield _breakeven(t, end.day, inflow[c], removed[c], stops[c], times.days[c] / 7)


def _breakeven(t: int, day: date, inflow: float, removed: float, stops: float, weeks: float) -> Row:
    rates = (inflow / weeks, removed / weeks, (inflow - removed) / weeks, stops / weeks)
    return (t, day.isoformat(), *rates, rates[2] - rates[3])


def clearance(
    times: Times, past: Observed, horizon: Horizon, tolerance: Clearance, thresholds: tuple[int, ...]
) -> Iterator[Row]:
    """R9: (threshold, waiting_now, straight_line_date, p10_date, p50_date, p90_date, share_cleared)."""
    days = [horizon.snapshot, *(end.day for end in horizon.month_ends)]
    for t in thresholds:
        name = f"over_{t}_weeks"
        now, size = float(past[name][0, -1]), float(past["waiting_list"][0, -1])
        over, lists = _from_now(times.values[name], now), _from_now(times.values["waiting_list"], size)
        first = np.sort(_first_clear(over, lists, tolerance))
        if round(now) <= _allowed(tolerance, size):  # already clear: the snapshot
            first[:] = 0
        draws = len(first)
        dates = [_date_at(days, int(first[max(0, math.ceil(p * draws) - 1)])) for p in (0.1, 0.5, 0.9)]
        share = float((first < len(days)).mean())
        yield (t, now, _straight_line(past[name][0], horizon.snapshot, _allowed(tolerance, size)), *dates, share)


def _from_now(ahead: Floats, now: float) -> Floats:
    """A measure ahead [C, D] with what is known now before it, [D, 1 + C]."""
    return np.column_stack([np.full(ahead.shape[1], now), ahead.T])


def _first_clear(over: Floats, lists: Floats, tolerance: Clearance) -> np.ndarray:
    """By draw, the first time from which it stays clear, three months at least; past the end if never."""
    clear = np.round(over) <= _allowed(tolerance, lists)
    stays = np.logical_and.accumulate(clear[:, ::-1], axis=1)[:, ::-1]
    first = np.where(stays.any(axis=1), stays.argmax(axis=1), over.shape[1])
    late = first > over.shape[1] - 3
    return np.where(late & (first > 0), over.shape[1], first)


def _allowed(tolerance: Clearance, lists: Any) -> Any:
    """The people who may remain over a threshold where the list is ``lists``."""
    return tolerance.tolerance if tolerance.tolerance_share is None else tolerance.tolerance_share * lists


def _date_at(days: list[date], index: int) -> str:
    return days[index].isoformat() if index < len(days) else ""


def _straight_line(over: Floats, snapshot: date, allowed: float) -> str:
    """Backlog ÷ the mean weekly fall of the last 13 weeks (three months), empty where it does not fall."""
    if round(over[-1]) <= allowed:
        return snapshot.isoformat()
    if len(over) < 4 or np.isnan(over[[-1, -4]]).any() or over[-1] >= over[-4]:
        return ""
    weeks = over[-1] / ((over[-4] - over[-1]) / 13)
    return (snapshot + timedelta(weeks=math.ceil(weeks))).isoformat() if weeks < 5200 else ""


def deadlines(plan: Plan, horizon: Horizon) -> tuple[Deadline, ...]:
    """The plan's deadlines inside the horizon, or the next 31 March for each threshold (R10)."""
    last = month_end(horizon.months[-1])
    asked = plan.deadline or tuple(
        Deadline(threshold_weeks=t, date=next_march_end(horizon.snapshot)) for t in plan.thresholds_weeks
    )
    return tuple(item for item in asked if horizon.snapshot < item.date <= last)


def cohort(forecast: Forecast, horizon: Horizon, which: int, deadline: Deadline) -> Iterator[Row]:
    """R10, week by week: (week_ending, p10, p50, p90, required_per_week, joined, left).

    The cohort is all whose clock started on or before the deadline − (7T + 1) days: at the week end k weeks
    before the deadline's week, those over T − k weeks, and u_T of the band that crosses in it. ``which`` is
    the deadline's place among those asked of the forecast.
    """
    threshold, end = deadline.threshold_weeks, place(horizon.snapshot, deadline.date)
    share = float(end.crossing_weights[threshold])
    inside = deadline.date != horizon.week_ends[end.week]
    held, started = forecast.held(), forecast.flows[F_STARTS].mean(axis=1)
    kept = held.mean(axis=1)
    returns = forecast.returns[::-1].cumsum()[::-1]
    longer, before = forecast.noted[2 * which], forecast.noted[2 * which + 1]
    remaining, joined = [], [0.0]
    for k in range(end.week + 1):
        level = threshold - (end.week - k)
        if level > 0:
            remaining.append(longer[k] + share * (before[k] - longer[k]))
        else:
            remaining.append(longer[k] + (held[k] if level < 0 or inside else 0.0))
        if k:
            newcomers = _newcomers(started[k - 1], kept[k - 1], kept[k], level, share, inside)
            came = _came(forecast, which, k, 1.0, share if level > 0 else 0.0)
            joined.append(newcomers + came + horizon.working_days[k - 1] * _returned(returns, level, share))
    days = list(horizon.week_ends[: end.week + 1])
    if inside:
        at = forecast.asked.days.places([deadline.date])[0]
        remaining.append(forecast.over[forecast.asked.floors.index(threshold), at])
        returned = end.flow_weight * returns[threshold] + share * forecast.returns[threshold - 1]
        came = _came(forecast, which, end.week + 1, end.flow_weight, share)
        joined.append(float(horizon.working_days[end.week] * returned) + came)
        days.append(deadline.date)
    people = np.stack(remaining)
    left = np.append(0.0, np.array(joined[1:]) - np.diff(people.mean(axis=1)))
    p10, p50, p90 = np.rint(sorted_percentiles(np.sort(people, axis=1), np.array([0.1, 0.5, 0.9])))
    for row, day in enumerate(days):
        weeks_left = (deadline.date - day).days / 7
        required = p50[row] / weeks_left if weeks_left > 0 else np.nan
        yield (day.isoformat(), p10[row], p50[row], p90[row], required, joined[row], left[row])


def _newcomers(started: float, kept_before: float, kept: float, level: int, share: float, inside: bool) -> float:
    """Mean clock starts that join a cohort in a week, ``level`` being its band at the week's end (R10)."""
    if level < 0 or (level == 0 and inside):
        return started
    if level == 0:
        return started - kept
    if level == 1:
        return max(0.0, share * (kept_before + started - kept) - (kept_before if inside else 0.0))
    return 0.0


def _came(forecast: Forecast, which: int, week: int, weight: float, share: float) -> float:
    """Mean people who join a cohort by a transfer in the week before week end ``week``: ``weight`` of those already so
    long, and ``share`` of those a band before them (R10)."""
    if forecast.joined is None:
        return 0.0
    longer, before = forecast.joined[2 * which : 2 * which + 2, week].mean(axis=1)
    return float(weight * longer + share * (before - longer))


def _returned(returns: Floats, level: int, share: float) -> float:
    """Mean returns to a cohort in a working day of a week; ``returns`` [105] to each band and all above it."""
    if level > 1:
        return float((1 - share) * returns[level - 1] + share * returns[level - 2])
    return float(returns[0])
