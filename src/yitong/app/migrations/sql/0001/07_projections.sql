-- Folds of the ledger and nothing else: `yitong ledger rebuild` empties these and makes them anew, equal row by row.
-- No foreign keys: a fold must not fail because a configured thing was deleted since. Durations (*_us) are microseconds.

create table contacts (
  tenant_id uuid not null,
  id uuid not null,
  site_id uuid not null,
  channel text not null default '',
  direction text not null default '',
  call text not null default '',
  number text not null default '',
  trunk text not null default '',
  calling_id uuid,
  called_id uuid,
  language text not null default '',
  arrived_at timestamptz not null,
  connected_at timestamptz,
  ended_at timestamptz,
  ended_by text not null default '',
  cause text not null default '',
  -- while open: in_flow, waiting, offered, talking; then: answered, abandoned, timeout, flowed_out, lost, refused, in_flow (no queue)
  outcome text not null default 'in_flow',
  customer_id uuid,
  customer_new boolean not null default false,
  flow_id uuid,
  flow_version integer,
  queue_id uuid,
  queued_at timestamptz,
  agent_id uuid,
  answered_at timestamptz,
  wait_us bigint not null default 0,
  ring_us bigint not null default 0,
  talk_us bigint not null default 0,
  hold_us bigint not null default 0,
  wrap_up_us bigint not null default 0,
  wrap_up_code_id uuid,
  wrap_up_note_id uuid,
  survey_answer integer,
  segments integer not null default 0,
  keys jsonb not null default '[]',
  attributes jsonb not null default '{}',
  sequence bigint not null,
  primary key (tenant_id, id)
);
create index on contacts (tenant_id, arrived_at desc, id desc);
create index on contacts (tenant_id, customer_id, arrived_at desc);

create table segments (
  tenant_id uuid not null,
  id uuid not null,
  site_id uuid not null,
  contact_id uuid not null,
  arrived_at timestamptz not null,
  number integer not null,
  kind text not null,
  began_at timestamptz not null,
  ended_at timestamptz,
  cause text not null default '',
  connection text not null default '',
  queue_id uuid,
  agent_id uuid,
  answered_at timestamptz,
  ring_us bigint not null default 0,
  talk_us bigint not null default 0,
  hold_us bigint not null default 0,
  holds integer not null default 0,
  wrap_up_us bigint not null default 0,
  primary key (tenant_id, id)
);
create index on segments (tenant_id, contact_id, number);
create index on segments (tenant_id, agent_id, arrived_at desc, contact_id desc) where agent_id is not null;
create index on segments (tenant_id, queue_id, arrived_at desc, contact_id desc) where queue_id is not null;

-- Each time a contact was offered to an agent: an assignment. outcome: '' while it rings, answered, refused, missed, withdrawn, failed.
create table offers (
  tenant_id uuid not null,
  id uuid not null,
  site_id uuid not null,
  contact_id uuid not null,
  segment_id uuid,
  agent_id uuid not null,
  queue_id uuid,
  offered_at timestamptz not null,
  answered_at timestamptz,
  ended_at timestamptz,
  outcome text not null default '',
  cause text not null default '',
  rang_us bigint not null default 0,
  talk_us bigint not null default 0,
  hold_us bigint not null default 0,
  wrap_up_us bigint not null default 0,
  decision jsonb not null default '{}',
  primary key (tenant_id, id)
);
create index on offers (tenant_id, contact_id);
create index on offers (tenant_id, agent_id, offered_at desc);

-- answer null: asked and not answered. segment_id: the served segment, or the contact's id where there is none.
create table surveys (
  tenant_id uuid not null,
  contact_id uuid not null,
  segment_id uuid not null,
  survey text not null,
  site_id uuid not null,
  agent_id uuid,
  queue_id uuid,
  asked_at timestamptz,
  answered_at timestamptz,
  answer integer,
  primary key (tenant_id, contact_id, segment_id, survey)
);
create index on surveys (tenant_id, agent_id, asked_at desc);

create table recordings (
  tenant_id uuid not null,
  id uuid not null,
  site_id uuid not null,
  contact_id uuid not null,
  segment_id uuid,
  agent_id uuid,
  queue_id uuid,
  began_at timestamptz not null,
  ended_at timestamptz,
  file text not null default '',
  milliseconds bigint not null default 0,
  holds jsonb not null default '[]',
  bytes bigint not null default 0,
  sha256 text not null default '',
  complete boolean not null default true,
  primary key (tenant_id, id)
);
create index on recordings (tenant_id, contact_id);

-- Intervals of the five states of ECMA-269, derived from duty and assignments as they were; the last has no end.
create table agent_activity (
  tenant_id uuid not null,
  agent_id uuid not null,
  began_at timestamptz not null,
  number bigint not null,
  site_id uuid not null,
  ended_at timestamptz,
  state text not null,
  reason text not null default '',
  contact_id uuid,
  queue_id uuid,
  primary key (tenant_id, agent_id, began_at, number)
);

-- What the fold of an agent must remember between two events.
create table agent_folds (
  tenant_id uuid not null,
  agent_id uuid not null,
  site_id uuid not null,
  value jsonb not null,
  primary key (tenant_id, agent_id)
);

-- Base quantities of a queue, per quarter of an hour of the outcome (offered: of the queueing), UTC.
create table queue_intervals (
  tenant_id uuid not null,
  site_id uuid not null,
  queue_id uuid not null,
  began_at timestamptz not null,
  requested bigint not null default 0,
  offered bigint not null default 0,
  answered bigint not null default 0,
  answered_in_time bigint not null default 0,
  abandoned bigint not null default 0,
  abandoned_short bigint not null default 0,
  abandoned_in_time bigint not null default 0,
  flowed_out bigint not null default 0,
  timed_out bigint not null default 0,
  lost bigint not null default 0,
  refused_full bigint not null default 0,
  refused_no_agent bigint not null default 0,
  answered_wait_us bigint not null default 0,
  abandoned_wait_us bigint not null default 0,
  other_wait_us bigint not null default 0,
  longest_wait_us bigint not null default 0,
  ring_us bigint not null default 0,
  talk_us bigint not null default 0,
  hold_us bigint not null default 0,
  wrap_up_us bigint not null default 0,
  wrapped_up bigint not null default 0,
  primary key (tenant_id, queue_id, began_at)
);

-- Agent counts and microseconds per day of the agent's site.
create table agent_days (
  tenant_id uuid not null,
  site_id uuid not null,
  agent_id uuid not null,
  day date not null,
  offered bigint not null default 0,
  answered bigint not null default 0,
  refused bigint not null default 0,
  missed bigint not null default 0,
  withdrawn bigint not null default 0,
  failed bigint not null default 0,
  login_us bigint not null default 0,
  ready_us bigint not null default 0,
  not_ready_us bigint not null default 0,
  busy_us bigint not null default 0,
  working_after_call_us bigint not null default 0,
  ring_us bigint not null default 0,
  talk_us bigint not null default 0,
  hold_us bigint not null default 0,
  wrap_up_us bigint not null default 0,
  wrapped_up bigint not null default 0,
  primary key (tenant_id, agent_id, day)
);
