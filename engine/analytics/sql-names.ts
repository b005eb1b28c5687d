/** What a query may use by name. What is not named here is refused, so a newer Postgres brings nothing in by itself. */

const words = (text: string): string[] => text.trim().split(/\s+/);

/**
 * Functions of Postgres that compute from their arguments alone. Left out: whatever reads or sets something of the
 * server, reads a table that is named in a text, waits, locks, writes, or makes a huge value of a small one.
 */
export const FUNCTIONS: ReadonlySet<string> = new Set([
  // aggregates
  ...words('count sum avg min max any_value bool_and bool_or every array_agg string_agg bit_and bit_or bit_xor'),
  ...words('stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp'),
  ...words('regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy'),
  ...words('mode percentile_cont percentile_disc json_agg jsonb_agg json_object_agg jsonb_object_agg'),
  // windows
  ...words('row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value'),
  // numbers
  ...words('abs ceil ceiling floor round trunc sign sqrt cbrt power exp ln log log10 mod div gcd lcm width_bucket'),
  ...words('degrees radians pi sin cos tan asin acos atan atan2'),
  // text
  ...words('length char_length character_length octet_length lower upper initcap btrim ltrim rtrim substr substring'),
  ...words('left right reverse replace translate position strpos split_part concat concat_ws starts_with overlay'),
  ...words('ascii chr md5 quote_literal quote_nullable to_number similar_to_escape like_escape normalize'),
  ...words('regexp_replace regexp_match regexp_count regexp_instr regexp_like regexp_substr regexp_split_to_array'),
  ...words('regexp_matches regexp_split_to_table string_to_array array_to_string string_to_table'),
  // dates
  ...words('now date_trunc date_part extract age to_char to_date to_timestamp make_date make_time make_timestamp'),
  ...words('make_interval justify_days justify_hours justify_interval timezone date_bin isfinite overlaps'),
  // lists and json
  ...words('unnest generate_series generate_subscripts cardinality array_length array_position array_positions'),
  ...words('array_append array_cat array_prepend array_remove array_lower array_upper array_ndims'),
  ...words('to_json to_jsonb row_to_json json_build_object json_build_array jsonb_build_object jsonb_build_array'),
  ...words('json_array_length jsonb_array_length json_typeof jsonb_typeof jsonb_pretty jsonb_strip_nulls'),
  ...words('json_each json_each_text jsonb_each jsonb_each_text json_object_keys jsonb_object_keys'),
  ...words('json_array_elements json_array_elements_text jsonb_array_elements jsonb_array_elements_text'),
  ...words('json_extract_path json_extract_path_text jsonb_extract_path jsonb_extract_path_text'),
  ...words('num_nulls num_nonnulls'),
]);

/** By the names that the grammar gives them. None of these reads a name of something (`regclass`) or pads (`char`). */
export const TYPES: ReadonlySet<string> = new Set([
  ...words('bool int2 int4 int8 float4 float8 numeric text varchar json jsonb uuid'),
  ...words('date time timetz timestamp timestamptz interval'),
]);

export const OPERATORS: ReadonlySet<string> = new Set(
  words('+ - * / % ^ = <> != < > <= >= || ~ ~* !~ !~* ~~ ~~* !~~ !~~* -> ->> #> #>> @> <@ ? ?| ?& && & | #'),
);

/** Names that Postgres itself gives to columns that were given none. */
export const IMPLIED_COLUMNS: ReadonlySet<string> = new Set(
  words('?column? case coalesce greatest least nullif array row exists bool grouping ordinality key value'),
);

/** What the grammar knows as words without brackets. */
export const MOMENTS: ReadonlySet<string> = new Set(
  words('SVFOP_CURRENT_DATE SVFOP_CURRENT_TIME SVFOP_CURRENT_TIMESTAMP SVFOP_LOCALTIME SVFOP_LOCALTIMESTAMP'),
);
