"""submission.csv: one row for each month, organisation and count of the planning return."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from waitlist.planning_year import Metric
from waitlist.submitted import LAYOUT, Submission

SUPPRESSED = "*"
"""What stands where a figure is withheld."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula when a text that begins so is opened or typed again."""


@dataclass(frozen=True)
class Submitted:
    """The counts that are handed in, on the basis that the plan asks for.

    orgs: in order, the ICB last. lines: those that have values on this basis. cells: (org, line, month) → the count as
    text: whole, empty for blank, ``*`` where it is suppressed.
    """

    orgs: tuple[str, ...]
    lines: frozenset[str]
    cells: Mapping[tuple[str, str, str], str]


def long_table(made: Submission) -> pd.DataFrame:
    """The submission as LAYOUT, all texts: a Numerator row for each month, organisation and reference, and a
    Denominator row where the reference is a share of another; counts only, no percentages."""
    held = submitted(made)
    rows = [row for org in held.orgs for metric in made.year.submitted for row in _of_metric(made, held, org, metric)]
    return pd.DataFrame(rows, columns=list(LAYOUT), dtype=str)


def as_csv(made: Submission) -> bytes:
    """The table as CSV: UTF-8, a header, line feeds; the same submission gives the same bytes (R11)."""
    return long_table(made).to_csv(index=False, lineterminator="\n").encode("utf-8")


def submitted(made: Submission) -> Submitted:
    """The counts on the basis that the plan asks for: the figures, or the commissioner basis with ``OTHER`` in it.

    Where the commissioner basis is asked for and withheld, as in a disclosed submission, every count is suppressed:
    those of the provider basis must not be taken for it.
    """
    table, commissioner = made.figures, made.settings.basis == "commissioner"
    status = table["status"]
    if commissioner and made.commissioner is not None:
        table = made.commissioner
        status = pd.Series("", table.index)
    elif commissioner:
        table, status = table.assign(value=math.nan), pd.Series("suppressed", table.index)
    keys = zip(table["org"], table["line"], table["month"], strict=True)
    counts = [count_text(value, what) for value, what in zip(table["value"], status, strict=True)]
    orgs = tuple(dict.fromkeys(table["org"]))
    return Submitted(orgs, frozenset(table["line"]), dict(zip(keys, counts, strict=True)))


def count_text(value: float, status: str) -> str:
    """A count in digits; empty for blank, ``*`` for suppressed."""
    if math.isnan(value):
        return SUPPRESSED if status == "suppressed" else ""
    return str(round(value))


def _of_metric(made: Submission, held: Submitted, org: str, metric: Metric) -> Iterator[tuple[str, ...]]:
    counted = [("Numerator", metric.ref)] + ([("Denominator", metric.denominator)] if metric.denominator else [])
    words = map(_plain, (metric.family, metric.subject, metric.category, metric.name))
    same = (metric.ref, metric.ref.replace(".", ""), *words)
    for month in made.year.months:
        for kind, ref in counted:
            value = held.cells.get((org, made.year.line_of(ref), month), "")
            yield (f"{month}-01", made.settings.region, org, *same, kind, "Count", value)


def _plain(text: str) -> str:
    """A text that no spreadsheet takes for a formula: a plan may name its own metrics."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
