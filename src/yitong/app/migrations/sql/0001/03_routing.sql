-- What decides where a contact goes: flows, numbers, queues, trunks, accounts, prompts, reasons.

create table not_ready_reasons (
  tenant_id uuid not null references tenants,
  id uuid not null,
  code text not null,
  name jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, code)
);

create table wrap_up_codes (
  tenant_id uuid not null references tenants,
  id uuid not null,
  code text not null,
  name jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, code)
);

-- file: below the prompts folder; text, voice and licence say what it is and where it came from; milliseconds measured by the worker.
create table prompts (
  tenant_id uuid not null references tenants,
  id uuid not null,
  code text not null,
  language text not null,
  file text not null check (file !~ '(^/|\.\.)'),
  text text not null default '',
  voice text not null default '',
  licence text not null default '',
  milliseconds integer not null default 0 check (milliseconds >= 0),
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, code, language)
);

create table queues (
  tenant_id uuid not null references tenants,
  id uuid not null,
  site_id uuid not null,
  code text not null,
  name jsonb not null,
  strategy text not null default 'longest_idle',
  objective jsonb not null default '{"answer_within_seconds": 20, "percent": 80, "short_seconds": 5}',
  music text not null default '',
  announce jsonb not null default '{}',
  ring_seconds integer not null default 20 check (ring_seconds between 1 and 300),
  wrap_up_seconds integer not null default 0 check (wrap_up_seconds between 0 and 86400),
  maximum_wait_seconds integer not null default 0 check (maximum_wait_seconds >= 0),
  maximum_waiting integer not null default 0 check (maximum_waiting >= 0),
  priority integer not null default 0,
  refuse_when_empty boolean not null default false,
  misses_allowed integer not null default 1 check (misses_allowed >= 0),
  rest_seconds integer not null default 30 check (rest_seconds >= 0),
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, code),
  foreign key (tenant_id, site_id) references sites
);

create table queue_requirements (
  tenant_id uuid not null,
  queue_id uuid not null,
  skill_id uuid not null,
  level smallint not null check (level between 1 and 100),
  primary key (tenant_id, queue_id, skill_id),
  foreign key (tenant_id, queue_id) references queues on delete cascade,
  foreign key (tenant_id, skill_id) references skills
);

create table queue_members (
  tenant_id uuid not null,
  queue_id uuid not null,
  agent_id uuid not null,
  place smallint not null default 1,
  primary key (tenant_id, queue_id, agent_id),
  foreign key (tenant_id, queue_id) references queues on delete cascade,
  foreign key (tenant_id, agent_id) references agents on delete cascade
);

create table queue_wrap_up_codes (
  tenant_id uuid not null,
  queue_id uuid not null,
  code_id uuid not null,
  place smallint not null default 1,
  primary key (tenant_id, queue_id, code_id),
  foreign key (tenant_id, queue_id) references queues on delete cascade,
  foreign key (tenant_id, code_id) references wrap_up_codes
);

-- draft: the document being edited; what runs is the row of flow_versions named by published_version.
create table flows (
  tenant_id uuid not null references tenants,
  id uuid not null,
  site_id uuid,
  code text not null,
  name jsonb not null,
  draft jsonb not null,
  published_version integer,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, code),
  foreign key (tenant_id, site_id) references sites
);

create table flow_versions (
  tenant_id uuid not null,
  flow_id uuid not null,
  number integer not null check (number > 0),
  document jsonb not null,
  published_at timestamptz not null,
  published_by uuid,
  primary key (tenant_id, flow_id, number),
  foreign key (tenant_id, flow_id) references flows on delete cascade
);
alter table flows add foreign key (tenant_id, id, published_version) references flow_versions (tenant_id, flow_id, number)
  deferrable initially deferred;

-- addresses: from where this trunk's INVITEs come (CIDR).
create table trunks (
  tenant_id uuid not null references tenants,
  id uuid not null,
  site_id uuid not null,
  code text not null,
  name jsonb not null,
  addresses jsonb not null default '[]',
  numbers jsonb not null default '[]',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, code),
  foreign key (tenant_id, site_id) references sites
);

-- What a called number leads to. trunk '' and calling '' mean any; calling is a prefix; the longest match wins.
create table numbers (
  tenant_id uuid not null references tenants,
  id uuid not null,
  site_id uuid not null,
  number text not null check (number ~ '^\+?[0-9*#]{1,32}$'),
  trunk_id uuid,
  calling text not null default '',
  flow_id uuid not null,
  name jsonb not null default '{}',
  language text not null default 'zh-CN',
  web boolean not null default false,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique nulls not distinct (tenant_id, number, trunk_id, calling),
  foreign key (tenant_id, site_id) references sites,
  foreign key (tenant_id, trunk_id) references trunks,
  foreign key (tenant_id, flow_id) references flows
);

-- A SIP account. The secret is never kept, only the two digests of user:realm:secret that RFC 8760 asks for.
create table sip_accounts (
  tenant_id uuid not null references tenants,
  id uuid not null,
  site_id uuid not null,
  agent_id uuid,
  kind text not null default 'phone',
  username text not null,
  extension text not null,
  realm text not null,
  ha1_md5 text not null,
  ha1_sha256 text not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, realm, username),
  foreign key (tenant_id, site_id) references sites,
  foreign key (tenant_id, agent_id) references agents
);
