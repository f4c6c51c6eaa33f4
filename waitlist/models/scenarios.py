"""Scenarios side by side, on the same draws, and what each part of a change contributes.

A waterfall's step is what its part changes when it alone is added to the base; ``interaction`` is what the parts do to
each other, so that the steps add up exactly and their order does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from waitlist.bands import Floats
from waitlist.models import assumptions, engine, measures, past, tables
from waitlist.models.calibration import Calibrated, Ready, ready
from waitlist.models.controls import Controls
from waitlist.models.forecast import Asked, ask
from waitlist.models.moving import reached
from waitlist.plan import BASE, CARRY_ON, Deadline, Plan, variant

WAYS = ("mean", "p10", "p50", "p90")
SHOWN = tuple(tables.QUANTILES.index(name) for name in WAYS[1:])
INTERACTION = "interaction"
MOST_PARTS = 20
"""Schemes (clinics, theatres) that each have a step of their own; those beyond are one step together."""
HALF = 0.0005
"""Half the third decimal: a contribution below it is none."""


@dataclass(frozen=True)
class Compared:
    """Every scenario's answers, ``scenario`` being the first column of each table."""

    scenarios: pd.DataFrame
    waterfall: pd.DataFrame
    breakeven: pd.DataFrame
    clearance: pd.DataFrame
    cohorts: pd.DataFrame
    stages: pd.DataFrame


def names_of(plan: Plan) -> list[str]:
    """The scenarios of ``plan``, in order; none where it plans nothing and names none."""
    if not plan.scenario and variant(plan, CARRY_ON) == plan:
        return []
    return [CARRY_ON, BASE, *(item.name for item in plan.scenario)]


def compare(
    state: Calibrated,
    base: Ready,
    found: tables.Tables,
    groups: Mapping[assumptions.Key, list[int]],
    known: Mapping[assumptions.Key, past.Observed],
    deadlines: tuple[Deadline, ...],
    tell: Callable[[str, int, int], None],
) -> Compared:
    """The scenarios of ``base``'s plan, and what takes its own figures, ``found``, to each of theirs."""
    plans = {name: variant(base.plan, name) for name in names_of(base.plan)}
    wanted, rows = ask(state.time, deadlines), state.rows(groups)
    answered = {BASE: found}
    steps: dict[str, dict[str, Mapping[assumptions.Key, Floats]]] = {name: {} for name in plans if name != BASE}
    parted = {(name, step): plan for name in steps for step, plan in parts(base.plan, plans[name])}
    jobs = {(name, ""): plans[name] for name in steps} | parted
    means = {key: mean for key, _, mean, _ in found.trajectory}
    for done, (job, told) in enumerate(ready(state, jobs)):
        tell("Comparing scenarios", done + 1, len(jobs))
        name, step = job
        moved = _moved(base, told, rows)
        if step:
            steps[name][step] = _means(state, told, {key: rows[key] for key in moved}, wanted)
            continue
        answered[name] = tables.Tables()
        forecasts = engine.project(told.assumed, told.factors, state.time, rows, wanted, told.planned)
        for key, forecast in forecasts:
            tables.answer_ahead(answered[name], key, forecast, known[key], told.plan, state.time)
    order, ends = [name for name in plans if name in answered], [end.day.isoformat() for end in state.time.month_ends]
    return Compared(
        _scenarios(answered, order),
        _waterfall(answered, steps, means, ends),
        _each(answered, order, "breakeven", ("threshold_weeks", "as_of", *tables.BREAKEVEN)),
        _each(answered, order, "clearance", ("threshold_weeks", *tables.CLEARANCE)),
        _each(answered, order, "cohorts", ("threshold_weeks", "deadline", *tables.COHORT)),
        stages_table(answered, order, ends),
    )


def parts(base: Plan, other: Plan) -> list[tuple[str, Plan]]:
    """The steps from ``base`` to ``other``, each the base with that part alone as the other has it.

    In this order: demand, working days (strikes), each scheme and resource, planned activity, transfers, order of
    treatment.
    """
    found: list[tuple[str, Plan]] = []
    if base.demand != other.demand:
        found.append(("demand", base.model_copy(update={"demand": other.demand})))
    if base.strike != other.strike:
        found.append(("working days", base.model_copy(update={"strike": other.strike})))
    for key in ("scheme", "clinic", "theatre"):
        mine, theirs = ({item.name: item for item in getattr(plan, key)} for plan in (base, other))
        names = [name for name in dict.fromkeys((*mine, *theirs)) if mine.get(name) != theirs.get(name)]
        steps = [(name, [name]) for name in names[:MOST_PARTS]]
        if len(names) > MOST_PARTS:
            steps.append((f"{len(names) - MOST_PARTS} other {key}s", names[MOST_PARTS:]))
        for step, changing in steps:
            changed = {**mine, **{name: theirs.get(name) for name in changing}}
            items = tuple(item for item in changed.values() if item is not None)
            found.append((step, _with_resources(base.model_copy(update={key: items}), other)))
    if base.activity != other.activity:
        found.append(("planned activity", base.model_copy(update={"activity": other.activity})))
    if base.transfer != other.transfer:
        found.append(("transfers", base.model_copy(update={"transfer": other.transfer})))
    if base.order != other.order:
        found.append(("order of treatment", base.model_copy(update={"order": other.order})))
    return found


def _with_resources(plan: Plan, other: Plan) -> Plan:
    """``plan`` whose schemes have the clinic or theatre that they use: one that comes brings it from ``other``, one
    whose resource goes, goes with it."""
    there = {item.name for item in plan.resources}
    without = [scheme for scheme in plan.scheme if scheme.resource and scheme.resource not in there]
    brought = {scheme.resource for scheme in without if scheme in other.scheme}
    update: dict[str, Any] = {
        key: (*getattr(plan, key), *(item for item in getattr(other, key) if item.name in brought))
        for key in ("clinic", "theatre")
    }
    kept = there | {item.name for item in other.resources if item.name in brought}
    update["scheme"] = tuple(item for item in plan.scheme if not item.resource or item.resource in kept)
    return plan.model_copy(update=update) if without else plan


def _moved(base: Ready, other: Ready, rows: Mapping[assumptions.Key, list[int]]) -> list[assumptions.Key]:
    """The rows whose forecast is not the base's: one of their lists starts, goes by activity or converts otherwise."""
    lists = len(base.assumed.lists)
    moved = (base.assumed.starts != other.assumed.starts).any(axis=1)
    if base.factors.months is not other.factors.months:
        moved |= (base.factors.months[:, :, :4] != other.factors.months[:, :, :4]).any(axis=(1, 2, 3))
    for n in range(lists):
        one, two = base.planned.place[n], other.planned.place[n]
        moved[n] |= (one < 0) != (two < 0) or (one >= 0 and not _alike(base.planned.told, one, other.planned.told, two))
    if not all(map(np.array_equal, base.planned.moves, other.planned.moves)):
        moved[[*reached(base.planned.moves), *reached(other.planned.moves)]] = True
    return [key for key, places in rows.items() if moved[places].any()]


def _alike(one: Controls, i: int, two: Controls, j: int) -> bool:
    """Whether two lists are told the same."""
    names = ("keep", "add", "below", "discipline", "first", "urgent", "routine")
    same_floors = one.floors.shape == two.floors.shape and (one.floors == two.floors).all()
    return bool(same_floors and all(np.array_equal(getattr(one, k)[i], getattr(two, k)[j]) for k in names))


def _means(
    state: Calibrated, told: Ready, rows: Mapping[assumptions.Key, list[int]], wanted: Asked
) -> dict[assumptions.Key, Floats]:
    """The means [measures, C] at month ends of each of ``rows``."""
    forecasts = engine.project(told.assumed, told.factors, state.time, rows, wanted, told.planned)
    return {key: measures.means(measures.monthly(forecast, state.time)) for key, forecast in forecasts}


def _scenarios(answered: Mapping[str, tables.Tables], order: Sequence[str]) -> pd.DataFrame:
    """Mean and SHOWN percentiles by scenario, row, month end and measure, and the mean's difference from the base's."""
    base = {key: mean for key, _, mean, _ in answered[BASE].trajectory}
    frames = []
    for name in order:
        frame = tables.long(answered[name].trajectory, "month_end")
        keys = sorted(key for key, *_ in answered[name].trajectory)
        frame["difference_from_base"] = frame["mean"] - np.concatenate([base[key].ravel() for key in keys])
        frame.insert(0, "scenario", name)
        frames.append(frame.drop(columns=[q for q in tables.QUANTILES if q not in WAYS]))
    return pd.concat(frames, ignore_index=True)


def _waterfall(
    answered: Mapping[str, tables.Tables],
    steps: Mapping[str, Mapping[str, Mapping[assumptions.Key, Floats]]],
    base: Mapping[assumptions.Key, Floats],
    ends: Sequence[str],
) -> pd.DataFrame:
    """From the base to each scenario, step by step, to the third decimal exactly; what does not change is left out."""
    frames = []
    for name, parted in steps.items():
        for key, _, mean, _ in sorted(answered[name].trajectory, key=lambda row: row[0]):
            first, last = np.round(base[key], 3), np.round(mean, 3)
            alone = [np.round(moved[key], 3) - first if key in moved else 0.0 * first for moved in parted.values()]
            if len(alone) == 1:  # the only part is the whole change
                alone = [last - first]
            rest = last - first - sum(alone)
            every = np.stack([first, *alone, rest, last], axis=2)
            said = np.asarray(np.abs(every) > HALF)
            said[:, :, [0, -1]] = said[:, :, 1:-1].any(axis=2, keepdims=True)
            measure, month, step = np.nonzero(said & ~np.isnan(every))
            labels = np.array(["base", *parted, INTERACTION, "scenario"], dtype=object)
            frame = pd.DataFrame(
                {
                    "scenario": name,
                    "provider": key[0],
                    "specialty": key[1],
                    "month_end": np.array(ends, dtype=object)[month],
                    "measure": np.array(measures.MEASURES, dtype=object)[measure],
                    "step": labels[step],
                    "contribution": every[measure, month, step],
                }
            )
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _each(
    answered: Mapping[str, tables.Tables], order: Sequence[str], answer: str, columns: Sequence[str]
) -> pd.DataFrame:
    """One kind of answer of every scenario, by provider and specialty."""
    frames = []
    for name in order:
        frame = pd.DataFrame(getattr(answered[name], answer), columns=["provider", "specialty", *columns])
        frame = frame.sort_values(["provider", "specialty"], kind="stable")
        frame.insert(0, "scenario", name)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def stages_table(answered: Mapping[str, tables.Tables], order: Sequence[str], ends: Sequence[str]) -> pd.DataFrame:
    """Mean stops by stage and month, and those for which nobody was found, of every scenario and row."""
    rows = [
        (name, *key, stage, end, float(stops[s, c]), float(unused[s, c]))
        for name in order
        for key, stops, unused in sorted(answered[name].stages, key=lambda row: row[0])
        for s, stage in enumerate(("outpatient", "admission"))
        for c, end in enumerate(ends)
    ]
    return pd.DataFrame(
        rows, columns=["scenario", "provider", "specialty", "stage", "month_end", "stops", "unused_stops"]
    )
