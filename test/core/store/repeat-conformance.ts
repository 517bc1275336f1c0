import { expect, it } from '@jest/globals';

import { chunk, knownChunk, letter } from './new-rows.js';
import { sequencesOf, type StoreUser } from './store-user.js';

/** How any store must know what it stored before. */
export function theyTellRepeats(current: () => StoreUser, timeoutMs: number): void {
  it.each(['closed', 'abandoned'] as const)(
    'stores an event once whose id comes again, after a start as well: %s',
    async (left) => {
      const user = current();
      const [first] = await user.store.append([knownChunk('us:1', ['a', 'b', 'a', 'c\0'])]);
      expect(first?.repeats).toEqual([2]);
      await user.lane('us:1');
      await user.reopen(left);
      const appended = await user.store.append([knownChunk('us:1', ['c\0', 'd', 'b']), knownChunk('us:1', ['d', 'a'])]);
      expect(appended.map(({ repeats }) => repeats)).toEqual([
        [0, 2],
        [0, 1],
      ]);
      const [second = 0, third = 0] = sequencesOf(appended);
      expect(third).toBeGreaterThan(second);
      expect(await user.open('us:1')).toEqual([
        { index: 0, text: '{"id":"a"}' },
        { index: 1, text: '{"id":"b"}' },
        { index: 3, text: '{"id":"c\\u0000"}' },
        { index: 1, text: '{"id":"d"}' },
      ]);
      expect(await user.backlog()).toMatchObject([{ events: 4, bytes: 46 }]);
    },
    timeoutMs,
  );

  it(
    'knows an id after its event was settled',
    async () => {
      const user = current();
      const [sequence = 0] = await user.append([knownChunk('us:1', ['a', 'b'])]);
      await user.settle('us:1', sequence, [0, 1]);
      const [repeated] = await user.store.append([knownChunk('us:1', ['b', 'a'])]);
      expect(repeated?.repeats).toEqual([0, 1]);
      expect(await user.backlog()).toEqual([]);
    },
    timeoutMs,
  );

  it(
    'knows ids by their connection, and takes every event that has none',
    async () => {
      const user = current();
      const chunks = [
        knownChunk('us:1', ['a', '', '']),
        knownChunk('us:1', ['a', ''], 'app'),
        chunk('us:1', ['{"id":"a"}']),
      ];
      for (let time = 0; time < 2; time += 1) {
        const appended = await user.store.append(chunks);
        expect(appended.map(({ repeats }) => repeats)).toEqual(time === 0 ? [[], [], []] : [[0], [0], []]);
      }
      expect(await user.backlog()).toMatchObject([{ events: 10 }]);
    },
    timeoutMs,
  );

  it(
    'stores an event once that comes in several calls of one moment',
    async () => {
      const user = current();
      const calls = Array.from({ length: 20 }, () => user.store.append([knownChunk('us:1', ['a', 'b'])]));
      const repeats = (await Promise.all(calls)).flatMap((appended) => appended.flatMap((each) => each.repeats));
      expect(repeats).toHaveLength(38);
      expect((await user.open('us:1')).map(({ text }) => text).sort()).toEqual(['{"id":"a"}', '{"id":"b"}']);
    },
    timeoutMs,
  );

  it(
    'puts a letter back whatever its id: it is the repeat that is wanted',
    async () => {
      const user = current();
      const [sequence = 0] = await user.append([knownChunk('us:1', ['a'])]);
      const lane = await user.lane('us:1');
      await lane.settle([{ sequence, indexes: [0] }], [letter('us:1/1/0', { messageId: 'a' })]);
      const [kept] = await user.store.deadLetters.list({}, undefined, 1);
      const id = kept?.id ?? '';
      expect(await user.store.deadLetters.requeue([{ id, chunk: knownChunk('us:1', ['a']) }])).toEqual([id]);
      expect(await user.backlog()).toMatchObject([{ events: 1 }]);
    },
    timeoutMs,
  );
}
