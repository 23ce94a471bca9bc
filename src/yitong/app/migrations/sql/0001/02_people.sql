-- Who may do what. Rights are words of the program; roles and who has them are data.

create table users (
  tenant_id uuid not null references tenants,
  id uuid not null,
  username text not null check (username = lower(username) and username <> ''),
  name jsonb not null,
  language text not null default 'zh-CN',
  site_id uuid,
  active boolean not null default true,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, username),
  foreign key (tenant_id, site_id) references sites
);

-- Kept apart from users, so that no history, no audit and no API answer can hold it by accident.
create table user_passwords (
  tenant_id uuid not null,
  user_id uuid not null,
  hash text not null,
  must_change boolean not null default false,
  changed_at timestamptz not null default now(),
  primary key (tenant_id, user_id),
  foreign key (tenant_id, user_id) references users on delete cascade
);

create table rights (
  tenant_id uuid not null references tenants,
  code text not null,
  name jsonb not null,
  primary key (tenant_id, code)
);

create table roles (
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

create table role_rights (
  tenant_id uuid not null,
  role_id uuid not null,
  right_code text not null,
  primary key (tenant_id, role_id, right_code),
  foreign key (tenant_id, role_id) references roles on delete cascade,
  foreign key (tenant_id, right_code) references rights
);

create table user_roles (
  tenant_id uuid not null,
  user_id uuid not null,
  role_id uuid not null,
  primary key (tenant_id, user_id, role_id),
  foreign key (tenant_id, user_id) references users on delete cascade,
  foreign key (tenant_id, role_id) references roles
);

create table teams (
  tenant_id uuid not null references tenants,
  id uuid not null,
  site_id uuid not null,
  code text not null,
  name jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, code),
  foreign key (tenant_id, site_id) references sites
);

create table team_supervisors (
  tenant_id uuid not null,
  team_id uuid not null,
  user_id uuid not null,
  primary key (tenant_id, team_id, user_id),
  foreign key (tenant_id, team_id) references teams on delete cascade,
  foreign key (tenant_id, user_id) references users on delete cascade
);
create index on team_supervisors (tenant_id, user_id);

create table skills (
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

-- An agent is a user who takes contacts; a member of one team. capacity: {"voice": 1}.
create table agents (
  tenant_id uuid not null references tenants,
  id uuid not null,
  user_id uuid not null,
  site_id uuid not null,
  team_id uuid not null,
  extension text not null check (extension ~ '^[0-9]{2,10}$'),
  name jsonb not null,
  language text not null default 'zh-CN',
  capacity jsonb not null default '{"voice": 1}',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, user_id),
  unique (tenant_id, extension),
  foreign key (tenant_id, user_id) references users,
  foreign key (tenant_id, site_id) references sites,
  foreign key (tenant_id, team_id) references teams
);
create index on agents (tenant_id, team_id);

create table agent_skills (
  tenant_id uuid not null,
  agent_id uuid not null,
  skill_id uuid not null,
  level smallint not null check (level between 1 and 100),
  primary key (tenant_id, agent_id, skill_id),
  foreign key (tenant_id, agent_id) references agents on delete cascade,
  foreign key (tenant_id, skill_id) references skills
);

-- A session of the HTTP API. The token itself is not kept, only its SHA-256.
create table sessions (
  tenant_id uuid not null,
  id uuid not null,
  token_hash bytea not null,
  user_id uuid not null,
  created_at timestamptz not null,
  used_at timestamptz not null,
  idle_until timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  address inet,
  agent_text text not null default '',
  primary key (tenant_id, id),
  unique (tenant_id, token_hash),
  foreign key (tenant_id, user_id) references users on delete cascade
);
create index on sessions (token_hash);
create index on sessions (tenant_id, user_id);
create index on sessions (expires_at);
