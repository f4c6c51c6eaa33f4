"""pack.html: the board pack as one self-contained page that opens offline and prints on A4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from waitlist.outputs import charts
from waitlist.outputs import words as say
from waitlist.outputs.parts import Table, template
from waitlist.outputs.submission.pack import Pack, Section, content
from waitlist.outputs.submission.pack_charts import Chart
from waitlist.outputs.submission.pack_words import Key, Sentence, address, sources
from waitlist.submitted import Submission


@dataclass(frozen=True)
class Drawn:
    """A chart as SVG, and the table beside it."""

    title: str
    svg: Markup
    table: Table


@dataclass(frozen=True)
class Part:
    """A section ready for the page: each sentence with its number, 0 where it cites nothing."""

    section: Section
    sentences: tuple[tuple[Markup, int], ...]
    figures: tuple[Drawn, ...]


def render(made: Submission, addresses: Mapping[Key, str]) -> str:
    """The whole page as HTML; every text from the data is escaped."""
    pack = content(made)
    shown: Mapping[Key, str] = {} if made.disclosed else addresses
    return template("pack.html.j2").render(
        pack=pack,
        say=say,
        board=_parts(pack, pack.board, 0, shown),
        trusts=_parts(pack, pack.trusts, sum(len(section.sentences) for section in pack.board), shown),
        sources=None if made.disclosed else sources(pack.sentences, pack.numbers, shown),
    )


def _parts(pack: Pack, sections: tuple[Section, ...], before: int, addresses: Mapping[Key, str]) -> list[Part]:
    """The ``sections``, their sentences counted on from ``before``."""
    found = []
    for section in sections:
        marked = tuple(
            (_marked(sentence, addresses), place if sentence.cited and not pack.disclosed else 0)
            for place, sentence in enumerate(section.sentences, before + 1)
        )
        before += len(section.sentences)
        found.append(Part(section, marked, tuple(_drawn(chart) for chart in section.charts)))
    return found


def _marked(sentence: Sentence, addresses: Mapping[Key, str]) -> Markup:
    """The sentence with each number that stands in a cell saying which."""
    found = Markup()
    for piece in sentence.pieces:
        cells = "" if isinstance(piece, str) else address(piece, addresses)
        if isinstance(piece, str):
            found += piece
        elif cells in ("", say.NONE):
            found += piece.text
        else:
            found += Markup('<span class="cell" title="submission.xlsx, {}">{}</span>').format(cells, piece.text)
    return found


def _drawn(chart: Chart) -> Drawn:
    settings: dict[str, Any] = {"key": f"chart-{chart.key}", "title": chart.title, "description": chart.about}
    return Drawn(chart.title, charts.draw(chart.drawing, **settings), chart.table)
