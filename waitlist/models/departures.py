"""What the observed months say of departures, by following each cohort along its diagonal (R5).

Between two month ends the people of one week's clock starts can be seen twice. Their number in between is
taken to fall in a straight line over working days, which gives the exposure of every band at the
opening of every week of the month: the same weeks that the engine steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from waitlist.bands import BANDS, THRESHOLDS, Floats
from waitlist.calendar import month_end, snapshot_held_share, working_days
from waitlist.history import History

LATER_BAND = 4 / 7
"""The share of a week's stops that are published one band above the band at the week's opening: of an even
spread of ages and days within the week, 28 pairs of 49 have passed into the next band."""


@dataclass(frozen=True)
class MonthFlows:
    """One month's flows by the band at each week's opening. L lists × 105 bands.

    exposure: [2, L, 105] person-working-days by stage. admitted, non_admitted, removed (net of returns),
    converted: [L, 105] people; removed is of both stages together, at one rate by band (R5).
    starts: [L]. working_days: of the month. tip_in: [5, L] people who crossed each threshold.
    """

    exposure: Floats
    admitted: Floats
    non_admitted: Floats
    removed: Floats
    converted: Floats
    starts: Floats
    working_days: float
    tip_in: Floats


def month_flows(history: History, month: int) -> MonthFlows:
    """The flows of ``history``'s month at position ``month``, for every list; 0 where it is not observed.

    Removals and conversions are what R4 and the stage's own identity leave over, so each list's month
    closes exactly: removed sums to R4's other removals.
    """
    begin, end = (month_end(history.months[m]) for m in (month - 1, month))
    days = float(working_days(begin, end))
    seen = history.observed_flows[:, month]
    stages = (history.outpatient, history.admission)
    exposures, diagonals, crossings = zip(
        *(_followed(stage[:, month - 1], stage[:, month], begin, end) for stage in stages), strict=True
    )
    exposure = np.stack(exposures) * seen[:, None]
    counts = history.counts
    admitted = _at_opening(_with_unknown(counts.admitted[:, month], counts.admitted_unknown[:, month]))
    non_admitted = _at_opening(_with_unknown(counts.non_admitted[:, month], counts.non_admitted_unknown[:, month]))
    change = [_spread(diagonal, exposure_) for diagonal, exposure_ in zip(diagonals, exposures, strict=True)]
    both = exposure.sum(axis=0)
    total = np.where(seen, np.nan_to_num(history.other_removals[:, month]), 0.0)
    removed = _closing(change[0] + change[1] - admitted - non_admitted, both, total)
    share = exposure[1] / np.maximum(both, 1e-9)
    restated = history.restatement[:, month] * history.admission[:, month].sum(1)
    restated = restated / np.maximum(counts.incomplete[:, month].sum(1), 1.0)
    grown = (history.admission[:, month] - history.admission[:, month - 1]).sum(axis=1)
    needed = grown + admitted.sum(axis=1) + (removed * share).sum(axis=1) - restated
    converted = _closing(admitted + removed * share - change[1], both, needed)
    converted[history.one_stage] = 0.0
    keep = seen[:, None]
    return MonthFlows(
        exposure=exposure,
        admitted=admitted * keep,
        non_admitted=non_admitted * keep,
        removed=removed * keep,
        converted=converted * keep,
        starts=counts.clock_starts[:, month] * seen,
        working_days=days,
        tip_in=(crossings[0] + crossings[1]) * seen,
    )


def _followed(opening: Floats, closing: Floats, begin: date, end: date) -> tuple[Floats, Floats, Floats]:
    """Exposure [L, 105], net fall by opening band [L, 105] and tip-ins [5, L] of one stage's month."""
    opening = opening.copy()
    opening[:, 0] *= 1 - snapshot_held_share(begin)
    days = working_days(begin, end)
    length = (end - begin).days
    exposure = np.zeros_like(opening)
    first: Floats | None = None
    crossing = np.zeros((len(THRESHOLDS), len(opening)))
    for week in range(0, length, 7):
        later = _at_close(closing, begin + timedelta(days=week), end)
        earlier = _shifted(opening, week // 7)
        elapsed = working_days(begin, begin + timedelta(days=week)) / max(days, 1)
        now = earlier * (1 - elapsed) + later * elapsed
        now[:, : week // 7] = later[:, : week // 7]
        if week == 0:
            first = opening - later
            first[:, -1] = 0.0
        span = min(week + 7, length)
        here = working_days(begin + timedelta(days=week), begin + timedelta(days=span))
        exposure += np.maximum(now, 0.0) * here
        crossing += np.stack([now[:, t - 1] for t in THRESHOLDS]) * (span - week) / 7
    assert first is not None
    return exposure, first, crossing


def _at_close(closing: Floats, at: date, end: date) -> Floats:
    """How many of each band at ``at`` are still waiting at ``end``, by their clock starts' working days."""
    ahead = (end - at).days
    whole, days = divmod(ahead, 7)
    survivors = np.zeros_like(closing)
    for band in range(BANDS - 1):
        last = at - timedelta(days=7 * band + 1)
        split = end - timedelta(days=7 * (band + whole + 1) + 1)  # the last start of the next band up
        first = last - timedelta(days=6)
        for target, lo, hi in ((band + whole, split + timedelta(days=1), last), (band + whole + 1, first, split)):
            if hi < lo:
                continue
            if target >= BANDS - 1:
                survivors[:, band] += closing[:, -1] * 0.02 * ((hi - lo).days + 1) / 7
                continue
            window = end - timedelta(days=7 * target + 8 if target else 8)
            top = end - timedelta(days=7 * target + 1) if target else end
            part = working_days(lo - timedelta(days=1), hi)
            survivors[:, band] += closing[:, target] * part / max(working_days(window, top), 1)
    survivors[:, -1] = closing[:, -1] * max(0.0, 1 - 0.02 * (whole + days / 7))
    return survivors


def _shifted(state: Floats, bands: int) -> Floats:
    """``state`` [L, 105] aged by ``bands`` weeks, the open band keeping its own."""
    if bands == 0:
        return state
    moved = np.zeros_like(state)
    moved[:, bands:] = state[:, :-bands]
    moved[:, -1] = state[:, BANDS - 1 - bands :].sum(axis=1)
    return moved


def _with_unknown(banded: Floats, unknown: Floats) -> Floats:
    """Stops by band, those with an unknown clock start shared over the known ones."""
    known = banded.sum(axis=1)
    scaled = banded * ((known + unknown) / np.maximum(known, 1.0))[:, None]
    scaled[:, 0] += np.where(known == 0, unknown, 0.0)
    return scaled


def _at_opening(published: Floats) -> Floats:
    """Stops by the band at the opening of their week, from those by the band at the stop."""
    opening = published * (1 - LATER_BAND)
    opening[:, 0] = published[:, 0]
    opening[:, :-2] += published[:, 1:-1] * LATER_BAND
    opening[:, -1] = published[:, -1] * 0.98
    opening[:, -2] += published[:, -1] * 0.02
    return opening


def _spread(fall: Floats, exposure: Floats) -> Floats:
    """Each diagonal's fall over the month, put on the bands it passed through."""
    weights = (0.16, 0.23, 0.23, 0.23, 0.15)
    moved = sum((weight * _shifted(fall, week) for week, weight in enumerate(weights)), np.zeros_like(fall))
    return np.where(exposure > 0, moved, 0.0)


def _closing(values: Floats, exposure: Floats, total: Floats) -> Floats:
    """``values`` [L, 105] with what is missing from ``total`` [L] put on the newest weeks, by exposure."""
    weight = exposure.copy()
    weight[:, 5:] = 0.0
    weight[:, 0] += 1e-9
    rest = total - values.sum(axis=1)
    return values + rest[:, None] * weight / weight.sum(axis=1, keepdims=True)
