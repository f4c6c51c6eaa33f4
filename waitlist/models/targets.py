"""What each target of a plan needs, as a table: by list and stage, and for the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from waitlist.bands import Floats
from waitlist.models import activity, levers, mix
from waitlist.models.aims import Aim, aim_of, met
from waitlist.models.calibration import Calibrated, Ready, ready
from waitlist.models.capacity import FEW_BLOCKS, Bounds, Least, least, pieces_of, shortfall
from waitlist.models.levers import Levers
from waitlist.models.money import planned_by_week
from waitlist.models.particular import is_about, most_particular, particular
from waitlist.plan import BASE, Plan
from waitlist.planned import ALL, Clinic, Limit, Scheme, Target
from waitlist.results import ALL as EVERY
from waitlist.scenario import sessions_of

COLUMNS = (
    "provider",
    "specialty",
    "stage",
    "target",
    "date",
    "probability",
    "current_per_week",
    "required_per_week",
    "extra_per_week",
    "attainable",
    "best_attainable",
    "binding_limit",
    "attainable_by",
    "schemes",
    "sought",
)
HIGH = "percent_within_18_weeks"
"""The measure that a target wants high."""
EVERY_TARGET = "all targets"
NO_HELP = "none: by then more activity does not help"


@dataclass(frozen=True)
class _Sought:
    """Some targets sought together: their aims, and the places of the lists that each is about."""

    label: str
    aims: tuple[Aim, ...]
    rows: Mapping[int, list[int]]


def answers_to(state: Calibrated, plan: Plan, tell: Callable[[str, int, int], None]) -> pd.DataFrame:
    """The extra weekly activity that each of the plan's targets needs beyond what it plans; then all of them together.

    One row for each list and stage, one for both, and where a target is about several lists the sums over them.
    """
    lists = [state.history.lists[n] for n in state.whole]
    kept = {state.whole.index(n) for n in state.keep}
    everyone = sorted({n for t in plan.target for n in activity.matching(lists, t.provider, t.specialty)} & kept)
    ((_, told),) = ready(state, {BASE: plan}, also=everyone)
    sought = []
    for target in plan.target:
        places = sorted(set(activity.matching(lists, target.provider, target.specialty)) & kept)
        sought.append(_Sought(_label(target), (aim_of(target),), {0: places}))
    if len(sought) > 1:
        aims = tuple(one.aims[0] for one in sought)
        sought.append(_Sought(EVERY_TARGET, aims, {i: one.rows[0] for i, one in enumerate(sought)}))
    rows: list[tuple[object, ...]] = []
    for done, one in enumerate(sought):
        tell("Seeking what targets need", done, len(sought))
        rows += _found(state, told, plan, one, lists)
    tell("Seeking what targets need", len(sought), len(sought))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _found(
    state: Calibrated, told: Ready, plan: Plan, sought: _Sought, lists: Sequence[tuple[str, str]]
) -> list[tuple[object, ...]]:
    """The rows of one sought thing: with the schemes on that belong to the cheapest mix, where any do."""
    about = sorted({n for rows in sought.rows.values() for n in rows})
    floors = sorted({0, *(weeks for aim in sought.aims for weeks in aim.floors)})
    asked = _asked(state, told, plan, sought, lists, floors)
    answer, chosen = _least(asked, sought), _schemes(state, asked, plan, sought, lists, floors)
    if chosen:
        switched = mix.with_schemes(plan, chosen)
        ((_, instead),) = ready(state, {BASE: switched}, also=about)
        other = _asked(state, instead, switched, sought, lists, floors)
        cheaper = _least(other, sought)
        costs = sum(_scheme_cost(plan, item, other) for item in plan.scheme if item.name in chosen)
        if cheaper.attainable and (not answer.attainable or _cost(other, cheaper) + costs < _cost(asked, answer)):
            asked, answer, told, plan = other, cheaper, instead, switched
        else:
            chosen = []
    limit = asked.words[answer.binding] if answer.binding else "" if answer.attainable else NO_HELP
    by = _attainable_by(state, told, plan, sought, answer, floors)
    target, together = sought.aims[0].target, len(sought.aims) > 1
    where = (EVERY, EVERY) if together else (target.provider, target.specialty)
    reached = float("nan") if together else answer.reached[0]
    said = (sought.label, max(aim.day for aim in sought.aims).isoformat(), target.probability)
    end = (answer.attainable, reached, limit, by, "; ".join(chosen), EVERY_TARGET if together else " ".join(where))
    return _rows(about, lists, where, said, asked.current, answer.extra, end)


@dataclass(frozen=True)
class _Asked:
    """What is tried for something sought: the levers, their bounds with words for them, current [N, 2] stops a week."""

    tried: Levers
    bounds: Bounds
    words: dict[tuple[int, int], str]
    current: Floats
    weeks: float


def _asked(
    state: Calibrated,
    told: Ready,
    plan: Plan,
    sought: _Sought,
    lists: Sequence[tuple[str, str]],
    floors: Sequence[int],
) -> _Asked:
    days = sorted({aim.day for aim in sought.aims})
    tried = levers.levers(told.assumed, told.factors, told.planned, state.time, floors, days, plan.capacity)
    about = sorted({n for rows in sought.rows.values() for n in rows})
    current = np.zeros((len(lists), 2))
    for n in about:
        current[n] = levers.current(tried, n)
        if state.one_stage[n]:  # the few who return to a stage that is not reported are counted with the others
            current[n] = [current[n].sum(), 0.0]
    bounds, words = bounds_of(plan, lists, about, state.one_stage, current)
    return _Asked(tried, bounds, words, current, float(tried.weeks_done.sum()))


def _least(asked: _Asked, sought: _Sought) -> Least:
    return least(asked.tried, sought.aims, sought.rows, asked.bounds)


def _cost(asked: _Asked, answer: Least) -> float:
    """What an answer's stops cost until the last date sought."""
    return float((asked.bounds.cost * answer.extra).sum() * asked.weeks)


def _scheme_cost(plan: Plan, scheme: Scheme, asked: _Asked) -> float:
    """What a scheme costs until the last date sought."""
    return scheme.cost + scheme.cost_per_case * float(np.abs(planned_by_week(plan, scheme, asked.tried.time)).sum())


def _schemes(
    state: Calibrated,
    asked: _Asked,
    plan: Plan,
    sought: _Sought,
    lists: Sequence[tuple[str, str]],
    floors: Sequence[int],
) -> list[str]:
    """The names of the schemes switched off that belong to the cheapest mix."""
    ready_to_use, nothing = mix.candidates(plan), np.zeros_like(asked.current)
    if not ready_to_use:
        return []
    about = sorted({n for rows in sought.rows.values() for n in rows})
    now = np.array([shortfall(asked.tried, aim, sought.rows[i], nothing) for i, aim in enumerate(sought.aims)])
    if (now <= 0).all():
        return []
    plans = {item.name: mix.with_schemes(plan, [item.name]) for item in ready_to_use}
    effects = np.zeros((len(now), len(plans)))
    for k, (name, told) in enumerate(ready(state, plans, also=about)):
        there = _asked(state, told, plans[name], sought, lists, floors).tried
        after = [shortfall(there, aim, sought.rows[i], nothing) for i, aim in enumerate(sought.aims)]
        effects[:, k] = now - np.array(after)
    some = levers.fewer(asked.tried, FEW_BLOCKS)
    pieces, slopes = pieces_of(some, sought.aims, sought.rows, about, asked.bounds, nothing)
    costs = np.array([_scheme_cost(plan, item, asked) for item in ready_to_use])
    chosen = mix.worth_it(pieces, slopes, np.maximum(now, 0.0), asked.bounds, asked.weeks, effects, costs)
    return [ready_to_use[k].name for k in chosen]


def _rows(
    rows: Sequence[int],
    lists: Sequence[tuple[str, str]],
    whole: tuple[str, str],
    said: tuple[object, ...],
    current: Floats,
    extra: Floats,
    end: tuple[object, ...],
) -> list[tuple[object, ...]]:
    """Each list's stages and both together, then the same of the whole where there are several lists."""
    groups = {lists[n]: [n] for n in rows}
    if len(rows) > 1 or lists[rows[0]] != whole:
        groups[whole] = list(rows)
    found: list[tuple[object, ...]] = []
    for key, places in groups.items():
        now, more = current[places].sum(axis=0), extra[places].sum(axis=0)
        each = [(stage, now[s], more[s]) for s, stage in enumerate(levers.STAGES)]
        each = [row for row in each if row[1] or row[2]]
        for stage, was, added in (*each, (EVERY, now.sum(), more.sum())):
            found.append((*key, stage, *said, was, was + added, added, *end))
    return found


def _label(target: Target) -> str:
    """A target in signs: its measure, how it is to be, and its value."""
    sign = ">=" if target.measure == HIGH else "<="
    value = target.percent if target.percent is not None else target.value or 0.0
    of = " % of the list" if target.percent is not None and not target.measure.startswith("percent") else ""
    return f"{target.measure} {sign} {value:g}{of}"


def bounds_of(
    plan: Plan,
    lists: Sequence[tuple[str, str]],
    about: Sequence[int],
    one_stage: np.ndarray,
    current: Floats,
) -> tuple[Bounds, dict[tuple[int, int], str]]:
    """How far each list's stages may go, and what sets it in words.

    ``current`` [N, 2] stops a week that go on. A [[limit]] in stops a week on several lists is on their sum, as are the
    sessions a resource has to spare.
    """
    most, words = np.zeros_like(current), {}
    sums: list[tuple[tuple[tuple[int, int], ...], float]] = []
    for n in about:
        for s, stage in enumerate(levers.STAGES):
            if s == 1 and one_stage[n]:
                continue
            percent, own = plan.capacity.most_percent, f"{plan.capacity.most_percent:g} % of what goes on"
            most[n, s] = current[n, s] * (percent / 100 - 1)
            about_it = [item for item in plan.limit if is_about(item, (*lists[n], stage))]
            for limit in sorted(about_it, key=particular):
                if limit.most_percent is not None:
                    most[n, s] = current[n, s] * (limit.most_percent / 100 - 1)
                    own = f"{limit.most_percent:g} % of what goes on"
                elif limit.specialty != ALL and limit.stage != ALL:
                    most[n, s] = max(0.0, (limit.most_per_week or 0.0) - current[n, s])
                    own = f"{limit.most_per_week:g} stops a week"
            words[(n, s)] = f"{stage} stage of {lists[n][0]} {lists[n][1]}: {own}"
    for limit in plan.limit:
        if limit.most_per_week is not None and (limit.specialty == ALL or limit.stage == ALL):
            at = _places(limit, lists, about, one_stage)
            sums.append((at, max(0.0, limit.most_per_week - sum(current[place] for place in at))))
    for resource in plan.resources:
        if resource.sessions_available_per_week is None:
            continue
        used = resource.sessions_per_week + sum(
            sessions_of(scheme, resource) for scheme in plan.scheme if scheme.on and scheme.resource == resource.name
        )
        spare = (resource.sessions_available_per_week - used) * resource.per_session()
        s = 0 if isinstance(resource, Clinic) else 1
        shared = [n for n in activity.sharing(lists, resource, one_stage) if n in about]
        sums.append((tuple((n, s) for n in shared), max(0.0, spare)))
    there = np.array([[True, not one] for one in one_stage]) & (current > 0)
    return Bounds(most, there, tuple(one for one in sums if one[0]), _costs(plan, lists, about, current)), words


def _places(
    limit: Limit, lists: Sequence[tuple[str, str]], about: Sequence[int], one_stage: np.ndarray
) -> tuple[tuple[int, int], ...]:
    rows = [n for n in activity.matching(lists, limit.provider, limit.specialty) if n in about]
    stages = [s for s, stage in enumerate(levers.STAGES) if limit.stage in (stage, ALL)]
    return tuple((n, s) for n in rows for s in stages if not (s and one_stage[n]))


def _costs(plan: Plan, lists: Sequence[tuple[str, str]], about: Sequence[int], current: Floats) -> Floats:
    """[N, 2] marginal cost of a stop; 1 where the plan gives none at all, the others' mean where it gives some."""
    given = np.full(current.shape, np.nan)
    for n in about:
        for s, stage in enumerate(levers.STAGES):
            price = most_particular(plan.price, (*lists[n], stage))
            if price is not None and price.marginal_cost_per_case > 0:
                given[n, s] = price.marginal_cost_per_case
    if np.isnan(given).all():
        return np.ones_like(current)
    return np.where(np.isnan(given), np.nanmean(given), given)


def _attainable_by(
    state: Calibrated, told: Ready, plan: Plan, sought: _Sought, answer: Least, floors: Sequence[int]
) -> str:
    """The target's date where it is attainable; else the first month end after it at which the best activity, going on,
    meets it; empty where none does."""
    last = max(aim.day for aim in sought.aims)
    if answer.attainable:
        return last.isoformat()
    days = [end.day for end in state.time.month_ends if end.day > last]
    if not days:
        return ""
    longer = levers.levers(told.assumed, told.factors, told.planned, state.time, floors, days, plan.capacity)
    totals = {i: levers.together(longer, rows, answer.extra) for i, rows in sought.rows.items()}
    for c, day in enumerate(days):
        if all(_met_on(longer, aim, totals[i][:, c]) for i, aim in enumerate(sought.aims)):
            return day.isoformat()
    return ""


def _met_on(state: Levers, aim: Aim, people: Floats) -> bool:
    """Whether an aim would be met by ``people`` [floors, D]."""
    return met(aim, people[[state.asked.floors.index(weeks) for weeks in aim.floors]], people[0])
