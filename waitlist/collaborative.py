"""Mutual aid, the whole way on one page: distances → who could move → chosen → simulated → told (R12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd

from waitlist.errors import Problem, Refusal, refuse
from waitlist.models import aid, aid_tables, answers, why
from waitlist.models.assumptions import Key
from waitlist.models.calibration import Calibrated, ready
from waitlist.models.past import Observed
from waitlist.models.program import Conflict
from waitlist.outputs.words import provider_name, specialty_name
from waitlist.plan import BASE, Plan
from waitlist.results import Aid

Tell = Callable[[str, int, int], None]


def mutual_aid(state: Calibrated, plan: Plan, known: Mapping[Key, Observed], tell: Tell) -> Aid:
    """The plan's transfers, agreed and chosen, and what they do. ``known``: each row's past, for clearance dates.

    Raises Refusal where limits conflict, or where a file of places or distances is wrong.
    """
    deadlines = answers.deadlines(plan, state.time)
    if not deadlines:
        rule = "transfers are chosen for a deadline, and none lies inside the forecast"
        remedy = "Add a [[deadline]] between the snapshot and the end, or a longer horizon_months."
        raise refuse("the plan", "deadline", "", rule, remedy)
    places, km = _where(state, plan)
    lists = tuple(state.history.lists[n] for n in state.whole)
    shared = [n for n, (_, specialty) in enumerate(lists) if sum(s == specialty for _, s in lists) > 1]
    ((_, told),) = ready(state, {BASE: plan}, shared)
    try:
        found = aid.scheduled(state, told, deadlines, km, known, tell)
    except Conflict as conflict:
        rule = f"these limits cannot all be kept: {'; '.join(conflict.names)}"
        remedy = "Lower a least_per_week, or raise what it conflicts with."
        raise refuse("the plan", "mutual_aid.limit", "", rule, remedy) from None
    counts = state.history.counts
    names = {code: provider_name(code, counts.provider_names) for code, _ in lists}
    names |= {code: specialty_name(code, counts.specialty_names) for _, code in lists}
    bounds = []
    if plan.mutual_aid:
        over = {
            key: float(row.over.mean(axis=1).max()) for key, row in found.after.items() if key in found.system.lists
        }
        tell("Asking why not more", 0, 1)
        bounds = list(why.bounds(found.system, found.asked, found.chosen, over))
    return Aid(
        transfers=aid_tables.transfers(found),
        mutual_aid=aid_tables.mutual_aid(found),
        effects=aid_tables.effects(found),
        limits=aid_tables.limits(found, bounds, names),
        sentences=aid_tables.sentences(found, names),
        places=places,
    )


def _where(state: Calibrated, plan: Plan) -> tuple[dict[str, tuple[float, float]], dict[tuple[str, str], float]]:
    """Where the providers and hubs are, as far as is known, and the kilometres between them."""
    from waitlist.inputs.places import distances, read_coordinates, read_travel  # noqa: PLC0415

    codes = sorted({state.history.lists[n][0] for n in state.whole})
    setting = plan.mutual_aid
    known = read_coordinates(setting.coordinates) if setting else {}
    known |= {hub.code: (hub.lat, hub.lon) for hub in plan.hub if hub.lat is not None and hub.lon is not None}
    travel = read_travel(setting.travel) if setting and setting.travel else {}
    km = distances(known, travel, codes)
    unknown = [code for code in codes if not any(code in pair for pair in km if pair[0] != pair[1])]
    if setting and unknown and (setting.max_km is not None or setting.neighbours is not None or setting.near):
        rule = "max_km, neighbours and near need to know where each provider and hub is"
        remedy = "Add it to a file of mutual_aid.coordinates or mutual_aid.travel; a hub has lat and lon."
        raise Refusal([Problem("error", "the plan", "mutual_aid", code, rule, remedy) for code in unknown])
    return {code: known[code] for code in codes if code in known}, km


def with_happened(found: Aid, happened: pd.DataFrame) -> Aid:
    """``found`` with what happened beside what was planned."""
    return replace(found, happened=happened)
