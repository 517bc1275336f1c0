import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it } from '@jest/globals';

import { systemClock } from '../../src/core/clock.js';
import { openLmdbStore } from '../../src/core/store/lmdb/open-lmdb-store.js';
import type { ClaimedLane } from '../../src/core/store/store.js';
import { startProcess, track } from '../core/durable/durable-process.js';
import { MemoryDisk } from '../support/memory-store.js';

it('hands on what was just stored in LMDB, so that a lane that keeps up reads nothing back', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'handing-on-'));
  const never = (): void => {
    throw new Error('it broke');
  };
  const store = await openLmdbStore({
    ...{ dataDir, maxBytes: 1e9, deadLetters: { maxBytes: 1e9, maxAgeMs: 1e12 }, clock: systemClock },
    ...{ onBroken: never, onLettersRemoved: never, onUnreadable: never },
  });
  try {
    let reads = 0;
    const counting = (lane: ClaimedLane): ClaimedLane => ({
      ...{ lane: lane.lane, events: lane.events, memo: lane.memo, wasReleased: lane.wasReleased },
      mayBegin: () => lane.mayBegin(),
      read: (...args) => {
        reads += 1;
        return lane.read(...args);
      },
      settle: (...args) => lane.settle(...args),
      release: (memo) => lane.release(memo),
    });
    const process = await startProcess({
      disk: new MemoryDisk(),
      changes: {
        store: {
          append: (...args) => store.append(...args),
          backlog: () => store.backlog(),
          deadLetters: store.deadLetters,
          close: () => store.close(),
          claim: (listener) =>
            store.claim({
              ...listener,
              onClaimed: (lane) => {
                listener.onClaimed(counting(lane));
              },
            }),
        },
      },
    });
    for (let count = 1; count <= 20; count += 1) {
      await process.take(track(`m-${count}`), track(`n-${count}`));
      await process.clock.advance(count % 3 === 0 ? 500 : 0);
    }
    await process.clock.advance(2_000);
    expect(process.taken()).toHaveLength(40);
    // The first chunk claims the lane, which is read then.
    expect(reads).toBeLessThanOrEqual(4);
  } finally {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
