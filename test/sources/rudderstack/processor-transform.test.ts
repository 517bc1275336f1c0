import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { processorFolders, rudderCases } from '../../support/rudderstack-cases.js';
import { canonicalText, newTransforms } from '../../support/rudderstack.js';
import { itAnswersTheCases, itHoldsForEveryBody } from '../../support/processor-contract.js';
import { bodyText } from '../../support/rudderstack-texts.js';

describe('the answer of the processor transform', () => {
  const { processor } = newTransforms();
  itAnswersTheCases('processor', processor);
  itHoldsForEveryBody(processor);
});

describe('the answer of the processor transform, every body parsed as a whole', () => {
  const { processor } = newTransforms({ isFast: false });
  itAnswersTheCases('processor', processor);
  itHoldsForEveryBody(processor);
});

describe('a body', () => {
  const { processor } = newTransforms();
  const { processor: parsing } = newTransforms({ isFast: false });

  it('is answered alike, whether its bytes are scanned or it is parsed as a whole', () => {
    fc.assert(
      fc.property(bodyText, (text) => {
        const body = Buffer.from(text);
        expect(canonicalText(processor(body))).toBe(canonicalText(parsing(body)));
      }),
      { numRuns: 500 },
    );
  });

  it.each(['', ' ', 'nonsense', '{', '[', '[1,]', '[1', '{"input":[}', '"text"', '7', 'null', '\u{feff}[]'])(
    'of %j is refused as a whole',
    (text) => {
      expect(processor(Buffer.from(text))).toBeUndefined();
    },
  );
});

describe('the cases', () => {
  it('have each a name in its folder and a sentence of its own', () => {
    const descriptions = [...processorFolders, 'router' as const].flatMap((folder) =>
      rudderCases(folder).map(({ description }) => description),
    );
    expect(descriptions.length).toBeGreaterThan(100);
    expect(new Set(descriptions).size).toBe(descriptions.length);
  });
});
