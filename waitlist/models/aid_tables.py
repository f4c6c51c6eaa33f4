"""The tidy tables of mutual aid: what moves, before and after, why not more, and the sentences (R12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from waitlist.bands import Floats
from waitlist.models.aid import NOBODY, Schedule, total
from waitlist.models.assumptions import Key
from waitlist.models.measures import sorted_percentiles
from waitlist.models.system import STAGES
from waitlist.models.why import Bound
from waitlist.results import ALL

TRANSFERS = (
    "week_ending",
    "from_provider",
    "to_provider",
    "specialty",
    "stage",
    "min_weeks_waited",
    "offered",
    "accepted",
    "offer_week",
    "moved",
    "below_weeks_waited",
    "source",
    "km",
)
BEFORE_AFTER = ("before_p10", "before_p50", "before_p90", "after_p10", "after_p50", "after_p90")
EFFECTS = ("before_mean", *BEFORE_AFTER[:3], "after_mean", *BEFORE_AFTER[3:], "worse")
LEAST = {"travel": "least travel", "transfers": "fewest transfers", "price": "lowest price"}
"""First aims that are best met where nobody moves."""
LIMITS = ("provider", "specialty", "threshold_weeks", "over_after", "limit", "extra", "gain", "sentence")


def transfers(found: Schedule) -> pd.DataFrame:
    """Every offer whose move lies inside the forecast: TRANSFERS."""
    moves, system, ends = found.moves, found.system, found.system.time.week_ends
    moved = _moved(found)
    rows = []
    for t in range(len(moves.sender)):
        (sender, specialty), (receiver, _) = system.lists[moves.sender[t]], system.lists[moves.receiver[t]]
        lead = int(moves.lead[t])
        for k in np.flatnonzero(moves.offered[t] > 0):
            if k + lead + 1 >= len(ends):
                continue
            rows.append(
                (
                    ends[k + lead + 1].isoformat(),
                    sender,
                    receiver,
                    specialty,
                    STAGES[moves.stage[t]],
                    int(moves.floor[t, k]),
                    int(moves.offered[t, k]),
                    int(moves.accepted[t, k]),
                    ends[k + 1].isoformat(),
                    float(moved[t, k]),
                    int(moves.ceiling[t, k]),
                    "agreed" if t < found.agreed else "chosen",
                    system.km.get((sender, receiver), np.nan),
                )
            )
    frame = pd.DataFrame(rows, columns=list(TRANSFERS))
    return frame.sort_values(list(TRANSFERS[:6]), kind="stable").reset_index(drop=True)


def _moved(found: Schedule) -> Floats:
    """[T, K] people moved by week of the offer, mean over draws."""
    total = np.zeros_like(found.moves.offered)
    for (_, specialty), row in found.after.items():
        if row.moved.size and specialty != ALL:
            total = np.where(np.isnan(row.moved), total, row.moved)
    return total


def mutual_aid(found: Schedule) -> pd.DataFrame:
    """People over each deadline's threshold, without and with the transfers, of every row."""
    rows = []
    for key in sorted(found.before):
        for d, item in enumerate(found.system.deadlines):
            before, after = (_described(part[key].over[d])[1:] for part in (found.before, found.after))
            rows.append((*key, item.threshold_weeks, item.date.isoformat(), *before, *after))
    return pd.DataFrame(rows, columns=["provider", "specialty", "threshold_weeks", "deadline", *BEFORE_AFTER])


def effects(found: Schedule) -> pd.DataFrame:
    """Lists, thresholds, longest and own mean waits at the last deadline, and clearance dates, of every row."""
    system = found.system
    last = system.last
    rows: list[tuple[object, ...]] = []
    for key in sorted(found.before):
        before, after = found.before[key], found.after[key]
        rows.append((*key, "waiting_list", last.isoformat(), *_both(before.size, after.size), np.nan))
        for d, item in enumerate(system.deadlines):
            name = f"over_{item.threshold_weeks}_weeks"
            rows.append((*key, name, item.date.isoformat(), *_both(before.over[d], after.over[d]), np.nan))
        rows.append((*key, "longest_wait_weeks", last.isoformat(), *_both(before.longest, after.longest, 1), np.nan))
        if key[0] not in system.plan.hub_codes and len(before.own_wait) and len(after.own_wait):
            k = _week_of(system.time.week_ends, last)
            own = _both(before.own_wait[k], after.own_wait[k], 1)
            rows.append((*key, "own_mean_wait_weeks", last.isoformat(), *own, worse_share(found, key)))
        for one, other in zip(before.clearance, after.clearance, strict=True):
            dates = [np.nan, *one[3:6], np.nan, *other[3:6]]
            rows.append((*key, f"clearance_{one[0]}_weeks", "", *dates, np.nan))
    return pd.DataFrame(rows, columns=["provider", "specialty", "measure", "date", *EFFECTS])


def worse_share(found: Schedule, key: Key) -> float:
    """The share of draws in which a receiver's own patients wait longer than the tolerance at some week end until the
    last deadline; NaN where nobody came by transfer."""
    before, after = found.before[key], found.after[key]
    if not after.came:
        return float("nan")
    last = _week_of(found.system.time.week_ends, found.system.last) + 1
    longer = (after.own_wait[:last] - before.own_wait[:last]).max(axis=0)
    return float((longer > found.system.aid.tolerance_weeks + 1e-6).mean())


def worse_off(found: Schedule) -> list[str]:
    """Trusts with more people over a threshold, or whose own patients wait beyond the tolerance in most draws."""
    named = []
    for provider in found.system.providers:
        key = (provider, ALL)
        if provider in found.system.plan.hub_codes or key not in found.before:
            continue
        before, after = found.before[key], found.after[key]
        more = np.rint(np.median(after.over, axis=1)) > np.rint(np.median(before.over, axis=1))
        if more.any() or worse_share(found, key) > 0.5:
            named.append(provider)
    return named


def limits(found: Schedule, bounds: Sequence[Bound], names: Mapping[str, str]) -> pd.DataFrame:
    """LIMITS: what binds where people stay over the last threshold's deadline, most people first."""
    rows = []
    for bound in bounds:
        row = found.after[bound.provider, bound.specialty]
        d = int(row.over.mean(axis=1).argmax())
        item = found.system.deadlines[d]
        over = float(row.over[d].mean())
        rows.append(
            (
                bound.provider,
                bound.specialty,
                item.threshold_weeks,
                over,
                limit_said(found, bound, names),
                bound.extra,
                bound.gain,
                bound_said(found, bound, over, item.threshold_weeks, item.date, names),
            )
        )
    return pd.DataFrame(rows, columns=list(LIMITS))


def limit_said(found: Schedule, bound: Bound, names: Mapping[str, str]) -> str:
    """What binds, in a few words."""
    whose = names.get(bound.place, bound.place)
    rooms = "theatres" if bound.stage == "admission" else "clinics"
    return {
        "spare": f"{rooms} of {whose}",
        "hub": f"stops of {whose}",
        "limit": bound.place,
        "tolerance": f"tolerance of {found.system.aid.tolerance_weeks:g} weeks for receivers' own patients",
        "eligible": "who may be offered a move, and how many accept",
        "nobody": "no trust or hub has spare stops for it",
    }[bound.kind]


def bound_said(found: Schedule, bound: Bound, over: float, weeks: int, deadline: date, names: Mapping[str, str]) -> str:
    """Why not more, in a sentence."""
    aid = found.system.aid
    list_ = f"{names.get(bound.provider, bound.provider)}, {names.get(bound.specialty, bound.specialty)}"
    still = f"{list_}: {over:,.0f} still over {weeks} weeks on {deadline:%-d %B %Y}."
    if bound.kind == "nobody":
        number = found.system.mean.number[found.system.lists.index((bound.provider, bound.specialty))]
        stage = 1 if number[1].sum() > 0 and aid.stage != "outpatient" else 0
        rooms = ("stops in clinics", "operations")[stage]
        needed = max(over / max(found.system.weeks, 1), 0.1)
        return (
            f"{still} No other trust or hub has stops to spare for it within these limits, so nothing can move; it "
            f"would take some {needed:,.1f} {rooms} a week more, anywhere."
        )
    if bound.kind == "eligible":
        return (
            f"{still} More capacity elsewhere would not help: of those who have waited {aid.min_weeks_waited} weeks, "
            f"{aid.acceptance:.0%} accept, and moves take {aid.lead_weeks} weeks."
        )
    week = found.system.time.week_ends[min(bound.week + 1, len(found.system.time.week_ends) - 1)]
    extra = f"{bound.extra:,.0f}" if bound.extra >= 3 else f"{bound.extra:,.1f}"
    one, many = ("operation", "operations") if bound.stage == "admission" else ("stop in clinics", "stops in clinics")
    stops = one if extra in ("1", "1.0") else many
    what = {
        "spare": f"{extra} more {stops} a week",
        "hub": f"{extra} more cases a week",
        "limit": f"{extra} more offers a week",
        "tolerance": f"{extra} more offers a week, were their own patients to wait longer",
    }[bound.kind]
    return (
        f"{still} What binds most: {limit_said(found, bound, names)}, from the week ending {week:%-d %B %Y}; {what} "
        f"would leave {bound.gain:,.0f} fewer over."
    )


def sentences(found: Schedule, names: Mapping[str, str]) -> tuple[str, ...]:
    """The answer in plain words: who is made worse off, what moves, what it changes, who should ask whom first."""
    said = []
    for provider in worse_off(found):
        before, after = found.before[provider, ALL], found.after[provider, ALL]
        changes = [
            f"{np.median(before.over[d]):,.0f} to {np.median(after.over[d]):,.0f} over {item.threshold_weeks} weeks"
            for d, item in enumerate(found.system.deadlines)
        ]
        share = worse_share(found, (provider, ALL))
        more = "" if np.isnan(share) else f"; own patients wait beyond the tolerance in {share:.0%} of draws"
        said.append(f"Worse off: {names.get(provider, provider)} ({', '.join(changes)}{more}).")
    if not found.moves.offered.any():
        first = found.asked.aims[0]
        why = f"that is the {LEAST[first]}, the first aim" if first in LEAST else _NONE_HELPS
        return (*said, f"Nobody is to move: {why}.")
    moved = float(_moved(found).sum())
    offered = int(found.moves.offered.sum())
    said.append(
        f"{offered:,} {'person is' if offered == 1 else 'people are'} offered a move, "
        f"{found.moves.accepted.sum():,.0f} accept and "
        f"{moved:,.0f} move; the others are treated where they are before their week comes."
    )
    for d, item in enumerate(found.system.deadlines):
        before, after = (rows[ALL, ALL].over[d] for rows in (found.before, found.after))
        low, high = np.percentile(after, [10, 90])
        said.append(
            f"Over {item.threshold_weeks} weeks on {item.date:%-d %B %Y}: {np.median(before):,.0f} without, "
            f"{np.median(after):,.0f} with transfers (80% of draws: {low:,.0f} to {high:,.0f})."
        )
    said += _fewest(found) + _first(found, names) + _honest(found)
    return tuple(said)


_NONE_HELPS = "within these limits no schedule that was found leaves fewer people over a threshold in the simulation"


def _fewest(found: Schedule) -> list[str]:
    """Whether so many over thresholds as are enough can be had, and by how many transfers."""
    enough = found.system.aid.most_over
    if enough is None:
        return []
    after, offered = total(found.after), found.moves.offered.sum()
    goal = "nobody" if enough < 1 else f"no more than {enough:,.0f}"
    if after <= max(enough, 1.0) * 1.05 + 0.5:
        return [f"The fewest transfers that leave {goal} over: {offered:,.0f} offers."]
    remain = f"{after:,.0f} remain in the mean of the draws"
    return [f"That {goal} is over can't be met by transfers within these limits: {remain}."]


def _first(found: Schedule, names: Mapping[str, str]) -> list[str]:
    """Who should ask whom first: the pair whose moves help most."""
    offers, chosen = found.asked.offers, found.chosen.offered
    gain: dict[tuple[int, int], float] = {}
    for x in np.flatnonzero(chosen):
        pair = (int(offers.sender[x]), int(offers.receiver[x]))
        gain[pair] = gain.get(pair, 0.0) + float(offers.over[x] * chosen[x])
    if not gain:
        return []
    one, other = max(gain, key=lambda pair: gain[pair])
    sender, receiver = (names.get(found.system.providers[p], found.system.providers[p]) for p in (one, other))
    mine = (offers.sender == one) & (offers.receiver == other)
    people = int(chosen[mine].sum())
    return [
        f"{sender} should ask {receiver} first: {people:,} offers there do most ({gain[one, other]:,.0f} fewer over)."
    ]


def _honest(found: Schedule) -> list[str]:
    """How the program's claim compares, and what was not proven."""
    said = []
    if found.claim:
        off = abs(found.corrected - found.effect) / max(abs(found.effect), 1.0)
        said.append(
            f"The figures are the simulation's: {found.effect:,.0f} fewer over thresholds. The program that chose "
            f"claimed {found.claim:,.0f}, and {found.corrected:,.0f} when corrected by it ({off:.0%} apart)."
        )
    if found.chosen.stopped:
        gap = found.chosen.gap
        far = "how far from the best there is, is not known" if np.isnan(gap) else f"at most {gap:.1%} from the best"
        said.append(f"The search was stopped by its limit: this is the best found, {far}.")
    if found.way == NOBODY:
        said.append(f"Nobody more is to move than is agreed: {_NONE_HELPS}.")
    elif found.way != "program":
        said.append(f"A simpler way did better in the simulation and is given: {found.way}.")
    return said


def _both(before: Floats, after: Floats, decimals: int = 0) -> list[float]:
    return _described(before, decimals) + _described(after, decimals)


def _described(values: Floats, decimals: int = 0) -> list[float]:
    """The mean of ``values``, and their p10, p50 and p90, rounded."""
    percentiles = np.round(sorted_percentiles(np.sort(values), np.array([0.1, 0.5, 0.9])), decimals)
    return [float(values.mean()), *percentiles.tolist()]


def _week_of(ends: Sequence[date], day: date) -> int:
    """The place among the weeks' ends, the first not counted, of the last on or before ``day``."""
    return max(sum(end <= day for end in ends[1:]) - 1, 0)
