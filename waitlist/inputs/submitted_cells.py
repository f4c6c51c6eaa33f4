"""The cells of a written submission, those that no row gives, and how faults are told: each cause once (R14)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from waitlist.errors import Problem, Refusal
from waitlist.planning_year import PlanningYear

MOST_SHOWN = 5
LONGEST = 160
"""Characters shown of a value."""
NUMERATOR, DENOMINATOR = "Numerator", "Denominator"
SUPPRESSED = "*"

Value = int | str
"""A whole number; empty for blank, or an asterisk."""


class Cell(NamedTuple):
    """Whose, when and what a row of the file is."""

    org: str
    month: str
    ref: str
    kind: str

    def words(self) -> str:
        """The cell in words, without its empty parts."""
        return " ".join(filter(None, (self.org, self.ref, self.month, self.kind)))


@dataclass
class _Fault:
    sort: str
    rule: str
    remedy: str
    places: list[int | str] = field(default_factory=list)
    values: dict[str, None] = field(default_factory=dict)


class Faults:
    """The faults of one file as they are found. Those of one cause are told as one, and few of a sort are shown."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[tuple[str, str, str], _Fault] = {}

    def add(self, sort: str, place: int | str, value: str, rule: str, remedy: str, *, together: bool = False) -> None:
        """A fault at ``place`` (a row's number, or words). One with the rule of another is the same fault if its value
        is too, or whatever its value where they are to be told ``together``. sort: what such faults are, in words."""
        value = clipped(value)
        key = (sort, rule, "" if together else value)
        fault = self._found.setdefault(key, _Fault(sort, rule, remedy))
        fault.places.append(place)
        fault.values[value] = None

    def refuse(self) -> None:
        """Raise Refusal where there are faults."""
        if self._found:
            raise Refusal(self._problems())

    def _problems(self) -> Iterator[Problem]:
        for sort in dict.fromkeys(fault.sort for fault in self._found.values()):
            faults = [fault for fault in self._found.values() if fault.sort == sort]
            for fault in faults[:MOST_SHOWN]:
                values = listed([value for value in fault.values if value])
                yield Problem("error", self.file, _places(fault.places), values, fault.rule, fault.remedy)
            if len(faults) > MOST_SHOWN:
                more = f"{len(faults) - MOST_SHOWN} more"
                yield Problem("error", self.file, "elsewhere", more, f"{sort}, again", "Mend these in the same way.")


def expected(year: PlanningYear, orgs: Sequence[str]) -> Iterator[Cell]:
    """Every cell that a file holds."""
    metrics = year.submitted
    for month in year.months:
        for org in orgs:
            for metric in metrics:
                yield Cell(org, month, metric.ref, NUMERATOR)
                if metric.denominator:
                    yield Cell(org, month, metric.ref, DENOMINATOR)


class Gaps:
    """Cells that no row gives, to be taken by wrong rows that were meant to be them."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self._left = dict.fromkeys(cells)
        self._by_mask: dict[tuple[bool, ...], dict[tuple[str | None, ...], list[Cell]]] = {}

    def take(self, known: tuple[str | None, ...], near: tuple[str | None, ...]) -> Cell | None:
        """A cell that has what is ``known``, that which is also ``near`` if there is one; it is then no gap."""
        best = Cell(*(part or "" for part in near))
        if best not in self._left:
            mask = tuple(part is not None for part in known)
            if mask not in self._by_mask:
                index = self._by_mask[mask] = {}
                for cell in reversed(self._left):
                    index.setdefault(_masked(cell, mask), []).append(cell)
            there = self._by_mask[mask].get(known, [])
            while there and there[-1] not in self._left:
                there.pop()
            if not there:
                return None
            best = there[-1]
        del self._left[best]
        return best

    def left(self) -> list[Cell]:
        """The gaps that nothing took."""
        return list(self._left)


def clipped(text: str) -> str:
    """What stands in a file, made fit to be shown."""
    shown = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


def listed(words: Sequence[str]) -> str:
    """The first of ``words``, and how many more there are."""
    more = f" and {len(words) - MOST_SHOWN} more" if len(words) > MOST_SHOWN else ""
    return ", ".join(words[:MOST_SHOWN]) + more


def _places(places: Sequence[int | str]) -> str:
    rows = all(isinstance(place, int) for place in places)
    head = ("rows " if len(places) > 1 else "row ") if rows else ""
    return head + listed([str(place) for place in places])


def _masked(cell: Cell, mask: Sequence[bool]) -> tuple[str | None, ...]:
    return tuple(part if shown else None for part, shown in zip(cell, mask, strict=True))
