"""What the board pack is written with: sentences whose numbers know where they stand, and the figures behind them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from waitlist.calendar import month_end, month_of
from waitlist.outputs import words as say
from waitlist.outputs.parts import Table
from waitlist.submitted import Submission

SHARES = {"percent_within_18_weeks": "within_18_weeks", "percent_over_52_weeks": "over_52_weeks"}
"""Percentages of the list, by what they are a percentage of."""
POSITION = ("waiting_list", "within_18_weeks", "percent_within_18_weeks", "over_52_weeks", "over_65_weeks")
"""What is told of a list at one time."""
PERIODS = ("q1", "q2", "q3", "q4", "year")
SUPPRESSED = "*"
RECORD = "the published months before the year, which are not in the workbook"

Key = tuple[str, str, str]
"""(organisation, line, when): a month YYYY-MM, one of PERIODS, or ``opening``."""


@dataclass(frozen=True)
class Cited:
    """A number as it stands in a sentence, and what it rests on.

    keys: the figure that it is, or where ``how`` says what was done (such as ``sum of``) the figures it is worked from.
    source: where there is no figure, the sheet of the workbook that has it, or another source in words.
    """

    text: str
    keys: tuple[Key, ...] = ()
    how: str = ""
    source: str = ""


Piece = str | Cited
Part = Piece | Sequence[Piece] | None


@dataclass(frozen=True)
class Sentence:
    """A sentence in pieces: words and cited numbers."""

    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The sentence as it is read."""
        return "".join(piece if isinstance(piece, str) else piece.text for piece in self.pieces)

    @property
    def cited(self) -> tuple[Cited, ...]:
        """Its numbers, in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Cited))

    @property
    def cells(self) -> tuple[tuple[str, Key | str], ...]:
        """Each number's text with the key of the figure that it is, or with what else it rests on in words."""
        return tuple((c.text, c.keys[0] if c.keys and not c.how else c.source or c.how) for c in self.cited)

    @property
    def labels(self) -> tuple[str, ...]:
        """Its digits that are no figures: dates, thresholds, the names of standards, and what planners wrote."""
        return tuple(piece for piece in self.pieces if isinstance(piece, str) and re.search(r"\d", piece))


def said(template: str, **parts: Part) -> Sentence | None:
    """``template`` with its ``{parts}`` put in; None where one of them is not known or not to be shown."""
    pieces: list[Piece] = []
    for words, name, _, _ in Formatter().parse(template):
        pieces += [words] if words else []
        if name is None:
            continue
        part = parts[name]
        if part is None:
            return None
        pieces += [part] if isinstance(part, (str, Cited)) else part
    return Sentence(tuple(pieces))


def kept(sentences: Iterable[Sentence | None]) -> tuple[Sentence, ...]:
    """Those that can be said."""
    return tuple(sentence for sentence in sentences if sentence is not None)


def joined(parts: Iterable[Sequence[Piece]], between: str = "; ") -> list[Piece]:
    """Several runs of pieces as one."""
    found: list[Piece] = []
    for part in parts:
        found += [between, *part] if found else part
    return found


class Numbers:
    """A submission's figures by key, as they may be shown, and its names."""

    def __init__(self, made: Submission) -> None:
        self.made = made
        self._values: dict[Key, float] = {}
        self._hidden: set[Key] = set()
        table, names = made.figures, {made.months[0]: "opening"}
        columns = (table[name] for name in ("org", "line", "month", "value", "status"))
        for org, line, month, value, status in zip(*columns, strict=True):
            key = (org, line, names.get(month, month))
            self._values[key] = float(value)
            if status == "suppressed":
                self._hidden.add(key)
        for row in made.periods.itertuples():
            for name in PERIODS:
                self._values[str(row.org), str(row.line), name] = float(getattr(row, name))
            self._hidden |= {(str(row.org), str(row.line), name) for name in str(row.suppressed).split(",") if name}

    def value(self, key: Key) -> float:
        """The figure; NaN where there is none."""
        org, line, when = key
        if line not in SHARES:
            return self._values.get(key, math.nan)
        size = self.value((org, "waiting_list", when))
        return 100 * self.value((org, SHARES[line], when)) / size if size else math.nan

    def text(self, key: Key) -> str:
        """The figure for a table: ``*`` where it is suppressed, a dash where there is none."""
        org, line, when = key
        parts = [(org, SHARES[line], when), (org, "waiting_list", when)] if line in SHARES else [key]
        if any(part in self._hidden for part in parts):
            return SUPPRESSED
        return say.figure(line, self.value(key)) if math.isfinite(self.value(key)) else say.NONE

    def cited(self, org: str, line: str, when: str) -> Cited | None:
        """The figure for a sentence; None where there is none to be shown."""
        text = self.text((org, line, when))
        return None if text in (SUPPRESSED, say.NONE) else Cited(text, ((org, line, when),))

    def worked(self, how: str, value: float, *keys: Key) -> Cited | None:
        """A number of people that is worked from figures; None where one of them may not be shown."""
        if any(self.text(key) in (SUPPRESSED, say.NONE) for key in keys):
            return None
        return Cited(say.count(abs(value)), keys, how)

    def now(self, org: str, line: str) -> Cited | None:
        """The figure at the snapshot: of the year, or of the record where the year had not begun."""
        when = self.snapshot_column
        if when:
            return self.cited(org, line, when)
        table = self.made.record
        rows = table[(table["org"] == org) & (table["month"] == month_of(self.made.snapshot))]
        values = dict(zip(rows["measure"], rows["value"], strict=True))
        value = values.get(line, math.nan)
        if line in SHARES and values.get("waiting_list"):
            value = 100 * values.get(SHARES[line], math.nan) / values["waiting_list"]
        return None if math.isnan(value) else Cited(say.figure(line, value), source=RECORD)

    @property
    def snapshot_column(self) -> str:
        """The snapshot's month among the year's; empty where it is earlier."""
        month = month_of(self.made.snapshot)
        return "opening" if month == self.made.months[0] else month if month in self.made.months else ""

    @property
    def ahead(self) -> tuple[str, ...]:
        """The year's months that are forecast."""
        return tuple(month for month in self.made.year.months if month > month_of(self.made.snapshot))

    def range(self, org: str, line: str, month: str) -> tuple[str, str] | None:
        """The 10th and the 90th percentile of the draws; None where nothing is forecast."""
        table = self.made.ranges
        row = table[(table["org"] == org) & (table["measure"] == line) & (table["month"] == month)]
        if row.empty:
            return None
        return say.figure(line, float(row["p10"].iloc[0])), say.figure(line, float(row["p90"].iloc[0]))

    def name(self, org: str) -> str:
        """An organisation's name."""
        return say.provider_name(org, self.made.names)

    def line(self, line: str) -> str:
        """A line's name in small letters, with a mark where nobody has sourced the metric that it is."""
        metrics = [m for m in self.made.year.submitted if line in (m.ref, m.given_by)]
        asked = next((m.name for m in metrics if m.ref == line), "")
        name = asked or say.MEASURES.get(line, line)
        return f"{name[:1].lower()}{name[1:]}{self.mark(line)}" if not asked else f"{name}{self.mark(line)}"

    def mark(self, line: str) -> str:
        """`` (check)`` where the year's metric of this line was recalled and not sourced."""
        line = SHARES.get(line, line)
        return (
            " (check)"
            if any(m.sure == "check" for m in self.made.year.submitted if line in (m.ref, m.given_by))
            else ""
        )

    def found(self, text: str, source: str) -> list[Piece]:
        """What a check or the model wrote, in plain words, its numbers cited from ``source``."""
        text = re.sub(r"\s*\(R\d+\)", "", text)
        text = re.sub(r"\b20\d\d-\d\d\b", lambda month: say.month(f"{month[0]}-01"), text)
        text = re.sub("|".join(sorted(say.MEASURES, key=len, reverse=True)), lambda m: m[0].replace("_", " "), text)
        codes = "|".join(re.escape(org) for org in self.made.orgs)
        pieces: list[Piece] = []
        for label, number, rest in re.findall(rf"({_LABEL}|\b(?:{codes})\b)|({_NUMBER})|(.)", text, re.DOTALL):
            if number:
                pieces.append(Cited(number, source=source))
                continue
            words = self.name(label) if label in self.made.orgs else label or rest
            if pieces and isinstance(pieces[-1], str):
                words = pieces.pop() + words  # type: ignore[operator]
            pieces.append(words)
        return pieces


_LABEL = r"E\.[A-Z]\.\d+[a-z]?|\b(?:18|52|65|78|104) weeks|\b[A-Z][a-z]+ 20\d\d\b|\b\d{1,2} (?=[A-Z][a-z]+ 20\d\d\b)"
_NUMBER = r"(?<!\w)[+−-]?\d[\d,]*(?:\.\d+)?%?(?<!,)"


def month_name(month: str) -> str:
    """``March 2026``."""
    return say.month(f"{month}-01")


def last_day(month: str) -> str:
    """``31 March 2026``."""
    return say.day(month_end(month))


def sources(sentences: Sequence[Sentence], numbers: Numbers, addresses: Mapping[Key, str]) -> Table:
    """Where the numbers of ``sentences``, counted from 1, stand in the workbook."""
    rows = [
        [str(place), cited.text, *_source(cited, numbers, addresses)]
        for place, sentence in enumerate(sentences, 1)
        for cited in dict.fromkeys(sentence.cited)
    ]
    return Table(
        "Each number, and where it stands in submission.xlsx", ["Sentence", "Number", "What it is", "Cell"], rows
    )


def _source(cited: Cited, numbers: Numbers, addresses: Mapping[Key, str]) -> tuple[str, str]:
    """What a number is, and its cell or sheet."""
    if not cited.keys:
        return (
            ("read from that sheet", f"sheet {cited.source}") if " " not in cited.source else (cited.source, say.NONE)
        )
    what = [f"{numbers.name(org)}, {numbers.line(line)}" for org, line, _ in cited.keys[:1]]
    whens = list(dict.fromkeys(_when(key[2]) for key in cited.keys))
    span = f"{whens[0]} to {whens[-1]}" if len(whens) > 2 else " and ".join(whens)
    return f"{cited.how}: {what[0]}, {span}".removeprefix(": "), address(cited, addresses)


def address(cited: Cited, addresses: Mapping[Key, str]) -> str:
    """The cells of a number, each by itself: quarters stand between months. A dash where none is known."""
    return say.list_join([addresses[key] for key in cited.keys if key in addresses]) or say.NONE


def _when(when: str) -> str:
    if when in PERIODS:
        return "the year" if when == "year" else f"quarter {when[1]}"
    return "the opening" if when == "opening" else month_name(when)


def position_of(numbers: Numbers, org: str) -> Sentence | None:
    """Who is waiting at an organisation at the snapshot."""
    waiting, within, share, year, more = (numbers.now(org, line) for line in POSITION)
    return said(
        "At {day} {waiting} people were waiting at {org}: {within} of them ({share}) within 18 weeks{m18}, {year} over "
        "52 weeks{m52} and {more} over 65 weeks{m65}.",
        day=say.day(numbers.made.snapshot),
        waiting=waiting,
        org=f"the trusts of {numbers.name(org)}" if org == numbers.made.icb else numbers.name(org),
        within=within,
        share=share,
        year=year,
        more=more,
        **_marks(numbers),
    )


def year_of(numbers: Numbers, org: str) -> Iterator[Sentence | None]:
    """What the plan makes of an organisation's list over the year."""
    made = numbers.made
    days = {"first": last_day(made.months[0]), "last": last_day(made.months[-1])}
    ends = [(org, "waiting_list", when) for when in ("opening", "year")]
    change = numbers.value(ends[1]) - numbers.value(ends[0])
    yield said(
        "The plan takes the list from {before} at {first} to {after} at {last}, {change} {way}.",
        before=numbers.cited(*ends[0]),
        after=numbers.cited(*ends[1]),
        change=numbers.worked("difference of", change, *ends),
        way="more" if change > 0 else "fewer",
        **days,
    )
    yield said(
        "It takes those within 18 weeks{m18} from {share_before} to {share_after} of the list, and those over 52 weeks"
        "{m52} from {before} people to {after}.",
        share_before=numbers.cited(org, "percent_within_18_weeks", "opening"),
        share_after=numbers.cited(org, "percent_within_18_weeks", "year"),
        before=numbers.cited(org, "over_52_weeks", "opening"),
        after=numbers.cited(org, "over_52_weeks", "year"),
        **_marks(numbers),
    )


def range_of(numbers: Numbers, org: str) -> Sentence | None:
    """Where most draws have an organisation's list at the year's end."""
    last = numbers.made.months[-1]
    size, long = (numbers.range(org, line, last) for line in ("waiting_list", "over_52_weeks"))
    if size is None or long is None:
        return None
    low, high, low_52, high_52 = (Cited(text, source="Ranges") for text in (*size, *long))
    return said(
        "In 80% of draws (simulated futures) the list at {last} is between {low} and {high}, and those over 52 weeks"
        "{m52} between {low_52} and {high_52}.",
        last=last_day(last),
        low=low,
        high=high,
        low_52=low_52,
        high_52=high_52,
        **_marks(numbers),
    )


def _marks(numbers: Numbers) -> dict[str, str]:
    """What is added to each threshold whose metric nobody has sourced."""
    weeks = {"m18": "within_18_weeks", "m52": "over_52_weeks", "m65": "over_65_weeks"}
    return {name: numbers.mark(line) for name, line in weeks.items()}


def standard_name(row: Any) -> str:
    """A standard by its name, marked where nobody has sourced it."""
    return f"“{row.name}”{' (check)' if row.sure == 'check' else ''}"


def missed_by(row: Any, disclosed: bool) -> str:
    """How far a standard is missed; nothing where it is met, or where that may not be shown."""
    if say.is_none(row.missed_by):
        return ""
    if row.unit == "people":
        return "1 person" if row.missed_by == 1 else f"{say.count(row.missed_by)} people"
    if disclosed:  # its percentages are whole
        return {0: "less than 1 point", 1: "about 1 point"}.get(int(row.missed_by), f"about {row.missed_by:.0f} points")
    return "under 0.1 points" if row.missed_by < 0.05 else f"{row.missed_by:.1f} points"
