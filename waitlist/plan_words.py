"""What is wrong with a plan's keys, in plain words (R14)."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from waitlist.errors import Problem

_RULES = {
    "missing": "it is needed",
    "int_type": "it should be a whole number, such as 12",
    "int_from_float": "it should be a whole number, such as 12",
    "float_type": "it should be a number, such as 2.5",
    "finite_number": "it should be a number that is not infinite or nan",
    "bool_type": "it should be true or false",
    "string_type": "it should be text in quotes",
    "string_too_short": "it may not be empty",
    "path_type": 'it should be a folder in quotes, such as "../inputs/sample"',
    "tuple_type": 'it should be a list, such as ["110", "120"]',
    "dict_type": "it should be a table of percent a year by code, such as 110 = 2.5",
    "model_type": "it should be a table of keys under a heading in brackets",
    "too_short": "it should not be an empty list",
}
"""What each kind of mistake is in plain words; pydantic's own words serve for the limits."""

_MEND = "Mend it in the plan."
_REMEDIES = {
    "missing": "Add the key to the plan.",
    "too_short": "List what you want, or leave the key out for all.",
}


_REPEATED: tuple[str, ...] = (
    "deadline",
    "successor",
    "break",
    "activity",
    "scheme",
    "strike",
    "clinic",
    "theatre",
    "price",
    "funded",
)
_REPEATED += ("target", "limit", "scenario", "transfer", "hub", "override")


def key_problems(file: str, error: ValidationError, known: Sequence[str]) -> list[Problem]:
    """A problem for each wrong key; a key that may be a list or "all" is named once."""
    found = [
        _key_problem(file, dict(detail), known) for detail in error.errors() if "literal['all']" not in detail["loc"]
    ]
    return list(dict.fromkeys(found))


def _key_problem(file: str, detail: dict[str, Any], known: Sequence[str]) -> Problem:
    kind, steps = detail["type"], [part for part in detail["loc"] if "[" not in str(part)]
    place = ".".join(part for part in steps if isinstance(part, str))
    place += "".join(f" (no. {part + 1})" for part in steps if isinstance(part, int))
    if kind == "extra_forbidden":
        key = str(detail["loc"][-1])
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        remedy = f"Did you mean {near[0]}?" if near else "Remove it; the keys are in docs/reference/plan.md."
        return Problem("error", file, place, shown(key), "the plan has a key that is not known", remedy)
    said = _RULES.get(kind) or detail["msg"].removeprefix("Value error, ").replace("Input", "it", 1)
    if kind == "string_pattern_mismatch":
        said = (
            "it should be a month, such as 2025-08" if steps[-1] == "month" else "it may hold letters and digits only"
        )
    if kind == "tuple_type" and place in _REPEATED:
        said = f"it should stand under [[{place}]], in double brackets"
    value = "" if kind == "missing" else shown(detail["input"])
    return Problem("error", file, place, value, f"the plan's key is wrong: {said}", _REMEDIES.get(kind, _MEND))


def shown(value: object) -> str:
    """A value as a plan writes it, on one line; nothing for a table, whose keys say more."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(shown, value))}]"[:80]
    text = str(value)[:80] if isinstance(value, str | int | float | date | Path) else ""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
