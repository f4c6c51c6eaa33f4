"""The plan: what you assume, as frozen settings read from TOML; unknown keys are refused (R14)."""

from __future__ import annotations

import difflib
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from waitlist.bands import THRESHOLDS
from waitlist.errors import Problem, Refusal, refuse

Month = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Code = Annotated[str, StringConstraints(min_length=1, max_length=12, pattern=r"^[A-Za-z0-9]+$")]
Asked = Annotated[str, StringConstraints(min_length=1, max_length=120)]
"""A code that is looked up in the data, so that a name typed for it gets the nearest codes."""
Weeks = Annotated[int, Field(ge=1, le=104)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Deadline(_Settings):
    """A date by which a cohort is to be treated: those who would be over the threshold then (R10)."""

    threshold_weeks: Weeks = Field(description="weeks waited that nobody should be over")
    date: date


class Clearance(_Settings):
    """When a backlog counts as clear (R9): people, or a share of the list; one of the two."""

    tolerance: float = Field(default=0.0, ge=0, description="people who may remain over the threshold")
    tolerance_share: float | None = Field(default=None, ge=0, le=1, description="share of the list that may remain")


class Successor(_Settings):
    """A merger: one provider's lists become another's (R3)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    from_provider: Code = Field(alias="from")
    to_provider: Code = Field(alias="to")
    date: date


class PlannedBreak(_Settings):
    """A change in what is reported that the plan names, or one it overrules with ``ignore`` (R4)."""

    provider: Code
    specialty: str = "ALL"
    month: Month
    size: float | None = Field(default=None, description="people by which the list was restated; + is more")
    reason: str = ""
    ignore: bool = False


class Demand(_Settings):
    """Growth of clock starts: as fitted, or a stated % a year, for all or by specialty."""

    growth: Literal["fitted", "stated"] = "fitted"
    percent_per_year: float = Field(default=0.0, ge=-50, le=50)
    specialty: dict[str, float] = Field(default_factory=dict, description="percent a year by specialty")


class Plan(_Settings):
    """Everything that one forecast assumes. ``Plan.load`` reads it from a TOML file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    name: str = Field(min_length=1, max_length=120)
    inputs: Path
    providers: tuple[Asked, ...] | Literal["all"] = "all"
    specialties: tuple[Asked, ...] | Literal["all"] = "all"
    min_list: int = Field(default=0, ge=0, description="people on a provider's whole list at the origin")
    horizon_months: int = Field(default=36, ge=1, le=120)
    draws: int = Field(default=500, ge=1, le=10_000)
    seed: int = Field(default=1, ge=0, le=2**32 - 1)
    thresholds_weeks: tuple[Weeks, ...] = THRESHOLDS
    deadline: tuple[Deadline, ...] = ()
    clearance: Clearance = Clearance()
    successor: tuple[Successor, ...] = ()
    breaks: tuple[PlannedBreak, ...] = Field(default=(), alias="break")
    demand: Demand = Demand()

    @model_validator(mode="after")
    def _thresholds_are_the_standard_ones(self) -> Plan:
        unknown = [t for t in self.thresholds_weeks if t not in THRESHOLDS]
        if unknown:
            raise ValueError(f"thresholds_weeks may hold {', '.join(map(str, THRESHOLDS))} (R1), not {unknown}")
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

    @classmethod
    def load(cls, path: str | Path, **changes: Any) -> Plan:
        """Read the plan in ``path``; ``changes`` (draws, seed, inputs …) replace its keys.

        Paths in a plan are relative to its file. Raises Refusal naming every key that is wrong.
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
        if isinstance(keys.get("inputs"), str):
            keys["inputs"] = path.parent / keys["inputs"]
        keys |= {key: value for key, value in changes.items() if value is not None}
        try:
            return cls.model_validate(keys)
        except ValidationError as error:
            raise Refusal(_plan_problems(path.name, error)) from None


def _plan_problems(file: str, error: ValidationError) -> list[Problem]:
    """A problem for each wrong key; a key that may be a list or "all" is named once."""
    found = [_plan_problem(file, dict(detail)) for detail in error.errors() if "literal['all']" not in detail["loc"]]
    return list(dict.fromkeys(found))


def _plan_problem(file: str, detail: dict[str, Any]) -> Problem:
    place = ".".join(str(part) for part in detail["loc"] if "[" not in str(part))
    if detail["type"] == "extra_forbidden":
        key = str(detail["loc"][-1])
        near = difflib.get_close_matches(key, _known_keys(), n=1, cutoff=0.5)
        remedy = f"Did you mean {near[0]}?" if near else "Remove it; the keys are in docs/reference/plan.md."
        return Problem("error", file, place, key, "the plan has a key that is not known", remedy)
    value = "" if detail["type"] in ("missing", "value_error") else str(detail["input"])[:80]
    said = detail["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list").replace("Input", "it", 1)
    return Problem("error", file, place, value, f"the plan's key is wrong: {said}", "Mend it in the plan.")


def _known_keys() -> list[str]:
    models: tuple[type[BaseModel], ...] = (Plan, Deadline, Clearance, Successor, PlannedBreak, Demand)
    return [field.alias or name for model in models for name, field in model.model_fields.items()]
