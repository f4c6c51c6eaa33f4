"""Which entry of several about a list and stage counts: the most particular one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from waitlist.planned import ALL


class About(Protocol):
    """An entry of a plan about a provider, specialty and stage, any of which may be ALL."""

    @property
    def provider(self) -> str:
        """Whose."""

    @property
    def specialty(self) -> str:
        """Of which lists."""

    @property
    def stage(self) -> str:
        """Of which stage."""


Entry = TypeVar("Entry", bound=About)


def is_about(item: About, key: tuple[str, str, str]) -> bool:
    """Whether ``item`` is about the provider, specialty and stage ``key``."""
    return all(a in (mine, ALL) for a, mine in zip((item.provider, item.specialty, item.stage), key, strict=True))


def particular(item: About) -> int:
    """How particular an entry is: one of a stage more than one of a specialty, that more than one of a provider."""
    return 4 * (item.stage != ALL) + 2 * (item.specialty != ALL) + (item.provider != ALL)


def most_particular(items: Sequence[Entry], key: tuple[str, str, str]) -> Entry | None:
    """The most particular of ``items`` about ``key``, the first of equals; None where none is."""
    return max((item for item in items if is_about(item, key)), key=particular, default=None)
