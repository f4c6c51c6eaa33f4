"""What our forecast and the simple ones say from past origins: one origin here, or several in two processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from waitlist.bands import Floats
from waitlist.calendar import horizon as horizon_of
from waitlist.history import History
from waitlist.models import backtest as scoring
from waitlist.models import baselines
from waitlist.models.assumptions import Key
from waitlist.models.backtest import MEASURES, METHODS, SAID
from waitlist.models.series import list_series, provider_series, reported
from waitlist.pipeline import Progress, planned_lists, project, read
from waitlist.plan import Plan
from waitlist.results import ALL

PROCESSES = 2
LEVELS = ("total", "provider", "specialty")


@dataclass(frozen=True)
class Job:
    """What is to be said from one origin: ``ahead`` months of ``plan``'s rows at ``levels``.

    Of ``providers`` alone, those complete until the window's end; by the forecast and the baselines ``methods``.
    """

    plan: Plan
    origin: str
    ahead: int
    providers: frozenset[str]
    methods: tuple[str, ...]
    levels: tuple[str, ...] = LEVELS


@dataclass(frozen=True)
class Said:
    """What each method said at ``origin`` of ``rows``, the total first: fans [METHODS, SAID, MEASURES, R, ahead]."""

    origin: str
    rows: tuple[Key, ...]
    fans: Floats


def said_at(history: History, job: Job) -> Said:
    """What was said at the origin, which is the snapshot of ``history``."""
    plan = job.plan.model_copy(update={"horizon_months": job.ahead})
    keep = planned_lists(plan, history)
    groups: dict[Key, list[int]] = {}
    for place, n in enumerate(keep):
        provider, specialty = history.lists[n]
        if provider in job.providers:
            for name, key in zip(LEVELS, ((ALL, ALL), (provider, ALL), (provider, specialty)), strict=True):
                if name in job.levels:
                    groups.setdefault(key, []).append(place)
    rows = tuple(sorted(groups, key=lambda key: (LEVELS.index(scoring.level(key)), key)))
    fans = np.full((len(METHODS), len(SAID), len(MEASURES), len(rows), job.ahead), np.nan)
    time = horizon_of(history.snapshot, plan.horizon_months)
    forecasts = project(plan, history, keep, groups).forecasts
    place_of = {key: place for place, key in enumerate(rows)}
    for key, forecast in forecasts:
        fans[0, :, :, place_of[key]] = scoring.own_fan(forecast, time)
    providers, values, growth = provider_series(history, plan.specialties)
    kept = [place for place, provider in enumerate(providers) if (provider, ALL) in place_of]
    each, whole = scoring.baseline_fans(values[:, kept], growth, job.ahead, job.methods)
    fans[1:, :, :, :1], fans[1:, :, :, 1 : 1 + len(kept)] = whole[1:], each[1:]
    lists = [keep[groups[key][0]] for key in rows[1 + len(kept) :]]
    if lists:
        quick = tuple(name for name in job.methods if name not in baselines.FITTED)
        each, _ = scoring.baseline_fans(*list_series(history, lists), job.ahead, quick)
        fans[1:, :, :, 1 + len(kept) :] = each[1:]
    flows = reported(history, rows, plan.specialties)[len(values) :, :, -1:]
    fans[METHODS.index("last_value"), 0, len(values) :] = flows
    return Said(job.origin, rows, fans)


def read_and_said(job: Job, cache: bool) -> Said:
    """What was said at the origin from files that were there then: nothing later is opened."""
    return said_at(read(job.plan.inputs, job.plan, job.origin, cache), job)


def all_said(jobs: Sequence[Job], cache: bool, progress: Progress | None) -> Iterator[Said]:
    """What each job gives, as it comes; two at a time, or here one by one where no process can be started."""
    tell = progress or (lambda what, done, of: None)
    left = {job.origin: job for job in jobs}
    tell("Forecasting from past origins", 0, len(jobs))
    if len(jobs) > 1:
        try:
            for said in _in_two_processes(jobs, cache):
                del left[said.origin]
                tell("Forecasting from past origins", len(jobs) - len(left), len(jobs))
                yield said
        except (BrokenExecutor, OSError):
            pass
    for done, job in enumerate(list(left.values()), len(jobs) - len(left) + 1):
        yield read_and_said(job, cache)
        tell("Forecasting from past origins", done, len(jobs))


def _in_two_processes(jobs: Sequence[Job], cache: bool) -> Iterator[Said]:
    """Each job's answer as it is ready. Whatever stops this, Ctrl-C too, ends the processes at once."""
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with _one_thread_each(), ProcessPoolExecutor(min(PROCESSES, len(jobs)), context, _ignore_interrupts) as pool:
        try:
            for future in as_completed([pool.submit(read_and_said, job, cache) for job in jobs]):
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears it, and ends this one
