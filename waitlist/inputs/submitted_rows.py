"""The rows of a written submission as figures: what each row says, and which rows there should be (R14)."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations
from typing import NamedTuple

from waitlist.inputs.submitted_cells import (
    DENOMINATOR,
    NUMERATOR,
    Cell,
    Faults,
    Gaps,
    Value,
    clipped,
    expected,
)
from waitlist.inputs.submitted_value import NoValue, value_of
from waitlist.planning_year import Metric, PlanningYear, in_force, years

WORDS = ("MeasureID", "MeasureFamily", "MeasureSubject", "ActivityCategory", "MeasureName")
"""Columns that follow from the planning reference."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula's start."""
KEYS = ("OrgCode", "DimDateStart", "PlanningRef", "MeasureType")
"""The columns of Cell, in its order."""
MEND = "Mend it and read the file again."
MOST_LOOKED = 200
"""Unknown codes whose nearest is looked for."""


class Row(NamedTuple):
    """A row's number, its texts by column as far as it has them, and how many values it holds."""

    line: int
    texts: Mapping[str, str]
    width: int

    @property
    def even(self) -> bool:
        """Whether it holds as many values as the header, of which Value is the last."""
        return self.width == len(self.texts) and "Value" in self.texts


@dataclass(frozen=True)
class _Ref:
    """A row's planning reference: known, or what it was perhaps meant to be, and the rule where it is yet to be told.
    extra: it is none of the year."""

    known: str | None
    near: str | None = None
    rule: str = ""
    extra: bool = False


@dataclass(frozen=True)
class _Stray:
    """A row that does not say which cell it is: what is known of it, and what it was perhaps meant to be."""

    row: Row
    known: tuple[str | None, ...]
    near: tuple[str | None, ...]
    ref: _Ref | None = None


class Sheet:
    """The cells of the rows read so far, and the faults of rows.

    unsummed: months and references of which an organisation that is not known has rows too.
    """

    def __init__(self, year: PlanningYear, orgs: Sequence[str], faults: Faults) -> None:
        self.year, self.months, self.orgs, self.faults = year, year.months, tuple(orgs), faults
        self.refs = {metric.ref: metric for metric in year.submitted}
        self._words = {ref: _words(metric) for ref, metric in self.refs.items()}
        self._owners = {tuple(words.values()): ref for ref, words in self._words.items()}
        self.values: dict[Cell, Value] = {}
        self._rows: dict[Cell, int] = {}
        self.unsummed: set[tuple[str, str]] = set()
        self._strays: list[_Stray] = []
        self._again: list[tuple[Cell, int]] = []
        self._looked: set[str] = set()

    def read(self, rows: Sequence[Row]) -> None:
        """Read ``rows``, then find what is missing."""
        whole = [row for row in rows if row.even]
        region = Counter(row.texts["RegionCode"] for row in whole).most_common(1)
        for row in rows:
            if row.even:
                self._row(row, region[0][0])
            else:
                self._uneven(row)
        self._missing()

    def _row(self, row: Row, region: str) -> None:
        self._same(row, region)
        ref = self._ref(row)
        metric = self.refs[ref.known] if ref.known else None
        org = row.texts["OrgCode"] if row.texts["OrgCode"] in self.orgs else None
        month, kind, value = self._month(row), self._kind(row, metric), self._value(row, metric)
        if org is None or month is None or ref.known is None or kind is None:
            near = (org or self._near(row.texts["OrgCode"], self.orgs), month, ref.known or ref.near, kind)
            self._strays.append(_Stray(row, (org, month, ref.known, kind), near, ref))
            return
        cell = Cell(org, month, ref.known, kind)
        if cell in self._rows:
            self._again.append((cell, row.line))
            if self.values.get(cell) != value:
                self.values.pop(cell, None)  # which of them holds is not known
        else:
            self._rows[cell] = row.line
            if value is not None:
                self.values[cell] = value

    def _near(self, text: str, known: tuple[str, ...]) -> str | None:
        """The nearest of ``known``, which is looked for a few times only, for it takes long."""
        if text not in self._looked and len(self._looked) >= MOST_LOOKED:
            return None
        self._looked.add(text)
        return nearest(text, known)

    def _same(self, row: Row, region: str) -> None:
        """What is the same in every row."""
        there, metric_type = row.texts["RegionCode"], row.texts["MetricType"]
        if there != region:
            rule = f"RegionCode must be the same in every row: {clipped(region) or 'blank'} in most"
            self.faults.add("another RegionCode", row.line, there or "blank", rule, MEND)
        if metric_type != "Count":
            self.faults.add("another MetricType", row.line, metric_type or "blank", "MetricType must be Count", MEND)

    def _uneven(self, row: Row) -> None:
        rule = "a row must hold as many values as the header"
        remedy = "Look for a missing value, or a comma outside quotation marks."
        self.faults.add("a row of another width", row.line, f"{row.width} values", rule, remedy)
        org, day, ref, kind = (row.texts.get(column, "") for column in KEYS)
        known = (
            org if org in self.orgs else None,
            day[:7] if day.endswith("-01") and day[:-3] in self.months else None,
            ref if ref in self.refs else None,
            kind if kind in (NUMERATOR, DENOMINATOR) else None,
        )
        self._strays.append(_Stray(row, known, known))

    def _ref(self, row: Row) -> _Ref:
        ref, told = row.texts["PlanningRef"], {column: row.texts[column] for column in WORDS}
        owner = self._owners.get(tuple(told.values()))
        if ref not in self.refs:
            rule = f"PlanningRef must be a reference of {self.year.year}"
            other = _years_of_refs().get(ref)
            if other and ref.replace(".", "") == told["MeasureID"]:
                return _Ref(None, None, f"{rule}; {ref} is one of {other}", extra=True)
            by_id = (one for one, words in self._words.items() if words["MeasureID"] == told["MeasureID"])
            near = owner or next(by_id, None) or self._near(ref, tuple(self.refs))
            return _Ref(None, near, f"{rule}, and {ref} is one of {other}" if other else rule)
        if owner and self._words[ref] != told:
            return _Ref(None, owner, "PlanningRef must go with the row's MeasureID and MeasureName")
        for column, right in self._words[ref].items():
            if told[column] != right:
                others = [one for one, words in self._words.items() if words[column] == told[column]]
                rule = f"{column} of {ref} must be {right}" + (f"; this is that of {others[0]}" if others else "")
                sort = f"a {column} that does not go with its PlanningRef"
                self.faults.add(sort, row.line, told[column] or "blank", rule, MEND)
        return _Ref(ref)

    def _month(self, row: Row) -> str | None:
        line, texts, _ = row
        text, first, last = texts["DimDateStart"], self.months[0], self.months[-1]
        english = re.fullmatch(r"(\d\d?)/(\d\d?)/(\d{4})", text, re.ASCII)
        iso = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])(-.*)?", text, re.ASCII)
        month = f"{english[3]}-{int(english[2]):02}" if english else text[:7] if iso else ""
        rule, within = "", month in self.months
        if english:
            rule = f"DimDateStart must be written as {first}-01, the year first, not day/month/year"
        elif not iso:
            rule = f"DimDateStart must be a date such as {first}-01"
        elif not within:
            rule = f"DimDateStart must be in the planning year {self.year.year}, {first}-01 to {last}-01"
        elif text != f"{month}-01":
            rule = f"DimDateStart must be the first day of a month, such as {first}-01"
        if rule:
            self.faults.add("a wrong DimDateStart", line, text or "blank", rule, MEND, together=True)
        return month if within else None

    def _kind(self, row: Row, metric: Metric | None) -> str | None:
        line, texts, _ = row
        kind = texts["MeasureType"]
        if kind not in (NUMERATOR, DENOMINATOR):
            near = nearest(kind, (NUMERATOR, DENOMINATOR))
            rule = f"MeasureType must be {NUMERATOR} or {DENOMINATOR}{_hint(near)}"
            self.faults.add("a wrong MeasureType", line, kind or "blank", rule, MEND)
            return near
        if kind == DENOMINATOR and metric and not metric.denominator:
            rule = f"{metric.ref} has no {DENOMINATOR}"
            self.faults.add("a Denominator too many", line, kind, rule, "Leave the row out, or write Numerator.")
            return None
        return kind

    def _value(self, row: Row, metric: Metric | None) -> Value | None:
        """The row's Value; None where it cannot be read."""
        text = row.texts["Value"]
        value = value_of(text, share=bool(metric and metric.denominator))
        if isinstance(value, NoValue):
            self.faults.add(value.sort, row.line, text, value.rule, value.remedy, together=value.together)
            return None
        return value

    def _missing(self) -> None:
        """Tell which rows are missing, apart from those that a wrong row was meant to be; and such rows."""
        wanted = list(expected(self.year, self.orgs))
        gaps = Gaps(cell for cell in wanted if cell not in self._rows)
        for stray in self._strays:
            extra = stray.ref is not None and stray.ref.extra
            self._tell(stray, None if extra else gaps.take(stray.known, stray.near))
        for cell, line in self._again:
            self._tell_again(cell, line, gaps)
        _report(wanted, gaps.left(), self.faults)

    def _tell(self, stray: _Stray, meant: Cell | None) -> None:
        line, texts, _ = stray.row
        if stray.ref is None:
            return
        org, _, ref, _ = meant or stray.near
        _, month, known, _ = stray.known
        if not meant and month and known:
            self.unsummed.add((month, known))
        if stray.known[0] is None:
            rule = f"OrgCode must be an organisation of the submission{_hint(org)}"
            self.faults.add("an unknown OrgCode", line, texts["OrgCode"] or "blank", rule, MEND)
        if stray.ref.rule:
            hint = "" if stray.ref.extra else _hint(ref)
            told = texts["PlanningRef"] or "blank"
            self.faults.add("an unknown PlanningRef", line, told, f"{stray.ref.rule}{hint}", MEND)

    def _tell_again(self, cell: Cell, line: int, gaps: Gaps) -> None:
        masks = [tuple(None if i == at else part for i, part in enumerate(cell)) for at in range(len(cell))]
        meant = next((found for mask in masks if (found := gaps.take(mask, mask))), None)
        rule = "each figure may be given once" + (f"; {meant.words()} is missing" if meant else "")
        remedy = "Is one of them that row?" if meant else "Keep the right one."
        self.faults.add("a row given twice", f"rows {self._rows[cell]} and {line}", cell.words(), rule, remedy)


def _report(wanted: Sequence[Cell], missing: Sequence[Cell], faults: Faults) -> None:
    """Tell missing rows, the most that can be said of them at once first: all of an organisation, a month …"""
    for size in range(1, len(KEYS) + 1):
        for part in combinations(range(len(KEYS)), size):
            whole = Counter(tuple(cell[at] for at in part) for cell in wanted)
            gone: dict[tuple[str, ...], list[Cell]] = {}
            for cell in missing:
                gone.setdefault(tuple(cell[at] for at in part), []).append(cell)
            missing = []
            for key, cells in gone.items():
                if len(cells) < whole[key]:
                    missing += cells
                    continue
                kinds = " and ".join(dict.fromkeys(cell.kind for cell in cells))
                place = Cell(*(key[part.index(at)] if at in part else "" for at in range(len(KEYS)))).words()
                rule = f"the {kinds} row is missing" if len(cells) == 1 else f"all its {kinds} rows are missing"
                faults.add("missing rows", place, "no row", rule, "Add what is missing.")


@lru_cache(maxsize=1000)
def nearest(text: str, known: tuple[str, ...]) -> str | None:
    """What ``text`` was perhaps meant to be."""
    plain = {one.lower().replace(".", ""): one for one in known}
    near = difflib.get_close_matches(text[:80].lower().replace(".", ""), list(plain), n=1)
    return plain[near[0]] if near else None


def _words(metric: Metric) -> dict[str, str]:
    words = (metric.ref.replace(".", ""), metric.family, metric.subject, metric.category, metric.name)
    return dict(zip(WORDS, map(_plain, words), strict=True))


def _plain(text: str) -> str:
    """A plan's text as a submission writes it, lest a spreadsheet take it for a formula."""
    return f"'{text}".strip() if text[:1] in FORMULA else text.strip()


@cache
def _years_of_refs() -> dict[str, str]:
    """The latest planning year of every reference."""
    return {metric.ref: year for year in years() for metric in in_force(year).year.submitted}


def _hint(near: str | None) -> str:
    return f"; did you mean {near}?" if near else ""
