import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { eventTypes } from '../../../src/core/event/event.js';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../../src/core/json/json.js';
import type { Mapping } from '../../../src/core/mapping/mapping.js';
import { reasons } from '../../../src/core/reasons.js';
import type { TransformResult } from '../../../src/core/transform-result.js';
import { compileConnection } from '../../../src/destinations/heap/compile-connection.js';
import {
  defaultHeapSettings,
  type HeapConnection,
  type HeapSettings,
  type PresetName,
} from '../../../src/destinations/heap/connection.js';

interface Item {
  readonly kind: string;
  readonly fields: JsonObject;
}

type Transform = (event: Json) => TransformResult;

function compile(settings: Partial<HeapSettings> = {}, preset: PresetName = 'heap', mapping?: Mapping): Transform {
  const faults: string[] = [];
  const connection: HeapConnection = {
    id: 'test',
    appId: '9000000101',
    region: 'us',
    preset,
    settings: { ...defaultHeapSettings, ...settings },
    ...(mapping === undefined ? {} : { mapping }),
  };
  const { transform } = compileConnection(connection, faults);
  expect(faults).toEqual([]);
  return transform;
}

function itemsOf(result: TransformResult): readonly Item[] {
  if (result.outcome !== 'mapped') return [];
  return result.operations.map(({ kind, text }) => ({ kind, fields: JSON.parse(text) as JsonObject }));
}

/** A mapping such as a customer writes, which takes ids and names from where nobody has looked at them. */
const ownMapping: Mapping = {
  extends: 'heap',
  events: {
    track: [
      {
        operation: 'track',
        extend: true,
        fields: [
          { destKey: 'identity', sourceKeys: ['traits.email', 'userId'] },
          { destKey: 'event', sourceKeys: ['properties.name', 'event'], required: true, reason: 'event_name_missing' },
          { destKey: 'properties.raw', sourceKeys: 'properties' },
          { destKey: 'properties.title', metadata: { template: '{{ name || none }} of {{ context }}' } },
          { destKey: 'properties.__proto__', sourceKeys: "traits['__proto__']" },
        ],
      },
    ],
    group: [
      {
        operation: 'addAccountProperties',
        ifMissing: 'skip',
        fields: [
          { destKey: 'account_id', sourceKeys: ['traits.id', 'groupId'], required: true },
          { destKey: 'properties', sourceKeys: 'traits', required: true },
        ],
      },
    ],
  },
};

const settingsOf: Readonly<Record<string, Partial<HeapSettings>>> = {
  'the defaults': {},
  'brackets and indexes': { nestedObjects: 'bracket', arrays: 'index', booleans: 'native' },
  'JSON text': { nestedObjects: 'stringify', arrays: 'stringify', anonymousIdentity: 'identity' },
  'nothing nested': { nestedObjects: 'drop', arrays: 'drop', anonymousIdentity: 'reject' },
  'joined lists': { arrays: 'join', joinWith: '\0\ud800', anonymousIdentity: 'heapUserId', placeholderIdentities: [] },
};

const heapVariants: readonly (readonly [string, Transform])[] = Object.entries(settingsOf).map(
  ([name, settings]) => [name, compile(settings)] as const,
);
const ruledVariants = [...heapVariants, ['a mapping of its own', compile({}, 'heap', ownMapping)] as const];
const allVariants = [...ruledVariants, ['the rudderstack preset', compile({}, 'rudderstack')] as const];

const infinite = JSON.parse('1e400') as number;

const oddKey = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length'),
  fc.constantFrom('id', 'ID', 'user_id', 'User_Id', 'email', 'Email', 'EMAIL', 'userId', 'name', 'category'),
  fc.constantFrom('', ' ', '\0', '\ufeff', 'a.b', 'a[b]', 'a', 'b', '0', '\ud800', 'x\udc00'),
  fc.constantFrom('k'.repeat(1_022), 'k'.repeat(1_024), `${' '.repeat(1_023)}k`, `${'k'.repeat(1_022)}😀`),
  fc.string({ unit: 'binary', maxLength: 5 }),
);

const oddText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', ' ', '\0', '\0 \0', '\ud83d', 'a\udc00b', 'undefined', 'null', '0', '9007199254740991', '||'),
  fc.constantFrom('9007199254740992', '007', 'ada@example.com', '2024-05-01T12:00:00Z', '\u2028"\\'),
  fc.constantFrom('v'.repeat(1_024), `${'v'.repeat(1_022)}😀`, '\0'.repeat(2_000), 'é'.repeat(300), '😀'.repeat(128)),
);

const oddNumber = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constantFrom(infinite, -infinite, 0, -0, 1e21, 2 ** 53, 2 ** 53 - 1, 1_714_564_800, Number.MIN_VALUE),
);

const scalar: fc.Arbitrary<Json> = fc.oneof(oddText, oddNumber, fc.boolean(), fc.constant(null));

function nested(depth: number, kind: 'array' | 'object'): Json {
  let value: Json = 1;
  for (let level = 0; level < depth; level += 1) value = kind === 'array' ? [value] : { a: value };
  return value;
}

const deep = fc
  .tuple(fc.constantFrom(10, 60, 61, 62, 63, 64, 65, 300), fc.constantFrom('array' as const, 'object' as const))
  .map(([depth, kind]) => nested(depth, kind));

const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { arbitrary: scalar, weight: 6 },
    { arbitrary: fc.array(tie('json'), { maxLength: 5 }), weight: 2 },
    { arbitrary: fc.array(scalar, { maxLength: 300, size: 'medium' }), weight: 1 },
    // fromEntries makes `__proto__` an own member, as JSON.parse does.
    {
      arbitrary: fc.array(fc.tuple(oddKey, tie('json')), { maxLength: 6 }).map((list) => Object.fromEntries(list)),
      weight: 3,
    },
    { arbitrary: deep, weight: 1 },
  ),
}));

const object = fc.array(fc.tuple(oddKey, json), { maxLength: 8 }).map<JsonObject>((list) => Object.fromEntries(list));

const anyId = fc.oneof(fc.constantFrom('ada', 'bob'), oddText, oddNumber, fc.constant(null));
const anyTime = fc.oneof(oddText, oddNumber, fc.constant(null), fc.constant('2024-05-01T12:00:00.000+02:00'));

/** Events that pass the first checks and are odd in everything else. */
const plausibleEvent: fc.Arbitrary<JsonObject> = fc.record(
  {
    type: fc.constantFrom(...eventTypes),
    userId: anyId,
    anonymousId: anyId,
    previousId: anyId,
    groupId: anyId,
    messageId: anyId,
    event: anyId,
    name: anyId,
    category: anyId,
    properties: fc.oneof(object, fc.constant(null)),
    traits: fc.oneof(object, fc.constant(null)),
    context: fc.oneof(object, fc.record({ traits: object }), fc.constant(null)),
    timestamp: anyTime,
    originalTimestamp: anyTime,
    sentAt: anyTime,
    receivedAt: anyTime,
  },
  { requiredKeys: ['type'], noNullPrototype: true },
);

/** The same fields with values of any type, under a type of any kind. */
const eventShaped: fc.Arbitrary<JsonObject> = fc
  .tuple(
    fc.constantFrom<Json>(...eventTypes, 'TRACK', ' Page ', 'unknown', null, 1, ['track']),
    fc.array(
      fc.tuple(
        fc.constantFrom('userId', 'anonymousId', 'messageId', 'event', 'properties', 'traits', 'context', '__proto__'),
        json,
      ),
    ),
  )
  .map(([type, fields]) => ({ type, ...Object.fromEntries(fields) }));

const anything: fc.Arbitrary<Json> = fc.oneof(
  { arbitrary: plausibleEvent, weight: 6 },
  { arbitrary: eventShaped, weight: 3 },
  { arbitrary: json, weight: 1 },
  { arbitrary: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json), weight: 1 },
);

/** JSON text that tells -0 and infinite numbers apart. */
function textOf(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'number' && (!Number.isFinite(member) || Object.is(member, -0)) ? `number ${member}` : member,
  );
}

function deepFreeze(value: Json): Json {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}

const summaryOf = (result: TransformResult): unknown =>
  result.outcome === 'mapped' ? [itemsOf(result), result.adjustments.reasons()] : result;

const runs = { numRuns: 400 };

describe.each(allVariants)('a transform with %s', (_name, transform) => {
  it('answers any JSON value, the same each time, and never changes it', () => {
    fc.assert(
      fc.property(anything, (event) => {
        const before = textOf(event);
        const first = transform(deepFreeze(event));
        expect(textOf(event)).toBe(before);
        expect(summaryOf(transform(event))).toEqual(summaryOf(first));
        const copy = JSON.parse(JSON.stringify(event)) as Json;
        if (before === textOf(copy)) expect(summaryOf(transform(copy))).toEqual(summaryOf(first));
        if (first.outcome === 'mapped') expect(first.operations.length).toBeGreaterThan(0);
        else expect(reasons[first.reason].group).toBe(first.outcome);
      }),
      runs,
    );
  });

  it('leaves what every object inherits as it was', () => {
    const namesBefore = Reflect.ownKeys(Object.prototype);
    const arrayNamesBefore = Reflect.ownKeys(Array.prototype);
    const polluting = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a.__proto__.polluted":1}',
    ) as JsonObject;
    for (const type of eventTypes) {
      transform({ type, userId: 'ada', groupId: 'g', previousId: 'p', event: 'e', properties: polluting });
      transform({ ...polluting, type, userId: 'ada', groupId: 'g', traits: polluting, context: { traits: polluting } });
    }
    expect(Reflect.ownKeys(Object.prototype)).toEqual(namesBefore);
    expect(Reflect.ownKeys(Array.prototype)).toEqual(arrayNamesBefore);
  });
});

const isoUtc = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

function textFaults(what: string, value: Json | undefined, least: number, most: number): readonly string[] {
  if (typeof value !== 'string') return [`${what} is no text`];
  return [
    ...(value.length < least ? [`${what} is too short`] : []),
    ...(value.length > most ? [`${what} is too long: ${value.length}`] : []),
    ...(value.isWellFormed() ? [] : [`${what} has half a surrogate pair`]),
    ...(value.includes('\0') ? [`${what} has NUL`] : []),
  ];
}

function userIdFaults(value: Json | undefined): readonly string[] {
  const isDecimal = typeof value === 'string' && /^\d{1,16}$/.test(value) && BigInt(value) < 2n ** 53n;
  return isDecimal ? [] : ['user_id is no decimal from 0 to 2^53 - 1'];
}

function propertyFaults(kind: string, key: string, value: Json): readonly string[] {
  const plain = key.toLowerCase();
  const keyFaults = [
    ...textFaults('a key', key, 1, 1_023),
    ...(key.trim() === '' ? ['a key is blank'] : []),
    ...(kind === 'addUserProperties' && ['id', 'user_id'].includes(plain) ? [`key ${key} is reserved`] : []),
    ...(kind === 'addUserProperties' && plain === 'email' && key !== 'email' ? [`key ${key} is no email`] : []),
  ];
  if (isJsonArray(value)) {
    return [
      ...keyFaults,
      ...(kind === 'track' ? [] : ['a list where Heap documents none']),
      ...(value.length === 0 ? ['a list is empty'] : []),
      ...(value.some((element) => typeof element === 'object') ? ['a list is nested'] : []),
      ...textFaults('a joined list', value.map(String).join('||'), 0, 1_023),
    ];
  }
  switch (typeof value) {
    case 'string':
      return [...keyFaults, ...textFaults('a value', value, 0, 1_023)];
    case 'number':
      return Number.isFinite(value) ? keyFaults : [...keyFaults, 'a number is infinite'];
    case 'boolean':
      return keyFaults;
    default:
      return [...keyFaults, 'a value is null or nested'];
  }
}

function propertiesFaults(kind: string, properties: Json | undefined, least: number): readonly string[] {
  if (properties === undefined && least === 0) return [];
  if (!isJsonObject(properties)) return ['properties are no object'];
  const entries = Object.entries(properties);
  return [
    ...(entries.length < least ? ['properties are empty'] : []),
    ...entries.flatMap(([key, value]) => propertyFaults(kind, key, value)),
  ];
}

function timeFaults(time: Json | undefined): readonly string[] {
  return time === undefined || (typeof time === 'string' && isoUtc.test(time))
    ? []
    : ['timestamp is not ISO 8601 in UTC'];
}

function unknownFields(fields: JsonObject, known: readonly string[]): readonly string[] {
  return Object.keys(fields)
    .filter((key) => !known.includes(key))
    .map((key) => `field ${key} is unknown`);
}

/** What Heap's documentation has against an item: https://developers.heap.io/reference/track-1 and its siblings. */
function heapFaults({ kind, fields }: Item): readonly string[] {
  switch (kind) {
    case 'track': {
      const { event, identity, user_id: userId, timestamp, idempotency_key: key, properties } = fields;
      return [
        ...unknownFields(fields, ['event', 'identity', 'user_id', 'timestamp', 'idempotency_key', 'properties']),
        ...textFaults('event', event, 1, 1_024),
        ...((identity === undefined) === (userId === undefined) ? ['not exactly one of identity and user_id'] : []),
        ...(identity === undefined ? [] : textFaults('identity', identity, 1, 255)),
        ...(userId === undefined ? [] : userIdFaults(userId)),
        ...timeFaults(timestamp),
        ...(key === undefined ? [] : textFaults('idempotency_key', key, 1, Infinity)),
        ...(typeof key === 'string' && key.trim() === '' ? ['idempotency_key is blank'] : []),
        ...propertiesFaults(kind, properties, 0),
      ];
    }
    case 'identify':
      return [
        ...unknownFields(fields, ['identity', 'user_id', 'timestamp']),
        ...textFaults('identity', fields.identity, 1, 255),
        ...userIdFaults(fields.user_id),
        ...timeFaults(fields.timestamp),
      ];
    case 'addUserProperties':
      return [
        ...unknownFields(fields, ['identity', 'properties']),
        ...textFaults('identity', fields.identity, 1, 255),
        ...propertiesFaults(kind, fields.properties, 1),
      ];
    case 'addAccountProperties':
      return [
        ...unknownFields(fields, ['account_id', 'properties']),
        ...textFaults('account_id', fields.account_id, 1, 255),
        ...propertiesFaults(kind, fields.properties, 1),
      ];
    default:
      return [`kind ${kind} is unknown`];
  }
}

describe.each(ruledVariants)('what is sent to Heap with %s', (_name, transform) => {
  it("is within all of Heap's documented rules, whatever the event", () => {
    fc.assert(
      fc.property(fc.oneof(plausibleEvent, anything), (event) => {
        expect(itemsOf(transform(event)).flatMap(heapFaults)).toEqual([]);
      }),
      { numRuns: 1_500 },
    );
  });

  it('is made of most events that name somebody and something', () => {
    const named = plausibleEvent.map((event) => ({ ...event, userId: 'ada', event: 'Order', groupId: 'acme' }));
    const mapped = fc.sample(named, { numRuns: 300, seed: 1 }).filter((event) => transform(event).outcome === 'mapped');
    expect(mapped.length).toBeGreaterThan(60);
  });
});

describe.each(heapVariants)('what was sent to Heap with %s', (_name, transform) => {
  it('comes out the same when it is sent through once more', () => {
    const again = ({
      kind,
      fields: { properties, event, identity, account_id: accountId },
    }: Item): Json | undefined => {
      if (properties === undefined) return undefined;
      switch (kind) {
        case 'track':
          return { type: 'track', userId: identity ?? 'ada', event: event ?? '', properties };
        case 'addUserProperties':
          return { type: 'identify', userId: identity ?? '', traits: properties };
        case 'addAccountProperties':
          return { type: 'group', groupId: accountId ?? '', traits: properties };
        default:
          return undefined;
      }
    };
    fc.assert(
      fc.property(plausibleEvent, (event) => {
        for (const item of itemsOf(transform(event))) {
          const event2 = again(item);
          if (event2 === undefined) continue;
          const second = itemsOf(transform(event2)).find(({ kind }) => kind === item.kind);
          expect(textOf(second?.fields.properties)).toBe(textOf(item.fields.properties));
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('what comes to nothing when it is made fit for Heap', () => {
  const propertiesOf = (type: string, key: string): unknown => {
    const event = { type, userId: 'ada', event: 'Order', traits: { [key]: 1, a: 1 }, properties: { [key]: 1, a: 1 } };
    return itemsOf(compile()(event))[0]?.fields.properties;
  };

  it.each(['track', 'identify'])('is left out as a key of what is sent for %s', (type) => {
    for (const key of ['', ' ', '\0', ' \0', `${' '.repeat(1_023)}k`, `${'\u2003'.repeat(1_023)}k`]) {
      expect([key, propertiesOf(type, key)]).toEqual([key, { a: 1 }]);
    }
  });

  it.each(['', ' ', '\0', '\0 \0'])('is left out as the messageId %j', (messageId) => {
    const transform = compile();
    const result = transform({ type: 'track', userId: 'ada', event: 'Order', messageId });
    expect(itemsOf(result)).toEqual([{ kind: 'track', fields: { identity: 'ada', event: 'Order' } }]);
    expect(result.outcome === 'mapped' && result.adjustments.reasons()).toContain('idempotency_key_missing');
  });

  it.each(['', ' ', '\0', '\0 \0'])('is no name of an event: %j', (event) => {
    expect(compile()({ type: 'track', userId: 'ada', event })).toMatchObject({ reason: 'event_name_missing' });
    const unchecked: Mapping = {
      extends: 'heap',
      events: {
        track: [{ operation: 'track', extend: true, fields: [{ destKey: 'event', sourceKeys: 'event' }] }],
      },
    };
    const transform = compile({}, 'heap', unchecked);
    expect(transform({ type: 'track', userId: 'ada', event })).toMatchObject({ reason: 'event_name_missing' });
  });
});

describe('a field nested beyond the stack', () => {
  const depth = 100_000;
  const bottomless = [
    JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as Json,
    JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`) as Json,
  ];
  const fields = [
    'userId',
    'anonymousId',
    'messageId',
    'event',
    'name',
    'type',
    'properties',
    'traits',
    'context',
    'x',
  ];
  const everywhere: Mapping = {
    events: {
      track: [
        {
          operation: 'track',
          fields: [
            { destKey: 'identity', value: 'ada' },
            { destKey: 'event', sourceKeys: ['x', 'event'], metadata: { default: 'Order' } },
            { destKey: 'session_id', sourceKeys: 'x' },
            { destKey: 'properties', sourceKeys: ['x', 'context', 'properties'], metadata: { type: 'flatten' } },
            { destKey: 'properties.x', sourceKeys: ['x', 'context'] },
          ],
        },
      ],
    },
  };

  const variants: readonly (readonly [string, Transform])[] = [
    ...allVariants,
    ['a mapping that takes everything', compile({}, 'heap', everywhere)],
    ['a mapping that takes everything, of the rudderstack preset', compile({}, 'rudderstack', everywhere)],
  ];

  it.each(variants)('is answered with %s', (_name, transform) => {
    for (const value of bottomless) {
      for (const field of fields) {
        for (const type of eventTypes) {
          const event = { type, userId: 'ada', event: 'Order', groupId: 'g', traits: { a: 1 }, [field]: value };
          expect(['mapped', 'rejected', 'dropped']).toContain(transform(event).outcome);
        }
      }
    }
  });
});

describe("a connection's way with lists", () => {
  const list = { properties: { name: ['a', 'b'], category: [1, [2]], other: ['x'], deep: { list: [1, 2] } } };

  it.each(['index', 'join', 'stringify', 'drop'] as const)(
    '%s leaves no list in what is sent, of any event',
    (arrays) => {
      const transform = compile({ arrays });
      for (const type of ['track', 'page', 'screen']) {
        const items = itemsOf(transform({ type, userId: 'ada', event: 'Order', ...list }));
        expect(items).toHaveLength(1);
        for (const [key, value] of Object.entries(items[0]?.fields.properties ?? {})) {
          expect([type, key, isJsonArray(value as Json)]).toEqual([type, key, false]);
        }
      }
    },
  );

  it('drop leaves nothing of the lists of any event', () => {
    for (const type of ['track', 'page', 'screen']) {
      const [item] = itemsOf(compile({ arrays: 'drop' })({ type, userId: 'ada', event: 'Order', ...list }));
      expect([type, item?.fields.properties ?? {}]).toEqual([type, {}]);
    }
  });
});

describe('a mapping', () => {
  it('has to be for the preset of its connection', () => {
    const faults: string[] = [];
    const settings = defaultHeapSettings;
    const mapping: Mapping = { extends: 'segment', events: {} };
    compileConnection({ id: 'test', appId: '1', region: 'us', preset: 'heap', settings, mapping }, faults);
    expect(faults).toEqual([expect.stringContaining('extends "segment" is no preset')]);
  });
});
