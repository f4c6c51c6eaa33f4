"""The system that transfers are chosen in: its lists with their mean path, and groups of people by their clock's
start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise

import numpy as np

from waitlist.bands import BANDS
from waitlist.calendar import Horizon, place
from waitlist.models.assumptions import Key
from waitlist.models.expected import Expected, Worth
from waitlist.mutual_aid import MutualAid
from waitlist.plan import Deadline, Plan
from waitlist.planned import ALL

STAGES = ("outpatient", "admission")
WIDTH = 8
"""Weeks apart that clocks of one group may have started: who has waited longer is treated sooner or later than others,
so that a move is worth more or less (measured: in north east London transfers so chosen leave 22 % fewer over)."""
MOST_WAYS = 1_000_000
"""Ways to move, times groups, beyond which groups are wider: all England took over ten minutes without this."""


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

    @cached_property
    def providers(self) -> tuple[str, ...]:
        """Every provider and hub, sorted."""
        return tuple(sorted({provider for provider, _ in self.lists}))

    @cached_property
    def specialties(self) -> tuple[str, ...]:
        """Every specialty, sorted."""
        return tuple(sorted({specialty for _, specialty in self.lists}))

    def list_at(self, provider: int, specialty: int) -> int:
        """The place among the N lists of that of a provider and specialty, themselves places."""
        return self._places[self.providers[provider], self.specialties[specialty]]

    @cached_property
    def _places(self) -> dict[Key, int]:
        return {key: n for n, key in enumerate(self.lists)}

    @property
    def last(self) -> date:
        """The last deadline."""
        return max(item.date for item in self.deadlines)

    @property
    def weeks(self) -> int:
        """Weeks until the last deadline: those in which offers and moves can help."""
        return min(place(self.time.snapshot, self.last).week + 1, self.time.weeks)

    @property
    def is_hub(self) -> np.ndarray:
        """[N] which lists are a hub's."""
        return np.array([provider in self.plan.hub_codes for provider, _ in self.lists])


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
    """The groups of the thresholds' cohorts, none of clocks that started more than WIDTH weeks apart, or twice that,
    and twice again, where there would be too many; a clock that started later is in none."""
    cuts = sorted({item.threshold_weeks - place(system.time.snapshot, item.date).week for item in system.deadlines})
    cuts.append(max(BANDS, cuts[-1] + 1))
    width, ways = WIDTH, _ways(system)
    while True:
        parts = [np.linspace(a, b, -(-(b - a) // width), endpoint=False) for a, b in pairwise(cuts)]
        found = np.unique(np.rint(np.concatenate(parts)).astype(int))
        if width >= BANDS or len(found) * ways <= MOST_WAYS:
            return Groups(found)
        width *= 2


def _ways(system: System) -> int:
    """Pairs of lists between which people might move, times stages and weeks."""
    near = len(system.lists) if system.aid.neighbours is None else system.aid.neighbours + len(system.plan.hub)
    alike = Counter(specialty for _, specialty in system.lists)
    pairs = sum(number * min(number - 1, near) for number in alike.values())
    return pairs * (2 if system.aid.stage == ALL else 1) * system.weeks
