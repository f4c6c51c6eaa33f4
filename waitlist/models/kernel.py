"""The engine: one week after another for the lists of a row, in R6's order, and the row's measures (R1, R2).

Lists whose plan changes nothing leave by their rates, here; the others by activity (R7), in by_activity.

A plain NumPy twin of it lives in the tests as its oracle. LANES draws are stepped side by side: a row of the
scratch array holds one number for each, so that one instruction handles several draws, and sums over bands
need no other order than from the longest wait down. Everything lies in one array at fixed places: only so
can the compiler see that rows do not overlap, and use vector instructions (measured: twice as fast).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from waitlist.bands import BANDS, THRESHOLDS, Floats
from waitlist.models import by_activity
from waitlist.models.controls import WITH_ACTIVITY, Controls
from waitlist.models.layout import (
    ADM,
    ADM_LEAVE,
    ADM_STOPS,
    ADMISSION,
    F_ADMITTED,
    F_CONVERTED,
    F_HELD,
    F_NON_ADMITTED,
    F_REMOVED,
    F_STARTS,
    F_STOPS_OVER,
    F_THEATRE,
    F_TIP,
    FACTORS,
    FAST,
    FLOOR_OF,
    FLOORS,
    FLOW,
    FLOWS,
    FULL_WEEK,
    HELD,
    KEPT,
    KNOTS,
    LANES,
    LEFT,
    MONTH,
    OUT,
    OUT_LEAVE,
    OUTPATIENT,
    OVER,
    PACE,
    PEOPLE,
    SEEN,
    STARTS,
    STOPS,
    TILT,
    TOP,
    WHOLE,
)
from waitlist.models.reading import note, see

_BELOW = np.clip(np.searchsorted(KNOTS, np.arange(BANDS), side="right") - 1, 0, len(KNOTS) - 2)
"""The knot at or below each band, and the band's share of the next."""
_NEXT = np.clip((np.arange(BANDS) - np.array(KNOTS)[_BELOW]) / np.diff(KNOTS)[_BELOW], 0.0, 1.0)


@njit(cache=True, fastmath=FAST, boundscheck=False, nogil=True)
def step_row(
    blocks: np.ndarray,
    members: np.ndarray,
    opening: Floats,
    held: Floats,
    rates: Floats,
    returns: Floats,
    starts: Floats,
    multipliers: Floats,
    tilt: Floats,
    days: Floats,
    last_day_share: Floats,
    span: np.ndarray,
    week: np.ndarray,
    flow_weight: Floats,
    crossing: Floats,
    floors: np.ndarray,
    shares: Floats,
    levels: np.ndarray,
    planned: np.ndarray,
    controls: Controls,
    over: Floats,
    waits: Floats,
    noted: Floats,
    flows: Floats,
) -> None:
    """Step lists through K weeks for D draws (R6: leave, return, convert, age, start), and measure their sum.

    blocks: the places of the blocks of draws to step, which threads share out among them: compiled to run on several
    itself, the kernel takes twice as long to compile. members: the positions of the lists to step, of the N that
    follow. opening [N, 2, 105], held [N]: people at the snapshot, and those whose clock started that day. rates [N,
    2, 4, 105]: departures per working day, the admission stage giving only admitted stops and removals; returns [N,
    2, 105]: people a working day; starts [N, K]: clock starts a week. multipliers [N, M, FACTORS, D]: each draw's
    factor on the four departures and the starts, season and all, and its pace at each of KNOTS, by month; tilt [N, B,
    105, LANES], in blocks of LANES draws: each one's factor on all departures of a band, as the pace is. Where rates
    would take more than all of a band of either stage in a full week, the band's are lowered to just that. days [K]:
    working days of each week, FULL_WEEK at most; last_day_share [K]: of its starts, held to the next week; span [K]:
    the month of each week. week [C], flow_weight [C], crossing [C, 105]: the days measured, in order, as
    calendar.MonthEnd. levels [W, Q]: bands whose people, or longer waits, are noted at the first W week ends, the
    snapshot first. planned [N]: the place among ``controls`` of a list that goes by activity, -1 where it goes by
    rates (R7). Written, in blocks of LANES draws: over [B, C, E, LANES], people over each of ``floors`` (0 is the
    whole list); waits [B, C, S, LANES], the weeks below which each of ``shares`` of the list lies, interpolated
    evenly within a band as bands.percentile_wait (104 in the open band, NaN for an empty list); noted [B, W, Q,
    LANES]; flows [B, K, FLOWS, LANES].
    """
    lists, weeks, asked = members.shape[0], days.shape[0], (week, flow_weight, crossing, floors, shares)
    longest, run = 0, 0
    for k in range(weeks):
        run = run + 1 if k > 0 and span[k] == span[k - 1] else 1
        longest = max(longest, run)
    for block in blocks:
        lanes = slice(np.int64(block) * LANES, (np.int64(block) + 1) * LANES)
        w, people = np.zeros(WITH_ACTIVITY), np.empty((lists, PEOPLE))
        ends = np.zeros((longest + 1 if lists > 1 else 1, SEEN))
        widest, bands = np.zeros((lists, BANDS)), np.zeros((shares.shape[0], LANES), np.int64)
        for i in range(lists):
            n = members[i]
            open_list(people[i], ends[0], widest[i], opening[n], held[n], tilt[n, block])
        if lists == 1:  # its people and its week stay where they are stepped (measured: 20 ns of 80 spared)
            w[:PEOPLE], w[OVER : OVER + SEEN] = people[0], ends[0]
            w[TILT : TILT + BANDS * LANES] = tilt[members[0], block].ravel()
        first, month = 0, np.empty((FACTORS, LANES))
        c = see(-1, ends[0], ends[0], 0, asked, bands, over[block], waits[block])  # the snapshot itself
        note(0, ends[0], levels, noted[block])
        while first < weeks:
            after = first + 1
            while after < weeks and span[after] == span[first]:
                after += 1
            for i in range(lists):  # a month of each list before the next, so that the nearest memory holds it
                n = members[i]
                if lists > 1:
                    w[:PEOPLE], w[TILT : TILT + BANDS * LANES] = people[i], tilt[n, block].ravel()
                month[:] = multipliers[n, span[first], :, lanes]
                set_month(w, month, rates[n], widest[i])
                at = planned[n]
                if at >= 0:
                    by_activity.set_month(w, rates[n])
                for k in range(first, after):
                    if lists == 1 and c < week.shape[0] and week[c] == k:
                        ends[0] = w[OVER : OVER + SEEN]
                    if at >= 0:
                        by_activity.leave(w, rates[n], returns[n], days[k], at, block, k, controls)
                    else:
                        leave(w, rates[n], returns[n], days[k])
                    enter(w, starts[n, k], last_day_share[k])
                    add_flows(w, flows[block, k].ravel(), i == 0)
                    if lists > 1:
                        add(w, ends[k - first + 1], i == 0)
                    else:
                        now = w[OVER : OVER + SEEN]
                        c = see(k, ends[0], now, c, asked, bands, over[block], waits[block])
                        note(k + 1, now, levels, noted[block])
                if lists > 1:
                    people[i] = w[:PEOPLE]
            if lists > 1:
                for k in range(first, after):
                    before, now = ends[k - first], ends[k - first + 1]
                    c = see(k, before, now, c, asked, bands, over[block], waits[block])
                    note(k + 1, now, levels, noted[block])
                ends[0] = ends[after - first]
            first = after


@njit(cache=True, boundscheck=False)
def open_list(people: Floats, now: Floats, widest: Floats, opening: Floats, held: float, tilt: Floats) -> None:
    """A list as it is at the snapshot, in every lane, added to the row's; ``widest`` [105] each band's top tilt."""
    over = 0.0
    for b in range(BANDS - 1, -1, -1):
        over += opening[OUTPATIENT, b] + opening[ADMISSION, b]
        widest[b] = tilt[b].max()
        for j in range(LANES):
            people[OUT + b * LANES + j] = opening[OUTPATIENT, b]
            people[ADM + b * LANES + j] = opening[ADMISSION, b]
            now[b * LANES + j] += over
    for j in range(LANES):
        people[OUT + TOP + LANES + j] = people[ADM + TOP + LANES + j] = 0.0
        people[KEPT + j], people[WHOLE + j] = held, over
        now[HELD + j] += held


@njit(cache=True, boundscheck=False)
def set_month(w: Floats, multipliers: Floats, rates: Floats, widest: Floats) -> None:
    """The month's factors, the pace they allow, and the part of each band that leaves in a day."""
    most = np.zeros(FACTORS)
    for f in range(FACTORS):
        most[f] = multipliers[f].max()
    for f in range(STARTS + 1):
        w[MONTH + f * LANES : MONTH + (f + 1) * LANES] = multipliers[f]
    _set_leave(w, rates, multipliers)
    reach = np.zeros((2, BANDS))
    for stage in range(2):
        for f in range(STARTS):
            for b in range(BANDS):
                reach[stage, b] += FULL_WEEK * most[f] * rates[stage, f, b]
    for b in range(BANDS):
        g = STARTS + 1 + _BELOW[b]
        pace = widest[b] * ((1.0 - _NEXT[b]) * most[g] + _NEXT[b] * most[g + 1])
        if pace * max(reach[OUTPATIENT, b], reach[ADMISSION, b]) > 1.0:  # some draw may take more than all
            for j in range(b * LANES, (b + 1) * LANES):
                out_part = 1.0 / max(1.0, FULL_WEEK * w[OUT_LEAVE + j])
                adm_part = 1.0 / max(1.0, FULL_WEEK * w[ADM_LEAVE + j])
                w[PACE + j] *= out_part
                w[OUT_LEAVE + j] *= out_part
                w[ADM_LEAVE + j] *= adm_part
                w[ADM_STOPS + j] *= adm_part


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _set_leave(w: Floats, rates: Floats, multipliers: Floats) -> None:
    """Each band's pace, and the part of it that leaves in a day: of the outpatient stage, of the admission stage, and
    as stops."""
    for b in range(BANDS):
        oa, on, orr, oc = rates[0, 0, b], rates[0, 1, b], rates[0, 2, b], rates[0, 3, b]
        aa, ar = rates[1, 0, b], rates[1, 2, b]
        knot, after = STARTS + 1 + _BELOW[b], _NEXT[b]
        before = 1.0 - after
        for j in range(LANES):
            fa, fn, fr = w[MONTH + j], w[MONTH + LANES + j], w[MONTH + 2 * LANES + j]
            pace = w[TILT + b * LANES + j] * (before * multipliers[knot, j] + after * multipliers[knot + 1, j])
            out = fa * oa + fn * on + fr * orr + w[MONTH + 3 * LANES + j] * oc
            w[PACE + b * LANES + j] = pace
            w[OUT_LEAVE + b * LANES + j] = pace * out
            w[ADM_STOPS + b * LANES + j] = pace * aa
            w[ADM_LEAVE + b * LANES + j] = pace * (fa * aa + fr * ar)


@njit(cache=True, fastmath=FAST, boundscheck=False)
def leave(w: Floats, rates: Floats, returns: Floats, days: float) -> None:
    """Departures, returns and conversions of every band, which goes on to the next; its flows' sums (R6)."""
    for i in range(4 * LANES):
        w[LEFT + i] = 0.0
    for b in range(BANDS - 1, -1, -1):
        oa, on, oc = rates[0, 0, b], rates[0, 1, b], rates[0, 3, b]
        out_back, adm_back = days * returns[0, b], days * returns[1, b]
        for j in range(LANES):
            o, a = w[OUT + b * LANES + j], w[ADM + b * LANES + j]
            od, ad = days * o, days * a
            x = od * w[PACE + b * LANES + j]
            converted = w[MONTH + 3 * LANES + j] * oc * x
            theatre = w[ADM_STOPS + b * LANES + j] * ad
            w[LEFT + j] += oa * x + theatre
            w[LEFT + LANES + j] += on * x
            w[LEFT + 2 * LANES + j] += converted
            w[LEFT + 3 * LANES + j] += theatre
            o = o - w[OUT_LEAVE + b * LANES + j] * od + out_back
            a = a - w[ADM_LEAVE + b * LANES + j] * ad + converted + adm_back
            w[OUT + b * LANES + LANES + j] = o
            w[ADM + b * LANES + LANES + j] = a
            w[OVER + b * LANES + LANES + j] = w[OVER + b * LANES + 2 * LANES + j] + (o + a)
        t = FLOOR_OF[b]
        if t >= 0:
            for j in range(LANES):
                admitted, non_admitted = w[MONTH + j] * w[LEFT + j], w[MONTH + LANES + j] * w[LEFT + LANES + j]
                w[STOPS + t * LANES + j] = admitted + non_admitted
    for j in range(LANES):
        w[FLOW + F_ADMITTED * LANES + j] = w[MONTH + j] * w[LEFT + j]
        w[FLOW + F_NON_ADMITTED * LANES + j] = w[MONTH + LANES + j] * w[LEFT + LANES + j]
        w[FLOW + F_CONVERTED * LANES + j] = w[LEFT + 2 * LANES + j]
        w[FLOW + F_THEATRE * LANES + j] = w[MONTH + j] * w[LEFT + 3 * LANES + j]


@njit(cache=True, fastmath=FAST, boundscheck=False)
def enter(w: Floats, starts: float, last_day_share: float) -> None:
    """The open band keeps its own, newcomers enter; the week's flows."""
    for j in range(LANES):
        w[OUT + TOP + j] += w[OUT + TOP + LANES + j]
        w[ADM + TOP + j] += w[ADM + TOP + LANES + j]
        # whom the week's stops do not account for was removed, returns taken off (R4)
        w[FLOW + F_REMOVED * LANES + j] = w[WHOLE + j] - w[OVER + LANES + j] - w[STOPS + j]
        started = starts * w[MONTH + STARTS * LANES + j]
        kept = started * last_day_share
        w[OUT + j] = w[KEPT + j] + started - kept
        w[ADM + j] = 0.0
        w[OVER + j] = w[WHOLE + j] = w[OVER + LANES + j] + w[OUT + j]
        w[OVER + HELD + j] = w[KEPT + j] = kept
        w[FLOW + F_STARTS * LANES + j] = started
        w[FLOW + F_HELD * LANES + j] = kept
        for t in range(len(THRESHOLDS)):
            b = FLOORS[t + 1] * LANES
            w[FLOW + (F_TIP + t) * LANES + j] = w[OVER + b + j] - w[OVER + b + LANES + j]
            w[FLOW + (F_STOPS_OVER + t) * LANES + j] = w[STOPS + (t + 1) * LANES + j]


@njit(cache=True, boundscheck=False)
def add_flows(w: Floats, flows: Floats, first: bool) -> None:
    """Add a list's flows of the week to the row's; those of the first take the place of what was there."""
    if first:
        for i in range(FLOWS * LANES):
            flows[i] = w[FLOW + i]
    else:
        for i in range(FLOWS * LANES):
            flows[i] += w[FLOW + i]


@njit(cache=True, boundscheck=False)
def add(w: Floats, now: Floats, first: bool) -> None:
    """Add a list's people to the row's; those of the first take the place of what was there."""
    if first:
        for i in range(SEEN):
            now[i] = w[OVER + i]
    else:
        for i in range(SEEN):
            now[i] += w[OVER + i]
