"""Whether an organisation's workbook may be opened and written again: no bomb, no macros, nothing that would be lost."""

from __future__ import annotations

import warnings
import zipfile
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
LOST = {
    "xl/charts/": "charts",
    "xl/chartsheets/": "chart sheets",
    "xl/diagrams/": "diagrams",
    "xl/media/": "pictures",
    "xl/ctrlprops/": "form controls",
    "xl/activex/": "controls",
    "xl/embeddings/": "embedded files",
    "xl/slicers/": "slicers",
    "xl/timelines/": "timelines",
    "xl/threadedcomments/": "threaded comments",
    "xl/pivottables/": "pivot tables",
}
"""What openpyxl leaves out or draws anew when it saves, by where a workbook keeps it."""
SHAPES = (b":sp>", b":cxnSp>", b":grpSp>")
TAKE_OUT = "Take them out of a copy of the template, or fill it by hand from submission.xlsx."


def problems_of(path: Path) -> list[Problem]:
    """What is wrong with the file, found from its list of parts, before anything of it is unpacked as a whole."""
    name = path.name
    if path.suffix.lower() != ".xlsx":
        rule = "the template must be a workbook without macros, .xlsx"
        return [Problem("error", name, "", path.suffix, rule, "Save it as .xlsx in Excel; macros are not kept.")]
    try:
        size = path.stat().st_size
        if size > LARGEST:
            rule = f"the template may not be larger than {LARGEST // 1_000_000} MB"
            return [Problem("error", name, "", f"{size / 1e6:.0f} MB", rule, "Take out what need not be in it.")]
        with zipfile.ZipFile(path) as parts:
            return list(_of_sizes(name, parts)) or list(_of_parts(name, parts))
    except OSError as error:
        rule = f"the template cannot be read: {error.strerror or error}"
        return [Problem("error", name, "", "", rule, "Check submission.template in the plan.")]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError):
        return [_no_workbook(name)]


def read(path: Path) -> Workbook:
    """The workbook, its formulas as formulas. Raises Refusal for one that openpyxl cannot keep whole."""
    from openpyxl import load_workbook  # noqa: PLC0415 - slow to load

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            book = load_workbook(path, rich_text=True)
        except Exception as error:  # noqa: BLE001 - it raises whatever a broken part makes it raise
            problem = _no_workbook(path.name)
            raise refuse(path.name, "", type(error).__name__, problem.rule, problem.remedy) from None
    lost = sorted({str(one.message) for one in told if "removed" in str(one.message) or "lost" in str(one.message)})
    if lost:
        rule = "the template has something that would be lost on saving"
        raise refuse(path.name, "", "; ".join(lost)[:200], rule, TAKE_OUT)
    return book


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
    """Macros, links to elsewhere, and what would be lost."""
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
    lost = [what for where, what in LOST.items() if any(entry.startswith(where) for entry in names)]
    lost += ["shapes or text boxes"] if any(_has(parts, entry, SHAPES) for entry in _under(parts, "drawings/")) else []
    if lost:
        rule = "the template has something that would be lost or changed on saving"
        yield Problem("error", name, "", ", ".join(lost), rule, TAKE_OUT)
    if any(_has(parts, entry, (b"<!DOCTYPE", b"<!ENTITY")) for entry in _under(parts, "")):
        rule = "the template has a document type declaration, which no workbook needs"
        yield Problem("error", name, "", "", rule, "Ask whoever made it for a clean copy.")


def _under(parts: zipfile.ZipFile, folder: str) -> list[str]:
    """The XML parts in a folder of the workbook, or all of them."""
    return [n for n in parts.namelist() if n.lower().endswith((".xml", ".rels")) and (not folder or folder in n)]


def _has(parts: zipfile.ZipFile, name: str, words: tuple[bytes, ...]) -> bool:
    content = parts.read(name)
    return any(word in content for word in words)
