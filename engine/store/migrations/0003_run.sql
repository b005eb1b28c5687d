-- What a finished run found. Every row belongs to a run, a run to an episode, and goes with it.
-- Boxes are fractions of the frame; spans are half-open milliseconds.
-- up
create table sa.run (
  run_key bigint generated always as identity primary key,
  episode_key bigint not null references sa.episode on delete cascade,
  run_id text not null,
  settings jsonb not null,
  settings_hash text not null,
  analyzed_fps double precision not null check (analyzed_fps > 0),
  detector text not null,
  embedder text not null,
  tracker text not null,
  device text not null,
  duration_ms bigint not null check (duration_ms > 0),
  current boolean not null,
  counts jsonb not null,
  media jsonb not null,
  actor text not null,
  created_at timestamptz not null default now(),
  unique (episode_key, run_id)
);
create unique index run_current on sa.run (episode_key) where current;

create table sa.shot (
  run_key bigint not null references sa.run on delete cascade,
  shot_id int not null,
  start_ms bigint not null check (start_ms >= 0),
  end_ms bigint not null check (end_ms > start_ms),
  begins text not null check (begins in ('start', 'cut', 'fade')),
  score double precision not null,
  primary key (run_key, shot_id)
);

create table sa.track (
  run_key bigint not null,
  track_id int not null,
  shot_id int not null,
  start_ms bigint not null check (start_ms >= 0),
  end_ms bigint not null check (end_ms > start_ms),
  detections int not null check (detections > 0),
  primary key (run_key, track_id),
  foreign key (run_key, shot_id) references sa.shot on delete cascade
);
create index track_shot on sa.track (run_key, shot_id);

create table sa.detection (
  run_key bigint not null references sa.run on delete cascade,
  detection_id int not null,
  track_id int, -- null: in no track
  at_ms bigint not null check (at_ms >= 0),
  x1 real not null,
  y1 real not null,
  x2 real not null check (x2 > x1),
  y2 real not null check (y2 > y1),
  score real not null,
  landmarks real[] not null check (cardinality(landmarks) = 10), -- x, y of five points
  primary key (run_key, detection_id),
  foreign key (run_key, track_id) references sa.track on delete cascade
);
create index detection_track on sa.detection (run_key, track_id);

create table sa.face (
  run_key bigint not null,
  face_id text not null,
  track_id int not null,
  detection_id int not null,
  at_ms bigint not null,
  x1 real not null,
  y1 real not null,
  x2 real not null,
  y2 real not null,
  score real not null,
  quality real not null,
  yaw_deg real not null,
  roll_deg real not null,
  sharpness real not null,
  size_px real not null,
  flags text[] not null,
  primary key (run_key, face_id),
  foreign key (run_key, track_id) references sa.track on delete cascade,
  foreign key (run_key, detection_id) references sa.detection on delete cascade
);
create index face_track on sa.face (run_key, track_id);
create index face_detection on sa.face (run_key, detection_id);

create table sa.cluster (
  run_key bigint not null references sa.run on delete cascade,
  cluster_id int not null,
  label text not null,
  person_key bigint references sa.person on delete set null,
  best_face_id text not null,
  cohesion double precision not null,
  purity_estimate double precision not null,
  primary key (run_key, cluster_id),
  unique (run_key, label),
  foreign key (run_key, best_face_id) references sa.face on delete cascade
);
create index cluster_face on sa.cluster (run_key, best_face_id);
create index cluster_person on sa.cluster (person_key);

create table sa.cluster_track (
  run_key bigint not null,
  cluster_id int not null,
  track_id int not null,
  primary key (run_key, track_id), -- a track is in one cluster at most
  foreign key (run_key, cluster_id) references sa.cluster on delete cascade,
  foreign key (run_key, track_id) references sa.track on delete cascade
);
create index cluster_track_cluster on sa.cluster_track (run_key, cluster_id);

create table sa.screen_time (
  run_key bigint not null,
  cluster_id int not null,
  person_key bigint references sa.person on delete set null,
  label text not null, -- as shown: a person's name, or the cluster's label
  visual_s double precision not null check (visual_s >= 0),
  speaking_s double precision check (speaking_s >= 0), -- null: not measured
  both_s double precision check (both_s >= 0),
  confidence double precision check (confidence between 0 and 1),
  share double precision not null check (share between 0 and 1),
  first_seen_ms bigint not null,
  last_seen_ms bigint not null check (last_seen_ms >= first_seen_ms),
  appearances int not null check (appearances >= 0),
  tracks int not null check (tracks >= 0),
  primary key (run_key, cluster_id),
  foreign key (run_key, cluster_id) references sa.cluster on delete cascade
);
create index screen_time_person on sa.screen_time (person_key);

create table sa.appearance (
  run_key bigint not null,
  appearance_id int not null,
  cluster_id int not null,
  label text not null,
  shot_id int not null,
  start_ms bigint not null check (start_ms >= 0),
  end_ms bigint not null check (end_ms > start_ms),
  track_ids int[] not null check (cardinality(track_ids) > 0),
  primary key (run_key, appearance_id),
  foreign key (run_key, cluster_id) references sa.cluster on delete cascade,
  foreign key (run_key, shot_id) references sa.shot on delete cascade
);
create index appearance_cluster on sa.appearance (run_key, cluster_id);
create index appearance_shot on sa.appearance (run_key, shot_id);
-- down
drop table sa.appearance;
drop table sa.screen_time;
drop table sa.cluster_track;
drop table sa.cluster;
drop table sa.face;
drop table sa.detection;
drop table sa.track;
drop table sa.shot;
drop table sa.run;
