"""The cost of stepping one list by one week in one draw: kernel, NumPy twin, SimPy and Ciw.

python -m benchmarks.bench_kernel      (or make bench)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numba
import numpy as np

from benchmarks.patients import List, with_ciw, with_simpy
from benchmarks.table import publish
from tests import numpy_twin
from waitlist.models.assumptions import by_rates
from waitlist.models.controls import AS_OBSERVED, AT_CLINICS, AT_THEATRES, KINDS, LONGEST_FIRST, SKEWED, Controls
from waitlist.models.engine import WAIT_SHARES
from waitlist.models.kernel import step_row
from waitlist.models.layout import (
    ADMITTED,
    CONVERTED,
    F_ADMITTED,
    F_NON_ADMITTED,
    F_THEATRE,
    FACTORS,
    FLOWS,
    LANES,
    NON_ADMITTED,
    REMOVED,
)

DRAWS, LISTS, WEEKS = 500, 1, 156
"""One list of a plan of 36 months and 500 draws."""


def arguments(draws: int, lists: int, weeks: int, system: List = List()) -> dict[str, Any]:  # noqa: B008 - frozen
    """What step_row and its twin are told: the flows of ``system``, five-day weeks, draws that vary a little."""
    rates = np.zeros((lists, 2, 4, 105))
    for flow, part in ((ADMITTED, 0.2), (NON_ADMITTED, 0.6), (REMOVED, 0.2)):
        rates[:, 0, flow] = system.leave_outpatient * part / 5
    rates[:, 0, CONVERTED] = system.convert / 5
    rates[:, 1, ADMITTED], rates[:, 1, REMOVED] = system.leave_admission * 0.8 / 5, system.leave_admission * 0.2 / 5
    shape = np.exp(-np.arange(105) / 16.0)
    opening = np.stack([system.outpatient * shape, system.admission * shape]) / shape.sum()
    chance = np.random.default_rng(1)
    return {
        "opening": np.broadcast_to(opening, (lists, 2, 105)).copy(),
        "held": np.zeros(lists),
        "rates": rates,
        "returns": np.zeros((lists, 2, 105)),
        "starts": np.full((lists, weeks), system.starts),
        "multipliers": chance.uniform(0.98, 1.02, (lists, weeks // 4 + 1, FACTORS, draws)),
        "tilt": chance.uniform(0.98, 1.02, (lists, draws // LANES, 105, LANES)),
        "days": np.full(weeks, 5.0),
        "last_day_share": np.zeros(weeks),
        "span": np.arange(weeks) // 4,
    }


def best(work: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """The least seconds of ``times`` runs, and what the last gave."""
    spent, given = [], None
    for _ in range(times):
        began = time.perf_counter()
        given = work()
        spent.append(time.perf_counter() - began)
    return min(spent), given


def kernel(
    draws: int, lists: int, weeks: int, threads: int, measured: bool = False, order: int | None = None
) -> tuple[float, float]:
    """Nanoseconds per list-week-draw, and the mean row at the end; the arrays are there beforehand.

    All weekly flows are written; with ``measured``, people over six thresholds and two waits each week end too; with
    an ``order`` the lists go by activity in it.
    """
    given = arguments(-(-draws // LANES) * LANES, lists, weeks)  # a plan's draws are stepped in whole blocks
    blocks, days = given["tilt"].shape[1], np.arange(1, weeks + 1) if measured else np.array([weeks])
    given = {"members": np.arange(lists), **given}
    given |= {"week": days, "flow_weight": np.zeros(len(days)), "crossing": np.zeros((len(days), 105))}
    given |= {"floors": np.array([0, 18, 52, 65, 78, 104]), "shares": WAIT_SHARES, "levels": np.zeros((0, 0), int)}
    rates = by_rates(lists)
    given |= {"planned": rates.place, "controls": rates.told}
    given |= {"over": np.zeros((blocks, len(days), 6, LANES)), "waits": np.zeros((blocks, len(days), 2, LANES))}
    given |= {"noted": np.zeros((blocks, 0, 0, LANES)), "flows": np.zeros((blocks, weeks, FLOWS, LANES))}
    if order is not None:
        given |= by_number(given, order)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        parts = np.array_split(np.arange(blocks), min(threads, blocks))

        def step() -> list[None]:
            return list(pool.map(lambda part: step_row(part, **given), parts))

        step()  # compiled, and every page touched
        seconds, _ = best(step, 50)
    return seconds * 1e9 / (draws * lists * weeks), float(given["over"][:, -1, 0].mean())


def by_number(given: dict[str, Any], order: int) -> dict[str, Any]:
    """The lists by activity (R7): the stops they do by rates, and five more a week of each stage, in an order."""
    step_row(np.arange(given["tilt"].shape[1]), **given)
    flows, lists = given["flows"], len(given["opening"])
    straight = flows[:, :, F_ADMITTED] - flows[:, :, F_THEATRE]
    carried = np.stack([flows[:, :, F_NON_ADMITTED], straight, flows[:, :, F_THEATRE]], axis=2) / lists
    weeks = carried.shape[1]
    add = np.zeros((lists, weeks, KINDS, 1))
    add[:, :, [AT_CLINICS, AT_THEATRES]] = 5.0
    early = np.broadcast_to(np.exp(-np.arange(105) / 8), (lists, 2, 105))
    told = Controls(
        carried=carried[None].copy(),
        source=np.zeros(lists, dtype=int),
        keep=np.ones((lists, weeks, 3)),
        add=add,
        floors=np.zeros(1, dtype=int),
        below=np.zeros((lists, weeks, 2), dtype=int),
        whole=np.zeros(lists, dtype=bool),
        discipline=np.full(lists, order),
        first=np.full(lists, 52),
        urgent=np.full((lists, 2), 0.3),
        profile=early.copy(),
        routine=np.ones((lists, 2, 105)),
    )
    return {"planned": np.arange(lists), "controls": told}


def main() -> None:
    """Measure all of it and publish two tables."""
    cores = numba.get_num_threads()
    both, people = kernel(DRAWS, LISTS, WEEKS, min(2, cores))
    size = f"{DRAWS} × {LISTS} × {WEEKS}"
    rows = [[f"kernel, {min(2, cores)} threads", size, f"{both:,.0f}", "1", f"{people:,.0f}"]]
    one, people = kernel(DRAWS, LISTS, WEEKS, 1)
    rows.append(["kernel, 1 thread", size, f"{one:,.0f}", f"{one / both:,.1f}", f"{people:,.0f}"])
    seen, people = kernel(DRAWS, LISTS, WEEKS, min(2, cores), measured=True)
    rows.append(["the same, 2 threads, measured weekly", size, f"{seen:,.0f}", f"{seen / both:,.1f}", f"{people:,.0f}"])
    for order, what in ((AS_OBSERVED, "as observed"), (LONGEST_FIRST, "longest first"), (SKEWED, "skewed")):
        ns, people = kernel(DRAWS, LISTS, WEEKS, min(2, cores), order=order)
        rows.append([f"by activity, {what}, 2 threads", size, f"{ns:,.0f}", f"{ns / both:,.1f}", f"{people:,.0f}"])
    given = arguments(2 * LANES, LISTS, WEEKS)
    seconds, (waiting, *_) = best(lambda: numpy_twin.step_weeks(**given))
    ns = seconds * 1e9 / (2 * LANES * LISTS * WEEKS)
    end = waiting[:, :, -1].sum(axis=-1).mean()
    rows.append(["NumPy twin", f"{2 * LANES} × {LISTS} × {WEEKS}", f"{ns:,.0f}", f"{ns / both:,.0f}", f"{end:,.0f}"])
    for name, simulate, weeks in (("SimPy", with_simpy, WEEKS), ("Ciw", with_ciw, 26)):
        seconds, left = best(partial(simulate, List(), weeks, seed=1), 1)
        ns = seconds * 1e9 / weeks
        rows.append([f"{name}, by patient", f"1 × 1 × {weeks}", f"{ns:,.0f}", f"{ns / both:,.0f}", f"{left:,.0f}"])
    publish(
        "kernel",
        "One list, one week, one draw",
        ["", "draws × lists × weeks", "ns", "× kernel", "waiting at the end"],
        rows,
        [
            "The same list of 5,000 with the same mean flows: 250 clock starts a week, constant hazards, two stages.",
            "The kernel and its twin step expected numbers in 2 stages × 105 bands with all flows, and one call makes",
            "many draws; SimPy and Ciw follow each person, so that one draw holds a person's own chance, and cost",
            "grows with the list. Python's own speed is in theirs; Ciw also keeps a record of everybody.",
            "To reach: 60 ns on two threads.",
        ],
    )
    sizes = [(d, 1, WEEKS) for d in (125, 250, 500)]
    sizes += [(DRAWS, n, 52) for n in (1, 4, 16)]
    sizes += [(DRAWS, 1, k) for k in (52, 156, 520)]
    grown = []
    for draws, lists, weeks in sizes:
        two, single = (kernel(draws, lists, weeks, threads)[0] for threads in (min(2, cores), 1))
        total = two * draws * lists * weeks / 1e6
        grown.append([f"{draws} × {lists} × {weeks}", f"{total:,.1f}", f"{two:,.0f}", f"{single:,.0f}"])
    publish(
        "growth",
        "How the kernel's cost grows",
        ["draws × lists × weeks", "ms, 2 threads", "ns each, 2 threads", "ns each, 1 thread"],
        grown,
        [
            "A column of ns that stays level is cost in proportion: to draws, weeks, and lists from the second on,",
            "whose people are fetched anew each month and added up each week. Draws are shared over threads in blocks.",
        ],
    )


if __name__ == "__main__":
    main()
