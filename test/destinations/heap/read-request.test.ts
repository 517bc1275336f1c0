import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { LaneTarget, Operation } from '../../../src/core/batching/operation.js';
import { composeRequest, planRequests } from '../../../src/core/batching/plan-requests.js';
import type { Json, JsonObject } from '../../../src/core/json/json.js';
import { operationKinds, type OperationKind } from '../../../src/destinations/heap/operation-kind.js';
import { readHeapRequest } from '../../../src/destinations/heap/read-request.js';
import { heapRequestRules } from '../../../src/destinations/heap/request-rules.js';
import { compileRudderStackConfig } from '../../../src/destinations/heap/rudderstack-config.js';
import { toOperation } from '../../../src/destinations/heap/to-operation.js';

const origin = 'https://heapanalytics.com';

function urlOf(kind: OperationKind, base = origin): URL {
  return new URL(`${base}${heapRequestRules[kind].path}`);
}

const id = fc.constantFrom('ann', 'bob', '日本', '__proto__', '5');
/** As JSON.parse gives them: `__proto__` is a key like any other. */
const properties = fc
  .dictionary(fc.constantFrom('plan', '__proto__', '2', 'größe', ''), fc.jsonValue({ depthSize: 'xsmall' }))
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);

const fieldsOf: Readonly<Record<OperationKind, fc.Arbitrary<JsonObject>>> = {
  identify: fc.record({ user_id: id, identity: id }),
  addUserProperties: fc.record({ identity: id, properties }),
  addAccountProperties: fc.record({ account_id: id, properties }),
  track: fc.record(
    { identity: id, event: fc.constantFrom('Order', '注文', ''), timestamp: fc.constant('2024-05-01'), properties },
    { requiredKeys: ['event', 'properties'] },
  ),
};

const appId = fc.constantFrom('9000000101', '7', '', 'a "quoted" one');

interface Entry {
  readonly operation: Operation;
}

/** Operations of one kind and lane, as the transform makes them. */
const operations = fc.constantFrom(...operationKinds).chain((kind) =>
  fc.tuple(appId, fc.array(fieldsOf[kind], { minLength: 1, maxLength: 8 })).map(([ofAppId, items]) => {
    const lane: LaneTarget = { key: `us:${ofAppId}`, region: 'us', appId: ofAppId };
    return {
      kind,
      entries: items.map((fields) => ({ operation: toOperation(lane, kind, fields, JSON.stringify(fields)) })),
    };
  }),
);

describe('a request to Heap that is read again', () => {
  it('has the kind, the app_id and the items that it was put together of', () => {
    fc.assert(
      fc.property(operations, fc.integer({ min: 1, max: 5 }), ({ kind, entries }, maxItems) => {
        const { requests } = planRequests<Entry>(entries, heapRequestRules, { maxItems, maxBytes: 100_000 });
        for (const request of requests) {
          const read = readHeapRequest(new URL(`${origin}${request.path}`), JSON.parse(request.body) as JsonObject);
          expect(read?.kind).toBe(kind);
          expect(read?.lane.appId).toBe(request.lane.appId);
          expect(read?.operations.map(({ text, bytes }) => [text, bytes])).toEqual(
            request.items.map(({ text, bytes }) => [text, bytes]),
          );
          const sources = request.items.map((item) => item.entries.at(-1)?.operation);
          expect(read?.operations.map(({ mergeKey, orderKey }) => [mergeKey, orderKey])).toEqual(
            sources.map((operation) => [operation?.mergeKey, operation?.orderKey]),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is the same request when it is put together again', () => {
    fc.assert(
      fc.property(operations, ({ kind, entries }) => {
        const { requests } = planRequests<Entry>(entries, heapRequestRules, { maxItems: 1_000, maxBytes: 100_000 });
        for (const { path, body } of requests) {
          const read = readHeapRequest(new URL(`${origin}${path}`), JSON.parse(body) as JsonObject);
          if (read === undefined) throw new Error('not read');
          const items = read.operations.map((operation) => ({ ...operation, entries: [{ operation }] }));
          expect(composeRequest(read.lane, read.kind, heapRequestRules[kind], items).body).toBe(body);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('has one item in its single form, which can be put into a bulk request', () => {
    fc.assert(
      fc.property(operations, fc.oneof(appId, fc.nat()), ({ kind, entries: [entry] }, ofAppId) => {
        if (entry === undefined || ofAppId === '') return;
        const destination = compileRudderStackConfig({ appId: ofAppId }, { us: origin, eu: origin });
        const read = readHeapRequest(urlOf(kind), JSON.parse(destination.singleBody(entry.operation)) as JsonObject);
        expect(read?.operations).toHaveLength(1);
        expect(read?.operations[0]).toMatchObject({ kind, text: entry.operation.text, bytes: entry.operation.bytes });
        expect(read?.lane.appId).toBe(String(ofAppId));
      }),
    );
  });

  it('belongs to another lane at another host, or with another app_id', () => {
    const keyOf = (base: string, ofAppId: Json): string | undefined =>
      readHeapRequest(urlOf('track', base), { app_id: ofAppId, event: 'a' })?.lane.key;
    const keys = [keyOf(origin, '1'), keyOf(origin, '2'), keyOf('https://c.eu.heap-api.com', '1')];
    expect(new Set(keys).size).toBe(3);
    expect(keyOf(origin, 1)).toBe(keyOf(origin, '1'));
  });

  it('is known by its path behind any prefix, and whatever its query', () => {
    for (const kind of operationKinds) {
      const url = new URL(`https://relay.example/heap${heapRequestRules[kind].path}?a=b`);
      expect(readHeapRequest(url, { app_id: '1', event: 'a' })?.kind).toBe(kind);
    }
  });

  it.each<[string, string, JsonObject]>([
    ['another path', '/api/public/v0/user_deletion', { app_id: '1', event: 'a' }],
    ['the integrations path', '/api/integrations/track', { app_id: '1', library: 'x', events: [{ event: 'a' }] }],
    ['a slash too much', '/api/track/', { app_id: '1', event: 'a' }],
    ['no path', '/', { app_id: '1', event: 'a' }],
    ['no app_id', '/api/track', { event: 'a' }],
    ['an app_id that is none', '/api/track', { app_id: null, event: 'a' }],
    ['an app_id that is an object', '/api/track', { app_id: {}, event: 'a' }],
    ['a list that is none', '/api/track', { app_id: '1', events: 'a' }],
    ['an empty list’s place taken', '/api/add_user_properties', { app_id: '1', users: null }],
    ['items that are no objects', '/api/track', { app_id: '1', events: [{ event: 'a' }, 'b'] }],
    ['items that are lists', '/api/track', { app_id: '1', events: [[]] }],
  ])('is not taken apart with %s', (_name, path, body) => {
    expect(readHeapRequest(new URL(`${origin}${path}`), body)).toBeUndefined();
  });

  it('takes the list of another kind for a member like any other', () => {
    const read = readHeapRequest(urlOf('track'), { app_id: '1', users: [{ identity: 'ann' }], event: 'a' });
    expect(read?.operations.map(({ text }) => text)).toEqual(['{"users":[{"identity":"ann"}],"event":"a"}']);
  });

  it('that is anything at all is taken apart or not, and throws nothing', () => {
    fc.assert(
      fc.property(fc.constantFrom(...operationKinds), fc.dictionary(fc.string(), fc.jsonValue()), (kind, members) => {
        const body = JSON.parse(JSON.stringify({ app_id: '1', ...members })) as JsonObject;
        const read = readHeapRequest(urlOf(kind), body);
        if (read !== undefined)
          for (const { bytes, text } of read.operations) expect(bytes).toBe(Buffer.byteLength(text));
      }),
      { numRuns: 300 },
    );
  });
});
