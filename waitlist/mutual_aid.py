"""What a plan says of mutual aid (R12): transfers agreed, hubs, and the limits within which others may be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from waitlist.planned import ALL, Count, Dated, Floor, Lists, Percent, Pounds, Share, Stage
from waitlist.settings import Asked, Code, Number, Place, Settings, Text, Whole

OneStage = Literal["outpatient", "admission"]
Cases = Annotated[Whole, Field(ge=0, le=1_000_000)]
"""Whole people a week."""
Lead = Annotated[Whole, Field(ge=0, le=52)]
"""Weeks between an offer and the move."""
Latitude = Annotated[Number, Field(ge=-90, le=90)]
Longitude = Annotated[Number, Field(ge=-180, le=180)]
Aim = Literal["over_thresholds", "person_weeks", "pressure", "travel", "transfers", "price"]
AIMS: tuple[Aim, ...] = ("over_thresholds", "person_weeks", "pressure", "travel", "transfers", "price")
"""What transfers are chosen for: people over the thresholds at their deadlines; weeks that people are over them; the
most pressed trust's pressure; kilometres; people offered; pounds."""


class Transfer(Dated):
    """Offers to move that are agreed: so many a week, of those who have waited long enough, the longest first (R12)."""

    from_provider: Code
    to_provider: Code
    specialty: Code
    stage: OneStage
    min_weeks_waited: Floor = 0
    below_weeks_waited: Annotated[Whole, Field(ge=1, le=105)] = Field(
        default=105, description="those who have waited so long, or longer, are not offered it; 105 is nobody"
    )
    per_week: Count = Field(description="people offered a week; parts of a person add up over weeks")
    lead_weeks: Lead = 0
    acceptance: Share = 1.0
    slots_per_week: Count = Field(
        default=0.0, description="of the receiver's own stops a week, kept for those who came by transfer"
    )

    @model_validator(mode="after")
    def _leads_elsewhere(self) -> Transfer:
        if self.from_provider == self.to_provider:
            raise ValueError(f"a transfer leads from one provider to another, not from {self.from_provider} to itself")
        if self.below_weeks_waited <= self.min_weeks_waited:
            raise ValueError("transfer.below_weeks_waited must be above transfer.min_weeks_waited")
        return self


class Hub(Settings):
    """A place that treats those sent to it: an elective hub or an independent provider. Its list opens empty."""

    code: Code
    name: Asked
    specialties: Lists = "all"
    stage: Literal["admission", "ALL"] = Field(
        default="admission", description="ALL: clinics too, for those not decided about yet"
    )
    per_week: Count = Field(description="stops a week, shared by its specialties")
    day_cases_only: bool = Field(default=False, strict=True)
    price: Pounds = Field(default=0.0, description="pounds a case")
    lat: Latitude | None = None
    lon: Longitude | None = None

    @model_validator(mode="after")
    def _code_is_its_own(self) -> Hub:
        if self.code.upper() == ALL:
            raise ValueError(f"hub.code may not be {self.code}: it stands for all providers")
        return self

    @model_validator(mode="after")
    def _place_is_whole(self) -> Hub:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("hub.lat and hub.lon go together")
        return self


class Give(Dated):
    """What a trust has agreed to give to those sent to it: out of its own stops a week, or on top of them."""

    provider: Code
    specialty: Code = ALL
    stage: OneStage = "admission"
    per_week: Count | None = Field(default=None, description="out of its own stops")
    extra_per_week: Count | None = Field(default=None, description="on top of its own stops")
    cost_per_case: Pounds = 0.0

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Give:
        if (self.per_week is None) == (self.extra_per_week is None):
            raise ValueError("a [[mutual_aid.give]] has per_week or extra_per_week, one of the two")
        return self


class Limit(Dated):
    """At most, and at least, so many people offered a week, over all the pairs, specialties and stages it is about."""

    from_provider: Code = ALL
    to_provider: Code = ALL
    specialty: Code = ALL
    stage: Stage = "ALL"
    most_per_week: Cases | None = None
    least_per_week: Cases | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> Limit:
        if self.most_per_week is None and self.least_per_week is None:
            raise ValueError("a [[mutual_aid.limit]] has most_per_week, least_per_week, or both")
        return self


class Exclude(Settings):
    """Pairs that do not exchange patients, or what a site does not do; ALL is any."""

    from_provider: Code = ALL
    to_provider: Code = ALL
    specialty: Code = ALL
    stage: Stage = "ALL"
    reason: Text = ""


class Near(Settings):
    """The share of offers that is accepted within a distance."""

    within_km: Annotated[Number, Field(gt=0, le=2000)]
    acceptance: Share


class MutualAid(Dated):
    """Within what limits transfers may be chosen, and for what."""

    aims: tuple[Aim, ...] = Field(default=AIMS, min_length=1, description="in strict order")
    min_weeks_waited: Floor = 40
    stage: Stage = "admission"
    lead_weeks: Lead = 2
    acceptance: Share = 0.7
    near: tuple[Near, ...] = Field(default=(), description="acceptance by distance, in place of the one for all")
    tolerance_weeks: Annotated[Number, Field(ge=0, le=104)] = Field(
        default=1.0, description="by how much the mean wait of a receiver's own patients may grow (R12)"
    )
    batch: Annotated[Whole, Field(ge=1, le=10_000)] = Field(default=1, description="fewest worth offering in a week")
    most_change: Cases | None = Field(default=None, description="offers of a pair, from one week to the next")
    max_km: Annotated[Number, Field(gt=0, le=2000)] | None = None
    neighbours: Annotated[Whole, Field(ge=1, le=500)] | None = Field(
        default=None, description="of each trust, the nearest that it may send to"
    )
    most_over: Count | None = Field(
        default=None, description="people over the thresholds who may remain: the fewest transfers that do it"
    )
    day_case_percent: Percent = Field(default=80.0, description="of those to be admitted: day cases")
    coordinates: tuple[Place, ...] = Field(default=(), description="files of provider, lat, lon")
    travel: Place | None = Field(default=None, description="file of from_provider, to_provider, km")
    hold_percent: Annotated[Number, Field(ge=0, le=50)] = Field(
        default=0.1, description="by how much an aim may miss its optimum while the next is sought"
    )
    time_limit_seconds: Annotated[Number, Field(gt=0, le=86_400)] = 120.0
    give: tuple[Give, ...] = ()
    limit: tuple[Limit, ...] = ()
    exclude: tuple[Exclude, ...] = ()

    @model_validator(mode="after")
    def _aims_are_there_once(self) -> MutualAid:
        if len(set(self.aims)) < len(self.aims):
            raise ValueError("mutual_aid.aims may hold each aim once")
        return self


def transfer_problem(transfers: Sequence[Transfer]) -> str:
    """What is wrong with transfers of the same people that overlap; nothing if none do."""
    for i, one in enumerate(transfers):
        for other in transfers[:i]:
            if ways_of(one) == ways_of(other) and one.overlaps(other):
                return (
                    f"two [[transfer]] of {one.specialty}, {one.stage} from {one.from_provider} to {one.to_provider} "
                    f"at {one.min_weeks_waited} weeks or more overlap: put them together"
                )
    return ""


def ways_of(item: Transfer) -> tuple[str, str, str, str, int]:
    """What a transfer is known by: the pair, the specialty, the stage and the least weeks waited."""
    return (item.from_provider, item.to_provider, item.specialty, item.stage, item.min_weeks_waited)
