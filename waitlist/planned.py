"""What a plan adds to today's behaviour (R7): activity, capacity, schemes, order, money, targets and scenarios."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from waitlist.settings import Asked, Code, Day, Number, Settings, Weeks, Whole

ALL = "ALL"
Stage = Literal["outpatient", "admission", "ALL"]
Floor = Annotated[Whole, Field(ge=0, le=104)]
"""Weeks waited at least; 0 is everyone."""
Share = Annotated[Number, Field(ge=0, le=1)]
Percent = Annotated[Number, Field(ge=0, le=100)]
Count = Annotated[Number, Field(ge=0, le=1_000_000)]
Pounds = Annotated[Number, Field(ge=0, le=1e11)]
Change = Annotated[Number, Field(ge=-1_000_000, le=1_000_000)]
Lists = Annotated[tuple[Code, ...], Field(min_length=1)] | Literal["all"]
"""Specialties that share something; "all" is every list of the provider."""

EFFECTS = (
    "extra_per_week",
    "extra_in_all",
    "percent",
    "sessions_per_week",
    "validated_per_week",
    "starts_per_week",
    "starts_percent",
)
"""What a scheme may do, one of them each."""
OF_DEMAND = ("starts_per_week", "starts_percent")


class Dated(Settings):
    """Something between two dates, both included; without one it holds from the snapshot, or to the end."""

    begins: Day | None = Field(default=None, alias="from", description="first day; the day after the snapshot")
    until: Day | None = Field(default=None, description="last day; the end of the horizon")

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Dated:
        if self.begins and self.until and self.until < self.begins:
            raise ValueError(f"it ends, {self.until}, before it starts, {self.begins}")
        return self

    def overlaps(self, other: Dated) -> bool:
        """Whether both hold on some day."""
        first = max(self.begins or date.min, other.begins or date.min)
        return first <= min(self.until or date.max, other.until or date.max)


class Activity(Dated):
    """Stops a week that replace what would go on, among those who have waited long enough (R7)."""

    provider: Code
    specialty: Code = ALL
    stage: Stage = "ALL"
    stops_per_week: Count
    min_weeks_waited: Floor = 0


class Scheme(Dated):
    """One change to what would go on: one of EFFECTS, reached along a ramp."""

    name: Asked
    provider: Code = ALL
    specialty: Code = ALL
    stage: Stage = "ALL"
    extra_per_week: Change | None = Field(default=None, description="stops a week more; less, if negative")
    extra_in_all: Change | None = Field(default=None, description="stops more between its dates, in all")
    percent: Number | None = Field(default=None, ge=-100, le=1000, description="% more of the stage's stops")
    sessions_per_week: Change | None = Field(default=None, description="more sessions of its resource")
    validated_per_week: Count | None = Field(default=None, description="people found not to be waiting")
    starts_per_week: Change | None = Field(default=None, description="clock starts a week more")
    starts_percent: Number | None = Field(default=None, ge=-100, le=1000, description="% more clock starts")
    min_weeks_waited: Floor = 0
    ramp_weeks: Whole = Field(default=0, ge=0, le=520, description="weeks from nothing to the whole effect")
    resource: Asked | None = Field(default=None, description="name of the [[clinic]] or [[theatre]] it uses")
    cost_per_case: Pounds = 0.0
    cost: Pounds = Field(default=0.0, description="once, when it starts")
    on: bool = Field(default=True, strict=True, description="false: switched off")

    @model_validator(mode="after")
    def _does_one_thing(self) -> Scheme:
        given = [name for name in EFFECTS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a [[scheme]] has one of {', '.join(EFFECTS)}, not {', '.join(given) or 'none of them'}")
        if self.sessions_per_week is not None and not self.resource:
            raise ValueError("scheme.sessions_per_week needs scheme.resource, the name of a [[clinic]] or [[theatre]]")
        if self.extra_in_all is not None and not (self.begins and self.until):
            raise ValueError("scheme.extra_in_all needs scheme.from and scheme.until")
        if self.resource and self.effect not in ("sessions_per_week", "extra_per_week"):
            raise ValueError("scheme.resource would not be used: it goes with sessions_per_week or extra_per_week")
        if self.min_weeks_waited and self.effect not in ("extra_per_week", "extra_in_all", "validated_per_week"):
            raise ValueError("scheme.min_weeks_waited goes with extra_per_week, extra_in_all or validated_per_week")
        if self.effect in OF_DEMAND and self.stage != ALL:
            raise ValueError("scheme.stage would not be used: clock starts are of no stage")
        return self

    @property
    def effect(self) -> str:
        """Which of EFFECTS it has."""
        return next(name for name in EFFECTS if getattr(self, name) is not None)

    @property
    def size(self) -> float:
        """How large its effect is, whole."""
        return float(getattr(self, self.effect))


class Strike(Dated):
    """Days of strikes to come, and the share of those days' activity that is lost."""

    begins: Day = Field(alias="from", description="first day")
    until: Day = Field(description="last day")
    staff_group: Asked
    percent_lost: Percent
    provider: Code = ALL
    specialty: Code = ALL
    stage: Stage = "ALL"


class Resource(Dated):
    """Capacity that specialties of a provider share, in sessions: a constraint over their lists."""

    name: Asked
    provider: Code
    specialties: Lists = "all"
    sessions_per_week: Count
    sessions_available_per_week: Count | None = Field(default=None, description="rooms and days there are")
    utilisation_percent: Percent = 100.0


class Clinic(Resource):
    """Outpatient sessions: who is seen, fails to come, is discharged at first, or comes again."""

    new_per_session: Count = Field(description="slots for first appointments")
    follow_up_per_session: Count = 0.0
    follow_ups_per_pathway: Annotated[Number, Field(ge=0, le=100)] = 0.0
    discharged_at_first_percent: Percent = 0.0
    dna_percent: Annotated[Number, Field(ge=0, lt=100)] = 0.0
    advice_percent: Percent = Field(default=0.0, description="referrals diverted before a clock starts")
    conversion_percent: Annotated[Number, Field(ge=0, lt=100)] | None = Field(
        default=None, description="of those decided about; as observed without it"
    )

    def per_session(self) -> float:
        """Pathways decided about (stopped or converted) in one session: new ones seen, as far as follow-ups allow."""
        seen = self.utilisation_percent / 100 * (1 - self.dna_percent / 100)
        again = (1 - self.discharged_at_first_percent / 100) * self.follow_ups_per_pathway
        firsts = self.new_per_session * seen
        return min(firsts, self.follow_up_per_session * seen / again) if again > 0 else firsts


class Theatre(Resource):
    """Theatre sessions: cases a list, cancelled on the day, day case or ordinary, and beds where they bind."""

    cases_per_session: Count
    day_case_percent: Percent = 0.0
    cancelled_percent: Annotated[Number, Field(ge=0, lt=100)] = Field(default=0.0, description="on the day")
    beds: Count | None = Field(default=None, description="beds for ordinary cases")
    bed_days_per_ordinary_case: Annotated[Number, Field(gt=0, le=1000)] | None = None

    @model_validator(mode="after")
    def _beds_have_days(self) -> Theatre:
        if (self.beds is None) != (self.bed_days_per_ordinary_case is None):
            raise ValueError("theatre.beds and theatre.bed_days_per_ordinary_case go together")
        return self

    def per_session(self) -> float:
        """Operations done in one session, beds aside."""
        return self.cases_per_session * self.utilisation_percent / 100 * (1 - self.cancelled_percent / 100)

    def within_beds(self, cases: float) -> float:
        """Of ``cases`` a week, those for whom there are beds: day cases need none."""
        if self.beds is None or self.bed_days_per_ordinary_case is None:
            return cases
        day_cases = cases * self.day_case_percent / 100
        return day_cases + min(cases - day_cases, 7 * self.beds / self.bed_days_per_ordinary_case)


def _plain(words: Any) -> Any:
    return words.replace("_", " ").replace("-", " ").strip().lower() if isinstance(words, str) else words


class Order(Settings):
    """Who is treated first: an urgent share, and then the rest by a discipline (R7)."""

    discipline: Annotated[
        Literal["as observed", "skewed", "longest first", "threshold first"], BeforeValidator(_plain)
    ] = "as observed"
    provider: Code = ALL
    urgent_share: Share | Literal["fitted"] = "fitted"
    skew: Annotated[Number, Field(gt=0, le=1000)] | Literal["fitted"] = "fitted"
    threshold_weeks: Weeks | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_key_says_its_discipline(cls, keys: Any) -> Any:
        """A skew or a threshold alone says which discipline is meant."""
        if not isinstance(keys, dict) or "discipline" in keys:
            return keys
        means = {"skew": "skewed", "threshold_weeks": "threshold first"}
        meant = [discipline for key, discipline in means.items() if key in keys]
        return keys | ({"discipline": meant[0]} if meant else {})

    @model_validator(mode="after")
    def _every_key_is_used(self) -> Order:
        given = self.model_fields_set
        if self.discipline == "as observed" and "urgent_share" in given:
            raise ValueError(
                'order.urgent_share would not be used while order.discipline is "as observed": write "skewed", '
                '"longest first" or "threshold first" for the rest'
            )
        if "skew" in given and self.discipline != "skewed":
            raise ValueError('order.skew is used where order.discipline is "skewed"')
        if (self.threshold_weeks is not None) != (self.discipline == "threshold first"):
            raise ValueError('order.threshold_weeks goes with order.discipline = "threshold first"')
        return self


class Price(Settings):
    """Income and marginal cost of a stop, by specialty and stage; the most particular one counts."""

    provider: Code = ALL
    specialty: Code = ALL
    stage: Stage = "ALL"
    price_per_case: Pounds = 0.0
    marginal_cost_per_case: Pounds = 0.0


class Funded(Settings):
    """The activity that is paid for: income is earned above it and lost below it."""

    provider: Code = ALL
    specialty: Code = ALL
    stage: Stage = "ALL"
    stops_per_week: Count


OF_SHARE = ("percent_within_18_weeks", "percent_over_52_weeks")
TARGETS = (
    "waiting_list",
    *(f"over_{t}_weeks" for t in (18, 52, 65, 78, 104)),
    *OF_SHARE,
    "median_wait_weeks",
    "p92_wait_weeks",
)
"""Measures that a target may be set for; all but the first share are to be low."""


class Target(Settings):
    """What a measure is to be by a date: a value, or a percentage (of the list, where the measure counts people)."""

    measure: Asked
    value: Count | None = None
    percent: Percent | None = None
    provider: Code = ALL
    specialty: Code = ALL
    date: Day
    probability: Annotated[Number, Field(gt=0, lt=1)] = Field(default=0.5, description="share of draws that meet it")

    @model_validator(mode="after")
    def _can_be_sought(self) -> Target:
        if self.measure not in TARGETS:
            raise ValueError(f"target.measure may be {', '.join(TARGETS)}, not {self.measure}")
        if (self.value is None) == (self.percent is None):
            raise ValueError("a [[target]] has a value or a percent, one of the two")
        if self.percent is not None and self.measure == "waiting_list":
            raise ValueError("the waiting list is not a share of itself: give target.value, in people")
        if self.percent is not None and self.measure.endswith("wait_weeks"):
            raise ValueError(f"target.measure {self.measure} is in weeks: give a value")
        if self.value is not None and self.measure in OF_SHARE and self.value > 100:
            raise ValueError("a share may not be above 100 %")
        return self


def target_of(text: str, probability: float) -> Target:
    """The target that ``text`` is: MEASURE,VALUE,DATE[,PROVIDER[,SPECIALTY]]; the value may end in %.

    Raises ValueError (pydantic's too) where it is none.
    """
    parts = [part.strip() for part in text.split(",")]
    if not 3 <= len(parts) <= 5:
        raise ValueError("a target is MEASURE,VALUE,DATE[,PROVIDER[,SPECIALTY]]")
    measure, value, day, *about = parts
    kind = "percent" if value.endswith("%") else "value"
    try:
        amount = float(value.removesuffix("%"))
    except ValueError:
        raise ValueError(f"the target's value should be a number, not {value}") from None
    where = dict(zip(("provider", "specialty"), about, strict=False))
    keys = {"measure": measure, kind: amount, "date": day, "probability": probability, **where}
    return Target.model_validate(keys)


class Limit(Settings):
    """How far the activity of a stage may go, in % of what goes on or in stops a week."""

    provider: Code = ALL
    specialty: Code = ALL
    stage: Stage = "ALL"
    most_percent: Annotated[Number, Field(ge=100, le=1000)] | None = None
    most_per_week: Count | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Limit:
        if (self.most_percent is None) == (self.most_per_week is None):
            raise ValueError("a [[limit]] has most_percent or most_per_week, one of the two")
        return self


class Solver(Dated):
    """When activity more than planned may begin, and how: constant, or along a ramp."""

    ramp_weeks: Whole = Field(default=0, ge=0, le=520)
    most_percent: Annotated[Number, Field(ge=100, le=1000)] = Field(
        default=150.0, description="of what goes on, at each stage of each list without a [[limit]]"
    )
