-- Who is who: people with an id of their own, seeds, the log of changes, and what `identify` made of a run.
-- Machines' clusters stay as they were found; identities and assignments lie above them and are replaced whole.
-- up
alter table sa.person
  add column person_id text not null default 'p_' || left(replace(gen_random_uuid()::text, '-', ''), 12),
  add column base_name text, -- as first given; `name` follows from it and the renames in force
  add column deleted boolean not null default false,
  add column merged_into bigint references sa.person,
  add column consent text not null default 'unknown' check (consent in ('unknown', 'given', 'withdrawn')),
  add column consent_note text,
  add column retain_until date,
  add column featured_seed text,
  add constraint person_id unique (person_id);
update sa.person set base_name = name;
alter table sa.person alter column base_name set not null;
drop index sa.person_name;
create unique index person_name on sa.person (lower(name)) where not deleted and merged_into is null;
create index person_merged on sa.person (merged_into);

create table sa.seed (
  seed_key bigint generated always as identity primary key,
  seed_id text not null unique,
  person_key bigint not null references sa.person on delete cascade,
  source_sha256 text not null check (source_sha256 ~ '^[0-9a-f]{64}$'), -- of the photo, or of the crop
  source_name text not null,
  origin text not null check (origin in ('photo', 'track')),
  ep_id text, -- of an episode, where it was promoted from one
  track_id int,
  at_ms bigint,
  detector text not null,
  source_box real[] not null check (cardinality(source_box) = 4), -- in the picture as given, 0..1: tells duplicates
  box real[] not null check (cardinality(box) = 4), -- in the picture that is kept, 0..1
  landmarks real[] not null check (cardinality(landmarks) = 10),
  score real not null,
  size_px real not null,
  yaw_deg real not null,
  roll_deg real not null,
  sharpness real not null,
  quality real not null,
  active boolean not null default true, -- follows from the changes in force
  actor text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index seed_person on sa.seed (person_key);
create index seed_source on sa.seed (source_sha256);

-- Append-only. Each row's hash covers the row before it and a salted commitment to its payload. The payload lies beside it, so
-- that an erasure can remove it and the chain still verifies.
create table sa.change (
  seq bigint generated always as identity primary key,
  change_id text not null unique,
  kind text not null,
  episode_key bigint references sa.episode on delete set null, -- null: not of one episode
  target text references sa.change (change_id), -- what an undo or redo is about
  commitment text not null check (commitment ~ '^[0-9a-f]{64}$'),
  prev_hash text not null check (prev_hash ~ '^[0-9a-f]{64}$'),
  hash text not null check (hash ~ '^[0-9a-f]{64}$'),
  created_at timestamptz not null
);
create index change_episode on sa.change (episode_key);
create index change_target on sa.change (target);

create table sa.change_payload (
  seq bigint primary key references sa.change,
  salt text not null,
  payload text not null -- canonical JSON: actor, surface, reason, before, after, decision
);

-- What a change is about: `episode:...`, `person:...`, `seed:...`, `show:...`, `track:<episode>/<run>/<id>`.
create table sa.change_entity (
  seq bigint not null references sa.change,
  entity text not null,
  primary key (seq, entity)
);
create index change_entity_entity on sa.change_entity (entity, seq);

-- The last hash; taken `for update` by who appends, so that the log has one order.
create table sa.change_head (
  only_row boolean primary key default true check (only_row),
  seq bigint not null,
  hash text not null
);
insert into sa.change_head (seq, hash) values (0, repeat('0', 64));

alter table sa.run
  add column keys jsonb not null default '{}', -- stage -> key of its artifact
  add column revision int not null default 0, -- how often identities were made anew
  add column decisions_seq bigint not null default 0, -- the newest change that they know of
  add column facebank_key text;

create table sa.identity (
  run_key bigint not null references sa.run on delete cascade,
  label text not null,
  person_key bigint references sa.person on delete set null,
  cluster_ids int[] not null,
  best_face_id text,
  purity_estimate double precision not null check (purity_estimate between 0 and 1),
  primary key (run_key, label)
);
create index identity_person on sa.identity (person_key);

create table sa.assignment (
  run_key bigint not null,
  track_id int not null,
  start_ms bigint not null,
  end_ms bigint not null check (end_ms > start_ms),
  cluster_id int,
  label text, -- null: counts for nobody
  person_key bigint references sa.person on delete set null,
  label_source text not null check (label_source in ('machine', 'person')),
  method text not null,
  band text not null check (band in ('accept', 'ask', 'unknown', 'decided')),
  score double precision,
  threshold double precision,
  probability double precision check (probability between 0 and 1),
  margin double precision,
  others jsonb not null default '[]',
  locked boolean not null,
  change_id text,
  primary key (run_key, track_id, start_ms),
  foreign key (run_key, track_id) references sa.track on delete cascade,
  foreign key (run_key, label) references sa.identity on delete cascade deferrable initially deferred
);
create index assignment_label on sa.assignment (run_key, label);
create index assignment_person on sa.assignment (person_key);

-- Every state that a run's identities have had: the artifacts of each are in the cache under their keys.
create table sa.revision (
  run_key bigint not null references sa.run on delete cascade,
  revision int not null,
  identities_key text not null,
  screen_time_key text not null,
  cause text not null,
  change_id text,
  created_at timestamptz not null default now(),
  primary key (run_key, revision)
);

insert into sa.identity (run_key, label, person_key, cluster_ids, best_face_id, purity_estimate)
select run_key, label, person_key, array[cluster_id], best_face_id, least(1, greatest(0, purity_estimate)) from sa.cluster;
insert into sa.assignment (run_key, track_id, start_ms, end_ms, cluster_id, label, label_source, method, band, locked)
select t.run_key, t.track_id, t.start_ms, t.end_ms, c.cluster_id, c.label, 'machine',
  case when c.label is null then 'none' else 'clustering' end, 'unknown', false
from sa.track t
left join sa.cluster_track m on m.run_key = t.run_key and m.track_id = t.track_id
left join sa.cluster c on c.run_key = m.run_key and c.cluster_id = m.cluster_id;

drop view sa_report.v_screen_time, sa_report.v_appearance;
drop view sa_report.v_person;

alter table sa.screen_time drop constraint screen_time_pkey;
alter table sa.screen_time drop constraint screen_time_run_key_cluster_id_fkey;
alter table sa.screen_time drop column cluster_id;
alter table sa.screen_time add primary key (run_key, label);
alter table sa.screen_time add foreign key (run_key, label) references sa.identity on delete cascade;
alter table sa.screen_time
  add column visual_low_s double precision check (visual_low_s >= 0), -- 95% interval
  add column visual_high_s double precision;

alter table sa.appearance drop column cluster_id;
alter table sa.appearance add foreign key (run_key, label) references sa.identity on delete cascade;
create index appearance_label on sa.appearance (run_key, label);

create view sa_report.v_person as
select p.person_id, p.name, p.consent, p.retain_until,
  (select count(*) from sa.seed s where s.person_key = p.person_key and s.active) as seeds, p.created_at, p.updated_at
from sa.person p where not p.deleted and p.merged_into is null;

create view sa_report.v_screen_time as
select e.ep_id, r.run_id, r.current, s.label as person, p.person_id, s.visual_s, s.visual_low_s, s.visual_high_s, s.speaking_s,
  s.both_s, s.confidence, s.share, s.first_seen_ms, s.last_seen_ms, s.appearances, s.tracks
from sa.screen_time s
join sa.run r on r.run_key = s.run_key
join sa.episode e on e.episode_key = r.episode_key
left join sa.person p on p.person_key = s.person_key;

create view sa_report.v_appearance as
select e.ep_id, r.run_id, r.current, a.label as person, a.shot_id, a.start_ms, a.end_ms
from sa.appearance a
join sa.run r on r.run_key = a.run_key
join sa.episode e on e.episode_key = r.episode_key;

create view sa_report.v_assignment as
select e.ep_id, r.run_id, r.current, a.track_id, a.start_ms, a.end_ms, a.label as person, p.person_id, a.label_source, a.method,
  a.band, a.score, a.threshold, a.probability, a.margin, a.locked, a.change_id
from sa.assignment a
join sa.run r on r.run_key = a.run_key
join sa.episode e on e.episode_key = r.episode_key
left join sa.person p on p.person_key = a.person_key;

create view sa_report.v_change as
select c.seq, c.change_id, c.kind, e.ep_id, c.target, c.created_at, c.hash
from sa.change c left join sa.episode e on e.episode_key = c.episode_key;
-- down
drop view sa_report.v_change, sa_report.v_assignment, sa_report.v_appearance, sa_report.v_screen_time, sa_report.v_person;
delete from sa.screen_time;
delete from sa.appearance;
drop index sa.appearance_label;
alter table sa.appearance drop constraint appearance_run_key_label_fkey;
alter table sa.appearance add column cluster_id int not null;
alter table sa.appearance add foreign key (run_key, cluster_id) references sa.cluster on delete cascade;
create index appearance_cluster on sa.appearance (run_key, cluster_id);
alter table sa.screen_time drop constraint screen_time_run_key_label_fkey;
alter table sa.screen_time drop constraint screen_time_pkey;
alter table sa.screen_time drop column visual_low_s, drop column visual_high_s, add column cluster_id int not null;
alter table sa.screen_time add primary key (run_key, cluster_id);
alter table sa.screen_time add foreign key (run_key, cluster_id) references sa.cluster on delete cascade;
drop table sa.revision, sa.assignment, sa.identity;
alter table sa.run drop column keys, drop column revision, drop column decisions_seq, drop column facebank_key;
drop table sa.change_head, sa.change_entity, sa.change_payload, sa.change, sa.seed;
drop index sa.person_name;
delete from sa.person where deleted or merged_into is not null;
create unique index person_name on sa.person (lower(name));
alter table sa.person drop column person_id, drop column base_name, drop column deleted, drop column merged_into,
  drop column consent, drop column consent_note, drop column retain_until, drop column featured_seed;
create view sa_report.v_person as
select p.name, p.created_at, p.updated_at from sa.person p;
create view sa_report.v_screen_time as
select e.ep_id, r.run_id, r.current, s.label as person, s.visual_s, s.speaking_s, s.both_s, s.confidence, s.share,
  s.first_seen_ms, s.last_seen_ms, s.appearances, s.tracks
from sa.screen_time s
join sa.run r on r.run_key = s.run_key
join sa.episode e on e.episode_key = r.episode_key;
create view sa_report.v_appearance as
select e.ep_id, r.run_id, r.current, a.label as person, a.shot_id, a.start_ms, a.end_ms
from sa.appearance a
join sa.run r on r.run_key = a.run_key
join sa.episode e on e.episode_key = r.episode_key;
