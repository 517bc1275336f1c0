import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { freePort } from './free-port.js';

const startTimeoutMs = 30_000;
const stopTimeoutMs = 15_000;

/** `serve` of the build, as it is deployed. */
export interface ServeProcess {
  readonly port: number;
  readonly operatorPort: number;
  readonly processId: number;
  /** From starting it to the first answer of `/health`. */
  readonly healthyAfterMs: number;
  /** What its log says that opening the store took, from the configuration to the claimed lanes. */
  readonly storeMs: number | undefined;
  /** What waits in the store, as it was up to a second ago. */
  storedEvents(): Promise<number>;
  lastOutput(): string;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Rejects, with what it printed last, when it ends first or takes too long. */
export async function startServe(
  configFile: string,
  environment: Readonly<Record<string, string>>,
): Promise<ServeProcess> {
  const [port, operatorPort] = [await freePort(), await freePort()];
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['dist/cli/main.js', 'serve', '--config', configFile], {
    env: { ...process.env, ...environment, PORT: String(port), METRICS_PORT: String(operatorPort) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const ended = once(child, 'exit').then(() => running.delete(child));
  let output = '';
  let storeMs: number | undefined;
  const keep = (chunk: Buffer): void => {
    const text = chunk.toString();
    const [, ms] = /"event":"store".*"ms":(\d+)/.exec(text) ?? [];
    if (ms !== undefined) storeMs = Number(ms);
    output = `${output}${text}`.slice(-4_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const impatience = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await ended;
    clearTimeout(impatience);
  };
  const health = `http://127.0.0.1:${operatorPort}/health`;
  while (child.exitCode === null && child.pid !== undefined && performance.now() < startedAt + startTimeoutMs) {
    if (await isAnswering(health)) {
      const healthyAfterMs = performance.now() - startedAt;
      // The line in the log may come just after the answer.
      for (let waited = 0; storeMs === undefined && waited < 100; waited += 1) await delay(20);
      return {
        ...{ port, operatorPort, processId: child.pid, healthyAfterMs, storeMs, stop },
        storedEvents: async () => {
          const answer = (await (await fetch(health)).json()) as { readonly stored: { readonly events: number } };
          return answer.stored.events;
        },
        lastOutput: () => output,
      };
    }
    await delay(5);
  }
  await stop();
  throw new Error(`serve did not start; its last output:\n${output}`);
}

async function isAnswering(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
