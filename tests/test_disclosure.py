"""Disclosure control: small counts are withheld and nothing that is published gives them away."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import milp

from waitlist.models.submission.disclosure import Sum, protect, total

PLACES = ("a", "b", "c", "icb")
MONTHS = ("apr", "may", "jun", "q1")
BANDS = ("to 18", "to 52", "over 52", "over 18", "list")
FAR = 100_000


def given_away(values, published, sums):
    """What a reader can work out to fewer than three values: least and greatest of each such cell, by integer
    programming. The reader is told the sign of each, and whether it is 0; that gives more away than the table does."""
    keys = list(values)
    least, most = np.zeros(len(keys)), np.zeros(len(keys))
    for at, key in enumerate(keys):
        shown, sign = published[key], np.sign(values[key])
        if shown == "*":
            low, high = abs(sign), FAR
        else:
            low, high = (abs(shown) - 2, abs(shown) + 2) if shown else (0, 0)
        least[at], most[at] = (low, high) if sign >= 0 else (-high, -low)
    rows = np.array([[each.left.count(key) - each.right.count(key) for key in keys] for each in sums])
    ends = np.full(len(keys), np.inf), np.full(len(keys), -np.inf)
    withheld = [at for at, key in enumerate(keys) if published[key] == "*"]
    for at in withheld:
        for sign in (1, -1):
            # A table found for one cell is one for all: those it shows to be safe need no look of their own.
            if not ends[1][at] - ends[0][at] >= 2:
                aim = np.zeros(len(keys))
                aim[at] = sign
                table = milp(aim, integrality=np.ones(len(keys)), bounds=(least, most), constraints=(rows, 0, 0)).x
                ends = np.minimum(ends[0], np.rint(table)), np.maximum(ends[1], np.rint(table))
    return {keys[at]: (ends[0][at], ends[1][at]) for at in withheld if ends[1][at] - ends[0][at] < 2}


def crossing(counts):
    """Three providers and their ICB, three months and their quarter, bands, thresholds and the list: counts [27]."""
    values = {}
    table = np.array(counts).reshape(3, 3, 3)
    table = np.concatenate([table, table.sum(axis=0, keepdims=True)], axis=0)
    table = np.concatenate([table, table.sum(axis=1, keepdims=True)], axis=1)
    for i, place in enumerate(PLACES):
        for j, month in enumerate(MONTHS):
            first, second, third = (int(count) for count in table[i, j])
            counts_of = (first, second, third, second + third, first + second + third)
            values |= {(place, month, band): count for band, count in zip(BANDS, counts_of, strict=True)}
    sums = [total(("icb", m, b), [(p, m, b) for p in PLACES[:3]]) for m in MONTHS for b in BANDS]
    sums += [total((p, "q1", b), [(p, m, b) for m in MONTHS[:3]]) for p in PLACES for b in BANDS]
    for p in PLACES:
        for m in MONTHS:
            sums.append(total((p, m, "over 18"), [(p, m, "to 52"), (p, m, "over 52")]))
            sums.append(total((p, m, "list"), [(p, m, "to 18"), (p, m, "over 18")]))
    return values, sums


SIZES = st.one_of(st.just(0), st.integers(1, 7), st.integers(8, 40), st.integers(100, 400))


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, 0), (1, "*"), (7, "*"), (8, 10), (12, 10), (13, 15), (-3, "*"), (-8, -10), (-13, -15), (None, None)],
)
def test_small_counts_are_withheld_and_others_rounded(count, shown):
    assert protect({"x": count}, []) == {"x": shown}


def test_a_lone_small_part_takes_the_next_smallest_with_it():
    values = {"a": 3, "b": 0, "c": 20, "d": 41, "all": 64}
    assert protect(values, [total("all", "abcd")]) == {"a": "*", "b": 0, "c": "*", "d": 40, "all": 65}


def test_a_part_alone_takes_its_total_and_that_takes_the_next():
    values = {"a": 3, "b": 0, "icb": 3, "other": 30, "region": 33}
    published = protect(values, [total("icb", "ab"), total("region", ["icb", "other"])])
    assert published == {"a": "*", "b": 0, "icb": "*", "other": "*", "region": 35}


def test_rounded_totals_give_no_small_count_away():
    # Without more suppressed, the parts shown are 24 at least and the total 27 at most: 1 and 2 would be all there is.
    values = {"a": 1, "b": 2, "c": 8, "d": 8, "e": 8, "all": 27}
    sums = [total("all", "abcde")]
    simple = {"a": "*", "b": "*", "c": 10, "d": 10, "e": 10, "all": 25}
    assert given_away(values, simple, sums) == {"a": (1, 2), "b": (1, 2)}
    published = protect(values, sums)
    assert [key for key in values if published[key] == "*"] == ["a", "b", "c"]
    assert not given_away(values, published, sums)


def test_where_nothing_is_small_nothing_is_withheld():
    values, sums = crossing(range(8, 35))
    assert protect(values, sums) == {key: 5 * round(count / 5) for key, count in values.items()}


def test_a_blank_stays_blank_and_its_sums_say_nothing():
    values = {"a": 3, "b": None, "all": 90}
    assert protect(values, [total("all", "ab")]) == {"a": "*", "b": None, "all": 90}


def test_a_sum_that_does_not_hold_or_names_no_value_is_refused():
    with pytest.raises(ValueError, match="does not hold"):
        protect({"a": 3, "all": 4}, [total("all", "a")])
    with pytest.raises(ValueError, match="no value"):
        protect({"all": 4}, [total("all", "a")])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(SIZES, min_size=27, max_size=27))
def test_no_withheld_cell_can_be_worked_out_from_crossing_totals(counts):
    values, sums = crossing(counts)
    published = protect(values, sums)
    assert all(published[key] == "*" for key, count in values.items() if 1 <= count <= 7)
    assert all([published[key] for key in (*each.left, *each.right)].count("*") != 1 for each in sums)
    assert not given_away(values, published, sums)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(SIZES, SIZES, st.integers(-12, 12)), min_size=3, max_size=3), st.integers(500, 600))
def test_no_withheld_cell_can_be_worked_out_from_what_comes_and_goes(flows, opening):
    values, sums = {("list", 0): opening}, []
    for at, (starts, stops, removed) in enumerate(flows):
        closing = values["list", at] + starts - stops - removed
        values |= {("starts", at): starts, ("stops", at): stops, ("removed", at): removed, ("list", at + 1): closing}
        sums.append(
            Sum((("list", at), ("starts", at)), (("list", at + 1), ("stops", at), ("removed", at))),
        )
    for kind in ("starts", "stops", "removed"):
        values[kind, "q1"] = sum(values[kind, at] for at in range(3))
        sums.append(total((kind, "q1"), [(kind, at) for at in range(3)]))
    published = protect(values, sums)
    assert not given_away(values, published, sums)
