"""What a plan changes, for the report: scenarios side by side, what each part contributes, money, unused capacity, and
what targets need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from waitlist.calendar import next_march_end
from waitlist.outputs import charts, sentences
from waitlist.outputs import words as say
from waitlist.outputs.needs import by_target, goal, needs
from waitlist.outputs.parts import Figure, Table
from waitlist.plan import BASE, CARRY_ON
from waitlist.results import ALL, Result

COMPARED = ("waiting_list", "percent_within_18_weeks", "over_18_weeks", "over_52_weeks", "over_65_weeks")
DRAWN = {
    "waiting_list": "People waiting",
    "percent_within_18_weeks": "% within 18 weeks",
    "over_52_weeks": "People over 52 weeks",
}
MONEY = ("stops", "funded_stops", "income", "marginal_cost", "scheme_cost", "net")
INTERACTION = "interaction"
LEAST_UNUSED = 1.0
"""Stops in a month below which unused capacity is rounding."""
MOST_CHARTED = 12
"""Specialties in the chart of what a target needs, those that need most."""


@dataclass(frozen=True)
class Compared:
    """Each part's tables and figures; empty where the plan does not ask for it."""

    scenarios: list[Table] = field(default_factory=list)
    lines: list[Figure] = field(default_factory=list)
    falls: list[Figure] = field(default_factory=list)
    money: list[Table] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    remarks: Sequence[str] = ()
    needs: list[str] = field(default_factory=list)
    needed: list[Table] = field(default_factory=list)
    extras: list[Figure] = field(default_factory=list)


def compared(result: Result, providers: Sequence[str]) -> Compared:
    """All of it for ``providers`` (ALL first), from the tables of ``result``."""
    found = Compared(remarks=result.remarks)
    if result.scenarios is not None and result.waterfall is not None and result.stages is not None:
        whole = result.scenarios[result.scenarios["specialty"] == ALL]
        found.scenarios.extend(_scenario_table(result, whole, code, day) for day in _days(result) for code in providers)
        found.lines.extend(_line(whole, measure, unit) for measure, unit in DRAWN.items())
        found.falls.extend(_falls(result))
        found.unused.extend(unused(result))
    if result.money is not None:
        found.money.append(_money(result))
    if result.capacity is not None:
        found.needs.extend(needs(result.capacity, result.provider_names, result.specialty_names))
        for place, rows in enumerate(by_target(result.capacity)):
            found.needed.append(_needed(result, rows))
            found.extras.extend(_extras(result, rows, place))
    return found


def scenario_name(name: str) -> str:
    """A scenario as a reader knows it."""
    return {CARRY_ON: "Nothing planned", BASE: "The plan"}.get(name, name)


def _days(result: Result) -> list[date]:
    """The next 31 March and the end of the forecast, where they are two."""
    end = sentences.horizon_end(result)
    return list(dict.fromkeys([min(next_march_end(result.snapshot), end), end]))


def _scenario_table(result: Result, whole: pd.DataFrame, code: str, day: date) -> Table:
    rows = whole[(whole["provider"] == code) & (whole["month_end"].astype(str).str[:10] == day.isoformat())]
    names = list(dict.fromkeys(rows["scenario"]))
    mean = rows.set_index(["scenario", "measure"])
    columns = ["Scenario"]
    for measure in COMPARED:
        columns += [say.MEASURES[measure], "against the plan"]
    lines = []
    for name in names:
        cells = [scenario_name(name)]
        for measure in COMPARED:
            row = mean.loc[(name, measure)]
            cells.append(say.figure(measure, row["mean"]))
            cells.append(say.NONE if name == BASE else _signed(measure, row["difference_from_base"]))
        lines.append(cells)
    return Table(
        f"Scenarios at {say.day(day)}, means: {say.provider_name(code, result.provider_names)}", columns, lines
    )


def _signed(measure: str, value: float) -> str:
    if measure.startswith("percent"):
        text = say.decimal(value)
        return text if text == say.NONE else f"{'+' if value > 0 and text != '0.0' else ''}{text} points"
    text = say.count(value)
    return f"+{text}" if value > 0 and text not in ("0", say.NONE) else text


def _line(whole: pd.DataFrame, measure: str, unit: str) -> Figure:
    rows = whole[(whole["provider"] == ALL) & (whole["measure"] == measure)].dropna(subset=["mean"])
    rows = rows.assign(month_end=rows["month_end"].astype(str).str[:10], scenario=rows["scenario"].map(scenario_name))
    names = list(dict.fromkeys(rows["scenario"]))
    band = rows.loc[rows["scenario"] == scenario_name(BASE), ["month_end", "p10", "p90"]]
    wide = rows.pivot(index="month_end", columns="scenario", values="mean")[names]
    table = [
        [say.month(end), *(say.figure(measure, value) for value in values)]
        for end, *values in wide.itertuples(name=None)
    ]
    title = f"{say.MEASURES[measure]} by scenario: All providers"
    last = [f"{name} {say.figure(measure, wide[name].iloc[-1])}" for name in names]
    about = f"At {say.month(wide.index[-1])}: {'; '.join(last)}. The table has every figure."
    drawn = charts.scenarios(rows[["scenario", "month_end", "mean"]], band, unit)
    svg = charts.draw(drawn, f"scenarios-{measure}", title, about)
    return Figure(title, svg, "scenarios", Table(title, ["End of", *names], table))


def _falls(result: Result) -> list[Figure]:
    """What each part contributes by the end of the forecast: of the plan in all of DRAWN, of scenarios in the list."""
    assert result.waterfall is not None  # noqa: S101 - asked only where there is one
    whole = result.waterfall
    whole = whole[(whole["provider"] == ALL) & (whole["specialty"] == ALL)]
    end = sentences.horizon_end(result).isoformat()
    whole = whole[whole["month_end"].astype(str).str[:10] == end]
    found: list[Figure] = []
    for name in dict.fromkeys(whole["scenario"]):
        for measure, unit in DRAWN.items():
            rows = whole[(whole["scenario"] == name) & (whole["measure"] == measure)]
            if len(rows) and (name == CARRY_ON or measure == "waiting_list"):
                found.append(_fall(rows, name, measure, unit, end, f"fall-{len(found)}"))
    return found


def _fall(rows: pd.DataFrame, name: str, measure: str, unit: str, end: str, key: str) -> Figure:
    value = dict(zip(rows["step"], rows["contribution"], strict=True))
    first, last = value.pop("base"), value.pop("scenario")
    names = (scenario_name(BASE), scenario_name(name))
    title = f"From the plan to '{name}' at {say.day(end)}: {say.MEASURES[measure]}"
    if name == CARRY_ON:  # told the other way round: what the plan's own parts do
        first, last, value = last, first, {step: -change for step, change in value.items()}
        names = (names[1], names[0])
        title = f"What each part of the plan contributes at {say.day(end)}: {say.MEASURES[measure]}"
    words = {INTERACTION: "What they do to each other", "demand": "Demand", "working days": "Working days"}
    words |= {"planned activity": "Planned activity", "order of treatment": "Order of treatment"}
    steps, at = [(names[0], first, first, "whole", say.figure(measure, first))], first
    for step, change in value.items():
        kind = "up" if change > 0 else "down"
        steps.append((words.get(str(step), str(step)), at, at + change, kind, _signed(measure, change)))
        at += change
    steps.append((names[1], last, last, "whole", say.figure(measure, last)))
    low = min(min(b, e) for _, b, e, *_ in steps)
    high = max(max(b, e) for _, b, e, *_ in steps)
    floor = max(0.0, low - 0.15 * max(high - low, 1e-9))
    frame = pd.DataFrame(steps, columns=["step", "begins", "ends", "kind", "label"])
    frame.loc[frame["kind"] == "whole", "begins"] = floor
    frame = frame.assign(place=range(len(frame)), right=frame[["begins", "ends"]].max(axis=1))
    about = "; ".join(f"{row[0]} {row[4]}" for row in steps) + ". The table has every figure."
    svg = charts.draw(charts.waterfall(frame, unit), key, title, about)
    return Figure(title, svg, "waterfall", Table(title, ["Step", say.MEASURES[measure]], [[r[0], r[4]] for r in steps]))


def unused(result: Result) -> list[str]:
    """Planned capacity that found nobody to treat, a sentence for each list and stage of the plan."""
    if result.stages is None:
        return []
    rows = result.stages[(result.stages["provider"] != ALL) & (result.stages["specialty"] != ALL)]
    total = rows[rows["scenario"] == BASE].groupby(["provider", "specialty", "stage"])[["stops", "unused_stops"]].sum()
    found = total[total["unused_stops"] >= LEAST_UNUSED].sort_values("unused_stops", ascending=False).reset_index()
    return [
        f"{say.provider_name(row['provider'], result.provider_names)}, "
        f"{say.specialty_name(row['specialty'], result.specialty_names)}: {say.count(row['unused_stops'])} of "
        f"{say.count(row['unused_stops'] + row['stops'])} stops planned "
        f"{'in theatres' if row['stage'] == 'admission' else 'at clinics'} found nobody waiting, on average over draws."
        for row in found.to_dict("records")
    ]


def _money(result: Result) -> Table:
    assert result.money is not None  # noqa: S101 - asked only where there is one
    rows = result.money
    rows = rows[(rows["provider"] == ALL) & (rows["specialty"] == ALL) & (rows["stage"] == ALL)]
    year = rows["month_end"].astype(str).map(_financial_year)
    total = rows.groupby(["scenario", year], sort=False)[list(MONEY)].sum().reset_index()
    lines = [
        [
            f"{scenario_name(row['scenario'])}, {row['month_end']}",
            *(say.count(row[column]) for column in ("stops", "funded_stops")),
            *(pounds(row[column]) for column in ("income", "marginal_cost", "scheme_cost", "net")),
        ]
        for row in total.to_dict("records")
    ]
    columns = ["Scenario and year", "Stops", "Funded", "Income above it", "Marginal cost", "Cost of schemes", "Net"]
    return Table("Money by financial year, months of the forecast only", columns, lines)


def pounds(value: float) -> str:
    """Pounds in thousands: ``£1,234k``."""
    text = say.count(value / 1000)
    return text if text == say.NONE else f"−£{text[1:]}k" if text.startswith("−") else f"£{text}k"


def _financial_year(day: str) -> str:
    year, number = int(day[:4]), int(day[5:7])
    first = year if number >= 4 else year - 1
    return f"{first}/{(first + 1) % 100:02d}"


def _needed(result: Result, rows: pd.DataFrame) -> Table:
    whole = rows.iloc[-1]
    lines = [
        [
            f"{say.provider_name(row['provider'], result.provider_names)}, "
            f"{say.specialty_name(row['specialty'], result.specialty_names)}",
            {"outpatient": "Clinics", "admission": "Theatres"}.get(row["stage"], "Both"),
            *(say.decimal(row[column]) for column in ("current_per_week", "required_per_week", "extra_per_week")),
        ]
        for row in rows.to_dict("records")
        if row["extra_per_week"] >= 0.05 or row["stage"] == ALL == row["specialty"]
    ]
    caption = f"Activity a week for {goal(whole['target'])} by {say.day(whole['date'])}: {_of(result, whole)}"
    return Table(caption, ["List", "Where", "Now", "Needed", "More"], lines)


def _of(result: Result, whole: pd.Series) -> str:  # type: ignore[type-arg]
    if whole["specialty"] == ALL:
        return say.provider_name(whole["provider"], result.provider_names)
    names = (result.provider_names, result.specialty_names)
    return f"{say.provider_name(whole['provider'], names[0])}, {say.specialty_name(whole['specialty'], names[1])}"


def _extras(result: Result, rows: pd.DataFrame, place: int) -> list[Figure]:
    """The chart of one target's extra activity by list; none where it is about one list, or needs nothing."""
    own = rows[(rows["specialty"] != ALL) & (rows["stage"] != ALL) & (rows["extra_per_week"] >= 0.05)]
    many = own["provider"].nunique() > 1
    named = own.assign(
        name=[
            f"{row['provider'] + ', ' if many else ''}{say.specialty_name(row['specialty'], result.specialty_names)}"
            for row in own.to_dict("records")
        ]
    )
    total = named.groupby("name")["extra_per_week"].sum().sort_values(ascending=False)[:MOST_CHARTED]
    if len(total) < 2:
        return []
    clinics, theatres = (
        named[named["stage"] == stage].groupby("name")["extra_per_week"].sum().reindex(total.index, fill_value=0.0)
        for stage in ("outpatient", "admission")
    )
    bars = pd.concat(
        [
            pd.DataFrame({"begins": 0.0, "ends": theatres, "theatres": True}),
            pd.DataFrame({"begins": theatres, "ends": theatres + clinics, "theatres": False}),
        ]
    ).reset_index(names="name")
    bars["place"] = bars["name"].map({name: i for i, name in enumerate(total.index)})
    whole = rows.iloc[-1]
    title = f"More stops a week for {goal(whole['target'])} by {say.day(whole['date'])}: {_of(result, whole)}"
    about = "; ".join(f"{name} {say.decimal(value)}" for name, value in total.items()) + "."
    lines = [[name, *map(say.decimal, (clinics[name], theatres[name], total[name]))] for name in total.index]
    svg = charts.draw(charts.extras(bars), f"extras-{place}", title, about)
    return [Figure(title, svg, "extras", Table(title, ["List", "Clinics", "Theatres", "Both"], lines))]
