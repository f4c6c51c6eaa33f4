"""A week of a list that goes by activity: so many stops, and who they are given to (R7).

Each stage has a number of stops to give: those that would have gone on by the rates, draw by draw, changed by what is
planned. They are given in the plan's order, never to more than are waiting; what finds nobody is unused. A clinic
decides about people in the mix that is observed at their wait: some stop without admission, some are admitted straight
away as long as there is theatre time for as many as would have been, the others go on to the admission stage.
"""

from __future__ import annotations

from numba import njit

from waitlist.bands import BANDS, Floats
from waitlist.models.controls import (
    ADM_NUMBER,
    ADM_SCALE,
    ADM_SLOPE,
    ADM_SUM,
    ADMITTED_SUM,
    AS_OBSERVED,
    AT_BOTH,
    AT_CLINICS,
    AT_OUTPATIENT,
    AT_STRAIGHT,
    AT_THEATRES,
    CLINICS,
    DECIDED,
    FILLS,
    GIVEN,
    LEAST,
    MOVED_SUM,
    NEAR_ONE,
    NON_SHARE,
    OPERATED_SUM,
    OUT_NUMBER,
    OUT_SCALE,
    OUT_SLOPE,
    OUT_SUM,
    STOP_SHARE,
    STOPPED_SUM,
    STRAIGHT,
    STRAIGHT_PART,
    SUM,
    THEATRES,
    UNUSED_CLINICS,
    UNUSED_THEATRES,
    VALIDATED,
    Controls,
)
from waitlist.models.giving import choose, depart, write_flows
from waitlist.models.layout import (
    ADM,
    ADM_LEAVE,
    ADM_STOPS,
    FAST,
    FLOOR_OF,
    LANES,
    MONTH,
    OUT,
    OVER,
    PACE,
    STOPS,
)


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def set_month(w: Floats, rates: Floats) -> None:
    """How a clinic's decisions divide in each band this month, after kernel.set_month."""
    for b in range(BANDS):
        oa, on, oc = rates[0, 0, b], rates[0, 1, b], rates[0, 3, b]
        for j in range(LANES):
            straight, non, converted = w[MONTH + j] * oa, w[MONTH + LANES + j] * on, w[MONTH + 3 * LANES + j] * oc
            decided = straight + non + converted
            w[DECIDED + b * LANES + j] = w[PACE + b * LANES + j] * decided
            w[NON_SHARE + b * LANES + j] = non / decided if decided > 0.0 else 1.0
            w[STOP_SHARE + b * LANES + j] = (straight + non) / decided if decided > 0.0 else 1.0


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def leave(w: Floats, rates: Floats, returns: Floats, days: float, at: int, block: int, k: int, told: Controls) -> None:
    """The week's stops, removals, returns and conversions of every band, which goes on to the next; in the place of
    kernel.leave for the list at ``at`` of ``told``."""
    keep, add, below = told.keep[at, k], told.add[at, k], told.below[at, k]
    carried = told.carried[told.source[at], block, k]
    begin(w, keep, add, carried)
    scaled = told.discipline[at] == AS_OBSERVED and below.max() == 0 and not add[:VALIDATED, 1:].any()
    if scaled and _scale(w, rates, days, keep, add[:, 0], carried, told.whole[at]):
        _depart_scaled(w, rates, returns, days)
    else:
        begin(w, keep, add, carried)
        choose(w, days, at, keep, add, below, carried, told)
        depart(w, rates, returns, days)
    for g in range(told.floors.shape[0]):
        if add[VALIDATED, g] > 0.0:
            validate(w, add[VALIDATED, g], told.floors[g])


@njit(cache=True, fastmath=FAST, boundscheck=False)
def begin(w: Floats, keep: Floats, add: Floats, carried: Floats) -> None:
    """Nothing is unused yet, and there is theatre time for those whom clinics admit straight away."""
    for j in range(LANES):
        w[UNUSED_CLINICS + j] = w[UNUSED_THEATRES + j] = 0.0
        w[STRAIGHT_PART + j] = keep[STRAIGHT] * carried[STRAIGHT, j] + add[AT_STRAIGHT, 0]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _scale(w: Floats, rates: Floats, days: float, keep: Floats, add: Floats, carried: Floats, whole: bool) -> bool:
    """Into OUT_SCALE and ADM_SCALE, how many times as fast as observed each stage is treated, where that alone gives
    every lane its stops; into STRAIGHT_PART the part of those to be admitted straight away who are."""
    both, any_stop = add[AT_BOTH] != 0.0, whole or add[AT_OUTPATIENT] != 0.0 or add[AT_BOTH] != 0.0
    going_on = keep[CLINICS] != 0.0 or add[AT_CLINICS] != 0.0
    if (both and (going_on or add[AT_OUTPATIENT] != 0.0 or add[AT_THEATRES] != 0.0 or keep[THEATRES] != 0.0)) or (
        add[AT_OUTPATIENT] != 0.0 and going_on
    ):
        return False
    for j in range(LANES):
        clinic = keep[CLINICS] * carried[CLINICS, j] + (keep[STRAIGHT] * carried[STRAIGHT, j] if whole else 0.0)
        w[OUT_NUMBER + j] = max(0.0, clinic + add[AT_CLINICS]) + add[AT_OUTPATIENT] + add[AT_BOTH]
        w[ADM_NUMBER + j] = max(0.0, keep[THEATRES] * carried[THEATRES, j] + add[AT_THEATRES])
        w[OUT_SCALE + j] = w[ADM_SCALE + j] = 0.0
    for i in range(FILLS):
        if i == 0:
            _observe(w, rates, days, any_stop)
        else:
            _add_up(w, rates, days, any_stop)
        most = short = 0.0
        for j in range(LANES):
            if both:
                w[OUT_SUM + j] += w[ADM_SUM + j]
                w[OUT_SLOPE + j] += w[ADM_SLOPE + j]
                w[ADM_SUM + j], w[ADM_SLOPE + j] = w[OUT_SUM + j], w[OUT_SLOPE + j]
                w[ADM_NUMBER + j] = w[OUT_NUMBER + j]
            out, adm = w[OUT_NUMBER + j] - w[OUT_SUM + j], w[ADM_NUMBER + j] - w[ADM_SUM + j]
            out = out if out > LEAST * (1.0 + w[OUT_NUMBER + j]) else 0.0
            adm = adm if adm > LEAST * (1.0 + w[ADM_NUMBER + j]) else 0.0
            if (out > 0.0 and w[OUT_SLOPE + j] <= LEAST) or (adm > 0.0 and w[ADM_SLOPE + j] <= LEAST):
                return False
            short = max(short, out, adm)
            w[OUT_SCALE + j] += out / max(w[OUT_SLOPE + j], LEAST)
            w[ADM_SCALE + j] += adm / max(w[ADM_SLOPE + j], LEAST)
            most = max(most, w[OUT_SCALE + j], w[ADM_SCALE + j])
        if short == 0.0 or (i == 0 and most <= NEAR_ONE):
            break
    if short > 0.0 and most > NEAR_ONE:
        return False
    for j in range(LANES):
        wanted = w[SUM + j] if i > 0 else w[SUM + j] * w[OUT_SCALE + j]
        w[STRAIGHT_PART + j] = 1.0 if any_stop or wanted <= w[STRAIGHT_PART + j] else w[STRAIGHT_PART + j] / wanted
    return True


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _observe(w: Floats, rates: Floats, days: float, any_stop: bool) -> None:
    """As _add_up, where nothing is scaled yet: what a scale of 1 would give, no band being asked for more than all."""
    for j in range(LANES):
        w[OUT_SUM + j] = w[OUT_SLOPE + j] = w[ADM_SUM + j] = w[ADM_SLOPE + j] = w[SUM + j] = 0.0
    counted = 1.0 if any_stop else 0.0
    for b in range(BANDS):
        oa, on = days * rates[0, 0, b], days * rates[0, 1, b]
        for j in range(LANES):
            usual = w[PACE + b * LANES + j] * w[OUT + b * LANES + j]
            straight = usual * w[MONTH + j] * oa
            w[OUT_SLOPE + j] += usual * w[MONTH + LANES + j] * on + counted * straight
            w[SUM + j] += straight
            w[ADM_SLOPE + j] += days * w[ADM_STOPS + b * LANES + j] * w[MONTH + j] * w[ADM + b * LANES + j]


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _add_up(w: Floats, rates: Floats, days: float, any_stop: bool) -> None:
    """What the scales give: stops of each stage, and what one scale more would add to them; those admitted straight."""
    for j in range(LANES):
        w[OUT_SUM + j] = w[OUT_SLOPE + j] = w[ADM_SUM + j] = w[ADM_SLOPE + j] = w[SUM + j] = 0.0
    counted = 1.0 if any_stop else 0.0
    for b in range(BANDS):
        oa, on, oc = days * rates[0, 0, b], days * rates[0, 1, b], days * rates[0, 3, b]
        for j in range(LANES):
            pace = w[PACE + b * LANES + j]
            straight, non = pace * w[MONTH + j] * oa, pace * w[MONTH + LANES + j] * on
            decided = straight + non + pace * w[MONTH + 3 * LANES + j] * oc
            there = 1.0 if w[OUT_SCALE + j] * decided < 1.0 else 0.0
            scale = min(w[OUT_SCALE + j], 1.0 / max(decided, 1e-30)) * w[OUT + b * LANES + j]
            stops = non + counted * straight
            w[OUT_SUM + j] += scale * stops
            w[OUT_SLOPE + j] += there * stops * w[OUT + b * LANES + j]
            w[SUM + j] += scale * straight
            stops = days * w[ADM_STOPS + b * LANES + j] * w[MONTH + j]
            part = w[ADM_SCALE + j] * stops
            there = w[ADM + b * LANES + j] if part < 1.0 else 0.0
            w[ADM_SUM + j] += min(1.0, part) * w[ADM + b * LANES + j]
            w[ADM_SLOPE + j] += there * stops


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def _depart_scaled(w: Floats, rates: Floats, returns: Floats, days: float) -> None:
    """As _depart, where each stage is treated so many times as fast as observed."""
    for j in range(4 * LANES):
        w[ADMITTED_SUM + j] = 0.0
    for b in range(BANDS - 1, -1, -1):
        oa, on, orr, oc = rates[0, 0, b], rates[0, 1, b], rates[0, 2, b], rates[0, 3, b]
        out_back, adm_back = days * returns[0, b], days * returns[1, b]
        for j in range(LANES):
            i = b * LANES + j
            o, a, pace = w[OUT + i], w[ADM + i], days * w[PACE + i]
            straight, non = pace * w[MONTH + j] * oa, pace * w[MONTH + LANES + j] * on
            decided = straight + non + pace * w[MONTH + 3 * LANES + j] * oc
            scale = min(w[OUT_SCALE + j], 1.0 / max(decided, 1e-30))
            taken, stopped = scale * decided * o, scale * non * o
            at_once = w[STRAIGHT_PART + j] * scale * straight * o
            converted = taken - stopped - at_once
            stops = days * w[ADM_STOPS + i] * w[MONTH + j]
            operated = min(1.0, w[ADM_SCALE + j] * stops) * a
            gone = min(days * w[ADM_LEAVE + i] * a - stops * a, a - operated)
            o = o - taken - min(pace * w[MONTH + 2 * LANES + j] * orr * o, o - taken) + out_back
            a = a - operated - gone + adm_back + converted
            w[ADMITTED_SUM + j] += at_once + operated
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


@njit(cache=True, fastmath=FAST, boundscheck=False, error_model="numpy")
def validate(w: Floats, number: float, floor: int) -> None:
    """Remove ``number`` people who had waited in band ``floor`` or longer, each as likely as any other."""
    for j in range(LANES):
        people = w[OVER + (floor + 1) * LANES + j]
        w[GIVEN + j] = 1.0 - min(1.0, number / people) if people > 0.0 else 1.0
    for b in range(BANDS - 1, floor - 1, -1):
        for j in range(LANES):
            i = (b + 1) * LANES + j
            w[OUT + i] *= w[GIVEN + j]
            w[ADM + i] *= w[GIVEN + j]
            w[OVER + i] = w[OVER + i + LANES] + w[OUT + i] + w[ADM + i]
    for b in range(floor - 1, -1, -1):
        for j in range(LANES):
            i = (b + 1) * LANES + j
            w[OVER + i] = w[OVER + i + LANES] + w[OUT + i] + w[ADM + i]
