import { expect, it } from '@jest/globals';

import type { DeadLetterFilter } from '../../../src/core/store/dead-letter.js';
import { chunk, letter } from './new-rows.js';
import { written } from './store-model.js';
import type { StoreUser } from './store-user.js';

/** How any store must keep dead letters. */
export function theyKeepDeadLetters(current: () => StoreUser, timeoutMs: number): void {
  it(
    'keeps one letter of an origin, the first',
    async () => {
      const user = current();
      await user.append([chunk('us:1', ['1'])]);
      const lane = await user.lane('us:1');
      await lane.settle([], [letter('us:1/1/0'), letter('us:1/1/0', { rejectedAt: 1 })]);
      await user.reopen('abandoned');
      await user.append([], [letter('us:1/1/0', { rejectedAt: 3_000 }), letter('us:1/1/1')]);
      const letters = await user.store.deadLetters.list({}, undefined, 10);
      expect(written(letters)).toEqual([letter('us:1/1/0'), letter('us:1/1/1')]);
    },
    timeoutMs,
  );

  it(
    'lists letters by the time of their rejection, page by page, of those who match',
    async () => {
      const user = current();
      const times = [5_000, 1_000, 3_000, 2_000, 4_000];
      const other = { lane: 'us:2', connection: 'app', reason: 'expired' };
      await user.append(
        [],
        times.flatMap((rejectedAt) => [
          letter(`1/${rejectedAt}`, { rejectedAt, messageId: `m\0${rejectedAt}` }),
          letter(`2/${rejectedAt}`, { ...other, rejectedAt }),
        ]),
      );
      const { deadLetters } = user.store;
      const timesOf = async (filter: DeadLetterFilter, after?: string, limit = 10): Promise<readonly number[]> =>
        (await deadLetters.list(filter, after, limit)).map(({ rejectedAt }) => rejectedAt);
      expect(await timesOf({ lane: 'us:1' })).toEqual([...times].sort());
      expect(await timesOf({ connection: 'app', since: 2_000, until: 4_000 })).toEqual([2_000, 3_000]);
      expect(await timesOf({ reason: 'expired', lane: 'us:1' })).toEqual([]);
      expect(await timesOf({ messageId: 'm\x003000' })).toEqual([3_000]);
      expect(await timesOf({ messageId: '' })).toEqual([]);
      const page = await deadLetters.list({ reason: 'expired' }, undefined, 2);
      expect(await timesOf({ reason: 'expired' }, page.at(-1)?.id, 2)).toEqual([3_000, 4_000]);
      expect(await timesOf({}, undefined, 0)).toEqual([]);
      const ids = (await deadLetters.list({}, undefined, 100)).map(({ id }) => id);
      expect(ids).toEqual([...ids].sort());
      expect(await deadLetters.stats()).toMatchObject({ letters: 10, oldestAt: 1_000 });
    },
    timeoutMs,
  );

  it(
    'gives a letter by its id, whole, until it is removed',
    async () => {
      const user = current();
      const odd = { event: '{"__proto__":{"a":"\\u0000"}}', detail: 'a\0b', delivered: ['0a', '1b'] };
      await user.append([], [letter('us:1/1/0', odd)]);
      const { deadLetters } = user.store;
      const [kept] = await deadLetters.list({}, undefined, 1);
      const id = kept?.id ?? '';
      expect(await deadLetters.get(id)).toEqual({ ...letter('us:1/1/0', odd), id });
      expect(await deadLetters.get('nothing')).toBeUndefined();
      expect((await deadLetters.stats()).bytes).toBeGreaterThan(0);
      expect(await deadLetters.remove([id, id])).toBe(1);
      expect(await deadLetters.get(id)).toBeUndefined();
      expect(await deadLetters.stats()).toEqual({ letters: 0, bytes: 0, oldestAt: undefined });
    },
    timeoutMs,
  );

  it(
    'puts letters back into their lanes, each once however often it is asked to',
    async () => {
      const user = current();
      await user.append(
        [],
        [1, 2, 3].map((place) => letter(`us:1/${place}/0`, { rejectedAt: place })),
      );
      const { deadLetters } = user.store;
      const [first = '', second = '', third = ''] = (await deadLetters.list({}, undefined, 3)).map(({ id }) => id);
      const requeues = [
        { id: first, chunk: chunk('us:1', ['{"a":1}'], 5_000) },
        { id: 'nothing', chunk: chunk('us:1', ['never']) },
        { id: second, chunk: chunk('us:2', ['{"b":2}'], 6_000) },
        { id: first, chunk: chunk('us:3', ['never']) },
      ];
      const calls = [deadLetters.requeue(requeues), deadLetters.requeue(requeues), deadLetters.requeue([])];
      expect((await Promise.all(calls)).flat().sort()).toEqual([first, second]);
      expect(await deadLetters.requeue(requeues)).toEqual([]);
      expect(await user.backlog()).toEqual([
        { lane: 'us:1', events: 1, bytes: 7, oldestAt: 5_000 },
        { lane: 'us:2', events: 1, bytes: 7, oldestAt: 6_000 },
      ]);
      expect(await user.open('us:1')).toEqual([{ index: 0, text: '{"a":1}' }]);
      expect((await deadLetters.list({}, undefined, 3)).map(({ id }) => id)).toEqual([third]);
      expect((await deadLetters.stats()).letters).toBe(1);
      await user.reopen('abandoned');
      expect(await user.store.deadLetters.requeue(requeues)).toEqual([]);
      expect(await user.open('us:2')).toEqual([{ index: 0, text: '{"b":2}' }]);
    },
    timeoutMs,
  );

  it(
    'takes another letter of an origin once the former was put back or removed',
    async () => {
      const user = current();
      const { deadLetters } = user.store;
      for (let time = 0; time < 3; time += 1) {
        await user.append([], [letter('us:1/1/0')]);
        const [kept] = await deadLetters.list({}, undefined, 1);
        const id = kept?.id ?? '';
        if (time === 0) await deadLetters.remove([id]);
        else expect(await deadLetters.requeue([{ id, chunk: chunk('us:1', ['1']) }])).toEqual([id]);
      }
      expect(await user.backlog()).toMatchObject([{ events: 2 }]);
    },
    timeoutMs,
  );
}
