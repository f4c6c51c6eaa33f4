"""A plain NumPy twin of a week by activity (R7), one list and one draw at a time: by_activity's oracle."""

from __future__ import annotations

import numpy as np

KNOTS = (9, 26, 52, 68)


def filled(number, weight, people, taken, ends):
    """``taken`` [105] and as many more, in proportion to ``weight``, as make ``number`` stops; and what is left."""
    room = np.maximum(people - taken, 0.0)
    if number <= 0 or (ends * weight * (room > 0)).sum() <= 0:
        return taken, number
    if (ends * np.where(weight > 0, room, 0.0)).sum() <= number:
        more = np.where(weight > 0, room, 0.0)
    else:
        kinks = np.sort(room[weight > 0] / weight[weight > 0])
        low, high = 0.0, kinks[-1]
        for _ in range(200):
            middle = (low + high) / 2
            enough = (ends * np.minimum(middle * weight, room)).sum() >= number
            low, high = (low, middle) if enough else (middle, high)
        more = np.minimum(high * weight, room)
    return taken + more, number - (ends * more).sum()


def swept(number, floor, people, taken, ends):
    """The longest waits first."""
    taken = taken.copy()
    for b in range(104, floor - 1, -1):
        here = people[b] - taken[b]
        if number > 1e-9 and here > 0:
            more = min(here, number / ends[b]) if ends[b] > 0 else here
            taken[b] += more
            number -= ends[b] * more
    return taken, number


def given(number, floor, people, taken, ends, usual, order):
    """``number`` stops given among bands ``floor`` and longer in the list's order: who is taken, and what is left."""
    over = np.arange(105) >= floor
    if order["discipline"] == 0:
        taken, number = filled(number, usual * over, people, taken, ends)
    else:
        urgent = order["urgent"] * number
        taken, left = filled(urgent, order["profile"] * people * over, people, taken, ends)
        number = number - urgent + left
        if order["discipline"] == 1:
            taken, number = filled(number, order["routine"] * people * over, people, taken, ends)
        if order["discipline"] == 3:
            first = over & (np.arange(105) >= order["first"])
            taken, number = filled(number, usual * first, people, taken, ends)
            taken, number = filled(number, usual * over, people, taken, ends)
    return swept(number, floor, people, taken, ends) if number > 1e-9 else (taken, number)


def seated(number, came, ends):
    """Of those who ``came`` [105] by transfer, whom a ``number`` of stops kept for them goes to: the longest first."""
    taken, left = swept(number, 0, came, np.zeros(105), ends)
    return taken, number - max(left, 0.0)


def week(out, adm, rates, month, tilt, returns, days, plan, carried, came=None, slots=(0.0, 0.0)):
    """One week's departures: out, adm [105] after them, before ageing, and the flows by name.

    plan: keep [3], add [6, G], floors [G], below [2], whole, orders [2]. came [2, 105]: those of both stages who came
    by transfer, for whom ``slots`` are kept; ``came`` and ``stays`` (shares of the others) are among the flows then.
    """
    pace = np.interp(np.arange(105), KNOTS, month[5:]) * tilt
    share = rates * month[None, :4, None] * pace
    share[1, [1, 3]] = 0.0
    share = share / np.maximum(1.0, 5 * share.sum(axis=1, keepdims=True))
    straight, non, _, converted = share[0]
    decided = straight + non + converted
    with np.errstate(invalid="ignore"):
        nu, alpha = (np.where(decided > 0, x / decided, y) for x, y in ((non, 1.0), (straight, 0.0)))
    came = np.zeros((2, 105)) if came is None else came
    any_end = nu + alpha if plan["whole"] else nu
    numbers = (
        plan["add"][0].sum() + plan["keep"][0] * carried[0] + (plan["keep"][1] * carried[1] if plan["whole"] else 0.0),
        plan["add"][1].sum() + plan["keep"][2] * carried[2],
    )
    sat, used = zip(
        *(seated(min(slots[s], max(numbers[s], 0.0)), came[s], (any_end, np.ones(105))[s]) for s in (0, 1)), strict=True
    )
    seats = list(used)
    out, adm = out - sat[0], adm - sat[1]
    usual = days * decided * out, days * share[1, 0] * adm
    band, (keep, add, floors) = np.arange(105), (plan["keep"], plan["add"], plan["floors"])
    taken = np.where(band < plan["below"][0], np.minimum(keep[0] * usual[0], out), 0.0)
    operated = np.where(band < plan["below"][1], np.minimum(keep[2] * usual[1], adm), 0.0)
    unused = np.zeros(2)
    orders, any_stop = plan["orders"], nu + alpha
    one = np.ones(105)
    for g, floor in enumerate(floors):
        taken, left = given(add[2, g], floor, out, taken, any_stop, usual[0], orders[0])
        unused[0] += left
        at_out, at_adm = (any_stop * usual[0])[floor:].sum(), usual[1][floor:].sum()
        theirs = add[3, g] * at_adm / (at_out + at_adm) if at_out + at_adm > 0 else 0.0
        taken, left = given(add[3, g] - theirs, floor, out, taken, any_stop, usual[0], orders[0])
        operated, left = given(left + theirs, floor, adm, operated, one, usual[1], orders[1])
        taken, left = given(left, floor, out, taken, any_stop, usual[0], orders[0])
        unused[1] += left
    unlimited = taken.copy()
    for g, floor in enumerate(floors):
        clinic, theatre = add[0, g], add[1, g]
        if floor == 0 and plan["below"][0] == 0:
            clinic += keep[0] * carried[0] + (keep[1] * carried[1] if plan["whole"] else 0.0)
        if floor == 0 and plan["below"][1] == 0:
            theatre += keep[2] * carried[2]
        ends = any_stop if plan["whole"] else nu
        clinic, theatre = max(clinic, 0.0), max(theatre, 0.0)
        for s, number in enumerate((clinic, theatre)):
            seats[s] -= min(seats[s], number)
        clinic, theatre = clinic - min(used[0] - seats[0], clinic), theatre - min(used[1] - seats[1], theatre)
        taken, left = given(clinic, floor, out, taken, ends, usual[0], orders[0])
        unused[0] += left
        operated, left = given(theatre, floor, adm, operated, one, usual[1], orders[1])
        unused[1] += left
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = [np.where(p > 0, t / p, 0.0) for p, t in ((out, taken), (adm, operated))]
    out, adm, taken, operated = out + sat[0], adm + sat[1], taken + sat[0], operated + sat[1]
    wanted = (alpha * (taken - unlimited)).sum()
    limit = keep[1] * carried[1] + add[5, 0]
    part = 1.0 if plan["whole"] or wanted <= limit else limit / wanted
    admitted = alpha * (unlimited + part * (taken - unlimited))
    stopped = nu * taken
    moved = taken - admitted - stopped
    out_removed = np.minimum(days * share[0, 2] * out, out - taken)
    adm_removed = np.minimum(days * share[1, 2] * adm, adm - operated)
    with np.errstate(invalid="ignore", divide="ignore"):
        on = [
            np.where(p - t > 0, 1 - r / (p - t), 0.0)
            for p, t, r in ((out, taken, out_removed), (adm, operated, adm_removed))
        ]
        onward = np.where(taken > 0, moved / taken, 0.0) * (sat[0] + parts[0] * (came[0] - sat[0]))
    stays = np.array([(1 - parts[s]) * on[s] for s in (0, 1)])
    came = np.array([stays[s] * (came[s] - sat[s]) for s in (0, 1)])
    came[1] += onward
    out = out - taken - out_removed + days * returns[0]
    adm = adm - operated - adm_removed + days * returns[1] + moved
    for g, floor in enumerate(floors):
        people = (out + adm)[floor:].sum()
        left = 1 - min(1.0, add[4, g] / people) if people > 0 else 1.0
        out[floor:], adm[floor:] = left * out[floor:], left * adm[floor:]
    flows = {
        "admitted": admitted.sum() + operated.sum(),
        "non_admitted": stopped.sum(),
        "converted": moved.sum(),
        "theatre": operated.sum(),
        "unused": unused,
        "came": came,
        "stays": stays,
    }
    return out, adm, flows
