"""The program's rows and costs: every limit of a Question over offers, own stops taken and people still there (R12)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from waitlist.bands import Floats
from waitlist.models.question import Question, alike, either_or
from waitlist.mutual_aid import AIMS

EVERY = 4
"""Weeks between those in which the tolerance is asked of the program: what lengthens waits lasts."""


@dataclass
class Rows:
    """Rows of the model as they grow: entries, bounds, and what each is for."""

    count: int = 0
    parts: list[tuple[np.ndarray, np.ndarray, Floats]] = field(default_factory=list)
    lower: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)
    named: dict[str, slice] = field(default_factory=dict)

    def add(self, name: str, row: np.ndarray, column: np.ndarray, value: Floats, lower: Floats, upper: Floats) -> None:
        """Rows from ``self.count`` on; ``row`` counts from 0."""
        self.parts.append((row + self.count, column, value))
        self.lower.append(lower)
        self.upper.append(upper)
        self.named[name] = slice(self.count, self.count + len(lower))
        self.count += len(lower)

    def matrix(self, columns: int) -> sparse.csr_matrix:
        row, column, value = (np.concatenate([part[i] for part in self.parts]) for i in range(3))
        return sparse.csr_matrix((value, (row, column)), shape=(self.count, columns))


def rows_of(asked: Question, exact: bool) -> tuple[Rows, int, dict[str, slice]]:
    """The rows of the model, how many columns it has, and where they lie: offers, own stops taken, people offered and
    still there, the greatest pressure, and yes or no."""
    offers, spare, stock, weeks = asked.offers, asked.spare, asked.stock, len(asked.months)
    count, lists, stocks = len(offers.week), len(spare.tolerance), len(stock.eligible)
    x, place = np.arange(count), asked.receiving
    own = count + np.arange(lists * 2 * weeks).reshape(lists, 2, weeks)
    alive = count + own.size + np.arange(stocks * weeks).reshape(stocks, weeks)
    pressure = count + own.size + alive.size
    rows = Rows()

    row = np.arange(stocks * weeks).reshape(stocks, weeks)
    some = np.flatnonzero(offers.fit >= 0)
    fit = offers.fit[some]
    rows.add(
        "stock",
        np.concatenate([row.ravel(), row[:, 1:].ravel(), row[offers.stock, offers.week], row[fit, offers.week[some]]]),
        np.concatenate([alive.ravel(), alive[:, :-1].ravel(), x, some]),
        np.concatenate([np.ones(row.size), -stock.stays[:, :-1].ravel(), -np.ones(count + len(some))]),
        np.zeros(row.size),
        np.zeros(row.size),
    )
    row = np.arange(own.size).reshape(own.shape)
    parts = [(row[place[at], stage, offers.move_week[at] + on], at, use[at]) for stage, use, at, on in asked.needs]
    rows.add(
        "spare",
        np.concatenate([row.ravel(), *(part[0] for part in parts)]),
        np.concatenate([own.ravel(), *(part[1] for part in parts)]),
        np.concatenate([-np.ones(own.size), *(part[2] for part in parts)]),
        np.full(own.size, -np.inf),
        spare.free.ravel(),
    )
    for number, (places, stops) in enumerate(spare.pools):
        mine = [(at[np.isin(place[at], places)], use, on) for _, use, at, on in asked.needs]
        rows.add(
            f"pool {number}",
            np.concatenate([offers.move_week[at] + on for at, _, on in mine]),
            np.concatenate([at for at, *_ in mine]),
            np.concatenate([use[at] for at, use, _ in mine]),
            np.full(weeks, -np.inf),
            stops,
        )
    asked_of = sorted({*range(EVERY - 1, weeks, EVERY), weeks - 1})
    bound = np.flatnonzero(np.isfinite(spare.tolerance) & (spare.own.sum(axis=(1, 2)) > 0))
    slower = spare.longer[bound][..., asked_of]
    m, stage, k, j = np.nonzero(slower > 0)
    rows.add(
        "tolerance",
        m * len(asked_of) + j,
        own[bound[m], stage, k],
        slower[m, stage, k, j],
        np.full(len(bound) * len(asked_of), -np.inf),
        np.repeat(spare.tolerance[bound], len(asked_of)),
    )
    for number, rule in enumerate(asked.rules):
        about = np.flatnonzero(rule.about)
        rows.add(f"rule {number}", offers.week[about], about, np.ones(len(about)), rule.least, rule.most)
    if np.isfinite(asked.most_change):
        pair = alike(offers.sender, offers.receiver)
        steps = np.arange((pair.max() + 1) * (weeks - 1)).reshape(-1, weeks - 1)
        up, down = offers.week > 0, offers.week < weeks - 1
        rows.add(
            "change",
            np.concatenate([steps[pair[up], offers.week[up] - 1], steps[pair[down], offers.week[down]]]),
            np.concatenate([x[up], x[down]]),
            np.concatenate([np.ones(up.sum()), -np.ones(down.sum())]),
            np.full(steps.size, -asked.most_change),
            np.full(steps.size, asked.most_change),
        )
    counts = np.flatnonzero(asked.size > 0)
    trust = np.full(len(asked.size), -1)
    trust[counts] = np.arange(len(counts))
    sends, gives = trust[offers.sender] >= 0, trust[spare.provider] >= 0
    givers = np.repeat(trust[spare.provider[gives]], 2 * weeks)
    cost = spare.over[gives]
    rows.add(
        "pressure",
        np.concatenate([np.arange(len(counts)), trust[offers.sender][sends], givers]),
        np.concatenate([np.full(len(counts), pressure), x[sends], own[gives].ravel()]),
        np.concatenate([asked.size[counts], offers.over[sends], -cost.ravel()]),
        asked.base_over[counts],
        np.full(len(counts), np.inf),
    )
    yes = pressure + 1
    if exact:
        yes = _add_yes_or_no(asked, rows, yes)
    slices = {
        "own": slice(count, count + own.size),
        "alive": slice(count + own.size, pressure),
        "pressure": slice(pressure, pressure + 1),
        "yes": slice(pressure + 1, yes),
    }
    return rows, yes, slices


def _add_yes_or_no(asked: Question, rows: Rows, yes: int) -> int:
    """Batches are nobody or enough, and nobody sends and receives alike in a month; the column after the last."""
    offers = asked.offers
    most = asked.stock.eligible.max(axis=1)[offers.stock] + 1.0
    if asked.batch > 1:
        way = alike(offers.sender, offers.receiver, offers.specialty, offers.stage, offers.week)
        many = int(way.max()) + 1
        top = np.bincount(way, most, many)
        columns = yes + np.arange(many)
        for name, factor, lower, upper in (
            ("batch", -float(asked.batch) * np.ones(many), np.zeros(many), np.full(many, np.inf)),
            ("no batch", -top, np.full(many, -np.inf), np.zeros(many)),
        ):
            row = np.concatenate([way, np.arange(many)])
            column = np.concatenate([np.arange(len(way)), columns])
            rows.add(name, row, column, np.concatenate([np.ones(len(way)), factor]), lower, upper)
        yes += many
    for sends, receives in either_or(asked):
        for number, (some, sign) in enumerate(((sends, -1.0), (receives, 1.0))):
            whole = float(most[some].sum())
            value = np.concatenate([np.ones(len(some)), [sign * whole]])
            upper = np.array([0.0 if sign < 0 else whole])
            column = np.concatenate([some, [yes]])
            rows.add(f"way {yes} {number}", np.zeros(len(column), dtype=int), column, value, np.array([-np.inf]), upper)
        yes += 1
    return yes


def costs_of(asked: Question, width: int, layout: dict[str, slice]) -> dict[str, Floats]:
    """What each aim makes of every column."""
    offers, spare = asked.offers, asked.spare
    count = layout["own"].start
    found: dict[str, Floats] = {aim: np.zeros(width) for aim in AIMS}
    found["over_thresholds"][:count], found["over_thresholds"][layout["own"]] = -offers.over, spare.over.ravel()
    found["person_weeks"][:count] = -offers.person_weeks
    found["person_weeks"][layout["own"]] = spare.person_weeks.ravel()
    found["pressure"][layout["pressure"]] = 1.0
    found["travel"][:count] = offers.km * offers.accepted
    found["transfers"][:count] = 1.0
    found["price"][:count] = offers.price * offers.accepted
    return found
