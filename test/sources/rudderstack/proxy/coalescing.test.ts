import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import fc from 'fast-check';

import type { Json, JsonObject } from '../../../../src/core/json/json.js';
import type { Simulator } from '../../../../src/destinations/heap/simulator/start-simulator.js';
import type { JobResult } from '../../../../src/sources/rudderstack/proxy/job-result.js';
import { ask, rawConnection } from '../../../support/http-client.js';
import {
  appId,
  callOf,
  createDelivery,
  eventsAt,
  job,
  jobs,
  propertiesAt,
  requestsTo,
  startHeap,
  startHeapStub,
  startTestTransformer,
  type DeliveryOptions,
  type HeapStub,
  type TestDelivery,
  type TestTransformer,
} from '../../../support/proxy.js';
import { settled, VirtualClock } from '../../../support/virtual-clock.js';

const coalesceMs = 50;
const userPath = '/api/add_user_properties';

const delivered = expect.objectContaining({ status: 200 });
const refused = expect.objectContaining({ status: 400 });
const alone = expect.objectContaining({ status: 500, dontBatch: true });

function statusesOf(answers: readonly (readonly JobResult[])[]): readonly (readonly number[])[] {
  return answers.map((results) => results.map(({ status }) => status));
}

describe('calls that come at the same time', () => {
  let heap: Simulator;
  let clock: VirtualClock;
  let delivery: TestDelivery;

  function useDelivery(options: DeliveryOptions): void {
    delivery.close();
    delivery = createDelivery(heap.url, { coalesceMs, clock, ...options });
  }

  beforeEach(async () => {
    heap = await startHeap();
    clock = new VirtualClock();
    delivery = createDelivery(heap.url, { coalesceMs, clock });
  });

  afterEach(async () => {
    delivery.close();
    await heap.close();
    expect(clock.sleeping).toBe(0);
  });

  /** A call with one event; Heap takes none without a name. */
  function trackCall(event: string, more: JsonObject = {}, id = appId): JsonObject {
    return callOf(`${heap.url}/api/track`, { app_id: id, identity: 'ann', event }, more);
  }

  function bulkCall(events: readonly string[], more: JsonObject = {}): JsonObject {
    const items = events.map((event) => ({ identity: 'ann', event }));
    return callOf(
      `${heap.url}/api/track`,
      { app_id: appId, events: items },
      { metadata: jobs(events.length), ...more },
    );
  }

  function userCall(identity: string, properties: JsonObject, more: JsonObject = {}): JsonObject {
    return callOf(`${heap.url}${userPath}`, { app_id: appId, identity, properties }, more);
  }

  /** Delivers calls that come together, in one window's time. */
  async function together(...calls: readonly JsonObject[]): Promise<readonly (readonly JobResult[])[]> {
    const answers = calls.map((call) => delivery.deliver(call));
    await clock.advance(coalesceMs);
    return Promise.all(answers);
  }

  /** Items of each request that was sent, fewest first. */
  function sizes(): readonly number[] {
    return delivery.sent.map(({ items }) => items).sort((a, b) => a - b);
  }

  it('for one app_id and kind of write become one request, and each has its own answer', async () => {
    expect(await together(trackCall('a'), bulkCall(['b', 'c']), trackCall('d'))).toEqual([
      [delivered],
      [delivered, delivered],
      [delivered],
    ]);
    expect(requestsTo(heap)).toBe(1);
    expect(eventsAt(heap)).toEqual(['a', 'b', 'c', 'd']);
    expect(heap.heap.findApp(appId)?.events[0]?.via).toBe('bulk track');
  });

  it('wait for the length of the window and no longer', async () => {
    const first = delivery.deliver(trackCall('a'));
    await clock.advance(coalesceMs - 1);
    const second = delivery.deliver(trackCall('b'));
    await settled();
    expect(requestsTo(heap)).toBe(0);
    expect(clock.sleeping).toBe(1);
    await clock.advance(1);
    expect(await Promise.all([first, second])).toEqual([[delivered], [delivered]]);
    expect(requestsTo(heap)).toBe(1);
    const third = delivery.deliver(trackCall('c'));
    expect(clock.sleeping).toBe(1);
    await clock.advance(coalesceMs);
    expect(await third).toEqual([delivered]);
    expect(requestsTo(heap)).toBe(2);
  });

  it('stay apart where there is no window', async () => {
    useDelivery({ coalesceMs: 0 });
    const answers = [delivery.deliver(trackCall('a')), delivery.deliver(trackCall('b'))];
    expect(clock.sleeping).toBe(0);
    expect(statusesOf(await Promise.all(answers))).toEqual([[200], [200]]);
    expect(requestsTo(heap)).toBe(2);
  });

  it.each<[string, () => readonly JsonObject[]]>([
    ['app_ids', () => [trackCall('a'), trackCall('b', {}, '77')]],
    ['kinds of write', () => [trackCall('a'), userCall('ann', { plan: 'gold' })]],
    [
      'headers',
      () => [
        trackCall('a', { headers: { 'X-Trace': '1' } }),
        trackCall('b', { headers: { 'X-Trace': '2' } }),
        trackCall('c', { headers: {} }),
      ],
    ],
    ['params', () => [trackCall('a', { params: { v: '1' } }), trackCall('b', { params: { v: '2' } })]],
    ['queries', () => [trackCall('a'), { ...trackCall('b'), endpoint: `${heap.url}/api/track?x=1` }]],
    ['hosts', () => [trackCall('a'), { ...trackCall('b'), endpoint: `${heap.url}//api/track` }]],
  ])('stay apart for different %s', async (_name, calls) => {
    await together(...calls());
    expect(sizes()).toEqual(calls().map(() => 1));
    // Each was alone in its window, and so was sent as it came.
    const ways = [appId, '77'].flatMap((id) => heap.heap.findApp(id)?.events.map(({ via }) => via) ?? []);
    expect(ways).not.toContain('bulk track');
  });

  it('share a request whatever they say of the jobs of their items', async () => {
    const counted = bulkCall(['a', 'b'], { headers: { 'X-Jobs-Per-Item': '2,1' }, metadata: jobs(3) });
    const answers = await together(counted, bulkCall(['c'], { headers: {} }));
    expect(statusesOf(answers)).toEqual([[200, 200, 200], [200]]);
    expect(sizes()).toEqual([3]);
  });

  it('of which one is poisonous cost only that one its delivery', async () => {
    const answers = await together(trackCall('a'), trackCall(''), bulkCall(['b', '', 'c']), trackCall('d'));
    expect(answers).toEqual([[delivered], [refused], [delivered, refused, delivered], [delivered]]);
    expect(answers[1]?.[0]?.text).toBe('events[0].event: must be a non-empty string');
    expect([...eventsAt(heap)].sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('have the jobs of a refused item that stands for several sent again alone, and nobody else', async () => {
    const merged = bulkCall(['', 'b'], { headers: { 'X-Jobs-Per-Item': '2,1' }, metadata: jobs(3) });
    const unknown = bulkCall(['c', ''], { headers: {}, metadata: jobs(3) });
    const plain = bulkCall(['d'], { headers: {} });
    expect(await together(merged, unknown, plain)).toEqual([
      [alone, alone, delivered],
      [alone, alone, alone],
      [delivered],
    ]);
  });

  it('all hear of it when Heap is throttled or in trouble', async () => {
    for (const status of [408, 429, 500, 503]) {
      heap.heap.faults.replace([{ action: { status, body: 'later' } }]);
      const answers = await together(trackCall('a'), bulkCall(['b', 'c']));
      expect(statusesOf(answers)).toEqual([[status], [status, status]]);
    }
    expect(requestsTo(heap)).toBe(4);
  });

  it('all hear of it when the connection breaks', async () => {
    heap.heap.faults.replace([{ action: { reset: true } }]);
    const answers = await together(trackCall('a'), trackCall('b'));
    expect(answers.flat().map(({ status, text }) => [status, text.slice(0, 13)])).toEqual([
      [500, '[ECONNRESET] '],
      [500, '[ECONNRESET] '],
    ]);
  });

  it('about one user become one write of which the last word on each property wins', async () => {
    const answers = await together(
      userCall('ann', { plan: 'iron', city: 'Rome' }),
      userCall('bob', { plan: 'gold' }),
      userCall('ann', { plan: 'gold', age: 7 }),
    );
    expect(answers).toEqual([[delivered], [delivered], [delivered]]);
    expect(propertiesAt(heap, 'ann')).toEqual({ plan: 'gold', city: 'Rome', age: 7 });
    expect(propertiesAt(heap, 'bob')).toEqual({ plan: 'gold' });
    expect(requestsTo(heap, userPath)).toBe(1);
    expect(heap.heap.statistics().items.userProperties).toBe(2);
  });

  it('about one user are taken apart where Heap refuses one of them', async () => {
    const answers = await together(
      userCall('ann', { plan: 'iron' }),
      userCall('ann', { bio: 'x'.repeat(2_000) }),
      userCall('ann', { plan: 'gold' }),
    );
    expect(answers).toEqual([[delivered], [refused], [delivered]]);
    expect(propertiesAt(heap, 'ann')).toEqual({ plan: 'gold' });
  });

  it('with more than 1,000 items become several requests', async () => {
    const names = (prefix: string): readonly string[] =>
      Array.from({ length: 700 }, (_unused, index) => `${prefix}-${index}`);
    // The second call fills the window: nobody has to wait.
    const answers = await Promise.all(['a', 'b'].map((prefix) => delivery.deliver(bulkCall(names(prefix)))));
    expect(answers.flat()).toHaveLength(1_400);
    expect(answers.flat().every(({ status }) => status === 200)).toBe(true);
    expect(sizes()).toEqual([400, 1_000]);
    expect(new Set(eventsAt(heap)).size).toBe(1_400);
    expect(eventsAt(heap)).toHaveLength(1_400);
  });

  it('do not wait once there are enough of them', async () => {
    useDelivery({ limits: { maxItems: 3 } });
    const answers = ['a', 'b', 'c', 'd'].map((name) => delivery.deliver(trackCall(name)));
    expect(statusesOf(await Promise.all(answers.slice(0, 3)))).toEqual([[200], [200], [200]]);
    await clock.advance(coalesceMs);
    expect(statusesOf(await Promise.all(answers))).toEqual([[200], [200], [200], [200]]);
  });

  it('do not wait once there are bytes enough', async () => {
    useDelivery({ limits: { maxBytes: 1_000 } });
    const bytes = (name: string): JsonObject =>
      callOf(`${heap.url}/api/track`, {
        app_id: appId,
        identity: 'ann',
        event: name,
        properties: { p: 'x'.repeat(300) },
      });
    const answers = ['a', 'b', 'c'].map((name) => delivery.deliver(bytes(name)));
    expect(statusesOf(await Promise.all(answers))).toEqual([[200], [200], [200]]);
    expect(Math.max(...delivery.sent.map((request) => request.bytes))).toBeLessThanOrEqual(1_000);
    expect(eventsAt(heap)).toHaveLength(3);
  });

  it.each<[string, () => JsonObject]>([
    [
      'an identify, which Heap takes one by one only',
      () => callOf(`${heap.url}/api/v1/identify`, { app_id: appId, user_id: '5', identity: 'ann' }),
    ],
    ['a request to another path', () => callOf(`${heap.url}/api/other`, { app_id: appId, event: 'a' })],
    ['a request without an app_id', () => callOf(`${heap.url}/api/track`, { identity: 'ann', event: 'a' })],
    ['a list that is none', () => callOf(`${heap.url}/api/track`, { app_id: appId, events: { 0: 'a' } })],
    ['a list of other things than objects', () => callOf(`${heap.url}/api/track`, { app_id: appId, events: ['a'] })],
    ['an empty list', () => bulkCall([])],
    ['a full request', () => bulkCall(Array.from({ length: 1_000 }, (_unused, index) => `e-${index}`))],
    ['a large request', () => trackCall('x'.repeat(3_000_000))],
  ])('share nothing and wait for nobody where one is %s', async (_name, call) => {
    const answers = [delivery.deliver(call()), delivery.deliver(call())];
    expect(clock.sleeping).toBe(0);
    await Promise.all(answers);
    expect(delivery.sent).toHaveLength(2);
  });

  it('neither crash nor hang over user writes that have no properties', async () => {
    const bare = (members: JsonObject): JsonObject =>
      callOf(`${heap.url}${userPath}`, { app_id: appId, identity: 'ann', ...members });
    const answers = await together(bare({}), bare({ properties: null }), userCall('ann', { plan: 'gold' }));
    expect(statusesOf(answers)).toEqual([[200], [200], [200]]);
    expect(propertiesAt(heap, 'ann')).toEqual({ plan: 'gold' });
  }, 2_000);

  it('make no properties of what Heap would refuse as such', async () => {
    const odd = (properties: Json): JsonObject =>
      callOf(`${heap.url}${userPath}`, { app_id: appId, identity: 'ann', properties });
    const answers = await together(odd('text'), odd(['list']), userCall('ann', { plan: 'gold' }));
    expect(answers[2]).toEqual([delivered]);
    expect(propertiesAt(heap, 'ann')).toEqual({ plan: 'gold' });
  });

  it('do not hang over an app_id that fills a request by itself', async () => {
    useDelivery({ limits: { maxBytes: 1_000 } });
    const id = '9'.repeat(990);
    const answers = await together(trackCall('a', {}, id), trackCall('b', {}, id));
    expect(statusesOf(answers)).toEqual([[200], [200]]);
  }, 2_000);

  it('do not wait beyond the time that one of them has', async () => {
    useDelivery({ coalesceMs: 10_000 });
    const answers = [delivery.deliver(trackCall('a'), 1_000), delivery.deliver(trackCall('b'), 60_000)] as const;
    // Without the window's time having passed.
    expect(statusesOf([await answers[0]])).toEqual([[200]]);
    await clock.advance(10_000);
    expect(statusesOf([await answers[1]])).toEqual([[200]]);
  });

  it('hold for every mixture: a job that has 200 is at Heap once, one that has 400 never', async () => {
    const call = fc.record({
      id: fc.constantFrom(appId, '77'),
      isSingle: fc.boolean(),
      poison: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 8 }), async (calls) => {
        heap.heap.reset();
        const named = calls.map(({ id, isSingle, poison }, number) => ({
          id,
          isSingle,
          events: (isSingle ? poison.slice(0, 1) : poison).map((bad, index) => (bad ? '' : `${number}-${index}`)),
        }));
        const answers = await together(
          ...named.map(({ id, isSingle, events }) => {
            const items = events.map((event) => ({ identity: 'ann', event }));
            const json = isSingle ? { app_id: id, ...items[0] } : { app_id: id, events: items };
            return callOf(`${heap.url}/api/track`, json, { metadata: jobs(events.length) });
          }),
        );
        expect(statusesOf(answers)).toEqual(named.map(({ events }) => events.map((name) => (name === '' ? 400 : 200))));
        for (const id of [appId, '77']) {
          const sent = named.filter((one) => one.id === id).flatMap(({ events }) => events);
          expect([...eventsAt(heap, id)].sort()).toEqual(sent.filter((name) => name !== '').sort());
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

describe('a call that nobody comes to', () => {
  let heap: HeapStub;
  let delivery: TestDelivery;
  const clock = new VirtualClock();

  beforeEach(async () => {
    heap = await startHeapStub();
    delivery = createDelivery(heap.url, { coalesceMs, clock });
  });

  afterEach(async () => {
    delivery.close();
    await heap.close();
  });

  it('is sent as it came', async () => {
    const json = { event: 'a', more: [1], identity: 'ann', app_id: 9_000_000_101 };
    const answer = delivery.deliver(callOf(`${heap.url}/api/track`, json));
    await clock.advance(coalesceMs);
    expect(await answer).toEqual([delivered]);
    expect(heap.received.map(({ body }) => body)).toEqual([JSON.stringify(json)]);
  });
});

describe('callers at the same time', () => {
  let heap: Simulator;
  let transformer: TestTransformer;

  beforeEach(async () => {
    heap = await startHeap();
    // The window closes with the third item, long before its time is over.
    transformer = await startTestTransformer(heap.url, { PROXY_COALESCE_MS: '10000', MAX_BATCH_ITEMS: '3' });
  });

  afterEach(async () => {
    await transformer.close();
    await heap.close();
  });

  function call(event: string, metadata: JsonObject | readonly JsonObject[]): JsonObject {
    return callOf(`${heap.url}/api/track`, { app_id: appId, identity: 'ann', event }, { metadata });
  }

  async function untilConcurrent(requests: number): Promise<void> {
    const gauge = new RegExp(`^transformer_http_concurrent_requests\\{[^}]*\\} ${requests}$`, 'm');
    while (!gauge.test((await ask(`${transformer.operatorUrl}/metrics`)).text));
  }

  it('share a request to Heap, each with an answer of its own in its own version', async () => {
    const [first, second, third] = await Promise.all([
      transformer.proxy('v1', call('a', [job(1)])),
      transformer.proxy('v1', call('b', [job(2)])),
      transformer.proxy('v0', call('c', job(3))),
    ]);
    expect(first.output.response).toEqual([{ statusCode: 200, error: '{}', metadata: job(1) }]);
    expect(second.output.response).toEqual([{ statusCode: 200, error: '{}', metadata: job(2) }]);
    expect([third.status, third.output.destinationResponse?.response]).toEqual([200, {}]);
    expect([...eventsAt(heap)].sort()).toEqual(['a', 'b', 'c']);
    expect(requestsTo(heap)).toBe(1);
  });

  it('harm nobody when they leave', async () => {
    const leaving = await rawConnection(transformer.dataUrl);
    const body = JSON.stringify(call('left', [job(1)]));
    leaving.write(
      `POST /v1/destinations/heap/proxy HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    await untilConcurrent(1);
    leaving.destroy();
    await untilConcurrent(0);
    const stayed = await Promise.all(
      ['b', 'c'].map((name, index) => transformer.proxy('v1', call(name, [job(index + 2)]))),
    );
    for (const { status, output } of stayed) expect([status, output.response?.[0]?.statusCode]).toEqual([200, 200]);
    expect(requestsTo(heap)).toBe(1);
    expect(eventsAt(heap)).toEqual(expect.arrayContaining(['b', 'c']));
    expect(transformer.log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
