"""Recordings after the call: their files, who took them away, how long they are kept, and the rights to edit, take and delete."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_RIGHTS = {
    "recordings.edit": '{"zh-CN": "标注录音", "en": "Note recordings"}',
    "recordings.download": '{"zh-CN": "下载录音", "en": "Download recordings"}',
    "recordings.delete": '{"zh-CN": "删除与保全录音", "en": "Delete and hold recordings"}',
}
_TABLES = ("retentions", "recording_faults", "recording_downloads", "recording_files")


def upgrade() -> None:
    """Supervisors and administrators get the rights; a new tenant gets them with its pack."""
    folder = Path(__file__).parent.parent / "sql" / revision
    for file in sorted(folder.glob("*.sql")):
        op.get_bind().exec_driver_sql(file.read_text(encoding="utf-8").replace("%", "%%"))
    for code, name in _RIGHTS.items():
        op.execute(f"insert into rights (tenant_id, code, name) select id, '{code}', '{name}' from tenants on conflict do nothing")
        op.execute(f"""
            insert into role_rights (tenant_id, role_id, right_code)
            select tenant_id, id, '{code}' from roles where code in ('supervisor', 'administrator')
            on conflict do nothing
        """)


def downgrade() -> None:
    """Files stay as they are: sealed ones can then be opened by ``yitong`` of the later release alone."""
    for code in _RIGHTS:
        op.execute(f"delete from role_rights where right_code = '{code}'")
        op.execute(f"delete from rights where code = '{code}'")
    op.execute("drop trigger recordings_have_files on recordings")
    op.execute("drop function keep_recording_file()")
    for table in _TABLES:
        op.execute(f"drop table {table}")
    op.execute("drop index recordings_without_end")
    op.execute("drop index contacts_tenant_id_survey_answer_arrived_at_id_idx")
    op.execute("drop index contacts_tenant_id_wrap_up_code_id_arrived_at_id_idx")
