import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const startTimeoutMs = 15_000;
const stopTimeoutMs = 5_000;
const keptOutput = 4_000;

export interface ServerProcess {
  readonly port: number;
  /** Also the id of its process group. */
  readonly processId: number;
  /** What it printed last, of both streams. */
  lastOutput(): string;
  /** Ends it and whatever it started; resolves once it is gone. */
  stop(): Promise<void>;
}

const killers = new Set<() => void>();

/** Lets no server outlive this process, whether it ends by itself, by an error or by a signal. To be called once. */
export function endServersWithThisProcess(): void {
  process.once('exit', () => {
    for (const kill of killers) kill();
  });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
}

/**
 * Starts a program with a free PORT and METRICS_PORT and waits until it accepts connections. Rejects, with what it
 * printed last, when it ends first or takes too long.
 */
export async function startServer([program = '', ...args]: readonly string[]): Promise<ServerProcess> {
  const [port, metricsPort] = await freePorts();
  const child = spawn(program, args, {
    env: { ...process.env, PORT: String(port), METRICS_PORT: String(metricsPort), LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, so that whatever it starts is measured and ended with it.
    detached: true,
  });
  const { pid: processId } = child;
  if (processId === undefined) throw new Error(`'${program}' can't be started: ${String(await once(child, 'error'))}`);
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = `${output}${chunk.toString()}`.slice(-keptOutput);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);

  const ended = once(child, 'close');
  const kill = (): void => {
    signalGroup(processId, 'SIGKILL');
  };
  killers.add(kill);
  const stop = async (): Promise<void> => {
    signalGroup(processId, 'SIGTERM');
    const impatience = setTimeout(kill, stopTimeoutMs);
    await ended;
    clearTimeout(impatience);
    killers.delete(kill);
  };

  const giveUpAt = performance.now() + startTimeoutMs;
  while (child.exitCode === null && child.signalCode === null && performance.now() < giveUpAt) {
    if (await isListening(port)) return { port, processId, lastOutput: () => output, stop };
    await delay(50);
  }
  await stop();
  throw new Error(`'${[program, ...args].join(' ')}' did not listen on PORT=${port}; its last output:\n${output}`);
}

function signalGroup(processId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-processId, signal);
  } catch {
    // The group is gone already.
  }
}

/** Two different ports that nobody listens on. */
async function freePorts(): Promise<readonly [number, number]> {
  const [first, second] = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '127.0.0.1')];
  await Promise.all([once(first, 'listening'), once(second, 'listening')]);
  const ports = [(first.address() as AddressInfo).port, (second.address() as AddressInfo).port] as const;
  await Promise.all([first, second].map((server) => once(server.close(), 'close')));
  return ports;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
