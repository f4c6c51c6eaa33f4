"""Stops held as numbers (R7): who gets them, that they are never more than are waiting, and that nobody is lost."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import activity_twin
from tests.test_engine import TIME, system
from waitlist.calendar import days_of
from waitlist.models.assumptions import by_rates
from waitlist.models.controls import KINDS, Controls
from waitlist.models.engine import WAIT_SHARES
from waitlist.models.kernel import step_row
from waitlist.models.layout import (
    F_ADMITTED,
    F_CONVERTED,
    F_HELD,
    F_NON_ADMITTED,
    F_REMOVED,
    F_STARTS,
    F_THEATRE,
    F_UNUSED_CLINICS,
    F_UNUSED_THEATRES,
    FLOWS,
    LANES,
)

WEEKS = 20


def stepped(arguments, place, told):
    """People over every band [D, K + 1, 105] of the first list and the second together, flows [D, K, FLOWS]."""
    weeks = len(arguments["days"])
    days = days_of(TIME.snapshot, [TIME.snapshot + timedelta(weeks=k) for k in range(weeks + 1)])
    written = [np.empty((1, *s, LANES)) for s in ((weeks + 1, 105), (weeks + 1, 2), (0, 0), (weeks, FLOWS))]
    places = (days.week, days.flow_weight, days.crossing, np.arange(105), WAIT_SHARES, np.zeros((0, 0), dtype=int))
    step_row(np.arange(1), np.arange(len(place)), *arguments.values(), *places, place, told, *written)
    return np.moveaxis(written[0][0], -1, 0), np.moveaxis(written[3][0], -1, 0)


def going_on(arguments):
    """The stops of the one list by rates [K, 3, D]."""
    flows = stepped(arguments, *(by_rates(1).place, by_rates(1).told))[1]
    theatre = flows[..., F_THEATRE]
    return np.stack([flows[..., F_NON_ADMITTED], flows[..., F_ADMITTED] - theatre, theatre], axis=-1).T.swapaxes(0, 1)


def controls(carried, seed=None, discipline=0, floors=(0,), whole=False):
    """Controls of one list; of random numbers where there is a ``seed``, else nothing planned."""
    r = np.random.default_rng(seed)
    weeks, groups = carried.shape[0], len(floors)
    told = Controls(
        carried=carried[None, None].copy(),
        source=np.zeros(1, dtype=int),
        keep=np.ones((1, weeks, 3)),
        add=np.zeros((1, weeks, KINDS, groups)),
        floors=np.array(floors),
        below=np.zeros((1, weeks, 2), dtype=int),
        whole=np.array([whole]),
        discipline=np.array([discipline]),
        first=np.array([26]),
        urgent=np.full((1, 2), 0.3),
        profile=np.exp(-np.arange(105) / 10.0) * np.ones((1, 2, 1)),
        routine=1.5 ** (np.arange(105) / 52) * np.ones((1, 2, 1)),
    )
    if seed is not None:
        told.keep[:] = r.uniform(0, 1.5, told.keep.shape)
        told.add[:] = r.uniform(0, 40, told.add.shape) * (r.uniform(size=told.add.shape) < 0.5)
        told.below[:] = r.choice([0, 0, 18, 52], size=told.below.shape)
    return told


@pytest.mark.parametrize("fastest", [0.002, 0.02, 0.2])
def test_with_nothing_added_activity_gives_the_forecast_by_rates(fastest):
    arguments = system(5, fastest, WEEKS, lists=1)
    by_rate = stepped(arguments, by_rates(1).place, by_rates(1).told)
    by_number = stepped(arguments, np.zeros(1, dtype=int), controls(going_on(arguments)))
    for one, other in zip(by_rate, by_number, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("discipline", range(4))
@pytest.mark.parametrize(("fastest", "whole"), [(0.004, False), (0.05, False), (0.2, True)])
def test_a_week_by_activity_equals_its_numpy_twin(fastest, discipline, whole):
    arguments = system(3, fastest, WEEKS, lists=1)
    if whole:
        arguments["rates"][:, 0, 3] = 0.0
    told = controls(going_on(arguments), 8, discipline, (0, 18, 52), whole)
    people, flows = stepped(arguments, np.zeros(1, dtype=int), told)
    a, orders = (
        arguments,
        [
            {
                "discipline": discipline,
                "first": 26,
                "urgent": 0.3,
                "profile": told.profile[0, s],
                "routine": told.routine[0, s],
            }
            for s in (0, 1)
        ],
    )
    for lane in (0, 17):
        out, adm, held = *a["opening"][0].copy(), a["held"][0]
        for k in range(WEEKS):
            plan = {"keep": told.keep[0, k], "add": told.add[0, k], "floors": told.floors, "below": told.below[0, k]}
            plan |= {"whole": whole, "orders": orders}
            month = a["multipliers"][0, a["span"][k], :, lane]
            carried = told.carried[0, 0, k, :, lane]
            rates = a["rates"][0].copy()
            out, adm, found = activity_twin.week(
                out, adm, rates, month, a["tilt"][0, 0, :, lane], a["returns"][0], a["days"][k], plan, carried
            )
            top = out[-1] + 0.0, adm[-1] + 0.0
            out[1:], adm[1:] = out[:-1].copy(), adm[:-1].copy()
            out[-1] += top[0]
            adm[-1] += top[1]
            started = a["starts"][0, k] * month[4]
            out[0], adm[0] = held + started * (1 - a["last_day_share"][k]), 0.0
            held = started * a["last_day_share"][k]
            seen = flows[lane, k]
            expected = [found[name] for name in ("admitted", "non_admitted", "converted", "theatre")]
            got = seen[[F_ADMITTED, F_NON_ADMITTED, F_CONVERTED, F_THEATRE]]
            np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(seen[[F_UNUSED_CLINICS, F_UNUSED_THEATRES]], found["unused"], atol=1e-6)
            bands = np.append(-np.diff(people[lane, k + 1]), people[lane, k + 1, -1])
            bands[0] -= held
            np.testing.assert_allclose(bands, out + adm, rtol=1e-6, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), fastest=st.sampled_from([0.001, 0.02, 0.2]), discipline=st.integers(0, 3))
def test_whatever_is_planned_every_week_closes_and_nobody_is_negative(seed, fastest, discipline):
    arguments = system(seed, fastest, WEEKS, lists=1)
    told = controls(going_on(arguments), seed, discipline, (0, 52))
    people, flows = stepped(arguments, np.zeros(1, dtype=int), told)
    leaving = flows[..., F_ADMITTED] + flows[..., F_NON_ADMITTED] + flows[..., F_REMOVED]
    closing = people[:, :-1, 0] + flows[..., F_STARTS] - leaving
    np.testing.assert_allclose(people[:, 1:, 0], closing, rtol=1e-9, atol=1e-6)
    bands = np.append(-np.diff(people, axis=2), people[..., -1:], axis=2)
    assert bands.min() > -1e-6
    assert flows[..., [F_HELD, F_UNUSED_CLINICS, F_UNUSED_THEATRES]].min() >= 0
    asked = told.add[0, :, [0, 1, 2, 3]].sum() > 0
    assert asked or flows[..., F_UNUSED_CLINICS].max() < 1e6
