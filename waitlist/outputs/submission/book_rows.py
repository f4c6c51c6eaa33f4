"""What stands where on an organisation's sheet, and the values that its formulas come to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from waitlist.calendar import month_of
from waitlist.outputs import words as say
from waitlist.planning_year import Metric, PlanningYear
from waitlist.submission import R4_FLOWS as FLOWS
from waitlist.submission import R4_SIGNS as SIGNS
from waitlist.submission import STOCKS
from waitlist.submitted import Submission

PIECES = {
    "within_18_weeks": "Up to 18 weeks",
    "18_to_52": "Over 18, up to 52 weeks",
    "52_to_65": "Over 52, up to 65 weeks",
    "65_to_78": "Over 65, up to 78 weeks",
    "78_to_104": "Over 78, up to 104 weeks",
    "over_104_weeks": "Over 104 weeks",
}
"""The list divided by weeks waited, in words; ``piece_key`` is how their rows are called."""
NESTED = STOCKS[2:]
"""Over 18 weeks and on: each is the sum of the pieces from its own on."""
SHARES = {"percent_within_18_weeks": "within_18_weeks", "percent_over_52_weeks": "over_52_weeks"}
"""Percentages of the list, by what they are a percentage of."""
UNASKED = {"other_removals": "Other removals (net of returns): R4's own line, no reference asks for it"}
CHECKS = {
    "check_r4": "R4: closing less opening and flows (must be 0)",
    "check_nesting": "Nesting: pieces below zero (must be 0)",
    "check_sum": "The ICB less its providers, each threshold (must be 0)",
}
QUARTERS = ("q1", "q2", "q3", "q4")
FIRST_ROW, FIRST_COLUMN = 6, 3
"""Of the figures, from 0: below the title, the legend and three rows of headings; beside reference, name and unit."""

Kind = Literal["head", "value", "sum", "percent", "check"]


@dataclass(frozen=True)
class Row:
    """One row: head (a heading), value (the finest there is), sum (of the rows ``of``), percent (of the list) or check.

    key: a line, a piece, one of SHARES or of CHECKS. stock: of a day, so that a quarter is its last month.
    """

    key: str
    kind: Kind
    name: str
    ref: str = ""
    unit: str = ""
    stock: bool = False
    of: tuple[str, ...] = ()


def piece_key(piece: str) -> str:
    """The key of a piece's row, which no line has."""
    return f"piece_{piece}"


def columns(made: Submission) -> dict[str, int]:
    """opening, each month with its quarter after each third, year → column, from 0."""
    found = {"opening": FIRST_COLUMN}
    for place, month in enumerate(made.year.months):
        found[month] = FIRST_COLUMN + 1 + place + place // 3
        if place % 3 == 2:
            found[QUARTERS[place // 3]] = found[month] + 1
    return found | {"year": FIRST_COLUMN + 17}


def rows_of(made: Submission) -> tuple[Row, ...]:
    """The rows of every organisation's sheet, the same on each so that sheets can be added up.

    A disclosed submission has its lines alone, all as values: pieces, percentages and checks would tell what it hides.
    """
    year, plain = made.year, made.disclosed
    pieces = tuple(map(piece_key, PIECES))
    of = {"waiting_list": pieces, "within_18_weeks": pieces[:1]} | {n: pieces[1 + i :] for i, n in enumerate(NESTED)}
    extra = [m for m in year.submitted if year.line_of(m.ref) == m.ref]
    found = [Row("", "head", "People waiting at the end of the month")]
    found += [_of_line(made, line, True, () if plain else of[line]) for line in STOCKS]
    found += [_of_metric(m, year, plain) for m in extra if m.stock]
    if not plain:
        found += [Row(key, "percent", say.MEASURES[key], unit="% of the list", stock=True) for key in SHARES]
        found.append(Row("", "head", "The list by weeks waited: these six add up to it"))
        found += [Row(piece_key(p), "value", name, unit="pathways", stock=True) for p, name in PIECES.items()]
    found.append(Row("", "head", "Clock starts, stops, removals and transfers in the month"))
    found += [_of_line(made, line, False) for line in FLOWS]
    found.append(Row("", "head", "Hospital activity in the month"))
    found += [_of_metric(m, year, plain) for m in extra if not m.stock]
    if not plain:
        found.append(Row("", "head", "Checks"))
        found += [Row(key, "check", name) for key, name in CHECKS.items()]
    return tuple(found)


def metrics_of(year: PlanningYear, line: str) -> list[Metric]:
    """The year's metrics whose own count is this line."""
    return [metric for metric in year.submitted if year.line_of(metric.ref) == line]


def metric_name(metric: Metric) -> str:
    """A metric's name, and that it is to be checked where nobody has sourced it."""
    return f"{metric.name} (check)" if metric.sure == "check" else metric.name


def line_name(year: PlanningYear, line: str) -> str:
    """A line in words: its metric's name where the year has one."""
    asked = metrics_of(year, line)
    return metric_name(asked[0]) if asked else say.MEASURES.get(line, line)


def _of_line(made: Submission, line: str, stock: bool, of: tuple[str, ...] = ()) -> Row:
    asked = metrics_of(made.year, line)
    unit = asked[0].unit if asked else "pathways"
    ref = ", ".join(metric.ref for metric in asked)
    name = line_name(made.year, line) if asked else UNASKED.get(line) or line_name(made.year, line)
    return Row(line, "sum" if of else "value", name, ref, unit, stock, of)


def _of_metric(metric: Metric, year: PlanningYear, plain: bool) -> Row:
    of = () if plain else tuple(year.line_of(ref) for ref in metric.of)
    return Row(metric.ref, "sum" if of else "value", metric_name(metric), metric.ref, metric.unit, metric.stock, of)


Cell = tuple[str, str, str]
"""(organisation, row's key, column's name)."""


@dataclass(frozen=True)
class Held:
    """A submission's figures by cell: what stands there, and what its formula comes to. NaN is blank."""

    made: Submission

    @cached_property
    def columns(self) -> dict[str, int]:
        """As ``columns``."""
        return columns(self.made)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """As ``rows_of``."""
        return rows_of(self.made)

    @cached_property
    def place(self) -> dict[str, int]:
        """Each row's key → row, from 0."""
        return {row.key: FIRST_ROW + i for i, row in enumerate(self.rows) if row.key}

    @cached_property
    def sheets(self) -> dict[str, str]:
        """Each organisation → the name of its sheet: its code, unless another sheet has that name."""
        taken = {"history", *map(str.lower, FIXED)}
        found = {}
        for org in self.made.orgs:
            name = "".join(sign for sign in org if sign.isalnum())[:25] or "Organisation"
            while name.lower() in taken:
                name += " org"
            found[org] = name
            taken.add(name.lower())
        return found

    @cached_property
    def month_names(self) -> dict[str, str]:
        """Each month of the table → the name of its column."""
        return {month: month for month in self.made.year.months} | {self.made.months[0]: "opening"}

    @cached_property
    def status(self) -> Mapping[Cell, str]:
        """Each cell of a line → its status."""
        table = self.made.figures
        rows = zip(table["org"], table["line"], table["month"], table["status"], strict=True)
        return {(org, line, self.month_names[month]): status for org, line, month, status in rows} | {
            (org, line, name): "suppressed" for org, line, names in self._withheld() for name in names
        }

    @cached_property
    def values(self) -> Mapping[Cell, float]:
        """Every cell's value: lines and periods as given, pieces, percentages and checks as their formulas have it."""
        found = self._of_lines("value")
        table = self.made.periods
        for name in (*QUARTERS, "year"):
            for org, line, value in zip(table["org"], table["line"], table[name], strict=True):
                found[org, line, name] = float(value)
        found |= pieces_of(found, self.made.orgs, tuple(self.columns))
        for org in self.made.orgs:
            for name in self.columns:
                for key, part in SHARES.items():
                    found[org, key, name] = _share(found[org, part, name], found[org, "waiting_list", name])
        return found | self._checks(found)

    @cached_property
    def changed(self) -> frozenset[Cell]:
        """The cells of pieces that are not as the model has them."""
        names = tuple(self.month_names.values())
        mine = pieces_of(self._of_lines("value"), self.made.orgs, names)
        model = pieces_of(self._of_lines("model_value"), self.made.orgs, names)
        return frozenset(cell for cell, value in mine.items() if value != model[cell] and not math.isnan(value))

    def status_of(self, org: str, row: Row, name: str) -> str:
        """A cell's status; that of a percentage is that of what it is a percentage of."""
        if row.key.startswith("piece_"):
            return "adjusted" if (org, row.key, name) in self.changed else ""
        return self.status.get((org, SHARES.get(row.key, row.key), name), "")

    def is_actual(self, month: str) -> bool:
        """Whether a month was observed."""
        return month <= month_of(self.made.snapshot)

    def _of_lines(self, column: str) -> dict[Cell, float]:
        table = self.made.figures
        rows = zip(table["org"], table["line"], table["month"], table[column], strict=True)
        return {(org, line, self.month_names[month]): float(value) for org, line, month, value in rows}

    def _withheld(self) -> Iterator[tuple[str, str, list[str]]]:
        table = self.made.periods
        for org, line, names in zip(table["org"], table["line"], table["suppressed"], strict=True):
            yield org, line, [name for name in str(names).split(",") if name]

    def _checks(self, values: Mapping[Cell, float]) -> dict[Cell, float]:
        """Each check of each organisation and month, as its formula has it."""
        found: dict[Cell, float] = {}
        names = ("opening", *self.made.year.months)
        for org in self.made.orgs:
            for before, name in zip(names, names[1:], strict=False):
                flows = sum(sign * values[org, flow, name] for sign, flow in zip(SIGNS, FLOWS, strict=True))
                change = values[org, "waiting_list", name] - values[org, "waiting_list", before]
                found[org, "check_r4", name] = change - flows
                pieces = [values[org, piece_key(piece), name] for piece in PIECES]
                known = not any(map(math.isnan, pieces))
                found[org, "check_nesting", name] = float(sum(p < 0 for p in pieces)) if known else math.nan
                if org == self.made.icb:
                    off = [
                        abs(values[org, line, name] - sum(values[p, line, name] for p in self.made.providers))
                        for line in STOCKS
                    ]
                    found[org, "check_sum", name] = sum(off)
        return found


FIXED = ("Checks", "Overrides", "Commissioner basis", "Standards", "Metrics", "Ranges", "Notes")
"""The names of the other sheets."""


def pieces_of(values: Mapping[Cell, float], orgs: tuple[str, ...], names: tuple[str, ...]) -> dict[Cell, float]:
    """The list by weeks waited of each organisation and column: differences of the nested thresholds."""
    found = {}
    for org in orgs:
        for name in names:
            found[org, piece_key("within_18_weeks"), name] = values[org, "within_18_weeks", name]
            for piece, over, beyond in zip(tuple(PIECES)[1:], NESTED, NESTED[1:], strict=False):
                found[org, piece_key(piece), name] = values[org, over, name] - values[org, beyond, name]
            found[org, piece_key("over_104_weeks"), name] = values[org, "over_104_weeks", name]
    return found


def _share(part: float, whole: float) -> float:
    """``part`` of ``whole``, 0 to 1; NaN where either is blank or nobody waits."""
    return part / whole if whole else math.nan
