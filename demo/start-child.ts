import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import { isJsonObject, type JsonObject } from './json.js';

const keptLines = 200;

export interface ChildOptions {
  /** What to call it in messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: URL;
  readonly env: Readonly<Record<string, string>>;
  /** Ends the wait for it. */
  readonly signal: AbortSignal;
  /** How long it may take until it listens. */
  readonly startTimeoutMs?: number;
  /** How long it may take to end by itself, before it is killed. */
  readonly stopTimeoutMs?: number;
}

export interface Child {
  /** The line in which it said that it listens. */
  readonly listening: JsonObject;
  /** Rejects when the child ends without having been asked to. */
  readonly failure: Promise<never>;
  /** Ends the child; resolves once it is gone. */
  stop(): Promise<void>;
}

/** A child ended or kept silent; the message holds what it printed last. */
export class ChildError extends Error {
  constructor(name: string, what: string, output: readonly string[]) {
    const shown = output.length > 0 ? `its last output:\n${output.map((line) => `  ${line}`).join('\n')}` : 'no output';
    super(`${name} ${what}; ${shown}`);
    this.name = 'ChildError';
  }
}

/**
 * Starts a program and waits for the JSON line on its standard output whose `event` is `listening`. The program never
 * outlives this process, however it ends.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, command, args, cwd, env, signal, startTimeoutMs = 20_000, stopTimeoutMs = 15_000 } = options;
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // In a process group of its own, so that Ctrl-C reaches this process only, which then ends its children in order.
    detached: true,
  });
  const killNow = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', killNow);

  const output: string[] = [];
  const keep = (line: string): void => {
    output.push(line);
    if (output.length > keptLines) output.shift();
  };
  createInterface({ input: child.stderr }).on('line', keep);
  const stdout = createInterface({ input: child.stdout });

  let isStopping = false;
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      resolve(`could not be started: ${error.message}`);
    });
    // 'close' comes after 'exit', when its output has been read to the end.
    child.once('close', (code, signal) => {
      resolve(signal === null ? `ended with code ${code ?? '?'}` : `was ended by ${signal}`);
    });
  });
  void ended.then(() => process.removeListener('exit', killNow));
  const failure = ended.then((how): Promise<never> => {
    // Asked to end, it has not failed: nobody is told.
    return isStopping ? new Promise<never>(() => undefined) : Promise.reject(new ChildError(name, how, output));
  });
  failure.catch(() => undefined);

  const stop = async (): Promise<void> => {
    isStopping = true;
    child.kill('SIGTERM');
    const impatience = setTimeout(killNow, stopTimeoutMs);
    await ended;
    clearTimeout(impatience);
  };

  let patience: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(new ChildError(name, 'was not waited for', output));
    });
    patience = setTimeout(() => {
      reject(new ChildError(name, `did not listen within ${startTimeoutMs / 1000} s`, output));
    }, startTimeoutMs);
  });
  const listening = new Promise<JsonObject>((resolve) => {
    stdout.on('line', (line) => {
      keep(line);
      const entry = jsonLine(line);
      if (entry?.event === 'listening') resolve(entry);
    });
  });
  try {
    return { listening: await Promise.race([listening, failure, silence]), failure, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(patience);
  }
}

function jsonLine(line: string): JsonObject | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
