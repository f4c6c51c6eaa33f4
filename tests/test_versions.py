"""Versions of a submission: draft and final, compared cell by cell, and never two with one number."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pandas as pd
import pytest

import waitlist as wl
from tests.submissions import plan_of
from waitlist import versions
from waitlist.errors import Refusal
from waitlist.outputs.submission import files
from waitlist.planning_round import submission
from waitlist.register import add, listed, next_number, open_register, read

OVERRIDE = {"provider": "MADE1", "month": "2025-12", "reason": "a second list", "author": "B. Board"}
STOPS = OVERRIDE | {"measure": "stops_admitted", "value": 2500}


@pytest.fixture
def desk(place, tmp_path):
    """A plan whose register is its own."""
    return lambda **keys: plan_of(place, register=str(tmp_path / "register.sqlite"), **keys)


@pytest.fixture(scope="module")
def made(place, history):
    return submission(plan_of(place), history)


def as_of(made, plan):
    return replace(made, plan=plan)


def test_a_draft_then_a_final_are_two_versions_and_the_same_final_again_is_none(desk, made, tmp_path):
    plan, out = desk(), tmp_path / "round"
    made = as_of(made, plan)
    assert versions.write(made, out, draft=True).version_words() == "DRAFT: version 1, draft"
    assert versions.write(made, out).version_words() == "Version 2, final"
    assert versions.write(made, out).number == 2
    with open_register(versions.register_of(plan)) as register:
        assert [row[:3] for row in listed(register, plan.name, "2025-26")] == [
            (1, "draft", "A. Planner"),
            (2, "final", "A. Planner"),
        ]
        held = read(register, plan.name, "2025-26", 2)
    assert {c.value for c in held.cells if c.line == "E.B.24"} == {None}
    assert "inputs" in held.plan and "/" not in json.dumps(held.plan), "no machine's path"
    names = {path.name for path in out.iterdir()}
    assert {"submission.csv", "submission.xlsx", "pack.html", "pack.docx", "manifest.json"} <= names


def registered(plan, made):
    """``made`` as the plan's next final version, without its files."""
    with open_register(versions.register_of(plan)) as register:
        add(register, versions.version_of(made, next_number(register, plan.name, made.year.year), "final"))


def test_what_is_compared_with_itself_does_not_differ(desk, made):
    plan = desk()
    registered(plan, made)
    assert versions.compare(plan, "1", "1").table.empty


def test_one_override_changes_its_cell_and_what_depends_on_it_and_nothing_else(desk, made, history):
    plan = desk()
    registered(plan, made)
    changed = desk(override=[STOPS])
    registered(changed, after := submission(changed, history))
    found = versions.compare(changed, "1", "2").table
    assert set(found["cause"]) == {"override"}
    assert set(found["org"]) == {"MADE1", "MADEQ"} and found["month"].min() == "2025-12"
    lists = {"waiting_list", "within_18_weeks", *(f"over_{t}_weeks" for t in (18, 52, 65, 78, 104))}
    assert set(found["line"]) <= {"stops_admitted", "E.M.10", "E.M.10a", "E.M.10b", *lists}
    december = found[(found["org"] == "MADE1") & (found["month"] == "2025-12")].set_index("line")["difference"]
    assert december["stops_admitted"] == -december["waiting_list"]
    assert len(found) == (made.figures["value"].fillna(-1) != after.figures["value"].fillna(-1)).sum()
    trust = OVERRIDE | {"measure": "E.M.9", "value": 1}
    alone = desk(override=[trust])
    registered(alone, submission(alone, history))
    found = versions.compare(alone, "1", "3").table
    assert [tuple(row) for row in found[["org", "line", "month"]].to_numpy()] == [
        ("MADE1", "E.M.9", "2025-12"),
        ("MADEQ", "E.M.9", "2025-12"),
    ]


def test_a_register_is_never_in_the_folder_that_is_replaced(made, place, tmp_path):
    out = tmp_path / "round"
    out.mkdir()
    (out / "manifest.json").write_text('{"tool": "waitlist", "files": []}')
    plan = plan_of(place, register=str(out / "register.sqlite"))
    with pytest.raises(Refusal, match="the plan or its register"):
        versions.write(as_of(made, plan), out)
    assert [path.name for path in out.iterdir()] == ["manifest.json"]


def test_each_cause_of_a_difference_is_named(desk, made, history, place):
    plan = desk()
    registered(plan, made)
    faster = desk(seed=2)
    registered(faster, submission(faster, history))
    assert versions.compare(faster, "1", "2").table["cause"].str.startswith("plan (seed)").all()
    earlier = wl.read(place / "sample", plan, "2025-07")
    registered(plan, submission(plan, earlier))
    causes = versions.compare(plan, "1", "3").table["cause"]
    assert causes.str.startswith("data (RTT-2025-08").all() and len(causes)
    overruled = desk(override=[STOPS])
    for seed in (1, 2):
        other = overruled.model_copy(update={"seed": seed})
        registered(other, submission(other, history))
    causes = versions.compare(overruled, "4", "5").table["cause"]
    assert causes.str.startswith("plan (seed)").all(), "the override is the same in both"
    both = versions.compare(overruled, "1", "5").table["cause"]
    assert set(both) == {"plan (seed)", "plan (seed); override", "override"}


def test_a_file_as_it_was_sent_may_stand_for_a_version(desk, made, tmp_path):
    plan = desk(providers=["MADE1", "MADE2", "MADE3"])
    out = tmp_path / "round"
    versions.write(as_of(made, plan), out)
    assert versions.compare(plan, "1", str(out / "submission.csv")).table.empty
    spoiled = tmp_path / "spoiled.csv"
    text = (out / "submission.csv").read_text().replace("E.B.18", "E.B.81")
    spoiled.write_text(text)
    with pytest.raises(Refusal, match=r"E\.B\.81"):
        versions.compare(plan, "1", str(spoiled))


def test_a_check_that_blocks_stops_the_final_and_not_the_draft(desk, history, tmp_path):
    plan = desk(override=[OVERRIDE | {"measure": "over_104_weeks", "value": 30_000}])
    made, out = submission(plan, history), tmp_path / "round"
    with pytest.raises(Refusal) as caught:
        versions.write(made, out)
    said = str(caught.value)
    assert "check nesting, MADE1 2025-12" in said and "--draft" in said and not out.exists()
    assert versions.write(made, out, draft=True).status == "draft"
    sheet = pd.read_excel(out / "submission.xlsx", sheet_name=None, header=None)
    assert all("DRAFT" in str(page.iloc[0, 0]) for page in sheet.values())


def test_of_two_who_finalise_at_once_one_wins_and_the_other_is_told_and_writes_nothing(
    desk, made, tmp_path, monkeypatch
):
    plan = desk()
    both, real, failed = threading.Barrier(2, timeout=60), files.write, []

    def written(submitted, folder):
        real(submitted, folder)
        both.wait()  # both have been given the same number by now

    monkeypatch.setattr(files, "write", written)

    def finalise(who):
        try:
            versions.write(replace(as_of(made, plan), author=who, aid=(who,)), tmp_path / who)
        except Refusal as refusal:
            failed.append((who, str(refusal)))

    people = [threading.Thread(target=finalise, args=(who,)) for who in ("Ann", "Bob")]
    for one in people:
        one.start()
    for one in people:
        one.join()
    (loser, said), winner = failed[0], {"Ann": "Bob", "Bob": "Ann"}[failed[0][0]]
    assert len(failed) == 1 and winner in said and "version 1" in said
    assert (tmp_path / winner).exists() and not (tmp_path / loser).exists()


def test_a_disclosed_file_holds_no_small_count_and_no_formula(desk, history, tmp_path):
    plan, out = desk(year="2024-25"), tmp_path / "round"  # which has those over 78 and 104 weeks
    versions.write(submission(plan, history), out, disclosure=True)
    table = pd.read_csv(out / "submission.csv", dtype=str, keep_default_na=False)
    values = [int(value) for value in table["Value"] if value not in ("", "*")]
    assert "*" in set(table["Value"]) and all(value == 0 or value >= 8 and value % 5 == 0 for value in values)
    from openpyxl import load_workbook

    book = load_workbook(out / "submission.xlsx")
    assert not [cell.coordinate for page in book for row in page.iter_rows() for cell in row if cell.data_type == "f"]
    cells = [cell for org in ("MADE1", "MADE2", "MADE3", "MADEQ") for row in book[org].iter_rows() for cell in row]
    numbers = [c.value for c in cells if isinstance(c.value, int | float) and not isinstance(c.value, bool)]
    assert not [value for value in numbers if 1 <= value <= 7 and float(value).is_integer()], "not even by the way"
    book.close()
