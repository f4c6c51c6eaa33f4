"""The board pack: every number can be traced, and page and document can be read without eyes or a mouse."""

from __future__ import annotations

import io
import math
import re
import zipfile
from dataclasses import replace
from html.parser import HTMLParser

import docx
import pytest
from docx.oxml.ns import qn

import waitlist as wl
from waitlist.models.submission.disclosed import disclosed
from waitlist.outputs import words as say
from waitlist.outputs.submission import pack, pack_docx, pack_html
from waitlist.outputs.submission.book import cells_of
from waitlist.planning_round import submission

PLAN = """name = "Made-up Shire: trajectory submission 2025-26"
inputs = "sample"
horizon_months = 7
draws = 20
[submission]
year = "2025-26"
icb = "MADEQ"
icb_name = "Made-up Shire ICB"
author = "A. Planner"
[submission.ratios]
first_outpatient_per_non_admitted_stop = 1.0
follow_up_per_non_admitted_stop = 0.4
admissions_per_admitted_stop = 1.0
day_case_share = 0.8
[[override]]
measure = "over_52_weeks"
provider = "MADE1"
month = "2026-03"
value = 60
reason = "an extra clinic every Saturday from January"
author = "B. Board"
[[override]]
measure = "stops_admitted"
provider = "MADE2"
month = "2025-12"
value = 1400
reason = "a second theatre"
author = "B. Board"
"""
EVIL = "<b>Evil & Co</b>\x0b"


@pytest.fixture(scope="module")
def made(place, history):
    (place / "pack.toml").write_text(PLAN)
    return submission(wl.Plan.load(place / "pack.toml"), history)


@pytest.fixture(scope="module")
def addresses(made):
    return cells_of(made)


@pytest.fixture(scope="module")
def page(made, addresses):
    return pack_html.render(made, addresses)


@pytest.fixture(scope="module")
def packed(made, addresses, tmp_path_factory):
    path = tmp_path_factory.mktemp("pack") / "pack.docx"
    pack_docx.write(made, addresses, path)
    return path.read_bytes()


def value_of(made, key):
    """A figure straight from the submission's tables."""
    org, line, when = key
    if line.startswith("percent_"):
        part, whole = (value_of(made, (org, name, when)) for name in (line.removeprefix("percent_"), "waiting_list"))
        return 100 * part / whole
    if when in ("q1", "q2", "q3", "q4", "year"):
        table = made.periods
        return float(table[(table["org"] == org) & (table["line"] == line)][when].iloc[0])
    table, month = made.figures, made.months[0] if when == "opening" else when
    return float(table[(table["org"] == org) & (table["line"] == line) & (table["month"] == month)]["value"].iloc[0])


def worked(made, cited):
    """What a number worked from figures should be; None where the test does not know the way."""
    values = [value_of(made, key) for key in cited.keys]
    ways = {
        "difference of": lambda: abs(values[1] - values[0]),
        "sum of": lambda: sum(values),
        "a twelfth of": lambda: values[0] / 12,
    }
    if cited.how in ways:
        return say.count(ways[cited.how]())
    before = float(re.fullmatch(r"change from ([\d,]+)", cited.how)[1].replace(",", ""))
    return say.percent(abs(100 * (values[0] / before - 1)))


def test_every_number_that_claims_a_cell_is_that_figure(made, addresses):
    cited = [number for sentence in pack.content(made).sentences for number in sentence.cited]
    direct = [number for number in cited if number.keys and not number.how]
    assert len(direct) > 40
    for number in direct:
        (key,) = number.keys
        assert number.text == say.figure(key[1], value_of(made, key)), key
    for number in cited:
        assert number.keys or number.source
        assert all(key in addresses for key in number.keys)
        if number.how:
            assert number.text == worked(made, number), number
    assert {number.how.split()[0] for number in cited if number.how} == {"difference", "sum", "a", "change"}


def test_every_digit_of_a_sentence_is_cited_or_a_label(made):
    names = [*made.standards["name"], *made.overrides["reason"], *made.overrides["author"]]
    names += [metric.name for metric in made.year.submitted]
    names += [say.provider_name(org, made.names) for org in made.orgs]
    named = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    months = "January|February|March|April|May|June|July|August|September|October|November|December"
    label = rf"{named}|\b(\d{{1,2}} )?({months}) 20\d\d\b|\b(18|52|65) weeks|80% of draws|E\.[A-Z]\.\d+[a-z]?"
    for sentence in pack.content(made).sentences:
        for text in sentence.labels:
            assert not re.search(r"\d", re.sub(label, "", text)), sentence.text
        assert sentence.text == "".join(p if isinstance(p, str) else p.text for p in sentence.pieces)
        assert [text for text, _ in sentence.cells] == [number.text for number in sentence.cited]


def test_the_numbers_of_ranges_standards_and_overrides_are_those_of_their_tables(made):
    known = {
        "Ranges": {say.count(v) for column in ("p10", "p90") for v in made.ranges[column]},
        "Standards": {
            ("1 person" if v == 1 else f"{v:,.0f} people") if unit == "people" else f"{v:.1f} points"
            for v, unit in zip(made.standards["missed_by"], made.standards["unit"], strict=True)
            if not math.isnan(v)
        },
    }
    text = {"Checks": " ".join([*made.checks["figures"], *made.checks["sentence"]])}
    for sentence in pack.content(made).sentences:
        for number in sentence.cited:
            if number.source in known:
                assert number.text in known[number.source] or number.text == "under 0.1 points"
            elif number.source == "Checks" and "more findings" not in sentence.text:
                assert number.text in text["Checks"]


def test_missed_standards_blocking_checks_overrides_and_blanks_are_told(made):
    content = pack.content(made)
    parts = {section.anchor: " ".join(s.text for s in section.sentences) for section in content.board}
    missed = made.standards[made.standards["verdict"] == "missed"]
    assert len(missed)
    for row in missed.itertuples():
        for part in ("risks", "asks"):
            assert f"“{row.name}”{' (check)' if row.sure == 'check' else ''}" in parts[part]
    stops = "Stops it from being final, Eastwater Hospitals (Made Up), March 2026: over 65 weeks"
    assert stops in parts["risks"] and "Settle what stops it" in parts["asks"]
    assert parts["risks"].index("Stops it") < parts["risks"].index("To be explained")
    assert "Confirm the figure of 60 for waiting over 52 weeks at Eastwater" in parts["asks"]
    assert "under 18 years”, which is blank, for every trust" in parts["asks"]
    assert parts["aid"] == "No transfers are in this plan."
    (table,) = {section.anchor: section.worded for section in content.board}["rests"]
    assert [row[-2:] for row in table.rows] == made.overrides[["reason", "author"]].to_numpy().tolist()
    assert [section.title for section in content.trusts] == [say.provider_name(o, made.names) for o in made.providers]


class Seen(HTMLParser):
    """What a page is made of."""

    def __init__(self):
        super().__init__()
        self.tags, self.levels, self.stack = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs), tuple(self.stack)))
        if re.fullmatch(r"h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag not in ("meta", "br", "path", "line", "rect", "text", "g"):
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if self.stack and self.stack[-1] == tag:
            self.stack.pop()


def in_order(levels):
    return all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def test_the_page_can_be_read_by_anybody_without_a_network(page):
    seen = Seen()
    seen.feed(page)
    assert seen.levels.count(1) == 1 and seen.levels[0] == 1 and in_order(seen.levels)
    for landmark in ("header", "main", "footer", "nav"):
        assert [tag for tag, *_ in seen.tags].count(landmark) == 1
    assert '<html lang="en-GB">' in page and '<a class="skip" href="#main">' in page
    tables = re.findall(r"<table>.*?</table>", page, re.DOTALL)
    assert len(tables) > 10
    for table in tables:
        assert re.match(r"<table>\s*<caption>[^<]+</caption>", table)
        assert not re.search(r"<th(?! scope=\"(col|row)\")[ >]", table.replace("<thead", "<head"))
    pictures = re.findall(r"<svg[^>]*>.{0,900}", page, re.DOTALL)
    assert len(pictures) == 8
    for picture in pictures:
        assert re.search(r"<title[^>]*>[^<]+</title><desc[^>]*>[^<]+</desc>", picture)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert "<script" not in page and "url(http" not in page and "@import" not in page
    links = [
        value for _, attrs, _ in seen.tags for name, value in attrs.items() if name in ("src", "href", "xlink:href")
    ]
    assert links and all(link.startswith("#") and link[1:] in ids for link in links)


def test_numbers_of_the_page_say_in_which_cell_they_stand(made, addresses, page):
    cell = addresses["MADEQ", "waiting_list", "year"]
    number = say.count(value_of(made, ("MADEQ", "waiting_list", "year")))
    assert f'<span class="cell" title="submission.xlsx, {cell}">{number}</span>' in page
    assert re.search(rf"<td>{re.escape(number)}</td><td>[^<]+, the year</td><td>{cell}</td>", page)
    assert 'class="cell"' not in pack_html.render(made, {})


def test_text_of_the_data_is_escaped(made, addresses, tmp_path):
    names = {**made.names, "MADE1": EVIL}
    overrides = made.overrides.assign(reason="<script>alert(1)</script>\x00")
    evil = replace(made, names=names, overrides=overrides)
    page = pack_html.render(evil, addresses)
    assert "<b>Evil" not in page and "&lt;b&gt;Evil &amp; Co&lt;/b&gt;" in page and "<script" not in page
    pack_docx.write(evil, addresses, tmp_path / "evil.docx")
    titles = [p.text for p in docx.Document(tmp_path / "evil.docx").paragraphs if p.style.name == "Heading 1"]
    assert "<b>Evil & Co</b>" in titles


def test_the_document_is_one_that_a_screen_reader_reads(made, packed):
    document = docx.Document(io.BytesIO(packed))
    styles = [paragraph.style.name for paragraph in document.paragraphs]
    assert styles[0] == "Title" and styles.count("Title") == 1
    levels = [int(style.split()[1]) for style in styles if style.startswith("Heading")]
    assert len(levels) == 6 + 3 + 2 and levels[0] == 1 and in_order(levels)
    assert len(document.tables) > 10
    for table in document.tables:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
        assert table.style.name == pack_docx.TABLE_STYLE
        assert table._tbl.getprevious().find(qn("w:pPr")).find(qn("w:pStyle")).get(qn("w:val")) == "Caption"
    pictures = document.inline_shapes
    assert len(pictures) == 8
    assert all(p._inline.docPr.get("descr") and p._inline.docPr.get("title") for p in pictures)
    languages = document.styles.element.xpath("//w:docDefaults//w:lang")
    assert [language.get(qn("w:val")) for language in languages] == ["en-GB"]
    breaks = [p.text for p in document.paragraphs if p.paragraph_format.page_break_before]
    assert breaks[:3] == [say.provider_name(org, made.names) for org in made.providers]
    (part,) = document.sections
    fields = part.footer._element.xpath(".//w:fldSimple/@w:instr")
    assert fields == ["PAGE", "NUMPAGES"] and part.header.paragraphs[0].text.startswith("DRAFT")
    core = document.core_properties
    assert core.title.startswith("DRAFT") and core.language == "en-GB" and core.created.date() == made.snapshot
    names = zipfile.ZipFile(io.BytesIO(packed)).namelist()
    assert not [name for name in names if "vba" in name.lower() or "macro" in name.lower()]


def test_a_final_says_its_version_and_is_no_draft(made, addresses, tmp_path):
    final = made.as_version(3, "final")
    page = pack_html.render(final, addresses)
    pack_docx.write(final, addresses, tmp_path / "pack.docx")
    document = docx.Document(tmp_path / "pack.docx")
    assert "Version 3, final" in page and document.sections[0].header.paragraphs[0].text.startswith("Version 3, final")
    assert "DRAFT" not in page and "DRAFT" not in document.core_properties.title
    assert "This is a draft" not in page


def test_the_same_submission_gives_the_same_bytes(made, addresses, page, packed, tmp_path):
    pack_docx.write(made, addresses, tmp_path / "pack.docx")
    assert (tmp_path / "pack.docx").read_bytes() == packed
    assert pack_html.render(made, addresses) == page


def with_small_numbers(made, org, line):
    """``made`` with every figure of a line suppressed."""
    figures, periods = made.figures.copy(), made.periods.copy()
    figures.loc[(figures["org"] == org) & (figures["line"] == line), ["value", "status"]] = [math.nan, "suppressed"]
    rows, names = (periods["org"] == org) & (periods["line"] == line), ["q1", "q2", "q3", "q4", "year"]
    periods.loc[rows, names] = math.nan
    periods.loc[rows, "suppressed"] = ",".join(names)
    return replace(made, figures=figures, periods=periods)


def test_a_disclosed_pack_shows_no_small_number_no_chart_and_no_cell(made, addresses, tmp_path):
    hidden = with_small_numbers(disclosed(made), "MADE3", "over_65_weeks")
    page = pack_html.render(hidden, addresses)
    assert "<svg" not in page and 'class="cell"' not in page and 'id="where"' not in page
    content = pack.content(hidden)
    (position,) = content.board[0].tables
    assert [row[-1] == "*" for row in position.rows] == [False, False, True, False]
    assert [row[-4] for row in content.trusts[2].tables[0].rows] == ["*"] * 13
    said = [sentence.text for sentence in content.sentences]
    assert [any(f"waiting at {say.provider_name(o, made.names)}:" in s for s in said) for o in made.providers] == [
        True,
        True,
        False,
    ]
    assert not [text for text in said if re.search(r"\*|nan|–", text)]
    pack_docx.write(hidden, addresses, tmp_path / "pack.docx")
    assert not docx.Document(tmp_path / "pack.docx").inline_shapes


def test_what_is_not_sourced_is_said_so_in_every_heading(made):
    metrics = tuple(
        metric.model_copy(update={"sure": "check"}) if metric.given_by == "over_52_weeks" else metric
        for metric in made.year.metric
    )
    recalled = replace(made, year=made.year.model_copy(update={"metric": metrics}))
    content = pack.content(recalled)
    sections = (*content.board, *content.trusts)
    heads = [head for section in sections for table in section.tables for head in table.columns if "52 weeks" in head]
    heads += [row[0] for section in sections for table in section.tables for row in table.rows if "52 weeks" in row[0]]
    heads += [chart.title for section in sections for chart in section.charts if "52 weeks" in chart.title]
    assert len(heads) > 9 and all("(check)" in head for head in heads)
