"""The kinds of value that a plan's keys may have (R14)."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


def _said_plainly(text: Any) -> Any:
    """``text`` unless it holds what no report, workbook or terminal can show."""
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") for sign in str(text)):
        raise ValueError("it may not hold line ends or other control characters")
    return text


def _not_blank(text: Any) -> Any:
    if isinstance(text, str) and not text.strip():
        raise ValueError("it may not be blank")
    return text


def _day(value: Any) -> date:
    """A date as TOML or ISO text has it; a number or a time of day is none."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        day = None
    if not isinstance(day, date) or isinstance(day, datetime):
        raise ValueError("it should be a date, such as 2026-03-31, without a time")
    return day


Month = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
Code = Annotated[str, StringConstraints(min_length=1, max_length=12, pattern=r"^[A-Za-z0-9]+$")]
Text = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_said_plainly)]
Asked = Annotated[Text, StringConstraints(max_length=120), BeforeValidator(_not_blank)]
"""A name, or a code that is looked up in the data, so that a name typed for it gets the nearest codes."""
Place = Annotated[Path, BeforeValidator(_not_blank), AfterValidator(_said_plainly)]
Day = Annotated[date, BeforeValidator(_day)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]
Weeks = Annotated[Whole, Field(ge=1, le=104)]
Growth = Annotated[Number, Field(ge=-50, le=50)]
"""Percent a year."""
Rate = Annotated[Number, Field(ge=0, le=1000)]
"""Relative to other age bands."""


class Settings(BaseModel):
    """Frozen settings; a key that is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)
