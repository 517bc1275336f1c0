import { expect, it } from '@jest/globals';

import { LaneLost } from '../../../src/core/store/lane-lost.js';
import { chunk, letter } from './new-rows.js';
import type { StoreUser } from './store-user.js';

/** Longer than any test takes. */
const soonMs = 600_000;

/** What any store must do for the one sender of a lane. */
export function theyKeepClaimsApart(current: () => StoreUser, timeoutMs: number): void {
  it(
    'hands over each lane in which something waits, and each that is appended to, once',
    async () => {
      const user = current();
      await user.append([chunk('us:1', ['1']), chunk('us:1', ['2']), chunk('us:2', [])]);
      const lane = await user.lane('us:1');
      expect(lane).toMatchObject({ lane: 'us:1', memo: undefined, wasReleased: true });
      expect(lane.mayBegin()).toBe(true);
      await user.append([chunk('us:3', ['1'])]);
      await user.lane('us:3');
      await Promise.all([user.append([chunk('us:1', ['3'])]), user.append([chunk('us:3', ['4'])])]);
      expect(user.holder.claims.map((claim) => claim.lane)).toEqual(['us:1', 'us:3']);
      await user.reopen('closed');
      expect((await user.lane('us:1')).events).toBe(3);
      expect((await user.lane('us:3')).events).toBe(2);
      expect(user.holder.claims).toHaveLength(2);
    },
    timeoutMs,
  );

  it.each(['closed', 'abandoned'] as const)(
    'keeps the last memo of a lane for its next sender: %s',
    async (left) => {
      const user = current();
      const [sequence = 0] = await user.append([chunk('us:1', ['1', '2', '3']), chunk('us:2', ['4'])]);
      await user.settle('us:1', sequence, [0], 'first');
      await user.settle('us:1', sequence, [1], '{"second":"ü\u{1f984}"}');
      await user.settle('us:1', sequence, [2]);
      await user.append([chunk('us:1', ['5'])]);
      await user.lane('us:2');
      await user.reopen(left);
      const { memo } = await user.lane('us:1');
      expect(memo?.text).toBe('{"second":"ü\u{1f984}"}');
      expect(memo?.ageMs).toBeGreaterThanOrEqual(0);
      expect(memo?.ageMs).toBeLessThan(soonMs);
      expect((await user.lane('us:2')).memo).toBeUndefined();
    },
    timeoutMs,
  );

  it(
    'says whether the last sender released the lane',
    async () => {
      const user = current();
      const lanes = ['us:1', 'us:2', 'us:3'];
      await user.append(lanes.map((lane) => chunk(lane, ['1'])));
      for (const lane of lanes) await user.lane(lane);
      await user.holder.release('us:1', 'a');
      await user.holder.release('us:2', 'b');
      await user.append([chunk('us:2', ['2'])]);
      expect(await user.lane('us:2')).toMatchObject({ wasReleased: true, memo: { text: 'b' } });
      await user.reopen('closed');
      expect(await user.lane('us:1')).toMatchObject({ wasReleased: true, memo: { text: 'a' } });
      expect(await user.lane('us:2')).toMatchObject({ wasReleased: false, memo: { text: 'b' } });
      expect(await user.lane('us:3')).toMatchObject({ wasReleased: false, memo: undefined });
    },
    timeoutMs,
  );

  it(
    'counts a lane as not released when its sender was killed, even where nothing was sent since it was claimed',
    async () => {
      const user = current();
      await user.append([chunk('us:1', ['1']), chunk('us:2', ['1'])]);
      const [sequence = 0] = await user.append([chunk('us:3', ['1'])]);
      // Nothing waits in it when the sender is killed.
      await user.settle('us:3', sequence, [0], 'c');
      await user.holder.release('us:1', 'a');
      await user.holder.release('us:2', 'b');
      await user.append([chunk('us:2', ['2'])]);
      await user.lane('us:2');
      await user.reopen('abandoned');
      await user.lane('us:2');
      await user.append([chunk('us:3', ['2'])]);
      expect(await user.lane('us:3')).toMatchObject({ wasReleased: false, memo: { text: 'c' } });
      expect(await user.lane('us:2')).toMatchObject({ wasReleased: false, memo: { text: 'b' } });
    },
    timeoutMs,
  );

  it(
    'takes nothing from a sender that released the lane',
    async () => {
      const user = current();
      const [sequence = 0] = await user.append([chunk('us:1', ['1', '2'])]);
      const lane = await user.holder.release('us:1', 'a');
      const settled = [{ sequence, indexes: [0, 1] }];
      await expect(lane.settle(settled, [letter('us:1/1/0')], 'b')).rejects.toThrow(LaneLost);
      await expect(lane.read(0, 1)).rejects.toThrow(LaneLost);
      await expect(lane.release('c')).rejects.toThrow(LaneLost);
      expect(lane.mayBegin()).toBe(false);
      await user.append([chunk('us:1', ['3'])]);
      expect(await user.lane('us:1')).toMatchObject({ wasReleased: true, memo: { text: 'a' } });
      expect((await user.open('us:1')).map(({ text }) => text)).toEqual(['1', '2', '3']);
      // Its next sender is another one, if of the same process.
      await expect(lane.settle(settled, [])).rejects.toThrow(LaneLost);
      expect(await user.backlog()).toMatchObject([{ events: 3 }]);
      expect((await user.store.deadLetters.stats()).letters).toBe(0);
    },
    timeoutMs,
  );
}
