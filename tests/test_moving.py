"""Transfers keep their clock and their stage, nobody is lost, and refusals stay (R4, R6, R12)."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import activity_twin
from tests.test_by_activity import controls
from tests.test_engine import TIME, system
from waitlist.calendar import days_of, horizon
from waitlist.models import answers, measures
from waitlist.models.assumptions import Assumptions, Planned, by_rates, factors_drawn
from waitlist.models.controls import KINDS
from waitlist.models.engine import WAIT_SHARES, going_on, project
from waitlist.models.forecast import ask
from waitlist.models.kernel import step_row
from waitlist.models.layout import (
    A_CAME,
    A_CAME_WAITED,
    A_IN,
    A_NET_OVER,
    A_OUT,
    A_WAITED,
    ADMISSION,
    AID,
    F_ADMITTED,
    F_NON_ADMITTED,
    F_REMOVED,
    F_STARTS,
    F_THEATRE,
    FLOWS,
    LANES,
)
from waitlist.models.moving import Moves
from waitlist.models.together import step_together
from waitlist.plan import Deadline

WEEKS = 20
COHORTS = tuple(
    Deadline(threshold_weeks=t, date=day) for t in (18, 52) for day in (date(2026, 3, 31), date(2026, 5, 29))
)


def told(arguments, seed=None):
    """Every list of ``arguments`` by activity, as it goes on by rates."""
    lists, weeks = len(arguments["opening"]), len(arguments["days"])
    stops = []
    for n in range(lists):
        flows = _step_row(arguments, [n])
        theatre = flows[:, F_THEATRE]
        stops.append(np.stack([flows[:, F_NON_ADMITTED], flows[:, F_ADMITTED] - theatre, theatre], axis=1))
    one = controls(np.array(stops)[0], seed)
    each = {
        name: np.repeat(getattr(one, name), lists, axis=0)
        for name in ("keep", "add", "below", "whole", "discipline", "first", "urgent", "profile", "routine")
    }
    carried = np.array(stops)[:, None].copy()
    assert carried.shape == (lists, 1, weeks, 3, LANES)
    return one._replace(carried=carried, source=np.arange(lists), **each)


def _step_row(arguments, members):
    weeks = len(arguments["days"])
    days = days_of(TIME.snapshot, [])
    written = [np.empty((1, *s, LANES)) for s in ((0, 1), (0, 2), (0, 0), (weeks, FLOWS))]
    places = (days.week, days.flow_weight, days.crossing, np.arange(1), WAIT_SHARES, np.zeros((0, 0), dtype=int))
    rates = by_rates(len(arguments["opening"]))
    step_row(np.arange(1), np.array(members), *arguments.values(), *places, rates.place, rates.told, *written)
    return written[-1][0]


def together(arguments, told, moves):
    """People over every band [D, K + 1, 105], flows [D, K, FLOWS] and aid [D, K, AID] of each list and of all of them,
    and moved [D, T, K]."""
    lists, weeks = len(arguments["opening"]), len(arguments["days"])
    ends = days_of(TIME.snapshot, [TIME.snapshot + timedelta(weeks=k) for k in range(weeks + 1)])
    rows = np.column_stack([np.eye(lists, dtype=bool), np.ones(lists, dtype=bool)])
    shapes = ((weeks + 1, 105), (weeks + 1, 2), (0, 0), (0, 0), (weeks, FLOWS), (weeks, AID))
    over, waits, noted, joined, flows, aid = (np.empty((lists + 1, 1, *shape, LANES)) for shape in shapes)
    moved = np.empty((1, len(moves.sender), weeks, LANES))
    places = (ends.week, ends.flow_weight, ends.crossing, np.arange(105), WAIT_SHARES, np.zeros((0, 0), dtype=int))
    step_together(
        np.arange(1),
        np.arange(lists),
        rows,
        *arguments.values(),
        *places,
        np.arange(lists),
        told,
        moves,
        over,
        waits,
        noted,
        joined,
        flows,
        aid,
        moved,
    )
    return *(np.moveaxis(x[:, 0], -1, 1) for x in (over, flows, aid)), np.moveaxis(moved[0], -1, 0)


def some_moves(seed, lists, weeks, slots=0.0):
    """Random transfers between lists, both stages, some at once and some after weeks, some of which are refused."""
    r = np.random.default_rng(seed)
    number = 4
    sender = r.integers(lists, size=number)
    shape = (number, weeks)
    offered = r.integers(0, 30, size=shape).astype(float) * (r.uniform(size=shape) < 0.6)
    floor = np.repeat(r.choice([0, 10, 52, 90], size=(number, 1)), weeks, axis=1)
    return Moves(
        sender=sender,
        receiver=(sender + r.integers(1, lists, size=number)) % lists,
        stage=r.integers(2, size=number),
        lead=r.choice([0, 1, 4], size=number),
        way=np.arange(number),
        part=r.choice([1.0, 0.8], size=number),
        offered=offered,
        accepted=np.floor(offered * r.choice([0.0, 0.5, 1.0], size=(number, 1))),
        floor=floor,
        ceiling=np.minimum(floor + r.choice([13, 105], size=(number, 1)), 105),
        slots=slots * r.uniform(size=(lists, weeks, 2)),
    )


def test_without_moves_lists_together_are_as_each_alone():
    arguments = system(5, 0.02, WEEKS)
    plan = told(arguments)
    over, flows, aid, _ = together(arguments, plan, some_moves(1, 2, WEEKS)._replace(offered=np.zeros((4, WEEKS))))
    alone = np.stack([_step_row(arguments, [n]).transpose(2, 0, 1) for n in (0, 1)])
    np.testing.assert_allclose(flows[:2], alone, rtol=1e-8, atol=1e-7)
    np.testing.assert_allclose(over[2], over[0] + over[1], rtol=1e-12)
    assert not aid[:, :, :, :A_WAITED].any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), fastest=st.sampled_from([0.001, 0.02, 0.2]), slots=st.sampled_from([0.0, 20.0]))
def test_people_are_conserved_in_every_week_and_draw_and_nobody_is_negative(seed, fastest, slots):
    arguments = system(seed, fastest, WEEKS, lists=3)
    moves = some_moves(seed, 3, WEEKS, slots)
    over, flows, aid, moved = together(arguments, told(arguments, seed), moves)
    people = over[..., 0]
    net = aid[..., A_IN] - aid[..., A_OUT]
    change = flows[..., F_STARTS] - flows[..., F_ADMITTED] - flows[..., F_NON_ADMITTED] - flows[..., F_REMOVED] + net
    np.testing.assert_allclose(people[..., 1:], people[..., :-1] + change, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(net[3], 0.0, atol=1e-9)
    np.testing.assert_allclose(aid[3, ..., A_NET_OVER:A_WAITED], 0.0, atol=1e-9)
    assert (-np.diff(over, axis=-1)).min() >= -1e-8
    assert (moved >= -1e-12).all() and (moved <= moves.accepted + 1e-9).all()
    came, waited = aid[..., A_CAME], aid[..., A_CAME_WAITED]
    assert (came <= people[..., 1:] + 1e-8).all() and (waited <= 104 * came + 1e-8).all()


@pytest.mark.parametrize("slots", [0.0, 20.0])
@pytest.mark.parametrize(("fastest", "discipline"), [(0.004, 0), (0.05, 0), (0.05, 2)])
def test_lists_that_transfers_join_equal_their_numpy_twin(fastest, discipline, slots):
    arguments = system(3, fastest, WEEKS)
    plan = told(arguments)
    plan.discipline[:] = discipline
    moves = some_moves(11, 2, WEEKS, slots)
    over, _, aid, moved = together(arguments, plan, moves)
    for lane in (0, 17):
        expected = twin(arguments, plan, moves, lane)
        np.testing.assert_allclose(over[:2, lane, :, 1:], expected["over"][..., 1:], rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(aid[:2, lane, :, [A_IN, A_OUT, A_CAME]], expected["aid"], rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(moved[lane], expected["moved"], rtol=1e-6, atol=1e-5)


def twin(a, plan, moves, lane):
    """The same, one list and person after the other."""
    lists, weeks, number = len(a["opening"]), len(a["days"]), len(moves.sender)
    state = a["opening"].copy()
    held = a["held"].copy()
    came, promised = np.zeros_like(state), np.zeros_like(state)
    going = {}
    over = np.empty((lists, weeks + 1, 105))
    over[:, 0] = state.sum(axis=1)[:, ::-1].cumsum(axis=1)[:, ::-1]
    aid, moved = np.zeros((3, lists, weeks)), np.zeros((number, weeks))
    for k in range(weeks):
        for t in range(number):
            n, m, s, lead = moves.sender[t], moves.receiver[t], moves.stage[t], moves.lead[t]
            left = moves.offered[t, k]
            going[t, k] = np.zeros(105)
            for b in reversed(range(moves.floor[t, k], moves.ceiling[t, k])):
                asked = min(left, max(0.0, moves.part[t] * (state[n, s, b] - came[n, s, b] - promised[n, s, b])))
                left -= asked
                promised[n, s, b] += asked
                if asked > 0:
                    going[t, k][b] = asked * moves.accepted[t, k] / moves.offered[t, k]
            if k >= lead:
                people = going.pop((t, k - lead))
                for place, sign in ((n, -1), (m, 1)):
                    state[place, s] += sign * people
                promised[n, s] -= people
                came[m, s] += people
                aid[0, m, k] += people.sum()
                aid[1, n, k] += people.sum()
                moved[t, k - lead] = people.sum()
        for n in range(lists):
            one = {"keep": plan.keep[n, k], "add": plan.add[n, k], "floors": plan.floors, "below": plan.below[n, k]}
            order = {"discipline": plan.discipline[n], "first": 26, "urgent": 0.3}
            orders = [order | {"profile": plan.profile[n, s], "routine": plan.routine[n, s]} for s in (0, 1)]
            month, carried = a["multipliers"][n, a["span"][k], :, lane], plan.carried[n, 0, k, :, lane]
            out, adm, found = activity_twin.week(
                *state[n],
                a["rates"][n],
                month,
                a["tilt"][n, 0, :, lane],
                a["returns"][n],
                a["days"][k],
                one | {"whole": False, "orders": orders},
                carried,
                came[n],
                moves.slots[n, k],
            )
            groups = [(promised[n, s], found["stays"][s]) for s in (0, 1)]
            groups += [(x, found["stays"][moves.stage[t]]) for (t, _), x in going.items() if moves.sender[t] == n]
            for group, stays in groups:
                group[:] = aged(stays * group)
            came[n] = [aged(x) for x in found["came"]]
            started = a["starts"][n, k] * month[4]
            state[n] = aged(out), aged(adm)
            state[n, 0, 0] = held[n] + started * (1 - a["last_day_share"][k])
            held[n] = started * a["last_day_share"][k]
            aid[2, n, k] = came[n].sum()
            over[n, k + 1] = state[n].sum(axis=0)[::-1].cumsum()[::-1]
    return {"over": over, "aid": np.moveaxis(aid, 0, 0), "moved": moved}


def aged(bands):
    """A band on; the open one keeps its own."""
    older = np.append(0.0, bands[:-1])
    older[-1] += bands[-1]
    return older


def test_an_offer_is_to_the_longest_waiting_and_moves_after_its_lead_with_its_weeks():
    arguments = system(1, 0.0, 6)
    arguments["starts"][:] = arguments["returns"][:] = 0.0
    plan = told(arguments)
    assert plan.add.shape[2] == KINDS
    nobody = np.zeros((1, 6))
    offered = nobody.copy()
    offered[0, 1] = 10.0
    bands = np.ones((1, 6), dtype=int)
    top = arguments["opening"][0, 1, 90:].sum()
    moves = Moves(
        sender=np.array([0]),
        receiver=np.array([1]),
        stage=np.array([1]),
        lead=np.array([3]),
        way=np.zeros(1, dtype=int),
        part=np.ones(1),
        offered=offered * top / 10,
        accepted=offered * 0.5 * top / 10,
        floor=52 * bands,
        ceiling=105 * bands,
        slots=np.zeros((2, 6, 2)),
    )
    over, _, aid, _ = together(arguments, plan, moves)
    assert aid[1, 0, :, A_IN].round(9).tolist() == pytest.approx([0, 0, 0, 0, top / 2, 0])
    still, _, _, _ = together(arguments, plan, moves._replace(offered=nobody))
    came = over[1, 0, 5] - still[1, 0, 5]  # whose longest waits were 90 weeks or more at the start of the second week
    assert came[0] == pytest.approx(top / 2) and came[94] == pytest.approx(came[0], rel=0.05)


@pytest.fixture(scope="module")
def moving_pair():
    """Forecasts of two lists that nobody leaves but by transfers, 40 people a week of 40 weeks or more, and of both."""
    time = horizon(date(2025, 8, 29), 10)
    given = system(4, 0.0, time.weeks)
    assumed = Assumptions(
        lists=(("RAA", "110"), ("RBB", "110")),
        opening=given["opening"],
        held=given["held"],
        departures=given["rates"],
        returns=given["returns"] * 0,
        starts=given["starts"][:, :1] * np.ones((1, time.weeks)),
        season=np.ones((10, 4)),
        span=np.arange(time.weeks) * 10 // time.weeks,
        shocks=np.ones((12, 2, 5)),
        lasting=np.zeros((2, 5)),
    )
    factors = factors_drawn(assumed, 40, 1)
    carried = going_on(assumed, factors, time, [0, 1])
    bands, weekly = np.ones((1, time.weeks), dtype=int), np.full((1, time.weeks), 40.0)
    one = [np.array([x]) for x in (0, 1, ADMISSION, 2, 0)]
    moves = Moves(*one, np.ones(1), weekly, 0.75 * weekly, 40 * bands, 105 * bands, np.zeros((2, time.weeks, 2)))
    plan = controls(np.zeros((time.weeks, 3, LANES)))
    both = {k: np.repeat(getattr(plan, k), 2, axis=0) for k in plan._fields if k not in ("carried", "source", "floors")}
    plan = plan._replace(carried=carried.stops, source=np.arange(2), **both)
    rows = {("RAA", "110"): [0], ("RBB", "110"): [1], ("ALL", "110"): [0, 1]}
    wanted = ask(time, COHORTS)
    planned = Planned(np.arange(2), plan, moves)
    return dict(project(assumed, factors, time, rows, wanted, planned)), time


@pytest.mark.parametrize("which", range(4))
def test_a_cohort_is_left_at_the_sender_and_joined_at_the_receiver(moving_pair, which):
    forecasts, time = moving_pair
    rows = {key: list(answers.cohort(row, time, which, COHORTS[which])) for key, row in forecasts.items()}
    left, joined = ({key[0]: [week[i] for week in found] for key, found in rows.items()} for i in (6, 5))
    np.testing.assert_allclose(left["RBB"], 0.0, atol=1e-6)
    np.testing.assert_allclose(left["ALL"], left["RAA"], atol=1e-6)
    assert sum(left["RAA"]) > 100
    over = measures.monthly(forecasts["ALL", "110"], time).values
    np.testing.assert_allclose(over["transfers_in"], over["transfers_out"])
    assert over["transfers_in"].sum() > 0
    assert np.subtract(joined["ALL"], joined["RBB"]).sum() > -1e-6


@pytest.mark.parametrize("index", [0, 2])
def test_net_transfers_are_part_of_what_activity_must_hold_level(moving_pair, index):
    forecasts, time = moving_pair
    for key, sign in (("RAA", -1), ("RBB", 1)):
        times = measures.monthly(forecasts[key, "110"], time)
        np.testing.assert_allclose(times.removed_over[index][1:], 0.0, atol=1e-6)  # all that moves is in the inflow
        assert np.sign(times.net_in[index].sum()) == sign
