"""Rates per working day by list, stage and weeks waited, small lists borrowing strength (R4, R5).

A list's own count is weighed against what its specialty and provider would give: with ``o`` people seen and
``e`` expected, its factor is (o + k) ÷ (e + k), a gamma-Poisson shrinkage with prior weight k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from waitlist.bands import BANDS, Floats
from waitlist.calendar import month_end, working_days
from waitlist.history import PARTS, History
from waitlist.models.departures import MonthFlows, month_flows
from waitlist.models.layout import ADMITTED, CONVERTED, NON_ADMITTED, REMOVED
from waitlist.models.national import National, calendar_month

HALF_LIFE = 4.0
"""Months after which an observed month counts half."""
WINDOW = 12
"""Most recent months that a rate may use."""
GROUPS = (0, 1, 4, 9, 18, 26, 39, 48, 52, 56, 60, 65, 70, 78, 104, BANDS)
"""Bands in which a provider or a list has one factor on its specialty's rates."""
GROUP_OF_BAND = np.repeat(np.arange(len(GROUPS) - 1), np.diff(GROUPS))
PROVIDER_WEIGHT = 30.0
"""k of a provider's factor for a group of bands, in people."""
LIST_WEIGHT = 15.0
"""k of a list's factor for a group of bands, in people."""
BAND_WEIGHT = 15.0
"""k of each band's departure from its list's level, in people."""
NET_WEIGHT = 6000.0
"""Exposure in person-working-days by which a list's net removals are drawn to its specialty's."""
NET_GROUPS = (0, 4, 9, 14, 18, 26, 39, 52, 65, 78, 104, BANDS)
"""Bands that share one net removal rate: a month's diagonals cannot tell finer ones apart."""
LATELY = 3
"""Months whose mean says how many are admitted lately: six and twelve say it worse (rolling origins)."""
DRIFT_MONTHS = 6
"""Months below which what lasts is not told from what passes."""
DAILY_CAP = 0.2
"""No rate per working day is above this: a week of five never takes more than all."""


@dataclass(frozen=True)
class Rates:
    """The rates of L lists.

    departures: [L, 2, 4, 105] per working day: admitted, non-admitted, removed, converted by stage.
    returns: [L, 2, 105] people a working day. starts: [L] a working day.
    season: [12, 4] and start_season [12]: factor of each calendar month (0 is January).
    residuals: [M, L, 5] each used month's observed ÷ expected, for the four departures and the starts.
    drift: [5] how far a month moves each of them for good, as a share: the standard deviation of a random walk.
    own_weight: [L, 4] the weight of a list's own record in its level, 0 to 1.
    months: the months used, latest last.
    """

    departures: Floats
    returns: Floats
    starts: Floats
    season: Floats
    start_season: Floats
    residuals: Floats
    drift: Floats
    own_weight: Floats
    months: tuple[str, ...]


def fit(history: History, observed: Sequence[MonthFlows | None] | None = None) -> Rates:
    """The rates of every list in ``history``, from its last WINDOW months that R4 closes and no break spoils.

    ``observed``: every month's flows, where they are already known.
    """
    last = len(history.months)
    window = list(range(max(1, last - WINDOW), last))
    flows = [(observed[m] if observed else None) or month_flows(history, m) for m in window]
    used = _usable(history)[:, window].T
    age = np.array([last - 1 - m for m in window])
    weight = used * 0.5 ** (age / HALF_LIFE)[:, None]
    months = tuple(history.months[m] for m in window)
    season, start_season = _seasons(flows, used, months)
    departures, own_weight = _departures(history, flows, weight)
    net = _net_removals(history, flows, weight)
    exposure = _summed(weight, [f.exposure for f in flows])
    days = np.maximum((weight * np.array([f.working_days for f in flows])[:, None]).sum(axis=0), 1e-9)
    departures[:, :, REMOVED] = np.clip(net, 0.0, DAILY_CAP)[:, None]
    returns = (np.maximum(-net, 0.0) * exposure / days[:, None]).transpose(1, 0, 2)
    starts = _summed(weight, [f.starts for f in flows]) / days
    unbroken, broken = history.fit_months[:, window].T, (history.observed_flows & ~history.fit_months)[:, window].T
    residuals = _residuals(
        flows, unbroken, broken.cumsum(axis=0), months, departures, returns, starts, season, start_season
    )
    drift = _drift(residuals, starts)
    return Rates(departures, returns, starts, season, start_season, residuals, drift, own_weight, months)


def admitted_ahead(history: History, rows: list[int], england: National | None, months: Sequence[str]) -> Floats:
    """Admitted stops a working day [N, H] of the lists ``rows`` in each of ``months``: as in their LATELY last usable
    months, but for what England's season and strikes did then, and what its season will do.

    ``england``: its admitted stops; None leaves them as they were. NaN where no month of a list's is known (R3).
    """
    counts, past = history.counts, range(max(1, len(history.months) - LATELY), len(history.months))
    stops = (counts.admitted.sum(axis=2) + counts.admitted_unknown)[rows][:, past]
    days = np.array([working_days(month_end(history.months[m - 1]), month_end(history.months[m])) for m in past])
    season = np.ones(len(months))
    if england:
        days = days * np.exp(england.expected[-len(days) :])
        season = np.exp(england.season[calendar_month(months)])
    used = (_usable(history) & counts.reported[:, :, PARTS.index("1A")])[rows][:, past]
    level = (stops * used).sum(axis=1) / np.where(used.any(axis=1), (days * used).sum(axis=1), np.nan)
    return np.outer(level, season)


def _usable(history: History) -> np.ndarray:
    """Which months [L, M] may enter a rate: unbroken, and after the list's last step if three such exist."""
    ok = history.fit_months
    broken = history.observed_flows & ~ok
    month = np.arange(ok.shape[1])
    last = np.where(broken.any(axis=1), ok.shape[1] - 1 - broken[:, ::-1].argmax(axis=1), 0)
    later = month[None] > last[:, None]
    enough = (ok & later).sum(axis=1) >= 3
    return np.asarray(ok & (~enough[:, None] | later), dtype=bool)


def _summed(weight: Floats, values: list[Floats]) -> Floats:
    """Σ over months of weight [M, L] × values, the list axis being the last but one, or the only one."""
    total = np.zeros_like(values[0])
    for w, value in zip(weight, values, strict=True):
        total += value * (w[:, None] if value.ndim > 1 else w)
    return total


def _departures(history: History, flows: list[MonthFlows], weight: Floats) -> tuple[Floats, Floats]:
    exposure = _summed(weight, [f.exposure for f in flows])
    admitted = _summed(weight, [f.admitted for f in flows])
    non_admitted = _summed(weight, [f.non_admitted for f in flows])
    converted = np.maximum(_summed(weight, [f.converted for f in flows]), 0.0)
    theatre = _summed(weight, [f.theatre for f in flows])
    rates = np.zeros((len(history.lists), 2, 4, BANDS))
    own = np.ones((len(history.lists), 4))
    for stage, flow, people in (
        (1, ADMITTED, theatre),
        (0, ADMITTED, admitted - theatre),
        (0, NON_ADMITTED, non_admitted),
        (0, CONVERTED, converted),
    ):
        rates[:, stage, flow], shrunk = _shrunk(history, people, exposure[stage])
        own[:, flow] = np.minimum(own[:, flow], shrunk) if (stage, flow) != (0, ADMITTED) else own[:, flow]
    return rates, own


def _shrunk(history: History, people: Floats, exposure: Floats) -> tuple[Floats, Floats]:
    """Rates [L, 105] and the weight [L] of each list's own record: specialty, then provider, list and band.

    Each step's factor is that of the step before, moved by what was seen as far as its number of people
    allows. Providers and lists have a factor for each of GROUPS: who works on the longest waits works
    differently there, and a thin band alone would never show it.
    """
    specialty = _positions([s for _, s in history.lists])
    provider = _positions([p for p, _ in history.lists])
    shape = _specialty_rates(by_label(people, specialty), by_label(exposure, specialty))
    usual = shape[specialty]
    seen, expected = by_group(people), by_group(usual * exposure)
    by_provider = (by_label(seen, provider) + PROVIDER_WEIGHT) / (by_label(expected, provider) + PROVIDER_WEIGHT)
    usual = usual * by_provider[provider][:, GROUP_OF_BAND]
    expected = expected * by_provider[provider]
    usual = usual * ((seen + LIST_WEIGHT) / (expected + LIST_WEIGHT))[:, GROUP_OF_BAND]
    rate = (people + BAND_WEIGHT) / (exposure + BAND_WEIGHT / np.maximum(usual, 1e-9))
    rate = np.where(usual > 0, rate, 0.0)
    return np.clip(rate, 0.0, DAILY_CAP), people.sum(1) / (people.sum(1) + LIST_WEIGHT)


def _specialty_rates(people: Floats, exposure: Floats) -> Floats:
    """Rates [S, 105] by specialty, drawn to all specialties' in their group of bands, and that to the group before.

    So a wait that nobody has had yet is left as the longest waits before it are, not kept for ever.
    """
    seen, days = by_group(people).sum(axis=0), by_group(exposure).sum(axis=0)
    groups = np.zeros(len(seen))
    for g in range(len(groups)):
        before = groups[g - 1] if g else seen.sum() / max(days.sum(), 1e-9)
        groups[g] = (seen[g] + LIST_WEIGHT) / (days[g] + LIST_WEIGHT / before) if before > 0 else 0.0
    usual = groups[GROUP_OF_BAND]
    return np.where(usual > 0, (people + BAND_WEIGHT) / (exposure + BAND_WEIGHT / np.maximum(usual, 1e-9)), 0.0)


def by_group(values: Floats) -> Floats:
    """``values`` [L, 105] added up over each of GROUPS."""
    return np.add.reduceat(values, GROUPS[:-1], axis=1)


def _net_removals(history: History, flows: list[MonthFlows], weight: Floats) -> Floats:
    """Net removals per person-working-day [L, 105]; negative where returns outweigh removals."""
    removed = _summed(weight, [f.removed for f in flows])
    exposure = _summed(weight, [f.exposure for f in flows]).sum(axis=0)
    specialty = _positions([s for _, s in history.lists])
    net = np.zeros_like(removed)
    for lo, hi in zip(NET_GROUPS, NET_GROUPS[1:], strict=False):
        people, days = removed[:, lo:hi].sum(1), exposure[:, lo:hi].sum(1)
        usual = by_label(people, specialty) / np.maximum(by_label(days, specialty), 1e-9)
        net[:, lo:hi] = ((people + NET_WEIGHT * usual[specialty]) / (days + NET_WEIGHT))[:, None]
    return net


def _seasons(flows: list[MonthFlows], used: np.ndarray, months: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Factors by calendar month, over all lists: [12, 4] for departures, [12] for starts; mean about 1."""
    seasons, start_seasons = np.ones((12, 4)), np.ones(12)
    rate, start_rate = np.ones((len(months), 4)), np.ones(len(months))
    for i, (flow, ok) in enumerate(zip(flows, used, strict=True)):
        exposure = max(float((flow.exposure.sum(0) * ok[:, None]).sum()), 1e-9)
        people = (flow.admitted, flow.non_admitted, flow.removed, flow.converted)
        rate[i] = [float((p * ok[:, None]).sum()) / exposure for p in people]
        start_rate[i] = float((flow.starts * ok).sum()) / flow.working_days / max(int(ok.sum()), 1)
    if len(months) < 12 or start_rate.min() <= 0:
        return seasons, start_seasons
    numbers = [int(month[5:]) - 1 for month in months]
    seasons[numbers] = _departures_from_trend(rate)
    seasons[:, REMOVED] = 1.0
    start_seasons[numbers] = _departures_from_trend(start_rate)
    return seasons, start_seasons


def _departures_from_trend(monthly: Floats) -> Floats:
    """Each month's factor [M, …]: half its departure from the months' own trend, as each was seen only once."""
    logs = np.log(np.maximum(monthly, 1e-12))
    time = np.arange(len(logs)) - (len(logs) - 1) / 2
    slope = np.tensordot(time, logs, 1) / (time**2).sum()
    trend = logs.mean(axis=0) + np.multiply.outer(time, slope)
    return np.exp(np.clip(0.5 * (logs - trend), -0.3, 0.3))


def _residuals(
    flows: list[MonthFlows],
    used: np.ndarray,
    stretch: np.ndarray,
    months: tuple[str, ...],
    departures: Floats,
    returns: Floats,
    starts: Floats,
    season: Floats,
    start_season: Floats,
) -> Floats:
    """Each month's observed ÷ expected [M, L, 5], 1 where the month is not used.

    Its mean is 1 by list and flow in each stretch [M, L] between breaks: a restatement is no chance.
    """
    found = np.ones((len(flows), len(starts), 5))
    for i, (flow, ok) in enumerate(zip(flows, used, strict=True)):
        number = int(months[i][5:]) - 1
        expected = np.einsum("slb,lsfb->lf", flow.exposure, departures) * season[number]
        seen = np.stack([f.sum(1) for f in (flow.admitted, flow.non_admitted, flow.removed, flow.converted)], 1)
        seen[:, REMOVED] += returns.sum(axis=(1, 2)) * flow.working_days
        rows = np.concatenate([expected, (starts * start_season[number] * flow.working_days)[:, None]], axis=1)
        people = np.concatenate([seen, flow.starts[:, None]], axis=1)
        ratio = np.where(rows > 0.5, people / np.maximum(rows, 1e-9), 1.0)
        found[i] = np.where(ok[:, None], np.clip(ratio, 0.0, 5.0), 1.0)
    for number in range(int(stretch.max()) + 1):
        inside = (stretch == number)[:, :, None]
        mean = (found * inside).sum(axis=0) / np.maximum(inside.sum(axis=0), 1)
        found = np.where(inside, found / np.maximum(mean, 0.2), found)
    return found


def _drift(residuals: Floats, starts: Floats) -> Floats:
    """The lasting part of a month's departure [5]: the median over lists large enough to show it.

    Chance alone makes months three apart differ as much as months one apart; what they differ more by has
    lasted two months longer: var(three apart) − var(one apart) = 2 × drift². What all lists share is left
    out: in a year it can't be told from the season. Nor does what few lists can't tell from nothing count.
    """
    large = starts >= np.median(starts)
    if len(residuals) < DRIFT_MONTHS or starts.sum() <= 0:
        return np.zeros(residuals.shape[2])
    own = residuals - np.average(residuals, axis=1, weights=starts)[:, None]
    one, three = (((own[gap:] - own[:-gap])[:, large] ** 2).mean(axis=0) for gap in (1, 3))
    lasting = np.median(three - one, axis=0)
    doubt = 1.86 * np.median(np.abs(three - one - lasting), axis=0) / np.sqrt(large.sum())  # a median's standard error
    return np.sqrt(np.maximum(lasting - doubt, 0.0) / 2)


def _positions(labels: list[str]) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1]


def by_label(values: Floats, group: np.ndarray) -> Floats:
    """``values`` [L, …] added up over the lists of each label; ``group`` [L] counts labels from 0."""
    total = np.zeros((int(group.max()) + 1, *values.shape[1:]))
    np.add.at(total, group, values)
    return total
