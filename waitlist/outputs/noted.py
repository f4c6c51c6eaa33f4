"""What was found in the data, as tables for reading: changes in what is reported, and problems to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from waitlist.errors import Problem
from waitlist.history import Break
from waitlist.outputs import words as say
from waitlist.outputs.parts import Table


def breaks(found: Iterable[Break], providers: Mapping[str, str], specialties: Mapping[str, str]) -> Table:
    """Changes in what is reported (R4), by the names of providers and specialties."""
    rows = [
        [
            say.provider_name(item.provider, providers),
            say.specialty_name(item.specialty, specialties),
            say.month(f"{item.month}-01"),
            item.kind.replace("_", " "),
            say.count(item.size) if item.size else say.NONE,
            item.reason,
            item.source,
        ]
        for item in found
    ]
    columns = ["Provider", "Specialty", "From", "Kind", "People", "Reason", "Source"]
    return Table("Changes in what is reported, kept out of every rate", columns, rows)


def problems(found: Iterable[Problem]) -> Table:
    """Problems to look at, with what to do."""
    rows = [[item.file, item.place, item.value, item.rule, item.remedy] for item in found]
    return Table("Problems to look at", ["File", "Place", "Found", "Rule", "What to do"], rows)
