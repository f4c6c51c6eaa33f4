"""Every check of a submission fires on the fault it is for, and on nothing else in sound figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.submissions import MONTHS, RATIOS, YEAR, base, figures
from waitlist.calendar import month_end, months_after, working_days
from waitlist.models.submission import standards
from waitlist.models.submission.challenges import CHALLENGES, Questioned
from waitlist.models.submission.identities import periods_of
from waitlist.models.submission.triangulation import CHECKS, Case, Overruled, blocking, checked
from waitlist.models.submission.whole import closed
from waitlist.planning_year import in_force
from waitlist.submission import Override

JUDGED = YEAR.model_copy(
    update={
        "standard": tuple(s for s in YEAR.standard if s.sure == "sourced" and s.level == "provider"),
        "metric": tuple(m for m in YEAR.metric if m.sure == "sourced"),
    }
)
"""The year with what is sourced and judged alone."""
RECORD_MONTHS = [months_after("2025-08", -back) for back in range(35, -1, -1)]


def sound():
    """Two trusts whose figures raise no question: a list that moves by a few, as it did for three years."""
    made = base()
    days = np.array([working_days(month_end(months_after(m, -1)), month_end(m)) for m in MONTHS], dtype=float)
    flows = made.flows.copy()
    flows[:, 0], flows[:, 1], flows[:, 2] = 10 * days, 2 * days, 7 * days
    pieces = made.pieces.copy()
    pieces[:, 4:] = 0.0
    pieces[:, 3] = 0.0
    pieces[:, 2] = 8.0
    flows[:, 3, 1:] = flows[:, 0, 1:] - flows[:, 1, 1:] - flows[:, 2, 1:] - np.diff(pieces.sum(axis=1), axis=1)
    return closed(replace(made, flows=flows, pieces=pieces))


def case_of(held, year=JUDGED, **more):
    """A Case of figures, with a long record that holds what the figures do."""
    wobble = dict(zip(RECORD_MONTHS, np.tile([0.0, 12.0, 1.0], 12), strict=True))
    of = {"waiting_list": 988.0, "within_18_weeks": 600.0, "over_52_weeks": 8.0, "other_removals": 22.0}
    of |= {"clock_starts": 210.0, "stops_admitted": 42.0, "stops_non_admitted": 147.0}
    lines = {
        name: {m: value + (wobble[m] if name != "over_52_weeks" else 0) for m in wobble} for name, value in of.items()
    }
    whole = {name: {m: 2 * v for m, v in series.items()} for name, series in lines.items()}
    record = {"AAA": lines, "BBB": lines, "ICB": whole}
    questioned = Questioned(held, 6, record, dict.fromkeys(held.providers, RATIOS))
    baselines = {(org, "E.B.40", month): 50.0 for org in held.orgs for month in ("2024-11",)}
    keys = {
        "questioned": questioned,
        "sent": held,
        "year": year,
        "periods": periods_of(held, year),
        "judgements": standards.judged(held, year, baselines),
        "overruled": (),
        "notes": (),
    }
    return Case(**(keys | more))


def changed(line, change, org="AAA", month="2026-03", held=None, icb=True):
    """Figures with one cell changed, and the ICB's with it."""
    held = held or figures(sound())
    values = held.values.copy()
    n, m = held.lines.index(line), held.months.index(month)
    values[held.orgs.index(org), n, m] += change
    if icb and org != held.icb:
        values[-1, n, m] += change
    return replace(held, values=values)


def with_pieces(change):
    """Figures of the sound trusts with ``change`` put on AAA's list by weeks waited [6, 13]."""
    made = sound()
    pieces = made.pieces.copy()
    change(pieces[0])
    return figures(closed(replace(made, pieces=pieces)))


def doubled_april(periods):
    found = {key: value.copy() for key, value in periods.items()}
    found["AAA", "clock_starts"][0] += 5
    return found


def march_flow(line, factor):
    made = sound()
    flows = made.flows.copy()
    flows[0, line, -1] *= factor
    return figures(closed(replace(made, flows=flows)))


def fewer_over_52(pieces):
    pieces[2, 6:] = np.linspace(7, 0, 7)
    pieces[1, 6:] += 8 - pieces[2, 6:]


def a_year_of_falling(pieces):
    pieces[1, 6:] -= np.linspace(10, 120, 7)
    pieces[0, 6:] += np.linspace(10, 120, 7)


def jump(pieces):
    pieces[1, -1] -= 60
    pieces[0, -1] += 60


def cleared(pieces):
    pieces[2, :] = 30.0
    pieces[2, -2:] = 0.0


def moved_at_once(pieces):
    pieces[0, 6:] += 200


def copied(pieces):
    pieces[:, 9] = pieces[:, 8]


def growing(pieces):
    pieces[0, 6:] += np.linspace(20, 140, 7)


def shorter(pieces):
    pieces[1, 6:] -= np.linspace(30, 210, 7)


def overrule(chance):
    item = Override(measure="over_52_weeks", provider="AAA", month="2026-03", value=1, reason="hope", author="B")
    return (Overruled(item, 8.0, chance),)


def noted(name):
    return lambda: case_of(figures(sound()), notes=((name, "What is to be said."),))


def one_standard(**keys):
    item = {"id": "x", "name": "X", "level": "provider", "date": "2026-03-31", "source": "s", "sure": "sourced"}
    year = in_force("2025-26", standards=[item | {"measure": "E.B.40", "form": "share of the list"} | keys]).year
    return year.model_copy(update={"standard": tuple(s for s in year.standard if s.id == "x"), "metric": JUDGED.metric})


FAULTS = {
    "r4": lambda: case_of(changed("clock_starts", 7)),
    "nesting": lambda: case_of(changed("over_104_weeks", 9)),
    "icb-sum": lambda: case_of(changed("stops_admitted", 3, org="ICB")),
    "period-sums": lambda: case_of(figures(sound()), periods=doubled_april(periods_of(figures(sound()), JUDGED))),
    "numerators": lambda: case_of(changed("E.B.24", 50)),
    "whole-numbers": lambda: case_of(changed("E.M.9", 0.5)),
    "transfers-balance": lambda: case_of(changed("transfers_in", 4)),
    "out-of-scale": lambda: case_of(march_flow(0, 30)),
    "complete": lambda: case_of(changed("E.M.8", float("nan"))),
    "standards": lambda: case_of(figures(sound()), year=one_standard(percent=92.0)),
    "working-days": lambda: case_of(march_flow(0, 1.5)),
    "activity-with-stops": lambda: case_of(changed("E.M.8", 40)),
    "list-with-demand": lambda: case_of(with_pieces(shorter)),
    "supported-by-activity": lambda: case_of(with_pieces(a_year_of_falling)),
    "faster-than-ever": lambda: case_of(with_pieces(a_year_of_falling)),
    "jump-at-the-end": lambda: case_of(with_pieces(jump)),
    "zero-from-nowhere": lambda: case_of(with_pieces(cleared)),
    "big-moves": lambda: case_of(with_pieces(moved_at_once)),
    "identical-months": lambda: case_of(with_pieces(copied)),
    "restated": lambda: case_of(changed("restatement", 50, month="2025-05")),
    "unlikely-override": lambda: case_of(figures(sound()), overruled=overrule(0.02)),
    "part-of-a-provider": noted("part-of-a-provider"),
    "overridden": lambda: case_of(figures(sound()), overruled=overrule(0.5)),
    "flatters": lambda: case_of(with_pieces(growing)),
    "not-judged": lambda: case_of(figures(sound()), year=one_standard(percent=92.0, date="2029-03-31")),
    "recalled": lambda: case_of(figures(sound()), year=YEAR),
    "plan-changes": noted("plan-changes"),
    "by-ratio": noted("by-ratio"),
    "not-derivable": noted("not-derivable"),
    "basis": noted("basis"),
    "horizon": noted("horizon"),
    "mutual-aid": noted("mutual-aid"),
}


def results(case):
    table = checked(case)
    return table[table["result"] != "passes"]


def test_sound_figures_pass_every_check_but_those_that_only_note():
    found = results(case_of(figures(sound())))
    assert set(found["check"]) <= {"flatters", "not-judged"}, found[["check", "org", "figures"]].to_string()


def test_every_check_has_a_fault_here():
    assert [check.id for check in CHECKS] == list(FAULTS)
    assert set(CHALLENGES) <= set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_the_check_finds_its_fault_and_says_where_with_a_sentence_to_answer(name):
    found = results(FAULTS[name]())
    mine = found[found["check"] == name]
    assert len(mine), found[["check", "figures"]].to_string()
    assert (mine["sentence"].str.len() > 10).all()
    about_a_figure = not name.startswith(
        ("part-of", "plan-ch", "not-der", "basis", "horizon", "mutual", "recalled", "by-ratio")
    )
    assert not about_a_figure or (mine["org"] != "").all()


@pytest.mark.parametrize("name", [check.id for check in CHECKS if check.severity == "blocks"])
def test_a_fault_in_an_identity_blocks(name):
    assert name in set(blocking(checked(FAULTS[name]()))["check"])
