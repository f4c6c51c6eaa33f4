"""The board pack's content, the same for page and document: two pages that a board reads, then one for each trust."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from waitlist.calendar import month_end, months_after, working_days
from waitlist.outputs import words as say
from waitlist.outputs.parts import Table, lines
from waitlist.outputs.submission import pack_charts as shown
from waitlist.outputs.submission.pack_words import (
    RECORD,
    Cited,
    Numbers,
    Piece,
    Sentence,
    joined,
    kept,
    last_day,
    missed_by,
    month_name,
    position_of,
    range_of,
    said,
    standard_name,
    year_of,
)
from waitlist.submitted import Submission

RATIOS = {
    "first_outpatient_per_non_admitted_stop": "first outpatient attendances for each non-admitted stop",
    "follow_up_per_non_admitted_stop": "follow-up attendances for each non-admitted stop",
    "admissions_per_admitted_stop": "elective admissions for each admitted stop",
    "day_case_share": "of elective admissions as day cases",
}
MOST = 6
"""Findings that are told one by one; the workbook has them all."""


@dataclass(frozen=True)
class Section:
    """A part of the pack: sentences, then tables, those of words last, then charts, each with its own table.

    listed: its sentences are points of a list.
    """

    anchor: str
    title: str
    sentences: tuple[Sentence, ...]
    listed: bool = False
    tables: tuple[Table, ...] = ()
    worded: tuple[Table, ...] = ()
    charts: tuple[shown.Chart, ...] = ()


@dataclass(frozen=True)
class Pack:
    """The whole pack. board: what a board reads first. trusts: one part for each. past: what the charts show of it."""

    title: str
    version: str
    lead: str
    snapshot: date
    author: str
    board: tuple[Section, ...]
    trusts: tuple[Section, ...]
    past: Table | None
    disclosed: bool
    numbers: Numbers

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """Every sentence in the order of reading: its place is its number."""
        return tuple(sentence for section in (*self.board, *self.trusts) for sentence in section.sentences)


def content(made: Submission) -> Pack:
    """What the pack of ``made`` says and shows."""
    numbers = Numbers(made)
    draft = "DRAFT: " if made.status == "draft" else ""
    basis = "everyone waiting at these trusts (provider basis)"
    if made.settings.basis == "commissioner":
        basis += "; submission.csv is on the commissioner basis"
    return Pack(
        title=f"{draft}{made.plan.name}",
        version=made.version_words(),
        lead=f"Board pack for {made.year.year}, from the position at {say.day(made.snapshot)}. It counts {basis}.",
        snapshot=made.snapshot,
        author=made.author,
        board=(
            _position(numbers),
            _trajectory(numbers),
            _rests(numbers),
            Section("risks", "Risks", kept(_risks(numbers)), listed=True),
            Section("aid", "Mutual aid", kept(_aid(numbers))),
            Section("asks", "What we ask for", kept(_asks(numbers)), listed=True),
        ),
        trusts=tuple(_trust(numbers, org, f"trust-{place}") for place, org in enumerate(made.providers, 1)),
        past=shown.past_table(numbers),
        disclosed=made.disclosed,
        numbers=numbers,
    )


def _position(numbers: Numbers) -> Section:
    said_of = kept([position_of(numbers, numbers.made.icb)])
    return Section("position", "Position", said_of, tables=(shown.position(numbers),))


def _trajectory(numbers: Numbers) -> Section:
    icb = numbers.made.icb
    sentences = kept([*year_of(numbers, icb), range_of(numbers, icb)])
    both = (shown.quarters(numbers, icb), shown.year_ends(numbers))
    return Section("trajectory", "Trajectory", sentences, tables=both, charts=shown.charts_of(numbers, icb, "icb"))


def _rests(numbers: Numbers) -> Section:
    made = numbers.made
    sentences = [*_demand(numbers), _activity(numbers), _removals(numbers), _working_days(made), *_ratios(numbers)]
    if not len(made.overrides):
        sentences.append(said("No figure is a planner's own: all are the model's or observed."))
    else:
        sentences.append(said("Planners put figures of their own in place of the model's, each with a reason."))
    return Section("rests", "What it rests on", kept(sentences), listed=True, worded=shown.overrides(numbers))


def _demand(numbers: Numbers) -> Iterator[Sentence | None]:
    made, key = numbers.made, (numbers.made.icb, "clock_starts", "year")
    starts = numbers.cited(*key)
    before = [months_after(made.year.months[0], -back) for back in range(12, 0, -1)]
    table = made.record[(made.record["org"] == made.icb) & (made.record["measure"] == "clock_starts")]
    known = table[table["month"].isin(before)]["value"].dropna()
    if len(known) < 12 or not known.sum():
        yield said(
            "Demand: {starts} people join the list in the year (clock starts).{before}",
            starts=starts,
            before="" if made.disclosed else " Those of the twelve months before are not known.",
        )
        return
    change = 100 * (numbers.value(key) / known.sum() - 1)
    yield said(
        "Demand: {starts} people join the list in the year (clock starts), {change} {way} than in the twelve months "
        "before ({before}).",
        starts=starts,
        change=Cited(say.percent(abs(change)), (key,), how=f"change from {say.count(known.sum())}"),
        way="more" if change > 0 else "fewer",
        before=Cited(say.count(known.sum()), source=RECORD),
    )


def _activity(numbers: Numbers) -> Sentence | None:
    return said(
        "Activity: {admitted} clocks stop with an admission in the year and {rest} without one (treatment, or a "
        "decision that none is needed).",
        admitted=numbers.cited(numbers.made.icb, "stops_admitted", "year"),
        rest=numbers.cited(numbers.made.icb, "stops_non_admitted", "year"),
    )


def _removals(numbers: Numbers) -> Sentence | None:
    key = (numbers.made.icb, "other_removals", "year")
    a_month = numbers.worked("a twelfth of", numbers.value(key) / 12, key)
    if numbers.value(key) < 0:
        return said(
            "Other removals are not treatment: {n} more return to the list in a month than leave so.", n=a_month
        )
    return said(
        "Other removals are not treatment: {year} people net leave the list so in the year, {a_month} a month.",
        year=numbers.cited(*key),
        a_month=a_month,
    )


def _working_days(made: Submission) -> Sentence | None:
    days = working_days(month_end(made.months[0]), month_end(made.months[-1]))
    return said(
        "The year has {days} working days; clock starts and stops of the months ahead follow theirs.",
        days=Cited(say.count(days), source="Monday to Friday without bank holidays in England"),
    )


def _ratios(numbers: Numbers) -> Iterator[Sentence | None]:
    table = numbers.made.ratios
    parts: list[list[Piece]] = []
    for ratio, words in RATIOS.items():
        values = table[table["ratio"] == ratio]["value"]
        if len(values):
            ends = (
                f"{value:.0%}" if ratio == "day_case_share" else f"{value:.2f}" for value in (min(values), max(values))
            )
            cited: list[Sequence[Piece]] = [[Cited(text, source="Notes")] for text in dict.fromkeys(ends)]
            parts.append([*joined(cited, " to "), f" {words}"])
    if not parts:
        return
    how = say.list_join(sorted({"as observed" if s == "fitted" else "as the plan states" for s in table["source"]}))
    yield said("Hospital activity follows from clock stops, {how}: {ratios}.", how=how, ratios=joined(parts))


def _risks(numbers: Numbers) -> Iterator[Sentence | None]:
    made = numbers.made
    for standard in _missed(made):
        parts = [[f"{numbers.name(row.org)} ", *_by(row, made.disclosed)] for row in standard]
        yield said(
            "{name} in {month} is missed: {parts}.",
            name=standard_name(standard[0]),
            month=month_name(standard[0].judged_month),
            parts=joined(parts),
        )
    yield from _findings(numbers, made.orgs)
    ahead = [(made.icb, "other_removals", month) for month in numbers.ahead]
    more = sum(numbers.value(key) for key in ahead)
    if ahead and more > 0:
        yield said(
            "If other removals fell to none from {month}, the list at {last} would be {more} longer.",
            month=month_name(ahead[0][2]),
            last=last_day(made.months[-1]),
            more=numbers.worked("sum of", more, *ahead),
        )
    size, long = (numbers.range(made.icb, line, made.months[-1]) for line in ("waiting_list", "over_52_weeks"))
    if size and long:
        yield said(
            "One draw in ten ends above {size} people waiting at {last}; one in ten above {long} over 52 weeks{m52}.",
            size=Cited(size[1], source="Ranges"),
            last=last_day(made.months[-1]),
            long=Cited(long[1], source="Ranges"),
            m52=numbers.mark("over_52_weeks"),
        )


def _missed(made: Submission) -> list[list[Any]]:
    """The rows of each standard that is missed, the ICB's first."""
    found: dict[tuple[str, str], list[Any]] = {}
    for row in lines(made.standards[made.standards["verdict"] == "missed"]):
        found.setdefault((row.name, row.judged_month), []).append(row)
    return list(found.values())


def _by(row: Any, disclosed: bool) -> list[Piece]:
    """How far a standard is missed; nothing where that may not be shown."""
    text = missed_by(row, disclosed)
    return ["by ", Cited(text, source="Standards")] if text else ["(by how many is not shown)"]


def _findings(numbers: Numbers, orgs: Sequence[str]) -> Iterator[Sentence | None]:
    """What the checks found of ``orgs``, the most severe first; standards and blanks are told elsewhere."""
    made = numbers.made
    table = made.checks[(made.checks["result"] == "fails") & ~made.checks["check"].isin(["standards", "complete"])]
    table = table[table["org"].isin([*orgs, ""])].sort_values("severity", kind="stable")  # blocks before warns
    if made.disclosed:
        if len(table):
            yield said("What the checks found is in the submission itself, which is not disclosed.")
        return
    for row in lines(table.head(MOST)):
        where = ", ".join(
            filter(None, (numbers.name(row.org) if row.org else "", month_name(row.month) if row.month else ""))
        )
        yield said(
            "{severity}{where}: {figures}{sentence}{stop}",
            severity="Stops it from being final" if row.severity == "blocks" else "To be explained",
            where=f", {where}" if where else "",
            figures=[*numbers.found(row.figures, "Checks"), ". "] if row.figures else "",
            sentence=numbers.found(row.sentence, "Checks"),
            stop="" if row.sentence.endswith((".", "?", "!")) else ".",
        )
    if len(table) > MOST:
        more = Cited(say.count(len(table) - MOST), source="Checks")
        yield said("{more} more findings are on the workbook's sheet Checks.", more=more)


def _aid(numbers: Numbers) -> Iterator[Sentence | None]:
    made = numbers.made
    for sentence in made.aid:
        yield said("{sentence}", sentence=numbers.found(sentence, "Notes"))
    table = made.checks[(made.checks["check"] == "mutual-aid") & (made.checks["result"] == "note")]
    for sentence in () if made.disclosed else table["sentence"]:
        yield said("{sentence}", sentence=numbers.found(sentence, "Checks"))
    moved = 0
    for org in made.providers:
        came, went = (numbers.cited(org, line, "year") for line in ("transfers_in", "transfers_out"))
        texts = {numbers.text((org, line, "year")) for line in ("transfers_in", "transfers_out")}
        if texts - {"0", say.NONE}:
            moved += 1
            yield said(
                "In the figures {org} receives {came} people from other trusts in the year and sends them {went}.",
                org=numbers.name(org),
                came=came,
                went=went,
            )
    if not moved and not made.aid:
        yield said("No transfers are in this plan.")


def _asks(numbers: Numbers) -> Iterator[Sentence | None]:
    made = numbers.made
    if made.status == "draft":
        yield said("This is a draft. Say what must change before it is final.")
    stopped = made.checks[(made.checks["severity"] == "blocks") & (made.checks["result"] == "fails")]
    if len(stopped):
        yield said("Settle what stops it from being final, under Risks and in the sheet Checks.")
    for standard in _missed(made):
        names = _all_or(numbers, [row.org for row in standard])
        yield said(
            "Decide what would meet {name}, and by when, at {names}.", name=standard_name(standard[0]), names=names
        )
    for row in lines(made.overrides):
        value = None if made.disclosed else numbers.cited(row.provider, row.measure, row.month)
        yield said(
            "Confirm the figure{value} for {measure} at {org} in {month}, by {author} ({reason}).",
            author=row.author,
            value=[" of ", value] if value else "",
            measure=numbers.line(row.measure),
            org=numbers.name(row.provider),
            month=month_name(row.month),
            reason=str(row.reason).rstrip("."),
        )
    figures = made.figures[(made.figures["status"] == "blank") & made.figures["org"].isin(made.providers)]
    for line, rows in figures.groupby("line", sort=False):
        names = _all_or(numbers, list(dict.fromkeys(rows["org"])))
        yield said("Supply “{line}”, which is blank, for {names}.", line=numbers.line(str(line)), names=names)


def _all_or(numbers: Numbers, orgs: Sequence[str]) -> str:
    """The trusts among ``orgs``, by name unless it is all of several; the ICB where it is alone."""
    trusts = [org for org in orgs if org != numbers.made.icb] or list(orgs)
    if len(trusts) > 1 and set(trusts) == set(numbers.made.providers):
        return "every trust"
    return say.list_join([numbers.name(org) for org in trusts])


def _trust(numbers: Numbers, org: str, anchor: str) -> Section:
    made = numbers.made
    notes = made.checks[(made.checks["check"] == "flatters") & (made.checks["org"] == org)]
    told = () if made.disclosed else tuple(notes[notes["result"] == "note"]["sentence"])
    sentences = kept(
        [
            position_of(numbers, org),
            *year_of(numbers, org),
            range_of(numbers, org),
            *(said("{text}", text=numbers.found(text, "Checks")) for text in told),
            *_findings(numbers, [org]),
        ]
    )
    return Section(
        anchor,
        numbers.name(org),
        sentences,
        tables=(shown.by_month(numbers, org),),
        worded=(shown.standards(numbers, org),),
        charts=shown.charts_of(numbers, org, anchor),
    )
