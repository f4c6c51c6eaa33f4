"""Reads NHS England's RTT full extracts: a folder of zips or CSVs, a month each, into Counts."""

from __future__ import annotations

import calendar
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np

from waitlist.bands import BANDS
from waitlist.calendar import months_after, months_between
from waitlist.errors import Problem, Refusal, refuse
from waitlist.history import PARTS, Counts, DataFile
from waitlist.inputs import cache as kept
from waitlist.inputs.database import database
from waitlist.inputs.fields import treatment_functions
from waitlist.inputs.month import COUNTS, Month, read_month
from waitlist.inputs.unpack import UNPACKED_LIMIT, unpacked

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how many."""


def read_counts(
    folder: Path,
    *,
    origin: str | None = None,
    cache: bool = True,
    progress: Progress | None = None,
    limit: int = UNPACKED_LIMIT,
) -> tuple[Counts, tuple[Problem, ...]]:
    """Counts of every month in ``folder`` up to ``origin`` (YYYY-MM), and what deserves a look in the files.

    ``cache`` keeps and uses read months; ``limit`` is the bytes that one may unpack to.
    Raises Refusal naming every problem that makes a month unreadable, over all files at once, or an
    ``origin`` that is not a month in the data (R14).
    """
    months, problems = read_months(folder, origin=origin, cache=cache, progress=progress, limit=limit)
    if problems:
        raise Refusal(problems)
    if origin is not None:
        there = [file.month for file, _ in months]
        if origin not in there:
            rule = "the origin must be a month in the data, as YYYY-MM"
            named = sorted({*there, *(label for path in _files(folder) for label in labelled_months(path.name))})
            remedy = f"Choose one of {named[0]} to {named[-1]}." if named else "Choose a later one."
            raise refuse(str(folder), "origin", origin[:40], rule, remedy)
        months = months[: there.index(origin) + 1]
    counts = counts_of(months)
    return counts, (*missing_months(counts, folder), *(note for _, month in months for note in month.notes))


def missing_months(counts: Counts, folder: Path) -> list[Problem]:
    """A warning for each month between the first and the last of ``counts`` that no file holds (R3)."""
    read = {file.month for file in counts.files}
    rule = "a month between the first and the last is missing, and stays missing (R3)"
    return [
        Problem("warning", str(folder), month, "", rule, "Fetch that month's file.")
        for month in counts.months
        if month not in read
    ]


def read_months(
    folder: Path,
    *,
    origin: str | None = None,
    cache: bool = True,
    progress: Progress | None = None,
    limit: int = UNPACKED_LIMIT,
) -> tuple[list[tuple[DataFile, Month]], list[Problem]]:
    """The months of ``folder`` that can be read, in order, and the errors of those that cannot.

    Files of months after ``origin`` are not opened where their names tell, else dropped unjudged by Period.
    Raises Refusal only where the folder itself cannot be read or holds no extract.
    """
    paths = [path for path in _files(folder) if origin is None or not _after(path.name, origin)]
    problems: list[Problem] = []
    months: dict[str, tuple[DataFile, Month]] = {}
    with database(kept.folder()) as db:
        for done, path in enumerate(paths):
            if progress:
                progress("Reading", done, len(paths))
            try:
                file, month = _month(path, db if cache else None, limit)
            except Refusal as refusal:
                problems += refusal.problems
                continue
            if origin is not None and file.month > origin:
                continue
            if file.month in months:
                rule = f"each month may be there once, and {file.month} is also in {months[file.month][0].name}"
                problems.append(Problem("error", path.name, "Period", file.month, rule, "Remove one of them."))
                continue
            months[file.month] = (file, month)
    if progress:
        progress("Reading", len(paths), len(paths))
    return [months[name] for name in sorted(months)], problems


def _files(folder: Path) -> list[Path]:
    """The extracts in ``folder``, by name; hidden files are other programs' own."""
    if not folder.is_dir():
        raise refuse(str(folder), "", "", "the inputs must be a folder that exists", "Check the path.")
    try:
        there = sorted(folder.iterdir())
    except OSError as error:
        raise refuse(
            str(folder), "", "", f"the folder cannot be read: {error.strerror}", "Check its permissions."
        ) from None
    found = [p for p in there if p.suffix.lower() in (".zip", ".csv") and not p.name.startswith(".")]
    if not found:
        raise refuse(str(folder), "", "", "the folder holds no .zip or .csv file", "Put full extracts there.")
    return found


def _month(path: Path, cache: duckdb.DuckDBPyConnection | None, limit: int) -> tuple[DataFile, Month]:
    digest = _sha256(path) if cache else ""
    month = kept.load(cache, digest, path.name) if cache else None
    if month is None:
        with unpacked(path, limit) as (csv, encoding):
            month = read_month(path.name, csv, encoding)
        digest = digest or _sha256(path)
        if cache:
            kept.store(digest, month)
    labels = labelled_months(path.name)
    if labels and month.month not in labels:
        rule = f"the file's name says {labels[0]}, and its Period column another month"
        raise refuse(path.name, "Period", month.month, rule, "Rename the file or fetch the right one.")
    return DataFile(path.name, month.month, digest), month


def _sha256(path: Path) -> str:
    """The SHA-256 of a regular file's content; empty where it is none, which unpacking then refuses."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def labelled_months(name: str) -> list[str]:
    """The months (YYYY-MM) that a file's name speaks of: 2025-08, August-2025 or Aug25."""
    numbers = {month[:3].lower(): number for number, month in enumerate(calendar.month_name) if month}
    found = [f"{year}-{month}" for year, month in re.findall(r"(20\d\d)-(0[1-9]|1[0-2])(?!\d)", name)]
    words = re.findall(rf"({'|'.join(numbers)})[a-z]*[-_ ]?(?:20)?(\d\d)(?!\d)", name.lower())
    return found + [f"20{year}-{numbers[word]:02d}" for word, year in words]


def _after(name: str, origin: str) -> bool:
    labels = labelled_months(name)
    return bool(labels) and min(labels) > origin


def counts_of(months_read: Sequence[tuple[DataFile, Month]]) -> Counts:
    """The Counts of read months, in order; filled month by month so that no second copy is held."""
    read = [month for _, month in months_read]
    first, last = read[0].month, read[-1].month
    months = tuple(months_after(first, m) for m in range(months_between(first, last) + 1))
    keys = [list(zip(*(month.rows[c].tolist() for c in ("provider", "specialty")), strict=True)) for month in read]
    lists = tuple(sorted(set().union(*keys)))
    row = {key: n for n, key in enumerate(lists)}
    shape = (len(lists), len(months))
    banded = {part: np.zeros((*shape, BANDS)) for part in ("1A", "1B", "2", "2A")}
    unknown = {part: np.zeros(shape) for part in ("1A", "1B")}
    starts = np.zeros(shape)
    reported = np.zeros((*shape, len(PARTS)), dtype=bool)
    _, provider = np.unique([code for code, _ in lists], return_inverse=True)
    for month, of_month in zip(read, keys, strict=True):
        m = months.index(month.month)
        at = np.array([row[key] for key in of_month])
        parts = month.rows["part"].to_numpy()
        people = month.rows[list(COUNTS)].to_numpy()
        for index, part in enumerate(PARTS):
            here = np.flatnonzero(parts == part)
            reported[:, m, index] = np.isin(provider, provider[at[here]])
            if part == "3":
                starts[at[here], m] = people[here, -1]
            else:
                banded[part][at[here], m] = people[here, :BANDS]
            if part in unknown:
                unknown[part][at[here], m] = people[here, -2]
    return Counts(
        months=months,
        lists=lists,
        provider_names=_names(read, "provider", {}),
        specialty_names=_names(read, "specialty", treatment_functions()),
        incomplete=banded["2"],
        decided=banded["2A"],
        admitted=banded["1A"],
        non_admitted=banded["1B"],
        admitted_unknown=unknown["1A"],
        non_admitted_unknown=unknown["1B"],
        clock_starts=starts,
        reported=reported,
        files=tuple(file for file, _ in months_read),
    )


def _names(read: Sequence[Month], code: str, known: Mapping[str, str]) -> dict[str, str]:
    """The last published name of each code; where it was always blank the ``known`` one, or the code."""
    names: dict[str, str] = {}
    for month in read:
        pairs = month.rows[[code, f"{code}_name"]].drop_duplicates().sort_values([code, f"{code}_name"])
        for value, name in pairs.itertuples(index=False):
            names[value] = name or names.get(value) or known.get(value, value)
    return dict(sorted(names.items()))
