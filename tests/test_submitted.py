"""A written submission reads back as it was, and every fault in it is refused once, by place, value and rule."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import waitlist as wl
from waitlist.inputs.submitted import LAYOUT, SIZE_LIMIT, read_submitted
from waitlist.inputs.submitted_cells import Cell, Faults
from waitlist.inputs.submitted_rules import judge
from waitlist.planning_year import in_force

YEAR = in_force("2025-26").year
PROVIDERS = ("RAA", "RBB", "RCC")
ICB = "QZZ"
ORGS = (*PROVIDERS, ICB)
REGION = "Y99"
PARTS = {
    "E.B.40": 0.6,
    "E.B.18": 0.04,
    "E.B.24": 0.004,
    "E.B.20": 0.01,
    "E.M.18": 0.05,
    "E.M.19": 0.2,
    "E.M.20": 0.27,
    "E.M.8": 0.21,
    "E.M.9": 0.4,
    "E.M.10a": 0.042,
    "E.M.10b": 0.011,
}
"""Counts of a provider, as parts of its list."""
NONE = ""
Figures = dict[tuple[str, str, str], int | str]
"""(organisation, reference, month) → a count, or empty for blank."""


def figures(orgs: Iterable[str] = PROVIDERS) -> Figures:
    """Made-up whole numbers of which every identity holds, the ICB's the sum."""
    found: Figures = {}
    for p, org in enumerate(orgs):
        for m, month in enumerate(YEAR.months):
            size = 11_003 + 7_001 * p + 137 * ((5 * m + 3 * p) % 12)
            found |= {(org, ref, month): round(size * part) + (m * 7 + p) % 5 for ref, part in PARTS.items()}
            found[org, "E.B.3a", month] = size
    add_up(found, orgs)
    return found


def add_up(found: Figures, orgs: Iterable[str] = PROVIDERS) -> None:
    """Make sums of what they are the sum of, blank where a part is."""
    for month in YEAR.months:
        for org in orgs:
            found[org, "E.M.10", month] = total(found[org, ref, month] for ref in ("E.M.10a", "E.M.10b"))
        for metric in YEAR.submitted:
            found[ICB, metric.ref, month] = total(found[org, metric.ref, month] for org in orgs)


def total(parts: Iterable[int | str]) -> int | str:
    values = list(parts)
    return NONE if NONE in values else sum(values)


def rows_of(found: Figures, orgs: Iterable[str] = ORGS) -> list[dict[str, str]]:
    """The figures in the long layout."""
    rows = []
    for month in YEAR.months:
        for org in orgs:
            for metric in YEAR.submitted:
                words = (metric.family, metric.subject, metric.category, metric.name)
                for kind, ref in (("Numerator", metric.ref), ("Denominator", metric.denominator)):
                    if ref:
                        head = (f"{month}-01", REGION, org, metric.ref, metric.ref.replace(".", ""), *words)
                        row = (*head, kind, "Count", str(found[org, ref, month]))
                        rows.append(dict(zip(LAYOUT, row, strict=True)))
    return rows


def text_of(rows: Iterable[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, LAYOUT, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


FIGURES = figures()
ROWS = rows_of(FIGURES)
TEXT = text_of(ROWS)


def read(path, text: str | bytes, orgs=ORGS):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_submitted(path, YEAR, orgs)


def as_read(table) -> dict[tuple[str, str, str], float]:
    return {(row.org, row.ref, row.month): row.value for row in table.itertuples()}


def same(table, found: Figures) -> bool:
    """Whether the table holds these figures, and no others."""
    told = as_read(table)
    right = {key: value if isinstance(value, int) else None for key, value in found.items()}
    return {key: None if math.isnan(value) else value for key, value in told.items()} == right


@pytest.fixture
def path(tmp_path):
    return tmp_path / "submission.csv"


# Sound files


def test_a_sound_file_reads_back(path):
    table = read(path, TEXT)
    assert list(table.columns) == ["org", "ref", "month", "value"] and table["value"].dtype == float
    assert len(table) == len(ORGS) * len(YEAR.submitted) * 12 and same(table, FIGURES)


def blank(found: Figures, org: str, refs: Iterable[str], months: Iterable[str] = YEAR.months) -> Figures:
    changed = found | {(org, ref, month): NONE for ref in refs for month in months}
    add_up(changed)
    return changed


ALL = [metric.ref for metric in YEAR.submitted]


@pytest.mark.parametrize(
    "found",
    [
        blank(FIGURES, "RAA", ["E.B.24"]),
        blank(FIGURES, "RBB", ["E.M.10a"]),
        blank(FIGURES, "RCC", ALL, YEAR.months[6:]),
    ],
    ids=["a reference asked for", "a part of a sum", "a provider from a month on"],
)
def test_blanks_that_may_be_read_as_nan(path, found):
    assert same(read(path, text_of(rows_of(found))), found)


def test_a_windows_file_with_empty_lines_is_the_same(path):
    text = "\ufeff" + TEXT.replace("\n", "\r\n") + "\r\n" + "," * (len(LAYOUT) - 1) + "\r\n"
    assert same(read(path, text), FIGURES)


def test_rows_in_another_order_are_the_same(path):
    assert same(read(path, text_of(reversed(ROWS))), FIGURES)


def test_other_providers_are_part_of_the_sum(path):
    orgs = (*PROVIDERS, "OTHER")
    found = figures(orgs)
    assert same(read(path, text_of(rows_of(found, (*orgs, ICB)))), found)


def disclosed(hidden: int = 300) -> Figures:
    """Rounded to 5, and counts below some hidden; so sums hold only within rounding."""
    return {key: "*" if value < hidden else (value + 2) // 5 * 5 for key, value in FIGURES.items()}


def test_rounded_figures_do_not_add_up():
    found = disclosed(0)
    sums = [sum(found[org, "E.B.3a", month] for org in PROVIDERS) for month in YEAR.months]
    assert sums != [found[ICB, "E.B.3a", month] for month in YEAR.months]


@pytest.mark.parametrize("hidden", [0, 300, 12_000])
def test_a_disclosed_file_holds_within_rounding(path, hidden):
    found = disclosed(hidden)
    assert same(read(path, text_of(rows_of(found))), found)


# Seeded faults


def at(org: str, ref: str, month: str = "2025-07", kind: str = "Numerator") -> Callable[[dict[str, str]], bool]:
    """Which row is that of."""
    told = {"OrgCode": org, "PlanningRef": ref, "DimDateStart": f"{month}-01", "MeasureType": kind}
    return lambda row: all(row[column] == value for column, value in told.items())


def where(**told: str) -> Callable[[dict[str, str]], bool]:
    return lambda row: all(row[column] == value for column, value in told.items())


def everywhere(row: dict[str, str]) -> bool:
    return True


def line_of(which: Callable[[dict[str, str]], bool]) -> int:
    """The row number of the first such row, the header being row 1."""
    return 2 + next(n for n, row in enumerate(ROWS) if which(row))


def put(which, **changes) -> str:
    """The sound file with such rows changed; a change may be of what stands there."""
    assert any(which(row) for row in ROWS)
    made = []
    for row in ROWS:
        if which(row):
            row = row | {name: to(row[name]) if callable(to) else to for name, to in changes.items()}
        made.append(row)
    return text_of(made)


def without(which) -> str:
    assert any(which(row) for row in ROWS)
    return text_of(row for row in ROWS if not which(row))


def with_figures(*changes: tuple[str, str, int], sums: bool = False) -> str:
    """The sound file of other figures, (organisation, reference, by how much) in July; Denominators go with them."""
    found = dict(FIGURES)
    for org, ref, more in changes:
        found[org, ref, "2025-07"] += more
    if sums:
        add_up(found)
    return text_of(rows_of(found))


def other_reference(row: dict[str, str], ref: str) -> dict[str, str]:
    """The columns that go with a reference."""
    metric = YEAR.metric_of(ref)
    words = (metric.ref, metric.ref.replace(".", ""), metric.family, metric.subject, metric.category, metric.name)
    return row | dict(zip(LAYOUT[3:9], words, strict=True))


def with_104_weeks() -> str:
    """With rows of a reference of the year before, all its words its own."""
    old = in_force("2024-25").year.metric_of("E.B.19")
    words = ("E.B.19", "EB19", old.family, old.subject, old.category, old.name)
    more = [row | dict(zip(LAYOUT[3:9], words, strict=True)) for row in ROWS if where(PlanningRef="E.B.20")(row)]
    return text_of([*ROWS, *more])


def with_a_fourth() -> str:
    """With a provider that the submission does not have."""
    four = (*PROVIDERS, "RDD")
    return text_of(rows_of(figures(four), (*four, ICB)))


def all_without_header() -> str:
    return TEXT.split("\n", 1)[1]


def swapped(which: Callable[[dict[str, str]], bool]) -> str:
    """Values of Numerator and Denominator each in the other's row."""
    other = {"Numerator": "Denominator", "Denominator": "Numerator"}
    value = {tuple(row[c] for c in LAYOUT[:10]): row["Value"] for row in ROWS}
    key = lambda row: (*(row[c] for c in LAYOUT[:9]), other[row["MeasureType"]])  # noqa: E731
    return text_of(row | {"Value": value[key(row)]} if which(row) else row for row in ROWS)


def first_row(text: str, change: Callable[[str], str]) -> str:
    head, rest = text.split("\n", 1)
    return f"{change(head)}\n{rest}"


def value(org: str, ref: str, month: str = "2025-07") -> int:
    return FIGURES[org, ref, month]


def shown(org: str, ref: str, more: int = 0) -> str:
    return f"{value(org, ref) + more:,}"


@dataclass(frozen=True)
class Seed:
    """A fault: how the file is made wrong, and for each cause the words of the one problem that tells it."""

    name: str
    make: Callable[[], str | bytes]
    words: tuple[str, ...]
    more: tuple[tuple[str, ...], ...] = field(default=())

    @property
    def causes(self) -> tuple[tuple[str, ...], ...]:
        return (self.words, *self.more)


JULY = at("RBB", "E.B.18")
ROW = f"row {line_of(JULY)}:"
ACTIVITY = at("RAA", "E.M.8")
ACTIVITY_ROW = f"row {line_of(ACTIVITY)}:"


def valued(name: str, text: str, *words: str, which=ACTIVITY) -> Seed:
    """A Value that is none."""
    return Seed(name, lambda: put(which, Value=text), (f"row {line_of(which)}:", f"(found {text})", *words))


SEEDS = [
    # the file
    Seed("an empty file", lambda: "", ("the file is empty",)),
    Seed("white space only", lambda: " \n\n", ("the file is empty",)),
    Seed("commas only", lambda: ",,,\n,,,\n", ("the file is empty",)),
    Seed("a header only", lambda: TEXT.split("\n")[0], ("no rows below its header",)),
    Seed("too large", lambda: TEXT + "\n" * SIZE_LIMIT, ("larger than 16 MB", "(found 16.")),
    Seed("another encoding", lambda: TEXT.encode("utf-16"), ("byte 1", "not UTF-8", "CSV UTF-8")),
    Seed("Latin letters", lambda: put(JULY, MeasureName="é").encode("latin-1"), ("byte ", "not UTF-8")),
    Seed("NUL bytes", lambda: put(JULY, Value="1\x00"), (ROW, "NUL")),
    Seed("a quotation mark open", lambda: TEXT.replace("RBB", '"RBB', 1), ("CSV cannot be read",)),
    Seed("semicolons", lambda: TEXT.replace(",", ";"), ("header", "parted by commas", "(found ;)")),
    Seed("tabs", lambda: TEXT.replace(",", "\t"), ("header", "parted by commas", "(found tabs)")),
    # the header
    Seed("no header", all_without_header, ("header", "first row must hold the columns' names", "2025-04-01")),
    Seed(
        "a column misspelt",
        lambda: first_row(TEXT, lambda head: head.replace("OrgCode", "Org_Code")),
        ("header", "column OrgCode is missing", "is it Org_Code?"),
    ),
    Seed(
        "a column missing",
        lambda: "\n".join(line.rsplit(",", 1)[0] for line in TEXT.splitlines()),
        ("header", "column Value is missing"),
    ),
    Seed(
        "a column twice",
        lambda: "\n".join(f"{line},{line.rsplit(',', 1)[1]}" for line in TEXT.splitlines()),
        ("header", "column Value may be there once", "2 times"),
    ),
    Seed(
        "a column more",
        lambda: "\n".join(f"{line},{'Note' if n == 0 else ''}" for n, line in enumerate(TEXT.splitlines())),
        ("header", "a column that the layout does not have", "(found Note)"),
    ),
    Seed(
        "columns in another order",
        lambda: "\n".join(",".join(reversed(line.split(","))) for line in text_of(ROWS[:1]).splitlines()),
        ("header", "layout's order", "(found Value)"),
    ),
    # rows
    Seed(
        "a row too short",
        lambda: TEXT.replace(",".join(ROWS[40].values()), ",".join(list(ROWS[40].values())[:-1]), 1),
        ("row 42:", "as many values as the header", "11 values"),
    ),
    Seed(
        "a comma outside quotation marks",
        lambda: put(ACTIVITY, Value="2,345").replace('"2,345"', "2,345"),
        (ACTIVITY_ROW, "as many values as the header", "13 values", "comma"),
    ),
    Seed("an unknown reference", lambda: put(JULY, PlanningRef="E.B.181"), (ROW, "E.B.181", "mean E.B.18?", "2025-26")),
    Seed("a reference without dots", lambda: put(where(PlanningRef="E.B.3a"), PlanningRef="EB3a"), ("mean E.B.3a?",)),
    Seed("a reference of last year", with_104_weeks, ("E.B.19", "2024-25", "2025-26", "rows 914, 915", "and 91 more")),
    Seed(
        "last year's reference for this year's",
        lambda: put(at("RBB", "E.B.20"), PlanningRef="E.B.19"),
        (f"row {line_of(at('RBB', 'E.B.20'))}:", "E.B.19 is one of 2024-25", "mean E.B.20?"),
    ),
    Seed(
        "another reference of the year",
        lambda: put(JULY, PlanningRef="E.B.20"),
        (ROW, "PlanningRef must go with", "mean E.B.18?", "(found E.B.20)"),
    ),
    Seed("an unknown organisation", lambda: put(JULY, OrgCode="RB8"), (ROW, "OrgCode", "mean RBB?", "(found RB8)")),
    Seed(
        "an organisation misspelt throughout",
        lambda: put(where(OrgCode="RCC"), OrgCode="R0C"),
        ("OrgCode", "mean RCC?", "(found R0C)", "and 223 more"),
    ),
    Seed("a foreign organisation", lambda: text_of([*ROWS, ROWS[0] | {"OrgCode": "7X"}]), ("row 914:", "(found 7X)")),
    Seed("a fourth provider in the ICB's sum", with_a_fourth, ("an organisation of the submission (found RDD)",)),
    Seed("five years of rows", lambda: text_of(ROWS * 5), ("far more rows than the 912", "(found 4,560 rows)")),
    Seed("an organisation missing", lambda: without(where(OrgCode="RCC")), ("RCC:", "rows are missing")),
    Seed("the ICB missing", lambda: without(where(OrgCode=ICB)), (f"{ICB}:", "rows are missing")),
    Seed("a month missing", lambda: without(where(DimDateStart="2025-10-01")), ("2025-10:", "rows are missing")),
    Seed("a reference missing", lambda: without(where(PlanningRef="E.M.9")), ("E.M.9:", "Numerator rows are missing")),
    Seed(
        "a provider's reference missing",
        lambda: without(where(PlanningRef="E.B.20", OrgCode="RBB")),
        ("RBB E.B.20:", "Numerator and Denominator rows are missing"),
    ),
    Seed("a Numerator missing", lambda: without(JULY), ("RBB E.B.18 2025-07 Numerator:", "Numerator row is missing")),
    Seed(
        "a Denominator missing",
        lambda: without(at("RAA", "E.B.40", kind="Denominator")),
        ("RAA E.B.40 2025-07 Denominator:", "the Denominator row is missing"),
    ),
    Seed(
        "no Denominators",
        lambda: without(where(MeasureType="Denominator")),
        ("submission.csv, Denominator:", "Denominator rows are missing"),
    ),
    Seed("a month outside", lambda: put(JULY, DimDateStart="2026-04-01"), (ROW, "2026-04-01", "planning year 2025-26")),
    Seed(
        "another year throughout",
        lambda: put(everywhere, DimDateStart=lambda day: f"{int(day[:4]) - 1}{day[4:]}"),
        ("DimDateStart", "planning year 2025-26", "2024-04-01", "and 7 more", "rows 2, 3", "and 907 more"),
    ),
    Seed("not the first of a month", lambda: put(JULY, DimDateStart="2025-07-31"), (ROW, "2025-07-31", "first day")),
    Seed(
        "a month's last day throughout",
        lambda: put(everywhere, DimDateStart=lambda day: f"{day[:8]}28"),
        ("DimDateStart", "first day of a month", "2025-04-28"),
    ),
    Seed("an English date", lambda: put(JULY, DimDateStart="01/07/2025"), (ROW, "01/07/2025", "the year first")),
    Seed("no date", lambda: put(JULY, DimDateStart="July 2025"), (ROW, "July 2025", "must be a date")),
    Seed("no such month", lambda: put(JULY, DimDateStart="2025-13-01"), (ROW, "2025-13-01", "must be a date")),
    Seed("MeasureType misspelt", lambda: put(JULY, MeasureType="Numerater"), (ROW, "mean Numerator?", "Numerater")),
    Seed(
        "a Denominator of what has none",
        lambda: put(ACTIVITY, MeasureType="Denominator"),
        (ACTIVITY_ROW, "E.M.8 has no Denominator"),
    ),
    Seed("another MetricType", lambda: put(JULY, MetricType="Percent"), (ROW, "MetricType must be Count", "Percent")),
    Seed("another region", lambda: put(JULY, RegionCode="Y98"), (ROW, "RegionCode", "Y99 in most", "(found Y98)")),
    Seed("another MeasureID", lambda: put(JULY, MeasureID="EB20"), (ROW, "MeasureID of E.B.18", "EB18", "of E.B.20")),
    Seed(
        "another reference's name",
        lambda: put(JULY, MeasureName="RTT waits over 65 weeks"),
        (ROW, "MeasureName of E.B.18", "that of E.B.20", "(found RTT waits over 65 weeks)"),
    ),
    Seed("another family", lambda: put(JULY, MeasureFamily="Cancer"), (ROW, "MeasureFamily of E.B.18", "Cancer")),
    Seed("a row twice", lambda: text_of([*ROWS, ROWS[3]]), ("rows 5 and 914", "given once", "2025-04")),
    Seed(
        "a row twice with two values",
        lambda: text_of([*ROWS, ROWS[3] | {"Value": "7"}]),
        ("rows 5 and 914", "given once", "RAA E.B.18 2025-04"),
    ),
    Seed(
        "a row under another month",
        lambda: put(JULY, DimDateStart="2025-08-01"),
        ("given once", "RBB E.B.18 2025-07 Numerator is missing", "found RBB E.B.18 2025-08 Numerator"),
    ),
    Seed(
        "a Numerator called Denominator",
        lambda: put(JULY, MeasureType="Denominator"),
        ("given once", "RBB E.B.18 2025-07 Numerator is missing"),
    ),
    # values
    valued("text", "n/a", "whole number", "empty where there is no figure"),
    valued("a decimal", "2345.5", "not a decimal"),
    valued("a percentage with its sign", "65%", "not a percentage", which=at("RAA", "E.B.40")),
    valued("a percentage", "65.3", "not a percentage", which=at("RAA", "E.B.40")),
    valued("a negative", "-12", "below 0"),
    valued("thousands separators", "2,345", "thousands separators"),
    valued("scientific notation", "1E5", "scientific notation"),
    valued("a formula", "=A1+A2", "formula"),
    valued("leading zeros", "0012", "whole number"),
    valued("far too large", "12345678901", "nine digits"),
    valued("other digits", "١٢", "whole number"),
    Seed(
        "a hidden sign",
        lambda: put(ACTIVITY, Value="12\u200b3"),
        (ACTIVITY_ROW, "whole number", "(found 12\N{REPLACEMENT CHARACTER}3)"),
    ),
    Seed("a blank RTT figure", lambda: put(JULY, Value=""), ("2025-07:", "RBB's E.B.18 may not be blank")),
    Seed(
        "a reference blank all year",
        lambda: text_of(rows_of(blank(FIGURES, "RBB", ["E.M.20"]))),
        ("RBB's E.M.20 may not be blank", "2025-04, 2025-05", "and 7 more"),
        (("QZZ's E.M.20 may not be blank",),),
    ),
    Seed("* in an open file", lambda: put(ACTIVITY, Value="*"), ("RAA E.M.8 2025-07", "only in a disclosed file")),
    Seed(
        "a figure not rounded",
        lambda: text_of(rows_of(disclosed() | {("RAA", "E.M.20", "2025-07"): 3001})),
        ("RAA E.M.20 2025-07", "disclosed file", "multiple of 5", "3,001"),
    ),
    Seed(
        "a figure not rounded where none is hidden",
        lambda: text_of(rows_of(disclosed(0) | {("RAA", "E.M.20", "2025-07"): 3001})),
        ("RAA E.M.20 2025-07", "rounded throughout", "multiple of 5", "3,001"),
    ),
    Seed(
        "a sum beyond rounding",
        lambda: text_of(rows_of(disclosed() | {(ICB, "E.M.20", "2025-07"): 17_000})),
        ("QZZ E.M.20 2025-07", "must be the sum", "17,000"),
    ),
    # identities
    Seed(
        "a Denominator that differs",
        lambda: put(at("RAA", "E.B.40", kind="Denominator"), Value="9"),
        ("RAA 2025-07", "Denominator of E.B.40 must repeat", "Denominator 9", f"E.B.3a {shown('RAA', 'E.B.3a')}"),
    ),
    Seed(
        "a Numerator that its Denominators do not repeat",
        lambda: put(at("RAA", "E.B.3a"), Value="9"),
        ("RAA 2025-07", "E.B.40 and E.B.18 and E.B.20 must repeat", "Numerator of E.B.3a 9"),
    ),
    Seed(
        "a swap",
        lambda: swapped(where(OrgCode="RAA", PlanningRef="E.B.40", DimDateStart="2025-07-01")),
        ("RAA E.B.40 2025-07", "swapped?", f"Numerator {shown('RAA', 'E.B.3a')}, Denominator {shown('RAA', 'E.B.40')}"),
    ),
    Seed(
        "a broken sum",
        lambda: with_figures((ICB, "E.M.20", 10)),
        (
            "QZZ E.M.20 2025-07",
            "sum of the other organisations'",
            f"QZZ {shown(ICB, 'E.M.20', 10)}, the others {shown(ICB, 'E.M.20')}",
        ),
    ),
    Seed(
        "a list of the ICB's own",
        lambda: with_figures((ICB, "E.B.3a", 1)),
        ("QZZ E.B.3a 2025-07", "must be the sum", shown(ICB, "E.B.3a", 1)),
    ),
    Seed(
        "a provider blank and the ICB not",
        lambda: put(ACTIVITY, Value=""),
        ("QZZ E.M.8 2025-07", "must be the sum", "for RAA is blank"),
    ),
    Seed(
        "65 weeks over 52",
        lambda: with_figures(("RBB", "E.B.20", 5_000), sums=True),
        ("RBB 2025-07", "E.B.20 may not be more than E.B.18", shown("RBB", "E.B.20", 5_000), shown("RBB", "E.B.18")),
        (("QZZ 2025-07", "E.B.20 may not be more than E.B.18"),),
    ),
    Seed(
        "65 weeks over 52 at one place",
        lambda: with_figures(("RBB", "E.B.20", 5_000)),
        ("RBB 2025-07", "E.B.20 may not be more than E.B.18"),
    ),
    Seed(
        "52 weeks over those past 18",
        lambda: with_figures(("RAA", "E.B.18", 5_000)),
        ("RAA 2025-07", "E.B.18 may not be more than E.B.3a less E.B.40", shown("RAA", "E.B.18", 5_000)),
    ),
    Seed(
        "within 18 weeks over the list",
        lambda: with_figures(("RAA", "E.B.40", 9_000)),
        ("RAA 2025-07", "E.B.40 may not be more than E.B.3a", shown("RAA", "E.B.40", 9_000), shown("RAA", "E.B.3a")),
    ),
    Seed(
        "children over everyone",
        lambda: with_figures(("RAA", "E.B.24", 900)),
        ("RAA 2025-07", "E.B.24 may not be more than E.B.18"),
    ),
    Seed(
        "parts that do not add up",
        lambda: with_figures(("RCC", "E.M.10a", 3)),
        (
            "RCC E.M.10a 2025-07",
            "E.M.10 must be E.M.10a + E.M.10b",
            f"{shown('RCC', 'E.M.10a', 3)}, where these ask for {shown('RCC', 'E.M.10a')}",
        ),
    ),
    Seed(
        "a sum that is not its parts'",
        lambda: with_figures(("RCC", "E.M.10", 4), (ICB, "E.M.10", 4)),
        ("RCC 2025-07", "E.M.10 must be E.M.10a + E.M.10b", f"E.M.10 {shown('RCC', 'E.M.10', 4)}"),
        (("QZZ 2025-07", "E.M.10 must be E.M.10a + E.M.10b"),),
    ),
    Seed(
        "a part blank and the sum not",
        lambda: put(at("RCC", "E.M.10b"), Value=""),
        ("RCC 2025-07", "E.M.10 must be", "E.M.10b is blank"),
    ),
    # several at once
    Seed(
        "three causes",
        lambda: text_of(
            row | {"Value": "n/a"} if ACTIVITY(row) else row | {"OrgCode": "RB8"} if JULY(row) else row
            for row in ROWS
            if not at("RCC", "E.M.9")(row)
        ),
        ("row ", "(found n/a)"),
        (("row ", "(found RB8)", "mean RBB?"), ("RCC E.M.9 2025-07:", "Numerator row is missing")),
    ),
]


@pytest.mark.parametrize("seed", SEEDS, ids=[seed.name for seed in SEEDS])
def test_a_fault_is_refused_once(path, seed):
    with pytest.raises(wl.Refusal) as refused:
        read(path, seed.make())
    said = [problem.sentence() for problem in refused.value.problems]
    assert len(said) == len(seed.causes), said
    for problem in refused.value.problems:
        assert problem.severity == "error" and problem.file == "submission.csv" and problem.rule and problem.remedy
    for words in seed.causes:
        assert any(all(word in sentence for word in words) for sentence in said), (words, said)


def test_seeds_are_many_and_named_once():
    assert len({seed.name for seed in SEEDS}) == len(SEEDS) >= 32


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_refused(path, kind):
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(wl.Refusal) as refused:
        read_submitted(path, YEAR, ORGS)
    (problem,) = refused.value.problems
    assert ("no such file" if kind == "missing" else "not an ordinary file") in problem.sentence()


@pytest.mark.parametrize("longer, shorter", [("E.B.19", "E.B.21"), ("E.B.21", "E.B.20"), ("E.B.20", "E.B.18")])
def test_longer_waits_of_an_older_year_are_part_of_shorter_ones(longer, shorter):
    faults, month = Faults("submission.csv"), "2024-07"
    counts = dict.fromkeys(("E.B.19", "E.B.21", "E.B.20", "E.B.18"), 7) | {longer: 8}
    above = ("E.B.19", "E.B.21", "E.B.20", "E.B.18")
    counts |= dict.fromkeys(above[: above.index(longer)], 6)
    cells = {Cell("RAA", month, ref, "Numerator"): count for ref, count in counts.items()}
    judge(cells, in_force("2024-25").year, ORGS, faults)
    with pytest.raises(wl.Refusal) as refused:
        faults.refuse()
    (problem,) = refused.value.problems
    assert f"RAA 2024-07: {longer} may not be more than {shorter} (found {longer} 8, {shorter} 7)" in problem.sentence()


def test_few_of_a_sort_are_shown(path):
    found = FIGURES | {(ICB, "E.M.20", month): 1 for month in YEAR.months}
    with pytest.raises(wl.Refusal) as refused:
        read(path, text_of(rows_of(found)))
    *shown_first, last = refused.value.problems
    assert len(shown_first) == 5 and "7 more" in last.sentence() and "ICB" in last.sentence()


def test_what_a_file_holds_is_shown_safely(path):
    with pytest.raises(wl.Refusal) as refused:
        read(path, put(ACTIVITY, Value="\x1b[31m" + "x" * 9_000))
    (problem,) = refused.value.problems
    assert problem.value.isprintable() and len(problem.value) < 200


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=st.integers(0, len(ROWS) - 1), data=st.data())
def test_no_changed_value_is_ignored(path, row, data):
    """Any one Value made another whole number is refused for one problem, or is what is read."""
    old = int(ROWS[row]["Value"])
    near = st.integers(max(0, old - 30), old + 30)
    new = data.draw((near | st.integers(0, 999_999_999)).filter(lambda number: number != old))
    rows = [*ROWS[:row], ROWS[row] | {"Value": str(new)}, *ROWS[row + 1 :]]
    try:
        told = as_read(read(path, text_of(rows)))
    except wl.Refusal as refused:
        assert len(refused.problems) == 1, refused
        assert "2025" in str(refused) or "2026" in str(refused)
    else:
        at_row = ROWS[row]["OrgCode"], ROWS[row]["PlanningRef"], ROWS[row]["DimDateStart"][:7]
        assert ROWS[row]["MeasureType"] == "Numerator" and told[at_row] == new
