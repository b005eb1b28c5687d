-- Episodes and people. An episode of this shape has no season: a legacy one.
-- up
create schema if not exists sa_report;

create table sa.episode (
  episode_key bigint generated always as identity primary key,
  ep_id text not null unique check (ep_id ~ '^[a-z0-9][a-z0-9_-]{0,127}$'),
  number int check (number >= 0),
  title text,
  air_date date,
  source_sha256 text check (source_sha256 ~ '^[0-9a-f]{64}$'),
  source_name text,
  duration_ms bigint check (duration_ms > 0),
  fps double precision check (fps > 0),
  width int check (width > 0),
  height int check (height > 0),
  status text not null default 'uploaded' check (status in ('uploaded', 'analysing', 'analysed', 'failed')),
  actor text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index episode_source on sa.episode (source_sha256);

create table sa.person (
  person_key bigint generated always as identity primary key,
  name text not null check (length(trim(name)) > 0),
  actor text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index person_name on sa.person (lower(name));
-- down
drop table sa.person;
drop table sa.episode;
drop schema sa_report;
