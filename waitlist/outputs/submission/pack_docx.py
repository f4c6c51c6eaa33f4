"""pack.docx: the board pack as a Word document that a screen reader can read, and that a board secretary can edit."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Any

import docx
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

from waitlist.outputs.parts import Table
from waitlist.outputs.submission.pack import Pack, Section, content
from waitlist.outputs.submission.pack_charts import KEY, Chart, png
from waitlist.outputs.submission.pack_words import Key, Sentence, sources
from waitlist.submitted import Submission

LANGUAGE = "en-GB"
FONT, INK, BLUE = "Arial", RGBColor(0x21, 0x2B, 0x32), RGBColor(0x00, 0x5E, 0xB8)
WIDTH = Mm(186)
"""Of the text: A4 less its margins."""
TABLE_STYLE = "Pack table"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every part of the file, so that the same submission gives the same bytes (R11)."""


def write(made: Submission, addresses: Mapping[Key, str], path: Path) -> None:
    """Write the document to ``path``. Raises OSError."""
    pack = content(made)
    document = docx.Document()
    _properties(document, pack)
    _styles(document)
    _page(document, pack)
    _text(document, pack.title, "Title")
    answers = f" {pack.author} answers for it." if pack.author else ""
    _text(document, f"{pack.version}. {pack.lead}{answers}")
    if pack.disclosed:
        _text(document, "Small numbers are suppressed (*) and the others rounded; charts and ranges are left out.")
    place = 0
    for section in pack.board:
        place = _section(document, pack, section, place)
    for section in pack.trusts:
        place = _section(document, pack, section, place, fresh=True)
    if pack.past:
        _heading(document, "The past behind the charts", fresh=True)
        _table(document, pack.past)
    if not pack.disclosed:
        _heading(document, "Where the numbers stand", fresh=True)
        _text(document, "The small number after a sentence is the number it has here.")
        _table(document, sources(pack.sentences, pack.numbers, addresses), words=True)
    path.write_bytes(_bytes(document))


def _properties(document: Any, pack: Pack) -> None:
    core, made_at = document.core_properties, datetime.combine(pack.snapshot, time())
    core.title, core.author, core.last_modified_by = _plain(pack.title), _plain(pack.author), "waitlist"
    core.comments = f"Made by waitlist; {pack.version}"
    core.created = core.modified = made_at
    core.language, core.revision = LANGUAGE, 1


def _styles(document: Any) -> None:
    """The house's look on Word's own styles, whose names screen readers know."""
    sizes = {"Normal": 9.5, "Title": 15, "Heading 1": 13, "Caption": 8.5, "List Bullet": 9.5, "Header": 8, "Footer": 8}
    for name, size in sizes.items():
        style = document.styles[name]
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for attribute in list(fonts.attrib):
            del fonts.attrib[attribute]  # the theme's fonts would win over the named one
        for which in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
            fonts.set(qn(which), FONT)
        style.font.size, style.font.italic = Pt(size), False
        style.font.color.rgb = BLUE if name in ("Title", "Heading 1") else INK
        form = style.paragraph_format
        form.space_before, form.space_after, form.line_spacing = Pt(6 if name == "Heading 1" else 0), Pt(2), 1.0
        form.keep_with_next = name in ("Heading 1", "Caption")
    border = document.styles["Title"].element.pPr.find(qn("w:pBdr"))
    if border is not None:
        document.styles["Title"].element.pPr.remove(border)
    default = document.styles.element.find(qn("w:docDefaults")).find(qn("w:rPrDefault")).find(qn("w:rPr"))
    language = default.find(qn("w:lang"))
    if language is None:
        language = OxmlElement("w:lang")
        default.append(language)
    language.set(qn("w:val"), LANGUAGE)
    _table_style(document)


def _table_style(document: Any) -> None:
    """Thin lines below rows, a stronger one below the heads."""
    style = document.styles.add_style(TABLE_STYLE, WD_STYLE_TYPE.TABLE)
    style.base_style = document.styles["Normal Table"]
    line = 'w:val="single" w:sz="4" w:space="0" w:color="AEB7BD"'
    style.element.append(
        parse_xml(
            f"<w:tblPr {nsdecls('w')}><w:tblBorders><w:bottom {line}/><w:insideH {line}/></w:tblBorders>"
            '<w:tblCellMar><w:left w:w="0" w:type="dxa"/><w:right w:w="70" w:type="dxa"/></w:tblCellMar></w:tblPr>'
        )
    )
    strong = line.replace('"4"', '"8"').replace("AEB7BD", "4C6272")
    style.element.append(
        parse_xml(
            f'<w:tblStylePr {nsdecls("w")} w:type="firstRow"><w:rPr><w:b/></w:rPr><w:tcPr><w:tcBorders>'
            f"<w:bottom {strong}/></w:tcBorders></w:tcPr></w:tblStylePr>"
        )
    )


def _page(document: Any, pack: Pack) -> None:
    """A4, the version at the head of every page and the page's number at its foot."""
    part = document.sections[0]
    part.page_width, part.page_height = Mm(210), Mm(297)
    part.left_margin = part.right_margin = Mm(12)
    part.top_margin, part.bottom_margin = Mm(15), Mm(13)
    part.header_distance = part.footer_distance = Mm(6)
    head, foot = part.header.paragraphs[0], part.footer.paragraphs[0]
    head.text = _plain(f"{pack.version}. {pack.title.removeprefix('DRAFT: ')}")
    foot.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    foot.add_run("Page ")
    _field(foot, "PAGE")
    foot.add_run(" of ")
    _field(foot, "NUMPAGES")


def _field(paragraph: Any, name: str) -> None:
    field = parse_xml(f'<w:fldSimple {nsdecls("w")} w:instr="{name}"><w:r><w:t>1</w:t></w:r></w:fldSimple>')
    paragraph._p.append(field)  # noqa: SLF001 - python-docx has no fields


def _section(document: Any, pack: Pack, section: Section, place: int, fresh: bool = False) -> int:
    """Write a section; the number of its last sentence, ``place`` being that of the last before it."""
    _heading(document, section.title, fresh)
    style = "List Bullet" if section.listed else "Normal"
    for sentence in section.sentences:
        place += 1
        _said(document, sentence, style, 0 if pack.disclosed else place)
    for table in section.tables:
        _table(document, table)
    for table in section.worded:
        _table(document, table, words=True)
    if section.charts:
        _charts(document, section.charts)
    return place


def _said(document: Any, sentence: Sentence, style: str, place: int) -> None:
    paragraph = _text(document, sentence.text, style)
    if sentence.cited and place:
        number = paragraph.add_run(f"\u00a0{place}")
        number.font.superscript = True


def _text(document: Any, text: str, style: str = "Normal") -> Any:
    return document.add_paragraph(_plain(text), style=style)


def _heading(document: Any, text: str, fresh: bool = False) -> None:
    heading = _text(document, text, "Heading 1")
    heading.paragraph_format.page_break_before = fresh


def _charts(document: Any, charts: tuple[Chart, ...]) -> None:
    """The charts side by side below what they are called, their tables below them."""
    names = "; ".join(chart.title for chart in charts)
    _text(document, f"Charts, from left to right: {names}. {KEY}", "Caption")
    paragraph = document.add_paragraph()
    for chart in charts:
        picture = paragraph.add_run().add_picture(
            io.BytesIO(png(chart.drawing)), width=int(WIDTH / len(charts)) - Mm(2)
        )
        for side in ("distT", "distB", "distL", "distR"):
            picture._inline.set(side, "0")  # noqa: SLF001 - or they would not fit side by side
        said = picture._inline.docPr  # noqa: SLF001 - python-docx has no alternative text
        said.set("descr", _plain(chart.about))
        said.set("title", _plain(chart.title))
    for chart in charts:
        _table(document, chart.table, small=True)


def _table(document: Any, table: Table, words: bool = False, small: bool = False) -> None:
    """A table below its caption: numbers to the right, the first column's words and ``words`` to the left."""
    _text(document, table.caption, "Caption")
    made = document.add_table(rows=0, cols=len(table.columns), style=TABLE_STYLE)
    made.alignment = WD_TABLE_ALIGNMENT.LEFT
    made.autofit = False
    widths = _widths(table)
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    size = Pt(6 if small else 8)
    for texts in (table.columns, *table.rows):
        row = made.add_row()
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))  # noqa: SLF001
        for column, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
            cell.width = widths[column]
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_after = Pt(0)
            paragraph.paragraph_format.keep_with_next = texts is not table.rows[-1] if small else None
            if column and not words:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            paragraph.add_run(_plain(text)).font.size = size
    made.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))  # noqa: SLF001
    _text(document, "").paragraph_format.line_spacing = Pt(4)


def _widths(table: Table) -> list[int]:
    """The columns' widths, by the longest text in each; a long one may wrap."""
    longest = [max(len(text) for text in column) for column in zip(*table.rows, strict=True)]
    heads = [max(map(len, head.split()), default=0) for head in table.columns]
    wanted = [min(max(*pair, 7), 36) + 3 for pair in zip(longest, heads, strict=True)]
    return [int(WIDTH * each / sum(wanted)) for each in wanted]


def _plain(text: str) -> str:
    """``text`` without what XML cannot hold."""
    return "".join(sign for sign in text if sign.isprintable() or sign in "\t\n\u00a0")


def _bytes(document: Any) -> bytes:
    """The document with constant dates in its zip."""
    stream, fixed = io.BytesIO(), io.BytesIO()
    document.save(stream)
    with zipfile.ZipFile(stream) as parts, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as whole:
        for name in parts.namelist():
            whole.writestr(zipfile.ZipInfo(name, EPOCH), parts.read(name), zipfile.ZIP_DEFLATED)
    return fixed.getvalue()
