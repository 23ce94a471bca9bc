-- What became of each recording's file after the call, and what people made of it. No projection: a rebuild of the ledger leaves it.
-- file: below the recordings folder, '' once it is gone; bytes, sha256: of its content in the clear, as it is now;
-- stale: a file that this one replaced and that must still be removed; claimed: a worker is at it until then.

create table recording_files (
  tenant_id uuid not null,
  id uuid not null,
  site_id uuid not null,
  contact_id uuid not null,
  queue_id uuid,
  ended_at timestamptz not null,
  file text not null,
  form text not null default 'wav' check (form in ('wav', 'opus')),
  sealed boolean not null default false,
  key_id text not null default '',
  bytes bigint not null default 0,
  sha256 text not null default '',
  milliseconds bigint not null default 0,
  stale text not null default '',
  claimed_by text not null default '',
  claimed_until timestamptz,
  checked_at timestamptz,
  fault text not null default '',
  title text not null default '',
  note text not null default '',
  tags jsonb not null default '[]',
  marks jsonb not null default '[]',
  held boolean not null default false,
  deleted_at timestamptz,
  deleted_by uuid,
  delete_reason text not null default '',
  purge_at timestamptz,
  purged_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id)
);
create index on recording_files (tenant_id, contact_id);
create index recording_files_to_seal on recording_files (ended_at) where not sealed and file <> '' and fault = '';
create index recording_files_to_encode on recording_files (ended_at) where sealed and form = 'wav' and file <> '' and fault = '';
create index recording_files_to_purge on recording_files (purge_at) where purge_at is not null and purged_at is null;
create index recording_files_stale on recording_files (id) where stale <> '';
create index recording_files_age on recording_files (tenant_id, queue_id, ended_at) where purged_at is null;
create index recording_files_key on recording_files (tenant_id, key_id) where sealed and file <> '';
create index recording_files_checked on recording_files (checked_at nulls first) where file <> '';
create index recording_files_faulty on recording_files (tenant_id, id) where fault <> '';
create index recording_files_tags on recording_files using gin (tags jsonb_path_ops) where tags <> '[]';

create index recording_files_tagged on recording_files (tenant_id, site_id) where tags <> '[]';
create index recordings_without_end on recordings (began_at) where ended_at is null;

create function keep_recording_file() returns trigger language plpgsql as $$
begin
  insert into recording_files (tenant_id, id, site_id, contact_id, queue_id, ended_at, file, bytes, sha256, milliseconds)
  values (new.tenant_id, new.id, new.site_id, new.contact_id, new.queue_id, new.ended_at, new.file, new.bytes, new.sha256, new.milliseconds)
  on conflict (tenant_id, id) do nothing;
  return null;
end $$;
create trigger recordings_have_files after insert or update on recordings
  for each row when (new.ended_at is not null and new.file <> '') execute function keep_recording_file();

insert into recording_files (tenant_id, id, site_id, contact_id, queue_id, ended_at, file, bytes, sha256, milliseconds)
select tenant_id, id, site_id, contact_id, queue_id, ended_at, file, bytes, sha256, milliseconds
from recordings where ended_at is not null and file <> '';

-- Who took which recording away: the ticket is what stands in the file as a mark.
create table recording_downloads (
  tenant_id uuid not null,
  id uuid not null,
  recording_id uuid not null,
  user_id uuid not null,
  at timestamptz not null,
  form text not null,
  primary key (tenant_id, id)
);
create index on recording_downloads (tenant_id, at desc);
create index on recording_downloads (tenant_id, recording_id);

-- What the check found and nobody has put right. tenant_id null: a file in nobody's folder.
create table recording_faults (
  file text not null,
  code text not null,
  tenant_id uuid,
  recording_id uuid,
  found_at timestamptz not null,
  unique nulls not distinct (tenant_id, file, code)
);
create index on recording_faults (tenant_id, found_at desc);

-- How many days recordings are kept: of a queue, else of the tenant (queue_id null), else until somebody deletes them.
create table retentions (
  tenant_id uuid not null references tenants,
  id uuid not null,
  code text not null,
  name jsonb not null,
  queue_id uuid,
  days integer not null check (days between 1 and 36500),
  version integer not null default 1,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, code),
  constraint retentions_queue unique nulls not distinct (tenant_id, queue_id),
  foreign key (tenant_id, queue_id) references queues
);

-- Contacts by what was answered and by how they were wrapped up, newest first.
create index on contacts (tenant_id, survey_answer, arrived_at desc, id desc) where survey_answer is not null;
create index on contacts (tenant_id, wrap_up_code_id, arrived_at desc, id desc) where wrap_up_code_id is not null;
