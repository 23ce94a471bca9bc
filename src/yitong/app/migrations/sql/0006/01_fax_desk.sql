-- faxes is a projection that may be made again; what people do with a fax stands apart from it.

alter table faxes add column recipient_id uuid;

create index faxes_file on faxes (tenant_id, file);

create table fax_marks (
  tenant_id uuid not null references tenants,
  fax_id uuid not null,
  agent_id uuid,
  queue_id uuid,
  assigned_at timestamptz,
  seen_at timestamptz,
  seen_by uuid,
  deleted_at timestamptz,
  deleted_by uuid,
  file_gone_at timestamptz,
  primary key (tenant_id, fax_id),
  foreign key (tenant_id, agent_id) references agents on delete set null (agent_id),
  foreign key (tenant_id, queue_id) references queues on delete set null (queue_id)
);

create table fax_uploads (
  tenant_id uuid not null references tenants,
  id uuid not null,
  name text not null,
  file text not null check (file !~ '(^/|\.\.)'),
  pages integer not null check (pages > 0),
  made_by uuid not null,
  made_at timestamptz not null,
  primary key (tenant_id, id)
);

create table fax_sendings (
  tenant_id uuid not null references tenants,
  id uuid not null,
  site_id uuid not null,
  name text not null,
  file text not null check (file !~ '(^/|\.\.)'),
  pages integer not null check (pages > 0),
  station text not null default '',
  lines integer not null check (lines between 1 and 100),
  tries integer not null check (tries between 1 and 20),
  spacing_seconds integer not null check (spacing_seconds between 1 and 86400),
  hours jsonb not null default '[]',
  state text not null default 'running' check (state in ('running', 'paused', 'cancelled', 'done')),
  made_by uuid not null,
  made_at timestamptz not null,
  changed_at timestamptz not null,
  ended_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, site_id) references sites
);

create index on fax_sendings (tenant_id, made_at desc, id desc);

create index on fax_sendings (tenant_id, id) where ended_at is null;

create table fax_recipients (
  tenant_id uuid not null,
  id uuid not null,
  sending_id uuid not null,
  line integer not null,
  given text not null,
  number text not null,
  name text not null default '',
  state text not null check (state in ('waiting', 'dialling', 'sent', 'failed', 'cancelled', 'refused')),
  reason text not null default '',
  tries integer not null default 0,
  misses integer not null default 0,
  next_at timestamptz,
  attempt_id uuid,
  asked_at timestamptz,
  ended_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, sending_id, line),
  foreign key (tenant_id, sending_id) references fax_sendings on delete cascade
);

create index on fax_recipients (tenant_id, sending_id, next_at, line) where state = 'waiting';

create index on fax_recipients (tenant_id, sending_id) where state = 'dialling';
