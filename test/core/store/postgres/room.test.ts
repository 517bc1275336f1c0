import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { PostgresStoreOptions } from '../../../../src/core/store/postgres/open-postgres-store.js';
import type { PostgresStore } from '../../../../src/core/store/postgres/postgres-store.js';
import { StoreFull } from '../../../../src/core/store/store-full.js';
import { startPostgres, type TestPostgres } from '../../../support/postgres/start-postgres.js';
import { chunk, knownChunk, letter } from '../new-rows.js';
import { LaneRecorder, until } from './lane-recorder.js';
import { openStore } from './postgres-harness.js';

let server: TestPostgres;
let url: string;
let stores: PostgresStore[] = [];

beforeAll(async () => {
  server = await startPostgres(['autovacuum_naptime=1']);
});

afterAll(async () => {
  await server.stop();
});

beforeEach(async () => {
  url = await server.newUrl();
});

afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  stores = [];
});

async function open(options: Partial<PostgresStoreOptions> = {}): Promise<PostgresStore> {
  const store = await openStore({ url, pollMs: 50, ...options });
  stores.push(store);
  return store;
}

async function sizeOf(table: string): Promise<number> {
  const [row] = await server.query(url, `select pg_total_relation_size($1::regclass)::int as bytes`, [table]);
  return Number(row?.bytes);
}

describe('the room of the store in PostgreSQL', () => {
  it('is that of all processes, and comes back when events are settled, by whomever', async () => {
    const sender = await open({ maxBytes: 100 });
    const recorder = new LaneRecorder();
    await sender.claim(recorder);
    const door = await open({ maxBytes: 100 });
    const [appended] = await sender.append([chunk('us:1', ['x'.repeat(80)])]);
    await expect(door.append([chunk('us:2', ['y'.repeat(30)])])).rejects.toThrow(StoreFull);
    await door.append([chunk('us:2', [])], [letter('us:2/1/0', { lane: 'us:2' })]);
    const lane = await recorder.lane('us:1');
    await lane.settle([{ sequence: appended?.sequence ?? 0, indexes: [0] }], []);
    await delay(150);
    await door.append([chunk('us:2', ['y'.repeat(30)])]);
    const [id = ''] = (await door.deadLetters.list({}, undefined, 1)).map((each) => each.id);
    const requeue = [{ id, chunk: chunk('us:2', ['z'.repeat(90)]) }];
    await expect(door.deadLetters.requeue(requeue)).rejects.toThrow(StoreFull);
    expect((await door.deadLetters.stats()).letters).toBe(1);
  });

  it('is not taken by neighbours of an event that has to wait', async () => {
    const store = await open();
    const recorder = new LaneRecorder();
    await store.claim(recorder);
    const events = Array.from({ length: 100 }, (_, index) => `${index}:${'ü'.repeat(index * 5)}`);
    const [appended] = await store.append([chunk('us:1', events)]);
    const sequence = appended?.sequence ?? 0;
    const lane = await recorder.lane('us:1');
    const open_ = new Set(events.keys());
    for (const indexes of [[3, 1, 2], range(10, 60), range(55, 98).filter((index) => index !== 70), [0, 99, 70]]) {
      await lane.settle([{ sequence, indexes }], []);
      for (const index of indexes) open_.delete(index);
      const expected = [...open_].map((index) => ({ index, text: events[index] }));
      expect((await lane.read(0, 1))[0]?.events).toEqual(expected);
      const bytes = expected.reduce((sum, { text = '' }) => sum + Buffer.byteLength(text), 0);
      expect(await store.backlog()).toMatchObject([{ events: expected.length, bytes }]);
      const [row] = await server.query(url, 'select octet_length(body) as bytes from heap_destination_chunks');
      expect(Number(row?.bytes)).toBeLessThanOrEqual(2 * bytes);
    }
  });

  it('does not grow under steady traffic', async () => {
    const store = await open({ poolSize: 8 });
    const recorder = new LaneRecorder();
    await store.claim(recorder);
    const tables = ['chunks', 'lanes', 'senders'].map((name) => `heap_destination_${name}`);
    const measure = async (): Promise<number> => {
      const sizes = await Promise.all(tables.map(sizeOf));
      return sizes.reduce((sum, size) => sum + size, 0);
    };
    const dead = async (): Promise<number> => {
      const statement = `select coalesce(sum(n_dead_tup), 0)::int as rows from pg_stat_all_tables where relid in (
        select oid from pg_class where oid = any ($1::regclass[])
        union select reltoastrelid from pg_class where oid = any ($1::regclass[]))`;
      const [row] = await server.query(url, statement, [tables]);
      return Number(row?.rows);
    };
    const lanes = Array.from({ length: 10 }, (_, index) => `us:${index}`);
    const round = async (): Promise<void> => {
      await Promise.all(
        lanes.map(async (name) => {
          const body = (index: number): string =>
            JSON.stringify({ index, text: Math.random().toString(36).repeat(60) });
          const chunks = Array.from({ length: 100 }, () => chunk(name, [body(0), body(1), body(2)]));
          const sequences = (await store.append(chunks)).map(({ sequence }) => sequence);
          const lane = await recorder.lane(name);
          await lane.settle(
            sequences.map((sequence) => ({ sequence, indexes: [1] })),
            [],
          );
          await lane.settle(
            sequences.map((sequence) => ({ sequence, indexes: [0, 2] })),
            [],
          );
        }),
      );
    };
    const rounds = 16;
    const sizes: number[] = [];
    for (let time = 0; time < rounds; time += 1) {
      await round();
      sizes.push(await measure());
      // What waits to be vacuumed grows with the traffic of the time between two of them, not with all traffic.
      await until(async () => (await dead()) < 6_000, 'it is vacuumed');
    }
    expect(await store.backlog()).toEqual([]);
    // Twice as much, if nothing were used again.
    const [early, late] = [sizes.slice(0, rounds / 2), sizes.slice(rounds / 2)];
    expect(Math.max(...late)).toBeLessThan(1.5 * Math.max(...early));
  }, 240_000);

  it('is kept of letters, the oldest go first', async () => {
    const removed: number[] = [];
    const onLettersRemoved = (letters: number): void => void removed.push(letters);
    const letters = Array.from({ length: 20 }, (_, index) => {
      return letter(`us:1/${index}/0`, { rejectedAt: Date.now() - index, event: JSON.stringify('x'.repeat(1_000)) });
    });
    const bounds = { maxBytes: 10_000, maxAgeMs: 3_600_000 };
    const store = await open({ deadLetters: bounds, onLettersRemoved });
    // What looks at the start is over by then.
    await delay(500);
    await store.append([], letters);
    await until(async () => (await store.deadLetters.stats()).bytes <= bounds.maxBytes, 'what is too much is gone');
    const kept = await store.deadLetters.list({}, undefined, 100);
    expect(kept.length).toBeGreaterThan(5);
    expect(kept.map(({ origin }) => origin)).toEqual(
      letters
        .slice(0, kept.length)
        .map(({ origin }) => origin)
        .reverse(),
    );
    await until(() => removed.reduce((sum, count) => sum + count, 0) === 20 - kept.length, 'it was said');
    await store.append([], [letter('us:1/old/0', { rejectedAt: 1 })]);
    await open({ deadLetters: bounds, onLettersRemoved });
    await until(async () => (await store.deadLetters.list({ until: 2 }, undefined, 1)).length === 0, 'it is too old');
    expect((await store.deadLetters.stats()).letters).toBe(kept.length);
  });

  it('is kept of ids: an event comes anew when its id was stored long ago', async () => {
    const store = await open({ dedupeMs: 1_500 });
    await store.append([knownChunk('us:1', ['a'])]);
    const [second] = await store.append([knownChunk('us:1', ['a', 'b'])]);
    const stored = second?.repeats.length === 1;
    await delay(2_000);
    const [third] = await store.append([knownChunk('us:1', ['a', 'b'])]);
    expect(third?.repeats).toEqual([]);
    // Where the machine was too busy to come back in time.
    if (!stored) expect(second?.repeats).toEqual([]);
    expect(await server.query(url, 'select count(*)::int as ids from heap_destination_ids')).toEqual([{ ids: 2 }]);
  });
});

function range(start: number, end: number): readonly number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}
