"""Bad input gets a refusal that names file, place, value, rule and remedy; odd but sound input is accepted (R14)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from datetime import date
from pathlib import Path

import pytest

import waitlist as wl
from tests import extracts
from waitlist.inputs.extract import labelled_months, read_counts
from waitlist.inputs.fields import BAND_COLUMNS, TOTAL, UNKNOWN
from waitlist.plan import PlannedBreak, Successor

FIRST = BAND_COLUMNS[0]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("WAITLIST_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def folder(tmp_path) -> Path:
    path = tmp_path / "inputs"
    path.mkdir()
    return path


def refusals(folder: Path, **options) -> list[wl.Problem]:
    with pytest.raises(wl.Refusal) as refused:
        read_counts(folder, **options)
    for problem in refused.value.problems:
        assert problem.severity == "error" and problem.file and problem.rule and problem.remedy
    return list(refused.value.problems)


def refused(folder: Path, *words: str, **options) -> None:
    """The folder is refused for one problem, whose sentence holds every one of ``words``."""
    (problem,) = refusals(folder, **options)
    for word in words:
        assert word in problem.sentence()


def spoiled(folder: Path, part: str, **changes: str) -> None:
    """Write August 2025 with one row of ``part`` changed: row 2 for 1A, and so on down to 6 for 3."""
    rows = extracts.month_rows("2025-08")
    rows[extracts.PARTS.index(part)] |= changes
    extracts.write(folder, "2025-08", rows)


# The folder and its files


def test_a_folder_that_is_empty_absent_or_of_other_files(folder):
    refused(folder, "holds no .zip or .csv")
    refused(folder / "elsewhere", "a folder that exists")
    (folder / "readme.txt").write_text("nothing here")
    refused(folder, "holds no .zip or .csv")


def test_a_truncated_zip(folder):
    path = extracts.write(folder, "2025-08", zipped=True)
    path.write_bytes(path.read_bytes()[:-100])
    refused(folder, "RTT-2025-08.zip", "cannot be opened", "Fetch")


def test_a_zip_damaged_inside(folder):
    path = extracts.write(folder, "2025-08", zipped=True)
    content = bytearray(path.read_bytes())
    content[120:160] = bytes(40)
    path.write_bytes(content)
    refused(folder, "RTT-2025-08.zip", "cannot be opened")


def test_a_zip_that_is_not_one(folder):
    (folder / "RTT-2025-08.zip").write_text("<html>Not found</html>")
    refused(folder, "cannot be opened")


def test_a_zip_that_unpacks_past_the_limit_stops_there(folder):
    with zipfile.ZipFile(folder / "RTT-2025-08.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("month.csv", b"0" * 20_000_000)
    refused(folder, "may not unpack to more than 1,000,000 bytes", limit=1_000_000)


@pytest.mark.parametrize("name", ["../month.csv", "/etc/month.csv", "folder/month.csv", "..\\month.csv"])
def test_a_member_with_a_path_in_its_name(folder, name):
    with zipfile.ZipFile(folder / "RTT-2025-08.zip", "w") as archive:
        archive.writestr(name, extracts.as_csv(extracts.month_rows("2025-08")))
    refused(folder, "may not hold a path", "month.csv")


def test_a_zip_of_two_csvs(folder):
    with zipfile.ZipFile(folder / "RTT-2025-08.zip", "w") as archive:
        for name in ("a.csv", "b.csv"):
            archive.writestr(name, "")
    refused(folder, "a zip must hold one CSV", "2 of 2")


def test_a_link_to_nothing_or_to_itself_and_a_folder_called_zip(folder):
    extracts.write(folder, "2025-07")
    (folder / "a.csv").symlink_to(folder / "nowhere.csv")
    (folder / "b.csv").symlink_to(folder / "b.csv")
    (folder / "c.zip").mkdir()
    os.mkfifo(folder / "d.csv")
    assert [p.file for p in refusals(folder)] == ["a.csv", "b.csv", "c.zip", "d.csv"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(folder):
    extracts.write(folder, "2025-08").chmod(0)
    refused(folder, "cannot be read")


def test_every_problem_of_every_file_at_once(folder):
    extracts.write(folder, "2025-06")
    (folder / "RTT-2025-05.zip").write_text("no zip")
    rows = extracts.month_rows("2025-07")
    rows[0][FIRST], rows[7][FIRST] = "-1", "many"
    extracts.write(folder, "2025-07", rows)
    found = refusals(folder)
    assert [(p.file, p.place, p.value) for p in found[:3]] == [
        ("RTT-2025-05.zip", "", ""),
        ("RTT-2025-07.csv", "row 2", "-1"),
        ("RTT-2025-07.csv", "row 9", "many"),
    ]


# The header


def test_a_missing_column(folder):
    header = [name for name in extracts.HEADER if name != BAND_COLUMNS[7]]
    (folder / "a.csv").write_text(extracts.as_csv(extracts.month_rows("2025-08"), header))
    refused(folder, "a.csv, header", f"'{BAND_COLUMNS[7]}' is needed")


def test_a_renamed_column_is_refused_with_the_nearest(folder):
    text = extracts.as_csv(extracts.month_rows("2025-08")).replace("Provider Org Code", "Provider Organisation Code", 1)
    (folder / "a.csv").write_text(text)
    refused(folder, "'Provider Org Code' is needed", "'Provider Organisation Code'")


def test_a_column_there_twice(folder):
    text = extracts.as_csv(extracts.month_rows("2025-08")).replace("Provider Parent Name", TOTAL, 1)
    (folder / "a.csv").write_text(text)
    refused(folder, f"'{TOTAL}' may be there once")


def test_another_csv_is_refused_without_a_hundred_lines(folder):
    (folder / "a.csv").write_text("month,value\n2025-08,3\n")
    assert len(refusals(folder)) < 8


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_an_empty_csv(folder, text):
    (folder / "a.csv").write_text(text, encoding="utf-8")
    refused(folder, "a.csv", "empty")


def test_a_csv_of_a_header_alone(folder):
    (folder / "a.csv").write_text(extracts.as_csv([]))
    refused(folder, "a header and no rows")


# The rows


@pytest.mark.parametrize("value", ["many", "-1", "1.5", "nan", "1e308", "1e3", "1_000", "0x10", "+5", "99999999999"])
@pytest.mark.parametrize("column", [FIRST, UNKNOWN, TOTAL])
def test_a_count_that_is_not_a_whole_number_of_people(folder, column, value):
    spoiled(folder, "1B", **{column: value})
    found = refusals(folder)[0]
    assert (found.place, found.value) == ("row 3", value)
    assert "whole number" in found.rule


@pytest.mark.parametrize("part", ["1A", "1B", "2", "2A"])
def test_bands_that_do_not_sum_to_total_all(folder, part):
    people = int(extracts.row("2025-08", "ZZA", part)[TOTAL])
    spoiled(folder, part, **{TOTAL: str(people + 1)})
    refused(folder, f"row {extracts.PARTS.index(part) + 2}", f"{people} against {people + 1}", "sum to Total All")


def test_unknown_clock_starts_count_in_1a_and_1b_only(folder):
    people = int(extracts.row("2025-08", "ZZA", "2")[TOTAL])
    spoiled(folder, "2", **{UNKNOWN: "3", TOTAL: str(people + 3)})
    refused(folder, "row 4", "sum to Total All")


def test_a_part_or_code_that_is_none(folder):
    rows = extracts.month_rows("2025-08")
    rows[0]["RTT Part Type"] = "Part_4"
    rows[1]["Provider Org Code"] = ""
    rows[2]["Treatment Function Code"] = "Urology"
    extracts.write(folder, "2025-08", rows)
    assert [p.place for p in refusals(folder)] == ["row 3", "row 2", "row 4"]


def test_a_repeated_row(folder):
    rows = extracts.month_rows("2025-08")
    extracts.write(folder, "2025-08", [*rows, rows[3]])
    refused(folder, "row 12", "ZZA ZZ99 Part_2A C_110", "may be there once")


def test_many_broken_rows_are_counted(folder):
    rows = extracts.month_rows("2025-08", [f"ZZ{n}" for n in range(10, 60)])
    extracts.write(folder, "2025-08", [r | {FIRST: "x"} if r["RTT Part Type"] == "Part_3" else r for r in rows])
    found = refusals(folder)
    assert len(found) == 6
    assert found[-1].value == "45 more"


def test_a_row_with_too_few_cells(folder):
    (folder / "a.csv").write_text(extracts.as_csv(extracts.month_rows("2025-08")) + "RTT-August-2025,QMF,Made-up\n")
    refused(folder, "a.csv, line 12", "cannot be read")


def test_a_huge_cell(folder):
    spoiled(folder, "2", **{"Commissioner Org Name": "x" * 3_000_000})
    refused(folder, "cannot be read")


# The months


def test_a_month_twice(folder):
    extracts.write(folder, "2025-08")
    extracts.write(folder, "2025-08", zipped=True)
    refused(folder, "RTT-2025-08.zip", "2025-08 is also in RTT-2025-08.csv")


def test_two_months_in_a_file(folder):
    extracts.write(folder, "2025-08", extracts.month_rows("2025-08") + extracts.month_rows("2025-07"))
    refused(folder, "one month", "RTT-August-2025, RTT-July-2025")


@pytest.mark.parametrize("period", ["", "August 2025", "RTT-Agust-2025"])
def test_a_period_that_is_no_month(folder, period):
    extracts.write(folder, "2025-08", [r | {"Period": period} for r in extracts.month_rows("2025-08")])
    refused(folder, "RTT-2025-08.csv, Period", "one month")


@pytest.mark.parametrize("name", ["RTT-2025-07-full-extract.csv", "RTT-July-2025.csv", "Full-CSV-data-Jul25.csv"])
def test_a_months_file_labelled_as_another(folder, name):
    extracts.write(folder, "2025-08", name=name)
    refused(folder, name, "(found 2025-08)", "2025-07")


def test_what_a_files_name_says():
    assert labelled_months("20250831-RTT-August-2025-full-extract-revised.csv") == ["2025-08"]
    assert labelled_months("RTT-2025-08-full-extract.zip") == ["2025-08"]
    assert labelled_months("Full-CSV-data-file-Aug25-ZIP-3M-12345.zip") == ["2025-08"]
    assert labelled_months("march.zip") == labelled_months("data-3000-12.csv") == []


def test_months_out_of_order_are_accepted_and_a_gap_is_marked(folder):
    for name, month in (("a", "2025-08"), ("b", "2025-04"), ("c", "2025-05"), ("d", "2025-07")):
        extracts.write(folder, month, name=f"{name}.csv")
    history = wl.read(folder)
    assert history.months == ("2025-04", "2025-05", "2025-06", "2025-07", "2025-08")
    assert history.present[0].tolist() == [True, True, False, True, True]
    assert history.observed_flows[0].tolist() == [False, True, False, False, True]
    (gap,) = history.breaks
    assert (gap.provider, gap.month, gap.kind) == ("ALL", "2025-06", "missing")


# What is accepted


def same_people(folder: Path) -> None:
    counts, _ = read_counts(folder)
    assert counts.lists == (("ZZA", "110"), ("ZZB", "110"))
    assert counts.incomplete.sum() == 2 * 30 * 20
    assert counts.admitted_unknown.sum() == 4
    assert counts.clock_starts.sum() == 2 * 9 * 10


def test_bom_crlf_blank_lines_at_the_end_and_quoted_line_ends(folder):
    rows = extracts.month_rows("2025-08")
    rows[1]["Commissioner Org Name"] = 'A "quoted", name\nof two lines'
    text = extracts.as_csv(rows).replace("\n", "\r\n") + "\r\n\r\n"
    (folder / "a.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    same_people(folder)


def test_latin_1_is_accepted_and_noted(folder):
    rows = [r | {"Provider Org Name": "HÔPITAL MADE-UP"} for r in extracts.month_rows("2025-08")]
    (folder / "a.csv").write_bytes(extracts.as_csv(rows).encode("latin-1"))
    same_people(folder)
    counts, notes = read_counts(folder)
    assert counts.provider_names["ZZA"] == "HÔPITAL MADE-UP"
    assert [note.severity for note in notes] == ["note"]


def test_extra_columns_and_columns_in_another_order_are_accepted(folder):
    header = ["Added", *reversed(extracts.HEADER)]
    (folder / "a.csv").write_text(
        extracts.as_csv([r | {"Added": "1.5"} for r in extracts.month_rows("2025-08")], header)
    )
    same_people(folder)
    assert "left aside (found Added)" in read_counts(folder)[1][0].sentence()


def test_totals_of_functions_and_non_english_commissioners_are_left_out(folder):
    rows = extracts.month_rows("2025-08")
    rows += [r | {"Treatment Function Code": "C_999"} for r in rows]
    rows += [r | {"Commissioner Org Code": "NONC"} for r in rows]
    extracts.write(folder, "2025-08", rows, zipped=True)
    same_people(folder)


def test_hidden_files_and_names_that_look_like_patterns(folder):
    (folder / "._RTT-2025-08.zip").write_bytes(b"another program's own")
    extracts.write(folder, "2025-08", name="it's [August]*.csv")
    same_people(folder)


# The cache


def test_a_kept_month_is_read_again_with_its_notes_under_its_new_name(folder):
    rows = [r | {"Provider Org Name": "HÔPITAL"} for r in extracts.month_rows("2025-08")]
    (folder / "a.csv").write_bytes(extracts.as_csv(rows).encode("latin-1"))
    first, notes = read_counts(folder)
    (folder / "a.csv").rename(folder / "b.csv")
    again, notes_again = read_counts(folder)
    assert (notes[0].file, notes_again[0].file) == ("a.csv", "b.csv")
    assert notes[0].rule == notes_again[0].rule
    assert (first.incomplete == again.incomplete).all() and first.files[0].sha256 == again.files[0].sha256


def test_a_kept_month_is_used_and_can_be_bypassed(folder, monkeypatch):
    extracts.write(folder, "2025-08")
    read_counts(folder)
    monkeypatch.setattr("waitlist.inputs.extract.unpacked", None)
    same_people(folder)
    with pytest.raises(TypeError):
        read_counts(folder, cache=False)


def test_a_corrupt_or_unwritable_cache_is_as_good_as_none(folder, monkeypatch, tmp_path):
    extracts.write(folder, "2025-08")
    read_counts(folder)
    (kept,) = Path(os.environ["WAITLIST_CACHE"]).rglob("*.parquet")
    for content in (b"", b"rubbish", kept.read_bytes()[:-40], kept.read_bytes()[100:]):
        kept.write_bytes(content)
        same_people(folder)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("WAITLIST_CACHE", str(tmp_path / "file"))
    same_people(folder)


# The plan


def plan(folder: Path, **keys) -> wl.Plan:
    return wl.Plan(name="Made-up", inputs=folder, **keys)


def year(folder: Path, **people: int) -> Path:
    """Fourteen months of two providers; ``people`` by provider scales each."""
    for m in range(14):
        month = f"{2024 + (m + 6) // 12}-{(m + 6) % 12 + 1:02d}"
        rows = [r for p in ("ZZA", "ZZB") for r in extracts.month_rows(month, [p], people.get(p, 1))]
        extracts.write(folder, month, rows)
    return folder


def test_part_2a_over_part_2_is_refused_only_for_lists_of_the_plan(folder):
    rows = extracts.month_rows("2025-08")
    rows[3] = extracts.row("2025-08", "ZZA", "2A", people=6)
    extracts.write(folder, "2025-08", rows)
    with pytest.raises(wl.Refusal, match=r"ZZA 110: Part_2A is within Part_2.*720 in Part_2A against 600"):
        wl.read(folder, plan(folder))
    assert wl.read(folder, plan(folder, providers=("ZZB",))).snapshot == date(2025, 8, 31)


def test_an_unknown_provider_gets_the_nearest_by_code_and_by_name(folder):
    extracts.write(folder, "2025-08")
    with pytest.raises(wl.Refusal) as refused:
        wl.read(folder, plan(folder, providers=("ZZC", "made-up zzb"), specialties=("101",)))
    first, second, third = refused.value.problems
    assert "ZZA (MADE-UP ZZA NHS TRUST)" in first.remedy
    assert "ZZB (MADE-UP ZZB NHS TRUST)" in second.remedy
    assert "110 (Made-up Service)" in third.remedy


@pytest.mark.parametrize("origin", ["2025-06", "2031-01", "2025-13", "August 2025", ""])
def test_an_origin_that_is_not_a_month_in_the_data(folder, origin):
    for month in ("2025-05", "2025-07", "2025-08"):
        extracts.write(folder, month)
    with pytest.raises(wl.Refusal, match="origin: the origin must be a month in the data.*2025-05 to 2025-08"):
        wl.read(folder, origin=origin)


def test_an_origin_knows_no_more_than_a_folder_that_ends_there(folder, tmp_path):
    extracts.write(folder, "2025-07")
    rows = [r | {"Provider Org Name": "LATER NAME"} for r in extracts.month_rows("2025-08", ["ZZA", "ZZB", "ZZC"])]
    extracts.write(folder, "2025-08", rows)
    (tmp_path / "short").mkdir()
    extracts.write(tmp_path / "short", "2025-07")
    known, short = wl.read(folder, origin="2025-07"), wl.read(tmp_path / "short")
    assert (known.months, known.lists, known.counts.files) == (short.months, short.lists, short.counts.files)
    assert known.counts.provider_names == short.counts.provider_names
    assert (known.waiting == short.waiting).all()


# Mergers and breaks


def test_a_merger_is_counted_together_and_reported_as_the_plan_dates_it(folder):
    for month, providers in (("2025-05", "AB"), ("2025-06", "B"), ("2025-07", "B"), ("2025-08", "B")):
        extracts.write(folder, month, extracts.month_rows(month, [f"ZZ{p}" for p in providers]))
    apart = wl.read(folder)
    assert [b.kind for b in apart.breaks] == ["stops"]
    merger = Successor.model_validate({"from": "ZZA", "to": "ZZB", "date": "2025-07-01"})
    history = wl.read(folder, plan(folder, successor=(merger,)))
    assert history.lists == (("ZZB", "110"),)
    assert history.waiting[0].sum(axis=1).tolist() == [1200, 0, 600, 600]
    assert history.present[0].tolist() == [True, False, True, True]  # June lacks one of the two, before the merger
    unknown = Successor.model_validate({"from": "ZZQ", "to": "ZZB", "date": "2025-07-01"})
    notes = wl.read(folder, plan(folder, successor=(unknown,))).problems
    assert ("successor.from", "ZZQ") in {(note.place, note.value) for note in notes}


def test_a_plan_overrules_a_found_break(folder):
    year(folder)
    extracts.write(folder, "2025-05", [r for r in extracts.month_rows("2025-05") if r["Provider Org Code"] == "ZZB"])
    found = wl.read(folder)
    assert [(b.provider, b.month, b.kind) for b in found.breaks] == [
        ("ZZA", "2025-05", "missing"),
        ("ZZA", "2025-06", "starts"),
    ]
    ignored = PlannedBreak(provider="ZZA", month="2025-05", ignore=True)
    named = PlannedBreak(provider="ZZB", month="2025-03", size=50.0, reason="a new system")
    history = wl.read(folder, plan(folder, breaks=(ignored, named)))
    assert [(b.provider, b.month, b.size, b.source) for b in history.breaks if b.kind == "step"] == [
        ("ZZB", "2025-03", 50.0, "plan")
    ]
    assert "missing" not in {b.kind for b in history.breaks}


# The command line


def command(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from waitlist.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_a_history_typed_on_the_command_line_must_be_there(folder, tmp_path):
    ended = command("position", tmp_path / "plan.toml", "--history", tmp_path / "typo")
    assert ended.returncode == 1 and "history: there is no such file or folder" in ended.stderr


def test_the_command_line_says_what_was_refused_and_writes_nothing(folder, tmp_path):
    spoiled(folder, "2", **{FIRST: "-3"})
    (folder / "b.zip").write_text("no zip")
    path = tmp_path / "plan.toml"
    path.write_text("name = 'Made-up'\ninputs = 'inputs'\n")
    ended = command("run", path, "--out", tmp_path / "out")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    row, zip_ = ended.stderr.strip().splitlines()
    assert "RTT-2025-08.csv, row 4: a count must be a whole number" in row
    assert "(found -3). Mend the row" in row
    assert "b.zip: the zip cannot be opened" in zip_
    assert sorted(p.name for p in tmp_path.iterdir()) == ["inputs", "plan.toml"]


def test_check_on_the_command_line_prints_every_problem_and_exits_1(folder):
    spoiled(folder, "2", **{FIRST: "-3"})
    extracts.write(folder, "2025-07")
    ended = command("check", folder)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "row 4" in ended.stdout and "1 error" in ended.stdout


def test_ctrl_c_while_reading_is_not_taken_for_bad_input(shared):
    reading = [sys.executable, "-c", "from waitlist.cli import main; main()", "check", "--no-cache"]
    with subprocess.Popen(
        [*reading, shared / "data" / "rtt_full_extract"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "Stopped; nothing was written.\n")
