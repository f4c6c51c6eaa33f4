"""Mutual aid from a plan to its tables: agreed, chosen, simulated, refused (R4, R12, R14)."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import openpyxl
import pandas as pd
import pytest

import waitlist as wl
from waitlist import collaborative, pipeline
from waitlist.bands import BANDS
from waitlist.errors import Refusal
from waitlist.models import system
from waitlist.outputs import folder, schedule
from waitlist.outputs.aid import aid_part

PLAN = """
name = "Mutual aid"
inputs = "sample"
horizon_months = 9
draws = 72
specialties = ["110", "120", "330"]
[[deadline]]
threshold_weeks = 52
date = 2026-03-31
"""
AGREED = """
[[transfer]]
from_provider = "MADE1"
to_provider = "MADE2"
specialty = "110"
stage = "admission"
min_weeks_waited = 30
per_week = 10
lead_weeks = 3
acceptance = 0.7
"""
CHOSEN = """
[mutual_aid]
min_weeks_waited = 30
stage = "ALL"
[[mutual_aid.limit]]
most_per_week = 20
[[mutual_aid.exclude]]
from_provider = "MADE2"
to_provider = "MADE3"
[[hub]]
code = "HUB1"
name = "Hub"
specialties = ["110", "120"]
per_week = 6
day_cases_only = true
"""


def planned(place, text):
    (place / "aid.toml").write_text(PLAN + text)
    return wl.Plan.load(place / "aid.toml")


@pytest.fixture(scope="module")
def chosen(place, history):
    return pipeline.transfers(planned(place, CHOSEN), history)


@pytest.fixture(scope="module")
def agreed(place, history):
    return wl.run(planned(place, AGREED), history)


def wide(result):
    columns = ["provider", "specialty", "month_end"]
    return result.trajectory.pivot(index=columns, columns="measure", values="mean")


def test_agreed_transfers_are_flows_of_r4_at_both_ends_and_sum_to_nothing(agreed):
    by_month = wide(agreed)
    for _, rows in by_month.groupby(level=[0, 1]):
        now = rows["waiting_list"].to_numpy()
        flows = rows["clock_starts"] - rows["stops_admitted"] - rows["stops_non_admitted"] - rows["other_removals"]
        flows = (flows + rows["transfers_in"] - rows["transfers_out"]).to_numpy()
        np.testing.assert_allclose(now[1:], now[:-1] + flows[1:], atol=1e-6)
    ends = by_month.groupby(level=0)[["transfers_in", "transfers_out"]].sum() / 2  # a list and its provider's total
    assert ends.loc["MADE1", "transfers_out"] == pytest.approx(ends.loc["MADE2", "transfers_in"])
    assert ends.loc["MADE1", "transfers_in"] == ends.loc["MADE3", "transfers_in"] == 0


def test_what_the_table_says_moved_is_what_r4_has(agreed):
    moves, flows = agreed.aid.transfers, wide(agreed)
    ends = agreed.trajectory["month_end"].max()
    known = moves[moves["week_ending"] <= str(ends)]["moved"].sum()
    out = flows.loc[("MADE1", "110"), "transfers_out"].sum()
    assert known == pytest.approx(out, rel=0.06)  # the last week lies partly beyond the last month end
    assert (moves["accepted"] == moves["accepted"].round()).all() and moves["accepted"].sum() / moves[
        "offered"
    ].sum() == pytest.approx(0.7, abs=0.02)
    assert (moves["moved"] <= moves["accepted"] + 1e-9).all() and moves["moved"].sum() > 0.5 * moves["accepted"].sum()


def test_help_is_never_free_the_whole_system_does_as_many_stops_as_without(agreed, place, history):
    without = wide(wl.run(planned(place, ""), history)).loc[("ALL", "110")]
    with_them = wide(agreed).loc[("ALL", "110")]
    for flow in ("stops_admitted", "stops_non_admitted", "clock_starts"):
        np.testing.assert_allclose(with_them[flow], without[flow], rtol=0.003)
    effects = agreed.aid.effects.set_index(["provider", "specialty", "measure"])
    own = effects.loc[("MADE2", "110", "own_mean_wait_weeks")]
    assert own["after_mean"] > own["before_mean"]  # its own patients wait longer, and that is said


def test_a_trust_made_worse_off_is_named_first(place, history):
    worse = AGREED.replace('"MADE1"', '"MADE3"').replace('"MADE2"', '"MADE1"').replace("per_week = 10", "per_week = 40")
    found = pipeline.transfers(planned(place, worse), history).aid
    assert found.sentences[0].startswith("Worse off: Eastwater Hospitals")


def test_agreed_transfers_to_a_hub_are_treated_there_as_far_as_it_can(place, history):
    hub = '[[hub]]\ncode = "HUB1"\nname = "Hub"\nspecialties = ["110"]\nper_week = 2\n'
    sent = AGREED.replace('"MADE2"', '"HUB1"')
    found = wl.run(planned(place, sent + hub), wl.read(place / "sample", planned(place, sent + hub)))
    there = wide(found).loc[("HUB1", "110")]
    assert there["transfers_in"].sum() > there["stops_admitted"].sum() > 0
    assert there["stops_admitted"].iloc[-1] == pytest.approx(2 * 31 / 7, rel=0.1)
    assert there["waiting_list"].iloc[-1] > there["waiting_list"].iloc[2] > 0


def test_a_hubs_total_is_the_sum_of_its_specialties_in_every_flow(place, history):
    hub = '[[hub]]\ncode = "HUB1"\nname = "Hub"\nspecialties = ["110", "120"]\nper_week = 12\n'
    plan = planned(place, AGREED.replace('"MADE2"', '"HUB1"') + hub)
    there = wide(wl.run(plan, history)).loc["HUB1"]
    for flow in ("stops_admitted", "other_removals", "transfers_in", "waiting_list"):
        whole = there.loc["ALL"][flow].to_numpy()
        assert there.loc["110"][flow].to_numpy() + there.loc["120"][flow].to_numpy() == pytest.approx(
            whole, abs=1e-6
        ), flow


def test_a_chosen_schedule_is_whole_people_within_the_limits_and_helps(chosen):
    moves = chosen.aid.transfers
    assert (moves["offered"] == moves["offered"].round()).all()
    assert moves.groupby("offer_week")["offered"].sum().max() <= 20
    assert not ((moves["from_provider"] == "MADE2") & (moves["to_provider"] == "MADE3")).any()
    assert (moves["min_weeks_waited"] >= 30).all() and (moves["from_provider"] != "HUB1").all()
    assert set(moves[moves["to_provider"] == "HUB1"]["stage"]) == {"admission"}
    whole = chosen.aid.mutual_aid.set_index(["provider", "specialty"]).loc[("ALL", "ALL")]
    assert whole["after_p50"] < whole["before_p50"]
    own = chosen.aid.effects[chosen.aid.effects["measure"] == "own_mean_wait_weeks"]
    assert set(own["provider"]) == {"ALL", "MADE1", "MADE2", "MADE3"}


def test_nobody_sends_and_receives_the_like_in_a_month(chosen):
    moves = chosen.aid.transfers.assign(month=chosen.aid.transfers["offer_week"].str[:7])
    keys = ["specialty", "stage", "month"]
    sent = set(map(tuple, moves[["from_provider", *keys]].to_numpy()))
    received = set(map(tuple, moves[["to_provider", *keys]].to_numpy()))
    assert not sent & received


def test_the_same_plan_gives_the_same_schedule(chosen, place, history):
    again = pipeline.transfers(planned(place, CHOSEN), history)
    for name, table in chosen.tables().items():
        pd.testing.assert_frame_equal(table, again.tables()[name])


def test_what_happened_is_read_back_and_the_rest_planned_from_there(chosen, place, history, tmp_path):
    rows = chosen.aid.transfers
    first = sorted(rows["week_ending"].unique())[:3]
    there = rows["week_ending"].isin(first)
    done = (rows["moved"] / 2).round().astype(int).astype(str)
    rows.assign(happened=done.where(there, "")).to_csv(tmp_path / "happened.csv", index=False)
    again = pipeline.transfers(planned(place, CHOSEN), history, happened=tmp_path / "happened.csv").aid
    new = again.transfers[again.transfers["source"] == "chosen"]
    assert new["offer_week"].min() > max(first)
    sent = again.happened["happened"].sum()
    assert sent == done[there].astype(int).sum()
    assert again.transfers[again.transfers["source"] == "agreed"]["accepted"].sum() == sent
    assert again.happened["missed"].sum() == pytest.approx(rows[there]["moved"].sum() - sent)


def test_the_fewest_transfers_that_meet_a_target_are_fewer_or_it_is_said_that_none_do(chosen, place, history):
    plan = planned(place, CHOSEN).model_copy(update={"clearance": wl.Plan.model_fields["clearance"].default})
    best = chosen.aid.mutual_aid.set_index(["provider", "specialty"]).loc[("ALL", "ALL")]
    half = (best["before_p50"] + best["after_p50"]) / 2
    some = plan.model_copy(update={"mutual_aid": plan.mutual_aid.model_copy(update={"most_over": float(half)})})
    few = pipeline.transfers(some, history).aid
    assert 0 < few.transfers["offered"].sum() < chosen.aid.transfers["offered"].sum()
    none = pipeline.transfers(collaborative.fewest(plan, "52,2026-03-31"), history).aid
    assert any("can't be met" in sentence for sentence in none.sentences)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ('[[mutual_aid.give]]\nprovider = "MADE1"\nper_week = 0', "Nobody is to move"),
        ("[mutual_aid]\nacceptance = 0", "Nobody is to move"),
        ("[mutual_aid]\nlead_weeks = 52", "Nobody is to move"),
        ("[mutual_aid]\nmin_weeks_waited = 104", "Nobody is to move"),
    ],
)
def test_where_nothing_can_move_it_says_so(place, history, keys, says):
    gives = '\n[[mutual_aid.give]]\nprovider = "{}"\nstage = "{}"\nper_week = 0'
    if "give" in keys:
        keys = "[mutual_aid]" + "".join(
            gives.format(f"MADE{n}", stage) for n in (1, 2, 3) for stage in ("outpatient", "admission")
        )
    found = pipeline.transfers(planned(place, keys), history).aid
    assert not len(found.transfers) and any(says in sentence for sentence in found.sentences)
    assert len(found.limits) > 0
    np.testing.assert_array_equal(found.mutual_aid["before_p50"], found.mutual_aid["after_p50"])
    assert aid_part(found, {}, {}).figures  # before and after, without a schedule


def test_where_every_schedule_leaves_more_over_in_the_simulation_nobody_moves(place, history, monkeypatch):
    monkeypatch.setattr(system, "WIDTH", BANDS)  # groups so wide that the program can't tell whom a move helps
    (place / "vain.toml").write_text("""
name = "In vain"
inputs = "sample"
horizon_months = 9
draws = 72
specialties = ["301", "400", "502"]
[[deadline]]
threshold_weeks = 18
date = 2026-05-31
[[deadline]]
threshold_weeks = 40
date = 2026-02-28
[mutual_aid]
min_weeks_waited = 40
stage = "outpatient"
lead_weeks = 2
acceptance = 0.94
batch = 3
""")
    some = wl.Plan.load(place / "vain.toml")
    found = pipeline.transfers(some, history).aid
    assert any("Nobody is to move" in sentence for sentence in found.sentences) and not len(found.transfers)


def test_the_first_aim_is_the_plan_s_and_no_simpler_way_takes_its_place(place, history):
    nobody = pipeline.transfers(planned(place, "[mutual_aid]\naims = ['transfers', 'over_thresholds']"), history).aid
    assert not len(nobody.transfers) and "fewest transfers, the first aim" in nobody.sentences[0]
    even = pipeline.transfers(planned(place, "[mutual_aid]\naims = ['pressure', 'transfers']"), history).aid
    assert len(even.transfers) and not any("simpler way" in sentence for sentence in even.sentences)


def test_where_nobody_is_over_a_threshold_nobody_moves(place, history):
    plan = planned(place, "[mutual_aid]\nstage = 'ALL'")
    deadline = plan.deadline[0].model_copy(update={"threshold_weeks": 104, "date": dt.date(2025, 9, 30)})
    found = pipeline.transfers(plan.model_copy(update={"deadline": (deadline,)}), history).aid
    assert not len(found.transfers) and not found.limits["gain"].any()


def refusal(place, history, text, run=pipeline.transfers):
    with pytest.raises(Refusal) as refused:
        run(planned(place, text), history)
    return "\n".join(map(str, refused.value.problems))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('to_provider = "MADE2"', 'to_provider = "MADE1"'), "not from MADE1 to itself"),
        (("per_week = 10", "per_week = -1"), "per_week"),
        (('to_provider = "MADE2"', 'to_provider = "MADE9"'), "transfer.to_provider"),
        (('specialty = "110"', 'specialty = "999"'), "transfer.specialty"),
        (('to_provider = "MADE2"\nspecialty = "110"', 'to_provider = "MADE3"\nspecialty = "330"'), "Part 2A|does not"),
        (("acceptance = 0.7", "acceptance = 1.2"), "acceptance"),
        (("min_weeks_waited = 30", "min_weeks_waited = 30\nbelow_weeks_waited = 20"), "below_weeks_waited"),
        (('from_provider = "MADE1"', 'from_provider = "HUB1"'), "a hub has no patients of its own"),
        (('to_provider = "MADE2"\nspecialty = "110"', 'to_provider = "HUB1"\nspecialty = "330"'), "treats"),
    ],
)
def test_an_agreed_transfer_that_cannot_be_is_refused(place, history, change, says):
    hub = '\n[[hub]]\ncode = "HUB1"\nname = "Hub"\nspecialties = ["110"]\nper_week = 5\n'
    assert change[0] in AGREED
    said = refusal(place, history, AGREED.replace(*change) + hub)
    assert any(part in said for part in says.split("|"))


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("[mutual_aid]\n[[mutual_aid.limit]]\nmost_per_week = -3", "most_per_week"),
        ("[mutual_aid]\n[[mutual_aid.limit]]\nmost_per_week = 2.5", "most_per_week"),
        (
            "[mutual_aid]\n[[mutual_aid.limit]]\nfrom_provider = 'XX'\nmost_per_week = 2",
            "mutual_aid.limit.from_provider",
        ),
        ("[mutual_aid]\naims = ['travel', 'travel']", "each aim once"),
        ("[mutual_aid]\nmax_km = 20", "need to know where"),
        ("[mutual_aid]\ncoordinates = ['nowhere.csv']", "nowhere.csv"),
        ("[mutual_aid]\ncoordinates = ['/dev/zero']", "not an ordinary file"),
        ('[mutual_aid]\n[[hub]]\ncode = "ALL"\nname = "x"\nper_week = 1', "stands for all providers"),
        (
            '[mutual_aid]\n[[hub]]\ncode = "HUB1"\nname = "x"\nper_week = 1\n'
            '[[mutual_aid.give]]\nprovider = "HUB1"\nper_week = 1',
            "what a hub can give",
        ),
        (
            '[mutual_aid]\n[[mutual_aid.give]]\nprovider = "MADE3"\nspecialty = "330"\nper_week = 1',
            "Part 2A is not reported",
        ),
        ('[mutual_aid]\n[[hub]]\ncode = "MADE1"\nname = "x"\nper_week = 1', "that of a provider in the data"),
        ("", "chosen where it has [mutual_aid]"),
        (AGREED + AGREED, "overlap"),
    ],
)
def test_mutual_aid_that_cannot_be_is_refused(place, history, keys, says):
    assert says in refusal(place, history, keys)


def test_a_provider_that_is_missing_at_the_origin_takes_no_part(place, history):
    there = history.present.copy()
    there[[provider == "MADE2" for provider, _ in history.lists], -1] = False
    gone = dataclasses.replace(history, present=there)
    assert "transfer.to_provider" in refusal(place, gone, AGREED)
    moves = pipeline.transfers(planned(place, "[mutual_aid]\nstage = 'ALL'"), gone).aid.transfers
    assert "MADE2" not in {*moves["from_provider"], *moves["to_provider"]}


def test_floors_and_caps_that_contradict_are_named_together(place, history):
    limits = (
        "[[mutual_aid.limit]]\nfrom_provider = 'MADE1'\nleast_per_week = 9\n[[mutual_aid.limit]]\nmost_per_week = 4"
    )
    gives = '[[mutual_aid.give]]\nprovider = "MADE2"\nspecialty = "110"\nextra_per_week = 30'
    said = refusal(place, history, f"[mutual_aid]\nmin_weeks_waited = 18\n{gives}\n{limits}")
    assert "in the week ending 7 September 2025: from MADE1: at least 9 a week; all offers: at most 4 a week" in said


def test_a_time_limit_gives_the_best_found_and_says_so(place, history):
    found = pipeline.transfers(planned(place, "[mutual_aid]\nstage = 'ALL'\ntime_limit_seconds = 0.001"), history).aid
    assert any("stopped by its limit" in sentence for sentence in found.sentences)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("soon,A,B,110,admission,30,2,1", "week_ending should be a date"),
        ("2025-09-21,A,B,110,ward,30,2,1", "stage should be"),
        ("2025-09-21,A,B,110,admission,30,2,1.5", "whole people"),
        ("2025-09-21,A,B,110,admission,30,2,-1", "whole people"),
        ("2025-09-21,A,B,110,admission,30,2,x", "a number"),
        ("2025-09-21,A,A,110,admission,30,2,1", "itself"),
    ],
)
def test_a_file_of_what_happened_that_is_wrong_is_refused(place, history, tmp_path, row, says):
    head = "week_ending,from_provider,to_provider,specialty,stage,min_weeks_waited,moved,happened\n"
    (tmp_path / "done.csv").write_text(head + row + "\n")
    with pytest.raises(Refusal) as refused:
        pipeline.transfers(planned(place, CHOSEN), history, happened=tmp_path / "done.csv")
    assert says in str(refused.value) and "done.csv" in str(refused.value)


def test_the_schedule_adds_up_to_the_table_and_takes_no_formula(chosen, tmp_path):
    names = {"MADE1": "=HYPERLINK(1)", "MADE2": "[x]*?/\\:" * 9, "110": "=1+1"}
    schedule.write(chosen.aid, tmp_path / "s.xlsx", "=2", chosen.snapshot, names, names)
    book = openpyxl.load_workbook(tmp_path / "s.xlsx")
    pairs = chosen.aid.transfers.groupby(["from_provider", "to_provider"])
    assert len({sheet.title.lower() for sheet in book}) == len(book.sheetnames) == 1 + len(pairs) + 4
    for (one, other), rows in pairs:
        sheet = book[f"{one} to {other}"]
        offered = [row[7].value for row in sheet.iter_rows(min_row=5) if isinstance(row[7].value, int)]
        assert sum(offered) == rows["offered"].sum()
    formulas = [c.value for s in book for row in s.iter_rows() for c in row if c.data_type == "f"]
    assert formulas and all(text.startswith("=SUM(") for text in formulas)


def test_the_answer_is_written_with_its_schedule_and_every_figure_has_a_table(chosen, tmp_path):
    folder.write_tables(chosen, tmp_path / "out")
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {
        "aid_effects.csv",
        "aid_limits.csv",
        "mutual_aid.csv",
        "transfers.csv",
        "schedule.xlsx",
        "manifest.json",
    }
    part = aid_part(chosen.aid, {"MADE1": "<b>x</b>"}, {})
    assert len(part.figures) == 3
    for figure in part.figures:
        assert figure.table.rows and "<desc" in figure.svg and "<b>" not in figure.svg
