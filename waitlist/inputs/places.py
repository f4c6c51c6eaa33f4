"""Where providers are, how far apart, and which transfers happened: the small files of a collaborative (R14)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from waitlist.bands import BANDS
from waitlist.errors import Problem, Refusal

SIZE_LIMIT = 1 << 24
"""Bytes of one file: England's trusts are 20 kB."""
MOST_SHOWN = 5
PROVIDER = ("provider", "provider_code", "nhs_trust22_code", "org_code", "code")
"""Columns that may hold a provider's code."""
LAT, LON = ("lat", "latitude"), ("lon", "longitude", "lng")
MEND = "Mend the row and run again."

Row = tuple[int, dict[str, str]]


def read_coordinates(paths: Sequence[Path]) -> dict[str, tuple[float, float]]:
    """Latitude and longitude of each provider: the middle of its sites in the first of the files that has it.

    Raises Refusal naming every file and row that is wrong.
    """
    problems: list[Problem] = []
    found: dict[str, tuple[float, float]] = {}
    for path in paths:
        sites: dict[str, list[tuple[float, float]]] = {}
        names, rows = _table(path, [PROVIDER, LAT, LON], problems)
        for line, row in rows:
            where = [
                _number(path, line, row[name], reach, problems)
                for name, reach in zip(names[1:], (90, 180), strict=True)
            ]
            if row[names[0]] and None not in where:
                sites.setdefault(row[names[0]], []).append((where[0] or 0.0, where[1] or 0.0))
        for code, places in sites.items():
            middle = tuple(sum(axis) / len(places) for axis in zip(*places, strict=True))
            found.setdefault(code, (middle[0], middle[1]))
    if problems:
        raise Refusal(_few(problems))
    return found


def read_travel(path: Path) -> dict[tuple[str, str], float]:
    """Kilometres from one provider to another, as the file has them. Raises Refusal naming every row that is wrong."""
    problems: list[Problem] = []
    found = {}
    names, rows = _table(path, [("from_provider",), ("to_provider",), ("km",)], problems)
    for line, row in rows:
        km = _number(path, line, row["km"], 40_000, problems)
        if km is not None and km < 0:
            problems.append(
                Problem("error", path.name, f"row {line}", row["km"], "a distance may not be negative", MEND)
            )
        found[row[names[0]], row[names[1]]] = km or 0.0
    if problems:
        raise Refusal(_few(problems))
    return found


@dataclass(frozen=True)
class Happened:
    """Transfers of one row of a schedule that happened: people who moved in the week ending then, and who were to, of
    those who had waited so many weeks by then, and fewer than below_weeks_waited."""

    week_ending: date
    from_provider: str
    to_provider: str
    specialty: str
    stage: str
    min_weeks_waited: int
    below_weeks_waited: int
    planned: float
    happened: int


def read_happened(path: Path) -> list[Happened]:
    """The rows of a schedule (transfers.csv) in which a column ``happened`` is filled in, whole people each.

    Weeks waited in it are those at the offer; where its columns below_weeks_waited and offer_week are missing, everyone
    who has waited so long may have moved, offered in that very week.

    Raises Refusal naming every row that is wrong.
    """
    problems: list[Problem] = []
    found: list[Happened] = []
    ends = ("week_ending", "from_provider", "to_provider", "specialty", "stage")
    keys = (*ends, "min_weeks_waited", "moved", "happened")
    _, rows = _table(path, [(key,) for key in keys], problems)
    for line, row in rows:
        if not row["happened"]:
            continue
        numbers = [_number(path, line, row[key], 1_000_000, problems) for key in keys[-3:]]
        least, planned, people = (float("nan") if number is None else number for number in numbers)
        try:
            day = date.fromisoformat(row["week_ending"])
        except ValueError:
            rule = "week_ending should be a date, such as 2026-03-31"
            problems.append(Problem("error", path.name, f"row {line}", row["week_ending"][:40], rule, MEND))
            continue
        for value, rule, right in (
            (row["stage"], "stage should be outpatient or admission", row["stage"] in ("outpatient", "admission")),
            (row["happened"], "happened should be whole people, none or more", people >= 0 and people % 1 == 0),
            (row["min_weeks_waited"], "min_weeks_waited should be 0 to 104", 0 <= least <= 104 and least % 1 == 0),
        ):
            if not right and None not in numbers:
                problems.append(Problem("error", path.name, f"row {line}", value[:40], rule, MEND))
        if not problems:
            one, other, specialty, stage = (row[key] for key in ends[1:])
            lead, below = _weeks_before(day, row.get("offer_week", "")), row.get("below_weeks_waited", "")
            below_then = min(int(below) + lead, BANDS) if below.isdecimal() and len(below) < 4 else BANDS
            first = min(int(least) + lead, BANDS - 1)
            found.append(
                Happened(day, one, other, specialty, stage, first, max(first + 1, below_then), planned, int(people))
            )
    if problems:
        raise Refusal(_few(problems))
    return found


def _weeks_before(day: date, offered: str) -> int:
    """Weeks from the week ``offered`` until ``day``; none where it is no such date."""
    try:
        return max((day - date.fromisoformat(offered)).days // 7, 0)
    except ValueError:
        return 0


def distances(
    places: Mapping[str, tuple[float, float]], travel: Mapping[tuple[str, str], float], codes: Sequence[str]
) -> dict[tuple[str, str], float]:
    """Kilometres between ``codes``: as ``travel`` has them, either way round, else along the great circle where both
    places are known."""
    found = {}
    for one in codes:
        for other in codes:
            if (one, other) in travel or (other, one) in travel:
                found[one, other] = travel.get((one, other), travel.get((other, one), 0.0))
            elif one in places and other in places:
                found[one, other] = great_circle(places[one], places[other])
    return found


def great_circle(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Kilometres between two (latitude, longitude) in degrees, along the earth's surface (haversine formula)."""
    (a, b), (c, d) = ((math.radians(x) for x in place) for place in (one, other))
    half = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(min(1.0, half)))


def _table(path: Path, wanted: Sequence[Sequence[str]], problems: list[Problem]) -> tuple[list[str], list[Row]]:
    """The names that the file has of each of ``wanted``, and its rows; what is wrong joins ``problems``."""
    try:
        if path.exists() and not path.is_file():  # a device or pipe may never end
            problems.append(Problem("error", path.name, "", "", "this is not an ordinary file", "Name a CSV file."))
            return [], []
        if path.stat().st_size > SIZE_LIMIT:
            rule = f"the file is larger than {SIZE_LIMIT >> 20} MB"
            problems.append(Problem("error", path.name, "", "", rule, "Check that it is the one."))
            return [], []
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        rule = f"the file cannot be read: {error.strerror or error}"
        problems.append(Problem("error", path.name, "", "", rule, "Check the path."))
        return [], []
    except UnicodeDecodeError:
        problems.append(Problem("error", path.name, "", "", "the file is not UTF-8 text", "Save it as UTF-8 CSV."))
        return [], []
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        rows = [
            (reader.line_num, {k: (v or "").strip() for k, v in row.items() if isinstance(k, str)}) for row in reader
        ]
    except csv.Error as error:
        problems.append(Problem("error", path.name, "", "", f"the file is no CSV: {error}", "Save it as CSV."))
        return [], []
    there = reader.fieldnames or []
    names = [next((name for name in of if name in there), "") for of in wanted]
    for name, of in zip(names, wanted, strict=True):
        if not name:
            rule = f"the file needs a column {' or '.join(of)}"
            problems.append(Problem("error", path.name, "header", ", ".join(there)[:80], rule, "Add the column."))
    return names, rows if all(names) else []


def _number(path: Path, line: int, text: str, most: float, problems: list[Problem]) -> float | None:
    """The number that ``text`` is, no further from 0 than ``most``."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= most:
        rule = f"a number between -{most:g} and {most:g} should stand here"
        problems.append(Problem("error", path.name, f"row {line}", text[:40], rule, MEND))
        return None
    return value


def _few(problems: Sequence[Problem]) -> list[Problem]:
    """The first of ``problems`` and how many more there are."""
    if len(problems) <= MOST_SHOWN:
        return list(problems)
    rest = f"and {len(problems) - MOST_SHOWN} more problems of this kind"
    return [*problems[:MOST_SHOWN], Problem("error", problems[-1].file, "", "", rest, MEND)]
