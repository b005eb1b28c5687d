import { ConfigProblem, type Loaded, loadConfig } from '#config/load.ts';
import { ERRORS, ScreenalyticsError } from '#engine/core/errors.ts';
import { openLog } from '#engine/core/log.ts';
import { openEngine } from '#engine/engine.ts';
import type { Answered, Question } from '#mcps/kit/caller.ts';
import { settle } from '#mcps/kit/errors.ts';
import packageFacts from '../package.json' with { type: 'json' };
import type { Answer, Command } from './commands.ts';
import { findCommand } from './commands.ts';
import { errorJson, errorText } from './errors.ts';
import { readFlags } from './flags.ts';
import { overview, overviewOf, similar } from './help.ts';
import { jsonLines, type Reporter, terminalBar } from './progress.ts';

/** Where a command is asked from and answered to. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly signal: AbortSignal;
  /** Asks the person at the controlling terminal; absent: nobody can be asked. */
  confirm?(question: Question): Promise<Answered>;
}

/** Words in, exit code out. Results go to stdout; progress and errors to stderr, or with --json everything to stdout. */
export async function runProgram(
  commands: readonly Command[],
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const json = argv.includes('--json');
  try {
    return await dispatch(commands, argv, terminal, json);
  } catch (thrown) {
    const error = settle(thrown, openLog('error'));
    if (json) terminal.stdout.write(`${JSON.stringify(errorJson(error))}\n`);
    else terminal.stderr.write(`${errorText(error)}\n`);
    return findCommand(commands, argv)?.fails_with ?? ERRORS[error.code].exit;
  }
}

async function dispatch(commands: readonly Command[], argv: readonly string[], terminal: Terminal, json: boolean) {
  const wanted = argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
  const command = findCommand(commands, wanted);
  if (command === undefined) {
    terminal.stdout.write(withoutCommand(commands, wanted));
    return 0;
  }
  const rest = wanted.slice(command.words.length);
  const parsed = readFlags(command, rest, presentValues(terminal.env));
  if ('help' in parsed) {
    terminal.stdout.write(parsed.help);
    return 0;
  }
  const answer = await perform(command, parsed.input, loadConfig(terminal.env), terminal, json);
  const rules = terminal.stdout.isTTY === true;
  // A server has said all it had to say, in frames.
  if (answer.output === undefined) return 0;
  terminal.stdout.write(`${json ? JSON.stringify(answer.output) : answer.text({ rules })}\n`);
  return answer.ok ? 0 : 1;
}

/** What can be asked, all of it or what begins with these words; or which version this is. */
function withoutCommand(commands: readonly Command[], wanted: readonly string[]): string {
  const [word] = wanted.filter((each) => each !== '--json');
  if (word === undefined || word === '--help' || word === '-h') return overview(commands);
  if (word === '--version') return `screenalytics ${packageFacts.version}\n`;
  const begun = wanted.filter((each) => !each.startsWith('-'));
  const said = overviewOf(commands, begun);
  if (said === undefined) throw unknownCommand(commands, wanted);
  return said;
}

async function perform(
  command: Command,
  input: Record<string, unknown>,
  loaded: Loaded,
  terminal: Terminal,
  json: boolean,
): Promise<Answer> {
  const engine = openEngine(loaded);
  const reporter = reporterFor(terminal, json);
  try {
    const { signal, confirm } = terminal;
    return await command.run(input, {
      engine,
      signal,
      ...(confirm && { confirm }),
      progress: (now) => reporter.show(now),
    });
  } finally {
    reporter.close();
    await engine.close();
  }
}

function reporterFor({ stdout, stderr }: Terminal, json: boolean): Reporter {
  if (json) return jsonLines((line) => stdout.write(line));
  if (stdout.isTTY && stderr.isTTY) return terminalBar(stderr);
  return jsonLines((line) => stderr.write(line));
}

function unknownCommand(commands: readonly Command[], argv: readonly string[]): ScreenalyticsError {
  const near = similar(commands, argv);
  const problem = `there is no command "${argv.filter((word) => !word.startsWith('-')).join(' ')}"`;
  const mean = near.length === 0 ? 'screenalytics help lists them' : `did you mean: ${near.join(', ')}`;
  return new ScreenalyticsError('INPUT_INVALID', { problem: `${problem}; ${mean}` });
}

/** The present value of `section.key`, for the help, which must also work with a configuration that does not. */
function presentValues(env: NodeJS.ProcessEnv): (key: string) => unknown {
  let config: unknown;
  try {
    config = loadConfig(env).config;
  } catch (error) {
    if (!(error instanceof ConfigProblem)) throw error;
  }
  const inside = (value: unknown, part: string): unknown =>
    typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined;
  return (key) => key.split('.').reduce(inside, config) ?? 'not set';
}
