-- What was changed by whom (changes), what was done and seen (audit, a hash chain per tenant), what must still be told (outbox).

-- previous: the whole value before the change, null for a new thing; next version = version + 1.
create table changes (
  tenant_id uuid not null references tenants,
  kind text not null,
  object_id uuid not null,
  version integer not null,
  previous jsonb,
  deleted boolean not null default false,
  actor uuid,
  reason text not null default '',
  at timestamptz not null,
  primary key (tenant_id, kind, object_id, version)
);

-- hash = SHA-256 (previous_hash, number, at, actor, action, object, details); numbers have no gap.
create table audit (
  tenant_id uuid not null references tenants,
  number bigint not null,
  at timestamptz not null,
  actor uuid,
  action text not null,
  object_kind text not null,
  object_id text not null,
  details jsonb not null default '{}',
  previous_hash bytea not null,
  hash bytea not null,
  primary key (tenant_id, number)
);
create index on audit (tenant_id, object_kind, object_id);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is only ever added to';
end $$;
create trigger audit_is_append_only before update or delete on audit for each row execute function refuse_change();
create trigger audit_is_never_emptied before truncate on audit for each statement execute function refuse_change();

create table outbox (
  tenant_id uuid not null references tenants,
  number bigint generated always as identity,
  kind text not null,
  object_id uuid not null,
  version integer not null,
  at timestamptz not null,
  primary key (tenant_id, number)
);
