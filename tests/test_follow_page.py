"""The page of a follow-up: what it says is what its tables have, to every reader, and nothing else gets in."""

from __future__ import annotations

import dataclasses
import html
import math
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from waitlist.calendar import months_after
from waitlist.errors import Problem
from waitlist.history import Break, DataFile
from waitlist.models.submission import rating as rate
from waitlist.models.submission import variance
from waitlist.models.submission.control import signals, xmr
from waitlist.models.targets import COLUMNS
from waitlist.outputs.submission import follow, follow_causes, follow_charts, follow_words, printed
from waitlist.plan import Plan
from waitlist.planning_year import in_force
from waitlist.submitted import FollowUp

NAMES = {"QA1": "Northmarsh <script>alert(1)</script> NHS Trust", "QA2": "ST ELSWITH'S & SONS", "QAQ": "Made-up ICB"}
ORGS = ("QA1", "QA2", "QAQ")
MONTHS = ("2025-04", "2025-05")
DIRECTIONS = {"waiting_list": "lower", "percent_within_18_weeks": "higher", "over_52_weeks": "lower",
              "clock_starts": "neither", "stops_admitted": "higher"}  # fmt: skip
FIGURES = {
    "QA1": {"waiting_list": (12_345, 12_900), "over_52_weeks": (400, 409), "percent_within_18_weeks": (60.0, 60.04),
            "clock_starts": (3_000, 3_100), "stops_admitted": (700, 600)},
    "QA2": {"waiting_list": (5_000, 4_950), "over_52_weeks": (50, 70), "percent_within_18_weeks": (64.0, 63.97),
            "clock_starts": (1_200, 1_150), "stops_admitted": (300, 300)},
}  # fmt: skip
FIGURES["QAQ"] = {
    line: tuple(np.add(FIGURES["QA1"][line], FIGURES["QA2"][line]) / (2 if line.startswith("percent") else 1))
    for line in DIRECTIONS
}
STEPS = {"waiting_list": (0.3, 0.45, 0.0, -0.2, 0.0, 0.45), "over_52_weeks": (0.0, 1.39, 0.09, -0.48, 0.0, 0.0)}
"""What each step is of the difference."""


def against() -> pd.DataFrame:
    rows = []
    for org in ORGS:
        for line, (plan, actual) in FIGURES[org].items():
            for month in MONTHS:
                off = actual - plan
                rated = rate.rating(plan, actual, DIRECTIONS[line])
                rows.append((org, line, month, float(plan), float(actual), off, 100 * off / plan, rated))
    return pd.DataFrame(rows, columns=["org", "line", "month", "plan", "actual", "difference", "percent", "rating"])


def charted(values: list[float | None], direction: str, org: str = "QA1", line: str = "waiting_list") -> pd.DataFrame:
    """An XmR chart's rows as the model gives them; its months end with August 2025."""
    months = [months_after("2025-08", place - len(values) + 1) for place in range(len(values))]
    known = np.array([math.nan if value is None else value for value in values])
    return rate.control_table(list(rate.control(org, line, months, known, direction)))


def control() -> pd.DataFrame:
    random = np.random.default_rng(4)
    level = 100 + random.normal(0, 1, 24)
    moved = level + 30 * (np.arange(24) > 15)
    series = {"waiting_list": moved, "percent_within_18_weeks": level / 2, "over_52_weeks": -moved + 300}
    parts = [charted(list(values), DIRECTIONS[line], org, line) for org in ORGS for line, values in series.items()] + [
        charted(list(moved), "neither", org, "clock_starts") for org in ORGS
    ]
    return pd.concat(parts, ignore_index=True)


def split() -> pd.DataFrame:
    rows = []
    for org in ORGS:
        for measure, parts in STEPS.items():
            plan, actual = map(float, FIGURES[org][measure])
            for month in MONTHS:
                rows.append((org, measure, month, "plan", plan))
                steps = [part * (actual - plan) for part in parts[:-1]]
                steps.append(actual - plan - sum(steps))
                rows += [(org, measure, month, *step) for step in zip(variance.STEPS, steps, strict=True)]
                rows.append((org, measure, month, "actual", actual))
    return pd.DataFrame(rows, columns=["org", "measure", "month", "step", "contribution"])


def to_go() -> pd.DataFrame:
    rows = [
        (org, line, "2026-03", plan, 0.98 * plan, 1.02 * plan, 1.04 * plan, chance)
        for org in ORGS
        for (line, (plan, _)), chance in zip(list(FIGURES[org].items())[:3], (0.62, 0.004, 0.31), strict=True)
    ]
    return pd.DataFrame(rows, columns=["org", "line", "month", "plan", "p10", "p50", "p90", "chance"])


def needed() -> pd.DataFrame:
    day = date(2026, 3, 31)
    found = [
        ("QA1", "110", "ALL", "over_52_weeks <= 400", day, 0.5, 90.0, 101.0, 11.0, True, 400.0, "", day, "", "QA1"),
        ("QA1", "ALL", "ALL", "over_52_weeks <= 400", day, 0.5, 812.0, 854.6, 42.6, True, 400.0, "", day, "", "QA1"),
        ("QA2", "ALL", "ALL", "percent_within_18_weeks >= 64.0", day, 0.5, 310.0, 372.0, 62.0, False, 62.25,
         "QA2's theatres <b>", date(2026, 9, 30), "", "QA2"),
    ]  # fmt: skip
    return pd.DataFrame(found, columns=list(COLUMNS))


@pytest.fixture(scope="module")
def held() -> FollowUp:
    return FollowUp(
        plan=Plan(name="Made-up <b>system</b>", inputs=Path("sample"), draws=500),
        snapshot=date(2025, 5, 31),
        planned_from=date(2025, 3, 31),
        files=(DataFile("may.csv", "2025-05", "ab" * 32),),
        breaks=(Break("QA1", "ALL", "2025-05", "step", 921.0, "@a step in what is reported"),),
        assumptions=("Stops are as published.", "<img src=x onerror=alert(2)>"),
        warnings=(Problem("warning", "may.csv", "QA2", "7", "a small thing <i>", "Have a look."),),
        year=in_force("2025-26").year,
        names=NAMES,
        orgs=ORGS,
        version="version 3, final",
        against=against(),
        control=control(),
        variance=split(),
        to_go=to_go(),
        needed=needed(),
    )


@pytest.fixture(scope="module")
def page(held) -> str:
    return follow.render(held)


def said(page: str) -> str:
    """The page's text as it is read, one space between words."""
    body = re.sub(r"<(style|svg)\b.*?</\1>", " ", page[page.index("<body") :], flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def tables(page: str) -> dict[str, list[list[str]]]:
    """Each table by its caption: its rows of texts, headings first."""
    found = {}
    for table in re.findall(r"<table>.*?</table>", page, re.DOTALL):
        caption = html.unescape(re.findall(r"<caption>(.*?)</caption>", table)[0])
        rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        found[caption] = [
            [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", c)).split()) for c in re.findall(r"<t[hd].*?</t[hd]>", row)]
            for row in rows
        ]
    return found


def number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", "").replace("+", "").rstrip("%"))


class Outline(HTMLParser):
    """Tags that open and close, ids, links and headings of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = dict(attrs)
        self.names.add(tag)
        self.ids += [of["id"]] if of.get("id") else []
        self.links += [of["href"]] if of.get("href") else []
        assert not any(name.startswith("on") for name in of), (tag, of)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "every element is closed where it was opened"


def test_the_page_is_whole_has_one_h1_headings_in_order_and_nothing_from_outside(page):
    outline = Outline(page)
    assert not outline.open and not outline.names & {"script", "link", "img", "iframe"}
    assert outline.headings.count(1) == 1 and outline.headings[0] == 1
    assert all(after - before <= 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))
    assert len(outline.ids) == len(set(outline.ids))
    assert all(link.startswith("#") and link[1:] in outline.ids for link in outline.links)
    assert outline.links[0] == "#main" and '<html lang="en-GB">' in page
    assert not re.search(r"(src|url)\s*[=(]\s*[\"']?https?:", page), "nothing is fetched"
    assert set(re.findall(r"https?://[^\"'\s<)]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert len(page.encode()) < 3_000_000


def test_the_title_names_the_version_and_both_snapshots(page):
    title = html.unescape(re.findall(r"<title>(.*?)</title>", page)[0])
    for part in ("Made-up <b>system</b>", "version 3, final", "31 March 2025", "31 May 2025"):
        assert part in title


def test_what_the_data_call_things_is_text_and_never_markup(page):
    assert "<script" not in page and "<img" not in page and "system</b>" not in page and "theatres <b>" not in page
    assert "&lt;script&gt;" in page.lower() and "&lt;img" in page
    assert "St Elswith's & Sons" in said(page) and "a small thing <i>" in said(page)


def test_every_table_has_a_caption_and_every_heading_cell_its_scope(page):
    found = re.findall(r"<table>.*?</table>", page, re.DOTALL)
    assert len(found) == len(tables(page)) == 3 * (1 + 4 + 2 + 1) + 1 + 2, "no two have the same caption"
    for table in found:
        assert table.count("<caption>") == 1 and not re.search(r"<th(?! scope=)[ >]", table)
    assert all(len({len(row) for row in rows}) == 1 for rows in tables(page).values())


def test_every_chart_can_be_named_and_every_other_picture_is_hidden(page):
    drawn = re.findall(r"<svg[^>]*>.*?</svg>", page, re.DOTALL)
    charts = [svg for svg in drawn if 'class="chart"' in svg]
    assert len(charts) == 3 * (4 + 2)
    for svg in charts:
        key = re.findall(r'aria-labelledby="(\S+)-t \S+"', svg)[0]
        assert re.search(rf'<title id="{key}-t">[^<]+</title><desc id="{key}-d">[^<]+</desc>', svg)
    assert all('aria-hidden="true"' in svg for svg in drawn if svg not in charts)


def test_ratings_are_words_with_a_sign_of_their_own(page):
    cells = tables(page)["Plan against actual: Northmarsh <script>alert(1)</script> NHS Trust"]
    last = {row[0]: row[-1] for row in cells[1:]}
    assert cells[0] == ["Line", "April 2025", "May 2025"]
    assert last == {
        "Waiting list (E.B.3a)": "12,900 plan 12,345 +555 ▲ Amber",
        "Waiting over 52 weeks (E.B.18)": "409 plan 400 +9 ▲ Amber",
        "Within 18 weeks, %": "60.0% plan 60.0% +0.04 points ● Green",
        "Clock starts (E.M.20)": "3,100 plan 3,000 +100 not rated",
        "Clock stops, admitted (E.M.18)": "600 plan 700 −100 ■ Red",
    }


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_words_on_the_ratings_colours_can_be_read(page):
    found = re.findall(r"\.(green|amber|red) \{ background: (#\w{6})", page)
    assert len(found) == 3
    for _, colour in found:
        assert (luminance(colour) + 0.05) / (luminance("#212b32") + 0.05) > 7
    assert len({shape for shape, _, _ in follow_charts.MARKS.values()}) == 4, "each mark has its own shape"


def short(page: str) -> dict[str, list[str]]:
    """The sentences of each organisation in short."""
    box = page[page.index('id="short"') : page.index("<nav")]
    parts = re.findall(r"<h3>(.*?)</h3>\s*<ul>(.*?)</ul>", box, re.DOTALL)
    return {html.unescape(n): [html.unescape(s) for s in re.findall("<li>(.*?)</li>", ul)] for n, ul in parts}


def test_in_short_the_icb_comes_first_and_its_numbers_are_the_tables(page):
    told = short(page)
    assert list(told) == ["Made-up ICB", "Northmarsh <script>alert(1)</script> NHS Trust", "St Elswith's & Sons"]
    for name, sentences in told.items():
        rows = {row[0].split(" (")[0]: row[-1] for row in tables(page)[f"Plan against actual: {name}"][1:]}
        ends = {row[0].split(" (")[0]: row for row in tables(page)[f"Year end: {name}"][1:]}
        for line in follow_words.SHORT:
            what = follow_words.say.MEASURES[line]
            actual, plan, off, rated = re.findall(r"(\S+) plan (\S+) (\S+(?: points)?) \S (\w+)", rows[what])[0]
            sentence = next(s for s in sentences if s.startswith(f"{what}: "))
            assert f"{actual} against {plan} planned, {off.lstrip('+−')}" in sentence and f": {rated}." in sentence
            chance = next(s for s in sentences if s.startswith("The chance of making the plan's figure for March 2026"))
            assert re.search(
                rf"{re.escape(ends[what][-1])} for (at least|no more than) {re.escape(ends[what][1])} ", chance
            )


def test_the_largest_cause_is_the_largest_step_towards_the_difference(page):
    trust = short(page)["St Elswith's & Sons"]
    assert trust[2] == (
        "Waiting over 52 weeks: 70 against 50 planned, 20 more (40.0%): Red. The largest cause is fewer clock stops "
        "than planned (+28); the largest the other way is more other removals than planned, or what else is left over "
        "(−10)."
    )
    split = tables(page)["From plan to actual by month, Waiting over 52 weeks: St Elswith's & Sons"]
    row = dict(zip(split[0], split[-1], strict=True))
    assert (row["Plan"], row["Activity"], row["Other removals"], row["Actual"]) == ("50", "+28", "−10", "70")


def test_the_splits_tables_add_up_in_whole_people(page, held):
    found = {caption: rows for caption, rows in tables(page).items() if caption.startswith("From plan to actual")}
    assert len(found) == 6
    for rows in found.values():
        assert rows[0] == ["Month", "Plan", *map(str.capitalize, variance.STEPS), "Actual"] and len(rows) == 3
        for _, plan, *steps, actual in rows[1:]:
            assert number(plan) + sum(map(number, steps)) == number(actual)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e5, 1e5), min_size=6, max_size=6), st.integers(0, 10**6))
def test_whole_steps_add_up_and_are_less_than_one_from_what_they_are(held, steps, plan):
    steps = [*steps[:5], round(sum(steps)) - sum(steps[:5])]
    actual = plan + round(sum(steps))
    rows = [("plan", plan), *zip(variance.STEPS, steps, strict=True), ("actual", actual)]
    frame = pd.DataFrame([("QA1", "waiting_list", "2025-05", *row) for row in rows], columns=split().columns)
    found = follow_words.split_of(dataclasses.replace(held, variance=frame), "QA1", "waiting_list", "2025-05")
    assert found["plan"] + sum(found[step] for step in variance.STEPS) == found["actual"] == actual
    assert all(abs(found[step] - value) < 1 + 1e-5 for step, value in zip(variance.STEPS, steps, strict=True))


WORDS = {("outside", True): "above the upper limit", ("outside", False): "below the lower limit",
         ("shift", True): "a shift above the mean", ("shift", False): "a shift below the mean",
         ("trend", True): "a rising trend", ("trend", False): "a falling trend"}  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(st.integers(0, 60), st.none()), min_size=0, max_size=6),
    st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 9)), min_size=1, max_size=4),
    st.sampled_from(["lower", "higher", "neither"]),
)
@example([0, 60, 0, 60, 0, None], [(-9, 1), (1, 4), (9, 2), (-9, 2), (-1, 4)], "lower")
@example([30, 34, 29], [(-4, 7), (1, 1), (-4, 7)], "higher")
def test_every_special_cause_that_the_model_finds_is_named_with_its_months_and_nothing_else(some, slopes, direction):
    """Noise and gaps, then runs up and down that turn: the model's own runs, in words."""
    ramps = 30 + np.cumsum([slope for slope, months in slopes for _ in range(months)])
    values = [None if v is None else float(v) for v in [*some, *ramps]][-rate.LATELY :]
    better = {"lower": True, "higher": False}.get(direction)
    frame = charted(values, direction)
    months = list(frame["month"])
    wanted = sorted(
        (
            signal.sense,
            f"{WORDS[signal.rule, signal.upwards]}, {follow_causes._span(months[signal.first], months[signal.last])}",
        )
        for signal in signals(xmr(values, better))
    )
    found = [
        re.fullmatch(r"Special cause, (.*?): (.*)\.", sentence) for sentence in follow_causes.special_causes(frame)
    ]
    senses = {"neither better nor worse": "neither"}
    told = sorted((senses.get(m[1], m[1]), run) for m in found if m for run in m[2].split("; "))
    assert told == wanted


def test_special_causes_stand_under_their_chart_and_in_its_table(page):
    text = said(page)
    assert "Special cause, concern: above the upper limit, January 2025 to August 2025; a shift above" in text
    assert "Special cause, improvement: below the lower limit, January 2025 to August 2025" in text
    assert re.search("neither better nor worse: [^.]*above the upper limit, January 2025 to August 2025;", text)
    assert "No special cause: the values vary as they usually do." in text
    rows = tables(page)["XmR chart: Waiting list: Made-up ICB"]
    assert rows[0] == ["Month", "Value", "Special cause"] and len(rows) == 25
    assert rows[-1][-1] == "concern: outside, shift"


def test_a_mark_of_its_own_is_drawn_for_each_sense(held):
    for sense, colour in (("concern", "#e46c0a"), ("improvement", "#00b0f0")):
        assert follow_charts.MARKS[sense][1] == colour
        assert follow_charts.MARKS[sense][2] > follow_charts.MARKS["common"][2]
    points = held.control[(held.control["org"] == "QA1") & (held.control["line"] == "waiting_list")]
    svg = follow.charts.draw(follow_charts.control(points, "People waiting"), "k", "t", "d")
    marked = int((points["sense"] == "concern").sum())
    assert len(re.findall(r'<path[^>]*fill="#e46c0a"', svg)) == marked > 0


def test_a_chart_with_a_gap_or_too_few_months_says_so(held):
    gap = charted([10.0, 11.0, None, 12.0, 11.0], "lower")
    few = charted([10.0, None], "lower", line="over_52_weeks")
    page = follow.render(dataclasses.replace(held, control=pd.concat([gap, few])))
    name = "Northmarsh <script>alert(1)</script> NHS Trust"
    assert tables(page)[f"XmR chart: Waiting list: {name}"][3][1:] == ["–", "not known"]
    assert "Too few neighbouring months are known for limits." in page


def test_extra_activity_is_told_of_trusts_and_what_is_out_of_reach_is_said_plainly(page):
    told = short(page)
    assert told["Northmarsh <script>alert(1)</script> NHS Trust"][-1] == (
        "To make no more than 400 over 52 weeks by 31 March 2026 as likely as not takes 42.6 more clock stops a week "
        "than the 812 of now."
    )
    assert told["St Elswith's & Sons"][-1] == (
        "No extra activity makes at least 64.0% within 18 weeks by 31 March 2026 as likely as not. The best is 62.3%. "
        "What limits it: QA2's theatres <b>. With that activity going on it would be by 30 September 2026."
    ).replace("62.3%", follow_words.say.percent(62.25))
    rows = tables(page)["The extra clock stops a week that would make the plan's figure as likely as not"]
    assert [row[4:] for row in rows[1:]][0] == ["42.6", "yes"] and len(rows) == 3
    assert rows[2][4] == "not attainable" and rows[2][5].startswith("no. The best is")


def test_without_anything_to_seek_nothing_is_said_of_extra_activity(held):
    text = said(follow.render(dataclasses.replace(held, needed=None)))
    assert "as likely as not" not in text and "extra clock stops" not in text and "attainable" not in text


def test_a_year_that_is_over_says_so(held):
    over = dataclasses.replace(held, to_go=held.to_go.iloc[:0], needed=None)
    text = said(follow.render(over))
    assert "The year is over: nothing is left to forecast." in text and "The chance of making" not in text
    assert "Chance" not in printed.follow_up(over)


def test_a_month_that_is_not_known_is_not_compared(held):
    unknown = held.against.copy()
    mask = (unknown["org"] != "QA2") & (unknown["month"] == "2025-05")
    unknown.loc[mask, ["actual", "difference", "percent"]] = math.nan
    unknown.loc[mask, "rating"] = ""
    parts = held.variance.copy()
    parts.loc[(parts["org"] != "QA2") & (parts["month"] == "2025-05"), "contribution"] = math.nan
    page = follow.render(dataclasses.replace(held, against=unknown, variance=parts))
    assert "Waiting list: nothing to compare for May 2025." in short(page)["Made-up ICB"]
    assert "nan" not in said(page).lower().replace("northmarsh", "")
    assert "Plan or actual of that month are not known." in said(page)
    assert "nan" not in printed.follow_up(dataclasses.replace(held, against=unknown, variance=parts))


def test_what_it_rests_on_is_there(page):
    text = said(page)
    rests = text[text.rindex("What this rests on") :]
    for part in (
        "Stops are as published.",
        "<img src=x onerror=alert(2)>",
        "@a step in what is reported",
        "Have a look.",
    ):
        assert part in rests


def test_the_terminal_has_the_last_month_the_icbs_split_and_the_chances(held):
    shown = printed.follow_up(held)
    against, why, chances = shown.split("\n\n")[1:]
    assert max(map(len, shown.split("\n"))) <= 100
    assert re.search(r"QA1 +Waiting list +12,345 +12,900 +\+555 +Amber", against)
    assert re.search(r"QA2 +Within 18 weeks, % +64.0% +64.0% +−0.03 points +Amber", against)
    assert against.split("\n")[1].startswith("QAQ") and "May 2025" in against
    for column in (1, 2):
        cells = [number(re.split(r"\s{2,}", line)[column]) for line in why.split("\n")[1:]]
        assert sum(cells[:-1]) == cells[-1]
    assert re.search(r"QAQ +Waiting over 52 weeks +450 +459 +31%", chances)
    assert re.search(r"QA1 +Waiting over 52 weeks +400 +408 +under 1%", chances)
