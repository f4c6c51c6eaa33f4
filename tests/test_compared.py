"""What people see of a plan's changes is what the tables hold, and nothing where nothing is planned."""

from __future__ import annotations

import re

import openpyxl
import pandas as pd
import pytest

import waitlist as wl
from tests.test_docs import rows as rows_of
from tests.test_planned import SCENARIOS, entry, planned
from waitlist.outputs import compared, report, terminal
from waitlist.outputs.needs import goal, needs
from waitlist.results import ALL, WHERE_ASKED

HOSTILE = "<b>=1+1"


@pytest.fixture(scope="module")
def result(place, history):
    plan = SCENARIOS.replace('"theatres"', f'"{HOSTILE}"') + entry(
        "target", measure="percent_within_18_weeks", value=64, date="2026-03-31", provider="MADE1"
    ).replace('"2026-03-31"', "2026-03-31")
    return wl.run(planned(place, plan), history)


def test_the_comparison_shows_the_tables_means_and_differences(result):
    shown = compared.compared(result, [ALL]).scenarios[0]
    rows = result.scenarios
    rows = rows[(rows["provider"] == ALL) & (rows["specialty"] == ALL) & (rows["month_end"] == "2026-03-31")]
    rows = rows[rows["measure"] == "waiting_list"]
    assert [row[1] for row in shown.rows] == [f"{mean:,.0f}" for mean in rows["mean"]]
    assert [row[0] for row in shown.rows] == ["Nothing planned", "The plan", "strikes", "more strikes"]
    assert shown.rows[0][2] == f"+{rows['difference_from_base'].iloc[0]:,.0f}"


def test_what_each_part_contributes_is_told_from_nothing_planned_and_adds_up(result):
    first = compared.compared(result, [ALL]).falls[0].table
    numbers = [float(text.replace(",", "").replace("−", "-")) for _, text in first.rows]
    assert first.rows[0][0] == "Nothing planned"
    assert first.rows[-1][0] == "The plan"
    assert numbers[0] + sum(numbers[1:-1]) == pytest.approx(numbers[-1], abs=len(numbers))
    assert numbers[1] < 0  # more operations


def test_a_scheme_s_name_is_text_everywhere(result, tmp_path):
    out = wl.write(result, tmp_path / "out")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "&lt;b&gt;=1+1" in page
    book = openpyxl.load_workbook(out / "workbook.xlsx", read_only=True)
    cells = [cell for row in book["Waterfall"].iter_rows() for cell in row if cell.value == HOSTILE]
    assert cells
    assert all(cell.data_type == "s" for cell in cells)
    assert {"Scenarios", "Waterfall", "Unused", "Money", "Capacity"} <= set(book.sheetnames)
    for name, frame in result.tables().items():
        read = pd.read_csv(out / f"{name}.csv", dtype={"specialty": str}, keep_default_na=False)
        assert list(read) == list(frame)
        assert len(read) == len(frame)


def test_the_files_page_has_every_column_of_a_plan_s_files(result):
    files = {
        row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in rows_of("docs/reference/files.md", "| where asked")
    }
    tables = result.tables()
    assert {f"{name}.csv": list(tables[name]) for name in WHERE_ASKED} == {
        name: columns for name, columns in files.items() if name.removesuffix(".csv") in WHERE_ASKED
    }


def test_nothing_is_said_of_scenarios_where_none_are(place, history):
    plain = wl.run(planned(place).model_copy(update={"providers": ("MADE3",)}), history)
    assert plain.scenarios is plain.money is plain.capacity is None
    page = report.render(plain)
    assert "No planned change in activity" in page
    assert not re.search(r'id="(scenarios|needs|money|contributes)"', page)


def test_the_headline_says_what_is_planned_and_what_targets_need(result):
    said = re.sub(r"\s+", " ", terminal.headline(result))
    assert "With what is planned, at 31 March 2026" in said
    assert "64% within 18 weeks by 31 March 2026 in 50% of draws takes" in said
    assert "What flatters (R13): advice" in said


def rows(extra: float, attainable: bool) -> pd.DataFrame:
    keys = {"target": "over_65_weeks <= 0", "date": "2026-03-31", "probability": 0.8, "attainable": attainable}
    keys |= {"best_attainable": 12.4, "binding_limit": "admission stage of RAA 110: 120 % of what goes on"}
    keys |= {"attainable_by": "2026-05-31", "schemes": "", "sought": "RAA 110"}
    stages = (("outpatient", 100.0, 0.0), ("admission", 50.0, extra), (ALL, 150.0, extra))
    return pd.DataFrame(
        [
            {"provider": "RAA", "specialty": "110", "stage": stage, "current_per_week": now}
            | {"required_per_week": now + more, "extra_per_week": more, **keys}
            for stage, now, more in stages
        ]
    )


@pytest.mark.parametrize(
    ("extra", "attainable", "said"),
    [
        (0.0, True, "RAA, 110: nobody over 65 weeks by 31 March 2026 is met in 80% of draws and needs nothing more."),
        (12.5, True, "takes 12.5 more stops a week, 8.3% more than the 150 of now: 12.5 in theatres."),
        (
            10.0,
            False,
            "cannot be met in 80% of draws. The best is 12 people. What limits it: admission stage of RAA 110",
        ),
    ],
)
def test_a_target_is_said_as_met_as_needing_so_much_or_as_out_of_reach(extra, attainable, said):
    assert said in needs(rows(extra, attainable))[0]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("percent_within_18_weeks >= 65", "65% within 18 weeks"),
        ("over_52_weeks <= 1 % of the list", "no more than 1% of the list over 52 weeks"),
        ("percent_over_52_weeks <= 1", "no more than 1% over 52 weeks"),
        ("waiting_list <= 7000", "no more than 7,000 waiting"),
        ("p92_wait_weeks <= 30", "92% of the list waiting no more than 30 weeks"),
    ],
)
def test_a_target_is_said_as_a_planner_says_it(target, said):
    assert goal(target) == said
