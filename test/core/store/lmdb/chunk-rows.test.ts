import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { crc32, slowCrc32 } from '../../../../src/core/store/lmdb/checksum.js';
import { belongsTo, decodeHead, encodeHead, layOut } from '../../../../src/core/store/lmdb/chunk-rows.js';

const text = fc.string({ unit: 'grapheme', maxLength: 50 });
const rowsOf = fc
  .record({
    place: fc.record({ lane: text, connection: text, receivedAt: fc.double({ noNaN: true }) }),
    texts: fc.array(fc.record({ index: fc.nat(), text }), { maxLength: 20 }),
  })
  .map(({ place, texts }) => ({ place, texts, rows: layOut(place, texts) }));

describe('the rows of a chunk', () => {
  it('say what went into them', () => {
    fc.assert(
      fc.property(rowsOf, ({ place, texts, rows }) => {
        const head = decodeHead(encodeHead(rows.head));
        expect(head).toEqual({ ...rows.head, ...place });
        const read = head?.events.map(({ index, start, bytes }) => ({
          index,
          text: rows.body.toString('utf8', start, start + bytes),
        }));
        expect(read).toEqual(texts);
        expect(head !== undefined && belongsTo(head, rows.body)).toBe(true);
      }),
    );
  });

  it('are not taken for that when any byte of them is different, or missing', () => {
    fc.assert(
      fc.property(rowsOf, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ rows }, at, change) => {
        const { head, body } = rows;
        const row = encodeHead(head);
        for (const bytes of [row, body].filter(({ length }) => length > 0)) {
          const position = at % bytes.length;
          const cut = bytes.subarray(0, position);
          expect(bytes === row ? decodeHead(cut) : belongsTo(head, cut)).toBe(bytes === row ? undefined : false);
          bytes.writeUInt8(bytes.readUInt8(position) ^ change, position);
          expect(bytes === row ? decodeHead(bytes) : belongsTo(head, bytes)).toBe(bytes === row ? undefined : false);
        }
        expect(belongsTo(head, undefined)).toBe(false);
      }),
    );
  });

  it('have the same checksum in every version of Node', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(slowCrc32(bytes)).toBe(crc32(bytes));
      }),
    );
    expect(slowCrc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  });
});
