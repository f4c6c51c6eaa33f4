"""The engine: one week after another for every draw and list, in R6's order.

A plain NumPy twin of ``step_weeks`` lives in the tests as its oracle. Each draw keeps all it needs in one
scratch array at fixed places: only so can the compiler see that they do not overlap, and use vector
instructions (measured: three times as fast as an array each).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from waitlist.bands import BANDS, THRESHOLDS, Floats

OUTPATIENT, ADMISSION = 0, 1
ADMITTED, NON_ADMITTED, REMOVED, CONVERTED = range(4)
"""Departure flows, in the order of the rates' axis."""
STARTS = 4
"""The clock starts, after the departures, in the order of the multipliers' axis."""
F_STARTS, F_ADMITTED, F_NON_ADMITTED, F_REMOVED, F_CONVERTED, F_HELD, F_TIP = range(7)
F_STOPS_OVER = F_TIP + len(THRESHOLDS)
"""Columns of the weekly flows; F_TIP (those who cross) and F_STOPS_OVER are each one column per threshold."""
FLOWS = F_STOPS_OVER + len(THRESHOLDS)
_THRESHOLDS = np.array(THRESHOLDS)
_TOP = BANDS - 1
_FIRST, _SECOND = 4, 228
"""Where one draw's scratch holds the two stages before a week and after it, turn by turn."""
_STOPS, _RATES, _RETURNS = 452, 564, 1348
"""Where it holds the week's stops by band, the list's rates and its returns; a row is _ROW long."""
_ROW = 112
_PADDED = 108
"""Bands stepped, those beyond the last being empty: a multiple of what one instruction handles."""
_FAST = {"reassoc", "contract", "nsz", "arcp"}


def _way(here: int, there: int) -> tuple[Any, Any, Any]:
    """The halves of a week (the first in two forms) that goes from the stages at ``here`` to those at ``there``.

    Made once for each way, so that both places are constants to the compiler.
    """

    @njit(cache=True, fastmath=_FAST)
    def leave(w: Floats, factor: Floats, days: float) -> tuple[float, float, float, float]:
        """Departures and returns, a band on: people admitted, non-admitted, removed (not net), converted."""
        fa, fn, fr, fc = factor
        admitted, non_admitted, removed, converted = 0.0, 0.0, 0.0, 0.0
        for b in range(_PADDED):
            o, a = w[here + b], w[here + _ROW + b]
            oa, on, orr = o * w[_RATES + b], o * w[_RATES + _ROW + b], fr * (o * w[_RATES + 2 * _ROW + b])
            oc = fc * (o * w[_RATES + 3 * _ROW + b])
            aa, an = a * w[_RATES + 4 * _ROW + b], a * w[_RATES + 5 * _ROW + b]
            ar = fr * (a * w[_RATES + 6 * _ROW + b])
            admitted += oa + aa
            non_admitted += on + an
            removed += orr + ar
            converted += oc
            out_stops, adm_stops = fa * oa + fn * on, fa * aa + fn * an
            w[_STOPS + b] = out_stops + adm_stops
            w[there + 1 + b] = o - out_stops - orr - oc + days * w[_RETURNS + b]
            w[there + _ROW + 1 + b] = a - adm_stops - ar + oc + days * w[_RETURNS + _ROW + b]
        return fa * admitted, fn * non_admitted, removed, converted

    @njit(cache=True, fastmath=_FAST)
    def leave_at_most_all(w: Floats, factor: Floats, days: float) -> tuple[float, float, float, float]:
        """As ``leave``, where the rates would take more than all of some band: they share what is there."""
        fa, fn, fr, fc = factor
        admitted, non_admitted, removed, converted = 0.0, 0.0, 0.0, 0.0
        for b in range(_PADDED):
            o, a = w[here + b], w[here + _ROW + b]
            oa, on, orr = fa * w[_RATES + b], fn * w[_RATES + _ROW + b], fr * w[_RATES + 2 * _ROW + b]
            oc = fc * w[_RATES + 3 * _ROW + b]
            aa, an = fa * w[_RATES + 4 * _ROW + b], fn * w[_RATES + 5 * _ROW + b]
            ar = fr * w[_RATES + 6 * _ROW + b]
            out_rate, adm_rate = oa + on + orr + oc, aa + an + ar
            out_share, adm_share = o / max(1.0, out_rate), a / max(1.0, adm_rate)
            admitted += out_share * oa + adm_share * aa
            non_admitted += out_share * on + adm_share * an
            removed += out_share * orr + adm_share * ar
            converted += out_share * oc
            w[_STOPS + b] = out_share * (oa + on) + adm_share * (aa + an)
            out_stays, adm_stays = max(0.0, o - out_share * out_rate), max(0.0, a - adm_share * adm_rate)
            w[there + 1 + b] = out_stays + days * w[_RETURNS + b]
            w[there + _ROW + 1 + b] = adm_stays + out_share * oc + days * w[_RETURNS + _ROW + b]
        return admitted, non_admitted, removed, converted

    @njit(cache=True, fastmath=_FAST)
    def settle(w: Floats, newcomers: float, waiting: Floats, flow: Floats) -> None:
        """Those who cross are counted, the open band keeps its own, newcomers enter, ``waiting`` is written."""
        for t in range(len(_THRESHOLDS)):
            flow[F_TIP + t] = w[there + _THRESHOLDS[t]] + w[there + _ROW + _THRESHOLDS[t]]
        for row in (there, there + _ROW):
            w[row + _TOP] += w[row + BANDS]
            w[row + BANDS] = 0.0
        w[there], w[there + _ROW] = newcomers, 0.0
        for b in range(BANDS):
            waiting[b] = w[there + b] + w[there + _ROW + b]

    return leave, leave_at_most_all, settle


_leave_first, _leave_all_first, _settle_second = _way(_FIRST, _SECOND)
_leave_second, _leave_all_second, _settle_first = _way(_SECOND, _FIRST)


@njit(cache=True, fastmath=_FAST)
def _write_stops_over(w: Floats, flow: Floats) -> None:
    """The week's stops among those over each threshold, from the longest down, into ``flow`` [FLOWS]."""
    over = w[_STOPS + 104]
    flow[F_STOPS_OVER + 4] = over
    for b in range(78, 104):
        over += w[_STOPS + b]
    flow[F_STOPS_OVER + 3] = over
    for b in range(65, 78):
        over += w[_STOPS + b]
    flow[F_STOPS_OVER + 2] = over
    for b in range(52, 65):
        over += w[_STOPS + b]
    flow[F_STOPS_OVER + 1] = over
    for b in range(18, 52):
        over += w[_STOPS + b]
    flow[F_STOPS_OVER] = over


@njit(cache=True, parallel=True, fastmath=_FAST, boundscheck=False)
def step_weeks(
    opening: Floats,
    held: Floats,
    rates: Floats,
    returns: Floats,
    days: Floats,
    season: Floats,
    starts: Floats,
    last_day_share: Floats,
    multipliers: Floats,
    tilt: Floats,
    span: np.ndarray,
    waiting: Floats,
    flows: Floats,
) -> None:
    """Step N lists through K weeks for D draws, in place (R6: leave, return, convert, age, start).

    opening [N, 2, 105], held [N]: people at the snapshot, and those whose clock started that day.
    rates [N, 2, 4, 105]: departures per working day; returns [N, 2, 105]: people a working day.
    days [K]: working days of each week; season [N, K, 4]: factors on the rates.
    starts [N, K]: clock starts a week; last_day_share [K]: of those, held to the next week.
    multipliers [D, M, N, 5]: each draw's factor on the four departures and the starts, by month;
    tilt [D, N, 105]: each draw's factor on all departures of a band; span [K]: the month of each week.
    waiting [D, N, K + 1, 105], flows [D, N, K, FLOWS]: written. No band gives up more than it holds.
    """
    draws, lists, weeks = multipliers.shape[0], opening.shape[0], days.shape[0]
    for d in prange(draws):
        w, factor = np.zeros(_RETURNS + 2 * _ROW), np.empty(4)
        for n in range(lists):
            fastest, returning = np.zeros(4), returns[n].sum()
            w[:] = 0.0
            for stage in range(2):
                w[_FIRST + stage * _ROW : _FIRST + stage * _ROW + BANDS] = opening[n, stage]
                w[_RETURNS + stage * _ROW : _RETURNS + stage * _ROW + BANDS] = returns[n, stage]
                for f in range(4 - stage):  # only the outpatient stage converts
                    row = _RATES + (4 * stage + f) * _ROW
                    for b in range(BANDS):
                        w[row + b] = rates[n, stage, f, b] * tilt[d, n, b]
                        fastest[f] = max(fastest[f], w[row + b])
            waiting[d, n, 0] = opening[n, OUTPATIENT] + opening[n, ADMISSION]
            holding = held[n]
            for k in range(weeks):
                bound = 0.0
                for f in range(4):
                    factor[f] = days[k] * season[n, k, f] * multipliers[d, span[k], n, f]
                    bound += factor[f] * fastest[f]
                flow, out = flows[d, n, k], waiting[d, n, k + 1]
                started = starts[n, k] * multipliers[d, span[k], n, STARTS]
                kept = started * last_day_share[k]
                newcomers, holding = holding + started - kept, kept
                if k % 2 == 0:
                    left = _leave_first(w, factor, days[k]) if bound <= 1.0 else _leave_all_first(w, factor, days[k])
                    _settle_second(w, newcomers, out, flow)
                else:
                    left = _leave_second(w, factor, days[k]) if bound <= 1.0 else _leave_all_second(w, factor, days[k])
                    _settle_first(w, newcomers, out, flow)
                flow[F_STARTS], flow[F_HELD] = started, holding
                flow[F_ADMITTED], flow[F_NON_ADMITTED] = left[ADMITTED], left[NON_ADMITTED]
                flow[F_REMOVED], flow[F_CONVERTED] = left[REMOVED] - days[k] * returning, left[CONVERTED]
                _write_stops_over(w, flow)


@njit(cache=True, parallel=True, boundscheck=False)
def sum_from_the_longest(waiting: Floats) -> None:
    """Turn ``waiting`` [D, C, 105], people by band, into people in each band or a longer one, in place."""
    for d in prange(waiting.shape[0]):
        for c in range(waiting.shape[1]):
            over = 0.0
            for b in range(BANDS - 1, -1, -1):
                over += waiting[d, c, b]
                waiting[d, c, b] = over


@njit(cache=True, parallel=True, boundscheck=False)
def measure_days(
    over: Floats,
    tip_104: Floats,
    held: Floats,
    week: np.ndarray,
    flow_weight: Floats,
    crossing: Floats,
    edges: np.ndarray,
    shares: Floats,
    over_edges: Floats,
    waits: Floats,
) -> None:
    """Measure C days of D draws, each in the week after a week end (R2).

    over [D, K + 1, 105]: people by week end in each band or a longer one, without those held beside;
    tip_104 [D, K]; held [D, K + 1]. week [C], flow_weight [C], crossing [C, 105]: as calendar.MonthEnd.
    Written: over_edges [E, D, C], people over each of ``edges`` (0 is the whole list), and waits [S, D, C],
    the weeks below which each of ``shares`` [S] of the list lies: interpolated evenly within a band, as
    bands.percentile_wait; 104 in the open band; NaN for an empty list.
    """
    for d in prange(over.shape[0]):
        at = np.zeros(BANDS + 1)
        for c in range(week.shape[0]):
            k, w = week[c], flow_weight[c]
            for b in range(BANDS):
                at[b] = over[d, k, b]
            at[0] += held[d, k]
            if w > 0.0 or crossing[c].max() > 0.0:
                at[0] += w * (over[d, k + 1, 0] + held[d, k + 1] - at[0])
                for b in range(1, BANDS):
                    tip = over[d, k + 1, b] - over[d, k + 1, b + 1] if b < BANDS - 1 else tip_104[d, k]
                    at[b] += crossing[c, b] * tip - w * (at[b] + tip - over[d, k + 1, b])
            for e in range(edges.shape[0]):
                over_edges[e, d, c] = at[edges[e]]
            total = 0.0
            for b in range(BANDS):
                total += max(0.0, at[b] - at[b + 1])
            for s in range(shares.shape[0]):
                waits[s, d, c] = _wait_below(at, total, shares[s])


@njit(cache=True)
def _wait_below(over: Floats, total: float, share: float) -> float:
    if total <= 0.0:
        return np.nan
    target, upto = share * total, 0.0
    for b in range(BANDS - 1):
        here = max(0.0, over[b] - over[b + 1])
        if here > 0.0 and upto + here >= target:
            return b + (target - upto) / here
        upto += here
    return float(BANDS - 1)


@njit(cache=True, parallel=True, boundscheck=False)
def sum_between_days(flows: Floats, week: np.ndarray, weights: Floats, found: Floats) -> None:
    """Each flow between one of C days and the next, the first from the snapshot, into ``found`` [F, D, C] (R2).

    flows [D, K, F]; week [C]: the week after which each day lies; weights [F, C]: the share of that week's
    flow that falls on or before the day.
    """
    for d in prange(flows.shape[0]):
        for f in range(flows.shape[2]):
            k, over = 0, 0.0
            for c in range(week.shape[0]):
                total = over
                while k < week[c]:
                    total += flows[d, k, f]
                    k += 1
                part = weights[f, c] * flows[d, k, f] if weights[f, c] > 0.0 else 0.0
                found[f, d, c] = total + part
                over = -part
