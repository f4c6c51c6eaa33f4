"""What `waitlist check` finds, and which breaks: real months are accepted, and what is wrong in them is said."""

from __future__ import annotations

import dataclasses
import json
import zipfile

import numpy as np
import pytest

from tests import extracts
from waitlist.calendar import months_after
from waitlist.cli import app
from waitlist.errors import Refusal
from waitlist.history import PARTS, Counts, DataFile
from waitlist.inputs import check as checks
from waitlist.inputs.breaks import find_breaks
from waitlist.inputs.check import check, excess, questions, vanished
from waitlist.inputs.extract import read_counts
from waitlist.inputs.fields import COUNT_COLUMNS, fields, treatment_functions
from waitlist.inputs.past import history_of, merge_providers, unused_keys, without_empty_lists
from waitlist.plan import PlannedBreak, Successor

MONTHS = tuple(months_after("2024-07", m) for m in range(14))
AT = MONTHS.index("2025-03")


def steady(*providers: str, people: float = 2_000.0) -> Counts:
    """Fourteen months of one list for each provider, level but for a little noise, R4 closed to a few people."""
    r = np.random.default_rng(1)
    shape = (len(providers), len(MONTHS))
    share = 0.95 ** np.arange(105) / (0.95 ** np.arange(105)).sum()
    waiting = people + r.normal(0, 5, shape)
    starts = 0.25 * people + r.normal(0, 5, shape)
    stops = starts * 0.9
    return Counts(
        months=MONTHS,
        lists=tuple((provider, "110") for provider in providers),
        provider_names={provider: f"MADE-UP {provider}" for provider in providers},
        specialty_names={"110": "Trauma and Orthopaedic Service"},
        incomplete=waiting[..., None] * share,
        decided=0.2 * waiting[..., None] * share,
        admitted=0.2 * stops[..., None] * share,
        non_admitted=0.8 * stops[..., None] * share,
        admitted_unknown=np.zeros(shape),
        non_admitted_unknown=np.zeros(shape),
        clock_starts=starts,
        reported=np.ones((*shape, len(PARTS)), dtype=bool),
        files=tuple(DataFile(f"RTT-{month}.csv", month, "") for month in MONTHS),
    )


def silent(counts: Counts, provider: int, months: slice) -> Counts:
    """``counts`` with nothing from ``provider`` in ``months`` (R3)."""
    for field in dataclasses.fields(counts):
        values = getattr(counts, field.name)
        if isinstance(values, np.ndarray):
            values[provider, months] = 0
    return counts


def kinds(counts: Counts) -> list[tuple[str, str, str]]:
    return [(b.provider, b.month, b.kind) for b in find_breaks(counts)]


# Breaks


def test_a_steady_system_has_no_break():
    assert kinds(steady("ZZA", "ZZB")) == []


def test_a_step_in_what_is_reported_is_found_named_and_kept_out_of_rates():
    counts = steady("ZZA", "ZZB")
    counts.incomplete[0, AT:] *= 1.1
    history = history_of(counts)
    (step,) = history.breaks
    assert (step.provider, step.month, step.kind) == ("ZZA", "2025-03", "step")
    assert step.size == pytest.approx(200, abs=25)
    assert "the list moved by +" in step.reason
    assert history.restatement[0, AT] == pytest.approx(step.size)
    assert not history.fit_months[0, AT] and history.fit_months[1, AT]


def test_a_provider_that_stops_and_one_that_pauses():
    assert kinds(silent(steady("ZZA", "ZZB"), 0, slice(AT, None))) == [("ZZA", "2025-03", "stops")]
    assert kinds(silent(steady("ZZA", "ZZB"), 0, slice(AT, AT + 2))) == [
        ("ZZA", "2025-03", "missing"),
        ("ZZA", "2025-05", "starts"),
    ]


def test_a_provider_absorbed_by_another_is_paired_with_it_and_merged_by_a_successor():
    counts = steady("ZZA", "ZZB")
    counts.incomplete[1, AT:] += counts.incomplete[0, AT:]
    counts = silent(counts, 0, slice(AT, None))
    assert kinds(counts) == [("ZZA", "2025-03", "absorbed"), ("ZZB", "2025-03", "step")]
    assert "passed to ZZB" in find_breaks(counts)[0].reason
    merger = Successor.model_validate({"from": "ZZA", "to": "ZZB", "date": "2025-03-01"})
    history = history_of(counts, [merger])
    assert history.breaks == ()
    assert history.present.all() and history.waiting[0].sum(axis=1) == pytest.approx(4_000, abs=40)


def test_a_merger_into_a_new_provider_and_a_chain_of_them():
    counts = silent(silent(steady("ZZA", "ZZB", "ZZC"), 0, slice(AT, None)), 1, slice(0, AT))
    counts = silent(silent(counts, 1, slice(AT + 2, None)), 2, slice(0, AT + 2))
    chain = [
        Successor.model_validate({"from": a, "to": b, "date": f"{d}-01"})
        for a, b, d in (("ZZA", "ZZB", "2025-03"), ("ZZB", "ZZC", "2025-05"))
    ]
    merged = merge_providers(counts, chain)
    assert merged.lists == (("ZZC", "110"),)
    assert merged.reported.all()
    assert find_breaks(merged) == ()


def test_a_part_first_sent_is_a_break():
    counts = steady("ZZA", "ZZB")
    counts.reported[0, :AT, PARTS.index("2A")] = False
    counts.decided[0, :AT] = 0
    assert kinds(counts) == [("ZZA", "2025-03", "new_part")]


def test_a_past_cut_short_knows_nothing_that_comes_later(tmp_path):
    extracts.write(tmp_path, "2025-06", extracts.month_rows("2025-06", ("ZZA",)))
    extracts.write(tmp_path, "2025-07", extracts.month_rows("2025-07", ("ZZA",)))
    extracts.write(tmp_path, "2025-09", name="a.csv")
    extracts.write(tmp_path, "2025-09", name="b.csv")
    (tmp_path / "RTT-2025-08.zip").write_text("no zip")
    counts, problems = read_counts(tmp_path, origin="2025-07", cache=False)
    assert (counts.months, counts.lists) == (("2025-06", "2025-07"), (("ZZA", "110"),))
    assert problems == ()
    with pytest.raises(Refusal, match="2025-06 to 2025-08"):
        read_counts(tmp_path, origin="2020-01", cache=False)


def test_lists_that_hold_nobody_are_left_out():
    counts = steady("ZZA", "ZZB")
    assert without_empty_lists(counts) is counts
    assert without_empty_lists(silent(counts, 1, slice(None))).lists == (("ZZA", "110"),)


def two_lists(step: float = 0.0) -> Counts:
    """One provider of two lists, each restated by half of ``step``."""
    counts = steady("ZZA", "ZZB")
    share = counts.incomplete[0, 0] / counts.incomplete[0, 0].sum()
    counts.incomplete[:, AT:] += step / 2 * share
    return dataclasses.replace(counts, lists=(("ZZA", "110"), ("ZZA", "120")))


def test_a_planned_break_without_a_size_only_marks_its_month():
    history = history_of(two_lists(), planned=[PlannedBreak(provider="ZZA", month="2025-03")])
    assert not history.restatement.any()
    assert not history.fit_months[:, AT].any()


def test_a_planned_break_of_a_list_is_a_part_of_the_step_found_for_its_provider():
    counts = two_lists(1_000.0)
    (found,) = find_breaks(counts)
    one = PlannedBreak(provider="ZZA", specialty="110", month="2025-03", size=300)
    restated = history_of(counts, planned=[one]).restatement[:, AT]
    np.testing.assert_allclose(restated, [300, found.size - 300])
    whole = PlannedBreak(provider="ZZA", month="2025-03", size=900)
    np.testing.assert_allclose(history_of(counts, planned=[one, whole]).restatement[:, AT], [300, 600])


def test_a_planned_break_that_changes_nothing_is_said():
    first = PlannedBreak(provider="ZZA", month=MONTHS[0])
    nowhere = PlannedBreak(provider="ZZA", specialty="999", month=MONTHS[AT])
    found = unused_keys(two_lists(), (), [first, nowhere])
    assert [(p.severity, p.value) for p in found] == [("warning", MONTHS[0]), ("warning", "ZZA 999")]


def test_a_provider_asked_for_that_has_gone_is_named_with_its_break():
    history = history_of(silent(steady("ZZA", "ZZB"), 1, slice(AT, None)))
    (found,) = vanished(history.counts, history.breaks, ("ZZA", "ZZB"))
    assert (found.severity, found.place) == ("warning", "providers: ZZB")
    assert found.value.startswith("stops in 2025-03")


def test_a_missing_month_is_said_when_it_is_read(tmp_path):
    for month in ("2025-05", "2025-06", "2025-08"):
        extracts.write(tmp_path, month)
    _, problems = read_counts(tmp_path, cache=False)
    assert [(p.severity, p.place) for p in problems] == [("warning", "2025-07")]


def test_too_few_months_are_an_error_and_few_a_warning(tmp_path):
    extracts.write(tmp_path, "2025-06", extracts.month_rows("2025-06", people=20))
    (error,) = [p for p in check(tmp_path, cache=False) if p.severity == "error"]
    assert "at least two months in a row" in error.rule
    extracts.write(tmp_path, "2025-07", extracts.month_rows("2025-07", people=20))
    found = check(tmp_path, cache=False)
    assert not [p for p in found if p.severity == "error"]
    assert [p.severity for p in found if "13 or more" in p.rule] == ["warning"]


# NHS England's own checks


def said(counts: Counts) -> dict[str, list[str]]:
    """The places that each finder's rule names."""
    found: dict[str, list[str]] = {}
    for problem in questions(counts):
        name = next(rule.find.__name__ for rule in checks.RULES if rule.rule == problem.rule)
        found.setdefault(name, []).append(problem.place)
    return found


def test_nothing_is_asked_of_a_steady_system():
    assert said(steady("ZZA", "ZZB")) == {}


def test_each_question_is_asked_of_the_provider_it_concerns():
    counts = steady("ZZA", "ZZB", "ZZC", "ZZD", "ZZE", "ZZF", "ZZG")
    counts.incomplete[0, AT] = counts.incomplete[0, AT - 1]
    counts.incomplete[1, AT:] *= 1.5
    counts.clock_starts[1, AT:] += 1_000
    counts.clock_starts[2, :] = 100
    counts.incomplete[3, :, 0] += 1_500
    counts.clock_starts[3] += 1_500
    counts.non_admitted_unknown[4, AT] = 100
    counts.reported[5, :, PARTS.index("3")] = False
    counts.reported[6, :, PARTS.index("2A")] = False
    assert said(counts) == {
        "_identical": ["ZZA 110"],
        "_big_moves": ["ZZB"],
        "_few_new_periods": ["ZZC"],
        "_share_of_newest": ["ZZD"],
        "_unknown_starts": ["ZZE"],
        "_missing_parts": ["ZZF"],
        "_no_admission_stage": ["ZZG"],
    }


def test_part_2a_over_part_2_is_an_error_past_10_people_and_5_percent_and_a_note_below():
    counts = steady("ZZA", "ZZB", "ZZC")
    counts.decided[0, AT] = counts.incomplete[0, AT] * 1.06
    counts.decided[1, AT] = counts.incomplete[1, AT] * 1.04
    counts.incomplete[2] *= 0.01
    counts.decided[2] = counts.incomplete[2] * 1.4
    error, note = excess(counts, range(3))
    assert (error.severity, error.place, error.file) == ("error", "ZZA 110", "RTT-2025-03.csv")
    assert (note.severity, note.value.split(" by")[0]) == ("note", f"{1 + len(MONTHS)} lists")


# The folder


def test_check_finds_problems_of_broken_and_of_readable_files_at_once(tmp_path):
    rows = extracts.month_rows("2025-06", people=20)
    rows[3] = extracts.row("2025-06", "ZZA", "2A", people=200)
    rows.append(extracts.row("2025-06", "ZZA", "2", specialty="999"))
    extracts.write(tmp_path, "2025-06", rows)
    extracts.write(tmp_path, "2025-08", extracts.month_rows("2025-08", people=20))
    (tmp_path / "RTT-2025-07.zip").write_text("no zip")
    found = check(tmp_path, cache=False)
    assert [p.severity for p in found] == sorted((p.severity for p in found), key=("error", "warning", "note").index)
    errors = [(p.file, p.place) for p in found if p.severity == "error"]
    assert errors == [("RTT-2025-07.zip", ""), ("RTT-2025-06.csv", "ZZA 110")]
    sentences = "\n".join(p.sentence() for p in found)
    assert "2025-07: a month between the first and the last is missing" in sentences
    assert "ZZA: a C_999 row must be the total of the other treatment functions" in sentences
    assert "first ZZ99 Part_2: 600 against 12000" in sentences


def test_the_published_extracts_pass_with_a_readable_result(shared, capsys):
    with pytest.raises(SystemExit) as ended:
        app(["check", str(shared / "data" / "rtt_full_extract"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert set(found[0]) == {"severity", "file", "place", "value", "rule", "remedy"}
    assert 20 < len(found) < 150
    values = {p["place"].split()[0]: p["value"] for p in found if p["place"] and "(R4)" in p["rule"]}
    assert "+11,921" in values["R1H"]
    assert values["RHQ"].startswith("stops in 2025-07")
    assert "passed to RAL" in values["RAP"]


# The dictionary of fields


def test_the_dictionary_describes_every_column_of_the_published_extract_in_order(shared):
    path = shared / "data" / "rtt_full_extract" / "RTT-2025-08-full-extract.zip"
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
        header = file.readline().decode("utf-8-sig").strip().split(",")
    assert [field.name for field in fields()] == header
    assert [field.name for field in fields() if field.type == "count" and field.needed] == list(COUNT_COLUMNS)
    assert all(field.description and field.source for field in fields())
    assert all(bool(field.rule) == bool(field.allowed) for field in fields())
    assert len(treatment_functions()) == 23
