"""Whether an organisation's workbook may be opened: no bomb, no macros, no links to elsewhere."""

from __future__ import annotations

import lzma
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from waitlist.errors import Problem, refuse

if TYPE_CHECKING:
    from openpyxl import Workbook

LARGEST, LARGEST_UNPACKED, MOST_PARTS = 50_000_000, 200_000_000, 10_000
"""Bytes of the file, bytes of all its parts, and their number."""
MOST_RATIO = 200
"""How many times its size a workbook may be unpacked; styled empty cells come to some tens."""
MACROS = ("xl/vbaproject", "xl/macrosheets", "xl/dialogsheets")
LINKS = ("xl/externallinks/", "xl/connections", "xl/querytables", "customdata/")


def problems_of(path: Path) -> list[Problem]:
    """What is wrong with the file, found from its list of parts, before anything of it is unpacked as a whole."""
    name = path.name
    if path.suffix.lower() != ".xlsx":
        rule = "the template must be a workbook without macros, .xlsx"
        return [Problem("error", name, "", path.suffix, rule, "Save it as .xlsx in Excel; macros are not kept.")]
    try:
        if path.exists() and not path.is_file():
            return [
                Problem("error", name, "", "", "the template must be a file", "Check submission.template in the plan.")
            ]
        size = path.stat().st_size
        if size > LARGEST:
            rule = f"the template may not be larger than {LARGEST // 1_000_000} MB"
            return [Problem("error", name, "", f"{size / 1e6:.0f} MB", rule, "Take out what need not be in it.")]
        with zipfile.ZipFile(path) as parts:
            return list(_of_sizes(name, parts)) or list(_of_parts(name, parts))
    except OSError as error:
        rule = f"the template cannot be read: {error.strerror or error}"
        return [Problem("error", name, "", "", rule, "Check submission.template in the plan.")]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return [_no_workbook(name)]


def read(path: Path) -> Workbook:
    """The workbook as openpyxl reads it, its formulas as formulas. Raises Refusal for one that openpyxl cannot read."""
    from openpyxl import load_workbook  # noqa: PLC0415 - slow to load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it would lose on saving, which it is not asked to do
        try:
            book = load_workbook(path)
            if book.worksheets:
                return book
            raise ValueError("it has no sheet")
        except Exception as error:  # noqa: BLE001 - it raises whatever a broken part makes it raise
            problem = _no_workbook(path.name)
            raise refuse(path.name, "", type(error).__name__, problem.rule, problem.remedy) from None


def _no_workbook(name: str) -> Problem:
    rule = "the template is no Excel workbook that can be read"
    return Problem("error", name, "", "", rule, "Open it in Excel and save it as .xlsx, without a password to open it.")


def _of_sizes(name: str, parts: zipfile.ZipFile) -> Iterator[Problem]:
    """A bomb: parts that say they unpack to far more than a workbook has (zipfile unpacks no more than they say)."""
    entries = parts.infolist()
    whole, packed = sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries)
    remedy = "Ask whoever made it for a clean copy."
    if whole > LARGEST_UNPACKED or len(entries) > MOST_PARTS:
        value = f"{len(entries)} parts, {whole / 1e6:.0f} MB"
        rule = f"unpacked, the template may have {MOST_PARTS} parts and {LARGEST_UNPACKED // 1_000_000} MB at most"
        yield Problem("error", name, "", value, rule, remedy)
    elif whole > MOST_RATIO * max(packed, 1):
        rule = f"the template may not unpack to more than {MOST_RATIO} times its size"
        yield Problem("error", name, "", f"{whole / max(packed, 1):.0f} times", rule, remedy)


def _of_parts(name: str, parts: zipfile.ZipFile) -> Iterator[Problem]:
    """Macros, links to elsewhere, and declarations by which a small part may grow large."""
    names = [entry.lower() for entry in parts.namelist()]
    if "[content_types].xml" not in names or "xl/workbook.xml" not in names:
        yield _no_workbook(name)
        return
    kinds = parts.read(parts.namelist()[names.index("[content_types].xml")]).lower()
    if b"macroenabled" in kinds or any(entry.startswith(MACROS) for entry in names):
        yield Problem("error", name, "", "", "the template has macros", "Save it in Excel as .xlsx, without macros.")
    linked = [entry for entry in names if entry.startswith(LINKS)]
    if linked:
        rule = "the template has links to other workbooks or data"
        yield Problem("error", name, "", linked[0], rule, "Break its links (Data, Edit links) in a copy of it.")
    written = [entry for entry in parts.namelist() if entry.lower().endswith((".xml", ".rels", ".vml"))]
    if any(b"<!DOCTYPE" in content or b"<!ENTITY" in content for content in map(parts.read, written)):
        rule = "the template has a document type declaration, which no workbook needs"
        yield Problem("error", name, "", "", rule, "Ask whoever made it for a clean copy.")
