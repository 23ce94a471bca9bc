"""Which talks are recorded (per queue, per class of outside numbers), pauses, and the rights to pause and to record on demand."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_RIGHTS = {
    "recordings.pause": ("录音暂停（如报卡号时）", "Pause recording, as for card data", "'agent', 'supervisor'"),
    "recordings.start": ("按需录音", "Record on demand", "'supervisor'"),
}


def upgrade() -> None:
    """Everything stays recorded."""
    op.execute("""alter table queues add column recording jsonb not null default '{"mode": "all", "percent": 100, "pause_seconds": 120}'""")
    op.execute("""alter table number_classes add column recording jsonb not null
        default '{"mode": "all", "percent": 100, "pause_seconds": 120}'""")
    op.execute("alter table recordings add column pauses jsonb not null default '[]', add column demand_id uuid")
    for code, (chinese, english, roles) in _RIGHTS.items():
        op.execute(f"""
            insert into rights (tenant_id, code, name)
            select id, '{code}', jsonb_build_object('zh-CN', '{chinese}', 'en', '{english}') from tenants on conflict do nothing
        """)
        op.execute(f"""
            insert into role_rights (tenant_id, role_id, right_code)
            select tenant_id, id, '{code}' from roles where code in ({roles}) on conflict do nothing
        """)


def downgrade() -> None:
    """Everything is recorded again."""
    for code in _RIGHTS:
        op.execute(f"delete from role_rights where right_code = '{code}'")
        op.execute(f"delete from rights where code = '{code}'")
    op.execute("alter table recordings drop column demand_id, drop column pauses")
    op.execute("alter table number_classes drop column recording")
    op.execute("alter table queues drop column recording")
