"""A submission of local figures that may be shown: small counts suppressed, others rounded, nothing else told."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd

from waitlist.models.submission.disclosure import Sum, protect
from waitlist.models.submission.whole import FLOWS
from waitlist.submission import STOCKS
from waitlist.submitted import Submission

PERIODS = ("q1", "q2", "q3", "q4", "year")
Key = tuple[str, str, str]
"""(organisation, line, month or period)."""
ELSEWHERE = "What was found is in the submission itself, which is not disclosed."


def disclosed(made: Submission) -> Submission:
    """``made`` as it may be shown: figures by the rule (disclosure.protect), checks without what they found.

    Ranges, the record, the commissioner basis and the model's own figures are left out; percentages of standards are
    whole, numbers of people in them by the rule.
    """
    stock = {line for line in made.figures["line"].unique() if line in STOCKS} | {
        metric.ref for metric in made.year.submitted if metric.stock
    }
    values = _values(made, stock)
    shown = protect(values, _sums(made, stock))
    figures, periods = made.figures.copy(), made.periods.copy()
    keys = list(zip(figures["org"], figures["line"], figures["month"], strict=True))
    figures["status"] = ["suppressed" if shown[k] == "*" else s for k, s in zip(keys, figures["status"], strict=True)]
    figures["value"] = [_number(shown[key]) for key in keys]
    figures["model_value"] = math.nan
    for name in PERIODS:
        months = {"q1": 3, "q2": 6, "q3": 9, "q4": 12, "year": 12}
        at = [
            shown[org, line, made.months[months[name]] if line in stock else name]
            for org, line in zip(periods["org"], periods["line"], strict=True)
        ]
        periods[name] = [_number(value) for value in at]
        hidden = [name if value == "*" else "" for value in at]
        periods["suppressed"] = [
            ",".join(filter(None, (old, new))) for old, new in zip(periods["suppressed"], hidden, strict=True)
        ]
    return replace(
        made,
        figures=figures,
        periods=periods,
        commissioner=None,
        ranges=made.ranges.iloc[:0],
        record=made.record.iloc[:0],
        standards=_standards(made.standards),
        checks=_checks(made.checks),
        overrides=made.overrides.assign(model_value=math.nan, value=math.nan, chance=math.nan),
        aid=(),
        disclosed=True,
    )


def _values(made: Submission, stock: set[str]) -> dict[Key, int | None]:
    found: dict[Key, int | None] = {}
    for row in made.figures.itertuples():
        value = float(row.value)  # type: ignore[arg-type]
        found[str(row.org), str(row.line), str(row.month)] = None if math.isnan(value) else int(value)
    for row in made.periods.itertuples():
        if row.line not in stock:
            for name in PERIODS:
                value = float(getattr(row, name))
                found[str(row.org), str(row.line), name] = None if math.isnan(value) else int(value)
    return found


def _sums(made: Submission, stock: set[str]) -> list[Sum]:
    """Every identity by which a reader could work one figure out from others."""
    lines, months = list(made.figures["line"].unique()), made.months
    found = []
    for line in lines:
        times = [m for m in months if line in STOCKS or m != months[0]] + ([] if line in stock else list(PERIODS))
        for when in times:
            found.append(Sum(((made.icb, line, when),), tuple((org, line, when) for org in made.providers)))
        if line in stock:
            continue
        for org in made.orgs:
            for q in range(4):
                parts = tuple((org, line, month) for month in months[1 + 3 * q : 4 + 3 * q])
                found.append(Sum(((org, line, f"q{q + 1}"),), parts))
            found.append(Sum(((org, line, "year"),), tuple((org, line, f"q{q}") for q in range(1, 5))))
    for org in made.orgs:
        for before, month in zip(months, months[1:], strict=False):
            found.append(_r4(org, before, month))
        for month in months:
            parts = ((org, "within_18_weeks", month), (org, "over_18_weeks", month))
            found.append(Sum(((org, "waiting_list", month),), parts))
        for metric in made.year.submitted:
            if metric.of:
                for when in (*months[1:], *PERIODS):
                    found.append(Sum(((org, metric.ref, when),), tuple((org, ref, when) for ref in metric.of)))
    return found


def _r4(org: str, before: str, month: str) -> Sum:
    starts, admitted, non_admitted, removed, came, went, restated = ((org, flow, month) for flow in FLOWS)
    opening, closing = (org, "waiting_list", before), (org, "waiting_list", month)
    return Sum((opening, starts, came, restated), (closing, admitted, non_admitted, removed, went))


def _number(value: int | str | None) -> float:
    return float(value) if isinstance(value, int) else math.nan


def _standards(table: pd.DataFrame) -> pd.DataFrame:
    """Standards with whole percentages, and numbers of people by the rule."""
    found = table.copy()
    people = found["unit"] == "people"
    for column in ("value", "required", "missed_by"):
        found[column] = [
            _number(protect({0: int(v)}, [])[0]) if p and not math.isnan(v) else v if math.isnan(v) else float(round(v))
            for v, p in zip(found[column], people, strict=True)
        ]
    return found


def _checks(table: pd.DataFrame) -> pd.DataFrame:
    """Checks without figures, and without sentences that may hold some."""
    told = table["result"] == "passes"
    return table.assign(figures="", sentence=table["sentence"].where(told, ELSEWHERE)).drop_duplicates()
