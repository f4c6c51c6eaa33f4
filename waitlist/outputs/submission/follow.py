"""follow_up.html: a submission held against what came, as one self-contained page; the same in a terminal's table."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from waitlist.outputs import charts
from waitlist.outputs import words as say
from waitlist.outputs.needs import goal
from waitlist.outputs.parts import Figure, Table, lines
from waitlist.outputs.submission import follow_charts
from waitlist.outputs.submission.printed import WIDTH, grid
from waitlist.results import ALL
from waitlist.submitted import FollowUp

SHORT = ("waiting_list", "percent_within_18_weeks", "over_52_weeks")
"""The lines that are told first."""
SPLIT = ("waiting_list", "over_52_weeks")
"""The lines whose difference is split."""
SHARE = "percent_within_18_weeks"
HIGH = ("within_18_weeks", SHARE)
"""The lines of which a plan wants so many or more."""
RATINGS = {"green": ("●", "Green"), "amber": ("▲", "Amber"), "red": ("■", "Red"), "": ("", "not rated")}
"""Each rating's sign and word."""
UNITS = {
    "waiting_list": "People waiting",
    SHARE: "% within 18 weeks",
    "over_52_weeks": "People over 52 weeks",
    "clock_starts": "Clock starts a month",
    "stops_admitted": "Admitted stops a month",
    "stops_non_admitted": "Non-admitted stops a month",
}
"""The title of a chart's axis."""
STEPS = {
    "demand": (
        "clock starts more or fewer than planned. Nobody who joined within a year can be over 52 weeks",
        "more clock starts than planned",
        "fewer clock starts than planned",
    ),
    "activity": (
        "clock stops (people treated) more or fewer than planned, apart from working days",
        "fewer clock stops than planned",
        "more clock stops than planned",
    ),
    "working days": (
        "the stops that more or fewer working days account for",
        "fewer working days than planned",
        "more working days than planned",
    ),
    "other removals": (
        "people who left without treatment, less those who came back. Of those over 52 weeks it is what is left over",
        "fewer other removals than planned",
        "more other removals than planned",
    ),
    "transfers": (
        "people moved between trusts, other than planned",
        "more people moved in, or fewer out, than planned",
        "more people moved out, or fewer in, than planned",
    ),
    "data changes": (
        "changes in what is reported, and of the figures that the plan began with",
        "changes in what is reported",
        "changes in what is reported",
    ),
}
"""Each step: what it is, and what it means where it adds people and where it takes them off."""
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
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("waitlist.outputs"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("follow_up.html.j2").render(
        held=held,
        say=say,
        ratings=RATINGS,
        last=_month(_last(held)),
        end=_month(str(held.to_go["month"].iloc[0])) if len(held.to_go) else "",
        parts=[_part(held, org) for org in _orgs(held)],
        steps=[(step.capitalize(), words[0]) for step, words in STEPS.items()],
        needed=_needed(held),
        breaks=_breaks(held),
        warnings=_warnings(held),
    )


def terminal(held: FollowUp) -> str:
    """The last month of each organisation, why the ICB differs from plan, and the chances at the year's end."""
    last = _last(held)
    title = (
        f"{held.plan.name}: {held.version}, planned from {say.day(held.planned_from)}, against what came to "
        f"{say.day(held.snapshot)}"
    )
    against = [
        [row.org, say.MEASURES[row.line], *_texts(row.line, row.plan, row.actual), RATINGS[row.rating][1]]
        for org in _orgs(held)
        for line in SHORT
        for row in lines(_of(held.against, org=org, line=line, month=last))
    ]
    columns = ["", _month(last), "Plan", "Actual", "Difference", "Rating"]
    found = [textwrap.fill(title, WIDTH), grid(columns, against)]
    split = {line: _split(held, held.orgs[-1], line, last) for line in SPLIT}
    known = [line for line in SPLIT if split[line]]
    if known:
        names = list(split[known[0]])
        rows = [[_step_name(name), *(_split_text(name, split[line][name]) for line in known)] for name in names]
        columns = [f"Why: {held.orgs[-1]}", *(say.MEASURES[line] for line in known)]
        found.append(grid(columns, rows))
    if len(held.to_go):
        rows = [
            [org, say.MEASURES[line], *(say.figure(line, v) for v in (row.plan, row.p50)), say.share(row.chance)]
            for org in _orgs(held)
            for line in SHORT
            for row in lines(_of(held.to_go, org=org, line=line))
        ]
        found.append(grid(["", _month(str(held.to_go["month"].iloc[0])), "Plan", "Middle (50th)", "Chance"], rows))
    return "\n\n".join(found)


def _orgs(held: FollowUp) -> tuple[str, ...]:
    """The ICB, then its providers."""
    return (held.orgs[-1], *held.orgs[:-1])


def _last(held: FollowUp) -> str:
    """The last month that came."""
    return str(held.against["month"].max())


def _of(table: pd.DataFrame, **keys: str) -> pd.DataFrame:
    """The rows that have those values."""
    for name, value in keys.items():
        table = table[table[name] == value]
    return table


def _month(month: str) -> str:
    return say.month(f"{month}-01")


def _part(held: FollowUp, org: str) -> Part:
    name = say.provider_name(org, held.names)
    place = held.orgs.index(org)  # a code may hold what an id may not
    return Part(
        anchor=f"org-{place}",
        name=name,
        short=_short(held, org),
        rated=_rated(held, org, name),
        control=[
            _control(frame, str(line), name, f"xmr-{place}-{line}")
            for line, frame in _of(held.control, org=org).groupby("line", sort=False)
        ],
        why=[_why(held, org, line, name, f"why-{place}-{line}") for line in SPLIT],
        to_go=_to_go(held, org, name),
    )


# In short


def _short(held: FollowUp, org: str) -> list[str]:
    """Where it stands against plan at the last month, why, and how likely the plan's figures still are."""
    return [
        *(sentence for line in SHORT for sentence in _stands(held, org, line)),
        *_chances(held, org),
        *(_takes(row) for row in lines(_whole_needs(held)) if row.provider == org),
    ]


def _stands(held: FollowUp, org: str, line: str) -> Iterator[str]:
    """One line at the last month, in a sentence, with the largest cause where its difference is split."""
    for row in lines(_of(held.against, org=org, line=line, month=_last(held))):
        actual, plan = (say.figure(line, value) for value in (row.actual, row.plan))
        if not math.isfinite(row.difference):
            yield f"{say.MEASURES[line]}: nothing to compare for {_month(row.month)}."
            continue
        share = "" if line == SHARE or say.is_none(row.percent) else f" ({say.percent(abs(row.percent))})"
        off = f", {_off(line, row.difference)}{share}" if row.difference else ", as planned"
        rated = f": {RATINGS[row.rating][1]}." if row.rating else "."
        cause = _cause(line, _split(held, org, line, row.month)) if line in SPLIT else ""
        yield f"{say.MEASURES[line]}: {actual} against {plan} planned{off}{rated}{cause}"


def _off(line: str, difference: float) -> str:
    """How far from plan, in words: ``8,757 more``."""
    if line != SHARE:
        return f"{say.count(abs(difference))} {'more' if difference > 0 else 'fewer'}"
    return f"{_points(difference)} points {'higher' if difference > 0 else 'lower'}"


def _points(difference: float) -> str:
    """Percentage points without a sign; of less than 0.1 enough to see that it is not nothing."""
    size = abs(difference)
    return f"{size:.1g}" if 0 < size < 0.05 else say.decimal(size)


def _cause(line: str, split: dict[str, float]) -> str:
    """The step that did most towards the difference, and the one that did most against it."""
    off = split.get("actual", 0.0) - split.get("plan", 0.0)
    if not off:
        return ""
    towards = {step: value * off for step, value in split.items() if step not in ("plan", "actual")}
    first, second = max(towards, key=lambda step: towards[step]), min(towards, key=lambda step: towards[step])
    found = f" The largest cause is {_cause_words(line, first, split[first])}"
    if towards[second] < 0:
        found += f"; the largest the other way is {_cause_words(line, second, split[second])}"
    return f"{found}."


def _cause_words(line: str, step: str, value: float) -> str:
    words = STEPS.get(step, ("", step, step))[1 if value > 0 else 2]
    rest = ", or what else is left over" if (line, step) == ("over_52_weeks", "other removals") else ""
    return f"{words}{rest} ({_signed('', value)})"


def _chances(held: FollowUp, org: str) -> list[str]:
    """The chance of the plan's figures of the year's last month, in one sentence; none where the year is over."""
    rows = {row.line: row for row in lines(_of(held.to_go, org=org))}
    said = [
        f"{say.share(rows[line].chance)} for {_aim(line, rows[line].plan)}"
        for line in SHORT
        if line in rows and math.isfinite(rows[line].plan)
    ]
    if not said:
        return []
    month = _month(str(held.to_go["month"].iloc[0]))
    return [f"The chance of making the plan's figure for {month}: {say.list_join(said)}."]


def _aim(line: str, value: float) -> str:
    """A planned figure as something to be made: ``no more than 2,317 over 52 weeks``."""
    what = {"waiting_list": "waiting", SHARE: "within 18 weeks", "over_52_weeks": "over 52 weeks"}.get(line, line)
    return f"{'at least' if line in HIGH else 'no more than'} {say.figure(line, value)} {what}"


def _whole_needs(held: FollowUp) -> pd.DataFrame:
    """What each trust needs for each target, over all its lists and stages."""
    if held.needed is None:
        return pd.DataFrame(columns=["provider"])
    return _of(held.needed, specialty=ALL, stage=ALL)


def _takes(row: Any) -> str:
    """The extra activity that a target takes, or that it is out of reach and why."""
    aim = f"{_target(row.target)} by {say.day(row.date)}"
    if not row.attainable:
        return f"No extra activity makes {aim} {_likely(row.probability)}. {_out_of_reach(row)}"
    if round(row.extra_per_week, 1) <= 0:
        return f"To make {aim} {_likely(row.probability)} takes no more clock stops than now."
    return (
        f"To make {aim} {_likely(row.probability)} takes {say.rate(row.extra_per_week)} more clock stops a week than "
        f"the {say.rate(row.current_per_week)} of now."
    )


def _out_of_reach(row: Any) -> str:
    """How near a target comes, what limits it, and when it would be met."""
    line = str(row.target).split(" ", maxsplit=1)[0]
    found = [] if say.is_none(row.best_attainable) else [f"The best is {say.figure(line, row.best_attainable)}."]
    if row.binding_limit:
        found.append(f"What limits it: {row.binding_limit}.")
    if row.attainable_by:
        found.append(f"With that activity going on it would be by {say.day(row.attainable_by)}.")
    return " ".join(found)


def _likely(probability: float) -> str:
    return "as likely as not" if probability == 0.5 else f"{say.share(probability)} likely"


def _target(label: str) -> str:
    """A target's label, such as ``over_52_weeks <= 2317``, as an aim."""
    parts = label.split(" ")
    return _aim(parts[0], float(parts[2])) if len(parts) == 3 and parts[0] in SHORT else goal(label)


# Plan against actual


def _rated(held: FollowUp, org: str, name: str) -> Rated:
    own = _of(held.against, org=org)
    months = sorted(own["month"].unique())
    rows = [
        (_line_name(held, str(line)), [_cell(row) for row in lines(frame.sort_values("month"))])
        for line, frame in own.groupby("line", sort=False)
    ]
    return Rated(f"Plan against actual: {name}", ["", *map(_month, months)], rows)


def _cell(row: Any) -> Cell:
    plan, actual, difference = _texts(row.line, row.plan, row.actual)
    return Cell(actual, plan, difference, row.rating)


def _texts(line: str, plan: float, actual: float) -> tuple[str, str, str]:
    """Plan, actual and their difference."""
    return say.figure(line, plan), say.figure(line, actual), _signed(line, actual - plan)


def _line_name(held: FollowUp, line: str) -> str:
    """A line in words, with the planning reference that it answers."""
    refs = {metric.given_by: metric.ref for metric in held.year.submitted}
    return f"{say.MEASURES.get(line, line)} ({refs[line]})" if line in refs else say.MEASURES.get(line, line)


def _signed(line: str, value: float) -> str:
    """A difference with its sign; of a percentage, in points."""
    if not math.isfinite(value):
        return say.NONE
    if line == SHARE:
        return f"{'+' if value > 0 else '−' if value < 0 else ''}{_points(value)} points"
    text = say.count(value)
    return f"+{text}" if value > 0 and text != "0" else text


# XmR charts


def _control(frame: pd.DataFrame, line: str, name: str, key: str) -> Charted:
    """One line's chart with its special causes in words."""
    title = f"{say.MEASURES.get(line, line)}: {name}"
    first = lines(frame)[0]
    limits = "Too few neighbouring months are known for limits."
    if math.isfinite(first.low):
        low, mean, high = (say.figure(line, value) for value in (first.low, first.mean, first.high))
        limits = f"Mean {mean}, limits {low} and {high}."
    said = [*_causes(frame), limits]
    svg = charts.draw(follow_charts.control(frame, UNITS.get(line, "")), key, title, " ".join(said))
    rows = [[_month(row.month), say.figure(line, row.value), _marked(row)] for row in lines(frame)]
    table = Table(f"XmR chart: {title}", ["Month", "Value", "Special cause"], rows)
    return Charted(Figure(title, svg, "xmr", table), said, bool((frame["sense"] == "neither").any()))


def _marked(row: Any) -> str:
    """What a point is marked by, in words."""
    if not row.rules:
        return "none" if math.isfinite(row.value) else "not known"
    return f"{SENSES[row.sense]}: {row.rules.replace(',', ', ')}"


def _causes(frame: pd.DataFrame) -> list[str]:
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
    return _month(first) if first == last else f"{_month(first)} to {_month(last)}"


# Why


def _why(held: FollowUp, org: str, line: str, name: str, key: str) -> Charted:
    """The split of the last month as a waterfall, with the table of all months."""
    last, what = _last(held), say.MEASURES[line]
    title = f"{what}, {_month(last)}: {name}"
    months = sorted(_of(held.variance, org=org, measure=line)["month"].unique())
    splits = {month: _split(held, org, line, month) for month in months}
    names = list(next((split for split in splits.values() if split), {}))
    rows = [
        [_month(month), *(_split_text(step, split.get(step, math.nan)) for step in names)]
        for month, split in splits.items()
    ]
    table = Table(f"From plan to actual by month, {what}: {name}", ["Month", *map(_step_name, names)], rows)
    split = splits.get(last)
    if not split:
        return Charted(Figure(title, Markup(""), "waterfall", table), ["Plan or actual of that month are not known."])
    steps = [(_step_name(s), v, _split_text(s, v)) for s, v in split.items() if s not in ("plan", "actual")]
    drawing = follow_charts.fall(("Plan", split["plan"]), steps, ("Actual", split["actual"]))
    about = "; ".join(f"{_step_name(step)} {_split_text(step, value)}" for step, value in split.items())
    svg = charts.draw(drawing, key, title, f"{about}. The table has every month.")
    return Charted(Figure(title, svg, "waterfall", table), [])


def _split(held: FollowUp, org: str, line: str, month: str) -> dict[str, float]:
    """Plan, steps and actual in whole people that add up; nothing where one of them is not known.

    Each step is rounded up or down, those with the largest remainders up, so that what is shown adds up exactly.
    """
    own = _of(held.variance, org=org, measure=line, month=month)
    if own.empty or own["contribution"].isna().any():
        return {}
    split = {str(row.step): float(row.contribution) for row in lines(own)}
    ends = {name: float(round(split.pop(name))) for name in ("plan", "actual")}
    whole = {step: math.floor(value + 1e-6) for step, value in split.items()}
    short = round(ends["actual"] - ends["plan"]) - sum(whole.values())
    for step in sorted(split, key=lambda name: whole[name] - split[name])[: max(short, 0)]:
        whole[step] += 1
    return {"plan": ends["plan"], **{step: float(value) for step, value in whole.items()}, "actual": ends["actual"]}


def _step_name(step: str) -> str:
    return step.capitalize()


def _split_text(step: str, value: float) -> str:
    """The ends as people, the steps with their sign."""
    return say.count(value) if step in ("plan", "actual") else _signed("", value)


# To year end


def _to_go(held: FollowUp, org: str, name: str) -> Table:
    rows = [
        [
            _line_name(held, row.line),
            *(say.figure(row.line, value) for value in (row.plan, row.p10, row.p50, row.p90)),
            say.share(row.chance),
        ]
        for row in lines(_of(held.to_go, org=org))
    ]
    columns = ["Line", "Plan", "10th percentile", "Middle (50th)", "90th percentile", "Chance of the plan's or better"]
    return Table(f"Year end: {name}", columns, rows)


def _needed(held: FollowUp) -> Table:
    """What each trust needs, a row for each target."""
    rows = [
        [
            say.provider_name(row.provider, held.names),
            f"{_target(row.target)} by {say.short_day(row.date)}",
            say.share(row.probability),
            say.rate(row.current_per_week),
            _more(row),
            "yes" if row.attainable else f"no. {_out_of_reach(row)}",
        ]
        for row in lines(_whole_needs(held))
    ]
    columns = ["Trust", "The plan's figure", "Chance sought", "Stops a week now", "More a week", "Attainable"]
    return Table("The extra clock stops a week that would make the plan's figure as likely as not", columns, rows)


def _more(row: Any) -> str:
    return say.rate(row.extra_per_week) if row.attainable else "not attainable"


# What this rests on


def _breaks(held: FollowUp) -> Table:
    rows = [
        [
            say.provider_name(found.provider, held.names),
            say.specialty_name(found.specialty, {}),
            _month(found.month),
            found.kind.replace("_", " "),
            say.count(found.size) if found.size else say.NONE,
            found.reason,
            found.source,
        ]
        for found in held.breaks
    ]
    columns = ["Provider", "Specialty", "From", "Kind", "People", "Reason", "Source"]
    return Table("Changes in what is reported, kept out of every rate", columns, rows)


def _warnings(held: FollowUp) -> Table:
    rows = [[p.file, p.place, p.value, p.rule, p.remedy] for p in held.warnings]
    return Table("Problems to look at", ["File", "Place", "Found", "Rule", "What to do"], rows)
