"""The linear program that chooses transfers over weeks, pairs, specialties, stages and groups of people (R12).

A time-expanded transport with due dates: offers take people from stocks of dated cohorts, and need stops at the
receiver in the week they move. Aims are sought in strict order, each held while the next is sought. HiGHS solves it;
whole people come from a mixed-integer program where it is small, else from rounding.
"""

from __future__ import annotations

import time as clock
from collections.abc import Sequence
from dataclasses import dataclass, replace

import highspy
import numpy as np

from waitlist.bands import Floats
from waitlist.models.question import Question, claimed, either_or
from waitlist.models.rounding import rounded
from waitlist.models.rows import Rows, costs_of, rows_of

SMALL, SMALL_NODES = 200, 100
"""Offers up to which whole people are sought exactly, and the nodes that are looked at for each aim: a bound that is
the same on every machine, as seconds are not (R11)."""
FAR, NEAR = 0.02, 0.005
"""Gaps, as shares: from which whole people are searched for once more, and which is near enough."""
MOST_SEARCHED, NODES = 5_000, 1
"""Offers among which that search is made, and its nodes."""
PART, STEPS = 0.25, 14
"""Of the providers that both send and receive, how many are let do one of the two at a time, and how often."""
IMPOSSIBLE = (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible)
DONE = (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kSolutionLimit)
PRIMAL = 4
"""The solver's number for the simplex method that keeps what is possible and improves it (measured: half the time)."""


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
    """Floors that nothing can meet; ``names`` of the smallest set of limits that conflict, and the ``week`` (from 0) of
    the first floor among them."""

    def __init__(self, names: Sequence[str], week: int) -> None:
        super().__init__(", ".join(names))
        self.names, self.week = tuple(names), week


class _Quiet(highspy.Highs):  # type: ignore[misc]
    """The solver, which says its name on the terminal when it is made unless told before not to."""

    def enableCallbacks(self) -> None:  # noqa: N802 - the solver's name
        """Called while it is made."""
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()  # type: ignore[no-untyped-call]


def choose(asked: Question) -> Chosen:
    """The schedule that is best by ``asked.aims``. Raises Conflict where floors cannot be met."""
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
    free, bound, stopped = _direction(asked, until)
    solved, best, late = _in_order(asked, free, until, SMALL_NODES if count <= SMALL else 0)
    whole = np.rint(solved).astype(int) if count <= SMALL and not late else rounded(asked, solved, free)
    return _chosen(asked, whole, best if free.all() else bound, stopped or late)


def bettered(asked: Question, chosen: Chosen) -> Chosen:
    """``chosen``, or a better schedule for the first aim where it is far from the best and the system not large:
    found by a search in whole people that starts from it."""
    if not chosen.gap > FAR or len(asked.offers.week) > MOST_SEARCHED:
        return chosen
    until = clock.monotonic() + asked.time_limit
    first, every = replace(asked, aims=asked.aims[:1]), np.ones(len(asked.offers.week), dtype=bool)
    found, bound, late = _in_order(first, every, until, NODES, chosen.offered)
    whole = np.rint(found).astype(int)
    if claimed(asked, whole.astype(float))[asked.aims[0]] >= chosen.aims[asked.aims[0]]:
        whole = chosen.offered
    return _chosen(asked, whole, np.nanmax([bound, chosen.bound]), chosen.stopped or late)


def _chosen(asked: Question, offered: np.ndarray, bound: float, stopped: bool) -> Chosen:
    aims = claimed(asked, offered.astype(float))
    gap = (aims[asked.aims[0]] - bound) / max(1.0, abs(bound))
    return Chosen(offered, aims, bound, gap if np.isnan(gap) else max(0.0, gap), stopped)


def fractions(asked: Question) -> Floats:
    """[X] offers, as fractions of people, that are best for the first aim alone, directions and batches aside."""
    if not len(asked.offers.week):
        return np.zeros(0)
    free = np.ones(len(asked.offers.week), dtype=bool)
    only = replace(asked, aims=asked.aims[:1])
    return _in_order(only, free, clock.monotonic() + asked.time_limit)[0]


def _direction(asked: Question, until: float) -> tuple[np.ndarray, float, bool]:
    """[X] which offers may be made at all, so that nobody sends and receives the same specialty and stage in a month;
    the best that could be had without this; and whether time ran out. Small programs choose it themselves.

    Of the providers that do both in the best fractions, those are decided first that gain least by the lesser of the
    two, PART of them at a time, and the rest is solved again: a dive, each step of which starts from the last.
    """
    free, both = np.ones(len(asked.offers.week), dtype=bool), either_or(asked)
    if not both or len(free) <= SMALL:
        return free, np.nan, False
    first = replace(asked, aims=asked.aims[:1])
    model, rows, costs = _model(first, free)
    cost, bound, solved, open_ = costs[first.aims[0]], np.nan, np.zeros(len(free)), np.ones(len(both), dtype=bool)
    _seek(model, cost)
    for step in range(STEPS + 1):
        status = _solve(model, until)
        if status in IMPOSSIBLE and step == 0:
            raise _smallest(asked, model, rows)
        if status != highspy.HighsModelStatus.kOptimal:  # the rounding sees to what is still undecided
            return free, bound, status not in IMPOSSIBLE
        values = np.array(model.getSolution().col_value)
        bound = float(cost @ values) if step == 0 else bound
        solved = values[: len(free)] * asked.offers.over
        gains = np.array([[solved[sends].sum(), solved[receives].sum()] for sends, receives in both])
        lesser = gains.min(axis=1)
        undecided = np.flatnonzero(open_ & (lesser > 1e-9))
        if step == STEPS or not len(undecided):
            break
        order = undecided[np.argsort(lesser[undecided] / gains[undecided].sum(axis=1), kind="stable")]
        now = order[: int(np.ceil(PART * len(order)))]
        open_[now] = False
        _close(free, both, gains, now)
        shut = np.flatnonzero(~free).astype(np.int32)
        model.changeColsBounds(len(shut), shut, np.zeros(len(shut)), np.zeros(len(shut)))
    _close(free, both, gains, np.flatnonzero(open_))
    return free, bound, False


def _close(free: np.ndarray, both: list[tuple[np.ndarray, np.ndarray]], gains: Floats, places: np.ndarray) -> None:
    """Let those at ``places`` of ``both`` only send, or only receive: what ``gains`` more."""
    for i in places:
        free[both[i][int(gains[i, 0] >= gains[i, 1])]] = False


def _model(asked: Question, free: np.ndarray, nodes: int = 0) -> tuple[highspy.Highs, Rows, dict[str, Floats]]:
    """The solver with the limits of ``asked``, its rows, and what each aim makes of every column, offers first.

    Only offers that are ``free`` [X] may be made. Whole people, batches and directions where ``nodes`` may be looked at
    for each aim; else fractions.
    """
    rows, width, layout = rows_of(asked, nodes > 0)
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
    if nodes:
        whole = np.zeros(width, dtype=int)
        whole[:count] = whole[layout["yes"]] = 1
        lp.integrality_ = [highspy.HighsVarType(int(kind)) for kind in whole]
        model.setOptionValue("mip_rel_gap", 0.0)
        model.setOptionValue("mip_abs_gap", 1e-6)
        model.setOptionValue("mip_max_nodes", nodes)
    model.passModel(lp)
    costs = costs_of(asked, width, layout)
    if np.isfinite(asked.most_over):
        _hold(model, costs["over_thresholds"], asked.most_over)
    return model, rows, costs


def _hold(model: highspy.Highs, cost: Floats, most: float) -> None:
    """Let ``cost`` be no more than ``most``."""
    some = np.flatnonzero(cost).astype(np.int32)
    model.addRow(-np.inf, most, len(some), some, cost[some])


def _seek(model: highspy.Highs, cost: Floats) -> None:
    model.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), cost)


def _solve(model: highspy.Highs, until: float) -> highspy.HighsModelStatus:
    """Solve until then at most, and say how it ended."""
    left = until - clock.monotonic()
    if left <= 0:
        return highspy.HighsModelStatus.kTimeLimit
    model.setOptionValue("time_limit", model.getRunTime() + left)
    model.run()
    return model.getModelStatus()


def _in_order(
    asked: Question, free: np.ndarray, until: float, nodes: int = 0, start: np.ndarray | None = None
) -> tuple[Floats, float, bool]:
    """The offers [X] after the last aim, the value of the first (where whole, the bound that is proven), and whether
    time ran out. ``free`` and ``nodes`` as _model has them; ``start`` [X]: a schedule to better.
    """
    model, rows, costs = _model(asked, free, nodes)
    count = len(free)
    if start is not None:
        model.setSolution(count, np.arange(count, dtype=np.int32), start.astype(float))
        model.setOptionValue("mip_rel_gap", NEAR)
    solved, first = np.zeros(count), np.nan
    for place, aim in enumerate(asked.aims):
        _seek(model, costs[aim])
        status = _solve(model, until)
        if status in IMPOSSIBLE:
            if place == 0:
                raise _smallest(asked, model, rows)
            break
        if status == highspy.HighsModelStatus.kTimeLimit and not nodes:
            return solved, first, True
        if nodes and place == 0:
            first = float(model.getInfo().mip_dual_bound)
        solution = model.getSolution()
        if not solution.value_valid:
            return solved, first, place == 0 or status not in DONE
        values = np.array(solution.col_value)
        solved = np.clip(values[:count], 0.0, None)
        if status not in DONE:
            return solved, first, True
        value = float(costs[aim] @ values)
        if place == 0:
            model.setOptionValue("simplex_strategy", PRIMAL)  # what was best is still possible: a start for the next
            first = first if nodes else value
        _hold(model, costs[aim], value + asked.hold * abs(value) + 1e-6 * (1.0 + abs(value) * (not nodes)))
        if nodes:
            model.setSolution(len(values), np.arange(len(values), dtype=np.int32), values)
    return solved, first, False


def _refuse_unmet(asked: Question) -> None:
    """Nobody can be offered anything: a floor above nobody is a conflict."""
    unmet = [(int(np.flatnonzero(rule.least)[0]), rule.name) for rule in asked.rules if rule.least.any()]
    if unmet:
        week, name = min(unmet)
        raise Conflict([name, NOBODY_THEN], week)


NOBODY_THEN = "nobody may be offered such a move then"


def _smallest(asked: Question, model: highspy.Highs, rows: Rows) -> Conflict:
    """The smallest set of limits that conflict, as the solver finds it."""
    model.setOptionValue("iis_strategy", 2)
    _, iis = model.getIis()
    found = {int(i) for i in iis.row_index_}
    names, weeks = [], []
    for number, rule in enumerate(asked.rules):
        here = rows.named[f"rule {number}"]
        if any(here.start <= i < here.stop for i in found):
            names.append(rule.name)
            weeks += [i - here.start for i in found if here.start <= i < here.stop and rule.least[i - here.start] > 0]
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
    names = list(dict.fromkeys(names)) or [rule.name for rule in asked.rules if rule.least.any()]
    weeks = weeks or [int(np.flatnonzero(rule.least)[0]) for rule in asked.rules if rule.least.any()]
    return Conflict(names if len(names) > 1 else [*names, NOBODY_THEN], min(weeks))
