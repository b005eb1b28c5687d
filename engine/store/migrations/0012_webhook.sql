-- What programs elsewhere are told: addresses that a person added, what happened, and how each telling went.
-- up
create table sa.webhook (
  webhook_id text primary key check (webhook_id ~ '^wh_[0-9a-f]{12}$'),
  url text not null,
  events text[] check (cardinality(events) > 0), -- null: all
  secret text not null, -- signs what is sent
  secret_shown boolean not null default false, -- once
  disabled text, -- why nothing is sent there any more
  actor text not null,
  created_at timestamptz not null default now()
);

-- Written with what it tells of, and only where somebody is told: ids and numbers, bounded texts.
create table sa.event (
  seq bigint generated always as identity primary key,
  event_id text not null unique check (event_id ~ '^evt_[0-9a-f]{24}$'),
  type text not null,
  at timestamptz not null default now(),
  data jsonb not null
);
create index event_at on sa.event (at);

create table sa.delivery (
  delivery_id text primary key check (delivery_id ~ '^dlv_[0-9a-f]{12}$'),
  event_id text not null references sa.event (event_id) on delete cascade,
  webhook_id text not null references sa.webhook on delete cascade,
  state text not null default 'waiting' check (state in ('waiting', 'delivered', 'failed')),
  attempts int not null default 0,
  next_at timestamptz not null default now(), -- not before
  claimed_until timestamptz, -- somebody is at it until then
  status int, -- of the last answer; null: there was none
  took_ms int, -- of the last attempt
  reason text, -- why the last attempt failed
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  check ((state = 'waiting') = (ended_at is null))
);
create index delivery_waiting on sa.delivery (next_at) where state = 'waiting';
create index delivery_webhook on sa.delivery (webhook_id, created_at);
create index delivery_event on sa.delivery (event_id);
-- down
drop table sa.delivery, sa.event, sa.webhook;
