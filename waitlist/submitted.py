"""What a trajectory submission is once made: its figures and all that stands beside them. Tables are tidy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from waitlist.errors import Problem
from waitlist.history import Break, DataFile
from waitlist.plan import Plan
from waitlist.planning_year import PlanningYear
from waitlist.submission import SubmissionSettings

if TYPE_CHECKING:
    import pandas as pd

LAYOUT = (
    "DimDateStart",
    "RegionCode",
    "OrgCode",
    "PlanningRef",
    "MeasureID",
    "MeasureFamily",
    "MeasureSubject",
    "ActivityCategory",
    "MeasureName",
    "MeasureType",
    "MetricType",
    "Value",
)
"""The columns of submission.csv, in order."""
OTHER = "OTHER"
"""Providers outside the plan, on the commissioner basis."""


@dataclass(frozen=True)
class Submission:
    """One submission of a planning year, on the plan's own data and draws.

    months: the one before the year, then its twelve, YYYY-MM. orgs: providers, then the ICB, their sum.

    figures: org, line, month, value, model_value, status, of all months, on the provider basis. A line is a measure
    (waiting_list, over_52_weeks, clock_starts …) or a planning reference that no measure gives. value, and model_value,
    what the model says where a planner overruled it, are whole numbers as floats, NaN for blank. status is opening,
    actual, forecast, derived, supplied, overridden, adjusted, blank or, in a disclosed submission, suppressed (value
    NaN, shown as *).

    periods: org, line, q1, q2, q3, q4, year, suppressed (names of those of the five that are, with commas).
    commissioner: org (providers, OTHER, ICB), line, month, value, ratio (to the provider basis; of OTHER to the
    providers' sum); None where the data have no commissioner of that code. ranges: org, measure, month, p10, p50, p90
    of the months ahead. standards: models.submission.standards.COLUMNS. checks: check, severity, result, org, month,
    figures, sentence. overrides: provider, measure, month, model_value, value, chance (0 to 1, NaN where not forecast),
    balance, reason, author. ratios: provider, ratio, value, source. record: org, measure, month, value: what is known
    of earlier years. changed: what the plan changes of the year's metrics and standards. aid: what transfers do, in
    sentences. number, status, author: of its version; number 0 is none.
    """

    plan: Plan
    snapshot: date
    files: tuple[DataFile, ...]
    breaks: tuple[Break, ...]
    assumptions: tuple[str, ...]
    warnings: tuple[Problem, ...]
    year: PlanningYear
    changed: tuple[str, ...]
    names: Mapping[str, str]
    orgs: tuple[str, ...]
    months: tuple[str, ...]
    figures: pd.DataFrame
    periods: pd.DataFrame
    commissioner: pd.DataFrame | None
    ranges: pd.DataFrame
    standards: pd.DataFrame
    checks: pd.DataFrame
    overrides: pd.DataFrame
    ratios: pd.DataFrame
    record: pd.DataFrame
    aid: tuple[str, ...] = ()
    number: int = 0
    status: str = "draft"
    author: str = ""
    disclosed: bool = False

    @property
    def settings(self) -> SubmissionSettings:
        """The plan's [submission]."""
        assert self.plan.submission is not None  # a submission is never made without it
        return self.plan.submission

    @property
    def icb(self) -> str:
        """The organisation that is the sum of the others."""
        return self.orgs[-1]

    @property
    def providers(self) -> tuple[str, ...]:
        """The organisations that are no sum."""
        return self.orgs[:-1]

    def as_version(self, number: int, status: str) -> Submission:
        """The same figures as a version of that number and status."""
        return replace(self, number=number, status=status)

    def version_words(self) -> str:
        """Which version this is, for a page's head."""
        which = f"version {self.number}, {self.status}" if self.number else f"{self.status}, not registered"
        return f"DRAFT: {which}" if self.status == "draft" else which.capitalize()


@dataclass(frozen=True)
class FollowUp:
    """A version of a submission held against what came. Tables are tidy.

    against: org, line, month, plan, actual, difference, percent (of plan), rating (green, amber, red, or empty where no
    way is better); months with both. control: org, line, month, value, mean, low, high, rules (with commas), sense of
    the XmR chart. variance: org, measure (waiting_list, over_52_weeks), month, step, contribution: plan and actual
    first and last, the steps between add up to their difference. to_go: org, line, month, plan, p10, p50, p90, chance
    of the year's last month. needed: models.targets.COLUMNS, the extra weekly activity by which the plan would be met;
    None where nothing is to be sought. version: which one it is, in words; planned_from, snapshot: the snapshots of the
    plan and of the actuals.
    """

    plan: Plan
    snapshot: date
    planned_from: date
    files: tuple[DataFile, ...]
    breaks: tuple[Break, ...]
    assumptions: tuple[str, ...]
    warnings: tuple[Problem, ...]
    year: PlanningYear
    names: Mapping[str, str]
    orgs: tuple[str, ...]
    version: str
    against: pd.DataFrame
    control: pd.DataFrame
    variance: pd.DataFrame
    to_go: pd.DataFrame
    needed: pd.DataFrame | None

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables written as CSV, by file name without its ending."""
        found = {name: getattr(self, name) for name in ("against", "control", "variance", "to_go")}
        return found if self.needed is None else found | {"needed": self.needed}
