import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { decodeStoredEvent, encodeStoredEvent, operationFingerprint } from '../../../src/core/durable/stored-event.js';
import { trackOf } from '../../support/operations.js';

describe('the text of a stored event', () => {
  it('gives back the event, and what of it was delivered', () => {
    const fingerprint = fc.stringMatching(/^[0-9a-f]{24}$/);
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.json()),
        fc.array(fingerprint, { maxLength: 3 }),
        (event, delivered) => {
          const text = JSON.stringify(event);
          expect(decodeStoredEvent(encodeStoredEvent(text, delivered))).toEqual({ event: text, delivered });
        },
      ),
    );
  });

  it('tells operations apart by where they go, what they are and what they say', () => {
    const prints = [trackOf('ann', 'A'), trackOf('ann', 'B'), trackOf('bob', 'A')].map(operationFingerprint);
    expect(new Set(prints).size).toBe(3);
    expect(operationFingerprint(trackOf('ann', 'A'))).toBe(prints[0]);
  });
});
