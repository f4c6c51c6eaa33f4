"""Who stops are given to, number by number, in a list's order; never more than are waiting (R7).

Each stage's people are taken band by band: first those who go by their rates, then the planned numbers, then those that
go on. An order gives an urgent share first and the rest by its discipline; what is left then goes to the longest waits.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from waitlist.bands import BANDS, Floats
from waitlist.models.controls import (
    ADM_TAKEN,
    ADMITTED_SUM,
    AS_OBSERVED,
    AT_BOTH,
    AT_CLINICS,
    AT_OUTPATIENT,
    AT_THEATRES,
    CLINICS,
    DECIDED,
    ENDS,
    FILLS,
    GIVEN,
    LEAST,
    MOVED_SUM,
    NON_SHARE,
    OPERATED_SUM,
    OUT_NUMBER,
    OUT_TAKEN,
    ROOM,
    SEATED_ADM,
    SEATED_OUT,
    SEATS_CLINICS,
    SEATS_THEATRES,
    SKEWED,
    STOP_SHARE,
    STOPPED_SUM,
    STRAIGHT,
    STRAIGHT_PART,
    SUM,
    THEATRES,
    THRESHOLD_FIRST,
    UNGIVEN,
    UNLIMITED,
    UNUSED_CLINICS,
    UNUSED_THEATRES,
    WEIGHT,
    Controls,
)
from waitlist.models.layout import (
    ADM,
    ADM_LEAVE,
    ADM_STOPS,
    ADMISSION,
    F_ADMITTED,
    F_CONVERTED,
    F_NON_ADMITTED,
    F_THEATRE,
    F_UNUSED_CLINICS,
    F_UNUSED_THEATRES,
    FAST,
    FLOOR_OF,
    FLOW,
    LANES,
    MONTH,
    OUT,
    OUTPATIENT,
    OVER,
    PACE,
    STOPS,
)


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def choose(
    w: Floats,
    days: float,
    at: int,
    keep: Floats,
    add: Floats,
    below: np.ndarray,
    carried: Floats,
    told: Controls,
) -> None:
    """Who is taken from each band of both stages, number by number."""
    _by_rates(w, days, keep, below)
    for g in range(told.floors.shape[0]):
        if add[AT_OUTPATIENT, g] != 0.0:
            w[UNGIVEN : UNGIVEN + LANES] = add[AT_OUTPATIENT, g]
            _give(w, days, at, OUTPATIENT, True, told.floors[g], told)
            _note(w, UNUSED_CLINICS)
        if add[AT_BOTH, g] != 0.0:
            _give_both(w, days, at, add[AT_BOTH, g], told.floors[g], told)
    for i in range(BANDS * LANES):
        w[UNLIMITED + i] = w[OUT_TAKEN + i]
    for g in range(told.floors.shape[0]):
        goes_on = told.floors[g] == 0 and below[OUTPATIENT] == 0
        for j in range(LANES):
            number = add[AT_CLINICS, g]
            if goes_on:
                number += keep[CLINICS] * carried[CLINICS, j]
                if told.whole[at]:
                    number += keep[STRAIGHT] * carried[STRAIGHT, j]
            w[UNGIVEN + j] = max(0.0, number)
        _less_seats(w, SEATS_CLINICS)
        _give(w, days, at, OUTPATIENT, told.whole[at], told.floors[g], told)
        _note(w, UNUSED_CLINICS)
        goes_on = told.floors[g] == 0 and below[ADMISSION] == 0
        for j in range(LANES):
            number = add[AT_THEATRES, g]
            if goes_on:
                number += keep[THEATRES] * carried[THEATRES, j]
            w[UNGIVEN + j] = max(0.0, number)
        _less_seats(w, SEATS_THEATRES)
        _give(w, days, at, ADMISSION, True, told.floors[g], told)
        _note(w, UNUSED_THEATRES)
    _return_seated(w)
    _set_straight(w, told.whole[at])


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _less_seats(w: Floats, seats: int) -> None:
    """Take from the stops to give those that were kept for people who came by transfer (R12)."""
    for j in range(LANES):
        used = min(w[seats + j], w[UNGIVEN + j])
        w[seats + j] -= used
        w[UNGIVEN + j] -= used


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _return_seated(w: Floats) -> None:
    """Those who stood aside are of the list again, and taken."""
    for i in range(BANDS * LANES):
        w[OUT + i] += w[SEATED_OUT + i]
        w[OUT_TAKEN + i] += w[SEATED_OUT + i]
        w[ADM + i] += w[SEATED_ADM + i]
        w[ADM_TAKEN + i] += w[SEATED_ADM + i]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _by_rates(w: Floats, days: float, keep: Floats, below: np.ndarray) -> None:
    """Nobody is taken yet, but those who go by their rates."""
    for b in range(BANDS):
        out = days * keep[CLINICS] if b < below[OUTPATIENT] else 0.0
        adm = days * keep[THEATRES] if b < below[ADMISSION] else 0.0
        for j in range(LANES):
            i = b * LANES + j
            w[OUT_TAKEN + i] = min(1.0, out * w[DECIDED + i]) * w[OUT + i]
            w[ADM_TAKEN + i] = min(1.0, adm * w[ADM_STOPS + i] * w[MONTH + j]) * w[ADM + i]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _give_both(w: Floats, days: float, at: int, number: float, floor: int, told: Controls) -> None:
    """Give ``number`` stops to both stages as they share them; what one does not need is the other's."""
    for j in range(LANES):
        w[SUM + j] = w[GIVEN + j] = 0.0
    for b in range(floor, BANDS):
        for j in range(LANES):
            i = b * LANES + j
            w[SUM + j] += w[STOP_SHARE + i] * w[DECIDED + i] * w[OUT + i]
            w[GIVEN + j] += w[ADM_STOPS + i] * w[MONTH + j] * w[ADM + i]
    for j in range(LANES):
        whole = w[SUM + j] + w[GIVEN + j]
        w[OUT_NUMBER + j] = number * w[GIVEN + j] / whole if whole > 0.0 else 0.0  # the admission stage's
        w[UNGIVEN + j] = number - w[OUT_NUMBER + j]
    _give(w, days, at, OUTPATIENT, True, floor, told)
    for j in range(LANES):
        w[UNGIVEN + j] = max(0.0, w[UNGIVEN + j]) + w[OUT_NUMBER + j]
    _give(w, days, at, ADMISSION, True, floor, told)
    if w[UNGIVEN : UNGIVEN + LANES].max() > LEAST:
        _give(w, days, at, OUTPATIENT, True, floor, told)
    _note(w, UNUSED_THEATRES)


@njit(cache=True, boundscheck=False)
def _note(w: Floats, unused: int) -> None:
    """Add to a stage's unused stops those for which nobody was found."""
    for j in range(LANES):
        if w[UNGIVEN + j] > LEAST:
            w[unused + j] += w[UNGIVEN + j]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _give(w: Floats, days: float, at: int, stage: int, straight: bool, floor: int, told: Controls) -> None:
    """Give each lane's UNGIVEN stops to people of ``stage`` in ``floor`` or longer, in the list's order.

    straight: whether those admitted straight away count among an outpatient stage's stops.
    """
    if w[UNGIVEN : UNGIVEN + LANES].max() <= LEAST:
        return
    _make_room(w, stage, straight)
    discipline = told.discipline[at]
    if discipline == AS_OBSERVED:
        _weigh_as_observed(w, days, stage, floor)
        _spread(w)
    else:
        for j in range(LANES):
            w[SUM + j] = w[UNGIVEN + j] * (1.0 - told.urgent[at, stage])
            w[UNGIVEN + j] -= w[SUM + j]
        _weigh(w, stage, told.profile[at, stage], floor)
        _spread(w)
        for j in range(LANES):
            w[UNGIVEN + j] = max(0.0, w[UNGIVEN + j]) + w[SUM + j]
        if discipline == SKEWED:
            _weigh(w, stage, told.routine[at, stage], floor)
            _spread(w)
        elif discipline == THRESHOLD_FIRST:
            _weigh_as_observed(w, days, stage, max(floor, told.first[at]))
            _spread(w)
            _weigh_as_observed(w, days, stage, floor)
            _spread(w)
    if w[UNGIVEN : UNGIVEN + LANES].max() > LEAST:
        _sweep(w, floor)
    for i in range(BANDS * LANES):
        if stage == OUTPATIENT:
            w[OUT_TAKEN + i] = w[OUT + i] - w[ROOM + i]
        else:
            w[ADM_TAKEN + i] = w[ADM + i] - w[ROOM + i]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _make_room(w: Floats, stage: int, straight: bool) -> None:
    """Into ROOM the people of ``stage`` who are not taken, into ENDS the share of them who would stop."""
    for i in range(BANDS * LANES):
        if stage == ADMISSION:
            w[ROOM + i] = w[ADM + i] - w[ADM_TAKEN + i]
            w[ENDS + i] = 1.0
        else:
            w[ROOM + i] = w[OUT + i] - w[OUT_TAKEN + i]
            w[ENDS + i] = w[STOP_SHARE + i] if straight else w[NON_SHARE + i]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _weigh_as_observed(w: Floats, days: float, stage: int, floor: int) -> None:
    """Into WEIGHT, those who would be taken from each band as observed; nobody before ``floor``."""
    for b in range(BANDS):
        part = days if b >= floor else 0.0
        for j in range(LANES):
            if stage == OUTPATIENT:
                w[WEIGHT + b * LANES + j] = part * w[DECIDED + b * LANES + j] * w[OUT + b * LANES + j]
            else:
                operated = part * w[ADM_STOPS + b * LANES + j] * w[MONTH + j]
                w[WEIGHT + b * LANES + j] = operated * w[ADM + b * LANES + j]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _weigh(w: Floats, stage: int, chance: Floats, floor: int) -> None:
    for b in range(BANDS):
        part = chance[b] if b >= floor else 0.0
        for j in range(LANES):
            people = w[OUT + b * LANES + j] if stage == OUTPATIENT else w[ADM + b * LANES + j]
            w[WEIGHT + b * LANES + j] = part * people


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _spread(w: Floats) -> None:
    """Give the stops left in proportion to WEIGHT, to no more of a band than there is ROOM; some may stay left."""
    for _ in range(FILLS):
        for j in range(LANES):
            w[GIVEN + j] = 0.0
        for b in range(BANDS):
            for j in range(LANES):
                there = w[WEIGHT + b * LANES + j] if w[ROOM + b * LANES + j] > 0.0 else 0.0
                w[GIVEN + j] += there * w[ENDS + b * LANES + j]
        for j in range(LANES):
            w[GIVEN + j] = max(0.0, w[UNGIVEN + j]) / w[GIVEN + j] if w[GIVEN + j] > 0.0 else 0.0
        for b in range(BANDS):
            for j in range(LANES):
                more = min(w[ROOM + b * LANES + j], w[GIVEN + j] * w[WEIGHT + b * LANES + j])
                w[ROOM + b * LANES + j] -= more
                w[UNGIVEN + j] -= w[ENDS + b * LANES + j] * more
        if w[UNGIVEN : UNGIVEN + LANES].max() <= LEAST or w[GIVEN : GIVEN + LANES].max() <= 0.0:
            break


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _sweep(w: Floats, floor: int) -> None:
    """Give the stops left to the longest waits first."""
    for b in range(BANDS - 1, -1, -1):
        if b < floor:
            break
        for j in range(LANES):
            room = w[ROOM + b * LANES + j] if w[UNGIVEN + j] > LEAST else 0.0
            more = min(room, max(0.0, w[UNGIVEN + j]) / max(w[ENDS + b * LANES + j], 1e-12))
            w[ROOM + b * LANES + j] -= more
            w[UNGIVEN + j] -= w[ENDS + b * LANES + j] * more


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _set_straight(w: Floats, whole: bool) -> None:
    """Into STRAIGHT_PART, the part of those to be admitted straight away for whom there is theatre time; all where
    that is not limited."""
    for j in range(LANES):
        w[SUM + j] = 0.0
    for b in range(BANDS):
        for j in range(LANES):
            i = b * LANES + j
            w[SUM + j] += (w[STOP_SHARE + i] - w[NON_SHARE + i]) * (w[OUT_TAKEN + i] - w[UNLIMITED + i])
    for j in range(LANES):
        limit, wanted = w[STRAIGHT_PART + j], w[SUM + j]
        w[STRAIGHT_PART + j] = 1.0 if whole or wanted <= limit else limit / wanted


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def depart(w: Floats, rates: Floats, returns: Floats, days: float) -> None:
    """Everyone taken leaves, others are removed or return, and the bands go on; the flows (R6)."""
    for j in range(4 * LANES):
        w[ADMITTED_SUM + j] = 0.0
    for b in range(BANDS - 1, -1, -1):
        removed = days * rates[0, 2, b]
        out_back, adm_back = days * returns[0, b], days * returns[1, b]
        for j in range(LANES):
            i = b * LANES + j
            o, a, taken, operated, open_ = (
                w[OUT + i],
                w[ADM + i],
                w[OUT_TAKEN + i],
                w[ADM_TAKEN + i],
                w[UNLIMITED + i],
            )
            straight = (w[STOP_SHARE + i] - w[NON_SHARE + i]) * (open_ + w[STRAIGHT_PART + j] * (taken - open_))
            stopped = w[NON_SHARE + i] * taken
            converted = taken - stopped - straight
            o = o - taken - min(removed * w[MONTH + 2 * LANES + j] * w[PACE + i] * o, max(0.0, o - taken)) + out_back
            gone = days * (w[ADM_LEAVE + i] - w[MONTH + j] * w[ADM_STOPS + i]) * a
            a = a - operated - min(gone, max(0.0, a - operated)) + adm_back + converted
            w[ADMITTED_SUM + j] += straight + operated
            w[STOPPED_SUM + j] += stopped
            w[MOVED_SUM + j] += converted
            w[OPERATED_SUM + j] += operated
            w[OUT + LANES + i] = o
            w[ADM + LANES + i] = a
            w[OVER + LANES + i] = w[OVER + 2 * LANES + i] + (o + a)
        t = FLOOR_OF[b]
        if t >= 0:
            for j in range(LANES):
                w[STOPS + t * LANES + j] = w[ADMITTED_SUM + j] + w[STOPPED_SUM + j]
    write_flows(w)


@njit(cache=True, boundscheck=False)
def write_flows(w: Floats) -> None:
    """The week's flows of a block, from the sums that it was stepped with."""
    for j in range(LANES):
        w[FLOW + F_ADMITTED * LANES + j] = w[ADMITTED_SUM + j]
        w[FLOW + F_NON_ADMITTED * LANES + j] = w[STOPPED_SUM + j]
        w[FLOW + F_CONVERTED * LANES + j] = w[MOVED_SUM + j]
        w[FLOW + F_THEATRE * LANES + j] = w[OPERATED_SUM + j]
        w[FLOW + F_UNUSED_CLINICS * LANES + j] = w[UNUSED_CLINICS + j]
        w[FLOW + F_UNUSED_THEATRES * LANES + j] = w[UNUSED_THEATRES + j]
