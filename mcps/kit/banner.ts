import type { Config } from '#config/schema.ts';
import packageFacts from '../../package.json' with { type: 'json' };

/** What a process works with, on one line and without secrets: version, places, whose queue, and who callers may be. */
export function banner({ home, database_url, redis_url, services }: Config): string {
  const database = database_url === null ? 'embedded database' : `database on ${hostOf(database_url)}`;
  const queue = redis_url === null ? 'jobs in the database' : `jobs in Redis on ${hostOf(redis_url)}`;
  return `${packageFacts.version}, storage local at ${home}, ${database}, ${queue}, profile ${services.profile}`;
}

/** Host and port of an address that may hold a password. */
export function hostOf(url: string): string {
  const parsed = URL.parse(url);
  return parsed?.searchParams.get('host') ?? (parsed?.host || 'a socket');
}
