"""Mutual aid, the whole way on one page: distances → who could move → chosen → simulated → told (R12)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from waitlist.errors import Problem, Refusal, refuse
from waitlist.models import aid, aid_tables, answers, why
from waitlist.models.assumptions import Key
from waitlist.models.calibration import Calibrated, ready
from waitlist.models.past import Observed
from waitlist.models.solver import Conflict
from waitlist.mutual_aid import MutualAid, Transfer
from waitlist.outputs.words import provider_name, specialty_name
from waitlist.plan import BASE, Deadline, Plan
from waitlist.plan_words import key_problems
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
    sides = Counter(specialty for _, specialty in lists)
    shared = [n for n, (_, specialty) in enumerate(lists) if sides[specialty] > 1]
    ((_, told),) = ready(state, {BASE: plan}, shared)
    try:
        found = aid.scheduled(state, told, deadlines, km, known, tell)
    except Conflict as conflict:
        week = state.time.week_ends[conflict.week + 1]
        rule = f"these limits cannot all be kept in the week ending {week:%-d %B %Y}: {'; '.join(conflict.names)}"
        remedy = "Lower a least_per_week, or raise what it conflicts with."
        raise refuse("the plan", "mutual_aid.limit", "", rule, remedy) from None
    counts = state.history.counts
    names = {code: provider_name(code, counts.provider_names) for code, _ in lists}
    names |= {code: specialty_name(code, counts.specialty_names) for _, code in lists}
    bounds = []
    if plan.mutual_aid:
        alone = set(found.system.lists)
        over = {key: float(row.over.mean(axis=1).max()) for key, row in found.after.items() if key in alone}
        tell("Asking why not more", 0, 1)
        bounds = list(why.bounds(found.system, found.asked, found.chosen, over))
    return Aid(
        transfers=aid_tables.transfers(found),
        mutual_aid=aid_tables.mutual_aid(found),
        effects=aid_tables.effects(found),
        limits=aid_tables.limits(found, bounds, names),
        sentences=(*aid_tables.sentences(found, names), *_how_far(plan, km)),
        places=places,
    )


def _how_far(plan: Plan, km: Mapping[tuple[str, str], float]) -> tuple[str, ...]:
    """What the distances are not."""
    if not any(one != other for one, other in km) or (plan.mutual_aid and plan.mutual_aid.travel):
        return ()
    return ("Distances are along the great circle between places: they are not travel times.",)


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


def from_there(plan: Plan, path: Path) -> tuple[Plan, pd.DataFrame]:
    """``plan`` with the transfers that happened, by the file ``path``, as agreed, others to be chosen from the week
    after the last; and what was planned, happened and was missed. Raises Refusal where the file is wrong."""
    from waitlist.inputs.places import read_happened  # noqa: PLC0415

    rows = read_happened(path)
    found: dict[tuple[date, str, str, str, str, int, int], int] = {}
    for row in rows:
        who = (row.specialty, row.stage, row.min_weeks_waited, row.below_weeks_waited)
        key = (row.week_ending, row.from_provider, row.to_provider, *who)
        found[key] = found.get(key, 0) + row.happened
    try:
        happened = [
            Transfer.model_validate(
                {"from_provider": one, "to_provider": other, "specialty": specialty, "stage": stage}
                | {"min_weeks_waited": least, "below_weeks_waited": below}
                | {"per_week": people, "slots_per_week": people}
                | {"from": day - timedelta(days=6), "until": day}
            )
            for (day, one, other, specialty, stage, least, below), people in found.items()
        ]
    except ValidationError as error:
        raise Refusal(key_problems(path.name, error, [])) from None
    columns = ["week_ending", "from_provider", "to_provider", "specialty", "stage", "planned", "happened", "missed"]
    table = pd.DataFrame(
        [
            (r.week_ending.isoformat(), r.from_provider, r.to_provider, r.specialty, r.stage)
            + (r.planned, r.happened, r.planned - r.happened)
            for r in rows
        ],
        columns=columns,
    )
    setting = plan.mutual_aid
    if setting and rows:
        after = max(row.week_ending for row in rows) + timedelta(days=1)
        setting = setting.model_copy(update={"begins": max(after, setting.begins or after)})
    return plan.model_copy(update={"transfer": (*plan.transfer, *happened), "mutual_aid": setting}), table


def fewest(plan: Plan, text: str) -> Plan:
    """``plan`` to seek the fewest transfers that leave nobody over a threshold by a date, ``text`` being WEEKS,DATE.

    Raises Refusal where it is no such text."""
    weeks, _, day = (part.strip() for part in text.partition(","))
    try:
        asked = Deadline.model_validate({"threshold_weeks": int(weeks), "date": day})
    except ValueError:
        rule = "it should be weeks and a date"
        raise refuse("--fewest", "", text[:80], rule, "Write it like 65,2026-03-31.") from None
    setting = (plan.mutual_aid or MutualAid()).model_copy(update={"most_over": plan.clearance.tolerance})
    return plan.model_copy(update={"deadline": (asked,), "mutual_aid": setting})
