"""A flow of England's per working day: level, season, growth and strikes, from one long series.

A structural time series (Harvey, 1989) of the logarithm: a level that wanders, a growth that does not, one
factor for each calendar month, and effects of strikes. The months of the 2020 shock are left out, each having an
effect of its own, and what lasted of it is one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from waitlist.bands import Floats
from waitlist.calendar import is_working_day, month_end, month_of, months_after, months_between, working_days_in
from waitlist.history import NATIONAL_FLOWS, Strike, Summaries

SHOCK = ("2020-03", "2021-03")
"""The first and last month that the pandemic spoils: later ones fit a level again (measured)."""
LEAST_MONTHS = 27
"""Known months below which a season and a growth can't be told apart."""
LEAST_STRUCK = 3
"""Months with strikes of a staff group below which their effect is left out."""
LEAST_BEFORE = 24
"""Known months before the shock below which there is no trend of 2019."""
USUAL_GROWTH = 0.01
"""Standard deviation of a year's lasting growth before the series is seen: what is fitted is drawn to none."""


@dataclass(frozen=True)
class National:
    """What the series tells at its last month, the snapshot's. Logarithms; growth a year.

    season [12] of each calendar month (0 is January), adding up to 0. growth and growth_error: drawn to none,
    and its standard error. months: those of expected [H], what each month's flow per working day should be
    relative to the snapshot's level: level, season, strikes. level: people a working day, without season.
    trend_2019: (level at the snapshot, growth a month) of the line through the months before the shock, or
    None. missing: people by which the flow fell short of that line since; 0 without it.
    """

    season: Floats
    growth: float
    growth_error: float
    months: tuple[str, ...]
    expected: Floats
    level: float
    trend_2019: tuple[float, float] | None
    missing: float


def fit(summaries: Summaries, flow: str, first: str, last: str) -> National | None:
    """England's ``flow`` (NATIONAL_FLOWS) until ``last``, expected from ``first`` on; None where it is too short."""
    people = summaries.england_flows[NATIONAL_FLOWS.index(flow)]
    known = {month: value for month, value in zip(summaries.months, people, strict=True) if value > 0 and month <= last}
    if len(known) < LEAST_MONTHS:
        return None
    begin = min(first, min(known))
    months = tuple(months_after(begin, m) for m in range(months_between(begin, last) + 1))
    days = working_days_of(months)
    logs = np.log(np.array([known.get(month, np.nan) for month in months]) / days)
    spoilt = np.array([SHOCK[0] <= month <= SHOCK[1] for month in months])
    usable = np.where(spoilt, np.nan, logs)
    struck = _strikes(summaries.strikes, months, days, ~np.isnan(usable))
    level, slope, slope_error, season, effects = _structural(usable, months, struck)
    drawn = USUAL_GROWTH**2 / (USUAL_GROWTH**2 + slope_error**2)
    expected = level - level[-1] + season[calendar_month(months)] + effects
    before = np.array([month < SHOCK[0] for month in months]) & ~np.isnan(logs)
    trend, missing = None, 0.0
    if before.sum() >= LEAST_BEFORE:
        age = np.arange(len(months)) - (len(months) - 1)
        plain = logs - season[calendar_month(months)]
        growth, height = np.polyfit(age[before], plain[before], 1)
        trend = (float(height - level[-1]), float(growth))
        line = np.exp(height + growth * age + season[calendar_month(months)])
        since = np.array([month >= SHOCK[0] for month in months]) & ~np.isnan(logs)
        missing = max(float(((line - np.exp(logs)) * days)[since].sum()), 0.0)
    return National(
        season=season,
        growth=float(slope * drawn),
        growth_error=float(slope_error * np.sqrt(drawn)),
        months=months,
        expected=expected,
        level=float(np.exp(level[-1])),
        trend_2019=trend,
        missing=missing,
    )


def _strikes(strikes: Sequence[Strike], months: Sequence[str], days: Floats, used: np.ndarray) -> Floats:
    """Strike days by staff group as a share of each month's working days [H, groups]; weekends don't count.

    A group that was renamed, its new name in brackets after the old one, is one group.
    """
    at = {month: m for m, month in enumerate(months)}
    shares: dict[str, Floats] = {}
    for strike in strikes:
        month = month_of(strike.day)
        if month in at and is_working_day(np.array([strike.day], dtype="datetime64[D]")).all():
            group = strike.staff_group.partition(" (")[0]
            shares.setdefault(group, np.zeros(len(months)))[at[month]] += strike.share
    enough = [share / days for _, share in sorted(shares.items()) if ((share > 0) & used).sum() >= LEAST_STRUCK]
    return np.array(enough).reshape(-1, len(months)).T


def _structural(logs: Floats, months: Sequence[str], struck: Floats) -> tuple[Floats, float, float, Floats, Floats]:
    """Level [H], growth a year and its error, season [12] and the effect of strikes [H]; NaN is not known."""
    from statsmodels.tsa.statespace.structural import UnobservedComponents  # noqa: PLC0415 - slow to load

    middle, percent = np.nanmean(logs), 100.0  # of a size that the diffuse start and the search are made for
    known = ~np.isnan(logs)
    lasting = np.array([month > SHOCK[1] for month in months], dtype=float)
    steps = lasting[:, None] if 0 < lasting[known].sum() < known.sum() else np.zeros((len(months), 0))
    causes = np.concatenate([struck, steps], axis=1)
    model = UnobservedComponents(
        percent * (logs - middle),
        "lldtrend",
        seasonal=12,
        stochastic_seasonal=False,
        exog=causes if causes.shape[1] else None,
        mle_regression=False,
    )
    found = model.fit(disp=0, maxiter=50, cov_type="none", warn_convergence=False)
    states, last = found.smoothed_state / percent, found.filtered_state[:, -1] / percent
    doubt = 12 * np.sqrt(found.filtered_state_cov[1, 1, -1]) / percent
    season = np.zeros(12)
    ending = calendar_month(months)[-1]
    for back in range(11):  # the state holds the last month's factor and those of the ten before it
        season[(ending - back) % 12] = last[2 + back]
    season[(ending - 11) % 12] = -last[2:13].sum()
    effect = last[13:]
    level = states[0] + middle + (steps @ effect[struck.shape[1] :])
    return level, float(12 * last[1]), float(doubt), season, struck @ effect[: struck.shape[1]]


def working_days_of(months: Sequence[str]) -> Floats:
    """Working days in each of ``months``."""
    firsts = np.array(months, dtype="datetime64[M]").astype("datetime64[D]")
    lasts = np.array([month_end(month) for month in months], dtype="datetime64[D]")
    return working_days_in(firsts, lasts).astype(float)


def calendar_month(months: Sequence[str]) -> np.ndarray:
    """0 for January … 11 for December, of each of ``months``."""
    return np.array([int(month[5:]) - 1 for month in months])
