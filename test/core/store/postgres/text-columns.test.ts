import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { fromColumn, toColumn } from '../../../../src/core/store/postgres/text-columns.js';

/** Of the characters that matter most often. */
const oddText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('\0', '\\', '\\u', '0000', '005c', 'u', '\ud83e', '\udd84', 'é', 'a'))
    .map((all) => all.join('')),
);

describe('a text in a column', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(oddText, (text) => {
        expect(fromColumn(toColumn(text))).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is one that PostgreSQL takes: without NUL, and UTF-8 that is complete', () => {
    fc.assert(
      fc.property(oddText, (text) => {
        const column = toColumn(text);
        expect(column).not.toContain('\0');
        expect(Buffer.from(column).toString()).toBe(column);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(['us:9000000101', '{"a":"b\\n\\\\"}', 'C:\\users', ''])('is left alone where it can be: %j', (text) => {
    expect(toColumn(text)).toBe(text);
  });
});
