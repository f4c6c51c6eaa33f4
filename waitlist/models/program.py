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
    """[X] which offers may be made at all, so that nobody sends and receives the same specialty and stage in a month:
    of a provider that could do both, the way that more people go; and the best that could be had without this. Small
    programs choose it themselves."""
    free, offers = np.ones(len(asked.offers.week), dtype=bool), asked.offers
    both = either_or(asked)
    if not both or len(offers.week) <= SMALL:
        return free, np.nan, False
    solved, bound, late = _in_order(replace(asked, aims=asked.aims[:1]), free, until)
    for sends, receives in both:
        free[receives if solved[sends].sum() >= solved[receives].sum() else sends] = False
    return free, bound, late


def _in_order(
    asked: Question, free: np.ndarray, until: float, nodes: int = 0, start: np.ndarray | None = None
) -> tuple[Floats, float, bool]:
    """The offers [X] after the last aim, the value of the first (where whole, the bound that is proven), and whether
    time ran out.

    Whole people, batches and directions where ``nodes`` may be looked at for each aim; else as fractions. ``start``
    [X]: a schedule to better.
    """
    exact = nodes > 0
    rows, width, layout = rows_of(asked, exact)
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
        model.setOptionValue("mip_max_nodes", nodes)
    model.passModel(lp)
    costs = costs_of(asked, width, layout)
    if np.isfinite(asked.most_over):
        some = np.flatnonzero(costs["over_thresholds"])
        model.addRow(-np.inf, asked.most_over, len(some), some.astype(np.int32), costs["over_thresholds"][some])
    if start is not None:
        columns = np.arange(count, dtype=np.int32)
        model.setSolution(count, columns, start.astype(float))
        model.setOptionValue("mip_rel_gap", NEAR)
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
                raise _smallest(asked, model, rows)
            break
        late = status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kSolutionLimit)
        if exact and place == 0:
            first = float(model.getInfo().mip_dual_bound)
        solution = model.getSolution()
        values, there = np.array(solution.col_value), solution.value_valid and (exact or not late)
        if there:
            solved = np.clip(values[:count], 0.0, None)
        late = late or (not there and place == 0)
        if late or not there:
            break
        value = float(costs[aim] @ values)
        if place == 0:
            model.setOptionValue("simplex_strategy", PRIMAL)  # what was best is still possible: a start for the next
            first = first if exact else value
        if place + 1 < len(asked.aims):
            some = np.flatnonzero(costs[aim])
            most = value + asked.hold * abs(value) + 1e-6 * (1.0 + abs(value) * (not exact))
            model.addRow(-np.inf, most, len(some), some.astype(np.int32), costs[aim][some])
            if exact:
                model.setSolution(width, np.arange(width, dtype=np.int32), values)
    return solved, first, late


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
