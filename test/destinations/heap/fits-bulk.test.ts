import { describe, expect, it } from '@jest/globals';

import type { JsonObject } from '../../../src/core/json/json.js';
import { fitsBulk } from '../../../src/destinations/heap/fits-bulk.js';
import type { OperationKind } from '../../../src/destinations/heap/operation-kind.js';
import { toOperation } from '../../../src/destinations/heap/to-operation.js';

const lane = { key: 'us:9000000101', region: 'us', appId: '9000000101' };
const track = { identity: 'ann', event: 'Seen', timestamp: '2024-05-01T12:00:00.000Z', properties: { plan: 'pro' } };

function fits(kind: OperationKind, fields: JsonObject): boolean {
  return fitsBulk(toOperation(lane, kind, fields, JSON.stringify(fields)));
}

describe('a bulk request', () => {
  it.each<[string, OperationKind, JsonObject]>([
    ['a track', 'track', track],
    ['a track of a visitor', 'track', { user_id: '12', event: 'Seen', properties: {} }],
    ['a track without properties', 'track', { identity: 'ann', event: 'Seen' }],
    ['a time with an offset', 'track', { ...track, timestamp: '2024-05-01T12:00:00+02:00' }],
    ['booleans, nulls and lists', 'track', { ...track, properties: { a: true, b: null, c: [1, 'x'], id: 7 } }],
    ['the properties of a user', 'addUserProperties', { identity: 'ann', properties: { plan: 'pro' } }],
    ['the properties of an account', 'addAccountProperties', { account_id: 'acme', properties: { plan: 'pro' } }],
  ])('takes %s', (_what, kind, fields) => {
    expect(fits(kind, fields)).toBe(true);
  });

  it.each<[string, OperationKind, JsonObject]>([
    ['an identity that is no text', 'track', { ...track, identity: 7 }],
    ['a blank identity', 'track', { ...track, identity: ' ' }],
    ['an identity over 255 characters', 'track', { ...track, identity: 'x'.repeat(256) }],
    ['nobody', 'track', { event: 'Seen', properties: {} }],
    ['an event name over 1,024 characters', 'track', { ...track, event: 'x'.repeat(1_025) }],
    ['an event name that is no text', 'track', { ...track, event: 42 }],
    ['a time in seconds', 'track', { ...track, timestamp: '1600000000' }],
    ['a time without a T', 'track', { ...track, timestamp: '2024-05-01 10:00' }],
    ['a day that is none', 'track', { ...track, timestamp: '2024-13-01T10:00:00Z' }],
    ['an idempotency key that is no text', 'track', { ...track, idempotency_key: { a: 1 } }],
    ['a value that is an object', 'track', { ...track, properties: { a: {} } }],
    ['a value of 1,024 characters', 'track', { ...track, properties: { a: 'x'.repeat(1_024) } }],
    ['an element of 1,024 characters', 'track', { ...track, properties: { a: ['x'.repeat(1_024)] } }],
    ['a key of 1,024 characters', 'track', { ...track, properties: { ['x'.repeat(1_024)]: 1 } }],
    ['the reserved user property', 'addUserProperties', { identity: 'ann', properties: { ID: 7 } }],
    ['a user without properties', 'addUserProperties', { identity: 'ann' }],
    ['an account without an id', 'addAccountProperties', { properties: { plan: 'pro' } }],
  ])('does not take %s', (_what, kind, fields) => {
    expect(fits(kind, fields)).toBe(false);
  });
});
