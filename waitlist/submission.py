"""What a plan says of its trajectory submission: the year, whose it is, ratios, files of its own, and overrides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from waitlist.calendar import months_after
from waitlist.planned import Percent
from waitlist.settings import Asked, Code, Month, Number, Place, Settings, Text, Whole

STOCKS = (
    "waiting_list",
    "within_18_weeks",
    "over_18_weeks",
    "over_52_weeks",
    "over_65_weeks",
    "over_78_weeks",
    "over_104_weeks",
)
"""Figures of a month's end that an override may name."""
FLOWS = ("clock_starts", "stops_admitted", "stops_non_admitted")
"""Figures of a month that an override may name, beside references that the plan's ratios or files give."""

R4_FLOWS = (
    "clock_starts",
    "stops_admitted",
    "stops_non_admitted",
    "other_removals",
    "transfers_in",
    "transfers_out",
    "restatement",
)
"""Every flow between one list and the next (R4)."""
R4_SIGNS = (1, -1, -1, -1, 1, -1, 1)
"""What each of them does to the list."""

REGISTER = "outputs/register.sqlite"
"""Where versions are kept when the plan says nothing, in the workspace."""
Ratio = Annotated[Number, Field(ge=0, le=20)]


class Ratios(Settings):
    """How hospital activity follows from pathways; fitted where a supplementary file gives the activity."""

    first_outpatient_per_non_admitted_stop: Ratio | None = None
    follow_up_per_non_admitted_stop: Ratio | None = None
    admissions_per_admitted_stop: Ratio | None = None
    day_case_share: Annotated[Number, Field(ge=0, le=1)] | None = Field(
        default=None, description="of elective admissions"
    )


class SubmissionSettings(Settings):
    """The trajectory submission of a planning year."""

    year: Annotated[Text, Field(max_length=20, description="planning year, such as 2025-26")]
    icb: Code = Field(description="code of the integrated care board")
    icb_name: Asked | None = None
    region: Code = Field(default="", description="code of the NHS region", min_length=0)
    basis: Literal["provider", "commissioner"] = "provider"
    author: Asked | None = Field(default=None, description="who answers for it; the user's own name without it")
    ratios: Ratios = Ratios()
    supplementary: tuple[Place, ...] = Field(default=(), description="CSV: provider, month, planning_ref, value")
    template: Place | None = Field(default=None, description="an organisation's own workbook, to be filled")
    mapping: Place | None = Field(default=None, description="TOML that says which cells of the template hold what")
    register_: Asked | None = Field(
        default=None,
        alias="register",
        description="file, or URL of a shared database; outputs/register.sqlite without it",
    )
    strike_percent_lost: Percent = Field(
        default=0.0, description="of a day's stops lost to a strike of one staff group"
    )
    metric: tuple[dict[str, Any], ...] = Field(default=(), description="keys of the year's metrics, by ref")
    standard: tuple[dict[str, Any], ...] = Field(default=(), description="keys of the year's standards, by id")

    @model_validator(mode="after")
    def _a_template_has_a_mapping(self) -> SubmissionSettings:
        if (self.template is None) != (self.mapping is None):
            raise ValueError("submission.template and submission.mapping go together")
        return self

    @property
    def where_registered(self) -> str:
        """Where versions are kept: a file, or the URL of a database."""
        return self.register_ or REGISTER

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read or kept for it."""
        named = (*self.supplementary, self.template, self.mapping)
        register = () if "://" in self.where_registered else (Path(self.where_registered),)
        return (*(path for path in named if path is not None), *register)


class Override(Settings):
    """A planner's figure in place of the model's, with the reason and whose it is."""

    measure: Asked = Field(description="a measure such as over_52_weeks, or a planning reference")
    provider: Code
    month: Month
    value: Whole = Field(ge=0, le=100_000_000)
    reason: Annotated[Text, Field(min_length=1)]
    author: Asked
    balance: (
        Literal["waiting_list", "other_removals", "clock_starts", "stops_admitted", "stops_non_admitted"] | None
    ) = Field(default=None, description="what takes up the difference: a flow's the list, a list's other removals")

    @model_validator(mode="after")
    def _balanced_by_something_else(self) -> Override:
        if self.balance is None:
            return self
        allowed = {"waiting_list": ("other_removals", *FLOWS)} | dict.fromkeys(
            FLOWS, ("waiting_list", "other_removals")
        )
        if self.balance not in allowed.get(self.measure, ()):
            may = ", ".join(allowed.get(self.measure, ())) or "nothing: leave balance out"
            raise ValueError(f"an override of {self.measure} may be balanced by {may}")
        return self


def override_problem(overrides: Sequence[Override]) -> str:
    """What is wrong with several overrides together; nothing if all is well."""
    seen = set()
    for item in overrides:
        key = (item.measure, item.provider, item.month)
        if key in seen:
            return f"there may be one [[override]] of {item.measure} of {item.provider} in {item.month}"
        seen.add(key)
    for item in overrides:
        if (item.measure, item.balance or "") in {("waiting_list", flow) for flow in FLOWS}:
            for other in overrides:
                months = (item.month, months_after(item.month, 1))
                if (other.provider, other.measure) == (item.provider, item.balance) and other.month in months:
                    return (
                        f"the [[override]] of {item.provider}'s waiting list in {item.month} is balanced by "
                        f"{item.balance}, which another overrules in {other.month}: only one of the two can hold"
                    )
        if item.measure == "within_18_weeks" and ("over_18_weeks", item.provider, item.month) in seen:
            return f"{item.provider}'s within_18_weeks and over_18_weeks in {item.month} are one figure: overrule one"
    return ""
