"""The observed order of treatment: a known one is found, and what is found gives back what was seen (R7)."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import waitlist as wl
from waitlist.models import rates
from waitlist.models.order import fit_order, routine_at

GROUPS = [0, 4, 9, 18, 26, 39, 52, 65]


def made(urgent: float, skew: float, people: float = 20_000.0):
    """A history and rates of one list that treats a share early and the rest by a skew."""
    bands = np.arange(105)
    waiting = people * np.exp(-bands / 20) / np.exp(-bands / 20).sum()
    routine = 0.03 * skew ** (bands / 52)
    early = np.exp(-bands / 1.5) * (bands < 9)
    early *= urgent / (1 - urgent) * (routine * waiting).sum() / (early * waiting).sum()
    departures = np.zeros((1, 2, 4, 105))
    departures[0, 0, 1] = (routine + early) / 5
    empty = np.zeros((1, 1, 105))
    history = SimpleNamespace(lists=[("RAA", "110")], outpatient=waiting[None, None], admission=empty)
    return history, SimpleNamespace(departures=departures)


@pytest.mark.parametrize(("urgent", "skew"), [(0.38, 2.5), (0.1, 1.0), (0.6, 0.5)])
def test_a_known_urgent_share_and_skew_are_found(urgent, skew):
    order = fit_order(*made(urgent, skew))
    assert order.urgent[0, 0] == pytest.approx(urgent, abs=0.01)
    assert order.skew[0, 0] == pytest.approx(skew, rel=0.02)
    np.testing.assert_allclose(routine_at(order, 3.0)[0, 0, 52], 3.0)


def test_a_list_where_nobody_stands_out_is_urgent_as_observed():
    history, fitted = made(0.1, 1.0)
    fitted.departures[0, 0, 1] = 0.006
    order = fit_order(history, fitted)
    assert order.urgent[0, 0] < 0.01
    assert order.profile[0, 0].any()


def test_urgent_and_routine_together_give_the_observed_split_back_on_real_lists(shared):
    history = wl.read(shared / "data" / "rtt_full_extract", origin="2025-08")
    fitted = rates.fit(history)
    order = fit_order(history, fitted)
    rows = [n for n, key in enumerate(history.lists) if key[0] in ("R1H", "RF4", "RQX")]
    for stage, people in enumerate((history.outpatient, history.admission)):
        waiting = people[rows, -1]
        treated = fitted.departures[rows, stage][:, [0, 1, 3]].sum(axis=1) * waiting
        again = np.zeros_like(treated)
        for share, chance in ((order.urgent, order.profile), (1 - order.urgent, order.routine)):
            part = chance[rows, stage] * waiting
            part /= np.maximum(part.sum(axis=1, keepdims=True), 1e-9)
            again += share[rows, stage][:, None] * part * treated.sum(axis=1, keepdims=True)
        seen, given_back = (np.add.reduceat(x.sum(axis=0), GROUPS) / x.sum() for x in (treated, again))
        np.testing.assert_allclose(given_back, seen, atol=0.035)
