"""The quality of a folder of data: every problem at once, NHS England's own checks among them (R14)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from waitlist.bands import Floats
from waitlist.errors import Problem, Refusal, Severity
from waitlist.history import PARTS, Break, Counts, Summaries
from waitlist.inputs.breaks import LEAST_LIST, find_breaks, provider_rows
from waitlist.inputs.extract import Progress, counts_of, missing_months, read_months

SHOWN = 5
"""The largest findings of one rule that are named before the rest are counted."""
EXCESS_PEOPLE, EXCESS_SHARE = 10, 0.05
"""Part 2A may be over Part 2 in a list by this many people, or this share, before it is refused."""
YEAR = 13
"""Months that hold the same calendar month twice."""
ONE, TWO_A, TWO, THREE = (PARTS.index(part) for part in ("1A", "2A", "2", "3"))


@dataclass(frozen=True)
class _Finding:
    """Where one rule is broken: how much it matters in people, the month, the place and what stands there."""

    size: float
    month: str
    place: str
    value: str


@dataclass(frozen=True)
class _Rule:
    severity: Severity
    rule: str
    remedy: str
    find: Callable[[Counts, dict[str, Sequence[int]]], Iterator[_Finding]]


def check(folder: str | Path, *, cache: bool = True, progress: Progress | None = None) -> list[Problem]:
    """Every problem of the extracts in ``folder``: errors first, then warnings, then notes.

    An error makes a forecast wrong. Months that cannot be read are errors, and the others are checked.
    """
    try:
        months, problems = read_months(Path(folder), cache=cache, progress=progress)
    except Refusal as refusal:
        return list(refusal.problems)
    if months:
        counts = counts_of(months)
        span = _span(counts, str(folder))
        if problems:  # months that could not be read may be those that seem too few
            span = [problem for problem in span if problem.severity != "error"]
        problems += [note for _, month in months for note in month.notes]
        problems += span
        problems += excess(counts, range(len(counts.lists)))
        problems += questions(counts)
        problems += _breaks(find_breaks(counts), counts)
    order = ("error", "warning", "note")
    return sorted(problems, key=lambda problem: order.index(problem.severity))


def questions(counts: Counts, providers: Collection[str] | None = None) -> list[Problem]:
    """What NHS England asks providers about, in the lists of ``providers`` (all of them by default)."""
    rows = {p: r for p, r in provider_rows(counts).items() if providers is None or p in providers}
    problems = []
    for rule in RULES:
        found = sorted(rule.find(counts, rows), key=lambda finding: (-finding.size, finding.place, finding.month))
        problems += [
            Problem(rule.severity, _file(counts, f.month), f.place, f.value, rule.rule, rule.remedy)
            for f in found[:SHOWN]
        ]
        if len(found) > SHOWN:
            problems.append(_more(rule.severity, len(found) - SHOWN, rule.rule, rule.remedy))
    return problems


def excess(counts: Counts, lists: Collection[int]) -> list[Problem]:
    """Part 2A over Part 2 in the ``lists`` at these positions: errors over 10 people and 5 %, else one note."""
    positions = np.array(sorted(lists), dtype=int)
    waiting, decided = (part[positions].sum(axis=2) for part in (counts.incomplete, counts.decided))
    over = decided - waiting
    wrong = (over > EXCESS_PEOPLE) & (over > EXCESS_SHARE * waiting)
    rule = "Part_2A is within Part_2 and may not be over it by more than 10 people and 5 % (R5)"
    remedy = "Ask the provider, or leave the list out of the plan."
    problems = []
    for row, m in np.argwhere(wrong):
        provider, specialty = counts.lists[positions[row]]
        value = f"{decided[row, m]:,.0f} in Part_2A against {waiting[row, m]:,.0f} in {counts.months[m]}"
        file = _file(counts, counts.months[m])
        problems.append(Problem("error", file, f"{provider} {specialty}", value, rule, remedy))
    lesser = int(((over > 0) & ~wrong).sum())
    single = int(np.maximum(counts.decided[positions] - counts.incomplete[positions], 0).sum())
    if single:
        value = f"{lesser} lists by a few people, {single:,} people in single bands"
        rule = "where Part_2A is over Part_2 the outpatient band is 0 and the excess is recorded (R5)"
        problems.append(Problem("note", "all files", "", value, rule, "Nothing to do."))
    return problems


def disagreements(counts: Counts, summaries: Summaries) -> list[Problem]:
    """A warning on the months in which the history counts a provider's list otherwise than the extracts do."""
    both = sorted(set(counts.months) & set(summaries.months))
    at = [counts.months.index(month) for month in both]
    told = summaries.stocks[:, 0][:, [summaries.months.index(month) for month in both]]
    found: list[tuple[float, str]] = []
    for provider, rows in provider_rows(counts).items():
        if provider not in summaries.providers:
            continue
        people = counts.incomplete[rows][:, at].sum(axis=(0, 2))
        other = told[summaries.providers.index(provider)]
        known = counts.reported[rows[0], at, TWO] & np.isfinite(other)
        apart = np.where(known, np.abs(other - people), 0.0)
        found += [
            (apart[m], f"{provider} {both[m]}: {other[m]:,.0f} waiting against {people[m]:,.0f}")
            for m in np.flatnonzero(apart)
        ]
    if not found:
        return []
    value = max(found)[1] + (f", and {len(found) - 1:,} other months of providers" if len(found) > 1 else "")
    rule = "the history and the extracts should count the same people; the extracts are used for their months"
    return [Problem("warning", "the history", "incomplete_total", value, rule, "Find out which was revised later.")]


def refuse_excess(counts: Counts, lists: Collection[int]) -> None:
    """Raise Refusal where Part 2A is over Part 2 in the ``lists`` (positions) of a plan, as ``excess`` says."""
    errors = [problem for problem in excess(counts, lists) if problem.severity == "error"]
    if errors:
        raise Refusal(errors)


def vanished(counts: Counts, breaks: Sequence[Break], asked: Collection[str]) -> list[Problem]:
    """A warning for each provider ``asked`` for that sends no list in the last month, with its last break."""
    rule = "a provider the plan asks for sends no list at the origin, and is not forecast"
    remedy = "Add a [[successor]] if another took over its list, or leave it out of the plan."
    problems = []
    for provider, rows in provider_rows(counts).items():
        if provider in asked and not counts.reported[rows[0], -1, TWO]:
            last = [b for b in breaks if b.provider == provider][-1:]
            value = f"{last[0].kind} in {last[0].month}: {last[0].reason}" if last else "no list in any month"
            problems.append(Problem("warning", "the plan", f"providers: {provider}", value, rule, remedy))
    return problems


def _span(counts: Counts, folder: str) -> list[Problem]:
    read = {file.month for file in counts.files}
    problems = missing_months(counts, Path(folder))
    pairs = sum(a in read and b in read for a, b in zip(counts.months, counts.months[1:], strict=False))
    if not pairs:
        rule = "a forecast needs at least two months in a row, for flows are known only between them (R4)"
        problems.append(Problem("error", folder, "", ", ".join(sorted(read)[-3:]), rule, "Fetch the month before."))
    elif len(counts.months) < YEAR:
        rule = "with fewer than 13 months seasons are not known and ranges will be too narrow; 13 or more are best"
        problems.append(Problem("warning", folder, "", f"{len(counts.months)} months", rule, "Fetch earlier months."))
    return problems


def _breaks(found: Sequence[Break], counts: Counts) -> list[Problem]:
    """Found breaks: those that restate a sizeable list one by one, the others by kind."""
    rule = "a change in what is reported is named and kept out of every rate (R4)"
    remedy = "Overrule it with [[break]] or [[successor]] in a plan if it is not so."
    problems, lesser = [], dict[str, int]()
    for item in found:
        if item.provider == "ALL":
            continue  # a missing month, which _span names
        if abs(item.size) >= LEAST_LIST:
            name = counts.provider_names.get(item.provider, "")
            place = f"{item.provider} {name}".strip()
            value = f"{item.kind} in {item.month}, {item.size:+,.0f} people: {item.reason}"
            problems.append(Problem("warning", _file(counts, item.month), place, value, rule, remedy))
        else:
            lesser[item.kind] = lesser.get(item.kind, 0) + 1
    if lesser:
        value = ", ".join(f"{count} of kind {kind}" for kind, count in sorted(lesser.items()))
        rule = f"breaks of fewer than {LEAST_LIST} people"
        problems.append(Problem("note", "all files", "", value, rule, "They are kept out of every rate too."))
    return problems


def _identical(counts: Counts, providers: dict[str, Sequence[int]]) -> Iterator[_Finding]:
    for provider, rows in providers.items():
        waiting = counts.incomplete[rows]
        same = (waiting[:, 1:] == waiting[:, :-1]).all(axis=2)
        people = waiting.sum(axis=2)
        for row, m in np.argwhere(same & (people[:, 1:] >= 20)):
            specialty = counts.lists[rows[row]][1]
            size = people[row, m + 1]
            yield _Finding(size, counts.months[m + 1], f"{provider} {specialty}", f"{size:,.0f} people")


def _big_moves(counts: Counts, providers: dict[str, Sequence[int]]) -> Iterator[_Finding]:
    broken = {(item.provider, item.month) for item in find_breaks(counts)}
    for provider, rows in providers.items():
        waiting = counts.incomplete[rows].sum(axis=(0, 2))
        for m in range(1, len(counts.months)):
            before, now = waiting[m - 1], waiting[m]
            seen = counts.reported[rows[0], [m - 1, m], TWO].all()
            if seen and abs(now - before) > max(LEAST_LIST, 0.25 * before):
                month = counts.months[m]
                if (provider, month) not in broken:
                    yield _Finding(abs(now - before), month, provider, f"{before:,.0f} to {now:,.0f}")


def _few_new_periods(counts: Counts, providers: dict[str, Sequence[int]]) -> Iterator[_Finding]:
    for provider, rows in providers.items():
        seen = counts.reported[rows[0]][:, [TWO, THREE]].all(axis=1)
        newest = counts.incomplete[rows, :, :4].sum(axis=2)
        short = np.where(seen, newest - counts.clock_starts[rows], 0.0)
        wrong = (short > 50) & (short > 0.1 * newest)
        if wrong.any():
            row, m = divmod(int(np.argmax(np.where(wrong, short, 0.0))), wrong.shape[1])
            value = (
                f"{int(wrong.sum())} list-months, most in {counts.lists[rows[row]][1]}: {newest[row, m]:,.0f} waiting "
                f"under four weeks, {counts.clock_starts[rows][row, m]:,.0f} new periods"
            )
            yield _Finding(float(short[row, m]), counts.months[m], provider, value)


def _share_of_newest(counts: Counts, providers: dict[str, Sequence[int]]) -> Iterator[_Finding]:
    for provider, rows in providers.items():
        waiting = counts.incomplete[rows].sum(axis=0)
        people = waiting.sum(axis=1)
        share = waiting[:, 0] / np.maximum(people, 1.0)
        wrong = (people >= LEAST_LIST) & ((share > 0.25) | (share == 0.0))
        if wrong.any():
            m = int(np.argmax(np.where(wrong, people, 0.0)))
            value = f"{_times(wrong)}, {share[m]:.0%} of {people[m]:,.0f} in {counts.months[m]}"
            yield _Finding(float(people[m]), counts.months[m], provider, value)


def _unknown_starts(counts: Counts, providers: dict[str, Sequence[int]]) -> Iterator[_Finding]:
    stops: Floats = counts.stops
    for provider, rows in providers.items():
        unknown = (counts.admitted_unknown[rows] + counts.non_admitted_unknown[rows]).sum(axis=0)
        treated = stops[rows].sum(axis=0)
        wrong = (treated >= 50) & (unknown > 0.05 * treated)
        if wrong.any():
            m = int(np.argmax(np.where(wrong, unknown, 0.0)))
            value = f"{_times(wrong)}, {unknown[m]:,.0f} of {treated[m]:,.0f} in {counts.months[m]}"
            yield _Finding(float(unknown[m]), counts.months[m], provider, value)


def _missing_parts(counts: Counts, providers: dict[str, Sequence[int]]) -> Iterator[_Finding]:
    for provider, rows in providers.items():
        sent = counts.reported[rows[0]]
        people = counts.incomplete[rows].sum(axis=(0, 2))
        treated = sent[:, ONE] | sent[:, ONE + 1]
        for wrong, part in ((~sent[:, THREE], "Part_3"), (~treated, "Part_1A and Part_1B")):
            wrong = wrong & sent[:, TWO] & (people >= LEAST_LIST)
            if wrong.any():
                m = int(np.argmax(np.where(wrong, people, 0.0)))
                yield _Finding(float(people[m]), counts.months[m], provider, f"no {part} in {_times(wrong)}")


def _no_admission_stage(counts: Counts, providers: dict[str, Sequence[int]]) -> Iterator[_Finding]:
    for provider, rows in providers.items():
        people = float(counts.incomplete[rows].sum(axis=(0, 2)).max())
        if people >= LEAST_LIST and not counts.reported[rows[0], :, TWO_A].any():
            yield _Finding(people, counts.months[-1], provider, f"up to {people:,.0f} people")


RULES = (
    _Rule(
        "warning",
        "a provider with a list should send its new periods and its completed pathways",
        "Its flows are not known in those months; ask the provider.",
        _missing_parts,
    ),
    _Rule("warning", "a list should not be identical to last month's", "Ask if it was sent again.", _identical),
    _Rule(
        "warning",
        f"a provider's list should not move by over a quarter and {LEAST_LIST} people in a month",
        "If what is reported changed, name it with [[break]].",
        _big_moves,
    ),
    _Rule(
        "warning",
        "new periods should be at least the first four bands of Part_2",
        "Clock starts may be missing; ask the provider.",
        _few_new_periods,
    ),
    _Rule(
        "warning",
        "the share that waited 0 to 1 weeks should be above 0 and at most a quarter",
        "Clock starts may be misdated; ask the provider.",
        _share_of_newest,
    ),
    _Rule(
        "warning",
        "at most 5 % of completed pathways should have an unknown clock start",
        "They are spread over the known waits; ask the provider.",
        _unknown_starts,
    ),
    _Rule(
        "note",
        "a provider that never sends Part_2A has one stage (R5)",
        "Nothing to do if it admits nobody.",
        _no_admission_stage,
    ),
)
"""What NHS England asks about, and what limits a forecast; none of them makes it wrong."""


def _times(wrong: NDArray[np.bool_]) -> str:
    return "1 month" if wrong.sum() == 1 else f"{wrong.sum()} months"


def _file(counts: Counts, month: str) -> str:
    return next((file.name for file in counts.files if file.month == month), month)


def _more(severity: Severity, count: int, rule: str, remedy: str) -> Problem:
    return Problem(severity, "all files", "others", f"{count} more", rule, remedy)
