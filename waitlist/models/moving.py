"""Offers and moves (R6, R12): who is promised to move, who moves, and whose clocks go on where.

An offer goes to the sender's own people who have waited longest, of those who have waited long enough and have not been
offered a move before. Those who accept stay, and may be treated where they are, until they move in one step, with their
weeks waited and stage. Refusals stay for good. People who came by transfer are the receiver's, and are not sent on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from waitlist.bands import BANDS, THRESHOLDS, Floats
from waitlist.models.controls import (
    ADM_TAKEN,
    AT_CLINICS,
    AT_THEATRES,
    CLINICS,
    LEAST,
    NON_SHARE,
    OUT_TAKEN,
    SEATED_ADM,
    SEATED_OUT,
    SEATS_CLINICS,
    SEATS_THEATRES,
    STOP_SHARE,
    STRAIGHT,
    STRAIGHT_PART,
    THEATRES,
    UNGIVEN,
    UNLIMITED,
)
from waitlist.models.layout import (
    A_IN,
    A_NET_OVER,
    A_OUT,
    ADM,
    ADM_LEAVE,
    ADM_STOPS,
    ADMISSION,
    FAST,
    LANES,
    MONTH,
    OUT,
    OUTPATIENT,
    PACE,
    ROWS,
    TOP,
    WHOLE,
)


class Moves(NamedTuple):
    """T transfers over K weeks, among N lists.

    sender, receiver [T]: places among the lists; stage [T]; lead [T] weeks from offer to move; way [T]: those of one
    way have all these alike, and offers to bands apart from each other. part [T]: the share of people who are fit for
    it. By the week of the offer, offered, accepted [T, K]: people; floor, ceiling [T, K]: those in band floor up to,
    without it, ceiling are offered a move. slots [N, K, 2]: stops that a list keeps, by stage, for those who came by
    transfer, out of its own number.
    """

    sender: np.ndarray
    receiver: np.ndarray
    stage: np.ndarray
    lead: np.ndarray
    way: np.ndarray
    part: Floats
    offered: Floats
    accepted: Floats
    floor: np.ndarray
    ceiling: np.ndarray
    slots: Floats


def no_moves(lists: int, weeks: int) -> Moves:
    """No transfers among ``lists``."""
    none, never = np.zeros(0, dtype=int), np.zeros((0, weeks))
    bands = never.astype(int)
    return Moves(none, none, none, none, none, np.zeros(0), never, never, bands, bands, np.zeros((lists, weeks, 2)))


def among(moves: Moves, members: list[int]) -> tuple[Moves, list[int]]:
    """``moves`` between ``members``, senders and receivers by their place among them; and which of the T they are."""
    place = np.full(len(moves.slots), -1)
    place[members] = np.arange(len(members))
    which = np.flatnonzero((place[moves.sender] >= 0) & (place[moves.receiver] >= 0))
    sent = {name: getattr(moves, name)[which] for name in Moves._fields[:-1]}
    sent |= {"sender": place[sent["sender"]], "receiver": place[sent["receiver"]]}
    sent["way"] = np.unique(sent["way"], return_inverse=True)[1].ravel()
    return Moves(**sent, slots=moves.slots[members]), [int(t) for t in which]


def reached(moves: Moves) -> set[int]:
    """The lists that some transfer leads from or to."""
    return {*moves.sender.tolist(), *moves.receiver.tolist()}


def until(moves: Moves, weeks: int) -> Moves:
    """The offers of the first ``weeks`` weeks."""
    cut = {name: np.ascontiguousarray(getattr(moves, name)[:, :weeks]) for name in Moves._fields[6:]}
    return moves._replace(**cut)


def joined_by(moves: Moves, lists: list[int]) -> list[int]:
    """``lists`` and all whose transfers reach them, in order: what happens to these hangs on no other list."""
    found, new = set(lists), set(lists)
    while new:
        new = {int(n) for n in moves.sender[np.isin(moves.receiver, list(new))]} - found
        found |= new
    return sorted(found)


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def offer(t: int, k: int, moves: Moves, people: Floats, came: Floats, promised: Floats, accepted: Floats) -> None:
    """Week k's offers of transfer t: into ``accepted`` those who take them up, and into ``promised`` all offered.

    people: the sender's, as the engine keeps them; came, promised [2, ROWS]: of them, by stage, those who came by
    transfer, and those who have been offered a move.
    """
    stage, number = moves.stage[t], moves.offered[t, k]
    at = OUT if stage == OUTPATIENT else ADM
    rate = moves.accepted[t, k] / number
    left = np.full(LANES, number)
    for b in range(moves.ceiling[t, k] - 1, moves.floor[t, k] - 1, -1):
        for j in range(LANES):
            i = b * LANES + j
            there = moves.part[t] * (people[at + i] - came[stage, i] - promised[stage, i])
            asked = min(left[j], max(0.0, there))
            left[j] -= asked
            promised[stage, i] += asked
            accepted[i] += rate * asked


@njit(cache=True, fastmath=FAST, boundscheck=False)
def move(
    stage: int,
    going: Floats,
    sender: Floats,
    promised: Floats,
    receiver: Floats,
    came: Floats,
    out_flows: Floats,
    in_flows: Floats,
) -> None:
    """Those in ``going`` [ROWS] leave the ``sender`` for the ``receiver``; ``going`` is nobody after.

    promised [2, ROWS] of the sender, came [2, ROWS] of the receiver; out_flows, in_flows [AID, LANES] of both.
    """
    at = OUT if stage == OUTPATIENT else ADM
    t = len(THRESHOLDS)
    moved = np.zeros(LANES)
    for b in range(BANDS - 1, -1, -1):
        for j in range(LANES):
            i = b * LANES + j
            number = going[i]
            going[i] = 0.0
            sender[at + i] -= number
            promised[stage, i] -= number
            receiver[at + i] += number
            came[stage, i] += number
            moved[j] += number
        while t > 0 and b == THRESHOLDS[t - 1]:
            t -= 1
            for j in range(LANES):
                out_flows[A_NET_OVER + t, j] -= moved[j]
                in_flows[A_NET_OVER + t, j] += moved[j]
    for j in range(LANES):
        sender[WHOLE + j] -= moved[j]
        receiver[WHOLE + j] += moved[j]
        out_flows[A_OUT, j] += moved[j]
        in_flows[A_IN, j] += moved[j]


@njit(cache=True, boundscheck=False)
def count(going: Floats, first: int, after: int, moved: Floats) -> None:
    """Into ``moved`` [LANES], those in ``going`` from the band ``first`` up to, without it, ``after``."""
    moved[:] = 0.0
    for b in range(min(first, BANDS - 1), min(after, BANDS)):
        for j in range(LANES):
            moved[j] += going[b * LANES + j]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def seat(w: Floats, came: Floats, slots: Floats, keep: Floats, add: Floats, carried: Floats, whole: bool) -> None:
    """Give the stops that a list keeps for those who came by transfer, the longest waits first; never more than its own
    number. Those seated stand aside from the list while the rest of the number is given."""
    for stage in range(2):
        at, seated = (OUT, SEATED_OUT) if stage == OUTPATIENT else (ADM, SEATED_ADM)
        seats = SEATS_CLINICS if stage == OUTPATIENT else SEATS_THEATRES
        planned = add[AT_THEATRES].sum() if stage == ADMISSION else add[AT_CLINICS].sum()
        for j in range(LANES):
            if stage == ADMISSION:
                number = planned + keep[THEATRES] * carried[THEATRES, j]
            else:
                number = planned + keep[CLINICS] * carried[CLINICS, j]
                number += keep[STRAIGHT] * carried[STRAIGHT, j] if whole else 0.0
            w[seats + j] = w[UNGIVEN + j] = min(slots[stage], max(0.0, number))
        for b in range(BANDS - 1, -1, -1):
            for j in range(LANES):
                i = b * LANES + j
                ends = 1.0
                if stage == OUTPATIENT:
                    ends = w[STOP_SHARE + i] if whole else w[NON_SHARE + i]
                room = came[stage, i] if w[UNGIVEN + j] > LEAST else 0.0
                more = min(room, w[UNGIVEN + j] / max(ends, 1e-12))
                w[seated + i] = more
                w[at + i] -= more
                w[UNGIVEN + j] -= ends * more
        for j in range(LANES):
            w[seats + j] -= max(0.0, w[UNGIVEN + j])


@njit(cache=True, boundscheck=False)
def unseat(w: Floats) -> None:
    """Nobody stands aside any more: the block's next list has seats of its own, or none."""
    for i in range(BANDS * LANES):
        w[SEATED_OUT + i] = w[SEATED_ADM + i] = 0.0
    for j in range(LANES):
        w[SEATS_CLINICS + j] = w[SEATS_THEATRES + j] = 0.0


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def trace(w: Floats, rates: Floats, days: float, came: Floats, stays: Floats) -> None:
    """Those who came by transfer go as the others of their band do, the seated first, and on to the next band.

    stays [2, ROWS]: the share of each band's own people of a stage who are still in it when the week is over.
    After giving.choose, before giving.depart.
    """
    for b in range(BANDS - 1, -1, -1):
        for j in range(LANES):
            i = b * LANES + j
            o, taken, seated, open_ = w[OUT + i], w[OUT_TAKEN + i], w[SEATED_OUT + i], w[UNLIMITED + i]
            a, operated, sat = w[ADM + i], w[ADM_TAKEN + i], w[SEATED_ADM + i]
            share = (taken - seated) / (o - seated) if o - seated > LEAST else 0.0
            removed = min(days * rates[0, 2, b] * w[MONTH + 2 * LANES + j] * w[PACE + i] * o, max(0.0, o - taken))
            left = (1.0 - share) * (1.0 - removed / (o - taken)) if o - taken > LEAST else 0.0
            straight = (w[STOP_SHARE + i] - w[NON_SHARE + i]) * (open_ + w[STRAIGHT_PART + j] * (taken - open_))
            converted = 1.0 - w[NON_SHARE + i] - straight / taken if taken > LEAST else 0.0
            a_share = (operated - sat) / (a - sat) if a - sat > LEAST else 0.0
            gone = days * (w[ADM_LEAVE + i] - w[MONTH + j] * w[ADM_STOPS + i]) * a
            gone = min(gone, max(0.0, a - operated))
            a_left = (1.0 - a_share) * (1.0 - gone / (a - operated)) if a - operated > LEAST else 0.0
            others = max(0.0, came[OUTPATIENT, i] - seated)
            onward = converted * (seated + share * others)
            stays[OUTPATIENT, i], stays[ADMISSION, i] = left, a_left
            came[OUTPATIENT, i + LANES] = left * others
            came[ADMISSION, i + LANES] = a_left * max(0.0, came[ADMISSION, i] - sat) + onward
    age_open_band(came[OUTPATIENT])
    age_open_band(came[ADMISSION])


@njit(cache=True, fastmath=FAST, boundscheck=False)
def stay(group: Floats, stays: Floats) -> None:
    """Of a ``group`` [ROWS] of a list's own people of one stage, those still in it after the week, a band on."""
    for b in range(BANDS - 1, -1, -1):
        for j in range(LANES):
            i = b * LANES + j
            group[i + LANES] = stays[i] * group[i]
    age_open_band(group)


@njit(cache=True, boundscheck=False)
def age_open_band(group: Floats) -> None:
    """The open band keeps its own while others join it; nobody is in the first band yet."""
    for j in range(LANES):
        group[TOP + j] += group[ROWS - LANES + j]
        group[ROWS - LANES + j] = group[j] = 0.0
