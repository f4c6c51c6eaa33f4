"""Why the list, and those over 52 weeks, are not as planned: a split that adds up to the difference exactly.

The list differs by what R4 says: clock starts, stops, other removals, transfers, and what was restated. Those over 52
weeks at a month's end are a cohort: everyone whose clock started early enough. It differs by how many there were at the
plan's snapshot (data), who joined since (demand; nobody within a year), how many of it were treated, moved or left
otherwise. Other removals are what these leave over, so that the split is exact. Of the stops, those that more or fewer
working days account for stand apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from waitlist.bands import BANDS, Floats
from waitlist.calendar import is_working_day, month_end, month_of, months_after, working_days
from waitlist.history import Strike
from waitlist.models.expected import Expected
from waitlist.models.submission.whole import SIGNS
from waitlist.planned import Strike as PlannedStrike

STEPS = ("demand", "activity", "working days", "other removals", "transfers", "data changes")
LATER_BAND = 4 / 7
"""The share of a week's stops that are published one band above the band at the week's opening."""
LONG = 52


@dataclass(frozen=True)
class Side:
    """One side of the comparison, for one organisation over M months since the plan's snapshot; people.

    size [M + 1] and over [M + 1] the list and those over 52 weeks, the snapshot first; flows [7, M] whole.FLOWS, NaN
    where not known; opening [105] the list at the snapshot by band; stops [105, M] by published band, NaN where not
    known.
    """

    size: Floats
    over: Floats
    flows: Floats
    opening: Floats
    stops: Floats


def of_list(planned: Side, actual: Side, lost: Floats) -> dict[str, float]:
    """STEPS of the list at the last month: actual less planned. ``lost`` [M]: working days more, as a share of planned.

    A month whose actual flows are not known is a change of data.
    """
    change = SIGNS[:, None] * np.nan_to_num(actual.flows - planned.flows)
    starts, admitted, non_admitted, removed, came, went, _ = change.sum(axis=1)
    working = -float((planned.flows[1:3].sum(axis=0) * lost).sum())
    found = {
        "demand": float(starts),
        "activity": float(admitted + non_admitted) - working,
        "working days": working,
        "other removals": float(removed),
        "transfers": float(came + went),
    }
    return found | {"data changes": float(actual.size[-1] - planned.size[-1]) - sum(found.values())}


def of_long_waits(planned: Side, actual: Side, lost: Floats, snapshot: str, overruled: float = 0.0) -> dict[str, float]:
    """STEPS of those over 52 weeks at the last month: actual less planned.

    A month whose actual stops are not known makes what is left over a change of data, as it is of the list.
    ``overruled``: by how many a planner's figure is above the model's there; it was promised by activity.
    """
    months = [months_after(snapshot, ahead + 1) for ahead in range(planned.stops.shape[1])]
    of_opening = over_by(snapshot, months[-1])
    weights = np.stack([treated_of_cohort(month, months[-1]) for month in months], axis=1)
    unknown = np.isnan(actual.stops).any(axis=0)
    data = float(of_opening @ (actual.opening - planned.opening)) + _restated(actual, planned, weights)
    joined = np.array([started_of_cohort(month, months[-1]) for month in months])
    demand = float((np.nan_to_num(actual.flows[0] - planned.flows[0]) * joined).sum())
    of_cohort = (weights * planned.stops).sum(axis=0)
    working = -float((np.where(unknown, 0.0, of_cohort) * lost).sum())
    came = (weights * actual.stops).sum(axis=0)
    treated = float(np.where(unknown, 0.0, came - of_cohort).sum()) + overruled
    found = {
        "demand": demand,
        "activity": -treated - working,
        "working days": working,
        "transfers": _moved(actual, planned, weights),
        "data changes": data,
    }
    rest = float(actual.over[-1] - planned.over[-1]) - sum(found.values())
    if unknown.any():  # nobody can say how those of an unreported month left (R3)
        found |= {"data changes": data + rest, "other removals": 0.0}
    return {step: found.get(step, rest) for step in STEPS}


def _restated(actual: Side, planned: Side, weights: Floats) -> float:
    """Restatements among the cohort: in proportion to the list as it was at the snapshot, a month's by its cohort."""
    return float((np.nan_to_num(actual.flows[6] - planned.flows[6]) * _of_the_list(actual, weights)).sum())


def _moved(actual: Side, planned: Side, weights: Floats) -> float:
    """Transfers among the cohort, in proportion to the list: who was moved is not published by weeks waited."""
    net = np.nan_to_num((actual.flows[4] - actual.flows[5]) - (planned.flows[4] - planned.flows[5]))
    return float((net * _of_the_list(actual, weights)).sum())


def _of_the_list(side: Side, weights: Floats) -> Floats:
    """[M] the share of the snapshot's list that has waited so long as to be of the cohort in each month."""
    return np.asarray((side.opening @ weights) / max(float(side.opening.sum()), 1.0))


def days_in_band() -> Floats:
    """[105, 7] the days waited by people of each band, at seven even places (R1)."""
    first = 7 * np.arange(BANDS)[:, None]
    return np.asarray(first + np.arange(1, 8)[None, :], dtype=float)


def over_by(month: str, last: str) -> Floats:
    """[105] the share of people in each band at the end of ``month`` who are over 52 weeks at the end of ``last``."""
    on = (month_end(last) - month_end(month)).days
    return np.asarray((days_in_band() + on > 7 * LONG).mean(axis=1))


def treated_of_cohort(month: str, last: str) -> Floats:
    """[105] the share of a month's stops in each band that would have been over 52 weeks at the end of ``last``."""
    on = (np.datetime64(month_end(last)) - _working_days(month)).astype(int)
    return np.asarray((days_in_band()[:, :, None] + on > 7 * LONG).mean(axis=(1, 2)))


def started_of_cohort(month: str, last: str) -> float:
    """The share of a month's clock starts that are over 52 weeks at the end of ``last``: none within a year."""
    on = (np.datetime64(month_end(last)) - _working_days(month)).astype(int)
    return float((on > 7 * LONG).mean())


def _working_days(month: str) -> np.ndarray:
    days = np.arange(np.datetime64(month, "D"), np.datetime64(month_end(month)) + 1)
    return np.asarray(days[is_working_day(days)])


def planned_stops(mean: Expected, rows: Sequence[int], week_of_month: Sequence[tuple[int, float]]) -> Floats:
    """[105, M] stops by published band of the lists ``rows`` in each month, as the mean path has them.

    ``week_of_month``: of each month end, the weeks before it and the share of the next one (R2).
    """
    stops = (mean.stops[rows] * mean.people[rows][..., :-1]).sum(axis=(0, 1))
    published = (1 - LATER_BAND) * stops
    published[1:] += LATER_BAND * stops[:-1]
    published[-1] += LATER_BAND * stops[-1]
    running = np.concatenate([np.zeros((BANDS, 1)), published.cumsum(axis=1)], axis=1)
    until = []
    for week, share in week_of_month:
        part = share * published[:, week] if share else 0.0
        until.append(running[:, week] + part)
    return np.diff(np.stack(until, axis=1), axis=1, prepend=0.0)


def days_lost(
    months: Sequence[str], came: Sequence[Strike], percent: float, planned: Sequence[PlannedStrike]
) -> Floats:
    """[M] working days more than planned, as a share of those planned: less the strikes that came, ``percent`` of a
    whole day's stops being lost to one, and without those that were planned."""
    found = []
    for month in months:
        days = working_days(month_end(months_after(month, -1)), month_end(month))
        struck: dict[date, float] = {}
        for strike in came:
            if month_of(strike.day) == month and _works(strike.day):
                struck[strike.day] = max(struck.get(strike.day, 0.0), strike.share * percent / 100)
        expected: dict[date, float] = {}
        for item in planned:
            for day in pd.date_range(item.begins, item.until).date:
                if month_of(day) == month and _works(day):
                    expected[day] = max(expected.get(day, 0.0), item.percent_lost / 100)
        found.append((days - sum(struck.values())) / max(days - sum(expected.values()), 1e-9) - 1)
    return np.array(found)


def _works(day: date) -> bool:
    return bool(is_working_day(np.array([day], dtype="datetime64[D]"))[0])
