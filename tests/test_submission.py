"""Submissions: whole numbers whose identities hold, overrides and what follows from them, standards, refusals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import waitlist as wl
from tests.submissions import MONTHS, RATIOS, YEAR, base, figures, plan_of
from waitlist.errors import Refusal
from waitlist.inputs.commissioned import read_commissioned
from waitlist.models.submission import identities, standards
from waitlist.models.submission.chances import Draws, chance
from waitlist.models.submission.commissioned import Commissioned, on_basis
from waitlist.models.submission.overridden import with_overrides
from waitlist.models.submission.whole import FLOWS, REMOVED, SIGNS, base_of, closed, pieces_of, shared_out, stocks
from waitlist.planning_round import submission
from waitlist.planning_year import BASES, in_force, years
from waitlist.submission import STOCKS, Override, override_problem


@pytest.fixture(scope="module")
def made(place, history):
    return submission(plan_of(place), history)


def at(made, org, line, month):
    rows = made.figures
    return float(rows[(rows["org"] == org) & (rows["line"] == line) & (rows["month"] == month)]["value"].iloc[0])


def override(measure, month, value, provider="AAA", **more):
    return Override(measure=measure, provider=provider, month=month, value=value, reason="why", author="who", **more)


def test_nested_stocks_are_sums_of_rounded_pieces_so_that_no_threshold_overtakes_another():
    """By hand: 10.4 within 18 weeks, 5.5 over, of them 2.5 over 52, 1.5 over 65, 0.6 over 78, none over 104."""
    names = ("waiting_list", "within_18_weeks", "over_18_weeks", "over_52_weeks", "over_65_weeks", "over_78_weeks")
    values = dict(zip((*names, "over_104_weeks"), (15.9, 10.4, 5.5, 2.5, 1.5, 0.6, 0.0), strict=True))
    pieces = np.rint(pieces_of({name: np.array([value]) for name, value in values.items()}))
    assert pieces[:, 0].tolist() == [10, 3, 1, 1, 1, 0]
    found = {name: value[0] for name, value in stocks(pieces).items()}
    assert found == dict(zip((*names, "over_104_weeks"), (16, 10, 6, 3, 2, 1, 0), strict=True))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_every_identity_holds_on_the_rounded_figures_of_any_forecast(seed, actuals):
    random = np.random.default_rng(seed)
    observed, means = {}, {}
    moved = random.uniform(0, 20, (2, 13))
    for p, code in enumerate(("AAA", "BBB")):
        people = random.integers(0, 500, (6, 13)) * random.choice([0, 1], (6, 1), p=[0.2, 0.8])
        exact = stocks(people + random.uniform(0, 1, (6, 13)))
        whole = stocks(people.astype(float))
        flows = dict(zip(FLOWS, random.uniform(0, 300, (7, 13)), strict=True))
        flows |= {"transfers_in": moved[1 - p], "transfers_out": moved[p], "restatement": np.zeros(13)}
        seen = {name: np.rint(value) for name, value in flows.items()}
        seen["transfers_in"] = seen["transfers_out"] = np.zeros(13)
        change = np.diff(whole["waiting_list"], prepend=0.0)
        others = [name for name in FLOWS if name != "other_removals"]
        seen["other_removals"] = sum(SIGNS[FLOWS.index(name)] * seen[name] for name in others) - change
        observed[code] = {n: dict(zip(MONTHS, v, strict=True)) for n, v in (whole | seen).items()}
        means[code] = {n: dict(zip(MONTHS, v, strict=True)) for n, v in (exact | flows).items()}
    held = figures(base_of(MONTHS, MONTHS[actuals], observed, means))
    periods = identities.periods_of(held, YEAR)
    for find in (identities.r4, identities.nesting, identities.icb_sum, identities.transfers_balance):
        assert list(find(held)) == []
    assert list(identities.period_sums(held, YEAR, periods)) == []
    assert [f for f in identities.whole_numbers(held) if "E.B.24" not in f.figures] == []
    for p, code in enumerate(("AAA", "BBB")):
        for name in STOCKS:
            exact_list = np.array([means[code][name][month] for month in MONTHS])[actuals + 1 :]
            assert np.abs(held.of(code, name)[actuals + 1 :] - exact_list).max(initial=0) <= 3, (p, name)


def test_parts_shared_out_are_whole_and_add_up_to_the_total():
    assert shared_out(np.array([1.0, 1, 1]), 10).tolist() == [4, 3, 3]
    assert shared_out(np.zeros(2), 3).sum() == 3


def test_a_flows_override_is_balanced_in_the_list_from_its_month_on():
    before = base()
    after = with_overrides(before, [override("stops_admitted", "2025-12", 140)])
    m = MONTHS.index("2025-12")
    assert (after.size[0] - before.size[0]).tolist() == [0] * m + [-100] * (13 - m)
    assert np.array_equal(after.flows[:, REMOVED], before.flows[:, REMOVED]), "nobody is removed for it"
    assert np.array_equal(after.pieces[1], before.pieces[1]), "the other trust is as it was"
    held = figures(before, overrides=(override("stops_admitted", "2025-12", 140),))
    assert not list(identities.r4(held)) and not list(identities.nesting(held)) and not list(identities.icb_sum(held))
    assert held.at("AAA", "E.M.10a", "2025-12") == 112, "admissions follow from stops"
    assert held.at("ICB", "stops_admitted", "2025-12") == 180


def test_clock_starts_taken_away_leave_those_within_18_weeks_first():
    before = base()
    after = with_overrides(before, [override("clock_starts", "2025-10", 150)])
    m = MONTHS.index("2025-10")
    assert (after.pieces[0, 0] - before.pieces[0, 0])[m : m + 4].tolist() == [-50] * 4
    assert (after.size[0] - before.size[0])[m:].tolist() == [-50] * (13 - m)
    assert np.array_equal(after.pieces[:, 2:], before.pieces[:, 2:]), "nobody of them is over 52 weeks within the year"


def test_a_lists_override_is_balanced_in_other_removals_and_the_next_month_takes_it_back():
    before = base()
    after = with_overrides(before, [override("waiting_list", "2025-12", 900)])
    m, change = MONTHS.index("2025-12"), 900 - before.size[0, MONTHS.index("2025-12")]
    assert after.size[0, m] == 900
    removed = after.flows[0, REMOVED] - before.flows[0, REMOVED]
    assert removed[m] == -change and removed[m + 1] == change and not removed[[*range(1, m), *range(m + 2, 13)]].any()
    by_stops = with_overrides(before, [override("waiting_list", "2025-12", 900, balance="stops_non_admitted")])
    assert np.array_equal(by_stops.flows[:, REMOVED], before.flows[:, REMOVED])
    assert by_stops.flows[0, 2, m] - before.flows[0, 2, m] == -change


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_identities_hold_whatever_planners_overrule(data):
    cells = st.tuples(
        st.sampled_from(("waiting_list", "clock_starts", "stops_admitted", "stops_non_admitted")),
        st.sampled_from(("AAA", "BBB")),
        st.sampled_from(MONTHS[6:]),
        st.integers(0, 2000),
    )
    drawn = data.draw(st.lists(cells, max_size=6, unique_by=lambda cell: cell[:3]))
    overrides = [override(measure, month, value, provider) for measure, provider, month, value in drawn]
    held = figures(overrides=overrides)
    for find in (identities.r4, identities.nesting, identities.icb_sum, identities.transfers_balance):
        assert list(find(held)) == []
    for item in overrides:
        if item.measure != "waiting_list":
            assert held.at(item.provider, item.measure, item.month) == item.value, "what is overruled holds"


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (("waiting_list", "2025-12", "stops_admitted"), ("stops_admitted", "2026-01", None), "only one of the two can"),
        (("within_18_weeks", "2025-12", None), ("over_18_weeks", "2025-12", None), "are one figure"),
        (("over_52_weeks", "2025-12", None), ("over_52_weeks", "2025-12", None), "there may be one"),
    ],
)
def test_overrides_that_cannot_both_hold_are_refused(first, second, says):
    items = [override(measure, month, 1, **({"balance": to} if to else {})) for measure, month, to in (first, second)]
    assert says in override_problem(items)


def test_a_thresholds_override_leaves_the_others_and_one_that_makes_no_sense_is_found():
    held = figures(overrides=(override("over_52_weeks", "2026-03", 25),))
    assert held.at("AAA", "over_52_weeks", "2026-03") == 25
    assert held.at("AAA", "over_65_weeks", "2026-03") == 20
    assert held.at("AAA", "waiting_list", "2026-03") == held.model[0, 0, -1]
    assert held.status[0, held.lines.index("over_52_weeks"), -1] == "overridden"
    assert not list(identities.nesting(held))
    wrong = figures(overrides=(override("over_52_weeks", "2026-03", 5),))
    assert [(found.org, found.month) for found in identities.nesting(wrong)] == [("AAA", "2026-03")]


def test_the_chance_of_a_figure_is_the_share_of_draws_at_it_or_better():
    values = np.array([[8.0, 9.4, 10.0, 12.0]])
    draws = Draws(("2026-03",), {"AAA": {"over_52_weeks": values, "within_18_weeks": values}})
    assert chance(draws, YEAR, "AAA", "over_52_weeks", "2026-03", 9) == 0.5
    assert chance(draws, YEAR, "AAA", "within_18_weeks", "2026-03", 9) == 0.75
    assert chance(draws, YEAR, "AAA", "over_52_weeks", "2025-04", 9) is None
    stops = Draws(("2026-03",), {"AAA": {"stops_admitted": 100 * values}})
    own = {"admissions_per_admitted_stop": 1.0, "day_case_share": 0.8}
    assert chance(stops, YEAR, "AAA", "E.M.10a", "2026-03", 800, own) == 0.5, "800 or more of 640, 752, 800 and 960"
    assert chance(stops, YEAR, "AAA", "E.M.8", "2026-03", 800, own) is None, "its ratio is not known"


@pytest.fixture(scope="module")
def run(place, history):
    """The same plan's whole run: no figure of it depends on the year that is submitted."""
    return wl.run(plan_of(place), history)


@pytest.mark.parametrize("year", years())
def test_every_metric_of_every_year_is_given_as_its_file_says(year, place, history, run):
    """Each metric's figure of the year's last observed or forecast month, worked out from the run's own tables."""
    held = submission(plan_of(place, year), history)
    march = run.trajectory[(run.trajectory["specialty"] == "ALL")].rename(columns={"mean": "value"})
    seen = run.observed[run.observed["specialty"] == "ALL"]
    month = held.months[-1]
    table = seen if month <= history.months[-1] else march
    rows = table[table["month_end"].astype(str).str.startswith(month)].set_index(["provider", "measure"])["value"]
    by_ratio = {
        "E.M.8": lambda p: rows[p, "stops_non_admitted"],
        "E.M.9": lambda p: 0.4 * rows[p, "stops_non_admitted"],
        "E.M.10": lambda p: rows[p, "stops_admitted"],
        "E.M.10a": lambda p: 0.8 * rows[p, "stops_admitted"],
        "E.M.10b": lambda p: 0.2 * rows[p, "stops_admitted"],
    }
    blank = {"E.B.24"}
    for metric in held.year.submitted:
        line = metric.given_by if metric.given_by in BASES else metric.ref
        for provider in held.providers:
            value = at(held, provider, line, month)
            if metric.ref in blank:
                assert math.isnan(value)
                continue
            exact = rows[provider, metric.given_by] if metric.given_by in BASES else by_ratio[metric.ref](provider)
            assert abs(value - exact) <= 3, (metric.ref, provider)
        assert metric.name and metric.numerator and metric.unit and metric.source and metric.levels
    assert {m.ref for m in held.year.submitted} == {
        m.ref for m in held.year.submitted if m.given_by in BASES or m.ref in by_ratio or m.ref in blank
    }


def test_a_year_of_actuals_and_forecasts_says_which_is_which(made, history):
    rows = made.figures[(made.figures["org"] == "MADE1") & (made.figures["line"] == "waiting_list")]
    status = rows.set_index("month")["status"]
    assert status["2025-03"] == "opening"
    assert (status["2025-04":"2025-08"] == "actual").all() and (status["2025-09":] == "forecast").all()
    size = history.waiting[[n for n, key in enumerate(history.lists) if key[0] == "MADE1"], -1].sum()
    assert at(made, "MADE1", "waiting_list", "2025-08") == size


def test_what_the_inputs_cannot_give_is_blank_and_named(made):
    assert made.figures[made.figures["line"] == "E.B.24"]["value"].isna().all()
    found = made.checks[made.checks["check"] == "complete"]
    assert (found["figures"].str.contains("E.B.24")).all() and len(found) == 3
    said = " ".join(made.checks[made.checks["check"] == "not-derivable"]["sentence"])
    assert "First appointment within 18 weeks" in said


def test_a_supplementary_file_fills_what_is_asked_for_and_fits_the_ratios(place, history, tmp_path):
    path = tmp_path / "activity.csv"
    lines = ["provider,month,planning_ref,value"]
    for provider in ("MADE1", "MADE2", "MADE3"):
        for month in ("2025-06", "2025-07", "2025-08"):
            n = [i for i, key in enumerate(history.lists) if key[0] == provider]
            m = history.months.index(month)
            stops = (history.counts.non_admitted[n, m].sum(axis=1) + history.counts.non_admitted_unknown[n, m]).sum()
            lines += [f"{provider},{month},E.M.8,{round(1.5 * stops)}", f"{provider},{month},E.B.24,12"]
    path.write_text("\n".join(lines))
    held = submission(plan_of(place, supplementary=[path], ratios={}), history)
    assert "activity.csv" in {file.name for file in held.files}, "what it rests on is known by its hash"
    assert at(held, "MADE1", "E.B.24", "2025-07") == 12 and math.isnan(at(held, "MADE1", "E.B.24", "2025-09"))
    ahead = at(held, "MADE2", "E.M.8", "2026-01") / at(held, "MADE2", "stops_non_admitted", "2026-01")
    assert ahead == pytest.approx(1.5, abs=0.01)
    assert set(held.ratios["source"]) == {"fitted"}
    assert held.figures[held.figures["line"] == "E.M.9"]["value"].isna().all(), "no ratio, no figure"


def test_the_commissioner_basis_adds_up_and_says_its_ratio(made):
    table = made.commissioner
    of = table[table["month"] == "2026-03"].pivot(index="line", columns="org", values="value").dropna()
    assert "E.M.8" in of.index, "hospital activity follows on this basis too"
    assert (of[["MADE1", "MADE2", "MADE3", "OTHER"]].sum(axis=1) == of["MADEQ"]).all()
    ratio = table[(table["line"] == "clock_starts") & (table["month"] == "2026-03")].set_index("org")["ratio"]
    assert ratio["MADE1"] == 1 and ratio["OTHER"] == 0, (
        "the made-up board pays for everyone at its trusts, and nobody else"
    )


def test_the_commissioners_shares_are_those_of_the_published_rows(shared):
    """Every specialty counts, X02 to X06 among them, whose codes the extract writes without C_."""
    path = shared / "data" / "rtt_full_extract" / "RTT-2025-08-full-extract.zip"
    specialties = wl.read(path.parent, origin="2025-08").specialties
    mine, everyone, _ = read_commissioned(path, "QMF", ["R1H", "RF4", "RQX"], specialties)
    assert everyone["R1H"][:6].sum() == 133_989, "the list as read"
    assert [round(mine[code][:6].sum() / everyone[code][:6].sum(), 4) for code in ("R1H", "RF4", "RQX")] == [
        0.8956,
        0.9284,
        0.8989,
    ]


def test_people_who_move_are_commissioned_as_their_sender_is():
    """By hand: 100 go from AAA (half commissioned here) to BBB (all): 50 go and 50 come, and nobody elsewhere."""
    made = base()
    flows = made.flows.copy()
    flows[0, 5, -1] = flows[1, 4, -1] = 100
    of = {"AAA": np.full(9, 50.0), "BBB": np.full(9, 80.0)}
    everyone = {"AAA": np.full(9, 100.0), "BBB": np.full(9, 80.0)}
    found = on_basis(closed(replace(made, flows=flows)), Commissioned(of, everyone, np.full(9, 13.0)))
    assert found.base.providers == ("AAA", "BBB", "OTHER")
    assert found.base.flows[:, 5, -1].tolist() == [50, 0, 0] and found.base.flows[:, 4, -1].tolist() == [0, 50, 0]
    held = figures(found.base, ratios={})
    for find in (identities.r4, identities.nesting, identities.icb_sum, identities.transfers_balance):
        assert list(find(held)) == []


def test_a_standard_is_judged_at_its_date_and_at_the_years_end_and_the_worse_is_told():
    item = STANDARD | {"measure": "over_65_weeks", "form": "absolute", "value": 20.0, "date": "2025-12-31"}
    year = in_force("2025-26", standards=[item]).year
    only = year.model_copy(update={"standard": tuple(s for s in year.standard if s.id == "x")})
    worse = figures(overrides=(override("over_65_weeks", "2026-03", 25), override("over_65_weeks", "2025-12", 21)))
    found = standards.judged(worse, only, {})
    assert [(j.org, j.verdict, j.month, j.value) for j in found] == [
        ("AAA", "missed", "2026-03", 25),
        ("BBB", "met", "2026-03", 20),
    ]


STANDARD = {"id": "x", "name": "X", "level": "provider", "date": "2026-03-31", "source": "s", "sure": "sourced"}


@pytest.mark.parametrize(
    ("keys", "verdict", "required"),
    [
        ({"measure": "E.B.18", "form": "absolute", "value": 50.0}, "met", 50),
        ({"measure": "E.B.18", "form": "absolute", "value": 49.0}, "missed", 49),
        ({"measure": "E.B.18", "form": "absolute", "value": 50.0, "below": True}, "missed", 50),
        ({"measure": "E.B.18", "form": "share of the list", "percent": 5.0}, "met", 5),
        ({"measure": "E.B.40", "form": "share of the list", "percent": 61.0}, "missed", 61),
        ({"measure": "E.B.40", "form": "points above baseline", "points": 5.0, "baseline": "2024-11"}, "met", 60),
        (
            {
                "measure": "E.B.40",
                "form": "greater of",
                "of": [
                    {"form": "points above baseline", "points": 5.0, "baseline": "2024-11"},
                    {"form": "share of the list", "percent": 65.0},
                ],
            },
            "missed",
            65,
        ),
    ],
)
def test_each_form_of_standard_is_judged_as_worked_out_by_hand(keys, verdict, required):
    """AAA in March: 600 of 1,000 within 18 weeks, 50 over 52; 55% in the baseline month."""
    item = in_force("2025-26", standards=[STANDARD | keys]).year
    only = item.model_copy(update={"standard": tuple(s for s in item.standard if s.id == "x")})
    found = standards.judged(figures(), only, {("AAA", "E.B.40", "2024-11"): 55.0, ("BBB", "E.B.40", "2024-11"): 55.0})
    assert [(one.org, one.verdict, one.required) for one in found] == [(p, verdict, required) for p in ("AAA", "BBB")]


def test_what_a_plan_overrules_of_the_year_is_said(place, history):
    plan = plan_of(
        place, standard=[{"id": "over-65-provider", "value": 40.0}], metric=[{"ref": "E.B.20", "sure": "check"}]
    )
    held = submission(plan, history)
    assert "changes value of the standard over-65-provider from 0.0 to 40.0" in held.changed[1]
    assert (held.standards[held.standards["standard"] == "over-65-provider"]["required"] == 40).all()
    assert len(held.checks[(held.checks["check"] == "plan-changes") & (held.checks["result"] == "note")]) == 2


def refused(call):
    with pytest.raises(Refusal) as caught:
        call()
    return "\n".join(problem.sentence() for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"year": "2031-32"}, "one of 2024-25, 2025-26, 2026-27"),
        (
            {"override": [{"measure": "over_52_weeks", "month": "2025-05", "value": 1}]},
            "actuals, which no planner overrules",
        ),
        ({"override": [{"measure": "E.B.18", "month": "2025-12", "value": 1}]}, 'Write measure = "over_52_weeks"'),
        ({"override": [{"measure": "hope", "month": "2025-12", "value": 1}]}, "an override's measure is one of"),
        ({"override": [{"measure": "waiting_list", "month": "2027-12", "value": 1}]}, "one of the year 2025-26"),
        (
            {"override": [{"measure": "waiting_list", "month": "2025-12", "value": 1, "provider": "MADEQ"}]},
            "of a provider",
        ),
        ({"standard": [{"id": "within-18-provider", "form": "wrong"}]}, "points above baseline"),
        ({"metric": [{"name": "no ref"}]}, "is known by its ref"),
        ({"metric": [{"ref": "E.M.8", "given_by": "sum", "of": ["E.M.8"]}]}, "no figure of its own"),
        ({"metric": [{"ref": "E.M.8", "given_by": "sum", "of": ["E.M.18"]}]}, "no figure of its own"),
        ({"standard": [{"id": "over-52-provider", "percent": 1e300}]}, "less than or equal to 100"),
        ({"icb": "MADE1"}, "must not be a provider's"),
        ({"icb": "OTHER"}, "nor ALL or OTHER"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(place, history, keys, says):
    common = {"provider": "MADE1", "reason": "r", "author": "a"}
    keys = dict(keys)
    keys |= {"override": [common | item for item in keys["override"]]} if "override" in keys else {}
    year = keys.pop("year", "2025-26")
    assert says in refused(lambda: submission(plan_of(place, year, **keys), history))


def test_a_provider_without_data_in_the_baseline_month_is_refused_by_name(place):
    history = wl.read(place / "sample")
    cut = history.months.index("2024-12")
    from waitlist.inputs.past import history_of, until

    counts = until(history.sent, "2025-08")
    later = {
        name: getattr(counts, name)[:, cut:]
        for name in ("incomplete", "decided", "admitted", "non_admitted", "admitted_unknown", "non_admitted_unknown")
    }
    import dataclasses

    short = dataclasses.replace(
        counts,
        months=counts.months[cut:],
        clock_starts=counts.clock_starts[:, cut:],
        reported=counts.reported[:, cut:],
        files=counts.files[cut:],
        **later,
    )
    said = refused(lambda: submission(plan_of(place), history_of(short, (), ())))
    assert said.count("looks back to 2024-11") == 3 and "MADE2" in said and "[[submission.standard]]" in said


def test_the_plans_ratios_are_said_with_their_source(made):
    assert dict(zip(made.ratios["ratio"], made.ratios["value"], strict=True)) == RATIOS
    assert set(made.ratios["source"]) == {"stated"}
