"""Whole people: a schedule that keeps every limit, from fractions of people or from a plain rule of thumb (R12)."""

from __future__ import annotations

import numpy as np

from waitlist.bands import Floats
from waitlist.models.question import Question, alike, claimed

MARGIN = 1e-9
EVERYBODY = 1_000_000
HELPED = ("over_thresholds", "person_weeks")
"""First aims that more offers help; others are met by those of the program alone."""
MOST_TRIED = 20_000
"""Offers beyond the program's own that are tried once more, the most helpful first."""


class Ledger:
    """A schedule as it grows, and what is left of every limit."""

    def __init__(self, asked: Question) -> None:
        offers, weeks = asked.offers, len(asked.months)
        self.asked, self.offered = asked, np.zeros(len(offers.week), dtype=int)
        self.place = asked.receiving
        self.alive = np.zeros_like(asked.stock.eligible)
        decays = np.ones((len(asked.stock.eligible), weeks))
        decays[:, 1:] = np.cumprod(np.maximum(asked.stock.stays[:, :-1], 1e-12), axis=1)
        self.decays = decays
        self.used = np.zeros_like(asked.spare.free)
        self.slower = np.zeros((len(asked.spare.tolerance), weeks))
        self.pool_of = {m: i for i, (places, _) in enumerate(asked.spare.pools) for m in places}
        self.pooled = np.zeros((len(asked.spare.pools), weeks))
        self.ruled = np.zeros((len(asked.rules), weeks))
        self.pair = alike(offers.sender, offers.receiver)
        self.by_pair = np.zeros((int(self.pair.max(initial=-1)) + 1, weeks), dtype=int)
        self.way = alike(offers.sender, offers.receiver, offers.specialty, offers.stage, offers.week)
        self.by_way = np.zeros(int(self.way.max(initial=-1)) + 1, dtype=int)
        self.sent: dict[tuple[int, ...], int] = {}
        self.received: dict[tuple[int, ...], int] = {}

    def room(self, x: int) -> int:
        """The most people more that offer ``x`` may be made to, with every limit kept but for the batch."""
        asked, offers = self.asked, self.asked.offers
        week, most = offers.week[x], np.inf
        m = self.place[x]
        needs = self._needs(x)
        for stage, k, use in needs:
            left = asked.spare.free[m, stage, k] + asked.spare.own[m, stage, k] - self.used[m, stage, k]
            most = min(most, left / use)
            if m in self.pool_of:
                i = self.pool_of[m]
                most = min(most, (asked.spare.pools[i][1][k] - self.pooled[i, k]) / use)
        if most < 1.0 - MARGIN or self._against(x):  # most often what the receiver can give is used up: no more to ask
            return 0
        for stock in self._stocks(x):
            part = self.decays[stock, week:] / self.decays[stock, week]
            most = min(most, float(np.min((asked.stock.eligible[stock, week:] - self.alive[stock, week:]) / part)))
        for i, rule in enumerate(asked.rules):
            if rule.about[x]:
                most = min(most, rule.most[week] - self.ruled[i, week])
        if np.isfinite(asked.most_change) and week > 0:
            pair = self.by_pair[self.pair[x]]
            most = min(most, asked.most_change + pair[week - 1] - pair[week])
        number = int(np.floor(max(most, 0.0) + MARGIN))
        while number > 0 and not self._within_tolerance(m, needs, number):
            number //= 2
        return number

    def _stocks(self, x: int) -> list[int]:
        """The stocks that an offer draws from."""
        fit = int(self.asked.offers.fit[x])
        return [int(self.asked.offers.stock[x]), *([fit] if fit >= 0 else [])]

    def _needs(self, x: int) -> list[tuple[int, int, float]]:
        """Stage, week and stops that each person offered needs of the receiver."""
        offers, move = self.asked.offers, int(self.asked.offers.move_week[x])
        found = [(0, move, float(offers.clinic[x])), (1, move, float(offers.theatre[x]))]
        if move + 1 < len(self.asked.months):
            found.append((1, move + 1, float(offers.onward[x])))
        return [need for need in found if need[2] > 0]

    def _taken(self, m: int, stage: int, k: int, more: float) -> float:
        """Own stops more that are taken where ``more`` are used."""
        free, used = self.asked.spare.free[m, stage, k], self.used[m, stage, k]
        return float(max(0.0, used + more - free) - max(0.0, used - free))

    def _within_tolerance(self, m: int, needs: list[tuple[int, int, float]], number: int) -> bool:
        slower = self.slower[m].copy()
        for stage, k, use in needs:
            slower += self._taken(m, stage, k, use * number) * self.asked.spare.longer[m, stage, k]
        return bool((slower <= self.asked.spare.tolerance[m] + MARGIN).all())

    def _keys(self, x: int) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        offers = self.asked.offers
        what = (int(offers.specialty[x]), int(offers.stage[x]))
        months = {int(self.asked.months[offers.week[x]]), int(self.asked.months[offers.move_week[x]])}
        sends: list[tuple[int, ...]] = [(int(offers.sender[x]), *what, month) for month in months]
        return sends, [(int(offers.receiver[x]), *what, month) for month in months]

    def _against(self, x: int) -> bool:
        """Whether the sender has received, or the receiver sent, the like in that month."""
        sends, receives = self._keys(x)
        return any(self.received.get(key) for key in sends) or any(self.sent.get(key) for key in receives)

    def add(self, x: int, number: int) -> None:
        """Make offer ``x`` to ``number`` people more; fewer, if negative."""
        if not number:
            return
        asked, offers = self.asked, self.asked.offers
        week, m = offers.week[x], self.place[x]
        self.offered[x] += number
        for stock in self._stocks(x):
            self.alive[stock, week:] += number * self.decays[stock, week:] / self.decays[stock, week]
        for stage, k, use in self._needs(x):
            self.slower[m] += self._taken(m, stage, k, use * number) * asked.spare.longer[m, stage, k]
            self.used[m, stage, k] += use * number
            if m in self.pool_of:
                self.pooled[self.pool_of[m], k] += use * number
        for i, rule in enumerate(asked.rules):
            if rule.about[x]:
                self.ruled[i, week] += number
        self.by_pair[self.pair[x], week] += number
        self.by_way[self.way[x]] += number
        sends, receives = self._keys(x)
        for known, keys in ((self.sent, sends), (self.received, receives)):
            for key in keys:
                known[key] = known.get(key, 0) + number


def rounded(asked: Question, fractions: Floats, free: np.ndarray) -> np.ndarray:
    """[X] whole people from ``fractions`` of them: what a week has beyond whole people, or beyond a batch, is the
    next week's; then, where the first aim is helped, more where something is left, the most helpful first.

    ``free`` [X]: offers that may be made at all.
    """
    book, offers = Ledger(asked), asked.offers
    some = np.flatnonzero((fractions > 1e-6) & free)
    line = alike(offers.sender, offers.receiver, offers.specialty, offers.stage)[some]
    carried: dict[tuple[int, int], float] = {}
    order = np.lexsort((-offers.group[some], line, offers.week[some]))
    start = 0
    while start < len(order):
        stop = start
        first = some[order[start]]
        while stop < len(order) and book.way[some[order[stop]]] == book.way[first]:
            stop += 1
        here = [int(some[i]) for i in order[start:stop]]
        now = {x: fractions[x] + carried.pop((int(line[order[start]]), int(offers.group[x])), 0.0) for x in here}
        released = {x: int(np.floor(now[x] + 1e-6)) for x in here}
        if sum(released.values()) < asked.batch:
            released = dict.fromkeys(here, 0)
        for x in here:
            number = min(released[x], book.room(x))
            book.add(x, number)
            carried[int(line[order[start]]), int(offers.group[x])] = now[x] - number
        _keep_batch(book, int(book.way[first]))
        start = stop
    if asked.aims[0] in HELPED or np.isfinite(asked.most_over):
        fill(book, some[np.argsort(-offers.over[some], kind="stable")])
        rest = np.flatnonzero(free & (offers.over > 0))
        fill(book, rest[np.argsort(-offers.over[rest], kind="stable")][:MOST_TRIED])
    _meet_floors(book, free)
    _smooth(book)
    return book.offered


def fill(book: Ledger, order: np.ndarray) -> None:
    """Make the offers of ``order``, each to as many people as the limits leave."""
    worth = _net(book.asked)
    for x in order:
        if worth[x] <= 0:
            continue
        enough = _enough(book, worth[x])
        if not enough:
            return
        _offer(book, int(x), enough, book.asked.batch)


def _offer(book: Ledger, x: int, most: int, batch: int) -> int:
    """Make offer ``x`` to as many people more as the limits leave, ``most`` at most, where a ``batch`` comes of it; and
    say to how many."""
    number = min(most, book.room(x))
    if number <= 0 or book.by_way[book.way[x]] + number < batch or not _may_rise(book, x, number):
        return 0
    book.add(x, number)
    return number


def _enough(book: Ledger, worth: float) -> int:
    """People more, each ``worth`` so many fewer over thresholds, that are enough where the question says what is."""
    if not np.isfinite(book.asked.most_over):
        return EVERYBODY
    short = claimed(book.asked, book.offered.astype(float))["over_thresholds"] - book.asked.most_over
    return int(np.ceil(max(short, 0.0) / worth))


def _net(asked: Question) -> Floats:
    """[X] people fewer over thresholds for each person offered, were every stop taken from the receiver's own."""
    offers, place = asked.offers, asked.receiving
    later = np.minimum(offers.move_week + 1, len(asked.months) - 1)
    cost = offers.clinic * asked.spare.over[place, 0, offers.move_week]
    cost += offers.theatre * asked.spare.over[place, 1, offers.move_week]
    return np.asarray(offers.over - cost - offers.onward * asked.spare.over[place, 1, later])


def _may_rise(book: Ledger, x: int, number: int) -> bool:
    """Whether the pair's next week need not rise for this one."""
    asked, week = book.asked, int(book.asked.offers.week[x])
    pair = book.by_pair[book.pair[x]]
    after = pair[week + 1] if week + 1 < len(pair) else 0
    return bool(pair[week] + number - after <= asked.most_change)


def _keep_batch(book: Ledger, way: int) -> None:
    """Nobody is offered where the batch of a ``way`` is not full."""
    if 0 < book.by_way[way] < book.asked.batch:
        for x in np.flatnonzero(book.way == way):
            book.add(int(x), -int(book.offered[x]))


def _meet_floors(book: Ledger, free: np.ndarray) -> None:
    """Offers more where a floor is not met, the least harmful first."""
    asked, offers = book.asked, book.asked.offers
    for i, rule in enumerate(asked.rules):
        for k in np.flatnonzero(book.ruled[i] < rule.least - MARGIN):
            some = np.flatnonzero(free & rule.about & (offers.week == k))
            for x in some[np.argsort(-offers.over[some], kind="stable")]:
                short = int(np.ceil(rule.least[k] - book.ruled[i, k] - MARGIN))
                if short <= 0:
                    break
                book.add(int(x), min(short, book.room(int(x))))


def _smooth(book: Ledger) -> None:
    """No pair rises or falls from one week to the next by more than it may: what is too much in the greater week is
    left out, the least helpful first, and all of a batch that is no longer full."""
    asked, offers = book.asked, book.asked.offers
    if not np.isfinite(asked.most_change):
        return
    again = True
    while again:
        step = np.diff(book.by_pair, axis=1)
        excess = np.ceil(np.abs(step) - asked.most_change - MARGIN)
        again = bool((excess > 0).any())
        for pair, k in np.argwhere(excess > 0):
            week, left = k + (step[pair, k] > 0), int(excess[pair, k])
            some = np.flatnonzero((book.pair == pair) & (offers.week == week) & (book.offered > 0))
            for x in some[np.argsort(offers.over[some], kind="stable")]:
                fewer = min(left, int(book.offered[x]))
                book.add(int(x), -fewer)
                left -= fewer
            for way in np.unique(book.way[some]):
                _keep_batch(book, int(way))


WAYS = ("proportional", "nearest", "longest")
"""Simpler ways to choose, to compare with."""


def simple(asked: Question, way: str) -> np.ndarray:
    """[X] whole people by one of WAYS, within the same limits: week by week, the spare shared in proportion to who
    may be offered it; the nearest receiver with spare; or the longest waiters first."""
    book, offers = Ledger(asked), asked.offers
    keys = {
        "proportional": (-offers.group, offers.week),
        "nearest": (-offers.group, offers.km, offers.week),
        "longest": (offers.week, -offers.group),
    }[way]
    shared = np.floor(_shares(asked) + MARGIN) if way == "proportional" else np.full(len(offers.week), EVERYBODY)
    line = alike(asked.receiving, offers.stage, offers.sender)
    given = np.zeros(int(line.max(initial=-1)) + 1)
    for x in np.lexsort(keys):
        given[line[x]] += _offer(book, int(x), int(shared[x] - given[line[x]]), batch=1)
    for same in range(len(book.by_way)):
        _keep_batch(book, same)
    _meet_floors(book, np.ones(len(offers.week), dtype=bool))
    _smooth(book)
    return book.offered


def _shares(asked: Question) -> Floats:
    """[X] people of each offer's sender who may have moved to its receiver until then, were what the receiver can give
    of the stage shared as people wait who may be offered it; what a week has beyond whole people is the next week's."""
    offers, place, weeks = asked.offers, asked.receiving, len(asked.months)
    spare = asked.spare.free + asked.spare.own
    people = asked.stock.eligible[offers.stock, offers.week]
    list_, line = alike(place, offers.stage), alike(place, offers.stage, offers.sender)
    whole, mine = np.zeros((list_.max(initial=-1) + 1, weeks)), np.zeros((line.max(initial=-1) + 1, weeks))
    np.add.at(whole, (list_, offers.move_week), people * np.maximum(offers.clinic + offers.theatre, 1e-9))
    np.add.at(mine, (line, offers.move_week), people)
    stops = np.zeros_like(mine)
    stops[line] = spare[place, offers.stage] / np.maximum(whole[list_], 1e-9)
    return np.asarray((mine * stops).cumsum(axis=1)[line, offers.move_week])
