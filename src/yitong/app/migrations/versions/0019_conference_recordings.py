"""Recordings of conferences belong to the conference: found by its room, by the agents who were there."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"  # landed before this one
branch_labels = None
depends_on = None

_KEEP = """
create or replace function keep_recording_file() returns trigger language plpgsql as $$
begin
  insert into recording_files (tenant_id, id, site_id, contact_id, queue_id, ended_at, file, bytes, sha256, milliseconds{names})
  values (new.tenant_id, new.id, new.site_id, new.contact_id, new.queue_id, new.ended_at, new.file, new.bytes, new.sha256,
    new.milliseconds{values})
  on conflict (tenant_id, id) do nothing;
  return null;
end $$
"""


def upgrade() -> None:
    """A conference of agents alone has no contact."""
    for table in ("recordings", "recording_files"):
        op.execute(f"alter table {table} alter column contact_id drop not null, add column conference_id uuid, add column room_id uuid")
    op.execute("create index on recording_files (tenant_id, room_id, ended_at desc, id desc) where room_id is not null")
    op.execute("""
        create table conference_agents (
          tenant_id uuid not null,
          conference_id uuid not null,
          agent_id uuid not null,
          site_id uuid not null,
          primary key (tenant_id, conference_id, agent_id)
        )
    """)
    op.execute(_KEEP.format(names=", conference_id, room_id", values=", new.conference_id, new.room_id"))


def downgrade() -> None:
    """What belongs to no contact is not known any more; its files are orphans to the check."""
    op.execute(_KEEP.format(names="", values=""))
    op.execute("drop table conference_agents")
    for table in ("recordings", "recording_files"):
        op.execute(f"delete from {table} where contact_id is null")
        op.execute(f"alter table {table} alter column contact_id set not null, drop column conference_id, drop column room_id")
