"""A backtest on one page: at each origin, read what was known → forecast → hold against what came → score."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from waitlist.calendar import months_after, months_between
from waitlist.errors import Problem, Refusal, refuse
from waitlist.history import Break, History
from waitlist.models import backtest as scoring
from waitlist.models.assumptions import Key
from waitlist.models.backtest import METHODS, Outcome
from waitlist.models.baselines import BASELINES
from waitlist.models.series import reported
from waitlist.origins import LEVELS, Job, Said, all_said
from waitlist.pipeline import Progress, read
from waitlist.plan import CARRY_ON, Plan, variant
from waitlist.results import ALL, Backtest

LeftOut = tuple[str, str, str, str]
"""Origin, provider, month, and why it is not scored."""
MOST_AHEAD = 60
LEAST_SHARE = 0.01
"""The part of the total that a provider's break must move to be named for it."""


def backtest(
    plan: Plan, origins: Sequence[str], horizon: int, cache: bool = True, progress: Progress | None = None
) -> Backtest:
    """Forecasts of ``plan`` from each of ``origins`` (YYYY-MM) for ``horizon`` months, scored by what came.

    From each origin everything is read anew, and nothing later than it; what came is read from the whole
    folder. Origins run in two processes. Raises Refusal naming every origin or horizon that cannot be.
    """
    _refuse_horizon(horizon)
    history = read(plan.inputs, plan, None, cache, progress)
    _refuse_origins(origins, history)
    jobs, excluded = jobs_of(plan, history, sorted(origins), horizon, tuple(BASELINES), LEVELS)
    _refuse_unscored(origins, jobs)
    outcomes = outcomes_of(history, jobs, all_said(jobs, cache, progress))
    scored = scoring.scores(outcomes)
    end = months_after(max(origins), horizon)
    short = [one.origin for one in outcomes if one.actual.shape[2] < horizon]
    rule = f"the data end at {history.months[-1]}: later months of this origin are not scored"
    warnings = [
        Problem("warning", "the data", "origins", origin, rule, "Add them when they are there.") for origin in short
    ]
    asked = {key[0] for one in outcomes for key in one.rows}
    return Backtest(
        plan=plan,
        origins=tuple(sorted(origins)),
        horizon_months=horizon,
        snapshot=history.snapshot,
        files=(*history.counts.files, *history.summaries.files),
        backtest=scoring.table(outcomes),
        scores=scored,
        ratios=scoring.ratios(scored),
        excluded=excluded,
        breaks=tuple(b for b in history.breaks if b.provider in asked and min(origins) < b.month <= end),
        assumptions=(
            "Only providers that reported in every month of an origin's window are scored.",
            "What the plan assumes of what is to come is not assumed of the past: demand and activity go on as then.",
        ),
        warnings=(*history.problems, *warnings),
    )


def outcomes_of(history: History, jobs: Sequence[Job], answers: Iterable[Said]) -> list[Outcome]:
    """What was said for each of ``jobs`` with what came of it; ``history`` is the past as it is known now."""
    said = {answer.origin: answer for answer in answers}
    outcomes = []
    for job in jobs:
        rows = said[job.origin].rows
        first = history.months.index(job.origin) + 1
        came = reported(history, rows, job.plan.specialties)[:, :, first : first + job.ahead]
        whole = float(said[job.origin].fans[METHODS.index("last_value"), 0, 0, 0, 0])
        broken = _broken(rows, history.breaks, job.origin, job.ahead, whole)
        outcomes.append(Outcome(job.origin, rows, came, said[job.origin].fans, broken))
    return outcomes


def jobs_of(
    plan: Plan, history: History, origins: Sequence[str], ahead: int, methods: Sequence[str], levels: Sequence[str]
) -> tuple[list[Job], pd.DataFrame]:
    """What is to be said from each origin, as far ahead as ``history`` goes, and what is not scored and why."""
    jobs, excluded = [], []
    for origin in origins:
        reach = min(ahead, months_between(origin, history.months[-1]))
        providers, left_out = _complete(plan, history, origin, reach)
        excluded += left_out
        if providers:
            then = _then(plan, history, origin)
            jobs.append(Job(then, origin, reach, frozenset(providers), tuple(methods), tuple(levels)))
    return jobs, pd.DataFrame(excluded, columns=["origin", "provider", "month", "reason"])


def _then(plan: Plan, history: History, origin: str) -> Plan:
    """``plan`` as it could have been then: without what it plans or assumes to come, and without providers that had
    not reported by ``origin``.
    """
    until = history.months.index(origin) + 1
    there = {history.lists[n][0] for n in np.flatnonzero(history.present[:, :until].any(axis=1))}
    known: dict[str, Any] = {
        "successor": tuple(item for item in plan.successor if item.to_provider in there),
        "breaks": tuple(item for item in plan.breaks if item.provider in there and item.month <= origin),
    }
    if plan.providers != "all":
        known["providers"] = tuple(provider for provider in plan.providers if provider in there)
    return variant(plan, CARRY_ON).model_copy(update={**known, "scenario": (), "target": ()})


def _complete(
    plan: Plan, history: History, origin: str, reach: int
) -> tuple[list[str], list[tuple[str, str, str, str]]]:
    """The plan's providers that reported from ``origin`` on, and a line for each that is left out and why."""
    first = history.months.index(origin)
    read_at_all = {file.month for file in history.counts.files}
    asked = set(history.providers if plan.providers == "all" else plan.providers)
    rows: dict[str, list[int]] = {}
    for n, (provider, _) in enumerate(history.lists):
        if provider in asked:
            rows.setdefault(provider, []).append(n)
    complete: list[str] = []
    left_out: list[LeftOut] = []
    for provider, lists in rows.items():
        there = history.present[lists[0], first : first + reach + 1]
        absent = [month for month in itertools.compress(history.months[first:], ~there) if month in read_at_all]
        size = history.waiting[lists, first].sum()
        if absent and absent[0] == origin:
            left_out.append((origin, provider, origin, "not reported at the origin"))
        elif size < plan.min_list:
            reason = f"{size:,.0f} waiting at the origin, fewer than min_list, {plan.min_list:,}"
            left_out.append((origin, provider, origin, reason))
        elif absent:
            left_out += [(origin, provider, month, "no actual: the provider did not report") for month in absent]
        else:
            complete.append(provider)
    return complete, left_out


def _broken(rows: Sequence[Key], breaks: Iterable[Break], origin: str, ahead: int, whole: float) -> np.ndarray:
    """[R, ahead] the breaks of each row's provider after ``origin`` and until then, as text.

    The total, of ``whole`` people, has those of its providers that restated it by LEAST_SHARE or more.
    """
    summed = {provider for provider, _ in rows}
    found = np.full((len(rows), ahead), "", dtype=object)
    for item in breaks:
        since = months_between(origin, item.month)
        if not 0 < since <= ahead or item.kind == "new_part":
            continue
        for r, (provider, specialty) in enumerate(rows):
            own = provider == item.provider and (specialty == ALL or item.specialty in (ALL, specialty))
            text = f"{item.kind} {item.month}" if own else f"{item.provider} {item.kind} {item.month}"
            if own or (provider == ALL and item.provider in summed and abs(item.size) >= LEAST_SHARE * whole):
                found[r, since - 1 :] = [f"{old}; {text}" if old else text for old in found[r, since - 1 :]]
    return found


def _refuse_horizon(horizon: int) -> None:
    if not 1 <= horizon <= MOST_AHEAD:
        rule = f"the horizon must be 1 to {MOST_AHEAD} months"
        raise refuse("the command", "horizon", horizon, rule, "Give another.")


def _refuse_origins(origins: Sequence[str], history: History) -> None:
    """Every origin that is not a month of the data with one after it, or is there twice (R14)."""
    months = [file.month for file in history.counts.files]
    problems = []
    for origin in dict.fromkeys(origins):
        if origin not in months:
            rule = "an origin must be a month in the data, as YYYY-MM"
        elif origin == months[-1]:
            rule = "no month after this origin is there to score it by"
        elif list(origins).count(origin) > 1:
            rule = "an origin may be there once"
        else:
            continue
        remedy = f"Choose from {months[0]} to {months[-2]}." if len(months) > 1 else "Put more months into the folder."
        problems.append(Problem("error", "the command", "origins", origin[:40], rule, remedy))
    if not origins:
        problems.append(Problem("error", "the command", "origins", "", "one origin at least is needed", "Give one."))
    if problems:
        raise Refusal(problems)


def _refuse_unscored(origins: Sequence[str], jobs: Sequence[Job]) -> None:
    """Origins from which none of the plan's providers can be scored."""
    rule, remedy = "no provider of the plan reported in every month from this origin on", "Choose another origin."
    unscored = sorted(set(origins) - {job.origin for job in jobs})
    if unscored:
        raise Refusal(Problem("error", "the data", "origins", origin, rule, remedy) for origin in unscored)
