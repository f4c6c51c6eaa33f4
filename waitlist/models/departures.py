"""What the observed months say of departures, by following each cohort along its diagonal (R5).

Between two month ends the people of one week's clock starts can be seen twice. Their number in between is
taken to fall in a straight line over working days, which gives the exposure of every band at the
opening of every week of the month: the same weeks that the engine steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from waitlist.bands import BANDS, THRESHOLDS, Floats
from waitlist.calendar import month_end, snapshot_held_share, working_days, working_days_in
from waitlist.history import History

OPEN_BAND_AGE = 0.02
"""The share of the open band that is one week old in it: waits beyond 104 weeks thin out about 2 % a week."""
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
    band, target, part = _bands_at_close(at, end)
    survivors = np.zeros_like(closing)
    for b, t, share in zip(band, target, part, strict=True):
        survivors[:, b] += closing[:, t] * share
    survivors[:, -1] = closing[:, -1] * max(0.0, 1 - OPEN_BAND_AGE * (end - at).days / 7)
    return survivors


@lru_cache(maxsize=512)
def _bands_at_close(at: date, end: date) -> tuple[np.ndarray, np.ndarray, Floats]:
    """Which band at ``at`` finds which share of which band at ``end``: the same clock starts, by working day."""
    close = np.datetime64(end, "D")
    whole, _ = divmod((end - at).days, 7)
    bands = np.arange(BANDS - 1)
    last = np.datetime64(at, "D") - 7 * bands - 1
    first = last - 6
    split = close - 7 * (bands + whole + 1) - 1  # the last start of the next band up
    found = []
    for target, lo, hi in ((bands + whole, np.maximum(split + 1, first), last), (bands + whole + 1, first, split)):
        here = hi >= lo
        inside = here & (target < BANDS - 1)
        band, at_close = bands[inside], target[inside]
        window = np.where(at_close > 0, close - 7 * at_close - 7, close - 7)
        top = np.where(at_close > 0, close - 7 * at_close - 1, close)
        part = working_days_in(lo[inside], hi[inside]) / np.maximum(working_days_in(window, top), 1)
        found.append((band, at_close, part))
        beyond = here & (target >= BANDS - 1)
        days = (hi[beyond] - lo[beyond]).astype(int) + 1
        found.append((bands[beyond], np.full(beyond.sum(), BANDS - 1), OPEN_BAND_AGE * days / 7))
    band, target, part = (np.concatenate(column) for column in zip(*found, strict=True))
    return band, target, part


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
    opening[:, -1] = published[:, -1] * (1 - OPEN_BAND_AGE)
    opening[:, -2] += published[:, -1] * OPEN_BAND_AGE
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
