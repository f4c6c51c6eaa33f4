"""From what is planned to what the engine is told: numbers of stops, clock starts and order, by list and week (R7).

In this order: activity and resources replace what goes on, schemes in percent change it, schemes in numbers add to it,
and strikes take their share of all that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from waitlist.bands import THRESHOLDS, Floats
from waitlist.calendar import Horizon
from waitlist.models.assumptions import Assumptions, Carried, Factors, Key, Planned
from waitlist.models.controls import (
    AS_OBSERVED,
    AT_BOTH,
    AT_CLINICS,
    AT_OUTPATIENT,
    AT_STRAIGHT,
    AT_THEATRES,
    CLINICS,
    KINDS,
    LONGEST_FIRST,
    SKEWED,
    STRAIGHT,
    THEATRES,
    THRESHOLD_FIRST,
    VALIDATED,
    Controls,
)
from waitlist.models.layout import ADMISSION, CONVERTED, OUTPATIENT
from waitlist.models.moving import Moves
from waitlist.models.order import Order, routine_at
from waitlist.models.transfers import moves_of, touched
from waitlist.models.weeks import level, weeks_done
from waitlist.mutual_aid import Hub
from waitlist.plan import Plan
from waitlist.planned import ALL, OF_DEMAND, Activity, Clinic, Scheme, Strike, Theatre

DISCIPLINES = {
    "as observed": AS_OBSERVED,
    "skewed": SKEWED,
    "longest first": LONGEST_FIRST,
    "threshold first": THRESHOLD_FIRST,
}
STAGES = {"outpatient": (CLINICS,), "admission": (STRAIGHT, THEATRES), ALL: (CLINICS, STRAIGHT, THEATRES)}
"""The stops of each stage's staff and rooms: those admitted straight away are operated on."""


@dataclass
class _Told:
    """What P lists are told, as it grows: as by_activity.Controls, and starts [P, K], conversion [P, K] factors."""

    keep: Floats
    add: Floats
    below: np.ndarray
    starts: Floats
    conversion: Floats


def by_activity_at(plan: Plan, lists: Sequence[Key], one_stage: np.ndarray) -> list[int]:
    """The places of ``lists`` that go by activity: those that anything planned with an effect is about."""
    about: list[tuple[str, str]] = [(item.provider, item.specialty) for item in plan.activity]
    about += [(item.provider, item.specialty) for item in plan.scheme if item.on and item.size]
    about += [(item.provider, item.specialty) for item in plan.strike if item.percent_lost]
    found = {n for key in about for n in matching(lists, *key)}
    found |= {n for item in plan.resources for n in sharing(lists, item, one_stage)}
    found |= touched(plan, lists)
    if plan.order.discipline != "as observed":
        found |= set(matching(lists, plan.order.provider, ALL))
    return sorted(found)


def matching(lists: Sequence[Key], provider: str, specialty: str) -> list[int]:
    """The places of the ``lists`` of a provider and specialty, either of which may be ALL."""
    return [n for n, (p, s) in enumerate(lists) if provider in (p, ALL) and specialty in (s, ALL)]


def sharing(lists: Sequence[Key], resource: Clinic | Theatre, one_stage: np.ndarray) -> list[int]:
    """The places of the ``lists`` that share ``resource``."""
    own = matching(lists, resource.provider, ALL)
    return [
        n
        for n in own
        if (resource.specialties == "all" or lists[n][1] in resource.specialties)
        and not (isinstance(resource, Theatre) and one_stage[n])
    ]


def told(
    plan: Plan,
    assumed: Assumptions,
    factors: Factors,
    carried: Carried,
    one_stage: np.ndarray,
    order: Order,
    time: Horizon,
    also: Sequence[int] = (),
) -> tuple[Assumptions, Factors, Planned]:
    """What the engine is told of N lists: their starts and factors as ``plan`` changes them, and who goes by activity.

    ``carried`` holds at least the lists of by_activity_at and those that go by activity ``also``; one_stage [N];
    ``order`` of the N lists.
    """
    lists = assumed.lists
    rows = sorted({*by_activity_at(plan, lists, one_stage), *also})
    at = [carried.lists.index(n) for n in rows]
    mean = carried.mean[at]
    schemes = [item for item in plan.scheme if item.on and item.size]
    floors = sorted({0, *(i.min_weeks_waited for i in plan.activity), *(i.min_weeks_waited for i in schemes)})
    shape = (len(rows), time.weeks)
    new = _Told(
        np.ones((*shape, 3)),
        np.zeros((*shape, KINDS, len(floors))),
        np.zeros((*shape, 2), dtype=int),
        assumed.starts[rows],
        np.ones(shape),
    )
    keys, whole = [lists[n] for n in rows], one_stage[rows]
    for resource in plan.resources:
        places = [rows.index(n) for n in sharing(lists, resource, one_stage)]
        _share_resource(new, resource, places, mean, time, whole)
    for item in plan.activity:
        _replace(new, item, matching(keys, item.provider, item.specialty), floors, mean, time, whole)
    for scheme in sorted(schemes, key=lambda item: item.percent is None):
        people = assumed.opening[rows].sum(axis=1)
        places = matching(keys, scheme.provider, scheme.specialty)
        _apply(new, plan, scheme, places, floors, mean, people, time, whole)
    for strike in plan.strike:
        _strike(new, strike, matching(keys, strike.provider, strike.specialty), level(strike, time), whole)
    moves = moves_of(plan, lists, time)
    for hub in plan.hub:
        places = [n for n in rows if lists[n][0] == hub.code]
        new.add[[rows.index(n) for n in places], :, :, 0] = hub_stops(hub, moves, places, time)
    place = np.full(len(lists), -1)
    place[rows] = np.arange(len(rows))
    starts = assumed.starts.copy()
    starts[rows] = np.maximum(new.starts, 0.0)
    among = _order(plan, keys, order, rows)
    controls = Controls(
        carried.stops, np.array(at, dtype=int), new.keep, new.add, np.array(floors), new.below, whole, *among
    )
    factors = _converting(factors, rows, new.conversion, assumed.span)
    return replace(assumed, starts=starts), factors, Planned(place, controls, moves)


def _shares(weight: Floats) -> Floats:
    """``weight`` [P, K] as shares of its sum in each week; equal where nobody has any."""
    total = weight.sum(axis=0)
    return np.where(total > 0, weight / np.maximum(total, 1e-12), 1.0 / max(len(weight), 1))


def _waited(mean: Floats, weeks: int) -> Floats:
    """[P, K] the share of each list's stops that go to those over ``weeks``, or the last of THRESHOLDS before it."""
    under = [i for i, t in enumerate(THRESHOLDS) if t <= weeks]
    if not under:
        return np.ones(mean.shape[:2])
    return mean[:, :, 4 + under[-1]] / np.maximum(mean[:, :, :3].sum(axis=2), 1e-12)


def _share_resource(
    new: _Told, resource: Clinic | Theatre, places: list[int], mean: Floats, time: Horizon, whole: np.ndarray
) -> None:
    """The lists do what the resource can do, shared as what goes on is: it is a constraint over them together."""
    holds, weeks = level(resource, time), weeks_done(resource, time)
    can = resource.sessions_per_week * resource.per_session()
    clinics, straight, theatres, converted = np.moveaxis(mean[places][:, :, :4], -1, 0)
    if isinstance(resource, Theatre):
        cases = resource.within_beds(can) * weeks * _shares(straight + theatres)
        at_once = straight / np.maximum(straight + theatres, 1e-12)
        new.add[places, :, AT_STRAIGHT, 0] += cases * at_once
        new.add[places, :, AT_THEATRES, 0] += cases * (1 - at_once)
        kinds: tuple[int, ...] = (STRAIGHT, THEATRES)
    else:
        onward = np.where(whole[places, None], 0.0, straight + converted)
        decided = clinics + onward + np.where(whole[places, None], straight, 0.0)
        stops = 1 - onward / np.maximum(decided, 1e-12)
        if resource.conversion_percent is not None:
            stops = np.where(whole[places, None], 1.0, 1 - resource.conversion_percent / 100)
            wanted = clinics * (1 - stops) / stops - straight
            factor = np.maximum(wanted, 0.0) / np.maximum(converted, 1e-12)
            new.conversion[places] = np.where(whole[places, None], 1.0, 1 + holds * (factor - 1))
        new.add[places, :, AT_CLINICS, 0] += can * weeks * _shares(decided) * stops
        new.starts[places] *= 1 - holds * resource.advice_percent / 100
        kinds = (CLINICS,)
    for kind in kinds:
        _replace_share(new, places, kind, holds)
    if not isinstance(resource, Theatre):
        _replace_share(new, [n for n in places if whole[n]], STRAIGHT, holds)


def _replace_share(new: _Told, places: list[int], kind: int, holds: Floats) -> None:
    """Of what goes on, the part that is replaced: different days of a week add up."""
    new.keep[places, :, kind] = np.maximum(new.keep[places, :, kind] - holds, 0.0)


def _replace(
    new: _Told,
    item: Activity,
    places: list[int],
    floors: list[int],
    mean: Floats,
    time: Horizon,
    whole: np.ndarray,
) -> None:
    """Between its dates, stops a week in place of those that would go on at that wait or longer."""
    holds = level(item, time)
    kinds = (CLINICS, STRAIGHT) if item.stage == "outpatient" else (THEATRES,) if item.stage == "admission" else None
    usual = mean[places][:, :, list(kinds or (CLINICS, STRAIGHT, THEATRES))].sum(axis=2)
    usual = usual * _waited(mean[places], item.min_weeks_waited)
    number = item.stops_per_week * weeks_done(item, time) * _shares(usual)
    kind = {"outpatient": AT_OUTPATIENT, "admission": AT_THEATRES, ALL: AT_BOTH}[item.stage]
    new.add[places, :, kind, floors.index(item.min_weeks_waited)] += number
    for k in kinds or (CLINICS, STRAIGHT, THEATRES):
        if item.min_weeks_waited == 0:
            _replace_share(new, places, k, holds)
    stages = {"outpatient": (OUTPATIENT,), "admission": (ADMISSION,), ALL: (OUTPATIENT, ADMISSION)}[item.stage]
    for n in places if item.min_weeks_waited else ():
        for stage in stages:
            new.below[n, holds > 0, stage] = item.min_weeks_waited
        if OUTPATIENT in stages:  # those who go on by rates are admitted straight away as observed; others are not
            new.keep[n, holds > 0, STRAIGHT] = 0.0


def _apply(
    new: _Told,
    plan: Plan,
    scheme: Scheme,
    places: list[int],
    floors: list[int],
    mean: Floats,
    people: Floats,
    time: Horizon,
    whole: np.ndarray,
) -> None:
    """One scheme's effect on the lists it is about."""
    floor, size = floors.index(scheme.min_weeks_waited), scheme.size
    holds, weeks = (way(scheme, time, scheme.ramp_weeks) for way in (level, weeks_done))
    if scheme.effect in OF_DEMAND:
        new.starts[places] = (
            new.starts[places] * (1 + holds * size / 100)
            if scheme.effect == "starts_percent"
            else new.starts[places] + size * weeks * _shares(new.starts[places])
        )
        return
    if scheme.effect == "validated_per_week":
        over = people[places][:, scheme.min_weeks_waited :].sum(axis=1)
        new.add[places, :, VALIDATED, floor] += size * weeks * _shares(np.repeat(over[:, None], time.weeks, axis=1))
        return
    if scheme.effect == "percent":
        for n in places:
            kinds = (CLINICS, STRAIGHT) if whole[n] and scheme.stage != "admission" else STAGES[scheme.stage]
            factor = np.maximum(1 + holds * size / 100, 0.0)
            new.keep[n][:, list(kinds)] *= factor[:, None]
            new.add[n][:, list(_planned_kinds(kinds))] *= factor[:, None, None]
        return
    number, stage = size, plan.stage_of(scheme) if scheme.effect == "sessions_per_week" else scheme.stage
    if scheme.effect == "extra_in_all":
        number = size / max(float(weeks.sum()), 1e-9)
    if scheme.effect == "sessions_per_week":
        number = size * plan.resource_of(scheme).per_session()
    usual = np.stack([mean[places][:, :, CLINICS] + mean[places][:, :, STRAIGHT], mean[places][:, :, THEATRES]], axis=2)
    usual *= _waited(mean[places], scheme.min_weeks_waited)[:, :, None]
    flat = usual.transpose(0, 2, 1).reshape(-1, time.weeks)
    allowed = np.array([[stage != "admission", stage != "outpatient" and not whole[n]] for n in places]).reshape(-1, 1)
    shares = _shares(np.where(allowed, np.maximum(flat, 1e-12), 0.0)).reshape(len(places), 2, -1)
    new.add[places, :, AT_CLINICS, floor] += number * weeks * shares[:, 0]
    new.add[places, :, AT_THEATRES, floor] += number * weeks * shares[:, 1]


def hub_stops(hub: Hub, moves: Moves, places: Sequence[int], time: Horizon) -> Floats:
    """[lists, K, KINDS] a hub's stops, shared each week by its lists at ``places`` as people are expected to wait
    there by then; the rest is for more than are expected."""
    arrived = moves.slots[list(places)].swapaxes(1, 2)
    found, waiting = np.zeros((len(places), time.weeks, KINDS)), np.zeros((len(places), 2))
    ever = _shares(arrived.sum(axis=(1, 2))[:, None])
    kinds = {ADMISSION: AT_THEATRES} | ({OUTPATIENT: AT_OUTPATIENT} if hub.stage == ALL else {})
    for k in range(time.weeks):
        waiting += arrived[:, :, k]
        there = waiting.sum()
        given = min(hub.per_week, there) * waiting / there if there > 0 else np.zeros_like(waiting)
        rest = (hub.per_week - given.sum()) * ever[:, 0] / len(kinds)
        waiting -= given
        for stage, kind in kinds.items():
            found[:, k, kind] = given[:, stage] + rest
    return found


def _planned_kinds(kinds: Sequence[int]) -> list[int]:
    """The planned numbers of the same staff and rooms as ``kinds`` of stops."""
    both = [AT_BOTH] if CLINICS in kinds and THEATRES in kinds else []
    clinics = [AT_CLINICS, AT_OUTPATIENT] if CLINICS in kinds else []
    return clinics + ([AT_STRAIGHT] if STRAIGHT in kinds else []) + ([AT_THEATRES] if THEATRES in kinds else []) + both


def _strike(new: _Told, strike: Strike, places: list[int], holds: Floats, whole: np.ndarray) -> None:
    """The share of each week's stops that a strike takes, planned ones too."""
    left = 1 - holds * strike.percent_lost / 100
    for n in places:
        kinds = (CLINICS, STRAIGHT) if whole[n] else STAGES[strike.stage]
        new.keep[n][:, list(kinds)] *= left[:, None]
        new.add[n][:, list(_planned_kinds(kinds))] *= left[:, None, None]


def _order(
    plan: Plan, keys: Sequence[Key], order: Order, rows: list[int]
) -> tuple[np.ndarray, np.ndarray, Floats, Floats, Floats]:
    """Discipline [P], first [P], urgent [P, 2], profile and routine [P, 2, 105] of the lists at ``rows``."""
    asked = plan.order
    about = np.array([asked.provider in (provider, ALL) for provider, _ in keys], dtype=bool)
    discipline = np.where(about, DISCIPLINES[asked.discipline], AS_OBSERVED)
    discipline[[i for i, (provider, _) in enumerate(keys) if provider in plan.hub_codes]] = LONGEST_FIRST
    urgent = order.urgent[rows] if asked.urgent_share == "fitted" else np.full((len(rows), 2), asked.urgent_share)
    routine = order.routine if asked.skew == "fitted" else routine_at(order, float(asked.skew))
    first = np.full(len(rows), asked.threshold_weeks or 0)
    return discipline, first, urgent, order.profile[rows], routine[rows]


def _converting(factors: Factors, rows: list[int], conversion: Floats, span: np.ndarray) -> Factors:
    """``factors`` with the conversions of each month multiplied by the mean of its weeks' factor [P, K]."""
    if (conversion == 1).all():
        return factors
    months = factors.months.copy()
    for i, n in enumerate(rows):
        weeks = np.maximum(np.bincount(span), 1)
        mean = np.bincount(span, conversion[i]) / weeks
        months[n, : len(mean), CONVERTED] *= mean[:, None]
    return replace(factors, months=months)
