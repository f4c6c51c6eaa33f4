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
from waitlist.models.submission.figures import Figures
from waitlist.models.submission.whole import FLOWS, IN, OUT, PIECES, RESTATED, Base, balanced, closed
from waitlist.submitted import OTHER


@dataclass(frozen=True)
class Commissioned:
    """People of one ICB at the last snapshot, and everyone: by provider, PIECES of the list and the first three FLOWS.

    mine, everyone: provider → [9]; elsewhere [9] the ICB's people at providers outside the plan.
    """

    mine: Mapping[str, Floats]
    everyone: Mapping[str, Floats]
    elsewhere: Floats


@dataclass(frozen=True)
class OnBasis:
    """The figures on the commissioner basis, unrounded shares [O, 9] beside them: providers, OTHER and the ICB."""

    base: Base
    shares: Floats

    def table(self, figures: Figures) -> pd.DataFrame:
        """org, line, month, value, ratio of ``figures``, which are of this base."""
        rows = [
            (org, line, month, float(figures.values[o, n, m]), _of_line(self.shares[o], line))
            for o, org in enumerate(figures.orgs)
            for n, line in enumerate(figures.lines)
            for m, month in enumerate(figures.months)
            if m
        ]
        return pd.DataFrame(rows, columns=["org", "line", "month", "value", "ratio"])


def on_basis(base: Base, found: Commissioned) -> OnBasis:
    """``base`` × the shares commissioned, with OTHER for the ICB's people elsewhere; rounded as any Base is (R4)."""
    ratios = np.array([_ratio(found.mine[code], found.everyone[code]) for code in base.providers])
    whole = np.sum([found.mine[code] for code in base.providers], axis=0)
    everyone = np.sum([found.everyone[code] for code in base.providers], axis=0)
    elsewhere = _ratio(found.elsewhere, whole)
    pieces = base.pieces * ratios[:, : len(PIECES), None]
    flows = np.zeros_like(base.flows)
    flows[:, :3] = base.flows[:, :3] * ratios[:, len(PIECES) :, None]
    flows[:, RESTATED] = base.flows[:, RESTATED] * ratios[:, :1]
    flows[:, OUT] = base.flows[:, OUT] * ratios[:, :1]
    came, went = base.flows[:, IN].sum(axis=0), flows[:, OUT].sum(axis=0)
    flows[:, IN] = base.flows[:, IN] * (went / np.maximum(came, 1.0))  # who sends says whose people they are
    other = np.zeros((1, *flows.shape[1:]))
    other[:, :3] = flows[:, :3].sum(axis=0) * elsewhere[len(PIECES) :, None]
    pieces = np.concatenate([pieces, (pieces.sum(axis=0) * elsewhere[: len(PIECES), None])[None]])
    flows = np.concatenate([flows, other])
    for m in range(flows.shape[2]):
        flows[:, IN, m], flows[:, OUT, m] = balanced(flows[:, IN, m], flows[:, OUT, m])
    ahead = np.zeros_like(base.actual)  # other removals close every month, for no share of them is published
    rounded = replace(
        base, providers=(*base.providers, OTHER), pieces=np.rint(pieces), flows=np.rint(flows), actual=ahead
    )
    return OnBasis(closed(rounded), np.vstack([ratios, elsewhere, _ratio(whole + found.elsewhere, everyone)]))


def _ratio(part: Floats, whole: Floats) -> Floats:
    """[9] shares; where nobody was seen, that of the whole list (or of all flows)."""
    split = len(PIECES)
    of_list, of_flows = _share(part[:split], whole[:split]), _share(part[split:], whole[split:])
    usual = np.where(np.arange(len(part)) < split, of_list, of_flows)
    return np.where(whole > 0, part / np.maximum(whole, 1e-9), usual)


def _share(part: Floats, whole: Floats) -> float:
    return float(part.sum() / whole.sum()) if whole.sum() > 0 else 0.0


def _of_line(shares: Floats, line: str) -> float:
    """The ratio that a line shows: of its flow, or of those it counts; NaN where it follows from others."""
    if line in FLOWS[:3]:
        return float(shares[len(PIECES) + FLOWS.index(line)])
    at = {"within_18_weeks": 0, "over_104_weeks": len(PIECES) - 1}
    return float(shares[at[line]]) if line in at else float("nan")
