"""Which offers could be made, to whom, what each is worth and what it needs: the program's question (R12).

People are grouped by when their clock started, at the dates that divide the cohorts of the thresholds' deadlines (R10):
within a group all count alike. A group is offered by its weeks waited in the week of the offer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from waitlist.bands import BANDS, Floats
from waitlist.calendar import Horizon, month_of, place
from waitlist.models import expected
from waitlist.models.assumptions import Key
from waitlist.models.expected import Expected, Worth
from waitlist.models.layout import ADMISSION, OUTPATIENT
from waitlist.models.moving import Moves
from waitlist.models.program import Offers, Question, Rule, Spare, Stock, uses
from waitlist.models.transfers import fit_share, whole_share
from waitlist.models.weeks import level, weeks_done
from waitlist.mutual_aid import Aim, Give, Limit, MutualAid
from waitlist.plan import Deadline, Plan
from waitlist.planned import ALL

LEAST_STOCK = 0.05
"""People in a group below whom nobody is offered."""
LEAST_WORTH = 1e-4
"""People over thresholds fewer for each who moves, below which a move is in vain."""
SMOOTH = 13
"""Weeks over which a queue's fall is averaged: what falls in a quarter its own demand does not need."""
NEARLY_NOBODY = 0.5
"""People over thresholds, in the mean of the draws, who are nobody."""
FEWEST: tuple[Aim, ...] = ("transfers", "travel", "price")
"""What is sought where so many over thresholds are enough."""
STAGES = ("outpatient", "admission")


@dataclass(frozen=True)
class System:
    """What transfers are chosen in: N ``lists`` of providers and hubs, with their mean path over the weeks.

    km: by pair, where known. one_stage [N]; kept [N]: lists that the plan is about. deadlines: what is judged.
    """

    plan: Plan
    aid: MutualAid
    lists: tuple[Key, ...]
    one_stage: np.ndarray
    kept: np.ndarray
    time: Horizon
    mean: Expected
    worth: Worth
    deadlines: tuple[Deadline, ...]
    km: Mapping[tuple[str, str], float]

    @property
    def providers(self) -> tuple[str, ...]:
        """Every provider and hub, sorted."""
        return tuple(sorted({provider for provider, _ in self.lists}))

    @property
    def specialties(self) -> tuple[str, ...]:
        """Every specialty, sorted."""
        return tuple(sorted({specialty for _, specialty in self.lists}))

    @property
    def weeks(self) -> int:
        """Weeks until the last deadline: those in which offers and moves can help."""
        last = max(place(self.time.snapshot, item.date).week for item in self.deadlines)
        return min(last + 1, self.time.weeks)

    @property
    def is_hub(self) -> np.ndarray:
        """[N] which lists are a hub's."""
        codes = {hub.code for hub in self.plan.hub}
        return np.array([provider in codes for provider, _ in self.lists])


@dataclass(frozen=True)
class Groups:
    """G groups of people by when their clock started: cuts [G] the band at week k less k, the last without an end."""

    cuts: np.ndarray

    def bands(self, group: int, k: int, least: int) -> tuple[int, int]:
        """The bands of ``group`` in week k, from ``least`` on: the first, and the one after the last."""
        low = max(int(self.cuts[group]) + k, least, 0)
        high = BANDS if group == len(self.cuts) - 1 else min(int(self.cuts[group + 1]) + k, BANDS)
        return min(low, BANDS), max(high, min(low, BANDS))


def groups_of(system: System) -> Groups:
    """The groups of the thresholds' cohorts; a clock that started later is in none."""
    cuts = {item.threshold_weeks - place(system.time.snapshot, item.date).week for item in system.deadlines}
    return Groups(np.array(sorted(cuts)))


def question(system: System, base_over: Floats, correction: Floats, harm: Floats) -> Question:
    """The program's Question: base_over [P] people over thresholds at deadlines as simulated; correction, harm [N]: how
    many times as much as the mean path says, a sender's moves help and a receiver's stops are missed, as simulated."""
    providers, specialties = list(system.providers), list(system.specialties)
    spare, place_of = _spare(system, harm)
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


def _spare(system: System, harm: Floats) -> tuple[Spare, dict[int, int]]:
    """What each list can give to those sent to it, and the place of each list among those that can."""
    weeks, mean, worth = system.weeks, system.mean, system.worth
    providers, specialties = list(system.providers), list(system.specialties)
    free = np.zeros((len(system.lists), 2, weeks))
    own = np.zeros_like(free)
    hub, trusts = system.is_hub, [n for n in range(len(system.lists)) if not system.is_hub[n]]
    queue = mean.people.sum(axis=2)  # N, 2, K + 1
    ahead = np.minimum(np.arange(weeks) + SMOOTH, queue.shape[2] - 1)
    falls = (queue[:, :, :weeks] - queue[:, :, ahead]) / np.maximum(ahead - np.arange(weeks), 1)
    own[trusts] = np.clip(falls[trusts], 0.0, mean.number[trusts][:, :, :weeks])
    free[trusts] = _whole_stops(mean.unused[trusts][:, :, :weeks])
    agreed = _agreed(system, [item for item in system.aid.give if item.per_week is not None])
    own = _whole_stops(np.where(agreed >= 0, np.minimum(agreed, mean.number[:, :, :weeks]), own))
    free += _extra(system)
    pools = []
    for item in system.plan.hub:
        places = [n for n, (provider, _) in enumerate(system.lists) if provider == item.code]
        stages = (ADMISSION,) if item.stage == "admission" else (OUTPATIENT, ADMISSION)
        free[np.ix_(places, stages)] = item.per_week
        pools.append((places, np.full(weeks, item.per_week)))
    can = [n for n in range(len(system.lists)) if free[n].any() or own[n].any()]
    place_of = {n: m for m, n in enumerate(can)}
    tolerance = np.where(hub[can], np.inf, system.aid.tolerance_weeks)
    slower = expected.longer(_few(mean, can), weeks) if can else np.zeros((0, 2, weeks, weeks))
    return (
        Spare(
            provider=np.array([providers.index(system.lists[n][0]) for n in can], dtype=int),
            specialty=np.array([specialties.index(system.lists[n][1]) for n in can], dtype=int),
            free=free[can],
            own=own[can],
            over=harm[can, None, None] * np.maximum(worth.stop[0, can, :, :weeks], 0.0),
            person_weeks=harm[can, None, None] * np.maximum(worth.stop[1, can, :, :weeks], 0.0),
            longer=np.maximum(slower, 0.0),
            tolerance=tolerance,
            pools=tuple((tuple(place_of[n] for n in places if n in place_of), stops) for places, stops in pools),
        ),
        place_of,
    )


def _whole_stops(stops: Floats) -> Floats:
    """[…, K] whole stops a week: what a week has beyond them is the next week's, for a patient needs a whole one."""
    return np.diff(np.floor(stops.cumsum(axis=-1) + 1e-9), axis=-1, prepend=0.0)


def _few(mean: Expected, lists: Sequence[int]) -> Expected:
    """``mean`` of some of its lists."""
    at = list(lists)
    return Expected(
        mean.people[at], mean.stays[at], mean.converts[at], mean.stops[at], mean.unused[at], mean.number[at]
    )


def _extra(system: System) -> Floats:
    """[N, 2, K] stops agreed on top of what a list does."""
    items = [item for item in system.aid.give if item.extra_per_week is not None]
    return _whole_stops(np.maximum(_agreed(system, items), 0.0))


def extra_given(system: System, asked: Question, offered: np.ndarray) -> Floats:
    """[N, 2, K] stops agreed on top that the people ``offered`` a move need, beyond what is unused."""
    found = np.zeros((len(system.lists), 2, system.weeks))
    place = {key: n for n, key in enumerate(system.lists)}
    needed, extra = uses(asked, offered.astype(float)), _extra(system)
    for m, (provider, specialty) in enumerate(zip(asked.spare.provider, asked.spare.specialty, strict=True)):
        n = place[system.providers[provider], system.specialties[specialty]]
        unused = asked.spare.free[m] - extra[n]
        found[n] = np.clip(needed[m] - unused, 0.0, extra[n])
    return found


def _agreed(system: System, items: Sequence[Give]) -> Floats:
    """[N, 2, K] stops a week that lists have agreed to give; -1 where nothing is agreed."""
    found = np.full((len(system.lists), 2, system.weeks), -1.0)
    for item in items:
        stage = STAGES.index(item.stage)
        places = [
            n
            for n, (provider, specialty) in enumerate(system.lists)
            if provider == item.provider and item.specialty in (specialty, ALL)
        ]
        number = system.mean.number[places, stage, : system.weeks]
        share = number / np.maximum(number.sum(axis=0), 1e-9)
        stops = float(item.per_week if item.per_week is not None else item.extra_per_week or 0.0)
        given = stops * weeks_done(item, system.time)[: system.weeks] * share
        found[places, stage] = np.maximum(found[places, stage], 0.0) + given
    return found


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
        alive = stays * _older_last(alive)
        value = stays[None] * _older_last(value)
    return alive, value


def _older_last(values: Floats) -> Floats:
    """``values`` [… , 105, K] of the band that people of each band are in a week later."""
    return np.concatenate([values[..., 1:, :], values[..., -1:, :]], axis=-2)


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
    hubs = {hub.code for hub in system.plan.hub}
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


def moves_of(system: System, offers: Offers, offered: np.ndarray, agreed: Moves) -> Moves:
    """``agreed`` transfers and, after them, those chosen: ``offered`` [X] whole people.

    Stops are kept at the receivers for as many as are expected to come.
    """
    groups, weeks, horizon = groups_of(system), system.weeks, system.time.weeks
    place = {key: n for n, key in enumerate(system.lists)}
    providers, specialties = system.providers, system.specialties
    some = np.flatnonzero(offered > 0)
    ways = sorted(
        {(offers.group[x], offers.sender[x], offers.receiver[x], offers.specialty[x], offers.stage[x]) for x in some},
        reverse=True,  # who has waited longest is offered first
    )
    row = {way: t for t, way in enumerate(ways)}
    alike = dict.fromkeys(way[1:] for way in ways)
    numbers = np.zeros((len(ways), horizon))
    rate = np.zeros(len(ways))
    slots = agreed.slots.copy()
    for x in some:
        way = (offers.group[x], offers.sender[x], offers.receiver[x], offers.specialty[x], offers.stage[x])
        numbers[row[way], offers.week[x]] += offered[x]
        rate[row[way]] = offers.accepted[x]
        m, k = place[providers[offers.receiver[x]], specialties[offers.specialty[x]]], offers.move_week[x]
        slots[m, k] += offered[x] * np.array([offers.clinic[x], offers.theatre[x]])
        if k + 1 < horizon:
            slots[m, k + 1, ADMISSION] += offered[x] * offers.onward[x]
    floor, ceiling = np.zeros((len(ways), horizon), dtype=int), np.full((len(ways), horizon), BANDS)
    for t, way in enumerate(ways):
        for k in range(weeks):
            floor[t, k], ceiling[t, k] = groups.bands(int(way[0]), k, system.aid.min_weeks_waited)
    accepted = [whole_share(numbers[t], rate[t]) for t in range(len(ways))]
    new = Moves(
        sender=np.array([place[providers[w[1]], specialties[w[3]]] for w in ways], dtype=int),
        receiver=np.array([place[providers[w[2]], specialties[w[3]]] for w in ways], dtype=int),
        stage=np.array([w[4] for w in ways], dtype=int),
        lead=np.full(len(ways), system.aid.lead_weeks),
        way=len(agreed.sender) + np.array([list(alike).index(way[1:]) for way in ways], dtype=int),
        part=np.array([fit_share(system.plan, providers[w[2]]) for w in ways]),
        offered=numbers,
        accepted=np.array(accepted).reshape(len(ways), horizon),
        floor=floor,
        ceiling=ceiling,
        slots=slots,
    )
    both = {name: np.concatenate([getattr(agreed, name), getattr(new, name)]) for name in Moves._fields[:-1]}
    return Moves(**both, slots=slots)
