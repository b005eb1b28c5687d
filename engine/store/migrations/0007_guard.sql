-- What the write policy leaves behind: calls that wait for a person, and one line for each call.
-- up
create table sa.proposal (
  proposal_id text primary key check (proposal_id ~ '^prop_[0-9a-f]{12}$'),
  tool text not null,
  input jsonb not null, -- as the tool's schema read it; runs exactly so
  input_hash text not null, -- with `tool`: the same call asked twice is one proposal
  actor text not null,
  surface text not null check (surface in ('cli', 'mcp', 'agent', 'queue')),
  profile text not null,
  why text not null, -- of the policy
  would_change text not null,
  phrase text, -- what has to be typed besides the code; null: nothing
  state text not null, -- hash of what the call rests on: another one at approval is another world
  status text not null default 'open' check (status in ('open', 'approved', 'rejected', 'done', 'failed', 'stale')),
  created_at timestamptz not null default now(),
  decided_at timestamptz,
  decided_by text,
  started_at timestamptz, -- set once, by who runs it
  result jsonb,
  check ((status = 'open') = (decided_at is null))
);
create unique index proposal_open on sa.proposal (tool, input_hash) where status = 'open';
create index proposal_status on sa.proposal (status, created_at);

-- Never the input: it may hold names and secrets.
create table sa.audit (
  audit_key bigint generated always as identity primary key,
  at timestamptz not null,
  actor text not null,
  surface text not null check (surface in ('cli', 'mcp', 'agent', 'queue')),
  profile text not null,
  tool text not null,
  decision text not null check (decision in ('none', 'allow', 'ask', 'deny', 'approved', 'rejected')),
  outcome text not null, -- done, proposed, previewed, rejected, or the code of an error
  took_ms int not null check (took_ms >= 0),
  change_id text,
  proposal_id text,
  input_hash text -- null: no input that could be read, or erased
);
create index audit_at on sa.audit (at);
create index audit_tool on sa.audit (tool, at);
-- down
drop table sa.audit, sa.proposal;
