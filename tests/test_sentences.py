"""The headline and what is printed say what the tables hold, and an output that takes nothing is said plainly."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from tests.test_outputs import made_up
from waitlist.history import Break
from waitlist.outputs import sentences, terminal, workbook
from waitlist.results import ALL, Result


@pytest.fixture(scope="module")
def result() -> Result:
    return made_up()


def test_a_forecast_that_ends_before_31_march_is_told_at_its_end(result):
    short = dataclasses.replace(result, plan=result.plan.model_copy(update={"horizon_months": 3}))
    assert "Carrying on as now, at 30 November 2025: " in " ".join(sentences.headline(short, ALL))
    assert "Carrying on as now, at 31 March 2026: " in " ".join(sentences.headline(result, ALL))


def test_flows_are_said_to_be_one_named_months(result):
    said = " ".join([*sentences.headline(result, ALL), *sentences.flatters(result)])
    assert said.count("in August 2025 there were") == 2 and "In August 2025, " in said


def test_the_largest_change_in_what_is_reported_is_in_the_headline(result):
    small = Break("QA1", "ALL", "2025-06", "step", -50.0, "")
    later = Break("QA1", "110", "2025-07", "step", -9_000.0, "")
    changed = dataclasses.replace(result, breaks=(small, *result.breaks, later))
    said = sentences.headline(changed, ALL)[-1]
    assert "what is reported changed in May 2025 (+11,921 people); it is kept out of the rates." in said
    assert sentences.headline(changed, "QA1")[-1] == said
    for breaks, provider in (((small,), ALL), (changed.breaks, "QA2")):
        quiet = sentences.headline(dataclasses.replace(result, breaks=breaks), provider)
        assert "what is reported" not in " ".join(quiet)


def test_a_backlog_that_does_not_clear_is_null_in_json_and_said_in_the_summary(result, tmp_path):
    never = dataclasses.replace(result, clearance=result.clearance.assign(p50_date=""))
    first = json.loads(terminal.as_json(never.clearance))[0]
    assert first["p50_date"] is None and first["straight_line_date"] == "2028-01-12"
    workbook.write(never, tmp_path / "never.xlsx")
    page = openpyxl.load_workbook(tmp_path / "never.xlsx")["Summary"]
    column = [cell.value for cell in page[4]].index("Clears (middle)")
    assert {row[column] for row in page.iter_rows(min_row=5, values_only=True)} == {
        f"not by {sentences.horizon_end(result):%b %Y}"
    }


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        (">&-", 1, "Stopped: the output is closed, so there is nowhere to print.\n"),
        (">/dev/full", 1, "Stopped: the output cannot be written: no space left on device.\n"),
        ("| true; exit ${PIPESTATUS[0]}", 141, ""),
    ],
)
def test_an_output_that_takes_nothing_ends_without_a_traceback(tmp_path, where, code, said):
    run = f'"{sys.executable}" -m waitlist sample --to "{tmp_path / "made-up"}"'
    ended = subprocess.run(
        ["bash", "-c", f"{run} {where}"], env=os.environ, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (code, said)
