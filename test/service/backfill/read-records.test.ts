import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { inspectFile } from '../../../src/service/backfill/input-file.js';
import { readRecords, type FilePlace, type InputRecord } from '../../../src/service/backfill/read-records.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'read-records-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const start: FilePlace = { line: 0, offset: 0 };
const maxLength = 1_000;

async function readAll(content: Buffer, from = start, isGzip = false): Promise<readonly InputRecord[]> {
  const path = join(folder, 'file');
  writeFileSync(path, isGzip ? gzipSync(content) : content);
  const file = await inspectFile(path);
  expect(file.isGzip).toBe(isGzip);
  const records: InputRecord[] = [];
  for await (const record of readRecords(file, from, maxLength)) records.push(record);
  return records;
}

const anyLines = fc.array(
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll(/[\r\n\uFEFF]/g, '').toWellFormed()),
  { minLength: 1, maxLength: 30 },
);

describe('the lines of a file', () => {
  it('are those that were written, with LF, CRLF and without a last end, plain and compressed', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyLines,
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.boolean(),
        async (lines, lineEnd, endsWithout, isGzip) => {
          const text = lines.join(lineEnd) + (endsWithout ? '' : lineEnd);
          const expected = endsWithout && lines.at(-1) === '' ? lines.slice(0, -1) : lines;
          const records = await readAll(Buffer.from(text), start, isGzip);
          expect(records.map((record) => record.text)).toEqual(expected);
          expect(records.map(({ line }) => line)).toEqual(expected.map((_, index) => index + 1));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('are the rest of them from each place at which one ends', async () => {
    await fc.assert(
      fc.asyncProperty(anyLines, fc.nat(), fc.boolean(), async (lines, at, isGzip) => {
        const content = Buffer.from(`${lines.join('\n')}\n`);
        const all = await readAll(content, start, isGzip);
        const index = at % all.length;
        const { line = 0, end = 0 } = all[index] ?? {};
        const rest = await readAll(content, { line, offset: end }, isGzip);
        const withoutPosition = ({ position: _position, ...record }: InputRecord): unknown => record;
        expect(rest.map(withoutPosition)).toEqual(all.slice(index + 1).map(withoutPosition));
      }),
      { numRuns: 60 },
    );
  });

  it('leave out the text of one that is too long, whatever it is made of, and go on behind it', async () => {
    const content = Buffer.from(
      `a\n${'é'.repeat(maxLength)}\n${'x'.repeat(maxLength + 1)}\n${'y'.repeat(3_000_000)}\nb`,
    );
    for (const isGzip of [false, true]) {
      const records = await readAll(content, start, isGzip);
      expect(records.map(({ text }) => text)).toEqual(['a', 'é'.repeat(maxLength), undefined, undefined, 'b']);
    }
  });

  it('begin behind a byte order mark', async () => {
    const [record] = await readAll(Buffer.from('\uFEFF{}\n'));
    expect(record).toMatchObject({ text: '{}', end: 6 });
  });

  it('of a compressed file that was cut off are told as far as they go, and then that it is damaged', async () => {
    const path = join(folder, 'cut');
    const lines = Array.from({ length: 20_000 }, (_, index) => `{"n":${Math.sin(index)}}`);
    const whole = gzipSync(lines.join('\n'));
    writeFileSync(path, whole.subarray(0, whole.length - 1_000));
    const seen: (string | undefined)[] = [];
    const reading = (async () => {
      for await (const { text } of readRecords(await inspectFile(path), start, maxLength)) seen.push(text);
    })();
    await expect(reading).rejects.toThrow(/cut can not be read on behind line \d+: .*unexpected end of file/);
    expect(seen.length).toBeGreaterThan(1_000);
    expect(seen).toEqual(lines.slice(0, seen.length));
  });

  it('of a directory, or of nothing, are refused', async () => {
    await expect(inspectFile(folder)).rejects.toThrow('is no file');
    await expect(inspectFile(join(folder, 'nowhere'))).rejects.toThrow('nowhere can not be read');
  });
});
