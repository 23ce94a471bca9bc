"""How sending goes for each mail address, so that a server that takes nothing is told of and not only waited for."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is known until the next mail. ``sending_version``: of the account when it was tried."""
    op.execute("""
        alter table mail_places
          add column sending_state text not null default '',
          add column sending_reason text not null default '',
          add column sending_since timestamptz,
          add column sending_tried_at timestamptz,
          add column sending_version bigint not null default 0
    """)


def downgrade() -> None:
    """Nobody knows any more how sending goes."""
    op.execute("""
        alter table mail_places drop column sending_state, drop column sending_reason, drop column sending_since,
          drop column sending_tried_at, drop column sending_version
    """)
