"""The register's two tables, as they stand at the newest migration."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Table, Text, UniqueConstraint

METADATA = MetaData()

VERSION = Table(
    "version",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("plan_name", Text, nullable=False),
    Column("year", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("created", Text, nullable=False),
    Column("software", Text, nullable=False),
    Column("snapshot", Text, nullable=False),
    # JSON kept as text: the databases' own JSON types may write numbers another way, and the hash would differ
    Column("plan", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("overrides", Text, nullable=False),
    Column("checks", Text, nullable=False),
    Column("more", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    UniqueConstraint("plan_name", "year", "number", name="version_taken_once"),
)

CELL = Table(
    "cell",
    METADATA,
    Column("version_id", Integer, ForeignKey("version.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("org", Text, nullable=False),
    Column("line", Text, nullable=False),
    Column("month", Text, nullable=False),
    Column("value", BigInteger),
    Column("model_value", BigInteger),
    Column("status", Text, nullable=False),
)
