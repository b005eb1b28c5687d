-- Runs of playbooks that wait for a person: all that is needed to go on, in another process or on another machine.
-- up
create table sa.playbook_run (
  run_id text primary key check (run_id ~ '^[0-9TZ]{16}-[0-9a-f]{6}$'), -- that of its transcript
  playbook text not null,
  state text not null check (state in ('waiting', 'running', 'done', 'failed', 'proposed', 'canceled')),
  stored jsonb, -- null once it has ended
  pending text[] not null, -- proposals that have to be decided first
  created_at timestamptz not null default now(),
  resumed_at timestamptz, -- the last time that somebody took it to go on with it
  ended_at timestamptz,
  check ((ended_at is null) = (state in ('waiting', 'running'))),
  check ((stored is null) = (ended_at is not null))
);
create index playbook_run_waiting on sa.playbook_run (created_at) where state = 'waiting';
-- down
drop table sa.playbook_run;
