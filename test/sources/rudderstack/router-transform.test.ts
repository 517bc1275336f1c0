import { describe, expect, it } from '@jest/globals';

import type { Json } from '../../../src/core/json/json.js';
import { canonicalText, newTransforms } from '../../support/rudderstack.js';
import { rudderCases } from '../../support/rudderstack-cases.js';

describe('the answer of the router transform', () => {
  const { router } = newTransforms();
  for (const { name, description, requests, expected } of rudderCases('router')) {
    for (const { form, text } of requests) {
      it(`${description} [${name}, ${form}]`, () => {
        const actual = router(JSON.parse(text) as Json);
        expect(actual).toEqual(expected);
        expect(canonicalText(actual)).toBe(canonicalText(expected));
      });
    }
  }
});
