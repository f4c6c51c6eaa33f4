"""Clock starts to come, by list and month: level and season by list, growth and scenario for all.

A list with 17 months has a level and nothing more of its own. Its season is England's, moved by what its specialty
was seen to do in the same month of two years; its growth is England's, or the plan's. A provider's season is that of
its specialties.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from waitlist.bands import Floats
from waitlist.calendar import Horizon, is_working_day, months_after
from waitlist.history import History
from waitlist.models import growth, national
from waitlist.models.national import National, calendar_month, working_days_of
from waitlist.models.rates import WINDOW, by_label
from waitlist.models.reconcile import reconciled
from waitlist.plan import Demand

LIST_HALF_LIFE = 1.0
"""Months after which an observed month counts half in a list's level, and a provider's."""
SPECIALTY_HALF_LIFE = 6.0
"""The same in a specialty's level: it moves less by itself than the providers' lists in it do."""
WHOLE_HALF_LIFE = 6.0
"""The same in the level of all lists together, as a share of England's."""
SEASON_CAP = 0.3
"""Logarithm by which a month of a specialty may depart from England's season at most."""


@dataclass(frozen=True)
class Starts:
    """Expected clock starts of L lists. ``per_day`` [L, M] a working day in each of ``months`` ahead.

    level [L, 12] a working day in each calendar month without growth; 0 where no month's flows can be used.
    growths: what the plan's and the other kinds of growth give, side by side. england: None without a series.
    """

    months: tuple[str, ...]
    per_day: Floats
    level: Floats
    growths: growth.Growths
    england: National | None

    def first_year(self) -> Floats:
        """[L, 12] clock starts in each of the first twelve months if nothing grew."""
        months = self.months[:12]
        return self.level[:, calendar_month(months)] * working_days_of(months)

    def by_week(self, time: Horizon) -> Floats:
        """[L, K] clock starts in each week of ``time``: each day's, by the month it lies in."""
        return self.per_day @ _days_by_week(self.months, time)


def england(history: History) -> National | None:
    """What England's clock starts in the summaries tell; None where there are none."""
    return national.fit(history.summaries, "clock_starts", history.months[0], history.months[-1])


def forecast(
    history: History, start_season: Floats, settings: Demand, months_ahead: int, england: National | None
) -> Starts:
    """The clock starts of every list in ``history``, for a year at least and a month beyond ``months_ahead``.

    ``start_season`` [12]: factor of each calendar month, used where there is no series of England's.
    Raises Refusal where the settings ask for what the summaries lack.
    """
    months = tuple(months_after(history.months[-1], ahead) for ahead in range(1, max(months_ahead + 1, 12) + 1))
    growths = growth.growths(settings, history.summaries.population, england, months)
    level = _levels(history, start_season, england)
    factor = np.exp(growths.paths([specialty for _, specialty in history.lists])) * growths.scenario
    return Starts(months, level[:, calendar_month(months)] * factor, level, growths, england)


def _levels(history: History, start_season: Floats, england: National | None) -> Floats:
    """Starts a working day by list and calendar month [L, 12], reconciled; without growth."""
    starts, used = history.counts.clock_starts, usable(history)
    live = history.present[:, -1] & history.fit_months.any(axis=1)
    days = working_days_of(history.months)
    if england is None:
        season = np.log(start_season)
        usual = np.exp(season[calendar_month(history.months)])
    else:
        season = england.season
        usual = np.exp(england.expected[-len(history.months) :])
    provider, specialty = (np.unique(labels, return_inverse=True)[1] for labels in zip(*history.lists, strict=True))
    number = calendar_month(history.months)
    own = _season_of(starts, days * usual, used, specialty, number)[specialty]
    expected = days * usual * np.exp(own[:, number])
    weight = _weights(len(days), LIST_HALF_LIFE) * used
    base = live * (weight * starts).sum(axis=1) / np.maximum((weight * expected).sum(axis=1), 1e-9)
    lists = base[:, None] * np.exp(season + own)
    ways = (provider, specialty, np.zeros(len(lists), dtype=int))
    totals = []
    for group, half_life in zip(ways, (LIST_HALF_LIFE, SPECIALTY_HALF_LIFE, WHOLE_HALF_LIFE), strict=True):
        recent = _weights(len(days), half_life) * used * live[:, None]
        seen, due = (by_label((recent * x).sum(axis=1), group) for x in (starts, base[:, None] * expected))
        totals.append(by_label(lists, group) * np.where(due > 0, seen / np.maximum(due, 1e-9), 1.0)[:, None])
    return reconciled(lists, np.concatenate(totals), ways)


def usable(history: History) -> np.ndarray:
    """Months [L, M] whose clock starts may enter a level: reported, unbroken, and after the list's last break.

    Where a list has none after its last break, those before it.
    """
    broken = history.observed_flows & ~history.fit_months
    good = np.asarray(history.counts.reported[:, :, 4] & ~broken, dtype=bool)
    month = np.arange(good.shape[1])
    last = np.where(broken.any(axis=1), good.shape[1] - 1 - broken[:, ::-1].argmax(axis=1), -1)
    after = good & (month > last[:, None])
    return np.where(after.any(axis=1, keepdims=True), after, good)


def _weights(months: int, half_life: float) -> Floats:
    age = np.arange(months)[::-1]
    return np.where(age < WINDOW, 0.5 ** (age / half_life), 0.0)


def _season_of(starts: Floats, expected: Floats, used: np.ndarray, group: np.ndarray, month: np.ndarray) -> Floats:
    """Logarithms [G, 12] by which each group departs from the ``expected`` season [M], drawn to 0 by evidence.

    The evidence is how alike the departures of one month are in two years, over all groups (a share s of their
    variance), and how many people started: one month's counts for t = s ÷ (1 + s ÷ (variance × people)), n
    months' mean for n × t ÷ (1 + (n − 1) × t). Without two months seen in two years there are none.
    """
    found = np.zeros((int(group.max()) + 1, 12))
    if len(month) < 14:  # one pair of months is no evidence
        return found
    level = (starts * used).sum(axis=1) / np.maximum(used @ expected, 1e-9)
    seen, due = by_label(starts * used, group), by_label(level[:, None] * expected * used, group)
    known = (due > 0) & (seen > 0)
    weight = np.where(known, due, 0.0)
    logs = np.clip(np.log(np.where(known, seen / np.maximum(due, 1e-9), 1.0)), -SEASON_CAP, SEASON_CAP)
    age = np.arange(len(month)) - (len(month) - 1) / 2
    for _ in range(2):  # what all do in a month is England's, and a group's own trend is no season
        logs -= (weight * logs).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-9)
        for column in (np.ones_like(age), age):
            slope = (weight * logs * column).sum(axis=1) / np.maximum((weight * column**2).sum(axis=1), 1e-9)
            logs -= slope[:, None] * column
    pairs = np.minimum(weight[:, :-12], weight[:, 12:])
    one, other = logs[:, :-12], logs[:, 12:]
    variance = (pairs * (one**2 + other**2)).sum() / 2 / max(pairs.sum(), 1e-9)
    alike = np.clip((pairs * one * other).sum() / max(pairs.sum() * variance, 1e-12), 0.0, 1.0)
    people = weight.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    trusted = alike / (1 + alike / np.maximum(variance * people, 1e-9))
    for number in range(12):
        at = month == number
        times = known[:, at].sum(axis=1)
        mean = (weight[:, at] * logs[:, at]).sum(axis=1) / np.maximum(weight[:, at].sum(axis=1), 1e-9)
        found[:, number] = mean * times * trusted / (1 + (times - 1) * trusted)
    return found


def _days_by_week(months: tuple[str, ...], time: Horizon) -> Floats:
    """[M, K] working days of each week of ``time`` that lie in each of ``months``."""
    first = np.datetime64(time.snapshot + timedelta(days=1), "D")
    days = first + np.arange(7 * time.weeks)
    begins = np.datetime64(months[0], "M").astype(int)
    month = days.astype("datetime64[M]").astype(int) - begins
    found = np.zeros((len(months), time.weeks))
    np.add.at(found, (np.clip(month, 0, len(months) - 1), np.arange(len(days)) // 7), is_working_day(days))
    return found
