"""Writes small made-up extracts in the published layout, to be spoiled one way at a time."""

from __future__ import annotations

import calendar
import csv
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

from waitlist.inputs.fields import BAND_COLUMNS, TOTAL, UNKNOWN, fields

HEADER = [field.name for field in fields()]
PARTS = ("1A", "1B", "2", "2A", "3")
SIZES = {"1A": 1, "1B": 4, "2": 30, "2A": 6, "3": 9}
"""People in each of the first bands, by part; Part 3 is a total."""
Row = dict[str, str]


def row(month: str, provider: str, part: str, specialty: str = "110", people: int = 1, bands: int = 20) -> Row:
    """One row: ``people`` times the part's size in each of the first ``bands`` bands."""
    year, number = month.split("-")
    values = dict.fromkeys(HEADER, "")
    values |= {
        "Period": f"RTT-{calendar.month_name[int(number)]}-{year}",
        "Provider Org Code": provider,
        "Provider Org Name": f"MADE-UP {provider} NHS TRUST",
        "Commissioner Org Code": "ZZ99",
        "Commissioner Org Name": "MADE-UP COMMISSIONER",
        "RTT Part Type": f"Part_{part}",
        "Treatment Function Code": f"C_{specialty}",
        "Treatment Function Name": "Made-up Service",
    }
    size = people * SIZES[part]
    if part == "3":
        return values | {TOTAL: str(size * bands // 2)}
    values |= {column: str(size if band < bands else 0) for band, column in enumerate(BAND_COLUMNS)}
    unknown = {UNKNOWN: "2", "Total": str(size * bands)} if part in ("1A", "1B") else {}
    return values | unknown | {TOTAL: str(size * bands + (2 if unknown else 0))}


def month_rows(month: str, providers: Iterable[str] = ("ZZA", "ZZB"), people: int = 1) -> list[Row]:
    """Every part of one list of each provider."""
    return [row(month, provider, part, people=people) for provider in providers for part in PARTS]


def as_csv(rows: Iterable[Row], header: list[str] | None = None) -> str:
    """The rows as the text of a CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header or HEADER, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write(folder: Path, month: str, rows: Iterable[Row] | None = None, name: str = "", zipped: bool = False) -> Path:
    """One month's file in ``folder``."""
    text = as_csv(month_rows(month) if rows is None else rows)
    path = folder / (name or f"RTT-{month}.{'zip' if zipped else 'csv'}")
    if zipped:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"RTT-{month}.csv", text)
    else:
        path.write_text(text, encoding="utf-8")
    return path
