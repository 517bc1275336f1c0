import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Json } from '../../../src/core/json/json.js';
import { withRetlTimestamp } from '../../../src/sources/rudderstack/retl-timestamp.js';
import { itAnswersTheCases } from '../../support/processor-contract.js';
import { newTransforms } from '../../support/rudderstack.js';

describe('a row from a warehouse, every body parsed as a whole', () => {
  itAnswersTheCases('retl', newTransforms({ isFast: false }).processor);
});

describe('a row from a warehouse', () => {
  itAnswersTheCases('retl', newTransforms().processor);

  it('of a user has the first valid time of the traits and the event', () => {
    const row = { type: 'identify', channel: 'sources', timestamp: 't', originalTimestamp: 'o' };
    const timeOf = (message: Json): Json => (withRetlTimestamp(message) as { timestamp: Json }).timestamp;
    expect(timeOf({ ...row, traits: { timestamp: 'of the traits' } })).toBe('of the traits');
    expect(timeOf({ ...row, context: { traits: { timestamp: 'of the context' } } })).toBe('of the context');
    expect(timeOf({ ...row, traits: { timestamp: null } })).toBe('t');
    expect(timeOf({ ...row, timestamp: '' })).toBe('o');
  });

  it('is not changed, and nothing else of it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (properties, timestamp, context) => {
        const row = JSON.parse(
          JSON.stringify({ type: 'track', channel: 'sources', event: 'E', properties, timestamp, context }),
        ) as Json & { readonly timestamp: Json };
        const before = JSON.stringify(row);
        const timed = withRetlTimestamp(row);
        expect(JSON.stringify(row)).toBe(before);
        expect({ ...(timed as object), timestamp: row.timestamp }).toEqual(row);
      }),
    );
  });
});
