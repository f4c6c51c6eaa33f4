"""Whether what is planned can be: its codes, stages and dates against the lists there are (R14)."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from waitlist.errors import Problem
from waitlist.mutual_aid import Transfer
from waitlist.plan import BASE, Plan, variant
from waitlist.planned import ALL, Dated

Lists = Mapping[tuple[str, str], bool]
"""Lists of the plan's providers, and whether each is of one stage: without an admission stage."""
NO_PART_2A = "of the admission stage, which this list does not have: its Part 2A is not reported (R5)"
ALL_OUTPATIENT = 'Write stage = "outpatient": all of its waiting is there.'


def planned_problems(
    plan: Plan, lists: Lists, names: Mapping[str, str], specialties: Mapping[str, str], snapshot: date, last: date
) -> list[Problem]:
    """A problem for everything in ``plan`` and its scenarios that is about no list, stage or day there is.

    ``names`` and ``specialties`` by code, of what ``lists`` holds; ``last`` is the forecast's last day. Something whose
    dates lie outside the forecast is a warning: it has no effect.
    """
    found: list[Problem] = []
    for name in (BASE, *(item.name for item in plan.scenario)):
        one = variant(plan, name)
        place = "the plan" if name == BASE else f'the plan, scenario "{name}"'
        for key in ("activity", "scheme", "strike", "clinic", "theatre"):
            for item in getattr(one, key):
                found += _about(place, key, item, lists, names, specialties)
                found += _when(place, key, item, snapshot, last)
        for item in one.transfer:
            found += _transfer(place, item, lists, names, specialties, plan.hub_codes)
            found += _moves_in_time(place, item, snapshot, last)
        if one.order.provider != ALL:
            found += unknown_codes("order.provider", [one.order.provider], names)
    for key in ("price", "funded", "limit", "target"):
        for item in getattr(plan, key):
            found += _about("the plan", key, item, lists, names, specialties)
    found += target_problems(plan, snapshot, last)
    found += _aid(plan, lists, names, specialties, snapshot, last)
    return list(dict.fromkeys(found))


def _transfer(
    place: str,
    item: Transfer,
    lists: Lists,
    names: Mapping[str, str],
    specialties: Mapping[str, str],
    hubs: frozenset[str],
) -> list[Problem]:
    """What is wrong with the two lists that a transfer leads from and to."""
    found = unknown_codes("transfer.from_provider", [item.from_provider], names)
    found += unknown_codes("transfer.to_provider", [item.to_provider], names)
    found += unknown_codes("transfer.specialty", [item.specialty], specialties)
    if found:
        return found
    if item.from_provider in hubs:
        rule = "a hub has no patients of its own, and those sent to it are not sent on"
        found.append(Problem("error", place, "transfer.from_provider", item.from_provider, rule, "Name a trust."))
    for key, provider in (("from_provider", item.from_provider), ("to_provider", item.to_provider)):
        one_stage = lists.get((provider, item.specialty))
        value = f"{provider} {item.specialty}"
        if one_stage is None:
            what = "treats" if provider in hubs else "reports at the origin"
            rule = f"a transfer's specialty must be one that each side {what}"
            remedy = "Choose another provider, or see `waitlist position`."
            remedy = remedy if provider not in hubs else "Add it to the hub's specialties, or choose another provider."
            found.append(Problem("error", place, f"transfer.{key}", value, rule, remedy))
        elif one_stage and item.stage == "admission":
            rule = f"[[transfer]] is {NO_PART_2A}"
            found.append(Problem("error", place, "transfer.stage", value, rule, ALL_OUTPATIENT))
    return found


def _moves_in_time(place: str, item: Transfer, snapshot: date, last: date) -> Sequence[Problem]:
    """A warning where nobody moves inside the forecast."""
    found = list(_when(place, "transfer", item, snapshot, last))
    first = max(item.begins or snapshot, snapshot) + timedelta(weeks=item.lead_weeks)
    if not found and first > last:
        rule = f"who accepts would move on {first} at the earliest, after the forecast's end, {last}: nobody moves"
        remedy = "Choose a shorter lead_weeks, an earlier from, or a longer horizon_months."
        found.append(Problem("warning", place, "transfer.lead_weeks", str(item.lead_weeks), rule, remedy))
    if item.acceptance == 0:
        rule = "nobody accepts these offers, so nobody moves"
        found.append(Problem("warning", place, "transfer.acceptance", "0", rule, "Write a share above 0."))
    return found


def hub_problems(plan: Plan, names: Mapping[str, str], specialties: Mapping[str, str]) -> list[Problem]:
    """What is wrong with the plan's hubs; ``names`` of all providers in the data, and ``specialties``, by code."""
    found = []
    for hub in plan.hub:
        if hub.code in names:
            rule = f"a hub's code may not be that of a provider in the data, here {names[hub.code]}"
            remedy = "Choose a code of your own: letters and digits, twelve at most."
            found.append(Problem("error", "the plan", "hub.code", hub.code, rule, remedy))
        if hub.specialties != "all":
            found += unknown_codes("hub.specialties", hub.specialties, specialties)
    return found


def _aid(
    plan: Plan,
    lists: Lists,
    names: Mapping[str, str],
    specialties: Mapping[str, str],
    snapshot: date,
    last: date,
) -> list[Problem]:
    """What [mutual_aid] says of providers, hubs, specialties, stages and days that are not there."""
    aid, found = plan.mutual_aid, list[Problem]()
    if aid is None:
        return found
    for key, dated in (("", aid), *((".give", item) for item in aid.give), *((".limit", item) for item in aid.limit)):
        found += _when("the plan", f"mutual_aid{key}", dated, snapshot, last)
    for item in aid.give:
        found += _about("the plan", "mutual_aid.give", item, lists, names, specialties)
        if item.provider in plan.hub_codes:
            rule, remedy = "what a hub can give is its own per_week", "Change per_week in its [[hub]]."
            found.append(Problem("error", "the plan", "mutual_aid.give.provider", item.provider, rule, remedy))
    for key in ("limit", "exclude"):
        for about in getattr(aid, key):
            for side in ("from_provider", "to_provider"):
                code = getattr(about, side)
                found += unknown_codes(f"mutual_aid.{key}.{side}", [code] if code != ALL else [], names)
            asked = [about.specialty] if about.specialty != ALL else []
            found += unknown_codes(f"mutual_aid.{key}.specialty", asked, specialties)
    return found


def target_problems(plan: Plan, snapshot: date, last: date) -> list[Problem]:
    """A problem for each target that is not after ``snapshot`` and by ``last``."""
    rule = f"a target's date must be after the snapshot, {snapshot}, and no later than the forecast's end, {last}"
    remedy = "Choose a date between the two, or a longer horizon_months."
    return [
        Problem("error", "the plan", "target.date", item.date.isoformat(), rule, remedy)
        for item in plan.target
        if not snapshot < item.date <= last
    ]


def _about(
    place: str, key: str, item: Any, lists: Lists, names: Mapping[str, str], specialties: Mapping[str, str]
) -> list[Problem]:
    """What is wrong with the lists and stage that ``item`` is about."""
    several = getattr(item, "specialties", None)
    asked = [item.specialty] if several is None else [] if several == "all" else list(several)
    found = unknown_codes(f"{key}.provider", [item.provider] if item.provider != ALL else [], names)
    found += unknown_codes(f"{key}.specialty", [code for code in asked if code != ALL], specialties)
    if found:
        return found
    for code in asked or [ALL]:
        stages = [one for (p, s), one in lists.items() if item.provider in (p, ALL) and code in (s, ALL)]
        if not stages:
            rule, remedy = f"[[{key}]] must be about a list that is reported", "See `waitlist position`."
            found.append(Problem("error", place, f"{key}.specialty", f"{item.provider} {code}", rule, remedy))
        needs = "admission" if key == "theatre" else getattr(item, "stage", ALL)
        if stages and needs == "admission" and all(stages):
            rule = f"[[{key}]] is {NO_PART_2A}"
            remedy = ALL_OUTPATIENT if key != "theatre" else "Leave it out of the theatre's specialties."
            found.append(Problem("error", place, f"{key}.stage", f"{item.provider} {code}", rule, remedy))
    return found


def _when(place: str, key: str, item: Dated, snapshot: date, last: date) -> Sequence[Problem]:
    """A warning where ``item`` is over before the forecast begins, or begins after it."""
    if (item.until is None or item.until > snapshot) and (item.begins is None or item.begins <= last):
        return []
    when = f"{item.begins or ''} to {item.until or ''}"
    rule = f"[[{key}]] lies outside the forecast, {snapshot} to {last}, and has no effect"
    return [Problem("warning", place, f"{key}.from", when, rule, "Choose dates between the two.")]


def deadline_problems(plan: Plan, snapshot: date, last: date) -> list[Problem]:
    """A warning for each [[deadline]] that is not after ``snapshot`` and by ``last``, the forecast's end (R10).

    Such a deadline has no cohort, and the rest of the plan stands.
    """
    rule = f"a deadline must be after the snapshot, {snapshot}, and no later than the forecast's end, {last}"
    remedy = "Choose a date between the two, or a longer horizon_months."
    return [
        Problem("warning", "the plan", "deadline.date", item.date.isoformat(), rule, remedy)
        for item in plan.deadline
        if not snapshot < item.date <= last
    ]


def code_problems(plan: Plan, providers: Mapping[str, str], specialties: Mapping[str, str]) -> list[Problem]:
    """A problem for each code of a heir, break or specialty's growth that is not in the data, with the nearest.

    ``providers`` and ``specialties`` are names by code, as read: before any merger, so that both its sides are there.
    """
    found = unknown_codes("successor.to", [item.to_provider for item in plan.successor], providers)
    broken = [item.specialty for item in plan.breaks if item.specialty != "ALL"]
    found += unknown_codes("break.specialty", broken, specialties)
    return found + unknown_codes("demand.specialty", list(plan.demand.specialty), specialties)


def unknown_codes(key: str, asked: Sequence[str], names: Mapping[str, str]) -> list[Problem]:
    """A problem for each code ``asked`` that is not in ``names``, with those nearest by code and by name."""
    rule = f"the plan's {key} must be codes that are in the data"
    return [
        Problem("error", "the plan", key, code, rule, f"Nearest in the data: {_nearest(code, names)}.")
        for code in dict.fromkeys(asked)
        if code not in names
    ]


def _nearest(asked: str, names: Mapping[str, str]) -> str:
    named = [code for code, name in names.items() if len(asked) > 2 and asked.casefold() in name.casefold()]
    alike = difflib.get_close_matches(asked.upper(), names, n=50, cutoff=0.5)
    alike.sort(key=lambda code: -len(os.path.commonprefix([code, asked.upper()])))
    near = list(dict.fromkeys(named + alike))[:3]
    return ", ".join(f"{code} ({names[code]})" for code in near) or "none is near"
