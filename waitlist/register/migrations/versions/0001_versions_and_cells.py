"""Versions and their cells; what belongs to a final version can be neither changed nor deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

DESCRIBED = ("status", "author", "created", "software", "snapshot")
JSON = ("plan", "data", "overrides", "checks", "more")
MESSAGE = "a final version is never altered"


def upgrade() -> None:
    """Make the tables and their guards."""
    op.create_table(
        "version",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("plan_name", sa.Text, nullable=False),
        sa.Column("year", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in (*DESCRIBED, *JSON, "content_hash")),
        sa.UniqueConstraint("plan_name", "year", "number", name="version_taken_once"),
    )
    op.create_table(
        "cell",
        sa.Column("version_id", sa.Integer, sa.ForeignKey("version.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("org", sa.Text, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("value", sa.BigInteger),
        sa.Column("model_value", sa.BigInteger),
        sa.Column("status", sa.Text, nullable=False),
    )
    guard = _guard_postgresql if op.get_bind().dialect.name == "postgresql" else _guard_sqlite
    for statement in guard():
        op.execute(statement)


def _guard_sqlite() -> list[str]:
    return [
        f"""CREATE TRIGGER {table}_{act.lower()} BEFORE {act} ON {table}
        WHEN EXISTS (SELECT 1 FROM version WHERE id = OLD.{key} AND status = 'final')
        BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"""
        for table, key in (("version", "id"), ("cell", "version_id"))
        for act in ("UPDATE", "DELETE")
    ]


def _guard_postgresql() -> list[str]:
    # one function serves both tables: the trigger names the column that holds the version's id
    function = f"""CREATE FUNCTION refuse_final() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT 1 FROM version
                       WHERE id = CAST(to_jsonb(OLD) ->> TG_ARGV[0] AS integer) AND status = 'final') THEN
                RAISE EXCEPTION '{MESSAGE}';
            END IF;
            RETURN COALESCE(NEW, OLD);
        END $$"""
    triggers = [
        f"""CREATE TRIGGER {table}_final BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION refuse_final('{key}')"""
        for table, key in (("version", "id"), ("cell", "version_id"))
    ]
    return [function, *triggers]


def downgrade() -> None:
    """There is no way back: it would lose every version."""
    raise NotImplementedError
