"""What is read off the engine's weeks: measures on days, inside a week too (R2), cohorts, and flows between days."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from waitlist.bands import BANDS, Floats
from waitlist.models.layout import HELD, LANES


@njit(cache=True, boundscheck=False)
def note(k: int, now: Floats, levels: np.ndarray, noted: Floats) -> None:
    """Note the people that a cohort is made of at week end ``k`` (R10)."""
    if k < levels.shape[0]:
        for q in range(levels.shape[1]):
            for j in range(LANES):
                noted[k, q, j] = now[levels[k, q] * LANES + j]


@njit(cache=True, boundscheck=False)
def see(
    k: int,
    before: Floats,
    now: Floats,
    c: int,
    asked: tuple[Any, ...],
    bands: np.ndarray,
    over: Floats,
    waits: Floats,
) -> int:
    """Read the days, from ``c`` on, inside week k and at its end; the place of the day that follows them."""
    week, flow_weight, crossing, floors, shares = asked
    while c < week.shape[0] and week[c] == k:
        _read(_between(before, now, flow_weight[c], crossing[c]), floors, shares, bands, over[c], waits[c])
        c += 1
    while c < week.shape[0] and week[c] == k + 1 and flow_weight[c] == 0.0 and crossing[c].max() == 0.0:
        _read(now, floors, shares, bands, over[c], waits[c])
        c += 1
    return c


@njit(cache=True, boundscheck=False)
def _between(before: Floats, now: Floats, flow_weight: float, crossing: Floats) -> Floats:
    """The row on a day between two week ends (R2): ``flow_weight`` w and ``crossing`` u_T as in MonthEnd."""
    day = np.empty_like(now)
    for j in range(LANES):
        day[j] = before[j] + flow_weight * (now[j] - before[j])
        day[HELD + j] = before[HELD + j] + flow_weight * (now[HELD + j] - before[HELD + j])
    for b in range(1, BANDS):
        u = crossing[b]
        for j in range(LANES):
            then, ends = before[b * LANES + j], now[b * LANES + j]
            tip = ends - now[(b + 1) * LANES + j]
            day[b * LANES + j] = then + u * tip - flow_weight * (then + tip - ends)
    return day


@njit(cache=True, boundscheck=False)
def _read(day: Floats, floors: np.ndarray, shares: Floats, bands: np.ndarray, over: Floats, waits: Floats) -> None:
    """Write people over each floor and the waits; ``bands`` [S, LANES]: where the search left off last time."""
    for e in range(floors.shape[0]):
        for j in range(LANES):
            over[e, j] = day[floors[e] * LANES + j] + (day[HELD + j] if floors[e] == 0 else 0.0)
    for s in range(shares.shape[0]):
        for j in range(LANES):
            whole = day[j] + day[HELD + j]
            rest, b = (1.0 - shares[s]) * whole, bands[s, j]
            while b < BANDS - 1 and day[(b + 1) * LANES + j] > rest:
                b += 1
            while b > 0 and day[b * LANES + j] <= rest:
                b -= 1
            bands[s, j] = b
            shorter = day[b * LANES + j] if b > 0 else whole
            here = shorter - day[(b + 1) * LANES + j]
            if whole <= 0.0:
                waits[s, j] = np.nan
            elif b == BANDS - 1 or here <= 0.0:
                waits[s, j] = b
            else:
                waits[s, j] = b + (shorter - rest) / here


@njit(cache=True, boundscheck=False, nogil=True)
def unfold(blocks: Floats, draws: Floats) -> None:
    """Put what step_row wrote, ``blocks`` [B, T, X, LANES], into ``draws`` [X, T, D], D being B × LANES at most.

    In one thread: there is less to do than to wait for a second one (measured: 8 ms a call on a busy machine).
    """
    for x in range(blocks.shape[2]):
        for t in range(blocks.shape[1]):
            for d in range(draws.shape[2]):
                draws[x, t, d] = blocks[d // LANES, t, x, d % LANES]


@njit(cache=True, boundscheck=False, nogil=True)  # not parallel: step_row may be at work in another thread
def sum_between_days(flows: Floats, week: np.ndarray, weights: Floats, found: Floats) -> None:
    """Each flow between one of C days and the next, the first from the snapshot, into ``found`` [F, C, D] (R2).

    flows [F, K, D]; week [C]: the week after which each day lies; weights [F, C]: the share of that week's
    flow that falls on or before the day.
    """
    for f in range(flows.shape[0]):
        over = np.zeros(flows.shape[2])
        k = 0
        for c in range(week.shape[0]):
            found[f, c] = over
            while k < week[c]:
                found[f, c] += flows[f, k]
                k += 1
            over[:] = 0.0
            if weights[f, c] > 0.0:
                found[f, c] += weights[f, c] * flows[f, k]
                over -= weights[f, c] * flows[f, k]
