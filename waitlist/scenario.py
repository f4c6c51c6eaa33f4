"""Scenarios, and whether what is planned can all be done together: names, overlaps and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from pydantic import Field

from waitlist.mutual_aid import Transfer
from waitlist.planned import ALL, Activity, Clinic, Order, Scheme, Strike, Theatre
from waitlist.settings import Asked, Settings


class Scenario(Settings):
    """What differs from the plan, or from another scenario: entries replace those of the same name, or add to them."""

    name: Asked
    base: Asked = "base"
    on: tuple[Asked, ...] = Field(default=(), description="names of schemes to switch on")
    off: tuple[Asked, ...] = Field(default=(), description="names of schemes, strikes, clinics, theatres to leave out")
    demand: dict[str, Any] | None = None
    order: Order | None = None
    activity: tuple[Activity, ...] = ()
    scheme: tuple[Scheme, ...] = ()
    strike: tuple[Strike, ...] = ()
    clinic: tuple[Clinic, ...] = ()
    theatre: tuple[Theatre, ...] = ()
    transfer: tuple[Transfer, ...] = ()


STEPS = (
    "base",
    "scenario",
    "demand",
    "working days",
    "planned activity",
    "transfers",
    "order of treatment",
    "interaction",
)
"""Steps of a waterfall that are no scheme's or resource's."""


def name_problem(names: Sequence[str]) -> str:
    """What is wrong with the names of schemes and resources; nothing if none is a waterfall's own step."""
    taken = next((name for name in names if name.lower() in STEPS), "")
    return f'nothing planned may be named "{taken}": a waterfall has a step of that name' if taken else ""


def scenario_problem(scenarios: Sequence[Scenario], reserved: Sequence[str], names: Sequence[str]) -> str:
    """What is wrong with the names of scenarios: their own, their base's, and what they switch; nothing if all is well.

    ``reserved`` are those of the scenarios that every plan has; ``names`` of everything planned that can be switched.
    """
    known = {*reserved}
    for item in scenarios:
        if item.name in reserved:
            return f'a [[scenario]] may not be named "{item.name}": every plan has one of that name'
        if item.base not in known:
            there = ", ".join(sorted(known))
            return f'[[scenario]] "{item.name}" has the base "{item.base}", which is not among those before it: {there}'
        known.add(item.name)
        names = [*names, *(s.name for key in (item.scheme, item.clinic, item.theatre) for s in key)]
        names += [strike.staff_group for strike in item.strike]
        for name in (*item.on, *item.off):
            if name not in names:
                there = ", ".join(names) or "the plan has nothing to switch"
                return f'[[scenario]] "{item.name}" switches "{name}", which is not among: {there}'
    return ""


def overlap_problem(items: Sequence[Activity]) -> str:
    """What is wrong with activities that would both replace the same stops; nothing if none do."""
    for i, one in enumerate(items):
        for other in items[:i]:
            same = one.provider == other.provider and _meet(one.specialty, other.specialty)
            if same and _meet(one.stage, other.stage) and one.overlaps(other):
                first = max(one.begins or date.min, other.begins or date.min)
                when = f"from {first}" if first > date.min else "from the snapshot on"
                return (
                    f"two [[activity]] of {one.provider}, {one.specialty}, {one.stage} overlap, {when}: "
                    "both would replace the same stops"
                )
    return ""


def _meet(one: str, other: str) -> bool:
    return one == other or ALL in (one, other)


def size_problem(schemes: Sequence[Scheme], resources: Sequence[Clinic | Theatre]) -> str:
    """What is wrong with schemes whose resource is unknown or that need more of it than there is."""
    named = {item.name: item for item in resources}
    for scheme in schemes:
        if scheme.resource and scheme.resource not in named:
            known = ", ".join(named) or "the plan has none"
            return f'[[scheme]] "{scheme.name}" uses the resource "{scheme.resource}", which is not among: {known}'
    for name, resource in named.items():
        if resource.sessions_available_per_week is None:
            continue
        users = [scheme for scheme in schemes if scheme.on and scheme.resource == name]
        for day in sorted({max(s.begins or date.min, resource.begins or date.min) for s in (*users, resource)}):
            now = [s for s in users if (s.begins or date.min) <= day <= (s.until or date.max)]
            used = resource.sessions_per_week + sum(sessions_of(scheme, resource) for scheme in now)
            if used > resource.sessions_available_per_week + 1e-9:
                return (
                    f"{' and '.join(s.name for s in now) or name} need {used:g} sessions a week of "
                    f'"{name}"{f" on {day}" if day > date.min else ""}, which has '
                    f"{resource.sessions_available_per_week:g}: they overlap beyond its size"
                )
    return ""


def sessions_of(scheme: Scheme, resource: Clinic | Theatre) -> float:
    """The sessions a week that a scheme needs of its resource."""
    if scheme.sessions_per_week is not None:
        return scheme.sessions_per_week
    return (scheme.extra_per_week or 0.0) / max(resource.per_session(), 1e-9)
