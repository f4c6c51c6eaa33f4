"""What may stand under Value in a written submission, and what is wrong with what may not (R14)."""

from __future__ import annotations

import re
from typing import NamedTuple

from waitlist.inputs.submitted_cells import SUPPRESSED, Value


class NoValue(NamedTuple):
    """What is wrong with a Value: what such faults are, the rule, how to mend it, whether all such are one fault."""

    sort: str
    rule: str
    remedy: str
    together: bool = True


PERCENTAGE = NoValue("a percentage in Value", "Value must be a count, not a percentage", "Write the count.")
FORMATS = (
    (
        r"-[\d,]*\.?\d+%?",
        NoValue("a negative Value", "Value may not be below 0", "Write the count of people."),
    ),
    (r"[=+@-].+", NoValue("a formula in Value", "Value may not be a formula", "Paste it as a value.")),
    (r".*\d\s*%", PERCENTAGE),
    (
        r"\d{1,3}([, '\u00a0]\d{3})+(\.\d+)?",
        NoValue("thousands separators in Value", "Value may hold no thousands separators", "Write 1234, not 1,234."),
    ),
    (
        r"\d+(\.\d+)?[eE][+-]?\d+",
        NoValue(
            "Value in scientific notation",
            "Value may not be in scientific notation, as spreadsheets write it",
            "Format the column as whole numbers and save it again.",
        ),
    ),
    (
        r"\d*\.\d+|\d+\.",
        NoValue("a decimal Value", "Value must be a whole number, not a decimal", "Write the whole count."),
    ),
    (r"\d{10,}", NoValue("too large a Value", "Value may have nine digits at most", "Write the count.")),
)
"""Values that are none, and what is wrong with them; the first that matches holds."""


def value_of(text: str, *, share: bool) -> Value | NoValue:
    """The Value that ``text`` is. share: percentages are made of such counts, so that a small decimal is one."""
    if text in ("", SUPPRESSED):
        return text
    if re.fullmatch(r"0|[1-9][0-9]{0,8}", text):
        return int(text)
    if share and re.fullmatch(r"\d{1,2}\.\d+|100\.0+", text, re.ASCII):
        return PERCENTAGE._replace(rule=f"{PERCENTAGE.rule}, which this seems to be")
    found = next((wrong for pattern, wrong in FORMATS if re.fullmatch(pattern, text, re.ASCII)), None)
    remedy = "Write the count." if re.search(r"\d", text) else "Leave it empty where there is no figure."
    return found or NoValue("a Value that is no number", "Value must be a whole number, 0 or more", remedy, False)
