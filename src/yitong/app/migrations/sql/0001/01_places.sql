-- Who we work for and where: tenants and their sites. Names are {"zh-CN": .., "en": ..}; zones are IANA names; all times UTC.

create table tenants (
  id uuid primary key,
  code text not null unique check (code ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  name jsonb not null,
  zone text not null,
  language text not null,
  currency char(3) not null,
  country char(2) not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now()
);

create table sites (
  tenant_id uuid not null references tenants,
  id uuid not null,
  code text not null check (code ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  name jsonb not null,
  zone text not null,
  address text not null default '',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, code)
);

-- The text that full-text search indexes: every run of Chinese, Japanese or Korean characters becomes its pairs and its last
-- character ("张三丰" -> "张三 三丰 丰"), so that words of any length are found without a dictionary; the rest stays.
create function cjk_bigrams(value text) returns text
language sql immutable strict parallel safe as $$
  select coalesce(string_agg(
    case when here ~ '[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]'
      then ' ' || here || case when after ~ '[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]' then after else '' end || ' '
      else here end,
    '' order by place), '')
  from (
    select here, place, lead(here) over (order by place) as after
    from regexp_split_to_table(value, '') with ordinality as pieces (here, place)
  ) as pairs
$$;
