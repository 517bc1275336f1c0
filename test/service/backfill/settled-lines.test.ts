import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { noCounts } from '../../../src/service/backfill/backfill-counts.js';
import { SettledLines, type LineOutcome } from '../../../src/service/backfill/settled-lines.js';

const outcomes: readonly LineOutcome[] = [
  { type: 'blank' },
  { type: 'taken' },
  { type: 'repeat' },
  { type: 'dropped', reason: 'nothing_to_send' },
  { type: 'rejected', reason: 'type_missing', detail: '' },
];

describe('the lines that are settled', () => {
  it('are those before the first one that is not, in whatever order they are; rejects come in the order of lines', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...outcomes), { minLength: 1, maxLength: 40 }),
        fc.infiniteStream(fc.nat()),
        (wanted, picks) => {
          const lines = new SettledLines({ line: 0, offset: 0 }, noCounts);
          const open = wanted.map((outcome, index) => {
            const record = { line: index + 1, end: 10 * (index + 1), position: index, text: `{"n":${index}}` };
            return { index, outcome, line: lines.begin(record) };
          });
          const settled = new Set<number>();
          const rejects: number[] = [];
          while (open.length > 0) {
            const [one] = open.splice((picks.next().value as number) % open.length, 1);
            if (one === undefined) break;
            settled.add(one.index);
            lines.settle(one.line, one.outcome);
            const first = wanted.findIndex((_, index) => !settled.has(index));
            const passed = first === -1 ? wanted.length : first;
            expect(lines.place).toEqual({ line: passed, offset: 10 * passed });
            expect(lines.open).toBe(wanted.length - passed);
            const { blank, taken, repeats, rejected, dropped } = lines.counts;
            const sum = blank + taken + repeats + (rejected.type_missing ?? 0) + (dropped.nothing_to_send ?? 0);
            expect(sum).toBe(passed);
            rejects.push(...lines.takeRejects().map((text) => (JSON.parse(text) as { line: number }).line));
            expect(lines.rejectsLength).toBe(0);
          }
          expect(lines.openLength).toBe(0);
          const expected = wanted.flatMap(({ type }, index) => (type === 'rejected' ? [index + 1] : []));
          expect(rejects).toEqual(expected);
        },
      ),
    );
  });

  it('keep of a reject the event as it stood there, or its text where that is no JSON', () => {
    const lines = new SettledLines({ line: 0, offset: 0 }, noCounts);
    const texts = ['{"id":12345678901234567890}', 'no "json"', undefined];
    const reasons = ['type_missing', 'json_malformed', 'event_too_large'] as const;
    texts.forEach((text, index) => {
      const line = lines.begin({ line: index + 1, end: 0, position: 0, text });
      lines.settle(line, { type: 'rejected', reason: reasons[index] ?? 'type_missing', detail: 'why' });
    });
    expect(lines.takeRejects()).toEqual([
      '{"line":1,"reason":"type_missing","detail":"why","event":{"id":12345678901234567890}}',
      '{"line":2,"reason":"json_malformed","detail":"why","event":"no \\"json\\""}',
      '{"line":3,"reason":"event_too_large","detail":"why","event":null}',
    ]);
  });
});
