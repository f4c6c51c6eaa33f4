"""Two versions of a submission, cell by cell, with the cause of each difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

COLUMNS = ("org", "line", "month", "before", "after", "difference", "cause")
NOT_OF_THE_FIGURES = ("name", "override", "thresholds_weeks", "deadline", "clearance", "target", "limit", "price")
"""Keys of a plan that move no figure of a submission, or are compared as a cause of their own."""
NOT_OF_THE_SUBMISSION = ("author", "template", "mapping", "register", "icb_name", "strike_percent_lost")

Cells = Mapping[tuple[str, str, str], tuple[float | None, float | None]]
"""(organisation, line, month) → (value, the model's value); None for blank."""


@dataclass(frozen=True)
class Told:
    """One version: its cells, and what they rest on. overrides: (value, balance) by (provider, measure, month)."""

    cells: Cells
    data: Mapping[str, str]
    plan: Mapping[str, Any]
    overrides: Mapping[tuple[str, str, str], Any]
    software: str


def compared(before: Told, after: Told) -> pd.DataFrame:
    """COLUMNS: every cell that differs; no row where none does."""
    why, overruled = causes(before, after), before.overrides != after.overrides
    rows: list[tuple[object, ...]] = []
    for key in dict.fromkeys([*before.cells, *after.cells]):
        one, other = before.cells.get(key), after.cells.get(key)
        if one is None or other is None:
            only = "in the second version only" if one is None else "in the first version only"
            rows.append((*key, _value(one), _value(other), None, f"plan: {only}"))
        elif one[0] != other[0]:
            both = one[0] is not None and other[0] is not None
            difference = (other[0] or 0) - (one[0] or 0) if both else None
            rows.append((*key, one[0], other[0], difference, _cause(one, other, why, overruled)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def causes(before: Told, after: Told) -> list[str]:
    """What differs between two versions beside overrides, in words: data, plan, model; none if nothing does."""
    if not (before.software and after.software):
        return ["a file, which does not say what it rests on"]
    found = []
    if before.data != after.data:
        changed = sorted(name for name in {*before.data, *after.data} if before.data.get(name) != after.data.get(name))
        found.append(f"data ({', '.join(changed[:3])}{' and others' if len(changed) > 3 else ''})")
    keys = sorted(_changed(_telling(before.plan), _telling(after.plan)))
    if keys:
        found.append(f"plan ({', '.join(keys[:4])}{' and others' if len(keys) > 4 else ''})")
    if before.software != after.software:
        found.append(f"model ({before.software} to {after.software})")
    return found


def _cause(
    one: tuple[float | None, float | None], other: tuple[float | None, float | None], why: list[str], overruled: bool
) -> str:
    """Why a cell differs: the model's own figure does, or a planner's stands in its place, or both."""
    by_override = overruled and _gap(one) != _gap(other)
    found = []
    if one[1] != other[1] or not by_override:
        found.append(" and ".join(why) or "the forecast differs, though data, plan and model are the same")
    return "; ".join([*found, *(["override"] if by_override else [])])


def _gap(cell: tuple[float | None, float | None]) -> float | None:
    """How far a cell is from the model's own figure."""
    if cell[0] is None or cell[1] is None:
        return None if cell[0] == cell[1] else float("inf")
    return cell[0] - cell[1]


def _value(cell: tuple[float | None, float | None] | None) -> float | None:
    return None if cell is None else cell[0]


def _telling(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan's keys that move figures, flat: ``demand.growth`` → value."""
    found: dict[str, Any] = {}
    for key, value in plan.items():
        if key in NOT_OF_THE_FIGURES:
            continue
        if isinstance(value, Mapping):
            for inner, item in value.items():
                if key != "submission" or inner not in NOT_OF_THE_SUBMISSION:
                    found[f"{key}.{inner}"] = item
        else:
            found[key] = value
    return found


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}
