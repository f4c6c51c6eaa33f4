"""What is true of a made-up system: its demand, hazards and capacity, in the units that are drawn from.

``SYSTEM`` is the three-trust sample. Its names and codes belong to nobody: no code of the NHS spells MADE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

Steps = tuple[tuple[int, float], ...]
"""(weeks waited from which it applies, chance per working day), the weeks rising from 0."""

NEVER: Steps = ((0, 0.0),)


@dataclass(frozen=True)
class Hazards:
    """The chance per working day that one person leaves a stage, by whole weeks waited since clock start."""

    admitted: Steps = NEVER
    non_admitted: Steps = NEVER
    removed: Steps = NEVER
    converted: Steps = NEVER


@dataclass(frozen=True)
class ListTruth:
    """One provider's list in one specialty.

    demand: clock starts per working day at the system's level date, the month of the year aside.
    growth: % a year. outpatient, admission: hazards before and after the decision to admit; a list that
    never converts anybody has no Part 2A. clinics, theatres: most non-admitted and admitted stops in a week
    of five working days; whoever a full week turns away goes on waiting.
    """

    provider: str
    specialty: str
    demand: float
    growth: float
    outpatient: Hazards
    admission: Hazards = Hazards()
    clinics: float = 1e9
    theatres: float = 1e9


@dataclass(frozen=True)
class Commissioner:
    """Who pays: its parent's code and name, its own, and how many of its people per person of the truth.

    NONC, who pays for people from outside England, stands outside every published total, so its people
    come on top: the other commissioners' shares sum to 1.
    """

    parent: str
    parent_name: str
    code: str
    name: str
    share: float


@dataclass(frozen=True)
class Truth:
    """A whole made-up system.

    lists: every list; trusts: names by code; commissioners: as above.
    month_factors: demand's factor in January … December. level_date: when each list's demand is its level.
    demand_spread, activity_spread: standard deviation of the log of a month's own factor, on one list's
    demand and on everything one provider's clinics and theatres do (stops and conversions).
    removal_ratio: removals after the decision to admit ÷ those the hazards say; at 1 the sample's truth is
    what R5 assumes, one removal rate by weeks waited for both stages.
    """

    lists: tuple[ListTruth, ...]
    trusts: Mapping[str, str]
    commissioners: tuple[Commissioner, ...]
    month_factors: tuple[float, ...] = (1.0,) * 12
    level_date: date = date(2025, 8, 31)
    demand_spread: float = 0.0
    activity_spread: float = 0.0
    removal_ratio: float = 1.0


def scaled(steps: Steps, factor: float) -> Steps:
    """``steps`` with every chance multiplied by ``factor``."""
    return tuple((week, round(chance * factor, 7)) for week, chance in steps)


SEEN: Steps = ((0, 0.016), (1, 0.0068), (18, 0.0062), (26, 0.0072), (39, 0.011), (52, 0.022), (65, 0.06), (78, 0.09))
"""Non-admitted stops: some at the first visit, few for months, and a push on the long waits."""
DECIDED: Steps = ((0, 0.009), (6, 0.0032), (26, 0.0026), (52, 0.005), (65, 0.012))
"""Decisions to admit."""
TREATED: Steps = ((0, 0.010), (6, 0.0066), (26, 0.0072), (44, 0.013), (52, 0.026), (65, 0.055), (78, 0.09))
"""Admitted stops."""
REMOVED: Steps = ((0, 0.0014), (9, 0.0019), (26, 0.0021), (39, 0.003), (52, 0.005), (65, 0.009))
"""Other removals, before and after the decision to admit alike (R5)."""


def two_stages(clinics: float = 1.0, decisions: float = 1.0, theatres: float = 1.0) -> tuple[Hazards, Hazards]:
    """Usual hazards of both stages, each kind of work times its own speed."""
    outpatient = Hazards(non_admitted=scaled(SEEN, clinics), removed=REMOVED, converted=scaled(DECIDED, decisions))
    return outpatient, Hazards(admitted=scaled(TREATED, theatres), removed=REMOVED)


def one_stage(clinics: float = 1.0, procedures: float = 0.1) -> tuple[Hazards, Hazards]:
    """Hazards of a list whose few admissions are never booked ahead: it has no Part 2A."""
    outpatient = Hazards(admitted=scaled(TREATED, procedures), non_admitted=scaled(SEEN, clinics), removed=REMOVED)
    return outpatient, Hazards()


_ICB = "MADE-UP SHIRE INTEGRATED CARE BOARD"

TRUSTS = {
    "MADE1": "EASTWATER HOSPITALS (MADE UP)",
    "MADE2": "MIDVALE GENERAL HOSPITAL (MADE UP)",
    "MADE3": "WESTFELL COMMUNITY HOSPITAL (MADE UP)",
}

COMMISSIONERS = (
    Commissioner("MADEQ", _ICB, "MADEA", "MADE-UP SHIRE (SUB ICB LOCATION)", 0.8),
    Commissioner("MADEQ", _ICB, "MADEB", "MADE-UP DALES, MOORS AND FELLS (SUB ICB LOCATION)", 0.2),
    Commissioner("", "", "NONC", "", 0.01),
)

SYSTEM = Truth(
    trusts=TRUSTS,
    commissioners=COMMISSIONERS,
    month_factors=(1.04, 1.02, 1.05, 0.98, 0.99, 1.01, 1.01, 0.93, 1.01, 1.04, 1.03, 0.89),
    demand_spread=0.02,
    activity_spread=0.02,
    lists=(
        ListTruth("MADE1", "110", 74.0, 3.0, *two_stages(1.0, 1.2, 0.9)),
        ListTruth("MADE1", "120", 60.0, 2.0, *two_stages(0.85, 0.9, 0.8)),
        ListTruth("MADE1", "130", 92.0, 4.0, *two_stages(1.35, 1.5, 1.3)),
        ListTruth("MADE1", "301", 58.0, 5.0, *two_stages(0.9, 1.0, 1.1)),
        ListTruth("MADE1", "330", 66.0, 4.0, *two_stages(1.15, 0.4, 1.3)),
        ListTruth("MADE1", "400", 36.0, 3.0, *two_stages(0.95, 0.1, 1.2)),
        ListTruth("MADE1", "502", 70.0, 2.5, *two_stages(0.9, 0.8, 0.85), theatres=72),
        ListTruth("MADE2", "110", 47.0, 2.0, *two_stages(1.05, 1.3, 1.0)),
        ListTruth("MADE2", "120", 43.0, 3.5, *two_stages(0.95, 1.0, 0.9), clinics=104),
        ListTruth("MADE2", "130", 62.0, 1.0, *two_stages(1.5, 1.4, 1.4)),
        ListTruth("MADE2", "301", 38.0, 6.0, *two_stages(1.1, 0.9, 1.2)),
        ListTruth("MADE2", "330", 44.0, 3.0, *two_stages(1.0, 0.5, 1.2)),
        ListTruth("MADE2", "400", 17.0, 0.0, *two_stages(0.9, 0.1, 1.1)),
        ListTruth("MADE2", "502", 45.0, 1.5, *two_stages(1.0, 0.9, 0.95)),
        ListTruth("MADE3", "110", 21.0, -2.0, *two_stages(1.15, 1.3, 1.2)),
        ListTruth("MADE3", "120", 17.0, 2.0, *two_stages(1.1, 1.1, 1.1)),
        ListTruth("MADE3", "130", 9.0, 3.0, *two_stages(1.6, 1.2, 1.5)),
        ListTruth("MADE3", "301", 14.0, 4.0, *two_stages(1.2, 1.0, 1.3)),
        ListTruth("MADE3", "330", 24.0, 5.0, *one_stage(1.1, 0.12)),
        ListTruth("MADE3", "400", 2.0, 0.0, *two_stages(1.0, 0.2, 1.0)),
        ListTruth("MADE3", "502", 20.0, 1.0, *two_stages(1.1, 0.9, 1.1)),
    ),
)
"""The sample: three trusts, seven specialties; the smallest list has some 150 people, one has no Part 2A,
and two have outgrown their capacity."""
