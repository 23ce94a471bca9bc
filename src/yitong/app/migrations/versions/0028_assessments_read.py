"""When the agent has read what was published about him, so that his pages can say what he has not."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was published until now counts as read: nobody is met by a year of it."""
    op.execute("alter table assessments add column read_at timestamptz")
    op.execute("update assessments set read_at = now() where state <> 'draft'")
    op.execute("create index assessments_unread on assessments (tenant_id, agent_id) where read_at is null and state <> 'draft'")


def downgrade() -> None:
    """Nobody knows any more what was read."""
    op.execute("alter table assessments drop column read_at")
