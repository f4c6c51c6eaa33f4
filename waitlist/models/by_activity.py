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
    STOPS,
)

CLINICS, STRAIGHT, THEATRES = range(3)
"""The stops that go on: not admitted; admitted straight from the outpatient stage; from the admission stage."""
AT_CLINICS, AT_THEATRES, AT_OUTPATIENT, AT_BOTH, VALIDATED = range(5)
"""Kinds of planned numbers: stops without admission; from the admission stage; any from the outpatient stage; from both
stages as they share them; and people found not to be waiting."""
AS_OBSERVED, SKEWED, LONGEST_FIRST, THRESHOLD_FIRST = range(4)
"""Disciplines for all but the urgent share."""
FILLS = 8
"""Rounds in which stops that found no more of a band waiting are given to others; the longest waits get the rest."""
LEAST = 1e-9
"""People that are nobody."""

_NON, _STRAIGHT, _DECIDED, _OUT_TAKEN, _OPEN, _ADM_TAKEN, _WEIGHT = (ROWS * i for i in range(7))
"""Shares of those decided about that stop without admission and that are admitted straight, and the share of a band
decided about in a day as observed; those taken this week: of the outpatient stage, of them those whose admission is not
limited, and of the admission stage; relative chances of those to be taken."""
_LEFT, _GOT, _CLINIC, _THEATRE, _LIMIT, _SUM, _ONE = (ROWS * 7 + LANES * i for i in range(7))
SCRATCH = _ONE + LANES


class Controls(NamedTuple):
    """What P lists that go by activity are told, over K weeks.

    carried [P, B, K, 3, LANES]: the stops that would go on in each draw, by CLINICS, STRAIGHT, THEATRES, in blocks of
    LANES draws. keep [P, K, 3]: the part of them that does. add [P, K, 5, G]: planned numbers of each kind a week,
    among those in band floors[G] or longer. below [P, K, 2]: where above 0, people of the stage in shorter bands go by
    their rates times ``keep``, in place of ``carried``. whole [P]: whether the outpatient stage is all there is.
    discipline [P]; first [P]: the band from which THRESHOLD_FIRST is first; urgent [P, 2]: the share of stops given
    first, by ``profile`` [P, 2, 105], and routine [P, 2, 105] the relative chance of the rest where SKEWED.
    """

    carried: Floats
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


@njit(cache=True, fastmath=FAST, boundscheck=False)
def set_month(w: Floats, plan: Floats, rates: Floats) -> None:
    """How a clinic's decisions divide in each band this month, after kernel._set_month."""
    for b in range(BANDS):
        oa, on, oc = rates[0, 0, b], rates[0, 1, b], rates[0, 3, b]
        for j in range(LANES):
            straight, non, converted = w[MONTH + j] * oa, w[MONTH + LANES + j] * on, w[MONTH + 3 * LANES + j] * oc
            decided = straight + non + converted
            plan[_DECIDED + b * LANES + j] = w[PACE + b * LANES + j] * decided
            plan[_NON + b * LANES + j] = non / decided if decided > 0.0 else 1.0
            plan[_STRAIGHT + b * LANES + j] = straight / decided if decided > 0.0 else 0.0
    plan[_ONE : _ONE + LANES] = 1.0


@njit(cache=True, fastmath=FAST, boundscheck=False)
def leave(
    w: Floats, plan: Floats, rates: Floats, returns: Floats, days: float, at: int, block: int, k: int, told: Controls
) -> None:
    """The week's stops, removals, returns and conversions of every band, which goes on to the next; in the place of
    kernel._leave for the list at ``at`` of ``told``."""
    keep, add = told.keep[at, k], told.add[at, k]
    below = told.below[at, k]
    carried = told.carried[at, block, k]
    _by_rates(w, plan, days, keep, below)
    for j in range(LANES):
        plan[_CLINIC + j] = plan[_THEATRE + j] = 0.0
        plan[_LIMIT + j] = keep[STRAIGHT] * carried[STRAIGHT, j]
    for g in range(told.floors.shape[0]):
        if add[AT_OUTPATIENT, g] != 0.0:
            plan[_LEFT : _LEFT + LANES] = add[AT_OUTPATIENT, g]
            _give(w, plan, days, at, OUTPATIENT, True, told.floors[g], told)
            _note(plan, _CLINIC)
        if add[AT_BOTH, g] != 0.0:
            _give_both(w, plan, days, at, add[AT_BOTH, g], told.floors[g], told)
    for i in range(BANDS * LANES):
        plan[_OPEN + i] = plan[_OUT_TAKEN + i]
    for g in range(told.floors.shape[0]):
        goes_on = told.floors[g] == 0 and below[OUTPATIENT] == 0
        for j in range(LANES):
            number = add[AT_CLINICS, g]
            if goes_on:
                number += keep[CLINICS] * carried[CLINICS, j]
                if told.whole[at]:
                    number += keep[STRAIGHT] * carried[STRAIGHT, j]
            plan[_LEFT + j] = max(0.0, number)
        _give(w, plan, days, at, OUTPATIENT, told.whole[at], told.floors[g], told)
        _note(plan, _CLINIC)
        goes_on = told.floors[g] == 0 and below[ADMISSION] == 0
        for j in range(LANES):
            number = add[AT_THEATRES, g]
            if goes_on:
                number += keep[THEATRES] * carried[THEATRES, j]
            plan[_LEFT + j] = max(0.0, number)
        _give(w, plan, days, at, ADMISSION, True, told.floors[g], told)
        _note(plan, _THEATRE)
    _set_straight(plan, told.whole[at])
    _depart(w, plan, rates, returns, days)
    for g in range(told.floors.shape[0]):
        if add[VALIDATED, g] > 0.0:
            _validate(w, plan, add[VALIDATED, g], told.floors[g])


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _by_rates(w: Floats, plan: Floats, days: float, keep: Floats, below: np.ndarray) -> None:
    """Nobody is taken yet, but those who go by their rates."""
    for b in range(BANDS):
        out = days * keep[CLINICS] if b < below[OUTPATIENT] else 0.0
        adm = days * keep[THEATRES] if b < below[ADMISSION] else 0.0
        for j in range(b * LANES, (b + 1) * LANES):
            plan[_OUT_TAKEN + j] = min(1.0, out * plan[_DECIDED + j]) * w[OUT + j]
            plan[_ADM_TAKEN + j] = min(1.0, adm * w[ADM_STOPS + j] * w[MONTH + j - b * LANES]) * w[ADM + j]


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _give_both(w: Floats, plan: Floats, days: float, at: int, number: float, floor: int, told: Controls) -> None:
    """Give ``number`` stops to both stages as they share them; what one does not need is the other's."""
    for j in range(LANES):
        plan[_SUM + j] = plan[_GOT + j] = 0.0
    for b in range(floor, BANDS):
        for j in range(LANES):
            i = b * LANES + j
            ends = plan[_NON + i] + plan[_STRAIGHT + i]
            plan[_SUM + j] += ends * plan[_DECIDED + i] * w[OUT + i]
            plan[_GOT + j] += w[ADM_STOPS + i] * w[MONTH + j] * w[ADM + i]
    for j in range(LANES):
        whole = plan[_SUM + j] + plan[_GOT + j]
        plan[_SUM + j] = number * plan[_GOT + j] / whole if whole > 0.0 else 0.0  # the admission stage's
        plan[_LEFT + j] = number - plan[_SUM + j]
    _give(w, plan, days, at, OUTPATIENT, True, floor, told)
    for j in range(LANES):
        plan[_LEFT + j] += plan[_SUM + j]
    _give(w, plan, days, at, ADMISSION, True, floor, told)
    if plan[_LEFT : _LEFT + LANES].max() > LEAST:
        _give(w, plan, days, at, OUTPATIENT, True, floor, told)
    _note(plan, _THEATRE)


@njit(cache=True, boundscheck=False)
def _note(plan: Floats, unused: int) -> None:
    """Add to a stage's unused stops those for which nobody was found."""
    for j in range(LANES):
        if plan[_LEFT + j] > LEAST:
            plan[unused + j] += plan[_LEFT + j]


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _give(
    w: Floats, plan: Floats, days: float, at: int, stage: int, straight: bool, floor: int, told: Controls
) -> None:
    """Give each lane's _LEFT stops to people of ``stage`` in ``floor`` or longer, in the list's order.

    straight: whether those admitted straight away count among an outpatient stage's stops.
    """
    most = plan[_LEFT : _LEFT + LANES].max()
    if most <= LEAST:
        return
    discipline = told.discipline[at]
    if discipline == AS_OBSERVED:
        _fill(w, plan, days, stage, straight, floor)
    else:
        kept = plan[_LEFT : _LEFT + LANES] * (1.0 - told.urgent[at, stage])
        plan[_LEFT : _LEFT + LANES] -= kept
        _weigh(w, plan, stage, told.profile[at, stage])
        _spread(w, plan, stage, straight, floor)
        plan[_LEFT : _LEFT + LANES] += kept
        if discipline == SKEWED:
            _weigh(w, plan, stage, told.routine[at, stage])
            _spread(w, plan, stage, straight, floor)
        elif discipline == THRESHOLD_FIRST:
            _fill(w, plan, days, stage, straight, max(floor, told.first[at]))
            _fill(w, plan, days, stage, straight, floor)
    if plan[_LEFT : _LEFT + LANES].max() > LEAST:
        _sweep(w, plan, stage, straight, floor)


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _fill(w: Floats, plan: Floats, days: float, stage: int, straight: bool, floor: int) -> None:
    """Give the stops left as observed."""
    for b in range(floor, BANDS):
        for j in range(LANES):
            i = b * LANES + j
            if stage == OUTPATIENT:
                plan[_WEIGHT + i] = days * plan[_DECIDED + i] * w[OUT + i]
            else:
                plan[_WEIGHT + i] = days * w[ADM_STOPS + i] * w[MONTH + j] * w[ADM + i]
    _spread(w, plan, stage, straight, floor)


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _weigh(w: Floats, plan: Floats, stage: int, chance: Floats) -> None:
    people = OUT if stage == OUTPATIENT else ADM
    for b in range(BANDS):
        for j in range(LANES):
            plan[_WEIGHT + b * LANES + j] = chance[b] * w[people + b * LANES + j]


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _ends(plan: Floats, stage: int, straight: bool, i: int) -> float:
    """The share of those decided about who stop."""
    if stage == ADMISSION:
        return 1.0
    return plan[_NON + i] + plan[_STRAIGHT + i] if straight else plan[_NON + i]  # type: ignore[no-any-return]


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _spread(w: Floats, plan: Floats, stage: int, straight: bool, floor: int) -> None:
    """Give the stops left in proportion to _WEIGHT, to no more of a band than are there; some may stay left."""
    people, taken = (OUT, _OUT_TAKEN) if stage == OUTPATIENT else (ADM, _ADM_TAKEN)
    for _ in range(FILLS):
        for j in range(LANES):
            plan[_GOT + j] = 0.0
        for b in range(floor, BANDS):
            for j in range(LANES):
                i = b * LANES + j
                there = plan[taken + i] < w[people + i]
                plan[_GOT + j] += _ends(plan, stage, straight, i) * plan[_WEIGHT + i] if there else 0.0
        for j in range(LANES):
            left, sum_ = plan[_LEFT + j], plan[_GOT + j]
            plan[_GOT + j] = left / sum_ if sum_ > 0.0 and left > 0.0 else 0.0
        for b in range(floor, BANDS):
            for j in range(LANES):
                i = b * LANES + j
                before = plan[taken + i]
                after = max(before, min(w[people + i], before + plan[_GOT + j] * plan[_WEIGHT + i]))
                plan[taken + i] = after
                plan[_LEFT + j] -= _ends(plan, stage, straight, i) * (after - before)
        if plan[_LEFT : _LEFT + LANES].max() <= LEAST or plan[_GOT : _GOT + LANES].max() <= 0.0:
            break


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _sweep(w: Floats, plan: Floats, stage: int, straight: bool, floor: int) -> None:
    """Give the stops left to the longest waits first."""
    people, taken = (OUT, _OUT_TAKEN) if stage == OUTPATIENT else (ADM, _ADM_TAKEN)
    for b in range(BANDS - 1, floor - 1, -1):
        for j in range(LANES):
            i = b * LANES + j
            left, ends = plan[_LEFT + j], _ends(plan, stage, straight, i)
            here = max(0.0, w[people + i] - plan[taken + i])
            if left > 0.0 and here > 0.0:
                more = min(here, left / ends) if ends > 0.0 else here
                plan[taken + i] += more
                plan[_LEFT + j] = left - ends * more


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _set_straight(plan: Floats, whole: bool) -> None:
    """Into _LIMIT, the part of those to be admitted straight away for whom there is theatre time; all where that is
    not limited."""
    for j in range(LANES):
        plan[_SUM + j] = 0.0
    for b in range(BANDS):
        for j in range(LANES):
            i = b * LANES + j
            plan[_SUM + j] += plan[_STRAIGHT + i] * (plan[_OUT_TAKEN + i] - plan[_OPEN + i])
    for j in range(LANES):
        limit, wanted = plan[_LIMIT + j], plan[_SUM + j]
        plan[_LIMIT + j] = 1.0 if whole or wanted <= limit else limit / wanted


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _depart(w: Floats, plan: Floats, rates: Floats, returns: Floats, days: float) -> None:
    """Everyone taken leaves, others are removed or return, and the bands go on; the flows (R6)."""
    admitted, non, converted, theatre = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    for b in range(BANDS - 1, -1, -1):
        out_removed = days * rates[0, 2, b]
        out_back, adm_back = days * returns[0, b], days * returns[1, b]
        for j in range(LANES):
            i = b * LANES + j
            o, a, taken, operated = w[OUT + i], w[ADM + i], plan[_OUT_TAKEN + i], plan[_ADM_TAKEN + i]
            open_ = plan[_OPEN + i]
            straight = plan[_STRAIGHT + i] * (open_ + plan[_LIMIT + j] * (taken - open_))
            stopped = plan[_NON + i] * taken
            moved = taken - stopped - straight
            pace = w[MONTH + 2 * LANES + j] * w[PACE + i]
            o = o - taken - min(out_removed * pace * o, max(0.0, o - taken)) + out_back
            gone = days * (w[ADM_LEAVE + i] - w[MONTH + j] * w[ADM_STOPS + i]) * a
            a = a - operated - min(gone, max(0.0, a - operated)) + adm_back + moved
            admitted[j] += straight + operated
            non[j] += stopped
            converted[j] += moved
            theatre[j] += operated
            w[OUT + LANES + i] = o
            w[ADM + LANES + i] = a
            w[OVER + LANES + i] = w[OVER + 2 * LANES + i] + (o + a)
        t = FLOOR_OF[b]
        if t >= 0:
            for j in range(LANES):
                w[STOPS + t * LANES + j] = admitted[j] + non[j]
    for j in range(LANES):
        w[FLOW + F_ADMITTED * LANES + j] = admitted[j]
        w[FLOW + F_NON_ADMITTED * LANES + j] = non[j]
        w[FLOW + F_CONVERTED * LANES + j] = converted[j]
        w[FLOW + F_THEATRE * LANES + j] = theatre[j]
        w[FLOW + F_UNUSED_CLINICS * LANES + j] = plan[_CLINIC + j]
        w[FLOW + F_UNUSED_THEATRES * LANES + j] = plan[_THEATRE + j]


@njit(cache=True, fastmath=FAST, boundscheck=False)
def _validate(w: Floats, plan: Floats, number: float, floor: int) -> None:
    """Remove ``number`` people who had waited in band ``floor`` or longer, each as likely as any other."""
    for j in range(LANES):
        people = w[OVER + (floor + 1) * LANES + j]
        plan[_GOT + j] = 1.0 - min(1.0, number / people) if people > 0.0 else 1.0
    for b in range(BANDS - 1, floor - 1, -1):
        for j in range(LANES):
            i = (b + 1) * LANES + j
            w[OUT + i] *= plan[_GOT + j]
            w[ADM + i] *= plan[_GOT + j]
            w[OVER + i] = w[OVER + i + LANES] + w[OUT + i] + w[ADM + i]
    for b in range(floor - 1, -1, -1):
        for j in range(LANES):
            i = (b + 1) * LANES + j
            w[OVER + i] = w[OVER + i + LANES] + w[OUT + i] + w[ADM + i]


def nobody(blocks: int, weeks: int) -> Controls:
    """The Controls of no list."""
    return Controls(
        carried=np.zeros((0, blocks, weeks, 3, LANES)),
        keep=np.zeros((0, weeks, 3)),
        add=np.zeros((0, weeks, 5, 1)),
        floors=np.zeros(1, dtype=int),
        below=np.zeros((0, weeks, 2), dtype=int),
        whole=np.zeros(0, dtype=bool),
        discipline=np.zeros(0, dtype=int),
        first=np.zeros(0, dtype=int),
        urgent=np.zeros((0, 2)),
        profile=np.zeros((0, 2, BANDS)),
        routine=np.zeros((0, 2, BANDS)),
    )
