import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';

import { systemClock, type Clock } from '../../../src/core/clock.js';
import type { JsonObject } from '../../../src/core/json/json.js';
import type { TargetOutcome } from '../../../src/service/backfill/backfill-target.js';
import { DoorTarget } from '../../../src/service/backfill/door-target.js';
import type { HistoryEvent } from '../../../src/service/backfill/prepare-line.js';
import { startTestService, type TestService } from '../../support/running-service.js';

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A result for each event, as a service gives them, when it is absent. */
  readonly body?: string;
}

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A service that answers as a test says, and keeps the ids of what it was sent. */
async function fakeService(answer: (request: number, ids: readonly string[]) => Answer) {
  const requests: (readonly string[])[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { batch } = JSON.parse(Buffer.concat(chunks).toString()) as { batch: JsonObject[] };
      const ids = batch.map(({ messageId }) => messageId as string);
      requests.push(ids);
      const { status, headers = {}, body } = answer(requests.length, ids);
      const results = ids.map((messageId, index) => ({ index, messageId, outcome: 'accepted' }));
      response.writeHead(status, headers).end(body ?? JSON.stringify({ results }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests };
}

/** A clock whose waits take no time. */
function impatient(waits: number[]): Clock {
  let waited = 0;
  return {
    ...systemClock,
    monotonic: () => systemClock.monotonic() + waited,
    sleep: (ms) => {
      waits.push(ms);
      waited += ms;
      return Promise.resolve();
    },
  };
}

function open(
  url: string,
  waits: number[] = [],
  signal = new AbortController().signal,
  maxBytes = 1_000_000,
): DoorTarget {
  const target = new DoorTarget({
    ...{ url, writeKey: 'key', bounds: { maxItems: 3, maxBytes }, clock: impatient(waits) },
    ...{ random: () => 0.5, signal },
  });
  closing.push(() => target.stop());
  return target;
}

function event(id: number, fields: JsonObject = {}): HistoryEvent {
  const value = {
    type: 'track',
    userId: 'ann',
    event: `Event ${id}`,
    messageId: `m-${id}`,
    timestamp: '2024-03-10',
    ...fields,
  };
  return { type: 'event', value, operations: [], adjustments: [] };
}

/** What became of each event; those that were not settled are left out. */
async function bring(target: DoorTarget, events: readonly HistoryEvent[]): Promise<ReadonlyMap<number, TargetOutcome>> {
  const outcomes = new Map<number, TargetOutcome>();
  for (const [index, one] of events.entries()) {
    await target.put(one, 1, (outcome) => {
      outcomes.set(index, outcome);
    });
  }
  await target.flush();
  return outcomes;
}

const five = [1, 2, 3, 4, 5].map((id) => event(id));

describe('a backfill through a running service', () => {
  it('brings events to Heap with their own times, and tells what the service rejects and drops', async () => {
    const service: TestService = await startTestService();
    closing.push(() => service.close());
    const events = [
      event(1),
      event(2, { userId: null }),
      event(3),
      event(4, { type: 'identify', userId: null, anonymousId: 'a', traits: { b: 1 } }),
    ];
    const outcomes = await bring(open(service.dataUrl), events);
    expect(service.heapEvents()).toEqual(['Event 1', 'Event 3']);
    expect([...outcomes]).toEqual([
      [0, { type: 'taken' }],
      [1, { type: 'rejected', reason: 'identity_missing', detail: expect.any(String) }],
      [2, { type: 'taken' }],
      [3, { type: 'dropped', reason: 'anonymous_traits_unsupported' }],
    ]);
  });

  it('sends batches of bounded length and size, in order', async () => {
    const { url, requests } = await fakeService(() => ({ status: 200 }));
    expect((await bring(open(url), five)).size).toBe(5);
    expect(requests).toEqual([
      ['m-1', 'm-2', 'm-3'],
      ['m-4', 'm-5'],
    ]);
    const bytes = JSON.stringify(event(1).value).length + 1;
    await bring(open(url, [], undefined, 2 * bytes), five);
    expect(requests.slice(2)).toEqual([['m-1', 'm-2'], ['m-3', 'm-4'], ['m-5']]);
  });

  it.each([
    [503, { 'retry-after': '7' }, 7_000],
    [429, { 'retry-after': '30' }, 30_000],
    [500, {}, 250],
    [502, {}, 250],
  ])('waits after a %i with %j and sends the same again', async (status, headers, wait) => {
    const waits: number[] = [];
    const { url, requests } = await fakeService((request) =>
      request === 1 ? { status, headers, body: 'busy' } : { status: 200 },
    );
    const target = open(url, waits);
    const outcomes = await bring(target, five.slice(0, 2));
    expect([outcomes.size, requests, target.waitingFor]).toEqual([
      2,
      [
        ['m-1', 'm-2'],
        ['m-1', 'm-2'],
      ],
      undefined,
    ]);
    expect(waits).toHaveLength(1);
    // With the jitter.
    expect(waits[0]).toBeGreaterThanOrEqual(wait);
    expect(waits[0]).toBeLessThanOrEqual(wait + 500);
  });

  it('waits as long as a service asks for, and only minutes for one that does not answer', async () => {
    const busy = await fakeService((request) =>
      request < 200 ? { status: 503, headers: { 'retry-after': '5' } } : { status: 200 },
    );
    expect((await bring(open(busy.url), five.slice(0, 1))).size).toBe(1);
    const waits: number[] = [];
    await expect(bring(open('http://127.0.0.1:1', waits), five.slice(0, 1))).rejects.toThrow('does not answer');
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(300_000);
  });

  it('sends less at once where that is too large, and rejects what is alone', async () => {
    const { url, requests } = await fakeService((_request, ids) => ({ status: ids.includes('m-2') ? 413 : 200 }));
    const outcomes = await bring(open(url), five.slice(0, 3));
    expect(requests).toEqual([['m-1', 'm-2', 'm-3'], ['m-1', 'm-2'], ['m-1'], ['m-2'], ['m-3']]);
    expect([...outcomes.values()].map(({ type }) => type)).toEqual(['taken', 'rejected', 'taken']);
  });

  it.each([
    [
      'a wrong key',
      { status: 401, body: '{"error":{"reason":"write_key_unknown"}}' },
      /answers 401: .*write_key_unknown/,
    ],
    ['another path', { status: 404 }, /answers 404/],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }, /answers 302/],
    ['an answer that no such service gives', { status: 200, body: 'welcome' }, /answers 200: welcome/],
    ['results for fewer events', { status: 200, body: '{"results":[]}' }, /answers 200/],
    ['an outcome that is none', { status: 200, body: '{"results":[{"outcome":"pending"}]}' }, /answers 200/],
  ])('stops at %s, and says so', async (_name, answer, message) => {
    const { url, requests } = await fakeService(() => answer);
    await expect(bring(open(url), five.slice(0, 1))).rejects.toThrow(message);
    expect(requests).toHaveLength(1);
  });

  it('stops when it is told to, between two attempts', async () => {
    const stopping = new AbortController();
    const { url, requests } = await fakeService(() => {
      stopping.abort();
      return { status: 503, headers: { 'retry-after': '5' } };
    });
    await expect(bring(open(url, [], stopping.signal), five)).rejects.toThrow('it was interrupted');
    expect(requests).toEqual([['m-1', 'm-2', 'm-3']]);
  });
});
