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

-- Searched words, all of which must stand in a card: of each all its pairs one after the other ("张三丰" -> '张三' <-> '三丰'), its last
-- piece as a beginning, so that a single character and an unfinished Latin word are found too. The last character of a word of
-- several is in its last pair already.
create function customer_query(words text) returns tsquery
language sql immutable strict parallel safe as $$
  with pieces as (
    select word, piece, count(*) over (partition by word) as many, number,
      lag(piece) over (partition by word order by number) as before
    from regexp_split_to_table(btrim(regexp_replace(lower(words), '[''\\:&|!<>()*]', ' ', 'g')), '\s+') with ordinality as split (said, word),
      regexp_split_to_table(btrim(cjk_bigrams(said)), '\s+') with ordinality as parts (piece, number)
    where piece <> ''
  ), kept as (
    select word, piece, number, max(number) over (partition by word) as last
    from pieces
    where not (number = many and length(piece) = 1 and before is not null and right(before, 1) = piece)
  ), phrases as (
    select word, string_agg(quote_literal(piece) || case when number = last then ':*' else '' end, ' <-> ' order by number) as phrase
    from kept group by word
  )
  select coalesce(to_tsquery('simple', string_agg('(' || phrase || ')', ' & ' order by word)), ''::tsquery) from phrases
$$;
