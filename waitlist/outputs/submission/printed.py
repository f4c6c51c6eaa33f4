"""A submission in a terminal: where the year ends, what the checks found, and what two versions differ in."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd

from waitlist.outputs import words as say
from waitlist.outputs.parts import lines
from waitlist.outputs.submission.follow_words import (
    RATINGS,
    SHORT,
    SPLIT,
    icb_first,
    last_month,
    month_words,
    rows_of,
    split_of,
    split_text,
    step_name,
    texts_of,
)
from waitlist.submitted import FollowUp, Submission

SHOWN = ("waiting_list", "within_18_weeks", "over_52_weeks", "over_65_weeks")
MOST = 12
"""Findings that are printed; the checks' own table has all."""
WIDTH = 100


def submission(made: Submission) -> str:
    """The year's last month by organisation, beside the last before the year; then the checks that do not pass."""
    first, last = made.months[0], made.months[-1]
    title = f"{made.plan.name}: {made.year.title}, {made.version_words()}. Provider basis"
    rows = [_row(made, org, month) for org in made.orgs for month in (first, last)]
    columns = ["", "Month", "Waiting", "Within 18", "%", "Over 52", "Over 65"]
    found = made.checks[made.checks["result"] == "fails"]
    order = {"blocks": 0, "warns": 1, "note": 2}
    found = found.sort_values("severity", key=lambda column: column.map(order), kind="stable")
    lines = [
        textwrap.fill(
            _finding(row),
            WIDTH,
            subsequent_indent="  ",
        )
        for row in found.head(MOST).itertuples()
    ]
    more = len(found) - MOST
    if more > 0:
        lines.append(f"{more} more are in checks.csv and on the workbook's first sheet.")
    passed = int((made.checks["result"] == "passes").sum())
    verdicts = made.standards["verdict"].value_counts()
    said = ", ".join(f"{verdicts.get(name, 0)} {name}" for name in ("met", "missed", "not judged"))
    counts = {kind: len(found[found["severity"] == kind]) for kind in ("blocks", "warns")}
    notes = int((made.checks["result"] == "note").sum())
    told = f"Checks: {passed} pass, {counts['blocks']} findings block, {counts['warns']} warn, {notes} are noted."
    ends = [f"{told} Standards: {said}.", *lines]
    return "\n".join([title, "", grid(columns, rows), "", *ends])


def _finding(row: Any) -> str:
    """A finding in a line: how severe, which check, of whom and when, its figures, and the question."""
    where = " ".join(filter(None, (row.org, row.month)))
    said = f"{row.figures}. {row.sentence}" if row.figures else row.sentence
    return f"{row.severity}: {row.check}{', ' if where else ''}{where}: {said}"


def _row(made: Submission, org: str, month: str) -> list[str]:
    figures = made.figures
    at = figures[(figures["org"] == org) & (figures["month"] == month)].set_index("line")["value"]
    size, within, over_52, over_65 = (float(at.get(name, math.nan)) for name in SHOWN)
    share = 100 * within / size if size else math.nan
    return [
        org,
        say.month(f"{month}-01"),
        *(say.count(value) for value in (size, within)),
        say.percent(share),
        *(say.count(value) for value in (over_52, over_65)),
    ]


def comparison(frame: pd.DataFrame, one: str, other: str) -> str:
    """Every cell that differs between two versions, with its cause."""
    if frame.empty:
        return f"No figure of {one} differs from {other}."
    rows = [
        [
            str(row.org),
            str(row.line),
            str(row.month),
            *map(_count, (row.before, row.after, row.difference)),
            str(row.cause),
        ]
        for row in frame.itertuples()
    ]
    columns = ["", "Figure", "Month", one, other, "Difference", "Cause"]
    return f"{len(frame)} figures of {other} differ from {one}.\n\n{grid(columns, rows)}"


def _count(value: object) -> str:
    number = float(str(value)) if value is not None else math.nan
    return say.count(number)


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Texts in columns: numbers and dashes to the right, words to the left."""
    across = list(zip(columns, *rows, strict=True))
    widths = [max(map(len, column)) for column in across]
    right = [all(cell[:1] in "0123456789−–+" or not cell for cell in column[1:]) for column in across]
    lines = [
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)).rstrip()
        for row in (columns, *rows)
    ]
    return "\n".join(lines)


def follow_up(held: FollowUp) -> str:
    """The last month of each organisation, why the ICB differs from plan, and the chances at the year's end."""
    last = last_month(held)
    title = (
        f"{held.plan.name}: {held.version}, planned from {say.day(held.planned_from)}, against what came to "
        f"{say.day(held.snapshot)}"
    )
    against = [
        [row.org, say.MEASURES[row.line], *texts_of(row.line, row.plan, row.actual), RATINGS[row.rating][1]]
        for org in icb_first(held)
        for line in SHORT
        for row in lines(rows_of(held.against, org=org, line=line, month=last))
    ]
    columns = ["", month_words(last), "Plan", "Actual", "Difference", "Rating"]
    found = [textwrap.fill(title, WIDTH), grid(columns, against)]
    split = {line: split_of(held, held.orgs[-1], line, last) for line in SPLIT}
    known = [line for line in SPLIT if split[line]]
    if known:
        names = list(split[known[0]])
        rows = [[step_name(name), *(split_text(name, split[line][name]) for line in known)] for name in names]
        columns = [f"Why: {held.orgs[-1]}", *(say.MEASURES[line] for line in known)]
        found.append(grid(columns, rows))
    if len(held.to_go):
        rows = [
            [org, say.MEASURES[line], *(say.figure(line, v) for v in (row.plan, row.p50)), say.share(row.chance)]
            for org in icb_first(held)
            for line in SHORT
            for row in lines(rows_of(held.to_go, org=org, line=line))
        ]
        found.append(grid(["", month_words(str(held.to_go["month"].iloc[0])), "Plan", "Middle (50th)", "Chance"], rows))
    return "\n\n".join(found)
