"""The workbook's other sheets, each a table: overrides, commissioner basis, standards, metrics, ranges and notes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from waitlist.outputs import words as say
from waitlist.outputs.parts import lines
from waitlist.outputs.submission.book_org import DISCLOSED, quoted
from waitlist.outputs.submission.book_page import Column, Table
from waitlist.outputs.submission.book_rows import FIXED, Held, line_name, metric_name, metrics_of
from waitlist.outputs.submission.long import SUPPRESSED
from waitlist.submitted import OTHER

_, OVERRIDES, COMMISSIONER, STANDARDS, METRICS, RANGES, NOTES = FIXED
WATCHED = ("waiting_list", "within_18_weeks", "over_18_weeks", "over_52_weeks", "over_65_weeks", "over_78_weeks")
"""Stocks whose ranges are shown."""
RATIOS = {
    "first_outpatient_per_non_admitted_stop": "First outpatient attendances for each non-admitted stop",
    "follow_up_per_non_admitted_stop": "Follow-up attendances for each non-admitted stop",
    "admissions_per_admitted_stop": "Elective admissions for each admitted stop",
    "day_case_share": "Day cases, as a share of elective admissions",
}
WHOSE = (Column("Code", "text", 9), Column("Organisation", "text", 44))


def tables(held: Held) -> Iterator[Table]:
    """Every sheet after the organisations', in order."""
    yield _overrides(held)
    if held.made.commissioner is not None and not held.made.disclosed:
        yield _commissioner(held)
    yield _standards(held)
    yield _metrics(held)
    if len(held.made.ranges):
        yield _ranges(held)
    yield _notes(held)


def _overrides(held: Held) -> Table:
    rows = [
        [
            *_whose(held, str(line.provider)),
            _figure_name(held, str(line.measure)),
            say.month(f"{line.month}-01"),
            _shown(held, line.model_value),
            _shown(held, line.value),
            _chance(line.chance),
            "" if say.is_none(line.balance) else say.MEASURES.get(str(line.balance), str(line.balance)),
            str(line.author),
            str(line.reason),
        ]
        for line in lines(held.made.overrides)
    ]
    note = "A planner's figure in place of the model's, which stands beside it; the sheets mark what follows from it."
    columns = (
        *WHOSE,
        Column("Figure", "text", 32),
        Column("Month", "text", 16),
        Column("The model's value", "count", 12),
        Column("The planner's value", "count", 12),
        Column("How likely", "text", 30),
        Column("Taken up by", "text", 26),
        Column("Whose", "text", 20),
        Column("Reason", "sentence", 60),
    )
    return Table(OVERRIDES, "Overrides", note if rows else "Nothing is overridden.", columns, rows, 2)


def _chance(value: float) -> str:
    return "not forecast by draws" if say.is_none(value) else f"our draws put this at {say.share(value)}"


def _commissioner(held: Held) -> Table:
    made, table = held.made, held.made.commissioner
    assert table is not None  # asked before
    found = {(line.org, line.line, line.month): (float(line.value), float(line.ratio)) for line in lines(table)}
    rows: list[list[Any]] = []
    for org, name in dict.fromkeys(zip(table["org"], table["line"], strict=True)):
        who = [OTHER, "Providers outside the plan"] if org == OTHER else _whose(held, org)
        refs = ", ".join(metric.ref for metric in metrics_of(made.year, name))
        beside = [(made.icb if org == OTHER else org, name, month) for month in made.year.months]
        here = [(f"={_or_blank(quoted(held, *cell))}", held.values.get(cell, math.nan)) for cell in beside]
        mine = [found.get((org, name, month), (math.nan, math.nan)) for month in made.year.months]
        same = [*who, refs, _figure_name(held, name)]
        rows.append([*same, "Provider basis", math.nan, *here])
        rows.append([*same, "Commissioner basis", mine[0][1], *(value for value, _ in mine)])
    note = (
        f"Each provider's figures × the share of them that {made.icb} commissioned, observed once and held. {OTHER} "
        f"is {made.icb}'s people at other providers: its ratio is to the sum of the providers here, which stands "
        "above it. No ratio is shown where a figure follows from others (the list and thresholds from the list by "
        "weeks waited, other removals from R4)."
    )
    columns = (
        *WHOSE,
        Column("Reference", "text", 11),
        Column("Figure", "text", 38),
        Column("Basis", "text", 20),
        Column("Ratio", "ratio", 9),
        *(Column(f"{say.as_date(f'{month}-01'):%b %Y}", "count", 10) for month in made.year.months),
    )
    title = f"Commissioner basis: provider basis × the share commissioned in {say.month(made.snapshot)}, held"
    return Table(COMMISSIONER, title, note, columns, rows, 5)


def _or_blank(cell: str) -> str:
    return f'IF(COUNT({cell})=1,{cell},"")'


def _standards(held: Held) -> Table:
    made = held.made
    rows = []
    for line in lines(made.standards):
        kind = "" if line.unit == "people" else "%"
        missed = {"": "people", "%": "points"}[kind]
        off = "" if say.is_none(line.missed_by) else f"{_amount(line.missed_by, kind)} {missed}"
        rows.append(
            [
                *(_whose(held, str(line.org)) if line.org else ["", "England"]),
                f"{line.name} (check)" if line.sure == "check" else str(line.name),
                str(line.measure),
                say.short_day(line.date),
                "" if say.is_none(line.judged_month) else say.month(f"{line.judged_month}-01"),
                "" if say.is_none(line.required) else _amount(line.required, kind) + kind,
                "" if say.is_none(line.value) else _amount(line.value, kind) + kind,
                str(line.verdict),
                off or ("" if say.is_none(line.why) else f"not judged: {line.why}"),
                str(line.source),
            ]
        )
    note = "(check): recalled, not sourced. " + (
        " ".join(made.changed) or "The plan changes none of the year's standards."
    )
    columns = (
        *WHOSE,
        Column("Standard", "sentence", 44),
        Column("Reference", "text", 11),
        Column("By", "text", 13),
        Column("Judged in", "text", 14),
        Column("Asked for", "count", 11),
        Column("Figure", "count", 11),
        Column("Verdict", "text", 12),
        Column("Missed by, or why it is not judged", "sentence", 40),
        Column("Source", "sentence", 40),
    )
    return Table(STANDARDS, f"Standards of {made.year.year}", note, columns, rows, 2)


def _amount(value: float, kind: str) -> str:
    """People, or a percentage to two decimals: a standard may be missed by less than one shows."""
    return f"{value:,.2f}" if kind else say.count(value)


def _metrics(held: Held) -> Table:
    year = held.made.year
    rows = [
        [
            metric.ref or "none",
            metric_name(metric),
            metric.numerator,
            metric.denominator,
            metric.unit,
            {"lower": "lower is better", "higher": "higher is better"}.get(metric.direction, "neither"),
            ", ".join(metric.levels),
            metric.basis,
            metric.source,
            "sourced" if metric.sure == "sourced" else "check",
        ]
        for metric in year.metric
    ]
    columns = (
        Column("Reference", "text", 11),
        Column("Name", "text", 36),
        Column("Numerator", "sentence", 46),
        Column("Denominator", "text", 13),
        Column("Unit", "text", 13),
        Column("Direction", "text", 16),
        Column("Levels", "text", 24),
        Column("Basis", "text", 13),
        Column("Source", "sentence", 46),
        Column("Sure", "text", 10),
    )
    return Table(METRICS, f"Metrics of {year.year}", f"{year.title}: {year.source}.", columns, rows, 2)


def _ranges(held: Held) -> Table:
    made = held.made
    mine = made.ranges[made.ranges["measure"].isin(WATCHED)]
    months = sorted(set(mine["month"]))
    found = {
        (row.org, row.measure, row.month, q): getattr(row, q) for row in lines(mine) for q in ("p10", "p50", "p90")
    }
    rows: list[list[Any]] = []
    for org, measure in dict.fromkeys(zip(mine["org"], mine["measure"], strict=True)):
        for q in ("p10", "p50", "p90"):
            values = [found.get((org, measure, month, q), math.nan) for month in months]
            rows.append([*_whose(held, org), line_name(made.year, measure), say.COLUMNS[q], *values])
    note = (
        "Of the draws of the months ahead: 80% lie between the 10th and the 90th percentile. The figures submitted are "
        "means of the draws, and overrides are not in the draws, so neither need be the middle here. An ICB's "
        "percentiles are those of all lists together, not sums."
    )
    ahead = [Column(f"{say.as_date(f'{month}-01'):%b %Y}", "count", 11) for month in months]
    columns = (*WHOSE, Column("Figure", "text", 36), Column("Percentile", "text", 16), *ahead)
    return Table(RANGES, "Ranges", note, columns, rows, 4)


def _notes(held: Held) -> Table:
    made = held.made
    rows: list[tuple[str, str]] = [("Disclosure", DISCLOSED)] if made.disclosed else []
    for line in lines(made.ratios):
        words = RATIOS.get(str(line.ratio), str(line.ratio))
        rows.append(("Ratio", f"{line.provider}: {words}: {line.value:.4g} ({line.source})"))
    rows += [("Changed by the plan", text) for text in made.changed]
    rows += [("Transfers", text) for text in made.aid]
    if not made.disclosed:  # both count people
        rows += [("Break in the data", _break(item)) for item in made.breaks]
        rows += [(item.severity.capitalize(), item.sentence()) for item in made.warnings]
    rows += [("Assumption", text) for text in made.assumptions]
    rows += [("Data file", f"{file.name} ({file.month}), SHA-256 {file.sha256}") for file in made.files]
    columns = (Column("What", "text", 22), Column("Note", "sentence", 130))
    return Table(NOTES, "Notes", "", columns, rows, 1)


def _break(item: Any) -> str:
    kind = item.kind.replace("_", " ")
    return (
        f"{item.provider} {item.specialty}, {item.month}: {kind}, {say.count(item.size)}: {item.reason} ({item.source})"
    )


def _whose(held: Held, org: str) -> list[str]:
    return [org, say.provider_name(org, held.made.names)]


def _figure_name(held: Held, measure: str) -> str:
    refs = {metric.ref for metric in held.made.year.submitted}
    return metric_name(held.made.year.metric_of(measure)) if measure in refs else line_name(held.made.year, measure)


def _shown(held: Held, value: float) -> float | str:
    """A number; ``*`` for one that a disclosed submission withholds."""
    return SUPPRESSED if held.made.disclosed and say.is_none(value) else value
