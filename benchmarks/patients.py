"""One list simulated patient by patient, in SimPy and in Ciw: what the kernel is measured beside.

A person waits before a decision to admit, and leaves that stage at a constant hazard: treated, removed or
converted; a converted person waits after it, and leaves. Constant hazards make each wait exponential, so that
both libraries are at their best: one event for each stage of each person. Times are in weeks.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass

import ciw
import numpy as np
import simpy


@dataclass(frozen=True)
class List:
    """A list's weekly flows: people at the start by stage, clock starts, and hazards a week by flow."""

    outpatient: int = 4000
    admission: int = 1000
    starts: float = 250.0
    leave_outpatient: float = 0.05
    convert: float = 0.0125
    leave_admission: float = 0.05


def with_simpy(system: List, weeks: int, seed: int) -> int:
    """People still waiting after ``weeks``; each week's number by weeks waited is counted on the way."""
    chance, clock = random.Random(seed), simpy.Environment()
    waiting: dict[int, float] = {}
    bands: list[np.ndarray] = []

    def person(who: int, decided: bool) -> Generator[simpy.Event, None, None]:
        waiting[who] = clock.now
        if not decided:
            leaves = system.leave_outpatient + system.convert
            yield clock.timeout(chance.expovariate(leaves))
            decided = chance.random() < system.convert / leaves
        if decided:
            yield clock.timeout(chance.expovariate(system.leave_admission))
        del waiting[who]

    def referrals(first: int) -> Generator[simpy.Event, None, None]:
        who = first
        while True:
            yield clock.timeout(chance.expovariate(system.starts))
            clock.process(person(who, False))
            who += 1

    def census() -> Generator[simpy.Event, None, None]:
        while True:
            yield clock.timeout(1)
            waited = clock.now - np.fromiter(waiting.values(), float)
            bands.append(np.bincount(waited.astype(int), minlength=105))

    for who in range(system.outpatient + system.admission):
        clock.process(person(who, who >= system.outpatient))
    clock.process(referrals(system.outpatient + system.admission))
    clock.process(census())
    clock.run(until=weeks + 1e-9)
    return len(waiting)


def with_ciw(system: List, weeks: int, seed: int) -> int:
    """As ``with_simpy``: two nodes where everybody is served at once, the service being the wait."""
    ciw.seed(seed)
    leaves = system.leave_outpatient + system.convert
    network = ciw.create_network(
        arrival_distributions={
            "Now": [ciw.dists.Sequential([1e-9, float("inf")])] * 2,
            "New": [ciw.dists.Exponential(system.starts), None],
        },
        batching_distributions={
            "Now": [ciw.dists.Deterministic(system.outpatient), ciw.dists.Deterministic(system.admission)],
            "New": [ciw.dists.Deterministic(1), ciw.dists.Deterministic(1)],
        },
        service_distributions={
            kind: [ciw.dists.Exponential(leaves), ciw.dists.Exponential(system.leave_admission)]
            for kind in ("Now", "New")
        },
        routing={kind: [[0.0, system.convert / leaves], [0.0, 0.0]] for kind in ("Now", "New")},
        number_of_servers=[float("inf"), float("inf")],
    )
    simulation = ciw.Simulation(network, tracker=ciw.trackers.SystemPopulation())
    simulation.simulate_until_max_time(weeks)
    return int(simulation.statetracker.state)
