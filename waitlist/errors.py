"""Refusals: every problem found in an input, reported together (R14)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, order=True)
class Problem:
    """One problem found in an input: where it is, what it says, and how to mend it (R14).

    severity: ``error`` makes a forecast wrong, ``warning`` deserves a look, ``note`` is for the record.
    file: the file's name; place: the row, key or provider within it; value: what stands there;
    rule: the rule it breaks, in words, citing R1-R14 where one applies; remedy: how to mend it.
    """

    severity: Severity
    file: str
    place: str
    value: str
    rule: str
    remedy: str

    def sentence(self) -> str:
        """The problem in one line of plain words."""
        where = f"{self.file}, {self.place}" if self.place else self.file
        found = f" (found {self.value})" if self.value else ""
        said = f"{where}: {self.rule}{found}. {self.remedy}"
        return "".join(sign if sign.isprintable() else "\ufffd" for sign in said)  # nothing commands a terminal

    def as_dict(self) -> dict[str, str]:
        """The problem as plain values, for JSON."""
        return asdict(self)


class Refusal(Exception):  # noqa: N818 - the field's word for it, not an error of ours
    """The data or the plan was refused; ``problems`` names everything that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.sentence() for problem in self.problems))

    def __reduce__(self) -> tuple[type[Refusal], tuple[tuple[Problem, ...]]]:
        """How it comes whole out of another process."""
        return type(self), (self.problems,)


def refuse(file: str, place: str, value: object, rule: str, remedy: str) -> Refusal:
    """A refusal for one problem; ``raise refuse(...)``."""
    return Refusal([Problem("error", file, place, str(value), rule, remedy)])
