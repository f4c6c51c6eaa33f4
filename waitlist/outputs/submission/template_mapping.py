"""Which cells of an organisation's template hold what: the mapping, a TOML file."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from waitlist.errors import Problem
from waitlist.plan_words import shown
from waitlist.settings import Asked, Settings, Text, Whole

Place = Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,3}[1-9][0-9]{0,6}$")]


class Told(Settings):
    """A cell and the text that must stand there; the sheet is the entry's, or the first entry's."""

    cell: Place
    text: Text
    sheet: Asked | None = None


class Entry(Settings):
    """Where the twelve months of one figure of one organisation go: from ``start`` on, April first."""

    sheet: Asked
    org: Asked
    ref: Asked | None = None
    line: Asked | None = None
    start: Place
    direction: Literal["right", "down"] = "right"
    step: Annotated[Whole, Field(ge=1, le=100)] = 1
    skip_quarters: bool = Field(default=False, strict=True)
    label: Told | None = None

    @model_validator(mode="after")
    def _of_one_figure(self) -> Entry:
        if (self.ref is None) == (self.line is None):
            raise ValueError("give ref (a planning reference) or line (a measure), one of the two")
        return self


class MappingFile(Settings):
    """A mapping: the template's cells, and the cell that says which year it is for."""

    cells: tuple[Entry, ...] = ()
    year_cell: Told | None = None


RULES = {
    "string_pattern_mismatch": "it should be a cell, such as D10",
    "int_type": "it should be a whole number, such as 2",
    "int_from_float": "it should be a whole number, such as 2",
    "bool_type": "it should be true or false",
    "string_type": "it should be text in quotes",
    "tuple_type": "it should stand under [[cells]], in double brackets",
    "model_type": 'it should be a table, such as {cell = "A10", text = "E.B.3a"}',
    "model_attributes_type": 'it should be a table, such as {cell = "A10", text = "E.B.3a"}',
}
"""Kinds of mistake in plain words; pydantic's own words serve for the others."""


def mapping_of(path: Path) -> tuple[MappingFile | None, list[Problem]]:
    """The mapping in the file, or what is wrong with it."""
    mend = "Mend the mapping."
    if path.exists() and not path.is_file():
        return None, [Problem("error", path.name, "", "", "the mapping must be a file", "Check submission.mapping.")]
    try:
        keys = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        asked = MappingFile.model_validate(keys)
    except OSError as error:
        rule = f"the mapping cannot be read: {error.strerror or error}"
        return None, [Problem("error", path.name, "", "", rule, "Check submission.mapping in the plan.")]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return None, [Problem("error", path.name, "", "", f"the mapping is no TOML: {error}", mend)]
    except RecursionError:
        return None, [Problem("error", path.name, "", "", "the mapping is nested without end", mend)]
    except ValidationError as error:
        return None, [_key_problem(path.name, dict(detail)) for detail in error.errors()]
    except ValueError as error:  # a number of thousands of digits
        return None, [Problem("error", path.name, "", "", f"the mapping cannot be read: {error}"[:160], mend)]
    if not asked.cells:
        rule, remedy = "the mapping has no entry, so nothing would be filled", "Add an entry under [[cells]]."
        return None, [Problem("error", path.name, "cells", "", rule, remedy)]
    return asked, []


def _key_problem(file: str, detail: dict[str, Any]) -> Problem:
    kind, steps = detail["type"], detail["loc"]
    place = ".".join(f"no. {step + 1}" if isinstance(step, int) else str(step) for step in steps)
    if kind == "extra_forbidden":
        known = [*Entry.model_fields, *MappingFile.model_fields, *Told.model_fields]
        near = difflib.get_close_matches(str(steps[-1]), known, n=1, cutoff=0.5)
        remedy = f"Did you mean {near[0]}?" if near else "Remove it."
        return Problem("error", file, place, str(steps[-1]), "the mapping has a key that is not known", remedy)
    if kind == "missing":
        return Problem("error", file, place, "", "the mapping lacks a key that is needed", "Add it.")
    said = detail["msg"].removeprefix("Value error, ").replace("Input", "it", 1)
    said = RULES.get(kind, said)
    rule = f"the mapping's key is wrong: {said}"
    return Problem("error", file, place, shown(detail["input"]), rule, "Mend the mapping.")
