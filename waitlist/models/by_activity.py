"""A week of a list that goes by activity: so many stops, and who they are given to (R7).

Each stage has a number of stops to give: those that would have gone on by the rates, draw by draw, changed by what is
planned. They are given in the plan's order, never to more than are waiting; what finds nobody is unused. A clinic
decides about people in the mix that is observed at their wait: some stop without admission, some are admitted straight
away as long as there is theatre time for as many as would have been, the others go on to the admission stage.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from waitlist.bands import BANDS, Floats
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
    ROWS,
    SCRATCH,
    STOPS,
)

CLINICS, STRAIGHT, THEATRES = range(3)
"""The stops that go on: not admitted; admitted straight from the outpatient stage; from the admission stage."""
AT_CLINICS, AT_THEATRES, AT_OUTPATIENT, AT_BOTH, VALIDATED, AT_STRAIGHT = range(6)
"""Kinds of planned numbers: stops without admission; from the admission stage; any from the outpatient stage; from both
stages as they share them; people found not to be waiting; and theatre time for those admitted straight away."""
KINDS = 6
AS_OBSERVED, SKEWED, LONGEST_FIRST, THRESHOLD_FIRST = range(4)
"""Disciplines for all but the urgent share."""
FILLS = 8
"""Rounds in which stops that found no more of a band waiting are given to others; the longest waits get the rest."""
LEAST = 1e-9
"""People that are nobody."""
NEAR_ONE = 1 + 1e-9
"""As fast as observed, but for rounding: no band is asked for more than it has."""

_NON, _STOP, _DECIDED, _OUT_TAKEN, _OPEN, _ADM_TAKEN, _ROOM, _ENDS, _WEIGHT = (SCRATCH + ROWS * i for i in range(9))
"""Shares of those decided about that stop without admission, and that stop at all, some being admitted straight away;
the share of a band decided about in a day as observed. Those taken this week: of the outpatient stage, of them those
whose admission is not limited, and of the admission stage. Of one stage: those not taken yet, the share of them who
would stop, and their relative chances of being taken."""
_LEFT, _GOT, _CLINIC, _THEATRE, _LIMIT, _SUM, _OUT_SCALE, _ADM_SCALE = (_WEIGHT + ROWS + LANES * i for i in range(8))
_OUT_NUMBER, _ADM_NUMBER, _OUT_SUM, _OUT_OPEN, _ADM_SUM, _ADM_OPEN = (_ADM_SCALE + LANES * (1 + i) for i in range(6))
_ADMITTED, _STOPPED, _MOVED, _OPERATED = (_ADM_OPEN + LANES * (1 + i) for i in range(4))
WITH_ACTIVITY = _OPERATED + LANES
"""Length of the scratch array, these rows after the engine's own."""


class Controls(NamedTuple):
    """What P lists that go by activity are told, over K weeks.

    carried [Q, B, K, 3, LANES]: the stops that would go on in each draw at lists, by CLINICS, STRAIGHT, THEATRES, in
    blocks of LANES draws; source [P]: each list's place among them. keep [P, K, 3]: the part of them that does.
    add [P, K, KINDS, G]: planned numbers of each kind a week, among those in band floors[G] or longer.
    below [P, K, 2]: where above 0, people of the stage in shorter bands go by their rates times ``keep``, in place of
    ``carried``. whole [P]: whether the outpatient stage is all there is. discipline [P]; first [P]: the band from which
    THRESHOLD_FIRST is first; urgent [P, 2]: the share of stops given first, by ``profile`` [P, 2, 105], and
    routine [P, 2, 105] the relative chance of the rest where SKEWED.
    """

    carried: Floats
    source: np.ndarray
    keep: Floats
    add: Floats
    floors: np.ndarray
    below: np.ndarray
    whole: np.ndarray
    discipline: np.ndarray
    first: np.ndarray
    urgent: Floats
    profile: Floats
    routine: Floats


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def set_month(w: Floats, rates: Floats) -> None:
    """How a clinic's decisions divide in each band this month, after kernel._set_month."""
    for b in range(BANDS):
        oa, on, oc = rates[0, 0, b], rates[0, 1, b], rates[0, 3, b]
        for j in range(LANES):
            straight, non, converted = w[MONTH + j] * oa, w[MONTH + LANES + j] * on, w[MONTH + 3 * LANES + j] * oc
            decided = straight + non + converted
            w[_DECIDED + b * LANES + j] = w[PACE + b * LANES + j] * decided
            w[_NON + b * LANES + j] = non / decided if decided > 0.0 else 1.0
            w[_STOP + b * LANES + j] = (straight + non) / decided if decided > 0.0 else 1.0


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def leave(w: Floats, rates: Floats, returns: Floats, days: float, at: int, block: int, k: int, told: Controls) -> None:
    """The week's stops, removals, returns and conversions of every band, which goes on to the next; in the place of
    kernel._leave for the list at ``at`` of ``told``."""
    keep, add, below = told.keep[at, k], told.add[at, k], told.below[at, k]
    carried = told.carried[told.source[at], block, k]
    for j in range(LANES):
        w[_CLINIC + j] = w[_THEATRE + j] = 0.0
        w[_LIMIT + j] = keep[STRAIGHT] * carried[STRAIGHT, j] + add[AT_STRAIGHT, 0]
    scaled = told.discipline[at] == AS_OBSERVED and below.max() == 0 and not add[:VALIDATED, 1:].any()
    if scaled and _scale(w, rates, days, keep, add[:, 0], carried, told.whole[at]):
        _depart_scaled(w, rates, returns, days)
    else:
        for j in range(LANES):
            w[_LIMIT + j] = keep[STRAIGHT] * carried[STRAIGHT, j] + add[AT_STRAIGHT, 0]
        _choose(w, days, at, keep, add, below, carried, told)
        _depart(w, rates, returns, days)
    for g in range(told.floors.shape[0]):
        if add[VALIDATED, g] > 0.0:
            _validate(w, add[VALIDATED, g], told.floors[g])


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _scale(w: Floats, rates: Floats, days: float, keep: Floats, add: Floats, carried: Floats, whole: bool) -> bool:
    """Into _OUT_SCALE and _ADM_SCALE, how many times as fast as observed each stage is treated, where that alone gives
    every lane its stops; into _LIMIT the part of those to be admitted straight away who are."""
    both, any_stop = add[AT_BOTH] != 0.0, whole or add[AT_OUTPATIENT] != 0.0 or add[AT_BOTH] != 0.0
    going_on = keep[CLINICS] != 0.0 or add[AT_CLINICS] != 0.0
    if (both and (going_on or add[AT_OUTPATIENT] != 0.0 or add[AT_THEATRES] != 0.0 or keep[THEATRES] != 0.0)) or (
        add[AT_OUTPATIENT] != 0.0 and going_on
    ):
        return False
    for j in range(LANES):
        clinic = keep[CLINICS] * carried[CLINICS, j] + (keep[STRAIGHT] * carried[STRAIGHT, j] if whole else 0.0)
        w[_OUT_NUMBER + j] = max(0.0, clinic + add[AT_CLINICS]) + add[AT_OUTPATIENT] + add[AT_BOTH]
        w[_ADM_NUMBER + j] = max(0.0, keep[THEATRES] * carried[THEATRES, j] + add[AT_THEATRES])
        w[_OUT_SCALE + j] = w[_ADM_SCALE + j] = 0.0
    for i in range(FILLS):
        if i == 0:
            _observe(w, rates, days, any_stop)
        else:
            _add_up(w, rates, days, any_stop)
        most = short = 0.0
        for j in range(LANES):
            if both:
                w[_OUT_SUM + j] += w[_ADM_SUM + j]
                w[_OUT_OPEN + j] += w[_ADM_OPEN + j]
                w[_ADM_SUM + j], w[_ADM_OPEN + j] = w[_OUT_SUM + j], w[_OUT_OPEN + j]
                w[_ADM_NUMBER + j] = w[_OUT_NUMBER + j]
            out, adm = w[_OUT_NUMBER + j] - w[_OUT_SUM + j], w[_ADM_NUMBER + j] - w[_ADM_SUM + j]
            out = out if out > LEAST * (1.0 + w[_OUT_NUMBER + j]) else 0.0
            adm = adm if adm > LEAST * (1.0 + w[_ADM_NUMBER + j]) else 0.0
            if (out > 0.0 and w[_OUT_OPEN + j] <= LEAST) or (adm > 0.0 and w[_ADM_OPEN + j] <= LEAST):
                return False
            short = max(short, out, adm)
            w[_OUT_SCALE + j] += out / max(w[_OUT_OPEN + j], LEAST)
            w[_ADM_SCALE + j] += adm / max(w[_ADM_OPEN + j], LEAST)
            most = max(most, w[_OUT_SCALE + j], w[_ADM_SCALE + j])
        if short == 0.0 or (i == 0 and most <= NEAR_ONE):
            break
    if short > 0.0 and most > NEAR_ONE:
        return False
    for j in range(LANES):
        wanted = w[_SUM + j] if i > 0 else w[_SUM + j] * w[_OUT_SCALE + j]
        w[_LIMIT + j] = 1.0 if any_stop or wanted <= w[_LIMIT + j] else w[_LIMIT + j] / wanted
    return True


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _observe(w: Floats, rates: Floats, days: float, any_stop: bool) -> None:
    """As _add_up, where nothing is scaled yet: what a scale of 1 would give, no band being asked for more than all."""
    for j in range(LANES):
        w[_OUT_SUM + j] = w[_OUT_OPEN + j] = w[_ADM_SUM + j] = w[_ADM_OPEN + j] = w[_SUM + j] = 0.0
    counted = 1.0 if any_stop else 0.0
    for b in range(BANDS):
        oa, on = days * rates[0, 0, b], days * rates[0, 1, b]
        for j in range(LANES):
            usual = w[PACE + b * LANES + j] * w[OUT + b * LANES + j]
            straight = usual * w[MONTH + j] * oa
            w[_OUT_OPEN + j] += usual * w[MONTH + LANES + j] * on + counted * straight
            w[_SUM + j] += straight
            w[_ADM_OPEN + j] += days * w[ADM_STOPS + b * LANES + j] * w[MONTH + j] * w[ADM + b * LANES + j]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _add_up(w: Floats, rates: Floats, days: float, any_stop: bool) -> None:
    """What the scales give: stops of each stage, and what one scale more would add to them; those admitted straight."""
    for j in range(LANES):
        w[_OUT_SUM + j] = w[_OUT_OPEN + j] = w[_ADM_SUM + j] = w[_ADM_OPEN + j] = w[_SUM + j] = 0.0
    counted = 1.0 if any_stop else 0.0
    for b in range(BANDS):
        oa, on, oc = days * rates[0, 0, b], days * rates[0, 1, b], days * rates[0, 3, b]
        for j in range(LANES):
            pace = w[PACE + b * LANES + j]
            straight, non = pace * w[MONTH + j] * oa, pace * w[MONTH + LANES + j] * on
            decided = straight + non + pace * w[MONTH + 3 * LANES + j] * oc
            there = 1.0 if w[_OUT_SCALE + j] * decided < 1.0 else 0.0
            scale = min(w[_OUT_SCALE + j], 1.0 / max(decided, 1e-30)) * w[OUT + b * LANES + j]
            stops = non + counted * straight
            w[_OUT_SUM + j] += scale * stops
            w[_OUT_OPEN + j] += there * stops * w[OUT + b * LANES + j]
            w[_SUM + j] += scale * straight
            stops = days * w[ADM_STOPS + b * LANES + j] * w[MONTH + j]
            part = w[_ADM_SCALE + j] * stops
            there = w[ADM + b * LANES + j] if part < 1.0 else 0.0
            w[_ADM_SUM + j] += min(1.0, part) * w[ADM + b * LANES + j]
            w[_ADM_OPEN + j] += there * stops


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _depart_scaled(w: Floats, rates: Floats, returns: Floats, days: float) -> None:
    """As _depart, where each stage is treated so many times as fast as observed."""
    for j in range(4 * LANES):
        w[_ADMITTED + j] = 0.0
    for b in range(BANDS - 1, -1, -1):
        oa, on, orr, oc = rates[0, 0, b], rates[0, 1, b], rates[0, 2, b], rates[0, 3, b]
        out_back, adm_back = days * returns[0, b], days * returns[1, b]
        for j in range(LANES):
            i = b * LANES + j
            o, a, pace = w[OUT + i], w[ADM + i], days * w[PACE + i]
            straight, non = pace * w[MONTH + j] * oa, pace * w[MONTH + LANES + j] * on
            decided = straight + non + pace * w[MONTH + 3 * LANES + j] * oc
            scale = min(w[_OUT_SCALE + j], 1.0 / max(decided, 1e-30))
            taken, stopped = scale * decided * o, scale * non * o
            at_once = w[_LIMIT + j] * scale * straight * o
            converted = taken - stopped - at_once
            stops = days * w[ADM_STOPS + i] * w[MONTH + j]
            operated = min(1.0, w[_ADM_SCALE + j] * stops) * a
            gone = min(days * w[ADM_LEAVE + i] * a - stops * a, a - operated)
            o = o - taken - min(pace * w[MONTH + 2 * LANES + j] * orr * o, o - taken) + out_back
            a = a - operated - gone + adm_back + converted
            w[_ADMITTED + j] += at_once + operated
            w[_STOPPED + j] += stopped
            w[_MOVED + j] += converted
            w[_OPERATED + j] += operated
            w[OUT + LANES + i] = o
            w[ADM + LANES + i] = a
            w[OVER + LANES + i] = w[OVER + 2 * LANES + i] + (o + a)
        t = FLOOR_OF[b]
        if t >= 0:
            for j in range(LANES):
                w[STOPS + t * LANES + j] = w[_ADMITTED + j] + w[_STOPPED + j]
    _write(w)


@njit(cache=True, boundscheck=False)
def _write(w: Floats) -> None:
    for j in range(LANES):
        w[FLOW + F_ADMITTED * LANES + j] = w[_ADMITTED + j]
        w[FLOW + F_NON_ADMITTED * LANES + j] = w[_STOPPED + j]
        w[FLOW + F_CONVERTED * LANES + j] = w[_MOVED + j]
        w[FLOW + F_THEATRE * LANES + j] = w[_OPERATED + j]
        w[FLOW + F_UNUSED_CLINICS * LANES + j] = w[_CLINIC + j]
        w[FLOW + F_UNUSED_THEATRES * LANES + j] = w[_THEATRE + j]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _choose(
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
            w[_LEFT : _LEFT + LANES] = add[AT_OUTPATIENT, g]
            _give(w, days, at, OUTPATIENT, True, told.floors[g], told)
            _note(w, _CLINIC)
        if add[AT_BOTH, g] != 0.0:
            _give_both(w, days, at, add[AT_BOTH, g], told.floors[g], told)
    for i in range(BANDS * LANES):
        w[_OPEN + i] = w[_OUT_TAKEN + i]
    for g in range(told.floors.shape[0]):
        goes_on = told.floors[g] == 0 and below[OUTPATIENT] == 0
        for j in range(LANES):
            number = add[AT_CLINICS, g]
            if goes_on:
                number += keep[CLINICS] * carried[CLINICS, j]
                if told.whole[at]:
                    number += keep[STRAIGHT] * carried[STRAIGHT, j]
            w[_LEFT + j] = max(0.0, number)
        _give(w, days, at, OUTPATIENT, told.whole[at], told.floors[g], told)
        _note(w, _CLINIC)
        goes_on = told.floors[g] == 0 and below[ADMISSION] == 0
        for j in range(LANES):
            number = add[AT_THEATRES, g]
            if goes_on:
                number += keep[THEATRES] * carried[THEATRES, j]
            w[_LEFT + j] = max(0.0, number)
        _give(w, days, at, ADMISSION, True, told.floors[g], told)
        _note(w, _THEATRE)
    _set_straight(w, told.whole[at])


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _by_rates(w: Floats, days: float, keep: Floats, below: np.ndarray) -> None:
    """Nobody is taken yet, but those who go by their rates."""
    for b in range(BANDS):
        out = days * keep[CLINICS] if b < below[OUTPATIENT] else 0.0
        adm = days * keep[THEATRES] if b < below[ADMISSION] else 0.0
        for j in range(LANES):
            i = b * LANES + j
            w[_OUT_TAKEN + i] = min(1.0, out * w[_DECIDED + i]) * w[OUT + i]
            w[_ADM_TAKEN + i] = min(1.0, adm * w[ADM_STOPS + i] * w[MONTH + j]) * w[ADM + i]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _give_both(w: Floats, days: float, at: int, number: float, floor: int, told: Controls) -> None:
    """Give ``number`` stops to both stages as they share them; what one does not need is the other's."""
    for j in range(LANES):
        w[_SUM + j] = w[_GOT + j] = 0.0
    for b in range(floor, BANDS):
        for j in range(LANES):
            i = b * LANES + j
            w[_SUM + j] += w[_STOP + i] * w[_DECIDED + i] * w[OUT + i]
            w[_GOT + j] += w[ADM_STOPS + i] * w[MONTH + j] * w[ADM + i]
    for j in range(LANES):
        whole = w[_SUM + j] + w[_GOT + j]
        w[_OUT_NUMBER + j] = number * w[_GOT + j] / whole if whole > 0.0 else 0.0  # the admission stage's
        w[_LEFT + j] = number - w[_OUT_NUMBER + j]
    _give(w, days, at, OUTPATIENT, True, floor, told)
    for j in range(LANES):
        w[_LEFT + j] = max(0.0, w[_LEFT + j]) + w[_OUT_NUMBER + j]
    _give(w, days, at, ADMISSION, True, floor, told)
    if w[_LEFT : _LEFT + LANES].max() > LEAST:
        _give(w, days, at, OUTPATIENT, True, floor, told)
    _note(w, _THEATRE)


@njit(cache=True, boundscheck=False)
def _note(w: Floats, unused: int) -> None:
    """Add to a stage's unused stops those for which nobody was found."""
    for j in range(LANES):
        if w[_LEFT + j] > LEAST:
            w[unused + j] += w[_LEFT + j]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _give(w: Floats, days: float, at: int, stage: int, straight: bool, floor: int, told: Controls) -> None:
    """Give each lane's _LEFT stops to people of ``stage`` in ``floor`` or longer, in the list's order.

    straight: whether those admitted straight away count among an outpatient stage's stops.
    """
    if w[_LEFT : _LEFT + LANES].max() <= LEAST:
        return
    _make_room(w, stage, straight)
    discipline = told.discipline[at]
    if discipline == AS_OBSERVED:
        _weigh_as_observed(w, days, stage, floor)
        _spread(w)
    else:
        for j in range(LANES):
            w[_SUM + j] = w[_LEFT + j] * (1.0 - told.urgent[at, stage])
            w[_LEFT + j] -= w[_SUM + j]
        _weigh(w, stage, told.profile[at, stage], floor)
        _spread(w)
        for j in range(LANES):
            w[_LEFT + j] = max(0.0, w[_LEFT + j]) + w[_SUM + j]
        if discipline == SKEWED:
            _weigh(w, stage, told.routine[at, stage], floor)
            _spread(w)
        elif discipline == THRESHOLD_FIRST:
            _weigh_as_observed(w, days, stage, max(floor, told.first[at]))
            _spread(w)
            _weigh_as_observed(w, days, stage, floor)
            _spread(w)
    if w[_LEFT : _LEFT + LANES].max() > LEAST:
        _sweep(w, floor)
    for i in range(BANDS * LANES):
        if stage == OUTPATIENT:
            w[_OUT_TAKEN + i] = w[OUT + i] - w[_ROOM + i]
        else:
            w[_ADM_TAKEN + i] = w[ADM + i] - w[_ROOM + i]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _make_room(w: Floats, stage: int, straight: bool) -> None:
    """Into _ROOM the people of ``stage`` who are not taken, into _ENDS the share of them who would stop."""
    for i in range(BANDS * LANES):
        if stage == ADMISSION:
            w[_ROOM + i] = w[ADM + i] - w[_ADM_TAKEN + i]
            w[_ENDS + i] = 1.0
        else:
            w[_ROOM + i] = w[OUT + i] - w[_OUT_TAKEN + i]
            w[_ENDS + i] = w[_STOP + i] if straight else w[_NON + i]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _weigh_as_observed(w: Floats, days: float, stage: int, floor: int) -> None:
    """Into _WEIGHT, those who would be taken from each band as observed; nobody before ``floor``."""
    for b in range(BANDS):
        part = days if b >= floor else 0.0
        for j in range(LANES):
            if stage == OUTPATIENT:
                w[_WEIGHT + b * LANES + j] = part * w[_DECIDED + b * LANES + j] * w[OUT + b * LANES + j]
            else:
                operated = part * w[ADM_STOPS + b * LANES + j] * w[MONTH + j]
                w[_WEIGHT + b * LANES + j] = operated * w[ADM + b * LANES + j]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _weigh(w: Floats, stage: int, chance: Floats, floor: int) -> None:
    for b in range(BANDS):
        part = chance[b] if b >= floor else 0.0
        for j in range(LANES):
            people = w[OUT + b * LANES + j] if stage == OUTPATIENT else w[ADM + b * LANES + j]
            w[_WEIGHT + b * LANES + j] = part * people


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _spread(w: Floats) -> None:
    """Give the stops left in proportion to _WEIGHT, to no more of a band than there is _ROOM; some may stay left."""
    for _ in range(FILLS):
        for j in range(LANES):
            w[_GOT + j] = 0.0
        for b in range(BANDS):
            for j in range(LANES):
                there = w[_WEIGHT + b * LANES + j] if w[_ROOM + b * LANES + j] > 0.0 else 0.0
                w[_GOT + j] += there * w[_ENDS + b * LANES + j]
        for j in range(LANES):
            w[_GOT + j] = max(0.0, w[_LEFT + j]) / w[_GOT + j] if w[_GOT + j] > 0.0 else 0.0
        for b in range(BANDS):
            for j in range(LANES):
                more = min(w[_ROOM + b * LANES + j], w[_GOT + j] * w[_WEIGHT + b * LANES + j])
                w[_ROOM + b * LANES + j] -= more
                w[_LEFT + j] -= w[_ENDS + b * LANES + j] * more
        if w[_LEFT : _LEFT + LANES].max() <= LEAST or w[_GOT : _GOT + LANES].max() <= 0.0:
            break


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _sweep(w: Floats, floor: int) -> None:
    """Give the stops left to the longest waits first."""
    for b in range(BANDS - 1, -1, -1):
        if b < floor:
            break
        for j in range(LANES):
            room = w[_ROOM + b * LANES + j] if w[_LEFT + j] > LEAST else 0.0
            more = min(room, max(0.0, w[_LEFT + j]) / max(w[_ENDS + b * LANES + j], 1e-12))
            w[_ROOM + b * LANES + j] -= more
            w[_LEFT + j] -= w[_ENDS + b * LANES + j] * more


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _set_straight(w: Floats, whole: bool) -> None:
    """Into _LIMIT, the part of those to be admitted straight away for whom there is theatre time; all where that is
    not limited."""
    for j in range(LANES):
        w[_SUM + j] = 0.0
    for b in range(BANDS):
        for j in range(LANES):
            i = b * LANES + j
            w[_SUM + j] += (w[_STOP + i] - w[_NON + i]) * (w[_OUT_TAKEN + i] - w[_OPEN + i])
    for j in range(LANES):
        limit, wanted = w[_LIMIT + j], w[_SUM + j]
        w[_LIMIT + j] = 1.0 if whole or wanted <= limit else limit / wanted


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _depart(w: Floats, rates: Floats, returns: Floats, days: float) -> None:
    """Everyone taken leaves, others are removed or return, and the bands go on; the flows (R6)."""
    for j in range(4 * LANES):
        w[_ADMITTED + j] = 0.0
    for b in range(BANDS - 1, -1, -1):
        removed = days * rates[0, 2, b]
        out_back, adm_back = days * returns[0, b], days * returns[1, b]
        for j in range(LANES):
            i = b * LANES + j
            o, a, taken, operated, open_ = (
                w[OUT + i],
                w[ADM + i],
                w[_OUT_TAKEN + i],
                w[_ADM_TAKEN + i],
                w[_OPEN + i],
            )
            straight = (w[_STOP + i] - w[_NON + i]) * (open_ + w[_LIMIT + j] * (taken - open_))
            stopped = w[_NON + i] * taken
            converted = taken - stopped - straight
            o = o - taken - min(removed * w[MONTH + 2 * LANES + j] * w[PACE + i] * o, max(0.0, o - taken)) + out_back
            gone = days * (w[ADM_LEAVE + i] - w[MONTH + j] * w[ADM_STOPS + i]) * a
            a = a - operated - min(gone, max(0.0, a - operated)) + adm_back + converted
            w[_ADMITTED + j] += straight + operated
            w[_STOPPED + j] += stopped
            w[_MOVED + j] += converted
            w[_OPERATED + j] += operated
            w[OUT + LANES + i] = o
            w[ADM + LANES + i] = a
            w[OVER + LANES + i] = w[OVER + 2 * LANES + i] + (o + a)
        t = FLOOR_OF[b]
        if t >= 0:
            for j in range(LANES):
                w[STOPS + t * LANES + j] = w[_ADMITTED + j] + w[_STOPPED + j]
    _write(w)


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _validate(w: Floats, number: float, floor: int) -> None:
    """Remove ``number`` people who had waited in band ``floor`` or longer, each as likely as any other."""
    for j in range(LANES):
        people = w[OVER + (floor + 1) * LANES + j]
        w[_GOT + j] = 1.0 - min(1.0, number / people) if people > 0.0 else 1.0
    for b in range(BANDS - 1, floor - 1, -1):
        for j in range(LANES):
            i = (b + 1) * LANES + j
            w[OUT + i] *= w[_GOT + j]
            w[ADM + i] *= w[_GOT + j]
            w[OVER + i] = w[OVER + i + LANES] + w[OUT + i] + w[ADM + i]
    for b in range(floor - 1, -1, -1):
        for j in range(LANES):
            i = (b + 1) * LANES + j
            w[OVER + i] = w[OVER + i + LANES] + w[OUT + i] + w[ADM + i]


def nobody(blocks: int, weeks: int) -> Controls:
    """The Controls of no list."""
    return Controls(
        carried=np.zeros((0, blocks, weeks, 3, LANES)),
        source=np.zeros(0, dtype=int),
        keep=np.zeros((0, weeks, 3)),
        add=np.zeros((0, weeks, KINDS, 1)),
        floors=np.zeros(1, dtype=int),
        below=np.zeros((0, weeks, 2), dtype=int),
        whole=np.zeros(0, dtype=bool),
        discipline=np.zeros(0, dtype=int),
        first=np.zeros(0, dtype=int),
        urgent=np.zeros((0, 2)),
        profile=np.zeros((0, 2, BANDS)),
        routine=np.zeros((0, 2, BANDS)),
    )
