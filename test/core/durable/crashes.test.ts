import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { JsonObject } from '../../../src/core/json/json.js';
import { StoreUnavailable } from '../../../src/core/store/store-unavailable.js';
import { seededRandom } from '../../../src/destinations/heap/simulator/seeded-random.js';
import { MemoryDisk } from '../../support/memory-store.js';
import { delivered, failed, refused, throttled, type Attempt } from '../../support/recorded-delivery.js';
import { identify, startProcess, track } from './durable-process.js';

interface Written {
  readonly kind: string;
  readonly text: string;
}

/** What a destination holds that takes what comes: properties by user, the last write wins, and events by their key. */
function heldBy(writes: readonly Written[]): { readonly plans: Map<string, unknown>; readonly keys: Set<string> } {
  const plans = new Map<string, unknown>();
  const keys = new Set<string>();
  for (const { kind, text } of writes) {
    const item = JSON.parse(text) as { identity: string; idempotency_key?: string; properties?: JsonObject };
    if (kind === 'track') keys.add(item.idempotency_key ?? '');
    else plans.set(item.identity, item.properties?.plan);
  }
  return { plans, keys };
}

const users = ['ann', 'bob', 'eve'];

describe('a store, processes that die, and a destination that fails', () => {
  it('lose nothing that was accepted, and leave each user with the last value that was not refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = seededRandom(seed);
        const disk = new MemoryDisk();
        const writes: Written[] = [];
        const accepted: JsonObject[] = [];
        const refusedIds = new Set<string>();
        let isWell = false;
        const answer = ({ kind, items }: Attempt) => {
          const chance = isWell ? 1 : random();
          if (chance < 0.25) return failed;
          if (chance < 0.3) return throttled;
          // Some events are wrong in themselves, whenever they come.
          if (items.some((text) => text.includes('wrong'))) return refused;
          // It took the request, and the answer got lost.
          writes.push(...items.map((text) => ({ kind, text })));
          return chance < 0.4 ? failed : delivered;
        };
        const start = () =>
          startProcess({
            disk,
            answer,
            random,
            policy: { lane: { batch: { maxItems: 4, maxBytes: 100_000 } } },
            fail: () => {
              if (!isWell && random() < 0.1) throw new StoreUnavailable('gone');
            },
          });
        let process = await start();
        let count = 0;
        for (let step = 0; step < 30; step += 1) {
          const events = Array.from({ length: Math.ceil(random() * 4) }, () => {
            const id = `m-${(count += 1)}`;
            const user = users[Math.floor(random() * users.length)];
            const isWrong = random() < 0.05;
            if (isWrong) refusedIds.add(id);
            return random() < 0.5
              ? identify(id, user, { plan: isWrong ? `wrong ${id}` : id })
              : track(id, user, { isWrong: isWrong ? 'wrong' : '' });
          });
          await process.take(...events).then(
            () => accepted.push(...events),
            () => undefined,
          );
          await process.clock.advance(random() * 2_000);
          if (random() < 0.25) {
            process.kill();
            process = await start();
          }
        }
        isWell = true;
        await process.clock.advance(120_000);
        expect(disk.open('us:11')).toEqual([]);
        const letters = new Set((await disk.letters.list({}, undefined, 1_000)).map(({ messageId }) => messageId));
        const { plans, keys } = heldBy(writes);
        expect([...letters].filter((id) => !refusedIds.has(id))).toEqual([]);
        const tracks = accepted.filter(({ type }) => type === 'track').map(({ messageId }) => messageId as string);
        // A wrong property may be overwritten by a later one in the same request, and nobody sees it.
        expect(tracks.filter((id) => refusedIds.has(id) && !letters.has(id))).toEqual([]);
        expect(tracks.filter((id) => !refusedIds.has(id) && !keys.has(id))).toEqual([]);
        for (const user of users) {
          const last = accepted.findLast(
            ({ type, userId, messageId }) =>
              type === 'identify' && userId === user && !refusedIds.has(messageId as string),
          );
          if (last !== undefined) expect(plans.get(user)).toBe(last.messageId);
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
