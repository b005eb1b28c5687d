-- The catalog: three tables, and one nullable column, so that episodes without a season stay as they are.
-- up
create table sa.show (
  show_key bigint generated always as identity primary key,
  slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
  title text not null check (length(trim(title)) > 0),
  actor text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table sa.season (
  season_key bigint generated always as identity primary key,
  show_key bigint not null references sa.show,
  number int not null check (number >= 1),
  label text not null,
  actor text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (show_key, number)
);

create table sa.cast_membership (
  season_key bigint not null references sa.season on delete cascade,
  person_key bigint not null references sa.person on delete cascade,
  actor text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (season_key, person_key)
);
create index cast_membership_person on sa.cast_membership (person_key);

alter table sa.episode add column season_key bigint references sa.season;
create unique index episode_in_season on sa.episode (season_key, number);
-- down
alter table sa.episode drop column season_key;
drop table sa.cast_membership;
drop table sa.season;
drop table sa.show;
