"""What a follow-up says in sentences and signs: where figures stand against plan, why, and how likely they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from waitlist.outputs import words as say
from waitlist.outputs.needs import goal
from waitlist.outputs.parts import lines
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


def icb_first(held: FollowUp) -> tuple[str, ...]:
    """The ICB, then its providers."""
    return (held.orgs[-1], *held.orgs[:-1])


def last_month(held: FollowUp) -> str:
    """The last month that came."""
    return str(held.against["month"].max())


def rows_of(table: pd.DataFrame, **keys: str) -> pd.DataFrame:
    """The rows that have those values."""
    for name, value in keys.items():
        table = table[table[name] == value]
    return table


def month_words(month: str) -> str:
    """A month (YYYY-MM) as it is said."""
    return say.month(f"{month}-01")


def in_short(held: FollowUp, org: str) -> list[str]:
    """Where it stands against plan at the last month, why, and how likely the plan's figures still are."""
    return [
        *(sentence for line in SHORT for sentence in _stands(held, org, line)),
        *_chances(held, org),
        *(_takes(row) for row in lines(whole_needs(held)) if row.provider == org),
    ]


def _stands(held: FollowUp, org: str, line: str) -> Iterator[str]:
    """One line at the last month, in a sentence, with the largest cause where its difference is split."""
    for row in lines(rows_of(held.against, org=org, line=line, month=last_month(held))):
        actual, plan = (say.figure(line, value) for value in (row.actual, row.plan))
        if not math.isfinite(row.difference):
            yield f"{say.MEASURES[line]}: nothing to compare for {month_words(row.month)}."
            continue
        share = "" if line == SHARE or say.is_none(row.percent) else f" ({say.percent(abs(row.percent))})"
        off = f", {_off(line, row.difference)}{share}" if row.difference else ", as planned"
        rated = f": {RATINGS[row.rating][1]}." if row.rating else "."
        cause = _cause(line, split_of(held, org, line, row.month)) if line in SPLIT else ""
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
    rows = {row.line: row for row in lines(rows_of(held.to_go, org=org))}
    said = [
        f"{say.share(rows[line].chance)} for {_aim(line, rows[line].plan)}"
        for line in SHORT
        if line in rows and math.isfinite(rows[line].plan)
    ]
    if not said:
        return []
    month = month_words(str(held.to_go["month"].iloc[0]))
    return [f"The chance of making the plan's figure for {month}: {say.list_join(said)}."]


def _aim(line: str, value: float) -> str:
    """A planned figure as something to be made: ``no more than 2,317 over 52 weeks``."""
    what = {"waiting_list": "waiting", SHARE: "within 18 weeks", "over_52_weeks": "over 52 weeks"}.get(line, line)
    return f"{'at least' if line in HIGH else 'no more than'} {say.figure(line, value)} {what}"


def whole_needs(held: FollowUp) -> pd.DataFrame:
    """What each trust needs for each target, over all its lists and stages."""
    if held.needed is None:
        return pd.DataFrame(columns=["provider"])
    return rows_of(held.needed, specialty=ALL, stage=ALL)


def _takes(row: Any) -> str:
    """The extra activity that a target takes, or that it is out of reach and why."""
    aim = f"{target_words(row.target)} by {say.day(row.date)}"
    if not row.attainable:
        return f"No extra activity makes {aim} {_likely(row.probability)}. {out_of_reach(row)}"
    if round(row.extra_per_week, 1) <= 0:
        return f"To make {aim} {_likely(row.probability)} takes no more clock stops than now."
    return (
        f"To make {aim} {_likely(row.probability)} takes {say.rate(row.extra_per_week)} more clock stops a week than "
        f"the {say.rate(row.current_per_week)} of now."
    )


def out_of_reach(row: Any) -> str:
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


def target_words(label: str) -> str:
    """A target's label, such as ``over_52_weeks <= 2317``, as an aim."""
    parts = label.split(" ")
    return _aim(parts[0], float(parts[2])) if len(parts) == 3 and parts[0] in SHORT else goal(label)


# Plan against actual


def texts_of(line: str, plan: float, actual: float) -> tuple[str, str, str]:
    """Plan, actual and their difference."""
    return say.figure(line, plan), say.figure(line, actual), _signed(line, actual - plan)


def line_name(held: FollowUp, line: str) -> str:
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


def split_of(held: FollowUp, org: str, line: str, month: str) -> dict[str, float]:
    """Plan, steps and actual in whole people that add up; nothing where one of them is not known.

    Each step is rounded up or down, those with the largest remainders up, so that what is shown adds up exactly.
    """
    own = rows_of(held.variance, org=org, measure=line, month=month)
    if own.empty or own["contribution"].isna().any():
        return {}
    split = {str(row.step): float(row.contribution) for row in lines(own)}
    ends = {name: float(round(split.pop(name))) for name in ("plan", "actual")}
    whole = {step: math.floor(value + 1e-6) for step, value in split.items()}
    short = round(ends["actual"] - ends["plan"]) - sum(whole.values())
    for step in sorted(split, key=lambda name: whole[name] - split[name])[: max(short, 0)]:
        whole[step] += 1
    return {"plan": ends["plan"], **{step: float(value) for step, value in whole.items()}, "actual": ends["actual"]}


def step_name(step: str) -> str:
    """A step of a split, as a heading."""
    return step.capitalize()


def split_text(step: str, value: float) -> str:
    """The ends as people, the steps with their sign."""
    return say.count(value) if step in ("plan", "actual") else _signed("", value)


# To year end
