"""The linear program that chooses transfers over weeks, pairs, specialties, stages and groups of people (R12).

A time-expanded transport with due dates: offers take people from stocks of dated cohorts, and need stops at the
receiver in the week they move. Aims are sought in strict order, each held while the next is sought. HiGHS solves it;
whole people come from a mixed-integer program where it is small, else from rounding.
"""

from __future__ import annotations

import time as clock
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import highspy
import numpy as np
from scipy import sparse

from waitlist.bands import Floats
from waitlist.mutual_aid import AIMS, Aim

SMALL = 200
"""Offers up to which whole people are sought exactly."""
EVERY = 4
"""Weeks between those in which the tolerance is asked of the program: what lengthens waits lasts."""
PRIMAL = 4
"""The solver's number for the simplex method that keeps what is possible and improves it (measured: half the time)."""


@dataclass(frozen=True)
class Offers:
    """X offers that can be made; numbers are for each person offered.

    sender, receiver, specialty, stage, group [X]: places; week of the offer, move_week. accepted: the share who
    accept; clinic, theatre: stops of each stage that the receiver needs in the week of the move, onward: theatre
    stops in the week after it. over: people fewer over thresholds at deadlines; person_weeks fewer; km and price of
    each who accepts. stock [X]: the row of Stock that the person is from.
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


@dataclass(frozen=True)
class Chosen:
    """offered [X] whole people; aims: what the program claims of them; bound: the best of the first aim that
    fractions of people could reach, and gap: how far the claim is from it, as a share (NaN where time did not do for
    it); stopped: the time limit was reached."""

    offered: np.ndarray
    aims: dict[str, float]
    bound: float
    gap: float
    stopped: bool


class Conflict(Exception):
    """Floors that nothing can meet; ``names`` of the smallest set of limits that conflict."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


class _Quiet(highspy.Highs):  # type: ignore[misc]
    """The solver, which says its name on the terminal when it is made unless told before not to."""

    def enableCallbacks(self) -> None:  # noqa: N802 - the solver's name
        """Called while it is made."""
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()  # type: ignore[no-untyped-call]


@dataclass
class _Rows:
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


def choose(asked: Question) -> Chosen:
    """The schedule that is best by ``asked.aims``. Raises Conflict where floors cannot be met."""
    from waitlist.models.rounding import rounded  # noqa: PLC0415 - rounding knows the program's question

    until = clock.monotonic() + asked.time_limit
    count = len(asked.offers.week)
    nobody = np.zeros(count)
    if not count:
        _refuse_unmet(asked)
        return Chosen(nobody.astype(int), claimed(asked, nobody), 0.0, 0.0, False)
    if np.isfinite(asked.most_over):
        least = replace(asked, aims=("over_thresholds", "transfers"), most_over=np.inf)
        if claimed(asked, fractions(least))["over_thresholds"] > asked.most_over:  # it can't be met: as near as can be
            asked = least
    free, stopped = _direction(asked, until)
    solved, best, late = _in_order(asked, free, until, exact=count <= SMALL)
    stopped |= late
    offered = np.rint(solved).astype(int) if count <= SMALL and not late else rounded(asked, solved, free)
    aims = claimed(asked, offered.astype(float))
    gap = (aims[asked.aims[0]] - best) / max(1.0, abs(best))
    return Chosen(offered, aims, best, gap if np.isnan(gap) else max(0.0, gap), stopped)


def fractions(asked: Question) -> Floats:
    """[X] offers, as fractions of people, that are best for the first aim alone, directions and batches aside."""
    if not len(asked.offers.week):
        return np.zeros(0)
    free = np.ones(len(asked.offers.week), dtype=bool)
    only = replace(asked, aims=asked.aims[:1])
    return _in_order(only, free, clock.monotonic() + asked.time_limit, exact=False)[0]


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
    offers, weeks = asked.offers, len(asked.months)
    place = receiving(asked)
    found = np.zeros_like(asked.spare.free)
    np.add.at(found[:, 0], (place, offers.move_week), offers.clinic * offered)
    np.add.at(found[:, 1], (place, offers.move_week), offers.theatre * offered)
    later = offers.move_week + 1 < weeks
    np.add.at(found[:, 1], (place[later], offers.move_week[later] + 1), (offers.onward * offered)[later])
    return found


def taken_own(asked: Question, offered: Floats) -> Floats:
    """[M, 2, K] stops taken from the receivers' own patients."""
    return np.maximum(uses(asked, offered) - asked.spare.free, 0.0)


def receiving(asked: Question) -> np.ndarray:
    """[X] the place of each offer's receiver among the M of Spare."""
    known = {key: m for m, key in enumerate(zip(asked.spare.provider, asked.spare.specialty, strict=True))}
    return np.array([known[key] for key in zip(asked.offers.receiver, asked.offers.specialty, strict=True)], dtype=int)


def _direction(asked: Question, until: float) -> tuple[np.ndarray, bool]:
    """[X] which offers may be made at all, so that nobody sends and receives the same specialty and stage in a month:
    of a provider that could do both, the way that more people go. Small programs choose it themselves."""
    free, offers = np.ones(len(asked.offers.week), dtype=bool), asked.offers
    both = _either_or(asked)
    if not both or len(offers.week) <= SMALL:
        return free, False
    first = replace(asked, aims=asked.aims[:1])
    solved, _, late = _in_order(first, free, until, exact=False)
    for sends, receives in both:
        free[receives if solved[sends].sum() >= solved[receives].sum() else sends] = False
    return free, late


def _either_or(asked: Question) -> list[tuple[np.ndarray, np.ndarray]]:
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


def _in_order(asked: Question, free: np.ndarray, until: float, exact: bool) -> tuple[Floats, float, bool]:
    """The offers [X] after the last aim, the value of the first, and whether time ran out.

    Whole people, batches and directions where ``exact``; else as fractions.
    """
    rows, width, layout = _rows(asked, exact)
    lower, upper = np.zeros(width), np.full(width, np.inf)
    count = layout["own"].start
    upper[:count] = np.where(free, np.inf, 0.0)
    upper[layout["own"]] = asked.spare.own.ravel()
    upper[layout["alive"]] = asked.stock.eligible.ravel()
    upper[layout["yes"]] = 1.0
    model = _Quiet()  # type: ignore[no-untyped-call]
    matrix = rows.matrix(width)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = width, rows.count
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = np.zeros(width), lower, upper
    lp.row_lower_, lp.row_upper_ = np.concatenate(rows.lower), np.concatenate(rows.upper)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    if exact:
        whole = np.zeros(width, dtype=int)
        whole[:count] = whole[layout["yes"]] = 1
        lp.integrality_ = [highspy.HighsVarType(int(kind)) for kind in whole]
        model.setOptionValue("mip_rel_gap", 0.0)
        model.setOptionValue("mip_abs_gap", 1e-6)
    model.passModel(lp)
    costs = _costs(asked, width, layout)
    if np.isfinite(asked.most_over):
        some = np.flatnonzero(costs["over_thresholds"])
        model.addRow(-np.inf, asked.most_over, len(some), some.astype(np.int32), costs["over_thresholds"][some])
    solved, first, late = np.zeros(count), np.nan, False
    for place, aim in enumerate(asked.aims):
        left = until - clock.monotonic()
        if left <= 0:
            late = True
            break
        model.changeColsCost(width, np.arange(width, dtype=np.int32), costs[aim])
        model.setOptionValue("time_limit", model.getRunTime() + left)
        model.run()
        status = model.getModelStatus()
        if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
            if place == 0:
                raise Conflict(_smallest(asked, model, rows, layout))
            break
        late = status != highspy.HighsModelStatus.kOptimal
        solution = model.getSolution()
        values = np.array(solution.col_value)
        if not late or (exact and solution.value_valid):
            solved = np.clip(values[:count], 0.0, None)
        if late:
            break
        value = float(costs[aim] @ values)
        if place == 0:
            model.setOptionValue("simplex_strategy", PRIMAL)  # what was best is still possible: a start for the next
            first = value
        if place + 1 < len(asked.aims):
            some = np.flatnonzero(costs[aim])
            most = value + asked.hold * abs(value) + 1e-6 * (1.0 + abs(value) * (not exact))
            model.addRow(-np.inf, most, len(some), some.astype(np.int32), costs[aim][some])
    return solved, first, late


def _rows(asked: Question, exact: bool) -> tuple[_Rows, int, dict[str, slice]]:
    """The rows of the model, how many columns it has, and where they lie: offers, own stops taken, people offered and
    still there, the greatest pressure, and yes or no."""
    offers, spare, stock, weeks = asked.offers, asked.spare, asked.stock, len(asked.months)
    count, lists, stocks = len(offers.week), len(spare.tolerance), len(stock.eligible)
    x, place = np.arange(count), receiving(asked)
    own = count + np.arange(lists * 2 * weeks).reshape(lists, 2, weeks)
    alive = count + own.size + np.arange(stocks * weeks).reshape(stocks, weeks)
    pressure = count + own.size + alive.size
    rows = _Rows()

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
    later = offers.move_week + 1 < weeks
    needs = [(0, offers.clinic, x, 0), (1, offers.theatre, x, 0), (1, offers.onward, x[later], 1)]
    parts = [(row[place[at], stage, offers.move_week[at] + on], at, use[at]) for stage, use, at, on in needs]
    rows.add(
        "spare",
        np.concatenate([row.ravel(), *(part[0] for part in parts)]),
        np.concatenate([own.ravel(), *(part[1] for part in parts)]),
        np.concatenate([-np.ones(own.size), *(part[2] for part in parts)]),
        np.full(own.size, -np.inf),
        spare.free.ravel(),
    )
    for number, (places, stops) in enumerate(spare.pools):
        mine = [(at[np.isin(place[at], places)], use, on) for _, use, at, on in needs]
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
        pair = np.unique(np.stack([offers.sender, offers.receiver]), axis=1, return_inverse=True)[1].ravel()
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


def _add_yes_or_no(asked: Question, rows: _Rows, yes: int) -> int:
    """Batches are nobody or enough, and nobody sends and receives alike in a month; the column after the last."""
    offers = asked.offers
    most = asked.stock.eligible.max(axis=1)[offers.stock] + 1.0
    if asked.batch > 1:
        ways = np.stack([offers.sender, offers.receiver, offers.specialty, offers.stage, offers.week])
        way = np.unique(ways, axis=1, return_inverse=True)[1].ravel()
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
    for sends, receives in _either_or(asked):
        for number, (some, sign) in enumerate(((sends, -1.0), (receives, 1.0))):
            whole = float(most[some].sum())
            value = np.concatenate([np.ones(len(some)), [sign * whole]])
            upper = np.array([0.0 if sign < 0 else whole])
            column = np.concatenate([some, [yes]])
            rows.add(f"way {yes} {number}", np.zeros(len(column), dtype=int), column, value, np.array([-np.inf]), upper)
        yes += 1
    return yes


def _costs(asked: Question, width: int, layout: dict[str, slice]) -> dict[str, Floats]:
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


def _refuse_unmet(asked: Question) -> None:
    """Nobody can be offered anything: a floor above nobody is a conflict."""
    unmet = [rule.name for rule in asked.rules if rule.least.max(initial=0.0) > 0]
    if unmet:
        raise Conflict([unmet[0], "nobody may be offered a move within the other limits"])


def _smallest(asked: Question, model: highspy.Highs, rows: _Rows, layout: dict[str, slice]) -> list[str]:
    """The names of the smallest set of limits that conflict, as the solver finds it."""
    model.setOptionValue("iis_strategy", 2)
    _, iis = model.getIis()
    found = {int(i) for i in iis.row_index_}
    names = []
    for number, rule in enumerate(asked.rules):
        here = rows.named[f"rule {number}"]
        if any(here.start <= i < here.stop for i in found):
            names.append(rule.name)
    said = {
        "spare": "the stops that receivers can give",
        "tolerance": "tolerance_weeks",
        "stock": "the people who may be offered a move",
        "change": "most_change",
        "batch": "batch",
    }
    said |= {f"pool {i}": "the stops of a hub" for i in range(len(asked.spare.pools))}
    for name, words in said.items():
        here = rows.named.get(name, slice(0, 0))
        if any(here.start <= i < here.stop for i in found):
            names.append(words)
    names = list(dict.fromkeys(names)) or [rule.name for rule in asked.rules if rule.least.max(initial=0.0) > 0]
    return names if len(names) > 1 else [*names, "in some week nobody may be offered such a move"]
