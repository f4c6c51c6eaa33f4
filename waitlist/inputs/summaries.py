"""The history files of a plan: published summaries, strikes and population, until the origin (R3, R14)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from waitlist.bands import Floats
from waitlist.calendar import month_of, months_after, months_between
from waitlist.errors import Problem, Refusal
from waitlist.history import NATIONAL_FLOWS, STOCKS, DataFile, Population, Strike, Summaries
from waitlist.inputs.fields import history_fields
from waitlist.inputs.layouts import FETCH, SIZE_LIMIT, Table, layout_of, nearest_layout, read_table

ESTIMATED = " with estimates for missing data"
OVER = ("gt52wk", "gt65wk", "gt78wk", "gt104wk")
INCOMPLETE = "Incomplete RTT pathways | "
NATIONAL_STOCKS = (
    f"{INCOMPLETE}Total waiting (mil)",
    *(f"{INCOMPLETE}No. > {weeks} weeks" for weeks in (18, 52, 65, 78, 104)),
)
"""Columns of the national series, in the order of STOCKS."""
FLOW_COLUMNS = (
    "New RTT periods | No. of new RTT periods",
    "Completed admitted (unadjusted) RTT pathways | No. of pathways (all)",
    "Completed non-admitted RTT pathways | No. of pathways (all)",
)
"""Columns of the national series, in the order of NATIONAL_FLOWS."""
ASIDE = "rtt_flows_icb"
"""A layout that is known and not used: areas' flows, with some months missing."""
MOST_CELLS = 10_000_000
"""Numbers that one array may hold: all of England's providers over twenty years are 1.5 million."""


def read_summaries(
    paths: Sequence[Path], origin: str, limit: int = SIZE_LIMIT
) -> tuple[Summaries, tuple[Problem, ...]]:
    """What the files and folders ``paths`` tell, knowing nothing after the month ``origin`` (YYYY-MM).

    Every CSV of a folder is tried, and one that is of no use noted and left aside. A path that is not there is a
    warning, for the forecast runs without it. Raises Refusal naming every file, row and cell that is wrong.
    """
    tables: list[Table] = []
    problems: list[Problem] = []
    warnings = tuple(_missing(path) for path in paths if not path.exists())
    for path, layout in _known(paths, problems):
        try:
            tables.append(read_table(path, layout, origin, limit))
        except Refusal as refusal:
            problems += refusal.problems
        except OSError as error:
            problems.append(_unreadable(path, error))
    by_layout = {layout: [t for t in tables if t.layout == layout] for layout in history_fields()}
    summary, national = by_layout["rtt_incomplete_summary"], by_layout["england_rtt_overview"]
    strikes, people = by_layout["strike_days_england"], by_layout["population_age_bands"]
    for found, rules in ((summary, _summary_rules), (national, _national_rules), (people, _population_rules)):
        for table in found:
            problems += rules(table)
    problems += _repeated(summary, ("month", "level", "code")) + _repeated(national, ("month",))
    problems += _repeated(strikes, ("date", "staff_group"))
    problems += _repeated(people, ("area_code", "variant", "year", "age_band"))
    problems += _sparse(summary, ("month", "code")) + _sparse(people, ("area_code", "year", "age_band"))
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise Refusal(errors)
    months, providers, stocks, england, flows = _series(summary, national)
    struck = sorted({strike for table in strikes for strike in _strikes(table)}, key=lambda s: (s.day, s.staff_group))
    files = tuple(_file(table) for table in tables if len(table.lines))
    notes = (*warnings, *(_of_no_use(table, origin) for table in tables if not len(table.lines)), *problems)
    return Summaries(months, providers, stocks, england, flows, tuple(struck), _population(people), files), notes


def _missing(path: Path) -> Problem:
    rule = "the plan's history is not there: the forecast runs without what it would tell of the past"
    remedy = "Put the file or folder there, or take it out of the plan's history."
    return Problem("warning", "the plan", "history", path.name, rule, remedy)


def _of_no_use(table: Table, origin: str) -> Problem:
    rule = f"no row of the file is of {origin} or before: it tells the forecast nothing"
    return Problem("warning", table.file, "", "", rule, "Fetch earlier months, or take it out of the plan's history.")


def _unreadable(path: Path, error: OSError) -> Problem:
    return Problem("error", path.name, "", "", f"the file cannot be read: {error.strerror or error}", "Check it.")


def _known(paths: Iterable[Path], problems: list[Problem]) -> Iterator[tuple[Path, str]]:
    """Each file of a known layout, once, with its layout; what cannot be opened or used joins ``problems``."""
    seen = set()
    for given in paths:
        try:
            inside = _csvs(given) if given.is_dir() else [given]
        except OSError as error:
            problems.append(_unreadable(given, error))
            continue
        aside = []
        for path in inside:
            if not path.exists() or path.resolve() in seen or (path is not given and not path.is_file()):
                continue
            seen.add(path.resolve())
            try:
                layout = layout_of(path) if path.is_file() else ""
            except OSError as error:
                problems.append(_unreadable(path, error))
                continue
            if layout and layout != ASIDE:
                yield path, layout
            elif layout or path is not given:
                aside.append(path.name)
            else:
                rule = f"a file of the history must have the header of one of {', '.join(history_fields())}"
                near = f"The nearest is {nearest_layout(path)}. " if path.is_file() else ""
                problems.append(Problem("error", path.name, "header", "", rule, near + FETCH))
        if aside:
            rule = "what tells the forecast nothing is left aside"
            problems.append(Problem("note", given.name, "", ", ".join(aside)[:200], rule, ""))


def _csvs(folder: Path) -> list[Path]:
    """The CSVs in ``folder``, by name; hidden files are other programs' own."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() == ".csv" and not p.name.startswith("."))


def _file(table: Table) -> DataFile:
    """The file, with the last month it tells of until the origin; people are estimated for the middle of a year."""
    if "month" in table.columns:
        last = str(max(table.columns["month"]))
    elif "date" in table.columns:
        last = month_of(max(table.columns["date"]))
    else:
        years = table.columns["year"][table.columns["variant"] == "v0"]
        last = f"{int(years.max())}-06" if len(years) else ""
    return DataFile(table.file, last, table.sha256)


def _summary_rules(table: Table) -> list[Problem]:
    """Whoever waited longer is among those who waited less long."""
    within, total = table.columns["within_18wk"], table.columns["incomplete_total"]
    nested = [("incomplete_total", total), ("those over 18 weeks", total - within)]
    nested += [(name, table.columns[name]) for name in OVER]
    found = table.refused(
        within > total,
        lambda r: f"{within[r]:.0f} of {total[r]:.0f}",
        "within_18wk may not be more than incomplete_total",
    )
    return found + _nested(table, nested[1:])


def _national_rules(table: Table) -> list[Problem]:
    columns = [table.numbers(name) for name in NATIONAL_STOCKS]
    columns[0] = _people(columns[0])
    return _nested(table, list(zip((name.removeprefix(INCOMPLETE) for name in NATIONAL_STOCKS), columns, strict=True)))


def _nested(table: Table, nested: Sequence[tuple[str, Floats]]) -> list[Problem]:
    """Each of ``nested`` may not be more than the last one before it that is known."""
    problems: list[Problem] = []
    _, most = nested[0]
    for inner, people in nested[1:]:
        rule = f"{inner} may not be more than those who waited less long"
        problems += table.refused(people > most, lambda r, p=people, m=most: f"{p[r]:.0f} of {m[r]:.0f}", rule)  # type: ignore[misc]
        most = np.where(np.isnan(people), most, people)
    return problems


def _population_rules(table: Table) -> list[Problem]:
    females, males, persons = (table.numbers(name) for name in ("females", "males", "persons"))
    broken = np.abs(females + males - persons) > 0  # not where a file gives no sexes
    rule = "females and males must add up to persons"
    return table.refused(broken, lambda r: f"{females[r]:.0f} + {males[r]:.0f} against {persons[r]:.0f}", rule)


def _repeated(tables: Sequence[Table], keys: Sequence[str]) -> list[Problem]:
    """Rows whose keys were there before, in this file or another; England is one, whatever its code."""
    seen: dict[tuple[object, ...], str] = {}
    problems = []
    for table in tables:
        rows = list(zip(*(table.columns[key] for key in keys), strict=True))
        broken, first = np.zeros(len(rows), bool), {}
        for r, row in enumerate(rows):
            key = row[:2] if "national" in row else row
            if key in seen:
                broken[r], first[r] = True, seen[key]
            else:
                seen[key] = f"{table.file} row {table.lines[r]}"

        def value(r: int, rows: list[tuple[object, ...]] = rows, first: dict[int, str] = first) -> str:
            said = " ".join(f"{part:.0f}" if isinstance(part, float) else str(part) for part in rows[r])
            return f"{said}, first in {first[r]}"

        rule = f"one {', '.join(keys)} may be there once"
        problems += table.refused(broken, value, rule, "Remove the repeated row.")
    return problems


def _sparse(tables: Sequence[Table], keys: Sequence[str]) -> list[Problem]:
    """A refusal where the rows of ``tables`` are so scattered that their array would take the machine's memory."""
    counts = [len({value for table in tables for value in table.columns[key]}) for key in keys]
    if math.prod(counts) * len(STOCKS) <= MOST_CELLS:
        return []
    value, rule = " × ".join(f"{count:,}" for count in counts), f"there are too many different {', '.join(keys)}"
    return [Problem("error", tables[0].file, "", value, rule, FETCH)]


def _people(values: Floats) -> Floats:
    """Numbers of people, of which those below 1,000 are millions: England's list never was so short."""
    return np.where(values < 1_000, np.round(values * 1e6), values)


def _series(
    summary: Sequence[Table], national: Sequence[Table]
) -> tuple[tuple[str, ...], tuple[str, ...], Floats, Floats, Floats]:
    """Months, providers, their stocks, England's stocks, and England's flows, as Summaries has them.

    England's stocks are the summary's, or else those of the national series.
    """
    known = {month for table in (*summary, *national) for month in table.columns["month"]}
    first = min(known, default="")
    months = tuple(months_after(first, m) for m in range(months_between(first, max(known)) + 1)) if known else ()
    at = {month: m for m, month in enumerate(months)}
    codes = {c for t in summary for c in t.columns["code"][t.columns["level"] == "provider"]}
    providers = tuple(sorted(codes))
    row = {provider: p for p, provider in enumerate(providers)}
    stocks = np.full((len(providers), len(STOCKS), len(months)), np.nan)
    england = np.full((len(STOCKS), len(months)), np.nan)
    flows = np.full((len(NATIONAL_FLOWS), len(months)), np.nan)
    for table in national:
        m = np.array([at[month] for month in table.columns["month"]], dtype=int)
        england[:, m] = [table.numbers(name) for name in NATIONAL_STOCKS]
        england[0, m] = _people(england[0, m])
        for f, name in enumerate(FLOW_COLUMNS):
            estimated, reported = table.numbers(name + ESTIMATED), table.numbers(name)
            flows[f, m] = np.where(np.isnan(estimated), reported, estimated)
    for table in summary:
        m = np.array([at[month] for month in table.columns["month"]], dtype=int)
        total = table.columns["incomplete_total"]
        people = np.stack([total, total - table.columns["within_18wk"], *(table.columns[name] for name in OVER)])
        own, whole = (table.columns["level"] == level for level in ("provider", "national"))
        p = np.array([row[code] for code in table.columns["code"][own]], dtype=int)
        stocks[p, :, m[own]] = people[:, own].T
        england[:, m[whole]] = np.where(np.isnan(people[:, whole]), england[:, m[whole]], people[:, whole])
    return months, providers, stocks, england, flows


def _strikes(table: Table) -> list[Strike]:
    columns = (table.columns[name] for name in ("date", "staff_group", "fraction_of_day"))
    return [Strike(day, group, float(share)) for day, group, share in zip(*columns, strict=True)]


def _population(tables: Sequence[Table]) -> Population | None:
    """People by area, year and age band: as estimated, or else as projected; NaN where neither tells."""
    rows = [
        (variant, code, name, int(year), band, persons)
        for table in tables
        for variant, code, name, year, band, persons in zip(
            *(table.columns.get(c, table.columns["area_code"]) for c in ("variant", "area_code", "area_name")),
            *(table.columns[c] for c in ("year", "age_band", "persons")),
            strict=True,
        )
    ]
    if not rows:
        return None
    rows.sort(key=lambda row: row[0], reverse=True)  # estimates last, so that they stand
    areas = {code: name for _, code, name, *_ in sorted(rows, key=lambda row: row[1:4])}
    years = tuple(sorted({row[3] for row in rows}))
    bands = tuple(sorted({row[4] for row in rows}, key=lambda band: int(re.split("[-+]", band)[0])))
    code_at, year_at, band_at = ({v: n for n, v in enumerate(values)} for values in (areas, years, bands))
    people = np.full((len(areas), len(years), len(bands)), np.nan)
    for _, code, _, year, band, persons in rows:
        people[code_at[code], year_at[year], band_at[band]] = persons
    last = max((year for variant, _, _, year, *_ in rows if variant == "v0"), default=0)
    return Population(areas, years, last, bands, people)
