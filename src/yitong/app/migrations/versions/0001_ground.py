"""The ground: tenants and sites, people, routing, customers, records of change, the ledger and its projections."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MONTHS_AHEAD = 3


def upgrade() -> None:
    """Run the files in their order, then make the ledger's partitions of the last, this and the coming months."""
    folder = Path(__file__).parent.parent / "sql" / revision
    for file in sorted(folder.glob("*.sql")):
        op.get_bind().exec_driver_sql(file.read_text(encoding="utf-8").replace("%", "%%"))
    months = f"generate_series(-1, {MONTHS_AHEAD})"
    op.execute(f"select make_ledger_partition(now() + month * interval '1 month') from {months} as month")


def downgrade() -> None:
    """There is nothing below the ground; a home is thrown away instead."""
    raise NotImplementedError("0001 is the first migration")
