"""Cells put into an Excel file's own parts, so that all else in the file stays as it was, byte for byte where it can.

Parts and their order: ECMA-376, Office Open XML, part 1, 18.3.1 (worksheets), 18.2 (workbooks).
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

DRAFT = "DRAFT"
AFTER_HEADERS = {
    *("rowBreaks", "colBreaks", "customProperties", "cellWatches", "ignoredErrors", "smartTags", "drawing"),
    *("legacyDrawing", "legacyDrawingHF", "drawingHF", "picture", "oleObjects", "controls", "webPublishItems"),
    *("tableParts", "extLst"),
}
"""What may stand after a worksheet's headerFooter."""
AFTER_CALCULATION = {
    *("oleSize", "customWorkbookViews", "pivotCaches", "smartTagPr", "smartTagTypes", "webPublishing"),
    *("fileRecoveryPr", "webPublishObjects", "extLst"),
}
"""What may stand after a workbook's calcPr."""
BOOK, RELATIONS, CORE = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "docProps/core.xml"
TITLE = "{http://purl.org/dc/elements/1.1/}title"

Cells = Mapping[tuple[int, int], str]
"""(row, column), from 1 → a whole number in digits, or a text."""


def filled(template: Path, cells: Mapping[str, Cells], draft_title: str) -> bytes:
    """The workbook with ``cells`` of each sheet written. Formulas lose what they came to: Excel works them out.

    With a ``draft_title``, DRAFT stands in every sheet's print header and in the workbook's title (its own if it has
    one). The same template and cells give the same bytes (R11).
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(template) as parts, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        sheets = _sheets(parts)
        for part in parts.infolist():
            content = parts.read(part)
            if part.filename in sheets:
                mine = cells.get(sheets[part.filename], {})
                content = _changed(content, partial(_sheet, cells=mine, draft=bool(draft_title)))
            elif part.filename == BOOK:
                content = _changed(content, _recalculated)
            elif part.filename == CORE and draft_title:
                content = _changed(content, partial(_titled, title=draft_title))
            entry = zipfile.ZipInfo(part.filename, part.date_time)
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, content)
    return stream.getvalue()


def _changed(content: bytes, change: Callable[[Any], None]) -> bytes:
    """An XML part after the change. lxml keeps its prefixes, which other places in the part refer to by name."""
    from lxml import etree  # noqa: PLC0415 - not needed unless there is a template

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    root = etree.fromstring(content, parser)
    change(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def _sheets(parts: zipfile.ZipFile) -> dict[str, str]:
    """Each worksheet's part → the name of the sheet."""
    targets: dict[str, str] = {}
    names: dict[str, str] = {}

    def relations(root: Any) -> None:
        for one in root:
            if str(one.get("Type")).endswith("/worksheet"):
                targets[one.get("Id")] = posixpath.normpath(posixpath.join("/xl", one.get("Target"))).lstrip("/")

    def book(root: Any) -> None:
        for one in root.iter(f"{_space(root)}sheet"):
            named = next((value for key, value in one.items() if key.endswith("}id")), None)
            if named in targets:
                names[targets[named]] = one.get("name")

    _changed(parts.read(RELATIONS), relations)
    _changed(parts.read(BOOK), book)
    return names


def _sheet(root: Any, cells: Cells, draft: bool) -> None:
    space = _space(root)
    data = root.find(f"{space}sheetData")
    if data is None:  # a sheet always has one
        return
    for formula in data.iter(f"{space}f"):
        _emptied(formula.getparent(), keep=formula)
    rows = _numbered(data, lambda at: str(at), lambda name: int(name))
    for (row, column), value in sorted(cells.items()):
        _write(root, _row(rows, data, row, space), row, column, value)
    if draft:
        _mark(root, space)


def _write(root: Any, row: Any, at: int, column: int, value: str) -> None:
    space = _space(root)
    there = _numbered(row, lambda c: f"{letters_of(c)}{at}", lambda name: column_of(name))
    cell = there.get(column)
    if cell is None:
        cell = row.makeelement(f"{space}c", {"r": f"{letters_of(column)}{at}"})
        style = _style(root, row, column)
        if style:
            cell.set("s", style)
        row.insert(sum(other < column for other in there), cell)
        row.attrib.pop("spans", None)  # a hint, which may no longer be right
    _emptied(cell)
    if value.removeprefix("-").isdecimal():
        cell.append(_made(cell, f"{space}v", value))
    else:
        cell.set("t", "inlineStr")
        inline = cell.makeelement(f"{space}is")
        inline.append(_made(cell, f"{space}t", value))
        cell.append(inline)


def _emptied(cell: Any, keep: Any = None) -> None:
    """The cell without what it says; its style stays."""
    for name in ("t", "cm", "vm") if keep is None else ("t",):
        cell.attrib.pop(name, None)
    for child in list(cell):
        if child is not keep:
            cell.remove(child)


def _style(root: Any, row: Any, column: int) -> str:
    """What a cell that is not there looks like: its row, or its column."""
    if row.get("customFormat") in ("1", "true"):
        return str(row.get("s", ""))
    for span in root.iter(f"{_space(root)}col"):
        if int(span.get("min")) <= column <= int(span.get("max")):
            return str(span.get("style", ""))
    return ""


def _row(rows: dict[int, Any], data: Any, at: int, space: str) -> Any:
    """The row, made where it is not there."""
    if at not in rows:
        rows[at] = data.makeelement(f"{space}row", {"r": str(at)})
        data.insert(sum(other < at for other in rows), rows[at])
    return rows[at]


def _numbered(within: Any, name: Callable[[int], str], place: Callable[[str], int]) -> dict[int, Any]:
    """Rows or cells by their place, which they may leave unsaid where it is that after the one before."""
    found: dict[int, Any] = {}
    last = 0
    for one in within:
        if not isinstance(one.tag, str):
            continue
        last = place(one.get("r")) if one.get("r") else last + 1
        one.set("r", name(last))
        found[last] = one
    return found


def _mark(root: Any, space: str) -> None:
    """DRAFT in the middle of the sheet's print headers, before what stands there."""
    box = root.find(f"{space}headerFooter")
    if box is None:
        box = root.makeelement(f"{space}headerFooter")
        _insert(root, box, AFTER_HEADERS)
    wanted = ["oddHeader"]
    wanted += ["evenHeader"] if box.get("differentOddEven") in ("1", "true") else []
    wanted += ["firstHeader"] if box.get("differentFirst") in ("1", "true") else []
    order = ("oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter")
    for name in wanted:
        header = box.find(f"{space}{name}")
        if header is None:
            header = box.makeelement(f"{space}{name}")
            _insert(box, header, set(order[order.index(name) + 1 :]))
        header.text = _drafted(header.text or "")


def _drafted(header: str) -> str:
    """A header with DRAFT in its middle: &L, &C and &R begin its parts, && is an ampersand, what has none is middle."""
    marks = {m.group(1): m.start(1) - 1 for m in re.finditer(r"(?<!&)(?:&&)*&([LCR])", header)}
    if "C" in marks:
        at = marks["C"] + 2
        there = header[at:]
        return header if DRAFT in there else f"{header[:at]}{DRAFT} {there}"
    first = min(marks.values(), default=len(header))
    if header[:first]:
        return f"&C{DRAFT} {header}"
    at = marks.get("R", len(header))
    return f"{header[:at]}&C{DRAFT}{header[at:]}"


def _recalculated(root: Any) -> None:
    """Formulas are worked out when the workbook is opened."""
    space = _space(root)
    found = root.find(f"{space}calcPr")
    if found is None:
        found = root.makeelement(f"{space}calcPr")
        _insert(root, found, AFTER_CALCULATION)
    found.set("fullCalcOnLoad", "1")


def _titled(root: Any, title: str) -> None:
    found = root.find(TITLE)
    if found is None:
        found = root.makeelement(TITLE)
        root.append(found)
    there = found.text or title
    found.text = there if DRAFT in there else f"{DRAFT}: {there}"


def _insert(root: Any, new: Any, after: set[str]) -> None:
    """Put an element before the first of those that stand after it."""
    names = [one.tag.rpartition("}")[2] if isinstance(one.tag, str) else "" for one in root]
    root.insert(next((i for i, name in enumerate(names) if name in after), len(names)), new)


def _made(near: Any, tag: str, text: str) -> Any:
    found = near.makeelement(tag)
    found.text = text
    return found


def _space(root: Any) -> str:
    """The part's own namespace: strict files have another one."""
    return str(root.tag)[: str(root.tag).index("}") + 1]


def letters_of(column: int) -> str:
    """4 → ``D``."""
    found = ""
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(ord("A") + rest) + found
    return found


def column_of(cell: str) -> int:
    """``D10`` → 4."""
    found = 0
    for letter in cell.rstrip("0123456789"):
        found = 26 * found + ord(letter) - ord("A") + 1
    return found
