"""A submission held against what came: rated, charted, its difference split, and the rest of the year forecast."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from waitlist.bands import Floats
from waitlist.calendar import month_end, months_after, months_between
from waitlist.errors import Problem, Refusal, refuse
from waitlist.history import History
from waitlist.known import Known, reaching, record
from waitlist.known import known as known_of
from waitlist.models.expected import Expected, expected
from waitlist.models.submission import rating as rate
from waitlist.models.submission import variance as split
from waitlist.models.submission.compared import Told, causes
from waitlist.models.submission.whole import FLOWS
from waitlist.models.targets import answers_to
from waitlist.outputs import manifest
from waitlist.pipeline import Progress, read
from waitlist.plan import Plan
from waitlist.planned import Target
from waitlist.planning_round import asked, submission
from waitlist.planning_year import PlanningYear
from waitlist.register import Version, latest, open_register
from waitlist.results import ALL
from waitlist.software import software
from waitlist.submission import STOCKS
from waitlist.submitted import FollowUp
from waitlist.versions import is_there, register_of, version_of

RATED = (*STOCKS, *FLOWS[:3])
"""The figures held against what came, beside the percentage within 18 weeks."""
CHARTED = ("waiting_list", rate.SHARE, "over_52_weeks", "clock_starts", "stops_admitted", "stops_non_admitted")
SPLIT = ("waiting_list", "over_52_weeks")
LIKELY = 0.5
"""The chance below which it is sought what would make the plan."""


@dataclass(frozen=True)
class _Held:
    """A version and what it is held against: months since the plan's snapshot that came, in the year or before it."""

    version: Version
    cells: Mapping[tuple[str, str, str], float]
    year: PlanningYear
    icb: str
    then: Known
    now: Known
    mean: Expected

    @property
    def snapshot(self) -> str:
        """The plan's, YYYY-MM."""
        return self.version.snapshot[:7]

    @property
    def came(self) -> list[str]:
        """The months of the year that came after the plan's snapshot."""
        last = self.now.history.months[-1]
        return [month for month in self.year.months if self.snapshot < month <= last]

    @property
    def orgs(self) -> tuple[str, ...]:
        """Providers, then the ICB."""
        return (*self.then.providers, self.icb)

    @property
    def whole(self) -> tuple[str, ...]:
        """Those of orgs that are still reported, the ICB where all of its providers are: others cannot be forecast."""
        there = tuple(org for org in self.then.providers if org in self.now.providers)
        return (*there, self.icb) if len(there) == len(self.then.providers) else there

    def planned(self, org: str, line: str, month: str) -> float:
        """A planned figure; of a month before the year the forecast's own, NaN where there is none."""
        if org == self.icb:
            return sum(self.planned(p, line, month) for p in self.then.providers)
        there = self.cells.get((org, line, month))
        if there is None and month <= self.snapshot:
            there = self.then.observed[org].get(line, {}).get(month)
        ahead = self.then.means[org].get(line, {}).get(month, math.nan)
        return (ahead if math.isnan(ahead) else float(round(ahead))) if there is None else there

    def actual(self, org: str, line: str, month: str) -> float:
        """What came; NaN where it is not known (R3)."""
        if org == self.icb:
            return sum(self.actual(p, line, month) for p in self.then.providers)
        return self.now.observed.get(org, {}).get(line, {}).get(month, math.nan)


def follow(plan: Plan, folder: str | Path, cache: bool = True, progress: Progress | None = None) -> FollowUp:
    """The latest final version of the plan's submission (or draft, or the plan itself) against the data in ``folder``.

    Raises Refusal where ``folder`` holds no month of the year after the plan's snapshot, or the plan's own data are no
    longer there.
    """
    tell = progress or (lambda what, done, of: None)
    held, plan, history = _held(plan, Path(folder), cache, tell)
    if not held.came:
        rule = f"actuals are held against months of {held.year.year} after the plan's snapshot, {held.version.snapshot}"
        raise refuse(str(folder), "months", history.months[-1], rule, "Put the month's extract into the folder.")
    to_go = _to_go(held)
    return FollowUp(
        plan=plan,
        snapshot=history.snapshot,
        planned_from=date.fromisoformat(held.version.snapshot),
        files=(*history.counts.files, *history.summaries.files),
        breaks=tuple(item for item in history.breaks if item.provider in {*held.orgs, ALL}),
        assumptions=_assumed(plan, held),
        warnings=history.problems,
        year=held.year,
        names=dict(held.version.more["names"]),
        orgs=held.orgs,
        version=f"version {held.version.number}, {held.version.status}" if held.version.number else "the plan as it is",
        against=_against(held),
        control=_control(held),
        variance=_variance(held, plan),
        to_go=to_go,
        needed=_needed(plan, held, to_go, tell),
    )


def _held(plan: Plan, folder: Path, cache: bool, tell: Progress) -> tuple[_Held, Plan, History]:
    settings, year = asked(plan)
    version = None
    if is_there(plan):
        with open_register(register_of(plan)) as register:
            version = latest(register, plan.name, year.year.year, "final") or latest(
                register, plan.name, year.year.year
            )
    if version is not None:
        _refuse_other_scope(plan, version)
    origin = version.snapshot[:7] if version else None
    before = read(plan.inputs, plan, origin, cache, tell)
    if version is None:
        version = version_of(submission(plan, before, tell), 0, "draft")
    after = read(folder, plan, None, cache, tell)
    if origin is None and after.months[-1] <= before.months[-1]:
        rule = f"the plan's own data reach {before.months[-1]}, as far as these"
        raise refuse(str(folder), "months", after.months[-1], rule, "Register the submission when it is made.")
    whole, _ = reaching(plan, before, year.year)
    then = known_of(whole.model_copy(update={"mutual_aid": None}), before, tell)
    rest, _ = reaching(plan, after, year.year)
    if months_between(after.months[-1], year.year.months[-1]) < 1:
        rest = rest.model_copy(update={"horizon_months": 1})
    now = known_of(rest.model_copy(update={"mutual_aid": None}), after, tell)
    told = then.projected.told
    mean = expected(told.assumed, told.factors, then.projected.state.time, told.planned)
    cells = {(c.org, c.line, c.month): math.nan if c.value is None else float(c.value) for c in version.cells}
    return _Held(version, cells, year.year, settings.icb, then, now, mean), rest, after


def _refuse_other_scope(plan: Plan, version: Version) -> None:
    """Refuse to hold a version against a plan that is about other lists."""
    told, problems = manifest.told(plan), []
    for key, now, was in (
        ("providers", told["providers"], version.plan["providers"]),
        ("specialties", told["specialties"], version.plan["specialties"]),
        ("submission.icb", told["submission"]["icb"], version.plan["submission"]["icb"]),
    ):
        if now != was:
            rule = f"version {version.number} is about other lists: its {key} are {was}"
            problems.append(
                Problem("error", "the plan", key, str(now), rule, "Use the plan as it was, or another name.")
            )
    if problems:
        raise Refusal(problems)


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else math.nan


def _against(held: _Held) -> pd.DataFrame:
    rows = []
    for org in held.orgs:
        for line in (*RATED, rate.SHARE):
            for month in held.came:
                plan, actual = _pair(held, org, line, month)
                if math.isnan(plan) or math.isnan(actual):
                    continue
                off = actual - plan
                percent = 100 * off / abs(plan) if plan else math.nan
                rated = rate.rating(plan, actual, _better(held, line))
                rows.append((org, line, month, plan, actual, off, percent, rated))
    columns = ["org", "line", "month", "plan", "actual", "difference", "percent", "rating"]
    return pd.DataFrame(rows, columns=columns)


def _pair(held: _Held, org: str, line: str, month: str) -> tuple[float, float]:
    """Planned and actual; a percentage of both counts."""
    if line != rate.SHARE:
        return held.planned(org, line, month), held.actual(org, line, month)
    size, within = _pair(held, org, STOCKS[0], month), _pair(held, org, STOCKS[1], month)
    return _percent(within[0], size[0]), _percent(within[1], size[1])


def _better(held: _Held, line: str) -> str:
    """Which way a line is better."""
    return "higher" if line == rate.SHARE else held.year.direction_of(line)


def _control(held: _Held) -> pd.DataFrame:
    known = record(held.now, held.icb)
    rows: list[tuple[object, ...]] = []
    for org in held.whole:
        for line in CHARTED:
            of = (STOCKS[1], STOCKS[0]) if line == rate.SHARE else (line,)
            series = [known[org][name] for name in of]
            there = sorted(series[0])
            if not there:
                continue
            months = [months_after(there[0], m) for m in range(months_between(there[0], there[-1]) + 1)]
            values = [np.array([one.get(month, math.nan) for month in months]) for one in series]
            shown = rate.share(*values) if line == rate.SHARE else values[0]
            rows += rate.control(org, line, months, shown, _better(held, line))
    return rate.control_table(rows)


def _variance(held: _Held, plan: Plan) -> pd.DataFrame:
    rows: list[tuple[object, ...]] = []
    parts: dict[tuple[str, str, str], float] = {}
    promised = {
        (c.org, c.month): float(c.value - c.model_value)
        for c in held.version.cells
        if (c.line, c.status) == ("over_52_weeks", "overridden") and c.value is not None and c.model_value is not None
    }
    for month in held.came:
        there = [org for org in held.then.providers if not math.isnan(held.actual(org, "waiting_list", month))]
        for org in there:
            planned, actual = _sides(held, org, month)
            lost = _days_lost(held, plan, org, month)
            overruled = promised.get((org, month), 0.0)
            found = {
                "waiting_list": split.of_list(planned, actual, lost),
                "over_52_weeks": split.of_long_waits(planned, actual, lost, held.snapshot, overruled),
            }
            for measure, steps in found.items():
                rows += _steps(org, measure, month, _pair(held, org, measure, month), steps)
                for step, value in steps.items():
                    key = (measure, month, step)
                    parts[key] = parts.get(key, 0.0) + value
        for measure in SPLIT if len(there) == len(held.then.providers) else ():
            steps = {step: parts[measure, month, step] for step in split.STEPS}
            rows += _steps(held.icb, measure, month, _pair(held, held.icb, measure, month), steps)
    return pd.DataFrame(rows, columns=["org", "measure", "month", "step", "contribution"])


def _steps(
    org: str, measure: str, month: str, ends: tuple[float, float], steps: Mapping[str, float]
) -> Iterator[tuple[object, ...]]:
    yield (org, measure, month, "plan", ends[0])
    for step in split.STEPS:
        yield (org, measure, month, step, steps[step])
    yield (org, measure, month, "actual", ends[1])


def _sides(held: _Held, org: str, last: str) -> tuple[split.Side, split.Side]:
    """The planned side and the actual one of a provider, from the plan's snapshot to the month ``last``."""
    months = [months_after(held.snapshot, m) for m in range(1, months_between(held.snapshot, last) + 1)]
    sides = []
    for side in (held.planned, held.actual):
        size, over = (np.array([side(org, n, m) for m in (held.snapshot, *months)]) for n in SPLIT)
        flows = np.array([[side(org, name, month) for month in months] for name in FLOWS])
        sides.append((size, over, flows))
    then, now = held.then.history, held.now.history
    planned_stops = _as_planned(held, org, months, sides[0][2][1:3].sum(axis=0))
    rows, before = _lists(held.now, org), _lists(held.then, org)
    opening = then.waiting[before, -1].sum(axis=0)
    if held.snapshot in held.now.observed.get(org, {}).get("waiting_list", {}):  # or it was not reported again (R3)
        opening = now.waiting[rows, now.months.index(held.snapshot)].sum(axis=0)
    known = [month in held.now.observed.get(org, {}).get("stops_non_admitted", {}) for month in months]
    actual_stops = np.where(known, _published(now, rows, months), np.nan)
    return (
        split.Side(*sides[0], then.waiting[before, -1].sum(axis=0), planned_stops),
        split.Side(*sides[1], opening, actual_stops),
    )


def _lists(known: Known, org: str) -> list[int]:
    """The places in the history of a provider's lists that the plan keeps."""
    return [n for n in known.projected.state.keep if known.history.lists[n][0] == org]


def _as_planned(held: _Held, org: str, months: Sequence[str], totals: Floats) -> Floats:
    """[105, M] planned stops by band: as the mean path gives them, as many as the plan has."""
    state = held.then.projected.state
    rows = [place for place, n in enumerate(state.whole) if n in set(_lists(held.then, org))]
    ends = [(end.week, end.flow_weight) for end in state.time.month_ends[: len(months)]]
    found = split.planned_stops(held.mean, rows, ends)
    return np.asarray(found * np.nan_to_num(totals) / np.maximum(found.sum(axis=0), 1e-9))


def _published(history: History, rows: list[int], months: Sequence[str]) -> Floats:
    """[105, M] stops by band; those whose clock start is unknown are shared out as the others."""
    counts, found = history.counts, np.zeros((history.waiting.shape[2], len(months)))
    for place, month in enumerate(months):
        if month in history.months:
            m = history.months.index(month)
            known = (counts.admitted[rows, m] + counts.non_admitted[rows, m]).sum(axis=0)
            unknown = (counts.admitted_unknown[rows, m] + counts.non_admitted_unknown[rows, m]).sum()
            found[:, place] = known * (1 + unknown / max(known.sum(), 1.0))
    return found


def _days_lost(held: _Held, plan: Plan, org: str, last: str) -> Floats:
    """[M] working days more than planned, as a share of those planned, by strikes that came and strikes planned."""
    settings, _ = asked(plan)
    months = [months_after(held.snapshot, m) for m in range(1, months_between(held.snapshot, last) + 1)]
    planned = [item for item in plan.strike if item.provider in (ALL, org)]
    return split.days_lost(months, held.now.history.summaries.strikes, settings.strike_percent_lost, planned)


def _assumed(plan: Plan, held: _Held) -> tuple[str, ...]:
    """What the split rests on."""
    settings, _ = asked(plan)
    days = (
        f"{settings.strike_percent_lost:g}% of a strike day's stops are taken as lost (submission.strike_percent_lost)."
        if settings.strike_percent_lost
        else "Strike days that came are counted as activity: working days differ from those planned by "
        "submission.strike_percent_lost alone, which the plan does not state."
    )
    return (
        "Of those over 52 weeks, stops are counted by weeks waited as published, planned ones by the forecast's mean "
        "path; other removals are what is left over, so that the split is exact.",
        days,
        *_changed_since(plan, held),
        f"The plan is held against {held.version.snapshot} as its snapshot: changes in what was reported until then "
        "are changes of data.",
    )


def _changed_since(plan: Plan, held: _Held) -> tuple[str, ...]:
    """What differs between the version and the plan and data by which its planned side is worked out again."""
    data = {file.name: file.sha256 for file in (*held.then.history.counts.files, *held.then.history.summaries.files)}
    as_was = Told({}, {i["name"]: i["sha256"] for i in held.version.data}, held.version.plan, {}, held.version.software)
    changed = [cause for cause in causes(as_was, Told({}, data, manifest.told(plan), {}, software())) if cause]
    if not changed:
        return ()
    return (
        "Since that version these have changed, and the planned side of the split of those over 52 weeks, and the "
        f"forecast from here, are as they are now: {'; '.join(changed)}. The plan's own figures are the version's.",
    )


def _to_go(held: _Held) -> pd.DataFrame:
    """The year's last month as forecast from here, and the chance of the plan's figure or better."""
    last, rows = held.year.months[-1], []
    if last > held.now.history.months[-1]:
        for org in held.whole:
            draws = held.now.draws.values[ALL if org == held.icb else org]
            at = held.now.draws.months.index(last)
            for line in (*RATED[:2], "over_52_weeks", "over_65_weeks", rate.SHARE):
                plan = _pair(held, org, line, last)[0]
                if math.isnan(plan):
                    continue
                there = _draws_of(draws, line, at)
                better = there >= plan if line in (rate.SHARE, STOCKS[1]) else there <= plan
                middle = np.quantile(there, (0.1, 0.5, 0.9))
                rows.append((org, line, last, plan, *map(float, middle), float(better.mean())))
    return pd.DataFrame(rows, columns=["org", "line", "month", "plan", "p10", "p50", "p90", "chance"])


def _draws_of(draws: Mapping[str, Floats], line: str, at: int) -> Floats:
    if line == rate.SHARE:
        return rate.share(draws[STOCKS[1]][at], draws[STOCKS[0]][at])
    return np.rint(draws[line][at])


def _needed(plan: Plan, held: _Held, to_go: pd.DataFrame, tell: Progress) -> pd.DataFrame | None:
    """The extra weekly activity that makes each provider's % within 18 weeks and over 52 weeks as likely as not.

    Each is sought alone, from the state that the rest of the year was forecast from.
    """
    targets = []
    for row in to_go.itertuples():
        if row.org != held.icb and row.line in (rate.SHARE, "over_52_weeks") and float(str(row.chance)) < LIKELY:
            end = month_end(str(row.month))
            about = {"measure": str(row.line), "value": float(str(row.plan)), "provider": str(row.org), "date": end}
            targets.append(Target.model_validate(about))
    if not targets:
        return None
    found = []
    for target in targets:
        alone = plan.model_copy(update={"target": (target,), "mutual_aid": None})
        try:
            found.append(answers_to(held.now.projected.state, alone, tell))
        except Refusal:  # nothing of that provider can be given more
            continue
    return pd.concat(found, ignore_index=True) if found else None
