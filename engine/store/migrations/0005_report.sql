-- What analysts and agents may read: no vectors, no keys of ours.
-- up
create view sa_report.v_episode as
select e.ep_id, s.slug as show, n.number as season, n.label as season_label, e.number, e.title, e.air_date, e.source_name,
  e.duration_ms, e.fps, e.width, e.height, e.status, e.season_key is null as legacy, e.created_at, e.updated_at
from sa.episode e
left join sa.season n on n.season_key = e.season_key
left join sa.show s on s.show_key = n.show_key;

create view sa_report.v_run as
select e.ep_id, r.run_id, r.current, r.analyzed_fps, r.detector, r.embedder, r.tracker, r.device, r.duration_ms, r.counts,
  r.settings_hash, r.created_at
from sa.run r
join sa.episode e on e.episode_key = r.episode_key;

create view sa_report.v_person as
select p.name, p.created_at, p.updated_at from sa.person p;

create view sa_report.v_cast as
select s.slug as show, n.number as season, p.name as person
from sa.cast_membership m
join sa.season n on n.season_key = m.season_key
join sa.show s on s.show_key = n.show_key
join sa.person p on p.person_key = m.person_key;

create view sa_report.v_shot as
select e.ep_id, r.run_id, r.current, t.shot_id, t.start_ms, t.end_ms, t.begins
from sa.shot t
join sa.run r on r.run_key = t.run_key
join sa.episode e on e.episode_key = r.episode_key;

create view sa_report.v_track as
select e.ep_id, r.run_id, r.current, t.track_id, t.shot_id, t.start_ms, t.end_ms, t.detections, c.label as cluster
from sa.track t
join sa.run r on r.run_key = t.run_key
join sa.episode e on e.episode_key = r.episode_key
left join sa.cluster_track m on m.run_key = t.run_key and m.track_id = t.track_id
left join sa.cluster c on c.run_key = m.run_key and c.cluster_id = m.cluster_id;

create view sa_report.v_cluster as
select e.ep_id, r.run_id, r.current, c.cluster_id, c.label, p.name as person, c.cohesion, c.purity_estimate,
  (select count(*) from sa.cluster_track m where m.run_key = c.run_key and m.cluster_id = c.cluster_id) as tracks
from sa.cluster c
join sa.run r on r.run_key = c.run_key
join sa.episode e on e.episode_key = r.episode_key
left join sa.person p on p.person_key = c.person_key;

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
-- down
drop view sa_report.v_appearance, sa_report.v_screen_time, sa_report.v_cluster, sa_report.v_track, sa_report.v_shot,
  sa_report.v_cast, sa_report.v_person, sa_report.v_run, sa_report.v_episode;
