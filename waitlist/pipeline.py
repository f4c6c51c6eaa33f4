"""The whole way on one page: read (plan) → fit → project → answer → write."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from waitlist.calendar import horizon, month_end, months_after
from waitlist.collaborative import from_there, mutual_aid
from waitlist.errors import Problem, Refusal, refuse
from waitlist.history import History
from waitlist.models import (
    answers,
    assumptions,
    engine,
    money,
    past,
    queueing_table,
    rates,
    remarks,
    scenarios,
    tables,
    targets,
)
from waitlist.models.calibration import Calibrated, Ready, calibrate, ready
from waitlist.models.forecast import Forecast, ask
from waitlist.models.hubs import with_hubs
from waitlist.plan import BASE, CARRY_ON, Deadline, Plan, variant
from waitlist.results import Answer, Result
from waitlist.unplannable import code_problems, hub_problems, planned_problems, unknown_codes

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how many."""


def _untold(what: str, done: int, of: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Projection:
    """The forecasts of a plan as they are made, and what they rest on."""

    state: Calibrated
    told: Ready
    forecasts: Iterator[tuple[assumptions.Key, Forecast]]


def read(
    folder: str | Path,
    plan: Plan | None = None,
    origin: str | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> History:
    """The observed past in ``folder``, knowing nothing after the month ``origin`` (YYYY-MM).

    ``plan`` gives the mergers and the breaks it overrules, the lists that must make sense, and the history:
    files that tell of a longer past, of which nothing after the last month is used either.
    Raises Refusal naming every problem found.
    """
    from waitlist.inputs.check import disagreements, excess, questions, refuse_excess, vanished  # noqa: PLC0415 - loads DuckDB
    from waitlist.inputs.extract import read_counts  # noqa: PLC0415
    from waitlist.inputs.past import history_of, merge_summaries, unused_keys  # noqa: PLC0415
    from waitlist.inputs.summaries import read_summaries  # noqa: PLC0415

    counts, problems = read_counts(Path(folder), origin=origin, cache=cache, progress=progress)
    history = history_of(counts, plan.successor if plan else (), plan.breaks if plan else ())
    if plan is not None:
        lists = planned_lists(plan, history)
        refuse_excess(history.counts, lists)
        providers = {history.lists[n][0] for n in lists}
        problems += (*unused_keys(counts, plan.successor, plan.breaks), *excess(history.counts, lists))
        problems += tuple(questions(history.counts, providers))
        asked = plan.providers if plan.providers != "all" else ()
        problems += tuple(vanished(history.counts, history.breaks, asked))
        summaries, missing = read_summaries(plan.history, history.months[-1])
        problems += (*missing, *disagreements(counts, summaries))
        merged = merge_summaries(summaries, plan.successor)
        history = dataclasses.replace(history, summaries=merged, summaries_sent=summaries)
    return dataclasses.replace(history, problems=problems)


def known_at(history: History, plan: Plan, origin: str) -> History:
    """``history`` as it was known at the month ``origin``: as ``read`` with that origin gives it, without its notes.

    What was sent is cut before providers are merged or anything is inferred, so that nothing later is in any of it.
    """
    from waitlist.inputs.past import history_of, merge_summaries, summaries_until, until  # noqa: PLC0415

    known = history_of(until(history.sent, origin), plan.successor, plan.breaks)
    sent = summaries_until(history.summaries_sent, origin)
    return dataclasses.replace(known, summaries=merge_summaries(sent, plan.successor), summaries_sent=sent)


def run(plan: Plan, history: History, progress: Progress | None = None) -> Result:
    """Every answer of ``plan`` from ``history``: its own forecast, what its targets need, its scenarios side by side.

    Raises Refusal where the plan asks for what is not there.
    """
    tell = progress or _untold
    told, result = _answered(plan, history, tell)
    if plan.target:
        result = dataclasses.replace(result, capacity=targets.answers_to(told.state, plan, tell))
    if plan.transfer or plan.mutual_aid:
        result = dataclasses.replace(result, aid=mutual_aid(told.state, plan, told.known, tell))
    return _compared(told, result, tell) if scenarios.names_of(plan) else result


def answers_alone(plan: Plan, history: History, progress: Progress | None = None) -> Result:
    """As ``run``, without scenarios and targets: the forecast of the plan itself and its answers."""
    return _answered(plan, history, progress or _untold)[1]


@dataclass(frozen=True)
class _Told:
    """What the scenarios of a plan are compared from: its state, its own tables, and the rows with their known past."""

    state: Calibrated
    base: Ready
    found: tables.Tables
    groups: Mapping[assumptions.Key, list[int]]
    known: Mapping[assumptions.Key, past.Observed]


def _answered(plan: Plan, history: History, tell: Progress) -> tuple[_Told, Result]:
    """The plan's own forecast and its answers."""
    history = with_hubs(history, plan)
    keep = planned_lists(plan, history)
    tell("Fitting rates", 0, 1)
    time = horizon(history.snapshot, plan.horizon_months)
    found = tables.Tables()
    groups = tables.rows_of([history.lists[n] for n in keep])
    projected = project(plan, history, keep, groups, answers.deadlines(plan, time))
    state, everyone = projected.state, {}
    last, seen = state.flows[-1], past.observed(history, state.flows)
    for done, (key, forecast) in enumerate(projected.forecasts):
        tell("Forecasting", done + 1, len(groups))
        rows = [keep[n] for n in groups[key]]
        known = past.total(seen, rows)
        known |= past.shares_and_waits(known, history.waiting[rows].sum(axis=0, keepdims=True))
        stops_over = tables.stops_over_thresholds(history, rows)
        removed_over = tables.removed_over_thresholds(last, rows)
        tables.answer(found, key, forecast, known, stops_over, removed_over, plan, history, time)
        tables.position(found, key, known, history, last, rows)
        everyone[key] = known
    queues = queueing_table.table(history, seen, state.fitted, keep)
    result = found.result(plan, history, state.fitted, projected.told.starts, state.paces, keep, queues)
    result = dataclasses.replace(result, warnings=(*result.warnings, *unplannable(plan, history, keep)))
    return _Told(state, projected.told, found, groups, everyone), result


def _compared(told: _Told, result: Result, tell: Progress) -> Result:
    """``result`` with the plan's scenarios side by side, what each part contributes, money, and what flatters."""
    plan, time = result.plan, told.state.time
    wanted = answers.deadlines(plan, time)
    found = scenarios.compare(told.state, told.base, told.found, told.groups, told.known, wanted, tell)
    plans = {name: variant(plan, name) for name in scenarios.names_of(plan)}
    costs = money.money(plans, found.stages, CARRY_ON, time)
    return dataclasses.replace(
        result,
        scenarios=found.scenarios,
        waterfall=found.waterfall,
        scenario_breakeven=found.breakeven,
        scenario_clearance=found.clearance,
        scenario_cohorts=found.cohorts,
        stages=found.stages,
        money=costs if len(costs) else None,
        remarks=remarks.remarks(plans, found.waterfall),
    )


def capacity(plan: Plan, history: History, progress: Progress | None = None) -> Answer:
    """The least extra weekly activity that meets each of the plan's targets (models.targets.COLUMNS).

    Raises Refusal where the plan has no target, or one that cannot be sought.
    """
    if not plan.target:
        rule, remedy = "capacity is sought for a target", "Add a [[target]] to the plan, or --target to the command."
        raise refuse("the plan", "target", "", rule, remedy)
    tell = progress or _untold
    state = _calibrated(plan, history, tell)
    return _alone(plan, state.history, state.keep, "capacity", targets.answers_to(state, plan, tell))


def transfers(
    plan: Plan, history: History, progress: Progress | None = None, happened: str | Path | None = None
) -> Answer:
    """Who should move where, in which week, and what it does to everyone's waits (results.Aid).

    happened: a schedule in which what happened is filled in; the rest is planned from there. Raises Refusal where the
    plan has neither [[transfer]] nor [mutual_aid], or limits that cannot all be kept.
    """
    if not plan.transfer and not plan.mutual_aid:
        rule = "transfers are simulated where a plan has [[transfer]], and chosen where it has [mutual_aid]"
        raise refuse("the plan", "mutual_aid", "", rule, "Add a table [mutual_aid], which may be empty.")
    done = None
    if happened is not None:
        plan, done = from_there(plan, Path(happened))
    tell = progress or _untold
    state = _calibrated(plan, history, tell)
    history, keep = state.history, state.keep
    seen, known = past.observed(history, state.flows), {}
    for key, places in tables.rows_of([history.lists[n] for n in keep]).items():
        known[key] = past.total(seen, [keep[n] for n in places])
    state = dataclasses.replace(state, flows=[])  # what was inferred of the past is large, and no longer needed
    found = dataclasses.replace(mutual_aid(state, plan, known, tell), happened=done)
    alone = _alone(plan, history, keep, "transfers", found.transfers)
    names = {**history.counts.provider_names, **history.counts.specialty_names}
    return dataclasses.replace(alone, aid=found, names=names)


def _calibrated(plan: Plan, history: History, tell: Progress) -> Calibrated:
    """The state that an answer without the whole run is sought from."""
    history = with_hubs(history, plan)
    keep = planned_lists(plan, history)
    _refuse_without_flows(history, keep)
    tell("Fitting rates", 0, 1)
    return calibrate(plan, history, keep)


def queueing(plan: Plan, history: History, target_weeks: int, share_within: float) -> Answer:
    """The queueing view of every list (models.queueing_table), for a target wait and the share to be within it."""
    keep = planned_lists(plan, history)
    _refuse_without_flows(history, keep)
    flows = past.observed_flows(history)
    seen, fitted = past.observed(history, flows), rates.fit(history, flows)
    table = queueing_table.table(history, seen, fitted, keep, target_weeks, share_within)
    return _alone(plan, history, keep, "queueing", table)


def _alone(plan: Plan, history: History, keep: Sequence[int], name: str, table: pd.DataFrame) -> Answer:
    """One answer and what it rests on."""
    warnings = (*history.problems, *unplannable(plan, history, keep))
    files = (*history.counts.files, *history.summaries.files)
    return Answer(plan, history.snapshot, files, name, table, history.breaks, (), warnings)


def project(
    plan: Plan,
    history: History,
    keep: list[int],
    groups: Mapping[assumptions.Key, list[int]],
    deadlines: tuple[Deadline, ...] = (),
) -> Projection:
    """The Forecast of each of ``groups``, the places in ``keep`` of the lists it adds up, and what it rests on."""
    _refuse_without_flows(history, keep)
    state = calibrate(plan, history, keep)
    ((_, told),) = ready(state, {BASE: plan})
    wanted = ask(state.time, deadlines)
    forecasts = engine.project(told.assumed, told.factors, state.time, state.rows(groups), wanted, told.planned)
    return Projection(state, told, forecasts)


def _refuse_without_flows(history: History, keep: list[int]) -> None:
    """A forecast needs a month whose flows and both ends are known, and that no break spoils."""
    if not history.fit_months[keep].any():
        rule = "a forecast needs at least one month without a break whose month before is there too (R4)"
        remedy = "Put more months into the folder, choose a later origin, or let the plan ignore a break."
        raise refuse("the data", "months", ", ".join(history.months[-3:]), rule, remedy)


def write(result: Result, out: str | Path) -> Path:
    """Write ``result`` into the folder ``out``, whole or not at all (R14); returns the folder."""
    from waitlist.outputs.folder import write as write_folder  # noqa: PLC0415 - loads charts

    return write_folder(result, Path(out))


def planned_lists(plan: Plan, history: History) -> list[int]:
    """The lists that ``plan`` is about, as positions; refuses providers and specialties that are not there."""
    names = {code: history.counts.provider_names.get(code, "") for code in history.providers}
    specialties = history.counts.specialty_names
    problems = code_problems(plan, history.counts.provider_names, specialties)
    problems += hub_problems(plan, history.sent.provider_names, specialties)
    problems += unknown_codes("break.provider", [item.provider for item in plan.breaks], names)
    if plan.providers != "all":
        problems += unknown_codes("providers", plan.providers, names)
    if plan.specialties != "all":
        problems += unknown_codes("specialties", plan.specialties, specialties)
    if problems:
        raise Refusal(problems)
    hubs = plan.hub_codes
    size: dict[str, float] = {}
    for n, (provider, _) in enumerate(history.lists):
        size[provider] = size.get(provider, 0.0) + float(history.waiting[n, -1].sum())
    keep = [
        n
        for n, (provider, specialty) in enumerate(history.lists)
        if (plan.providers == "all" or provider in plan.providers or provider in hubs)
        and (plan.specialties == "all" or specialty in plan.specialties)
        and (size[provider] >= plan.min_list or provider in hubs)
        and history.present[n, -1]
    ]
    if not keep:
        raise refuse(
            "the plan", "providers", "", "no list it asks for is reported at the origin", "Check `waitlist check`."
        )
    problems = unplannable(plan, history, keep)
    if any(problem.severity == "error" for problem in problems):
        raise Refusal(problem for problem in problems if problem.severity == "error")
    return keep


def unplannable(plan: Plan, history: History, keep: Sequence[int]) -> list[Problem]:
    """What is planned that can't be, or has no effect, at the providers of the lists ``keep``."""
    providers = {history.lists[n][0] for n in keep} | plan.hub_codes
    history = with_hubs(history, plan)
    here = [n for n, key in enumerate(history.lists) if key[0] in providers and history.present[n, -1]]
    lists = {history.lists[n]: bool(history.one_stage[n]) for n in here}
    names, specialties = history.counts.provider_names, history.counts.specialty_names
    last = month_end(months_after(history.months[-1], plan.horizon_months))
    return planned_problems(
        plan,
        lists,
        {code: names.get(code, "") for code in sorted(providers)},
        {code: specialties.get(code, "") for code in sorted({key[1] for key in lists})},
        history.snapshot,
        last,
    )
