"""The right to listen to, join, take over and end the talks of one's team; supervisors have it."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """For the tenants that are there; a new one gets it with its pack."""
    op.execute("""
        insert into rights (tenant_id, code, name)
        select id, 'calls.supervise', '{"zh-CN": "监听、强插、拦截、强拆", "en": "Listen, join, take over, release"}' from tenants
        on conflict do nothing
    """)
    op.execute("""
        insert into role_rights (tenant_id, role_id, right_code)
        select tenant_id, id, 'calls.supervise' from roles where code = 'supervisor'
        on conflict do nothing
    """)


def downgrade() -> None:
    """Nobody has it."""
    op.execute("delete from role_rights where right_code = 'calls.supervise'")
    op.execute("delete from rights where code = 'calls.supervise'")
