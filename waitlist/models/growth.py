"""Growth of demand: fitted, stated or by population, and scenarios of what 2020 left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from waitlist.bands import Floats
from waitlist.calendar import month_of, months_between
from waitlist.errors import Problem, Refusal
from waitlist.history import Population
from waitlist.models.national import SHOCK, National, calendar_month, working_days_of
from waitlist.plan import Demand
from waitlist.unplannable import unknown_codes

FULL_MONTHS = 24
"""Months for which fitted growth goes on as it was."""
DAMPING = 0.95
"""What is left of a month's fitted growth in the month after, beyond FULL_MONTHS."""
ENGLAND = "England"
"""The area whose population counts where the plan names none."""


@dataclass(frozen=True)
class Growths:
    """Logarithms of demand relative to the snapshot's level, for M months ahead.

    kind: the plan's. by_kind: [M] of each kind of growth that the data allow, those of specialties with a
    stated growth of their own in by_specialty. scenario: [M] factors.
    """

    kind: str
    by_kind: Mapping[str, Floats]
    by_specialty: Mapping[str, Floats]
    scenario: Floats

    def paths(self, specialties: Sequence[str], kind: str = "") -> Floats:
        """[L, M] of lists of these ``specialties``, by the plan's kind of growth or by ``kind``."""
        kind = kind or self.kind
        own = self.by_specialty if kind == "stated" else {}
        return np.array([own.get(code, self.by_kind[kind]) for code in specialties])


def growths(demand: Demand, people: Population | None, england: National | None, months: Sequence[str]) -> Growths:
    """Every kind of growth over ``months`` ahead. Raises Refusal where the plan asks for what the data lack."""
    found = problems(demand, people, england, months)
    if found:
        raise Refusal(found)
    ahead = np.arange(1, len(months) + 1)
    by_kind = {"fitted": _fitted(england, ahead), "stated": _stated(demand.percent_per_year, ahead)}
    area = people and _area(demand, people)
    if people and area and _covers(people, area, months):
        by_kind["population"] = _population(people, area, demand.referral_rate, months)
    own = {code: _stated(percent, ahead) for code, percent in demand.specialty.items()}
    scenario = _scenario(demand, england, by_kind[demand.growth], months)
    return Growths(demand.growth, by_kind, own, scenario)


def _fitted(england: National | None, ahead: np.ndarray) -> Floats:
    monthly = england.growth / 12 if england else 0.0
    beyond = np.maximum(ahead - FULL_MONTHS, 0)
    return monthly * (np.minimum(ahead, FULL_MONTHS) + DAMPING * (1 - DAMPING**beyond) / (1 - DAMPING))


def _stated(percent: float, ahead: np.ndarray) -> Floats:
    return np.log1p(percent / 100) * ahead / 12


def _area(demand: Demand, people: Population) -> str | None:
    if demand.area:
        return demand.area if demand.area in people.areas else None
    return next((code for code, name in people.areas.items() if name.casefold() == ENGLAND.casefold()), None)


def _known(people: Population, area: str) -> tuple[Floats, Floats]:
    """The years whose every age band is known in ``area``, where anybody lives [Y], and its people then [Y, G]."""
    persons = people.people[list(people.areas).index(area)]
    known = persons.sum(axis=1) > 0
    return np.array(people.years, dtype=float)[known], persons[known]


def _covers(people: Population, area: str, months: Sequence[str]) -> bool:
    """A year's figure is its middle's, so that the first month needs the year before it."""
    years = _known(people, area)[0]
    return len(years) > 1 and years[0] < int(months[0][:4]) and months[-1] <= f"{years[-1]:.0f}-06"


def _population(people: Population, area: str, rates: Mapping[str, float], months: Sequence[str]) -> Floats:
    """Persons × referral rate, between the middles of years, relative to the month before ``months``."""
    rate = np.array([rates.get(band, 1.0) for band in people.age_bands])
    years, persons = _known(people, area)
    when = np.array([int(month[:4]) + (int(month[5:]) - 0.5) / 12 for month in months])
    logs = np.interp(np.concatenate([[when[0] - 1 / 12], when]), years + 0.5, np.log(persons @ rate))
    return logs[1:] - logs[0]


def _scenario(demand: Demand, england: National | None, path: Floats, months: Sequence[str]) -> Floats:
    """Factors [M] on all lists alike."""
    ahead = np.arange(1, len(months) + 1)
    if demand.scenario == "none" or england is None or england.trend_2019 is None:
        return np.ones(len(months))
    if demand.scenario == "trend_2019" and demand.reached_by is not None:
        height, slope = england.trend_2019
        until = max(months_between(months[0], month_of(demand.reached_by)) + 1, 1)
        return np.exp(np.minimum(ahead / until, 1.0) * (height + slope * ahead - path))
    days = working_days_of(months)
    usual = england.level * np.exp(england.season[calendar_month(months)] + path) * days
    window = ahead <= demand.over_months
    a_month = england.missing * (demand.percent_returning or 0.0) / 100 / demand.over_months
    return 1 + window * a_month / usual


def said(growths: Growths, demand: Demand, england: National | None) -> tuple[str, ...]:
    """What is assumed of demand, in sentences."""
    yearly = round(100 * england.growth, 1) + 0.0 if england else 0.0  # never -0.0
    kinds = {
        "fitted": f"grows by {yearly:.1f} % a year (standard error {100 * england.growth_error:.1f}), as "
        f"England's clock starts since {england.months[0]} do, and less and less after {FULL_MONTHS} months"
        if england
        else "stays at its recent level",
        "stated": "grows as the plan states",
        "population": f"grows with the population of {demand.area or ENGLAND}",
    }
    season = "England's season, moved by specialty" if england else "calendar month"
    lost = (
        "Without a file of England's clock starts (`history` in the plan), growth is not fitted, and the season is "
        "that of the extracts' own months alone: one or two of each."
    )
    scenarios = {
        "trend_2019": f"Scenario: referrals are back at the trend of before {SHOCK[0]} on {demand.reached_by}.",
        "suppressed": f"Scenario: {demand.percent_returning} % of the referrals missing since {SHOCK[0]} come within "
        f"{demand.over_months} month{'s' * (demand.over_months > 1)}.",
    }
    return (
        f"Demand {kinds[growths.kind]}; by working day and {season}.",
        *(() if england else (lost,)),
        *(() if demand.scenario == "none" else (scenarios[demand.scenario],)),
    )


def problems(
    demand: Demand, people: Population | None, england: National | None, months: Sequence[str]
) -> list[Problem]:
    """What the plan asks for in vain: history files that are not there, unknown areas and age bands, past dates."""
    found = []
    history = "Name the file under `history` in the plan, or choose another growth or scenario."
    if demand.scenario != "none" and (england is None or england.trend_2019 is None):
        rule = f"the scenario needs England's clock starts from before {SHOCK[0]}, at least two years of them"
        found.append(Problem("error", "the plan", "demand.scenario", demand.scenario, rule, history))
    if demand.reached_by is not None and month_of(demand.reached_by) < months[0]:
        rule = f"the trend of 2019 can't be reached before the forecast begins, in {months[0]}"
        found.append(Problem("error", "the plan", "demand.reached_by", str(demand.reached_by), rule, "Choose later."))
    if demand.growth != "population":
        return found
    if people is None:
        rule = "growth by population needs a file of population by area, year and age band"
        return [*found, Problem("error", "the plan", "demand.growth", "population", rule, history)]
    found += unknown_codes("demand.area", [demand.area] if demand.area else [], people.areas)
    found += unknown_codes("demand.referral_rate", list(demand.referral_rate), dict.fromkeys(people.age_bands, ""))
    if not any(demand.referral_rate.get(band, 1.0) for band in people.age_bands):
        rule = "somebody must be referred: the referral rates of all age bands are 0"
        found.append(Problem("error", "the plan", "demand.referral_rate", "0", rule, "Give one band a rate above 0."))
    if not demand.area and _area(demand, people) is None:
        rule, areas = "the population file has no area called England", ", ".join(people.areas)
        found.append(Problem("error", "the plan", "demand.area", "", rule, f"Name one of its areas: {areas[:200]}."))
    area = _area(demand, people)
    if area and not _covers(people, area, months):
        years = _known(people, area)[0]
        rule = f"the population file knows {len(years)} years of {area}: not all from {months[0]} to {months[-1]}"
        found.append(Problem("error", "the plan", "demand.growth", "population", rule, "Shorten horizon_months."))
    return found
