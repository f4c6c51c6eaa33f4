"""What NHS England usually asks of a trajectory, each question put before it is asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from waitlist.bands import Floats
from waitlist.calendar import month_end, month_lengths, months_after, working_days
from waitlist.models.submission.figures import Figures
from waitlist.models.submission.identities import Finding, words

SPREAD = 0.2
"""Share by which a month's stops a working day may lie off the mean of the year's other months."""
ALIKE = 0.01
"""Share by which months must differ that have other working days."""
OFF_RATIO = 0.05
MORE_REMOVALS = 1.25
"""Times the observed other removals a month that a plan may rest on without being asked."""
POINTS_OVER = 3.0
"""Points by which a planned % within 18 weeks may gain on what its activity supports."""
JUMP = 2.0
"""Times the largest improvement of the months before that the last month's may be."""
LEAST_POINTS, LEAST_PEOPLE = 0.5, 20
"""An improvement of a month below which nobody asks."""
FROM_NOWHERE = 10
UNLIKELY = 0.1
SCALE = 3.0
"""Times the largest known figure beyond which one is a slip."""
FAR = 2.0
"""Times the largest monthly move of the last year that a month ahead may move by."""

Record = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Organisation → measure → month → value, as long as it is known."""


@dataclass(frozen=True)
class Questioned:
    """What is questioned: figures, how many of its 13 months are actuals, and each organisation's longer record."""

    figures: Figures
    actuals: int
    record: Record
    ratios: Mapping[str, Mapping[str, float]]

    @property
    def ahead(self) -> range:
        """Positions of the months that are forecast, of the year."""
        return range(max(self.actuals, 1), len(self.figures.months))

    def share_within(self, org: str) -> Floats:
        """[13] % within 18 weeks."""
        return np.asarray(100 * self.figures.of(org, "within_18_weeks") / np.maximum(self._size(org), 1.0))

    def _size(self, org: str) -> Floats:
        return self.figures.of(org, "waiting_list")

    def stops(self, org: str) -> Floats:
        """[13] stops of both kinds."""
        return np.asarray(self.figures.of(org, "stops_admitted") + self.figures.of(org, "stops_non_admitted"))

    def observed(self, org: str, measure: str) -> list[float]:
        """The record of one measure, the oldest month first; missing months are NaN."""
        there = self.record.get(org, {}).get(measure, {})
        if not there:
            return []
        first, months = min(there), []
        while first <= max(there):
            months.append(there.get(first, math.nan))
            first = months_after(first, 1)
        return months


def working_days_followed(case: Questioned) -> Iterator[Finding]:
    """Stops and clock starts a working day are alike in all months."""
    months = case.figures.months
    days = np.array([working_days(month_end(months_after(m, -1)), month_end(m)) for m in months], dtype=float)
    for org in case.figures.providers:
        for name, flow in (("stops", case.stops(org)), ("clock starts", case.figures.of(org, "clock_starts"))):
            yield from _alike(case, org, name, flow, days)
            rate = flow / days
            known = np.flatnonzero(~np.isnan(rate[1:])) + 1
            for m in case.ahead:
                others = [k for k in known if k != m]
                if not others or math.isnan(rate[m]):
                    continue
                mean = float(rate[others].mean())
                if mean > 1 and abs(rate[m] / mean - 1) > SPREAD:
                    yield Finding(
                        org,
                        months[m],
                        f"{name} {flow[m]:,.0f} on {days[m]:.0f} working days, {rate[m]:,.1f} a day; "
                        f"other months {mean:,.1f} a day",
                        f"Why do {org}'s {name} in {months[m]} not follow its working days?",
                    )


def _alike(case: Questioned, org: str, name: str, flow: Floats, days: Floats) -> Iterator[Finding]:
    """The months ahead that have one figure, though their working days differ."""
    ahead = list(case.ahead)
    if len(ahead) < 3 or math.isnan(flow[ahead].sum()) or np.ptp(days[ahead]) < 2 or flow[ahead].mean() < 100:
        return
    if np.ptp(flow[ahead]) < ALIKE * flow[ahead].mean():
        yield Finding(
            org,
            "",
            f"{name} {flow[ahead].min():,.0f} to {flow[ahead].max():,.0f} in every month ahead, of "
            f"{days[ahead].min():.0f} to {days[ahead].max():.0f} working days",
            f"Why are {org}'s {name} the same in long and short months?",
        )


def activity_with_stops(case: Questioned) -> Iterator[Finding]:
    """Hospital activity stands to stops as the plan's ratios, or the observed ones, say."""
    pairs = (
        ("E.M.8", "stops_non_admitted", "first_outpatient_per_non_admitted_stop"),
        ("E.M.9", "stops_non_admitted", "follow_up_per_non_admitted_stop"),
        ("E.M.10", "stops_admitted", "admissions_per_admitted_stop"),
    )
    for org in case.figures.providers:
        for ref, flow, name in pairs:
            ratio = case.ratios.get(org, {}).get(name)
            if ratio is None or ref not in case.figures.lines:
                continue
            activity, stops = case.figures.of(org, ref), case.figures.of(org, flow)
            for m in case.ahead:
                right = ratio * stops[m]
                if abs(activity[m] - right) > max(OFF_RATIO * right, 2.0):
                    yield Finding(
                        org,
                        case.figures.months[m],
                        f"{ref} {activity[m]:,.0f}, {ratio:g} × {stops[m]:,.0f} {words(flow)} is {right:,.0f}",
                        f"Why is {org}'s {ref} not what its clock stops take?",
                    )


def list_with_demand(case: Questioned) -> Iterator[Finding]:
    """The list follows from starts and stops without more other removals than are observed."""
    for org in case.figures.orgs:
        seen = [v for v in case.observed(org, "other_removals")[-12:] if not math.isnan(v)]
        ahead = case.figures.of(org, "other_removals")[list(case.ahead)]
        if not len(ahead) or len(seen) < 6 or np.isnan(ahead).any():
            continue
        usual, planned = float(np.mean(seen)), float(np.mean(ahead))
        starts, stops = case.figures.of(org, "clock_starts"), case.stops(org)
        size = case.figures.of(org, "waiting_list")
        if planned > max(usual, 0.0) * MORE_REMOVALS + 0.001 * size[case.ahead[0] - 1]:
            change = size[-1] - size[case.ahead[0] - 1]
            gap = float((starts - stops)[list(case.ahead)].sum())
            yield Finding(
                org,
                "",
                f"starts less stops {gap:+,.0f}, the list {change:+,.0f}: other removals {planned:,.0f} a month, "
                f"observed {usual:,.0f}",
                f"Who leaves {org}'s list without a clock stop, {planned - usual:,.0f} more a month than in the last "
                "year? Other removals are not treatment.",
            )


def supported_by_activity(case: Questioned) -> Iterator[Finding]:
    """The % within 18 weeks is what the departures support.

    With exponential waits a list L that E people leave a week holds 1 − exp(−18 E ÷ L) of them within 18 weeks; how far
    the trust lies off that in its last observed months is its own.
    """
    last, weeks = len(case.figures.months) - 1, month_lengths(case.figures.months) / 7
    if last not in case.ahead:
        return
    for org in case.figures.orgs:
        own = _own_gain(case, org)
        if own is None:
            continue
        left = case.stops(org) + case.figures.of(org, "other_removals")
        with np.errstate(invalid="ignore", divide="ignore"):
            supported = own + _supported(left / weeks, case.figures.of(org, "waiting_list"))
        lately = slice(max(last - 2, case.ahead.start), last + 1)
        if float(np.mean((case.share_within(org) - supported)[lately])) > POINTS_OVER:
            yield Finding(
                org,
                case.figures.months[last],
                f"{case.share_within(org)[last]:.1f}% planned; activity supports {supported[last]:.1f}%",
                f"Who is treated so that {org} holds {case.share_within(org)[last]:.1f}% within 18 weeks?",
            )


def _supported(a_week: Floats, size: Floats) -> Floats:
    """% within 18 weeks of a list that so many leave a week."""
    return np.asarray(100 * (1 - np.exp(-18 * a_week / size)))


def _own_gain(case: Questioned, org: str) -> float | None:
    """Points by which a list's % within 18 weeks lies over what its departures support, its last three known months."""
    of = case.record.get(org, {})
    needed = ("waiting_list", "within_18_weeks", "stops_admitted", "stops_non_admitted", "other_removals")
    months = sorted(set.intersection(*(set(of.get(name, {})) for name in needed)))[-3:]
    if not months:
        return None
    size, within, *left = (np.array([of[name][month] for month in months]) for name in needed)
    supported = _supported(np.sum(left, axis=0) / (month_lengths(months) / 7), size)
    return float(np.mean(100 * within / size - supported))


def faster_than_ever(case: Questioned) -> Iterator[Finding]:
    """No improvement over the months ahead is larger than the best the organisation ever made in as many months."""
    first, last = case.ahead.start - 1, len(case.figures.months) - 1
    span = last - first
    for org in case.figures.orgs:
        within, size = case.observed(org, "within_18_weeks"), case.observed(org, "waiting_list")
        shares = [100 * w / s if s else math.nan for w, s in zip(within, size, strict=False)]
        planned = float(case.share_within(org)[last] - case.share_within(org)[first])
        best = _best(shares, span, 1)
        if best is not None and planned > max(best, 0.0) + 0.05:
            yield Finding(
                org,
                case.figures.months[last],
                f"{planned:+.1f} points in {span} months; its best in {len(shares)} months was {best:+.1f}",
                f"What will {org} do from now on that it has never done?",
            )
        over = case.figures.of(org, "over_52_weeks")
        fall, most = float(over[first] - over[last]), _best(case.observed(org, "over_52_weeks"), span, -1)
        if most is not None and fall > max(most, 0.0) + LEAST_PEOPLE:
            yield Finding(
                org,
                case.figures.months[last],
                f"{fall:,.0f} fewer over 52 weeks in {span} months; its best was {most:,.0f}",
                f"How will {org} clear long waits faster than it ever has?",
            )


def _best(values: Sequence[float], span: int, sign: int) -> float | None:
    """The largest improvement over ``span`` months; None where the record is too short."""
    moves = [sign * (b - a) for a, b in zip(values, values[span:], strict=False) if not math.isnan(b - a)]
    return max(moves) if moves and span > 0 else None


def jump_at_the_end(case: Questioned) -> Iterator[Finding]:
    """The last month improves no more than the months before it suggest."""
    for org in case.figures.orgs:
        for name, gain, least, unit in _gains(case, org):
            before = [float(g) for g in gain[:-1] if not math.isnan(g)]
            last, places = float(gain[-1]), 1 if unit == "points" else 0
            if before and last > least and last > JUMP * max(0.0, *before) + least:
                yield Finding(
                    org,
                    case.figures.months[-1],
                    f"{name} {last:,.{places}f} {unit} better in the last month, before that {max(before):,.{places}f} "
                    "at best",
                    f"What happens in {case.figures.months[-1]} that does not happen in the months before?",
                )


def _gains(case: Questioned, org: str) -> list[tuple[str, Floats, float, str]]:
    """Monthly improvements [12] of % within 18 weeks and of those over 52 weeks, and the least that matters."""
    return [
        ("% within 18 weeks", np.diff(case.share_within(org)), LEAST_POINTS, "points"),
        ("over 52 weeks", -np.diff(case.figures.of(org, "over_52_weeks")), LEAST_PEOPLE, "people"),
    ]


def zero_from_nowhere(case: Questioned) -> Iterator[Finding]:
    """A number does not fall to none in a month from far above."""
    for org in case.figures.providers:
        for weeks in (52, 65, 78, 104):
            over = case.figures.of(org, f"over_{weeks}_weeks")
            for m in case.ahead:
                fall, before = over[m - 1] - over[m], np.diff(over[:m])
                usual = max(0.0, *(-before[~np.isnan(before)])) if (~np.isnan(before)).any() else 0.0
                if over[m] == 0 and over[m - 1] >= FROM_NOWHERE and fall > JUMP * usual:
                    yield Finding(
                        org,
                        case.figures.months[m],
                        f"over {weeks} weeks {over[m - 1]:,.0f}, then none",
                        f"Who treats the {over[m - 1]:,.0f} at {org} in one month?",
                    )


def big_moves(case: Questioned) -> Iterator[Finding]:
    """No month ahead moves from the one before by far more than months have moved in the last year."""
    for org in case.figures.providers:
        for line in ("waiting_list", "over_52_weeks", "clock_starts", "stops_admitted", "stops_non_admitted"):
            moves = _usual_moves(case, org, line)
            value = case.figures.of(org, line)
            for m in case.ahead if len(moves) >= 6 else ():
                move = abs(value[m] - value[m - 1])
                if move > FAR * moves.max() + LEAST_PEOPLE:
                    yield Finding(
                        org,
                        case.figures.months[m],
                        f"{words(line)} {value[m - 1]:,.0f}, then {value[m]:,.0f}; in the last year it moved by "
                        f"{moves.max():,.0f} at most",
                        f"What changes {org}'s {words(line)} at once in {case.figures.months[m]}?",
                    )


def _usual_moves(case: Questioned, org: str, line: str) -> Floats:
    """By how much a figure moved from month to month in the last year, months of a restatement left out (R4)."""
    restated = {month for month, size in case.record.get(org, {}).get("restatement", {}).items() if size}
    there = case.record.get(org, {}).get(line, {})
    months = sorted(there)[-13:]
    pairs = [(a, b) for a, b in zip(months, months[1:], strict=False) if months_after(a, 1) == b and b not in restated]
    return np.array([abs(there[b] - there[a]) for a, b in pairs])


def restated(case: Questioned) -> Iterator[Finding]:
    """Nothing in the year is a change in what is reported (R4)."""
    for org in case.figures.providers:
        change = case.figures.of(org, "restatement")
        for m in range(1, len(change)):
            if change[m]:
                yield Finding(
                    org,
                    case.figures.months[m],
                    f"restatement {change[m]:+,.0f}",
                    f"{change[m]:+,.0f} of {org}'s list in {case.figures.months[m]} is a change in what is reported: "
                    "is it said beside every comparison across that month, of the list, of long waits and of activity?",
                )


def out_of_scale(case: Questioned) -> Iterator[Finding]:
    """No figure is beyond three times the largest that was ever known."""
    for org in case.figures.providers:
        for line in ("waiting_list", "clock_starts", "stops_admitted", "stops_non_admitted"):
            seen = [value for value in case.observed(org, line) if not math.isnan(value)]
            value = case.figures.of(org, line)
            for m in case.ahead if len(seen) >= 6 else ():
                if value[m] > SCALE * max(seen) + LEAST_PEOPLE:
                    yield Finding(
                        org,
                        case.figures.months[m],
                        f"{words(line)} {value[m]:,.0f}; the largest known is {max(seen):,.0f}",
                        f"Is a digit too many in {org}'s {words(line)} of {case.figures.months[m]}?",
                    )


def identical(case: Questioned) -> Iterator[Finding]:
    """No month's list is the one before again."""
    for org in case.figures.providers:
        size = case.figures.of(org, "waiting_list")
        for m in range(1, len(size)):
            if size[m] == size[m - 1] and size[m] > 100:
                yield Finding(
                    org,
                    case.figures.months[m],
                    f"waiting list {size[m]:,.0f} in both months",
                    f"Was {org}'s list of {case.figures.months[m]} copied from the month before?",
                )


def flatters(case: Questioned) -> Iterator[Finding]:
    """A better percentage with no fewer people over 18 weeks, or by removals that are not treatment (R13)."""
    first, last = case.ahead.start - 1, len(case.figures.months) - 1
    for org in case.figures.orgs:
        share, over = case.share_within(org), case.figures.of(org, "over_18_weeks")
        gain, more = float(share[last] - share[first]), float(over[last] - over[first])
        if gain > 0.05 and more >= 0:
            yield Finding(
                org,
                case.figures.months[last],
                f"{gain:+.1f} points, {more:+,.0f} people over 18 weeks",
                f"{org}'s percentage rises though no fewer wait over 18 weeks: the list grows by those who have just "
                "joined (R13).",
            )
        size = case.figures.of(org, "waiting_list")
        removed = float(case.figures.of(org, "other_removals")[list(case.ahead)].sum())
        fall = float(size[first] - size[last])
        if fall > 0 and removed > fall:
            yield Finding(
                org,
                case.figures.months[last],
                f"the list falls by {fall:,.0f}, other removals are {removed:,.0f}",
                f"Without other removals, which are not treatment, {org}'s list would grow by {removed - fall:,.0f} "
                "(R13).",
            )


CHALLENGES: Mapping[str, Callable[[Questioned], Iterator[Finding]]] = {
    "working-days": working_days_followed,
    "activity-with-stops": activity_with_stops,
    "list-with-demand": list_with_demand,
    "supported-by-activity": supported_by_activity,
    "faster-than-ever": faster_than_ever,
    "jump-at-the-end": jump_at_the_end,
    "zero-from-nowhere": zero_from_nowhere,
    "big-moves": big_moves,
    "identical-months": identical,
    "restated": restated,
    "out-of-scale": out_of_scale,
    "flatters": flatters,
}
