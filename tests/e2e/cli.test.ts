import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { stopOwner } from '#engine/store/embedded.ts';
import { commandLine } from '../support/command-line.ts';
import { program } from '../support/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'screenalytics-cli-'));
const home = join(folder, 'home');
const { cli, start } = commandLine({ cwd: folder, home });
afterAll(async () => {
  await stopOwner(home);
  rmSync(folder, { recursive: true, force: true });
});

test('without a command it says what can be asked', async () => {
  const { code, stdout, stderr } = await cli();
  expect(code).toBe(0);
  expect(stderr).toBe('');
  for (const words of [
    'run episode [source]',
    'run sample',
    'plan [source]',
    'show [episode]',
    'export [episode]',
    'models list',
    'doctor',
  ])
    expect(stdout).toContain(words);
});

test('help of a command shows its flags with the values that hold', async () => {
  const { code, stdout } = await cli('help', 'run', 'episode');
  expect(code).toBe(0);
  expect(stdout).toContain('--scene-threshold <number>');
  expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(/\(sampling\.profile: baseline\)/);
  expect((await cli('run', 'episode', '--help')).stdout).toBe(stdout);
});

test.each([
  ['a missing file', ['run', 'episode', 'nowhere.mp4'], 3, 'MEDIA_NOT_FOUND'],
  ['an unknown episode', ['show', 'nobody-s01e01'], 3, 'EPISODE_NOT_FOUND'],
  ['an unknown flag', ['run', 'episode', 'a.mp4', '--fqs', '3'], 2, 'INPUT_INVALID'],
  ['a value that is no number', ['run', 'episode', 'a.mp4', '--stride', 'two'], 2, 'INPUT_INVALID'],
  ['a value outside its limits', ['run', 'episode', 'a.mp4', '--scene-threshold', '3'], 2, 'INPUT_INVALID'],
  ['a forgotten source', ['run', 'episode'], 2, 'INPUT_INVALID'],
  ['an unknown command', ['rnu', 'episode'], 2, 'INPUT_INVALID'],
])('%s: an exit code, and two lines that say what happened and what to do', async (_, args, exit, error) => {
  const { code, stdout, stderr } = await cli(...args);
  expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
  expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(`^${error}: `), expect.stringMatching(/\S/)]);
});

test('with --json an error is one object on stdout', async () => {
  const { code, stdout, stderr } = await cli('run', 'episode', 'nowhere.mp4', '--json');
  expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
  const details = { file: 'nowhere.mp4' };
  expect(JSON.parse(stdout)).toEqual({
    error: { code: 'MEDIA_NOT_FOUND', message: expect.any(String), hint: expect.any(String), details },
  });
});

test('a configuration that is not valid is named with its key', async () => {
  const file = join(folder, 'wrong.yaml');
  writeFileSync(file, 'sampling: { profil: fast }\n');
  const { code, stderr } = await start(['show'], { SCREENALYTICS_CONFIG: file }).ended;
  expect(code).toBe(2);
  expect(stderr).toContain('CONFIG_INVALID');
  expect(stderr).toContain('profil');
});

test('what is needed is named before anything is opened; the first word of several commands lists them', async () => {
  const ran = (...argv: string[]) => program(argv, { home });
  const refused = async (...argv: string[]) => {
    const { code, stdout, stderr } = await ran(...argv);
    expect(stdout).toBe('');
    return `${code} ${stderr.split('\n')[0]}`;
  };
  expect(await refused('assign', '--create')).toMatch(
    /^2 INPUT_INVALID.*\(episode: is needed; person: is needed; see: screenalytics help assign\)$/,
  );
  expect(await refused('connect')).toContain('client: is needed: codex, claude, vscode, cursor;');
  expect(await refused('connect', 'claude', join(folder, 'none'))).toMatch(/folder: there is no .*none/);
  expect(await refused('playbook', 'run', 'x', '--dry')).toContain('did_you_mean: --dry-run');
  expect(await refused('task')).toMatch(/^1 INPUT_INVALID.*task: is needed/);
  const listed = await ran('playbook');
  expect(listed).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringContaining('playbook schedule [playbook]'),
  });
  expect(listed.stdout).not.toContain('doctor');
  expect(await ran('help', 'playbook')).toEqual(listed);
  expect((await ran('--version')).stdout).toMatch(/^screenalytics \d+\.\d+\.\d+\n$/);
  expect(await refused('--fps')).toMatch(/^2 INPUT_INVALID/);
});

test('a near miss is recognised', async () => {
  const { stderr } = await cli('modles', 'list');
  expect(stderr).toContain('did you mean: models list');
});
