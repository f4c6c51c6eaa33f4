"""Versions of a submission: written and registered in one step, and compared cell by cell."""

from __future__ import annotations

import getpass
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from waitlist.errors import Problem, Refusal, refuse
from waitlist.models.submission.compared import Told, compared
from waitlist.models.submission.disclosed import disclosed
from waitlist.models.submission.triangulation import blocking
from waitlist.outputs import folder, manifest
from waitlist.plan import Plan
from waitlist.planning_round import asked
from waitlist.register import Cell, Version, add, content_hash, latest, next_number, open_register, read
from waitlist.results import Answer
from waitlist.software import software
from waitlist.submitted import Submission


def register_of(plan: Plan) -> str:
    """Where the plan's versions are kept: a file, or the URL of a database."""
    settings, _ = asked(plan)
    return settings.where_registered


def is_there(plan: Plan) -> bool:
    """Whether the plan's register is there: reading one makes none."""
    where = register_of(plan)
    return "://" in where or Path(where).exists()


def write(made: Submission, out: str | Path, draft: bool = False, disclosure: bool = False) -> Submission:
    """Write ``made`` into the folder ``out`` and register it as the next version; returns it as that version.

    Whole or not at all: the folder is built, then the version is registered, then the folder takes its place. A final
    submission that is the same as the latest version is that version again. Raises Refusal where a check blocks and no
    draft is asked for, where somebody else has taken the number meanwhile, or where the place may not be written.
    """
    stops = blocking(made.checks)
    if len(stops) and not draft:
        raise Refusal(
            Problem(
                "error",
                "the submission",
                f"check {row.check}, {row.org} {row.month}".rstrip(),
                str(row.figures),
                f"a check that blocks must pass before a submission is final: {row.sentence}",
                "Mend it, or write a draft with --draft.",
            )
            for row in stops.itertuples()
        )
    folder.check_place(Path(out), *made.plan.files)
    status = "draft" if draft else "final"
    made = replace(made, author=made.author or _user())
    with open_register(register_of(made.plan)) as register:
        number = next_number(register, made.plan.name, made.year.year)
        version = version_of(made, number, status)
        last = latest(register, made.plan.name, made.year.year)
        again = last is not None and _same(last, version)
        made = made.as_version(last.number if again and last is not None else number, status)
        shown = disclosed(made) if disclosure else made
        folder.write_submission(shown, Path(out), lambda: None if again else add(register, version))
    return made


def version_of(made: Submission, number: int, status: str) -> Version:
    """``made`` as a version of the register."""
    cells = tuple(
        Cell(str(row.org), str(row.line), str(row.month), _whole(row.value), _whole(row.model_value), str(row.status))
        for row in made.figures.itertuples()
    )
    overrides = [_plain(row) for row in made.overrides.to_dict(orient="records")]
    checks = [_plain(row) for row in made.checks.to_dict(orient="records")]
    return Version(
        plan_name=made.plan.name,
        year=made.year.year,
        number=number,
        status=status,
        author=made.author,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=software(),
        snapshot=made.snapshot.isoformat(),
        plan=manifest.told(made.plan),
        data=[{"name": file.name, "month": file.month, "sha256": file.sha256} for file in made.files],
        overrides=overrides,
        checks=checks,
        cells=cells,
        more={"orgs": list(made.orgs), "months": list(made.months), "names": dict(made.names)},
    )


def compare(plan: Plan, one: str, other: str) -> Answer:
    """What differs between two versions, each a number or a submission.csv (models.submission.compared.COLUMNS).

    Raises Refusal where a version is not there, or a file is no sound submission.
    """
    (before, snapshot), (after, _) = _told(plan, one), _told(plan, other)
    if bool(before.software) != bool(after.software):  # a file tells its references only
        refs = set(before.cells) if not before.software else set(after.cells)
        before, after = (
            replace(told, cells={k: v for k, v in told.cells.items() if k in refs}) for told in (before, after)
        )
    table = compared(before, after)
    return Answer(plan, date.fromisoformat(snapshot), (), "comparison", table, (), (), ())


def _told(plan: Plan, which: str) -> tuple[Told, str]:
    """One side of a comparison, a version of the register or a file as it was sent, and the day it is of."""
    if not re.fullmatch(r"[0-9]{1,9}", which):
        return _sent(plan, Path(which)), f"{asked(plan)[1].year.months[0]}-01"
    _, year = asked(plan)
    if not is_there(plan):
        rule, remedy = "no version is registered yet", "Write a submission with --out first."
        raise refuse(register_of(plan), "", "", rule, remedy)
    with open_register(register_of(plan)) as register:
        version = read(register, plan.name, year.year.year, int(which))
    told = Told(
        cells={(c.org, c.line, c.month): (c.value, c.model_value) for c in version.cells},
        data={str(item["name"]): str(item["sha256"]) for item in version.data},
        plan=version.plan,
        overrides={
            (str(o["provider"]), str(o["measure"]), str(o["month"])): (o["value"], o["balance"])
            for o in version.overrides
        },
        software=version.software,
    )
    return told, version.snapshot


def _sent(plan: Plan, path: Path) -> Told:
    from waitlist.inputs.submitted import read_submitted  # noqa: PLC0415 - of files alone

    settings, year = asked(plan)
    if settings.basis == "commissioner":
        rule = "versions hold the provider basis, so a file on the commissioner basis is not compared with them"
        raise refuse(path.name, "", "", rule, 'Compare two versions by number, or write basis = "provider".')
    if plan.providers == "all":
        rule = "a file is compared where the plan names its providers"
        raise refuse("the plan", "providers", "all", rule, "List their codes.")
    frame = read_submitted(path, year.year, (*plan.providers, settings.icb))
    cells = {
        (str(row.org), year.year.line_of(str(row.ref)), str(row.month)): (_whole(row.value), _whole(row.value))
        for row in frame.itertuples()
    }
    return Told(cells, {}, {}, {}, "")


def _same(one: Version, other: Version) -> bool:
    """Whether two versions hold the same, whoever made them and when."""
    return one.status == other.status and content_hash(one) == content_hash(other)


def _whole(value: Any) -> int | None:
    return None if value is None or math.isnan(value) else int(value)


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of a table as JSON has it."""
    found = {}
    for key, value in row.items():
        value = value.item() if hasattr(value, "item") else value
        found[str(key)] = None if isinstance(value, float) and math.isnan(value) else value
    return found


def _user() -> str:
    """Who runs this, as the machine knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
