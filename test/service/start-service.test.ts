import { Agent, createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';

import type { FaultRule } from '../../src/destinations/heap/simulator/fault-rule.js';
import { ask, basic, ingest, rawConnection, type Ingested } from '../support/http-client.js';
import { parseExposition } from '../support/documentation.js';
import { appId, startTestService, type ServiceOptions, type TestService } from '../support/running-service.js';

let running: TestService | undefined;

afterEach(async () => {
  await running?.close();
  running = undefined;
});

async function start(options: ServiceOptions = {}, ...faults: readonly FaultRule[]): Promise<TestService> {
  running = await startTestService(options);
  if (faults.length > 0) await setFaults(running, faults);
  return running;
}

async function setFaults({ simulator }: TestService, faults: readonly FaultRule[]): Promise<void> {
  const answer = await ask(`${simulator.url}/_simulator/faults`, { method: 'POST', body: JSON.stringify(faults) });
  expect(answer.status).toBe(200);
}

function tracks(...events: readonly string[]): { readonly batch: readonly unknown[] } {
  return {
    batch: events.map((event) => ({ type: 'track', userId: 'ann', event, messageId: `of ${event}` })),
  };
}

const trackPath = '/api/track';

/** Resolves when the simulator has seen this many requests to a path: a state, not a time. */
async function seen({ simulator }: TestService, path: string, count: number): Promise<void> {
  const total = (): number =>
    Object.values(simulator.heap.statistics().requests[path] ?? {}).reduce((sum, some) => sum + some, 0);
  while (total() < count) await new Promise((resolve) => setImmediate(resolve));
}

describe('when Heap has a fault, every event is delivered exactly once', () => {
  it.each<[string, FaultRule, ServiceOptions]>([
    ['it is out of order', { match: { times: 3 }, action: { status: 503 } }, {}],
    ['it asks to wait, in seconds', { match: { times: 2 }, action: { status: 429, retryAfter: 1 } }, {}],
    ['it asks to wait, until a date', { match: { times: 2 }, action: { status: 429, retryAfter: 'date' } }, {}],
    ['it asks to wait and does not say how long', { match: { times: 2 }, action: { status: 429 } }, {}],
    ['it resets the connection', { match: { times: 2 }, action: { reset: true } }, {}],
    [
      'it resets the connection after it took the events',
      { match: { times: 1 }, action: { reset: true, stored: true } },
      {},
    ],
    ['it never answers', { match: { times: 1 }, action: { hang: true } }, { delivery: { requestTimeoutMs: 50 } }],
    [
      'it took the events and never answers',
      { match: { times: 1 }, action: { hang: true, stored: true } },
      { delivery: { requestTimeoutMs: 50 } },
    ],
    ['it fails after it took the events', { match: { times: 1 }, action: { status: 500, stored: true } }, {}],
    ['its answer is cut after it took the events', { match: { times: 1 }, action: { truncate: 1, stored: true } }, {}],
    ['its answer is cut and it took nothing', { match: { times: 1 }, action: { truncate: 0 } }, {}],
    ['its URL is wrong for a while', { match: { times: 2 }, action: { status: 404 } }, {}],
    ['it redirects for a while', { match: { times: 1 }, action: { status: 302, headers: { location: '/' } } }, {}],
    ['it takes its time', { match: { times: 1 }, action: { slowBodyMs: 20 } }, {}],
  ])('when %s', async (_name, fault, options) => {
    const service = await start(options, fault);
    const { status, json } = await ingest(service.dataUrl, '/v1/batch', tracks('A', 'B', 'C'));
    expect([status, json]).toMatchObject([200, { received: 3, delivered: 3 }]);
    expect(service.heapEvents()).toEqual(['A', 'B', 'C']);
  });

  it('also when a sender sends the same batch again', async () => {
    const service = await start();
    for (let time = 0; time < 3; time += 1) {
      expect((await ingest(service.dataUrl, '/v1/batch', tracks('A', 'B'))).json).toMatchObject({ delivered: 2 });
    }
    expect(service.heapEvents()).toEqual(['A', 'B']);
    expect(service.simulator.heap.statistics().duplicates).toBe(0);
  });

  it('also when many senders send at once while a third of all requests goes wrong', async () => {
    const service = await start(
      { delivery: { requestTimeoutMs: 100 } },
      { match: { probability: 0.1 }, action: { status: 503, stored: true } },
      { match: { probability: 0.1 }, action: { reset: true } },
      { match: { probability: 0.1 }, action: { truncate: 0, stored: true } },
    );
    const batches = Array.from({ length: 40 }, (_, batch) => tracks(...[0, 1, 2, 3, 4].map((n) => `E${batch}.${n}`)));
    const answers = await Promise.all(batches.map((batch) => ingest(service.dataUrl, '/v1/batch', batch)));
    for (const { status, json } of answers) expect([status, json]).toMatchObject([200, { delivered: 5 }]);
    expect(new Set(service.heapEvents()).size).toBe(200);
    expect(service.heapEvents()).toHaveLength(200);
  });

  it('also when a sender comes back with events that are still on their way; an old value overtakes no newer one', async () => {
    const service = await start({ server: { answerTimeoutMs: 100 }, delivery: { maxRetryAfterMs: 1_000 } });
    await setFaults(service, [{ match: { times: 1 }, action: { status: 503, retryAfter: 1 } }]);
    const plan = (messageId: string, value: string): object => ({
      type: 'identify',
      userId: 'ann',
      messageId,
      traits: { plan: value },
    });
    const first: { readonly batch: readonly unknown[] } = { batch: [plan('1', 'free'), ...tracks('A').batch] };
    expect((await ingest(service.dataUrl, '/v1/batch', first)).json.error?.reason).toBe('delivery_pending');
    expect((await ingest(service.dataUrl, '/v1/batch', { batch: [plan('2', 'pro')] })).status).toBe(503);
    let answer = await ingest(service.dataUrl, '/v1/batch', first);
    while (answer.status === 503) answer = await ingest(service.dataUrl, '/v1/batch', first);
    expect(answer.json).toMatchObject({ delivered: 2 });
    await service.service.stop();
    const { users, events } = service.simulator.heap.findApp(appId) ?? {};
    expect(users?.get('ann')?.properties.get('plan')).toBe('pro');
    expect([events?.length, service.simulator.heap.statistics().duplicates]).toEqual([1, 0]);
  });

  it('in an order that makes sense of them: who somebody is, what is known, what they did', async () => {
    const service = await start({}, { match: { probability: 0.5, times: 10 }, action: { status: 503 } });
    const { json } = await ingest(service.dataUrl, '/v1/batch', {
      batch: [
        { type: 'track', anonymousId: 'a-1', event: 'Visited', messageId: '1' },
        { type: 'identify', userId: 'ann', anonymousId: 'a-1', traits: { plan: 'free' }, messageId: '2' },
        { type: 'identify', userId: 'ann', traits: { plan: 'pro' }, messageId: '3' },
        { type: 'track', userId: 'ann', event: 'Paid', messageId: '4' },
      ],
    });
    expect(json).toMatchObject({ delivered: 4 });
    const app = service.simulator.heap.findApp(appId);
    expect([...(app?.users.values() ?? [])]).toMatchObject([
      { identity: 'ann', events: 2, properties: new Map([['plan', 'pro']]) },
    ]);
  });
});

describe('one poisonous event', () => {
  it('is rejected in the words of Heap while all others of its request are delivered', async () => {
    const service = await start(
      {},
      { match: { itemEvent: 'Poison' }, action: { status: 400, body: 'events[3]: bad' } },
    );
    const names = Array.from({ length: 20 }, (_, index) => (index === 13 ? 'Poison' : `E${index}`));
    const { status, json } = await ingest(service.dataUrl, '/v1/batch', tracks(...names));
    expect([status, json]).toMatchObject([200, { received: 20, delivered: 19, rejected: 1 }]);
    expect(json.results?.[13]).toEqual({
      index: 13,
      messageId: 'of Poison',
      outcome: 'rejected',
      reason: 'heap_rejected',
      message: 'HTTP 400 events[3]: bad',
    });
    expect(service.heapEvents()).toEqual(names.filter((name) => name !== 'Poison'));
  });

  it('in a request of one sender does not change the answer of another sender', async () => {
    const service = await start(
      { batching: { maxItems: 2, lingerMs: 10_000 } },
      { match: { itemEvent: 'Poison' }, action: { status: 400 } },
    );
    const [bad, good] = await Promise.all([
      ingest(service.dataUrl, '/v1/batch', tracks('Poison')),
      ingest(service.dataUrl, '/v1/batch', tracks('Fine')),
    ]);
    expect(bad.json).toMatchObject({ delivered: 0, rejected: 1 });
    expect(good.json).toMatchObject({ delivered: 1, rejected: 0 });
  });

  it('that Heap finds too large is rejected as such', async () => {
    const service = await start({}, { match: { itemEvent: 'Huge' }, action: { status: 413 } });
    const { json } = await ingest(service.dataUrl, '/v1/batch', tracks('A', 'Huge', 'B'));
    expect(json.results?.map(({ reason }) => reason)).toEqual([undefined, 'heap_too_large', undefined]);
  });

  it('that fits into no request is rejected with a sentence that says so', async () => {
    const service = await start({ batching: { maxBytes: 1_024 } });
    const big = { type: 'track', userId: 'ann', event: 'Big', messageId: 'b', properties: { a: 'x'.repeat(1_000) } };
    const { json } = await ingest(service.dataUrl, '/v1/batch', { batch: [big, ...tracks('A').batch] });
    expect(json.results?.[1]).toMatchObject({ outcome: 'delivered' });
    expect(json.results?.[0]).toMatchObject({
      outcome: 'rejected',
      reason: 'operation_too_large',
      message: expect.stringMatching(/\w/),
    });
  });
});

describe('an app that Heap refuses', () => {
  const refused: FaultRule = { match: { appId }, action: { status: 401 } };

  it('halts its lane, loses nothing and tells the sender to come back; other apps go on', async () => {
    const service = await start({ server: { answerTimeoutMs: 100 }, others: { second: '222' } }, refused);
    const { status, headers, json } = await ingest(service.dataUrl, '/v1/batch', {
      batch: [...tracks('A').batch, { type: 'nonsense' }],
    });
    expect([status, headers['retry-after']]).toEqual([503, '5']);
    expect(json).toMatchObject({
      success: false,
      error: { reason: 'delivery_pending' },
      results: [
        { messageId: 'of A', outcome: 'pending' },
        { outcome: 'rejected', reason: 'type_unsupported' },
      ],
    });
    const health = JSON.parse((await ask(`${service.operatorUrl}/health`)).text) as unknown;
    expect(health).toMatchObject({ status: 'up', backlog: 1, halted: [{ appId, region: 'us' }] });
    const other = await ingest(service.dataUrl, '/v1/batch', tracks('B'), {
      headers: { authorization: basic('second') },
    });
    expect(other.json).toMatchObject({ delivered: 1 });
    expect(service.log).toContainEqual({
      level: 'error',
      fields: { region: 'us', appId, cause: 'halted', detail: 'HTTP 401', ms: 10, resume: expect.any(String) },
      message: expect.stringMatching(/^Heap refuses this app: check its app_id, region and URL/),
    });

    await setFaults(service, []);
    const again = await ingest(service.dataUrl, '/v1/batch', tracks('A'));
    expect(again.json).toMatchObject({ delivered: 1 });
    expect(service.heapEvents()).toEqual(['A']);
  });

  it('fills its backlog and then refuses what comes before it is read', async () => {
    const service = await start({ server: { answerTimeoutMs: 50 }, delivery: { maxBacklog: 2 } }, refused);
    await ingest(service.dataUrl, '/v1/batch', tracks('A', 'B'));
    const { status, headers, json } = await ingest(service.dataUrl, '/v1/batch', tracks('C'));
    expect([status, headers['retry-after'], json.error?.reason]).toEqual([503, '5', 'backlog_full']);
    expect(json.results).toBeUndefined();
    await setFaults(service, []);
    await seen(service, trackPath, 2);
    let answer: Ingested;
    do answer = await ingest(service.dataUrl, '/v1/batch', tracks('C'));
    while (answer.json.error?.reason === 'backlog_full');
    expect(answer.json).toMatchObject({ delivered: 1 });
    expect(service.heapEvents()).toEqual(['A', 'B', 'C']);
  });

  it('has nothing of its events in the log above the level debug', async () => {
    const service = await start(
      { server: { answerTimeoutMs: 50 } },
      { match: { path: trackPath }, action: { status: 401, body: 'ann@example.com is unknown' } },
    );
    await ingest(service.dataUrl, '/v1/track', { userId: 'ann@example.com', event: 'Secret' });
    const shown = JSON.stringify(service.log.filter(({ level }) => level !== 'debug'));
    expect(shown).toContain('HTTP 401');
    expect(shown).not.toMatch(/ann@example\.com|Secret/);
  });
});

describe('the operator port', () => {
  it('says that the service is up, and which version', async () => {
    const service = await start();
    const { status, text } = await ask(`${service.operatorUrl}/health`);
    expect([status, JSON.parse(text)]).toEqual([
      200,
      { status: 'up', version: expect.stringMatching(/^\d+\.\d+\.\d+$/), backlog: 0, halted: [], paused: [] },
    ]);
  });

  it('shows valid metrics of what happened', async () => {
    const service = await start({}, { match: { itemEvent: 'Poison' }, action: { status: 400 } });
    await ingest(service.dataUrl, '/v1/batch', { batch: [...tracks('A', 'Poison').batch, { type: 'track' }] });
    await ingest(service.dataUrl, '/v1/other', {});
    const { headers, text } = await ask(`${service.operatorUrl}/metrics`);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const { samples } = parseExposition(text);
    const value = (name: string): number | undefined => samples.get(`heap_destination_${name}`);
    expect(value('events_received_total{type="track"}')).toBe(3);
    expect(value('event_outcomes_total{outcome="delivered",reason=""}')).toBe(1);
    expect(value('event_outcomes_total{outcome="rejected",reason="heap_rejected"}')).toBe(1);
    expect(value('event_outcomes_total{outcome="rejected",reason="identity_missing"}')).toBe(1);
    expect(value('operations_total{kind="track"}')).toBe(2);
    expect(value('heap_requests_total{kind="track",status_class="4xx"}')).toBe(2);
    expect(value('heap_requests_total{kind="track",status_class="2xx"}')).toBe(1);
    expect(value('heap_request_splits_total{kind="track"}')).toBe(2);
    expect(value('http_request_duration_seconds_count{route="/v1/batch",code="200"}')).toBe(1);
    expect(value('http_request_duration_seconds_count{route="other",code="404"}')).toBe(1);
    expect(value('backlog_operations')).toBe(0);
    expect(value('lanes{state="idle"}')).toBe(1);
    expect(text).not.toMatch(/9000000101|ann/);
  });

  it('counts no answer where the sender left before there was one', async () => {
    const service = await start();
    const connection = await rawConnection(service.dataUrl);
    const head = `POST /v1/track HTTP/1.1\r\nhost: x\r\nauthorization: ${basic('key:')}\r\n`;
    connection.write(`${head}content-length: 100\r\n\r\n{"userId"`);
    await ingest(service.dataUrl, '/v1/batch', tracks('A'));
    connection.destroy();
    await connection.answer;
    await ingest(service.dataUrl, '/v1/batch', tracks('B'));
    const { samples } = parseExposition((await ask(`${service.operatorUrl}/metrics`)).text);
    const answered = 'heap_destination_http_request_duration_seconds_count{route="/v1/track",code="200"}';
    expect(samples.get(answered)).toBeUndefined();
    expect(service.heapEvents()).toEqual(['A', 'B']);
  });
});

describe('stopping', () => {
  it('delivers what waits for company, answers its sender and closes both ports', async () => {
    const service = await start({ batching: { lingerMs: 60_000 } });
    const waiting = ingest(service.dataUrl, '/v1/batch', tracks('A'));
    await inBacklog(service, 1);
    expect(await service.service.stop()).toBe(0);
    expect((await waiting).json).toMatchObject({ success: true, delivered: 1 });
    expect(service.heapEvents()).toEqual(['A']);
    await expect(ask(`${service.dataUrl}/`)).rejects.toThrow('ECONNREFUSED');
    await expect(ask(`${service.operatorUrl}/health`)).rejects.toThrow('ECONNREFUSED');
  });

  it('tells the senders of what can not be delivered in time to send it again', async () => {
    const service = await start({ server: { shutdownMs: 50 } }, { action: { status: 503 } });
    const waiting = ingest(service.dataUrl, '/v1/batch', tracks('A', 'B'));
    await inBacklog(service, 2);
    expect(await service.service.stop()).toBe(2);
    const { status, headers, json } = await waiting;
    expect([status, headers['retry-after'], json.error?.reason]).toEqual([503, '5', 'shutting_down']);
    expect(json.results).toMatchObject([{ outcome: 'pending' }, { outcome: 'pending' }]);
  });

  it('gives up at once when it is asked a second time', async () => {
    const service = await start({ server: { shutdownMs: 600_000 } }, { action: { hang: true } });
    const waiting = ingest(service.dataUrl, '/v1/batch', tracks('A'));
    await seen(service, trackPath, 1);
    const first = service.service.stop();
    const second = service.service.stop();
    expect(await Promise.all([first, second])).toEqual([1, 1]);
    expect((await waiting).json.error?.reason).toBe('shutting_down');
  });

  it('says so on the health page while it goes on, and takes nothing new', async () => {
    const service = await start({ server: { shutdownMs: 600_000 } }, { action: { hang: true } });
    const body = JSON.stringify(tracks('B'));
    // Half a request, so that its connection is open when the service stops listening.
    const connection = await rawConnection(service.dataUrl);
    const head = `POST /v1/batch HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${basic('key:')}\r\n`;
    connection.write(head);
    const waiting = ingest(service.dataUrl, '/v1/batch', tracks('A'));
    await seen(service, trackPath, 1);
    const stopped = service.service.stop();
    const health = await ask(`${service.operatorUrl}/health`);
    expect([health.status, JSON.parse(health.text)]).toMatchObject([503, { status: 'stopping', backlog: 1 }]);
    connection.write(`content-length: ${body.length}\r\n\r\n${body}`);
    expect(await connection.answer).toMatch(/^HTTP\/1\.1 503 [^]*"reason":"shutting_down"/);
    await service.service.stop();
    await Promise.all([stopped, waiting]);
  });

  it('is not held up by a sender that keeps its connection open after the answer', async () => {
    const service = await start({ batching: { lingerMs: 60_000 } });
    const agent = new Agent({ keepAlive: true });
    const waiting = ingest(service.dataUrl, '/v1/batch', tracks('A'), { agent });
    await inBacklog(service, 1);
    const stopped = service.service.stop();
    expect((await waiting).json).toMatchObject({ delivered: 1 });
    const isStopped = await within(10_000, stopped);
    agent.destroy();
    expect(isStopped).toBe(true);
    await stopped;
  }, 30_000);

  it('is not held up by a sender that never sends the rest of its request', async () => {
    const service = await start({ server: { shutdownMs: 50 } });
    const connection = await rawConnection(service.dataUrl);
    const head = `POST /v1/batch HTTP/1.1\r\nhost: x\r\nauthorization: ${basic('key:')}\r\n`;
    connection.write(`${head}content-length: 100\r\n\r\n{"batch"`);
    await ingest(service.dataUrl, '/v1/batch', tracks('A'));
    const stopped = service.service.stop();
    const isStopped = await within(10_000, stopped);
    connection.destroy();
    expect(isStopped).toBe(true);
    await stopped;
  }, 30_000);
});

describe('starting', () => {
  it('fails when a port is taken, and leaves the other one free', async () => {
    const taken = createTcpServer();
    await new Promise<void>((resolve) => {
      taken.listen(0, '127.0.0.1', resolve);
    });
    const { port } = taken.address() as AddressInfo;
    await expect(startTestService({ server: { port } })).rejects.toThrow('EADDRINUSE');
    const free = await freePort();
    await expect(startTestService({ server: { port: free, operatorPort: port } })).rejects.toThrow('EADDRINUSE');
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(free, '127.0.0.1', resolve);
    });
    await new Promise((resolve) => server.close(resolve));
    await new Promise((resolve) => taken.close(resolve));
  });

  it('works while Heap is out of reach, and delivers when it is there', async () => {
    const free = await freePort();
    const service = await start({ heapUrl: `http://127.0.0.1:${free}`, server: { answerTimeoutMs: 60_000 } });
    const waiting = ingest(service.dataUrl, '/v1/batch', tracks('A'));
    await inBacklog(service, 1);
    const sockets = new Set<Socket>();
    const heap = createServer((request, response) => {
      request.resume();
      response.end('{}');
    }).on('connection', (socket) => sockets.add(socket));
    await new Promise<void>((resolve) => {
      heap.listen(free, '127.0.0.1', resolve);
    });
    expect((await waiting).json).toMatchObject({ delivered: 1 });
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => heap.close(resolve));
  });
});

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when the service has this many operations to deliver. */
async function inBacklog({ operatorUrl }: TestService, operations: number): Promise<void> {
  for (;;) {
    const { backlog } = JSON.parse((await ask(`${operatorUrl}/health`)).text) as { readonly backlog: number };
    if (backlog >= operations) return;
  }
}

/** Whether something ends by itself before a time that is ample. */
async function within(ms: number, done: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => {
      resolve(false);
    }, ms);
  });
  const isInTime = await Promise.race([done.then(() => true), late]);
  clearTimeout(timer);
  return isInTime;
}
