"""From whole people offered to moves that the engine is told (R12)."""

from __future__ import annotations

import numpy as np

from waitlist.bands import BANDS
from waitlist.models.layout import ADMISSION
from waitlist.models.moving import Moves
from waitlist.models.question import Offers
from waitlist.models.system import System, groups_of
from waitlist.models.transfers import fit_share, whole_share


def moves_of(system: System, offers: Offers, offered: np.ndarray, agreed: Moves) -> Moves:
    """``agreed`` transfers and, after them, those chosen: ``offered`` [X] whole people.

    Stops are kept at the receivers for as many as are expected to come.
    """
    groups, weeks, horizon = groups_of(system), system.weeks, system.time.weeks
    some = np.flatnonzero(offered > 0)
    ways = sorted(
        {(offers.group[x], offers.sender[x], offers.receiver[x], offers.specialty[x], offers.stage[x]) for x in some},
        reverse=True,  # who has waited longest is offered first
    )
    row = {way: t for t, way in enumerate(ways)}
    alike = dict.fromkeys(way[1:] for way in ways)
    numbers = np.zeros((len(ways), horizon))
    rate = np.zeros(len(ways))
    slots = agreed.slots.copy()
    for x in some:
        way = (offers.group[x], offers.sender[x], offers.receiver[x], offers.specialty[x], offers.stage[x])
        numbers[row[way], offers.week[x]] += offered[x]
        rate[row[way]] = offers.accepted[x]
        m, k = system.list_at(offers.receiver[x], offers.specialty[x]), offers.move_week[x]
        slots[m, k] += offered[x] * np.array([offers.clinic[x], offers.theatre[x]])
        if k + 1 < horizon:
            slots[m, k + 1, ADMISSION] += offered[x] * offers.onward[x]
    floor, ceiling = np.zeros((len(ways), horizon), dtype=int), np.full((len(ways), horizon), BANDS)
    for t, way in enumerate(ways):
        for k in range(weeks):
            floor[t, k], ceiling[t, k] = groups.bands(int(way[0]), k, system.aid.min_weeks_waited)
    accepted = [whole_share(numbers[t], rate[t]) for t in range(len(ways))]
    new = Moves(
        sender=np.array([system.list_at(w[1], w[3]) for w in ways], dtype=int),
        receiver=np.array([system.list_at(w[2], w[3]) for w in ways], dtype=int),
        stage=np.array([w[4] for w in ways], dtype=int),
        lead=np.full(len(ways), system.aid.lead_weeks),
        way=len(agreed.sender) + np.array([list(alike).index(way[1:]) for way in ways], dtype=int),
        part=np.array([fit_share(system.plan, system.providers[w[2]]) for w in ways]),
        offered=numbers,
        accepted=np.array(accepted).reshape(len(ways), horizon),
        floor=floor,
        ceiling=ceiling,
        slots=slots,
    )
    both = {name: np.concatenate([getattr(agreed, name), getattr(new, name)]) for name in Moves._fields[:-1]}
    return Moves(**both, slots=slots)
