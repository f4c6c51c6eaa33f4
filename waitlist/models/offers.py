"""Which offers could be made, to whom, what each is worth and what it needs: the program's question (R12).

People are grouped by when their clock started, at the dates that divide the cohorts of the thresholds' deadlines (R10):
within a group all count alike. A group is offered by its weeks waited in the week of the offer.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from waitlist.bands import BANDS, Floats
from waitlist.calendar import month_of
from waitlist.models.expected import aged
from waitlist.models.layout import ADMISSION, OUTPATIENT
from waitlist.models.question import Offers, Question, Rule, Spare, Stock
from waitlist.models.spare import spare_of
from waitlist.models.system import STAGES, Groups, System, groups_of
from waitlist.models.transfers import fit_share
from waitlist.models.weeks import level
from waitlist.mutual_aid import Aim, Limit, MutualAid
from waitlist.planned import ALL

LEAST_STOCK = 0.05
"""People in a group below whom nobody is offered."""
LEAST_WORTH = 1e-4
"""People over thresholds fewer for each who moves, below which a move is in vain."""
NEARLY_NOBODY = 0.5
"""People over thresholds, in the mean of the draws, who are nobody."""
FEWEST: tuple[Aim, ...] = ("transfers", "travel", "price")
"""What is sought where so many over thresholds are enough."""


def question(system: System, base_over: Floats, correction: Floats, harm: Floats) -> Question:
    """The program's Question: base_over [P] people over thresholds at deadlines as simulated; correction, harm [N]: how
    many times as much as the mean path says, a sender's moves help and a receiver's stops are missed, as simulated."""
    providers, specialties = list(system.providers), list(system.specialties)
    spare, place_of = spare_of(system, harm)
    offers, stock = _offers(system, place_of, spare, correction)
    first = system.time.week_ends[1 : system.weeks + 1]
    months = np.unique([month_of(day) for day in first], return_inverse=True)[1]
    stops = np.zeros(len(providers))
    for n, (provider, _) in enumerate(system.lists):
        if system.kept[n] and not system.is_hub[n]:
            stops[providers.index(provider)] += system.mean.number[n, :, : system.weeks].sum() / system.weeks
    aid = system.aid
    return Question(
        offers=offers,
        stock=stock,
        spare=spare,
        rules=tuple(_rule(system, item, offers, providers, specialties) for item in aid.limit),
        batch=aid.batch,
        most_change=np.inf if aid.most_change is None else float(aid.most_change),
        months=months,
        aims=aid.aims if aid.most_over is None else FEWEST,
        base_over=base_over,
        size=stops,
        hold=aid.hold_percent / 100,
        time_limit=aid.time_limit_seconds,
        most_over=np.inf if aid.most_over is None else max(aid.most_over, NEARLY_NOBODY) - float(base_over.sum()),
    )


def _offers(system: System, place_of: Mapping[int, int], spare: Spare, correction: Floats) -> tuple[Offers, Stock]:
    """Every offer that could help, and the stocks that offers are made from."""
    aid, weeks, lead = system.aid, system.weeks, system.aid.lead_weeks
    groups, hub = groups_of(system), system.is_hub
    providers, specialties = list(system.providers), list(system.specialties)
    open_ = level(aid, system.time)[:weeks] > 0
    columns: dict[str, list[Floats]] = {name: [] for name in Offers.__dataclass_fields__}
    eligible: list[Floats] = []
    stays: list[Floats] = []
    there = np.maximum(spare.free + spare.own, 0.0)
    survive, value = _after_lead(system)
    stages = (OUTPATIENT, ADMISSION) if aid.stage == ALL else (STAGES.index(aid.stage),)
    for n, (provider, specialty) in enumerate(system.lists):
        receivers = [
            (m, system.lists[m][0])
            for m in place_of
            if not hub[n]
            and system.kept[n]
            and system.lists[m][1] == specialty
            and _may(system, provider, system.lists[m][0])
        ]
        for stage in stages if receivers else ():
            if stage == ADMISSION and system.one_stage[n]:
                continue
            for group in range(len(groups.cuts)):
                people, kept, moved, worth = _stock(system, groups, group, n, stage, survive, value)
                when = np.flatnonzero(open_ & (people > LEAST_STOCK) & (np.arange(weeks) + lead < weeks))
                used, fit_row = False, -1
                for m, other in receivers:
                    if excluded(aid, provider, other, specialty, stage) or (stage == ADMISSION and system.one_stage[m]):
                        continue
                    can = when[there[place_of[m], stage, when + lead] > 0]
                    accepted = acceptance(aid, system.km.get((provider, other)))
                    good = correction[n] * worth[0, can]
                    can, good = can[good > LEAST_WORTH], good[good > LEAST_WORTH]
                    if not len(can) or accepted <= 0:
                        continue
                    part = fit_share(system.plan, other) if stage == ADMISSION else 1.0
                    if not used:
                        used, row = True, len(eligible)
                        eligible.append(np.where(open_, people, 0.0))
                        stays.append(kept)
                    if part < 1.0 and fit_row < 0:
                        fit_row = len(eligible)
                        eligible.append(part * eligible[row])
                        stays.append(kept)
                    go = accepted * moved[can]
                    onward, ends = _at_receiver(system, m, stage, can + lead)
                    one = np.ones(len(can))
                    price = next((item.price for item in system.plan.hub if item.code == other), 0.0)
                    for name, numbers in {
                        "sender": one * providers.index(provider),
                        "receiver": one * providers.index(other),
                        "specialty": one * specialties.index(specialty),
                        "stage": one * stage,
                        "group": one * group,
                        "week": can,
                        "move_week": can + lead,
                        "accepted": one * accepted,
                        "clinic": go * ends if stage == OUTPATIENT else 0.0 * one,
                        "theatre": go if stage == ADMISSION else 0.0 * one,
                        "onward": go * onward,
                        "over": accepted * good,
                        "person_weeks": accepted * correction[n] * worth[1, can],
                        "km": one * system.km.get((provider, other), 0.0),
                        "price": one * price,
                        "stock": one * row,
                        "fit": one * (fit_row if part < 1.0 else -1),
                    }.items():
                        columns[name].append(numbers)
    whole = {"sender", "receiver", "specialty", "stage", "group", "week", "move_week", "stock", "fit"}
    joined = {
        name: (np.concatenate(parts) if parts else np.zeros(0)).astype(int if name in whole else float)
        for name, parts in columns.items()
    }
    none = np.zeros((0, weeks))
    return Offers(**joined), Stock(np.array(eligible) if eligible else none, np.array(stays) if stays else none)


def _after_lead(system: System) -> tuple[Floats, Floats]:
    """Of someone of a stage and band who accepts an offer in week k: the chance [N, 2, 105, K] to be there still when
    the move comes, and what the move is then worth, [2, N, 2, 105, K] by that chance."""
    weeks, mean = system.weeks, system.mean
    lead = min(system.aid.lead_weeks, weeks)
    alive = np.ones((*mean.stays.shape[:3], weeks))
    value = system.worth.person[..., :weeks].copy()
    value[..., : weeks - lead] = value[..., lead:weeks]
    value[..., max(weeks - lead, 0) :] = 0.0
    for ahead in range(lead - 1, -1, -1):  # from the week before the move back to the offer
        stays = np.zeros_like(alive)
        stays[..., : weeks - ahead] = mean.stays[..., ahead:weeks]
        alive = stays * aged(alive, axis=-2)
        value = stays[None] * aged(value, axis=-2)
    return alive, value


def _stock(
    system: System, groups: Groups, group: int, n: int, stage: int, survive: Floats, value: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Of a group on a list, by week [K]: the people who may be offered a move, the share of them there a week later,
    the share who still are when a move comes, and what it is worth, [2, K]."""
    weeks = system.weeks
    people, kept, moved, worth = np.zeros(weeks), np.ones(weeks), np.zeros(weeks), np.zeros((2, weeks))
    for k in range(weeks):
        low, high = groups.bands(group, k, system.aid.min_weeks_waited)
        there = system.mean.people[n, stage, low:high, k]
        people[k] = there.sum()
        if people[k] > LEAST_STOCK:
            weight = there / people[k]
            kept[k] = weight @ system.mean.stays[n, stage, low:high, k]
            moved[k] = weight @ survive[n, stage, low:high, k]
            worth[:, k] = value[:, n, stage, low:high, k] @ weight
    return people, kept, moved, worth


def _at_receiver(system: System, m: int, stage: int, weeks: np.ndarray) -> tuple[Floats, Floats]:
    """Of those whom the receiver's clinics decide about: the share who go on to its theatres, and who stop at once."""
    if stage == ADMISSION:
        return np.zeros(len(weeks)), np.zeros(len(weeks))
    mean, long = system.mean, slice(system.aid.min_weeks_waited, BANDS)
    stops = mean.stops[m, OUTPATIENT, long, :][:, weeks].mean(axis=0)
    converts = mean.converts[m, long, :][:, weeks].mean(axis=0)
    decided = np.maximum(stops + converts, 1e-9)
    return converts / decided, stops / decided


def _may(system: System, provider: str, other: str) -> bool:
    """Whether one may send to the other at all: apart, near enough, and among its nearest where that is asked."""
    aid, km = system.aid, system.km
    if provider == other:
        return False
    if aid.max_km is not None and not km.get((provider, other), np.inf) <= aid.max_km:
        return False
    hubs = system.plan.hub_codes
    if aid.neighbours is None or other in hubs:
        return True
    near = sorted((km.get((provider, p), np.inf), p) for p in system.providers if p != provider and p not in hubs)
    return other in {p for _, p in near[: aid.neighbours]}


def excluded(aid: MutualAid, sender: str, receiver: str, specialty: str, stage: int) -> bool:
    """Whether the plan says that they do not exchange such patients."""
    return any(
        item.from_provider in (sender, ALL)
        and item.to_provider in (receiver, ALL)
        and item.specialty in (specialty, ALL)
        and item.stage in (STAGES[stage], ALL)
        for item in aid.exclude
    )


def acceptance(aid: MutualAid, km: float | None) -> float:
    """The share of offers that is accepted over that distance."""
    near = sorted(aid.near, key=lambda item: item.within_km)
    return next((item.acceptance for item in near if km is not None and km <= item.within_km), aid.acceptance)


def _rule(system: System, item: Limit, offers: Offers, providers: list[str], specialties: list[str]) -> Rule:
    """A limit of the plan as the program has it."""
    about = np.ones(len(offers.week), dtype=bool)
    for code, places, known in (
        (item.from_provider, offers.sender, providers),
        (item.to_provider, offers.receiver, providers),
        (item.specialty, offers.specialty, specialties),
        (item.stage, offers.stage, list(STAGES)),
    ):
        if code != ALL:
            about &= places == (known.index(code) if code in known else -1)
    holds = level(item, system.time)[: system.weeks] > 0
    offered = level(system.aid, system.time)[: system.weeks] > 0
    offered[max(system.weeks - system.aid.lead_weeks, 0) :] = False  # nobody offered a move then would move in time
    most = np.inf if item.most_per_week is None else float(item.most_per_week)
    return Rule(
        limit_name(item),
        about,
        np.where(holds, most, np.inf),
        np.where(holds & offered, float(item.least_per_week or 0), 0.0),
    )


def limit_name(item: Limit) -> str:
    """A limit in words."""
    parts = [f"from {item.from_provider}"] if item.from_provider != ALL else []
    parts += [f"to {item.to_provider}"] if item.to_provider != ALL else []
    parts += [word for word in (item.specialty, item.stage) if word != ALL]
    most = [f"at most {item.most_per_week} a week"] if item.most_per_week is not None else []
    least = [f"at least {item.least_per_week} a week"] if item.least_per_week is not None else []
    return f"{' '.join(parts) or 'all offers'}: {' and '.join(least + most)}"
