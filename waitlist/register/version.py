"""A version of a submission: what it holds, and the hash that tells whether it was altered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from hashlib import sha256
from typing import Any

from waitlist.errors import Refusal, refuse

CELL_STATUSES = ("opening", "actual", "forecast", "derived", "supplied", "overridden", "adjusted", "blank")
STATUSES = ("draft", "final")
LARGEST = 2**63 - 1  # what a database's whole number holds


@dataclass(frozen=True)
class Cell:
    """One figure of a version: whose, which line and month, what is submitted and what the model said."""

    org: str
    line: str
    month: str
    value: int | None
    model_value: int | None
    status: str


@dataclass(frozen=True)
class Version:
    """One version of a submission, with all that is needed to make it again.

    status: ``draft`` or ``final``; created: ISO date and time, UTC; more: what else belongs to it, as JSON.
    """

    plan_name: str
    year: str
    number: int
    status: str
    author: str
    created: str
    software: str
    snapshot: str
    plan: Mapping[str, Any]
    data: Sequence[Mapping[str, Any]]
    overrides: Sequence[Mapping[str, Any]]
    checks: Sequence[Mapping[str, Any]]
    cells: tuple[Cell, ...]
    more: Mapping[str, Any]


def seal(version: Version) -> str:
    """SHA-256 of a whole version, its number, status, author and time too: what is stored, and verified when read."""
    whole = (content_hash(version), version.number, version.status, version.author, version.created)
    return hashlib.sha256(canonical(whole).encode()).hexdigest()


def content_hash(version: Version) -> str:
    """SHA-256 of everything a version says but its number, status, author and time: two alike say the same.

    Raises ValueError or TypeError where a part cannot be written as JSON.
    """
    content = {
        "plan_name": version.plan_name,
        "year": version.year,
        "software": version.software,
        "snapshot": version.snapshot,
        "plan": version.plan,
        "data": version.data,
        "overrides": version.overrides,
        "checks": version.checks,
        "cells": [astuple(cell) for cell in version.cells],
        "more": version.more,
    }
    return sha256(canonical(content).encode("ascii")).hexdigest()


def canonical(value: Any) -> str:
    """JSON written one way only; ValueError or TypeError where a value cannot be written.

    Keys are made text before they are sorted: read back, numbers as keys would otherwise sort another way.
    """
    plain = json.loads(json.dumps(value, allow_nan=False))
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


def check(version: Version, register: str) -> None:
    """Refuse (Refusal) a version that would not come back from the register as it went in."""
    place = f"{version.plan_name!a}, version {version.number!r}"

    def wrong(value: object, rule: str) -> Refusal:
        return refuse(register, place, ascii(value)[:80], rule, "Mend the version; nothing was stored.")

    if not _whole(version.number) or version.number < 1:
        raise wrong(version.number, "a version's number is 1 or more")
    if version.status not in STATUSES:
        raise wrong(version.status, f"a version's status is {' or '.join(STATUSES)}")
    for text in (version.plan_name, version.year, version.author, version.created, version.software, version.snapshot):
        if not _text(text):
            raise wrong(text, "a version's name, year, author, time, software and snapshot are plain text")
    for cell in version.cells:
        if not all(_text(text) for text in (cell.org, cell.line, cell.month)) or cell.status not in CELL_STATUSES:
            raise wrong(cell, f"a cell has an organisation, a line, a month and a status of {', '.join(CELL_STATUSES)}")
        if not all(value is None or _whole(value) for value in (cell.value, cell.model_value)):
            raise wrong(cell, "a cell's figures are whole numbers, or none")
    try:
        content_hash(version)
    except (TypeError, ValueError, RecursionError) as error:
        raise wrong(error, "a version's plan, data, overrides, checks and the rest can be written as JSON") from None


def _text(value: object) -> bool:
    """Text every database keeps: no NUL, and no half of a character."""
    return isinstance(value, str) and "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST
