"""The mean path of every list, band by band: who is where, who leaves how, what becomes of a person more or less.

One path with the draws' mean factors, written plainly: the program that chooses transfers (R12) weighs people by it.
What its schedule does is then told by the engine, on all draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from waitlist.bands import BANDS, Floats
from waitlist.calendar import Horizon, place
from waitlist.models.assumptions import Assumptions, Factors, Planned
from waitlist.models.controls import AT_BOTH, AT_CLINICS, AT_OUTPATIENT, AT_THEATRES, CLINICS, STRAIGHT, THEATRES
from waitlist.models.layout import ADMISSION, FULL_WEEK, KNOTS, OUTPATIENT, STARTS
from waitlist.models.moving import Moves
from waitlist.plan import Deadline


@dataclass(frozen=True)
class Expected:
    """N lists over K weeks, people of two stages in 105 bands.

    people [N, 2, 105, K + 1] at each week end, the snapshot first. Of those in a band, in each week: stays
    [N, 2, 105, K] the share still in the stage when it is over, converts [N, 105, K] the share who go on to the next
    one, and stops [N, 2, 105, K] the share who stop without admission (outpatient) or are operated on (admission).
    unused [N, 2, K]: stops for which nobody is found. number [N, 2, K]: stops given at each stage, in all.
    """

    people: Floats
    stays: Floats
    converts: Floats
    stops: Floats
    unused: Floats
    number: Floats


@dataclass(frozen=True)
class Worth:
    """What people and stops are worth: expected people over thresholds at deadlines, and weeks of people over them.

    person [2, N, 2, 105, K + 1]: what one more of a stage in a band at a week end adds, the stops that are then not
    given to others among it. stop [2, N, 2, K]: what one more stop of each stage in a week takes off, given as
    observed. The first axis: at deadlines, in person-weeks.
    """

    person: Floats
    stop: Floats


def expected(assumed: Assumptions, factors: Factors, time: Horizon, planned: Planned) -> Expected:
    """The Expected of every list; by activity where ``planned`` says so, in the order as observed."""
    lists, weeks = len(assumed.lists), time.weeks
    months = factors.months[..., : factors.draws].mean(axis=-1)
    people = np.empty((lists, 2, BANDS, weeks + 1))
    people[..., 0] = assumed.opening
    held = assumed.held.copy()
    stays, stops = np.empty((lists, 2, BANDS, weeks)), np.empty((lists, 2, BANDS, weeks))
    converts, unused, number = np.empty((lists, BANDS, weeks)), np.zeros((lists, 2, weeks)), np.empty((lists, 2, weeks))
    numbers = _numbers(planned, factors.draws)
    rates = assumed.departures.copy()
    rates[:, ADMISSION, [1, 3]] = 0.0
    for k in range(weeks):
        month = months[:, assumed.span[k]]
        pace = np.array([np.interp(np.arange(BANDS), KNOTS, knots) for knots in month[:, STARTS + 1 :]])
        share = rates * month[:, None, :STARTS, None] * pace[:, None, None]
        share = time.working_days[k] * share / np.maximum(1.0, FULL_WEEK * share.sum(axis=2, keepdims=True))
        _move(people, planned.moves, k)
        now = people[..., k]
        for n, given in numbers.items():
            unused[n, :, k] = _as_given(share[n], now[n], given[:, k], bool(planned.told.whole[planned.place[n]]))
        stops[:, OUTPATIENT, :, k], stops[:, ADMISSION, :, k] = share[:, OUTPATIENT, 1], share[:, ADMISSION, 0]
        converts[:, :, k] = share[:, OUTPATIENT, 3]
        stays[..., k] = 1.0 - share.sum(axis=2)
        number[..., k] = (stops[..., k] * now).sum(axis=2)
        after = stays[..., k] * now + time.working_days[k] * assumed.returns
        after[:, ADMISSION] += converts[:, :, k] * now[:, OUTPATIENT]
        people[..., 1:, k + 1] = after[..., :-1]
        people[..., -1, k + 1] += after[..., -1]
        started = assumed.starts[:, k] * month[:, STARTS]
        people[:, :, 0, k + 1] = 0.0
        people[:, OUTPATIENT, 0, k + 1] = held + started * (1 - time.last_day_share[k])
        held = started * time.last_day_share[k]
    return Expected(people, stays, converts, stops, unused, number)


def _move(people: Floats, moves: Moves, k: int) -> None:
    """Those who accepted an offer move in week k, the longest waiting first, into ``people`` [N, 2, 105, K + 1]."""
    for t, lead in enumerate(moves.lead):
        left = float(moves.accepted[t, k - lead]) if k >= lead and moves.accepted.shape[1] else 0.0
        stage, sender, receiver = moves.stage[t], people[moves.sender[t], :, :, k], people[moves.receiver[t], :, :, k]
        first = BANDS - 1
        last = min(int(moves.floor[t, k - lead]) + int(lead), first) if left > 0 else BANDS
        for b in range(first, last - 1, -1):
            number = min(left, float(sender[stage, b]))
            sender[stage, b] -= number
            receiver[stage, b] += number
            left -= number


def _numbers(planned: Planned, draws: int) -> dict[int, Floats]:
    """By list that goes by activity, the stops [2, K] of its stages without admission and from the admission stage."""
    told, found = planned.told, {}
    for n in np.flatnonzero(planned.place >= 0):
        at = planned.place[n]
        carried = told.carried[told.source[at]]
        mean = carried.transpose(1, 2, 0, 3).reshape(carried.shape[1], 3, -1)[..., :draws].mean(axis=2).T
        keep, add = told.keep[at].T, told.add[at].sum(axis=2).T
        clinics = keep[CLINICS] * mean[CLINICS] + (keep[STRAIGHT] * mean[STRAIGHT] if told.whole[at] else 0.0)
        theatres = keep[THEATRES] * mean[THEATRES] + add[AT_THEATRES]
        both = add[AT_BOTH] * clinics / np.maximum(clinics + theatres, 1e-9)
        clinics = clinics + add[AT_CLINICS] + add[AT_OUTPATIENT] + both
        found[int(n)] = np.maximum(np.array([clinics, theatres + add[AT_BOTH] - both]), 0.0)
    return found


def _as_given(share: Floats, people: Floats, number: Floats, whole: bool) -> Floats:
    """Scale the shares [2, 4, 105] who leave so that both stages give a ``number`` [2] of stops; what finds nobody."""
    unused = np.zeros(2)
    for stage, ends in ((OUTPATIENT, [0, 1] if whole else [1]), (ADMISSION, [0])):
        kinds = [0, 1, 3] if stage == OUTPATIENT else [0]
        decided, rest = share[stage, kinds].sum(axis=0), 1.0 - share[stage, 2]
        stopped = share[stage, ends].sum(axis=0)
        scale = 1.0
        for _ in range(30):
            part = np.minimum(scale, rest / np.maximum(decided, 1e-12))
            got = float((part * stopped * people[stage]).sum())
            if got <= 0.0 or abs(got - number[stage]) < 1e-6 * (1.0 + number[stage]) or scale > 1e6:
                break
            scale *= number[stage] / got
        unused[stage] = max(0.0, number[stage] - got)
        share[stage, kinds] *= part
    return np.where(unused > 1e-3 * (1.0 + number), unused, 0.0)


def worth(mean: Expected, time: Horizon, deadlines: Sequence[Deadline]) -> Worth:
    """What people and stops are worth until the last of ``deadlines``, all of them counted together.

    Numbers of stops are held (R7), so that a stop which one takes is another's no more: backwards from each deadline,
    those who stay, go on, or stop in a week are worth what comes after, and a stop what comes after for whom it is
    given to as observed.
    """
    lists, weeks = mean.people.shape[0], mean.stays.shape[-1]
    person, stop = np.zeros((2, lists, 2, BANDS, weeks + 1)), np.zeros((2, lists, 2, weeks))
    for item in deadlines:
        end = place(time.snapshot, item.date)
        last = min(end.week, weeks)
        over = (np.arange(BANDS) >= item.threshold_weeks).astype(float)
        ends = over.copy()
        ends[item.threshold_weeks - 1] += end.crossing_weights[item.threshold_weeks] * (last == end.week)
        for what in range(2):
            after = np.broadcast_to(ends if what == 0 else over, (lists, 2, BANDS))
            person[what, ..., last] += after
            for k in range(last - 1, -1, -1):
                a_stop = _of_a_stop(mean, after, k)
                stop[what, :, :, k] += a_stop
                after = _before(mean, after, k) + mean.stops[..., k] * a_stop[:, :, None] + (over if what == 1 else 0.0)
                person[what, ..., k] += after
    return Worth(person, stop)


def aged(values: Floats, axis: int = -1) -> Floats:
    """``values``, by band along ``axis``, of the band that people of each band are in a week later."""
    return np.take(values, np.minimum(np.arange(BANDS) + 1, BANDS - 1), axis)


def _before(mean: Expected, after: Floats, k: int) -> Floats:
    """[N, 2, 105] what is expected of people before week k of what is ``after`` it."""
    value = mean.stays[..., k] * aged(after)
    value[:, OUTPATIENT] += mean.converts[:, :, k] * aged(after[:, ADMISSION])
    return value


def _of_a_stop(mean: Expected, after: Floats, k: int) -> Floats:
    """[N, 2] what a stop more in week k takes off what is ``after`` it, given to bands as observed.

    A stop of a clinic stands for all whom the clinic decides about beside it: those go on to the admission stage.
    """
    people, value = mean.people[..., k], aged(after)
    taken = mean.stops[:, ADMISSION, :, k] * people[:, ADMISSION]
    admission = (taken * value[:, ADMISSION]).sum(axis=1) / np.maximum(taken.sum(axis=1), 1e-9)
    stopped = mean.stops[:, OUTPATIENT, :, k] * people[:, OUTPATIENT]
    moved = mean.converts[:, :, k] * people[:, OUTPATIENT]
    fewer = stopped * value[:, OUTPATIENT] + moved * (value[:, OUTPATIENT] - value[:, ADMISSION])
    outpatient = fewer.sum(axis=1) / np.maximum(stopped.sum(axis=1), 1e-9)
    return np.stack([outpatient, admission], axis=1)


def longer(mean: Expected, weeks: int) -> Floats:
    """[N, 2, K, K] weeks by which the mean wait on a list is longer at the end of week j for each stop less in week k,
    of the first ``weeks``."""
    lists = mean.people.shape[0]
    found = np.zeros((lists, 2, weeks, weeks))
    band = np.arange(BANDS)
    size = np.maximum(mean.people.sum(axis=(1, 2)), 1.0)
    waited = (mean.people.sum(axis=1) * band[:, None]).sum(axis=1) / size
    for stage in range(2):
        for k in range(weeks):
            left = np.zeros((lists, 2, BANDS))
            stopped = mean.stops[:, stage, :, k] * mean.people[:, stage, :, k]
            whole = np.maximum(stopped.sum(axis=1, keepdims=True), 1e-9)
            left[:, stage] = stopped / whole
            if stage == OUTPATIENT:
                moved = mean.converts[:, :, k] * mean.people[:, OUTPATIENT, :, k] / whole
                left[:, OUTPATIENT] += moved
                left[:, ADMISSION] -= moved
            for j in range(k, weeks):
                if j > k:
                    onward = mean.converts[:, :, j] * left[:, OUTPATIENT]
                    left = mean.stays[..., j] * left
                    left[:, ADMISSION] += onward
                left = _older(left)
                total = left.sum(axis=(1, 2))
                found[:, stage, k, j] = ((left.sum(axis=1) @ band) - waited[:, j + 1] * total) / size[:, j + 1]
    return found


def _older(people: Floats) -> Floats:
    """``people`` [… , 105] a band on, the open one keeping its own."""
    moved = np.zeros_like(people)
    moved[..., 1:] = people[..., :-1]
    moved[..., -1] += people[..., -1]
    return moved
