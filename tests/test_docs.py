"""The docs run: their examples on the made-up sample, and their tables against the code."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import typer

from tests.conftest import ROOT
from waitlist.cli import app
from waitlist.inputs.fields import BAND_COLUMNS, fields, history_fields
from waitlist.models.measures import MEASURES
from waitlist.models.submission.triangulation import CHECKS
from waitlist.plan import Plan
from waitlist.planning_year import in_force, years
from waitlist.results import WHERE_ASKED

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^ *```(console|python)\n(.*?)^ *```$", re.M | re.S)
LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder as a clone has it after `make run`: the plans, the sample, and its run (of fewer draws)."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "models").mkdir()
    for plan in (ROOT / "models").glob("*.toml"):
        (folder / "models" / plan.name).write_bytes(plan.read_bytes())
    said(folder, "waitlist sample --to inputs/sample")
    said(folder, "waitlist run models/sample.toml --draws 20")
    return folder


@cache
def said(desk: Path, command: str) -> str:
    """What a command line of the docs prints when it is run at the desk, once for all pages."""
    program, *arguments = command.split()
    assert program == "waitlist", f"the docs may run waitlist, not {program}"
    with contextlib.chdir(desk), contextlib.redirect_stdout(io.StringIO()) as printed:
        app(arguments, standalone_mode=False)
    return printed.getvalue()


def runnable(page: Path) -> list[tuple[str, str]]:
    return [(kind, re.sub(r"^   ", "", text, flags=re.M)) for kind, text in BLOCK.findall(page.read_text())]


@pytest.mark.parametrize("page", [p for p in PAGES if runnable(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_every_example_of_the_page_runs_and_prints_what_the_page_shows(page, desk, monkeypatch):
    monkeypatch.chdir(desk)
    names: dict = {}
    for kind, text in runnable(page):
        if kind == "python":
            exec(compile(text, page.name, "exec"), names)
            continue
        for step in text.removeprefix("$ ").split("\n$ "):
            command, _, shown = step.partition("\n")
            printed = said(desk, command)
            if shown.strip():
                assert doctest.OutputChecker().check_output(shown, printed, LOOSE), f"{command}\n{printed}"


def rows(page: str, after: str = "") -> list[list[str]]:
    """The cells of every table row below ``after``, headings left out."""
    text = (ROOT / page).read_text().partition(after)[2] if after else (ROOT / page).read_text()
    lines = [line.strip("| ") for line in text.splitlines() if line.startswith("| `") or re.match(r"\| R\d", line)]
    return [re.split(r"\s*(?<!\\)\|\s*", line) for line in lines]


def test_the_plan_page_holds_every_key_and_its_default():
    keys = {}
    for name, field in Plan.model_fields.items():
        keys[field.alias or name] = field
        inner = next((a for a in (field.annotation, *getattr(field.annotation, "__args__", ())) if
                      hasattr(a, "model_fields")), None)  # fmt: skip
        if inner:
            keys |= {f"{field.alias or name}.{f.alias or n}": f for n, f in inner.model_fields.items()}
    shown = {row[0].strip("`"): row[2] for row in rows("docs/reference/plan.md")}
    assert set(shown) == set(keys)
    for key, field in keys.items():
        if field.is_required():
            assert shown[key] == "needed", key
        elif isinstance(field.default, (int, float, str, tuple)) and field.default != ():
            text = f"{field.default!r}".replace("'", '"').replace("(", "[").replace(")", "]")
            assert shown[key].strip("`") == text.replace("False", "false").replace("True", "true").removesuffix(".0"), (
                key
            )


def test_the_fields_page_says_what_the_dictionary_of_fields_says():
    shown = {row[0].split(" … ")[0].strip("`"): row[1:] for row in rows("docs/reference/fields.md")}
    bands = BAND_COLUMNS[1:-1]  # the row of the first stands for all but the open one
    assert set(shown) == {field.name for field in fields()} - set(bands)
    for field in fields():
        if field.name not in BAND_COLUMNS[:-1]:
            needed = "yes" if field.needed else "no"
            assert [cell.strip() for cell in shown[field.name]] == [field.type, field.unit, needed, field.description]


def test_the_page_of_the_history_says_what_its_dictionary_says():
    text = (ROOT / "docs/reference/history-fields.md").read_text()
    assert re.findall(r"^## `(\w+)`$", text, re.M) == list(history_fields())
    for layout, columns in history_fields().items():
        _, _, section = text.partition(f"## `{layout}`\n")
        section = section.partition("\n## ")[0]
        lines = [line.strip("| ") for line in section.splitlines() if line.startswith("| `")]
        shown = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines]
        said = [
            [f"`{f.name}`".replace("|", "\\|"), f.type, f.unit, "yes" if f.needed else "no", f.description]
            for f in columns
        ]
        assert shown == said
        assert all(f"- {f.rule[:1].upper()}{f.rule[1:]}.\n" in section for f in columns if f.rule)
        assert all(f.source in section for f in columns)


def test_the_files_page_says_every_file_every_column_and_every_measure(desk):
    files = {row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in rows("docs/reference/files.md", "| file |")}
    there = {path.name: list(pd.read_csv(path, nrows=0)) for path in (desk / "outputs/sample").glob("*.csv")}
    of_a_backtest = ("backtest.csv", "scores.csv", "ratios.csv", "excluded.csv")  # see test_backtest.py
    of_others = (*of_a_backtest, *(f"{name}.csv" for name in WHERE_ASKED))  # see test_compared.py
    of_others = (*of_others, *(name for name in files if name.startswith(("transfers", "mutual_aid", "aid_"))))  # below
    shown = {name: columns for name, columns in files.items() if name.endswith(".csv") and name not in of_others}
    assert shown == there
    assert tuple(row[0].strip("`") for row in rows("docs/reference/files.md", "## Measures")) == MEASURES


def test_the_files_page_says_the_columns_of_mutual_aid(desk):
    said(desk, "waitlist transfers models/sample-mutual-aid.toml --out outputs/mutual-aid")
    files = {
        row[0].strip("`"): re.findall(r"`(\w+)`", row[1])
        for row in rows("docs/reference/files.md", "| of mutual aid |")
    }
    there = {path.name: list(pd.read_csv(path, nrows=0)) for path in (desk / "outputs/mutual-aid").glob("*.csv")}
    assert {name: files[name] for name in there} == there and len(there) == 4


def test_the_command_line_page_says_every_command_and_every_option():
    shown = {row[0].strip("`"): row for row in rows("docs/reference/command-line.md") if len(row) == 4}
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert set(shown) == set(commands)
    for name, command in commands.items():
        options = {option for p in command.params for option in p.opts if option.startswith("--")} - {"--help"}
        assert set(re.findall(r"`(--[\w-]+)`", shown[name][2])) == options, name


def test_each_rule_lives_where_the_docs_say():
    homes = {row[0].split()[0]: row[1].strip("`") for row in rows("CONTRIBUTING.md", "| rule |")}
    assert homes == {row[0]: row[2].strip("`") for row in rows("docs/reference/rules.md")}
    assert list(homes) == [f"R{number}" for number in range(1, 15)]
    for rule, home in homes.items():
        assert re.search(rf"\b{rule}\b", (ROOT / home).read_text()), (rule, home)


def test_every_link_between_pages_leads_somewhere():
    pages = [*PAGES, *ROOT.glob("*/README.md"), ROOT / "CHANGELOG.md"]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())]
    dead = [(page.name, link) for page, link in links if "://" not in link and not (page.parent / link).exists()]
    assert not dead


def test_the_submissions_page_says_every_metric_standard_check_and_file(desk):
    page = "docs/reference/submission.md"
    before_standards, _, rest = (ROOT / page).read_text().partition("## Standards")
    of_years = [in_force(year).year for year in years()]
    assert set(re.findall(r"^\| `(E\.[^`]+)`", before_standards, re.M)) == {
        metric.ref for year in of_years for metric in year.submitted
    }
    shown = {(row[0].strip("`"), row[1]): row for row in rows(page, "## Standards") if len(row) == 6}
    assert set(shown) == {(item.id, year.year) for year in of_years for item in year.standard}
    for year in of_years:
        for item in year.standard:
            assert ("(check)" in shown[item.id, year.year][3]) == (item.sure == "check"), item.id
    checks = [row for row in rows(page, "## Checks") if len(row) == 3]
    assert [tuple(row) for row in checks] == [(f"`{check.id}`", check.severity, check.holds) for check in CHECKS]
    files = {row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in rows(page, "| of a submission |")}
    for out, command in (
        ("outputs/submitted", "models/sample-submission.toml --out outputs/submitted"),
        ("outputs/compared", "models/sample-submission.toml --compare 1 1 --out outputs/compared"),
    ):
        said(desk, f"waitlist submission {command}")
        there = {path.name: list(pd.read_csv(path, nrows=0)) for path in (desk / out).glob("*.csv")}
        assert there == {name: files[name] for name in there} and there
