"""Score sheets, assessments of agents by their recordings, and the rights to assess and to see one's own."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_RIGHTS = {
    "assessments.write": ("评分与处理申诉", "Assess agents and settle their answers", "'supervisor', 'administrator'"),
    "assessments.own": ("查看对本人的评分并申诉", "See one''s own assessments and answer them", "'agent', 'supervisor'"),
}


def upgrade() -> None:
    """Nobody is assessed yet; who supervises may."""
    op.execute("""
        create table score_sheets (
          tenant_id uuid not null references tenants,
          id uuid not null,
          code text not null,
          name jsonb not null,
          enabled boolean not null default true,
          pass_percent integer not null default 0 check (pass_percent between 0 and 100),
          criteria jsonb not null,
          version integer not null default 1,
          created_at timestamptz not null default now(),
          changed_at timestamptz not null default now(),
          primary key (tenant_id, id),
          unique (tenant_id, code)
        )
    """)
    _assessments()
    for code, (chinese, english, roles) in _RIGHTS.items():
        op.execute(f"""
            insert into rights (tenant_id, code, name)
            select id, '{code}', jsonb_build_object('zh-CN', '{chinese}', 'en', '{english}') from tenants on conflict do nothing
        """)
        op.execute(f"""
            insert into role_rights (tenant_id, role_id, right_code)
            select tenant_id, id, '{code}' from roles where code in ({roles}) on conflict do nothing
        """)


def _assessments() -> None:
    """No reference to the recording or its contact: the score stays when they are gone. ``sheet``: as it was when it was begun;
    ``score``: hundredths of a per cent."""
    op.execute("""
        create table assessments (
          tenant_id uuid not null references tenants,
          id uuid not null,
          site_id uuid not null,
          contact_id uuid not null,
          recording_id uuid not null,
          segment_id uuid,
          agent_id uuid not null,
          talked_at timestamptz not null,
          sheet_id uuid not null,
          sheet_version integer not null,
          sheet jsonb not null,
          state text not null default 'draft' check (state in ('draft', 'published', 'answered', 'settled')),
          marks jsonb not null default '[]',
          comments jsonb not null default '[]',
          note text not null default '',
          score integer check (score between 0 and 10000),
          passed boolean,
          assessor_id uuid not null,
          published_at timestamptz,
          answer text not null default '',
          answered_at timestamptz,
          settlement text not null default '',
          settled_at timestamptz,
          version integer not null default 1,
          created_at timestamptz not null default now(),
          changed_at timestamptz not null default now(),
          primary key (tenant_id, id),
          constraint assessments_of_recording unique (tenant_id, recording_id, sheet_id),
          foreign key (tenant_id, sheet_id) references score_sheets (tenant_id, id),
          foreign key (tenant_id, agent_id) references agents (tenant_id, id)
        )
    """)
    op.execute("create index on assessments (tenant_id, talked_at desc, id desc)")
    op.execute("create index on assessments (tenant_id, agent_id, talked_at desc, id desc)")
    op.execute("create index on assessments (tenant_id, contact_id)")
    op.execute("create index on assessments (tenant_id, sheet_id)")


def downgrade() -> None:
    """What was scored is gone."""
    for code in _RIGHTS:
        op.execute(f"delete from role_rights where right_code = '{code}'")
        op.execute(f"delete from rights where code = '{code}'")
    op.execute("drop table assessments")
    op.execute("drop table score_sheets")
