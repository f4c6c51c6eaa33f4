"""The solver, HiGHS, told the limits of a question: made, asked, and asked what conflicts (R12)."""

from __future__ import annotations

import time as clock
from collections.abc import Sequence

import highspy
import numpy as np

from waitlist.bands import Floats
from waitlist.models.question import Question
from waitlist.models.rows import Rows, costs_of, rows_of

IMPOSSIBLE = (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible)
DONE = (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kSolutionLimit)
NOT_BEGUN = highspy.HighsModelStatus.kNotset
NOBODY_THEN = "nobody may be offered such a move then"


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


def model_of(asked: Question, free: np.ndarray, nodes: int = 0) -> tuple[highspy.Highs, Rows, dict[str, Floats]]:
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
        hold(model, costs["over_thresholds"], asked.most_over)
    return model, rows, costs


def hold(model: highspy.Highs, cost: Floats, most: float) -> None:
    """Let ``cost`` be no more than ``most``."""
    some = np.flatnonzero(cost).astype(np.int32)
    model.addRow(-np.inf, most, len(some), some, cost[some])


def seek(model: highspy.Highs, cost: Floats) -> None:
    """Let the least of ``cost`` be what is sought."""
    model.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), cost)


def solve(model: highspy.Highs, until: float) -> highspy.HighsModelStatus:
    """Solve until then at most, and say how it ended."""
    left = until - clock.monotonic()
    if left <= 0:
        return NOT_BEGUN
    model.setOptionValue("time_limit", model.getRunTime() + left)
    model.run()
    return model.getModelStatus()


def smallest(asked: Question, model: highspy.Highs, rows: Rows) -> Conflict:
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
