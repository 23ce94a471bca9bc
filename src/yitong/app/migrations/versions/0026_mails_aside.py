"""Mails that were kept aside can be discarded, and what waits for somebody's decision is found at once."""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_BEFORE = "'new', 'taken', 'kept', 'waiting', 'sending', 'sent', 'failed', 'uncertain', 'returned'"


def upgrade() -> None:
    """A discarded mail stays until its days are over, and can be taken in until then."""
    _states(f"{_BEFORE}, 'discarded'")
    op.execute("""
        create index mail_messages_aside on mail_messages (tenant_id, at desc, id desc)
          where state in ('new', 'kept', 'discarded', 'failed', 'uncertain', 'returned')
    """)


def downgrade() -> None:
    """What was discarded is kept aside again."""
    op.execute("drop index mail_messages_aside")
    op.execute("update mail_messages set state = 'kept' where state = 'discarded'")
    _states(_BEFORE)


def _states(allowed: str) -> None:
    op.execute("alter table mail_messages drop constraint mail_messages_state_check")
    op.execute(f"alter table mail_messages add constraint mail_messages_state_check check (state in ({allowed}))")
