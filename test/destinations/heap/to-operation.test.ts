import { describe, expect, it } from '@jest/globals';

import type { Operation } from '../../../src/core/batching/operation.js';
import type { JsonObject } from '../../../src/core/json/json.js';
import type { OperationKind } from '../../../src/destinations/heap/operation-kind.js';
import { toOperation } from '../../../src/destinations/heap/to-operation.js';
import { lane } from '../../support/operations.js';

function operationOf(kind: OperationKind, fields: JsonObject): Operation {
  return toOperation(lane, kind, fields, JSON.stringify(fields));
}

function sharesKey(one: Operation, other: Operation): boolean {
  return one.keys.some((key) => other.keys.includes(key));
}

describe('an operation for Heap', () => {
  it('is about the identity or the user_id that it names', () => {
    const byIdentity = operationOf('track', { event: 'A', identity: 'ann' });
    expect(sharesKey(byIdentity, operationOf('track', { event: 'B', identity: 'ann' }))).toBe(true);
    expect(sharesKey(byIdentity, operationOf('track', { event: 'B', identity: 'bob' }))).toBe(false);
    // The same text as a user_id is somebody else.
    expect(sharesKey(byIdentity, operationOf('track', { event: 'B', user_id: 'ann' }))).toBe(false);
  });

  it('of a merge is about both that are merged, the identity last: that is whom limits count', () => {
    const merge = operationOf('identify', { user_id: '7', identity: 'ann' });
    expect(merge.keys).toHaveLength(2);
    expect([merge.keys.at(-1)]).toEqual(operationOf('track', { event: 'A', identity: 'ann' }).keys);
    expect([merge.keys[0]]).toEqual(operationOf('track', { event: 'A', user_id: '7' }).keys);
  });

  it('of user properties is about the one that the events are about, of account properties about nobody else', () => {
    const properties = operationOf('addUserProperties', { identity: 'ann', properties: {} });
    expect(properties.keys).toEqual(operationOf('track', { event: 'A', identity: 'ann' }).keys);
    const account = operationOf('addAccountProperties', { account_id: 'ann', properties: {} });
    expect(sharesKey(account, properties)).toBe(false);
  });

  it('is about the same one whether an id is a number or its text: to Heap it is', () => {
    expect(sharesKey(operationOf('track', { identity: 5 }), operationOf('track', { identity: '5' }))).toBe(true);
    expect(sharesKey(operationOf('track', { identity: null }), operationOf('track', { identity: 'null' }))).toBe(false);
  });

  it('knows how many bytes its text has', () => {
    expect(operationOf('track', { event: 'ü' }).bytes).toBe(Buffer.byteLength('{"event":"ü"}'));
  });
});
