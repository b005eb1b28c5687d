-- Playbooks that an owner wants run at certain times. The queue is told of them; what counts is here.
-- up
create table sa.schedule (
  schedule_id text primary key check (schedule_id ~ '^sched_[0-9a-f]{12}$'),
  queue text not null, -- whose worker runs it: of a home on a machine
  playbook text not null,
  source text not null, -- name of one that comes with the program, or path of a file
  cron text not null,
  timezone text not null,
  inputs jsonb not null,
  missed text not null check (missed in ('run_once', 'skip')), -- what is done when nobody worked at its time
  within_s int not null, -- so much later at most
  actor text not null,
  created_at timestamptz not null default now(),
  next_at timestamptz not null, -- whoever moves it on takes that time, and nobody else
  last_at timestamptz, -- the time that was taken last
  last_what text check (last_what in ('asked', 'overlapped', 'missed')),
  job_id text, -- of the last run
  problem jsonb, -- why it cannot be run as it stands
  erased boolean not null default false, -- it named somebody who was: it is not run any more
  unique (queue, playbook)
);
-- down
drop table sa.schedule;
