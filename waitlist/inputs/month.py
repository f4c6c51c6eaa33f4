"""One month's CSV: every row checked by the dictionary of fields, commissioners summed (R14)."""

from __future__ import annotations

import calendar
import csv
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from waitlist.errors import Problem, Refusal, refuse
from waitlist.inputs.database import database
from waitlist.inputs.fields import BAND_COLUMNS, COUNT_COLUMNS, TOTAL, UNKNOWN, fields, treatment_functions
from waitlist.inputs.unpack import FETCH

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 5
"""Rows named for one rule before the rest are counted."""
KEYS = ("Period", "Provider Org Code", "Commissioner Org Code", "RTT Part Type", "Treatment Function Code")
COUNTS = (*(f"b{band}" for band in range(len(BAND_COLUMNS))), "unknown", "total")
"""The count columns of a read month, in the order of COUNT_COLUMNS."""
SUMS = "the bands, with the unknown clock starts in 1A and 1B, must sum to Total All"
MEND = "Mend the row or fetch the published file again."


@dataclass(frozen=True)
class Month:
    """One month as read.

    month: YYYY-MM. rows: a frame of provider, provider_name, part (1A, 1B, 2, 2A, 3), specialty,
    specialty_name and COUNTS (int32, people), commissioners summed, NONC and C_999 left out.
    notes: what deserves a look in its rows.
    """

    month: str
    rows: pd.DataFrame
    notes: tuple[Problem, ...]


def read_month(file: str, path: Path, encoding: str) -> Month:
    """The month in the CSV ``path``, called ``file`` in messages. Raises Refusal naming every broken row."""
    there = _header(file, path, encoding)
    with database(path.parent) as db:
        try:
            return _read(file, there, _Source(db, path, encoding, there))
        except duckdb.Error as error:
            raise _unreadable(file, path, error) from None


@dataclass(frozen=True)
class _Source:
    """The CSV as text columns, each a name in SQL; blank cells are null. Nothing about it is guessed."""

    db: duckdb.DuckDBPyConnection
    path: Path
    encoding: str
    header: Sequence[str]

    def table(self, in_order: bool) -> str:
        """The SQL that reads it; in the file's order only where asked, which is slower."""
        path = str(self.path).replace("'", "''")
        known = {field.name for field in fields()}
        names = [name if name in known else f"other {n}" for n, name in enumerate(self.header)]
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
        return (
            f"read_csv('{path}', columns={{{columns}}}, auto_detect=false, header=true, delim=',', quote='\"', "
            f"escape='\"', encoding='{self.encoding}', parallel={not in_order})"
        )


def _header(file: str, path: Path, encoding: str) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as text:
            there = next(csv.reader(text), [])
    except csv.Error as error:
        raise refuse(file, "header", "", f"the header cannot be read: {error}", FETCH) from None
    if not there:
        raise refuse(file, "header", "", "the file is empty or begins with a blank line", FETCH)
    known = [field.name for field in fields()]
    spare = [name for name in there if name not in known]
    problems = []
    for field in fields():
        if there.count(field.name) > 1:
            rule = f"the column '{field.name}' may be there once"
            problems.append(Problem("error", file, "header", f"{there.count(field.name)} times", rule, "Keep one."))
        if field.needed and field.name not in there:
            near = difflib.get_close_matches(field.name, spare, n=1)
            value = near[0] if near else ""
            remedy = f"The nearest there is '{near[0]}': rename it." if near else FETCH
            problems.append(Problem("error", file, "header", value, f"the column '{field.name}' is needed", remedy))
    if problems:
        raise Refusal(shown(problems, file, "header"))
    return there


def _read(file: str, there: Sequence[str], source: _Source) -> Month:
    db = source.db
    db.execute("set preserve_insertion_order = false")
    named = '"Treatment Function Name"' if "Treatment Function Name" in there else "''"
    counts = ", ".join(f'{_number(c)} as "{c}"' for c in COUNT_COLUMNS)
    wrong = " or ".join(f"({condition})" for _, _, condition in _rules())
    texts = ", ".join(f'"{c}"' for c in ("Provider Org Name", *KEYS))
    db.execute(
        f"create table rows as select {texts}, {named} as named, {counts}, {wrong} as wrong "
        f"from {source.table(in_order=False)}"
    )
    keys = ", ".join(f'"{c}"' for c in KEYS)
    broken, rows, distinct = _one(db, f"select count(*) filter (wrong), count(*), count(distinct ({keys})) from rows")
    if rows == 0:
        raise refuse(file, "", "", "the file holds a header and no rows", FETCH)
    month, problems = _one_month(file, db)
    if broken or distinct < rows:
        problems += _broken_rows(file, source)
    if problems:
        raise Refusal(problems)
    sums = ", ".join(
        f'coalesce(sum("{column}"), 0)::integer as {name}' for column, name in zip(COUNT_COLUMNS, COUNTS, strict=True)
    )
    frame = db.execute(
        'select "Provider Org Code" as provider, coalesce(min("Provider Org Name"), \'\') as provider_name, '
        "replace(\"RTT Part Type\", 'Part_', '') as part, replace(\"Treatment Function Code\", 'C_', '') as specialty, "
        f"coalesce(min(named), '') as specialty_name, {sums} from rows "
        "where \"Treatment Function Code\" <> 'C_999' and \"Commissioner Org Code\" <> 'NONC' "
        "group by all order by all"
    ).df()
    if frame.empty:
        raise refuse(file, "", f"{rows:,} rows", "no row is left without C_999 and NONC", FETCH)
    return Month(month, frame, (*_header_notes(file, there, source.encoding), *_row_notes(file, db)))


def _number(column: str) -> str:
    return f'try_cast("{column}" as integer)'


def _rules() -> list[tuple[str, str, str]]:
    """Every rule of a row: in words, the SQL of the value to show, and the SQL that a broken row meets."""
    number = next(field for field in fields() if field.name == TOTAL)
    together = ", ".join(f'"{c}"' for c in COUNT_COLUMNS)
    rules = [
        (
            number.rule,
            f"list_filter([{together}], lambda x: not regexp_full_match(x, '{number.allowed}'))[1]",
            f"not regexp_full_match(concat_ws(',', {together}), '{number.allowed}(,{number.allowed})*')",
        )
    ]
    for field in fields():
        if field.needed and field.allowed and field.type == "code":
            value = f"coalesce(\"{field.name}\", '')"
            rules.append((field.rule, value, f"not regexp_full_match({value}, '{field.allowed}')"))
    bands = " + ".join(f"coalesce({_number(c)}, 0)" for c in BAND_COLUMNS)
    unknown = f"case when \"RTT Part Type\" in ('Part_1A', 'Part_1B') then coalesce({_number(UNKNOWN)}, 0) else 0 end"
    total = f"coalesce({_number(TOTAL)}, 0)"
    rules.append(
        (
            SUMS,
            f"({bands} + {unknown}) || ' against ' || {total}",
            f"\"RTT Part Type\" in ('Part_1A', 'Part_1B', 'Part_2', 'Part_2A') and {bands} + {unknown} <> {total}",
        )
    )
    return rules


def _broken_rows(file: str, source: _Source) -> list[Problem]:
    """Each broken row named with its number, the header being row 1; only read where one is broken."""
    db = source.db
    db.execute("set preserve_insertion_order = true")
    lines = f"(select row_number() over () + 1 as line, * from {source.table(in_order=True)})"
    problems: list[Problem] = []
    uncounted: set[int] = set()  # rows broken otherwise, whose sums say nothing more
    for rule, value, condition in _rules():
        found = db.execute(f"select line, {value} from {lines} where {condition} order by line").fetchall()
        if rule == SUMS:
            found = [(line, text) for line, text in found if line not in uncounted]
        of_rule = [Problem("error", file, f"row {line}", str(text or "")[:40], rule, MEND) for line, text in found]
        problems += shown(of_rule, file, "other rows")
        uncounted |= {line for line, _ in found if rule != SUMS}
    keys = ", ".join(f'"{c}"' for c in KEYS)
    twice = db.execute(f"select max(line), {keys} from {lines} group by {keys} having count(*) > 1 order by 1")
    rule = "a provider, commissioner, part and treatment function may be there once"
    repeated = [
        Problem(
            "error", file, f"row {line}", " ".join(str(k or "") for k in key)[:60], rule, "Remove the repeated row."
        )
        for line, _, *key in twice.fetchall()
    ]
    return problems + shown(repeated, file, "other rows")


def shown(problems: list[Problem], file: str, place: str) -> list[Problem]:
    """The first of ``problems``, all of one rule, and how many more there are."""
    more = len(problems) - SHOWN
    if more <= 0:
        return problems
    last = problems[-1]
    return [*problems[:SHOWN], Problem("error", file, place, f"{more} more", last.rule, last.remedy)]


def _one_month(file: str, db: duckdb.DuckDBPyConnection) -> tuple[str, list[Problem]]:
    """The month of every row, or what is wrong with it."""
    periods = sorted(str(found or "") for (found,) in db.execute('select distinct "Period" from rows').fetchall())
    period = next(field for field in fields() if field.name == "Period")
    if len(periods) != 1 or not re.fullmatch(period.allowed, periods[0], re.IGNORECASE):
        shown = ", ".join(periods[:3])[:80]
        return "", [Problem("error", file, "Period", shown, period.rule, "Keep one month in a file.")]
    _, name, year = periods[0].split("-")
    return f"{year}-{list(calendar.month_name).index(name.capitalize()):02d}", []


def _header_notes(file: str, there: Sequence[str], encoding: str) -> list[Problem]:
    notes = []
    known = [field.name for field in fields()]
    extra = [name for name in there if name not in known]
    if extra:
        shown = ", ".join(extra[:SHOWN])[:80]
        notes.append(Problem("note", file, "header", shown, "columns that are not needed are left aside", ""))
    if encoding != "utf-8":
        notes.append(Problem("note", file, "", encoding, "the text is not UTF-8 and was read as Latin-1", ""))
    return notes


def _row_notes(file: str, db: duckdb.DuckDBPyConnection) -> list[Problem]:
    """NHS England's own check of totals, and treatment functions that are not in the dictionary."""
    notes = []
    part = '"Provider Org Code" as provider, "Commissioner Org Code" as commissioner, "RTT Part Type" as part'
    whole = "\"Treatment Function Code\" = 'C_999'"
    unequal = db.execute(
        f'select {part}, sum("{TOTAL}") filter ({whole}) as told, '
        f'coalesce(sum("{TOTAL}") filter (not {whole}), 0) as found '
        "from rows group by provider, commissioner, part having told <> found order by provider, commissioner, part"
    ).fetchall()
    if unequal:
        provider, commissioner, part, told, found = unequal[0]
        value = f"{len(unequal)} totals, first {commissioner} {part}: {told} against {found}"
        rule = "a C_999 row must be the total of the other treatment functions"
        notes.append(Problem("warning", file, provider, value, rule, "Totals are not used; ask which is right."))
    codes = db.execute("select distinct replace(\"Treatment Function Code\", 'C_', '') from rows order by 1").fetchall()
    strange = [code for (code,) in codes if code not in treatment_functions() and code != "999"]
    if strange:
        rule = "a treatment function should be one that is published"
        notes.append(Problem("warning", file, "Treatment Function Code", ", ".join(strange)[:80], rule, "Check it."))
    return notes


def _unreadable(file: str, path: Path, error: duckdb.Error) -> Refusal:
    """DuckDB's own words for a CSV that is not a table, with the line where it gives one."""
    text = str(error).replace(str(path), file)
    line = re.search(r"Line: (\d+)", text)
    said = [part for part in text.splitlines() if part and "Line:" not in part]
    return refuse(file, f"line {line[1]}" if line else "", "", f"the CSV cannot be read: {said[0][:160]}", FETCH)


def _one(db: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = db.execute(query).fetchone()
    assert row is not None
    return row
