"""Special causes of an XmR chart in words: which runs of months, by which rule, for better or worse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from waitlist.outputs.parts import lines
from waitlist.outputs.submission.follow_words import month_words

SENSES = {"concern": "concern", "improvement": "improvement", "neither": "neither better nor worse"}
RULES = {
    ("outside", 1): "above the upper limit",
    ("outside", -1): "below the lower limit",
    ("shift", 1): "a shift above the mean",
    ("shift", -1): "a shift below the mean",
    ("trend", 1): "a rising trend",
    ("trend", -1): "a falling trend",
}
"""Special causes in words, by rule and by whether they are above the mean, or rising (1)."""


def marked_words(row: Any) -> str:
    """What a point is marked by, in words."""
    if not row.rules:
        return "none" if math.isfinite(row.value) else "not known"
    return f"{SENSES[row.sense]}: {row.rules.replace(',', ', ')}"


def special_causes(frame: pd.DataFrame) -> list[str]:
    """Each run of special cause, a sentence for each sense; that there is none, where there is none."""
    rows = lines(frame)
    found: dict[str, list[str]] = {}
    for rule in ("outside", "shift", "trend"):
        for way, first, last in _runs(rule, rows):
            sense = _sense(rule, way, rows[first : last + 1])
            found.setdefault(sense, []).append(f"{RULES[rule, way]}, {_span(rows[first].month, rows[last].month)}")
    said = [f"Special cause, {SENSES[sense]}: {'; '.join(found[sense])}." for sense in SENSES if sense in found]
    return said or ["No special cause: the values vary as they usually do."]


def _runs(rule: str, rows: Sequence[Any]) -> list[tuple[int, int, int]]:
    """The runs of months marked by ``rule``: which way (1 above or rising, −1), first and last.

    A trend is told by its steps, so that one ends where the way turns: both have the point between them.
    """
    marked = [rule in row.rules.split(",") for row in rows]
    if rule == "trend":
        both = [marked[i] and marked[i + 1] for i in range(len(rows) - 1)]
        ways = [_way(rows[i + 1].value, rows[i].value) * both[i] for i in range(len(both))]
        # A single step between two trends belongs to neither.
        return [(way, first, last + 1) for way, first, last in _alike(ways) if last > first]
    return _alike([_way(row.value, row.mean) * there for row, there in zip(rows, marked, strict=True)])


def _alike(ways: Sequence[int]) -> list[tuple[int, int, int]]:
    """Runs of one way other than 0: the way, first, last."""
    found: list[tuple[int, int, int]] = []
    for at, way in enumerate(ways):
        if way and found and found[-1][0] == way and found[-1][2] == at - 1:
            found[-1] = (way, found[-1][1], at)
        elif way:
            found.append((way, at, at))
    return found


def _way(value: float, than: float) -> int:
    return int(value > than) - int(value < than)


def _sense(rule: str, way: int, rows: Sequence[Any]) -> str:
    """What a run means: as a point says that is marked by this rule first, or by which side of the mean it lies on.

    A trend's first point may be the last of the trend before it, and mean what that one means.
    """
    own = rows[1:] if rule == "trend" else rows
    for row in own:
        if row.rules.split(",")[0] == rule:
            return str(row.sense)
    lies = own[0]
    if lies.sense == "neither" or _way(lies.value, lies.mean) == way:
        return str(lies.sense)
    return "concern" if lies.sense == "improvement" else "improvement"


def _span(first: str, last: str) -> str:
    """Months from one to another."""
    return month_words(first) if first == last else f"{month_words(first)} to {month_words(last)}"


# Why
