import type { ServerResponse } from 'node:http';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import fc from 'fast-check';

import { systemClock } from '../../../../src/core/clock.js';
import type { Json, JsonObject } from '../../../../src/core/json/json.js';
import type { PartialSimulatorOptions } from '../../../../src/destinations/heap/simulator/simulator-options.js';
import type { Simulator } from '../../../../src/destinations/heap/simulator/start-simulator.js';
import type { JobResult } from '../../../../src/sources/rudderstack/proxy/job-result.js';
import {
  appId,
  callOf,
  createDelivery,
  eventsAt,
  jobs,
  propertiesAt,
  requestsTo,
  startHeap,
  startHeapStub,
  type HeapStub,
  type Received,
  type TestDelivery,
} from '../../../support/proxy.js';
import { VirtualClock } from '../../../support/virtual-clock.js';

/** The events `e-0`, `e-1` … as Heap's bulk form has them; Heap takes no event without a name. */
function eventsOf(count: number, culprits: readonly number[] = []): readonly JsonObject[] {
  return Array.from({ length: count }, (_unused, index) => ({
    identity: `user-${index % 7}`,
    event: culprits.includes(index) ? '' : `e-${index}`,
  }));
}

function namesOf(events: readonly JsonObject[]): readonly Json[] {
  return events.flatMap(({ event }) => (event === '' || event === undefined ? [] : [event]));
}

const delivered = expect.objectContaining({ status: 200 });
const alone = expect.objectContaining({ status: 500, dontBatch: true });

function statusesOf(results: readonly JobResult[]): readonly number[] {
  return results.map(({ status }) => status);
}

describe('a bulk request that Heap refuses', () => {
  let heap: Simulator;
  let delivery: TestDelivery;

  async function start(options: PartialSimulatorOptions = {}): Promise<void> {
    heap = await startHeap(options);
    delivery = createDelivery(heap.url);
  }

  function deliverEvents(events: readonly JsonObject[], more: JsonObject = {}): Promise<readonly JobResult[]> {
    const json = { app_id: appId, events };
    return delivery.deliver(callOf(`${heap.url}/api/track`, json, { metadata: jobs(events.length), ...more }));
  }

  beforeEach(() => start());

  afterEach(async () => {
    delivery.close();
    await heap.close();
  });

  it.each([
    { items: 2, culprit: 0, requests: 3 },
    { items: 2, culprit: 1, requests: 3 },
    { items: 3, culprit: 1, requests: 5 },
    { items: 8, culprit: 7, requests: 6 },
    { items: 20, culprit: 0, requests: 8 },
    { items: 100, culprit: 0, requests: 10 },
    { items: 100, culprit: 37, requests: 10 },
    { items: 100, culprit: 99, requests: 10 },
    { items: 1_000, culprit: 512, requests: 13 },
  ])('costs item $culprit of $items alone its delivery, in $requests requests at most', async (row) => {
    const events = eventsOf(row.items, [row.culprit]);
    const results = await deliverEvents(events);
    expect(results).toHaveLength(row.items);
    for (const [index, result] of results.entries()) {
      if (index === row.culprit) {
        expect(result).toMatchObject({ status: 400, text: 'events[0].event: must be a non-empty string' });
        expect(result).not.toHaveProperty('dontBatch');
      } else {
        expect(result).toEqual(delivered);
      }
    }
    expect([...eventsAt(heap)].sort()).toEqual([...namesOf(events)].sort());
    const halvings = Math.ceil(Math.log2(row.items));
    expect(row.requests).toBe(Math.min(2 * halvings + 1, halvings + 3));
    expect(requestsTo(heap)).toBeLessThanOrEqual(row.requests);
    expect(delivery.splits()).toBe(requestsTo(heap) - 1);
  });

  it('costs each of several culprits its delivery, and nobody else', async () => {
    const culprits = [0, 3, 50, 51, 99];
    const events = eventsOf(100, culprits);
    const results = await deliverEvents(events);
    expect(statusesOf(results)).toEqual(events.map((_event, index) => (culprits.includes(index) ? 400 : 200)));
    expect([...eventsAt(heap)].sort()).toEqual([...namesOf(events)].sort());
    expect(requestsTo(heap)).toBeLessThanOrEqual(culprits.length * 14 + 1);
  });

  it('finds a dozen culprits in a thousand', async () => {
    const culprits = Array.from({ length: 12 }, (_unused, index) => 41 + index * 83);
    const events = eventsOf(1_000, culprits);
    const results = await deliverEvents(events);
    expect(statusesOf(results)).toEqual(events.map((_event, index) => (culprits.includes(index) ? 400 : 200)));
    expect(eventsAt(heap)).toHaveLength(988);
  });

  it('is given up as a whole where every item is a culprit', async () => {
    const results = await deliverEvents(eventsOf(20, [...Array(20).keys()]));
    expect(statusesOf(results)).toEqual(Array(20).fill(400));
    expect(eventsAt(heap)).toEqual([]);
    expect(requestsTo(heap)).toBeLessThanOrEqual(39);
  });

  it('is not asked about item by item where nothing of a thousand is taken: what is left is sent again alone', async () => {
    const results = await deliverEvents(eventsOf(1_000, [...Array(1_000).keys()]));
    expect(results).toHaveLength(1_000);
    expect(requestsTo(heap)).toBeLessThanOrEqual(251);
    for (const result of results) {
      if (result.status === 400) expect(result).not.toHaveProperty('dontBatch');
      else expect(result).toEqual(alone);
    }
    expect(results).toContainEqual(alone);
    expect(eventsAt(heap)).toEqual([]);
  }, 60_000);

  it('for being too large arrives in pieces', async () => {
    await heap.close();
    delivery.close();
    await start({ maxBodyBytes: 400 });
    const events = eventsOf(40);
    const results = await deliverEvents(events);
    expect(statusesOf(results)).toEqual(Array(40).fill(200));
    expect([...eventsAt(heap)].sort()).toEqual([...namesOf(events)].sort());
  });

  it('for being too large costs an item that is too large by itself its delivery', async () => {
    await heap.close();
    delivery.close();
    await start({ maxBodyBytes: 400 });
    const events = eventsOf(9).map((event, index) =>
      index === 4 ? { ...event, properties: { long: 'x'.repeat(500) } } : event,
    );
    const results = await deliverEvents(events);
    expect(statusesOf(results)).toEqual([200, 200, 200, 200, 413, 200, 200, 200, 200]);
    expect(results[4]?.text).toBe('the body is too large');
    expect(eventsAt(heap)).not.toContain('e-4');
    expect(eventsAt(heap)).toHaveLength(8);
  });

  it('of accounts is divided like one of events', async () => {
    const accounts = ['a', 'b', '', 'd'].map((id) => ({ account_id: id, properties: { id } }));
    const call = callOf(`${heap.url}/api/add_account_properties`, { app_id: appId, accounts }, { metadata: jobs(4) });
    expect(statusesOf(await delivery.deliver(call))).toEqual([200, 200, 400, 200]);
    expect([...(heap.heap.findApp(appId)?.accounts.keys() ?? [])]).toEqual(['a', 'b', 'd']);
  });

  it('holds for every number of items and every set of culprits: 200 is at Heap once, 400 never', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 40 }),
        fc.uniqueArray(fc.nat(39), { maxLength: 12 }),
        async (count, culprits) => {
          heap.heap.reset();
          const events = eventsOf(count, culprits);
          const results = await deliverEvents(events);
          expect(statusesOf(results)).toEqual(events.map((_event, index) => (culprits.includes(index) ? 400 : 200)));
          expect([...eventsAt(heap)].sort()).toEqual([...namesOf(events)].sort());
        },
      ),
      { numRuns: 50 },
    );
  }, 60_000);

  describe('and whose items are not a job each', () => {
    const tooLong = 'x'.repeat(300);

    /** Users of whom the first has an identity that Heap does not take. */
    function deliverUsers(identities: readonly string[], jobCount: number, header?: string) {
      const users = identities.map((identity) => ({ identity, properties: { plan: 'gold' } }));
      const headers = header === undefined ? {} : { 'X-Jobs-Per-Item': header };
      return delivery.deliver(
        callOf(`${heap.url}/api/add_user_properties`, { app_id: appId, users }, { headers, metadata: jobs(jobCount) }),
      );
    }

    it('has the jobs of a refused merged item sent again alone, and all others delivered', async () => {
      const results = await deliverUsers([tooLong, 'ann', 'bob'], 6, '2,1,3');
      expect(results).toEqual([alone, alone, delivered, delivered, delivered, delivered]);
      expect(results[0]?.text).toContain('identity');
      expect(propertiesAt(heap, 'bob')).toEqual({ plan: 'gold' });
    });

    it('has the job of a refused item that was not merged given up', async () => {
      const results = await deliverUsers(['ann', tooLong, 'bob'], 4, '2,1,1');
      expect(results).toEqual([delivered, delivered, expect.objectContaining({ status: 400 }), delivered]);
      expect(results[2]).not.toHaveProperty('dontBatch');
    });

    it('has all jobs of its only item sent again alone', async () => {
      expect(await deliverUsers([tooLong], 3, '3')).toEqual([alone, alone, alone]);
      expect(await deliverUsers([tooLong], 2)).toEqual([alone, alone]);
    });

    it.each([
      ['no header', undefined],
      ['too few items', '2,1'],
      ['too many items', '1,1,1,1'],
      ['too few jobs', '1,1,1'],
      ['too many jobs', '2,2,1'],
      ['an item of no job', '0,2,2'],
      ['no numbers', 'two,one,one'],
      ['negative numbers', '-1,3,2'],
      ['nothing', ''],
    ])('has all jobs sent again alone where it is not known whose an item is: %s', async (_name, header) => {
      expect(await deliverUsers(['ann', tooLong, 'bob'], 4, header)).toEqual([alone, alone, alone, alone]);
    });

    it('has all jobs done once it is taken, whatever it is known of them', async () => {
      expect(await deliverUsers(['ann', 'bob'], 5)).toEqual(Array(5).fill(delivered));
    });

    it('has all jobs throttled where Heap is', async () => {
      heap.heap.faults.add({ action: { status: 429, body: 'slow down' } });
      const results = await deliverUsers(['ann', 'bob'], 3, '2,1');
      expect(results).toEqual(Array(3).fill({ status: 429, text: 'slow down', headers: expect.anything() }));
      expect(requestsTo(heap, '/api/add_user_properties')).toBe(1);
    });
  });

  it.each([408, 429, 500, 502, 503])('is not divided for a %d', async (status) => {
    heap.heap.faults.add({ action: { status, body: 'later' } });
    const results = await deliverEvents(eventsOf(4, [1]));
    expect(results.map((result) => [result.status, result.text])).toEqual(Array(4).fill([status, 'later']));
    expect(requestsTo(heap)).toBe(1);
  });

  it('has no items: it is answered as Heap answers it', async () => {
    expect(statusesOf(await deliverEvents([], { metadata: jobs(2) }))).toEqual([200, 200]);
    heap.heap.faults.add({ action: { status: 400, body: 'nothing in it' } });
    const [result] = await deliverEvents([], { metadata: jobs(1) });
    expect(result).toMatchObject({ status: 400, text: 'nothing in it' });
  });
});

describe('a bulk request that is being divided', () => {
  let heap: HeapStub;
  let delivery: TestDelivery;
  let respond: (response: ServerResponse, received: Received) => void;

  beforeEach(async () => {
    heap = await startHeapStub((response, received) => {
      respond(response, received);
    });
    delivery = createDelivery(heap.url, { clock: systemClock });
  });

  afterEach(async () => {
    delivery.close();
    await heap.close();
  });

  function deliver(count: number, more: JsonObject = {}, timeoutMs?: number): Promise<readonly JobResult[]> {
    const json = { app_id: appId, events: eventsOf(count) };
    const call = callOf(`${heap.url}/api/track`, json, { metadata: jobs(count), ...more });
    return delivery.deliver(call, timeoutMs);
  }

  /** The numbers of the events in a body. */
  function numbersIn({ body }: Received): readonly number[] {
    return [...body.matchAll(/"e-(\d+)"/g)].map(([, number]) => Number(number));
  }

  const refuse = (response: ServerResponse): void => {
    response.writeHead(400).end('no');
  };

  it('is sent in pieces to the URL and with the headers of the call', async () => {
    respond = (response, received) => {
      if (numbersIn(received).length > 1) refuse(response);
      else response.end('{}');
    };
    const headers = { 'X-Custom': 'kept', 'X-Jobs-Per-Item': '1,1,1' };
    expect(statusesOf(await deliver(3, { headers, params: { a: 'b' } }))).toEqual([200, 200, 200]);
    expect(heap.received.map((received) => numbersIn(received))).toEqual([[0, 1, 2], [0, 1], [0], [1], [2]]);
    for (const { method, url, headers: sent } of heap.received) {
      expect([method, url]).toEqual(['POST', '/api/track?a=b']);
      expect(sent).toMatchObject({
        'x-custom': 'kept',
        'user-agent': 'RudderLabs',
        'content-type': 'application/json',
      });
      expect(sent).not.toHaveProperty('x-jobs-per-item');
    }
    expect(heap.received.map(({ body }) => (JSON.parse(body) as JsonObject).app_id)).toEqual(Array(5).fill(appId));
  });

  it('hands on what Heap says of a piece that it neither takes nor refuses', async () => {
    respond = (response, received) => {
      const numbers = numbersIn(received);
      if (numbers.length === 8) refuse(response);
      else response.writeHead(numbers.includes(5) ? 503 : 200).end('{}');
    };
    expect(statusesOf(await deliver(8))).toEqual([200, 200, 200, 200, 503, 503, 200, 200]);
  });

  it('has what was not tried in time sent again alone', async () => {
    respond = (response, received) => {
      if (numbersIn(received).length === 4) refuse(response);
    };
    const results = await deliver(4, {}, 150);
    expect(heap.received.map((received) => numbersIn(received))).toEqual([
      [0, 1, 2, 3],
      [0, 1],
    ]);
    expect(statusesOf(results)).toEqual([500, 500, 500, 500]);
    expect(results.slice(2)).toEqual([alone, alone]);
  });

  it('has what was tried and not answered in time sent again alone, and what arrived is done', async () => {
    respond = (response, received) => {
      const numbers = numbersIn(received);
      if (numbers.length === 4) refuse(response);
      else if (numbers.includes(0)) response.end('{}');
    };
    expect(await deliver(4, {}, 150)).toEqual([delivered, delivered, alone, alone]);
  });

  it('ends when its time is up: what arrived by then is done', async () => {
    delivery.close();
    const clock = new VirtualClock();
    delivery = createDelivery(heap.url, { clock });
    respond = (response, received) => {
      if (numbersIn(received).length === 1) response.end('{}');
      else {
        void clock.advance(20_000).then(() => {
          refuse(response);
        });
      }
    };
    expect(await deliver(4, {}, 60_000)).toEqual([delivered, delivered, alone, alone]);
    expect(heap.received.map((received) => numbersIn(received))).toEqual([[0, 1, 2, 3], [0, 1], [0], [1], [2, 3]]);
  });
});
