"""Ground that the tests of submissions share: plans on the made-up sample, and figures made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import waitlist as wl
from waitlist.models.submission.figures import Figures, figures_of
from waitlist.models.submission.whole import FLOWS, PIECES, Base, closed
from waitlist.planning_year import in_force

RATIOS = {
    "first_outpatient_per_non_admitted_stop": 1.0,
    "follow_up_per_non_admitted_stop": 0.4,
    "admissions_per_admitted_stop": 1.0,
    "day_case_share": 0.8,
}
MONTHS = tuple(f"2025-{m:02d}" for m in range(3, 13)) + ("2026-01", "2026-02", "2026-03")
YEAR = in_force("2025-26").year


def plan_of(place: Path, year: str = "2025-26", **keys: Any) -> wl.Plan:
    """A plan of the sample beside ``place``; ``keys`` are the plan's, or those of its submission."""
    of_submission = {key: keys.pop(key) for key in list(keys) if key in SUBMISSION_KEYS}
    submission = {
        "year": year,
        "icb": "MADEQ",
        "icb_name": "Made-up Shire ICB",
        "region": "MADER",
        "author": "A. Planner",
    }
    submission |= {"ratios": RATIOS, "register": str(place / "register.sqlite")} | of_submission
    whole = {"name": "Made-up Shire", "inputs": place / "sample", "horizon_months": 19, "draws": 16}
    return wl.Plan.model_validate(whole | {"submission": submission} | keys)


SUBMISSION_KEYS = ("icb", "basis", "ratios", "supplementary", "template", "mapping", "register", "standard", "metric")


def base(providers: tuple[str, ...] = ("AAA", "BBB"), actuals: int = 6) -> Base:
    """Two trusts by hand: a level list of 1,000 in each, as many starting as leave; the first months are actuals."""
    pieces = np.tile(np.array([600.0, 350, 30, 12, 6, 2])[None, :, None], (len(providers), 1, 13))
    flows = np.zeros((len(providers), len(FLOWS), 13))
    flows[:, 0], flows[:, 1], flows[:, 2], flows[:, 3] = 200.0, 40.0, 140.0, 20.0
    pieces[:, 0] += np.arange(13) % 3  # no list is the month before's again
    actual = np.arange(13) < actuals
    flows[:, 3, 1:] = flows[:, 0, 1:] - flows[:, 1, 1:] - flows[:, 2, 1:] - np.diff(pieces.sum(axis=1), axis=1)
    assert pieces.shape[1] == len(PIECES)
    return closed(Base(providers, MONTHS, pieces, flows, actual))


def figures(made: Base | None = None, **more: Any) -> Figures:
    """The Figures of ``made`` (or of ``base``) with the usual ratios and what else is given."""
    made = made or base()
    ratios = dict.fromkeys(made.providers, RATIOS)
    keys = {"ratios": ratios, "supplied": supplied(made.providers), "overrides": ()} | more
    return figures_of(made, YEAR, "ICB", **keys)


def supplied(providers: tuple[str, ...]) -> dict[tuple[str, str, str], float]:
    """Three people under 18 over 52 weeks in every month."""
    return {(provider, "E.B.24", month): 3.0 for provider in providers for month in MONTHS[1:]}
