import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { repositoryRoot } from './documentation.js';

export interface CliOptions {
  /** The whole environment, beside PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Options of node itself. */
  readonly node?: readonly string[];
  /** Written to standard input at the reader's pace. */
  readonly input?: Iterable<string>;
  /** Stops reading standard output after the first piece. */
  readonly leaveEarly?: boolean;
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Characters on standard output, of which only the first million are kept. */
  readonly written: number;
}

const keptOutput = 1_000_000;

/** Runs a command of the build to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const { input = [], leaveEarly = false } = options;
  const child = startNode(args, options);
  let stdout = '';
  let stderr = '';
  let written = 0;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    written += text.length;
    if (stdout.length < keptOutput) stdout += text;
    if (leaveEarly) child.stdout?.destroy();
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const closed = once(child, 'close');
  const isOver = new Promise<void>((resolve) => child.once('close', resolve));
  const { stdin } = child;
  // A command that stops reading ends the input; that is its right.
  stdin?.on('error', () => undefined);
  for (const text of input) {
    if (stdin?.writable !== true) break;
    if (!stdin.write(text)) {
      const waiting = new AbortController();
      await Promise.race([once(stdin, 'drain', { signal: waiting.signal }).catch(() => undefined), isOver]);
      waiting.abort();
    }
  }
  stdin?.end();
  const [code] = (await closed) as [number | null];
  return { code, stdout, stderr, written };
}

export interface RunningCli {
  readonly pid: number;
  /** The first line of the log with this message. */
  logged(message: string): Promise<Readonly<Record<string, unknown>>>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<CliResult>;
}

/** Starts a command that runs until it is stopped, and logs JSON lines. */
export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const child = startNode(args, options);
  child.stdin?.end();
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    stdout,
    stderr,
    written: stdout.length,
  }));
  const find = (message: string): Readonly<Record<string, unknown>> | undefined =>
    stdout
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
      .find(({ msg }) => msg === message);
  return {
    pid: child.pid ?? 0,
    ended,
    kill: (signal) => child.kill(signal),
    logged: (message) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const line = find(message);
          if (line === undefined) return;
          child.stdout?.off('data', look);
          resolve(line);
        };
        child.stdout?.on('data', look);
        void ended.then(() => {
          reject(new Error(`ended without "${message}": ${stdout}${stderr}`));
        });
        look();
      }),
  };
}

function startNode(args: readonly string[], { env = {}, cwd = repositoryRoot, node = [] }: CliOptions): ChildProcess {
  return spawn(process.execPath, [...node, `${repositoryRoot}dist/cli/main.js`, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: 'pipe',
  });
}
