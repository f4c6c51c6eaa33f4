"""The record that a run's report opens with: how forecasts made this way fared at the last origins."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from contextlib import suppress

import pandas as pd

from waitlist.calendar import months_after
from waitlist.errors import Refusal
from waitlist.history import History
from waitlist.inputs import cache as kept
from waitlist.models import backtest as scoring
from waitlist.models.backtest import FANS
from waitlist.origins import said_at
from waitlist.pipeline import Progress, known_at
from waitlist.plan import Plan
from waitlist.results import Result
from waitlist.rolling import jobs_of, outcomes_of
from waitlist.software import source

ORIGINS = 3
"""Past origins that are looked at, each AHEAD months before the next."""
AHEAD = 3
LEAST_FLOWS = 6
"""Months of flows that an origin must have behind it."""
DRAWS = 100
OTHER_KEYS = {"name", "inputs", "history", "draws", "horizon_months", "thresholds_weeks"}
OTHER_KEYS |= {"deadline", "clearance", "demand", "order", "activity", "scheme", "strike", "clinic", "theatre"}
OTHER_KEYS |= {"price", "funded", "target", "limit", "capacity", "scenario", "submission", "override"}
"""Keys of a plan that do not move these forecasts; the data themselves are known by their content."""


def with_record(result: Result, history: History, cache: bool = True, progress: Progress | None = None) -> Result:
    """``result`` with the record of its plan's providers at the last origins before the snapshot of ``history``.

    Past forecasts are kept in the cache folder by the data, the plan and the code that made them. Where the
    data allow no origin there is no record.
    """
    fans = _fans(result.plan, history, cache, progress)
    if fans is None:
        return result
    return dataclasses.replace(result, record=scoring.record(fans), fans=fans)


def origins_of(history: History) -> list[str]:
    """The last origins whose AHEAD months are there, with LEAST_FLOWS months of flows behind them."""
    read = {file.month for file in history.counts.files}
    back = [months_after(history.months[-1], -AHEAD * (place + 1)) for place in range(ORIGINS)]
    return sorted(month for month in back if month in read and history.months.index(month) >= LEAST_FLOWS)


def _fans(plan: Plan, history: History, cache: bool, progress: Progress | None) -> pd.DataFrame | None:
    """Past forecasts and what came, as FANS, from the cache or made now."""
    key = _key(plan, history)
    found = kept.load_table(key, FANS) if cache else None
    if found is not None:
        return found
    few = plan.model_copy(update={"draws": DRAWS})
    jobs, _ = jobs_of(few, history, origins_of(history), AHEAD, ("last_value",), ("total", "provider"))
    tell = progress or (lambda what, done, of: None)
    answers = {}
    for done, job in enumerate(jobs):
        tell("Looking back", done, len(jobs))
        with suppress(Refusal):  # no forecast could be made then: nothing to look back on
            answers[job.origin] = said_at(known_at(history, plan, job.origin), job)
    tell("Looking back", len(jobs), len(jobs))
    if not answers:
        return None
    jobs = [job for job in jobs if job.origin in answers]
    made = scoring.table(outcomes_of(history, jobs, answers.values()))[list(FANS)]
    if cache:
        kept.store_table(key, made)
    return made


def _key(plan: Plan, history: History) -> str:
    """What these past forecasts depend on: the data, the plan, and the code."""
    files = [(file.month, file.sha256) for file in (*history.counts.files, *history.summaries.files)]
    settings = plan.model_dump(mode="json", by_alias=True, exclude=OTHER_KEYS)
    said = json.dumps([files, settings, source()], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()
