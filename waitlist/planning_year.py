"""A planning year's metrics and standards: one dated file for each year, which a plan may overrule.

A year is added by adding a file to ``planning_years``. What was recalled and not sourced is ``check`` there, and is
said to be so wherever it is shown.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from waitlist.calendar import months_after
from waitlist.errors import Problem, Refusal, refuse
from waitlist.plan_words import key_problems
from waitlist.settings import Asked, Day, Month, Number, Settings, Text

Sure = Literal["sourced", "check"]
Level = Literal["national", "icb", "provider"]
Form = Literal["absolute", "share of the list", "points above baseline", "greater of"]
REFERENCE = r"^(E\.[A-Z]\.\d{1,2}[a-z]?)?$"
"""A planning reference, or none."""
BASES = {
    "waiting_list",
    "within_18_weeks",
    "over_52_weeks",
    "over_65_weeks",
    "over_78_weeks",
    "over_104_weeks",
    "stops_admitted",
    "stops_non_admitted",
    "clock_starts",
}
"""What a metric may be a count of without a ratio: people on lists, starts and stops."""


class Metric(Settings):
    """One figure that a submission holds.

    ref: its planning reference; empty where it has none that is known. numerator, denominator: what is counted, in
    words, and the reference of what it is a share of. given_by: one of BASES, ``ratio`` (derived from pathways by the
    plan's ratios), ``sum`` (of the metrics ``of``), ``supplementary`` (asked for) or ``none`` (these inputs cannot give
    it). stock: counted on a month's last day, rather than over the month.
    """

    ref: Annotated[str, Field(pattern=REFERENCE)]
    name: Asked
    numerator: Asked
    denominator: Annotated[str, Field(pattern=REFERENCE)] = ""
    given_by: Asked
    of: tuple[Asked, ...] = ()
    stock: bool = Field(default=False, strict=True)
    unit: Asked
    direction: Literal["lower", "higher", "neither"]
    levels: tuple[Level, ...] = ("national", "icb", "provider")
    basis: Literal["provider", "commissioner", "either"] = "either"
    family: Asked
    subject: Asked
    category: Asked
    source: Text
    sure: Sure

    @model_validator(mode="after")
    def _given_somehow(self) -> Metric:
        ways = {*BASES, "ratio", "sum", "supplementary", "none"}
        if self.given_by not in ways:
            raise ValueError(f"given_by may be {', '.join(sorted(ways))}, not {self.given_by}")
        if bool(self.of) != (self.given_by == "sum"):
            raise ValueError('of goes with given_by = "sum"')
        return self


class Part(Settings):
    """A standard's requirement, or one of several of which the greater holds."""

    form: Form
    value: Annotated[Number, Field(ge=0, le=100_000_000)] | None = None
    percent: Annotated[Number, Field(ge=0, le=100)] | None = None
    points: Annotated[Number, Field(ge=-100, le=100)] | None = None
    baseline: Month | None = None

    @model_validator(mode="after")
    def _says_how_much(self) -> Part:
        wants = {
            "absolute": ("value",),
            "share of the list": ("percent",),
            "points above baseline": ("points", "baseline"),
            "greater of": (),
        }[self.form]
        given = {key for key in ("value", "percent", "points", "baseline") if getattr(self, key) is not None}
        if given != set(wants):
            raise ValueError(
                f'a standard of the form "{self.form}" has {" and ".join(wants) or "of"}, and nothing else'
            )
        return self


class Standard(Part):
    """What a metric is to be by a date, nationally, or for each ICB or provider.

    measure: the reference of the metric judged, or a measure (over_104_weeks) where the year submits none; empty where
    these inputs cannot give it. In the form ``greater of`` the
    parts stand in ``of``. below: met only by less than the value, not by the value itself.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    name: Asked
    measure: Annotated[Text, Field(max_length=40)]
    level: Level
    date: Day
    of: tuple[Part, ...] = ()
    below: bool = Field(default=False, strict=True)
    source: Text
    sure: Sure

    @model_validator(mode="after")
    def _parts_where_there_are_several(self) -> Standard:
        if bool(self.of) != (self.form == "greater of"):
            raise ValueError('of goes with form = "greater of"')
        if any(part.form == "greater of" for part in self.of):
            raise ValueError('of "greater of", no part is one again')
        return self


class PlanningYear(Settings):
    """A planning year, ``2025-26``: what is submitted, and the standards of its time."""

    year: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    title: Asked
    source: Text
    metric: tuple[Metric, ...]
    standard: tuple[Standard, ...]

    @model_validator(mode="after")
    def _refers_to_what_is_there(self) -> PlanningYear:
        refs = [metric.ref for metric in self.metric if metric.ref]
        if len(set(refs)) < len(refs) or len({item.id for item in self.standard}) < len(self.standard):
            raise ValueError("each reference and each standard's id may be there once")
        given = {metric.ref: metric.given_by for metric in self.metric}
        for metric in self.metric:
            for part in metric.of:
                if given.get(part) not in ("ratio", "supplementary"):
                    raise ValueError(f"{metric.ref} is a sum of {part}, which is not there or no figure of its own")
        for asked in (*(m.denominator for m in self.metric), *(r for m in self.metric for r in m.of)):
            if asked and asked not in refs:
                raise ValueError(f"the reference {asked} is used and not there")
        for item in self.standard:
            if item.measure and item.measure not in refs and item.measure not in BASES:
                raise ValueError(f'the standard "{item.id}" is of {item.measure}, which is not there')
            forms = {part.form for part in (item, *item.of)}
            of_the_list = item.measure in BASES or not item.measure or self._is_of_the_list(item.measure)
            if forms & {"share of the list", "points above baseline"} and not of_the_list:
                raise ValueError(f'the standard "{item.id}" is a share of the list, of which {item.measure} is no part')
        return self

    def _is_of_the_list(self, ref: str) -> bool:
        """Whether a reference counts people who wait."""
        whole = next((metric.ref for metric in self.metric if metric.given_by == "waiting_list"), "")
        return self.metric_of(ref).denominator == whole or ref == whole

    @property
    def months(self) -> tuple[str, ...]:
        """Its twelve months, April first, YYYY-MM."""
        return tuple(months_after(f"{self.year[:4]}-04", ahead) for ahead in range(12))

    def metric_of(self, ref: str) -> Metric:
        """The metric of a reference. Raises KeyError."""
        return {metric.ref: metric for metric in self.metric}[ref]

    def line_of(self, ref: str) -> str:
        """The line of figures that holds a reference's own count: the measure that gives it, or the reference."""
        if ref in BASES:
            return ref
        given = self.metric_of(ref).given_by
        return given if given in BASES else ref

    def direction_of(self, ref: str) -> str:
        """Which way a reference, or a measure, is better."""
        lower = "lower" if ref.startswith(("over_", "waiting")) else "neither"
        return next((m.direction for m in self.metric if ref in (m.ref, m.given_by)), lower)

    @property
    def submitted(self) -> tuple[Metric, ...]:
        """The metrics that have a reference."""
        return tuple(metric for metric in self.metric if metric.ref)


@dataclass(frozen=True)
class InForce:
    """A planning year as a plan has it, and what the plan changed of it, in sentences."""

    year: PlanningYear
    changed: tuple[str, ...]


def years() -> tuple[str, ...]:
    """The planning years there are, in order."""
    names = (place.name for place in files("waitlist").joinpath("planning_years").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def in_force(
    year: str, metrics: Sequence[Mapping[str, Any]] = (), standards: Sequence[Mapping[str, Any]] = ()
) -> InForce:
    """The planning ``year``, with a plan's own ``metrics`` (by ref) and ``standards`` (by id) in place of its keys.

    Raises Refusal where the year is not known, or what the plan changes makes no metric or standard.
    """
    if year not in years():
        rule = f"the planning year must be one of {', '.join(years())}"
        remedy = "Choose one of them; a year is added by adding its file to planning_years."
        raise refuse("the plan", "submission.year", year, rule, remedy)
    text = files("waitlist").joinpath("planning_years", f"{year}.toml").read_text(encoding="utf-8")
    keys = tomllib.loads(text)
    changed = [
        *_overruled(keys["metric"], "ref", "metric", metrics),
        *_overruled(keys["standard"], "id", "standard", standards),
    ]
    try:
        return InForce(PlanningYear.model_validate(keys), tuple(changed))
    except ValidationError as error:
        raise Refusal(key_problems("the plan, submission", error, [])) from None


def _overruled(there: list[dict[str, Any]], key: str, what: str, changes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Put a plan's ``changes`` into ``there``; what they changed, in sentences. A new name is added."""
    said = []
    for change in changes:
        name = change.get(key)
        if not isinstance(name, str) or not name:
            rule = f"a changed {what} is known by its {key}"
            raise Refusal([Problem("error", "the plan", f"submission.{what}", str(name), rule, f"Write its {key}.")])
        old = next((item for item in there if item[key] == name), None)
        if old is None:
            there.append(dict(change))
            said.append(f"The plan adds the {what} {name}.")
            continue
        for field, value in change.items():
            if field != key and old.get(field) != value:
                was = old.get(field, "nothing")
                said.append(f"The plan changes {field} of the {what} {name} from {_shown(was)} to {_shown(value)}.")
        if "form" in change:  # another form has other keys
            for field in ("value", "percent", "points", "baseline", "of"):
                old.pop(field, None)
        if what == "standard" and not {"source", "sure"} & set(change):
            old |= {"source": "the plan", "sure": "sourced"}
        old |= change
    return said


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
