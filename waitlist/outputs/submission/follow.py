"""follow_up.html: a submission held against what came, as one self-contained page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from waitlist.outputs import charts, noted
from waitlist.outputs import words as say
from waitlist.outputs.parts import Figure, Table, lines, template
from waitlist.outputs.submission import follow_charts
from waitlist.outputs.submission.follow_causes import marked_words, special_causes
from waitlist.outputs.submission.follow_words import (
    RATINGS,
    SPLIT,
    STEPS,
    UNITS,
    icb_first,
    in_short,
    last_month,
    line_name,
    month_words,
    out_of_reach,
    rows_of,
    split_of,
    split_text,
    step_name,
    target_words,
    texts_of,
    whole_needs,
)
from waitlist.submitted import FollowUp


@dataclass(frozen=True)
class Cell:
    """Actual, plan, difference and rating of one month, as texts; rating is a key of RATINGS."""

    actual: str
    plan: str
    difference: str
    rating: str


@dataclass(frozen=True)
class Rated:
    """A table of Cells: a row for each line, a column for each month."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]


@dataclass(frozen=True)
class Charted:
    """A chart and what it says in sentences; ``neither`` where a point of it is neither better nor worse."""

    figure: Figure
    said: Sequence[str]
    neither: bool = False


@dataclass(frozen=True)
class Part:
    """One organisation's parts of the page."""

    anchor: str
    name: str
    short: Sequence[str]
    rated: Rated
    control: Sequence[Charted]
    why: Sequence[Charted]
    to_go: Table


def render(held: FollowUp) -> str:
    """The whole page as HTML; every text from the data is escaped."""
    return template("follow_up.html.j2").render(
        held=held,
        say=say,
        ratings=RATINGS,
        last=month_words(last_month(held)),
        end=month_words(str(held.to_go["month"].iloc[0])) if len(held.to_go) else "",
        parts=[_part(held, org) for org in icb_first(held)],
        steps=[(step.capitalize(), words[0]) for step, words in STEPS.items()],
        needed=_needed(held),
        breaks=noted.breaks(held.breaks, held.names, {}),
        warnings=noted.problems(held.warnings),
    )


def _part(held: FollowUp, org: str) -> Part:
    name = say.provider_name(org, held.names)
    place = held.orgs.index(org)  # a code may hold what an id may not
    return Part(
        anchor=f"org-{place}",
        name=name,
        short=in_short(held, org),
        rated=_rated(held, org, name),
        control=[
            _control(frame, str(line), name, f"xmr-{place}-{line}")
            for line, frame in rows_of(held.control, org=org).groupby("line", sort=False)
        ],
        why=[_why(held, org, line, name, f"why-{place}-{line}") for line in SPLIT],
        to_go=_to_go(held, org, name),
    )


# In short


def _rated(held: FollowUp, org: str, name: str) -> Rated:
    own = rows_of(held.against, org=org)
    months = sorted(own["month"].unique())
    rows = [
        (line_name(held, str(line)), [_cell(row) for row in lines(frame.sort_values("month"))])
        for line, frame in own.groupby("line", sort=False)
    ]
    return Rated(f"Plan against actual: {name}", ["", *map(month_words, months)], rows)


def _cell(row: Any) -> Cell:
    plan, actual, difference = texts_of(row.line, row.plan, row.actual)
    return Cell(actual, plan, difference, row.rating)


def _control(frame: pd.DataFrame, line: str, name: str, key: str) -> Charted:
    """One line's chart with its special causes in words."""
    title = f"{say.MEASURES.get(line, line)}: {name}"
    first = lines(frame)[0]
    limits = "Too few neighbouring months are known for limits."
    if math.isfinite(first.low):
        low, mean, high = (say.figure(line, value) for value in (first.low, first.mean, first.high))
        limits = f"Mean {mean}, limits {low} and {high}."
    said = [*special_causes(frame), limits]
    svg = charts.draw(follow_charts.control(frame, UNITS.get(line, "")), key, title, " ".join(said))
    rows = [[month_words(row.month), say.figure(line, row.value), marked_words(row)] for row in lines(frame)]
    table = Table(f"XmR chart: {title}", ["Month", "Value", "Special cause"], rows)
    return Charted(Figure(title, svg, "xmr", table), said, bool((frame["sense"] == "neither").any()))


def _why(held: FollowUp, org: str, line: str, name: str, key: str) -> Charted:
    """The split of the last month as a waterfall, with the table of all months."""
    last, what = last_month(held), say.MEASURES[line]
    title = f"{what}, {month_words(last)}: {name}"
    months = sorted(rows_of(held.variance, org=org, measure=line)["month"].unique())
    splits = {month: split_of(held, org, line, month) for month in months}
    names = list(next((split for split in splits.values() if split), {}))
    rows = [
        [month_words(month), *(split_text(step, split.get(step, math.nan)) for step in names)]
        for month, split in splits.items()
    ]
    table = Table(f"From plan to actual by month, {what}: {name}", ["Month", *map(step_name, names)], rows)
    split = splits.get(last)
    if not split:
        return Charted(Figure(title, Markup(""), "waterfall", table), ["Plan or actual of that month are not known."])
    steps = [(step_name(s), v, split_text(s, v)) for s, v in split.items() if s not in ("plan", "actual")]
    drawing = follow_charts.fall(("Plan", split["plan"]), steps, ("Actual", split["actual"]))
    about = "; ".join(f"{step_name(step)} {split_text(step, value)}" for step, value in split.items())
    svg = charts.draw(drawing, key, title, f"{about}. The table has every month.")
    return Charted(Figure(title, svg, "waterfall", table), [])


def _to_go(held: FollowUp, org: str, name: str) -> Table:
    rows = [
        [
            line_name(held, row.line),
            *(say.figure(row.line, value) for value in (row.plan, row.p10, row.p50, row.p90)),
            say.share(row.chance),
        ]
        for row in lines(rows_of(held.to_go, org=org))
    ]
    columns = ["Line", "Plan", "10th percentile", "Middle (50th)", "90th percentile", "Chance of the plan's or better"]
    return Table(f"Year end: {name}", columns, rows)


def _needed(held: FollowUp) -> Table:
    """What each trust needs, a row for each target."""
    rows = [
        [
            say.provider_name(row.provider, held.names),
            f"{target_words(row.target)} by {say.short_day(row.date)}",
            say.share(row.probability),
            say.rate(row.current_per_week),
            _more(row),
            "yes" if row.attainable else f"no. {out_of_reach(row)}",
        ]
        for row in lines(whole_needs(held))
    ]
    columns = ["Trust", "The plan's figure", "Chance sought", "Stops a week now", "More a week", "Attainable"]
    return Table("The extra clock stops a week that would make the plan's figure as likely as not", columns, rows)


def _more(row: Any) -> str:
    return say.rate(row.extra_per_week) if row.attainable else "not attainable"


# What this rests on
