import { describe, expect, it } from '@jest/globals';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { LmdbTables } from '../../../../src/core/store/lmdb/lmdb-tables.js';
import { sealJson } from '../../../../src/core/store/lmdb/sealed.js';
import { chunk, letter } from '../new-rows.js';
import { everything, StoreUser } from '../store-user.js';
import { LmdbDirectory } from './lmdb-directory.js';

/** A directory whose store is closed, for a test that changes what is in it. */
async function withClosedStore(test: (directory: LmdbDirectory, file: string) => Promise<void>): Promise<void> {
  const directory = await LmdbDirectory.start();
  try {
    await directory.store.append([chunk('us:1', ['x'.repeat(100_000)])]);
    await directory.store.close();
    await test(directory, join(directory.path, 'data.mdb'));
  } finally {
    await directory.end();
  }
}

describe('the file of a store', () => {
  it('does not grow under steady traffic, with chunks of all sizes and some that stay', async () => {
    const directory = await LmdbDirectory.start({ dedupeMs: 10_000 });
    try {
      const user = await StoreUser.start(directory);
      const { store } = user;
      const open: { readonly sequence: number; readonly indexes: readonly number[] }[] = [];
      const text = (round: number, index: number): string =>
        'x'.repeat(50 + ((round * 7_919 + index * 104_729) % 3_000));
      const sizes: number[] = [];
      for (let round = 0; round < 400; round += 1) {
        const indexes = Array.from({ length: 1 + ((round * 31) % 60) }, (_, index) => index);
        const chunks = [indexes, [0]].map((own, position) => ({
          ...chunk(
            'us:1',
            own.map((index) => text(round, index)),
          ),
          ids: own.map((index) => `${round}/${position}/${index}`),
        }));
        const letters = [letter(String(round), { rejectedAt: round, event: text(round, 1) })];
        // Every tenth waits for long, so that what is free lies between what is not.
        const due = open.length < 100 ? [] : open.splice(round % 10 === 0 ? 50 : 0, 2);
        const [oldest] = await store.deadLetters.list({}, undefined, 1);
        const [sequences] = await Promise.all([
          user.append(chunks, letters),
          user.holder.held('us:1')?.settle(due, [], String(round)),
          store.deadLetters.remove(round < 50 ? [] : [oldest?.id ?? '']),
        ]);
        sequences.forEach((sequence, position) => open.push({ sequence, indexes: position === 0 ? indexes : [0] }));
        // Ids stay for 75 rounds at most.
        await directory.clock.advance(1_000);
        sizes.push((await stat(join(directory.path, 'data.mdb'))).size);
      }
      expect((await store.deadLetters.stats()).letters).toBe(50);
      expect(sizes.at(-1)).toBeLessThanOrEqual(1.25 * (sizes[200] ?? 0));
    } finally {
      await directory.end();
    }
  }, 60_000);

  it('is used again when all of it was settled', async () => {
    const directory = await LmdbDirectory.start();
    try {
      const user = await StoreUser.start(directory);
      const sizes: number[] = [];
      for (let round = 0; round < 6; round += 1) {
        const chunks = Array.from({ length: 40 }, (_, index) =>
          chunk(`us:${index % 4}`, ['x'.repeat(60_000), 'y'.repeat(700)]),
        );
        await user.append(chunks);
        for (const { lane: name } of await user.backlog()) {
          const lane = await user.lane(name);
          const settled = (await lane.read(0, everything)).map(({ sequence }) => ({ sequence, indexes: [0, 1] }));
          await lane.settle(settled, []);
        }
        expect(await user.backlog()).toEqual([]);
        sizes.push((await stat(join(directory.path, 'data.mdb'))).size);
      }
      expect(sizes.at(-1)).toBeLessThanOrEqual(1.5 * (sizes[1] ?? 0));
    } finally {
      await directory.end();
    }
  });

  it('is refused when it was cut off', () =>
    withClosedStore(async (directory, file) => {
      await truncate(file, 50_000);
      await expect(directory.open()).rejects.toThrow(/data\.mdb has 50000 bytes and says it has \d+: it was cut off/);
    }));

  it('is refused when it is something else', () =>
    withClosedStore(async (directory, file) => {
      const content = await readFile(file);
      const refusal = `${file} is not a file of LMDB, or is damaged at its start`;
      await writeFile(file, 'x'.repeat(100_000));
      await expect(directory.open()).rejects.toThrow(refusal);
      for (const length of [1, 64, 4_096]) {
        await writeFile(file, content.subarray(0, length));
        await expect(directory.open()).rejects.toThrow(refusal);
      }
      await writeFile(file, content.fill(0, 4_096, 8_192));
      await expect(directory.open()).rejects.toThrow(refusal);
      await writeFile(file, '');
      expect(await (await directory.open()).backlog()).toEqual([]);
    }));

  it('is refused when a later version wrote it, and can be opened by that one afterwards', () =>
    withClosedStore(async (directory, file) => {
      const before = await readFile(file);
      const tables = new LmdbTables(directory.path, 2 ** 30);
      await tables.commit([{ table: 'state', key: Buffer.from('state'), value: sealJson({ format: 2 }) }]);
      await tables.close();
      await expect(directory.open()).rejects.toThrow(/has format 2, and this version reads 1/);
      await writeFile(file, before);
      expect(await (await directory.open()).backlog()).toHaveLength(1);
    }));

  it('is refused when its counts are damaged: they can not be told from its events', () =>
    withClosedStore(async (directory) => {
      const tables = new LmdbTables(directory.path, 2 ** 30);
      await tables.commit([{ table: 'state', key: Buffer.from('state'), value: Buffer.from('damaged') }]);
      await tables.close();
      await expect(directory.open()).rejects.toThrow(/the row of counts is damaged/);
      expect(directory.clock.sleeping).toBe(0);
    }));
});
