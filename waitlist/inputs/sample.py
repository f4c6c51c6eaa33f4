"""The synthetic sample: three made-up trusts as published extracts, with the truth beside them."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from waitlist.calendar import months_after
from waitlist.errors import refuse
from waitlist.inputs.sample_draw import CONVERTED, REMOVED, Simulated, simulate
from waitlist.inputs.sample_layout import file_name, month_file
from waitlist.inputs.sample_truth import NEVER, SYSTEM, ListTruth

MONTHS = tuple(months_after("2023-09", ahead) for ahead in range(24))
"""The months the sample holds: 2023-09 to 2025-08."""
TRUTH_FILE = "truth.json"
UNBOUNDED = 1e8
"""Stops a week from which a capacity is none."""

ABOUT = {
    "what": "a made-up system for learning and testing: no trust, commissioner or person in it exists",
    "seed": "the draw's seed",
    "months": "the months published beside this file",
    "level_date": "when each list's demand is at its level",
    "month_factors": "demand's factor in January to December",
    "demand_spread": "standard deviation of the log of each month's own factor on one list's demand",
    "activity_spread": "the same on all stops and conversions of one provider",
    "removal_ratio": "removals after the decision to admit as a share of the hazards below; 1 is R5's assumption",
    "demand": "clock starts per working day at the level date, month factors aside",
    "growth": "of demand, % a year",
    "clinics, theatres": "most non-admitted and admitted stops in a full working week; null is no limit",
    "outpatient, admission": "the stage before and after the decision to admit; for each way out, "
    "the chance per working day from so many weeks waited on",
    "conversions": "decisions to admit in each month, as they happened (people)",
    "removals_outpatient, removals_admission": "other removals in each month by stage, as they happened (people)",
    "files": "SHA-256 of each file as written: a changed sample is never overwritten",
    "counted": "people whose commissioner is not NONC, who stands outside published totals",
}


def write_sample(to: Path, seed: int = 1) -> Path:
    """Write the sample into the folder ``to``, whole or not at all; returns the folder.

    The same seed gives the same bytes. Raises Refusal where ``to`` is anything but a new name or a sample
    of ours (R14), or cannot be written.
    """
    check_place(to)
    happened = simulate(SYSTEM, MONTHS, seed)
    files = month_files(happened, MONTHS)
    files[TRUTH_FILE] = truth_text(happened, seed, files).encode()
    try:
        _replace(to, files)
    except OSError as error:
        rule = f"the sample cannot be written: {error.strerror or error}"
        raise refuse(str(to), "", "", rule, "Choose a folder you may write to, with room left.") from None
    return to


def month_files(happened: Simulated, months: tuple[str, ...]) -> dict[str, bytes]:
    """The published files of ``months``, each by its name."""
    return {file_name(month): month_file(happened, month) for month in months}


def truth_text(happened: Simulated, seed: int, files: Mapping[str, bytes]) -> str:
    """What is true of ``happened`` and its ``files``, as JSON that explains its own keys."""
    truth = happened.truth
    system = {name: getattr(truth, name) for name in ("demand_spread", "activity_spread", "removal_ratio")}
    removed = happened.by_list(happened.left[:, :, :, REMOVED].sum(axis=-1))
    converted = happened.by_list(happened.left[:, :, 0, CONVERTED].sum(axis=-1))
    lists = [
        _list_truth(item)
        | {"conversions": converted[n].tolist()}
        | {"removals_outpatient": removed[n, :, 0].tolist(), "removals_admission": removed[n, :, 1].tolist()}
        for n, item in enumerate(truth.lists)
    ]
    head = {"about": ABOUT, "seed": seed, "months": happened.months, "level_date": truth.level_date.isoformat()}
    whole = head | {"month_factors": truth.month_factors} | system | {"trusts": dict(truth.trusts), "lists": lists}
    whole["files"] = {name: _sha256(content) for name, content in files.items()}
    text = json.dumps(whole, indent=1)
    innermost = r'\[[^\[\]{}]+\]|\{\s*"0"[^{}]+\}'
    return re.sub(innermost, lambda found: re.sub(r"\s+", " ", found[0]), text) + "\n"


def _list_truth(item: ListTruth) -> dict[str, Any]:
    known = asdict(item)
    for stage in ("outpatient", "admission"):
        known[stage] = {way: dict(steps) for way, steps in known[stage].items() if steps != NEVER}
    for room in ("clinics", "theatres"):
        known[room] = known[room] if known[room] < UNBOUNDED else None
    return known


def check_place(to: Path) -> None:
    """Refuse a place that holds anything but a sample as it was written (R14)."""
    remedy = "Choose a new name, or move it away."
    if to.is_symlink() or (to.exists() and not to.is_dir()):
        raise refuse(str(to), "", "", "the sample is written as a folder, and this is a file or a link", remedy)
    above = next((place for place in to.absolute().parents if place.exists()), to)
    if not above.is_dir():
        raise refuse(str(to), "", "", f"{above.name} is a file, not a folder", "Choose a new name.")
    stranger = _stranger(to) if to.exists() else ""
    if stranger:
        rule = "a folder is replaced only if it is a sample, with nothing else in it and nothing changed (R14)"
        raise refuse(str(to), "", stranger, rule, remedy)


def _stranger(folder: Path) -> str:
    """The first file in ``folder`` that no sample wrote, or that has changed since; empty for none."""
    there = sorted(folder.iterdir())
    try:
        written = json.loads((folder / TRUTH_FILE).read_text(encoding="utf-8"))["files"]
        wrong = [p.name for p in there if p.name != TRUTH_FILE and _sha256(p.read_bytes()) != written.get(p.name)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        wrong = [path.name for path in there]
    return wrong[0] if wrong else ""


def _replace(to: Path, files: Mapping[str, bytes]) -> None:
    """Put ``files`` at ``to`` in one step; whatever stops it, what was there before is there again."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{to.name}-", dir=to.parent) as scratch:
        new, old = Path(scratch) / "new", Path(scratch) / "old"
        new.mkdir()
        for name, content in files.items():
            (new / name).write_bytes(content)
        try:
            if to.exists():
                to.rename(old)
            new.rename(to)
        except BaseException:
            if old.exists() and not to.exists():
                old.rename(to)
            raise


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
