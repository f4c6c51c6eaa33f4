"""The board pack's charts and tables: the past, the plan and 80% of the draws, each chart with a table of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from waitlist.calendar import month_end, month_of, months_after
from waitlist.outputs import words as say
from waitlist.outputs.charts import CONFIG, DARK, GREY, INK, LIGHT, Drawing
from waitlist.outputs.parts import Table, lines
from waitlist.outputs.submission.pack_words import (
    POSITION,
    SUPPRESSED,
    Numbers,
    last_day,
    missed_by,
    month_name,
    standard_name,
)
from waitlist.submitted import Submission

PAST = 24
"""Months before the snapshot, its own included, that a chart shows."""
CHARTED = {"waiting_list": "People waiting", "over_52_weeks": "People over 52 weeks"}
"""The lines that are drawn, with what they show."""
HEADS = {
    "waiting_list": "Waiting",
    "within_18_weeks": "Within 18 weeks",
    "percent_within_18_weeks": "Within 18 weeks, %",
    "over_52_weeks": "Over 52 weeks",
    "over_65_weeks": "Over 65 weeks",
    "clock_starts": "Clock starts",
    "stops_admitted": "Stops, admitted",
    "stops_non_admitted": "Stops, non-admitted",
}
"""The lines that tables show, with their heads."""
BY_MONTH = tuple(line for line in HEADS if line != "within_18_weeks")
TRAJECTORY = ("waiting_list", "percent_within_18_weeks", "over_52_weeks")
KEY = "Solid line: observed. Dashed line: the plan. Shaded: where 80% of the draws lie."
"""How the lines and the band are told apart, in words."""


@dataclass(frozen=True)
class Chart:
    """A chart, what it shows in words, and the table that says the same of the year."""

    key: str
    title: str
    about: str
    drawing: Drawing
    table: Table


def charts_of(numbers: Numbers, org: str, key: str) -> tuple[Chart, ...]:
    """The charts of an organisation; none in a disclosed submission, whose past and ranges are not shown."""
    if numbers.made.disclosed:
        return ()
    return tuple(_chart(numbers, org, line, f"{key}-{line.replace('_', '-')}") for line in CHARTED)


def _chart(numbers: Numbers, org: str, line: str, key: str) -> Chart:
    made = numbers.made
    title = f"{CHARTED[line]}{numbers.mark(line)}: {numbers.name(org)}"
    last = made.year.months[-1]
    held = numbers.range(org, line, last)
    between = f", 80% of draws between {held[0]} and {held[1]}" if held else ""
    about = (
        f"The {PAST} months to {month_name(month_of(made.snapshot))}, then the plan: "
        f"{numbers.text((org, line, 'year'))} at {last_day(last)}{between}. The table has the year's figures."
    )
    return Chart(key, title, about, _drawing(made, org, line), _table(numbers, org, line, title))


def _drawing(made: Submission, org: str, line: str) -> Drawing:
    past = _past(made, org, line)
    of_line = made.figures[(made.figures["org"] == org) & (made.figures["line"] == line)]
    ahead = of_line[of_line["month"] > month_of(made.snapshot)].dropna(subset=["value"])
    plan = pd.DataFrame({"month_end": _ends(ahead["month"]), "value": ahead["value"].to_list()})
    table = made.ranges[(made.ranges["org"] == org) & (made.ranges["measure"] == line)]
    band = pd.DataFrame(
        {"month_end": _ends(table["month"]), "p10": table["p10"].to_list(), "p90": table["p90"].to_list()}
    )
    seen = past.dropna(subset=["value"])
    if len(seen) and _follows(seen["month_end"].iloc[-1], plan):  # the plan goes on from the last observed month
        now, value = seen["month_end"].iloc[-1], seen["value"].iloc[-1]
        plan = pd.concat([pd.DataFrame({"month_end": [now], "value": [value]}), plan])
        band = pd.concat([pd.DataFrame({"month_end": [now], "p10": [value], "p90": [value]}), band])
    return Drawing(_shape(), {"past": past, "plan": plan, "band": band})


def _past(made: Submission, org: str, line: str) -> pd.DataFrame:
    """The months to the snapshot, None where nothing was reported, so that no line bridges it."""
    snapshot = month_of(made.snapshot)
    months = [months_after(snapshot, -back) for back in range(PAST - 1, -1, -1)]
    known = made.record[(made.record["org"] == org) & (made.record["measure"] == line)].set_index("month")["value"]
    values = [
        float(known[month]) if month in known.index and known[month] == known[month] else None for month in months
    ]
    return pd.DataFrame({"month_end": [str(month_end(month)) for month in months], "value": values}, dtype=object)


def _ends(months: Any) -> list[str]:
    return [str(month_end(str(month))) for month in months]


def _follows(now: str, plan: pd.DataFrame) -> bool:
    return len(plan) > 0 and bool(plan["month_end"].iloc[0] == str(month_end(months_after(now[:7], 1))))


@cache
def _shape() -> dict[str, Any]:
    x = alt.X("month_end:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(format="%b %y", tickCount=5))

    def y(field: str) -> alt.Y:
        axis = alt.Axis(format=",~f", tickCount=4)
        return alt.Y(f"{field}:Q", title=None, scale=alt.Scale(zero=False, nice=True), axis=axis)

    band = alt.Chart(alt.NamedData("band")).mark_area(color=LIGHT, stroke=GREY, strokeWidth=0.6)
    plan = alt.Chart(alt.NamedData("plan")).mark_line(color=DARK, strokeDash=[6, 3], strokeWidth=2.5)
    past = alt.Chart(alt.NamedData("past")).mark_line(color=INK, strokeWidth=2.5)
    layers = alt.layer(
        band.encode(x=x, y=y("p10"), y2="p90"), plan.encode(x=x, y=y("value")), past.encode(x=x, y=y("value"))
    )
    return {**layers.properties(width=410, height=165).to_dict(validate=False), "config": CONFIG}


def png(drawing: Drawing) -> bytes:
    """The chart as a picture for a document."""
    data = {name: frame.to_dict(orient="records") for name, frame in drawing.data.items()}
    config = {**drawing.chart["config"], "background": "white"}
    return bytes(vl_convert.vegalite_to_png({**drawing.chart, "config": config, "datasets": data}, scale=2))


def _table(numbers: Numbers, org: str, line: str, title: str) -> Table:
    """The year's months side by side: the figure, and the draws' 10th and 90th percentile."""
    made = numbers.made
    columns = ["End of", *(f"{say.as_date(f'{month}-01'):%b %y}" for month in made.months)]
    whens = ["opening", *made.year.months]
    ranges = [numbers.range(org, line, month) or (say.NONE, say.NONE) for month in made.months]
    rows = [
        ["Figure", *(numbers.text((org, line, when)) for when in whens)],
        ["10th percentile", *(low for low, _ in ranges)],
        ["90th percentile", *(high for _, high in ranges)],
    ]
    return Table(f"{title}{_observed(made)}", columns, rows)


def _observed(made: Submission) -> str:
    """Until when figures were observed, for a caption."""
    until = month_of(made.snapshot)
    return f", observed to {month_name(until)}" if until >= made.months[0] else ""


def past_table(numbers: Numbers) -> Table | None:
    """The observed months that the charts show, of every organisation."""
    made = numbers.made
    if made.disclosed or made.record.empty:
        return None
    pasts = {(org, line): _past(made, org, line) for org in made.orgs for line in CHARTED}
    columns = ["End of", *(f"{org}: {CHARTED[line].lower()}{numbers.mark(line)}" for org, line in pasts)]
    first = next(iter(pasts.values()))
    rows = [
        [say.month(end), *(say.count(frame["value"].iloc[place]) for frame in pasts.values())]
        for place, end in enumerate(first["month_end"])
    ]
    return Table("The observed months behind the charts", columns, rows)


def position(numbers: Numbers) -> Table:
    """Each organisation at the snapshot."""
    made = numbers.made
    rows = [[numbers.name(org), *(_now(numbers, org, line) for line in POSITION)] for org in made.orgs]
    return Table(f"Position at {say.day(made.snapshot)}", ["Trust", *_heads(numbers, POSITION)], rows)


def _now(numbers: Numbers, org: str, line: str) -> str:
    if numbers.snapshot_column:
        return numbers.text((org, line, numbers.snapshot_column))
    found = numbers.now(org, line)
    return found.text if found else say.NONE


def _heads(numbers: Numbers, of: Sequence[str]) -> list[str]:
    return [f"{HEADS[line]}{numbers.mark(line)}" for line in of]


def quarters(numbers: Numbers, org: str) -> Table:
    """What is watched at each quarter's end, and the draws of the last."""
    months = numbers.made.year.months
    ends = (numbers.made.months[0], *months[2::3])
    whens = ("opening", "q1", "q2", "q3", "q4")
    rows = [
        [head, *(numbers.text((org, line, when)) for when in whens), _between(numbers, org, line)]
        for line, head in zip(TRAJECTORY, _heads(numbers, TRAJECTORY), strict=True)
    ]
    columns = ["People", *map(last_day, ends), "80% of draws"]
    return _without_blanks(Table(f"Trajectory at each quarter's end: {numbers.name(org)}", columns, rows))


def year_ends(numbers: Numbers) -> Table:
    """Where each organisation ends the year, and the draws."""
    lists, within, over = _heads(numbers, TRAJECTORY)
    rows = [
        [
            numbers.name(org),
            numbers.text((org, "waiting_list", "year")),
            _between(numbers, org, "waiting_list"),
            numbers.text((org, "percent_within_18_weeks", "year")),
            numbers.text((org, "over_52_weeks", "year")),
            _between(numbers, org, "over_52_weeks"),
        ]
        for org in numbers.made.orgs
    ]
    columns = ["Trust", lists, "80% of draws", within, over, f"80% of draws, {over[:1].lower()}{over[1:]}"]
    return _without_blanks(Table(f"Where the year ends, {last_day(numbers.made.months[-1])}", columns, rows))


def _without_blanks(table: Table) -> Table:
    """The table without columns in which nothing is known, such as the draws of a disclosed submission."""
    keep = [place for place, cells in enumerate(zip(*table.rows, strict=True)) if set(cells) != {say.NONE}]
    return Table(table.caption, [table.columns[k] for k in keep], [[row[k] for k in keep] for row in table.rows])


def _between(numbers: Numbers, org: str, line: str) -> str:
    held = numbers.range(org, line, numbers.made.months[-1])
    return f"{held[0]}\u00a0to\u00a0{held[1]}" if held else say.NONE


def by_month(numbers: Numbers, org: str) -> Table:
    """An organisation's year by month."""
    rows = [
        [
            month_name(month).replace(" ", "\u00a0"),
            *(numbers.text((org, line, month if place else "opening")) for line in BY_MONTH),
        ]
        for place, month in enumerate(numbers.made.months)
    ]
    title = f"Trajectory by month: {numbers.name(org)}{_observed(numbers.made)}"
    return Table(title, ["Month", *_heads(numbers, BY_MONTH)], rows)


def standards(numbers: Numbers, org: str) -> Table:
    """An organisation's standards: what is asked, what is planned, and whether that is enough."""
    made = numbers.made
    rows = []
    for row in lines(made.standards[made.standards["org"] == org]):
        hidden = SUPPRESSED if made.disclosed and row.verdict in ("met", "missed") else say.NONE
        asked, value = (
            hidden if say.is_none(v) else _amount(v, row.unit, made.disclosed) for v in (row.required, row.value)
        )
        off = missed_by(row, made.disclosed)
        result = f"not judged: {row.why}" if row.why else f"{row.verdict} by {off}" if off else row.verdict
        rows.append([standard_name(row), say.short_day(row.date), asked, value, result])
    columns = ["Standard", "By", "Asked for", "In the plan", "Result"]
    return Table(f"Standards: {numbers.name(org)}", columns, rows)


def _amount(value: float, unit: str, disclosed: bool) -> str:
    if unit == "people":
        return say.count(value)
    return f"{value:.0f}%" if disclosed else say.percent(value)


def overrides(numbers: Numbers) -> tuple[Table, ...]:
    """The figures that planners put in place of the model's; no table where there are none."""
    made = numbers.made
    if not len(made.overrides):
        return ()
    hide = SUPPRESSED if made.disclosed else say.NONE
    rows = [
        [
            numbers.name(row.provider),
            numbers.line(row.measure),
            month_name(row.month),
            *(hide if say.is_none(value) else say.count(value) for value in (row.value, row.model_value)),
            hide if say.is_none(row.chance) else say.share(row.chance),
            row.reason,
            row.author,
        ]
        for row in lines(made.overrides)
    ]
    columns = ["Trust", "Figure", "Month", "Plan", "Model", "Draws as good", "Reason", "Author"]
    return (Table("Figures that planners changed", columns, rows),)
