"""Snapshots, weeks, month ends and working days (R2)."""

from __future__ import annotations

import calendar as _calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from waitlist.bands import BANDS, Floats


@lru_cache(maxsize=1)
def _bank_holidays() -> np.ndarray:
    import holidays  # noqa: PLC0415 - slow to load, and not needed for --help

    days = holidays.country_holidays("GB", subdiv="ENG", years=range(2000, 2061))
    return np.array(sorted(days), dtype="datetime64[D]")


def is_working_day(days: np.ndarray) -> np.ndarray:
    """Which of ``days`` (datetime64[D], any shape) are Monday to Friday and no bank holiday in England."""
    return np.is_busday(days, holidays=_bank_holidays())


def working_days(after: date, until: date) -> int:
    """Working days later than ``after`` and no later than ``until``."""
    day = timedelta(days=1)
    return int(np.busday_count(after + day, until + day, holidays=_bank_holidays()))


def working_days_in(first: Any, last: Any) -> np.ndarray:
    """Working days in each span ``first``…``last`` (datetime64[D], both included)."""
    return np.busday_count(first, last + np.timedelta64(1, "D"), holidays=_bank_holidays())


def month_end(month: str) -> date:
    """The last day of ``month`` (``YYYY-MM``)."""
    year, number = (int(part) for part in month.split("-"))
    return date(year, number, _calendar.monthrange(year, number)[1])


def month_of(day: date) -> str:
    """The month of ``day`` as ``YYYY-MM``."""
    return f"{day:%Y-%m}"


def months_after(month: str, count: int) -> str:
    """The month ``count`` after ``month`` (before it, if negative)."""
    year, number = (int(part) for part in month.split("-"))
    index = year * 12 + number - 1 + count
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def months_between(first: str, last: str) -> int:
    """How many months ``last`` is after ``first``."""
    (y0, m0), (y1, m1) = ([int(part) for part in month.split("-")] for month in (first, last))
    return (y1 - y0) * 12 + m1 - m0


def shares_until(first: Any, last: Any, until: Any) -> Floats:
    """The share of each span's working days ``first``…``last`` (both included) on or before ``until``.

    All datetime64[D], of one shape; spans of a week or more, which always hold a working day in England.
    """
    one = np.timedelta64(1, "D")
    until = np.clip(until, first - one, last)
    return np.asarray(working_days_in(first, until) / working_days_in(first, last))


@dataclass(frozen=True)
class MonthEnd:
    """Where a month end lies among the engine's weeks, and its weights (R2).

    week: the index k of the last week end on or before it (0 is the snapshot itself).
    flow_weight: w, the share of week k+1's working days on or before it.
    crossing_weights: u_T for T = 0 … 104 (threshold 0 is unused), the share of the working days on which
    those who cross T in week k+1 began their wait that lets them cross by this day.
    """

    day: date
    week: int
    flow_weight: float
    crossing_weights: Floats


@lru_cache(maxsize=1024)
def place(snapshot: date, day: date) -> MonthEnd:
    """Where ``day`` lies among the weeks that step from ``snapshot`` (R2)."""
    week, beyond = divmod((day - snapshot).days, 7)
    if beyond == 0:
        return MonthEnd(day, week, 0.0, np.zeros(BANDS))
    end = np.datetime64(snapshot, "D") + 7 * week
    began = end - 7 * np.arange(BANDS)  # the first day whose starters cross T in this week
    crossing = shares_until(began, began + 6, np.datetime64(day, "D") - 7 * np.arange(BANDS) - 1)
    flow = shares_until(end + 1, end + 7, np.datetime64(day, "D"))
    return MonthEnd(day, week, float(flow), crossing)


@dataclass(frozen=True)
class Days:
    """C days in order, and where each lies: week, flow_weight [C] and crossing [C, 105] as MonthEnd's (R2)."""

    dates: tuple[date, ...]
    week: np.ndarray
    flow_weight: Floats
    crossing: Floats

    def places(self, wanted: Iterable[date]) -> np.ndarray:
        """The positions of ``wanted`` among these days."""
        at = {day: i for i, day in enumerate(self.dates)}
        return np.array([at[day] for day in wanted], dtype=int)


def days_of(snapshot: date, dates: Iterable[date]) -> Days:
    """``dates`` in order, each once, and where they lie among the weeks that step from ``snapshot``."""
    ordered = tuple(sorted(set(dates)))
    found = [place(snapshot, day) for day in ordered]
    week = np.array([item.week for item in found], dtype=int)
    weight = np.array([item.flow_weight for item in found])
    return Days(ordered, week, weight, np.array([item.crossing_weights for item in found]).reshape(-1, BANDS))


@dataclass(frozen=True)
class Horizon:
    """The forecast's time: whole weeks from the snapshot, and the month ends among them (R2).

    weeks: steps of the engine, enough to reach past the last month end.
    week_ends: their last days, ``weeks`` + 1 of them, the first being the snapshot.
    working_days: of each week, length ``weeks``; last_day_share: the share of each week's clock starts
    that fall on its last day and are held beside the state (R6).
    """

    snapshot: date
    months: tuple[str, ...]
    month_ends: tuple[MonthEnd, ...]
    week_ends: tuple[date, ...]
    working_days: Floats
    last_day_share: Floats

    @property
    def weeks(self) -> int:
        """How many weeks the engine steps."""
        return len(self.working_days)


def horizon(snapshot: date, months: int) -> Horizon:
    """The weeks and month ends of a forecast of ``months`` months from ``snapshot``."""
    origin = month_of(snapshot)
    names = tuple(months_after(origin, ahead) for ahead in range(1, months + 1))
    ends = tuple(place(snapshot, month_end(name)) for name in names)
    last = ends[-1]
    weeks = last.week + (1 if last.day != snapshot + timedelta(weeks=last.week) else 0)
    week_ends = tuple(snapshot + timedelta(weeks=k) for k in range(weeks + 1))
    days = np.array([working_days(a, b) for a, b in zip(week_ends, week_ends[1:], strict=False)], dtype=float)
    one = timedelta(days=1)
    lasts = [working_days(end - one, end) for end in week_ends[1:]]
    held = np.array([last / max(whole, 1) for last, whole in zip(lasts, days, strict=True)])
    return Horizon(snapshot, names, ends, week_ends, days, held)


def snapshot_held_share(snapshot: date) -> float:
    """The share of a snapshot's published band 0 (days 0-7) whose clock started on the day itself (R6)."""
    before = snapshot - timedelta(days=8)
    return working_days(snapshot - timedelta(days=1), snapshot) / max(working_days(before, snapshot), 1)


def next_march_end(day: date) -> date:
    """The first 31 March after ``day``: the usual deadline of a cohort (R10)."""
    march = date(day.year, 3, 31)
    return march if march > day else date(day.year + 1, 3, 31)


def month_lengths(months: Sequence[str]) -> Floats:
    """Days in each of ``months``."""
    return np.array([month_end(month).day for month in months], dtype=float)
