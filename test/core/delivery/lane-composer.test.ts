import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Operation } from '../../../src/core/batching/operation.js';
import type { BatchLimits, PlannedRequest } from '../../../src/core/batching/plan-requests.js';
import { LaneComposer } from '../../../src/core/delivery/lane-composer.js';
import { laneEntry, type LaneEntry } from '../../../src/core/delivery/lane-entry.js';
import { LaneQueue } from '../../../src/core/delivery/lane-queue.js';
import { LaneLimiter, type RateLimits } from '../../../src/core/delivery/limits/lane-limiter.js';
import { Ticket } from '../../../src/core/delivery/ticket.js';
import { heapRequestRules } from '../../../src/destinations/heap/request-rules.js';
import { identifyOf, lane, trackOf, userPropertiesOf } from '../../support/operations.js';

const roomy: BatchLimits = { maxItems: 100, maxBytes: 100_000 };

function fail(error: unknown): never {
  throw error;
}

function composing(operations: readonly Operation[], rateLimits: RateLimits = {}) {
  const waits: number[] = [];
  const queue: LaneQueue = new LaneQueue((kind) => composer.rulesOf(kind).stage);
  const limiter = new LaneLimiter(rateLimits);
  const composer: LaneComposer = new LaneComposer(lane, heapRequestRules, queue, limiter, (ms) => waits.push(ms), fail);
  const entries = operations.map((operation) => laneEntry(operation, new Ticket(1), 0));
  for (const entry of entries) queue.add(entry);
  return { queue, limiter, composer, waits, entries };
}

type Composing = ReturnType<typeof composing>;

/** What it makes of everything, one request after the other, each one settled before the next. */
function composeAll({ queue, composer }: Composing, kind: string, limits: BatchLimits): PlannedRequest<LaneEntry>[] {
  const requests: PlannedRequest<LaneEntry>[] = [];
  for (;;) {
    const request = composer.compose(kind, limits, 0);
    if (request === undefined) return requests;
    requests.push(request);
    for (const { entries } of request.items) for (const entry of entries) queue.remove(entry);
  }
}

function textsOf(request: PlannedRequest<LaneEntry> | undefined): readonly string[] {
  return request?.items.map(({ text }) => text) ?? [];
}

/** The names of the events in a request. */
function eventsIn(request: PlannedRequest<LaneEntry> | undefined): readonly string[] {
  return textsOf(request).map((text) => (JSON.parse(text) as { readonly event: string }).event);
}

const byName = (identity: string, ...names: readonly string[]): readonly Operation[] =>
  names.map((name) => trackOf(identity, name));

describe('a request of a lane', () => {
  it('has the writes of one key behind each other, then those of the next', () => {
    const { composer } = composing([
      trackOf('ann', 'A1'),
      trackOf('bob', 'B1'),
      trackOf('ann', 'A2'),
      trackOf('bob', 'B2'),
    ]);
    const request = composer.compose('track', roomy, 0);
    expect(eventsIn(request)).toEqual(['A1', 'A2', 'B1', 'B2']);
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ app_id: '11', events: { length: 4 } });
  });

  it('has as many items as it may, and what is left of a key follows when these are settled', () => {
    const all = composing([...byName('ann', 'A1', 'A2', 'A3'), ...byName('bob', 'B1', 'B2')]);
    const request = all.composer.compose('track', { ...roomy, maxItems: 2 }, 0);
    expect(eventsIn(request)).toEqual(['A1', 'A2']);
    expect(eventsIn(all.composer.compose('track', { ...roomy, maxItems: 2 }, 0))).toEqual(['B1', 'B2']);
    expect(all.composer.compose('track', roomy, 0)).toBeUndefined();
    for (const { entries } of request?.items ?? []) for (const entry of entries) all.queue.remove(entry);
    expect(eventsIn(all.composer.compose('track', roomy, 0))).toEqual(['A3']);
  });

  it('is of one kind', () => {
    const { composer } = composing([userPropertiesOf('ann', { a: 1 }), trackOf('bob', 'B')]);
    expect(eventsIn(composer.compose('track', roomy, 0))).toEqual(['B']);
    expect(textsOf(composer.compose('addUserProperties', roomy, 0))).toHaveLength(1);
    expect(composer.compose('identify', roomy, 0)).toBeUndefined();
  });

  it('can not be of a kind that has no rules', () => {
    expect(() => composing([]).composer.rulesOf('dance')).toThrow('no request rules for operations of kind dance');
  });

  it('stays within its bytes, and what did not fit is next', () => {
    const operations = ['A', 'B', 'C'].map((name) => trackOf(name, name, { text: 'x'.repeat(100) }));
    const two = operations.slice(0, 2).reduce((sum, { bytes }) => sum + bytes, 1);
    const maxBytes = heapRequestRules.track.overheadBytes(lane) + two;
    const fits = composeAll(composing(operations), 'track', { maxItems: 9, maxBytes });
    expect(fits.map(eventsIn)).toEqual([['A', 'B'], ['C']]);
    expect(fits[0]?.bytes).toBe(maxBytes);
    const tight = composeAll(composing(operations), 'track', { maxItems: 9, maxBytes: maxBytes - 1 });
    expect(tight.map(eventsIn)).toEqual([['A'], ['B'], ['C']]);
  });

  it('goes with a first item that is larger than a request, and with nothing else', () => {
    const big = trackOf('ann', 'Big', { text: 'x'.repeat(500) });
    const requests = composeAll(composing([big, trackOf('ann', 'A'), trackOf('bob', 'B')]), 'track', {
      maxItems: 9,
      maxBytes: 200,
    });
    expect(requests.map(eventsIn)).toEqual([['Big'], ['B', 'A']]);
  });

  it('keeps its bounds, counts its bytes, and takes everything once, whatever there is', () => {
    const anyOperation = fc
      .tuple(fc.constantFrom('track', 'properties'), fc.nat(4), fc.nat(120))
      .map(([kind, who, size]) =>
        kind === 'track'
          ? trackOf(`user ${who}`, 'A', { text: 'ü'.repeat(size) })
          : userPropertiesOf(`user ${who}`, { [`p${size}`]: 'x'.repeat(size) }),
      );
    fc.assert(
      fc.property(
        fc.array(anyOperation, { maxLength: 30, size: 'max' }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 60, max: 600 }),
        (operations, maxItems, maxBytes) => {
          const all = composing(operations);
          const requests = ['addUserProperties', 'track'].flatMap((kind) =>
            composeAll(all, kind, { maxItems, maxBytes }),
          );
          for (const { items, body, bytes } of requests) {
            expect(Buffer.byteLength(body)).toBe(bytes);
            expect(items.length).toBeLessThanOrEqual(maxItems);
            const isOne = items.length === 1 && items[0]?.entries.length === 1;
            if (!isOne) expect(bytes).toBeLessThanOrEqual(maxBytes);
          }
          const taken = requests.flatMap(({ items }) => items.flatMap(({ entries }) => entries));
          expect(taken).toHaveLength(operations.length);
          expect(new Set(taken)).toEqual(new Set(all.entries));
          expect(all.queue.size).toBe(0);
        },
      ),
    );
  });

  it('is made smaller with some of its items', () => {
    const { composer } = composing(byName('ann', 'A', 'B', 'C'));
    const request = composer.compose('track', roomy, 0);
    const smaller = composer.recompose('track', request?.items.slice(1) ?? []);
    expect(eventsIn(smaller)).toEqual(['B', 'C']);
    expect(smaller.bytes).toBe(Buffer.byteLength(smaller.body));
    expect(JSON.parse(smaller.body)).toMatchObject({ events: { length: 2 } });
  });
});

describe('writes of one user', () => {
  it('are one item in which the last value of each property wins', () => {
    const { composer, entries } = composing([
      userPropertiesOf('ann', { plan: 'free', age: 3 }),
      userPropertiesOf('ann', { plan: 'pro' }),
      userPropertiesOf('bob', { plan: 'x' }),
    ]);
    const request = composer.compose('addUserProperties', roomy, 0);
    expect(textsOf(request)).toEqual([
      '{"identity":"ann","properties":{"plan":"pro","age":3}}',
      '{"identity":"bob","properties":{"plan":"x"}}',
    ]);
    expect(request?.items.map((item) => item.entries)).toEqual([entries.slice(0, 2), entries.slice(2)]);
  });

  it('are several items, one request each, where one would be too large', () => {
    const operations = ['a', 'b', 'c'].map((name) => userPropertiesOf('ann', { [name]: 'x'.repeat(100) }));
    const requests = composeAll(composing(operations), 'addUserProperties', { maxItems: 9, maxBytes: 350 });
    expect(requests.map(({ items }) => items.map(({ entries }) => entries.length))).toEqual([[2], [1]]);
  });

  it('are merged only with those of their group', () => {
    const all = composing(['a', 'b', 'c', 'd'].map((name) => userPropertiesOf('ann', { [name]: 1 })));
    const [, second] = all.entries;
    if (second !== undefined) second.group = 1;
    const requests = composeAll(all, 'addUserProperties', roomy);
    expect(requests.map(({ items }) => items.map(({ entries }) => entries.length))).toEqual([[1], [1], [2]]);
  });

  it('that merge the same two are sent once, however many there are', () => {
    const { composer } = composing([
      identifyOf('7', 'ann'),
      identifyOf('7', 'ann'),
      identifyOf('7', 'bob'),
      identifyOf('7', 'ann'),
    ]);
    const request = composer.compose('identify', { ...roomy, maxItems: 1 }, 0);
    expect(textsOf(request)).toEqual(['{"user_id":"7","identity":"ann"}']);
    expect(request?.items[0]?.entries).toHaveLength(2);
    expect(composer.compose('identify', { ...roomy, maxItems: 1 }, 0)).toBeUndefined();
  });

  it('are at most 1,000 in one item', () => {
    const { composer } = composing(Array.from({ length: 1_200 }, () => userPropertiesOf('ann', { a: 1 })));
    expect(composer.compose('addUserProperties', roomy, 0)?.items[0]?.entries).toHaveLength(1_000);
  });
});

describe('a rate limit per identity', () => {
  const perItem: RateLimits = { track: { perKey: { max: 2, windowMs: 60_000, per: 'item' } } };

  it('lets so many of its items through, and everybody else’s', () => {
    const all = composing([...byName('ann', 'A1', 'A2', 'A3'), ...byName('bob', 'B1')], perItem);
    const request = all.composer.compose('track', roomy, 0);
    expect(eventsIn(request)).toEqual(['A1', 'A2', 'B1']);
    expect([all.waits, all.queue.limited]).toEqual([[], 0]);
  });

  it('has the identity wait until there is room, and tells of the wait', () => {
    const all = composing(byName('ann', 'A1', 'A2', 'A3'), perItem);
    const request = all.composer.compose('track', roomy, 0);
    if (request === undefined) throw new Error('there is something to send');
    const reservation = all.composer.reserve(request);
    for (const { entries } of request.items) for (const entry of entries) all.queue.remove(entry);
    reservation.settle(100, true);
    expect(all.composer.compose('track', roomy, 200)).toBeUndefined();
    expect([all.waits, all.queue.limited, all.queue.wake(200)]).toEqual([[59_900], 1, 60_100]);
    all.queue.wake(60_100);
    expect(eventsIn(all.composer.compose('track', roomy, 60_100))).toEqual(['A3']);
    expect(all.waits).toHaveLength(1);
  });

  it('counts a request once where requests are what is limited', () => {
    const rateLimits: RateLimits = { track: { perKey: { max: 1, windowMs: 1_000, per: 'request' } } };
    const all = composing([...byName('ann', 'A1', 'A2', 'A3'), trackOf('bob', 'B')], rateLimits);
    expect(eventsIn(all.composer.compose('track', roomy, 0))).toEqual(['A1', 'A2', 'A3', 'B']);
  });

  it('counts writes that were merged as the one item that they are', () => {
    const rateLimits: RateLimits = { addUserProperties: { perKey: { max: 1, windowMs: 1_000, per: 'item' } } };
    const all = composing(
      ['a', 'b', 'c'].map((name) => userPropertiesOf('ann', { [name]: 1 })),
      rateLimits,
    );
    const request = all.composer.compose('addUserProperties', roomy, 0);
    expect(request?.items.map(({ entries }) => entries.length)).toEqual([3]);
    if (request !== undefined) all.composer.reserve(request);
    expect(all.limiter.keyRoom('addUserProperties', 'identity ann', 0)).toBe(0);
  });

  it('of a merge counts for the identity', () => {
    const rateLimits: RateLimits = { identify: { perKey: { max: 1, windowMs: 1_000, per: 'item' } } };
    const { composer, limiter } = composing([identifyOf('7', 'ann')], rateLimits);
    const request = composer.compose('identify', { ...roomy, maxItems: 1 }, 0);
    if (request !== undefined) composer.reserve(request);
    expect(limiter.keyRoom('identify', 'identity ann', 0)).toBe(0);
    expect(limiter.keyRoom('identify', 'user_id 7', 0)).toBe(1);
  });

  it('is looked at again after a second where only an answer can tell', () => {
    const all = composing(byName('ann', 'A1', 'A2', 'A3'), perItem);
    // Two of ann are under way from somewhere else.
    all.limiter.reserve('track', 2, new Map([['identity ann', 2]]));
    expect(all.composer.compose('track', roomy, 0)).toBeUndefined();
    expect([all.queue.limited, all.queue.wake(0)]).toEqual([1, 1_000]);
  });
});

describe('items that were composed before', () => {
  it('wait until there is room for all of them, of the lane and of each identity', () => {
    const rateLimits: RateLimits = {
      track: { perLane: { max: 4, windowMs: 1_000 }, perKey: { max: 2, windowMs: 5_000, per: 'item' } },
    };
    const { composer } = composing([...byName('ann', 'A1', 'A2'), ...byName('bob', 'B1')], rateLimits);
    const request = composer.compose('track', roomy, 0);
    if (request === undefined) throw new Error('there is something to send');
    expect(composer.waitMs('track', request.items, 0)).toBe(0);
    const reservation = composer.reserve(request);
    expect(composer.waitMs('track', request.items, 0)).toBe(Infinity);
    reservation.settle(100, true);
    expect(composer.waitMs('track', request.items, 100)).toBe(5_000);
    expect(composer.waitMs('track', request.items.slice(2), 100)).toBe(0);
  });
});
