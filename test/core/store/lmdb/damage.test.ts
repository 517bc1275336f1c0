import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { LmdbTables } from '../../../../src/core/store/lmdb/lmdb-tables.js';
import type { TableName } from '../../../../src/core/store/lmdb/tables.js';
import { chunk, letter } from '../new-rows.js';
import { sequencesOf, StoreUser } from '../store-user.js';
import { LmdbDirectory } from './lmdb-directory.js';

/** Lets what was started without being waited for come to its end. */
async function written(directory: LmdbDirectory): Promise<void> {
  await directory.store.append([chunk('other', [])], [letter('other')]);
}

/** Changes a row of a closed store: `at` chooses the row and the byte. */
async function damage(path: string, table: TableName, row: number, at: number, how: 'flip' | 'cut'): Promise<boolean> {
  const tables = new LmdbTables(path, 2 ** 30);
  const rows = [...tables.entries(table, Buffer.from([0]))];
  const found = rows[row % Math.max(1, rows.length)];
  if (found !== undefined) {
    const value = Buffer.from(found.value);
    const position = at % Math.max(1, value.length);
    if (how === 'flip' && value.length > 0) value.writeUInt8(value.readUInt8(position) ^ 0x10, position);
    await tables.commit([{ table, key: found.key, value: how === 'flip' ? value : value.subarray(0, position) }]);
  }
  await tables.close();
  return found !== undefined;
}

interface Counted {
  readonly lane: string;
  readonly events: number;
  readonly bytes: number;
}

describe('a damaged record', () => {
  it.each(['heads', 'bodies'] as const)('is reported and set aside, and its neighbours are read: %s', async (table) => {
    const directory = await LmdbDirectory.start();
    try {
      const { store } = directory;
      const [, second] = await store.append([chunk('us:1', ['a']), chunk('us:1', ['b']), chunk('us:1', ['c'])]);
      await store.close();
      await damage(directory.path, table, 1, 1e9 + 7, 'flip');
      await directory.open();
      const user = await StoreUser.start(directory);
      const texts = async (): Promise<readonly string[]> => (await user.open('us:1')).map(({ text }) => text);
      expect(await texts()).toEqual(['a', 'c']);
      await written(directory);
      expect(await texts()).toEqual(['a', 'c']);
      expect(directory.unreadable).toMatchObject([{ kind: 'chunk', name: `us:1/${second?.sequence}` }]);
      expect(await user.backlog()).toMatchObject([{ lane: 'us:1', events: 2, bytes: 2 }]);
    } finally {
      await directory.end();
    }
  });

  it('is found by who settles its events, too, with what else the call settles', async () => {
    const directory = await LmdbDirectory.start();
    try {
      const chunks = ['a', 'b', 'c'].map((text) => chunk('us:1', [text]));
      const [, second = 0, third = 0] = sequencesOf(await directory.store.append(chunks));
      await directory.store.close();
      await damage(directory.path, 'heads', 1, 12, 'flip');
      await directory.open();
      const user = await StoreUser.start(directory);
      const settled = [second, third].map((sequence) => ({ sequence, indexes: [0] }));
      await (await user.lane('us:1')).settle(settled, []);
      expect(directory.unreadable).toMatchObject([{ kind: 'chunk', name: `us:1/${second}` }]);
      expect(await user.backlog()).toMatchObject([{ lane: 'us:1', events: 1, bytes: 1 }]);
    } finally {
      await directory.end();
    }
  });

  it('gets no good checksum where a body is written anew', async () => {
    const directory = await LmdbDirectory.start();
    try {
      const texts = ['a', 'b', 'c', 'd', 'e'].map((character) => character.repeat(1_000));
      const [sequence = 0] = sequencesOf(await directory.store.append([chunk('us:1', texts)]));
      await directory.store.close();
      await damage(directory.path, 'bodies', 0, 4_500, 'flip');
      await directory.open();
      const user = await StoreUser.start(directory);
      await user.settle('us:1', sequence, [0, 1, 2, 3]);
      expect(await user.backlog()).toMatchObject([{ events: 1 }]);
      expect(await user.open('us:1')).toEqual([]);
      await written(directory);
      expect(directory.unreadable).toMatchObject([{ kind: 'chunk', name: `us:1/${sequence}` }]);
      expect(await user.backlog()).toEqual([]);
    } finally {
      await directory.end();
    }
  });

  it('leaves a letter out of the list, and its neighbours in', async () => {
    const directory = await LmdbDirectory.start();
    try {
      const letters = [1, 2, 3].map((rejectedAt) => letter(`us:1/${rejectedAt}/0`, { rejectedAt }));
      await directory.store.append([], letters);
      await directory.store.close();
      await damage(directory.path, 'letters', 1, 20, 'flip');
      const store = await directory.open();
      expect(await store.deadLetters.list({}, undefined, 2)).toMatchObject([{ rejectedAt: 1 }, { rejectedAt: 3 }]);
      await written(directory);
      expect(directory.unreadable).toMatchObject([{ kind: 'deadLetter' }]);
      expect((await store.deadLetters.stats()).letters).toBe(3);
    } finally {
      await directory.end();
    }
  });

  it('of whatever kind takes nothing with it that can be read, and leaves the counts right', async () => {
    const place = fc.record({
      table: fc.constantFrom<TableName[]>('heads', 'bodies', 'lanes', 'letters', 'memos', 'ids'),
      row: fc.nat(),
      at: fc.nat(),
      how: fc.constantFrom('flip' as const, 'cut' as const),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(place, { minLength: 1, maxLength: 4 }), async (places) => {
        const directory = await LmdbDirectory.start();
        try {
          const lanes = ['us:1', 'us:2'];
          const texts = ['{"a":1}', 'x'.repeat(5_000), '{"b":2}', 'y'.repeat(500)];
          const before = await StoreUser.start(directory);
          for (const lane of lanes) {
            const chunks = [chunk(lane, texts), chunk(lane, texts), chunk(lane, texts)];
            const [, sequence = 0] = await before.append(chunks);
            const settled = [{ sequence, indexes: [0] }];
            await (await before.lane(lane)).settle(settled, [letter(lane)], 'memo');
          }
          await directory.store.close();
          let damaged = 0;
          for (const { table, row, at, how } of places) {
            if (await damage(directory.path, table, row, at, how)) damaged += 1;
          }
          const store = await directory.open();
          const user = await StoreUser.start(directory);
          for (const lane of lanes) await user.open(lane);
          await store.deadLetters.list({}, undefined, 10);
          await written(directory);
          const counted: Counted[] = [];
          for (const lane of lanes) {
            const events = await user.open(lane);
            for (const { index, text } of events) expect(text).toBe(texts[index]);
            const bytes = events.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
            if (events.length > 0) counted.push({ lane, events: events.length, bytes });
          }
          const backlog = await user.backlog();
          expect(backlog.map(({ lane, events, bytes }) => ({ lane, events, bytes }))).toEqual(counted);
          expect(directory.unreadable.length).toBeLessThanOrEqual(damaged);
          const lost = directory.unreadable.filter(({ kind }) => kind === 'chunk').length;
          const read = counted.reduce((sum, { events }) => sum + events, 0);
          expect(read).toBeGreaterThanOrEqual(22 - 4 * lost);
          expect(read).toBeLessThanOrEqual(22 - 3 * lost);
        } finally {
          await directory.end();
        }
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});
