import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A real PostgreSQL 15 with pgvector, of this test alone: its own folder, no TCP port, gone afterwards. On Debian as
 * root what is missing is installed first, pgvector from source (Debian 12 has no package of it).
 */
export interface PostgresServer {
  url: string;
  /** The same server, another database, created empty. */
  createDatabase(name: string): string;
  stop(): void;
}

const BIN = '/usr/lib/postgresql/15/bin';
const EXTENSION = '/usr/share/postgresql/15/extension/vector.control';
const STEP_MS_MAX = 300_000;

/** Undefined, and said loudly, where it can't be had. */
export function startPostgres(): PostgresServer | undefined {
  try {
    install();
  } catch (error) {
    console.warn(`SKIPPED for want of PostgreSQL 15 with pgvector: the store on a real server. ${String(error)}`);
    return undefined;
  }
  for (const left of abandoned()) stopServer(left);
  const folder = mkdtempSync(join(tmpdir(), `sa-pg-${process.pid}-`));
  const user = unprivileged();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const run = (program: string, ...args: string[]) =>
    execFileSync(join(BIN, program), args, { ...user, cwd: folder, stdio: 'pipe', timeout: STEP_MS_MAX });
  run('initdb', '-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C');
  const settings = `-c listen_addresses='' -c unix_socket_directories='${folder}' -c fsync=off`;
  run('pg_ctl', 'start', '-w', '-s', '-D', data, '-l', join(folder, 'log'), '-o', settings);
  const urlOf = (name: string) => `postgresql://postgres@localhost/${name}?host=${encodeURIComponent(folder)}`;
  return {
    url: urlOf('postgres'),
    createDatabase: (name) => {
      run('createdb', '-h', folder, '-U', 'postgres', name);
      return urlOf(name);
    },
    stop: () => stopServer(folder),
  };
}

function stopServer(folder: string): void {
  const data = join(folder, 'data');
  const args = ['stop', '-m', 'immediate', '-s', '-D', data];
  if (existsSync(join(data, 'postmaster.pid')))
    execFileSync(join(BIN, 'pg_ctl'), args, { ...unprivileged(), cwd: folder, stdio: 'pipe', timeout: STEP_MS_MAX });
  rmSync(folder, { recursive: true, force: true });
}

/** Folders of test processes that were killed before they could stop their server. */
function abandoned(): string[] {
  return readdirSync(tmpdir())
    .filter((name) => {
      const pid = /^sa-pg-(\d+)-/.exec(name)?.[1];
      return pid !== undefined && !existsSync(`/proc/${pid}`);
    })
    .map((name) => join(tmpdir(), name));
}

/** Postgres refuses to run as root. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function install(): void {
  const missing = [`${BIN}/postgres`, EXTENSION].filter((file) => !existsSync(file));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version'))
    throw new Error(`${missing.join(', ')} is missing, and only root on Debian can install it here`);
  console.warn(`installing PostgreSQL 15 and pgvector for the tests: ${missing.join(', ')} is missing`);
  if (!existsSync(`${BIN}/postgres`)) installServer();
  if (!existsSync(EXTENSION)) buildVector();
}

function installServer(): void {
  apt(['update', '-q']);
  // The package would otherwise start a cluster of its own on the machine's public port.
  const settings = '/etc/postgresql-common/createcluster.conf';
  if (!existsSync(settings)) {
    mkdirSync('/etc/postgresql-common', { recursive: true });
    writeFileSync(settings, 'create_main_cluster = false\n');
  }
  aptInstall('postgresql-15');
}

function buildVector(): void {
  apt(['update', '-q']);
  aptInstall('postgresql-server-dev-15', 'build-essential');
  const folder = mkdtempSync(join(tmpdir(), 'sa-pgvector-'));
  try {
    for (const name of ['sources', 'lists/partial', 'cache']) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, 'sources/vector.sources'), sourceOfNextDebian());
    // Its own lists and sources: the machine's package state stays as it is.
    const own = ['SourceList=/dev/null', `SourceParts=${folder}/sources`].map((o) => `Dir::Etc::${o}`);
    const options = [
      ...own,
      `Dir::State::Lists=${folder}/lists`,
      `Dir::Cache=${folder}/cache`,
      'APT::Sandbox::User=root',
    ];
    const flags = options.flatMap((option) => ['-o', option]);
    apt([...flags, 'update', '-q'], folder);
    apt([...flags, 'source', '--download-only', 'pgvector'], folder);
    const archive = readdirSync(folder).find((file) => /^pgvector_.*\.orig\.tar\.gz$/.test(file));
    if (archive === undefined) throw new Error('apt-get source brought no archive of pgvector');
    mkdirSync(join(folder, 'source'));
    const step = (program: string, ...args: string[]) =>
      execFileSync(program, args, { cwd: join(folder, 'source'), stdio: 'pipe', timeout: STEP_MS_MAX });
    step('tar', 'xf', join(folder, archive), '--strip-components=1');
    const make = ['with_llvm=no', 'OPTFLAGS=', `PG_CONFIG=${BIN}/pg_config`];
    step('make', '-j2', ...make);
    step('make', 'install', ...make);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A source list for Debian 13, from the mirror that this machine uses already. */
function sourceOfNextDebian(): string {
  const folder = '/etc/apt/sources.list.d';
  const parts = existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : [];
  const text = ['/etc/apt/sources.list', ...parts]
    .filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const mirror = /^(?:URIs:|deb(?: \[.*?\])?)\s+(\S+\/debian)\/?\s/m.exec(text)?.[1];
  if (mirror === undefined) throw new Error('no Debian mirror is named in /etc/apt');
  const key = '/usr/share/keyrings/debian-archive-keyring.gpg';
  return `Types: deb-src\nURIs: ${mirror}\nSuites: trixie\nComponents: main\nSigned-By: ${key}\n`;
}

export function aptInstall(...packages: string[]): void {
  apt(['install', '-y', '-q', '--no-install-recommends', '-o', 'Dpkg::Options::=--force-confold', ...packages]);
}

export function apt(args: string[], cwd = '/'): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  execFileSync('apt-get', [...wait, ...args], { cwd, env, stdio: 'pipe', timeout: STEP_MS_MAX });
}
