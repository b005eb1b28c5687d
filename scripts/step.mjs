// One step of set-up: a program that runs while we tell how long it has been running. Plain JS, no dependencies, any Node from 20.
import { spawn } from 'node:child_process';

const PLAIN_EVERY_MS = 10_000;
const SPIN_EVERY_MS = 120;
const FRAMES = ['|', '/', '-', '\\'];

/** An expected failure of set-up: one sentence of what happened and one of what to do. */
export class SetupProblem extends Error {
  constructor(sentence, remedy, exit = 1) {
    super(`${sentence} ${remedy}`);
    this.exit = exit;
  }
}

/** Words for people go to stderr: stdout belongs to the results. */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Runs a program and keeps what it says. Gives { code, output }; rejects only when it cannot be started. */
export function runStep(title, command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const output = keepLast(child);
  const progress = showProgress(title);
  const stopForwarding = forwardSignals(child);
  return new Promise((resolve, reject) => {
    const settle = (after) => {
      progress.stop();
      stopForwarding();
      after();
    };
    child.on('error', (error) => settle(() => reject(error)));
    child.on('close', (code, signal) =>
      settle(() => {
        if (signal === 'SIGINT' || signal === 'SIGTERM') process.exit(signal === 'SIGINT' ? 130 : 143);
        resolve({ code: code ?? 1, output: output() });
      }),
    );
  });
}

function keepLast(child) {
  let text = '';
  const add = (chunk) => {
    text = (text + chunk).slice(-200_000);
  };
  child.stdout.setEncoding('utf8').on('data', add);
  child.stderr.setEncoding('utf8').on('data', add);
  return () => text;
}

/** A turning line with seconds on a terminal; elsewhere a line at the start and one every ten seconds. */
function showProgress(title) {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  if (!process.stderr.isTTY) {
    say(`${title} ...`);
    const timer = setInterval(() => say(`${title} ... ${seconds()} s`), PLAIN_EVERY_MS);
    return { stop: () => clearInterval(timer) };
  }
  let turn = 0;
  const timer = setInterval(() => {
    turn = (turn + 1) % FRAMES.length;
    process.stderr.write(`\r\x1b[K${FRAMES[turn]} ${title} ... ${seconds()} s`);
  }, SPIN_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      process.stderr.write(`\r\x1b[K${title}: ${seconds()} s\n`);
    },
  };
}

function forwardSignals(child) {
  const forward = (signal) => child.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  return () => process.off('SIGINT', forward).off('SIGTERM', forward);
}
