"""The figures against the standards of the year: each met, missed and by how much, or not judged and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from waitlist.calendar import month_of
from waitlist.models.submission.figures import Figures
from waitlist.planning_year import Part, PlanningYear, Standard

COLUMNS = (
    "org",
    "standard",
    "name",
    "measure",
    "date",
    "judged_month",
    "required",
    "value",
    "unit",
    "verdict",
    "missed_by",
    "why",
    "sure",
    "source",
)

Baselines = Mapping[tuple[str, str, str], float]
"""(organisation, planning reference, month) → % of its list, of each baseline month."""


@dataclass(frozen=True)
class Judgement:
    """One standard of one organisation. value, required and missed_by are people, or % of the list and points."""

    org: str
    standard: Standard
    verdict: str
    why: str = ""
    month: str = ""
    value: float = math.nan
    required: float = math.nan
    unit: str = ""

    @property
    def missed_by(self) -> float:
        """How far off, in ``unit``; NaN where it is met or not judged."""
        return abs(self.value - self.required) if self.verdict == "missed" else math.nan


def judged(figures: Figures, year: PlanningYear, baselines: Baselines) -> list[Judgement]:
    """Every standard of ``year``, of each organisation of its level."""
    found = []
    for item in year.standard:
        if item.level == "national":
            why = "it is England's as a whole, and these figures are not"
            found.append(Judgement("", item, "not judged", why))
            continue
        orgs = (figures.icb,) if item.level == "icb" else figures.providers
        found += [_judged(figures, year, item, org, baselines) for org in orgs]
    return found


def table(judgements: list[Judgement]) -> pd.DataFrame:
    """The judgements as COLUMNS."""
    rows = [
        (
            *(j.org, j.standard.id, j.standard.name, j.standard.measure, j.standard.date.isoformat(), j.month),
            *(j.required, j.value, j.unit, j.verdict, j.missed_by, j.why, j.standard.sure, j.standard.source),
        )
        for j in judgements
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _judged(figures: Figures, year: PlanningYear, item: Standard, org: str, baselines: Baselines) -> Judgement:
    """One standard of one organisation: at its own month and at the year's end, the worse of the two."""
    if not item.measure:
        return Judgement(org, item, "not judged", "it cannot be derived from these inputs")
    months = _months(item.date, year)
    if not months:
        return Judgement(org, item, "not judged", f"it is to be met by {item.date:%B %Y}, after this year")
    found = [_judged_in(figures, year, item, org, baselines, month) for month in months]
    missed = [one for one in found if one.verdict == "missed"]
    return max(missed, key=lambda one: one.missed_by) if missed else found[-1]


def _judged_in(
    figures: Figures, year: PlanningYear, item: Standard, org: str, baselines: Baselines, month: str
) -> Judgement:
    count = figures.at(org, year.line_of(item.measure), month)
    size = figures.at(org, "waiting_list", month)
    if math.isnan(count) or math.isnan(size):
        return Judgement(org, item, "not judged", "the figure is blank", month)
    share = 100 * count / size if size else 0.0
    parts = item.of or (item,)
    people = all(part.form == "absolute" for part in parts)
    required = [_required(part, org, item.measure, size, baselines, people) for part in parts]
    if any(math.isnan(one) for one in required):
        return Judgement(org, item, "not judged", "its baseline month is not known", month)
    value, wanted = (count if people else share), max(required)
    if year.direction_of(item.measure) == "higher":
        met = value > wanted if item.below else value >= wanted
    else:
        met = value < wanted if item.below else value <= wanted
    return Judgement(org, item, "met" if met else "missed", "", month, value, wanted, "people" if people else "%")


def _months(day: date, year: PlanningYear) -> list[str]:
    """The months a standard is judged in: its own, if the year has it, and the year's last; none if it is later."""
    month, last = month_of(day), year.months[-1]
    if month > last:
        return []
    return sorted({month, last}) if month >= year.months[0] else [last]


def _required(part: Part, org: str, ref: str, size: float, baselines: Baselines, people: bool) -> float:
    """What a part of a standard asks for: people, or % of the list."""
    if part.form == "absolute":
        value = part.value or 0.0
        return value if people or not size else 100 * value / size
    if part.form == "share of the list":
        return part.percent or 0.0
    return baselines.get((org, ref, part.baseline or ""), math.nan) + (part.points or 0.0)


def baseline_months(year: PlanningYear) -> list[tuple[str, str]]:
    """(reference, month) of every baseline that a standard of ``year`` looks back to."""
    parts = [(item.measure, part) for item in year.standard for part in (item, *item.of)]
    return sorted({(ref, part.baseline) for ref, part in parts if part.baseline})
