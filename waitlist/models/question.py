"""The question that the program of transfers answers: offers, stocks, what can be given, rules and aims (R12)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from waitlist.bands import Floats
from waitlist.mutual_aid import Aim


@dataclass(frozen=True)
class Offers:
    """X offers that can be made; numbers are for each person offered.

    sender, receiver, specialty, stage, group [X]: places; week of the offer, move_week. accepted: the share who
    accept; clinic, theatre: stops of each stage that the receiver needs in the week of the move, onward: theatre
    stops in the week after it. over: people fewer over thresholds at deadlines; person_weeks fewer; km and price of
    each who accepts. stock [X]: the row of Stock that the person is from, and fit: the row of those among them who are
    fit for the receiver, or -1 where all are.
    """

    sender: np.ndarray
    receiver: np.ndarray
    specialty: np.ndarray
    stage: np.ndarray
    group: np.ndarray
    week: np.ndarray
    move_week: np.ndarray
    accepted: Floats
    clinic: Floats
    theatre: Floats
    onward: Floats
    over: Floats
    person_weeks: Floats
    km: Floats
    price: Floats
    stock: np.ndarray
    fit: np.ndarray


@dataclass(frozen=True)
class Stock:
    """Y stocks over K weeks: eligible [Y, K] people who may be offered a move, stays [Y, K] the share there a week
    on."""

    eligible: Floats
    stays: Floats


@dataclass(frozen=True)
class Spare:
    """What M receiving lists can give, by stage and week.

    provider, specialty [M]. free [M, 2, K] stops that its own patients do not miss; own [M, 2, K] the most that may be
    taken from them, each costing over and person_weeks [M, 2, K] there, and lengthening their mean wait in week j by
    longer [M, 2, K, K]; tolerance [M] weeks. pools: places that share so many stops [K] a week.
    """

    provider: np.ndarray
    specialty: np.ndarray
    free: Floats
    own: Floats
    over: Floats
    person_weeks: Floats
    longer: Floats
    tolerance: Floats
    pools: tuple[tuple[tuple[int, ...], Floats], ...] = ()


@dataclass(frozen=True)
class Rule:
    """At most and at least so many people offered a week, [K] each, over the offers it is ``about`` [X]."""

    name: str
    about: np.ndarray
    most: Floats
    least: Floats


@dataclass(frozen=True)
class Question:
    """What is to be chosen, within what limits, and for what. months [K]: the month of each week; base_over [P] people
    over thresholds at deadlines as things are; size [P] stops a week, 0 for those whose pressure does not count;
    most_over: the most that people over thresholds may change by."""

    offers: Offers
    stock: Stock
    spare: Spare
    rules: tuple[Rule, ...]
    batch: int
    most_change: float
    months: np.ndarray
    aims: tuple[Aim, ...]
    base_over: Floats
    size: Floats
    hold: float
    time_limit: float
    most_over: float = np.inf

    @cached_property
    def receiving(self) -> np.ndarray:
        """[X] the place of each offer's receiver among the M of Spare."""
        known = {key: m for m, key in enumerate(zip(self.spare.provider, self.spare.specialty, strict=True))}
        both = zip(self.offers.receiver, self.offers.specialty, strict=True)
        return np.array([known[key] for key in both], dtype=int)

    @property
    def needs(self) -> tuple[tuple[int, Floats, np.ndarray, int], ...]:
        """What offers need of their receivers: of each kind the stage, the stops of each offer [X], the places of the
        offers whose need falls within the weeks, and how many weeks after the move."""
        offers, every = self.offers, np.arange(len(self.offers.week))
        later = np.flatnonzero(offers.move_week + 1 < len(self.months))
        return (0, offers.clinic, every, 0), (1, offers.theatre, every, 0), (1, offers.onward, later, 1)


def of_some(asked: Question, at: np.ndarray) -> Question:
    """``asked`` of the offers at the places ``at`` alone."""
    offers = Offers(**{name: getattr(asked.offers, name)[at] for name in Offers.__dataclass_fields__})
    rules = tuple(replace(rule, about=rule.about[at]) for rule in asked.rules)
    return replace(asked, offers=offers, rules=rules)


def claimed(asked: Question, offered: Floats) -> dict[str, float]:
    """What each aim comes to where ``offered`` [X] are: changes of people and weeks, the greatest pressure, kilometres,
    people offered and pounds."""
    taken, offers = taken_own(asked, offered), asked.offers
    found = {}
    for name, spared, cost in (
        ("over_thresholds", offers.over, asked.spare.over),
        ("person_weeks", offers.person_weeks, asked.spare.person_weeks),
    ):
        found[name] = float((cost * taken).sum() - spared @ offered)
    change = -np.bincount(offers.sender, offers.over * offered, len(asked.size))
    np.add.at(change, asked.spare.provider, (asked.spare.over * taken).sum(axis=(1, 2)))
    counts = asked.size > 0
    pressure = (asked.base_over + change)[counts] / asked.size[counts]
    found["pressure"] = float(pressure.max(initial=0.0))
    found["travel"] = float((offers.km * offers.accepted) @ offered)
    found["transfers"] = float(offered.sum())
    found["price"] = float((offers.price * offers.accepted) @ offered)
    return found


def uses(asked: Question, offered: Floats) -> Floats:
    """[M, 2, K] stops that ``offered`` need of each receiving list."""
    found = np.zeros_like(asked.spare.free)
    for stage, stops, at, after in asked.needs:
        week = asked.offers.move_week[at] + after
        np.add.at(found[:, stage], (asked.receiving[at], week), (stops * offered)[at])
    return found


def taken_own(asked: Question, offered: Floats) -> Floats:
    """[M, 2, K] stops taken from the receivers' own patients."""
    return np.maximum(uses(asked, offered) - asked.spare.free, 0.0)


def alike(*columns: np.ndarray) -> np.ndarray:
    """[X] a number for each offer, the same where all of its ``columns`` [X] are."""
    return np.unique(np.stack(columns), axis=1, return_inverse=True)[1].ravel()


def either_or(asked: Question) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each provider, specialty, stage and month in which it could do both: the offers it sends, and it receives."""
    offers = asked.offers
    month, moves = asked.months[offers.week], asked.months[offers.move_week]
    sent: dict[tuple[int, ...], list[int]] = {}
    received: dict[tuple[int, ...], list[int]] = {}
    if not np.intersect1d(offers.sender, offers.receiver).size:
        return []
    for x in range(len(offers.week)):
        what = (int(offers.specialty[x]), int(offers.stage[x]))
        for when in {int(month[x]), int(moves[x])}:
            sent.setdefault((int(offers.sender[x]), *what, when), []).append(x)
            received.setdefault((int(offers.receiver[x]), *what, when), []).append(x)
    return [(np.array(sent[key]), np.array(received[key])) for key in sorted(sent.keys() & received.keys())]
