import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { eventTypes } from '../../../src/core/event/event.js';
import { parseEvent } from '../../../src/core/event/parse-event.js';
import type { Json, JsonObject } from '../../../src/core/json/json.js';
import { reasons } from '../../../src/core/reasons.js';

const rejectionReasons = Object.entries(reasons)
  .filter(([, { group }]) => group === 'rejected')
  .map(([code]) => code);

const idFields = ['messageId', 'userId', 'anonymousId', 'previousId', 'groupId'];
const nameFields = ['event', 'name', 'category'];
const timeFields = ['timestamp', 'originalTimestamp', 'sentAt', 'receivedAt'];
const objectFields = ['properties', 'traits', 'context'];
const scalarFields = [...idFields, ...nameFields, ...timeFields];

/** Why the value is no event, or `undefined` when it is one. */
function reasonFor(value: Json): string | undefined {
  const parsed = parseEvent(value);
  return parsed.ok ? undefined : parsed.reason;
}

function detailFor(value: Json): string | undefined {
  const parsed = parseEvent(value);
  return parsed.ok ? undefined : parsed.detail;
}

function nested(depth: number, open: string, close: string): string {
  return `${open.repeat(depth)}${close.repeat(depth)}`;
}

function withKeys(count: number): JsonObject {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));
}

describe('parsing an event', () => {
  it('answers any JSON value with the event or a registered reason, and changes nothing', () => {
    const field = fc.constantFrom('type', ...scalarFields, ...objectFields, 'integrations', '__proto__', 'constructor');
    const value = fc.oneof(
      fc.jsonValue(),
      fc.array(fc.tuple(field, fc.jsonValue())).map((entries) => Object.fromEntries(entries)),
      fc
        .tuple(fc.constantFrom(...eventTypes, 'Track', ' PAGE '), fc.array(fc.tuple(field, fc.jsonValue())))
        .map(([type, entries]) => ({ ...Object.fromEntries(entries), type })),
    ) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(value, (sent) => {
        const before = JSON.stringify(sent);
        const parsed = parseEvent(sent);
        expect(JSON.stringify(sent)).toBe(before);
        if (parsed.ok) {
          expect(eventTypes).toContain(parsed.event.type);
        } else {
          expect(rejectionReasons).toContain(parsed.reason);
          expect(parsed.detail).not.toBe('');
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each(eventTypes)('hands on the very object that was sent: %s', (type) => {
    const event = { type, userId: 'u-1', anything: { else: [1] } };
    const parsed = parseEvent(event);
    expect(parsed.ok && parsed.event).toBe(event);
  });

  it.each(['TRACK', 'Track', ' track ', '\ttrack\n'])('reads the type %j as track, in a copy', (type) => {
    const event = JSON.parse(`{"userId":"u-1","__proto__":{"a":1}}`) as JsonObject;
    const parsed = parseEvent({ ...event, type });
    expect(parsed.ok && parsed.event.type).toBe('track');
    expect(JSON.stringify(parsed.ok && parsed.event)).toBe('{"userId":"u-1","__proto__":{"a":1},"type":"track"}');
  });

  it.each<[Json, string]>([
    [null, 'null'],
    [[], 'an array'],
    [[{ type: 'track' }], 'an array'],
    ['track', 'a string'],
    [42, 'a number'],
    [true, 'a boolean'],
  ])('refuses %j, which is no object, and says what it is', (value, kind) => {
    expect(reasonFor(value)).toBe('event_not_object');
    expect(detailFor(value)).toContain(kind);
  });

  it.each<[JsonObject]>([[{}], [{ type: null }], [{ type: '' }], [{ Type: 'track' }], [{ userId: [] }]])(
    'refuses %j, which has no type',
    (value) => {
      expect(reasonFor(value)).toBe('type_missing');
    },
  );

  it('looks for the type in the event itself, not behind it', () => {
    expect(reasonFor(JSON.parse('{"__proto__":{"type":"track"}}') as Json)).toBe('type_missing');
  });

  it.each(['order', 'tracks', 'toString', '__proto__', '   ', 'track\0', 'x'.repeat(1_000_000)])(
    'refuses a type that is none of the spec',
    (type) => {
      expect(reasonFor({ type })).toBe('type_unsupported');
      expect(detailFor({ type })?.length).toBeLessThan(200);
    },
  );

  it.each<[Json]>([[1], [true], [['track']], [{ track: 1 }]])('refuses %j as a type', (type) => {
    expect(reasonFor({ type })).toBe('field_type_invalid');
  });

  it.each(scalarFields.flatMap((field) => ['text', '', 7, -1.5, null].map((value) => [field, value] as const)))(
    'takes %s: %j',
    (field, value) => {
      expect(reasonFor({ type: 'track', [field]: value })).toBeUndefined();
    },
  );

  it.each(scalarFields.flatMap((field) => [true, [], ['x'], {}, { a: 1 }].map((value) => [field, value] as const)))(
    'refuses %s: %j',
    (field, value) => {
      expect(reasonFor({ type: 'track', [field]: value })).toBe('field_type_invalid');
      expect(detailFor({ type: 'track', [field]: value })).toContain(`"${field}"`);
    },
  );

  it.each(objectFields.flatMap((field) => [{}, { a: [1] }, null].map((value) => [field, value] as const)))(
    'takes %s: %j',
    (field, value) => {
      expect(reasonFor({ type: 'identify', [field]: value })).toBeUndefined();
    },
  );

  it.each(objectFields.flatMap((field) => ['text', '', 7, false, [], [{}]].map((value) => [field, value] as const)))(
    'refuses %s: %j',
    (field, value) => {
      expect(reasonFor({ type: 'identify', [field]: value })).toBe('field_type_invalid');
      expect(detailFor({ type: 'identify', [field]: value })).toContain(`"${field}"`);
    },
  );

  it('does not care for fields that it does not know', () => {
    expect(reasonFor({ type: 'alias', integrations: [1], _metadata: false, version: null })).toBeUndefined();
  });
});

describe('an event of hostile size', () => {
  it.each<[string, (part: JsonObject) => Json]>([
    ['properties', (properties) => ({ type: 'track', properties })],
    ['traits', (traits) => ({ type: 'identify', traits })],
    ['context.traits', (traits) => ({ type: 'identify', context: { traits } })],
  ])('may have 2,000 keys in its %s, counted at every level, and no more', (_name, eventWith) => {
    expect(reasonFor(eventWith(withKeys(2_000)))).toBeUndefined();
    expect(reasonFor(eventWith(withKeys(2_001)))).toBe('too_many_keys');
    expect(reasonFor(eventWith(withKeys(10_000)))).toBe('too_many_keys');
    expect(reasonFor(eventWith({ list: [withKeys(1_000), [{ more: withKeys(1_000) }]] }))).toBe('too_many_keys');
  });

  it.each([
    [62, undefined],
    [63, 'nested_too_deep'],
    [5_000, 'nested_too_deep'],
    [100_000, 'nested_too_deep'],
  ])('may be nested 64 levels deep: %i below its properties', (depth, reason) => {
    const objects = `{"type":"track","properties":{"a":${nested(depth - 1, '{"a":', '}').replace(/:\}/, ':{}}')}}}`;
    const arrays = `{"type":"track","properties":{"a":${nested(depth, '[', ']')}}}`;
    expect(reasonFor(JSON.parse(objects) as Json)).toBe(reason);
    expect(reasonFor(JSON.parse(arrays) as Json)).toBe(reason);
  });

  it('may hold megabytes of text', () => {
    const text = 'x'.repeat(1_000_000);
    expect(reasonFor({ type: 'track', userId: text, event: text, properties: { [text]: text } })).toBeUndefined();
    expect(reasonFor({ type: 'track', timestamp: text })).toBeUndefined();
  });
});
