import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { FaultAction } from '../../../../src/destinations/heap/simulator/fault-rule.js';
import {
  startSimulator,
  type Simulator,
  type StartSimulatorOptions,
} from '../../../../src/destinations/heap/simulator/start-simulator.js';
import { appId, noon } from './post-to-heap.js';

const event = { app_id: appId, identity: 'alice', event: 'Signed Up' };
const open: Simulator[] = [];

async function start(options: StartSimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ now: () => noon, ...options });
  open.push(simulator);
  return simulator;
}

async function startWithFault(action: FaultAction): Promise<Simulator> {
  const simulator = await start();
  const answer = await post(simulator, '/_simulator/faults', { action });
  expect(answer.status).toBe(200);
  return simulator;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The error code that ended it early, if any. */
  readonly error: string | undefined;
}

/** One request on a connection of its own; a broken answer is a value, with as much of the body as came. */
function send(
  simulator: Simulator,
  method: string,
  path: string,
  body?: Buffer | string,
  headers = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const outgoing = request(simulator.url + path, { method, headers, agent: false }, (incoming) => {
      let text = '';
      const finish = (error?: Error & { code?: string }) => {
        resolve({ status: incoming.statusCode, headers: incoming.headers, body: text, error: error?.code });
      };
      incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
      incoming.on('end', finish);
      incoming.on('error', finish);
    });
    outgoing.on('error', (error: Error & { code?: string }) => {
      resolve({ status: undefined, headers: {}, body: '', error: error.code });
    });
    outgoing.end(body);
  });
}

function post(simulator: Simulator, path: string, body: unknown): Promise<Answer> {
  return send(simulator, 'POST', path, JSON.stringify(body), { 'content-type': 'application/json' });
}

afterEach(async () => {
  for (const simulator of open.splice(0)) await simulator.close();
  // Handles close a turn or two after their callbacks; one that never does fails by jest's own time limit.
  while (process.getActiveResourcesInfo().some((name) => name.startsWith('TCP'))) await new Promise(setImmediate);
});

describe('startSimulator', () => {
  it('is Heap on a socket', async () => {
    const simulator = await start();
    expect(simulator.url).toBe(`http://127.0.0.1:${simulator.port}`);
    expect(await post(simulator, '/api/track', event)).toMatchObject({ status: 200, body: '{}' });
    const answer = await send(simulator, 'GET', `/_simulator/events?app_id=${appId}&event=Signed+Up`);
    expect(JSON.parse(answer.body)).toMatchObject({ total: 1, events: [{ receivedAt: '2026-03-10T12:00:00.000Z' }] });
    expect(simulator.heap.findApp(appId)?.eventCount).toBe(1);
  });

  it('keeps connections open between requests', async () => {
    const simulator = await start();
    const answer = await fetch(`${simulator.url}/api/track`, { method: 'POST', body: JSON.stringify(event) });
    expect(await answer.json()).toEqual({});
    expect(answer.headers.get('connection')).toBe('keep-alive');
  });

  it('unzips gzip', async () => {
    const zipped = gzipSync(JSON.stringify(event));
    const answer = await send(await start(), 'POST', '/api/track', zipped, { 'content-encoding': 'gzip' });
    expect(answer.status).toBe(200);
  });

  it('reads a body over the cap to its end and answers 413', async () => {
    const simulator = await start({ maxBodyBytes: 1000 });
    expect((await send(simulator, 'POST', '/api/track', Buffer.alloc(1_000_000, ' '))).status).toBe(413);
    expect((await post(simulator, '/api/track', event)).status).toBe(200);
  });

  it('takes its time from the given clock', async () => {
    let now = noon;
    const limits = { trackPerIdentity: { max: 1, windowMs: 1000 } };
    const simulator = await start({ now: () => now, limits });
    expect((await post(simulator, '/api/track', event)).status).toBe(200);
    expect(await post(simulator, '/api/track', event)).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    now += 1000;
    expect((await post(simulator, '/api/track', event)).status).toBe(200);
  });

  it('rejects when the port is taken', async () => {
    const { port } = await start();
    await expect(startSimulator({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('survives bytes that are not HTTP', async () => {
    const simulator = await start();
    await new Promise<void>((resolve) => {
      const socket = connect(simulator.port, '127.0.0.1', () => socket.write('\0\x01\x02 nonsense\r\n\r\n'));
      socket.resume();
      socket.on('error', () => undefined);
      socket.on('close', () => {
        resolve();
      });
    });
    expect((await post(simulator, '/api/track', event)).status).toBe(200);
  });

  it('survives a client that leaves in the middle of its request', async () => {
    const simulator = await start();
    await new Promise<void>((resolve) => {
      const socket = connect(simulator.port, '127.0.0.1', () => {
        socket.write('POST /api/track HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{', () => {
          socket.resetAndDestroy();
        });
      });
      socket.on('close', () => {
        resolve();
      });
    });
    expect((await post(simulator, '/api/track', event)).status).toBe(200);
    expect(simulator.heap.statistics().requests).toEqual({ '/api/track': { '200': 1 } });
  });

  it('closes twice without complaint', async () => {
    const simulator = await start();
    await simulator.close();
    await simulator.close();
    expect((await post(simulator, '/api/track', event)).error).toBe('ECONNREFUSED');
  });
});

describe('a fault on a real socket', () => {
  it('answers another status with its headers and body', async () => {
    const headers = { 'x-why': 'test' };
    const simulator = await startWithFault({ status: 503, body: 'later', retryAfter: 7, headers });
    expect(await post(simulator, '/api/track', event)).toMatchObject({
      status: 503,
      body: 'later',
      headers: { 'x-why': 'test', 'retry-after': '7', 'content-length': '5' },
    });
  });

  it('may be a status that has no body', async () => {
    const simulator = await startWithFault({ status: 204, body: 'none' });
    expect(await post(simulator, '/api/track', event)).toMatchObject({ status: 204, body: '', error: undefined });
  });

  it('delays the answer', async () => {
    const simulator = await startWithFault({ latencyMs: 30 });
    const started = performance.now();
    expect((await post(simulator, '/api/track', event)).status).toBe(200);
    // A timer may fire up to a millisecond early.
    expect(performance.now() - started).toBeGreaterThan(28);
  });

  it('resets the connection', async () => {
    const simulator = await startWithFault({ reset: true });
    expect(await post(simulator, '/api/track', event)).toMatchObject({ status: undefined, error: 'ECONNRESET' });
  });

  it.each([0, 3])('cuts the body after %d bytes', async (truncate) => {
    const simulator = await startWithFault({ truncate, stored: true });
    const answer = await post(simulator, '/api/track', { ...event, event: '' });
    expect(answer).toMatchObject({
      status: 400,
      headers: { 'content-length': '33' },
      body: 'event: must be a non-empty string'.slice(0, truncate),
      error: 'ECONNRESET',
    });
  });

  it('dribbles the body, and it arrives whole', async () => {
    const simulator = await startWithFault({ slowBodyMs: 20 });
    expect(await post(simulator, '/api/track', { ...event, event: '' })).toMatchObject({
      status: 400,
      body: 'event: must be a non-empty string',
      error: undefined,
    });
  });

  it('hangs until the simulator closes, which it can at any time', async () => {
    const simulator = await startWithFault({ hang: true, stored: true });
    const answer = post(simulator, '/api/track', event);
    while (simulator.heap.findApp(appId) === undefined) await new Promise(setImmediate);
    await simulator.close();
    expect(await answer).toMatchObject({ status: undefined, error: 'ECONNRESET' });
  });

  it.each([{ latencyMs: 3_600_000 }, { slowBodyMs: 3_600_000 }])(
    'leaves no timer behind when closed in %j',
    async (action) => {
      const simulator = await startWithFault(action);
      const before = timers();
      const answer = post(simulator, '/api/track', event);
      while (simulator.heap.findApp(appId) === undefined || timers() <= before) await new Promise(setImmediate);
      await simulator.close();
      expect((await answer).error).toBe('ECONNRESET');
      expect(timers()).toBe(before);
    },
  );

  it('does not keep the client from leaving', async () => {
    const simulator = await startWithFault({ hang: true });
    await expect(
      fetch(`${simulator.url}/api/track`, { method: 'POST', body: '{}', signal: AbortSignal.timeout(20) }),
    ).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}
