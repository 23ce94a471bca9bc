-- Customers' cards, and personal values that the ledger refers to by id and that can be erased.

create table customers (
  tenant_id uuid not null references tenants,
  id uuid not null,
  name text not null default '',
  region text not null default '',
  class text not null default '',
  language text not null default '',
  note text not null default '',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  search tsvector generated always as
    (to_tsvector('simple', cjk_bigrams(name || ' ' || region || ' ' || class || ' ' || note))) stored,
  primary key (tenant_id, id)
);
create index on customers using gin (search);
create index on customers (tenant_id, changed_at desc, id desc);

create table customer_numbers (
  tenant_id uuid not null,
  number text not null check (number ~ '^\+[1-9][0-9]{1,14}$'),
  customer_id uuid not null,
  place smallint not null default 1,
  primary key (tenant_id, number),
  foreign key (tenant_id, customer_id) references customers on delete cascade
);
create index on customer_numbers (tenant_id, customer_id);

-- kind: address, name, note, digits. An erased row keeps its id, so that the ledger's references stay whole.
create table personals (
  tenant_id uuid not null references tenants,
  id uuid not null,
  kind text not null,
  value text,
  at timestamptz not null,
  contact_id uuid,
  erased_at timestamptz,
  primary key (tenant_id, id),
  check ((value is null) = (erased_at is not null))
);
create index on personals (tenant_id, value text_pattern_ops, at desc) where kind = 'address';
create index on personals (tenant_id, contact_id);
