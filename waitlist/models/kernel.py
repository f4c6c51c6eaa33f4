"""The engine: one week after another for every draw and list, in R6's order.

A plain NumPy twin of ``step_weeks`` lives in the tests as its oracle.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from waitlist.bands import BANDS, THRESHOLDS, Floats

OUTPATIENT, ADMISSION = 0, 1
ADMITTED, NON_ADMITTED, REMOVED, CONVERTED = range(4)
"""Departure flows, in the order of the rates' axis."""
STARTS = 4
"""The clock starts, after the departures, in the order of the multipliers' axis."""
F_STARTS, F_ADMITTED, F_NON_ADMITTED, F_REMOVED, F_CONVERTED, F_TIP_104, F_HELD, F_STOPS_OVER = range(8)
"""Columns of the weekly flows; F_STOPS_OVER is the first of one column per threshold."""
FLOWS = F_STOPS_OVER + len(THRESHOLDS)
_EDGES = np.array((0, *THRESHOLDS, BANDS), dtype=np.int64)
_FAST = {"reassoc", "contract", "nsz", "arcp"}


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
    span [K]: which of the M months each week takes.
    waiting [D, N, K + 1, 105], flows [D, N, K, FLOWS]: written. No band gives up more than it holds.
    """
    draws, lists, weeks = multipliers.shape[0], opening.shape[0], days.shape[0]
    top = BANDS - 1
    for d in prange(draws):
        out = np.empty(BANDS)
        adm = np.empty(BANDS)
        factor = np.empty(4)
        for n in range(lists):
            for b in range(BANDS):
                out[b] = opening[n, 0, b]
                adm[b] = opening[n, 1, b]
                waiting[d, n, 0, b] = out[b] + adm[b]
            holding = held[n]
            peak = np.zeros(4)
            for f in range(4):
                for b in range(BANDS):
                    peak[f] = max(peak[f], rates[n, 0, f, b], rates[n, 1, f, b])
            for k in range(weeks):
                m = span[k]
                bound = 0.0
                for f in range(4):
                    factor[f] = days[k] * season[n, k, f] * multipliers[d, m, n, f]
                    bound += factor[f] * peak[f]
                fa, fn, fr, fc = factor[0], factor[1], factor[2], factor[3]
                back = days[k]
                admitted, non_admitted, removed, converted = 0.0, 0.0, 0.0, 0.0
                stops = np.zeros(6)
                capped = bound > 1.0
                for group in range(6):
                    ga, gn, gr, gc = 0.0, 0.0, 0.0, 0.0
                    lo, hi = _EDGES[group], _EDGES[group + 1]
                    if capped:
                        for b in range(lo, hi):
                            o, a = out[b], adm[b]
                            oa, on = rates[n, 0, 0, b] * fa, rates[n, 0, 1, b] * fn
                            orr, oc = rates[n, 0, 2, b] * fr, rates[n, 0, 3, b] * fc
                            aa, an, ar = rates[n, 1, 0, b] * fa, rates[n, 1, 1, b] * fn, rates[n, 1, 2, b] * fr
                            so = o / max(1.0, oa + on + orr + oc)
                            sa = a / max(1.0, aa + an + ar)
                            ga += so * oa + sa * aa
                            gn += so * on + sa * an
                            gr += so * orr + sa * ar - back * (returns[n, 0, b] + returns[n, 1, b])
                            gc += so * oc
                            out[b] = max(0.0, o - so * (oa + on + orr + oc)) + back * returns[n, 0, b]
                            adm[b] = max(0.0, a - sa * (aa + an + ar)) + back * returns[n, 1, b] + so * oc
                    else:
                        for b in range(lo, hi):
                            o, a = out[b], adm[b]
                            oa, on = rates[n, 0, 0, b] * fa * o, rates[n, 0, 1, b] * fn * o
                            orr, oc = rates[n, 0, 2, b] * fr * o, rates[n, 0, 3, b] * fc * o
                            aa, an = rates[n, 1, 0, b] * fa * a, rates[n, 1, 1, b] * fn * a
                            ar = rates[n, 1, 2, b] * fr * a
                            ro, ra = back * returns[n, 0, b], back * returns[n, 1, b]
                            ga += oa + aa
                            gn += on + an
                            gr += orr + ar - ro - ra
                            gc += oc
                            out[b] = o - oa - on - orr - oc + ro
                            adm[b] = a - aa - an - ar + ra + oc
                    admitted += ga
                    non_admitted += gn
                    removed += gr
                    converted += gc
                    stops[group] = ga + gn
                tip_104 = out[top - 1] + adm[top - 1]
                out[top] += out[top - 1]
                adm[top] += adm[top - 1]
                for b in range(top - 1, 0, -1):
                    out[b] = out[b - 1]
                    adm[b] = adm[b - 1]
                started = starts[n, k] * multipliers[d, m, n, 4]
                kept = started * last_day_share[k]
                out[0] = holding + started - kept
                adm[0] = 0.0
                holding = kept
                for b in range(BANDS):
                    waiting[d, n, k + 1, b] = out[b] + adm[b]
                flows[d, n, k, 0] = started
                flows[d, n, k, 1] = admitted
                flows[d, n, k, 2] = non_admitted
                flows[d, n, k, 3] = removed
                flows[d, n, k, 4] = converted
                flows[d, n, k, 5] = tip_104
                flows[d, n, k, 6] = holding
                beyond = 0.0
                for t in range(4, -1, -1):
                    beyond += stops[t + 1]
                    flows[d, n, k, 7 + t] = beyond


@njit(cache=True, parallel=True, boundscheck=False)
def wait_percentiles(waiting: Floats, shares: Floats, found: Floats) -> None:
    """The waits (weeks) below which each of ``shares`` [S] of ``waiting`` [R, C, 105] lies, into [S, R, C].

    Interpolated evenly within a band; 104 in the open band; NaN for an empty list.
    """
    for r in prange(waiting.shape[0]):
        for c in range(waiting.shape[1]):
            total = 0.0
            for b in range(BANDS):
                total += max(0.0, waiting[r, c, b])
            for s in range(shares.shape[0]):
                if total <= 0.0:
                    found[s, r, c] = np.nan
                    continue
                target, upto, weeks = shares[s] * total, 0.0, float(BANDS - 1)
                for b in range(BANDS - 1):
                    here = max(0.0, waiting[r, c, b])
                    if upto + here >= target and here > 0.0:
                        weeks = b + (target - upto) / here
                        break
                    upto += here
                found[s, r, c] = weeks
