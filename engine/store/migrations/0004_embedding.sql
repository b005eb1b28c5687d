-- Vectors of tracks (templates) and of facebank seeds. Two models' vectors never share an index.
-- up
create extension if not exists vector with schema public;

create table sa.embedding (
  embedding_key bigint generated always as identity primary key,
  owner_type text not null check (owner_type in ('facebank', 'track')),
  model_id text not null,
  vec public.vector not null,
  dispersion double precision,
  quality double precision,
  run_key bigint,
  track_id int,
  person_key bigint references sa.person on delete cascade,
  seed_id text,
  check ((owner_type = 'track') = (run_key is not null and track_id is not null and person_key is null and seed_id is null)),
  check ((owner_type = 'facebank') = (person_key is not null and seed_id is not null and run_key is null and track_id is null)),
  unique (run_key, track_id, model_id),
  unique (person_key, seed_id, model_id),
  foreign key (run_key, track_id) references sa.track on delete cascade
);

-- An HNSW index needs one dimension, and models have different ones: an index per owner type and model, made after the
-- model's first vectors came (in bulk it takes a third of the time). Who is to make it must ask before inserting: from
-- then on others who are to make one wait, else two who have inserted would wait for each other's table lock.
create function sa.embedding_index_missing(owner_type text, model_id text) returns boolean
language plpgsql as $$
declare
  index_name text := format('sa.embedding_%s_%s', owner_type, left(md5(model_id), 12));
begin
  if to_regclass(index_name) is not null then
    return false;
  end if;
  perform pg_advisory_xact_lock(7264002);
  return to_regclass(index_name) is null;
end
$$;

create function sa.create_embedding_index(owner_type text, model_id text, dim int) returns void
language plpgsql as $$
begin
  execute format(
    'create index %I on sa.embedding using hnsw ((vec::public.vector(%s)) public.vector_cosine_ops)'
    ' with (m = 16, ef_construction = 64) where owner_type = %L and model_id = %L',
    format('embedding_%s_%s', owner_type, left(md5(model_id), 12)), dim, owner_type, model_id);
end
$$;
-- down
drop function sa.create_embedding_index(text, text, int);
drop function sa.embedding_index_missing(text, text);
drop table sa.embedding;
-- The extension stays: others in the same database may use it.
