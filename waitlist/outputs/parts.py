"""The parts that a page is made of: tables for reading and figures with theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """A table for reading: texts only, the first column heading its row."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """A chart with its key's kind and the table that says the same."""

    title: str
    svg: Markup
    key: str
    table: Table


def template(name: str) -> jinja2.Template:
    """A page's template, in which every text is escaped and nothing may be missing."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("waitlist.outputs"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def lines(frame: pd.DataFrame) -> list[Any]:
    """The rows of ``frame``, their cells by the names of the columns."""
    return list(frame.itertuples(index=False, name="Row"))
