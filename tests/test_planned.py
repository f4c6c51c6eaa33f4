"""What a plan adds to today's behaviour does what it says, and no more (R7, R8)."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import waitlist as wl
from waitlist.calendar import horizon
from waitlist.models import calibration, engine, scenarios
from waitlist.models.forecast import ask
from waitlist.models.weeks import level, weeks_done
from waitlist.planned import Clinic, Dated, Order, Scheme, Theatre

TEN_MONTHS = """
name = "Planned"
inputs = "sample"
horizon_months = 10
draws = 40
seed = 3
"""


@pytest.fixture(scope="module")
def base(place, history):
    return wl.run(planned(place), history)


def planned(place, text: str = "") -> wl.Plan:
    path = place / "plan.toml"
    path.write_text(TEN_MONTHS + text, encoding="utf-8")
    return wl.Plan.load(path)


def ahead(result, provider: str, specialty: str, measure: str) -> np.ndarray:
    rows = result.trajectory.set_index(["provider", "specialty", "measure"])
    return rows.loc[(provider, specialty, measure)].sort_values("month_end")["mean"].to_numpy()


def stops(result, provider="MADE1", specialty="110") -> np.ndarray:
    return sum(ahead(result, provider, specialty, name) for name in ("stops_admitted", "stops_non_admitted"))


def test_a_scheme_without_effect_changes_nothing_to_the_byte(place, history, base):
    text = '[[scheme]]\nname = "none"\nextra_per_week = 0\n[[strike]]\nstaff_group = "x"\npercent_lost = 0\n'
    result = wl.run(planned(place, text + "from = 2025-09-01\nuntil = 2025-09-30\n"), history)
    for name, frame in base.tables().items():
        assert frame.to_csv() == result.tables()[name].to_csv(), name


@pytest.mark.parametrize("weeks", [0, 18, 52])
@pytest.mark.parametrize("key", [("MADE2", "130"), ("MADE1", "ALL")])
def test_breakeven_as_activity_keeps_the_number_over_t_level(place, history, base, key, weeks):
    rows = (
        base.breakeven.set_index(["provider", "specialty", "threshold_weeks"]).loc[(*key, weeks)].sort_values("as_of")
    )
    text = ""
    for before, until, number in zip(
        rows["as_of"][:6], rows["as_of"][1:7], rows["breakeven_per_week"][1:7], strict=True
    ):
        first = date.fromisoformat(before) + timedelta(days=1)
        text += f'[[activity]]\nprovider = "{key[0]}"\nspecialty = "{key[1]}"\nstops_per_week = {number!r}\n'
        text += f"min_weeks_waited = {weeks}\nfrom = {first}\nuntil = {until}\n"
    name = f"over_{weeks}_weeks" if weeks else "waiting_list"
    over = ahead(wl.run(planned(place, text), history), *key, name)[:6]
    now = base.observed.set_index(["provider", "specialty", "measure"]).loc[(*key, name), "value"].iloc[-1]
    left_alone = np.abs(ahead(base, *key, name)[:6] - now).max()
    assert np.abs(over - now).max() < min(0.012 * now, 0.5 * left_alone) + 1.5


def test_extra_operations_are_done_beside_what_goes_on_and_nothing_else_is_done_for_them(place, history, base):
    text = '[[scheme]]\nname = "x"\nprovider = "MADE1"\nspecialty = "110"\nstage = "admission"\nextra_per_week = 20\n'
    result = wl.run(planned(place, text), history)
    extra = ahead(result, "MADE1", "110", "stops_admitted") - ahead(base, "MADE1", "110", "stops_admitted")
    assert extra.sum() == pytest.approx(20 * (date(2026, 6, 30) - date(2025, 8, 31)).days / 7, rel=0.005)
    for name in ("stops_non_admitted", "conversions", "clock_starts"):
        np.testing.assert_allclose(ahead(result, "MADE1", "110", name), ahead(base, "MADE1", "110", name), rtol=1e-9)
    np.testing.assert_array_equal(
        ahead(result, "MADE1", "120", "over_18_weeks"), ahead(base, "MADE1", "120", "over_18_weeks")
    )


def test_extra_clinics_send_people_on_to_theatres_which_do_no_more_for_it(place, history, base):
    text = '[[scheme]]\nname = "x"\nprovider = "MADE1"\nspecialty = "110"\nstage = "outpatient"\nextra_per_week = 20\n'
    result = wl.run(planned(place, text), history)
    more = {n: ahead(result, "MADE1", "110", n) - ahead(base, "MADE1", "110", n) for n in measures_of_flow()}
    assert more["stops_non_admitted"].sum() > 800
    assert more["conversions"].sum() > 0.3 * more["stops_non_admitted"].sum()
    np.testing.assert_allclose(more["stops_admitted"], 0, atol=1e-6)


def measures_of_flow() -> tuple[str, ...]:
    return ("stops_admitted", "stops_non_admitted", "conversions", "clock_starts")


def test_a_strike_takes_its_share_of_the_working_days_it_falls_on(place, history, base):
    text = '[[strike]]\nstaff_group = "doctors"\nprovider = "MADE1"\npercent_lost = 40\nfrom = 2025-10-01\n'
    lost = stops(base) - stops(wl.run(planned(place, text + "until = 2025-10-12\n"), history))
    october = stops(base)[1]
    assert lost.sum() == pytest.approx(0.4 * 8 / 23 * october, rel=0.02)  # 8 of October's 23 working days
    assert lost[2:].max() < 1e-3 < 0.8 * lost.sum() < lost[1]  # the week it begins in ends in October


def test_what_is_planned_in_a_manager_s_units_is_worked_by_hand():
    clinic = Clinic(
        name="c",
        provider="RAA",
        sessions_per_week=10,
        new_per_session=8,
        follow_up_per_session=6,
        follow_ups_per_pathway=1.5,
        discharged_at_first_percent=20,
        dna_percent=10,
        utilisation_percent=95,
    )
    assert clinic.per_session() == pytest.approx(6 * 0.9 * 0.95 / (0.8 * 1.5))  # follow-ups bind: 8 × 0.855 are seen
    theatre = Theatre(
        name="t",
        provider="RAA",
        sessions_per_week=10,
        cases_per_session=4,
        day_case_percent=60,
        cancelled_percent=5,
        beds=8,
        bed_days_per_ordinary_case=4,
    )
    assert theatre.within_beds(10 * theatre.per_session()) == pytest.approx(38 * 0.6 + 14)  # 15.2 ordinary, beds for 14


def test_a_shared_theatre_does_what_it_can_do_over_its_specialties_together(place, history):
    text = '[[theatre]]\nname = "t"\nprovider = "MADE1"\nspecialties = ["110", "120"]\nsessions_per_week = 60\n'
    result = wl.run(planned(place, text + "cases_per_session = 3\n"), history)
    done = sum(ahead(result, "MADE1", code, "stops_admitted").sum() for code in ("110", "120"))
    assert done == pytest.approx(180 * (date(2026, 6, 30) - date(2025, 8, 31)).days / 7, rel=0.01)


def test_capacity_that_finds_nobody_is_unused_and_never_a_negative_list(place, history):
    text = '[[activity]]\nprovider = "MADE3"\nspecialty = "400"\nstage = "outpatient"\nstops_per_week = 500\n'
    result = wl.run(planned(place, text), history)
    assert result.trajectory.query("measure == 'waiting_list'")[["mean", "p05"]].min().min() >= 0
    where = (result.stages["scenario"] == "base") & (result.stages["provider"] == "MADE3")
    rows = result.stages[where & (result.stages["specialty"] == "400") & (result.stages["stage"] == "outpatient")]
    weeks = (date(2026, 6, 30) - date(2025, 8, 31)).days / 7
    assert rows["unused_stops"].sum() + rows["stops"].sum() == pytest.approx(500 * weeks, rel=0.01)
    assert rows["unused_stops"].sum() > 0.5 * 500 * weeks


@pytest.mark.parametrize("order", ['"longest first"\nurgent_share = 0', '"threshold_first"\nthreshold_weeks = 52'])
def test_an_order_moves_who_is_treated_and_not_how_many(place, history, base, order):
    result = wl.run(planned(place, f'[order]\nprovider = "MADE1"\ndiscipline = {order}\n'), history)
    np.testing.assert_allclose(stops(result), stops(base), rtol=0.005)  # the longest are less often admitted straight
    assert ahead(result, "MADE1", "110", "over_52_weeks")[-1] < 0.5 * ahead(base, "MADE1", "110", "over_52_weeks")[-1]


def test_an_insourcing_weekend_does_what_it_is_planned_to_do_in_all():
    weekend = Dated(**{"from": date(2025, 10, 11), "until": date(2025, 10, 12)})
    time = horizon(date(2025, 8, 31), 3)
    done = weeks_done(weekend, time)
    assert done.sum() == pytest.approx(2 / 7)
    assert np.flatnonzero(done).tolist() == [5]


def test_a_ramp_reaches_the_whole_effect_after_its_weeks():
    scheme = Scheme(**{"name": "x", "extra_per_week": 1, "from": date(2025, 9, 1), "ramp_weeks": 4})
    along = level(scheme, horizon(date(2025, 8, 31), 3), 4)
    np.testing.assert_allclose(along[:5], [3 / 28, 10 / 28, 17 / 28, 24 / 28, 1.0])


SCENARIOS = """
[[scheme]]
name = "theatres"
provider = "MADE1"
stage = "admission"
extra_per_week = 30
cost = 1000
cost_per_case = 500
[[scheme]]
name = "advice"
starts_percent = -3
[[price]]
stage = "admission"
price_per_case = 3000
marginal_cost_per_case = 2000
[[funded]]
stage = "admission"
stops_per_week = 500
[[scenario]]
name = "strikes"
off = ["advice"]
[[scenario.strike]]
staff_group = "doctors"
from = 2026-01-05
until = 2026-01-09
percent_lost = 40
[[scenario]]
name = "more strikes"
base = "strikes"
demand = { growth = "stated", percent_per_year = 4 }
"""


@pytest.fixture(scope="module")
def compared(place, history):
    return wl.run(planned(place, SCENARIOS), history)


def test_scenarios_come_after_nothing_planned_and_the_plan_itself(compared, base):
    found = compared.scenarios
    assert list(found["scenario"].unique()) == ["carry_on", "base", "strikes", "more strikes"]
    carry_on = found[found["scenario"] == "carry_on"].reset_index(drop=True)
    pd.testing.assert_series_equal(carry_on["mean"], base.trajectory["mean"])
    mean = found.set_index(["scenario", "provider", "specialty", "month_end", "measure"])["mean"]
    difference = (
        found["mean"].to_numpy()
        - mean.loc["base"]
        .reindex(pd.MultiIndex.from_frame(found[["provider", "specialty", "month_end", "measure"]]))
        .to_numpy()
    )
    np.testing.assert_allclose(found["difference_from_base"], difference, atol=1e-9)


def test_a_waterfall_s_steps_add_up_exactly_and_name_every_part(compared):
    groups = ["scenario", "provider", "specialty", "month_end", "measure"]
    falls = compared.waterfall
    ends = falls[falls["step"].isin(["base", "scenario"])].pivot(index=groups, columns="step", values="contribution")
    between = falls[~falls["step"].isin(["base", "scenario"])].groupby(groups)["contribution"].sum()
    np.testing.assert_allclose((ends["scenario"] - ends["base"] - between).abs().max(), 0, atol=1e-8)
    parts = falls[falls["scenario"] == "more strikes"]["step"].unique()
    assert set(parts) == {"base", "demand", "working days", "advice", "interaction", "scenario"}
    mean = compared.scenarios.set_index(groups)["mean"]
    np.testing.assert_allclose(ends["scenario"], mean.loc[ends.index], atol=0.0006)


def test_a_scenario_is_what_a_plan_written_out_would_give(place, history, compared):
    written = SCENARIOS.partition("[[scenario]]")[0].replace("starts_percent = -3", "starts_percent = -3\non = false")
    strike = '[[strike]]\nstaff_group = "doctors"\nfrom = 2026-01-05\nuntil = 2026-01-09\npercent_lost = 40\n'
    alone = wl.run(planned(place, written + strike), history).trajectory
    rows = compared.scenarios[compared.scenarios["scenario"] == "strikes"].reset_index(drop=True)
    pd.testing.assert_series_equal(rows["mean"], alone["mean"])


def test_money_is_what_is_done_beyond_what_is_funded(compared):
    rows = compared.money.query(
        "scenario == 'base' and provider == 'ALL' and specialty == 'ALL' and stage == 'admission'"
    )
    march = rows[rows["month_end"] == "2026-03-31"].iloc[0]
    assert march["funded_stops"] == pytest.approx(500 * 31 / 7)
    beyond = march["stops"] - march["funded_stops"]
    assert march["income"] == pytest.approx(3000 * beyond)
    own = march["scheme_cost"] / 500  # the theatres' stops have a cost of their own
    assert march["marginal_cost"] == pytest.approx(2000 * (beyond - own))
    assert march["net"] == pytest.approx(march["income"] - march["marginal_cost"] - march["scheme_cost"])
    weeks = (date(2026, 6, 30) - date(2025, 8, 31)).days / 7
    assert rows["scheme_cost"].sum() == pytest.approx(1000 + 500 * 30 * weeks, rel=0.005)


@pytest.fixture(scope="module")
def state(place, history):
    plan = planned(place).model_copy(update={"providers": ("MADE1",), "horizon_months": 6, "draws": 20})
    keep = [n for n, key in enumerate(history.lists) if key[0] == "MADE1"]
    return calibration.calibrate(plan, history, keep)


@settings(max_examples=25, deadline=None)
@given(
    specialty=st.sampled_from(["110", "130", "301", "502"]),
    begun=st.sampled_from([-60, -10, 1, 15]),
    more=st.floats(1, 80),
    order=st.sampled_from(["as observed", "longest first", "skewed"]),
)
def test_more_operations_never_leave_more_people_waiting_nor_less_demand(place, state, specialty, begun, more, order):
    about = {"provider": "MADE1", "specialty": specialty}
    one = Scheme(name="a", stage="admission", extra_per_week=begun, **about)
    theatres = Scheme(name="b", stage="admission", extra_per_week=more, **about)
    demand = Scheme(name="c", starts_per_week=-more, **about)
    plan = planned(place).model_copy(update={"order": Order(discipline=order)})
    plans = {
        name: plan.model_copy(update={"scheme": schemes})
        for name, schemes in (("as it is", (one,)), ("theatres", (one, theatres)), ("demand", (one, demand)))
    }
    row = [key[1] for key in state.history.lists].index(specialty)
    wanted = ask(state.time, ())
    found = {}
    for name, told in calibration.ready(state, plans):
        stepped = engine.stepped(told.assumed, told.factors, state.time, [row], wanted, told.planned)
        found[name] = stepped.over[0].mean(axis=1)
    assert (found["theatres"] <= found["as it is"] + 1e-6).all()
    assert (found["demand"] <= found["as it is"] + 1e-6).all()


def entry(kind: str, **keys) -> str:
    """An entry of a plan as TOML."""
    values = {k: v if isinstance(v, (int, float, date)) else f'"{v}"' for k, v in keys.items()}
    return "\n".join([f"[[{kind}]]", *(f"{k.removesuffix('_')} = {v}" for k, v in values.items()), ""])


CLINIC = {"name": "c", "provider": "MADE1", "sessions_per_week": 3, "new_per_session": 8}
THEATRE = {"name": "T", "provider": "MADE1", "sessions_per_week": 8, "cases_per_session": 3}
TOO_MUCH = entry("theatre", **THEATRE, sessions_available_per_week=10) + "".join(
    entry("scheme", name=name, resource="T", sessions_per_week=n, from_=day)
    for name, n, day in (("a", 1, date(2025, 10, 1)), ("b", 2, date(2026, 1, 1)))
)
TWICE = "".join(
    entry("activity", provider="MADE1", specialty=code, stops_per_week=9, from_=date(2026, 1, 1))
    for code in ("110", "ALL")
)
MARCH = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            entry("scheme", name="x", percent=4, from_=MARCH, until=date(2026, 1, 1)),
            "ends, 2026-01-01, before it starts",
        ),
        (entry("scheme", name="x", stage="admission"), "a [[scheme]] has one of"),
        ('[order]\ndiscipline = "longest first"\nurgent_share = 1.2', "less than or equal to 1"),
        (entry("clinic", **CLINIC, dna_percent=100), "less than 100"),
        (entry("activity", provider="MADE3", specialty="330", stage="admission", stops_per_week=9), "does not have"),
        (entry("target", measure="happiness", value=3, date=MARCH), "target.measure may be waiting_list"),
        (entry("target", measure="waiting_list", value=3, date=date(2029, 3, 31)), "must be after the snapshot"),
        (entry("target", measure="waiting_list", percent=3, date=MARCH), "not a share of itself"),
        (entry("scheme", name="x", provider="MADE9", percent=4), "Nearest in the data"),
        (entry("scenario", name="s", base="t"), 'has the base "t"'),
        (entry("scenario", name="base"), "every plan has one of that name"),
        ('[[scenario]]\nname = "s"\noff = ["ghost"]', 'switches "ghost"'),
        (TOO_MUCH, "a and b need 11 sessions a week"),
        (entry("scheme", name="Interaction", percent=1), "a waterfall has a step of that name"),
        (TWICE, "both would replace the same stops"),
        (entry("scheme", name="x", resource="T", sessions_per_week=1), "which is not among"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_what_to_do(place, history, text, said):
    with pytest.raises(wl.Refusal) as refused:
        wl.run(planned(place, text + "\n"), history)
    assert said in " ".join(problem.sentence() for problem in refused.value.problems)


def test_a_theatre_and_the_scheme_that_uses_it_come_and_go_together(place, history):
    theatre = entry("theatre", **THEATRE, specialties="all")
    text = theatre.replace("sessions_per_week = 8", "sessions_per_week = 150")
    text += entry("scheme", name="Saturdays", provider="MADE1", specialty="110", resource="T", sessions_per_week=4)
    text += '[[scenario]]\nname = "closed"\noff = ["T", "Saturdays"]\n'
    plan = planned(place, text).model_copy(update={"providers": ("MADE1",), "horizon_months": 3, "draws": 10})
    falls = wl.run(plan, history).waterfall
    steps = falls[falls["scenario"] == "closed"]["step"].unique()
    assert {"T", "Saturdays"} <= set(steps)


def test_parts_are_one_change_each(place):
    plan = planned(place, SCENARIOS)
    parts = scenarios.parts(plan, wl.plan.variant(plan, "more strikes"))
    assert [name for name, _ in parts] == ["demand", "working days", "advice"]
    assert all(
        sum(getattr(plan, k) != getattr(one, k) for k in ("demand", "strike", "scheme")) == 1 for _, one in parts
    )
