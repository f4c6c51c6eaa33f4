"""What the observed months say of departures, by following each cohort along its diagonal (R5).

Between two month ends the people of one week's clock starts can be seen twice: when the month opens (or when
they join it) and when it closes. Their number in between is taken to fall in a straight line over working
days, which gives the exposure of every band at the opening of every week: the same weeks that the engine
steps. What a cohort lost beyond its stops are other removals, and those it lost from the outpatient stage to
the admission stage are conversions; both are put on the bands the cohort passed, by exposure.
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
THEATRE_CAP = 0.2
"""Admitted stops per working day beyond which a band's admission stage can't have held all who were admitted."""


@dataclass(frozen=True)
class MonthFlows:
    """One month's flows by the band at each week's opening. L lists × 105 bands.

    exposure: [2, L, 105] person-working-days by stage. theatre, admitted, non_admitted, removed (net of
    returns), converted: [L, 105] people; admitted is everyone's, theatre those from the admission stage;
    removed is of both stages together, at one rate by cohort (R5); admission_removed [L] is the admission
    stage's part of it. A restatement is taken to be the outpatient stage's. starts: [L]. working_days: of the month.
    tip_in: [5, L] people who crossed each threshold.
    """

    exposure: Floats
    theatre: Floats
    admitted: Floats
    non_admitted: Floats
    removed: Floats
    admission_removed: Floats
    converted: Floats
    starts: Floats
    working_days: float
    tip_in: Floats


@dataclass(frozen=True)
class _Followed:
    """One stage's month. exposure: [W, L, 105] at each week's opening; fall: [L, diagonals] people each cohort
    lost; tip_in: [5, L]."""

    exposure: Floats
    fall: Floats
    tip_in: Floats


def month_flows(history: History, month: int) -> MonthFlows:
    """The flows of ``history``'s month at position ``month``, for every list; 0 where it is not observed.

    Removals and conversions are what R4 and the stage's own identity leave over, so each list's month
    closes exactly: removed sums to R4's other removals.
    """
    begin, end = (month_end(history.months[m]) for m in (month - 1, month))
    counts = history.counts
    seen = history.observed_flows[:, month]
    starts = counts.clock_starts[:, month] * seen
    stages = (history.outpatient, history.admission)
    entering = (starts, np.zeros_like(starts))
    outpatient, admission = (
        _followed(stage[:, month - 1], stage[:, month], new, begin, end)
        for stage, new in zip(stages, entering, strict=True)
    )
    both = outpatient.exposure + admission.exposure
    outpatient_days, theatre_days = outpatient.exposure.sum(axis=0), admission.exposure.sum(axis=0)
    exposure = both.sum(axis=0)
    admitted = _at_opening(_with_unknown(counts.admitted[:, month], counts.admitted_unknown[:, month]))
    non_admitted = _at_opening(_with_unknown(counts.non_admitted[:, month], counts.non_admitted_unknown[:, month]))
    theatre = np.minimum(admitted, THEATRE_CAP * theatre_days)

    stopped = _by_cohort(both * _rate(admitted + non_admitted, exposure))
    lost = outpatient.fall + admission.fall - stopped
    removal_rate = _rate(lost, _by_cohort(both))
    total = np.where(seen, np.nan_to_num(history.other_removals[:, month]), 0.0)
    restated = history.restatement[:, month] != 0  # its cohorts can't be followed: one rate for all of them
    removal_rate[restated] = _rate(total, exposure.sum(axis=1))[restated, None]
    removed = _closing(_by_band(removal_rate, both), exposure, total)

    operated = _by_cohort(admission.exposure * _rate(theatre, theatre_days))
    gained = operated + removal_rate * _by_cohort(admission.exposure) - admission.fall
    conversion_rate = _rate(gained, _by_cohort(outpatient.exposure))
    admission_removed = _by_band(removal_rate, admission.exposure).sum(axis=1) * seen
    grown = (history.admission[:, month] - history.admission[:, month - 1]).sum(axis=1)
    needed = grown + theatre.sum(axis=1) + admission_removed  # a restatement is the outpatient stage's
    converted = _closing(_by_band(conversion_rate, outpatient.exposure), outpatient_days, needed)
    converted[history.one_stage] = 0.0
    keep = seen[:, None]
    return MonthFlows(
        exposure=np.stack([outpatient_days, theatre_days]) * keep,
        theatre=theatre * keep,
        admitted=admitted * keep,
        non_admitted=non_admitted * keep,
        removed=removed * keep,
        admission_removed=np.where(history.one_stage, 0.0, admission_removed),
        converted=converted * keep,
        starts=starts,
        working_days=float(working_days(begin, end)),
        tip_in=(outpatient.tip_in + admission.tip_in) * seen,
    )


def _followed(opening: Floats, closing: Floats, starts: Floats, begin: date, end: date) -> _Followed:
    """Follow one stage's cohorts from month end ``begin`` to ``end``. opening, closing [L, 105]; starts [L]."""
    weeks = [begin + timedelta(days=day) for day in range(0, (end - begin).days, 7)]
    held = opening[:, 0] * snapshot_held_share(begin)
    opening = opening.copy()
    opening[:, 0] -= held
    month_days = working_days(begin, end)
    day = timedelta(days=1)
    # cohort c starts in week c: those held when the month opens belong to the first
    born = [starts * working_days(max(at - day, begin), at + 6 * day) / month_days for at in weeks[:-1]]
    born[0] = born[0] + held
    later = [survivors(closing, at, end) for at in weeks]
    exposure = np.zeros((len(weeks), *opening.shape))
    for w, at in enumerate(weeks):
        passed = working_days(begin, at) / month_days
        exposure[w] = weeks_later(opening, w) * (1 - passed) + later[w] * passed
        for c in range(w):
            since = working_days(weeks[c + 1], at) / max(working_days(weeks[c + 1], end), 1)
            exposure[w, :, w - 1 - c] = born[c] * (1 - since) + later[w][:, w - 1 - c] * since
    here = [working_days(at, min(at + 7 * day, end)) for at in weeks]
    crossing = [_crossing(exposure, w, min(7, (end - at).days) / 7) for w, at in enumerate(weeks)]
    top = _open_from(len(weeks))
    joined = [*reversed(born), *opening[:, :top].T, opening[:, top:].sum(axis=1)]
    kept = [*(there[:, 0] for there in reversed(later[1:])), *later[0][:, :top].T, later[0][:, top:].sum(axis=1)]
    exposure = np.maximum(exposure, 0.0) * np.array(here)[:, None, None]
    return _Followed(exposure, np.stack(joined, axis=1) - np.stack(kept, axis=1), np.sum(crossing, axis=0))


def _crossing(waiting: Floats, week: int, length: float) -> Floats:
    """[5, L] people who cross each threshold in a week: midway between who is due to and who is left after it."""
    due = waiting[week][:, [t - 1 for t in THRESHOLDS]]
    if week + 1 < len(waiting):
        due = (due[:, :-1] + waiting[week + 1][:, THRESHOLDS[:-1]]) / 2, due[:, -1:]
        due = np.concatenate(due, axis=1)
    return np.asarray(due.T * length)


def _open_from(weeks: int) -> int:
    """The first band whose cohort may be in the open band when a month of ``weeks`` weeks closes."""
    return BANDS - 1 - weeks


def _single(weeks: int, week: int) -> tuple[int, slice]:
    """How many bands hold one cohort each at a ``week``'s opening, and those cohorts, the newest first.

    The bands beyond hold the last cohort together: those who may be in the open band at the month's end.
    """
    bands = _open_from(weeks) + week
    return bands, slice(weeks - 1 - week, weeks - 1 - week + bands)


def _by_cohort(people: Floats) -> Floats:
    """``people`` [W, L, 105] added up along each cohort's diagonal: [L, diagonals]."""
    weeks = len(people)
    total = np.zeros((people.shape[1], _open_from(weeks) + weeks))
    for week in range(weeks):
        bands, cohorts = _single(weeks, week)
        total[:, cohorts] += people[week][:, :bands]
        total[:, -1] += people[week][:, bands:].sum(axis=1)
    return total


def _by_band(rate: Floats, exposure: Floats) -> Floats:
    """Each cohort's ``rate`` [L, diagonals] times its exposure [W, L, 105], added up by band: [L, 105]."""
    total = np.zeros(exposure.shape[1:])
    for week in range(len(exposure)):
        bands, cohorts = _single(len(exposure), week)
        total[:, :bands] += rate[:, cohorts] * exposure[week][:, :bands]
        total[:, bands:] += rate[:, -1:] * exposure[week][:, bands:]
    return total


def _rate(people: Floats, exposure: Floats) -> Floats:
    return np.where(exposure > 0, people / np.where(exposure > 0, exposure, 1.0), 0.0)


def survivors(closing: Floats, at: date, end: date) -> Floats:
    """How many of each band at ``at`` are still waiting at ``end``, by their clock starts' working days."""
    whole, parts = _bands_at_close(at, end)
    found = np.zeros_like(closing)
    for weeks, part in enumerate(parts, whole):
        found[:, : BANDS - weeks] += closing[:, weeks:] * part[: BANDS - weeks]
        found[:, BANDS - weeks :] += closing[:, -1:] * part[BANDS - weeks :]
    return found


@lru_cache(maxsize=512)
def _bands_at_close(at: date, end: date) -> tuple[int, Floats]:
    """The whole weeks between ``at`` and ``end``, and the shares [2, 105] of two closing bands that each band's are:

    of the band those weeks on, and of the one after it.

    The same clock starts are found by their working days; those who came into the open band by weeks.
    """
    close = np.datetime64(end, "D")
    whole, days = divmod((end - at).days, 7)
    bands = np.arange(BANDS - 1)
    last = np.datetime64(at, "D") - 7 * bands - 1
    first = last - 6
    split = close - 7 * (bands + whole + 1) - 1  # the last start of the next band up
    parts = np.zeros((2, BANDS))
    spans = ((whole, np.maximum(split + 1, first), last), (whole + 1, first, split))
    for row, (weeks, begun, ended) in enumerate(spans):
        target = np.minimum(bands + weeks, BANDS - 1)
        window = np.where(target > 0, close - 7 * target - 7, close - 7)
        top = np.where(target > 0, close - 7 * target - 1, close)
        known = working_days_in(begun, ended) / np.maximum(working_days_in(window, top), 1)
        beyond = OPEN_BAND_AGE * ((ended - begun).astype(int) + 1) / 7
        share = np.where(target < BANDS - 1, known, beyond)
        parts[row, :-1] = np.where(ended >= begun, share, 0.0)
    parts[0, -1] = max(0.0, 1 - OPEN_BAND_AGE * (whole + days / 7))
    return whole, parts


def weeks_later(state: Floats, bands: int) -> Floats:
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


def _closing(values: Floats, exposure: Floats, total: Floats) -> Floats:
    """``values`` [L, 105] with what is missing from ``total`` [L] put on the newest weeks, by exposure.

    What is missing is the month's last week of clock starts, which no week's opening has seen yet, and a
    restatement, which belongs to no week.
    """
    weight = exposure.copy()
    weight[:, 5:] = 0.0
    weight[:, 0] += 1e-9
    rest = total - values.sum(axis=1)
    return values + rest[:, None] * weight / weight.sum(axis=1, keepdims=True)
