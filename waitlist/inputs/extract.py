"""Reads NHS England's RTT full extracts: a folder of zips or CSVs, a month each, into Counts."""

from __future__ import annotations

import calendar
import difflib
import hashlib
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from waitlist.bands import BANDS
from waitlist.calendar import months_after, months_between
from waitlist.errors import Problem, Refusal, refuse
from waitlist.history import PARTS, Counts, DataFile
from waitlist.inputs.fields import treatment_functions

UNPACKED_LIMIT = 1 << 30
"""Bytes that one month may unpack to: a published month is 80 MB."""
BAND_COLUMNS = tuple(f"Gt {b:02d} To {b + 1:02d} Weeks SUM 1" for b in range(BANDS - 1)) + ("Gt 104 Weeks SUM 1",)
KEY_COLUMNS = (
    "Period",
    "Provider Org Code",
    "Provider Org Name",
    "Commissioner Org Code",
    "RTT Part Type",
    "Treatment Function Code",
)
UNKNOWN, TOTAL = "Patients with unknown clock start date", "Total All"
SHOWN = 5
"""Rows named in one refusal before the rest are counted."""


def read_counts(
    folder: Path,
    *,
    cache: bool = True,
    progress: Callable[[str], None] | None = None,
    limit: int = UNPACKED_LIMIT,
) -> tuple[Counts, tuple[Problem, ...]]:
    """Counts of every month in ``folder``, and what deserves a look.

    Raises Refusal naming every problem that makes a month unreadable, over all files at once (R14).
    """
    problems: list[Problem] = []
    months: dict[str, tuple[DataFile, pd.DataFrame]] = {}
    for path in _files(folder):
        if progress:
            progress(path.name)
        try:
            file, frame = _month(path, limit)
        except Refusal as refusal:
            problems += refusal.problems
            continue
        if file.month in months:
            other = months[file.month][0].name
            rule = f"each month may be there once, and {file.month} is also in {other}"
            problems.append(Problem("error", path.name, "Period", file.month, rule, "Remove one of them."))
        months[file.month] = (file, frame)
    if problems:
        raise Refusal(problems)
    return _counts(months), ()


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise refuse(str(folder), "", "", "the inputs must be a folder that exists", "Check the path.")
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".zip", ".csv"))
    if not found:
        raise refuse(str(folder), "", "", "the folder holds no .zip or .csv file", "Put full extracts there.")
    return found


def _month(path: Path, limit: int) -> tuple[DataFile, pd.DataFrame]:
    try:
        with _as_csv(path, limit) as csv:
            frame, month = _summed(path.name, csv)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        rule = f"the file cannot be read: {error.strerror or error}"
        raise refuse(path.name, "", "", rule, "Check the file or link.") from None
    named = re.search(r"(20\d\d)-(\d\d)", path.name)
    if named and f"{named[1]}-{named[2]}" != month:
        rule = "the file's name and its Period column must be the same month"
        raise refuse(path.name, "Period", month, rule, "Rename the file or fetch the right one.")
    return DataFile(path.name, month, digest), frame


@contextmanager
def _as_csv(path: Path, limit: int) -> Iterator[Path]:
    """The file as UTF-8 CSV in a temporary folder that goes when done."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "month.csv"
        if path.suffix.lower() == ".zip":
            _unpack(path, target, limit)
        else:
            shutil.copyfile(path, target)
        with target.open("rb") as raw:
            head = raw.read(3)
            try:
                raw.seek(0)
                for line in raw:
                    line.decode("utf-8")
                encoding = "utf-8-sig" if head == b"\xef\xbb\xbf" else ""
            except UnicodeDecodeError:
                encoding = "latin-1"
        if encoding:
            target.write_text(target.read_text(encoding=encoding), encoding="utf-8")
        yield target


def _unpack(path: Path, target: Path, limit: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            outside = [m.filename for m in members if "/" in m.filename or "\\" in m.filename]
            if outside:
                rule = "a member's name may not hold a path"
                raise refuse(path.name, "zip member", outside[0][:80], rule, "Zip the CSV alone.")
            sheets = [m for m in members if m.filename.lower().endswith(".csv")]
            if len(sheets) != 1:
                raise refuse(path.name, "zip members", len(sheets), "a zip must hold one CSV", "Zip one month's CSV.")
            size = 0
            with archive.open(sheets[0]) as source, target.open("wb") as out:
                while chunk := source.read(1 << 20):
                    size += len(chunk)
                    if size > limit:
                        rule = f"a month may not unpack to more than {limit:,} bytes"
                        raise refuse(path.name, sheets[0].filename, size, rule, "Fetch the published file again.")
                    out.write(chunk)
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, zlib.error) as error:
        rule = f"the zip cannot be opened: {error}"
        raise refuse(path.name, "", "", rule, "Fetch the published file again.") from None


def _summed(file: str, csv: Path) -> tuple[pd.DataFrame, str]:
    """One month by provider, part and treatment function, commissioners summed; checked row by row."""
    with duckdb.connect(config={"threads": 2, "memory_limit": "1GB"}) as db:
        try:
            db.execute(
                "create table rows as select row_number() over () + 1 as line, * from "
                "read_csv(?, all_varchar=true, header=true, delim=',', quote='\"', parallel=false)",
                [str(csv)],
            )
        except duckdb.Error as error:
            rule = "the CSV cannot be read: " + str(error).split("\n")[0].replace(str(csv), file)[:160]
            raise refuse(file, "", "", rule, "Fetch the published file again.") from None
        there = [row[0] for row in db.execute("describe rows").fetchall()]
        _need_columns(file, there)
        named = '"Treatment Function Name"' if "Treatment Function Name" in there else "''"
        _check_rows(file, db)
        periods = [row[0] for row in db.execute('select distinct "Period" from rows').fetchall()]
        month = _one_month(file, periods)
        sums = ", ".join(f'sum(coalesce(try_cast("{c}" as bigint), 0)) as b{i}' for i, c in enumerate(BAND_COLUMNS))
        frame = db.execute(
            f'select "Provider Org Code" as provider, min("Provider Org Name") as name, '
            f"min({named}) as specialty_name, "
            f"replace(\"RTT Part Type\", 'Part_', '') as part, "
            f"replace(\"Treatment Function Code\", 'C_', '') as specialty, {sums}, "
            f'sum(coalesce(try_cast("{UNKNOWN}" as bigint), 0)) as unknown, '
            f'sum(coalesce(try_cast("{TOTAL}" as bigint), 0)) as total from rows '
            "where \"Treatment Function Code\" <> 'C_999' and \"Commissioner Org Code\" <> 'NONC' "
            "group by provider, part, specialty order by provider, part, specialty"
        ).df()
    return frame, month


def _need_columns(file: str, there: list[str]) -> None:
    problems = []
    for column in (*KEY_COLUMNS, *BAND_COLUMNS, UNKNOWN, TOTAL):
        if column not in there:
            near = difflib.get_close_matches(column, there, n=1)
            remedy = f"The nearest there is '{near[0]}'." if near else "Fetch the published file again."
            problems.append(Problem("error", file, "header", "", f"the column '{column}' is needed", remedy))
    if problems:
        raise Refusal(problems[:SHOWN])


def _check_rows(file: str, db: duckdb.DuckDBPyConnection) -> None:
    """Every rule of a row, each broken one named with its line (R14)."""
    numbers = (*BAND_COLUMNS, UNKNOWN, TOTAL)
    wrong = " or ".join(f"not regexp_full_match(coalesce(\"{c}\", ''), '[0-9]{{0,9}}')" for c in numbers)
    values = ", ".join(f'"{c}"' for c in numbers)
    added = " + ".join(f'coalesce(try_cast("{c}" as bigint), 0)' for c in (*BAND_COLUMNS, UNKNOWN))
    rules = (
        (
            f"list_filter([{values}], lambda x: not regexp_full_match(coalesce(x, ''), '[0-9]{{0,9}}'))[1]",
            wrong,
            "a count must be a whole number of people, 0 or more",
        ),
        (
            '"Provider Org Code"',
            "not regexp_full_match(coalesce(\"Provider Org Code\", ''), '[A-Z0-9]{2,12}')",
            "a provider's code is 2 to 12 capital letters and digits",
        ),
        (
            '"RTT Part Type"',
            "coalesce(\"RTT Part Type\", '') not in ('Part_1A','Part_1B','Part_2','Part_2A','Part_3')",
            "the part must be one of Part_1A, Part_1B, Part_2, Part_2A and Part_3",
        ),
        (
            f'"{TOTAL}"',
            f'"RTT Part Type" <> \'Part_3\' and {added} <> coalesce(try_cast("{TOTAL}" as bigint), 0)',
            "the bands, with the unknown clock starts, must sum to Total All",
        ),
    )
    problems: list[Problem] = []
    for value, condition, rule in rules:
        found = db.execute(f"select line, {value} from rows where {condition} order by line").fetchall()
        for line, text in found[:SHOWN]:
            problems.append(
                Problem("error", file, f"line {line}", str(text)[:40], rule, "Mend the row or fetch again.")
            )
        if len(found) > SHOWN:
            more = f"{len(found) - SHOWN} more"
            problems.append(Problem("error", file, "other lines", more, rule, "Mend the rows or fetch again."))
    keys = ", ".join(f'"{c}"' for c in ("Provider Org Code", "Commissioner Org Code", "RTT Part Type"))
    keys += ', "Treatment Function Code"'
    twice = f"select max(line), count(*) from rows group by {keys} having count(*) > 1 order by 1"
    for line, count in db.execute(twice).fetchall()[:SHOWN]:
        rule = "a provider, commissioner, part and treatment function may be there once"
        problems.append(Problem("error", file, f"line {line}", f"{count} times", rule, "Remove the repeated row."))
    if problems:
        raise Refusal(problems)


def _one_month(file: str, periods: list[str]) -> str:
    names = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
    found = [re.fullmatch(r"RTT-([A-Za-z]+)-(20\d\d)", period or "") for period in periods]
    if len(found) != 1 or found[0] is None or found[0][1].lower() not in names:
        shown = ", ".join(str(period) for period in periods[:3])
        rule = "the Period column must hold one month, as RTT-August-2025"
        raise refuse(file, "Period", shown, rule, "Keep one month in a file.")
    return f"{found[0][2]}-{names[found[0][1].lower()]:02d}"


def _names(codes: pd.Series, names: pd.Series) -> dict[str, str]:
    published = {code: name for code, name in zip(codes, names, strict=True) if isinstance(name, str) and name}
    return {code: published.get(code) or treatment_functions().get(code, code) for code in sorted(set(codes))}


def _counts(read: dict[str, tuple[DataFile, pd.DataFrame]]) -> Counts:
    first, last = min(read), max(read)
    months = tuple(months_after(first, m) for m in range(months_between(first, last) + 1))
    frames = [frame.assign(month=months.index(month)) for month, (_, frame) in read.items()]
    rows = pd.concat(frames, ignore_index=True)
    lists = tuple(sorted(set(zip(rows["provider"], rows["specialty"], strict=True))))
    position = {key: n for n, key in enumerate(lists)}
    at = np.array([position[key] for key in zip(rows["provider"], rows["specialty"], strict=True)])
    month = rows["month"].to_numpy()
    part = rows["part"].to_numpy()
    bands = rows[[f"b{b}" for b in range(BANDS)]].to_numpy(dtype=float)
    shape = (len(lists), len(months))
    banded = {name: np.zeros((*shape, BANDS)) for name in ("1A", "1B", "2", "2A")}
    unknown = {name: np.zeros(shape) for name in ("1A", "1B")}
    starts = np.zeros(shape)
    reported = np.zeros((*shape, len(PARTS)), dtype=bool)
    _, provider = np.unique([p for p, _ in lists], return_inverse=True)
    for index, name in enumerate(PARTS):
        here = part == name
        sent = np.zeros((int(provider.max()) + 1, len(months)), dtype=bool)
        sent[provider[at[here]], month[here]] = True
        reported[:, :, index] = sent[provider]
        if name == "3":
            starts[at[here], month[here]] = rows["total"].to_numpy(dtype=float)[here]
        else:
            banded[name][at[here], month[here]] = bands[here]
        if name in unknown:
            unknown[name][at[here], month[here]] = rows["unknown"].to_numpy(dtype=float)[here]
    return Counts(
        months=months,
        lists=lists,
        provider_names=dict(zip(rows["provider"], rows["name"].astype(str), strict=True)),
        specialty_names=_names(rows["specialty"], rows["specialty_name"]),
        incomplete=banded["2"],
        decided=banded["2A"],
        admitted=banded["1A"],
        non_admitted=banded["1B"],
        admitted_unknown=unknown["1A"],
        non_admitted_unknown=unknown["1B"],
        clock_starts=starts,
        reported=reported,
        files=tuple(read[m][0] for m in sorted(read)),
    )
