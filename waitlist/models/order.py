"""The order of treatment as it is observed: an urgent share, and how far the rest turns to long waiters (R7).

The chance of being treated in a week is highest for those who have just come, lies flat for months, and rises for those
who have waited longest. It is read as two parts. Routine: level × skew ^ (weeks waited ÷ 52), fitted to the waits from
FLAT on by maximum likelihood (people treated being Poisson). Urgent: what is above that line before EARLY weeks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from waitlist.bands import BANDS, Floats
from waitlist.history import History
from waitlist.models.layout import ADMITTED, CONVERTED, FULL_WEEK, NON_ADMITTED
from waitlist.models.rates import Rates, by_label
from waitlist.results import ALL

FLAT = 9
"""Weeks from which the routine line is fitted: by then the urgent have been treated."""
EARLY = 18
"""Weeks before which treatment above the line counts as urgent."""
ENOUGH = 20.0
"""People treated a week from which a list has an order of its own; below, it has its provider's."""
FEW = 10
"""Providers of whom each has its own sentence."""
ROUNDS = 12
"""Newton steps of the fit."""
STEEPEST = np.log(100.0)
"""No skew is beyond a hundred times a year, or a hundredth."""


@dataclass(frozen=True)
class Order:
    """How L lists treat, by stage. urgent [L, 2]: share of those treated who are urgent, 0 to 1; skew [L, 2]: how many
    times as likely a person is to be treated in a week who has waited a year longer, among the rest.

    profile, routine [L, 2, 105]: relative chance of a person in each band to be among the urgent, and the rest.
    """

    urgent: Floats
    skew: Floats
    profile: Floats
    routine: Floats


def fit_order(history: History, fitted: Rates) -> Order:
    """The order of every list in ``history``, from its fitted rates and the people of the snapshot.

    Treated are those decided about at the outpatient stage (stopped or converted), and those operated on at the other.
    """
    people = np.stack([history.outpatient[:, -1], history.admission[:, -1]], axis=1)
    chance = FULL_WEEK * fitted.departures[:, :, [ADMITTED, NON_ADMITTED, CONVERTED]].sum(axis=2)
    treated = chance * people
    provider = np.unique([key[0] for key in history.lists], return_inverse=True)[1]
    theirs = _explained(by_label(people, provider), by_label(treated, provider))
    own = _explained(people, treated)
    enough = treated.sum(axis=2) >= ENOUGH
    urgent, skew = (np.where(enough, mine, its[provider]) for mine, its in zip(own[:2], theirs[:2], strict=True))
    profile = np.where(enough[..., None], own[2], theirs[2][provider])
    profile = np.where(profile.any(axis=2, keepdims=True), profile, chance)  # nobody stands out: as observed
    return Order(urgent, skew, profile, _routine(skew))


def routine_at(order: Order, skew: float) -> Floats:
    """[L, 2, 105] the relative chances of the rest at another ``skew``."""
    return _routine(np.full(order.skew.shape, skew))


def by_provider(history: History, fitted: Rates, rows: Sequence[int]) -> Floats:
    """[2, 3] of the lists at ``rows`` together: urgent share, skew and people treated a week, by stage."""
    people = np.stack([history.outpatient[rows, -1], history.admission[rows, -1]], axis=1)
    chance = FULL_WEEK * fitted.departures[rows][:, :, [ADMITTED, NON_ADMITTED, CONVERTED]].sum(axis=2)
    treated = (chance * people).sum(axis=0)[None]
    urgent, skew, _ = _explained(people.sum(axis=0)[None], treated)
    return np.stack([urgent[0], skew[0], treated[0].sum(axis=1)], axis=1)


def table(history: History, fitted: Rates, rows: Sequence[int]) -> pd.DataFrame:
    """The lists at ``rows`` and their providers, by stage: urgent_share, skew, treated_per_week."""
    order, found = fit_order(history, fitted), []
    people = np.stack([history.outpatient[:, -1], history.admission[:, -1]], axis=1)
    chance = FULL_WEEK * fitted.departures[:, :, [ADMITTED, NON_ADMITTED, CONVERTED]].sum(axis=2)
    treated = (chance * people).sum(axis=2)
    for provider in sorted({history.lists[n][0] for n in rows}):
        mine = [n for n in rows if history.lists[n][0] == provider]
        whole = by_provider(history, fitted, mine)
        each = [(history.lists[n][1], np.stack([order.urgent[n], order.skew[n], treated[n]], axis=1)) for n in mine]
        for specialty, values in ((ALL, whole), *each):
            stages = zip(("outpatient", "admission"), values.tolist(), strict=True)
            found += [(provider, specialty, stage, *row) for stage, row in stages if row[2] > 0]
    columns = ["provider", "specialty", "stage", "urgent_share", "skew", "treated_per_week"]
    return pd.DataFrame(found, columns=columns)


def said(history: History, fitted: Rates, rows: Sequence[int]) -> list[str]:
    """How each provider of the lists at ``rows`` treats, a sentence each; none where there are more than FEW."""
    providers = sorted({history.lists[n][0] for n in rows})
    found = []
    for provider in providers if len(providers) <= FEW else ():
        name = history.counts.provider_names.get(provider, provider)
        stages = by_provider(history, fitted, [n for n in rows if history.lists[n][0] == provider])
        words = [
            f"{100 * urgent:.0f} % of {what} were urgent and the rest {_turned(skew)}"
            for (urgent, skew, treated), what in zip(stages, ("clinic decisions", "operations"), strict=True)
            if treated >= 1
        ]
        found.append(f"{name} treats as if {', and '.join(words)}.")
    return found


def _turned(skew: float) -> str:
    """What a skew means."""
    if 0.95 < skew < 1.05:
        return "were taken regardless of how long they had waited"
    return f"were {skew:.1f} times as likely to be taken after each year more of waiting"


def _routine(skew: Floats) -> Floats:
    return np.asarray(skew[..., None] ** (np.arange(BANDS) / 52))


def _explained(people: Floats, treated: Floats) -> tuple[Floats, Floats, Floats]:
    """Urgent share [G, 2], skew [G, 2] and the excess chance before EARLY [G, 2, 105] of groups' people by band."""
    level, slope = _line(people[..., FLAT:], treated[..., FLAT:], np.arange(FLAT, BANDS) / 52)
    line = np.exp(level[..., None] + slope[..., None] * np.arange(BANDS) / 52)
    above = np.where(np.arange(BANDS) < EARLY, np.maximum(treated - line * people, 0.0), 0.0)
    excess = above / np.maximum(people, 1.0)
    urgent = above.sum(axis=2) / np.maximum(treated.sum(axis=2), 1e-9)
    return urgent, np.exp(slope), excess


def _line(people: Floats, treated: Floats, years: Floats) -> tuple[Floats, Floats]:
    """Log level and slope [G, 2] of treated ÷ people by ``years`` waited: Poisson regression by Newton's method."""
    whole, some = people.sum(axis=2), treated.sum(axis=2)
    level, slope = np.log((some + 1e-3) / (whole + 1.0)), np.zeros_like(some)
    for _ in range(ROUNDS):
        expected = people * np.exp(level[..., None] + slope[..., None] * years)
        a, b, c = expected.sum(axis=2) + 1e-6, (expected * years).sum(axis=2), (expected * years**2).sum(axis=2) + 1e-3
        short = treated - expected
        # a person's worth of evidence for no slope keeps a list without long waits in bounds
        first, second = short.sum(axis=2), (short * years).sum(axis=2) - 1e-3 * slope
        whole = np.maximum(a * c - b**2, 1e-9)
        level = level + np.clip((c * first - b * second) / whole, -1.0, 1.0)
        slope = np.clip(slope + np.clip((a * second - b * first) / whole, -1.0, 1.0), -STEEPEST, STEEPEST)
    return level, slope
