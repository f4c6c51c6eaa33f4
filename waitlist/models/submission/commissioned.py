"""The commissioner basis: each provider's figures × the share that the ICB commissioned at the last snapshot.

People of the ICB who wait elsewhere are a line of their own, in proportion to those who wait at the plan's providers,
so that the ICB is a sum on this basis too. The shares are observed once and held: that is said wherever they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from waitlist.bands import Floats
from waitlist.models.submission.figures import LINES
from waitlist.models.submission.whole import FLOWS, IN, OUT, PIECES, REMOVED, RESTATED, Base, closed, stocks
from waitlist.submission import STOCKS
from waitlist.submitted import OTHER


@dataclass(frozen=True)
class Commissioned:
    """People of one ICB at the last snapshot, and everyone: by provider, PIECES of the list and the first three FLOWS.

    mine, everyone: provider → [9]; elsewhere [9] the ICB's people at providers outside the plan.
    """

    mine: Mapping[str, Floats]
    everyone: Mapping[str, Floats]
    elsewhere: Floats


def commissioner_table(base: Base, icb: str, found: Commissioned) -> pd.DataFrame:
    """org, line, month, value, ratio: providers, OTHER and the ICB on the commissioner basis, months of the year."""
    ratios = np.array([_ratio(found.mine[code], found.everyone[code]) for code in base.providers])
    whole = sum(found.mine[code] for code in base.providers)
    elsewhere = _ratio(found.elsewhere, np.asarray(whole))
    exact = _exact(base, ratios)
    other = (exact[0].sum(axis=0) * elsewhere[: len(PIECES), None], _flows(exact[1].sum(axis=0), elsewhere))
    orgs = (*base.providers, OTHER)
    pieces = np.rint(np.concatenate([exact[0], other[0][None]]))
    flows = np.rint(np.concatenate([exact[1], other[1][None]]))
    known = replace(base, providers=orgs, pieces=pieces, flows=flows, actual=np.zeros_like(base.actual))
    mine = closed(known)
    lines = [stocks(mine.pieces)[name] for name in STOCKS] + [mine.flows[:, f] for f in range(len(FLOWS))]
    values = np.stack(lines, axis=1)
    values = np.concatenate([values, values.sum(axis=0, keepdims=True)])
    shares = np.vstack([ratios, elsewhere, _ratio(np.asarray(whole) + found.elsewhere, _sum(base, found))])
    rows = [
        (org, line, month, values[o, n, m], _of_line(shares[o], line, values[o], n))
        for o, org in enumerate((*orgs, icb))
        for n, line in enumerate(LINES)
        for m, month in enumerate(base.months)
        if m
    ]
    return pd.DataFrame(rows, columns=["org", "line", "month", "value", "ratio"])


def _sum(base: Base, found: Commissioned) -> Floats:
    return np.asarray(sum(found.everyone[code] for code in base.providers))


def _ratio(part: Floats, whole: Floats) -> Floats:
    """[9] shares; where nobody was seen, that of the whole list (or of all flows)."""
    split = len(PIECES)
    usual = np.where(
        np.arange(len(part)) < split, _share(part[:split], whole[:split]), _share(part[split:], whole[split:])
    )
    return np.where(whole > 0, part / np.maximum(whole, 1e-9), usual)


def _share(part: Floats, whole: Floats) -> float:
    return float(part.sum() / whole.sum()) if whole.sum() > 0 else 0.0


def _exact(base: Base, ratios: Floats) -> tuple[Floats, Floats]:
    """Pieces [P, 6, 13] and flows [P, 7, 13], unrounded."""
    pieces = base.pieces * ratios[:, : len(PIECES), None]
    return pieces, np.stack([_flows(base.flows[p], ratios[p]) for p in range(len(base.providers))])


def _flows(flows: Floats, ratio: Floats) -> Floats:
    """[7, 13] flows; transfers and restatements as those within 18 weeks, other removals close R4 afterwards."""
    found = flows.copy()
    found[:3] *= ratio[len(PIECES) :, None]
    found[[IN, OUT, RESTATED]] *= ratio[0]
    found[REMOVED] = 0.0
    return found


def _of_line(shares: Floats, line: str, values: Floats, n: int) -> float:
    """The ratio that a line shows: of its flow, or of the list by weeks waited; NaN where it follows from others."""
    if line in FLOWS[:3]:
        return float(shares[len(PIECES) + FLOWS.index(line)])
    if line == "within_18_weeks":
        return float(shares[0])
    if line == "over_104_weeks":
        return float(shares[len(PIECES) - 1])
    return float("nan")
