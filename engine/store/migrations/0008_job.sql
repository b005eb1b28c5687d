-- Calls of tools that wait for the worker. A queue holds ids of these rows and nothing else.
-- up
create table sa.job (
  job_id text primary key check (job_id ~ '^job_[0-9a-f]{12}$'),
  queue text not null, -- whose worker takes it: of a home on a machine
  tool text not null,
  input jsonb not null, -- as the tool's schema read it; runs exactly so
  request_hash text, -- what makes two requests one while the first of them waits or runs; null afterwards: words can be guessed
  episode text,
  actor text not null,
  surface text not null check (surface in ('cli', 'mcp', 'agent', 'queue')), -- that asked
  profiles text[] not null, -- that held there
  policies jsonb not null,
  proposal_id text, -- that a person approved for exactly this input
  state text not null default 'queued' check (state in ('queued', 'running', 'succeeded', 'failed', 'canceled')),
  cancel_requested boolean not null default false,
  attempts int not null default 0, -- how often a worker began with it
  pid int,
  host text,
  progress jsonb, -- the last that it said
  result jsonb, -- in short
  error jsonb,
  queued_at timestamptz not null default now(),
  started_at timestamptz,
  seen_at timestamptz, -- when its worker last said that it is at it
  ended_at timestamptz,
  check ((ended_at is null) = (state in ('queued', 'running')))
);
create unique index job_request on sa.job (queue, request_hash) where state in ('queued', 'running') and not cancel_requested;
create index job_state on sa.job (state, queued_at);
create index job_episode on sa.job (episode, queued_at);
-- down
drop table sa.job;
