"""Mutual aid: transfers chosen by the program, corrected and judged by the simulation (R12).

The program claims; the engine, on all draws, has the last word. Where they differ by more than GAP, what each sender's
moves and each receiver's stops are worth is corrected and the program solved again. The best of its schedules, of three
simpler ways and, where nothing must be, of moving nobody is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from waitlist.bands import Floats
from waitlist.models import expected
from waitlist.models.activity import hub_stops
from waitlist.models.assumptions import Key, Planned, first_blocks
from waitlist.models.calibration import Calibrated, Ready
from waitlist.models.chosen import moves_of
from waitlist.models.controls import AT_CLINICS, AT_THEATRES
from waitlist.models.judged import Engine, Judged, judged
from waitlist.models.moving import Moves
from waitlist.models.offers import NEARLY_NOBODY, question
from waitlist.models.past import Observed
from waitlist.models.program import Chosen, bettered, choose
from waitlist.models.question import Question, taken_own
from waitlist.models.rounding import WAYS, simple
from waitlist.models.spare import extra_given
from waitlist.models.system import System
from waitlist.models.tables import rows_of
from waitlist.mutual_aid import MutualAid
from waitlist.plan import Deadline
from waitlist.results import ALL

GAP = 0.05
"""By which the program's claim and the simulation may differ."""
ROUNDS = 3
FEW_BLOCKS = 2
"""Blocks of draws with which schedules are compared and corrected; the one that is given is judged on all."""
LEAST_SEEN = 0.5
"""People fewer over thresholds below whom a claim says nothing about what to correct."""

FIRST = "over_thresholds"
"""The aim by which schedules are compared, where it comes first."""
NOBODY = "nobody moves"
"""What is given where every schedule leaves more people over."""

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Schedule:
    """What is given: the question and what was chosen of it, by which way; moves, agreed ones first; each row judged
    without and with them. People fewer over thresholds: claim as the program has it, corrected by few draws, effect as
    simulated on all; by_way on few draws."""

    system: System
    asked: Question
    chosen: Chosen
    way: str
    moves: Moves
    agreed: int
    before: Mapping[Key, Judged]
    after: Mapping[Key, Judged]
    claim: float
    corrected: float
    effect: float
    rounds: int
    by_way: Mapping[str, float]


def scheduled(
    state: Calibrated,
    told: Ready,
    deadlines: tuple[Deadline, ...],
    km: Mapping[tuple[str, str], float],
    known: Mapping[Key, Observed],
    tell: Tell,
) -> Schedule:
    """The transfers of the plan and, where it has [mutual_aid], those chosen, with what they do.

    ``told`` has every list that may send or receive by activity. ``km`` by pair where known, ``known`` each row's past.
    """
    tell("Looking at who could move", 0, 1)
    plan = told.plan
    system = system_of(state, told, deadlines, km)
    whole = Engine(told.assumed, told.factors, state.time, told.planned)
    agreed = told.planned.moves
    rows = state.rows(rows_of([state.history.lists[n] for n in state.keep]))
    some = first_blocks(told.factors, told.planned, FEW_BLOCKS)
    few = replace(whole, factors=some[0], planned=some[1])
    still = _without(agreed)
    best, rounds, by_way = _chosen(system, few, agreed, still, tell)
    given = _with(system, whole, agreed, best.asked, best.chosen.offered)
    moves = given.planned.moves
    count = 2 * len(rows)
    before: dict[Key, Judged] = {}
    after: dict[Key, Judged] = {}
    for found, engine_ in ((before, _at(whole, _without(moves))), (after, given)):
        for key, one in judged(engine_, rows, deadlines, plan, known):
            found[key] = one
            tell("Simulating transfers", len(before) + len(after), count)
    effect = total(before) - total(after)
    return Schedule(
        system,
        best.asked,
        best.chosen,
        best.way,
        moves,
        len(agreed.sender),
        before,
        after,
        best.claim,
        best.corrected,
        effect,
        rounds,
        by_way,
    )


def system_of(
    state: Calibrated, told: Ready, deadlines: tuple[Deadline, ...], km: Mapping[tuple[str, str], float]
) -> System:
    """The System of a calibrated state as its plan has it."""
    mean = expected.expected(told.assumed, told.factors, state.time, told.planned)
    worth = expected.worth(mean, state.time, deadlines)
    aid, kept = told.plan.mutual_aid or MutualAid(), np.isin(state.whole, state.keep)
    return System(told.plan, aid, told.assumed.lists, state.one_stage, kept, state.time, mean, worth, deadlines, km)


def total(rows: Mapping[Key, Judged]) -> float:
    """People over thresholds at their deadlines in the whole system, mean over draws."""
    return float(rows[ALL, ALL].over.mean(axis=1).sum())


@dataclass(frozen=True)
class _Tried:
    """A schedule on few draws: people fewer over thresholds on each list [N], as claimed and, corrected by what was
    simulated, as claimed again; more and worse [N] by how much what is sent and given is worth more than claimed."""

    asked: Question
    chosen: Chosen
    way: str
    fewer: Floats
    claim: float
    corrected: float
    more: Floats
    worse: Floats


def _chosen(
    system: System, few: Engine, agreed: Moves, still: Moves, tell: Tell
) -> tuple[_Tried, int, dict[str, float]]:
    """The best schedule found, the rounds it took, and what each way comes to on few draws."""
    lists = {key: [n] for n, key in enumerate(system.lists)}
    base = _lists(system, _at(few, still), lists)
    correction, harm = np.ones(len(system.lists)), np.ones(len(system.lists))
    tried: list[_Tried] = []
    for rounds in range(1, ROUNDS + 1):
        tell("Choosing transfers", rounds, ROUNDS + 1)
        asked = question(system, _by_provider(system, base), correction, harm)
        chosen = choose(asked) if system.plan.mutual_aid else _nobody(asked)
        tried.append(_tried(system, few, agreed, base, lists, asked, chosen))
        seen, claim = tried[-1].fewer, tried[-1].claim
        if not chosen.offered.any() or abs(claim - seen.sum()) <= GAP * max(abs(seen.sum()), 1.0):
            break
        correction, harm = correction * tried[-1].more, harm * tried[-1].worse
    best = _best(tried, float(base[system.kept].sum()), system.aid)
    if system.aid.most_over is None:
        whole = bettered(best.asked, best.chosen)
        if whole is not best.chosen:
            again = _tried(system, few, agreed, base, lists, best.asked, whole)
            best = _best([best, again], 0.0, system.aid)
    by_way = {"program": float(best.fewer.sum())}
    if len(best.asked.offers.week) and system.plan.mutual_aid and best.asked.aims[0] == FIRST:
        tell("Comparing with simpler ways", ROUNDS + 1, ROUNDS + 1)
        asked = best.asked
        ways = {way: replace(best.chosen, offered=simple(asked, way)) for way in WAYS}
        if not any(rule.least.any() for rule in asked.rules):
            ways[NOBODY] = _nobody(asked)
        for way, other in ways.items():
            seen = base - _lists(system, _with(system, few, agreed, asked, other.offered), lists)
            by_way[way] = float(seen.sum())
            if by_way[way] > best.fewer.sum() + 1e-6:
                best = replace(best, chosen=other, way=way, fewer=seen, claim=by_way[way], corrected=by_way[way])
    return best, len(tried), by_way


def _tried(
    system: System,
    few: Engine,
    agreed: Moves,
    base: Floats,
    lists: Mapping[Key, list[int]],
    asked: Question,
    chosen: Chosen,
) -> _Tried:
    """The program's choice on few draws, ``base`` [N] being over thresholds without it."""
    seen = base - _lists(system, _with(system, few, agreed, asked, chosen.offered), lists)
    gained, lost = _claimed(system, asked, chosen)
    more, worse = _ratios(seen, gained, lost)
    claim, again = float((gained - lost).sum()), float((more * gained - worse * lost).sum())
    return _Tried(asked, chosen, "program", seen, claim, again, more, worse)


def _best(tried: list[_Tried], over: float, aid: MutualAid) -> _Tried:
    """The schedule that leaves fewest of those ``over`` thresholds; where so many are enough and some leave no more,
    the one of these with fewest offers; where another aim comes first, the last."""
    enough = aid.most_over
    there = [one for one in tried if enough is not None and over - one.fewer.sum() <= 1.02 * enough + NEARLY_NOBODY]
    if there:
        return min(there, key=lambda one: int(one.chosen.offered.sum()))
    if enough is None and aid.aims[0] != FIRST:
        return tried[-1]
    return max(tried, key=lambda one: float(one.fewer.sum()))


def _nobody(asked: Question) -> Chosen:
    nobody = np.zeros(len(asked.offers.week), dtype=int)
    return Chosen(nobody, {"over_thresholds": 0.0}, 0.0, 0.0, False)


def _lists(system: System, state: Engine, lists: Mapping[Key, list[int]]) -> Floats:
    """[N] people over thresholds at deadlines on each list, mean over draws."""
    found = {key: one.over.mean(axis=1).sum() for key, one in judged(state, lists, system.deadlines, system.plan, {})}
    return np.array([found[key] for key in system.lists])


def _by_provider(system: System, lists: Floats) -> Floats:
    found = dict.fromkeys(system.providers, 0.0)
    for (provider, _), people, kept in zip(system.lists, lists, system.kept, strict=True):
        found[provider] += float(people) if kept else 0.0
    return np.array([found[provider] for provider in system.providers])


def _claimed(system: System, asked: Question, chosen: Chosen) -> tuple[Floats, Floats]:
    """[N] people fewer over thresholds for what each list sends, and more for the stops it gives, as the program has
    it."""
    offers, spare = asked.offers, asked.spare
    gained, lost = np.zeros(len(system.lists)), np.zeros(len(system.lists))
    for x in np.flatnonzero(chosen.offered):
        gained[system.list_at(offers.sender[x], offers.specialty[x])] += offers.over[x] * chosen.offered[x]
    cost = (spare.over * taken_own(asked, chosen.offered.astype(float))).sum(axis=(1, 2))
    for m in range(len(cost)):
        lost[system.list_at(spare.provider[m], spare.specialty[m])] += cost[m]
    return gained, lost


def _ratios(seen: Floats, gained: Floats, lost: Floats) -> tuple[Floats, Floats]:
    """[N] by how much what is sent and what is given is worth more than claimed, where ``seen`` fewer are over."""
    more, worse = np.ones(len(seen)), np.ones(len(seen))
    sends, takes = gained > LEAST_SEEN, (gained <= LEAST_SEEN) & (lost > LEAST_SEEN)
    more[sends] = np.clip((seen + lost)[sends] / gained[sends], 0.25, 4.0)
    worse[takes] = np.clip(-seen[takes] / lost[takes], 0.25, 4.0)
    return more, worse


def _at(state: Engine, moves: Moves) -> Engine:
    return replace(state, planned=replace(state.planned, moves=moves))


def _without(moves: Moves) -> Moves:
    """The same lists, from which nobody moves."""
    nothing = np.zeros_like(moves.offered)
    return moves._replace(offered=nothing, accepted=nothing, slots=np.zeros_like(moves.slots))


def _with(system: System, state: Engine, agreed: Moves, asked: Question, offered: np.ndarray) -> Engine:
    """``state`` with the ``agreed`` moves and those ``offered``: hubs treat those sent to them, and what was agreed on
    top is done as far as it is needed."""
    told, place = state.planned.told, state.planned.place
    moves = moves_of(system, asked.offers, offered, agreed)
    add = told.add.copy()
    for hub in system.plan.hub:
        places = [n for n, (provider, _) in enumerate(system.lists) if provider == hub.code]
        add[place[places], :, :, 0] = hub_stops(hub, moves, places, state.time)
    extra = extra_given(system, asked, offered)
    weeks = extra.shape[2]
    for n in np.flatnonzero(extra.any(axis=(1, 2))):
        add[place[n], :weeks, AT_CLINICS, 0] += extra[n, 0]
        add[place[n], :weeks, AT_THEATRES, 0] += extra[n, 1]
    return replace(state, planned=Planned(place, told._replace(add=add), moves))
