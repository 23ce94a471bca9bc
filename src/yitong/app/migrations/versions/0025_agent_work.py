"""Agents' calls out and pauses by reason, per day of their site."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was before is counted from the ledger and from agents' states as they are kept; a rebuild makes the same."""
    op.execute("""
        alter table agent_days add column dialled bigint not null default 0, add column reached bigint not null default 0
    """)
    op.execute("""
        create table agent_pauses (
          tenant_id uuid not null,
          site_id uuid not null,
          agent_id uuid not null,
          day date not null,
          reason text not null default '',
          pauses bigint not null default 0,
          not_ready_us bigint not null default 0,
          primary key (tenant_id, agent_id, day, reason)
        )
    """)
    _calls_out()
    _pauses()


def _calls_out() -> None:
    op.execute("""
        insert into agent_days (tenant_id, site_id, agent_id, day, dialled, reached)
        select l.tenant_id, l.site_id, l.agent_id, (l.occurred_at at time zone coalesce(s.zone, 'UTC'))::date,
          count(*) filter (where l.type = 'acd.dial_went_out'), count(*) filter (where l.type = 'acd.dial_answered')
        from ledger l left join sites s on (s.tenant_id, s.id) = (l.tenant_id, l.site_id)
        join projection_positions p on p.projection = 'contacts' and (p.tenant_id, p.site_id) = (l.tenant_id, l.site_id)
        where l.type in ('acd.dial_went_out', 'acd.dial_answered') and l.agent_id is not null and l.sequence <= p.sequence
        group by 1, 2, 3, 4
        on conflict (tenant_id, agent_id, day) do update set dialled = excluded.dialled, reached = excluded.reached
    """)


def _pauses() -> None:
    """Intervals that are over, cut at the midnights of their site; a pause belongs to the day on which it began."""
    op.execute("""
        insert into agent_pauses (tenant_id, site_id, agent_id, day, reason, pauses, not_ready_us)
        select a.tenant_id, a.site_id, a.agent_id, d.day::date, a.reason,
          count(*) filter (where d.day::date = (a.began_at at time zone a.zone)::date),
          sum(extract(epoch from least(a.ended_at, (d.day + interval '1 day') at time zone a.zone)
            - greatest(a.began_at, d.day at time zone a.zone)) * 1000000)::bigint
        from (
          select i.*, coalesce(s.zone, 'UTC') as zone from agent_activity i
          left join sites s on (s.tenant_id, s.id) = (i.tenant_id, i.site_id)
          where i.state = 'not_ready' and i.ended_at > i.began_at
        ) a cross join lateral generate_series(
          date_trunc('day', a.began_at at time zone a.zone),
          date_trunc('day', (a.ended_at - interval '1 microsecond') at time zone a.zone), interval '1 day'
        ) as d(day)
        group by 1, 2, 3, 4, 5
    """)


def downgrade() -> None:
    """They can be counted again."""
    op.execute("drop table agent_pauses")
    op.execute("alter table agent_days drop column dialled, drop column reached")
