-- A login that asks the views on a server sees the rows of its own shows and no other. Who it is, is `session_user`, which no login can
-- change by itself. Who may use the tables sees everything; of who has no line here nobody knows what they may see, so it is nothing.
-- up
create table sa.report_scope (
  login text primary key,
  shows text[], -- short codes; null: all
  created_at timestamptz not null default now(),
  check (shows is null or (cardinality(shows) > 0 and array_position(shows, null) is null))
);

-- The views as they were: what is shown of them is decided around them.
create schema sa_all;
alter view sa_report.v_episode set schema sa_all;
alter view sa_report.v_run set schema sa_all;
alter view sa_report.v_person set schema sa_all;
alter view sa_report.v_cast set schema sa_all;
alter view sa_report.v_shot set schema sa_all;
alter view sa_report.v_track set schema sa_all;
alter view sa_report.v_cluster set schema sa_all;
alter view sa_report.v_screen_time set schema sa_all;
alter view sa_report.v_appearance set schema sa_all;
alter view sa_report.v_assignment set schema sa_all;
alter view sa_report.v_change set schema sa_all;

-- One row, `everything`, if all rows may be seen; else the shows and the episodes that may be.
create view sa_all.everything as
select true as everything where has_schema_privilege(session_user, 'sa', 'usage')
  or exists (select from sa.report_scope r where r.login = session_user and r.shows is null);
create view sa_all.own_show as
select unnest(r.shows) as show from sa.report_scope r where r.login = session_user;
create view sa_all.own_episode as
select v.ep_id from sa_all.v_episode v where v.show in (select show from sa_all.own_show);

-- The barrier: no condition of a query is worked out on a row before it was found to be one of its own.
create view sa_report.v_episode with (security_barrier) as select * from sa_all.v_episode v
where exists (select from sa_all.everything) or v.ep_id in (select ep_id from sa_all.own_episode);
create view sa_report.v_run with (security_barrier) as select * from sa_all.v_run v
where exists (select from sa_all.everything) or v.ep_id in (select ep_id from sa_all.own_episode);
create view sa_report.v_shot with (security_barrier) as select * from sa_all.v_shot v
where exists (select from sa_all.everything) or v.ep_id in (select ep_id from sa_all.own_episode);
create view sa_report.v_track with (security_barrier) as select * from sa_all.v_track v
where exists (select from sa_all.everything) or v.ep_id in (select ep_id from sa_all.own_episode);
create view sa_report.v_cluster with (security_barrier) as select * from sa_all.v_cluster v
where exists (select from sa_all.everything) or v.ep_id in (select ep_id from sa_all.own_episode);
create view sa_report.v_screen_time with (security_barrier) as select * from sa_all.v_screen_time v
where exists (select from sa_all.everything) or v.ep_id in (select ep_id from sa_all.own_episode);
create view sa_report.v_appearance with (security_barrier) as select * from sa_all.v_appearance v
where exists (select from sa_all.everything) or v.ep_id in (select ep_id from sa_all.own_episode);
create view sa_report.v_assignment with (security_barrier) as select * from sa_all.v_assignment v
where exists (select from sa_all.everything) or v.ep_id in (select ep_id from sa_all.own_episode);
create view sa_report.v_change with (security_barrier) as select * from sa_all.v_change v
where exists (select from sa_all.everything) or v.ep_id in (select ep_id from sa_all.own_episode);
create view sa_report.v_cast with (security_barrier) as select * from sa_all.v_cast v
where exists (select from sa_all.everything) or v.show in (select show from sa_all.own_show);
-- Somebody is of a show by being in its cast, or seen in it.
create view sa_report.v_person with (security_barrier) as select * from sa_all.v_person v
where exists (select from sa_all.everything)
  or v.name in (select c.person from sa_all.v_cast c where c.show in (select show from sa_all.own_show))
  or v.person_id in (select a.person_id from sa_all.v_assignment a where a.ep_id in (select ep_id from sa_all.own_episode));
-- down
drop schema sa_report cascade;
drop view sa_all.own_episode, sa_all.own_show, sa_all.everything;
alter schema sa_all rename to sa_report;
drop table sa.report_scope;
