"""Faxes at the desk: what is done with those in the mailbox, what is uploaded to be sent, and sendings to one number or many."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_RIGHTS = {
    "faxes.own": '{"zh-CN": "查看分发给本人的传真", "en": "See faxes given to oneself"}',
    "faxes.send": '{"zh-CN": "发传真", "en": "Send faxes"}',
    "faxes.manage": '{"zh-CN": "分发、删除和群发传真", "en": "Distribute, delete and broadcast faxes"}',
}
_ROLES = {
    "faxes.own": "('agent', 'supervisor')", "faxes.send": "('agent', 'supervisor', 'administrator')",
    "faxes.manage": "('supervisor', 'administrator')",
}  # fmt: skip


def upgrade() -> None:
    """Run the file, then give the rights to the roles that a tenant begins with."""
    folder = Path(__file__).parent.parent / "sql" / revision
    for file in sorted(folder.glob("*.sql")):
        op.get_bind().exec_driver_sql(file.read_text(encoding="utf-8").replace("%", "%%"))
    for right, name in _RIGHTS.items():
        op.execute(f"insert into rights (tenant_id, code, name) select id, '{right}', '{name}' from tenants on conflict do nothing")
        op.execute(f"""
            insert into role_rights (tenant_id, role_id, right_code)
            select tenant_id, id, '{right}' from roles where code in {_ROLES[right]} on conflict do nothing
        """)


def downgrade() -> None:
    """Files stay below the home."""
    for right in _RIGHTS:
        op.execute(f"delete from role_rights where right_code = '{right}'")
        op.execute(f"delete from rights where code = '{right}'")
    for table in ("fax_recipients", "fax_sendings", "fax_uploads", "fax_marks"):
        op.execute(f"drop table {table}")
    op.execute("drop index faxes_file")
    op.execute("alter table faxes drop column recipient_id")
