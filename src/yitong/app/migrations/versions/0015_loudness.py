"""How loud recordings are, for drawing: made once, when they are looked after at their end."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0017"  # landed before this one
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Those of before get it when they are drawn next."""
    op.execute("alter table recording_files add column loudness bytea")


def downgrade() -> None:
    op.execute("alter table recording_files drop column loudness")
