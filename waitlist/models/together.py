"""Lists that transfers join, stepped together week by week, and the measures of several of their sums at once (R6).

A week's transfers move before anyone is treated, so that a list cannot be stepped through a month before the lists that
send to it. The kernel's own functions do each list's week.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from waitlist.bands import BANDS, Floats
from waitlist.models import by_activity
from waitlist.models.controls import GIVEN, VALIDATED, WITH_ACTIVITY, Controls
from waitlist.models.giving import choose, depart
from waitlist.models.kernel import add, add_flows, enter, leave, open_list, set_month
from waitlist.models.layout import (
    A_CAME,
    A_CAME_WAITED,
    A_PEOPLE,
    A_WAITED,
    ADMISSION,
    AID,
    FACTORS,
    FAST,
    LANES,
    OUTPATIENT,
    OVER,
    PEOPLE,
    ROWS,
    SEEN,
    TILT,
)
from waitlist.models.moving import Moves, count, move, offer, seat, stay, trace, unseat
from waitlist.models.reading import note, see


@njit(cache=True, fastmath=FAST, boundscheck=False, nogil=True)
def step_together(
    blocks: np.ndarray,
    members: np.ndarray,
    rows: np.ndarray,
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
    moves: Moves,
    over: Floats,
    waits: Floats,
    noted: Floats,
    joined: Floats,
    flows: Floats,
    aid: Floats,
    moved: Floats,
) -> None:
    """As kernel.step_row, for R ``rows`` at once, with transfers among the members.

    rows [members, R]: whether each list is of each row. moves: senders and receivers by their place among the members,
    by activity all of them. Written, in blocks of LANES draws, beyond what step_row writes and with the row first:
    joined [R, B, W, Q, LANES], those among ``noted`` who came by a transfer of the week; aid [R, B, K, AID, LANES]; and
    moved [B, T, K, LANES], people by the week of their offer, where it has blocks.
    """
    asked = (week, flow_weight, crossing, floors, shares)
    lists, weeks, many = members.shape[0], days.shape[0], rows.shape[1]
    transfers = moves.sender.shape[0]
    slots, ways = 1, 0
    for t in range(transfers):
        slots, ways = max(slots, moves.lead[t] + 1), max(ways, moves.way[t] + 1)
    sender, receiver = np.zeros(ways, np.int64), np.zeros(ways, np.int64)
    of_stage, leads = np.zeros(ways, np.int64), np.zeros(ways, np.int64)
    for t in range(transfers):
        v = moves.way[t]
        sender[v], receiver[v], of_stage[v], leads[v] = (
            moves.sender[t],
            moves.receiver[t],
            moves.stage[t],
            moves.lead[t],
        )
    for block in blocks:
        lanes = slice(np.int64(block) * LANES, (np.int64(block) + 1) * LANES)
        w, people = np.zeros(WITH_ACTIVITY), np.empty((lists, PEOPLE))
        ends, widest = np.zeros((2, many, SEEN)), np.zeros((lists, BANDS))
        bands = np.zeros((many, shares.shape[0], LANES), np.int64)
        came, promised = np.zeros((lists, 2, ROWS)), np.zeros((lists, 2, ROWS))
        accepted, waiting = np.zeros((ways, slots, ROWS)), np.zeros((ways, slots), np.bool_)
        now, stays, month = np.zeros(SEEN), np.zeros((2, ROWS)), np.empty((FACTORS, LANES))
        busy, aided = np.zeros((lists, 2), np.bool_), np.zeros((lists, AID, LANES))
        for i in range(lists):
            n = members[i]
            now[:] = 0.0
            open_list(people[i], now, widest[i], opening[n], held[n], tilt[n, block])
            for r in range(many):
                if rows[i, r]:
                    ends[0, r] += now
        if moved.shape[0] > 0:
            moved[block] = 0.0
        c = 0
        for r in range(many):
            c = see(-1, ends[0, r], ends[0, r], 0, asked, bands[r], over[r, block], waits[r, block])
            note(0, ends[0, r], levels, noted[r, block])
            joined[r, block] = 0.0
        for k in range(weeks):
            aided[:] = 0.0
            for t in range(transfers):
                if moves.offered[t, k] > 0.0:
                    v, n = moves.way[t], moves.sender[t]
                    slot = k % (moves.lead[t] + 1)
                    offer(t, k, moves, people[n], came[n], promised[n], accepted[v, slot])
                    waiting[v, slot] = busy[n, 0] = True
            for v in range(ways):
                n, m, stage, lead = sender[v], receiver[v], of_stage[v], leads[v]
                slot = (k - lead) % (lead + 1)
                if k >= lead and waiting[v, slot]:
                    going = accepted[v, slot]
                    if moved.shape[0] > 0:
                        for t in range(transfers):
                            if moves.way[t] == v and moves.offered[t, k - lead] > 0.0:
                                low, high = moves.floor[t, k - lead], moves.ceiling[t, k - lead]
                                high = BANDS if high >= BANDS else high + lead
                                count(going, low + lead, high, moved[block, t, k - lead])
                    _note_joined(k, going, levels, rows[m], joined[:, block])
                    move(stage, going, people[n], promised[n], people[m], came[m], aided[n], aided[m])
                    waiting[v, slot], busy[m, 1] = False, True
            for r in range(many):
                ends[1, r] = 0.0
                aid[r, block, k] = 0.0
                flows[r, block, k] = 0.0
            for i in range(lists):
                n, at = members[i], planned[members[i]]
                w[:PEOPLE], w[TILT : TILT + BANDS * LANES] = people[i], tilt[n, block].ravel()
                month[:] = multipliers[n, span[k], :, lanes]
                set_month(w, month, rates[n], widest[i])
                if at >= 0:
                    by_activity.set_month(w, rates[n])
                if busy[i].any():
                    _leave(w, rates[n], returns[n], days[k], at, block, k, controls, moves.slots[i, k], came[i], stays)
                    stay(promised[i, OUTPATIENT], stays[OUTPATIENT])
                    stay(promised[i, ADMISSION], stays[ADMISSION])
                    for v in range(ways):
                        if sender[v] == i:
                            for slot in range(slots):
                                if waiting[v, slot]:
                                    stay(accepted[v, slot], stays[of_stage[v]])
                elif at >= 0:
                    by_activity.leave(w, rates[n], returns[n], days[k], at, block, k, controls)
                else:
                    leave(w, rates[n], returns[n], days[k])
                enter(w, starts[n, k], last_day_share[k])
                _wait(w, came[i], busy[i, 1], aided[i])
                people[i] = w[:PEOPLE]
                for r in range(many):
                    if rows[i, r]:
                        add_flows(w, flows[r, block, k].ravel(), False)
                        add(w, ends[1, r], False)
                        aid[r, block, k] += aided[i]
            first = c
            for r in range(many):
                c = see(k, ends[0, r], ends[1, r], first, asked, bands[r], over[r, block], waits[r, block])
                note(k + 1, ends[1, r], levels, noted[r, block])
                ends[0, r] = ends[1, r]


@njit(cache=True, boundscheck=False)
def _note_joined(k: int, going: Floats, levels: np.ndarray, rows: np.ndarray, joined: Floats) -> None:
    """Those ``going`` who join a cohort of the receiver's rows, a band on when the week is over (R10)."""
    if k + 1 < levels.shape[0]:
        for q in range(levels.shape[1]):
            for r in range(rows.shape[0]):
                if rows[r]:
                    for b in range(max(levels[k + 1, q] - 1, 0), BANDS):
                        for j in range(LANES):
                            joined[r, k + 1, q, j] += going[b * LANES + j]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _leave(
    w: Floats,
    rates: Floats,
    returns: Floats,
    days: float,
    at: int,
    block: int,
    k: int,
    told: Controls,
    slots: Floats,
    came: Floats,
    stays: Floats,
) -> None:
    """As by_activity.leave, for a list from which people are to move, or with people who came by transfer (R12)."""
    keep, planned, below = told.keep[at, k], told.add[at, k], told.below[at, k]
    carried = told.carried[told.source[at], block, k]
    by_activity.begin(w, keep, planned, carried)
    seat(w, came, slots, keep, planned, carried, told.whole[at])
    choose(w, days, at, keep, planned, below, carried, told)
    trace(w, rates, days, came, stays)
    depart(w, rates, returns, days)
    unseat(w)
    for g in range(told.floors.shape[0]):
        if planned[VALIDATED, g] > 0.0:
            by_activity.validate(w, planned[VALIDATED, g], told.floors[g])
            for b in range(told.floors[g], BANDS):
                for j in range(LANES):
                    i = b * LANES + j
                    for stage in range(2):
                        stays[stage, i] *= w[GIVEN + j]
                        if b < BANDS - 1:
                            came[stage, i + LANES] *= w[GIVEN + j]


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _wait(w: Floats, came: Floats, some: bool, aided: Floats) -> None:
    """The weeks that a list's people have waited, in all; those who came by transfer, and their weeks."""
    for j in range(LANES):
        aided[A_PEOPLE, j] = w[OVER + j]
    for b in range(1, BANDS):
        for j in range(LANES):
            aided[A_WAITED, j] += w[OVER + b * LANES + j]
    if some:
        for b in range(BANDS):
            for j in range(LANES):
                people = came[OUTPATIENT, b * LANES + j] + came[ADMISSION, b * LANES + j]
                aided[A_CAME, j] += people
                aided[A_CAME_WAITED, j] += b * people
