"""What choosing transfers costs, and how much better it is than three simpler ways by the same simulation (R12).

    python -m benchmarks.bench_transfers [nel] [england] [england-both-stages] [random FIRST LAST]

Real data are read from ../shared/data, or $WAITLIST_SHARED/data; random systems are the made-up one with other hubs,
limits, deadlines and agreements.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import waitlist as wl
from benchmarks.table import publish
from waitlist import pipeline
from waitlist.inputs.places import distances, read_coordinates
from waitlist.inputs.sample import write_sample
from waitlist.models import aid, answers, offers, program
from waitlist.models.calibration import calibrate, ready
from waitlist.models.hubs import with_hubs
from waitlist.models.rounding import WAYS

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("WAITLIST_SHARED", ROOT.parent / "shared")) / "data"
ENDS = ("MADE1", "MADE2", "MADE3", "HUB1")
NEIGHBOURS, LEAST_LIST, ENGLAND_DRAWS = 10, 12_000, 36


def scheduled(plan, history, km=None):
    """The Schedule of a plan, its clearance dates aside."""
    history = with_hubs(history, plan)
    state = calibrate(plan, history, pipeline.planned_lists(plan, history))
    lists = [state.history.lists[n] for n in state.whole]
    ((_, told),) = ready(state, {"base": plan}, list(range(len(lists))))
    return aid.scheduled(state, told, answers.deadlines(plan, state.time), km or {}, {}, lambda *_: None)


def north_east_london():
    """Seconds and people of the worked example, chosen and confirmed, in this process, which has loaded its kernels."""
    random_system(0)
    reference = DATA / "reference"
    plan = wl.Plan.load(
        ROOT / "models" / "nel-mutual-aid.toml",
        inputs=DATA / "rtt_full_extract",
        history=[DATA / "history", reference],
    )
    setting = plan.mutual_aid.model_copy(update={"coordinates": (reference / "nel_hospital_sites.csv",)})
    plan = plan.model_copy(update={"mutual_aid": setting})
    began = time.perf_counter()
    found = pipeline.transfers(plan, pipeline.read(plan.inputs, plan))
    seconds = time.perf_counter() - began
    whole = found.aid.mutual_aid.set_index(["provider", "specialty"]).loc[("ALL", "ALL")]
    said = f"{int(found.aid.transfers['offered'].sum()):,} offers; over 52 weeks {whole['before_p50'].iloc[0]:,.0f} to "
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return ["north east London, chosen and confirmed", seconds, peak, f"{said}{whole['after_p50'].iloc[0]:,.0f}"]


def england(stage="admission"):
    """Seconds of the program for England's trusts and their nearest neighbours, and what they are spent on."""
    text = f"""
name = "England by neighbours"
inputs = "."
horizon_months = 7
draws = {ENGLAND_DRAWS}
min_list = {LEAST_LIST}
[[deadline]]
threshold_weeks = 52
date = 2026-02-28
[mutual_aid]
neighbours = {NEIGHBOURS}
stage = "{stage}"
time_limit_seconds = 300
"""
    with tempfile.TemporaryDirectory() as desk:
        (Path(desk) / "england.toml").write_text(text)
        plan = wl.Plan.load(Path(desk) / "england.toml", inputs=DATA / "rtt_full_extract")
    history = pipeline.read(plan.inputs, plan)
    places = read_coordinates([DATA / "reference" / "trust_coordinates.csv"])
    sizes = {}
    for n, (provider, _) in enumerate(history.lists):
        sizes[provider] = sizes.get(provider, 0.0) + history.waiting[n, -1].sum()
    trusts = sorted(p for p in places if sizes.get(p, 0.0) >= LEAST_LIST)
    plan = plan.model_copy(update={"providers": tuple(trusts)})
    state = calibrate(plan, history, pipeline.planned_lists(plan, history))
    ((_, told),) = ready(state, {"base": plan}, list(range(len(state.whole))))
    km = distances(places, {}, trusts)
    began = time.perf_counter()
    system = aid.system_of(state, told, answers.deadlines(plan, state.time), km)
    nobody, ones = np.ones(len(system.providers)), np.ones(len(system.lists))
    asked = offers.question(system, nobody, ones, ones)
    built = time.perf_counter()
    chosen = program.choose(asked)
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    stopped = ", stopped by its time limit" if chosen.stopped else ""
    what = (
        f"{len(trusts)} trusts, {system.weeks} weeks, {len(asked.offers.week):,} offers that could help; "
        f"{int(chosen.offered.sum()):,} made, gap {chosen.gap:.1%}{stopped}; question {built - began:.0f} s"
    )
    stages = "both stages" if stage == "ALL" else f"{stage} stage"
    return [f"England, {NEIGHBOURS} nearest each, {stages}: program and rounding", ended - began, peak, what]


@cache
def made_up():
    """A folder with the made-up system, and its past; once for each process."""
    desk = Path(tempfile.mkdtemp())
    write_sample(desk / "sample")
    return desk, wl.read(desk / "sample")


def random_system(seed):
    """How the program fares against WAYS on a random system: people fewer over thresholds by the same simulation."""
    desk, history = made_up()
    (desk / "plan.toml").write_text(_random_plan(seed))
    apart = np.random.default_rng(seed).uniform(2, 60, (len(ENDS), len(ENDS)))
    km = {(a, b): apart[i, j] for i, a in enumerate(ENDS) for j, b in enumerate(ENDS)}
    found = scheduled(wl.Plan.load(desk / "plan.toml"), history, km)
    return {"seed": seed, "given": found.way, "effect": found.effect, **found.by_way}


def compared(systems):
    """Rows of a table, and what they say, of the lines of random_systems."""
    some = [line for line in systems if line["program"] > 1]
    rows = []
    for way in WAYS:
        shares = [100 * line[way] / line["program"] for line in some]
        better = sum(line[way] > line["program"] + 1e-6 for line in systems if way in line)
        rows.append([way, f"{np.median(shares):.0f} %", f"{max(shares):.0f} %", str(better)])
    none = sum(line["given"] == aid.NOBODY for line in systems)
    worse = sum(line[line["given"]] < max(line.get(way, 0.0) for way in WAYS) - 1e-6 for line in systems)
    given = sum(line["given"] in WAYS for line in systems)
    said = (
        f"{len(systems)} random systems; in {len(some)} transfers leave more than one person fewer over; in {given} a "
        f"simpler way did better and is given, in {none} nobody moves, for each way leaves more over; what is given is "
        f"worse than a simpler way in {worse}."
    )
    return rows, said


def _random_plan(seed):
    r = np.random.default_rng(seed)
    specialties = sorted(
        map(str, r.choice(["110", "120", "130", "301", "400", "502"], r.integers(1, 4), replace=False))
    )
    hub = (
        f'[[hub]]\ncode = "HUB1"\nname = "Hub"\nper_week = {r.integers(1, 15)}\nspecialties = {specialties[:1]}\n'
        f"day_cases_only = {str(bool(r.integers(2))).lower()}\n"
    )
    give = "".join(
        f'[[mutual_aid.give]]\nprovider = "MADE{r.integers(1, 4)}"\nstage = "{stage}"\n'
        f"{r.choice(['per_week', 'extra_per_week'])} = {r.integers(0, 12)}\n"
        for stage in ("outpatient", "admission")
        if r.integers(2)
    )
    limit = f"[[mutual_aid.limit]]\nmost_per_week = {r.integers(3, 40)}\n" if r.integers(2) else ""
    return f"""
name = "Random {seed}"
inputs = "sample"
horizon_months = 9
draws = 72
seed = {seed}
specialties = {specialties}
[[deadline]]
threshold_weeks = {r.choice([18, 52, 65])}
date = {r.choice(["2026-01-31", "2026-03-31", "2026-05-31"])}
[[deadline]]
threshold_weeks = 40
date = 2026-02-28
[mutual_aid]
min_weeks_waited = {r.integers(10, 45)}
stage = "{r.choice(["outpatient", "admission", "ALL"])}"
lead_weeks = {r.integers(0, 5)}
acceptance = {r.uniform(0.4, 1.0):.2f}
tolerance_weeks = {r.uniform(0, 1.5):.2f}
batch = {r.choice([1, 1, 3])}
{give}{limit}{hub if r.integers(2) else ""}"""


def main():
    asked = sys.argv[1:] or ["nel", "england", "england-both-stages", "random", "0", "200"]
    measured = {"nel": north_east_london, "england": england, "england-both-stages": lambda: england("ALL")}
    costs = [cost() for name, cost in measured.items() if name in asked]
    for name, seconds, peak, what in costs:
        print(f"{name}: {seconds:.1f} s, {peak:,.0f} MiB; {what}", flush=True)
    if "random" not in asked:
        return
    first, last = (int(number) for number in asked[asked.index("random") + 1 :][:2])
    systems = []
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        for line in workers.map(random_system, range(first, last)):
            print(json.dumps(line), flush=True)
            systems.append(line)
    rows, said = compared(systems)
    costs = [[name, f"{seconds:.1f}", f"{peak:,.0f}", what] for name, seconds, peak, what in costs]
    notes = [said, "", "| people fewer over, of the program's | median | most | systems where better |"]
    notes += ["|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    publish("transfers", "Choosing transfers", ["what", "seconds", "peak MiB", "found"], costs, notes)


if __name__ == "__main__":
    main()
