"""A planner's figures in place of the model's, and what follows from them (R4).

A flow's override is balanced in the list from its month on, a list's in other removals, unless the override says
otherwise; a threshold's leaves the other thresholds as they are, so that one that makes no sense is found by the
checks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from waitlist.bands import Floats
from waitlist.models.submission.whole import FLOWS, SIGNS, Base, closed, pieces_of, shared_out, stocks
from waitlist.submission import FLOWS as OVERRULED_FLOWS
from waitlist.submission import STOCKS, Override

WITHIN_18 = 4
"""Month ends that lie less than 18 weeks after the month in which somebody's clock started."""


def with_overrides(base: Base, overrides: Iterable[Override]) -> Base:
    """``base`` with the ``overrides`` of its flows, then of lists, then of those over a threshold.

    Those of other figures (hospital activity, supplementary ones) depend on nothing and are not looked at.
    """
    order = {name: place for place, name in enumerate((*OVERRULED_FLOWS, *STOCKS))}
    mine = sorted((item for item in overrides if item.measure in order), key=lambda item: order[item.measure])
    for item in mine:
        if item.measure in OVERRULED_FLOWS:
            base = _with_flow(base, item)
        elif item.measure == "waiting_list":
            base = _with_list(base, item)
        else:
            base = _with_threshold(base, item)
    return closed(base)


def _with_flow(base: Base, item: Override) -> Base:
    """A flow as overruled; the list follows from its month on, in proportion to who waits how long."""
    p, m, flow = base.providers.index(item.provider), base.months.index(item.month), FLOWS.index(item.measure)
    flows = base.flows.copy()
    change = SIGNS[flow] * (item.value - flows[p, flow, m])
    flows[p, flow, m] = item.value
    if item.balance == "other_removals":
        return replace(base, flows=flows)
    pieces = base.pieces.copy()
    for at in range(m, len(base.months)):
        if base.actual[at] or np.isnan(pieces[p, :, at]).any():
            continue
        if item.measure == "clock_starts":
            pieces[p, :2, at] = _started(pieces[p, :2, at], change, at - m < WITHIN_18)
        else:
            pieces[p, :, at] = shared_out(pieces[p, :, at], max(float(pieces[p, :, at].sum()) + change, 0.0))
    return replace(base, flows=flows, pieces=pieces)


def _started(pieces: Floats, change: float, lately: bool) -> Floats:
    """Those within 18 weeks and from 18 to 52 [2] with so many more starts, lately or longer ago: within a year nobody
    of them is over 52 weeks. Who is taken off where too few are is taken off the other."""
    first = 0 if lately else 1
    found = pieces.copy()
    taken = max(change, -found[first])
    found[first] += taken
    found[1 - first] = max(found[1 - first] + change - taken, 0.0)
    return found


def _with_list(base: Base, item: Override) -> Base:
    """A list as overruled, in proportion to who waits how long; a flow takes it up where the override says so."""
    p, m = base.providers.index(item.provider), base.months.index(item.month)
    pieces, flows = base.pieces.copy(), base.flows.copy()
    change = item.value - float(pieces[p, :, m].sum())
    pieces[p, :, m] = shared_out(pieces[p, :, m], item.value)
    if item.balance in OVERRULED_FLOWS:
        flow = FLOWS.index(item.balance)
        flows[p, flow, m] += SIGNS[flow] * change
        if m + 1 < len(base.months):
            flows[p, flow, m + 1] -= SIGNS[flow] * change
    return replace(base, pieces=pieces, flows=flows)


def _with_threshold(base: Base, item: Override) -> Base:
    """Those over (or within) a threshold as overruled: the list and the other thresholds stay."""
    p, m = base.providers.index(item.provider), base.months.index(item.month)
    held: dict[str, Floats] = {name: value[p].copy() for name, value in stocks(base.pieces).items()}
    if item.measure == "within_18_weeks":
        held["over_18_weeks"][m] = held["waiting_list"][m] - item.value
    else:
        held[item.measure][m] = item.value
    pieces = base.pieces.copy()
    pieces[p] = pieces_of(held)
    return replace(base, pieces=pieces)
