"""An organisation's own template: filled and otherwise left as it was, or refused with every problem named."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from openpyxl.styles import Font, PatternFill, Protection
from openpyxl.worksheet.datavalidation import DataValidation

import waitlist as wl
from tests import test_submission_book as shared_with
from waitlist.errors import Refusal
from waitlist.outputs.submission.template import fill
from waitlist.outputs.submission.template_xml import _drafted

ENTRY = 'sheet = "Plan"\norg = "MADE1"\nref = "E.B.3a"\nstart = "D10"\nskip_quarters = true'
LABELLED = f'[[cells]]\n{ENTRY}\nlabel = {{cell = "A10", text = "E.B.3a"}}\n'
YEAR = 'year_cell = {cell = "A1", text = "Plan for 2025/26"}\n'
BELOW = 'sheet = "Down here"\norg = "MADEQ"\nline = "other_removals"\nstart = "B2"\ndirection = "down"\nstep = 2\n'
DOWN = f"[[cells]]\n{BELOW}"
made = shared_with.made
"""The submission that is filled in."""


def template(path: Path) -> Path:
    """An organisation's template: a row of months with quarters that are formulas, and a column on another sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Plan"
    sheet["A1"], sheet["A10"], sheet["A11"] = "Plan for 2025/26", "E.B.3a", "=1+1"
    for column in "DEFHIJLMNPQR":
        sheet[f"{column}10"].number_format = "#,##0;[Red]-#,##0"
        sheet[f"{column}10"].fill = PatternFill("solid", fgColor="FFFF00")
        sheet[f"{column}10"].protection = Protection(locked=False)
    sheet["D10"] = "type here"
    for column, last in zip("GKOS", "FJNR", strict=True):
        sheet[f"{column}10"], sheet[f"{column}10"].font = f"={last}10", Font(bold=True)
    sheet.merge_cells("D20:E20")
    checked = DataValidation(type="whole", operator="greaterThanOrEqual", formula1="0")
    checked.add("D10:S10")
    sheet.add_data_validation(checked)
    sheet.conditional_formatting.add("D10:S10", openpyxl.formatting.rule.CellIsRule(operator="lessThan", formula=["0"]))
    sheet.protection.sheet, sheet.protection.password = True, "secret"
    sheet.oddHeader.left.text, sheet.oddHeader.center.text = "Trust", "Return"
    book.create_sheet("Down here").column_dimensions["B"].width = 33
    book.properties.title = "Return"
    book.save(path)
    return path


def mapped(folder: Path, text: str) -> Path:
    """A mapping of that text."""
    place = folder / "mapping.toml"
    place.write_text(text, encoding="utf-8")
    return place


def of(made: wl.submitted.Submission, org: str, line: str) -> list[float]:
    """The twelve months of one line."""
    rows = made.figures[(made.figures["org"] == org) & (made.figures["line"] == line)]
    return rows["value"].tolist()[-12:]


def test_it_is_filled_and_all_else_is_kept(made, tmp_path):
    source, target = template(tmp_path / "return.xlsx"), tmp_path / "filled.xlsx"
    fill(made, source, mapped(tmp_path, YEAR + LABELLED + DOWN), target)
    before, after = openpyxl.load_workbook(source), openpyxl.load_workbook(target)
    sheet, there = after["Plan"], before["Plan"]
    assert [sheet[f"{column}10"].value for column in "DEFHIJLMNPQR"] == of(made, "MADE1", "waiting_list")
    assert [after["Down here"][f"B{2 + 2 * m}"].value for m in range(12)] == of(made, "MADEQ", "other_removals")
    assert all(isinstance(sheet[f"{column}10"].value, int) for column in "DEF")
    for row in there.iter_rows():
        for cell in row:
            kept = sheet[cell.coordinate]
            for look in ("number_format", "fill", "font", "protection"):
                assert repr(getattr(kept, look)) == repr(getattr(cell, look))
            if cell.row != 10 or cell.data_type == "f":
                assert kept.value == cell.value
    assert sheet.protection.sheet and sheet.protection.password == there.protection.password
    assert sheet.data_validations.dataValidation == there.data_validations.dataValidation
    assert len(sheet.conditional_formatting) == 1 and sheet.merged_cells.ranges == there.merged_cells.ranges
    assert after["Down here"].column_dimensions["B"].width == 33
    assert after.calculation.fullCalcOnLoad


def test_a_draft_says_so_on_every_sheet_and_a_final_does_not(made, tmp_path):
    source, mapping, target = template(tmp_path / "return.xlsx"), mapped(tmp_path, LABELLED), tmp_path / "filled.xlsx"
    fill(made, source, mapping, target)
    book = openpyxl.load_workbook(target)
    assert [sheet.oddHeader.center.text for sheet in book] == ["DRAFT Return", "DRAFT"]
    assert book["Plan"].oddHeader.left.text == "Trust" and book.properties.title == "DRAFT: Return"
    first = target.read_bytes()
    fill(made, source, mapping, target)
    assert target.read_bytes() == first
    fill(made.as_version(1, "final"), source, mapping, target)
    book = openpyxl.load_workbook(target)
    assert book["Plan"].oddHeader.center.text == "Return" and book.properties.title == "Return"


def test_what_openpyxl_would_lose_stays(made, tmp_path):
    """A picture and a newer data validation, which openpyxl drops on saving, are still there, byte for byte."""
    source, target = tmp_path / "return.xlsx", tmp_path / "filled.xlsx"
    with zipfile.ZipFile(template(tmp_path / "plain.xlsx")) as parts, zipfile.ZipFile(source, "w") as out:
        for name in parts.namelist():
            content = parts.read(name)
            if name == "xl/worksheets/sheet1.xml":
                newer = b'<extLst><ext xmlns:x14="urn:x14" uri="{CCE6}"><x14:dataValidations count="1"/></ext></extLst>'
                content = content.replace(b"</worksheet>", newer + b"</worksheet>")
            out.writestr(name, content)
        out.writestr("xl/media/image1.png", b"picture")
    fill(made, source, mapped(tmp_path, LABELLED), target)
    with zipfile.ZipFile(target) as parts:
        assert parts.read("xl/media/image1.png") == b"picture"
        sheet = parts.read("xl/worksheets/sheet1.xml")
    assert b'<x14:dataValidations count="1"/>' in sheet and sheet.index(b"<headerFooter") < sheet.index(b"<extLst")


def test_blank_figures_leave_their_cells(made, tmp_path):
    source, target = template(tmp_path / "return.xlsx"), tmp_path / "filled.xlsx"
    fill(made, source, mapped(tmp_path, LABELLED.replace("E.B.3a", "E.B.24", 1)), target)
    row = [openpyxl.load_workbook(target)["Plan"][f"{column}10"].value for column in "DEF"]
    assert row == ["type here", None, None]


def test_a_suppressed_figure_is_a_star_and_never_a_number(made, tmp_path):
    figures = made.figures.copy()
    hidden = (figures["org"] == "MADE1") & (figures["line"] == "waiting_list") & (figures["month"] == "2025-04")
    figures.loc[hidden, ["value", "status"]] = [float("nan"), "suppressed"]
    source, target = template(tmp_path / "return.xlsx"), tmp_path / "filled.xlsx"
    fill(replace(made, figures=figures, disclosed=True), source, mapped(tmp_path, LABELLED), target)
    assert openpyxl.load_workbook(target)["Plan"]["D10"].value == "*"


@pytest.mark.parametrize(
    ("header", "drafted"),
    [
        ("", "&CDRAFT"),
        ("&LTrust", "&LTrust&CDRAFT"),
        ("&LTrust&RPage &P", "&LTrust&CDRAFT&RPage &P"),
        ("Return &R1", "&CDRAFT Return &R1"),
        ("&LR&&C&RPage", "&LR&&C&CDRAFT&RPage"),
        ('&C&"Arial,Bold"Return', '&CDRAFT &"Arial,Bold"Return'),
        ("&CDRAFT 1", "&CDRAFT 1"),
    ],
)
def test_a_header_keeps_its_parts(header, drafted):
    assert _drafted(header) == drafted


def entries(text: str) -> str:
    """A mapping of the usual entry with a line in place of one of its own."""
    key = text.partition(" ")[0]
    kept = [line for line in ENTRY.splitlines() if not line.startswith(f"{key} =")]
    return "[[cells]]\n" + "\n".join([*kept, text]) + "\n"


MAPPINGS = {
    "no entry": ("", "no entry"),
    "no TOML": ("[[cells", "no TOML"),
    "an unknown key": (entries('labl = "A10"'), "Did you mean label?"),
    "a key that is missing": (f"[[cells]]\n{ENTRY}".replace('sheet = "Plan"\n', ""), "lacks a key"),
    "a wrong type": (entries('step = "two"'), "whole number"),
    "a direction": (entries('direction = "left"'), "'right' or 'down'"),
    "no cell": (entries('start = "10D"'), "it should be a cell, such as D10"),
    "ref and line": (entries('line = "waiting_list"'), "one of the two"),
    "a sheet": (entries('sheet = "Plam"'), "Did you mean Plan?"),
    "a merged range": (entries('start = "C20"'), "a merged range, D20:E20"),
    "a formula": (entries("skip_quarters = false"), "holds a formula"),
    "beyond the last column": (entries('start = "XFA1"'), "outside the sheet"),
    "beyond the last row": (entries('start = "A1048570"\ndirection = "down"'), "outside the sheet"),
    "a label": (LABELLED.replace('text = "E.B.3a"', 'text = "E.B.18"'), "the row or column may be wrong"),
    "the same cell": (f"[[cells]]\n{ENTRY}\n[[cells]]\n{ENTRY}", "write the same cell"),
    "an organisation": (entries('org = "MADE9"'), "no such organisation"),
    "a reference": (entries('ref = "E.B.4"'), "no such reference"),
    "a measure": (
        f"[[cells]]\n{ENTRY}".replace('ref = "E.B.3a"', 'line = "waiting_lists"'),
        "Did you mean waiting_list?",
    ),
    "the template's year": ('year_cell = {cell = "A2", text = "2025-26"}\n' + LABELLED, "is for another year"),
    "the mapping's year": (
        YEAR.replace("2025/26", "2026/27") + LABELLED,
        "the template is for another year",
        "the mapping is for another year",
    ),
}


@pytest.mark.parametrize("fault", MAPPINGS)
def test_a_mapping_that_is_wrong_is_refused(made, tmp_path, fault):
    text, *said = MAPPINGS[fault]
    refused(made, template(tmp_path / "return.xlsx"), mapped(tmp_path, text), tmp_path, *said)


def refused(made, source: Path, mapping: Path, folder: Path, *said: str) -> None:
    """It is refused with just those messages, and nothing is written."""
    with pytest.raises(Refusal) as refusal:
        fill(made, source, mapping, folder / "filled.xlsx")
    told = [problem.sentence() for problem in refusal.value.problems]
    assert len(told) == len(said), told
    for text in said:
        assert any(text in sentence for sentence in told), told
    assert not (folder / "filled.xlsx").exists()


def packed(parts: dict[str, bytes], source: Path) -> bytes:
    """The template with more parts, or others."""
    stream = io.BytesIO()
    with zipfile.ZipFile(source) as there, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        for name in there.namelist():
            if name not in parts:
                out.writestr(name, there.read(name))
        for name, content in parts.items():
            out.writestr(name, content)
    return stream.getvalue()


TEMPLATES = {
    "no zip": (lambda path: b"Reference,April\n", "no Excel workbook"),
    "no workbook": (lambda path: packed({"xl/workbook.xml": b"<nothing/>"}, path), "no Excel workbook"),
    "a bomb": (lambda path: packed({"xl/a.bin": b"0" * 30_000_000}, path), "times its size"),
    "a larger bomb": (lambda path: packed({"xl/a.bin": b"0" * 201_000_000}, path), "200 MB at most"),
    "macros": (lambda path: packed({"xl/vbaProject.bin": b"\xd0\xcf"}, path), "has macros"),
    "links": (lambda path: packed({"xl/externalLinks/externalLink1.xml": b"<externalLink/>"}, path), "has links"),
    "entities": (lambda path: packed({"xl/a.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'}, path), "type declaration"),
}  # fmt: skip


@pytest.mark.parametrize("fault", TEMPLATES)
def test_a_template_that_is_not_safe_is_refused(made, tmp_path, fault):
    source = template(tmp_path / "return.xlsx")
    content, said = TEMPLATES[fault]
    source.write_bytes(content(source))
    refused(made, source, mapped(tmp_path, LABELLED), tmp_path, said)


def test_files_that_cannot_be_taken_are_refused_together(made, tmp_path, monkeypatch):
    source = template(tmp_path / "return.xlsx")
    refused(made, source.rename(tmp_path / "return.xlsm"), mapped(tmp_path, ""), tmp_path, ".xlsx", "no entry")
    refused(made, tmp_path / "none.xlsx", tmp_path / "none.toml", tmp_path, "template cannot", "mapping cannot")
    large = template(tmp_path / "large.xlsx")
    monkeypatch.setattr("waitlist.outputs.submission.template_safe.LARGEST", 1000)
    refused(made, large, mapped(tmp_path, LABELLED), tmp_path, "larger than")


def test_every_problem_is_told_at_once_and_the_template_is_never_overwritten(made, tmp_path):
    source = template(tmp_path / "return.xlsx")
    both = entries('org = "MADE9"') + entries("skip_quarters = false").replace("D10", "D11").replace("E.B.3a", "E.X.1")
    refused(made, source, mapped(tmp_path, both + entries('sheet = "Elsewhere"')), tmp_path, "no such organisation",
            "no such reference", "no such sheet")  # fmt: skip
    before = source.read_bytes()
    with pytest.raises(Refusal, match="never overwritten"):
        fill(made, source, mapped(tmp_path, LABELLED), source)
    assert source.read_bytes() == before
