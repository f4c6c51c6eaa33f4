"""The plan: what you assume, as frozen settings read from TOML; unknown keys are refused (R14)."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from waitlist import mutual_aid as aid
from waitlist import planned
from waitlist import scenario as scenarios
from waitlist.bands import THRESHOLDS
from waitlist.errors import Problem, Refusal, refuse
from waitlist.plan_words import key_problems, shown
from waitlist.settings import Asked, Code, Day, Growth, Month, Number, Place, Rate, Settings, Text, Weeks, Whole
from waitlist.submission import Override, Ratios, SubmissionSettings, override_problem


class Deadline(Settings):
    """A date by which a cohort is to be treated: those who would be over the threshold then (R10)."""

    threshold_weeks: Weeks = Field(description="weeks waited that nobody should be over")
    date: Day


class Clearance(Settings):
    """When a backlog counts as clear (R9): people, or a share of the list; one of the two."""

    tolerance: Number = Field(default=0.0, ge=0, description="people who may remain over the threshold")
    tolerance_share: Number | None = Field(default=None, ge=0, le=1, description="share of the list that may remain")

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Clearance:
        if self.tolerance_share is not None and "tolerance" in self.model_fields_set:
            raise ValueError("give clearance.tolerance or clearance.tolerance_share, not both")
        return self


class Successor(Settings):
    """A merger: one provider's lists become another's (R3)."""

    from_provider: Code = Field(alias="from")
    to_provider: Code = Field(alias="to")
    date: Day


class PlannedBreak(Settings):
    """A change in what is reported that the plan names, or one it overrules with ``ignore`` (R4)."""

    provider: Code
    specialty: Code = "ALL"
    month: Month
    size: Number | None = Field(
        default=None, ge=-10_000_000, le=10_000_000, description="people by which the list was restated; + is more"
    )
    reason: Text = ""
    ignore: bool = Field(default=False, strict=True)

    @model_validator(mode="after")
    def _ignored_has_no_size(self) -> PlannedBreak:
        if self.ignore and self.size is not None:
            raise ValueError("a [[break]] with ignore = true may not have a size: leave one of the two out")
        return self


class Demand(Settings):
    """Growth of clock starts and what 2020 left behind; a key that would not be used is refused."""

    growth: Literal["fitted", "stated", "population"] = "fitted"
    percent_per_year: Growth = 0.0
    specialty: dict[Code, Growth] = Field(default_factory=dict, description="percent a year by specialty")
    area: Asked | None = Field(default=None, description="code of the area whose population grows")
    referral_rate: dict[str, Rate] = Field(default_factory=dict, description="relative referrals a person by age band")
    scenario: Literal["none", "trend_2019", "suppressed"] = "none"
    reached_by: Day | None = Field(default=None, description="when referrals are back at 2019's trend")
    percent_returning: Number | None = Field(default=None, gt=0, le=100, description="of those missing since 2020")
    over_months: Whole = Field(default=12, ge=1, le=120, description="months over which they come")

    @model_validator(mode="after")
    def _every_key_is_used(self) -> Demand:
        for setting, value, keys in (
            ("growth", "stated", ("percent_per_year", "specialty")),
            ("growth", "population", ("area", "referral_rate")),
            ("scenario", "trend_2019", ("reached_by",)),
            ("scenario", "suppressed", ("percent_returning", "over_months")),
        ):
            chosen = getattr(self, setting)
            given = " and ".join(f"demand.{key}" for key in keys if key in self.model_fields_set)
            if given and chosen != value:
                raise ValueError(
                    f'{given} would not be used while demand.{setting} is "{chosen}": write {setting} = "{value}"'
                )
        return self

    @model_validator(mode="after")
    def _scenarios_are_whole(self) -> Demand:
        for scenario, key in (("trend_2019", "reached_by"), ("suppressed", "percent_returning")):
            if self.scenario == scenario and key not in self.model_fields_set:
                raise ValueError(f'demand.scenario = "{scenario}" needs demand.{key}')
        if self.scenario == "trend_2019" and self.growth != "fitted":
            raise ValueError('demand.scenario = "trend_2019" is a growth of its own: write growth = "fitted"')
        return self


class Plan(Settings):
    """Everything that one forecast assumes. ``Plan.load`` reads it from a TOML file."""

    name: Annotated[Asked, Field(description="the report's title")]
    inputs: Place
    history: Annotated[tuple[Place, ...], Field(description="files or folders of a longer past; optional")] = ()
    providers: Annotated[tuple[Asked, ...], Field(min_length=1)] | Literal["all"] = "all"
    specialties: Annotated[tuple[Asked, ...], Field(min_length=1)] | Literal["all"] = "all"
    min_list: Whole = Field(default=0, ge=0, description="people on a provider's whole list at the origin")
    horizon_months: Whole = Field(default=36, ge=1, le=120)
    draws: Whole = Field(default=500, ge=1, le=10_000)
    seed: Whole = Field(default=1, ge=0, le=2**32 - 1)
    thresholds_weeks: tuple[Weeks, ...] = Field(default=THRESHOLDS, min_length=1)
    deadline: tuple[Deadline, ...] = ()
    clearance: Clearance = Clearance()
    successor: tuple[Successor, ...] = ()
    breaks: tuple[PlannedBreak, ...] = Field(default=(), alias="break")
    demand: Demand = Demand()
    order: planned.Order = planned.Order()
    activity: tuple[planned.Activity, ...] = ()
    scheme: tuple[planned.Scheme, ...] = ()
    strike: tuple[planned.Strike, ...] = ()
    clinic: tuple[planned.Clinic, ...] = ()
    theatre: tuple[planned.Theatre, ...] = ()
    price: tuple[planned.Price, ...] = ()
    funded: tuple[planned.Funded, ...] = ()
    target: tuple[planned.Target, ...] = ()
    limit: tuple[planned.Limit, ...] = ()
    capacity: planned.Solver = planned.Solver()
    scenario: tuple[scenarios.Scenario, ...] = ()
    transfer: tuple[aid.Transfer, ...] = ()
    hub: tuple[aid.Hub, ...] = ()
    mutual_aid: aid.MutualAid | None = None
    submission: SubmissionSettings | None = None
    override: tuple[Override, ...] = ()

    @model_validator(mode="after")
    def _thresholds_are_the_standard_ones(self) -> Plan:
        unknown = [str(t) for t in self.thresholds_weeks if t not in THRESHOLDS]
        if unknown:
            standard = ", ".join(map(str, THRESHOLDS))
            raise ValueError(f"thresholds_weeks may hold {standard} (R1), not {', '.join(unknown)}")
        return self

    @model_validator(mode="after")
    def _nothing_is_there_twice(self) -> Plan:
        for week in _repeated(self.thresholds_weeks):
            raise ValueError(f"thresholds_weeks may hold {week} once")
        for weeks, day in _repeated([(item.threshold_weeks, item.date) for item in self.deadline]):
            raise ValueError(f"there may be one [[deadline]] of {weeks} weeks on {day}")
        for provider, specialty, month in _repeated([(b.provider, b.specialty, b.month) for b in self.breaks]):
            raise ValueError(f"there may be one [[break]] of {provider}, {specialty} in {month}")
        return self

    @model_validator(mode="after")
    def _what_is_planned_can_be_done(self) -> Plan:
        for code in _repeated([item.code for item in self.hub]):
            raise ValueError(f'there may be one [[hub]] with the code "{code}"')
        for what in ("scheme", "scenario", "clinic", "theatre"):
            for name in _repeated([item.name for item in getattr(self, what)]):
                raise ValueError(f'there may be one [[{what}]] named "{name}"')
        for name in _repeated([item.name for item in self.resources]):
            raise ValueError(f'a [[clinic]] and a [[theatre]] may not both be named "{name}"')
        wrong = scenarios.name_problem([item.name for item in (*self.scheme, *self.resources)])
        wrong = wrong or scenarios.scenario_problem(self.scenario, (CARRY_ON, BASE), [*map(named, _changeable(self))])
        wrong = wrong or scenarios.overlap_problem(self.activity)
        wrong = wrong or scenarios.size_problem(self.scheme, self.resources)
        wrong = wrong or aid.transfer_problem(self.transfer) or override_problem(self.override)
        if self.override and self.submission is None:
            wrong = wrong or "an [[override]] is of a submission: add a table [submission]"
        if wrong:
            raise ValueError(wrong)
        return self

    @model_validator(mode="after")
    def _mergers_lead_somewhere(self) -> Plan:
        heirs = {item.from_provider: item.to_provider for item in self.successor}
        if len(heirs) < len(self.successor):
            raise ValueError("a provider may have one [[successor]]")
        for first in heirs:
            provider = first
            for _ in heirs:
                provider = heirs.get(provider, provider)
            if provider in heirs:
                raise ValueError(f"the [[successor]] of {first} leads in a circle")
        return self

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file and folder that a command reads or keeps for the plan: none of them is ever replaced."""
        aid = () if self.mutual_aid is None else (*self.mutual_aid.coordinates, self.mutual_aid.travel)
        submission = () if self.submission is None else self.submission.files
        return (self.inputs, *self.history, *(path for path in aid if path is not None), *submission)

    @property
    def hub_codes(self) -> frozenset[str]:
        """The codes of the hubs."""
        return frozenset(hub.code for hub in self.hub)

    @property
    def resources(self) -> tuple[planned.Clinic | planned.Theatre, ...]:
        """Clinics and theatres."""
        return (*self.clinic, *self.theatre)

    def resource_of(self, scheme: planned.Scheme) -> planned.Clinic | planned.Theatre:
        """The clinic or theatre that ``scheme`` uses, which has one."""
        return next(item for item in self.resources if item.name == scheme.resource)

    def stage_of(self, scheme: planned.Scheme) -> str:
        """The stage whose stops ``scheme`` changes: its resource's, where it has one."""
        if scheme.resource is None:
            return scheme.stage
        return "admission" if isinstance(self.resource_of(scheme), planned.Theatre) else "outpatient"

    @classmethod
    def load(cls, path: str | Path, **changes: Any) -> Plan:
        """Read the plan in ``path``; ``changes`` (draws, seed, inputs, history …) replace its keys.

        Paths in a plan are relative to its file. Where ``inputs`` is replaced and a path of the plan's history
        is not there, it is looked for where it lies from the plan's own inputs, seen from the new ones. Raises
        Refusal naming every key that is wrong.
        """
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8-sig")
            keys = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise refuse(path.name, "", "", f"the plan is not valid TOML: {error}", "Mend that line.") from None
        except UnicodeDecodeError:
            raise refuse(path.name, "", "", "the plan is not UTF-8 text", "Save it as UTF-8.") from None
        except OSError as error:
            raise refuse(str(path), "", "", f"the plan cannot be read: {error.strerror}", "Check the path.") from None
        except (RecursionError, ValueError):  # nested without end, or a number of thousands of digits
            raise refuse(path.name, "", "", "the plan is not TOML that can be read", "Mend the plan.") from None
        paths = {"mutual_aid": ("coordinates", "travel"), "submission": ("supplementary", "template", "mapping")}
        for table, names in ((keys, ("inputs", "history")), *((keys.get(key), names) for key, names in paths.items())):
            if isinstance(table, dict):
                table |= {key: _from_here(table[key], path.parent) for key in names if key in table}
        own = keys.get("inputs")
        keys |= {key: value for key, value in changes.items() if value is not None}
        try:
            plan = cls.model_validate(keys)
        except ValidationError as error:
            raise Refusal(key_problems(path.name, error, _known_keys())) from None
        for scenario in plan.scenario:
            try:
                variant(plan, scenario.name)
            except ValidationError as error:
                raise Refusal(key_problems(f'{path.name}, scenario "{scenario.name}"', error, _known_keys())) from None
        if isinstance(own, Path) and changes.get("inputs") and not changes.get("history"):
            plan = plan.model_copy(update={"history": tuple(_beside(p, own, plan.inputs) for p in plan.history)})
        return plan


def targets_of(texts: Sequence[str], probability: float) -> tuple[planned.Target, ...]:
    """The targets typed on a command line. Raises Refusal naming each that is none."""
    found, problems = [], []
    for text in texts:
        try:
            found.append(planned.target_of(text, probability))
        except ValidationError as error:
            problems += [replace(item, value=shown(text)) for item in key_problems("--target", error, _known_keys())]
        except ValueError as error:
            problems.append(Problem("error", "--target", "", shown(text), str(error), _LIKE))
    if problems:
        raise Refusal(problems)
    return tuple(found)


_LIKE = "Write it like percent_within_18_weeks,65,2026-03-31,R1H,110."
CARRY_ON, BASE = "carry_on", "base"
"""The scenarios that every plan has: nothing planned, and the plan itself."""
PLANNED = ("activity", "scheme", "strike", "clinic", "theatre", "transfer")


def variant(plan: Plan, name: str) -> Plan:
    """The plan as the scenario ``name`` has it: entries of the same name replaced, others added.

    A [[strike]] is known by its staff group, an [[activity]] by the stops it replaces, a [[transfer]] by whom it moves
    where. Raises pydantic's ValidationError where the two together make no plan.
    """
    if name == BASE:
        return plan
    if name == CARRY_ON:
        keys = dict.fromkeys(("demand", "order", *PLANNED))
        return plan.model_copy(update={key: type(plan).model_fields[key].default for key in keys})
    change = next(item for item in plan.scenario if item.name == name)
    found = variant(plan, change.base)
    update: dict[str, Any] = {"order": change.order or found.order}
    if change.demand is not None:
        update["demand"] = Demand.model_validate(found.demand.model_dump(exclude_unset=True) | change.demand)
    for key in PLANNED:
        new = getattr(change, key)
        taken = {named(item) for item in new} | set(change.off)
        kept = [item for item in getattr(found, key) if named(item) not in taken]
        update[key] = (*kept, *new)
    update["scheme"] = tuple(s.model_copy(update={"on": s.on or s.name in change.on}) for s in update["scheme"])
    return type(plan).model_validate(dict(found) | update | {"scenario": ()})


def _changeable(plan: Plan) -> list[Any]:
    """Everything planned that a scenario may change by its name."""
    return [item for key in PLANNED if key not in ("activity", "transfer") for item in getattr(plan, key)]


def named(item: Any) -> Any:
    """What a scenario knows an entry by."""
    if isinstance(item, planned.Activity):
        return (item.provider, item.specialty, item.stage)
    if isinstance(item, aid.Transfer):
        return aid.ways_of(item)
    return item.staff_group if isinstance(item, planned.Strike) else item.name


def _from_here(value: Any, folder: Path) -> Any:
    """A path of a plan, or a list of them, as seen from its ``folder``; anything else as it is, to be refused."""
    if isinstance(value, list):
        return [item if isinstance(item, list) else _from_here(item, folder) for item in value]
    return folder / value if isinstance(value, str) and value.strip() else value


def _beside(place: Path, own: Path, new: Path) -> Path:
    """``place``, or where it is not there the same place as seen from ``new`` and not from ``own``, if that is."""
    there = Path(os.path.normpath(new / os.path.relpath(place, own)))
    return there if there.exists() and not place.exists() else place


def _repeated(values: Sequence[Any]) -> list[Any]:
    """What is in ``values`` more than once."""
    return [value for value in dict.fromkeys(values) if values.count(value) > 1]


def _known_keys() -> list[str]:
    models: tuple[type[BaseModel], ...] = (Plan, Deadline, Clearance, Successor, PlannedBreak, Demand)
    models += (planned.Order, planned.Activity, planned.Scheme, planned.Strike, planned.Clinic, planned.Theatre)
    models += (planned.Price, planned.Funded, planned.Target, planned.Limit, planned.Solver, scenarios.Scenario)
    models += (aid.Transfer, aid.Hub, aid.MutualAid, aid.Give, aid.Limit)
    models += (aid.Exclude, aid.Near, SubmissionSettings, Ratios, Override)
    return [field.alias or name for model in models for name, field in model.model_fields.items()]
