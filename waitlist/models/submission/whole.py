"""A planning year in whole numbers on which every identity holds (R4).

The finest are rounded: people by band of weeks waited, clock starts, stops and transfers of each provider and month.
Other removals take up what R4 leaves; everything above is a sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from waitlist.bands import Floats
from waitlist.submission import R4_FLOWS, R4_SIGNS, STOCKS

PIECES = ("within_18_weeks", "18_to_52", "52_to_65", "65_to_78", "78_to_104", "over_104_weeks")
"""The list divided by weeks waited, so that nested thresholds are sums of what lies beyond them."""
FLOWS = R4_FLOWS
STARTS, ADMITTED, NON_ADMITTED, REMOVED, IN, OUT, RESTATED = range(len(FLOWS))
SIGNS = np.array(R4_SIGNS, dtype=float)

Series = Mapping[str, Mapping[str, float]]
"""measure → month → value; a month that is not there is not known (R3)."""


@dataclass(frozen=True)
class Base:
    """P providers over 13 months, the one before the year first; NaN where not known.

    pieces [P, 6, 13] people at each month's end, PIECES; flows [P, 7, 13] of each month, FLOWS (those of the first
    month are not used); actual [13] months that were observed, the rest being forecast.
    """

    providers: tuple[str, ...]
    months: tuple[str, ...]
    pieces: Floats
    flows: Floats
    actual: np.ndarray

    @property
    def size(self) -> Floats:
        """[P, 13] the waiting list."""
        return np.asarray(self.pieces.sum(axis=1))


def stocks(pieces: Floats) -> dict[str, Floats]:
    """Each of STOCKS from the ``pieces`` [… , 6, 13], as sums of them [… , 13]."""
    beyond = np.flip(np.cumsum(np.flip(pieces, -2), axis=-2), -2)
    found = {"waiting_list": beyond[..., 0, :], "within_18_weeks": pieces[..., 0, :]}
    found |= {name: beyond[..., 1 + i, :] for i, name in enumerate(STOCKS[2:])}
    return found


def pieces_of(stock: Mapping[str, Floats]) -> Floats:
    """[6, 13] the list by weeks waited, from its STOCKS [13]."""
    nested = np.stack([stock["waiting_list"], *(stock[name] for name in STOCKS[2:])])
    return np.asarray(nested - np.vstack([nested[1:], np.zeros((1, nested.shape[1]))]))


def base_of(months: Sequence[str], snapshot: str, observed: Mapping[str, Series], means: Mapping[str, Series]) -> Base:
    """The Base of ``months``: ``observed`` by provider until the month ``snapshot``, rounded ``means`` after it."""
    providers = tuple(observed)
    actual = np.array([month <= snapshot for month in months])
    pieces, flows = np.empty((len(providers), len(PIECES), len(months))), np.empty((len(providers), 7, len(months)))
    for p, code in enumerate(providers):
        seen, ahead = observed[code], means[code]
        series = {
            name: np.array(
                [(seen if month <= snapshot else ahead).get(name, {}).get(month, np.nan) for month in months]
            )
            for name in (*STOCKS, *FLOWS)
        }
        pieces[p] = np.rint(pieces_of(series))
        flows[p] = np.rint(np.stack([series[name] for name in FLOWS]))
        for flow, name in ((IN, "transfers_in"), (OUT, "transfers_out")):
            flows[p, flow, ~actual] = series[name][~actual]
    for m in np.flatnonzero(~actual):
        flows[:, IN, m], flows[:, OUT, m] = balanced(flows[:, IN, m], flows[:, OUT, m])
    return closed(Base(providers, tuple(months), pieces, flows, actual))


def closed(base: Base) -> Base:
    """``base`` with other removals of the months ahead as R4 leaves them."""
    flows = base.flows.copy()
    others = [flow for flow in range(len(FLOWS)) if flow != REMOVED]
    left = base.size[:, :-1] - base.size[:, 1:] + (SIGNS[others, None] * flows[:, others, 1:]).sum(axis=1)
    ahead = ~base.actual[1:]
    flows[:, REMOVED, 1:][:, ahead] = left[:, ahead]
    return replace(base, flows=flows)


def balanced(came: Floats, went: Floats) -> tuple[Floats, Floats]:
    """Both rounded so that as many come as go: who has the largest part over is rounded up first."""
    if np.isnan(came).any() or np.isnan(went).any():
        return np.rint(came), np.rint(went)
    total = int(round(float(went.sum())))
    return shared_out(came, total), shared_out(went, total)


def shared_out(parts: Floats, total: float) -> Floats:
    """Whole numbers in proportion to ``parts`` (none below 0) that add up to the whole number ``total``."""
    weight = float(parts.sum())
    exact = parts * (total / weight) if weight > 0 else np.full(len(parts), total / max(len(parts), 1))
    found = np.floor(exact + 1e-9)
    over = int(round(total - float(found.sum())))
    order = np.argsort(-(exact - found), kind="stable")
    found[order[:over]] += 1
    return found
