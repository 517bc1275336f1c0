import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { LaneTarget, Operation } from '../../../src/core/batching/operation.js';
import {
  composeRequest,
  planRequests,
  type BatchLimits,
  type PlannedRequest,
} from '../../../src/core/batching/plan-requests.js';
import type { Json, JsonObject } from '../../../src/core/json/json.js';
import { compileConnection } from '../../../src/destinations/heap/compile-connection.js';
import { defaultHeapSettings, type Region } from '../../../src/destinations/heap/connection.js';
import { operationKinds, type OperationKind } from '../../../src/destinations/heap/operation-kind.js';
import { heapRequestRules } from '../../../src/destinations/heap/request-rules.js';

interface Entry {
  readonly operation: Operation;
}

type Plan = ReturnType<typeof planRequests<Entry>>;

const lists = { addUserProperties: 'users', addAccountProperties: 'accounts', track: 'events' } as const;

/** Transforms of three connections, each to a lane of its own. */
const connections = (
  [
    ['us', '1000000001'],
    ['eu', '1000000001'],
    ['us', '2'],
  ] as const satisfies readonly (readonly [Region, string])[]
).map(([region, appId]) =>
  compileConnection({ id: 'test', appId, region, preset: 'heap', settings: defaultHeapSettings }, []),
);

function entriesOf(connection: number, event: JsonObject): readonly Entry[] {
  const result = connections[connection]?.transform(event);
  if (result?.outcome !== 'mapped') throw new Error(`not mapped: ${JSON.stringify(result)}`);
  return result.operations.map((operation) => ({ operation }));
}

function itemOf(entry: Entry): JsonObject {
  return JSON.parse(entry.operation.text) as JsonObject;
}

const properties = fc
  .array(
    fc.tuple(
      fc.constantFrom('plan', 'name', '__proto__', 'constructor', 'größe', '计划'),
      fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        fc.integer(),
        fc.constantFrom('😀'.repeat(20), '', '"\\'),
      ),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map<JsonObject>((list) => Object.fromEntries(list));

const id = fc.constantFrom('ada', 'bob', 'Ada', '日本', '42', 'a b', '__proto__');

const event: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record({ type: fc.constant('track'), userId: id, event: fc.constantFrom('Order', '注文'), properties }),
  fc.record({ type: fc.constant('identify'), userId: id, traits: properties }),
  fc.record({ type: fc.constant('identify'), userId: id, anonymousId: id, traits: properties }),
  fc.record({ type: fc.constant('group'), userId: id, groupId: id, traits: properties }),
  fc.record({ type: fc.constant('alias'), userId: id, previousId: id.map((text) => `old ${text}`) }),
);

const window: fc.Arbitrary<readonly Entry[]> = fc
  .array(fc.tuple(fc.nat(2), event), { maxLength: 25 })
  .map((events) => events.flatMap(([connection, sent]) => entriesOf(connection, sent)));

const limits: fc.Arbitrary<BatchLimits> = fc.record({
  maxItems: fc.integer({ min: 1, max: 6 }),
  maxBytes: fc.integer({ min: 60, max: 500 }),
});

function forEveryPlan(check: (plan: Plan, entries: readonly Entry[], bounds: BatchLimits) => void): void {
  fc.assert(
    fc.property(window, limits, (entries, bounds) => {
      check(planRequests(entries, heapRequestRules, bounds), entries, bounds);
    }),
    { numRuns: 300 },
  );
}

function rulesOf(request: PlannedRequest<Entry>) {
  return heapRequestRules[request.kind as OperationKind];
}

/** The items of a body as its receiver reads them. */
function itemsIn(request: PlannedRequest<Entry>): readonly Json[] {
  const { app_id: appId, ...rest } = JSON.parse(request.body) as JsonObject;
  expect(appId).toBe(request.lane.appId);
  if (request.kind === 'identify') return [rest];
  const list = lists[request.kind as keyof typeof lists];
  expect(Object.keys(rest)).toEqual([list]);
  return rest[list] as readonly Json[];
}

const texts = (values: readonly Json[]): readonly string[] => values.map((value) => JSON.stringify(value));

/** What a subject has after writes that follow each other: the last value of every key. */
function applyWrites(
  writes: readonly (readonly [subject: string, item: JsonObject])[],
): Map<string, Map<string, Json>> {
  const subjects = new Map<string, Map<string, Json>>();
  for (const [subject, { properties: written }] of writes) {
    const members = subjects.get(subject) ?? new Map<string, Json>();
    for (const [key, value] of Object.entries(written as JsonObject)) members.set(key, value);
    subjects.set(subject, members);
  }
  return subjects;
}

function subjectOf(lane: LaneTarget, kind: string, item: JsonObject): string {
  return JSON.stringify([lane.key, kind, item.identity ?? item.account_id]);
}

function isPropertyWrite(kind: string): boolean {
  return kind === 'addUserProperties' || kind === 'addAccountProperties';
}

describe('a plan of requests', () => {
  it('has each entry in exactly one item, or among the oversized', () => {
    forEveryPlan(({ requests, oversized }, entries) => {
      const planned = [...requests.flatMap(({ items }) => items.flatMap((item) => item.entries)), ...oversized];
      expect(planned).toHaveLength(entries.length);
      expect(new Set(planned)).toEqual(new Set(entries));
    });
  });

  it('keeps every request within the limits on items and on bytes, whatever the alphabet', () => {
    forEveryPlan(({ requests }, _entries, { maxItems, maxBytes }) => {
      for (const request of requests) {
        expect(request.items.length).toBeGreaterThan(0);
        expect(request.items.length).toBeLessThanOrEqual(request.kind === 'identify' ? 1 : maxItems);
        expect(request.bytes).toBe(Buffer.byteLength(request.body));
        expect(request.bytes).toBeLessThanOrEqual(maxBytes);
        for (const item of request.items) expect(item.bytes).toBe(Buffer.byteLength(item.text));
      }
    });
  });

  it('has bodies of JSON that hold exactly their items, in their order', () => {
    forEveryPlan(({ requests }) => {
      for (const request of requests) {
        const expected = request.items.map((item) => JSON.parse(item.text) as Json);
        expect(texts(itemsIn(request))).toEqual(texts(expected));
        expect(request.path).toBe(rulesOf(request).path);
      }
    });
  });

  it('never mixes two lanes or two kinds in one request', () => {
    forEveryPlan(({ requests }) => {
      for (const { lane, kind, items } of requests) {
        for (const { operation } of items.flatMap((item) => item.entries)) {
          expect([operation.lane.key, operation.kind]).toEqual([lane.key, kind]);
        }
      }
    });
  });

  it('is ordered by stage: who somebody is, then what is known, then what was done', () => {
    const stages: Readonly<Record<string, number>> = {
      identify: 0,
      addUserProperties: 1,
      addAccountProperties: 1,
      track: 2,
    };
    forEveryPlan(({ requests }) => {
      const planned = requests.map(({ stage }) => stage);
      expect(planned).toEqual(requests.map(({ kind }) => stages[kind]));
      expect(planned).toEqual([...planned].sort((a, b) => a - b));
    });
  });

  it('keeps the order of the first entries within a lane and kind, so that of any one identity', () => {
    forEveryPlan(({ requests }, entries) => {
      const positions = new Map(entries.map((entry, index) => [entry, index]));
      const lastOf = new Map<string, number>();
      for (const { lane, kind, items } of requests) {
        for (const item of items) {
          const order = item.entries.map((entry) => positions.get(entry) ?? -1);
          expect(order).toEqual([...order].sort((a, b) => a - b));
          const group = `${lane.key} ${kind}`;
          expect(order[0]).toBeGreaterThan(lastOf.get(group) ?? -1);
          lastOf.set(group, order[0] ?? -1);
        }
      }
    });
  });

  it('merges writes of properties into the effect that they have one after the other', () => {
    forEveryPlan(({ requests, oversized }, entries) => {
      const left = new Set(oversized);
      const sent = entries.filter((entry) => isPropertyWrite(entry.operation.kind) && !left.has(entry));
      const expected = applyWrites(
        sent.map((entry) => {
          const item = itemOf(entry);
          return [subjectOf(entry.operation.lane, entry.operation.kind, item), item];
        }),
      );
      const planned = applyWrites(
        requests
          .filter(({ kind }) => isPropertyWrite(kind))
          .flatMap((request) =>
            itemsIn(request).map((item) => {
              const object = item as JsonObject;
              return [subjectOf(request.lane, request.kind, object), object] as const;
            }),
          ),
      );
      expect(planned).toEqual(expected);
    });
  });

  it('merges the repeats of one subject where there is room for it', () => {
    fc.assert(
      fc.property(window, (entries) => {
        const { requests, oversized } = planRequests(entries, heapRequestRules, {
          maxItems: 1_000,
          maxBytes: 1_000_000,
        });
        expect(oversized).toEqual([]);
        for (const request of requests.filter(({ kind }) => isPropertyWrite(kind))) {
          const subjects = itemsIn(request).map((item) => subjectOf(request.lane, request.kind, item as JsonObject));
          expect(new Set(subjects).size).toBe(subjects.length);
        }
        const groups = new Set(entries.map(({ operation: { lane, kind } }) => `${lane.key} ${kind}`));
        const bulk = requests.filter(({ kind }) => kind !== 'identify').map(({ lane, kind }) => `${lane.key} ${kind}`);
        expect(new Set(bulk).size).toBe(bulk.length);
        expect(new Set(requests.map(({ lane, kind }) => `${lane.key} ${kind}`))).toEqual(groups);
      }),
    );
  });

  it('sends the same merge of a visitor into a user once, and any other merge as well', () => {
    forEveryPlan(({ requests, oversized }, entries) => {
      const pairOf = (lane: LaneTarget, item: JsonObject): string =>
        JSON.stringify([lane.key, item.user_id, item.identity]);
      const left = new Set(oversized);
      const expected = entries
        .filter((entry) => entry.operation.kind === 'identify' && !left.has(entry))
        .map((entry) => pairOf(entry.operation.lane, itemOf(entry)));
      const sent = requests
        .filter(({ kind }) => kind === 'identify')
        .map((request) => pairOf(request.lane, itemsIn(request)[0] as JsonObject));
      expect(new Set(sent).size).toBe(sent.length);
      expect(new Set(sent)).toEqual(new Set(expected));
    });
  });

  it('gives up only on operations that are over the limit by themselves', () => {
    forEveryPlan(({ oversized }, entries, { maxBytes }) => {
      const left = new Set(oversized);
      for (const entry of entries) {
        const alone = planRequests([entry], heapRequestRules, { maxItems: 1, maxBytes: Infinity }).requests[0];
        expect([itemOf(entry), left.has(entry)]).toEqual([itemOf(entry), (alone?.bytes ?? 0) > maxBytes]);
      }
    });
  });

  it('opens a new request only where the one before it has no room', () => {
    forEveryPlan(({ requests }, _entries, { maxItems, maxBytes }) => {
      requests.slice(1).forEach((request, index) => {
        const before = requests[index];
        if (before?.lane.key !== request.lane.key || before.kind !== request.kind) return;
        const isFull = before.items.length === Math.min(maxItems, rulesOf(request).maxItems);
        const bytes = before.bytes + 1 + (request.items[0]?.bytes ?? 0);
        expect(isFull || bytes > maxBytes).toBe(true);
      });
    });
  });

  it('of nothing is nothing', () => {
    expect(planRequests([], heapRequestRules, { maxItems: 10, maxBytes: 1_000 })).toEqual({
      requests: [],
      oversized: [],
    });
  });

  it("holds to Heap's 1,000 items per request, however many the limits allow", () => {
    const entries = Array.from({ length: 2_001 }, (_, index) =>
      entriesOf(0, { type: 'track', userId: 'ada', event: `e${index}` }),
    ).flat();
    const { requests } = planRequests(entries, heapRequestRules, { maxItems: 5_000, maxBytes: 10_000_000 });
    expect(requests.map(({ items }) => items.length)).toEqual([1_000, 1_000, 1]);
  });

  it('fills a request to the last byte and not one further', () => {
    const entries = ['a', 'b', 'c'].flatMap((name) => entriesOf(0, { type: 'track', userId: '日本', event: name }));
    const sizesFor = (maxBytes: number): readonly number[] =>
      planRequests(entries, heapRequestRules, { maxItems: 10, maxBytes }).requests.map(({ items }) => items.length);
    const [two] = planRequests(entries.slice(0, 2), heapRequestRules, { maxItems: 10, maxBytes: 1_000 }).requests;
    const [three] = planRequests(entries, heapRequestRules, { maxItems: 10, maxBytes: 1_000 }).requests;
    expect(sizesFor(three?.bytes ?? 0)).toEqual([3]);
    expect(sizesFor((three?.bytes ?? 0) - 1)).toEqual([2, 1]);
    expect(sizesFor(two?.bytes ?? 0)).toEqual([2, 1]);
    expect(sizesFor((two?.bytes ?? 0) - 1)).toEqual([1, 1, 1]);
  });

  it('does not let a write that is too large take other writes of the same user with it', () => {
    const small = entriesOf(0, { type: 'identify', userId: 'ada', traits: { plan: 'pro' } });
    const large = entriesOf(0, { type: 'identify', userId: 'ada', traits: { note: 'x'.repeat(900) } });
    const after = entriesOf(0, { type: 'identify', userId: 'ada', traits: { plan: 'free' } });
    const plan = planRequests([...small, ...large, ...after], heapRequestRules, { maxItems: 10, maxBytes: 600 });
    expect(plan.oversized).toEqual(large);
    expect(plan.requests.flatMap((request) => itemsIn(request)).at(-1)).toEqual({
      identity: 'ada',
      properties: { plan: 'free' },
    });
  });

  it('refuses a kind that has no rules', () => {
    const unheard = entriesOf(0, { type: 'track', userId: 'ada', event: 'Order' }).map(({ operation }) => ({
      operation: { ...operation, kind: 'unheard' },
    }));
    expect(() => planRequests(unheard, heapRequestRules, { maxItems: 1, maxBytes: 1_000 })).toThrow('unheard');
  });
});

describe('composing a request of some of the items of another', () => {
  it('gives a valid, smaller request of exactly these', () => {
    fc.assert(
      fc.property(window, fc.array(fc.boolean(), { minLength: 30, maxLength: 60 }), (entries, picks) => {
        const plan = planRequests(entries, heapRequestRules, { maxItems: 1_000, maxBytes: 1_000_000 });
        for (const request of plan.requests) {
          const items = request.items.filter((_item, index) => picks[index] === true);
          if (items.length === 0) continue;
          const part = composeRequest(request.lane, request.kind, rulesOf(request), items);
          expect(part.items).toEqual(items);
          expect(part.bytes).toBe(Buffer.byteLength(part.body));
          expect(part.bytes).toBeLessThanOrEqual(request.bytes);
          expect(texts(itemsIn(part))).toEqual(texts(items.map((item) => JSON.parse(item.text) as Json)));
          expect([part.lane, part.kind, part.stage, part.path]).toEqual([
            request.lane,
            request.kind,
            request.stage,
            request.path,
          ]);
        }
      }),
    );
  });
});

describe('the rules of requests to Heap', () => {
  it('know every kind of operation', () => {
    expect(Object.keys(heapRequestRules).sort()).toEqual([...operationKinds].sort());
  });

  it.each<[OperationKind, JsonObject, string, JsonObject]>([
    [
      'track',
      { type: 'track', userId: 'ada', event: 'Order', messageId: 'm-1' },
      '/api/track',
      { app_id: '1000000001', events: [{ identity: 'ada', event: 'Order', idempotency_key: 'm-1' }] },
    ],
    [
      'addUserProperties',
      { type: 'identify', userId: 'ada', traits: { plan: 'pro' } },
      '/api/add_user_properties',
      { app_id: '1000000001', users: [{ identity: 'ada', properties: { plan: 'pro' } }] },
    ],
    [
      'addAccountProperties',
      { type: 'group', groupId: 'acme', traits: { plan: 'pro' } },
      '/api/add_account_properties',
      { app_id: '1000000001', accounts: [{ account_id: 'acme', properties: { plan: 'pro' } }] },
    ],
    [
      'identify',
      { type: 'alias', userId: 'ada', previousId: 'anon1' },
      '/api/v1/identify',
      { app_id: '1000000001', user_id: '435837195053672', identity: 'ada' },
    ],
  ])('send %s as Heap documents it', (kind, sent, path, body) => {
    const { requests } = planRequests(entriesOf(0, sent), heapRequestRules, { maxItems: 10, maxBytes: 1_000 });
    expect(requests.map((request) => [request.kind, request.path, JSON.parse(request.body) as Json])).toEqual([
      [kind, path, body],
    ]);
  });
});
