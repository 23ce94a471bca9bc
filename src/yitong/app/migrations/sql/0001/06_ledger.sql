-- The ledger: what was acknowledged by the stream, as it was published. Monthly partitions in UTC.

create table ledger (
  id uuid not null,
  type text not null,
  version smallint not null,
  tenant_id uuid not null,
  site_id uuid not null,
  producer text not null,
  epoch bigint not null,
  sequence bigint not null,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null default clock_timestamp(),
  contact_id uuid,
  segment_id uuid,
  connection text,
  agent_id uuid,
  queue_id uuid,
  cause text,
  caused_by uuid,
  payload jsonb not null default '{}',
  primary key (occurred_at, id)
) partition by range (occurred_at);
create index on ledger (tenant_id, contact_id, occurred_at) where contact_id is not null;
create index on ledger (tenant_id, site_id, sequence);

create table ledger_default partition of ledger default;

-- Make the partition of the month of `moment` (UTC) if it is not there; true if it was made.
create function make_ledger_partition(moment timestamptz) returns boolean language plpgsql as $$
declare
  first timestamptz := date_trunc('month', moment, 'UTC');
  next timestamptz := date_trunc('month', (moment at time zone 'UTC') + interval '1 month') at time zone 'UTC';
  partition text := 'ledger_' || to_char(moment at time zone 'UTC', 'YYYY_MM');
begin
  if to_regclass(partition) is not null then
    return false;
  end if;
  execute format('create table %I (like ledger including defaults including constraints)', partition);
  -- Rows that came before their partition are moved out of the default one; otherwise it could not be attached.
  execute format('with moved as (delete from ledger_default where occurred_at >= %L and occurred_at < %L returning *)
                  insert into %I select * from moved', first, next, partition);
  execute format('alter table ledger attach partition %I for values from (%L) to (%L)', partition, first, next);
  execute format('create unique index on %I (tenant_id, site_id, sequence)', partition);
  return true;
end $$;
create unique index on ledger_default (tenant_id, site_id, sequence);

-- How far the ledger is written, per site: the last sequence. Written in the transaction of the rows themselves.
create table ledger_positions (
  tenant_id uuid not null,
  site_id uuid not null,
  sequence bigint not null,
  occurred_at timestamptz not null,
  primary key (tenant_id, site_id)
);

-- Sequences that never came, and messages that could not be read: each is an alarm until somebody has looked at it.
create table ledger_faults (
  id uuid primary key,
  tenant_id uuid,
  site_id uuid,
  at timestamptz not null,
  code text not null,
  details jsonb not null default '{}',
  message bytea,
  seen_at timestamptz
);

-- Which events each projection has folded.
create table projection_positions (
  projection text not null,
  tenant_id uuid not null,
  site_id uuid not null,
  sequence bigint not null,
  primary key (projection, tenant_id, site_id)
);

-- How far each stream is read: the number of the last message, and when the stream itself was made (a new stream counts anew).
create table stream_positions (
  stream text primary key,
  made_at text not null,
  sequence bigint not null
);
