"""What each target needs, in sentences that page, workbook and terminal share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from waitlist.outputs import words as say
from waitlist.results import ALL

_NOBODY: Mapping[str, str] = {}


def needs(
    capacity: pd.DataFrame, providers: Mapping[str, str] = _NOBODY, specialties: Mapping[str, str] = _NOBODY
) -> list[str]:
    """A sentence for each target of ``capacity``: met already, what it takes, or how near it comes and what binds."""
    return [_sentence(rows, providers, specialties) for rows in by_target(capacity)]


def by_target(capacity: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each target, in order."""
    keys = ["target", "date", "probability", "sought"]
    return [rows for _, rows in capacity.groupby(keys, sort=False)]


def _sentence(rows: pd.DataFrame, providers: Mapping[str, str], specialties: Mapping[str, str]) -> str:
    whole: Any = rows.iloc[-1]
    who = say.provider_name(whole["provider"], providers)
    if whole["specialty"] != ALL:
        who = f"{who}, {say.specialty_name(whole['specialty'], specialties)}"
    aim = f"{goal(whole['target'])} by {say.day(whole['date'])}"
    draws = f"{say.share(whole['probability'])} of draws"
    if not whole["attainable"]:
        return f"{who}: {aim} cannot be met in {draws}. {_nearest(whole)}"
    if round(whole["extra_per_week"], 1) <= 0:
        switched = f" with {whole['schemes']} switched on" if whole["schemes"] else ""
        return f"{who}: {aim} is met in {draws}{switched} and needs nothing more."
    same = rows[(rows["provider"] == whole["provider"]) & (rows["specialty"] == whole["specialty"])]
    extra = {row["stage"]: row["extra_per_week"] for row in same.to_dict("records")}
    shared = [f"{say.rate(extra[stage])} {where}" for stage, where in _WHERE.items() if extra.get(stage, 0) >= 0.05]
    part = 100 * whole["extra_per_week"] / max(whole["current_per_week"], 1e-9)
    more = f" {whole['schemes']} switched on is the cheapest way to begin." if whole["schemes"] else ""
    return (
        f"{who}: {aim} in {draws} takes {say.rate(whole['extra_per_week'])} more stops a week, {say.percent(part)} "
        f"more than the {say.rate(whole['current_per_week'])} of now: {say.list_join(shared)}.{more}"
    )


_WHERE = {"outpatient": "at clinics", "admission": "in theatres"}


def _nearest(whole: Any) -> str:
    """How near a target comes that cannot be met, what limits it, and when it would be met."""
    measure = str(whole["target"]).split(" ")[0]
    best = "" if say.is_none(whole["best_attainable"]) else f"The best is {_value(whole['target'], measure, whole)}. "
    limit = f"What limits it: {whole['binding_limit']}. "
    later = (
        f"With that activity going on it would be met by {say.day(whole['attainable_by'])}."
        if whole["attainable_by"]
        else "With that activity going on it is not met by the end of the forecast either."
    )
    return f"{best}{limit}{later}"


def _value(target: str, measure: str, whole: Any) -> str:
    value = whole["best_attainable"]
    if measure.endswith("wait_weeks"):
        return f"{say.percent(value)} of the list waiting longer"
    if measure == "percent_within_18_weeks":
        return f"{say.percent(value)} within 18 weeks"
    if measure.startswith("percent") or target.endswith("of the list"):
        return f"{say.percent(value)} of the list"
    return f"{say.count(value)} people"


def goal(target: str) -> str:
    """A target's label, such as ``over_65_weeks <= 0``, as a planner says it."""
    if " " not in target or "=" not in target:
        return "everything sought together" if target == "all targets" else target
    measure, _, value = target.split(" ", 2)
    number, _, of = value.partition(" % ")
    most = f"no more than {number}%" if of or measure.startswith("percent") else f"no more than {float(number):,g}"
    if measure == "percent_within_18_weeks":
        return f"{number}% within 18 weeks"
    if measure in ("median_wait_weeks", "p92_wait_weeks"):
        return f"{'half' if measure.startswith('median') else '92%'} of the list waiting no more than {number} weeks"
    if measure == "waiting_list":
        return f"{most} waiting"
    weeks = measure.removeprefix("percent_").split("_")[1]
    if not of and measure.startswith("over") and float(number) == 0:
        return f"nobody over {weeks} weeks"
    return f"{most}{' of the list' if of else ''} over {weeks} weeks"
