"""Rates checked against what they are for: replay the last months, and mend what the month ends contradict.

Rates from stops and exposures rest on each cohort falling in a straight line between two month ends. Where
trusts clear their longest waits just before a month is counted, it does not, and too many would be forecast
to cross. The replay starts from each known month end, steps the known weeks, and compares who is still there.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from waitlist.bands import BANDS, Floats
from waitlist.calendar import month_end, snapshot_held_share, working_days
from waitlist.history import History
from waitlist.models.departures import survivors, weeks_later
from waitlist.models.layout import CONVERTED, FULL_WEEK
from waitlist.models.rates import DAILY_CAP, GROUP_OF_BAND, HALF_LIFE, Rates, by_group, by_label

MONTHS = 6
"""Month ends that are replayed, the latest counting most."""
ROUNDS = 2
"""A corrected rate moves the bands after it too: twice is enough (the third changes figures by under 1 %)."""
WEIGHT = 20.0
"""People leaving by which a provider's correction is drawn to none, and a list's to its provider's."""
FIRST = 60
"""The band from which rates are corrected: below it replays say little that stops do not (measured)."""
WEEKS = 4
"""Whole weeks in every month."""
MOST = 3.0
"""No rate is corrected by more than this factor, up or down."""


def corrected(history: History, rates: Rates, keep: list[int]) -> Floats:
    """The departures [N, 2, 4, 105] of the lists at ``keep``, moved so that replayed months end as they did.

    One factor for each provider and group of bands, and within it for each list, as far as their people
    allow. Months that a break spoils are not replayed.
    """
    departures = rates.departures[keep].copy()
    last = len(history.months)
    provider = np.unique([history.lists[n][0] for n in keep], return_inverse=True)[1]
    for _ in range(ROUNDS):
        opened, expected, seen = np.zeros((3, len(keep), BANDS))
        for month in range(max(1, last - MONTHS), last):
            used = history.fit_months[keep, month] * 0.5 ** ((last - 1 - month) / HALF_LIFE)
            parts = _replayed(history, departures, rates, keep, month)
            for total, part in zip((opened, expected, seen), parts, strict=True):
                total += part * used[:, None]
        departures *= _factors(opened, expected, seen, provider)[:, None, None]
        departures = np.minimum(departures, DAILY_CAP)
    return departures


def _replayed(
    history: History, departures: Floats, rates: Rates, keep: list[int], month: int
) -> tuple[Floats, Floats, Floats]:
    """By the band four weeks into the month [N, 105]: who opened it, who should be there at its end, and who is."""
    begin, end = (month_end(history.months[m]) for m in (month - 1, month))
    season = rates.season[int(history.months[month][5:]) - 1]
    state = np.stack([history.outpatient[keep, month - 1], history.admission[keep, month - 1]], axis=1)
    state[:, :, 0] *= 1 - snapshot_held_share(begin)
    opened = weeks_later(state.sum(axis=1), WEEKS)
    returns = rates.returns[keep]
    at = begin
    for _ in range(WEEKS):
        days = working_days(at, at + timedelta(days=7))
        state = _left(state, departures * season[:, None], days) + days * returns
        state = np.stack([weeks_later(stage, 1) for stage in state.swapaxes(0, 1)], axis=1)
        at += timedelta(days=7)
    days = working_days(at, end)
    state = _left(state, departures * season[:, None], days) + days * returns
    return opened, state.sum(axis=1), survivors(history.waiting[keep, month], at, end)


def _left(state: Floats, departures: Floats, days: float) -> Floats:
    """The stages [N, 2, 105] after ``days`` of departures: in a full week no more than all leave, as in the kernel."""
    total = departures.sum(axis=2)
    share = days * state / np.maximum(FULL_WEEK * total, 1.0)
    stay = state - share * total
    stay[:, 1] += share[:, 0] * departures[:, 0, CONVERTED]
    return stay


def _factors(opened: Floats, expected: Floats, seen: Floats, provider: np.ndarray) -> Floats:
    """What each band's rates [N, 105] are to be multiplied by, from cumulative hazards by group of bands."""
    start, should, there = (by_group(people) for people in (opened, expected, seen))
    hazard = _hazard(start, there) * start
    usual = _hazard(start, should) * start
    whole = (by_label(hazard, provider) + WEIGHT) / (by_label(usual, provider) + WEIGHT)
    usual = usual * whole[provider]
    factor = whole[provider] * (hazard + WEIGHT) / (usual + WEIGHT)
    factor[:, : GROUP_OF_BAND[FIRST]] = 1.0
    passed = np.minimum(np.arange(BANDS) + WEEKS // 2, BANDS - 1)  # halfway along the month's diagonal
    return np.clip(factor[:, GROUP_OF_BAND[passed]], 1 / MOST, MOST)


def _hazard(start: Floats, end: Floats) -> Floats:
    left = np.clip(end, 0.5, np.maximum(start, 0.5)) / np.maximum(start, 0.5)
    return -np.log(left)
