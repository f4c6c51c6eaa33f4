"""A backtest on one page: at each origin, read what was known → forecast → hold against what came → score."""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd

from waitlist.calendar import horizon as horizon_of
from waitlist.calendar import months_after, months_between
from waitlist.errors import Problem, Refusal, refuse
from waitlist.history import Break, History
from waitlist.models import backtest as scoring
from waitlist.models import baselines, past
from waitlist.models.backtest import MEASURES, METHODS, SAID, Outcome
from waitlist.models.engine import Key
from waitlist.models.series import list_series, provider_series, reported
from waitlist.pipeline import Progress, planned_lists, project, read
from waitlist.plan import Plan
from waitlist.results import ALL, Backtest

LeftOut = tuple[str, str, str, str]
"""Origin, provider, month, and why it is not scored."""
PROCESSES = 2
MOST_AHEAD = 60


@dataclass(frozen=True)
class _Job:
    """What is to be forecast from one origin: rows of ``providers``, those complete until the window's end."""

    plan: Plan
    origin: str
    ahead: int
    providers: frozenset[str]
    methods: tuple[str, ...]
    cache: bool


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
    outcomes, excluded = outcomes_of(
        plan, history, sorted(origins), horizon, tuple(baselines.BASELINES), cache, progress
    )
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
        files=history.counts.files,
        backtest=scoring.table(outcomes),
        scores=scored,
        ratios=scoring.ratios(scored),
        excluded=excluded,
        breaks=tuple(b for b in history.breaks if b.provider in asked and min(origins) < b.month <= end),
        assumptions=("Only providers that reported in every month of an origin's window are scored.",),
        warnings=(*history.problems, *warnings),
    )


def outcomes_of(
    plan: Plan,
    history: History,
    origins: Sequence[str],
    ahead: int,
    methods: tuple[str, ...],
    cache: bool = True,
    progress: Progress | None = None,
) -> tuple[list[Outcome], pd.DataFrame]:
    """The Outcome of each origin, and what is not scored and why; ``history`` is the past as it is known now."""
    jobs, excluded = [], []
    for origin in origins:
        reach = min(ahead, months_between(origin, history.months[-1]))
        providers, left_out = _complete(plan, history, origin, reach)
        jobs.append(_Job(plan, origin, reach, frozenset(providers), methods, cache))
        excluded += left_out
    said = dict(_each(jobs, progress))
    outcomes = []
    for job in jobs:
        rows, fans = said[job.origin]
        first = history.months.index(job.origin) + 1
        came = reported(history, rows, plan.specialties)[:, :, first : first + job.ahead]
        broken = _broken(rows, history.breaks, job.origin, job.ahead)
        outcomes.append(Outcome(job.origin, rows, came, fans, broken))
    frame = pd.DataFrame(excluded, columns=["origin", "provider", "month", "reason"])
    return outcomes, frame


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
    if not complete:
        rule = "no provider of the plan reported in every month from this origin on"
        raise refuse("the data", "origins", origin, rule, "Choose another origin or a shorter horizon.")
    return complete, left_out


def _at(job: _Job) -> tuple[str, tuple[tuple[Key, ...], np.ndarray]]:
    """The origin, its rows, and what each method said of them [METHODS, SAID, MEASURES, R, ahead]."""
    plan = job.plan.model_copy(update={"horizon_months": job.ahead})
    history = read(plan.inputs, plan, job.origin, job.cache)
    keep = planned_lists(plan, history)
    groups: dict[Key, list[int]] = {}
    for place, n in enumerate(keep):
        if history.lists[n][0] not in job.providers:
            continue
        for key in ((ALL, ALL), (history.lists[n][0], ALL), history.lists[n]):
            groups.setdefault(key, []).append(place)
    rows = tuple(sorted(groups, key=lambda key: (scoring.level(key) != "total", key[1] != ALL, key)))
    found = np.full((len(METHODS), len(SAID), len(MEASURES), len(rows), job.ahead), np.nan)
    place_of = {key: place for place, key in enumerate(rows)}
    time = horizon_of(history.snapshot, plan.horizon_months)
    _, forecasts = project(plan, history, past.observed_flows(history), keep, groups)
    for key, forecast in forecasts:
        found[0, :, :, place_of[key]] = scoring.own_fan(forecast, time)
    providers, values, growth = provider_series(history, plan.specialties)
    kept = [place for place, provider in enumerate(providers) if (provider, ALL) in place_of]
    each, whole = scoring.baseline_fans(values[:, kept], growth, job.ahead, job.methods)
    found[1:, :, :, :1], found[1:, :, :, 1 : 1 + len(kept)] = whole[1:], each[1:]
    lists = [keep[groups[key][0]] for key in rows[1 + len(kept) :]]
    quick = tuple(name for name in job.methods if name not in baselines.FITTED)
    found[1:, :, :, 1 + len(kept) :] = scoring.baseline_fans(*list_series(history, lists), job.ahead, quick)[0][1:]
    last = reported(history, rows, plan.specialties)[len(values) :, :, -1:]
    found[METHODS.index("last_value"), 0, len(values) :] = last
    return job.origin, (rows, found)


def _each(jobs: Sequence[_Job], progress: Progress | None) -> Iterator[tuple[str, tuple[tuple[Key, ...], np.ndarray]]]:
    """What each job gives, as it comes; two at a time, or here one by one where no process can be started."""
    tell = progress or (lambda what, done, of: None)
    left = {job.origin: job for job in jobs}
    tell("Forecasting from past origins", 0, len(jobs))
    if len(jobs) > 1:
        try:
            for found in _in_two_processes(jobs):
                del left[found[0]]
                tell("Forecasting from past origins", len(jobs) - len(left), len(jobs))
                yield found
        except (BrokenExecutor, OSError):
            pass
    for done, job in enumerate(list(left.values()), len(jobs) - len(left) + 1):
        yield _at(job)
        tell("Forecasting from past origins", done, len(jobs))


def _in_two_processes(jobs: Sequence[_Job]) -> Iterator[tuple[str, tuple[tuple[Key, ...], np.ndarray]]]:
    """Each job's answer as it is ready. Whatever stops this, Ctrl-C too, ends the processes at once."""
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with _one_thread_each(), ProcessPoolExecutor(min(PROCESSES, len(jobs)), context, _ignore_interrupts) as pool:
        try:
            for future in as_completed([pool.submit(_at, job) for job in jobs]):
                yield future.result()
        except BaseException:
            for child in set(multiprocessing.active_children()) - others:
                child.kill()
            raise


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started within use one thread each: there are as many of them as cores."""
    names = ("OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _ignore_interrupts() -> None:
    import signal  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears it, and ends this one


def _broken(rows: Sequence[Key], breaks: Iterable[Break], origin: str, ahead: int) -> np.ndarray:
    """[R, ahead] the breaks of each row's provider after ``origin`` and until then, as text."""
    found = np.full((len(rows), ahead), "", dtype=object)
    for item in breaks:
        since = months_between(origin, item.month)
        if not 0 < since <= ahead or item.kind == "new_part":
            continue
        for r, (provider, specialty) in enumerate(rows):
            if provider == item.provider and (specialty == ALL or item.specialty in (ALL, specialty)):
                text = f"{item.kind} {item.month}"
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
