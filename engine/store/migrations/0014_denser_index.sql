-- A denser graph: of 100,000 tracks a search of width 400 finds 99.6% of the true ten nearest, where the sparser one (m 16, ef_construction 64)
-- found 98.2% at any width: some tracks could not be reached at all.
-- up
create or replace function sa.create_embedding_index(owner_type text, model_id text, dim int) returns void
language plpgsql as $$
begin
  -- A graph that does not fit in memory while it is built takes several times as long. Without helpers, which would want all of it
  -- at once, and in shared memory, of which containers have little.
  perform set_config('maintenance_work_mem', '1GB', true), set_config('max_parallel_maintenance_workers', '0', true);
  execute format(
    'create index %I on sa.embedding using hnsw ((vec::public.vector(%s)) public.vector_cosine_ops)'
    ' with (m = 32, ef_construction = 128) where owner_type = %L and model_id = %L',
    format('embedding_%s_%s', owner_type, left(md5(model_id), 12)), dim, owner_type, model_id);
end
$$;
do $$
declare
  index record;
begin
  perform set_config('maintenance_work_mem', '1GB', true), set_config('max_parallel_maintenance_workers', '0', true);
  for index in select indexname, indexdef from pg_indexes where schemaname = 'sa' and indexdef like '%USING hnsw%' loop
    execute format('drop index sa.%I', index.indexname);
    execute replace(index.indexdef, $q$(m='16', ef_construction='64')$q$, $q$(m='32', ef_construction='128')$q$);
  end loop;
end
$$;
-- down
create or replace function sa.create_embedding_index(owner_type text, model_id text, dim int) returns void
language plpgsql as $$
begin
  execute format(
    'create index %I on sa.embedding using hnsw ((vec::public.vector(%s)) public.vector_cosine_ops)'
    ' with (m = 16, ef_construction = 64) where owner_type = %L and model_id = %L',
    format('embedding_%s_%s', owner_type, left(md5(model_id), 12)), dim, owner_type, model_id);
end
$$;
do $$
declare
  index record;
begin
  for index in select indexname, indexdef from pg_indexes where schemaname = 'sa' and indexdef like '%USING hnsw%' loop
    execute format('drop index sa.%I', index.indexname);
    execute replace(index.indexdef, $q$(m='32', ef_construction='128')$q$, $q$(m='16', ef_construction='64')$q$);
  end loop;
end
$$;
