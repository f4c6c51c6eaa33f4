"""What flatters is said with its size, and more clinics that leave more waiting are named (R13)."""

from __future__ import annotations

import pandas as pd

from tests.test_planned import planned
from waitlist.models.remarks import remarks
from waitlist.plan import BASE, CARRY_ON, variant

PLAN = """
[[scheme]]
name = "advice"
starts_percent = -3
[[scheme]]
name = "clinics"
provider = "MADE1"
stage = "outpatient"
extra_per_week = 40
"""


def fall(provider, specialty, month, measure, **steps) -> list[tuple]:
    return [(CARRY_ON, provider, specialty, month, measure, step, value) for step, value in steps.items()]


def said(place, rows) -> list[str]:
    plan = planned(place, PLAN)
    columns = ["scenario", "provider", "specialty", "month_end", "measure", "step", "contribution"]
    return list(remarks({CARRY_ON: variant(plan, CARRY_ON), BASE: plan}, pd.DataFrame(rows, columns=columns)))


def test_cutting_demand_is_said_with_what_it_does_first_and_in_the_end(place):
    share = "percent_within_18_weeks"
    rows = fall("ALL", "ALL", "2025-10-31", share, base=60.0, advice=0.7, scenario=60.7)
    rows += fall("ALL", "ALL", "2026-10-31", share, base=61.0, advice=-0.8, scenario=60.2)
    rows += fall("ALL", "ALL", "2026-10-31", "waiting_list", base=70_000.0, advice=5_000.0, scenario=75_000.0)
    (sentence,) = said(place, rows)
    assert "advice takes the shortest waits off the list" in sentence
    assert "-0.7 points by 2025-10-31 and +0.8 points by 2026-10-31, and the list by -5,000 people" in sentence


def test_clinics_that_leave_more_people_waiting_are_named(place):
    rows = fall("MADE1", "110", "2026-10-31", "waiting_list", base=1000.0, clinics=-12.4, scenario=987.6)
    rows += fall("MADE1", "120", "2026-10-31", "waiting_list", base=1000.0, clinics=30.0, scenario=1030.0)
    (sentence,) = said(place, rows)
    assert "clinics makes the list of MADE1 110 12 longer by 2026-10-31" in sentence


def test_what_changes_nothing_is_not_remarked_on(place):
    assert said(place, fall("ALL", "ALL", "2025-10-31", "percent_within_18_weeks", base=60.0, advice=0.01)) == []
